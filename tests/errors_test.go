package tests

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dlc"
	"dlc/ir"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/passes"

	"golang.org/x/tools/txtar"
)

// TestGoldenErrors compiles each source of golden/errors and compares what the user is shown. A
// source is a .dlc file, or a .graph, the text of a module, for what only passes tell.
func TestGoldenErrors(t *testing.T) {
	paths, err := filepath.Glob("golden/errors/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			src := a.Files[0]
			got := shown(t, mistakes(t, src), src)
			if *update {
				a.Files = []txtar.File{src, {Name: "diagnostics", Data: []byte(got)}}
				if err := os.WriteFile(path, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if len(a.Files) < 2 || string(a.Files[1].Data) != got {
				t.Errorf("diagnostics changed; got:\n%s", got)
			}
		})
	}
}

// mistakes returns what is wrong with a source, of one without errors the warnings.
func mistakes(t *testing.T, src txtar.File) diag.List {
	t.Helper()
	var err error
	if strings.HasSuffix(src.Name, ".graph") {
		m, bad := ir.Parse(string(src.Data))
		if bad != nil {
			t.Fatal(bad)
		}
		if err = passes.Graph(m, nil); err == nil {
			_, err = passes.Kernels(m.Funcs[0], m, nil)
		}
	} else {
		p, bad := dlc.Check(&dlc.Source{Path: src.Name, Text: src.Data}, nil)
		if bad == nil {
			return p.Warnings
		}
		err = bad
	}
	var list diag.List
	var one *diag.Diagnostic
	switch {
	case errors.As(err, &list):
	case errors.As(err, &one):
		list = diag.List{one}
	default:
		t.Fatalf("no mistake is told: %v", err)
	}
	return list
}

// shown renders mistakes as a terminal without colour shows them.
func shown(t *testing.T, list diag.List, src txtar.File) string {
	t.Helper()
	var b strings.Builder
	read := func(file string) []byte {
		if file == src.Name {
			return src.Data
		}
		text, err := dlc.SourceText(file)
		if err != nil {
			return nil
		}
		return text
	}
	if err := diag.Render(&b, list, read, false); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestFixesOfErrorsMend applies every fix of golden/errors: the mistake named is gone.
func TestFixesOfErrorsMend(t *testing.T) {
	paths, _ := filepath.Glob("golden/errors/*.txtar")
	for _, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		src := a.Files[0]
		for _, d := range mistakes(t, src) {
			if d.Fix == nil {
				continue
			}
			s := d.Fix.Span
			text := slices.Concat(src.Data[:s.Start], []byte(d.Fix.Text), src.Data[s.End:])
			p, err := dlc.Check(&dlc.Source{Path: src.Name, Text: text}, nil)
			var after diag.List
			if !errors.As(err, &after) && p != nil {
				after = p.Warnings
			}
			for _, e := range after {
				if e.Code == d.Code && e.Span.Start == d.Span.Start && e.Message == d.Message {
					t.Errorf("%s: the fix of %v leaves it", path, d)
				}
			}
		}
	}
}

// told finds the codes in goldens, written those in the compiler's sources.
var (
	told    = regexp.MustCompile(`(?:error|warning)\[([EW]\d{4})\]`)
	written = regexp.MustCompile(`"([EW]\d{4})"`)
)

// TestEveryCodeHasACase holds each code to a meaning and to a golden case that shows it.
func TestEveryCodeHasACase(t *testing.T) {
	cases := codesIn(t, told, "golden/errors/*.txtar", "golden/cli/*.txtar", "../lang/syntax/testdata/errors.txtar")
	used := codesIn(t, written, "../*.go", "../lang/*/*.go", "../passes/*.go", "../cmd/dlc/*.go")
	listed := map[string]bool{}
	last := ""
	for _, c := range check.Codes() {
		if !cases[c.Code] {
			t.Errorf("no case shows %s: %s", c.Code, c.Meaning)
		}
		if c.Code <= last || c.Meaning == "" {
			t.Errorf("%s stands behind %s, and means %q", c.Code, last, c.Meaning)
		}
		listed[c.Code], last = true, c.Code
	}
	for code := range used {
		if !listed[code] {
			t.Errorf("%s has no meaning in check.Codes", code)
		}
	}
}

// codesIn collects the codes in files that are no tests.
func codesIn(t *testing.T, code *regexp.Regexp, patterns ...string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, p := range patterns {
		paths, err := filepath.Glob(p)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: no files: %v", p, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			for _, m := range code.FindAllStringSubmatch(string(text), -1) {
				found[m[1]] = true
			}
		}
	}
	return found
}
