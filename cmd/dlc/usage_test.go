package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"dlc"

	"github.com/spf13/cobra"
)

// call runs a command line and returns what it printed and its exit code.
func call(args ...string) (out, errs string, code int) {
	var o, e bytes.Buffer
	code = run(args, &o, &e)
	return o.String(), e.String(), code
}

// TestEveryCommandIsExplained holds every command to a description, an example that begins with
// its own name, and files or words that complete.
func TestEveryCommandIsExplained(t *testing.T) {
	root := newRoot()
	for _, c := range append(root.Commands(), root) {
		if c.Short == "" || !strings.Contains(c.Example, "dlc "+strings.TrimPrefix(c.Name(), "dlc")) {
			t.Errorf("%s: no description or example", c.Name())
		}
		if c != root && c.ValidArgsFunction == nil {
			t.Errorf("%s completes nothing", c.Name())
		}
	}
	for name := range fileKinds {
		if c, _, err := root.Find([]string{name}); err != nil || c == root {
			t.Errorf("the completed command %s does not exist", name)
		}
	}
}

// TestCommandLine calls dlc with words that are wrong, and a few that are right.
func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		line, want string
		code       int
	}{
		{"", "First steps:", exitGood},
		{"--version", "dlc " + dlc.Version, exitGood},
		{"trian x.dlc", `error: dlc has no command "trian": did you mean train? (dlc --help lists them)`, exitUser},
		{"mlp.dlc", "as in dlc train mlp.dlc", exitUser},
		{"mlp.dlb", "as in dlc run mlp.dlb", exitUser},
		{"train", "error: dlc train takes one file, got none; write: dlc train FILE.dlc", exitUser},
		{"train a b", "takes one file, got a b", exitUser},
		{"train --epoch 3 x", "error: dlc train has no flag --epoch: did you mean --epochs? (dlc train --help lists them)", exitUser},
		{"train -z x", "dlc train has no flag -z", exitUser},
		{"train --epochs three x", "error: --epochs three: it must be a whole number", exitUser},
		{"train --seed -1 x", "a whole number that is not negative", exitUser},
		{"train --epochs", "error: --epochs needs a value: ", exitUser},
		{"compile x --emit=grap", `there is no stage "grap": did you mean graph? (ast, types`, exitUser},
		{"compile x --dump=fues", `there is no pass "fues": did you mean fuse?`, exitUser},
		{"fmt", "takes at least one file", exitUser},
		{"fmt -w -d x", "there is no file x", exitUser},
		{"doctor x", "takes no argument, got x", exitUser},
		{"completion bsh", "did you mean bash?", exitUser},
		{"check ../../examples/digits/mpl.dlc", "there is no file ../../examples/digits/mpl.dlc: did you mean ../../examples/digits/mlp.dlc?", exitUser},
		{"check ../../examples/digits/mlp.dlc", "no mistakes", exitGood},
		{"check ..", "error: .. is a folder, not a file", exitUser},
		{"predict ../../examples/digits/mlp.dlc --csv x", "is a source file, and dlc predict takes an artifact: dlc build ../../examples/digits/mlp.dlc makes one", exitUser},
		{"inspect ../../examples/digits/mlp.dlc", "is a source file, and dlc inspect takes an artifact", exitUser},
		{"check ../../examples/digit/mlp.dlc", "error: there is no folder ../../examples/digit", exitUser},
		{"run ../../examples/digits/mlp.dlc --input image=x.npy", "error: input image: there is no file x.npy", exitUser},
		{"eval ../../examples/digits/mlp.dlc --split vaild", `there is no part "vaild": did you mean valid?`, exitUser},
		{"__complete compile --emit=gr", "graph", exitGood},
		{"__complete train ", "dlc\n:8", exitGood},
		{"__complete inspect ", "dlb\n:8", exitGood},
		{"__complete completion ", "bash", exitGood},
		{"completion bash", "__start_dlc", exitGood},
	} {
		args := strings.Split(c.line, " ")
		if c.line == "" {
			args = []string{}
		}
		out, errs, code := call(args...)
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("dlc %s: %d\n%s%s\nwant %d, %s", c.line, code, out, errs, c.code, c.want)
		}
		if code != exitGood && (out != "" || strings.Count(errs, "\n") != 1) {
			t.Errorf("dlc %s: a mistake is one line on standard error, got %q and %q", c.line, out, errs)
		}
	}
}

