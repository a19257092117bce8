//go:build linux && amd64

package runtime

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"dlc/ir/tensor"
	"dlc/runtime/program"
)

// census counts the process's threads, mappings and open files.
func census(t *testing.T) (counts [3]int) {
	t.Helper()
	for i, dir := range []string{"/proc/self/task", "/proc/self/fd"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		counts[i] = len(entries)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	counts[2] = bytes.Count(maps, []byte("\n"))
	return counts
}

// TestNothingStaysBehind opens an artifact, runs both kinds of session on it and closes it, 100
// times, and counts what the process holds. Go itself may add a few threads and mappings.
func TestNothingStaysBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tiny.dlb")
	if err := program.Write(path, testModel()); err != nil {
		t.Fatal(err)
	}
	cycle := func() {
		m, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []Options{{Threads: 2}, {Threads: 3, Train: true}} {
			s, err := m.NewSession(o)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			for n, entry := range []string{"infer", "long", "long"} {
				if _, err := s.Run(ctx, entry, map[string]*tensor.Tensor{"x": tensor.New(tensor.F32, 1000*n)}); err != nil {
					t.Fatal(err)
				}
			}
			cancel()
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		cycle()
	}
	goroutines, before := runtime.NumGoroutine(), census(t)
	for range 100 {
		cycle()
	}
	for wait := 0; runtime.NumGoroutine() > goroutines && wait < 100; wait++ {
		time.Sleep(time.Millisecond)
	}
	after := census(t)
	if after[0] > before[0]+8 || after[1] > before[1] || after[2] > before[2]+16 || runtime.NumGoroutine() > goroutines {
		t.Fatalf("threads, files, mappings: %v became %v; goroutines: %d became %d", before, after, goroutines, runtime.NumGoroutine())
	}
}

// TestOpenRefuses checks that errors of a file say which.
func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "bad.dlb")
	if err := os.WriteFile(path, make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, program.ErrDamaged) {
		t.Error(err)
	}
	if _, err := Open(filepath.Join(dir, "none.dlb")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	p := testModel()
	p.Sections = p.Sections[:1]
	if err := program.Write(path, p); err != nil {
		t.Fatal(err)
	}
	want := path + `: model tiny holds no code for this CPU: future: unknown CPU feature "no_such_flag"`
	if _, err := Open(path); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
