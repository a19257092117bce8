package syntax

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shared returns the folder of shared fixtures, or skips.
func shared(t testing.TB) string {
	dir := os.Getenv("DLC_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(dir, "design")); err != nil {
		t.Skipf("SKIPPED: no shared fixtures at %s (set DLC_SHARED)", dir)
	}
	return dir
}

func mustParse(t *testing.T, name string, src []byte) *File {
	t.Helper()
	f, list := Parse(name, src)
	for _, d := range list {
		t.Errorf("%v", d)
	}
	return f
}

func TestProgramsParse(t *testing.T) {
	paths, _ := filepath.Glob(filepath.Join(shared(t), "design", "programs", "*.dlc"))
	if len(paths) != 7 {
		t.Errorf("%d programs, want 7", len(paths))
	}
	for _, p := range paths {
		src, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		mustParse(t, filepath.Base(p), src)
	}
}

func TestLanguageSnippetsParse(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(shared(t), "design", "language.md"))
	if err != nil {
		t.Fatal(err)
	}
	parts := bytes.Split(text, []byte("\n```"))
	read := 0
	for i := 1; i < len(parts); i += 2 {
		src := bytes.TrimPrefix(parts[i], []byte("\n"))
		if bytes.HasPrefix(src, []byte("error[")) {
			continue
		}
		read++
		f := mustParse(t, "language.md", src)
		if len(f.Decls) == 0 {
			t.Errorf("snippet %d holds no declaration:\n%s", i/2, src)
		}
	}
	if read < 8 {
		t.Errorf("%d snippets found", read)
	}
}

func TestOwnSourcesParse(t *testing.T) {
	paths, _ := filepath.Glob(filepath.Join("testdata", "*.dlc"))
	if len(paths) == 0 {
		t.Fatal("no sources under testdata")
	}
	for _, p := range paths {
		src, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		f := mustParse(t, filepath.Base(p), src)
		var first, second strings.Builder
		if err := Print(&first, f); err != nil {
			t.Fatal(err)
		}
		if err := Print(&second, mustParse(t, filepath.Base(p), src)); err != nil || first.String() != second.String() {
			t.Errorf("%s: the printed tree differs from run to run", p)
		}
	}
}

func TestLibrary(t *testing.T) {
	src := []byte("fn a() { 1 }\nentry A.b() { 2 }\n\nlayer broken( { }\n\nfn a() { 3 }\n\ntest \"x\" { 4 }\n")
	x, list := NewLibrary("a.dlc", src)
	if got := strings.Join(x.Names(), " "); len(list) > 0 || got != "a A.b broken" {
		t.Fatalf("names %q, %v", got, list)
	}
	for range 2 {
		if d, err := x.Lookup("A.b"); err != nil || d.Name() != "A.b" || d.Kind != "entry" {
			t.Errorf("A.b: %v %v", d, err)
		}
		if d, err := x.Lookup("broken"); d != nil || err == nil {
			t.Error("broken is parsed")
		}
		if d, err := x.Lookup("c"); d != nil || err != nil {
			t.Error("c is found")
		}
	}
	if d, _ := x.Lookup("a"); d.Span().Line != 1 {
		t.Error("the first of two counts")
	}
}
