package cpu

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sort"
	"strconv"
	"strings"
	"sync"

	"github.com/llir/llvm/ir"
	"github.com/llir/llvm/ir/enum"

	"dlc/codegen"
	"dlc/codegen/llvm"
	"dlc/ir/tile"
	"dlc/runtime/program"
)

// Options of a compilation. The zero value is what users get.
type Options struct {
	Passes string // LLVM passes to run before code generation; "" for none
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
	objects, err := each(u.modules, func(m string) ([]byte, error) { return lib.Compile(m, t.LLVM, o.Passes, llvm.Object) })
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
	texts, err := each(u.modules, func(m string) ([]byte, error) { return lib.Compile(m, t.LLVM, o.Passes, llvm.Assembly) })
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

// A function is the text of one function and its name.
type function struct{ name, text string }

// write makes the text of every function, once where several are equal, and spreads them over
// the modules.
func write(programs []*tile.Program, entries []*program.Entry, t Target) (*unit, error) {
	written, err := each(programs, func(p *tile.Program) ([]string, error) { return functionTexts(p, t) })
	if err != nil {
		return nil, err
	}
	u := &unit{drivers: map[string]string{}}
	seen := map[string]string{}
	var functions []function
	for _, texts := range written {
		for _, text := range texts {
			name, ok := seen[text]
			if !ok {
				name = "kernel." + strconv.Itoa(len(functions))
				seen[text] = name
				functions = append(functions, function{name, strings.Replace(text, unnamed, name, 1)})
			}
			u.kernels = append(u.kernels, name)
		}
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

// unnamed stands for the name of a function in a text that is compared with others.
const unnamed = "unnamed"

// functionTexts writes the phases of one program.
func functionTexts(p *tile.Program, t Target) (texts []string, err error) {
	for _, f := range codegen.Functions(p, t.Machine, unnamed) {
		f.SetName(unnamed)
		f.FuncAttrs = append(f.FuncAttrs, &ir.AttrGroupDef{ID: 0})
		f.UnnamedAddr = enum.UnnamedAddrNone
		texts = append(texts, f.LLString()+"\n\n")
	}
	return texts, nil
}

func header(t Target) string {
	return "target datalayout = \"e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128\"\n" +
		"target triple = \"" + t.LLVM.Triple + "\"\n\n"
}

// attributes of every function. Without min-legal-vector-width LLVM splits wide vectors, and
// its own preference for x86-64-v4 is 256 bits.
func attributes(t Target) string {
	w := strconv.Itoa(t.Width)
	return "attributes #0 = { nounwind \"no-builtins\" \"target-cpu\"=\"" + t.LLVM.CPU + "\" \"prefer-vector-width\"=\"" + w +
		"\" \"min-legal-vector-width\"=\"" + w + "\" \"frame-pointer\"=\"none\" \"denormal-fp-math\"=\"ieee,ieee\" }\n"
}

// spread distributes functions over n texts of about equal length.
func spread(functions []function, n int) []string {
	order := append([]function{}, functions...)
	sort.SliceStable(order, func(i, j int) bool { return len(order[i].text) > len(order[j].text) })
	texts := make([]strings.Builder, max(1, min(n, len(functions))))
	for _, f := range order {
		least := 0
		for i := range texts {
			if texts[i].Len() < texts[least].Len() {
				least = i
			}
		}
		texts[least].WriteString(f.text)
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

// each applies f to all elements on all CPUs. A panic of f reaches the caller, with the stack it
// came from.
func each[T, R any](list []T, f func(T) (R, error)) ([]R, error) {
	out, errs, panics := make([]R, len(list)), make([]error, len(list)), make([]any, len(list))
	next := make(chan int, len(list))
	for i := range list {
		next <- i
	}
	close(next)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(list)) {
		wg.Go(func() {
			for i := range next {
				func() {
					defer func() {
						if cause := recover(); cause != nil {
							panics[i] = fmt.Sprintf("%v\n\n%s", cause, debug.Stack())
						}
					}()
					out[i], errs[i] = f(list[i])
				}()
			}
		})
	}
	wg.Wait()
	for i := range list {
		if panics[i] != nil {
			panic(panics[i])
		}
		if errs[i] != nil {
			return nil, fmt.Errorf("part %d: %w", i, errs[i])
		}
	}
	return out, nil
}
