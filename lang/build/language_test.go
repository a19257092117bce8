package build_test

import (
	"fmt"
	"io/fs"
	"math"
	"strings"
	"testing"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/stdlib"
)

// TestMeaning evaluates small models on x = [[1, -2, 3], [4, 5, -6]] and compares what they give.
func TestMeaning(t *testing.T) {
	x := tensor.FromFloats(tensor.F32, []float64{1, -2, 3, 4, 5, -6}, 2, 3)
	cases := []struct {
		name, result, body string
		want               []float64
		before             string // declarations before the model
	}{
		{"precedence", "f32[N, 3]", "-x ** 2 + 2 * x % 4", []float64{1, -4, -7, -16, -23, -36}, ""},
		{"integers divide exactly", "f32[N, 3]", "x * (6 / 3) + 7 div 2", []float64{5, -1, 9, 11, 13, -9}, ""},
		{"a fraction of whole numbers", "f32[N, 3]", "x * (1 / 4)", []float64{.25, -.5, .75, 1, 1.25, -1.5}, ""},
		{"trailing dims broadcast", "f32[N, 3]", "x + iota(3)", []float64{1, -1, 5, 4, 6, -4}, ""},
		{"a one stretches at equal ranks", "f32[N, 3]", "x - max(x, axis=1, keep=true)", []float64{-2, -5, 0, -1, 0, -11}, ""},
		{"new and squeeze", "f32[N, 3]", "x * squeeze(x[:, 0..1], axis=-1)[:, new]", []float64{1, -2, 3, 16, 20, -24}, ""},
		{"where and comparisons", "f32[N, 3]", "where(x > 0 and not (x > 3), x, 0)", []float64{1, 0, 3, 0, 0, 0}, ""},
		{"bools count", "f32[N]", "to(sum(x > 0, axis=1), f32)", []float64{2, 2}, ""},
		{"mean of bools", "f32[]", "mean(x > 0)", []float64{4.0 / 6}, ""},
		{"over a name", "f32[N]", "sum(x, over=D)", []float64{2, 3}, ""},
		{"over the batch", "f32[D]", "mean(x, over=N)", []float64{2.5, 1.5, -1.5}, ""},
		{"names follow elementwise operators", "f32[N]", "y = (x + 1) * 2\nsum(y, over=D)", []float64{10, 12}, ""},
		{"an annotated binding names axes", "f32[N]", "y: [N, H, W] = reshape(x, [N, 3, 1])\nsum(y, over=(H, W))", []float64{2, 3}, ""},
		{"the last of an axis", "f32[N]", "x[:, -1]", []float64{3, -6}, ""},
		{"a stretch from the end", "f32[N, 2]", "x[..., -2..]", []float64{-2, 3, 5, -6}, ""},
		{"matmul", "f32[N, 2]", "x @ reshape(iota_f(6), [3, 2])", []float64{8, 10, -14, -11}, "fn iota_f(n: int) { to(iota(n), f32) }"},
		{"matmul with a vector", "f32[N]", "x @ to(iota(3), f32)", []float64{4, -7}, ""},
		{"einsum", "f32[N, N]", `einsum("ik,jk->ij", x, x)`, []float64{14, -24, -24, 77}, ""},
		{"transpose", "f32[D, N]", "transpose(x, [1, 0])", []float64{1, 4, -2, 5, 3, -6}, ""},
		{"concat and split", "f32[N, 3]", "a, b, c = split(x, 3)\nconcat([c, b, a])", []float64{3, -2, 1, -6, 5, 4}, ""},
		{"stack and unstack", "f32[N, 3]", "a, b, c = unstack(x, axis=1)\nstack([c, b, a], axis=1)", []float64{3, -2, 1, -6, 5, 4}, ""},
		{"argmax takes the first", "f32[N]", "to(argmax(x), f32)", []float64{2, 1}, ""},
		{"pick", "f32[N]", "pick(x, argmin(x))", []float64{-2, -6}, ""},
		{"take along another axis", "f32[N, 2]", "take(x, to(iota(2) * 2, i32), axis=1)", []float64{1, 3, 4, -6}, ""},
		{"take of two dims inside", "f32[N, 2, 1]", "take(x, to(reshape(iota(2) * 2, [2, 1]), i32), axis=1)", []float64{1, 3, 4, -6}, ""},
		{"gather", "f32[N, 2]", "gather(x, broadcast(to(iota(2) + 2, i32), [shape(x)[0], 2]))", []float64{3, 0, -6, 0}, ""},
		{"scatter slices", "f32[N, 3]", "scatter(x, to(iota(2) * 2, i32), x[:, 1..3], axis=1)", []float64{-2, -2, 3, 5, 5, -6}, ""},
		{"scatter one number", "f32[N, 3]", "scatter(x, to(iota(2) * 2, i32), 1, axis=1, by=\"add\")", []float64{2, -2, 4, 5, 5, -5}, ""},
		{"argsort", "f32[N, 3]", "to(argsort(x, descending=true), f32)", []float64{2, 0, 1, 1, 0, 2}, ""},
		{"sort", "f32[N, 3]", "sort(x)", []float64{-2, 1, 3, -6, 4, 5}, ""},
		{"sort rows, falling", "f32[N, 3]", "sort(x, axis=0, descending=true)", []float64{4, 5, 3, 1, -2, -6}, ""},
		{"top k", "f32[N, 2]", "v, i = top_k(x, 2)\nv + 10 * to(i, f32)", []float64{23, 1, 15, 4}, ""},
		{"search sorted", "f32[N, 3]", "s = sort(x[0])\nto(10 * search_sorted(s, x) + search_sorted(s, x, right=true), f32)", []float64{12, 1, 23, 33, 33, 0}, ""},
		{"segments", "f32[3, 3]", "s = to(iota(shape(x)[0]) * 2, i32)\nsegment_sum(x, s, 3) + segment_mean(x, s, 3) + 0 * maximum(segment_max(x, s, 3), -1000)", []float64{2, -4, 6, 0, 0, 0, 8, 10, -12}, ""},
		{"segments of one", "f32[2, 3]", "s = 0 * iota(shape(x)[0])\nmaximum(segment_max(x, s, 2), -1) + minimum(segment_min(x, s, 2), 9) + segment_mean(x, s, 2)", []float64{4 + 1 + 2.5, 5 - 2 + 1.5, 3 - 6 - 1.5, 8, 8, 8}, ""},
		{"dynamic slice", "f32[N, 2]", "dynamic_slice(x, argmax(x[0]), 2, axis=1)", []float64{3, 0, -6, 0}, ""},
		{"dynamic update", "f32[N, 3]", "dynamic_update(x, argmin(x[0]), x[:, 0..1], axis=1)", []float64{1, 1, 3, 4, 4, -6}, ""},
		{"cumsum", "f32[N, 3]", "cumsum(x) + 10 * cumsum(x, axis=0, reverse=true)", []float64{51, 29, -28, 44, 59, -57}, ""},
		{"cumsum of those before", "f32[N, 3]", "cumsum(x, exclusive=true) + 10 * cumprod(x, exclusive=true, reverse=true)", []float64{-60, 31, 9, -300, -56, 19}, ""},
		{"cummax of those before", "f32[N, 3]", "maximum(cummax(x, exclusive=true), -9) - minimum(cummin(x, exclusive=true, reverse=true), 9)", []float64{-9 + 2, 1 - 3, 1 - 9, -9 + 6, 4 + 6, 5 - 9}, ""},
		{"cummin of integers", "f32[N, 3]", "i = to(x, i32)\nto(maximum(cummax(i, exclusive=true), -7) - cummin(i), f32)", []float64{-8, 3, 3, -11, 0, 11}, ""},
		{"cumsum of bools", "f32[N, 3]", "to(cumsum(x > 0), f32)", []float64{1, 1, 2, 1, 2, 2}, ""},
		{"logcumsumexp", "f32[N, 3]", "exp(logcumsumexp(log(abs(x)))) + maximum(logcumsumexp(x, exclusive=true) - x, -99) * 0", []float64{1, 3, 6, 4, 9, 15}, ""},
		{"recur", "f32[N, 3]", "recur(0.5 + 0 * x, x) + recur(2, x, reverse=true)", []float64{10, 4 - 1.5, 3 + 2.25, 4 - 10, 7 - 7, -2.5 - 6}, ""},
		{"pad by a value", "f32[N, 4]", "pad(x, [(0, 0), (2, -1)], value=7)", []float64{7, 7, 1, -2, 7, 7, 4, 5}, ""},
		{"pad by edges", "f32[_, 5]", "pad(x, [(1, 1), (2, 0)], mode=\"edge\")", []float64{1, 1, 1, -2, 3, 1, 1, 1, -2, 3, 4, 4, 4, 5, -6, 4, 4, 4, 5, -6}, ""},
		{"pad by reflection", "f32[N, 7]", "pad(x, [(0, 0), (2, 2)], mode=\"reflect\")", []float64{3, -2, 1, -2, 3, -2, 1, -6, 5, 4, 5, -6, 5, 4}, ""},
		{"pad by wrapping", "f32[N, 5]", "pad(x, [(0, 0), (1, 1)], mode=\"wrap\")", []float64{3, 1, -2, 3, 1, -6, 4, 5, -6, 4}, ""},
		{"reverse", "f32[N, 3]", "reverse(x) + 10 * reverse(x, axis=0)", []float64{43, 48, -59, 4, -15, 34}, ""},
		{"roll", "f32[N, 3]", "roll(x, 1) + 10 * roll(x, -4)", []float64{3 - 20, 1 + 30, -2 + 10, -6 + 50, 4 - 60, 5 + 40}, ""},
		{"roll by the batch", "f32[N, 3]", "roll(x, 3, axis=0)", []float64{4, 5, -6, 1, -2, 3}, ""},
		{"slice with a step", "f32[N, 2]", "slice(x, step=2, axis=1) + slice(x, 1, -1, axis=1)", []float64{-1, 1, 9, -1}, ""},
		{"split into sizes", "f32[N, 3]", "a, b = split(x, [1, 2])\nconcat([b, a])", []float64{-2, 3, 1, 5, -6, 4}, ""},
		{"fft and its inverse", "f32[N, 3]", "a, b = fft(x, 2 * x)\nre, im = ifft(a, b)\nre + 10 * im", []float64{21, -42, 63, 84, 105, -126}, ""},
		{"fft of parts, of a prime number, along an axis, and its inverses", "f32[N, 3]", `fn error(n: int) {
    t = to(iota(n), f32)
    a = stack([sin(t * t), cos(3 * t)])
    b = stack([cos(t), sin(t / 7)])
    re, im = fft(a, b)
    re1, im1 = fourier_sums(a, b)
    a2, b2 = ifft(transpose(re), transpose(im), axis=0)
    h, g = rfft(transpose(a), axis=0)
    back = irfft(h, g, n, axis=0)
    max(abs(re - re1)) + max(abs(im - im1)) + max(abs(a2 - transpose(a))) + max(abs(b2 - transpose(b))) + max(abs(back - transpose(a)))
  }
  round(200 * stack([error(64), error(67), error(84)])) + 0 * x`, []float64{0, 0, 0, 0, 0, 0}, ""},
		{"the real parts of fft", "f32[N, 3]", "re, im = fft(x, 0 * x)\nre", []float64{2, 0.5, 0.5, 3, 4.5, 4.5}, ""},
		{"the imaginary parts of rfft", "f32[N, 2]", "re, im = rfft(x)\nim", []float64{0, 5 * math.Sqrt(3) / 2, 0, -11 * math.Sqrt(3) / 2}, ""},
		{"rfft and its inverse", "f32[N, 3]", "re, im = rfft(x)\na, b = rfft(pad(x, [(0, 0), (0, 1)]))\nirfft(re, im, 3) + irfft(a, b, 4)[:, 0..3]", []float64{2, -4, 6, 8, 10, -12}, ""},
		{"atan2", "f32[N, 3]", "atan2(x, 1) - atan(x) + atan2(1, 1)", []float64{math.Pi / 4, math.Pi / 4, math.Pi / 4, math.Pi / 4, math.Pi / 4, math.Pi / 4}, ""},
		{"bits", "f32[N, 3]", "i = to(x, i32)\nto(bit_and(i, 3) + 10 * bit_or(i, i) + 0 * bit_xor(i, 1), f32)", []float64{11, -18, 33, 40, 51, -58}, ""},
		{"bits turned around", "f32[N, 3]", "i = to(x, i32)\nto(bit_xor(bit_not(i), -1), f32)", []float64{1, -2, 3, 4, 5, -6}, ""},
		{"bits of bools", "f32[N, 3]", "where(bit_xor(x > 0, bit_not(x < 4)), x, 0)", []float64{1, 0, 3, 0, 0, 0}, ""},
		{"shifts", "f32[N, 3]", "i = to(x, i32)\nto(shift_left(i, 4) + shift_right(i, 1), f32)", []float64{16, -33, 49, 66, 82, -99}, ""},
		{"bitcast", "f32[N, 3]", "bitcast(bit_xor(bitcast(x, u32), shift_left(to(0 * x + 1, u32), 31)), f32)", []float64{-1, 2, -3, -4, -5, 6}, ""},
		{"pad", "f32[N, 5]", "pad(x, [(0, 0), (1, 1)])", []float64{0, 1, -2, 3, 0, 0, 4, 5, -6, 0}, ""},
		{"a static for", "f32[N, 3]", "y = x\nfor i in 0..3 { y = y + i }\ny", []float64{4, 1, 6, 7, 8, -3}, ""},
		{"two names in a for", "f32[N, 3]", "y = 0 * x\nfor i, k in [10, 20] { y = y + i * k }\ny", []float64{20, 20, 20, 20, 20, 20}, ""},
		{"an if on configuration", "f32[N, 3]", "if D == 3 { x = x + 1 } else { x = x / 0 }\nx", []float64{2, -1, 4, 5, 6, -5}, ""},
		{"an if as a value", "f32[N, 3]", "k = if training { 2 } else { 3 }\nk * x", []float64{3, -6, 9, 12, 15, -18}, ""},
		{"a name first bound inside is local", "f32[N, 3]", "k = 1\nif true { k = 2\n l = 5 }\nk * x", []float64{2, -4, 6, 8, 10, -12}, ""},
		{"a local function", "f32[N, 3]", "fn twice(v) { v + v }\ntwice(x) |> twice", []float64{4, -8, 12, 16, 20, -24}, ""},
		{"a lambda sees what is around it", "f32[N, 3]", "k = 3\nf = fn(v) { v * k }\nf(x)", []float64{3, -6, 9, 12, 15, -18}, ""},
		{"a pipe fills the first input", "f32[N, 3]", "x |> scaled(by=2) |> scaled(3)", []float64{6, -12, 18, 24, 30, -36}, "fn scaled(x: float[N, D], by: float) -> float[N, D] { x * by }"},
		{"a pipe takes the whole sum", "f32[N, 3]", "x + x |> abs", []float64{2, 4, 6, 8, 10, 12}, ""},
		{"no tensor is looked up before a bracket", "f32[]", "mean = mean(x, axis=1)\nmean(mean)", []float64{(2.0/3 + 1) / 2}, ""},
		{"a number is filled out", "f32[N, 3]", "both(x, 2)", []float64{3, 0, 5, 6, 7, -4}, "fn both(a: float[S...], b: float[S...]) -> float[S...] { a + b }"},
		{"a pack's size", "f32[]", "count(x)", []float64{6}, "fn count(x: float[B..., C]) -> float[] { to(size(B) * C, f32) }"},
		{"a default sees what is before it", "f32[N, 3]", "x * more(2)", []float64{6, -12, 18, 24, 30, -36}, "fn more(a: int, b: int = 3 * a) { b }"},
		{"a record", "f32[N, 3]", "r = (k = 2, v = x)\nr.k * r.v", []float64{2, -4, 6, 8, 10, -12}, ""},
		{"lists", "f32[N, 3]", "l = [1, 2, 3]\nx * len(l) + l[-1] - l[0..2][1]", []float64{4, -5, 10, 13, 16, -17}, ""},
		{"a comprehension", "f32[N, 3]", "y = x\nfor k in [i * i for i in 1..3] { y = y * k }\ny", []float64{4, -8, 12, 16, 20, -24}, ""},
		{"weights by initializers", "f32[N, 2]", "x |> Dense(2, kernel_init=constant(2), bias_init=ones())", []float64{5, 5, 7, 7}, ""},
		{"an assertion that holds", "f32[N, 3]", "assert D % 3 == 0 and shape(x)[1] == D\nx", []float64{1, -2, 3, 4, 5, -6}, ""},
		{"softmax of equals", "f32[N, 3]", "softmax(0 * x)", []float64{1. / 3, 1. / 3, 1. / 3, 1. / 3, 1. / 3, 1. / 3}, ""},
		{"layer norm", "f32[N, 3]", "(x[:, 0..1] * [1, 2, 3][0] + 0 * x) |> LayerNorm()", []float64{0, 0, 0, 0, 0, 0}, ""},
		{"activations", "f32[N, 3]", "relu(x) + leaky_relu(x, 0.5) + elu(minimum(x, 0)) + silu(0 * x)",
			[]float64{2, -1 + math.Expm1(-2), 6, 8, 10, -3 + math.Expm1(-6)}, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			src := fmt.Sprintf("edition 2026\n\n%s\n\nmodel M()(x: f32[N, 3]) -> (y: %s) {\n  D = 3\n  %s\n}\n", c.before, c.result, strings.ReplaceAll(c.body, "\n", "\n  "))
			src = strings.Replace(src, "f32[N, 3]) ->", "f32[N, D]) ->", 1)
			src = strings.Replace(src, "  D = 3\n", "", 1)
			src = strings.Replace(src, "model M()(x: f32[N, D])", "model M(D: int = 3)(x: f32[N, D])", 1)
			m, _ := good(t, "m.dlc", src, nil)
			_, weights := run(t, m, "init", tensors{"seed": seed(1)}, nil)
			out, _ := run(t, m, "infer", tensors{"x": x}, weights)
			y := out["y"]
			if y.Len() != len(c.want) {
				t.Fatalf("%s, want %d numbers", y, len(c.want))
			}
			for i, w := range c.want {
				if math.Abs(y.Float(i)-w) > 1e-5 {
					t.Errorf("number %d is %g, want %g", i, y.Float(i), w)
				}
			}
		})
	}
}

