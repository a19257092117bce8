package train

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"dlc/runtime/program"
)

// Names in a run folder: the best weights, what is known of them, and the events, one a line.
// What a fresh run finds there stays valid until it has finished an epoch of its own, and lies
// under PreviousDir after that.
const (
	BestFile    = "best.safetensors"
	BestAbout   = "best.json"
	LogFile     = "log.jsonl"
	PreviousDir = "previous"
	lockFile    = ".lock"
)

// ErrInUse is wrapped by the error about a run folder that another process trains in.
var ErrInUse = errors.New("in use by another process")

// A folder is where a run lies. Each change of it is atomic and lasts before the next begins;
// the newest checkpoint is the truth, the log and the best weights are brought in line with it.
type folder struct {
	path    string
	files   program.Files
	keep    int      // checkpoints
	run     int      // number of this run among those that the folder has seen
	fresh   bool     // nothing of this run is in the folder
	damaged []string // checkpoints
	unlock  func() error
}

// openFolder makes and locks the folder, and clears what a killed process left half written.
func openFolder(path string, files program.Files, keep int) (f *folder, err error) {
	if files == nil {
		files = program.OS{}
	}
	f = &folder{path: path, files: files, keep: max(1, keep), run: 1, fresh: true}
	if err := makeFolder(files, path); err != nil {
		return nil, fmt.Errorf("make the run folder: %w", err)
	}
	if f.unlock, err = lock(filepath.Join(path, lockFile)); err != nil {
		return nil, fmt.Errorf("the run folder %s: %w", path, err)
	}
	for _, pattern := range []string{".checkpoint-*-*-*", ".best.*-*", "." + LogFile + "-*"} {
		for _, rest := range f.matching(pattern) {
			files.RemoveAll(f.name(rest))
		}
	}
	for _, c := range f.checkpoints() {
		f.run = max(f.run, c.run+1)
	}
	return f, nil
}

// makeFolder makes a folder and those above it, each lasting in its parent.
func makeFolder(files program.Files, path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := makeFolder(files, parent); err != nil {
			return err
		}
	}
	if err := files.Mkdir(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return files.SyncDir(parent)
}

func (f *folder) name(file string) string { return filepath.Join(f.path, file) }

// matching lists the names in the folder that a pattern matches.
func (f *folder) matching(pattern string) []string {
	var out []string
	all, _ := os.ReadDir(f.path) // what cannot be read holds nothing to go on with
	for _, e := range all {
		if ok, _ := filepath.Match(pattern, e.Name()); ok {
			out = append(out, e.Name())
		}
	}
	return out
}

// A stored is a checkpoint's file.
type stored struct {
	path string
	run  int
	step int64
}

// checkpoints lists the checkpoints of the folder, the newest first.
func (f *folder) checkpoints() []stored {
	var out []stored
	for _, name := range f.matching("checkpoint-*-*.ckpt") {
		s := stored{path: f.name(name)}
		if _, err := fmt.Sscanf(name, "checkpoint-%d-%d.ckpt", &s.run, &s.step); err == nil {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b stored) int { return cmp.Or(cmp.Compare(b.run, a.run), cmp.Compare(b.step, a.step)) })
	return out
}

// newest returns the newest valid checkpoint, nil when there is none, and tells of each damaged
// one. It is an error that all are.
func (f *folder) newest(tell func(string)) (*checkpoint, error) {
	all := f.checkpoints()
	for _, s := range all {
		file, err := os.ReadFile(s.path)
		var c *checkpoint
		if err == nil {
			c, err = decodeCheckpoint(file)
		}
		if err == nil {
			f.run, f.fresh = c.Run, false
			return c, nil
		}
		f.damaged = append(f.damaged, s.path)
		tell(fmt.Sprintf("skipping checkpoint %s: %v", s.path, err))
	}
	if len(all) > 0 {
		return nil, fmt.Errorf("no checkpoint in %s is valid: begin anew without --resume", f.path)
	}
	return nil, nil
}

