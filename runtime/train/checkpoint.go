package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"dlc/ir/tensor"
	"dlc/runtime"
	"dlc/runtime/data"
)

// A checkpoint is one file:
//
//	dlc checkpoint 1 <SHA-256 of what follows this line, in hex>
//	<where the run stands: JSON, one line>
//	<every weight as safetensors: parameters, states, optimizer and metric states>
//
// Random numbers are functions of seed, step and place, and the order of an epoch is one of seed
// and epoch: so the seed and the position are the whole random state, and whole data position.
type checkpoint struct {
	Run    int         `json:"run"`    // of those that the folder has seen
	Epochs int         `json:"epochs"` // planned
	Epoch  int         `json:"epoch"`  // finished
	Step   int64       `json:"step"`   // finished, of the run
	Begun  partial     `json:"begun"`
	Last   *EpochEvent `json:"last,omitempty"` // of the last finished epoch
	Best   mark        `json:"best"`

	Seed    uint64  `json:"seed"`
	Batch   int     `json:"batch"`
	Data    string  `json:"data_digest"`
	Records int     `json:"records"` // of the training part
	Source  string  `json:"source_sha256"`
	Seconds float64 `json:"seconds"` // spent so far

	tensors map[string]*tensor.Tensor
}

// A partial is how far the epoch under way has come. Metrics count in weights.
type partial struct {
	Steps   int     `json:"steps"`
	Loss    float64 `json:"loss"`            // sum over the records so far
	Seconds float64 `json:"seconds"`         // spent on them
	Train   Scores  `json:"train,omitempty"` // once all steps are done, before validation is
}

// A mark is what a Monitor remembers. Its best is text, since it may be no JSON number.
type mark struct {
	Best  string `json:"best"`
	Epoch int    `json:"epoch"`
}

const checkpointMagic = "dlc checkpoint 1 "

// errDamaged is wrapped by errors about a checkpoint's content.
var errDamaged = errors.New("it is damaged")

// encode returns the checkpoint with the session's weights as a file.
func (c *checkpoint) encode(s *runtime.Session) ([]byte, error) {
	position, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode a checkpoint: %w", err)
	}
	size := len(position) + 4096
	for _, w := range s.Weights() {
		size += len(w.Data) + 2*len(w.Path) + 128
	}
	b := bytes.NewBuffer(make([]byte, 0, size))
	b.WriteString(checkpointMagic)
	b.Write(make([]byte, hex.EncodedLen(sha256.Size)))
	head := b.Len() + 1
	fmt.Fprintf(b, "\n%s\n", position)
	if err := data.WriteSafetensors(b, Weights(s, every)); err != nil {
		return nil, fmt.Errorf("encode a checkpoint: %w", err)
	}
	file := b.Bytes()
	sum := sha256.Sum256(file[head:])
	hex.Encode(file[len(checkpointMagic):], sum[:])
	return file, nil
}

// decodeCheckpoint reads what encode wrote; every error wraps errDamaged.
func decodeCheckpoint(file []byte) (*checkpoint, error) {
	head := len(checkpointMagic) + hex.EncodedLen(sha256.Size) + 1
	if len(file) < head || !bytes.HasPrefix(file, []byte(checkpointMagic)) || file[head-1] != '\n' {
		return nil, fmt.Errorf("%w: it does not begin as a checkpoint of this version does", errDamaged)
	}
	sum := sha256.Sum256(file[head:])
	if hex.EncodeToString(sum[:]) != string(file[len(checkpointMagic):head-1]) {
		return nil, fmt.Errorf("%w: its checksum is wrong", errDamaged)
	}
	position, weights, _ := bytes.Cut(file[head:], []byte("\n"))
	c := &checkpoint{}
	if err := json.Unmarshal(position, c); err != nil {
		return nil, fmt.Errorf("%w: %v", errDamaged, err)
	}
	if c.Epoch < 0 || c.Begun.Steps < 0 || c.Epoch > 0 && c.Last == nil {
		return nil, fmt.Errorf("%w: its position makes no sense", errDamaged)
	}
	var err error
	if c.tensors, err = data.ReadSafetensors(bytes.NewReader(weights), int64(len(weights))); err != nil {
		return nil, fmt.Errorf("%w: %v", errDamaged, err)
	}
	return c, nil
}

// mark and restore carry a Monitor's memory over a checkpoint.
func (m *Monitor) mark() mark {
	return mark{Best: strconv.FormatFloat(m.best, 'g', -1, 64), Epoch: m.epoch}
}

func (m *Monitor) restore(k mark) (err error) {
	m.epoch = k.Epoch
	m.best, err = strconv.ParseFloat(k.Best, 64)
	return err
}
