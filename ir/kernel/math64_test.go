package kernel

import (
	"math"
	"math/big"
	"math/rand"
	"testing"

	"dlc/ir/tensor"
)

// Plain series at 400 bits: the references of the f64 functions.
const precision = 400

func bigOf(v float64) *big.Float { return new(big.Float).SetPrec(precision).SetFloat64(v) }
func bigNew() *big.Float         { return new(big.Float).SetPrec(precision) }

// series is the sum of terms, each got from the last by next, until they no longer count.
func series(term *big.Float, next func(term *big.Float, i int64)) *big.Float {
	sum := bigNew()
	for i := int64(1); term.Sign() != 0 && (sum.Sign() == 0 || i < 8 || term.MantExp(nil) > sum.MantExp(nil)-precision); i++ {
		sum.Add(sum, term)
		next(term, i)
	}
	return sum
}

func bigExp(x *big.Float) *big.Float {
	k := max(0, x.MantExp(nil)+8)
	r := bigNew().SetMantExp(x, -k)
	e := series(bigOf(1), func(t *big.Float, i int64) { t.Mul(t, r).Quo(t, bigOf(float64(i))) })
	for range k {
		e.Mul(e, e)
	}
	return e
}

func bigLog(x *big.Float) *big.Float {
	exp := x.MantExp(nil)
	m := bigNew().SetMantExp(x, -exp)
	f, _ := m.Float64()
	y := bigOf(math.Log(f))
	for range 4 { // y += 2 (m - e^y) / (m + e^y)
		e := bigExp(y)
		d := bigNew().Quo(bigNew().Sub(m, e), bigNew().Add(m, e))
		y.Add(y, d.Add(d, d))
	}
	if exp != 0 {
		y.Add(y, bigNew().Mul(bigOf(float64(exp)), bigNew().Neg(bigLog(bigOf(0.5)))))
	}
	return y
}

func bigSin(x *big.Float, cosine bool) *big.Float {
	turn := bigPi()
	turn.Add(turn, turn)
	whole, _ := bigRatio(x, turn).Int(nil)
	x = bigNew().Sub(x, turn.Mul(turn, bigNew().SetInt(whole)))
	square := bigNew().Neg(bigNew().Mul(x, x))
	first, odd := bigNew().Set(x), int64(1)
	if cosine {
		first, odd = bigOf(1), 0
	}
	return series(first, func(t *big.Float, i int64) { n := float64(2*i + odd); t.Mul(t, square).Quo(t, bigOf(n*(n-1))) })
}

func bigPi() *big.Float {
	pi, _ := bigNew().SetString("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798")
	return pi
}

func bigErf(x *big.Float) *big.Float {
	pi := bigPi()
	square := bigNew().Neg(bigNew().Mul(x, x))
	power := bigNew().Set(x)
	sum := bigNew()
	for n := int64(0); n < 400; n++ {
		sum.Add(sum, bigNew().Quo(power, bigOf(float64(2*n+1))))
		power.Mul(power, square).Quo(power, bigOf(float64(n+1)))
	}
	return sum.Mul(sum, bigOf(2)).Quo(sum, bigNew().Sqrt(pi))
}

func bigRatio(a, b *big.Float) *big.Float { return bigNew().Quo(a, b) }
func bigPlus(a *big.Float, v float64) *big.Float {
	return bigNew().Add(a, bigOf(v))
}

var bigReferences = map[string]func(x *big.Float) *big.Float{
	"exp": bigExp, "log": bigLog, "erf": bigErf,
	"exp2":  func(x *big.Float) *big.Float { return bigExp(bigNew().Mul(x, bigLog(bigOf(2)))) },
	"expm1": func(x *big.Float) *big.Float { return bigPlus(bigExp(x), -1) },
	"log1p": func(x *big.Float) *big.Float { return bigLog(bigPlus(x, 1)) },
	"log2":  func(x *big.Float) *big.Float { return bigRatio(bigLog(x), bigLog(bigOf(2))) },
	"sin":   func(x *big.Float) *big.Float { return bigSin(x, false) },
	"cos":   func(x *big.Float) *big.Float { return bigSin(x, true) },
	"tan":   func(x *big.Float) *big.Float { return bigRatio(bigSin(x, false), bigSin(x, true)) },
	"tanh": func(x *big.Float) *big.Float {
		e := bigExp(bigPlus(x, 0))
		e.Mul(e, e)
		return bigRatio(bigPlus(e, -1), bigPlus(e, 1))
	},
	"sigmoid":    func(x *big.Float) *big.Float { return bigRatio(bigOf(1), bigPlus(bigExp(bigNew().Neg(x)), 1)) },
	"reciprocal": func(x *big.Float) *big.Float { return bigRatio(bigOf(1), x) },
	"rsqrt":      func(x *big.Float) *big.Float { return bigRatio(bigOf(1), bigNew().Sqrt(x)) },
	"softplus": func(x *big.Float) *big.Float {
		if e := bigExp(x); e.MantExp(nil) < -150 { // log(1+e) is e
			return e
		}
		return bigLog(bigPlus(bigExp(x), 1))
	},
}

