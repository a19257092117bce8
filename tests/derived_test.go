package tests

import (
	"testing"

	"dlc/ir"
	"dlc/ir/sample"
	"dlc/ir/tensor"
	"dlc/passes"
)

// TestDerivedFunctions holds functions of functions to each other and to derivatives written by hand,
// evaluated in f64: the derivative along a direction to the jacobian times it, the second derivative
// to the jacobian of the gradient, the gradient to the derivatives along the axes.
func TestDerivedFunctions(t *testing.T) {
	for _, f := range []string{
		"tanh(a @ w)", "softmax(a)", "cumsum(a * a) @ w", "sort(a) * a", "concat([a, exp(a)])", "where(a > 0, a * a, a) + a[0]",
		"scan e in a over D with h = ones([]) {\n    h = sin(h) * e\n    yield h\n  }", "vmap(fn(e) { exp(e) * a[1] })(a)", "grad(fn(b) { sum(sin(b) * b ** 3) })(a)",
		"max(a) * a", "a * stop_gradient(a)",
	} {
		f = "(fn(a: f32[D]) { " + f + " })"
		number := "fn(a) { sum(cos(f(a)) * 2) }"
		sameValues(t, "f = "+f, "jvp(f, x, v)", "jacobian(f)(x) @ v")
		sameValues(t, "f = "+f, "hvp("+number+", x, v)", "jacobian(fn(b) { grad("+number+")(b) })(x) @ v")
		sameValues(t, "f = "+f, "grad("+number+")(x)", "vmap(fn(e) { jvp("+number+", x, e) })(iota(D)[:, new] == iota(D)[new, :] |> to(f32))")
	}
	sameValues(t, "f = fn(a) { a ** 3 }", "jvp(f, x, v)", "3 * x ** 2 * v")
	sameValues(t, "f = fn(a) { sum(a ** 3) }", "grad(f)(x)", "3 * x ** 2")
	sameValues(t, "f = fn(a) { sum(a ** 3) }", "hvp(f, x, v)", "6 * x * v")
	sameValues(t, "f = fn(a, b) { a * sum(b) }", "jacobian(f)(x, v)", "to(iota(D)[:, new] == iota(D)[new, :], f32) * sum(v)")
	sameValues(t, "f = fn(a) { sum(straight(a) * 3) }", "grad(f)(x)", "x * 0 + 3")
	sameValues(t, "f = fn(a) { sum(clipped(a) * a * 3) }", "grad(f)(x)", "clamp(x * 3, -1, 1) + x * 3")
	sameValues(t, "f = fn(a) { sum(clipped(a) * a * 3) }", "vmap(grad(f))(x[new])[0]", "grad(f)(x)")
	sameValues(t, "z = x * x", "grad(fn(a) { sum(z * a) })(x)", "x * x")
}

const ownGradients = `fn straight(x: float[S...]) -> float[S...] { round(x) }
gradient straight(x: float[S...], dy: float[S...]) -> float[S...] { dy }
fn clipped(x: float[S...]) -> float[S...] { x }
gradient clipped(x: float[S...], dy: float[S...]) -> float[S...] { clamp(dy, -1, 1) }

`

// sameValues evaluates two expressions of x, v and w after a statement.
func sameValues(t *testing.T, statement, got, want string) {
	t.Helper()
	c := libraryCase{name: got, head: ownGradients + "(x: f32[5], v: f32[5], w: f32[5, 3]) -> (got: f32[A...], want: f32[A...])",
		body: "D = 5\n  " + statement + "\n  (got = " + got + ", want = " + want + ")"}
	f := c.function(t, false)
	if err := passes.Graph(&ir.Module{Name: "m", Funcs: []*ir.Func{f}}, nil); err != nil {
		t.Fatal(err)
	}
	in := c.inputs(f, map[string]int64{"N": 1, "T": 1, "E": 1})
	for name, x := range in {
		if x.DType.IsFloat() {
			in[name] = tensor.FromFloats(tensor.F64, floatsOf(x), x.Dims...)
		}
	}
	out, _, err := ir.Eval(f, in, nil, ir.Wide)
	if err != nil {
		t.Fatal(err)
	}
	if d := sample.Distance(out["got"], out["want"]); d > 1e-9 {
		t.Errorf("%s: %s differs from %s by %g", statement, got, want, d)
	}
}
