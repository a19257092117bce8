package kernel

import (
	"math"
	"math/rand"
	"strings"
	"testing"

	"dlc/ir/tensor"
)

// points is a Scope whose loads x and y read two variables.
type points struct{ x, y uint64 }

func (p *points) Index(tensor.Dim) func() int64 { panic("BUG: no index here") }
func (p *points) Load(l *Load, _ []func() int64) Eval {
	v := &p.x
	if l.Name == "y" {
		v = &p.y
	}
	return func() uint64 { return *v }
}

// compileFn returns fn as a function of one or two scalars, and how many operations it takes.
func compileFn(fn string, t tensor.DType) (f func(x, y uint64) uint64, ops int) {
	args := []Expr{&Load{"x", t, nil}, &Load{"y", t, nil}}
	info, _ := LookupFunc(fn)
	e := Expand(&Call{fn, t, args[:info.Arity]})
	Walk(e, func(e Expr) bool {
		if c, ok := e.(*Call); ok && c.Fn != "bitcast" {
			ops++
		}
		return true
	})
	p := &points{}
	c := NewCompiler(p)
	eval := c.Compile(e)
	return func(x, y uint64) uint64 { p.x, p.y = x, y; c.Moved(); return eval() }, ops
}

var references = map[string]func(x float64) float64{
	"exp": math.Exp, "exp2": math.Exp2, "expm1": math.Expm1, "log": math.Log, "log1p": math.Log1p, "log2": math.Log2,
	"sin": math.Sin, "cos": math.Cos, "tan": math.Tan, "tanh": math.Tanh, "erf": math.Erf,
	"sigmoid":    func(x float64) float64 { return 1 / (1 + math.Exp(-x)) },
	"rsqrt":      func(x float64) float64 { return 1 / math.Sqrt(x) },
	"softplus":   func(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) },
	"reciprocal": func(x float64) float64 { return 1 / x },
	"asin":       math.Asin, "atan": math.Atan, "sinh": math.Sinh, "cosh": math.Cosh, "asinh": math.Asinh, "acosh": math.Acosh, "atanh": math.Atanh,
	"acos": func(x float64) float64 { return 2 * math.Atan2(math.Sqrt(1-x), math.Sqrt(1+x)) },
	"erfc": math.Erfc, "erfinv": math.Erfinv,
	"lgamma":  func(x float64) float64 { y, _ := math.Lgamma(x); return y },
	"digamma": wideOf("digamma"), "trigamma": wideOf("trigamma"),
}

// wideOf is a function in f64 as it is expanded: the reference of f32 where Go has none.
func wideOf(fn string) func(x float64) float64 {
	f, _ := compileFn(fn, tensor.F64)
	return func(x float64) float64 { return math.Float64frombits(f(math.Float64bits(x), 0)) }
}

// The promised bounds in ulps of the result, f32 then f64.
var bounds = map[string][2]float64{
	"exp": {1, 1}, "exp2": {1, 1}, "expm1": {1.5, 1.5}, "log": {1, 1}, "log1p": {1.5, 1.5}, "log2": {1, 1}, "sin": {1, 1}, "cos": {1, 1}, "tan": {1, 2},
	"tanh": {1, 3}, "sigmoid": {1, 1}, "erf": {1.25, 1}, "rsqrt": {1.5, 1.5}, "softplus": {2, 2}, "pow": {1, 1},
	"reciprocal": {1, 1}, "asin": {1, 2}, "acos": {1, 2}, "atan": {1, 2}, "atan2": {1, 2}, "sinh": {1, 2}, "cosh": {1, 2}, "asinh": {1, 2}, "acosh": {1, 2}, "atanh": {1, 2},
	"erfc": {1, 2}, "erfinv": {1, 2}, "lgamma": {1, 4}, "digamma": {1, 4}, "trigamma": {1, 4},
}

// ulp32 is the distance of got from want in units of the last place of want's binade.
func ulp32(got float32, want float64) float64 {
	switch {
	case want != want:
		if got != got {
			return 0
		}
		return math.Inf(1)
	case math.Abs(want) >= 0x1.ffffffp127: // rounds to infinity
		if float64(got) == math.Copysign(math.Inf(1), want) {
			return 0
		}
		return math.Inf(1)
	case got-got != 0:
		return math.Inf(1)
	}
	_, e := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(e-24, -149))
}

