package tests

import (
	"fmt"
	"math"
	"math/rand"
	"strings"
	"testing"

	"dlc/codegen/cpu"
	"dlc/ir"
	"dlc/ir/sample"
	"dlc/ir/tensor"
	"dlc/lang/build"
	"dlc/lang/check"
	"dlc/lang/syntax"
	"dlc/passes"
	"dlc/stdlib"
)

// A libraryCase is a model of one use of the library or of a primitive that is made of several ops.
type libraryCase struct {
	name, head, body string
	drawn            string // how floats are drawn; integers are indices
	smooth           bool   // the gradient is compared with differences
}

func libraryCases() []libraryCase {
	return []libraryCase{
		{"sort", "(x: f32[N, 7]) -> (y: f32[N, 7])", "sort(x, descending=true) + sort(x, axis=0)", "", true},
		{"top_k", "(x: f32[N, 19]) -> (v: f32[N, 3], i: i32[N, 3])", "v, i = top_k(x, 3)\n  (v = v, i = i)", "", true},
		{"search_sorted", "(a: f32[5], x: f32[N, 3]) -> (y: i32[N, 3])", "search_sorted(sort(a), x) + 10 * search_sorted(sort(a), x, right=true)", "ties", false},
		{"segments", "(x: f32[N, 5], s: i32[N]) -> (y: f32[4, 5])", "segment_sum(x, s, 4) + segment_mean(x, s, 4) + maximum(segment_max(x, s, 4), -9) + minimum(segment_min(x, s, 4), 9)", "", true},
		{"take", "(x: f32[N, 6, 5], i: i32[3]) -> (y: f32[N, 3, 5])", "take(x, i, axis=1) * 2", "", true},
		{"dynamic", "(x: f32[N, 17], v: f32[N, 3], i: i32[]) -> (y: f32[N, 17], z: f32[N, 4])", "(y = dynamic_update(x, i, v, axis=1), z = dynamic_slice(x, i, 4, axis=1))", "", true},
		{"scatter slices", "(x: f32[4, 20], v: f32[N, 20], i: i32[N]) -> (y: f32[4, 20])", "scatter(x, i, v) + scatter(x, i, v, by=\"mul\")", "", true},
		{"cumulative", "(x: f32[N, 3, 18]) -> (y: f32[N, 3, 18])", "cumsum(x, axis=1, exclusive=true) + cumprod(x, axis=-1) + cummax(x, axis=0, reverse=true) - cummin(x, axis=0) + logcumsumexp(x, axis=1)", "", true},
		{"borders", "(x: f32[N, 5, 17]) -> (y: f32[N, 8, 22])", "pad(x, [(0, 0), (2, 1), (3, 2)], mode=\"edge\") + pad(x, [(0, 0), (2, 1), (3, 2)], mode=\"reflect\") * pad(x, [(0, 0), (2, 1), (3, 2)], mode=\"wrap\") + pad(x, [(0, 0), (4, -1), (-1, 6)], value=2)", "", true},
		{"rolls", "(x: f32[N, 5, 17]) -> (y: f32[N, 5, 17])", "roll(x, 3) + roll(x, 2, axis=0) * reverse(x, axis=[0, 1]) + pad(slice(x, 1, step=3, axis=-1), [(0, 0), (0, 0), (0, 11)])", "", true},
		{"convolutions in groups", "(x: f32[N, 6, 5, 4], k: f32[3, 2, 2, 34], d: f32[3, 3, 1, 8]) -> (y: f32[N, 3, 5, 34], z: f32[N, 6, 5, 8])", "(y = conv(x, k, stride=[2, 1], padding=[(1, 1), (0, 1)], groups=2), z = conv(x, d, padding=1, groups=4))", "", true},
		{"transposed convolutions", "(x: f32[N, 3, 4, 6], k: f32[3, 2, 5, 6], d: f32[2, 2, 2, 6]) -> (y: f32[N, 6, 7, 5], z: f32[N, 4, 8, 4])", "(y = conv_transpose(x, k, stride=2, padding=[(1, 0), (1, 0)], extra=[0, 0]), z = conv_transpose(x, d, stride=[1, 2], groups=2))", "", true},
		{"spread convolutions", "(x: f32[N, 6, 2], k: f32[3, 2, 5]) -> (y: f32[N, 13, 5])", "conv(x, k, spread=2, padding=[(1, 3)], groups=1)", "", true},
		{"draws", "(x: f32[N, 5]) -> (i: i32[N, 7], p: i32[N], t: f32[N, 19], c: i32[N], g: f32[N, 5])", "(i = integers([N, 7], -3, 7), p = permutation(N), t = truncated_normal()([N, 19]), c = categorical(x), g = gamma(exp(x)))", "", false},
		{"fourier", "(x: f32[N, 18]) -> (y: f32[N, 18], z: f32[N, 10])", "re, im = rfft(x)\n  a, b = fft(x, x * x)\n  (y = irfft(re * re, im, 18) + a * b, z = im * re)", "", true},
		{"fourier in parts", "(x: f32[N, 66, 2]) -> (y: f32[N, 66, 2])", "re, im = fft(x, 0 * x, axis=1)\n  re * im - re", "", true},
		{"scan", "(x: f32[N, T, 3], v: f32[T, 5], h0: f32[N, 5], w: f32[3, 5]) -> (y: f32[N, T, 5], z: f32[T, N, 3], l: f32[N, 5])",
			"y, z = scan xt, vt in x, v over T with h = h0, late = zeros([N, 3]) {\n    now = tanh(xt @ w + h * vt)\n    yield now - h\n    yield xt * late\n    h = now\n    late = xt\n  }\n" +
				"  l = scan xt in x over T backward with h = h0 {\n    h = h * 0.5 + xt @ w\n  }\n  (y = y, z = transpose(z, [1, 0, 2]), l = l)", "", true},
		{"scan of numbers", "(x: f32[N, T]) -> (y: f32[N, T], n: i32[], d: f32[N, T])",
			"y, d = scan t, xt in 0..T, x over T with n = 0 {\n    n = n + t\n    yield xt * to(n, f32)\n    yield normal([N])\n  }\n" +
				"  n = scan t in 0..T over T with n = 0 {\n    n = n + t\n  }\n  (y = y, n = n, d = d)", "", false},
		{"derived functions", "(x: f32[N, 5], w: f32[5, 3]) -> (g: f32[N, 5], j: f32[N, 3, 5], h: f32[N, 5], d: f32[N, 3])",
			"energy = fn(a) { sum(sin(a) * exp(a * 0.5)) }\n  g = vmap(grad(energy))(x)\n  j = vmap(jacobian(fn(a) { softmax(a @ w) }))(x)\n  h = vmap(fn(a) { hvp(energy, a, cos(a)) })(x)\n" +
				"  (g = g, j = j, h = h, d = jvp(fn(a) { tanh(a @ w) }, x, x * 2))", "", true},
		{"maps", "(x: f32[N, 6], i: i32[N, 4], u: f32[N, T]) -> (y: f32[N, 3, 6], z: f32[N, 6], s: f32[N, T, 6])",
			"scatters = fn(a, k) { scatter(zeros([3, 6]), k, broadcast(a, [4, 6])) }\n  sorts = fn(a) { sort(a) + cumsum(a) }\n  s = vmap(fn(a, b) { scan e in b over T with h = a { h = tanh(h + a * e)\n    yield h } })(x, u)\n" +
				"  (y = vmap(scatters)(x, i), z = vmap(sorts)(x), s = s)", "", true},
		{"mapped draws", "(x: f32[N, 3], u: f32[N, T]) -> (y: f32[N, 3], z: f32[N, T])", "(y = vmap(fn(a) { a + normal([3]) })(x), z = vmap(fn(a, b) { scan e in b over T { yield sum(a) * uniform([]) + e } })(x, u))", "", false},
		{"gradients of one's own", ownProduct + "(x: f32[N, 5], s: f32[5]) -> (y: f32[N, 5], z: f32[N, 5])",
			"(y = product(x, s), z = vmap(grad(fn(a) { sum(tanh(product(a, s))) }))(x) + scan e in x over N with h = s {\n    h = product(h, tanh(e))\n    yield h\n  })", "", true},
		{"computed again", "(x: f32[N, T, E, 5], w: f32[5, 7], u: f32[7, 7]) -> (y: f32[N, 7], z: f32[N, 7])",
			"turn = fn(h, part: f32[N, E, 5]) { scan xt in part over E with h = h { h = tanh(xt @ w + h @ u) } }\n  y = scan part in x over T with h = zeros([N, 7]) { h = recompute(turn)(h, part) }\n" +
				"  (y = y, z = recompute(fn(a) { tanh(exp(a @ u) * a) })(y * 0.5))", "", true},
		{"scans in each other", "(x: f32[N, T, E], w: f32[E]) -> (y: f32[N, T, E])",
			"scan xt in x over T {\n    z = scan e in xt * w over E with s = zeros([N]) {\n      s = tanh(s + e)\n      yield s\n    }\n    yield z\n  }", "", true},
		{"branches", "(x: f32[N, 5], c: f32[], w: f32[5, 5]) -> (y: f32[N, 5], z: f32[], u: f32[N])",
			"y = x\n  z = c\n  if c > 0 {\n    y = tanh(x @ w)\n    z = c * 2\n  } else { z = sum(x) * c }\n  u = if z > c and N % 3 == 1 { mean(y, axis=-1) } else { x[:, 0] }\n  (y = y, z = z, u = u)", "", true},
		{"loops with a limit", "(x: f32[N, 5], w: f32[5, 5]) -> (y: f32[N, 5], n: i32[])",
			"y = x\n  n = 0\n  while mean(abs(y)) > 0.2 and n < 5 limit 6 {\n    y = tanh(y @ w) * 0.5\n    n = n + 1\n    if n == 2 { y = y + 0.01 * x }\n  }\n  (y = y, n = n)", "", true},
		{"loops over dims", "(x: f32[N, 5]) -> (y: f32[N, 5], s: f32[])", "y = x * 0\n  s = 0.0\n  for i in 0..N {\n    y[i] = tanh(x[i] + y[0])\n    s += sum(y) * i\n  }\n  (y = y, s = s)", "", true},
		{"loops over numbers", "(x: f32[N, 5], n: i32[]) -> (y: f32[N, 5], t: f32[N, 5])",
			"y = x\n  t = x\n  for i in 0..n {\n    y = sort(y * 0.5 + normal([N, 5]), axis=0)\n    while max(t) > i { t = t * 0.5 - 0.125 }\n  }\n  (y = y, t = t)", "", false},
		{"scans of what one kernel cannot hold", "(x: f32[N, T, 3], i: i32[N]) -> (y: f32[N, T, 3])",
			"scan xt in x over T with h = zeros([N, 3]) {\n    h = scatter(tanh(xt + h), i, h, by=\"add\")\n    yield sort(h, axis=0)\n  }", "", true},
		{"pools", "(x: f32[N, 9, 8, 3]) -> (y: f32[N, 4, 7, 3], d: f32[N, 4, 7, 3], h: f32[N, 9, 8, 3])",
			"pool = fn(a) { max_pool(a, [3, 2], stride=[2, 1], dilation=[2, 3], padding=[(2, 1), (1, 1)]) }\n  mean = fn(a) { average_pool(a, [3, 2], stride=[2, 1], dilation=[2, 3], padding=[(2, 1), (1, 1)]) }\n" +
				"  (y = pool(x) + mean(x), d = jvp(pool, x, sin(x)), h = hvp(fn(a) { sum(pool(a) ** 3) + sum(mean(a) ** 3) }, x, cos(x)))", "", true},
		{"recur", "(c: f32[N, 21], x: f32[N, 21]) -> (y: f32[N, 21])", "recur(tanh(c), x) * recur(c, x, axis=0, reverse=true)", "", true},
	}
}

