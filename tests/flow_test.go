package tests

import (
	"context"
	"math"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"dlc"
	"dlc/ir"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/runtime"
	"dlc/runtime/check"
)

// TestEarlyExit runs the example on weights with which its second head is wanted and on ones with
// which it is not, in inference and training: every stage agrees in bits, the evaluator up to
// rounding, and no kernel of a branch that is not taken runs.
func TestEarlyExit(t *testing.T) {
	t.Parallel()
	p := compile(t, "digits/early", module(t, "digits/early", "epochs    = 20", "epochs    = 1", tensor.Ints(8, 8, 1)))
	r := rand.New(rand.NewSource(3))
	for _, entry := range []string{"infer", "train"} {
		ran := map[bool]int{}
		for _, sure := range []bool{false, true} {
			c := p.arguments(r, entry, 3)
			w := c.weights["dense_1.kernel"]
			for i := range w.Len() {
				if w.SetFloat(i, 0.01*w.Float(i)); sure && i%10 == 7 {
					w.SetFloat(i, 100)
				}
			}
			want := p.interpret(t, entry, c)
			k := p.kernels[entry]
			buffers, branch := c.buffers(k), 0
			err := k.Follow(kernel.Over(buffers, func(i int) error {
				if in := k.Kernels[i].In; in != nil && !in.Not {
					branch++
				}
				return kernel.Interp(&kernel.Program{Buffers: k.Buffers, Kernels: k.Kernels[i : i+1]}, c.symbols(), buffers)
			}))
			if err != nil {
				t.Fatal(err)
			}
			ran[sure] = branch
			results, updates, err := ir.Eval(p.fn(entry), c.inputs, c.weights, ir.Wide)
			if err != nil {
				t.Fatal(err)
			}
			near(t, entry+": definitions:", want, &answer{results, updates})
			if entry == "infer" || !sure {
				p.compareStages(t, entry, c, want)
			}
		}
		if ran[false] == 0 || ran[true] != 0 {
			t.Errorf("%s: %d kernels of the branch run where it is taken, %d where it is not", entry, ran[false], ran[true])
		}
	}
}

// loops are a root by Newton's iteration with its gradient, a sum of powers of a count that is an
// input, a product over the rows, and random numbers that differ by turn.
const loops = `edition 2026

fn root(a: f32[N]) -> f32[N] {
  r = a * 0 + 1
  change = 1.0
  while change > 1e-6 limit 40 {
    next = 0.5 * (r + a / r)
    change = max(abs(next - r))
    r = next
  }
  r
}

model Loops()(a: f32[N], k: i32[]) -> (r: f32[N], slope: f32[N], powers: f32[N], rows: f32[], turns: i64[]) {
  powers = a * 0
  term = a * 0 + 1
  turns = to(0, i64)
  for i in 0..k {
    if i % 2 == 0 { powers = powers + term } else { powers = powers - term }
    term = term * a
    turns = turns + 1
  }
  rows = 1.0
  for i in 0..N { rows = rows * (1 + a[i]) }
  (r = root(a), slope = grad(fn(x) { sum(root(x)) })(a), powers = powers, rows = rows, turns = turns)
}
`

// TestLoopsOfTheLanguage compares loops with what they compute, natively with 1 and 2 threads and
// launch by launch, in bits among each other.
func TestLoopsOfTheLanguage(t *testing.T) {
	t.Parallel()
	src := &dlc.Source{Path: "loops.dlc", Text: []byte(loops)}
	var first map[string]*tensor.Tensor
	follow := func(ctx context.Context, c *runtime.Call) error {
		return c.Follow(func(i int) error { return c.Launch(ctx, i) })
	}
	for _, way := range []struct {
		name    string
		watch   func(context.Context, *runtime.Call) error
		threads int
	}{{"native", nil, 1}, {"native", nil, 2}, {"checked", check.Watch, 1}, {"checked", check.Watch, 2}, {"launch by launch", follow, 2}} {
		options := runtime.Options{Threads: way.threads, Watch: way.watch}
		m, err := runtime.Load(artifactOf(t, src, nil, dlc.Options{Check: way.watch != nil}))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		s, err := m.NewSession(options)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for _, k := range []int64{0, 6} {
			a, count := tensor.FromFloats(tensor.F32, []float64{0.25, 2, 0.5, 3, 1e-3}, 5), tensor.New(tensor.I32)
			count.SetInt(0, k)
			out, err := s.Run(context.Background(), "infer", map[string]*tensor.Tensor{"a": a, "k": count})
			if err != nil {
				t.Fatal(err)
			}
			rows := 1.0
			for i := range a.Len() {
				x, powers := a.Float(i), 0.0
				for j := range k {
					powers += math.Pow(-x, float64(j))
				}
				rows *= 1 + x
				for name, want := range map[string]float64{"r": math.Sqrt(x), "slope": 0.5 / math.Sqrt(x), "powers": powers} {
					if got := out[name].Float(i); math.Abs(got-want) > 1e-4*math.Max(1, math.Abs(want)) {
						t.Errorf("%s, %d threads, k = %d: %s of %g is %g, not %g", way.name, way.threads, k, name, x, got, want)
					}
				}
			}
			if got := out["rows"].Float(0); math.Abs(got-rows) > 1e-5 || out["turns"].Int(0) != k {
				t.Errorf("%s: the product is %g, not %g, after %d turns of %d", way.name, got, rows, out["turns"].Int(0), k)
			}
			if k == 6 && first == nil {
				first = out
			} else if k == 6 {
				sameBits(t, "another way:", out, first)
			}
		}
	}
}

