package main

import "fmt"

// attention is causal attention of g heads of 64 over t positions.
func attention(g, t int) work {
	pairs := float64(g) * float64(t) * float64(t+1) / 2
	size := 4 * float64(g) * float64(t) * 64
	w := work{name: fmt.Sprintf("attention %dx%dx64", g, t), flops: 4 * 64 * pairs, reads: 3 * size, writes: size}
	w.text = fmt.Sprintf(`program attention
buffer q: input f32[%[1]d, %[2]d, 64]
buffer k: input f32[%[1]d, %[2]d, 64]
buffer v: input f32[%[1]d, %[2]d, 64]
buffer s: temp f32[%[1]d, %[2]d, %[2]d]
buffer m: temp f32[%[1]d, %[2]d]
buffer l: temp f32[%[1]d, %[2]d]
buffer a: temp f32[%[1]d, %[2]d, 64]
buffer o: output f32[%[1]d, %[2]d, 64]
buffer lse: output f32[%[1]d, %[2]d]

kernel scores(q, k) -> (s)
  s[g:%[1]d, i:%[2]d, j:%[2]d] = sum d:64 unordered; q[g, i, d] * k[g, j, d]

kernel most(s) -> (m)
  m[g:%[1]d, i:%[2]d] = max j:%[2]d unordered; select({j} <= {i}, s[g, i, j] * 0.125, -inf)

kernel total(s, m) -> (l)
  l[g:%[1]d, i:%[2]d] = sum j:%[2]d unordered; exp(select({j} <= {i}, s[g, i, j] * 0.125, -inf) - m[g, i])

kernel mix(s, m, v) -> (a)
  a[g:%[1]d, i:%[2]d, d:64] = sum j:%[2]d unordered; exp(select({j} <= {i}, s[g, i, j] * 0.125, -inf) - m[g, i]) * v[g, j, d]

kernel divide(a, m, l) -> (o, lse)
  o[g:%[1]d, i:%[2]d, d:64] = a[g, i, d] / l[g, i]
  lse[g:%[1]d, i:%[2]d] = m[g, i] + log(l[g, i])
`, g, t)
	w.torchSetup = fmt.Sprintf("q, k, v = r(1, %[1]d, %[2]d, 64), r(1, %[1]d, %[2]d, 64), r(1, %[1]d, %[2]d, 64)", g, t)
	w.torch = []string{"F.scaled_dot_product_attention(q, k, v, is_causal=True)"}
	return w
}

// crossEntropy is the mean loss of n rows of c logits, and its gradient.
func crossEntropy(n, c int) work {
	size := 4 * float64(n) * float64(c)
	w := work{name: fmt.Sprintf("cross-entropy+gradient %dx%d", n, c), flops: 22 * float64(n) * float64(c), reads: size, writes: size}
	w.text = fmt.Sprintf(`program cross_entropy
buffer x: input f32[%[1]d, %[2]d]
buffer m: temp f32[%[1]d]
buffer l: temp f32[%[1]d]
buffer row: temp f32[%[1]d]
buffer loss: output f32[]
buffer dx: output f32[%[1]d, %[2]d]

kernel most(x) -> (m)
  m[n:%[1]d] = max j:%[2]d unordered; x[n, j]

kernel sums(x, m) -> (l)
  l[n:%[1]d] = sum j:%[2]d unordered; exp(x[n, j] - m[n])

kernel losses(x, m, l) -> (row)
  row[n:%[1]d] = m[n] + log(l[n]) - x[n, n - %[2]d*(n div %[2]d)]

kernel sum(row) -> (loss)
  loss[] = sum n:%[1]d unordered; row[n] * %[3]s

kernel back(x, m, l) -> (dx)
  dx[n:%[1]d, j:%[2]d] = (exp(x[n, j] - m[n]) / l[n] - select({j} == {n - %[2]d*(n div %[2]d)}, 1.0, 0.0)) * %[3]s
`, n, c, fmt.Sprintf("%.10f", 1/float64(n)))
	w.torchSetup = fmt.Sprintf(`x, label = r(%d, %d).requires_grad_(), torch.arange(%d) %% %d
def step():
    with torch.enable_grad():
        return torch.autograd.grad(F.cross_entropy(x, label), x)
`, n, c, n, c)
	w.torch = []string{"step()"}
	return w
}

// attentionBack is the gradients of attention, from its result and the logarithm of the sums.
func attentionBack(g, t int) work {
	pairs := float64(g) * float64(t) * float64(t+1) / 2
	size := 4 * float64(g) * float64(t) * 64
	w := work{name: fmt.Sprintf("attention gradients %dx%dx64", g, t), flops: 10 * 64 * pairs, reads: 5 * size, writes: 3 * size}
	w.text = fmt.Sprintf(`program attention
buffer q: input f32[%[1]d, %[2]d, 64]
buffer k: input f32[%[1]d, %[2]d, 64]
buffer v: input f32[%[1]d, %[2]d, 64]
buffer o: input f32[%[1]d, %[2]d, 64]
buffer do: input f32[%[1]d, %[2]d, 64]
buffer lse: input f32[%[1]d, %[2]d]
buffer delta: temp f32[%[1]d, %[2]d]
buffer dq: output f32[%[1]d, %[2]d, 64]
buffer dk: output f32[%[1]d, %[2]d, 64]
buffer dv: output f32[%[1]d, %[2]d, 64]

kernel inner(do, o) -> (delta)
  delta[g:%[1]d, i:%[2]d] = sum d:64 unordered; do[g, i, d] * o[g, i, d]

kernel gradients(q, k, v, do, lse, delta) -> (dq, dk, dv)
  s[g:%[1]d, i:%[2]d, j:%[2]d] = sum d:64 chain; q[g, i, d] * k[g, j, d]
  c[g:%[1]d, i:%[2]d, j:%[2]d] = sum d:64 chain; do[g, i, d] * v[g, j, d]
  p[g:%[1]d, i:%[2]d, j:%[2]d] = exp(s[g, i, j] * 0.125 - lse[g, i])
  e[g:%[1]d, i:%[2]d, j:%[2]d] = p[g, i, j] * (c[g, i, j] - delta[g, i]) * 0.125
  dq[g:%[1]d, i:%[2]d, d:64] = sum j:%[2]d chain when 0 <= i - j < %[2]d; e[g, i, j] * k[g, j, d]
  dk[g:%[1]d, j:%[2]d, d:64] = sum i:%[2]d chain when 0 <= i - j < %[2]d; e[g, i, j] * q[g, i, d]
  dv[g:%[1]d, j:%[2]d, d:64] = sum i:%[2]d chain when 0 <= i - j < %[2]d; p[g, i, j] * do[g, i, d]
`, g, t)
	w.torchSetup = fmt.Sprintf(`q, k, v, do = (r(1, %[1]d, %[2]d, 64).requires_grad_() for _ in range(4))
with torch.enable_grad():
    o = F.scaled_dot_product_attention(q, k, v, is_causal=True)
`, g, t)
	w.torch = []string{"torch.autograd.grad(o, (q, k, v), do, retain_graph=True)"}
	return w
}