const ownProduct = `fn product(v: float[B..., D], w: float[D]) -> float[B..., D] { v * w }
gradient product(v: float[B..., D], w: float[D], dy: float[B..., D]) -> (dv: float[B..., D], dw: float[D]) {
  (dv = dy * w, dw = if rank(dy) > 1 { sum(dy * v, axis=0) } else { dy * v })
}

`

// function compiles the model to a function of its inputs; with differentiate also to the gradient
// of the sum of its float results, squared, by its float inputs.
func (c libraryCase) function(t *testing.T, differentiate bool) *ir.Func {
	t.Helper()
	at := strings.LastIndexByte(c.head, '\n') + 1 // declarations before the model's inputs
	src := "edition 2026\n\n" + c.head[:at] + "model M()" + c.head[at:] + " {\n  " + c.body + "\n}\n"
	tree, diags := syntax.Parse("m.dlc", []byte(src))
	p, more := check.Files([]*syntax.File{tree}, stdlib.Files, build.Names())
	m, _, last := build.Module(p, build.Options{})
	if diags = append(append(diags, more...), last...); len(diags) > 0 {
		t.Fatalf("%s: %v", c.name, diags)
	}
	for _, f := range m.Funcs {
		if f.Name != "infer" {
			continue
		}
		b := ir.Extend(f)
		b.Param(ir.Input, "dims", tensor.Type{DType: tensor.Bool, Shape: tensor.Shape{tensor.Sym("N"), tensor.Sym("T"), tensor.Sym("E")}})
		f.Name = c.name
		if differentiate {
			f.Name += ", gradient"
			c.differentiate(b)
		}
		return f
	}
	t.Fatalf("%s: no infer", c.name)
	return nil
}

