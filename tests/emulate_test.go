package tests

import (
	"fmt"
	"slices"
	"testing"

	"dlc/codegen/ptx"
	"dlc/codegen/ptx/emulate"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
	"dlc/passes"
)

// TestWitnessesAsPTX runs the PTX of each witness by the interpreter of PTX, and demands the results
// of the definitions.
func TestWitnessesAsPTX(t *testing.T) {
	for _, w := range witnesses(t) {
		for _, target := range ptx.Targets() {
			t.Run(w.name+"/"+target.Name, func(t *testing.T) {
				t.Parallel()
				g := w.gpu(t, target)
				for i, size := range w.sizes {
					meaning := w.ordered(t, w.parse(t))
					in := w.inputs(meaning, size, false)
					want := interpreted(t, meaning, size, in)
					got := g.run(t, size, in, uint64(i))
					what := fmt.Sprintf("%v as PTX for %s:", size, target.Name)
					if w.tolerance == 0 {
						sameBits(t, what, got, want)
					} else {
						w.close(t, what, got, want)
					}
				}
			})
		}
	}
}

// gpuCode is a program compiled for a GPU, with what a driver needs to launch it.
type gpuCode struct {
	program *kernel.Program
	tiles   []*tile.Program
	module  *ptx.Module
	parsed  *emulate.Module
}

func (w *witness) gpu(t *testing.T, target ptx.Target) *gpuCode {
	t.Helper()
	g := &gpuCode{program: w.parse(t)}
	passes.Rewrite(g.program, nil)
	for _, k := range g.program.Kernels {
		s, err := passes.Tile(k, &target.Machine)
		if err != nil {
			t.Fatal(err)
		}
		g.tiles = append(g.tiles, s)
	}
	var err error
	if g.module, err = ptx.Compile(g.tiles, target); err != nil {
		t.Fatal(err)
	}
	if g.parsed, err = emulate.Parse(g.module.Text); err != nil {
		t.Fatal(err)
	}
	return g
}

// run launches all phases in their order.
func (g *gpuCode) run(t *testing.T, size map[string]int64, in map[string]*tensor.Tensor, seed uint64) map[string]*tensor.Tensor {
	t.Helper()
	memory := map[string]*emulate.Buffer{}
	for _, b := range g.program.Buffers {
		m := &emulate.Buffer{Name: b.Name, ReadOnly: true}
		x := in[b.Name]
		if x == nil {
			x = b.Value
		}
		if x != nil {
			m.Data = slices.Clone(x.Data)
			memory[b.Name] = m
		}
	}
	number := 0
	for _, p := range g.tiles {
		turns := passes.Repeats(p)
		for i := 0; i < len(p.Phases); {
			last := i + 1
			for p.Phases[i].Seq != nil && last < len(p.Phases) && turns[last] == turns[i] {
				last++
			}
			n := int64(1)
			if turns[i] != nil {
				n, _ = turns[i].Turns.Eval(size)
			}
			for turn := range n {
				at := turn
				if turns[i] != nil && turns[i].Reversed {
					at = n - 1 - turn
				}
				for phase := i; phase < last; phase++ {
					g.launch(t, p, p.Phases[phase], g.module.Kernels[g.module.Numbers[number+phase-i]], size, at, memory, seed)
				}
			}
			number += last - i
			i = last
		}
	}
	out := map[string]*tensor.Tensor{}
	for _, b := range g.program.Buffers {
		if b.Role == kernel.Output || b.Role == kernel.Update {
			dims, _ := b.Type.Shape.Bind(size)
			out[public(b)] = &tensor.Tensor{DType: b.Type.DType, Dims: dims, Data: memory[b.Name].Data}
		}
	}
	return out
}

// launch runs one phase: the addresses of buffers, symbols, and in a recurrence the position.
func (g *gpuCode) launch(t *testing.T, p *tile.Program, ph *tile.Phase, k *ptx.Kernel, size map[string]int64, at int64, memory map[string]*emulate.Buffer, seed uint64) {
	t.Helper()
	var args []emulate.Arg
	for _, b := range append(p.Kernel.Buffers(), p.Temps...) {
		m := memory[b.Name]
		if m == nil {
			n, ok := b.StoredShape().Size().Eval(size)
			if !ok {
				t.Fatalf("%s: %s has no size", p.Name, b.Name)
			}
			m = &emulate.Buffer{Name: b.Name, Data: make([]byte, n*int64(b.Type.DType.Size())), Blank: true}
			memory[b.Name] = m
		}
		args = append(args, emulate.Pointer(m, 0))
	}
	for _, s := range kernel.Symbols(p.Kernel) {
		args = append(args, emulate.U64(uint64(size[s])))
	}
	if ph.Seq != nil {
		args = append(args, emulate.U64(uint64(at)))
	}
	blocks, ok := k.Grid(size)
	if !ok {
		t.Fatalf("%s: no number of blocks", k.Name)
	}
	if blocks == 0 {
		return
	}
	e, err := g.parsed.Entry(k.Name)
	if err != nil {
		t.Fatal(err)
	}
	report, err := e.Run(emulate.Launch{Grid: [3]int{int(blocks)}, Block: [3]int{k.Threads}, DynamicShared: int(k.Shared), Args: args, Seed: seed})
	if err != nil {
		t.Fatalf("%s of %s: %v", k.Name, p.Name, err)
	}
	if n := len(report.Approximate) + len(report.Fusible); n > 0 {
		t.Errorf("%s: approximate forms %v, forms that may be fused %v", k.Name, report.Approximate, report.Fusible)
	}
}