// TestSharing: a layer applied twice has one set of weights; two layers have two.
func TestSharing(t *testing.T) {
	m, _ := good(t, "m.dlc", `edition 2026

layer Twice(units: int)(x: float[N, D]) -> float[N, units] {
  fc = Dense(units)
  fc(x) + fc(2 * x)
}

model M()(x: f32[N, 3]) -> (y: f32[N, 3]) {
  shared = Twice(3)
  x = x |> shared |> shared |> Twice(3)
  blocks = [Dense(3, use_bias=false) for i in 0..2]
  for b in blocks { x = b(x) }
  x |> Dense(3, use_bias=false) |> Dense(3, use_bias=false)
}
`, nil)
	var paths []string
	for _, w := range m.Weights {
		paths = append(paths, w.Path)
	}
	want := "blocks.0.kernel blocks.1.kernel dense.kernel dense_1.kernel shared.fc.bias shared.fc.kernel twice.fc.bias twice.fc.kernel"
	if got := strings.Join(paths, " "); got != want {
		t.Errorf("paths are %s, want %s", got, want)
	}
}

// TestRandomSites: every draw has a key of its own, a shared layer's uses too.
func TestRandomSites(t *testing.T) {
	m, _ := good(t, "m.dlc", `edition 2026

layer Noise()(x: float[N, D]) -> float[N, D] { x + normal([N, D]) * uniform([N, D]) }

model M()(x: f32[N, 3]) -> (y: f32[N, 3]) {
  n = Noise()
  x |> n |> n |> Noise()
}
`, nil)
	seen := map[uint64]bool{}
	for _, n := range entry(t, m, "infer").Nodes {
		if r, ok := n.Op.(ir.Random); ok {
			if seen[r.Site] {
				t.Errorf("site %d draws twice", r.Site)
			}
			seen[r.Site] = true
		}
	}
	if len(seen) != 6 {
		t.Errorf("%d sites, want 6", len(seen))
	}
}