// ulp64 is the distance of got from want in units of the last place of want's binade.
func ulp64(got float64, want *big.Float) float64 {
	if want.IsInf() || want.MantExp(nil) > 1024 {
		if math.IsInf(got, want.Sign()) {
			return 0
		}
		return math.Inf(1)
	}
	if got-got != 0 {
		return math.Inf(1)
	}
	d := bigNew().Sub(bigOf(got), want)
	d.SetMantExp(d, -max(want.MantExp(nil)-53, -1074))
	u, _ := d.Float64()
	return math.Abs(u)
}

func sample64(r *rand.Rand, fn string, i int) float64 {
	positive := fn == "log" || fn == "log2" || fn == "rsqrt"
	x := r.NormFloat64()
	switch i % 4 {
	case 1:
		x = (r.Float64() - 0.5) * 60
	case 2:
		x = math.Ldexp(1+r.Float64(), r.Intn(60)-50) * float64(1-2*r.Intn(2))
	case 3:
		if fn == "exp" || positive {
			x = (r.Float64() - 0.5) * 1480
		}
		if positive {
			x = math.Ldexp(1+r.Float64(), r.Intn(2090)-1070)
		}
	}
	if positive {
		return math.Abs(x)
	}
	if fn == "log1p" && x <= -1 {
		return -x
	}
	if fn == "erf" && math.Abs(x) > 7 {
		return x / 70
	}
	return x
}

func TestMathF64(t *testing.T) {
	for _, fn := range FuncNames() {
		ref := bigReferences[fn]
		if ref == nil {
			continue
		}
		r := rand.New(rand.NewSource(9))
		f, ops := compileFn(fn, tensor.F64)
		worst, where := 0.0, 0.0
		for i := range 600 {
			x := sample64(r, fn, i)
			got := math.Float64frombits(f(math.Float64bits(x), 0))
			if u := ulp64(got, ref(bigOf(x))); u > worst {
				worst, where = u, x
			}
		}
		t.Logf("f64 %-8s %3d ops, %.3f ulp at %g (%x)", fn, ops, worst, where, where)
		if worst > bounds[fn][1] {
			t.Errorf("f64 %s: %.3f ulp at %g", fn, worst, where)
		}
	}
}

func TestPowF64(t *testing.T) {
	r := rand.New(rand.NewSource(10))
	f, ops := compileFn("pow", tensor.F64)
	worst, wx, wy := 0.0, 0.0, 0.0
	for i := range 600 {
		x, y := math.Ldexp(1+r.Float64(), r.Intn(40)-20), r.NormFloat64()*20
		if i%3 == 0 {
			x, y = 1+r.NormFloat64()*1e-3, r.NormFloat64()*1e5
		}
		want := bigExp(bigNew().Mul(bigOf(y), bigLog(bigOf(x))))
		got := math.Float64frombits(f(math.Float64bits(x), math.Float64bits(y)))
		if u := ulp64(got, want); u > worst {
			worst, wx, wy = u, x, y
		}
	}
	t.Logf("f64 pow %d ops, %.3f ulp at %g, %g", ops, worst, wx, wy)
	if worst > bounds["pow"][1] {
		t.Errorf("f64 pow: %.3f ulp at %g, %g", worst, wx, wy)
	}
	special := []float64{0, math.Copysign(0, -1), 1, -1, 2, -2, 0.5, -0.5, 3, -3, math.Inf(1), math.Inf(-1), math.NaN(), 1e300, 1 << 53, 1<<53 + 2}
	for _, x := range special {
		for _, y := range special {
			got, want := math.Float64frombits(f(math.Float64bits(x), math.Float64bits(y))), math.Pow(x, y)
			if math.Float64bits(got) != math.Float64bits(want) && (got == got || want == want) && math.Abs(got-want) > 1e-15*math.Abs(want) {
				t.Errorf("pow(%g, %g) = %g, want %g", x, y, got, want)
			}
		}
	}
}

func TestTrigonometryFarOut(t *testing.T) {
	r := rand.New(rand.NewSource(12))
	for _, fn := range []string{"sin", "cos", "tan"} {
		f, _ := compileFn(fn, tensor.F64)
		g, _ := compileFn(fn, tensor.F32)
		for range 1000 {
			x := math.Ldexp(1+r.Float64(), r.Intn(45))
			if u := ulp64(math.Float64frombits(f(math.Float64bits(x), 0)), bigReferences[fn](bigOf(x))); u > bounds[fn][1] {
				t.Errorf("f64 %s(%x): %.3f ulp", fn, x, u)
			}
			narrow := float32(math.Ldexp(1+r.Float64(), r.Intn(45)))
			want, _ := bigReferences[fn](bigOf(float64(narrow))).Float64()
			if u := ulp32(BitsF32(g(F32Bits(narrow), 0)), want); u > bounds[fn][0] {
				t.Errorf("f32 %s(%x): %.3f ulp", fn, narrow, u)
			}
		}
	}
}
