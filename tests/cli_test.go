package tests

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/tools/txtar"

	"dlc/ir/tensor"
	"dlc/runtime/data"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// binaries is the folder that command builds into.
var binaries string

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "dlc-tests-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	binaries = dir
	debug.SetGCPercent(400) // as in dlc itself: there is memory enough, and collecting takes a tenth of the time
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// command returns the dlc that all tests share, built once and without cgo.
var command = sync.OnceValues(func() (string, error) { return goBuild("dlc", "../cmd/dlc") })

// goBuild builds a program of ours without cgo.
func goBuild(name, pkg string) (string, error) {
	path := filepath.Join(binaries, name)
	build := exec.Command("go", "build", "-o", path, pkg)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return path, nil
}

func dlcCommand(t testing.TB) string {
	t.Helper()
	path, err := command()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestGoldenCLI plays the cases of tests/golden/cli. A case is a description, a script and the
// files it starts with; the section output is what a user sees: lines of standard output as they
// are, those of standard error after "! ", then the exit code.
func TestGoldenCLI(t *testing.T) {
	paths, err := filepath.Glob("golden/cli/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	dlc := dlcCommand(t)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			c := &cliCase{t: t, dlc: dlc, dir: t.TempDir()}
			var kept []txtar.File
			want := ""
			for _, f := range a.Files {
				if f.Name == "output" {
					want = string(f.Data)
					continue
				}
				kept = append(kept, f)
				if f.Name != "script" {
					c.write(f.Name, f.Data)
				}
			}
			for _, line := range strings.Split(string(file(a, "script")), "\n") {
				if words := strings.Fields(line); len(words) > 0 {
					c.play(words)
				}
			}
			golden(t, path, &txtar.Archive{Comment: a.Comment, Files: append(kept, txtar.File{Name: "output", Data: c.out.Bytes()})}, want, c.out.String())
		})
	}
}

// golden rewrites a case when asked to, else compares.
func golden(t *testing.T, path string, a *txtar.Archive, want, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Errorf("%s is not what it was (make golden rewrites it)\n%s", path, difference(want, got))
	}
}

// difference shows the first line that differs, and the lines around it.
func difference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	at := 0
	for at < len(w) && at < len(g) && w[at] == g[at] {
		at++
	}
	part := func(lines []string) string {
		return strings.Join(lines[min(max(0, at-3), len(lines)):min(len(lines), at+6)], "\n\t")
	}
	return fmt.Sprintf("line %d; wanted:\n\t%s\ngot:\n\t%s", at+1, part(w), part(g))
}

// file returns the content of a section.
func file(a *txtar.Archive, name string) []byte {
	for _, f := range a.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

// A cliCase is a case at play, in a folder of its own.
type cliCase struct {
	t   *testing.T
	dlc string
	dir string
	out bytes.Buffer
}

func (c *cliCase) path(name string) string { return filepath.Join(c.dir, filepath.FromSlash(name)) }

func (c *cliCase) write(name string, content []byte) {
	c.t.Helper()
	if err := os.MkdirAll(filepath.Dir(c.path(name)), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(c.path(name), content, 0o644); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cliCase) read(name string) []byte {
	c.t.Helper()
	content, err := os.ReadFile(c.path(name))
	if err != nil {
		c.t.Fatal(err)
	}
	return content
}

// play does one line of a script: dlc ARGS, or one of
//
//	digits DIR          copies the images and labels of the example
//	npy FILE DIMS...    writes a ramp of f32
//	flip FILE OFFSET    changes a bit; an offset below zero counts from the end
//	cut FILE LENGTH     cuts a file short; a length below zero counts from the end
//	cat FILE            shows a file
func (c *cliCase) play(words []string) {
	c.t.Helper()
	switch words[0] {
	case "dlc":
		c.run(words[1:])
	case "digits":
		if err := os.CopyFS(c.path(words[1]), os.DirFS("../examples/digits/data")); err != nil {
			c.t.Fatal(err)
		}
	case "npy":
		c.npy(words[1], words[2:])
	case "flip":
		b := c.read(words[1])
		b[c.offset(words[2], len(b))] ^= 4
		c.write(words[1], b)
	case "cut":
		b := c.read(words[1])
		c.write(words[1], b[:c.offset(words[2], len(b))])
	case "cat":
		fmt.Fprintf(&c.out, "$ cat %s\n%s", words[1], steady(c.read(words[1])))
	default:
		c.t.Fatalf("unknown line %q", words)
	}
}

func (c *cliCase) offset(word string, length int) int {
	c.t.Helper()
	n, err := strconv.Atoi(word)
	if n < 0 {
		n += length
	}
	if err != nil || n < 0 || n > length {
		c.t.Fatalf("offset %s of %d: %v", word, length, err)
	}
	return n
}

func (c *cliCase) npy(name string, dims []string) {
	c.t.Helper()
	var sizes []int
	for _, d := range dims {
		n, err := strconv.Atoi(d)
		if err != nil {
			c.t.Fatal(err)
		}
		sizes = append(sizes, n)
	}
	x := tensor.New(tensor.F32, sizes...)
	for i := range x.Len() {
		x.SetFloat(i, math.Mod(float64(i)/8, 1))
	}
	var b bytes.Buffer
	if err := data.WriteNPY(&b, x); err != nil {
		c.t.Fatal(err)
	}
	c.write(name, b.Bytes())
}

// run plays a command and adds what it says to the transcript.
func (c *cliCase) run(args []string) {
	c.t.Helper()
	fmt.Fprintf(&c.out, "$ dlc %s\n", strings.Join(args, " "))
	cmd := exec.Command(c.dlc, args...)
	cmd.Dir = c.dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Fatal(err)
	}
	c.out.Write(steady(out.Bytes()))
	if text := strings.TrimRight(string(steady(errs.Bytes())), "\n"); text != "" {
		c.out.WriteString("! " + strings.ReplaceAll(text, "\n", "\n! ") + "\n")
	}
	fmt.Fprintf(&c.out, "[exit %d]\n", cmd.ProcessState.ExitCode())
}

// steadied are what changes from run to run or with the version of libLLVM, and what stands for it.
var steadied = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "<sha256>"},
	{regexp.MustCompile(`[0-9,]+ samples/s`), "<rate> samples/s"},
	{regexp.MustCompile(`\b[0-9]+\.[0-9] s\b`), "<time> s"},
	{regexp.MustCompile(`"(samples_per_s|seconds)":[0-9.e+]+`), `"$1":<number>`},
	{regexp.MustCompile(`\b[0-9]+\.[0-9]+ ms`), "<time> ms"},
	{regexp.MustCompile(`it has [0-9]+ bytes and should have [0-9]+`), "it has <size> bytes and should have <size>"},
	{regexp.MustCompile(`(\.dlb: |^\w+, |x86-64-v[34] +)[0-9,]+ bytes`), "$1<size> bytes"},
}

func steady(text []byte) []byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	for i := range lines {
		for _, s := range steadied {
			lines[i] = s.what.ReplaceAll(lines[i], []byte(s.with))
		}
	}
	return bytes.Join(lines, nil)
}
