package tests

import (
	"math"
	"math/rand"
	"testing"

	"dlc"
	"dlc/ir"
	"dlc/ir/tensor"
)

// linear is the library's linear algebra on a batch, and gradients through it.
const linear = `edition 2026

model Linear()(a: f32[N, 4, 4], b: f32[N, 4, 2]) -> (l: f32[N, 4, 4], x: f32[N, 4, 2], upper: f32[N, 4, 2], da: f32[N, 4, 4], db: f32[N, 4, 2]) {
  l = vmap(cholesky)(a)
  loss = fn(m, v) { sum(solve_positive((m + transpose(m, [1, 0])) / 2, v) ** 2) }
  (l = l, x = vmap(solve_positive)(a, b), upper = vmap(fn(t, v) { solve_triangular(transpose(t, [1, 0]), v, lower=false) })(l, b),
   da = vmap(fn(m, v) { grad(fn(w) { loss(w, v) })(m) })(a, b), db = vmap(fn(m, v) { grad(fn(w) { loss(m, w) })(v) })(a, b))
}
`

// TestLinearAlgebra holds the factor and the solutions to values of SciPy, the gradients to central
// differences, and every stage to the others.
func TestLinearAlgebra(t *testing.T) {
	t.Parallel()
	checked, err := dlc.Check(&dlc.Source{Path: "linear.dlc", Text: []byte(linear)}, &dlc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := compile(t, "linear", checked.Module)
	a := []float64{9, 3, -6, 12, 3, 26, -7, -11, -6, -7, 9, 7, 12, -11, 7, 65}
	b := []float64{1, 2, -3, 4, 5, -6, 7, 8}
	wide := func(a, b []float64) map[string]*tensor.Tensor {
		in := map[string]*tensor.Tensor{"a": tensor.FromFloats(tensor.F64, a, 1, 4, 4), "b": tensor.FromFloats(tensor.F64, b, 1, 4, 2)}
		out, _, err := ir.Eval(p.fn("infer"), in, nil, ir.Wide)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	got := wide(a, b)
	// scipy.linalg.cholesky(a, lower=True), scipy.linalg.solve(a, b), scipy.linalg.solve_triangular(l.T, b)
	for name, want := range map[string][]float64{
		"l":     {3, 0, 0, 0, 1, 5, 0, 0, -2, -1, 2, 0, 4, -3, 6, 2},
		"x":     {10.349999999999998, -16.53333333333333, 0.1166666666666668, -0.06666666666666679, 9.75, -15.500000000000002, -2.833333333333333, 4.833333333333334},
		"upper": {-9.633333333333333, -14.733333333333334, -0.1, 0.2, -8.0, -15.0, 3.5, 4.0},
	} {
		for i, w := range want {
			if g := got[name].Float(i); math.Abs(g-w) > 1e-9*math.Max(1, math.Abs(w)) {
				t.Errorf("%s[%d] is %v, not %v", name, i, g, w)
			}
		}
	}
	const h = 1e-6
	for name, x := range map[string][]float64{"da": a, "db": b} {
		for i := range x {
			loss := func(d float64) (sum float64) {
				moved := append([]float64{}, x...)
				moved[i] += d
				in := [2][]float64{a, b}
				if name == "da" {
					if r, c := i/4, i%4; r != c { // the factor reads the lower triangle: both move by half
						moved[i] -= d / 2
						moved[c*4+r] += d / 2
					}
					in[0] = moved
				} else {
					in[1] = moved
				}
				x := wide(in[0], in[1])["x"]
				for j := range x.Len() {
					sum += x.Float(j) * x.Float(j)
				}
				return sum
			}
			want := (loss(h) - loss(-h)) / (2 * h)
			if g := got[name].Float(i); math.Abs(g-want) > 1e-5*math.Max(1, math.Abs(want)) {
				t.Errorf("%s[%d] is %g, differences say %g", name, i, g, want)
			}
		}
	}
	r := rand.New(rand.NewSource(1))
	c := &call{n: 3, inputs: map[string]*tensor.Tensor{"a": tensor.New(tensor.F32, 3, 4, 4), "b": tensor.New(tensor.F32, 3, 4, 2)}, weights: map[string]*tensor.Tensor{}}
	for i := range 3 * 16 {
		c.inputs["a"].SetFloat(i, a[i%16]*(1+float64(i/16)))
	}
	for i := range 3 * 8 {
		c.inputs["b"].SetFloat(i, r.NormFloat64())
	}
	p.compareStages(t, "infer", c, p.interpret(t, "infer", c))
}