// sample32 draws: all exponents evenly, the range where functions bend, and near whole and half numbers.
func sample32(r *rand.Rand, i int) float32 {
	switch i % 4 {
	case 0:
		return math.Float32frombits(r.Uint32())
	case 1:
		return float32(r.NormFloat64())
	case 2:
		return float32((r.Float64() - 0.5) * 220)
	}
	return float32(math.Ldexp(1+r.Float64(), r.Intn(40)-30)) * float32(1-2*r.Intn(2))
}

func TestMathF32(t *testing.T) {
	for _, fn := range FuncNames() {
		ref := references[fn]
		if ref == nil {
			continue
		}
		r := rand.New(rand.NewSource(7))
		f, ops := compileFn(fn, tensor.F32)
		worst, where := 0.0, float32(0)
		for i := range 1 << 16 {
			x := sample32(r, i)
			if a := math.Abs(float64(x)); a > 1<<17 && (fn == "sin" || fn == "cos" || fn == "tan") {
				continue
			}
			if x < 0 && strings.HasSuffix(fn, "gamma") {
				continue
			}
			if u := ulp32(BitsF32(f(F32Bits(x), 0)), ref(float64(x))); u > worst {
				worst, where = u, x
			}
		}
		t.Logf("f32 %-8s %3d ops, %.3f ulp at %g (%#x)", fn, ops, worst, where, math.Float32bits(where))
		if worst > bounds[fn][0] {
			t.Errorf("f32 %s: %.3f ulp at %g", fn, worst, where)
		}
	}
}

func TestPowF32(t *testing.T) {
	r := rand.New(rand.NewSource(8))
	f, ops := compileFn("pow", tensor.F32)
	worst, wx, wy := 0.0, float32(0), float32(0)
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, 2, -2, 0.5, -0.5, 3, -3, 1e30, -1e30, 1 << 24, 1<<24 + 2, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), 1e-45, -1e-45}
	check := func(x, y float32) {
		want := math.Pow(float64(x), float64(y))
		got := BitsF32(f(F32Bits(x), F32Bits(y)))
		if u := ulp32(got, want); u > worst {
			worst, wx, wy = u, x, y
		}
		if want == 0 && math.Signbit(want) != math.Signbit(float64(got)) {
			t.Errorf("pow(%g, %g) = %g, want %g", x, y, got, want)
		}
	}
	for i := range 1 << 16 {
		x := float32(math.Ldexp(1+r.Float64(), r.Intn(20)-10))
		check(x, sample32(r, i))
		check(sample32(r, i), float32(r.Intn(9)-4))
	}
	for _, x := range special {
		for _, y := range special {
			check(x, y)
		}
	}
	t.Logf("f32 pow %d ops, %.3f ulp at %g, %g", ops, worst, wx, wy)
	if worst > bounds["pow"][0] {
		t.Errorf("f32 pow: %.3f ulp at %g, %g", worst, wx, wy)
	}
}