// TestGradientsOfLoops holds the gradient of Newton's iteration to central differences, in f64.
func TestGradientsOfLoops(t *testing.T) {
	p, err := dlc.Check(&dlc.Source{Path: "loops.dlc", Text: []byte(loops)}, &dlc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	q := lowered(t, "loops", p.Module)
	eval := func(x float64) map[string]*tensor.Tensor {
		a, k := tensor.FromFloats(tensor.F64, []float64{x}, 1), tensor.New(tensor.I32)
		out, _, err := ir.Eval(q.fn("infer"), map[string]*tensor.Tensor{"a": a, "k": k}, nil, ir.Wide)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, x := range []float64{0.3, 1, 7.5} {
		const h = 1e-5
		difference := (eval(x + h)["r"].Float(0) - eval(x - h)["r"].Float(0)) / (2 * h)
		if got := eval(x)["slope"].Float(0); math.Abs(got-difference) > 1e-6 {
			t.Errorf("the gradient at %g is %g, differences say %g", x, got, difference)
		}
	}
}

// TestLoopsHaveNoEndlessGradient makes sure that the gradient of a loop without a limit is refused.
func TestLoopsHaveNoEndlessGradient(t *testing.T) {
	text := `edition 2026

model Net()(a: f32[N]) -> (d: f32[N]) {
  grad(fn(x) {
    y = x
    while max(y) < 10 { y = y * 2 }
    sum(y)
  })(a)
}
`
	p, err := dlc.Check(&dlc.Source{Path: "endless.dlc", Text: []byte(text)}, &dlc.Options{})
	if err == nil {
		_, err = p.Compile()
	}
	if err == nil || !strings.Contains(err.Error(), "a loop without a limit has no gradient") {
		t.Errorf("got %v", err)
	}
}

// TestPartsOfTensors reads and assigns parts at places that are known while compiling and ones that
// are not, in a loop and outside.
func TestPartsOfTensors(t *testing.T) {
	t.Parallel()
	text := `edition 2026

model Parts()(x: f32[N, 3], at: i32[], rows: i32[2]) -> (turned: f32[N, 3], y: f32[N, 3], column: f32[N], some: f32[2, 3], both: f32[3, 2]) {
  turned = x * 0
  for i in 0..N { turned[N - 1 - i] = x[i] }
  y = x
  y[:, at] = 7
  y[1, 0..2] += 10
  y[at, -1] = -y[at, 0]
  (turned = turned, y = y, column = x[:, at], some = x[rows], both = transpose(x, [1, 0])[:, rows])
}
`
	m, err := runtime.Load(artifactOf(t, &dlc.Source{Path: "parts.dlc", Text: []byte(text)}, nil, dlc.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s, err := m.NewSession(runtime.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ints := func(dims []int, values ...int64) *tensor.Tensor {
		x := tensor.New(tensor.I32, dims...)
		for i, v := range values {
			x.SetInt(i, v)
		}
		return x
	}
	in := map[string]*tensor.Tensor{"x": tensor.FromFloats(tensor.F32, []float64{1, 2, 3, 4, 5, 6, 8, 9, 11}, 3, 3), "at": ints(nil, 1), "rows": ints([]int{2}, 2, 0)}
	got, err := s.Run(context.Background(), "infer", in)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]float64{
		"turned": {8, 9, 11, 4, 5, 6, 1, 2, 3}, "y": {1, 7, 3, 14, 17, -14, 8, 7, 11}, "column": {2, 5, 9},
		"some": {8, 9, 11, 1, 2, 3}, "both": {8, 1, 9, 2, 11, 3},
	} {
		for i, w := range want {
			if g := got[name].Float(i); g != w {
				t.Errorf("%s[%d] is %g, not %g", name, i, g, w)
			}
		}
	}
}

// TestStatesAreCarried updates states of a layer in a branch, in loops and in a scan, each of which
// goes on from what the one before has left.
func TestStatesAreCarried(t *testing.T) {
	t.Parallel()
	text := `edition 2026

layer Count()(x: float[N, D]) -> float[N, D] {
  state n: [] = zeros()
  state turns: [] = zeros()
  if mean(x) > 0 { n <- n + 1 } else { turns <- turns - 100 }
  for i in 0..N {
    n <- n * 2
    if i > 1 { n <- n + i }
  }
  while n < 50 { n <- n + 10 }
  y = scan i in 0..N over N {
    turns <- turns + n
    yield turns
  }
  x * n + y[:, new]
}

model Net()(x: f32[N, 2]) -> (y: f32[N, 2]) { x |> Count() }
`
	m, err := runtime.Load(artifactOf(t, &dlc.Source{Path: "states.dlc", Text: []byte(text)}, nil, dlc.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s, err := m.NewSession(runtime.Options{Threads: 2, Train: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	n, turns := 0.0, 0.0
	for _, mean := range []float64{1, -1, 1} {
		if mean > 0 {
			n++
		} else {
			turns -= 100
		}
		for i := range 3 {
			if n *= 2; i > 1 {
				n += float64(i)
			}
		}
		for n < 50 {
			n += 10
		}
		x := tensor.FromFloats(tensor.F32, []float64{mean, mean, mean, mean, mean, mean}, 3, 2)
		out, err := s.Run(context.Background(), "infer", map[string]*tensor.Tensor{"x": x})
		if err != nil {
			t.Fatal(err)
		}
		for row := range 3 {
			turns += n
			if got, want := out["y"].Float(2*row+1), mean*n+turns; got != want {
				t.Errorf("row %d is %g, not %g", row, got, want)
			}
		}
		if got := s.Weight("count.n").Float(0); got != n {
			t.Errorf("n is %g, not %g", got, n)
		}
		if got := s.Weight("count.turns").Float(0); got != turns {
			t.Errorf("turns is %g, not %g", got, turns)
		}
	}
}

// TestLimitsCostNothing: the gradient of a loop has the same bits whatever its limit is, for turns that
// were not run take no part.
func TestLimitsCostNothing(t *testing.T) {
	t.Parallel()
	text := `edition 2026

model M()(x: f32[N, 5], w: f32[5, 5]) -> (dx: f32[N, 5], dw: f32[5, 5], second: f32[5, 5]) {
  f = fn(a, v) {
    y = a
    while mean(abs(y)) > 0.2 limit 9 { y = tanh(y @ v) * 0.3 }
    sum(y * a)
  }
  (dx = grad(fn(a) { f(a, w) })(x), dw = grad(fn(v) { f(x, v) })(w), second = hvp(fn(v) { f(x, v) }, w, sin(w)))
}
`
	r := rand.New(rand.NewSource(6))
	in := map[string]*tensor.Tensor{"x": tensor.New(tensor.F32, 3, 5), "w": tensor.New(tensor.F32, 5, 5)}
	for _, name := range sorted(in) {
		for i := range in[name].Len() {
			in[name].SetFloat(i, r.NormFloat64())
		}
	}
	c := &call{n: 3, inputs: in, weights: map[string]*tensor.Tensor{}}
	var first *answer
	for _, limit := range []string{"9", "40"} {
		a := lowered(t, "limit", linearModule(t, strings.Replace(text, "limit 9", "limit "+limit, 1))).interpret(t, "infer", c)
		if first == nil {
			first = a
		}
		sameAnswer(t, "limit "+limit, a, first)
	}
}

// TestBidirectional: each of the two layers gives what it gives alone, forwards and from the end.
func TestBidirectional(t *testing.T) {
	t.Parallel()
	whole := linearModule(t, "edition 2026\n\nmodel M()(x: f32[N, 4, 3]) -> (y: f32[N, 4, 10]) {\n  a = Bidirectional(LSTM(5), GRU(5))\n  a(x)\n}\n")
	parts := linearModule(t, "edition 2026\n\nmodel M()(x: f32[N, 4, 3]) -> (y: f32[N, 4, 10]) {\n  a = LSTM(5)\n  b = GRU(5, backward=true)\n  concat([a(x), b(x)], axis=-1)\n}\n")
	r := rand.New(rand.NewSource(7))
	in := map[string]*tensor.Tensor{"x": tensor.New(tensor.F32, 2, 4, 3)}
	for i := range in["x"].Len() {
		in["x"].SetFloat(i, r.NormFloat64())
	}
	weights := map[string]*tensor.Tensor{}
	for _, w := range whole.Weights {
		dims, _ := w.Type.Shape.Bind(nil)
		x := tensor.New(tensor.F32, dims...)
		for i := range x.Len() {
			x.SetFloat(i, r.NormFloat64())
		}
		weights[w.Path] = x
		weights[strings.NewReplacer("a.lstm.", "a.", "a.gru.", "b.").Replace(w.Path)] = x
	}
	var answers []map[string]*tensor.Tensor
	for _, m := range []*ir.Module{whole, parts} {
		out, _, err := ir.Eval(m.Funcs[slices.IndexFunc(m.Funcs, func(f *ir.Func) bool { return f.Name == "infer" })], in, weights)
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, out)
	}
	sameBits(t, "both directions", answers[0], answers[1])
}
