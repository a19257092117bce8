package main

import "fmt"

// rowWorks are the works that stream rows: norms, tables, updates of parameters, sorts.
func rowWorks() []work {
	return []work{layerNorm(4096, 1024), layerNormBack(4096, 1024),
		embedding(8192, 8192, 512), embeddingBack(8192, 32768, 512), adam(1 << 22),
		argsort(1024, 4096), topK(64, 50257, 50)}
}

func layerNorm(rows, n int) work {
	return work{name: fmt.Sprintf("layernorm %dx%d", rows, n), flops: 8 * float64(rows*n), reads: 4 * float64(rows*n), writes: 4 * float64(rows*n),
		text: fmt.Sprintf(`kernel layernorm(x: input f32[%[1]d, %[2]d], g: input f32[%[2]d], b: input f32[%[2]d]) -> (y: output f32[%[1]d, %[2]d])
  s[i:%[1]d] = sum j:%[2]d lanes64; x[i, j]
  q[i:%[1]d] = welford j:%[2]d lanes64; x[i, j]
  m[i:%[1]d] = s[i] / %[2]d.0
  r[i:%[1]d] = rsqrt(q[i] / %[2]d.0 + 1e-05)
  y[i:%[1]d, j:%[2]d] = (x[i, j] - m[i]) * r[i] * g[j] + b[j]
`, rows, n), torchSetup: fmt.Sprintf("x, g, b = r(%d, %d), r(%d), r(%d)", rows, n, n, n), torch: []string{fmt.Sprintf("F.layer_norm(x, (%d,), g, b)", n)}}
}

// layerNormBack is the gradients by x, by scale and by shift, of which the mean and scale of each row
// are kept.
func layerNormBack(rows, n int) work {
	return work{name: fmt.Sprintf("layernorm %dx%d gradients", rows, n), flops: 15 * float64(rows*n), reads: 8 * float64(rows*n), writes: 4 * float64(rows*n),
		text: fmt.Sprintf(`program layernormback
buffer x: input f32[%[1]d, %[2]d]
buffer dy: input f32[%[1]d, %[2]d]
buffer g: input f32[%[2]d]
buffer m: input f32[%[1]d]
buffer r: input f32[%[1]d]
buffer dx: output f32[%[1]d, %[2]d]
buffer dg: output f32[%[2]d]
buffer db: output f32[%[2]d]

kernel data(x, dy, g, m, r) -> (dx)
  p[i:%[1]d] = sum j:%[2]d lanes64; dy[i, j] * g[j]
  q[i:%[1]d] = sum j:%[2]d lanes64; dy[i, j] * g[j] * ((x[i, j] - m[i]) * r[i])
  dx[i:%[1]d, j:%[2]d] = (dy[i, j] * g[j] - p[i] / %[2]d.0 - (x[i, j] - m[i]) * r[i] * (q[i] / %[2]d.0)) * r[i]

kernel weights(x, dy, m, r) -> (dg, db)
  db[j:%[2]d] = sum i:%[1]d chunks i by 1024; dy[i, j]
  dg[j:%[2]d] = sum i:%[1]d chunks i by 1024; dy[i, j] * ((x[i, j] - m[i]) * r[i])
`, rows, n), torchSetup: fmt.Sprintf("x, dy, g, b = r(%[1]d, %[2]d), r(%[1]d, %[2]d), r(%[2]d), r(%[2]d); y, m, s = torch.native_layer_norm(x, (%[2]d,), g, b, 1e-5)", rows, n),
		torch: []string{fmt.Sprintf("torch.ops.aten.native_layer_norm_backward(dy, x, (%d,), m, s, g, b, [True, True, True])", n)}}
}

// embedding reads rows of a table.
func embedding(n, v, d int) work {
	return work{name: fmt.Sprintf("embedding %d of %dx%d", n, v, d), reads: 4 * float64(n*d), writes: 4 * float64(n*d), below: v,
		text: fmt.Sprintf(`kernel embedding(ids: input i64[%[1]d], w: input f32[%[2]d, %[3]d]) -> (y: output f32[%[1]d, %[3]d])
  y[n:%[1]d, d:%[3]d] = w[@ids[n], d]
`, n, v, d), torchSetup: fmt.Sprintf("w, ids = r(%d, %d), torch.randint(0, %d, (%d,))", v, d, v, n), torch: []string{"F.embedding(ids, w)", "w[ids]", "w.index_select(0, ids)"}}
}