// TestTable trains on CSV columns: dims of the model come from the dataset, a bare number is a
// metric, and an output may share a column's name.
func TestTable(t *testing.T) {
	m, info := good(t, "m.dlc", `edition 2026

model Price(hidden: int = 4)(features: f32[N, D]) -> (cost: f32[N]) {
  features |> Dense(hidden, relu) |> Dense(1) |> squeeze(axis=-1)
}

dataset Houses = csv("houses.csv") {
  rooms, area, cost : number |> log1p
  features = concat([rooms, area * 2, stack([rooms, area])])
  split 80/10/10 by hash(rooms)
}

train Price {
  data      = Houses
  loss      = mse(Price.cost, cost)
  metrics   = (error = mae(Price.cost, cost), square = mean_squared(Price.cost, cost))
  optimizer = SGD(step(0.1, every=10), momentum=0.9)
}
`, nil)
	if got := info.Inputs[0].Type.String(); got != "f32[N, 4]" {
		t.Errorf("features are %s", got)
	}
	if d := info.Dataset; d.SplitBy != "rooms" || len(d.Split) != 3 || len(d.Columns) != 3 {
		t.Errorf("%+v", d)
	}
	score := entry(t, m, "score")
	var names []string
	for _, p := range score.Params {
		names = append(names, p.Param.Name)
	}
	if got := strings.Join(names[:2], " "); got != "Price.cost cost" {
		t.Errorf("score takes %s", got)
	}
	raw := tensor.FromFloats(tensor.F32, []float64{0, math.E - 1, 0}, 3)
	out, _ := run(t, m, "prepare", tensors{"rooms": raw, "area": raw, "cost": raw}, nil)
	for i, want := range []float64{0, 0, 0, 0, 1, 2, 1, 1, 0, 0, 0, 0} {
		if got := out["features"].Float(i); math.Abs(got-want) > 1e-6 {
			t.Errorf("feature %d is %g, want %g", i, got, want)
		}
	}
}

