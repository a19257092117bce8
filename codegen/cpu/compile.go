package cpu

import (
	"sort"
	"strconv"
	"strings"

	"github.com/llir/llvm/ir"
	"github.com/llir/llvm/ir/enum"

	"dlc/codegen"
	"dlc/codegen/llvm"
	"dlc/ir/tile"
	"dlc/runtime/program"
)

// Options of a compilation. The zero value is what users get.
type Options struct {
	Quick bool // code that is made in a third of the time and several times as slow, where there are masks
}

// level is Full for targets without masks: where LLVM 19 splits a masked load in two there, and one half
// is hidden, its quick code loads that half all the same.
func (o Options) level(t Target) llvm.Level {
	if o.Quick && t.Width == 512 {
		return llvm.Quick
	}
	return llvm.Full
}

// modules is the number of LLVM modules that a section's functions are spread over. It does not
// follow the number of CPUs, so that the code is the same wherever it is made.
const modules = 4

// Compile makes one section of machine code: the phases of all programs, numbered in order
// (program by program, phase by phase), and one driver per entry. Equal kernels are compiled
// once.
func Compile(programs []*tile.Program, entries []*program.Entry, t Target, o Options) (*program.Section, error) {
	lib, err := llvm.Open()
	if err != nil {
		return nil, err
	}
	u, err := write(programs, entries, t)
	if err != nil {
		return nil, err
	}
	objects, err := codegen.Each(u.modules, func(m string) ([]byte, error) { return lib.Compile(m, t.LLVM, o.level(t), llvm.Object) })
	if err != nil {
		return nil, err
	}
	l := newLinker()
	for _, object := range objects {
		if err := l.add(object); err != nil {
			return nil, err
		}
	}
	return u.section(l, t), nil
}

// EmitLLVM returns the text of the modules that Compile hands to LLVM.
func EmitLLVM(programs []*tile.Program, entries []*program.Entry, t Target) (string, error) {
	u, err := write(programs, entries, t)
	if err != nil {
		return "", err
	}
	return strings.Join(u.modules, "\n"), nil
}

// EmitAsm returns the assembly text of the modules.
func EmitAsm(programs []*tile.Program, entries []*program.Entry, t Target, o Options) (string, error) {
	lib, err := llvm.Open()
	if err != nil {
		return "", err
	}
	u, err := write(programs, entries, t)
	if err != nil {
		return "", err
	}
	texts, err := codegen.Each(u.modules, func(m string) ([]byte, error) { return lib.Compile(m, t.LLVM, o.level(t), llvm.Assembly) })
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, s := range texts {
		b.Write(s)
	}
	return b.String(), nil
}

// A unit is all of a section as LLVM text, and the names of its functions.
type unit struct {
	modules []string
	kernels []string          // function of each kernel number; equal kernels share one
	drivers map[string]string // entry to function
}

// write makes the text of every function, once where several are equal, and spreads them over
// the modules.
func write(programs []*tile.Program, entries []*program.Entry, t Target) (*unit, error) {
	if err := checkLists(entries); err != nil {
		return nil, err
	}
	functions, numbers, err := codegen.Write(programs, t.Machine, func(f *ir.Func) {
		f.FuncAttrs = append(f.FuncAttrs, &ir.AttrGroupDef{ID: 0})
		f.UnnamedAddr = enum.UnnamedAddrNone
	}, codegen.Numbered)
	if err != nil {
		return nil, err
	}
	u := &unit{drivers: map[string]string{}}
	for _, n := range numbers {
		u.kernels = append(u.kernels, functions[n].Name)
	}
	parts := spread(functions, modules)
	for i, part := range parts {
		if i == len(parts)-1 {
			part += u.driverText(entries)
		}
		u.modules = append(u.modules, header(t)+part+attributes(t))
	}
	return u, nil
}

func header(t Target) string {
	return "target datalayout = \"e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128\"\n" +
		"target triple = \"" + t.LLVM.Triple + "\"\n\n"
}

// attributes of every function. Without min-legal-vector-width LLVM splits wide vectors, and
// its own preference for x86-64-v4 is 256 bits.
func attributes(t Target) string {
	w := strconv.Itoa(t.Width)
	return "attributes #0 = { nounwind \"no-builtins\" \"target-cpu\"=\"" + t.LLVM.CPU + "\" \"target-features\"=\"" + t.LLVM.Features + "\" \"prefer-vector-width\"=\"" + w +
		"\" \"min-legal-vector-width\"=\"" + w + "\" \"frame-pointer\"=\"none\" \"denormal-fp-math\"=\"ieee,ieee\" }\n\n!0 = !{i32 1}\n" // for !nontemporal
}

// spread distributes functions over n texts of about equal length.
func spread(functions []codegen.Function, n int) []string {
	order := append([]codegen.Function{}, functions...)
	sort.SliceStable(order, func(i, j int) bool { return len(order[i].Text) > len(order[j].Text) })
	texts := make([]strings.Builder, max(1, min(n, len(functions))))
	for _, f := range order {
		least := 0
		for i := range texts {
			if texts[i].Len() < texts[least].Len() {
				least = i
			}
		}
		texts[least].WriteString(f.Text)
	}
	out := make([]string, len(texts))
	for i := range texts {
		out[i] = texts[i].String()
	}
	return out
}

func (u *unit) section(l *linker, t Target) *program.Section {
	s := &program.Section{Target: t.Name, Features: t.Features, Code: l.code, Drivers: map[string]int64{}}
	for _, name := range u.kernels {
		s.Kernels = append(s.Kernels, l.place(name))
	}
	for entry, name := range u.drivers {
		s.Drivers[entry] = l.place(name)
	}
	return s
}

func (l *linker) place(name string) int64 {
	at, ok := l.symbols[name]
	if !ok {
		panic("BUG: the object files have no function " + name)
	}
	return at
}
