package tests

import (
	"fmt"
	"math"
	"math/rand"
	"strings"
	"testing"

	"dlc"
	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/runtime/data"
)

// A linearCase is a function of the library's linear algebra, of x and v.
type linearCase struct {
	name, of, call string // of: the stored matrix that x is
	results        []string
	native         bool // code is made for it
}

func linearCases() []linearCase {
	return []linearCase{
		{"cholesky", "positive", "cholesky(x)", []string{"l"}, true},
		{"triangular", "lower", "solve_triangular(x, v)", []string{"x"}, false},
		{"lu", "a", "lu(x)", []string{"l", "u", "p"}, true},
		{"solve", "a", "solve(x, v)", []string{"x"}, false},
		{"inverse", "a", "inverse(x)", []string{"y"}, false},
		{"determinant", "a", "determinant(x)", []string{"y"}, false},
		{"log_determinant", "a", "log_determinant(x)", []string{"sign", "log"}, false},
		{"tall_qr", "tall", "qr(x)", []string{"q", "r"}, true},
		{"wide_qr", "wide", "qr(x)", []string{"q", "r"}, false},
		{"eigh", "s", "eigh(x)", []string{"w", "v"}, true},
		{"tall_svd", "tall", "svd(x)", []string{"u", "s", "v"}, false},
		{"wide_svd", "wide", "svd(x)", []string{"u", "s", "v"}, true},
	}
}

// triangular reports whether the function reads the lower triangle of a symmetric matrix.
func (c linearCase) triangular() bool { return c.name == "cholesky" || c.name == "eigh" }

// text is a model of the function on a batch, with the gradient of a sum over its results, and if
// wanted its second derivative along x.
func (c linearCase) text(dtype, size string, second bool) string {
	shape := size + ", " + size
	if more := map[string]string{"tall": size + " + 3, " + size, "wide": size + ", " + size + " + 2"}[c.of]; more != "" {
		shape = more
	}
	var outs, values, terms []string
	for _, r := range c.results {
		t, dims := dtype, "N, _, _"
		switch c.name + " " + r {
		case "lu p":
			t, dims = "i32", "N, _"
		case "eigh w", "tall_svd s", "wide_svd s":
			dims = "N, _"
		case "determinant y", "log_determinant sign", "log_determinant log":
			dims = "N"
		}
		if t == dtype && r != "sign" {
			terms = append(terms, fmt.Sprintf("sum(%s * like(reshape(7 * iota(size(%[1]s)) %% 11 - 5, shape(%[1]s)), %[1]s))", r))
		}
		outs, values = append(outs, fmt.Sprintf("%s: %s[%s]", r, t, dims)), append(values, r+" = "+r)
	}
	names := strings.Join(c.results, ", ")
	outs = append(outs, fmt.Sprintf("gradient: %s[N, _, _], loss: %[1]s[N]", dtype))
	values = append(values, "gradient = vmap(fn(x, v) { grad(fn(y) { loss(y, v) })(x) })(m, b), loss = vmap(loss)(m, b)")
	if second {
		outs, values = append(outs, "second: "+dtype+"[N, _, _]"), append(values, "second = vmap(fn(x, v) { hvp(fn(y) { loss(y, v) }, x, x) })(m, b)")
	}
	return fmt.Sprintf(`edition 2026

model Linear()(m: %[1]s[N, %[2]s], b: %[1]s[N, %[3]s, 2]) -> (%[4]s) {
  loss = fn(x, v) {
    %[5]s = %[6]s
    %[7]s
  }
  %[5]s = vmap(fn(x, v) { %[6]s })(m, b)
  (%[8]s)
}
`, dtype, shape, size, strings.Join(outs, ", "), names, c.call, strings.Join(terms, " + "), strings.Join(values, ", "))
}

