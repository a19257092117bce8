package main

import (
	"fmt"
	"strings"
)

// lstm is an LSTM of u units over t turns of n rows of e inputs; in training its gradients too.
func lstm(t, n, e, u int, training bool) work {
	w := work{name: fmt.Sprintf("lstm %d->%d T=%d b%d", e, u, t, n), symbols: map[string]int64{"T": int64(t), "N": int64(n)},
		flops: 2 * float64(t*n) * float64(4*u*(e+u)), reads: 4 * float64(4*u*(e+u)+t*n*e), writes: 4 * float64(t*n*u)}
	text, more := lstmForward, ""
	w.torchSetup = fmt.Sprintf("m, x, dy = torch.nn.LSTM(%d, %d), r(%d, %d, %d), r(%d, %d, %d)", e, u, t, n, e, t, n, u)
	w.torch = []string{"m(x)"}
	if training {
		w.name += " training"
		w.flops *= 3
		text, more = strings.Replace(lstmForward+lstmBackward, "y: output", "y: temp", 1), lstmBuffers
		w.torchSetup += `
x.requires_grad = True
def step():
    with torch.enable_grad():
        y, _ = m(x)
        torch.autograd.backward(y, dy)
`
		w.torch = []string{"step()"}
	}
	w.text = strings.NewReplacer("$E", fmt.Sprint(e), "$U", fmt.Sprint(u)).Replace(strings.Replace(text, "$BUFFERS", more, 1))
	return w
}

const lstmForward = `program lstm
buffer x: input f32[T, N, $E]
buffer wx: weight f32[$E, 4, $U]
buffer wh: weight f32[$U, 4, $U]
buffer b: weight f32[4, $U]
buffer y: output f32[T, N, $U]
buffer xw: temp f32[T, N, 4, $U]
buffer gi: temp f32[T, N, $U]
buffer gf: temp f32[T, N, $U]
buffer gg: temp f32[T, N, $U]
buffer go: temp f32[T, N, $U]
buffer c: temp f32[T, N, $U]
$BUFFERSkernel input(x, wx) -> (xw)
  xw[t:T, n:N, g:4, u:$U] = sum e:$E unordered; x[t, n, e] * wx[e, g, u]
kernel forward(xw, wh, b) -> (gi, gf, gg, go, c, y)
  scan t:T {
    hi[t:T, n:N, u:$U] = sum k:$U unordered when 0 <= t - 1 < T; y[t - 1, n, k] * wh[k, 0, u]
    hf[t:T, n:N, u:$U] = sum k:$U unordered when 0 <= t - 1 < T; y[t - 1, n, k] * wh[k, 1, u]
    hg[t:T, n:N, u:$U] = sum k:$U unordered when 0 <= t - 1 < T; y[t - 1, n, k] * wh[k, 2, u]
    ho[t:T, n:N, u:$U] = sum k:$U unordered when 0 <= t - 1 < T; y[t - 1, n, k] * wh[k, 3, u]
    gi[t:T, n:N, u:$U] = sigmoid(hi[t, n, u] + xw[t, n, 0, u] + b[0, u])
    gf[t:T, n:N, u:$U] = sigmoid(hf[t, n, u] + xw[t, n, 1, u] + b[1, u])
    gg[t:T, n:N, u:$U] = tanh(hg[t, n, u] + xw[t, n, 2, u] + b[2, u])
    go[t:T, n:N, u:$U] = sigmoid(ho[t, n, u] + xw[t, n, 3, u] + b[3, u])
    c[t:T, n:N, u:$U] = guard(0 <= t - 1 < T: c[t - 1, n, u]) * gf[t, n, u] + gi[t, n, u] * gg[t, n, u]
    y[t:T, n:N, u:$U] = go[t, n, u] * tanh(c[t, n, u])
  }
`

// lstmBuffers are those of the gradients.
const lstmBuffers = `buffer dy: input f32[T, N, $U]
buffer dc: temp f32[T, N, $U]
buffer dz: temp f32[T, N, 4, $U]
buffer dx: output f32[T, N, $E]
buffer dwx: output f32[$E, 4, $U]
buffer dwh: output f32[$U, 4, $U]
buffer db: output f32[4, $U]
`

const lstmBackward = `kernel back(dy, gi, gf, gg, go, c, wh) -> (dc, dz)
  scan t:T reversed {
    dr[t:T, n:N, u:$U] = sum (g:4, k:$U) unordered when 0 <= t + 1 < T; dz[t + 1, n, g, k] * wh[u, g, k]
    dh[t:T, n:N, u:$U] = dy[t, n, u] + dr[t, n, u]
    tc[t:T, n:N, u:$U] = tanh(c[t, n, u])
    dc[t:T, n:N, u:$U] = guard(0 <= t + 1 < T: dc[t + 1, n, u] * gf[t + 1, n, u]) + dh[t, n, u] * go[t, n, u] * (1.0 - tc[t, n, u] * tc[t, n, u])
    zi[t:T, n:N, u:$U] = dc[t, n, u] * gg[t, n, u] * gi[t, n, u] * (1.0 - gi[t, n, u])
    zf[t:T, n:N, u:$U] = guard(0 <= t - 1 < T: c[t - 1, n, u]) * dc[t, n, u] * gf[t, n, u] * (1.0 - gf[t, n, u])
    zg[t:T, n:N, u:$U] = dc[t, n, u] * gi[t, n, u] * (1.0 - gg[t, n, u] * gg[t, n, u])
    zo[t:T, n:N, u:$U] = dh[t, n, u] * tc[t, n, u] * go[t, n, u] * (1.0 - go[t, n, u])
    dz[t:T, n:N, g:4, u:$U] = guard(0 <= g < 1: zi[t, n, u]) + guard(0 <= g - 1 < 1: zf[t, n, u]) + guard(0 <= g - 2 < 1: zg[t, n, u]) + guard(0 <= g - 3 < 1: zo[t, n, u])
  }
kernel inputs(dz, wx) -> (dx)
  dx[t:T, n:N, e:$E] = sum (g:4, u:$U) unordered; dz[t, n, g, u] * wx[e, g, u]
kernel weights(dz, x) -> (dwx)
  dwx[e:$E, g:4, u:$U] = sum (t:T, n:N) unordered; x[t, n, e] * dz[t, n, g, u]
kernel recurrent(dz, y) -> (dwh)
  dwh[k:$U, g:4, u:$U] = sum (t:T, n:N) unordered when 0 <= t - 1 < T; y[t - 1, n, k] * dz[t, n, g, u]
kernel bias(dz) -> (db)
  db[g:4, u:$U] = sum (t:T, n:N) unordered; dz[t, n, g, u]
`
