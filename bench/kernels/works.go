package main

import "fmt"

// A work is one kernel, or a program of kernels that goes through all passes with its symbols bound,
// with what it must do at least. Torch has PyTorch's ways of it, expressions
// over the tensors that torchSetup makes, of which the best counts; none where there is none.
type work struct {
	name          string
	text          string
	symbols       map[string]int64
	flops         float64
	reads, writes float64 // bytes that are read and written at least once
	torchSetup    string
	torch         []string
	packed        string            // PyTorch's way with a weight that is packed before the clock starts
	below         int               // integers are drawn from 0 up to this
	over          map[string]string // outputs that lie where an input does
}

func works() []work {
	var list []work
	for _, s := range [][3]int{{1024, 1024, 1024}, {2048, 2048, 2048}, {1, 4096, 4096}, {8, 4096, 4096}, {127, 300, 65}} {
		list = append(list, matmul(s[0], s[1], s[2]), halfMatmul(s[0], s[1], s[2]))
	}
	for _, s := range []shape{{8, 28, 64, 64, 3, 1, 1}, {8, 28, 64, 128, 3, 2, 1}, {8, 28, 256, 64, 1, 1, 0}, {2, 224, 3, 64, 7, 2, 3}} {
		list = append(list, s.forward(), s.data(), s.weights())
	}
	depthwise := shape{n: 8, in: 56, co: 128, r: 3, stride: 1, pad: 1}
	list = append(list, depthwise.forward(), depthwise.data(), depthwise.weights(), lstm(64, 32, 128, 256, false), lstm(64, 32, 128, 256, true))
	list = append(list, softmax(4096, 1024), crossEntropy(4096, 1024), attention(16, 128), attention(16, 2048), attentionBack(16, 128), attentionBack(16, 2048))
	return append(list, rowWorks()...)
}

// packedLinear reads weights that oneDNN packed before.
const packedLinear = "torch.ops.mkldnn._linear_pointwise(x, p, b, 'gelu', [], 'none')"

func matmul(m, k, c int) work {
	w := work{name: fmt.Sprintf("matmul+bias+gelu %dx%dx%d", m, k, c), flops: 2 * float64(m) * float64(k) * float64(c),
		reads: 4 * (float64(m)*float64(k) + float64(k)*float64(c)), writes: 4 * float64(m) * float64(c)}
	w.text = fmt.Sprintf(`kernel matmul(x: input f32[%[1]d, %[2]d], w: input f32[%[2]d, %[3]d], b: input f32[%[3]d]) -> (y: output f32[%[1]d, %[3]d])
  a[m:%[1]d, c:%[3]d] = sum k:%[2]d chain; x[m, k] * w[k, c]
  y[m:%[1]d, c:%[3]d] = %%0 = a[m, c] + b[c]; 0.5 * %%0 * (1.0 + erf(%%0 * 0.70710677))
`, m, k, c)
	w.torchSetup = fmt.Sprintf("x, w, b = r(%d, %d), r(%d, %d), r(%d)", m, k, c, k, c)
	w.torchSetup += fmt.Sprintf("; wt = w.t().contiguous(); p = packed(w, %d)", m)
	w.torch, w.packed = []string{"F.gelu(F.linear(x, w, b))", "F.gelu(torch.addmm(b, x, wt))"}, packedLinear
	return w
}

// halfMatmul is the same in bf16, summed in f32.
func halfMatmul(m, k, c int) work {
	w := work{name: fmt.Sprintf("bf16 matmul+bias+gelu %dx%dx%d", m, k, c), flops: 2 * float64(m) * float64(k) * float64(c),
		reads: 2 * (float64(m)*float64(k) + float64(k)*float64(c)), writes: 2 * float64(m) * float64(c)}
	w.text = fmt.Sprintf(`kernel matmul(x: input bf16[%[1]d, %[2]d], w: input bf16[%[2]d, %[3]d], b: input f32[%[3]d]) -> (y: output bf16[%[1]d, %[3]d])
  a[m:%[1]d, c:%[3]d] = sum k:%[2]d matrix; f32(x[m, k]) * f32(w[k, c])
  y[m:%[1]d, c:%[3]d] = %%0 = a[m, c] + b[c]; bf16(0.5 * %%0 * (1.0 + erf(%%0 * 0.70710677)))
`, m, k, c)
	w.torchSetup = fmt.Sprintf("x, w, b = r(%d, %d).bfloat16(), r(%d, %d).bfloat16(), r(%d).bfloat16()", m, k, c, k, c)
	w.torchSetup += fmt.Sprintf("; wt = w.t().contiguous(); p = packed(w, %d)", m)
	w.torch, w.packed = []string{"F.gelu(F.linear(x, w, b))", "F.gelu(torch.addmm(b, x, wt))"}, packedLinear
	return w
}

func softmax(rows, n int) work {
	return work{name: fmt.Sprintf("softmax %dx%d", rows, n), flops: 20 * float64(rows*n), reads: 4 * float64(rows*n), writes: 4 * float64(rows*n),
		text: fmt.Sprintf(`kernel softmax(x: input f32[%[1]d, %[2]d]) -> (y: output f32[%[1]d, %[2]d])
  m[i:%[1]d] = max j:%[2]d lanes64; x[i, j]
  s[i:%[1]d] = sum j:%[2]d lanes64; exp(x[i, j] - m[i])
  y[i:%[1]d, j:%[2]d] = exp(x[i, j] - m[i]) / s[i]
`, rows, n), torchSetup: fmt.Sprintf("x = r(%d, %d)", rows, n), torch: []string{"F.softmax(x, 1)"}}
}