func (c libraryCase) differentiate(b *ir.Builder) {
	loss := b.Add(ir.FullOf(tensor.Type{DType: tensor.F32}, 0))
	for _, r := range b.Func.Results {
		if !r.Value.Type.DType.IsFloat() {
			continue
		}
		axes := []int{}
		for i := range r.Value.Type.Shape {
			axes = append(axes, i)
		}
		square := b.Add(ir.Binary{Fn: "mul"}, r.Value, r.Value)
		loss = b.Add(ir.Binary{Fn: "add"}, loss, b.Add(ir.Reduce{Op: "sum", Axes: axes}, square))
	}
	in, names := []*ir.Value{loss}, []string{}
	for _, p := range b.Func.Params {
		if p.Type.DType.IsFloat() {
			in, names = append(in, p), append(names, "d"+p.Param.Name)
		}
	}
	grads, err := b.Try(ir.Gradient{}, in...)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	b.Func.Results = nil
	b.Result("loss", loss)
	for i, g := range grads {
		b.Result(names[i], g)
	}
}

// inputs draws what a function reads.
func (c libraryCase) inputs(f *ir.Func, env map[string]int64) map[string]*tensor.Tensor {
	r := rand.New(rand.NewSource(env["N"]))
	in := map[string]*tensor.Tensor{}
	for _, p := range f.Params {
		dims, _ := p.Type.Shape.Bind(env)
		drawn := c.drawn
		if p.Type.DType.IsInt() {
			drawn = "index"
		}
		in[p.Param.Name] = sample.Draw(r, p.Type.DType, drawn, dims...)
	}
	return in
}

