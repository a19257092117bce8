package kernel

// Functions of the gamma family: polynomials near 1 and 2, to which recurrences lead from below
// stirling, asymptotic series beyond, reflection for x < 0.
const stirling = 7

// reflected is where a function of x < 0 is looked up: at 1 - x.
func (m doubles) reflected(x Expr) (y, negative Expr) {
	negative = m.lt(x, m.c(0))
	return m.pick(negative, m.sub(m.c(1), x), x), negative
}

// turns is x less the nearest whole number: x in half turns modulo pi.
func (m doubles) turns(x Expr) Expr { return m.sub(x, Apply("round", x)) }

// sinPi is sin(pi r) for |r| <= 1/2.
func (m doubles) sinPi(r Expr) Expr {
	return m.mul(r, m.poly(m.mul(r, r), 0x1.921fb54442d18p+1, -0x1.4abbce625be53p+2, 0x1.466bc6775aae2p+1, -0x1.32d2cce62bd86p-1, 0x1.50783487ee768p-4, -0x1.e3074fde868b4p-8,
		0x1.e8f434ceb6a7ap-12, -0x1.6fadb94bc9ce7p-16, 0x1.aaebcf3c7d9bbp-21, -0x1.8a1b2161164b1p-26, 0x1.209d7ae5bfd37p-31))
}

// lowered is y in top-1 .. top for y below stirling: each step subtracts one, exactly, and tells
// take where it is taken.
func (m doubles) lowered(y Expr, top float64, take func(taken, y Expr)) Expr {
	for range int(stirling - top + 0.5) {
		taken := m.lt(m.c(top), y)
		y = m.pick(taken, m.sub(y, m.c(1)), y)
		take(taken, y)
	}
	return y
}

func (m doubles) lgamma(x Expr) Expr {
	y, negative := m.reflected(x)
	up := m.gammaLog(y)
	tiny := m.lt(m.abs(x), m.c(0x1p-60)) // there it is -log|x|; pi times a subnormal has lost its digits
	sin := m.pick(tiny, m.abs(x), m.abs(m.sinPi(m.turns(x))))
	n, f := m.frexp(sin)
	log := m.logOf(sin, 0, m.logSum(n, f), sin)
	down := m.sub(m.sub(m.pick(tiny, m.c(0), m.c(0x1.250d048e7a1bdp+0)), log), up) // log(pi)
	down = m.pick(m.lt(x, m.c(-0x1p52)), m.inf(), down)                            // whole numbers, whose sines are 0
	return m.pick(negative, down, up)
}

// gammaLog is lgamma(y) for y >= 0.
func (m doubles) gammaLog(y Expr) Expr {
	least, near1, far := m.lt(y, m.c(0.5)), m.lt(y, m.c(1.5)), Compare("ge", y, m.c(stirling))
	product := m.c(1)
	low := m.lowered(y, 2.5, func(taken, y Expr) {
		product = m.pick(taken, m.mul(product, y), product)
	})
	z := m.pick(least, y, m.pick(near1, m.sub(y, m.c(1)), m.sub(low, m.c(2))))
	p1 := m.poly(z, -0x1.2788cfc6fb619p-1, 0x1.a51a6625307d3p-1, -0x1.9a4d55beab2cap-2, 0x1.151322ac7d83cp-2, -0x1.a8b9c17aa7eedp-3, 0x1.5b40cb100dfd7p-3,
		-0x1.2703a1dc10f2ep-3, 0x1.010b36aeb2f89p-3, -0x1.c80670d557cb7p-4, 0x1.9a01e3eaf2fc3p-4, -0x1.748c241fd89f6p-4, 0x1.556ac7ab0a8c5p-4,
		-0x1.3b1efc904ce5cp-4, 0x1.24983b04df70bp-4, -0x1.10fc68b60bb0bp-4, 0x1.ffd5ade9e1431p-5, -0x1.e3eda33f2a471p-5, 0x1.c91924bb77106p-5,
		-0x1.9e7ae2be33060p-5, 0x1.89630a1bc7168p-5, -0x1.e728a90657135p-5, 0x1.d2b6e138a185dp-5, 0x1.4419026330db1p-8, -0x1.61e023b85b2f7p-8,
		-0x1.6447823e9d0f7p-3, 0x1.59681d2609cfcp-3, 0x1.8eca495d72089p-3, -0x1.840cd07d90826p-3, -0x1.ec097aba2bc98p-3, 0x1.dd93d56e6de4dp-3)
	p2 := m.poly(z, 0x1.b0ee6072093cep-2, 0x1.4a34cc4a60fa7p-2, -0x1.13e001a557607p-4, 0x1.51322ac7d7fd2p-6, -0x1.e404fc218ecffp-8, 0x1.7add6eae5b8fdp-9,
		-0x1.38ac5c2c96006p-10, 0x1.0b36af3424c50p-11, -0x1.d3fd4bda4f97bp-13, 0x1.a127dd231f4b2p-14, -0x1.78de85fa0bf74p-15, 0x1.5806d7786fbc2p-16,
		-0x1.3cb5f201754a6p-17, 0x1.2640a5e8ab73ep-18, -0x1.125408d7ee6ebp-19, 0x1.edf317afe0c72p-21, -0x1.d06b46182e294p-22, 0x1.2b4bb069ee6a9p-22,
		-0x1.1be56b7e101c6p-23)
	p := m.mul(z, m.pick(near1, p1, p2))
	at := m.pick(Apply("or", least, far), y, product)
	n, f := m.frexp(at)
	log := m.logOf(at, 0, m.logSum(n, f), at)
	near := m.add(p, m.pick(least, m.neg(log), log))
	i := m.div(m.c(1), y)
	series := m.mul(i, m.poly(m.mul(i, i), 0x1.5555555555555p-4, -0x1.6c16c16c0d03bp-9, 0x1.a01a01282580ep-11, -0x1.3812f5dfe3641p-11, 0x1.b904187dcea18p-11, -0x1.eb53f6a5871eap-10,
		0x1.36ae624fc1c00p-8))
	series = m.add(series, m.c(0x1.acfe390c97d69p-2)) // log(2 pi)/2 - 1/2
	series = m.fma(m.sub(y, m.c(0.5)), m.sub(log, m.c(1)), series)
	series = m.pick(m.lt(y, m.inf()), series, y)
	return m.pick(far, series, near)
}

