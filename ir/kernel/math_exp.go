package kernel

import "math"

const (
	log2e    = 0x1.71547652b82fep+0
	log2eLow = 0x1.777d0ffda0d24p-56 // log2e + log2eLow is log2(e) to 106 bits
)

// exponential is exp(x) = 2^n (1 + p): x = n log 2 + r with |r| <= log 2 / 2, p = r + r^2 q(r).
// The sum x log2(e) + 1.5 2^mantissa + offset leaves n + offset in the low bits of z.
type exponential struct{ z, p Expr }

func (m floats) exponential(x Expr, offset int64) exponential {
	magic := m.magic(offset)
	z := m.fma(x, m.c(log2e), magic)
	n := m.sub(z, magic)
	// The high part times n is exact, and so is the first difference.
	r := m.fma(n, m.c(of(m, -0x1.62e43p-1, -0x1.62e42fefa39efp-1)), x)
	r = m.fma(n, m.c(of(m, 0x1.05c61p-29, -0x1.abc9e3b39803fp-56)), r)
	q := m.poly(r, of(m,
		[]float64{0x1p-1, 0x1.555492p-3, 0x1.55586ap-5, 0x1.1243f8p-7, 0x1.6a632cp-10},
		[]float64{0x1p-1, 0x1.5555555555559p-3, 0x1.5555555555551p-5, 0x1.111111110f6a8p-7, 0x1.6c16c16c17f20p-10, 0x1.a01a01afe0640p-13,
			0x1.a01a019e8bccbp-16, 0x1.71ddf86cc2b80p-19, 0x1.27e4ec98ed3cap-22, 0x1.af5e8269b82a5p-26, 0x1.1f58ea24f7488p-29})...)
	return exponential{z, m.fma(m.mul(r, r), q, r)}
}

func (m floats) magic(offset int64) Expr {
	return m.c(1.5*math.Ldexp(1, int(m.mantissa)) + float64(offset))
}

// scale is 2^n where z holds n + bias.
func (m floats) scale(z Expr) Expr {
	return m.fromBits(Apply("shl", m.toBits(z), m.word(uint64(m.mantissa))))
}

// halves splits 2^n, where z holds n + 2 bias, into two powers of two that are both normal, so
// that the first product is exact and the second rounds once, to a subnormal if need be.
func (m floats) halves(z Expr) (first, second Expr) {
	u := Apply("shl", m.toBits(z), m.word(uint64(m.mantissa)))
	half := Apply("and", Apply("shr", u, m.word(1)), m.word(m.exponentField()))
	return m.fromBits(half), m.fromBits(Apply("sub", u, half))
}

// exp clamps x where the result is 0 or infinite anyway.
func (m floats) exp(x Expr) Expr {
	x = m.atLeast(m.atMost(x, of[float64](m, 89, 710)), of[float64](m, -105, -746))
	e := m.exponential(x, 2*m.bias)
	first, second := m.halves(e.z)
	return m.mul(m.fma(e.p, first, first), second)
}

// exp2: x = n + r, 2^r = 1 + r P(r).
func (m floats) exp2(x Expr) Expr {
	x = m.atLeast(m.atMost(x, of[float64](m, 129, 1025)), of[float64](m, -151, -1076))
	magic := m.magic(2 * m.bias)
	z := m.add(x, magic)
	return m.power2(z, m.sub(x, m.sub(z, magic)))
}

// power2 is 2^(n+r) where z holds n + 2 bias and |r| <= 1/2.
func (m floats) power2(z, r Expr) Expr {
	square := m.mul(r, r)
	p := m.mul(square, m.poly(r, of(m,
		[]float64{0x1.ebfb94p-3, 0x1.c6af9ep-5, 0x1.3b680cp-7, 0x1.5ef4e2p-10, 0x1.17a8f2p-13},
		[]float64{0x1.ebfbdff82c58fp-3, 0x1.c6b08d704a0cfp-5, 0x1.3b2ab6fba4e22p-7, 0x1.5d87fe78a2673p-10, 0x1.430912f883ee1p-13,
			0x1.ffcbfc74f220ap-17, 0x1.62c021e20f7c0p-20, 0x1.b524dd166770cp-24, 0x1.e4d06d60b405dp-28, 0x1.ea01b42c54928p-32, 0x1.c2cdf45699606p-36})...))
	p = m.fma(r, m.c(of(m, 0x1.62e43p-1, 0x1.62e42fefa39efp-1)), p)
	first, second := m.halves(z)
	return m.mul(m.fma(p, first, first), second)
}

// expm1 is 2 (2^(n-1) p + (2^(n-1) - 1/2)); below the rounding unit it is x.
func (m floats) expm1(x Expr) Expr {
	y := m.atLeast(m.atMost(x, of[float64](m, 89, 710)), of[float64](m, -20, -40))
	e := m.exponential(y, m.bias-1)
	s := m.scale(e.z)
	r := m.fma(e.p, s, m.sub(s, m.c(0.5)))
	return m.orTiny(x, m.add(r, r))
}

// orTiny is x where |x| is so small that f(x) = x (1 + x/2 ...) rounds to it; it keeps -0.
func (m floats) orTiny(x, y Expr) Expr {
	return m.pick(m.lt(m.abs(x), m.c(of(m, 0x1p-25, 0x1p-54))), x, y)
}

