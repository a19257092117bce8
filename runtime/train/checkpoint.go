package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"dlc/ir/tensor"
	"dlc/runtime"
	"dlc/runtime/data"
	"dlc/runtime/program"
)

// A checkpoint is two files: checkpoint-00005.safetensors with every weight (parameters, states,
// optimizer states), and checkpoint-00005.json, written last, which holds the rest and the
// SHA-256 of the first. A checkpoint whose files do not agree is no checkpoint.
type checkpoint struct {
	Epoch   int    `json:"epoch"` // finished epochs
	Step    int64  `json:"step"`  // finished steps
	Seed    uint64 `json:"seed"`
	Batch   int    `json:"batch"`
	Data    string `json:"data_digest"`
	Train   Scores `json:"train"`
	Valid   Scores `json:"valid,omitempty"`
	Best    mark   `json:"best"`
	Stop    *mark  `json:"stop,omitempty"`
	Weights string `json:"weights_sha256"`

	tensors map[string]*tensor.Tensor
}

// A mark is what a Monitor remembers. Its best is text, since it may be no JSON number.
type mark struct {
	Best  string `json:"best"`
	Epoch int    `json:"epoch"`
}

// BestFile is the name of the best weights in a run folder, BestAbout of what is known of them.
const (
	BestFile  = "best.safetensors"
	BestAbout = "best.json"
)

// About says where weights come from.
type About struct {
	Epoch int    `json:"epoch"`
	Seed  uint64 `json:"seed"`
	Data  string `json:"data_digest"`
	Train Scores `json:"train"`
	Valid Scores `json:"valid,omitempty"`
}

// save writes the checkpoint of an epoch, the best weights when they are, and drops old checkpoints.
func (r *run) save(e *EpochEvent) error {
	all, err := tensors(r.session, func(*program.Weight) bool { return true })
	if err != nil {
		return err
	}
	sum := sha256.Sum256(all)
	c := checkpoint{Epoch: e.Epoch, Step: r.step, Seed: r.Seed, Batch: r.Batch, Data: r.Data.Digest(), Train: e.Train, Valid: e.Valid,
		Best: r.Best.mark(), Weights: hex.EncodeToString(sum[:])}
	if r.Stop != nil {
		m := r.Stop.mark()
		c.Stop = &m
	}
	about, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		return fmt.Errorf("encode checkpoint: %w", err)
	}
	if e.Best {
		if err := r.saveBest(e); err != nil {
			return fmt.Errorf("save the best weights: %w", err)
		}
	}
	base := filepath.Join(r.Dir, fmt.Sprintf("checkpoint-%05d", e.Epoch))
	if err := program.WriteFile(base+".safetensors", all); err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	if err := program.WriteFile(base+".json", append(about, '\n')); err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	dropCheckpoints(r.Dir, max(1, r.Keep))
	return nil
}

// saveBest writes the model's own weights, and what is known of them.
func (r *run) saveBest(e *EpochEvent) error {
	best, err := tensors(r.session, Lasting)
	if err != nil {
		return err
	}
	about, err := json.MarshalIndent(About{e.Epoch, r.Seed, r.Data.Digest(), e.Train, e.Valid}, "", " ")
	if err != nil {
		return err
	}
	if err := program.WriteFile(filepath.Join(r.Dir, BestFile), best); err != nil {
		return err
	}
	return program.WriteFile(filepath.Join(r.Dir, BestAbout), append(about, '\n'))
}

// dropCheckpoints removes all but the newest checkpoints of a run folder.
func dropCheckpoints(dir string, keep int) {
	list, _ := filepath.Glob(filepath.Join(dir, "checkpoint-*.json")) // the pattern is well formed
	sort.Strings(list)
	for _, old := range list[:max(0, len(list)-keep)] {
		os.Remove(old)
		os.Remove(strings.TrimSuffix(old, ".json") + ".safetensors")
	}
}

// newest returns the newest valid checkpoint of a run folder, nil when there is none, and a note
// for each damaged one that was skipped.
func newest(dir string) (c *checkpoint, notes []string, err error) {
	list, err := filepath.Glob(filepath.Join(dir, "checkpoint-*.json"))
	if err != nil {
		return nil, nil, err
	}
	sort.Sort(sort.Reverse(sort.StringSlice(list)))
	for _, path := range list {
		c, err := load(path)
		if err == nil {
			return c, notes, nil
		}
		if !errors.Is(err, errDamaged) && !errors.Is(err, fs.ErrNotExist) {
			return nil, notes, err
		}
		notes = append(notes, fmt.Sprintf("skipping checkpoint %s: %v", path, err))
	}
	return nil, notes, nil
}

