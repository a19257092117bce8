package tests

import (
	"fmt"
	"strings"
	"testing"

	"dlc/codegen/ptx"
	"dlc/codegen/ptx/emulate"
	"dlc/codegen/ptx/trial"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
	"dlc/passes"
)

// TestWitnessesAsPTX runs the PTX of each witness by the interpreter of PTX, and demands the results
// of the definitions. Targets that get the same instructions need one run.
func TestWitnessesAsPTX(t *testing.T) {
	for _, w := range witnesses(t) {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			seen := map[string]bool{}
			for _, target := range ptx.Targets() {
				g := w.gpu(t, target)
				_, code, _ := strings.Cut(g.module.Text, ".address_size")
				if seen[code] {
					continue
				}
				seen[code] = true
				for i, size := range w.sizes {
					w.emulate(t, g, target, size, uint64(i))
				}
			}
		})
	}
}

func (w *witness) emulate(t *testing.T, g *gpuCode, target ptx.Target, size map[string]int64, seed uint64) {
	t.Helper()
	meaning := w.ordered(t, w.parse(t))
	in := w.inputs(meaning, size, false)
	want := interpreted(t, meaning, size, in)
	got := g.run(t, size, in, seed, exact(t))
	what := fmt.Sprintf("%v as PTX for %s:", size, target.Name)
	if w.tolerance == 0 {
		sameBits(t, what, got, want)
		return
	}
	w.close(t, what, got, want)
}

// exact demands of each launch that it used no approximate form, and none that ptxas may fuse.
func exact(t *testing.T) trial.Watch {
	return func(entry string, _ emulate.Launch) func(*emulate.Report) {
		return func(r *emulate.Report) {
			if len(r.Approximate)+len(r.Fusible) > 0 {
				t.Errorf("%s: approximate forms %v, forms that may be fused %v", entry, r.Approximate, r.Fusible)
			}
		}
	}
}

// gpuCode is a program compiled for a GPU.
type gpuCode struct {
	program *kernel.Program
	tiles   []*tile.Program
	module  *ptx.Module
	parsed  *emulate.Module
}

func (w *witness) gpu(t *testing.T, target ptx.Target) *gpuCode {
	t.Helper()
	g := &gpuCode{program: w.parse(t)}
	passes.Rewrite(g.program, &passes.Options{Machine: &target.Machine})
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
func (g *gpuCode) run(t *testing.T, size map[string]int64, in map[string]*tensor.Tensor, seed uint64, watch trial.Watch) map[string]*tensor.Tensor {
	t.Helper()
	values := map[string]*tensor.Tensor{}
	for name, x := range in {
		values[name] = x
	}
	if err := trial.RunParsed(g.parsed, g.module, g.tiles, size, values, seed, watch); err != nil {
		t.Fatal(err)
	}
	for _, b := range g.program.Buffers { // what no block wrote has no elements
		if _, ok := values[b.Name]; !ok {
			dims, _ := b.Type.Shape.Bind(size)
			values[b.Name] = tensor.New(b.Type.DType, dims...)
		}
	}
	return outputs(g.program, values)
}
