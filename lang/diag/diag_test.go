package diag

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite goldens")

// at returns the span of the n-th (from 1) occurrence of text in a file.
func at(t *testing.T, file, src, text string, n int) Span {
	t.Helper()
	start := -1
	for range n {
		i := strings.Index(src[start+1:], text)
		if i < 0 {
			t.Fatalf("%q does not stand %d times in %s", text, n, file)
		}
		start += 1 + i
	}
	bol := strings.LastIndexByte(src[:start], '\n') + 1
	return Span{file, strings.Count(src[:start], "\n") + 1, start - bol + 1, start, start + len(text)}
}

const lenet = `edition 2026

model LeNet()(image: f32[N, 28, 28, 1]) -> (logits: f32[N, 10]) {
  param w: [128, 10] = zeros()
  x = image
    |> Conv2D(32)
    |> MaxPool2D(2)
    |> Conv2D(64)
    |> Flatten()
	tabbed = 1 + größe + 漢字 + wrong



  y = x @ w
  y
}
`

const library = "layer Dense(units: int)(x: float[B..., D]) -> float[B..., units] {\n}\n"

func cases(t *testing.T) map[string]List {
	in := func(text string, n int) Span { return at(t, "lenet.dlc", lenet, text, n) }
	matmul := &Diagnostic{Code: "E0204", Message: "inner dims of `@` differ: 3136 and 128", Span: in("w", 3), Label: "f32[128, 10]",
		Related: []Label{{in("Flatten()", 1), "f32[N, 3136]"}, {in("x", 3), "f32[N, 3136]"}},
		Help:    []string{"declare `w` as [3136, 10], or use Dense(10), which infers it"}}
	other := &Diagnostic{Code: "E0201", Message: "units must be an int", Span: in("Conv2D(64)", 1),
		Related: []Label{{at(t, "stdlib/dense.dlc", library, "units", 1), "declared here"}}}
	warning := &Diagnostic{Severity: Warning, Code: "W0001", Message: "nothing uses this", Span: in("tabbed", 1), Label: "bound here",
		Related: []Label{{in("größe", 1), "one"}, {in("漢字", 1), "two"}, {in("wrong", 1), "three"}}}
	return map[string]List{
		"matmul":    {matmul},
		"sorted":    {matmul, warning, other},
		"no source": {{Code: "E0001", Message: "cannot read this", Span: Span{File: "gone.dlc", Line: 3, Col: 1}}, {Code: "E0002", Message: "no place at all"}},
		"fix":       {{Code: "E0110", Message: "a comparison", Span: in("@", 1), Fix: &Fix{in("@", 1), "*"}}},
		"overlap":   {{Code: "E0003", Message: "all of it", Span: in("x @ w", 1), Label: "whole", Related: []Label{{in("@", 1), "inside"}}}},
		"many lines": {{Code: "E0004", Message: "too long", Span: Span{"lenet.dlc", 16, 3, len(lenet) - 4, len(lenet)}, Label: "to the end",
			Help: []string{"first", "second"}}},
	}
}

func source(file string) []byte {
	switch file {
	case "lenet.dlc":
		return []byte(lenet)
	case "stdlib/dense.dlc":
		return []byte(library)
	}
	return nil
}

func TestRenderGolden(t *testing.T) {
	path := filepath.Join("testdata", "render.txtar")
	var got txtar.Archive
	all := cases(t)
	for _, name := range []string{"matmul", "sorted", "no source", "fix", "overlap", "many lines"} {
		for _, color := range []bool{false, true} {
			var b strings.Builder
			if err := Render(&b, all[name], source, color); err != nil {
				t.Fatal(err)
			}
			text := b.String()
			if color {
				name += ", coloured"
				text = strings.ReplaceAll(text, "\x1b", "ESC")
			}
			got.Files = append(got.Files, txtar.File{Name: name, Data: []byte(text)})
		}
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(&got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(txtar.Format(&got)) {
		t.Errorf("rendering changed; got:\n%s", txtar.Format(&got))
	}
}

func TestRenderAsTheLanguagePageShows(t *testing.T) {
	var b strings.Builder
	if err := Render(&b, cases(t)["matmul"], source, false); err != nil {
		t.Fatal(err)
	}
	const want = "error[E0204]: inner dims of `@` differ: 3136 and 128\n" +
		"  --> lenet.dlc:14:11\n" +
		"   |\n" +
		" 9 |     |> Flatten()\n" +
		"   |        --------- f32[N, 3136]\n" +
		"14 |   y = x @ w\n" +
		"   |       -   ^ f32[128, 10]\n" +
		"   |       f32[N, 3136]\n" +
		"   = help: declare `w` as [3136, 10], or use Dense(10), which infers it\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestJSON(t *testing.T) {
	var b strings.Builder
	if err := JSON(&b, cases(t)["matmul"]); err != nil {
		t.Fatal(err)
	}
	var back []struct {
		Severity, Code, Message, Label string
		Span                           struct {
			File                  string
			Line, Col, Start, End int
		}
		Related []struct{ Text string }
		Help    []string
	}
	if err := json.Unmarshal([]byte(b.String()), &back); err != nil {
		t.Fatal(err)
	}
	d := back[0]
	if d.Severity != "error" || d.Code != "E0204" || d.Label != "f32[128, 10]" || d.Span.Line != 14 || d.Span.Col != 11 || len(d.Related) != 2 || len(d.Help) != 1 {
		t.Errorf("got %+v", d)
	}
	if b.Reset(); JSON(&b, nil) != nil || b.String() != "[]\n" {
		t.Errorf("no mistakes give %q", b.String())
	}
}

func TestSuggest(t *testing.T) {
	words := []string{"model", "layer", "metric", "cross_entropy", "Conv2D", "Dense"}
	for name, want := range map[string]string{"modle": "model", "leyer": "layer", "metrics": "metric", "crossentropy": "cross_entropy", "conv2d": "Conv2D",
		"banana": "", "x": "", "Dense": "", "": "", "cross": "cross_entropy", "De": "", "d": ""} {
		if got, ok := Suggest(name, words); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestErr(t *testing.T) {
	if (List{{Severity: Warning}}).Err() != nil || (List{}).Err() != nil || (List{{Severity: Warning}, {}}).Err() == nil {
		t.Error("a list is an error exactly when it holds one")
	}
}

// TestRenderAnySpan draws spans that fit no source: nothing may panic.
func TestRenderAnySpan(t *testing.T) {
	for _, n := range []int{-5, 0, 1, 3, 1000} {
		for _, m := range []int{-5, 0, 1, 3, 1000} {
			d := &Diagnostic{Message: "x", Span: Span{"lenet.dlc", n, m, m, n}, Related: []Label{{Span{"lenet.dlc", m, n, n, m}, "y"}}}
			if err := Render(&strings.Builder{}, List{d}, source, true); err != nil {
				t.Error(err)
			}
		}
	}
}