// TestLibraryOfTensors takes what the library and the primitives make of ops through all passes:
// values and gradients are the same in bits in the interpreters and natively, near to the
// evaluator in f64, and the gradients are what differences say.
func TestLibraryOfTensors(t *testing.T) {
	t.Parallel()
	m := &ir.Module{Name: "library"}
	calls := map[string][]*call{}
	for _, c := range libraryCases() {
		for _, differentiate := range []bool{false, true} {
			if differentiate && !c.smooth {
				continue
			}
			f := c.function(t, differentiate)
			m.Funcs = append(m.Funcs, f)
			for _, n := range []int64{1, 4, 0, 7} {
				env := map[string]int64{"N": n, "T": []int64{2, 5, 0, 1}[n%4], "E": 3}
				calls[f.Name] = append(calls[f.Name], &call{env: env, inputs: c.inputs(f, env), weights: map[string]*tensor.Tensor{}})
			}
		}
	}
	p := compile(t, "library", m)
	for _, f := range m.Funcs {
		for _, c := range calls[f.Name] {
			want := p.interpret(t, f.Name, c)
			wide, _, err := ir.Eval(f, c.inputs, nil, ir.Wide)
			if err != nil {
				t.Fatal(err)
			}
			for name, w := range wide {
				if d := sample.Distance(want.results[name], w); d > 1e-4 {
					t.Errorf("%s at N=%d: %s is %g from the evaluator", f.Name, c.env["N"], name, d)
				}
			}
			for _, target := range cpu.Targets() {
				sameAnswer(t, f.Name+": schedules for "+target.Name, p.interpretTiles(t, target.Name, f.Name, c), want)
				if !runs(t, target) {
					continue
				}
				for _, threads := range []int{1, 2} {
					sameAnswer(t, fmt.Sprintf("%s: %s, %d threads", f.Name, target.Name, threads), p.execute(t, target.Name, f.Name, threads, c), want)
				}
			}
		}
	}
	for _, c := range libraryCases() {
		if c.smooth {
			c.compareWithDifferences(t)
		}
	}
}

// compareWithDifferences evaluates in f64, a step to both sides of some elements.
func (c libraryCase) compareWithDifferences(t *testing.T) {
	t.Helper()
	const h = 1e-6
	f := c.function(t, true)
	if err := passes.Graph(&ir.Module{Name: "m", Funcs: []*ir.Func{f}}, nil); err != nil {
		t.Fatal(err)
	}
	in := c.inputs(f, map[string]int64{"N": 4, "T": 3, "E": 2})
	for name, x := range in {
		if x.DType.IsFloat() {
			in[name] = tensor.FromFloats(tensor.F64, floatsOf(x), x.Dims...)
		}
	}
	eval := func() map[string]*tensor.Tensor {
		out, _, err := ir.Eval(f, in, nil, ir.Wide)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	grads := eval()
	for name, x := range in {
		g := grads["d"+name]
		if g == nil {
			continue
		}
		for i := 0; i < x.Len(); i += 1 + x.Len()/9 {
			v := x.Float(i)
			x.SetFloat(i, v+h)
			up := eval()["loss"].Float(0)
			x.SetFloat(i, v-h)
			down := eval()["loss"].Float(0)
			x.SetFloat(i, v)
			want := (up - down) / (2 * h)
			if d := math.Abs(g.Float(i)-want) / math.Max(1, math.Abs(want)); !(d < 1e-4) {
				t.Errorf("%s: the gradient by %s[%d] is %g, differences say %g", c.name, name, i, g.Float(i), want)
			}
		}
	}
}

func floatsOf(x *tensor.Tensor) []float64 {
	v := make([]float64, x.Len())
	for i := range v {
		v[i] = x.Float(i)
	}
	return v
}