// TestWholeLibrary reads every declaration of the library, which is otherwise read by need.
func TestWholeLibrary(t *testing.T) {
	paths, err := fs.Glob(stdlib.Files, "*.dlc")
	if err != nil || len(paths) < 6 {
		t.Fatalf("%v %v", paths, err)
	}
	src := "edition 2026\n"
	for _, p := range paths {
		text, err := fs.ReadFile(stdlib.Files, p)
		if err != nil {
			t.Fatal(err)
		}
		src += strings.TrimPrefix(string(text), "edition 2026\n")
	}
	src += "\nmodel M()(x: f32[N, 3]) -> (y: f32[N, 3]) { x |> Dense(3) }\n"
	good(t, "m.dlc", src, nil)
}

// TestTwoOutputs: a model of several outputs whose batch has another name, with layers that draw.
func TestTwoOutputs(t *testing.T) {
	m, info := good(t, "m.dlc", `edition 2026

fn kl(mean: float[N, Z], logvar: float[N, Z]) -> float[] {
  mean(0.5 * sum(mean ** 2 + exp(logvar) - 1 - logvar, over=Z))
}

model VAE(latent: int = 2)(image: f32[B, 28, 28, 1]) -> (recon: f32[B, 784], mean: f32[B, latent], logvar: f32[B, latent]) {
  h = image |> Flatten()
  mean   = h |> Dense(latent)
  logvar = h |> Dense(latent)
  z = if training { mean + exp(0.5 * logvar) * normal([B, latent]) } else { mean }
  (recon = z |> Dense(784), mean = mean, logvar = logvar)
}

dataset Digits = mnist("data") { image = image / 255 }

train VAE(latent=3) {
  data      = Digits
  loss      = binary_cross_entropy(recon, reshape(image, [size(recon) / 784, 784])) + kl(VAE.mean, logvar)
  metrics   = (kl = kl(mean, logvar))
  optimizer = AdamW(lr=cosine(1e-3))
  seed      = 7
}
`, nil)
	if info.Batch != "B" || info.Outputs[1].Type.String() != "f32[B, 3]" || info.Train.Seed != 7 {
		t.Errorf("%+v", info)
	}
	for _, p := range entry(t, m, "score").Params {
		if p.Type.Shape.String() != "" && p.Type.Shape[0].String() != "N" {
			t.Errorf("score takes %s %s", p.Param.Name, p.Type)
		}
	}
	var draws int
	for _, f := range m.Funcs {
		for _, n := range f.Nodes {
			if _, ok := n.Op.(ir.Random); ok && f.Name != "init" {
				draws++
			}
			if len(n.Spans) == 0 || n.Spans[0].File != "m.dlc" {
				t.Errorf("%s: %s has spans %v", f.Name, n.Op.Name(), n.Spans)
			}
		}
	}
	if draws != 1 {
		t.Errorf("%d draws, want 1, in training", draws)
	}
}

