package format

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"dlc/lang/diag"
	"dlc/lang/syntax"

	"golang.org/x/tools/txtar"
)

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

// crooked are the lines of those pages that stand alone with two blanks where one belongs.
var crooked = strings.NewReplacer("  into  = edge[:, 1]", "  into = edge[:, 1]", "param into_score:   [heads", "param into_score: [heads", "b = text  |> Embedding", "b = text |> Embedding")

// unchanged checks that a source is in the layout already.
func unchanged(t *testing.T, name string, src []byte) {
	t.Helper()
	src = []byte(crooked.Replace(string(src)))
	out, err := Source(name, src)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	a, b := strings.Split(string(src), "\n"), strings.Split(string(out), "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Errorf("%s:%d\n%q became\n%q", name, i+1, a[i], b[i])
		}
	}
	if len(a) != len(b) {
		t.Errorf("%s: %d lines became %d", name, len(a), len(b))
	}
}

// TestTheExamplesAreFormatted: the layout is that of the language's own pages.
func TestTheExamplesAreFormatted(t *testing.T) {
	dir := filepath.Join(shared(t), "design")
	paths, _ := filepath.Glob(filepath.Join(dir, "programs", "*.dlc"))
	for _, p := range paths {
		src, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		unchanged(t, filepath.Base(p), src)
	}
	text, err := os.ReadFile(filepath.Join(dir, "language.md"))
	if err != nil {
		t.Fatal(err)
	}
	parts := bytes.Split(text, []byte("\n```"))
	for i := 1; i < len(parts); i += 2 {
		if src := bytes.TrimPrefix(parts[i], []byte("\n")); !bytes.HasPrefix(src, []byte("error[")) {
			unchanged(t, "language.md", append(src, '\n'))
		}
	}
}

// TestLayout compares the pairs of layout.txtar: a source and, under `want`, its layout.
func TestLayout(t *testing.T) {
	a, err := txtar.ParseFile(filepath.Join("testdata", "layout.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(a.Files); i += 2 {
		in, want := a.Files[i], a.Files[i+1]
		out, err := Source(in.Name, in.Data)
		if err != nil || string(out) != string(want.Data) {
			t.Errorf("%s: %v, got\n%s", in.Name, err, out)
		}
		unchanged(t, in.Name, want.Data)
	}
}

func TestBrokenSourcesAreNotTouched(t *testing.T) {
	out, err := Source("a.dlc", []byte("fn f( {\n"))
	var list diag.List
	if out != nil || !errors.As(err, &list) {
		t.Errorf("got %q, %v", out, err)
	}
}

// meaning is the tree without places.
func meaning(t *testing.T, src []byte) string {
	f, list := syntax.Parse("a.dlc", src)
	if len(list) > 0 {
		t.Fatalf("%v\n%s", list, src)
	}
	var b strings.Builder
	if err := syntax.Print(&b, f); err != nil {
		t.Fatal(err)
	}
	for _, c := range f.Comments {
		b.WriteString(c.Text + "\n")
	}
	return regexp.MustCompile(` \d+:\d+`).ReplaceAllString(b.String(), "")
}

// TestAnyLayoutIsMended scatters blanks, tabs and newlines where they mean nothing: the layout
// keeps the tree and every comment, and laying out again changes nothing.
func TestAnyLayoutIsMended(t *testing.T) {
	paths, _ := filepath.Glob(filepath.Join("..", "syntax", "testdata", "*.dlc"))
	rng := rand.New(rand.NewPCG(1, 2))
	for _, p := range paths {
		src, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		want := meaning(t, src)
		for range 60 {
			scattered := scatter(rng, src)
			out, err := Source("a.dlc", scattered)
			if err != nil {
				t.Fatalf("%v\n%s", err, scattered)
			}
			if got := meaning(t, out); got != want {
				t.Fatalf("the tree changed:\n%s\nbecame\n%s", scattered, out)
			}
			if again, err := Source("a.dlc", out); err != nil || string(again) != string(out) {
				t.Fatalf("%v: not settled:\n%s\nbecame\n%s", err, out, again)
			}
		}
	}
}

// scatter widens blanks, and breaks lines inside round and square brackets.
func scatter(rng *rand.Rand, src []byte) []byte {
	var out []byte
	depth, comment, quoted := []byte{}, false, false
	for i, c := range src {
		commented := comment
		comment = comment && c != '\n' || c == '/' && i+1 < len(src) && src[i+1] == '/'
		quoted = quoted != (c == '"' && !comment)
		out = append(out, c)
		if comment || commented || quoted {
			continue
		}
		switch c {
		case '(', '[', '{':
			depth = append(depth, c)
		case ')', ']', '}':
			depth = depth[:len(depth)-1]
		case '\n':
			if rng.IntN(3) == 0 && len(depth) > 0 {
				out = append(out, "\n \n"...)
			}
		case ' ':
			for range rng.IntN(4) {
				out = append(out, " \t"[rng.IntN(2)])
			}
			begun := strings.TrimSpace(string(out[bytes.LastIndexByte(out, '\n')+1:])) != ""
			if n := len(depth); begun && n > 0 && depth[n-1] != '{' && rng.IntN(6) == 0 {
				out = append(out, "\n  "...)
			}
		}
	}
	return out
}

func FuzzSource(f *testing.F) {
	paths, _ := filepath.Glob(filepath.Join("..", "syntax", "testdata", "*.dlc"))
	for _, p := range paths {
		if src, err := os.ReadFile(p); err == nil {
			f.Add(src)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		out, err := Source("a.dlc", src)
		if err != nil {
			return
		}
		if meaning(t, src) != meaning(t, out) {
			t.Errorf("the tree changed:\n%s\nbecame\n%s", src, out)
		}
		if again, err := Source("a.dlc", out); err != nil || string(again) != string(out) {
			t.Errorf("%v: not settled:\n%s\nbecame\n%s", err, out, again)
		}
	})
}
