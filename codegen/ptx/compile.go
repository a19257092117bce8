package ptx

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/llir/llvm/ir"

	"dlc/codegen"
	"dlc/codegen/llvm"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// A Module is PTX text with the kernels in it.
type Module struct {
	Text    string
	Kernels []*Kernel
	Numbers []int // number of the kernel of each phase, program by program
}

// A Kernel is one phase: an entry of the text, of which the parameters are the addresses of
// Buffers and the values of Symbols (i64). A block of threads has Threads of them; warp w of block
// b computes block b*Warps + w of Blocks; where Warps is 1, all warps of b compute block b.
type Kernel struct {
	Name    string
	Buffers []*kernel.Buffer // inputs, outputs, then Temps
	Symbols []string
	Turns   bool // it is repeated along a recurrence: behind Symbols it takes the position (i64)
	Blocks  tensor.Dim
	Threads int
	Shared  int64               // bytes of dynamic shared memory
	Maps    []codegen.TensorMap // of the last parameters
	Warps   int64               // blocks of the grid that a block of threads computes: one a warp, or one
}

// Grid is the number of blocks of threads to launch, at symbol values.
func (k *Kernel) Grid(symbols map[string]int64) (int64, bool) {
	n, ok := k.Blocks.Eval(symbols)
	return (n + k.Warps - 1) / k.Warps, ok
}

// Compile makes one text of the phases of all programs. Equal phases are compiled once.
func Compile(programs []*tile.Program, t Target) (*Module, error) {
	lib, err := llvm.Open()
	if err != nil {
		return nil, err
	}
	functions, numbers, err := write(programs, t)
	if err != nil {
		return nil, err
	}
	texts, err := codegen.Each(functions, func(f codegen.Function) (string, error) {
		text, err := lib.Compile(module(f, t), t.LLVM, llvm.Full, llvm.Assembly)
		if err != nil {
			return "", fmt.Errorf("%s: %w", f.Name, err)
		}
		return bare(string(text)), nil
	})
	if err != nil {
		return nil, err
	}
	m := &Module{Numbers: numbers}
	var b strings.Builder
	b.WriteString(head(t))
	for i, f := range functions {
		b.WriteString(texts[i])
		m.Kernels = append(m.Kernels, kernelOf(f))
	}
	m.Text = b.String()
	return m, nil
}

// EmitLLVM returns the text of the modules that Compile hands to LLVM.
func EmitLLVM(programs []*tile.Program, t Target) (string, error) {
	functions, _, err := write(programs, t)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, f := range functions {
		b.WriteString(module(f, t))
	}
	return b.String(), nil
}

func write(programs []*tile.Program, t Target) ([]codegen.Function, []int, error) {
	return codegen.Write(programs, t.Machine, func(f *ir.Func) {
		f.FuncAttrs = append(f.FuncAttrs, &ir.AttrGroupDef{ID: 0})
	}, named)
}

// named makes an identifier of a program's name, of the phase, and of the function's number.
func named(number int, f codegen.Function) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, f.Program.Name)
	return fmt.Sprintf("f%d_%s_%d", number, clean, f.Phase)
}

// module is the LLVM module of one function.
func module(f codegen.Function, t Target) string {
	var b strings.Builder
	b.WriteString("target datalayout = \"e-i64:64-i128:128-v16:16-v32:32-n16:32:64\"\n")
	b.WriteString("target triple = \"" + t.LLVM.Triple + "\"\n\n")
	if f.Threads.Shared > 0 {
		b.WriteString("@shared = external addrspace(3) global [0 x i8], align 1024\n\n")
	}
	b.WriteString(f.Text)
	b.WriteString("attributes #0 = { nounwind \"target-cpu\"=\"" + t.LLVM.CPU + "\" \"denormal-fp-math\"=\"ieee,ieee\" }\nattributes #" + strconv.Itoa(codegen.Convergent) + " = { nounwind convergent }\n")
	b.WriteString(annotations(f))
	return b.String()
}

// registersOfChip is what the threads of a block share, in registers of 32 bits.
const registersOfChip = 1 << 16

// annotations tell the backend of the function's threads, registers and tensor maps, and that
// loops are unrolled where the schedule says so and nowhere else.
func annotations(f codegen.Function) string {
	threads := 32 * f.Threads.Warps
	lines := []string{fmt.Sprintf("!\"maxntidx\", i32 %d", threads), fmt.Sprintf("!\"maxnreg\", i32 %d", min(255, registersOfChip/threads/8*8))}
	if n := len(f.Threads.Maps); n > 0 {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf("i32 %d", f.Threads.Parameters-n+i+1))
		}
		lines = append(lines, "!\"grid_constant\", !{"+strings.Join(list, ", ")+"}")
	}
	var names, nodes strings.Builder
	for i, line := range lines {
		at := codegen.AsWritten + 2 + i
		if i > 0 {
			names.WriteString(", ")
		}
		fmt.Fprintf(&names, "!%d", at)
		fmt.Fprintf(&nodes, "!%d = !{ptr @%s, %s}\n", at, f.Name, line)
	}
	return fmt.Sprintf("!nvvm.annotations = !{%s}\n%s!%d = distinct !{!%[3]d, !%d}\n!%[4]d = !{!\"llvm.loop.unroll.disable\"}\n\n",
		names.String(), nodes.String(), codegen.AsWritten, codegen.AsWritten+1)
}

func kernelOf(f codegen.Function) *Kernel {
	p := f.Program
	k := &Kernel{Name: f.Name, Symbols: kernel.Symbols(p.Kernel), Threads: int(32 * f.Threads.Warps), Shared: f.Threads.Shared, Warps: f.Threads.Warps, Maps: f.Threads.Maps}
	if f.Threads.Together {
		k.Warps = 1
	}
	k.Turns = p.Phases[f.Phase].Seq != nil
	k.Buffers = append(append(k.Buffers, p.Kernel.Buffers()...), p.Temps...)
	k.Blocks = p.Phases[f.Phase].Blocks(func(index string) tensor.Dim {
		for _, d := range p.Kernel.Defs {
			for _, a := range d.AllAxes() {
				if a.Name == index {
					return a.Extent
				}
			}
		}
		panic("BUG: " + p.Name + " has no index " + index)
	})
	return k
}

// head is what stands before the first kernel.
func head(t Target) string {
	version := strings.TrimPrefix(t.LLVM.Features, "+ptx")
	return ".version " + version[:1] + "." + version[1:] + "\n.target " + t.Name + "\n.address_size 64\n\n" +
		".extern .shared .align 1024 .b8 shared[];\n"
}

// bare is LLVM's text of one module without comments and what stands before the first kernel.
func bare(text string) string {
	var b strings.Builder
	inside := false
	for line := range strings.Lines(text) {
		if at := strings.Index(line, "//"); at >= 0 {
			line = strings.TrimRight(line[:at], " \t") + "\n"
		}
		inside = inside || strings.HasPrefix(line, ".visible .entry")
		if inside && strings.TrimSpace(line) != "" {
			b.WriteString(strings.TrimRight(line, " \t\n") + "\n")
		}
	}
	return "\n" + b.String()
}
