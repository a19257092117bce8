package emulate

import (
	"math/rand/v2"
	"os"
	"testing"
)

// A matrix product as Hopper wants it: a producer warp brings stages by tensor copies, a warpgroup multiplies them,
// and each waits for the other at mbarriers.

const pipelineColumns = 32

func pipelineLaunch(a, b matrix, out *Buffer, seed uint64) Launch {
	operand := func(name string, m matrix) Arg {
		return Tensor(&TensorMap{Buffer: &Buffer{Name: name, Data: packed(bf16, m, false), ReadOnly: true}, Size: 2, Dims: []int{m.cols, m.rows},
			Strides: []int{2 * m.cols}, Box: []int{64, m.rows}, Swizzle: 128})
	}
	return Launch{Block: [3]int{160}, DynamicShared: 16384 + 2*pipelineColumns*128 + 32, Seed: seed,
		Args: []Arg{operand("a", a), operand("b", b), Pointer(out, 0), U32(uint32((a.cols + 63) / 64))}}
}

func TestPipeline(t *testing.T) {
	text, err := os.ReadFile("testdata/pipeline.ptx")
	if err != nil {
		t.Fatal(err)
	}
	assemble(t, string(text), "sm_90a")
	e := entry(t, module(t, "pipeline.ptx"), "pipeline")
	rng := rand.New(rand.NewPCG(51, 1))
	for seed, k := range []int{64, 128, 192, 320, 200} { // the last leaves half a stage to zeros
		a, bt := randomMatrix(rng, 64, k), randomMatrix(rng, pipelineColumns, k)
		out := output("out", 64*pipelineColumns)
		report, err := e.Run(pipelineLaunch(a, bt, out, uint64(seed)))
		if err != nil {
			t.Fatalf("k %d: %v", k, err)
		}
		got := floatsOf(out.Data)
		for thread := range 128 {
			for i := range pipelineColumns / 2 {
				row, col := thread/32*16+thread%32/4+8*(i/2%2), i/4*8+thread%4*2+i%2
				var want float64
				for l := range k {
					want += a.at(row, l) * bt.at(col, l)
				}
				if float64(got[thread*pipelineColumns/2+i]) != want {
					t.Fatalf("k %d: d[%d,%d] = %v, want %v", k, row, col, got[thread*pipelineColumns/2+i], want)
				}
			}
		}
		if n := report.Counts["cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes"]; n != 2*((k+63)/64) {
			t.Errorf("k %d: %d tensor copies", k, n)
		}
	}
}
