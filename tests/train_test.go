package tests

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dlc"
	"dlc/ir/tensor"
	"dlc/runtime/data"
	"dlc/runtime/program"
	"dlc/runtime/train"
)

// openDigits reads the digits that come with the examples.
func openDigits(t testing.TB) *data.Dataset { return openImages(t, "../examples/digits/data") }

func openImages(t testing.TB, path string) *data.Dataset {
	t.Helper()
	d, err := data.Open("mnist", []string{path}, data.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// sharedData returns a folder of the shared data, or skips the test.
func sharedData(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("DLC_SHARED")
	if root == "" {
		root = "../../shared"
	}
	path := filepath.Join(root, "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("SKIPPED: no shared data (set DLC_SHARED): %v", err)
	}
	return path
}

// firstRecords copies the first n records of each of the four IDX files of a folder to another.
func firstRecords(t testing.TB, from string, n int) string {
	t.Helper()
	to := t.TempDir()
	files, err := filepath.Glob(filepath.Join(from, "*-ubyte*"))
	if err != nil || len(files) != 4 {
		t.Fatalf("%s: %d IDX files, %v", from, len(files), err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, ".gz") {
			z, err := gzip.NewReader(bytes.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if text, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		head, size := 8, 1 // magic, count
		for i := range int(text[3]) - 1 {
			head, size = head+4, size*int(binary.BigEndian.Uint32(text[8+4*i:]))
		}
		binary.BigEndian.PutUint32(text[4:], uint32(n))
		name := strings.TrimSuffix(filepath.Base(path), ".gz")
		if err := os.WriteFile(filepath.Join(to, name), text[:head+n*size], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// checked reads a source file that trains on d.
func checked(t testing.TB, path string, d *data.Dataset, o dlc.Options) *dlc.Program {
	t.Helper()
	src, err := dlc.ReadSource(path)
	if err != nil {
		t.Fatal(err)
	}
	o.Columns = map[string]tensor.Type{}
	for _, c := range d.Columns {
		o.Columns[c.Name] = tensor.Type{DType: c.Type, Shape: shape(c.Dims)}
	}
	p, err := dlc.Check(src, &o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func shape(dims []int) (s tensor.Shape) {
	for _, n := range dims {
		s = append(s, tensor.Int(int64(n)))
	}
	return s
}

// built compiles a source file that trains on d.
func built(t testing.TB, path string, d *data.Dataset, o dlc.Options) *program.Model {
	t.Helper()
	m, err := checked(t, path, d, o).Compile()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A silent reporter is told everything and says nothing.
type silent struct{}

func (silent) Begin(train.Plan)       {}
func (silent) Step(train.Progress)    {}
func (silent) Epoch(train.EpochEvent) {}
func (silent) Done(train.DoneEvent)   {}
func (silent) Note(string)            {}

// trained runs a job of two epochs unless change says otherwise.
func trained(t testing.TB, m *program.Model, d *data.Dataset, change func(*train.Job)) *train.DoneEvent {
	t.Helper()
	best, err := train.NewMonitor("valid.loss", "min")
	if err != nil {
		t.Fatal(err)
	}
	job := train.Job{Model: m, Data: d, Batch: 32, Epochs: 2, Seed: 7, Threads: 1, Dir: t.TempDir(), Keep: 1, Best: best, Report: silent{}}
	if change != nil {
		change(&job)
	}
	done, err := train.Run(context.Background(), job)
	if err != nil {
		t.Fatal(err)
	}
	return done
}