// embeddingBack sums rows where they came from: each row of dy is read, all of the table written.
func embeddingBack(n, v, d int) work {
	return work{name: fmt.Sprintf("embedding %d of %dx%d weights", n, v, d), flops: float64(n * d), reads: 4 * float64(n*d), writes: 4 * float64(v*d), below: v,
		text: fmt.Sprintf(`kernel embeddingweights(ids: input i64[%[1]d], dy: input f32[%[1]d, %[3]d]) -> (dw: output f32[%[2]d, %[3]d])
  dw[v:%[2]d, d:%[3]d] = sum n:%[1]d chain at v = ids[n]; dy[n, d]
`, n, v, d), torchSetup: fmt.Sprintf("dy, ids = r(%d, %d), torch.randint(0, %d, (%d,))", n, d, v, n),
		torch: []string{fmt.Sprintf("torch.ops.aten.embedding_dense_backward(dy, ids, %d, -1, False)", v), fmt.Sprintf("torch.zeros(%d, %d).index_add_(0, ids, dy)", v, d)}}
}

// adam updates one parameter of n elements, in place.
func adam(n int) work {
	return work{name: fmt.Sprintf("adam %d", n), flops: 12 * float64(n), reads: 16 * float64(n), writes: 12 * float64(n),
		over: map[string]string{"w1": "w", "m1": "m", "v1": "v"},
		text: fmt.Sprintf(`kernel adam(w: input f32[%[1]d], g: input f32[%[1]d], m: input f32[%[1]d], v: input f32[%[1]d]) -> (w1: output f32[%[1]d], m1: output f32[%[1]d], v1: output f32[%[1]d])
  m1[i:%[1]d] = 0.9 * m[i] + 0.1 * g[i]
  v1[i:%[1]d] = 0.999 * v[i] + 0.001 * g[i] * g[i]
  w1[i:%[1]d] = w[i] - 0.001 * m1[i] / (sqrt(v1[i]) + 1e-08)
`, n), torchSetup: fmt.Sprintf("p = torch.nn.Parameter(r(%d)); p.grad = r(%d); o = torch.optim.Adam([p], fused=True)", n, n), torch: []string{"o.step()"}}
}

// argsort orders whole rows.
func argsort(rows, n int) work {
	return work{name: fmt.Sprintf("argsort %dx%d", rows, n), reads: 4 * float64(rows*n), writes: 8 * float64(rows*n),
		text: fmt.Sprintf(`kernel argsort(x: input f32[%[1]d, %[2]d]) -> (p: output i64[%[1]d, %[2]d])
  p[i:%[1]d, q:%[2]d] = argsort.i64 j:%[2]d chain; x[i, j]
`, rows, n), torchSetup: fmt.Sprintf("x = r(%d, %d)", rows, n), torch: []string{"torch.argsort(x)", "torch.argsort(x, stable=True)"}}
}

// topK finds the largest of long rows, and where they are.
func topK(rows, n, k int) work {
	return work{name: fmt.Sprintf("top %d of %dx%d", k, rows, n), reads: 4 * float64(rows*n), writes: 12 * float64(rows*k),
		text: fmt.Sprintf(`kernel topk(x: input f32[%[1]d, %[2]d]) -> (p: output i64[%[1]d, %[3]d], v: output f32[%[1]d, %[3]d])
  p[i:%[1]d, q:%[3]d] = argsort_descending.i64 j:%[2]d chain; x[i, j]
  v[i:%[1]d, q:%[3]d] = x[i, @p[i, q]]
`, rows, n, k), torchSetup: fmt.Sprintf("x = r(%d, %d)", rows, n), torch: []string{fmt.Sprintf("torch.topk(x, %d)", k)}}
}
