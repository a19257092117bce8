package passes

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"dlc/codegen/ptx"
	"dlc/codegen/ptx/emulate"
	"dlc/codegen/ptx/trial"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

var ptxPrograms = flag.Int64("ptx", 200, "random programs that are run as PTX")

// The PTX of random programs, fused and with packed copies, computes the bits of their definitions.
func TestPTXKeepsBitsOfRandomPrograms(t *testing.T) {
	t.Parallel()
	for seed := range *ptxPrograms {
		agreeAsPTX(t, seed)
		if t.Failed() {
			return
		}
	}
}

func agreeAsPTX(t *testing.T, seed int64) {
	t.Helper()
	n := []int64{5, 0, 1, 17, 2, 35}[seed%6]
	meaning := newRandomProgram(seed, 4+int(seed%9))
	form(meaning, nil)
	order(meaning, nil)
	want := interpret(t, meaning, n, seed)
	known := ""
	for _, target := range []ptx.Target{ptx.SM80(), ptx.SM90A()} {
		p := newRandomProgram(seed, 4+int(seed%9))
		Rewrite(p, &Options{Machine: &target.Machine})
		var tiles []*tile.Program
		for _, k := range p.Kernels {
			s, err := Tile(k, &target.Machine)
			if err != nil {
				t.Fatal(err)
			}
			tiles = append(tiles, s)
		}
		m, err := ptx.Compile(tiles, target)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		_, code, _ := strings.Cut(m.Text, ".address_size")
		if code == known {
			continue
		}
		known = code
		what := fmt.Sprintf("%s, seed %d, N=%d", target.Name, seed, n)
		compareResults(t, p, want, runPTX(t, p, m, tiles, n, seed, what), what)
	}
}

// runPTX runs the text in its interpreter, which reports what no result shows.
func runPTX(t *testing.T, p *kernel.Program, m *ptx.Module, tiles []*tile.Program, n, seed int64, what string) map[string]*tensor.Tensor {
	t.Helper()
	symbols := map[string]int64{"N": n}
	values := inputsFor(p, n, seed)
	exact := func(entry string, _ emulate.Launch) func(*emulate.Report) {
		return func(r *emulate.Report) {
			if len(r.Approximate)+len(r.Fusible) > 0 {
				t.Errorf("%s: %s: approximate forms %v, forms that may be fused %v", what, entry, r.Approximate, r.Fusible)
			}
		}
	}
	if err := trial.RunWatched(m, tiles, symbols, values, uint64(seed), exact); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for _, b := range p.Buffers { // what no block wrote has no elements
		if values[b.Name] == nil {
			dims, _ := b.Type.Shape.Bind(symbols)
			values[b.Name] = tensor.New(b.Type.DType, dims...)
		}
	}
	return values
}
