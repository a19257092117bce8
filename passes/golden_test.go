package passes

import (
	"os"
	"path/filepath"
	"testing"

	"dlc/ir"
	"dlc/ir/kernel"

	"golang.org/x/tools/txtar"
)

// Each testdata/kernels/*.txtar holds a module (in), its kernels with their orders, one per node
// (order), and the kernels that are scheduled (kernels). UPDATE=1 rewrites the latter two.
func TestKernelGoldens(t *testing.T) {
	files, err := filepath.Glob("testdata/kernels/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := ir.Parse(string(a.Files[0].Data))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		got := &txtar.Archive{Comment: a.Comment, Files: append(a.Files[:1:1], stages(t, file, m)...)}
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if string(txtar.Format(got)) != string(txtar.Format(a)) {
			t.Errorf("%s: got\n%s", file, txtar.Format(got))
		}
	}
}

func stages(t *testing.T, file string, m *ir.Module) []txtar.File {
	t.Helper()
	var out []txtar.File
	if err := Graph(m, nil); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	o := &Options{After: func(pass string, v any) {
		p := v.(*kernel.Program)
		if err := kernel.Verify(p); err != nil {
			t.Errorf("%s: after %s: %v", file, pass, err)
		}
		switch pass {
		case "order":
			out = append(out, txtar.File{Name: "order", Data: []byte(p.String())})
		case "layout":
			out = append(out, txtar.File{Name: "kernels", Data: []byte(p.String())})
		}
	}}
	if _, err := Kernels(m.Funcs[0], m, o); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return out
}
