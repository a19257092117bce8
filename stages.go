package dlc

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"dlc/codegen/cpu"
	"dlc/ir"
	"dlc/ir/tile"
	"dlc/lang/build"
	"dlc/lang/syntax"
	"dlc/passes"
	"dlc/runtime/program"
	"dlc/stdlib"
)

// Stages lists the stages of which the text can be asked for, in order.
func Stages() []string {
	return []string{"ast", "types", "graph", "opt", "kernel", "tile", "plan", "llvm", "asm", "ptx"}
}

// Passes lists the passes of which the result can be asked for, in order.
func Passes() []string { return passes.Names() }

// TargetNames lists what Targets takes.
func TargetNames() []string {
	names := []string{"native"}
	for _, t := range cpu.Known() {
		names = append(names, t.Name)
	}
	return names
}

// stage hands the text of a stage to who asked for it.
func (j *job) stage(name string, text func() string) {
	if j.wants(name) {
		j.opts.Stage(name, text())
	}
}

func (j *job) wants(stage string) bool {
	return j.opts.Stage != nil && slices.Contains(j.opts.Stages, stage)
}

func treeText(f *syntax.File) string {
	var b strings.Builder
	if err := syntax.Print(&b, f); err != nil {
		panic(fmt.Sprintf("BUG: a string does not take text: %v", err))
	}
	return b.String()
}

// typesText lists inputs, each applied layer with the type of its output and its weights, and outputs.
func typesText(i *build.Info) string {
	var b strings.Builder
	fmt.Fprintf(&b, "model %s\n", i.Model)
	for _, f := range i.Inputs {
		fmt.Fprintf(&b, "  in  %s: %s\n", f.Name, f.Type)
	}
	for _, l := range i.Layers {
		if l.Path == "" {
			continue
		}
		indent := strings.Repeat("  ", strings.Count(l.Path, "."))
		fmt.Fprintf(&b, "  %s%s = %s: %s\n", indent, l.Path, l.Layer, l.Output)
		for _, w := range l.Weights {
			kind := "param"
			if w.State {
				kind = "state"
			}
			fmt.Fprintf(&b, "  %s  %s %s: %s\n", indent, kind, w.Path, w.Type)
		}
	}
	for _, f := range i.Outputs {
		fmt.Fprintf(&b, "  out %s: %s\n", f.Name, f.Type)
	}
	return b.String()
}

// passText prints what a pass made.
func passText(v any) string {
	switch v := v.(type) {
	case *ir.Module:
		return ir.Print(v)
	case fmt.Stringer:
		return v.String()
	}
	return fmt.Sprint(v)
}

// SourceText returns the text of a file that spans name: the user's, or the library's under stdlib/.
func SourceText(file string) ([]byte, error) {
	if name, ok := strings.CutPrefix(file, "stdlib/"); ok {
		return stdlib.Files.ReadFile(name)
	}
	return os.ReadFile(file)
}

// llvmText is the LLVM text of a section, for a Bug.
func llvmText(tiles []*tile.Program, entries []*program.Entry, target cpu.Target) string {
	text, err := cpu.EmitLLVM(tiles, entries, target)
	if err != nil {
		return err.Error()
	}
	return text
}
