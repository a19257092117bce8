package kernel

// erfc is 1 - erf near 0, and exp(-x^2) G/(1 + 2x) for larger x, with G a polynomial in
// t = (x-3)/(x+3) (Shepherd and Laframboise 1981).
func (m doubles) erfc(x Expr) Expr {
	a := m.abs(x)
	h := m.sub(m.c(1), x)
	rest := m.sub(m.sub(m.c(1), h), x)
	small := m.add(h, m.fma(m.neg(x), m.erfCentral(m.mul(x, x)), rest))
	large := m.erfcBeyond(m.atMost(a, 28))
	large = m.pick(m.lt(x, m.c(0)), m.sub(m.c(2), large), large)
	return m.pick(m.lt(a, m.c(0.46875)), small, large)
}

func (m doubles) erfcBeyond(a Expr) Expr {
	t := m.div(m.sub(a, m.c(3)), m.add(a, m.c(3)))
	g := m.poly(t, 0x1.40c522d7e4987p+0, -0x1.15c084bb9e8f3p-3, -0x1.85a15c58aa607p-5, 0x1.098366a5b46f0p-3, -0x1.e88b803a48af8p-4, 0x1.17ca2877effbdp-4,
		-0x1.8574c40c08441p-6, 0x1.4b884e470fae7p-9, 0x1.ef1bdd7af2d40p-10, -0x1.98db51a89cda2p-11, -0x1.b9128ea006ce1p-14, 0x1.065a496f2c619p-13,
		0x1.4c2cf635480cbp-18, -0x1.513e3151148dcp-16, -0x1.8921731c871ffp-21, 0x1.d253cb212a2fap-19, 0x1.8008d8634f326p-22, -0x1.4d28c0079fa8bp-21,
		-0x1.2f60d8d04089bp-23, 0x1.ca75095ed339ap-24, 0x1.555403e4ae3b3p-25, -0x1.20f5f67aeb8b7p-26, -0x1.aacec1aa09accp-28, 0x1.1e4d5edf61739p-29)
	g = m.div(g, m.fma(a, m.c(2), m.c(1)))
	square := m.mul(a, a)
	low := m.fma(a, a, m.neg(square))
	e := m.exponential(m.neg(square), 2*m.bias)
	p := m.fma(m.neg(low), m.add(e.p, m.c(1)), e.p) // exp(-low) is 1 - low
	first, second := m.halves(e.z)
	return m.mul(m.mul(m.fma(g, p, g), first), second)
}

// erfinv is x P(x^2) up to 0.53, where it passes 1/2; beyond, with s = sqrt(-log(1 - |x|)), it is s times a polynomial
// in (s-2)/(s+2).
func (m doubles) erfinv(x Expr) Expr {
	a := m.abs(x)
	z := m.mul(a, a)
	c := m.poly(z, 0x1.c5bf891b4ef6bp-1, 0x1.db29fb2fee5e3p-3, 0x1.053c2c0ab92b8p-3, 0x1.62847c47cdc86p-4, 0x1.0a1318a0cab1dp-4, 0x1.a7c85b169261cp-5,
		0x1.5eeb45e163172p-5, 0x1.2ab78516905a8p-5, 0x1.03c36fab157edp-5, 0x1.c708f24210faep-6, 0x1.b38bf9a3d0ffcp-6, 0x1.c7adec0e8de4dp-7,
		0x1.ccbce3e87cbb6p-5, -0x1.5ff3d298982f3p-4, 0x1.d65e9b195e8a5p-3, -0x1.04654bf707a75p-2, 0x1.848e45e5cfb8cp-3)
	n, f := m.frexp(m.sub(m.c(1), a))
	s := Apply("sqrt", m.neg(m.logSum(n, f)))
	t := m.div(m.sub(s, m.c(2)), m.add(s, m.c(2)))
	tail := m.mul(s, m.poly(t, 0x1.ab0e63b50a61cp-1, 0x1.b9427f5b56a25p-2, -0x1.b1eefc3077e00p-2, 0x1.9d92397d722c1p-3, 0x1.b8b98e97bcbe0p-8, -0x1.0660b3880683dp-3,
		0x1.1a24bb726a364p-3, -0x1.298ce2355b49bp-4, -0x1.bfd75805bf6e4p-7, 0x1.23a187f7cce09p-4, -0x1.3f713933eecc9p-4, 0x1.4fd6912c84c54p-5,
		0x1.72f6fa54c051ep-7, -0x1.8dfd218ff58fep-5, 0x1.b2f2d635a146ep-5, -0x1.c72be2f8d0998p-6, -0x1.2cbac5b4b1466p-7, 0x1.2af2c7b6237e3p-5,
		-0x1.55b1921b0b19ep-5, 0x1.63e69d3702502p-6, 0x1.dde09a18185dap-7, -0x1.2e271fa196598p-5, 0x1.4f3987f134e81p-6, 0x1.aeb086838fb7bp-8,
		-0x1.0394c09056585p-7))
	edge := m.pick(m.eq(a, m.c(1)), m.inf(), m.nan())
	y := m.pick(m.lt(a, m.c(0.53)), m.mul(a, c), m.pick(m.lt(a, m.c(1)), tail, edge))
	return m.withSign(y, x)
}