// The zero of digamma less one, in two parts.
const zeroHigh, zeroLow = 0x1.d8b618d5af8fep-2, -0x1.1e563779a1f5bp-56

// digamma(x) = digamma(1-x) - pi cot(pi x).
func (m doubles) digamma(x Expr) Expr {
	y, negative := m.reflected(x)
	least, far := m.lt(y, m.c(1)), Compare("ge", y, m.c(stirling))
	num, den := m.c(0), m.c(1) // of the sum of 1/y over the steps
	low := m.lowered(y, 2, func(taken, y Expr) {
		num = m.pick(taken, m.fma(num, y, den), num)
		den = m.pick(taken, m.mul(den, y), den)
	})
	u := m.pick(least, y, m.sub(low, m.c(1)))
	d := m.sub(m.sub(u, m.c(zeroHigh)), m.c(zeroLow))
	p := m.mul(d, m.poly(m.sub(u, m.c(0.5)), 0x1.e6f0cbb873617p-1, -0x1.b1cb63005ee97p-2, 0x1.eca189b8e6da1p-3, -0x1.2feeeb98a7cd8p-3, 0x1.8512e5905d180p-4, -0x1.fb442029cdbf4p-5,
		0x1.4de9aa05d3418p-5, -0x1.b9f8b1367959dp-6, 0x1.256475e5ac975p-6, -0x1.86355f6f68797p-7, 0x1.03c00801ba958p-7, -0x1.5a071c746535bp-8,
		0x1.cd3e42d157015p-9, -0x1.33661f9073563p-9, 0x1.980fc9c9f0be8p-10, -0x1.1002aaf6255f5p-10, 0x1.7b3b41b0b38cdp-11, -0x1.f99f529bd0771p-12,
		0x1.dc8ae08af0fc4p-13, -0x1.3db05b36d9a48p-13, 0x1.104c9d0897b58p-12, -0x1.6b107f71aa124p-13))
	i := m.div(m.pick(Apply("or", least, far), m.c(1), num), m.pick(Apply("or", least, far), y, den))
	near := m.add(p, m.pick(least, m.neg(i), i))
	w := m.mul(i, i)
	n, f := m.frexp(y)
	series := m.fma(w, m.poly(w, 0x1.5555555555555p-4, -0x1.111111110fba8p-7, 0x1.041040f93fa4cp-8, -0x1.1111004fce8e0p-8, 0x1.f06f442a5152ep-8, -0x1.583a146cc6f24p-6,
		0x1.40734ec4740e6p-4, -0x1.134eba9016ac0p-2), m.mul(i, m.c(0.5)))
	up := m.pick(far, m.sub(m.logOf(y, 0, m.logSum(n, f), y), series), near)
	r := m.turns(x)
	cot := m.div(m.sinPi(m.sub(m.c(0.5), m.abs(r))), m.sinPi(m.abs(r)))
	down := m.fma(m.withSign(m.c(piHigh), m.neg(r)), cot, up)
	down = m.pick(m.eq(r, m.c(0)), m.nan(), down)
	return m.pick(negative, down, up)
}

// trigamma, the derivative of digamma: trigamma(x) = (pi / sin(pi x))^2 - trigamma(1-x). Below
// stirling it is the series at x + stirling and the sum of 1/y^2 over the steps up to there.
func (m doubles) trigamma(x Expr) Expr {
	y, negative := m.reflected(x)
	far := Compare("ge", y, m.c(stirling))
	num, den := m.c(0), m.c(1)
	for i := range stirling {
		v := m.add(y, m.c(float64(i)))
		square := m.mul(v, v)
		num, den = m.fma(num, square, den), m.mul(den, square)
	}
	steps := m.pick(far, m.c(0), m.div(num, den))
	i := m.div(m.c(1), m.pick(far, y, m.add(y, m.c(stirling))))
	w := m.mul(i, i)
	series := m.fma(m.mul(w, i), m.poly(w, 0x1.5555555555555p-3, -0x1.1111111110c95p-5, 0x1.86186183382c3p-6, -0x1.11110e3522f66p-5, 0x1.364c23f99f723p-4, -0x1.02fbc8e4b0614p-2,
		0x1.262f8b3ab5a2fp+0, -0x1.8a6f260807571p+2, 0x1.9b27c5d270571p+4), m.fma(w, m.c(0.5), i))
	up := m.add(steps, series)
	s := m.div(m.c(piHigh), m.sinPi(m.turns(x)))
	return m.pick(negative, m.sub(m.mul(s, s), up), up)
}