// save adds a checkpoint, given as its file, and drops old ones.
func (f *folder) save(step int64, file []byte) error {
	if f.fresh {
		if err := f.setAside(); err != nil {
			return fmt.Errorf("set the earlier run aside in %s: %w", f.name(PreviousDir), err)
		}
		f.fresh = false
	}
	path := f.name(fmt.Sprintf("checkpoint-%03d-%09d.ckpt", f.run, step))
	if err := program.WriteFileOn(f.files, path, file); err != nil {
		return fmt.Errorf("save checkpoint %s: %w", path, err)
	}
	f.damaged = slices.DeleteFunc(f.damaged, func(p string) bool { return p == path })
	kept := 0
	for _, s := range f.checkpoints() {
		// Those of earlier runs are set aside.
		if s.run == f.run && kept < f.keep && !slices.Contains(f.damaged, s.path) {
			kept++
			continue
		}
		f.files.RemoveAll(s.path) // what cannot be removed is tried again with the next one
	}
	return nil
}

// setAside gives an earlier run's files second names in PreviousDir, in place of what is there.
func (f *folder) setAside() error {
	var names []string
	for _, s := range f.checkpoints() {
		names = append(names, filepath.Base(s.path))
	}
	for _, n := range []string{BestFile, BestAbout, LogFile} {
		if _, err := os.Stat(f.name(n)); err == nil {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		return nil
	}
	next := f.name("." + PreviousDir)
	if err := errors.Join(f.files.RemoveAll(next), f.files.Mkdir(next)); err != nil {
		return err
	}
	for _, n := range names {
		if err := f.link(f.name(n), filepath.Join(next, n)); err != nil {
			return err
		}
	}
	if err := errors.Join(f.files.SyncDir(next), f.files.RemoveAll(f.name(PreviousDir))); err != nil {
		return err
	}
	if err := f.files.Rename(next, f.name(PreviousDir)); err != nil {
		return err
	}
	return f.files.SyncDir(f.path)
}

// link gives a file a second name, or copies it where the file system has no links.
func (f *folder) link(from, to string) error {
	if f.files.Link(from, to) == nil {
		return nil
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return program.WriteFileOn(f.files, to, content)
}

// put gives a file of the folder its content, unless it has it already.
func (f *folder) put(name string, content []byte) error {
	if old, err := os.ReadFile(f.name(name)); err == nil && bytes.Equal(old, content) {
		return nil
	}
	return program.WriteFileOn(f.files, f.name(name), content)
}

// A journal is the log of a run. The first line of a fresh run replaces what an earlier one left.
type journal struct {
	folder *folder
	begun  bool // the file holds lines of this run
}

// openJournal leaves in the log the lines of epochs that the newest checkpoint counts, each once:
// the last from the checkpoint itself, which may be all that was written of it.
func (f *folder) openJournal(last *EpochEvent) (*journal, error) {
	if last == nil {
		return &journal{folder: f}, nil
	}
	text, err := os.ReadFile(f.name(LogFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	var kept []byte
	next := 1
	for line := range bytes.Lines(text) {
		var e EpochEvent
		if json.Unmarshal(line, &e) != nil || e.Event != "epoch" || e.Epoch < next || e.Epoch >= last.Epoch || !bytes.HasSuffix(line, []byte("\n")) {
			continue
		}
		kept, next = append(kept, line...), e.Epoch+1
	}
	line, err := json.Marshal(last)
	if err != nil {
		return nil, fmt.Errorf("encode an event: %w", err)
	}
	if err := f.put(LogFile, append(append(kept, line...), '\n')); err != nil {
		return nil, fmt.Errorf("write the log %s: %w", f.name(LogFile), err)
	}
	return &journal{folder: f, begun: true}, nil
}

// write adds an event and waits until it lasts.
func (j *journal) write(event any) error {
	line, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	line = append(line, '\n')
	path := j.folder.name(LogFile)
	if !j.begun {
		err = program.WriteFileOn(j.folder.files, path, line)
		j.begun = err == nil
	} else {
		err = j.append(path, line)
	}
	if err != nil {
		return fmt.Errorf("write the log %s: %w", path, err)
	}
	return nil
}

func (j *journal) append(path string, line []byte) error {
	f, err := j.folder.files.Append(path)
	if err != nil {
		return err
	}
	err = program.WriteSync(f, line)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}
