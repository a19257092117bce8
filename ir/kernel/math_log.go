package kernel

import (
	"math"

	"dlc/ir/tensor"
)

// The parts of log 2: n times the high part is exact (15 bits in f32, 32 in f64).
const (
	ln2High32, ln2Low32 = 0x1.62e4p-1, 0x1.7f7d1cp-20
	ln2High64, ln2Low64 = 0x1.62e42fee00000p-1, 0x1.a39ef35793c76p-33
)

// frexp splits x > 0 as 2^n (1 + f) with 1+f in sqrt(1/2) .. sqrt(2); subnormals are scaled up
// first. n is a float.
func (m floats) frexp(x Expr) (n, f Expr) {
	tiny := m.lt(x, m.c(of(m, 0x1p-126, 0x1p-1022)))
	up := float64(m.mantissa + 1)
	x = m.pick(tiny, m.mul(x, m.c(math.Ldexp(1, int(up)))), x)
	n, f = m.frexpNormal(x)
	return m.sub(n, m.pick(tiny, m.c(up), m.c(0))), f
}

// frexpNormal is frexp of what is no subnormal.
func (m floats) frexpNormal(x Expr) (n, f Expr) {
	e := m.exponent(x)
	mant := m.fromBits(Apply("sub", m.toBits(x), Apply("and", e, m.word(m.signBit()|m.exponentField()))))
	return m.exponentValue(e), m.sub(mant, m.c(1))
}

// exponent holds n above the mantissa: the bits of x less those of sqrt(1/2).
func (m floats) exponent(x Expr) Expr {
	root := of(m, uint64(math.Float32bits(math.Sqrt2/2)), math.Float64bits(math.Sqrt2/2))
	return Apply("sub", m.toBits(x), m.word(root))
}

func (m floats) exponentValue(e Expr) Expr {
	signed := &Call{"bitcast", m.signed, []Expr{e}}
	return Cast(m.t, Apply("shr", signed, I(m.signed, m.mantissa)))
}

// logOf takes result where x is positive and finite, and says what holds elsewhere; zero is
// where the logarithm is -inf.
func (m floats) logOf(x Expr, zero float64, result, big Expr) Expr {
	other := m.pick(m.eq(x, m.c(zero)), m.neg(m.inf()), m.nan())
	return m.pick(m.lt(m.c(zero), x), m.pick(m.lt(x, m.inf()), result, big), other)
}

// remainder is log(1+f) - f: f^2 (-1/2 + f P(f)).
func (m floats) remainder(f Expr) Expr {
	square := m.mul(f, f)
	if m.bias == 127 {
		p := m.poly(f, -0.5, 0x1.555554p-2, -0x1.000226p-2, 0x1.99a032p-3, -0x1.547072p-3, 0x1.22d198p-3, -0x1.0d99bep-3, 0x1.05d4bcp-3, -0x1.39bc0ap-4)
		return m.mul(square, p)
	}
	// 2 atanh(s) with s = f/(2+f): s (f^2/2 + s^2 R(s^2)) - f^2/2
	s := m.div(f, m.add(f, m.c(2)))
	z := m.mul(s, s)
	r := m.mul(z, m.poly(z, 0x1.5555555555592p-1, 0x1.999999997fdb2p-2, 0x1.24924941f1addp-2, 0x1.c71c5208cb02bp-3, 0x1.74663f0be7536p-3, 0x1.39a1b6b58e700p-3, 0x1.2f058f43763d6p-3))
	half := m.mul(square, m.c(0.5))
	return m.fma(s, m.add(half, r), m.neg(half))
}

// logSum is n log 2 + log(1+f); low is what rounding takes from the largest two parts.
func (m floats) logSum(n, f Expr) Expr {
	whole := m.mul(n, m.c(of(m, ln2High32, ln2High64)))
	high := m.add(whole, f)
	low := m.sub(f, m.sub(high, whole))
	return m.add(high, m.add(low, m.fma(n, m.c(of(m, ln2Low32, ln2Low64)), m.remainder(f))))
}

func (m floats) log(x Expr) Expr {
	n, f := m.frexp(x)
	return m.logOf(x, 0, m.logSum(n, f), x)
}

// log1p: with u = 1+x = 2^n (1 + f), f = x 2^-n + (2^-n - 1), rounded once.
func (m floats) log1p(x Expr) Expr {
	e := m.exponent(m.add(x, m.c(1)))
	field := Apply("and", e, m.word(m.signBit()|m.exponentField()))
	s := m.fromBits(Apply("sub", m.word(uint64(m.bias+2)<<m.mantissa), field)) // 2^(2-n)
	f := m.fma(m.mul(x, m.c(0.25)), s, m.fma(s, m.c(0.25), m.c(-1)))
	return m.orTiny(x, m.logOf(x, -1, m.logSum(m.exponentValue(e), f), x))
}

