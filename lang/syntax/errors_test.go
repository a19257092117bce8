package syntax

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dlc/lang/diag"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite goldens")

// TestErrors renders the mistakes of each source of errors.txtar and compares with the section
// `want` behind it.
func TestErrors(t *testing.T) {
	path := filepath.Join("testdata", "errors.txtar")
	a, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := &txtar.Archive{Comment: a.Comment}
	for _, f := range a.Files {
		if f.Name == "want" {
			continue
		}
		_, list := Parse("a.dlc", f.Data)
		var b strings.Builder
		if err := diag.Render(&b, list, func(string) []byte { return f.Data }, false); err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			t.Errorf("%s: no mistake found", f.Name)
		}
		out.Files = append(out.Files, f, txtar.File{Name: "want", Data: []byte(b.String())})
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(out), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for i, f := range out.Files {
		if i < len(a.Files) && (a.Files[i].Name != f.Name || string(a.Files[i].Data) != string(f.Data)) {
			t.Fatalf("%s: got\n%s\nwant\n%s", out.Files[i-1].Name, f.Data, a.Files[i].Data)
		}
	}
	if len(a.Files) != len(out.Files) {
		t.Errorf("%d sections, want %d", len(a.Files), len(out.Files))
	}
}

// TestFixesMend applies every fix of errors.txtar: the text changes at the place named, and the
// mistake named is gone.
func TestFixesMend(t *testing.T) {
	a, err := txtar.ParseFile(filepath.Join("testdata", "errors.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		if f.Name == "want" {
			continue
		}
		_, list := Parse("a.dlc", f.Data)
		for _, d := range list {
			if d.Fix == nil {
				continue
			}
			s := d.Fix.Span
			mended := string(f.Data[:s.Start]) + d.Fix.Text + string(f.Data[s.End:])
			_, after := Parse("a.dlc", []byte(mended))
			for _, e := range after {
				if e.Code == d.Code && e.Span.Start == d.Span.Start {
					t.Errorf("%s: the fix leaves %v\n%s", f.Name, e, mended)
				}
			}
		}
	}
}

// TestOneErrorPerBlock: a mistake in one declaration hides no other.
func TestOneErrorPerBlock(t *testing.T) {
	src := "model A() (x: f32[N] { x }\n\nlayer B()(x: f32[N]) { x + }\n\nfn c(x: int) -> int { x }\n\nmodle D() { 1 }\n\nlayer E() {\n  x = (1\n\nfn f() { 2 }\n"
	f, list := Parse("a.dlc", []byte(src))
	if len(list) != 4 || len(f.Decls) != 2 {
		t.Fatalf("%d mistakes and %d declarations: %v", len(list), len(f.Decls), list)
	}
	if f.Decls[0].(*Definition).Name() != "c" || f.Decls[1].(*Definition).Name() != "f" {
		t.Error("the wrong declarations survived")
	}
}

// TestDepthIsBounded: what nests without end is refused, quickly and without deep recursion.
func TestDepthIsBounded(t *testing.T) {
	const n = 50_000
	for name, body := range map[string]string{
		"round":   strings.Repeat("(", n),
		"square":  strings.Repeat("[", n),
		"braces":  strings.Repeat("if a {", n),
		"powers":  "1" + strings.Repeat("**1", n),
		"minus":   strings.Repeat("-", n) + "1",
		"not":     strings.Repeat("not ", n) + "1",
		"else if": "if a { 1 }" + strings.Repeat(" else if a { 1 }", n),
		"sum":     "1" + strings.Repeat("+1", n),
		"pipe":    "x" + strings.Repeat(" |> f", n),
		"members": "x" + strings.Repeat(".a", n),
		"lambdas": strings.Repeat("f(fn(x) { ", n),
		"shapes":  "y: " + strings.Repeat("[", n),
	} {
		_, list := Parse("a.dlc", []byte("fn f() {\n "+body+"\n}\n"))
		if len(list) != 1 || list[0].Code != "E0105" {
			t.Errorf("%s: %v", name, list)
		}
	}
}

func FuzzParse(f *testing.F) {
	paths, _ := filepath.Glob(filepath.Join("testdata", "*"))
	for _, p := range paths {
		if src, err := os.ReadFile(p); err == nil {
			f.Add(src)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		file, list := Parse("a.dlc", src)
		for _, d := range list {
			if d.Code == "" || d.Message == "" || d.Span.Line < 1 || d.Span.Start > len(src) {
				t.Errorf("incomplete mistake %+v", d)
			}
			if d.Fix != nil && (d.Fix.Span.Start < 0 || d.Fix.Span.End > len(src) || d.Fix.Span.Start > d.Fix.Span.End) {
				t.Errorf("fix outside of the source: %+v", d.Fix)
			}
		}
		if err := diag.Render(&strings.Builder{}, list, func(string) []byte { return src }, false); err != nil {
			t.Error(err)
		}
		if err := Print(&strings.Builder{}, file); err != nil {
			t.Error(err)
		}
	})
}