func TestExpandSpecialValues(t *testing.T) {
	inf, nan, zero := math.Inf(1), math.NaN(), math.Copysign(0, -1)
	cases := []struct {
		fn       string
		in, want float64
	}{
		{"exp", inf, inf}, {"exp", -inf, 0}, {"exp", 0, 1}, {"exp", 1e30, inf}, {"exp2", -inf, 0}, {"exp2", inf, inf}, {"exp2", 10, 1024},
		{"expm1", -inf, -1}, {"expm1", inf, inf}, {"expm1", zero, zero}, {"expm1", 1e-44, 1e-44},
		{"log", 0, -inf}, {"log", zero, -inf}, {"log", -1, nan}, {"log", inf, inf}, {"log", 1, 0}, {"log", -inf, nan}, {"log2", 8, 3}, {"log2", 0, -inf}, {"log2", 0x1p-140, -140},
		{"log1p", -1, -inf}, {"log1p", -2, nan}, {"log1p", inf, inf}, {"log1p", zero, zero}, {"log1p", 1e-44, 1e-44},
		{"sin", zero, zero}, {"sin", inf, nan}, {"cos", -inf, nan}, {"cos", 0, 1}, {"tan", zero, zero}, {"sin", 0x1p60, 0}, {"cos", 0x1p60, 1},
		{"tanh", inf, 1}, {"tanh", -inf, -1}, {"tanh", zero, zero}, {"tanh", 20, 1}, {"sigmoid", inf, 1}, {"sigmoid", -inf, 0}, {"sigmoid", 0, 0.5}, {"sigmoid", zero, 0.5},
		{"erf", inf, 1}, {"erf", -inf, -1}, {"erf", zero, zero}, {"rsqrt", 0, inf}, {"rsqrt", inf, 0}, {"rsqrt", -1, nan}, {"softplus", inf, inf}, {"softplus", -inf, 0}, {"softplus", 1e30, 1e30},
		{"reciprocal", zero, -inf}, {"reciprocal", -inf, zero}, {"asin", zero, zero}, {"asin", 1, math.Pi / 2}, {"asin", -1, -math.Pi / 2}, {"asin", 1.5, nan}, {"asin", -inf, nan}, {"asin", 1e-44, 1e-44},
		{"acos", 1, 0}, {"acos", -1, math.Pi}, {"acos", zero, math.Pi / 2}, {"acos", -1.5, nan}, {"acos", inf, nan},
		{"atan", zero, zero}, {"atan", inf, math.Pi / 2}, {"atan", -inf, -math.Pi / 2}, {"atan", 1e-44, 1e-44}, {"atan", 1, math.Pi / 4},
		{"sinh", zero, zero}, {"sinh", inf, inf}, {"sinh", -inf, -inf}, {"sinh", -1e3, -inf}, {"sinh", 1e-44, 1e-44}, {"cosh", zero, 1}, {"cosh", -inf, inf}, {"cosh", 1e3, inf},
		{"asinh", zero, zero}, {"asinh", -inf, -inf}, {"asinh", 1e-44, 1e-44}, {"acosh", 1, 0}, {"acosh", 0.5, nan}, {"acosh", inf, inf}, {"acosh", -inf, nan},
		{"atanh", zero, zero}, {"atanh", 1, inf}, {"atanh", -1, -inf}, {"atanh", 2, nan}, {"atanh", -inf, nan}, {"atanh", 1e-44, 1e-44},
		{"erfc", inf, 0}, {"erfc", -inf, 2}, {"erfc", zero, 1}, {"erfc", 30, 0}, {"erfinv", zero, zero}, {"erfinv", 1, inf}, {"erfinv", -1, -inf}, {"erfinv", 1.5, nan}, {"erfinv", inf, nan},
		{"lgamma", 0, inf}, {"lgamma", zero, inf}, {"lgamma", 1, 0}, {"lgamma", 2, 0}, {"lgamma", -3, inf}, {"lgamma", inf, inf}, {"lgamma", -inf, inf}, {"lgamma", -0x1p60, inf},
		{"digamma", 0, -inf}, {"digamma", zero, inf}, {"digamma", -2, nan}, {"digamma", inf, inf}, {"digamma", -inf, nan}, {"digamma", -0x1p60, nan},
		{"trigamma", 0, inf}, {"trigamma", zero, inf}, {"trigamma", -2, inf}, {"trigamma", inf, 0}, {"trigamma", -inf, nan},
	}
	for _, fn := range FuncNames() {
		if references[fn] != nil {
			cases = append(cases, struct {
				fn       string
				in, want float64
			}{fn, nan, nan})
		}
	}
	for _, c := range cases {
		f, _ := compileFn(c.fn, tensor.F32)
		got, want := BitsF32(f(F32Bits(float32(c.in)), 0)), float32(c.want)
		if math.Float32bits(got) != math.Float32bits(want) && (want == want || got == got) {
			t.Errorf("f32 %s(%g) = %g, want %g", c.fn, c.in, got, want)
		}
		g, _ := compileFn(c.fn, tensor.F64)
		wide := math.Float64frombits(g(math.Float64bits(c.in), 0))
		if math.Float64bits(wide) != math.Float64bits(c.want) && (wide == wide || c.want == c.want) {
			t.Errorf("f64 %s(%g) = %g, want %g", c.fn, c.in, wide, c.want)
		}
	}
	for _, bits := range []uint32{0x7f800001, 0x7fffffff, 0xffc00001, 0xff800001} { // NaNs of any payload stay NaN
		for fn := range references {
			f, _ := compileFn(fn, tensor.F32)
			if got := BitsF32(f(uint64(bits), 0)); got == got {
				t.Errorf("f32 %s(NaN %#x) = %g", fn, bits, got)
			}
		}
	}
}

func TestExpandRandomMatches(t *testing.T) {
	r := rand.New(rand.NewSource(11))
	for range 300 {
		seed, site, step, row, column := r.Uint64(), r.Uint64(), int64(r.Uint64()), r.Int63(), r.Int63n(1<<40)
		e := Expand(&Random{I(tensor.U64, int64(seed)), I(tensor.I64, step), site, I(tensor.I64, row), I(tensor.I64, column)})
		if got, want := NewCompiler(nil).Compile(e)(), uint64(RandomWord(seed, site, step, row, column)); got != want {
			t.Fatalf("expanded %#x, direct %#x", got, want)
		}
	}
}