// log2 keeps f log2(e) in two parts.
func (m floats) log2(x Expr) Expr {
	n, f := m.frexp(x)
	if m.bias == 1023 {
		high, low := log2Double(m, n, f)
		return m.logOf(x, 0, m.add(high, low), x)
	}
	c := m.c(log2e)
	t := m.mul(f, c)
	low := m.fma(f, m.c(0x1.4ae0cp-26), m.fma(f, c, m.neg(t)))
	low = m.fma(m.remainder(f), c, low)
	high := m.add(n, t)
	low = m.add(m.sub(t, m.sub(high, n)), low)
	return m.logOf(x, 0, m.add(high, low), x)
}

// log2Double is n + log2(1+f) in f64 as an unevaluated sum, to about 2^-66:
// log(1+f) = 2s + 2/3 s^3 + s^5 T(s^2), s = f/(2+f), the first two terms in double-double.
func log2Double(m floats, n, f Expr) (high, low Expr) {
	d := m.add(f, m.c(2))
	dLow := m.sub(f, m.sub(d, m.c(2)))
	s := m.div(f, d)
	sLow := m.div(m.fma(m.neg(s), dLow, m.fma(m.neg(s), d, f)), d)
	z := m.mul(s, s)
	zLow := m.fma(m.add(s, s), sLow, m.fma(s, s, m.neg(z)))
	cube := m.mul(s, z)
	cubeLow := m.add(m.fma(s, z, m.neg(cube)), m.fma(s, zLow, m.mul(sLow, z)))
	third, thirdLow := m.c(2.0/3), m.c(0x1.5555555555555p-55)
	b := m.mul(third, cube)
	bLow := m.add(m.fma(third, cube, m.neg(b)), m.fma(third, cubeLow, m.mul(thirdLow, cube)))
	tail := m.mul(m.mul(cube, z), m.poly(z, 0x1.9999999991484p-2, 0x1.249249344af64p-2, 0x1.c71c5c12ebdfep-3, 0x1.74645a2fec0fap-3, 0x1.39cf305a28fa6p-3, 0x1.2d573fab7c680p-3))
	twice := m.add(s, s)
	h := m.add(twice, b)
	l := m.sub(b, m.sub(h, twice))
	l = m.add(l, m.add(m.add(bLow, tail), m.add(sLow, sLow)))
	c := m.c(log2e)
	t := m.mul(h, c)
	tLow := m.add(m.fma(h, c, m.neg(t)), m.fma(l, c, m.mul(h, m.c(log2eLow))))
	high = m.add(n, t)
	return high, m.add(m.sub(t, m.sub(high, n)), tLow)
}

// pow follows C's pow in all special cases. In f32 it goes through f64, which leaves about half
// an ulp; in f64 y log2|x| is kept as a sum of two.
func (m floats) pow(x, y Expr) Expr {
	var size Expr
	if m.bias == 127 {
		wide := newFloats(tensor.F64)
		size = Cast(tensor.F32, wide.power(Cast(tensor.F64, x), Cast(tensor.F64, y)))
	} else {
		size = m.power(x, y)
	}
	size = m.pick(Apply("or", m.eq(y, m.c(0)), m.eq(m.abs(x), m.c(1))), m.c(1), size)
	whole := m.eq(Apply("trunc", y), y)
	half := m.mul(y, m.c(0.5))
	odd := Apply("and", whole, Compare("ne", Apply("trunc", half), half))
	minus := Compare("ge", m.toBits(x), m.word(m.signBit()))
	size = m.pick(Apply("and", minus, odd), m.neg(size), size)
	fraction := Apply("and", m.lt(x, m.c(0)), Apply("not", whole)) // of a negative number: none is real
	return m.pick(Apply("and", fraction, Compare("ne", x, m.neg(m.inf()))), m.nan(), size)
}

// power is |x|^y in f64.
func (m floats) power(x, y Expr) Expr {
	a := m.abs(x)
	n, f := m.frexp(a)
	l, lLow := log2Double(m, n, f)
	l = m.logOf(a, 0, l, a)
	v := m.mul(y, l)
	near := m.lt(m.abs(v), m.c(1100))
	vLow := m.pick(near, m.fma(y, lLow, m.fma(y, l, m.neg(v))), m.c(0))
	v = m.atLeast(m.atMost(v, 1025), -1076)
	magic := m.magic(2 * m.bias)
	z := m.add(v, magic)
	return m.power2(z, m.add(m.sub(v, m.sub(z, magic)), vLow))
}