func linearModule(t *testing.T, text string) *ir.Module {
	t.Helper()
	p, err := dlc.Check(&dlc.Source{Path: "linear.dlc", Text: []byte(text)}, &dlc.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p.Module
}

// evaluated runs a function on matrices in f64, each with an axis of one in front.
func evaluated(t *testing.T, f *ir.Func, matrices map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
	in := map[string]*tensor.Tensor{}
	for name, x := range matrices {
		in[name] = &tensor.Tensor{DType: x.DType, Dims: append([]int{1}, x.Dims...), Data: x.Data}
	}
	out, _, err := ir.Eval(f, in, nil, ir.Wide)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func storedMatrices(t *testing.T) map[string]*tensor.Tensor {
	t.Helper()
	stored, err := data.ReadSafetensorsFile("fixtures/linear.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

// TestLinearAlgebra holds factors, solutions and their gradients to SciPy's and PyTorch's, and first and
// second derivatives to differences.
func TestLinearAlgebra(t *testing.T) {
	t.Parallel()
	stored := storedMatrices(t)
	for _, c := range linearCases() {
		f := lowered(t, c.name, linearModule(t, c.text("f64", "D", true))).fn("infer")
		for _, n := range []int{2, 5, 17} {
			of := func(name string) *tensor.Tensor { return stored[fmt.Sprintf("%d.%s", n, name)] }
			got := evaluated(t, f, map[string]*tensor.Tensor{"m": of(c.of), "b": of("b")})
			for _, r := range append(c.results, "gradient") {
				want := of(c.name + "." + r)
				if r == "gradient" && c.triangular() {
					want = foldedBelow(want)
				}
				for i := range want.Len() {
					if g, w := got[r].Float(i), want.Float(i); !(math.Abs(g-w) <= 1e-11*math.Max(1, math.Abs(w))) {
						t.Errorf("%s of size %d: %s[%d] is %v, not %v", c.name, n, r, i, g, w)
						break
					}
				}
			}
			if n == 5 {
				c.compareDirection(t, f, of(c.of), of("b"), got)
			}
		}
	}
}

// foldedBelow adds what stands above the diagonal of a gradient to what stands below it: both are
// of one element where the lower triangle alone is read.
func foldedBelow(x *tensor.Tensor) *tensor.Tensor {
	n := x.Dims[0]
	y := tensor.New(x.DType, n, n)
	for i := range n {
		for j := range i + 1 {
			v := x.Float(i*n + j)
			if i != j {
				v += x.Float(j*n + i)
			}
			y.SetFloat(i*n+j, v)
		}
	}
	return y
}

// compareDirection holds derivatives along x to differences.
func (c linearCase) compareDirection(t *testing.T, f *ir.Func, x, b *tensor.Tensor, got map[string]*tensor.Tensor) {
	t.Helper()
	const h = 1e-5
	at := func(scale float64) map[string]*tensor.Tensor {
		moved := tensor.New(x.DType, x.Dims...)
		for i := range x.Len() {
			moved.SetFloat(i, x.Float(i)*scale)
		}
		return evaluated(t, f, map[string]*tensor.Tensor{"m": moved, "b": b})
	}
	up, down := at(1+h), at(1-h)
	slope := 0.0
	for i := range x.Len() {
		slope += got["gradient"].Float(i) * x.Float(i)
		want := (up["gradient"].Float(i) - down["gradient"].Float(i)) / (2 * h)
		if g := got["second"].Float(i); !(math.Abs(g-want) <= 1e-6*math.Max(1, math.Abs(want))) {
			t.Errorf("%s: the second derivative at %d is %g, differences say %g", c.name, i, g, want)
		}
	}
	if want := (up["loss"].Float(0) - down["loss"].Float(0)) / (2 * h); !(math.Abs(slope-want) <= 1e-6*math.Max(1, math.Abs(want))) {
		t.Errorf("%s: the derivative along x is %g, differences say %g", c.name, slope, want)
	}
}

// TestLinearAlgebraNatively compares every stage on a batch, of which some matrices are singular or
// hold NaNs and infinities.
func TestLinearAlgebraNatively(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewSource(1))
	for _, c := range linearCases() {
		if !c.native {
			continue
		}
		p := compile(t, c.name, linearModule(t, c.text("f32", "5", false)))
		in := map[string]*tensor.Tensor{}
		for _, q := range p.fn("infer").Params {
			dims, _ := q.Type.Shape.Bind(map[string]int64{"N": 3})
			x := tensor.New(tensor.F32, dims...)
			for i := range x.Len() {
				x.SetFloat(i, r.NormFloat64())
				if i >= x.Len()*2/3 {
					x.SetFloat(i, []float64{1, 1, 0, 2, math.NaN(), math.Inf(1)}[r.Intn(6)])
				}
			}
			in[q.Param.Name] = x
		}
		arguments := &call{n: 3, inputs: in, weights: map[string]*tensor.Tensor{}}
		p.compareStages(t, "infer", arguments, p.interpret(t, "infer", arguments))
	}
}

// deficient says what holds of the factors of matrices that are singular or have equal eigenvalues.
const deficient = `edition 2026

fn far(x: float[M, N]) -> float[] { max(abs(x)) }
fn skew(q: float[M, N]) -> float[] { far(transpose(q) @ q - like(eye(N), q)) }
fn held(a: float[D, D]) {
  m = mirrored(a)
  l, u, p = lu(a)
  q, r = qr(a)
  w, v = eigh(a)
  x, s, y = svd(a)
  t = grad(fn(b) {
    e, f = eigh(b)
    sum(e)
  })(a)
  (far(l @ u - take(a, p)), far(l) - 1, far(q @ r - a) + skew(q), far(v * w @ transpose(v) - m) + skew(v), far(x * s @ transpose(y) - a) + skew(x) + skew(y), max(s[1..] - s[..-1]), max(w[..-1] - w[1..]), far(t - like(eye(D), a)))
}

model Deficient()(a: f64[N, D, D]) -> (lu: f64[N], pivots: f64[N], qr: f64[N], eigh: f64[N], svd: f64[N], falls: f64[N], rises: f64[N], trace: f64[N]) {
  lu, pivots, qr, eigh, svd, falls, rises, trace = vmap(held)(a)
  (lu = lu, pivots = pivots, qr = qr, eigh = eigh, svd = svd, falls = falls, rises = rises, trace = trace)
}
`

// TestDeficientMatrices takes zeros, ones, the unit matrix, one with equal columns, one with pairs of
// equal eigenvalues and one with eigenvalues that differ by far together as a batch.
func TestDeficientMatrices(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewSource(2))
	f := lowered(t, "deficient", linearModule(t, deficient)).fn("infer")
	for _, n := range []int{1, 2, 5, 17} {
		a := tensor.New(tensor.F64, 6, n, n)
		for i := range n {
			for j := range n {
				at := func(k int, v float64) { a.SetFloat((k*n+i)*n+j, v) }
				at(1, 1)
				at(2, map[bool]float64{true: 1}[i == j])
				at(3, float64((i*7+3)%5)-2)
				at(4, map[bool]float64{true: float64(i / 2)}[i == j])
				at(5, math.Pow(10, -float64(i+j))*(1+r.Float64()))
			}
		}
		out, _, err := ir.Eval(f, map[string]*tensor.Tensor{"a": a}, nil, ir.Wide)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range sorted(out) {
			for k := range 6 {
				if v := out[name].Float(k); !(v <= 1e-14*float64(n)) {
					t.Errorf("%s of matrix %d of size %d: %g", name, k, n, v)
				}
			}
		}
	}
}

// TestNaNsInMatrices: loops end, and what they give is NaN.
func TestNaNsInMatrices(t *testing.T) {
	t.Parallel()
	f := lowered(t, "deficient", linearModule(t, deficient)).fn("infer")
	a := tensor.New(tensor.F64, 2, 5, 5)
	for i := range 5 {
		a.SetFloat(6*i, float64(i))
		a.SetFloat(25+6*i, 1)
	}
	a.SetFloat(12, math.NaN())
	a.SetFloat(25+20, math.Inf(-1))
	out, _, err := ir.Eval(f, map[string]*tensor.Tensor{"a": a}, nil, ir.Wide)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"qr", "eigh", "svd"} {
		for k := range 2 {
			if v := out[name].Float(k); !math.IsNaN(v) {
				t.Errorf("%s of matrix %d gives %g", name, k, v)
			}
		}
	}
}

// TestSmallSingularValues: each is right in its own digits where columns differ by powers of ten.
func TestSmallSingularValues(t *testing.T) {
	t.Parallel()
	const text = "edition 2026\n\nmodel S()(m: f64[N, 5, 5]) -> (s: f64[N, 5]) {\n  u, s, v = vmap(svd)(m)\n  s\n}\n"
	stored := storedMatrices(t)
	s := evaluated(t, lowered(t, "graded", linearModule(t, text)).fn("infer"), map[string]*tensor.Tensor{"m": stored["graded"]})["s"]
	for i := range 5 {
		if w := stored["graded.s"].Float(i); !(math.Abs(s.Float(i)-w) <= 1e-13*w) {
			t.Errorf("singular value %d is %g, not %g", i, s.Float(i), w)
		}
	}
}
