package dlc

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dlc/codegen/llvm"
	"dlc/lang/diag"
)

const tiny = `edition 2026

model Tiny()(x: f32[N, 4]) -> (y: f32[N, 2]) { x |> Dense(2) }
`

// fatalModule makes instruction selection give up: the tile instructions of AMX are not in the target.
const fatalModule = "define void @f() {\n  call void @llvm.x86.tilezero(i8 1)\n  ret void\n}\n"

// TestBugs provokes a broken invariant in each part of the compiler. Each ends as a Bug that names
// the place, with a saved file that replays it.
func TestBugs(t *testing.T) {
	for at, want := range map[string]string{
		"parse": "parse", "check": "check", "build": "build", "graph passes/fold": "graph passes, pass fold", "graph passes/cse": "graph passes, pass cse",
		"kernel passes/fuse": "kernel passes, pass fuse", "tile and plan": "tile and plan", "codegen": "codegen",
	} {
		dir := t.TempDir()
		probe := func(place string) {
			if place == at {
				panic("BUG: injected")
			}
		}
		o := &Options{Targets: []string{"x86-64-v3"}, Entries: []string{"infer"}, probe: probe}
		err := compile(&Source{Path: filepath.Join(dir, "tiny.dlc"), Text: []byte(tiny)}, o)
		var bug *Bug
		if !errors.As(err, &bug) {
			t.Fatalf("%s: %v is no Bug", at, err)
		}
		if bug.Phase != want || !strings.Contains(err.Error(), "injected") {
			t.Errorf("%s: told as %v", at, err)
		}
		text, err := os.ReadFile(bug.Saved)
		if err != nil || filepath.Dir(bug.Saved) != dir {
			t.Fatalf("%s: saved in %q: %v", at, bug.Saved, err)
		}
		if !strings.HasSuffix(string(text), tiny) || !strings.Contains(string(text), "bug_test.go") {
			t.Errorf("%s: source or stack is missing in\n%s", at, text)
		}
		if later := strings.Contains("graph passes/fold graph passes/cse kernel passes/fuse tile and plan codegen", at); later != strings.Contains(string(text), "-- newest text --\n") {
			t.Errorf("%s: no intermediate text in\n%s", at, text)
		}
		if err := Replay(bug.Saved); err != nil {
			t.Errorf("%s: without the injection it still happens: %v", at, err)
		}
		o.replayed = true
		if err := replay(&Source{Path: "tiny.dlc", Text: []byte(tiny)}, o, "compile"); !errors.As(err, &bug) || bug.Saved != "" {
			t.Errorf("%s: the replay gives %v", at, err)
		}
	}
}

func compile(src *Source, o *Options) error {
	p, err := Check(src, o)
	if err != nil {
		return err
	}
	_, err = p.Compile()
	return err
}

// TestFatalErrorInLLVMIsABug lets LLVM give up in the middle of code generation.
func TestFatalErrorInLLVMIsABug(t *testing.T) {
	lib, err := llvm.Open()
	if err != nil {
		t.Skip(err)
	}
	for name, module := range map[string]string{"fatal": fatalModule, "invalid": "define void @f( {"} {
		p, err := Check(&Source{Path: filepath.Join(t.TempDir(), "tiny.dlc"), Text: []byte(tiny)}, &Options{Entries: []string{"infer"}})
		if err != nil {
			t.Fatal(err)
		}
		p.job.compile = func(target llvm.Target) error {
			_, err := lib.Compile(module, target, llvm.Full, llvm.Object)
			return err
		}
		_, err = p.Compile()
		var bug *Bug
		if !errors.As(err, &bug) || bug.Phase != "codegen" || !strings.Contains(err.Error(), "LLVM") {
			t.Fatalf("%s: %v", name, err)
		}
		text, err := os.ReadFile(bug.Saved)
		if err != nil || !strings.Contains(string(text), "target triple") || !strings.HasSuffix(string(text), tiny) {
			t.Errorf("%s: saved %d bytes without the LLVM text: %v", name, len(text), err)
		}
	}
}

func TestBugWithoutAPlaceToWrite(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	o := &Options{probe: func(string) { panic("BUG: injected") }}
	var bug *Bug
	if err := compile(&Source{Path: filepath.Join(temp, "gone", "tiny.dlc"), Text: []byte(tiny)}, o); !errors.As(err, &bug) || bug.Saved != filepath.Join(temp, "tiny.bug.txt") {
		t.Errorf("saved as %v", err)
	}
	t.Setenv("TMPDIR", filepath.Join(temp, "gone"))
	if err := compile(&Source{Path: filepath.Join(temp, "gone", "tiny.dlc"), Text: []byte(tiny)}, o); !errors.As(err, &bug) || bug.Saved != "" || !strings.Contains(err.Error(), "nothing could be saved") {
		t.Errorf("nothing can be written, and it is told as %v", err)
	}
}

// TestReplayRefuses gives Replay what no bug saved.
func TestReplayRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"empty": "", "foreign": "hello\n-- options --\n{}\n", "long": "dlc 1: x\n\n-- options --\n{\"bytes\": 999999}\n", "json": "dlc 1\n-- options --\n{\n"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Replay(path); err == nil || !strings.Contains(err.Error(), "was not saved by dlc") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Replay(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

func TestReplayOfWhatIsAMistakeByNow(t *testing.T) {
	j := &job{src: &Source{Path: filepath.Join(t.TempDir(), "a.dlc"), Text: []byte("edition 2026\nmodel A()(x: f32[N]) -> (y: f32[N]) { z }\n")}, call: "check"}
	var list diag.List
	if err := Replay(j.bug("BUG: injected", nil).Saved); !errors.As(err, &list) || list[0].Code != "E0201" {
		t.Errorf("got %v", err)
	}
}

func TestGuard(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var bug *Bug
	if err := Guard("train", func() error { var m map[string]int; m["a"] = 1; return nil }); !errors.As(err, &bug) || bug.Phase != "train" {
		t.Fatalf("got %v", err)
	}
	if text, err := os.ReadFile(bug.Saved); err != nil || !strings.Contains(string(text), "bug_test.go") || Replay(bug.Saved) == nil {
		t.Errorf("saved %q: %v", text, err)
	}
	if err := Guard("train", func() error { return os.ErrClosed }); err != os.ErrClosed {
		t.Errorf("got %v", err)
	}
}
