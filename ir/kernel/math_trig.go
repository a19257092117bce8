package kernel

import "dlc/ir/tensor"

// A phase is an angle x = q pi/2 + r + low with |r| <= pi/4, reduced in f64 (Cody and Waite,
// with fused steps): z holds q in its low bits. Beyond 2^51 neighbouring numbers are turns
// apart; such x counts as 0, and an infinite one as NaN.
type phase struct{ z, r, low Expr }

func newPhase(m floats, x Expr, narrow bool) phase {
	x = m.pick(m.lt(m.abs(x), m.c(0x1p51)), x, m.sub(x, x))
	magic := m.magic(0)
	z := m.fma(x, m.c(0x1.45f306dc9c883p-1), magic)
	n := m.neg(m.sub(z, magic))
	r := m.fma(n, m.c(0x1.921fb54442d18p+0), x) // exact
	second := m.c(0x1.1a62633145c07p-54)
	if narrow {
		return phase{z, m.fma(n, second, r), nil}
	}
	w := m.mul(n, second)
	wLow := m.fma(n, m.c(-0x1.f1976b7ed8fbcp-110), m.fma(n, second, m.neg(w)))
	sum := m.add(r, w)
	part := m.sub(sum, r)
	low := m.add(m.sub(r, m.sub(sum, part)), m.sub(w, part))
	return phase{z, sum, m.add(low, wLow)}
}

// sin is the sine of r + low; cos the cosine.
func (p phase) sin(m floats) Expr {
	square := m.mul(p.r, p.r)
	cube := m.mul(square, p.r)
	if p.low == nil {
		return m.fma(cube, m.poly(square, -0x1.5555450ddaf71p-3, 0x1.110730fe1b44cp-7, -0x1.99406986281a4p-13), p.r)
	}
	s := m.poly(square, -0x1.5555555555548p-3, 0x1.111111110f790p-7, -0x1.a01a019bf591bp-13, 0x1.71de356050173p-19, -0x1.ae5e547f4ad02p-26, 0x1.5d8e01de9efeep-33)
	low := m.mul(p.low, m.fma(square, m.c(-0.5), m.c(1)))
	return m.add(p.r, m.fma(cube, s, low))
}

func (p phase) cos(m floats) Expr {
	square := m.mul(p.r, p.r)
	if p.low == nil {
		c := m.poly(square, -0.5, 0x1.555549ffbe178p-5, -0x1.6c0c28b5eca02p-10, 0x1.99e86c0845648p-16)
		return m.fma(square, c, m.c(1))
	}
	c := m.poly(square, 0x1.555555555554bp-5, -0x1.6c16c16c14f47p-10, 0x1.a01a019c7ce10p-16, -0x1.27e4f7e5416f5p-22, 0x1.1ee9d3ddc64f5p-29, -0x1.8fa2913512258p-37)
	half := m.mul(square, m.c(0.5))
	high := m.sub(m.c(1), half)
	low := m.sub(m.sub(m.c(1), high), half)
	low = m.fma(m.mul(square, square), c, m.fma(m.neg(p.r), p.low, low))
	return m.add(high, low)
}

// sine is sin(x + turns pi/2).
func sine(x Expr, turns int64) Expr {
	m, t := newFloats(tensor.F64), x.Type()
	p := newPhase(m, Cast(tensor.F64, x), t == tensor.F32)
	q := Apply("add", m.toBits(p.z), m.word(uint64(turns)))
	odd := Compare("ne", Apply("and", q, m.word(1)), m.word(0))
	r := m.toBits(m.pick(odd, p.cos(m), p.sin(m)))
	flip := Apply("shl", Apply("and", q, m.word(2)), m.word(62))
	y := Cast(t, m.fromBits(Apply("xor", r, flip)))
	if turns == 1 {
		return y
	}
	narrow := newFloats(t)
	return narrow.pick(narrow.eq(x, narrow.c(0)), x, y) // keeps -0
}

// tangent is s/c, or -c/s in odd quadrants.
func tangent(x Expr) Expr {
	m, t := newFloats(tensor.F64), x.Type()
	p := newPhase(m, Cast(tensor.F64, x), t == tensor.F32)
	odd := Compare("ne", Apply("and", m.toBits(p.z), m.word(1)), m.word(0))
	s, c := p.sin(m), p.cos(m)
	y := Cast(t, m.div(m.pick(odd, m.neg(c), s), m.pick(odd, s, c)))
	narrow := newFloats(t)
	return narrow.pick(narrow.eq(x, narrow.c(0)), x, y)
}