// file writes a file to a folder of the test.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMistakesAsJSON(t *testing.T) {
	path := file(t, "a.dlc", "edition 2026\nmodel A()(x: f32[N]) -> (y: f32[N]) { xx }\n")
	for _, args := range [][]string{{"check", path, "--json"}, {"summary", "--json", path}, {"train", path, "--json"}} {
		out, errs, code := call(args...)
		var list []struct {
			Code string
			Span struct{ Line, Col int }
			Fix  struct{ Text string }
		}
		if err := json.Unmarshal([]byte(out), &list); err != nil || errs != "" || code != exitUser {
			t.Fatalf("%v: %d, %q and %q: %v", args, code, out, errs, err)
		}
		if len(list) != 1 || list[0].Code != "E0201" || list[0].Span.Line != 2 || list[0].Span.Col != 39 || list[0].Fix.Text != "x" {
			t.Errorf("%v: %s", args, out)
		}
	}
	if out, _, code := call("check", "none.dlc", "--json"); code != exitUser || !strings.Contains(out, `"message":"there is no file none.dlc"`) {
		t.Errorf("a missing file as JSON: %d %s", code, out)
	}
	if out, _, code := call("check", file(t, "b.dlc", "edition 2026\nmodel A()(x: f32[N]) -> (y: f32[N]) { x }\n"), "--json"); code != exitGood || out != "[]\n" {
		t.Errorf("no mistakes as JSON: %d %q", code, out)
	}
}

func TestFmt(t *testing.T) {
	const untidy, tidy = "edition 2026\n\n\nfn f(x: f32[N])->f32[N]{\n   x*2\n}\n", "edition 2026\n\nfn f(x: f32[N]) -> f32[N] {\n  x * 2\n}\n"
	path := file(t, "a.dlc", untidy)
	if out, errs, code := call("fmt", path); out != tidy || errs != "" || code != exitGood {
		t.Errorf("fmt: %d\n%s%s", code, out, errs)
	}
	if out, errs, code := call("fmt", "-d", filepath.Dir(path)); !strings.Contains(out, "-   x*2\n") || errs != "" || code != exitPromise {
		t.Errorf("fmt -d: %d\n%s%s", code, out, errs)
	}
	link := filepath.Join(t.TempDir(), "b.dlc")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if out, _, code := call("fmt", "-w", link); out != link+"\n" || code != exitGood {
		t.Errorf("fmt -w: %d %s", code, out)
	}
	text, _ := os.ReadFile(path)
	info, _ := os.Stat(path)
	if string(text) != tidy || info.Mode().Perm() != 0o640 {
		t.Errorf("written: %q with %v", text, info.Mode())
	}
	for _, flag := range []string{"-w", "-d"} {
		if out, errs, code := call("fmt", flag, path); out+errs != "" || code != exitGood {
			t.Errorf("fmt %s of a formatted file: %d %s%s", flag, code, out, errs)
		}
	}
	broken := file(t, "c.dlc", "edition 2026\nfn f( {\n")
	if _, errs, code := call("fmt", "-w", broken); !strings.Contains(errs, "error[E0") || code != exitUser {
		t.Errorf("fmt of a mistake: %d %s", code, errs)
	}
	var out bytes.Buffer
	root := newRoot()
	root.SetIn(strings.NewReader(untidy))
	root.SetOut(&out)
	root.SetArgs([]string{"fmt", "-"})
	if err := root.Execute(); err != nil || out.String() != tidy {
		t.Errorf("fmt -: %v\n%s", err, out.String())
	}
}

// TestSourcesAreFormatted holds what comes with dlc to its own style.
func TestSourcesAreFormatted(t *testing.T) {
	if out, errs, code := call("fmt", "-d", "../../stdlib", "../../examples"); code != exitGood {
		t.Errorf("run dlc fmt -w:\n%s%s", out, errs)
	}
	if list, err := sources([]string{"../../stdlib", "../../examples"}); err != nil || len(list) < 10 {
		t.Errorf("only %v: %v", list, err)
	}
}

func TestBugsEndWithTheirOwnCode(t *testing.T) {
	var out, errs bytes.Buffer
	t.Setenv("TMPDIR", t.TempDir())
	broken := &cobra.Command{Use: "broken"}
	bug := dlc.Guard("dlc broken", func() error { panic("BUG: injected") })
	if code := report(broken, bug, &out, &errs); code != exitBug || !strings.HasPrefix(errs.String(), "error: dlc has a bug, in dlc broken: injected (saved in ") {
		t.Errorf("%d %s", code, errs.String())
	}
	if _, errs, code := call("repro", file(t, "a.bug.txt", "hello")); code != exitUser || !strings.Contains(errs, "was not saved by dlc") {
		t.Errorf("%d %s", code, errs)
	}
	text := "edition 2026\nmodel A()(x: f32[N]) -> (y: f32[N]) { x }\n"
	saved := "dlc 0.1.0, check: BUG: injected\n\n-- options --\n{\"path\":\"a.dlc\",\"bytes\":BYTES,\"call\":\"check\"}\n\n-- source --\n" + text
	saved = strings.Replace(saved, "BYTES", strconv.Itoa(len(text)), 1)
	if out, errs, code := call("repro", file(t, "a.bug.txt", saved)); code != exitGood || !strings.Contains(out, "does not happen any more") {
		t.Errorf("%d %s%s", code, out, errs)
	}
}
