package tests

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"dlc"
	"dlc/codegen/ptx"
	"dlc/codegen/ptx/assemble"
	"dlc/ir/tile"
	"dlc/passes"
)

// smallPTX is the number of lines up to which a golden holds the text itself.
const smallPTX = 1000

// TestWitnessesOnGPUs keeps what becomes of each witness on GPUs. NVIDIA's assembler must take the
// text without a warning and without registers in memory.
func TestWitnessesOnGPUs(t *testing.T) {
	for _, w := range witnesses(t) {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			now := &txtar.Archive{Comment: []byte(w.name + " on GPUs: schedules, what ptxas says of the kernels, and their instructions or text\n")}
			version, err := assemble.Version()
			if err == nil {
				now.Files = append(now.Files, txtar.File{Name: figuresBy, Data: []byte(version + "\n")})
			} else if !errors.Is(err, assemble.ErrMissing) {
				t.Fatal(err)
			}
			known := map[string]bool{}
			for _, target := range ptx.Targets() {
				now.Files = append(now.Files, w.onGPU(t, target, known)...)
			}
			path := strings.TrimSuffix(w.path, dlc.KernelSuffix) + ".ptx.txtar"
			old, err := os.ReadFile(path)
			if err != nil && !*update {
				t.Fatal(err)
			}
			if *update {
				keepFigures(now, txtar.Parse(old))
			}
			want, got := txtar.Parse(old), now
			if by := figuresVersion(want); version != by && !*update {
				t.Logf("FIGURES OF PTXAS NOT COMPARED: those of the golden are by %s, here is %q", by, version)
				want, got = withoutFigures(want), withoutFigures(got)
			}
			golden(t, path, now, string(txtar.Format(want)), string(txtar.Format(got)))
		})
	}
}

// figuresBy is the file of a golden that tells the version of ptxas that its figures are by.
const figuresBy = "ptxas"

func figuresVersion(a *txtar.Archive) string {
	for _, f := range a.Files {
		if f.Name == figuresBy {
			return strings.TrimSpace(string(f.Data))
		}
	}
	return "nobody"
}

// withoutFigures is a golden without what ptxas said, which differs from version to version.
func withoutFigures(a *txtar.Archive) *txtar.Archive {
	c := &txtar.Archive{Comment: a.Comment, Files: slices.Clone(a.Files)}
	c.Files = slices.DeleteFunc(c.Files, func(f txtar.File) bool { return strings.HasPrefix(f.Name, figuresBy) })
	return c
}

// keepFigures gives a golden that is made without ptxas the figures that it had.
func keepFigures(now, old *txtar.Archive) {
	if _, err := assemble.Find(); err == nil {
		return
	}
	for i, f := range old.Files {
		if strings.HasPrefix(f.Name, "ptxas") {
			now.Files = slices.Insert(now.Files, min(i, len(now.Files)), f)
		}
	}
}

// onGPU compiles the witness for a GPU and returns what its golden keeps: for schedules that are
// known, but for the machine's name, the figures alone.
func (w *witness) onGPU(t *testing.T, target ptx.Target, known map[string]bool) []txtar.File {
	t.Helper()
	p := w.parse(t)
	passes.Rewrite(p, &passes.Options{Machine: &target.Machine})
	var programs []*tile.Program
	schedules := ""
	for _, k := range p.Kernels {
		s, err := passes.Tile(k, &target.Machine)
		if err != nil {
			t.Fatal(err)
		}
		programs, schedules = append(programs, s), schedules+s.String()
	}
	m, err := ptx.Compile(programs, target)
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.ReplaceAll(schedules, target.Name, "")
	if known[plain] {
		return w.figures(t, m, target)
	}
	known[plain] = true
	text := m.Text
	if strings.Count(text, "\n") > smallPTX {
		text = mix(text)
	}
	files := []txtar.File{{Name: "tile " + target.Name, Data: []byte(schedules)}}
	return append(append(files, w.figures(t, m, target)...), txtar.File{Name: "ptx " + target.Name, Data: []byte(text)})
}

// figures asks ptxas, where it is installed.
func (w *witness) figures(t *testing.T, m *ptx.Module, target ptx.Target) []txtar.File {
	t.Helper()
	list, err := assemble.Assemble(m.Text, target.Name, "")
	if errors.Is(err, assemble.ErrMissing) {
		t.Log("NOT ASSEMBLED: ", err)
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, f := range list {
		for _, k := range m.Kernels {
			if k.Name == f.Kernel {
				f.Shared += int(k.Shared)
			}
		}
		if f.Spilled > 0 {
			t.Errorf("%s for %s: %s", w.name, target.Name, f)
		}
		text += f.String() + "\n"
	}
	return []txtar.File{{Name: "ptxas " + target.Name, Data: []byte(text)}}
}

// mix counts the instructions of each kernel of a text.
func mix(text string) string {
	var b strings.Builder
	counts := map[string]int{}
	flush := func() {
		for _, op := range slices.Sorted(maps.Keys(counts)) {
			fmt.Fprintf(&b, "  %s %d\n", op, counts[op])
		}
		clear(counts)
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, ".visible .entry "); ok {
			flush()
			b.WriteString(strings.TrimSuffix(name, "(") + "\n")
			continue
		}
		if strings.HasPrefix(line, "@") {
			_, line, _ = strings.Cut(line, " ")
		}
		op, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		op = strings.Trim(op, "\t;{}")
		if op != "" && op[0] >= 'a' && op[0] <= 'z' {
			counts[strings.TrimSpace(strings.SplitN(op, "\t", 2)[0])]++
		}
	}
	flush()
	return b.String()
}
