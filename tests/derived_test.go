package tests

import (
	"bytes"
	"strings"
	"testing"

	"dlc"
	"dlc/ir"
	"dlc/ir/sample"
	"dlc/ir/tensor"
	"dlc/passes"
	"dlc/runtime/program"
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
	sameValues(t, "f = fn(a) { sum(sin(a) * exp(a) @ w) }", "grad(recompute(f))(x)", "grad(f)(x)")
	sameValues(t, "f = fn(a) { sum(sin(a) * exp(a) @ w) }", "hvp(recompute(f), x, v)", "hvp(f, x, v)")
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

// recurrence is the gradient of a recurrence of S times K turns, of which f does K.
const recurrence = `edition 2026

model Net()(x: f32[S, K, N, 5], w: f32[5, 64], u: f32[64, 64]) -> (g: f32[64, 64]) {
  turn = fn(h, part: f32[K, N, 5], v) {
    scan xt in part over K with h = h { h = tanh(xt @ w + h @ v) }
  }
  grad(fn(v) { sum(scan part in x over S with h = zeros([N, 64]) { h = APPLIED(h, part, v) }) })(u)
}
`

// TestCheckpoints holds a recurrence that is computed again, part by part, to memory for the square
// root of its turns: four times the turns need twice as much.
func TestCheckpoints(t *testing.T) {
	alive := func(applied string, n int64) float64 {
		src := &dlc.Source{Path: "net.dlc", Text: []byte(strings.Replace(recurrence, "APPLIED", applied, 1))}
		p, err := dlc.Check(src, &dlc.Options{Entries: []string{"infer"}})
		if err != nil {
			t.Fatal(err)
		}
		entries, err := p.Plan()
		if err != nil {
			t.Fatal(err)
		}
		place, err := program.Place(entries[0], map[string]int64{"N": 32, "S": n, "K": n})
		if err != nil {
			t.Fatal(err)
		}
		return float64(place.Live)
	}
	kept, again := alive("turn", 64), alive("recompute(turn)", 64)
	t.Logf("64 times 64 turns: %.1f MB, %.1f MB computed again", kept/1e6, again/1e6)
	if kept < 8*again {
		t.Errorf("a recurrence of 64 times 64 turns keeps %.0f bytes, computed again %.0f", kept, again)
	}
	if growth := alive("recompute(turn)", 128) / again; growth > 2.2 {
		t.Errorf("four times the turns need %.2f times the memory", growth)
	}
	if growth := alive("turn", 128) / kept; growth < 2.8 {
		t.Errorf("four times the turns that are kept need %.2f times the memory", growth)
	}
}

// TestComputedAgain holds gradients of what is computed again to those of what is kept, in bits.
func TestComputedAgain(t *testing.T) {
	c := libraryCase{name: "again", head: "(x: f32[N, 37], w: f32[37, 37]) -> (got: f32[37, 37], want: f32[37, 37])", body: `loss = fn(part) { fn(v) { sum(sin(part(part(x, v), v)) * 0.5) } }
  part = fn(a, v) { tanh(a @ v) * a + 0.1 }
  (got = grad(loss(recompute(part)))(w), want = grad(loss(part))(w))`}
	f := c.function(t, false)
	p := compile(t, "again", &ir.Module{Name: "again", Funcs: []*ir.Func{f}})
	env := map[string]int64{"N": 5, "T": 1, "E": 1}
	out := p.interpret(t, f.Name, &call{env: env, inputs: c.inputs(f, env), weights: map[string]*tensor.Tensor{}}).results
	if !bytes.Equal(out["got"].Data, out["want"].Data) {
		t.Errorf("%g apart", sample.Distance(out["got"], out["want"]))
	}
}
