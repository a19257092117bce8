package build_test

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/stdlib"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// TestErrors compiles each source of tests/golden/errors and compares what the user is shown.
func TestErrors(t *testing.T) {
	paths, err := filepath.Glob("../../tests/golden/errors/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	told := map[string]bool{}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		t.Run(name, func(t *testing.T) {
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			src := a.Files[0]
			_, _, diags := compile(src.Name, string(src.Data), nil)
			for _, d := range diags {
				told[d.Code] = true
			}
			got := rendered(t, diags, src)
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
	for _, c := range check.Codes() {
		if !told[c.Code] {
			t.Errorf("no case tells %s: %s", c.Code, c.Meaning)
		}
	}
}

func rendered(t *testing.T, diags diag.List, src txtar.File) string {
	var b strings.Builder
	read := func(file string) []byte {
		if file == src.Name {
			return src.Data
		}
		text, err := fs.ReadFile(stdlib.Files, strings.TrimPrefix(file, "stdlib/"))
		if err != nil {
			return nil
		}
		return text
	}
	if err := diag.Render(&b, diags, read, false); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