var errDamaged = errors.New("it is damaged")

func load(path string) (*checkpoint, error) {
	about, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := &checkpoint{}
	if err := json.Unmarshal(about, c); err != nil {
		return nil, fmt.Errorf("%w: %v", errDamaged, err)
	}
	raw, err := os.ReadFile(strings.TrimSuffix(path, ".json") + ".safetensors")
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != c.Weights {
		return nil, fmt.Errorf("%w: its weights do not match their checksum", errDamaged)
	}
	if c.tensors, err = data.ReadSafetensors(bytes.NewReader(raw), int64(len(raw))); err != nil {
		return nil, fmt.Errorf("%w: %v", errDamaged, err)
	}
	return c, nil
}

// restore takes up a checkpoint of the same job.
func (r *run) restore(c *checkpoint) error {
	switch {
	case c.Seed != r.Seed:
		return fmt.Errorf("the run in %s has seed %d, not %d: resume with --seed %d, or choose another --out", r.Dir, c.Seed, r.Seed, c.Seed)
	case c.Batch != r.Batch:
		return fmt.Errorf("the run in %s has batches of %d, not %d: resume with --batch %d, or choose another --out", r.Dir, c.Batch, r.Batch, c.Batch)
	case c.Data != r.Data.Digest():
		return fmt.Errorf("the run in %s was trained on other data than this", r.Dir)
	}
	if err := SetWeights(r.session, c.tensors, func(*program.Weight) bool { return true }); err != nil {
		return fmt.Errorf("the checkpoint in %s does not fit this model: %w", r.Dir, err)
	}
	r.step = c.Step
	if err := r.Best.restore(c.Best); err != nil {
		return err
	}
	if r.Stop != nil && c.Stop != nil {
		return r.Stop.restore(*c.Stop)
	}
	return nil
}

// Lasting reports whether a weight belongs to the model rather than to its training.
func Lasting(w *program.Weight) bool {
	return !strings.HasPrefix(w.Path, "optimizer/") && !strings.HasPrefix(w.Path, "metric/")
}

// tensors encodes the session's weights that keep accepts as safetensors.
func tensors(s *runtime.Session, keep func(*program.Weight) bool) ([]byte, error) {
	var b bytes.Buffer
	if err := data.WriteSafetensors(&b, Weights(s, keep)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Weights returns views of the session's weights that keep accepts, by path.
func Weights(s *runtime.Session, keep func(*program.Weight) bool) map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{}
	for _, w := range s.Weights() {
		if keep(w.Weight) {
			out[w.Path] = s.Weight(w.Path)
		}
	}
	return out
}

// SetWeights copies tensors into the session's weights that want accepts; each must be there,
// with its type, and no other.
func SetWeights(s *runtime.Session, from map[string]*tensor.Tensor, want func(*program.Weight) bool) error {
	return Assign(Weights(s, want), from)
}

// Assign copies each tensor of from to the one of the same name, which must have its type; a
// name that only one side has is an error.
func Assign(to, from map[string]*tensor.Tensor) error {
	var wrong []string
	for path, x := range to {
		switch v := from[path]; {
		case v == nil:
			wrong = append(wrong, "missing "+path+" "+x.String())
		case v.String() != x.String():
			wrong = append(wrong, path+" is "+v.String()+", the model has "+x.String())
		}
	}
	for path := range from {
		if to[path] == nil {
			wrong = append(wrong, "the model has no "+path)
		}
	}
	if len(wrong) > 0 {
		sort.Strings(wrong)
		return errors.New(strings.Join(wrong, "; "))
	}
	for path, x := range to {
		copy(x.Data, from[path].Data)
	}
	return nil
}

// Digest is the SHA-256 of the model's own parameters and states as safetensors, sorted by path,
// without metadata.
func Digest(s *runtime.Session) string {
	b, err := tensors(s, Lasting)
	if err != nil {
		panic(fmt.Sprintf("BUG: %v", err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
