package tests

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"dlc"
	"dlc/codegen/cpu"
	"dlc/ir"
)

// longStage is how many bytes of a stage a golden holds. Of a longer one it holds the entry
// infer, and for the others how long they are and a hash.
const longStage = 30_000

// TestGoldenModels compares the text of every stage of four models, section by section; of LLVM
// IR and assembly it holds what must be true of them.
func TestGoldenModels(t *testing.T) {
	for _, file := range []string{"digits/mlp", "digits/lstm", "mnist/lenet", "mnist/resnet"} {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := "golden/models/" + name + ".txtar"
			old, err := txtar.ParseFile(path)
			if err != nil && !(*update && errors.Is(err, fs.ErrNotExist)) {
				t.Fatal(err)
			}
			now := &txtar.Archive{Comment: []byte("Stages of examples/" + file + ".dlc\n"), Files: sections(t, file)}
			want := ""
			if old != nil {
				want = string(txtar.Format(old))
			}
			golden(t, path, now, want, string(txtar.Format(now)))
		})
	}
}

// sections takes an example through all stages.
func sections(t *testing.T, file string) (out []txtar.File) {
	add := func(name, text string) {
		out = append(out, txtar.File{Name: name, Data: []byte(strings.TrimRight(text, "\n") + "\n")})
	}
	src, err := dlc.ReadSource("../examples/" + file + ".dlc")
	if err != nil {
		t.Fatal(err)
	}
	src.Path = filepath.Base(file) + ".dlc"
	graph := ""
	p, err := dlc.Check(src, &dlc.Options{Columns: imageColumns(file), Stages: []string{"ast", "types", "graph"}, Stage: func(stage, text string) {
		if stage == "graph" {
			graph = text
			return
		}
		add(stage, text)
	}})
	if err != nil {
		t.Fatal(err)
	}
	m := p.Module
	m.Funcs = slices.DeleteFunc(m.Funcs, func(f *ir.Func) bool { return f.Name != "train" && f.Name != "infer" })
	out = append(out, stage("graph", functions(graph))...)
	l := lowered(t, file, m)
	out = append(out, stage("opt", functions(ir.Print(m)))...)
	var kernels []entryText
	for _, f := range m.Funcs {
		kernels = append(kernels, entryText{f.Name, l.kernels[f.Name].String()})
	}
	out = append(out, stage("kernel", kernels)...)
	for _, target := range cpu.Targets() {
		out = append(out, l.backStages(t, target)...)
	}
	return out
}

// backStages makes the sections of what depends on the target.
func (p *pipeline) backStages(t *testing.T, target cpu.Target) []txtar.File {
	t.Helper()
	entries, all := p.schedule(t, target)
	var tiles, plans []entryText
	for _, e := range entries {
		text := ""
		for _, x := range p.tiles[target.Name][e.Name] {
			text += x.String()
		}
		tiles = append(tiles, entryText{e.Name, text})
		plans = append(plans, entryText{e.Name, e.String()})
	}
	llvm, err := cpu.EmitLLVM(all, entries, target)
	if err != nil {
		t.Fatal(err)
	}
	asm, err := cpu.EmitAsm(all, entries, target, cpu.Options{})
	if err != nil {
		t.Fatal(err)
	}
	out := append(stage("tile "+target.Name, tiles), stage("plan "+target.Name, plans)...)
	return append(out,
		txtar.File{Name: "llvm " + target.Name, Data: []byte(moduleProperties(llvm))},
		txtar.File{Name: "asm " + target.Name, Data: []byte(codeProperties(asm))})
}

// An entryText is the text of one entry at some stage.
type entryText struct{ entry, text string }

// functions divides the text of a module into its head and its functions.
func functions(text string) (out []entryText) {
	name, from := "weights", 0
	for at := 0; at < len(text); {
		end := len(text)
		if i := strings.IndexByte(text[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		if f, ok := strings.CutPrefix(text[at:end], "func "); ok {
			out = append(out, entryText{name, text[from:at]})
			name, from = strings.FieldsFunc(f, func(r rune) bool { return r == '(' || r == ' ' || r == '\n' })[0], at
		}
		at = end
	}
	return append(out, entryText{name, text[from:]})
}

// stage makes a section per entry.
func stage(name string, texts []entryText) (out []txtar.File) {
	total := 0
	for _, x := range texts {
		total += len(x.text)
	}
	for _, x := range texts {
		text := strings.TrimRight(x.text, "\n") + "\n"
		if total > longStage && x.entry != "infer" {
			text = fmt.Sprintf("%d lines, sha256 %.16x\n", strings.Count(text, "\n"), sha256.Sum256([]byte(text)))
		}
		out = append(out, txtar.File{Name: name + " " + x.entry, Data: []byte(text)})
	}
	return out
}
