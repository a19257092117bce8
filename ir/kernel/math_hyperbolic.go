package kernel

// halfExp is exp(a)/2 for a >= 0; it overflows where sinh and cosh do.
func (m doubles) halfExp(a Expr) Expr {
	e := m.exponential(m.atMost(a, 712), 2*m.bias-1)
	first, second := m.halves(e.z)
	return m.mul(m.fma(e.p, first, first), second)
}

func (m doubles) sinh(x Expr) Expr {
	a := m.abs(x)
	z := m.mul(a, a)
	small := m.fma(m.mul(a, z), m.poly(z, 0x1.5555555555555p-3, 0x1.1111111111111p-7, 0x1.a01a01a01a001p-13, 0x1.71de3a556f96cp-19, 0x1.ae6456792a77fp-26, 0x1.612467ccb2260p-33,
		0x1.ae777c36fd5b6p-41, 0x1.99f0806c2628dp-49), a)
	h := m.halfExp(a)
	large := m.sub(h, m.div(m.c(0.25), h))
	return m.withSign(m.pick(m.lt(a, m.c(1)), small, large), x)
}

func (m doubles) cosh(x Expr) Expr {
	h := m.halfExp(m.abs(x))
	return m.add(h, m.div(m.c(0.25), h))
}

// logPlus is log(u (1 + rest)) + n log 2 for a u that is no subnormal and a tiny rest.
func (m doubles) logPlus(u, rest, n Expr) Expr {
	k, f := m.frexpNormal(u)
	if n != nil {
		k = m.add(k, n)
	}
	whole := m.mul(k, m.c(ln2High64))
	high := m.add(whole, f)
	low := m.sub(f, m.sub(high, whole))
	tail := m.fma(k, m.c(ln2Low64), m.add(m.remainder(f), rest))
	return m.add(high, m.add(low, tail))
}

// squareAnd is a^2 + v as a sum of two; a^2 is at least |v|, or both are small numbers.
func (m doubles) squareAnd(a Expr, v float64) (high, low Expr) {
	square := m.mul(a, a)
	high = m.add(square, m.c(v))
	back := m.sub(high, square)
	low = m.add(m.sub(square, m.sub(high, back)), m.sub(m.c(v), back))
	return high, m.add(low, m.fma(a, a, m.neg(square)))
}

// logOfRoots is log(a + sqrt(a^2 + v)) for v = 1 or -1, and log(2a) where a^2 may overflow.
func (m doubles) logOfRoots(a Expr, v float64) Expr {
	z, zLow := m.squareAnd(a, v)
	r, rLow := m.root(z, zLow)
	big, small := r, a
	if v < 0 {
		big, small = a, r
	}
	u := m.add(big, small)
	uLow := m.add(m.sub(small, m.sub(u, big)), rLow)
	huge := m.lt(m.c(0x1p30), a)
	rest := m.pick(huge, m.c(0), m.div(uLow, u))
	log := m.logPlus(m.pick(huge, a, u), rest, m.pick(huge, m.c(1), m.c(0)))
	return m.pick(m.lt(a, m.inf()), log, a)
}

func (m doubles) asinh(x Expr) Expr {
	a := m.abs(x)
	z := m.mul(a, a)
	small := m.fma(m.mul(a, z), m.poly(z, -0x1.5555555555555p-3, 0x1.33333333332fap-4, -0x1.6db6db6db086ep-5, 0x1.f1c71c6d66156p-6, -0x1.6e8ba21ea4fe4p-6, 0x1.1c4eaf29403b6p-6,
		-0x1.c9969396f4545p-7, 0x1.7a633fba31150p-7, -0x1.3eb1386278c61p-7, 0x1.0c1eacb8f71b5p-7, -0x1.a851c6e415a26p-8, 0x1.0f3620d560e0dp-8,
		-0x1.88e92bd4ca98ep-10), a)
	return m.withSign(m.pick(m.lt(a, m.c(0.5)), small, m.logOfRoots(a, 1)), x)
}

// acosh near 1 is sqrt(2t) (1 + t P(t)) with t = x - 1.
func (m doubles) acosh(x Expr) Expr {
	t := m.sub(x, m.c(1))
	r := Apply("sqrt", m.add(t, t))
	small := m.fma(m.mul(r, t), m.poly(t, -0x1.5555555555555p-4, 0x1.33333333332fap-6, -0x1.6db6db6db086ep-8, 0x1.f1c71c6d66156p-10, -0x1.6e8ba21ea4fe4p-11, 0x1.1c4eaf29403b6p-12,
		-0x1.c9969396f4545p-14, 0x1.7a633fba31150p-15, -0x1.3eb1386278c61p-16, 0x1.0c1eacb8f71b5p-17, -0x1.a851c6e415a26p-19, 0x1.0f3620d560e0dp-20,
		-0x1.88e92bd4ca98ep-23), r)
	return m.pick(m.lt(t, m.c(0.5)), small, m.logOfRoots(x, -1))
}

func (m doubles) atanh(x Expr) Expr {
	a := m.abs(x)
	z := m.mul(a, a)
	small := m.fma(m.mul(a, z), m.poly(z, 0x1.5555555555555p-2, 0x1.9999999999ad1p-3, 0x1.249249247e911p-3, 0x1.c71c71d6cc5d1p-4, 0x1.745d1406b992ep-4, 0x1.3b1417e6e07dfp-4,
		0x1.1108e26d64a6dp-4, 0x1.e2c342108eb1fp-5, 0x1.a6c53053bf30cp-5, 0x1.bdcd3cefa72cep-5, 0x1.92cc88a36f708p-7, 0x1.15aa7698edf42p-3,
		-0x1.27f230f3831a3p-3, 0x1.b016cba23eee4p-3), a)
	num, den := m.add(a, m.c(1)), m.sub(m.c(1), a)
	numLow := m.sub(a, m.sub(num, m.c(1)))
	q := m.div(num, den)
	rest := m.div(m.add(m.fma(m.neg(q), den, num), numLow), num)
	large := m.mul(m.logPlus(q, rest, nil), m.c(0.5))
	edge := m.pick(m.eq(a, m.c(1)), m.inf(), m.nan())
	y := m.pick(m.lt(a, m.c(0.5)), small, m.pick(m.lt(a, m.c(1)), large, edge))
	return m.withSign(y, x)
}