// TestConvolutionLayers: shapes of what the library makes of convolutions.
func TestConvolutionLayers(t *testing.T) {
	for _, c := range []struct{ in, layer, out string }{
		{"f32[N, 9, 4]", "Conv1D(6, kernel=3, padding=\"causal\", dilation=2)", "f32[N, 9, 6]"},
		{"f32[N, 9, 4]", "Conv1D(6, kernel=3, stride=2, padding=\"same\", groups=2)", "f32[N, 5, 6]"},
		{"f32[N, T, 4]", "Conv1D(6, kernel=3)", "f32[N, T - 2, 6]"},
		{"f32[N, 5, 6, 7, 2]", "Conv3D(3, kernel=2, padding=\"same\")", "f32[N, 5, 6, 7, 3]"},
		{"f32[N, 8, 6, 4]", "Conv2D(8, kernel=3, groups=4)", "f32[N, 6, 4, 8]"},
		{"f32[N, 8, 6, 4]", "DepthwiseConv2D(3, stride=2, padding=\"same\", multiplier=2)", "f32[N, 4, 3, 8]"},
		{"f32[N, 5, 4]", "Conv1DTranspose(3, kernel=2, stride=3, padding=\"same\")", "f32[N, 15, 3]"},
		{"f32[N, T, 4]", "Conv1DTranspose(3, kernel=4, stride=2)", "f32[N, 2*T + 2, 3]"},
		{"f32[N, 5, 4, 3]", "Conv2DTranspose(2, kernel=3, stride=2, padding=\"same\")", "f32[N, 10, 8, 2]"},
		{"f32[N, 5, 4, 3]", "Conv2DTranspose(2, kernel=[3, 2], stride=[2, 1], dilation=2)", "f32[N, 13, 6, 2]"},
	} {
		m, _ := good(t, "m.dlc", fmt.Sprintf("edition 2026\n\nmodel M()(x: %s) -> (y: %s) { x |> %s }\n", c.in, c.out, c.layer), nil)
		if got := entry(t, m, "infer").Results[0].Value.Type.String(); strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(c.out, " ", "") {
			t.Errorf("%s of %s gives %s, not %s", c.layer, c.in, got, c.out)
		}
	}
}