// sigmoid is N/(1+t) with t = exp(-|x|) and N = t or 1, corrected by what rounding took from
// 1+t, from t and from the quotient.
func (m floats) sigmoid(x Expr) Expr {
	y := m.atLeast(m.neg(m.abs(x)), of[float64](m, -105, -746))
	e := m.exponential(y, 2*m.bias)
	first, second := m.halves(e.z)
	n := m.fma(e.p, first, first)
	nLow := m.fma(e.p, first, m.sub(first, n))
	t := m.mul(n, second)
	d := m.add(t, m.c(1))
	dLow := m.fma(nLow, second, m.add(m.sub(m.c(1), d), t))
	negative := m.lt(x, m.c(0))
	num, numLow := m.pick(negative, n, m.c(1)), m.pick(negative, nLow, m.c(0))
	q := m.neg(m.div(num, d))
	rest := m.fma(q, dLow, m.add(m.fma(q, d, num), numLow))
	reciprocal := m.fma(t, m.c(-0.47), m.c(0.97)) // of d, roughly
	return m.mul(m.fma(rest, reciprocal, m.neg(q)), m.pick(negative, second, m.c(1)))
}

func (m floats) tanh(x Expr) Expr {
	a := m.abs(x)
	if m.bias == 1023 { // expm1(2a) / (expm1(2a) + 2)
		a = m.atMost(a, 20)
		e := m.expm1(m.add(a, a))
		return m.orTiny(x, m.withSign(m.div(e, m.add(e, m.c(2))), x))
	}
	square := m.mul(a, a)
	small := m.fma(m.mul(square, a), m.poly(square, -0x1.55553cp-2, 0x1.110bdcp-3, -0x1.b9603cp-5, 0x1.5ff6cep-6, -0x1.04141ap-7, 0x1.2c8d8ep-9, -0x1.74ecc2p-12), a)
	near := m.lt(a, m.c(1))
	a = m.atMost(a, 9.2)
	e := m.exponential(m.add(a, a), m.bias)
	s := m.scale(e.z)
	t := m.fma(e.p, s, s) // 1 - 2/(t+1), corrected by what rounding took from t+1
	d := m.add(t, m.c(1))
	dLow := m.sub(m.c(1), m.sub(d, t))
	q := m.div(m.c(2), d)
	q = m.fma(m.mul(m.mul(q, m.c(-0.5)), q), dLow, q)
	return m.withSign(m.pick(near, small, m.sub(m.c(1), q)), x)
}

// erf is x + x P(x^2) near 0, and beyond 1 - exp(-H(|x|)) in f32, 1 - exp(-x^2) G(t) in f64.
func (m floats) erf(x Expr) Expr {
	small := m.fma(x, m.erfCentral(m.mul(x, x)), x)
	if m.bias == 1023 {
		return m.pick(m.lt(m.abs(x), m.c(1)), small, m.erfBeyond1(x))
	}
	a := m.atMost(m.abs(x), 4)
	h := m.mul(a, m.poly(a, -0x1.20e418p+0, -0x1.458e00p-1, -0x1.ae5952p-4, 0x1.74ae6cp-6, -0x1.9eb926p-9, 0x1.b20c34p-13))
	e := m.exponential(h, m.bias)
	s := m.scale(e.z)
	large := m.sub(m.c(1), m.fma(e.p, s, s))
	return m.pick(m.lt(m.abs(x), m.c(0.9)), small, m.withSign(large, x))
}

// erfCentral is erf(x)/x - 1 for |x| <= 1, from x^2.
func (m floats) erfCentral(square Expr) Expr {
	return m.poly(square, of(m,
		[]float64{0x1.06eba6p-3, -0x1.8126f2p-2, 0x1.ce1d08p-4, -0x1.b6b2ccp-6, 0x1.482182p-8, -0x1.3dad12p-11},
		[]float64{0x1.06eba8214db69p-3, -0x1.812746b0379e6p-2, 0x1.ce2f21a042af4p-4, -0x1.b82ce31283c1cp-6, 0x1.565bcd0d8e581p-8, -0x1.c02db3d2ae58fp-11, 0x1.f9a320e658330p-14,
			-0x1.f4d1d0e271225p-17, 0x1.b9de35ea8e6fep-20, -0x1.5f16e2687e076p-23, 0x1.f75eded9127d0p-27, -0x1.3791bd679844ep-30, 0x1.0326f0ba31910p-34})...)
}

func (m floats) erfBeyond1(x Expr) Expr {
	a := m.atMost(m.abs(x), 6)
	t := m.div(m.sub(a, m.c(2)), m.add(a, m.c(2)))
	g := m.poly(t, 0x1.058671b52c776p-2, -0x1.b57034efd3f73p-2, 0x1.eeea7dc8a78aap-3, -0x1.437f0b68c0a52p-4, 0x1.e9471597d2f04p-9, 0x1.ca95ed52f6d1fp-8,
		-0x1.bc25a4bed03e1p-11, -0x1.016b5d12f6e1cp-10, 0x1.6d5f77f1ae353p-15, 0x1.6da9cf9570f52p-13, 0x1.cdbf4f1247597p-16, -0x1.cee92762d6472p-16,
		-0x1.d4089a14808c9p-17, 0x1.8dc6b82f50e0ep-20, 0x1.f54971b52e750p-19, 0x1.cf62fa06c5981p-21, -0x1.00d358f141bc3p-21)
	return m.withSign(m.fma(m.neg(m.exp(m.neg(m.mul(a, a)))), g, m.c(1)), x)
}
