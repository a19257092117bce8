package tests

import (
	"math"
	"testing"

	"dlc/codegen/cpu"
	"dlc/codegen/ptx"
	"dlc/ir/tensor"
)

// Errors of PyTorch 2.15's scaled_dot_product_attention in bf16 on a CPU, causal, for these inputs: the
// largest, and the root of the mean square.
const (
	peerLargest = 0.00587
	peerMean    = 0.001729
)

// TestHalfAttentionIsAsExactAsPyTorch compares the witness with the same in f64: natively, and as PTX.
// Errors may be twice those of PyTorch.
func TestHalfAttentionIsAsExactAsPyTorch(t *testing.T) {
	const heads, length, width = 2, 193, 64
	in := map[string]*tensor.Tensor{}
	for i, name := range []string{"q", "k", "v"} {
		in[name] = tensor.New(tensor.BF16, heads, length, width)
		for j := range in[name].Len() {
			x := float64((uint64(j)*2654435761+uint64(i+1)*40503)%(1<<32))/(1<<31) - 1
			in[name].SetFloat(j, 2*x)
		}
	}
	want := attended(in, heads, length, width)
	check := func(t *testing.T, what string, o *tensor.Tensor) {
		t.Helper()
		largest, squares := 0.0, 0.0
		for i, w := range want {
			d := o.Float(i) - w
			largest, squares = max(largest, math.Abs(d)), squares+d*d
		}
		mean := math.Sqrt(squares / float64(len(want)))
		t.Logf("%s: largest error %.5f, mean %.6f; PyTorch's %.5f, %.6f", what, largest, mean, peerLargest, peerMean)
		if !(largest <= 2*peerLargest && mean <= 2*peerMean) {
			t.Errorf("%s is less exact than half of PyTorch", what)
		}
	}
	size := map[string]int64{"G": heads, "T": length}
	for _, w := range witnesses(t) {
		if w.name != "attention_bf16" {
			continue
		}
		for _, target := range cpu.Targets() {
			if !runs(t, target) {
				continue
			}
			check(t, target.Name, w.execute(t, target, 2, size, in)["o"])
		}
		for _, target := range []ptx.Target{ptx.SM80(), ptx.SM90A()} {
			check(t, target.Name, w.gpu(t, target).run(t, size, in, 1, nil)["o"])
		}
	}
}

// attended is causal attention in f64.
func attended(in map[string]*tensor.Tensor, heads, length, width int) []float64 {
	out := make([]float64, heads*length*width)
	at := func(name string, g, i, d int) float64 { return in[name].Float((g*length+i)*width + d) }
	for g := range heads {
		for i := range length {
			scores, sum, most := make([]float64, i+1), 0.0, math.Inf(-1)
			for j := range scores {
				for d := range width {
					scores[j] += at("q", g, i, d) * at("k", g, j, d) / 8
				}
				most = max(most, scores[j])
			}
			for j, s := range scores {
				scores[j] = math.Exp(s - most)
				sum += scores[j]
			}
			for j, p := range scores {
				for d := range width {
					out[(g*length+i)*width+d] += p / sum * at("v", g, j, d)
				}
			}
		}
	}
	return out
}
