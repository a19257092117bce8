package passes

import (
	"bytes"
	"fmt"
	"math"
	"math/rand"
	"slices"
	"testing"

	"dlc/ir"
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

// Two equal layers side by side become kernels of equal canonical text, whatever came before.
func TestEqualKernelsKeepEqualText(t *testing.T) {
	n := newNet()
	x := n.Param(ir.Input, "x", f32(rows, tensor.Int(12)))
	n.Result("scaled", n.op("mul", x, x))
	n.Result("a", n.relu(n.dense(n.relu(n.dense(x, "first", 12, 12)), "second", 12, 12)))
	f, m := optimized(t, n.Func)
	p, err := Kernels(f, m, nil)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]int{}
	for _, k := range p.Kernels {
		texts[kernel.Canonical(k)]++
	}
	if len(p.Kernels) != 3 || len(texts) != 2 {
		t.Errorf("%d kernels of %d texts:\n%s", len(p.Kernels), len(texts), p)
	}
}

// Every decision of the cost models is told, and twice in the same words.
func TestExplain(t *testing.T) {
	tell := func() (lines []string) {
		f, m := optimized(t, lenet(14, 4, 6))
		o := &Options{Explain: func(pass, line string) { lines = append(lines, pass+": "+line) }}
		if _, err := Kernels(f, m, o); err != nil {
			t.Fatal(err)
		}
		return lines
	}
	first, second := tell(), tell()
	if len(first) < 50 || !slices.Equal(first, second) {
		t.Errorf("%d and %d lines", len(first), len(second))
	}
}

// A weight gradient and the update fed by it stand after the data gradient that reads the old
// weight, so that both may share memory.
func TestUpdatesComeAfterReaders(t *testing.T) {
	f, m := optimized(t, mlp(33))
	p, err := Kernels(f, m, nil)
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]bool{}
	for _, k := range p.Kernels {
		for _, b := range k.Ins {
			if written[b.Name] {
				t.Errorf("%s reads %s, which is updated before", k.Name, b.Name)
			}
		}
		for _, b := range k.Outs {
			written[b.Of] = true
		}
	}
}

// TestSumsOfOneOrderShareAKernel: two that group their terms differently do not.
func TestSumsOfOneOrderShareAKernel(t *testing.T) {
	for _, c := range []struct {
		order   string
		kernels int
	}{{"chunks n by 64", 1}, {"chunks n by 128", 2}, {"chunks n by 64 when 0 <= n - 1 < N", 2}} {
		p, err := kernel.Parse(`program sums
buffer x: input f32[N, 70]
buffer a: output f32[70]
buffer b: output f32[70]

kernel first(x) -> (a)
  a[c:70] = sum n:N chunks n by 64; x[n, c]

kernel second(x) -> (b)
  b[c:70] = sum n:N ` + c.order + `; x[n, c]
`)
		if err != nil {
			t.Fatal(err)
		}
		Rewrite(p, &Options{Skip: func(pass string) bool { return pass != "fuse" }})
		if len(p.Kernels) != c.kernels {
			t.Errorf("%s: %d kernels, want %d\n%s", c.order, len(p.Kernels), c.kernels, p)
		}
	}
}
