package passes

import (
	"bytes"
	"fmt"
	"math"
	"math/rand"
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

func inputsFor(p *kernel.Program, n int64, seed int64) map[string]*tensor.Tensor {
	r := rand.New(rand.NewSource(seed))
	out := map[string]*tensor.Tensor{}
	for _, b := range p.Buffers {
		if b.Role != kernel.Input && b.Role != kernel.Weight {
			continue
		}
		dims, _ := b.Type.Shape.Bind(map[string]int64{"N": n})
		x := tensor.New(b.Type.DType, dims...)
		for i := range x.Len() {
			if b.Type.DType.IsFloat() {
				x.SetFloat(i, r.NormFloat64())
			} else {
				x.SetInt(i, int64(r.Intn(8)-1))
			}
		}
		out[b.Name] = x
	}
	return out
}

func interpret(t *testing.T, p *kernel.Program, n, seed int64) map[string]*tensor.Tensor {
	t.Helper()
	buffers := inputsFor(p, n, seed)
	if err := kernel.Interp(p, map[string]int64{"N": n}, buffers); err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
	return buffers
}

// sameBits compares results, all NaNs as one.
func sameBits(a, b *tensor.Tensor) bool {
	if a.DType != tensor.F32 {
		return bytes.Equal(a.Data, b.Data)
	}
	for i := range a.Len() {
		x, y := a.Float(i), b.Float(i)
		if math.Float64bits(x) != math.Float64bits(y) && !(x != x && y != y) {
			return false
		}
	}
	return a.Len() == b.Len()
}

func compareResults(t *testing.T, p *kernel.Program, before, after map[string]*tensor.Tensor, what string) {
	t.Helper()
	for _, b := range p.Buffers {
		if (b.Role == kernel.Output || b.Role == kernel.Update) && !sameBits(before[b.Name], after[b.Name]) {
			t.Errorf("%s: %s differs", what, b.Name)
		}
	}
}

// Fusion and layout change no bit of random programs.
func TestKernelPassesKeepBits(t *testing.T) {
	kernels, fused, copies := 0, 0, 0
	for seed := range int64(300) {
		make := func() *kernel.Program {
			p := newRandomProgram(seed, 12+int(seed%20))
			form(p, nil)
			order(p, nil)
			return p
		}
		p, q := make(), make()
		fuse(q, nil)
		kernels, fused = kernels+len(p.Kernels), fused+len(q.Kernels)
		layout(q, nil)
		copies += len(q.Kernels)
		for _, n := range []int64{0, 1, 5} {
			compareResults(t, p, interpret(t, p, n, seed), interpret(t, q, n, seed), fmt.Sprintf("seed %d, N=%d", seed, n))
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d kernels become %d, and %d with packed copies", kernels, fused, copies)
}