// TestDistributions draws many numbers of each distribution of the library: mean and variance lie
// within four standard errors, and the values where they must.
func TestDistributions(t *testing.T) {
	const n = 20000
	for _, c := range []struct {
		name, value          string
		mean, variance       float64
		low, high, deviation float64 // of the variance, relative
	}{
		{"integers", "to(integers([N], -3, 7), f32)", 1.5, 99.0 / 12, -3, 6, 1},
		{"permutation", "to(permutation(N), f32) / to(N, f32)", 0.5 - 0.5/n, 1.0 / 12, 0, 1, 1},
		{"truncated normal", "truncated_normal(1, 2)([N])", 1, 4 * 0.7737, -3, 5, 1},
		{"categorical", "to(categorical(broadcast(log(to(iota(4) + 1, f32)), [N, 4])), f32)", 2, 1, 0, 3, 1},
		{"gamma of 3", "gamma(0 * x + 3)", 3, 3, 0, 30, 2},
		{"gamma of a half", "gamma(0 * x + 0.5)", 0.5, 0.5, 0, 15, 5},
		{"gumbel", "gumbel([N])", 0.5772, math.Pi * math.Pi / 6, -3, 17, 2},
		{"bits", "to(shift_right(bits([N]), 31), f32)", 0.5, 0.25, 0, 1, 1},
	} {
		m, _ := good(t, "m.dlc", "edition 2026\n\nmodel M()(x: f32[N]) -> (y: f32[N]) { "+c.value+" + 0 * x }\n", nil)
		step := tensor.New(tensor.I64)
		out, _ := run(t, m, "infer", tensors{"x": tensor.New(tensor.F32, n), "seed": seed(7), "step": step}, nil)
		y := out["y"]
		sum, squares := 0.0, 0.0
		for i := range y.Len() {
			v := y.Float(i)
			if !(v >= c.low && v <= c.high) {
				t.Fatalf("%s: %g is outside of %g..%g", c.name, v, c.low, c.high)
			}
			sum, squares = sum+v, squares+v*v
		}
		mean := sum / n
		variance := squares/n - mean*mean
		if d := math.Abs(mean-c.mean) / math.Sqrt(c.variance/n); d > 4 {
			t.Errorf("%s: the mean is %g, not %g", c.name, mean, c.mean)
		}
		if d := math.Abs(variance/c.variance-1) * math.Sqrt(n/2); d > 4*c.deviation {
			t.Errorf("%s: the variance is %g, not %g", c.name, variance, c.variance)
		}
	}
}

// TestCountsFit: a count takes the dtype beside it only where that holds all of it.
func TestCountsFit(t *testing.T) {
	for n, want := range map[int]bool{256: true, 257: false} {
		_, _, diags := compile("m.dlc", fmt.Sprintf("edition 2026\n\nmodel M()(x: u8[N, %d]) -> (y: u8[N, %d]) { x + iota(%d) }\n", n, n, n), nil)
		if (len(diags) == 0) != want {
			t.Errorf("a count of %d beside u8: %v", n, diags)
		}
	}
}
