package train_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dlc/runtime/program"
	"dlc/runtime/train"
)

// A disk is the machine's file system without waiting for the platters. It knows what would not
// survive a power cut, and one of its operations, or all from one on, can fail.
type disk struct {
	program.OS
	ops    int
	at     int   // the operation that fails, from 1; 0: none does
	rest   bool  // and all after it
	err    error // how
	short  int   // bytes that a failing write has written all the same
	failed []string
	loose  map[string]bool // not synced
}

// fail counts an operation and returns its error.
func (d *disk) fail(op, path string) error {
	d.ops++
	if d.at == 0 || d.ops < d.at || d.ops > d.at && !d.rest {
		return nil
	}
	d.failed = append(d.failed, op)
	return fmt.Errorf("%s %s: %w", op, path, d.err)
}

func (d *disk) shake(path string, loose bool) {
	if d.loose == nil {
		d.loose = map[string]bool{}
	}
	if d.loose[path] = true; !loose {
		delete(d.loose, path)
	}
}

func (d *disk) Mkdir(path string) error {
	if err := d.fail("mkdir", path); err != nil {
		return err
	}
	d.shake(filepath.Dir(path), true)
	return d.OS.Mkdir(path)
}

func (d *disk) Create(dir, pattern string) (program.Sink, error) {
	if err := d.fail("create", filepath.Join(dir, pattern)); err != nil {
		return nil, err
	}
	f, err := d.OS.Create(dir, pattern)
	return &sink{f, d}, err
}

func (d *disk) Append(path string) (program.Sink, error) {
	if err := d.fail("append", path); err != nil {
		return nil, err
	}
	f, err := d.OS.Append(path)
	return &sink{f, d}, err
}

func (d *disk) Link(from, to string) error {
	if err := d.fail("link", to); err != nil {
		return err
	}
	d.shake(filepath.Dir(to), true)
	return d.OS.Link(from, to)
}

func (d *disk) Rename(from, to string) error {
	if err := d.fail("rename", to); err != nil {
		return err
	}
	if d.loose[from] {
		return fmt.Errorf("%s is renamed before it is synced", from)
	}
	d.shake(filepath.Dir(to), true)
	return d.OS.Rename(from, to)
}

func (d *disk) RemoveAll(path string) error {
	if err := d.fail("remove", path); err != nil {
		return err
	}
	delete(d.loose, path)
	return d.OS.RemoveAll(path)
}

func (d *disk) SyncDir(path string) error {
	if err := d.fail("sync", path); err != nil {
		return err
	}
	d.shake(path, false)
	return nil
}

type sink struct {
	program.Sink
	disk *disk
}

func (s *sink) Write(p []byte) (int, error) {
	s.disk.shake(s.Name(), true)
	if err := s.disk.fail("write", s.Name()); err != nil {
		n, _ := s.Sink.Write(p[:min(len(p), s.disk.short)])
		if errors.Is(err, io.ErrShortWrite) {
			err = nil // the writer does not even say so
		}
		return n, err
	}
	return s.Sink.Write(p)
}

func (s *sink) Sync() error {
	if err := s.disk.fail("sync", s.Name()); err != nil {
		return err
	}
	s.disk.shake(s.Name(), false)
	return nil
}

func (s *sink) Close() error {
	return errors.Join(s.disk.fail("close", s.Name()), s.Sink.Close())
}

// When any operation on files fails, once or from then on, the run says which and ends; what was
// reported is on disk and goes on to the same bits. From then on is also what a crash looks like.
func TestFailingDisk(t *testing.T) {
	whole := job(t, cosine, &listener{})
	whole.Epochs = 2
	want := outcomeOf(t, whole.Dir, run(t, whole))
	for name, form := range map[string]disk{
		"full once":    {err: syscall.ENOSPC, short: 7},
		"EIO for good": {err: syscall.EIO, rest: true, short: 1000},
		"short write":  {err: io.ErrShortWrite, short: 60},
	} {
		t.Run(name, func(t *testing.T) {
			tried := map[string]bool{}
			for at := 1; ; at++ {
				d := form
				d.at = at
				l := &listener{}
				j := job(t, cosine, l)
				root := j.Dir
				j.Dir, j.Files, j.Epochs = filepath.Join(root, "runs", "net"), &d, 2
				l.onEpoch = func(e train.EpochEvent) {
					if len(d.loose) > 0 {
						t.Errorf("operation %d: epoch %d is told, and %v would not survive a power cut", at, e.Epoch, d.loose)
					}
				}
				_, err := train.Run(context.Background(), j)
				if len(d.failed) == 0 {
					break
				}
				tried[d.failed[0]] = true
				switch {
				case err == nil && d.failed[0] == "remove" || err == nil && form.err == io.ErrShortWrite && d.failed[0] != "write":
				case err == nil:
					t.Fatalf("operation %d: %v failed and the run did not", at, d.failed)
				case !errors.Is(err, form.err) || !strings.Contains(err.Error(), root):
					t.Fatalf("operation %d: %v", at, err)
				}
				again := &listener{}
				j.Files, j.Resume, j.Report = &disk{}, true, again
				outcomeOf(t, j.Dir, run(t, j)).mustBe(t, want)
				if told := len(l.epochs); told > 0 && again.plan != nil && again.plan.First <= told {
					t.Fatalf("operation %d: epoch %d was told and was done again", at, again.plan.First)
				}
			}
			for _, op := range []string{"mkdir", "create", "write", "sync", "close", "rename", "append"} {
				if !tried[op] {
					t.Errorf("%s was never tried", op)
				}
			}
		})
	}
}

// However a fresh run fails over an earlier one, one of the two is there whole.
func TestFailingDiskOverAnEarlierRun(t *testing.T) {
	first := job(t, cosine, &listener{})
	first.Epochs = 1
	old := outcomeOf(t, first.Dir, run(t, first))
	whole := job(t, cosine, &listener{})
	whole.Epochs, whole.Seed = 1, 6
	want := outcomeOf(t, whole.Dir, run(t, whole))
	for _, rest := range []bool{false, true} {
		for at := 1; ; at++ {
			d := disk{at: at, rest: rest, err: syscall.ENOSPC}
			j := whole
			j.Dir, j.Files = copyOf(t, first.Dir), &d
			_, err := train.Run(context.Background(), j)
			if len(d.failed) == 0 {
				break
			}
			if err == nil && d.failed[0] != "remove" && d.failed[0] != "link" {
				t.Fatalf("operation %d: %v failed and the run did not", at, d.failed)
			}
			j.Files, j.Resume = &disk{}, true
			done, err := train.Run(context.Background(), j)
			if err == nil {
				outcomeOf(t, j.Dir, done).mustBe(t, want)
				j.Dir = filepath.Join(j.Dir, train.PreviousDir)
			}
			j.Seed = first.Seed
			outcomeOf(t, j.Dir, run(t, j)).mustBe(t, old)
		}
	}
}
