package kernel

import "dlc/ir/tensor"

// The functions of this and the next files are written for f64 alone; f32 goes through f64 and
// rounds once more, which leaves about half an ulp. Coefficients interpolate at Chebyshev nodes
// (testdata/functions.py), weighted to the relative error of the result.

// doubles builds expressions of f64.
type doubles struct{ floats }

// widely applies a function of f64 to arguments of any float type.
func widely(f func(m doubles, x []Expr) Expr, args ...Expr) Expr {
	wide := make([]Expr, len(args))
	for i, x := range args {
		wide[i] = Cast(tensor.F64, x)
	}
	return Cast(args[0].Type(), f(doubles{newFloats(tensor.F64)}, wide))
}

// wideFunctions are the expanded functions of one float that only f64 is written for.
func wideFunctions() map[string]func(m doubles, x Expr) Expr {
	return map[string]func(m doubles, x Expr) Expr{
		"asin": doubles.asin, "acos": doubles.acos, "atan": doubles.atan,
		"sinh": doubles.sinh, "cosh": doubles.cosh, "asinh": doubles.asinh, "acosh": doubles.acosh, "atanh": doubles.atanh,
		"erfc": doubles.erfc, "erfinv": doubles.erfinv, "lgamma": doubles.lgamma, "digamma": doubles.digamma, "trigamma": doubles.trigamma,
	}
}

// Pi in two parts, and halves of it.
const (
	piHigh, piLow = 0x1.921fb54442d18p+1, 0x1.1a62633145c07p-53
)

// root is sqrt(z + zLow) as a sum of two; of 0 it is 0.
func (m doubles) root(z, zLow Expr) (high, low Expr) {
	high = Apply("sqrt", z)
	rest := m.fma(m.neg(high), high, z)
	if zLow != nil {
		rest = m.add(rest, zLow)
	}
	low = m.div(m.mul(rest, m.c(0.5)), high)
	return high, m.pick(m.eq(z, m.c(0)), m.c(0), low)
}

// minus is (high + low) - x, where |x| is at most high.
func (m doubles) minus(high, low float64, x, xLow Expr) Expr {
	h := m.sub(m.c(high), x)
	rest := m.sub(m.sub(m.c(high), h), x)
	return m.add(h, m.add(rest, m.sub(m.c(low), xLow)))
}

// arc is asin(a) for a = |x| <= 1/2 as a + tail; beyond it asin(a) is pi/2 - 2 (s + tail), with
// s = sqrt((1-a)/2).
type arc struct{ near, s, tail Expr }

func (m doubles) arc(a Expr) arc {
	near := m.lt(a, m.c(0.5))
	half := m.mul(m.sub(m.c(1), a), m.c(0.5))
	z := m.pick(near, m.mul(a, a), half)
	r, rLow := m.root(half, nil)
	s := m.pick(near, a, r)
	tail := m.mul(m.mul(s, z), m.poly(z, 0x1.5555555555556p-3, 0x1.3333333332ecap-4, 0x1.6db6db6e31f13p-5, 0x1.f1c71c1db0623p-6, 0x1.6e8bb1c8209a2p-6, 0x1.1c4d35cf95421p-6,
		0x1.c9cf07674736ap-7, 0x1.782651caa6547p-7, 0x1.52420b04b37bep-7, 0x1.65a9c4dfcf8b2p-8, 0x1.1d189408314eep-6, -0x1.e6aaa8a0a04ccp-7,
		0x1.d72b2bc8155f8p-6))
	return arc{near, s, m.add(tail, m.pick(near, m.c(0), rLow))}
}

func (m doubles) asin(x Expr) Expr {
	p := m.arc(m.abs(x))
	far := m.minus(piHigh/2, piLow/2, m.add(p.s, p.s), m.add(p.tail, p.tail))
	return m.withSign(m.pick(p.near, m.add(p.s, p.tail), far), x)
}

func (m doubles) acos(x Expr) Expr {
	p := m.arc(m.abs(x))
	negative := m.lt(x, m.c(0))
	s, tail := m.withSign(p.s, x), m.pick(negative, m.neg(p.tail), p.tail)
	near := m.minus(piHigh/2, piLow/2, s, tail)
	twice, twiceTail := m.add(p.s, p.s), m.add(p.tail, p.tail)
	far := m.pick(negative, m.minus(piHigh, piLow, twice, twiceTail), m.add(twice, twiceTail))
	return m.pick(p.near, near, far)
}

// arctangent is atan(q) for q >= 0: of t = q, (q-1)/(q+1) or -1/q, none larger than
// sqrt(2) - 1, and the angle between the two.
func (m doubles) arctangent(q Expr) Expr {
	high, middle := m.lt(m.c(0x1.3504f333f9de6p+1), q), m.lt(m.c(0x1.a827999fcef32p-2), q)
	num := m.pick(high, m.c(-1), m.pick(middle, m.sub(q, m.c(1)), q))
	den := m.pick(high, q, m.pick(middle, m.add(q, m.c(1)), m.c(1)))
	t := m.div(num, den)
	z := m.mul(t, t)
	tail := m.mul(m.mul(t, z), m.poly(z, -0x1.5555555555555p-2, 0x1.9999999999953p-3, -0x1.249249248d7d1p-3, 0x1.c71c71c3035c8p-4, -0x1.745d165db0b8dp-4, 0x1.3b1392d24f335p-4,
		-0x1.110e878213482p-4, 0x1.e19a07798598ep-5, -0x1.ac7a3950dffbap-5, 0x1.74dc387c1a6f4p-5, -0x1.1b2f96cc7eca8p-5, 0x1.0aca40aeebce0p-6))
	base := m.pick(high, m.c(piHigh/2), m.pick(middle, m.c(piHigh/4), m.c(0)))
	baseLow := m.pick(high, m.c(piLow/2), m.pick(middle, m.c(piLow/4), m.c(0)))
	return m.add(base, m.add(t, m.add(tail, baseLow)))
}

func (m doubles) atan(x Expr) Expr { return m.withSign(m.arctangent(m.abs(x)), x) }

// atan2 is the angle of the point (x, y), signed zeros and infinities as C has them.
func (m doubles) atan2(y, x Expr) Expr {
	a, b := m.abs(y), m.abs(x)
	q := m.pick(m.eq(a, m.c(0)), m.c(0), m.pick(m.eq(a, b), m.c(1), m.div(a, b)))
	r := m.arctangent(q)
	left := Compare("ge", m.toBits(x), m.word(m.signBit()))
	r = m.pick(left, m.minus(piHigh, piLow, r, m.c(0)), r)
	none := Apply("or", Compare("is_nan", x), Compare("is_nan", y))
	return m.pick(none, m.nan(), m.withSign(r, y))
}
