package passes

import (
	"fmt"
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

func tileMachines() []*tile.Machine {
	return []*tile.Machine{
		{Name: "avx2", Lanes: 8, Registers: 16, L1: 32 << 10, L2: 1 << 20},
		{Name: "avx512", Lanes: 16, Registers: 32, Masks: true, L1: 48 << 10, L2: 2 << 20},
	}
}

// runTiles runs a program's kernels by their schedules, on the inputs of interpret.
func runTiles(t *testing.T, p *kernel.Program, m *tile.Machine, n, seed int64) map[string]*tensor.Tensor {
	t.Helper()
	buffers := inputsFor(p, n, seed)
	symbols := map[string]int64{"N": n}
	for _, k := range p.Kernels {
		s, err := Tile(k, m)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range k.Outs {
			dims, _ := b.Type.Shape.Bind(symbols)
			buffers[b.Name] = tensor.New(b.Type.DType, dims...)
		}
		if err := tile.Interp(s, symbols, buffers, seed); err != nil {
			t.Fatalf("%v\n%s", err, s)
		}
	}
	return buffers
}

// Schedules change no bit of random programs, fused and with packed copies.
func TestTileKeepsBitsOfRandomPrograms(t *testing.T) {
	for seed := range int64(400) {
		p := newRandomProgram(seed, 8+int(seed%12))
		form(p, nil)
		order(p, nil)
		fuse(p, nil)
		layout(p, nil)
		n := []int64{5, 0, 1, 17}[seed%4]
		want := interpret(t, p, n, seed)
		for _, m := range tileMachines() {
			compareResults(t, p, want, runTiles(t, p, m, n, seed), fmt.Sprintf("%s, seed %d, N=%d", m.Name, seed, n))
		}
		if t.Failed() {
			return
		}
	}
}
