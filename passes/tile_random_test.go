package passes

import (
	"fmt"
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

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
		for _, m := range Machines() {
			compareResults(t, p, want, runTiles(t, p, m, n, seed), fmt.Sprintf("%s, seed %d, N=%d", m.Name, seed, n))
		}
		if t.Failed() {
			return
		}
	}
}

// The register tiles of contractions leave room for a row of the shared operand and a broadcast.
func TestTileFitsRegisters(t *testing.T) {
	contractions := 0
	for _, model := range models {
		f, m := optimized(t, model.f())
		p, err := Kernels(f, m, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range p.Kernels {
			for _, m := range Machines() {
				tl := &tiler{m: m, k: tidy(k), out: &tile.Program{}}
				tl.stages()
				for _, s := range tl.list {
					if s.kind != nestStage {
						continue
					}
					shape := tl.tileShape(s)
					if shape.contraction {
						contractions++
					}
					if n := shape.accumulators() + 2; n > int64(m.Registers)-1 || shape.contraction && n+shape.vectors-1 > int64(m.Registers)-1 {
						t.Errorf("%s for %s: %d accumulators in rows of %d", k.Name, m.Name, shape.accumulators(), shape.vectors)
					}
				}
			}
		}
	}
	if contractions < 10 {
		t.Errorf("only %d contractions were looked at", contractions)
	}
}
