package emulate

import "math/bits"

// Integer arithmetic. add, sub, mul, min, max and the like have float forms too; arithmetic picks by type.

var integers = []typ{u16, u32, u64, s16, s32, s64}

// arithmetic decodes a mnemonic that exists for integers and floats.
func arithmetic(integer, float func(*decoder, typ)) func(*decoder) {
	return func(d *decoder) {
		t := d.typ()
		if t.float() {
			float(d, t)
			return
		}
		integer(d, t)
	}
}

func addInt(d *decoder, t typ) { addSub(d, t, 0) }
func subInt(d *decoder, t typ) { addSub(d, t, ^uint64(0)) }

// addSub adds b xor flip and, for a subtraction, the one that completes the two's complement.
func addSub(d *decoder, t typ, flip uint64) {
	d.among(t, integers...)
	if d.has("sat") {
		d.among(t, s32)
		d.binary(t, func(a, b uint64) uint64 {
			v := int64(extend(s32, a)) + int64(extend(s32, b)^flip) - int64(flip)
			return uint64(min(max(v, -1<<31), 1<<31-1))
		})
		return
	}
	if d.has("cc") {
		carrying(d, t, flip, func(uint32, int) uint64 { return flip & 1 }, true)
		return
	}
	if flip != 0 {
		d.rows(t, subRows)
		return
	}
	d.rows(t, addRows)
}

// addCarry and subCarry decode addc and subc.
func addCarry(d *decoder) { extended(d, 0) }
func subCarry(d *decoder) { extended(d, ^uint64(0)) }

func extended(d *decoder, flip uint64) {
	t := d.among(d.typ(), u32, s32, u64, s64)
	carrying(d, t, flip, func(carry uint32, lane int) uint64 { return uint64(carry >> lane & 1) }, d.has("cc"))
}

// carrying adds a, b xor flip and the carry coming in. The carry flag of a subtraction means no borrow.
func carrying(d *decoder, t typ, flip uint64, in func(uint32, int) uint64, out bool) {
	d.among(t, u32, s32, u64, s64)
	dst, a, b := d.dst(t), d.src(t), d.src(t)
	d.in.exec = func(w *warp, m uint32) {
		w.each(m, func(l int) {
			x, y := w.r[a*32+l], truncate(t, w.r[b*32+l]^flip)
			sum, carry := bits.Add64(x, y, in(w.carry, l))
			if t.bits() == 32 {
				carry = sum >> 32
			}
			w.r[dst*32+l] = truncate(t, sum)
			if out {
				w.carry = w.carry&^(1<<l) | uint32(carry)<<l
			}
		})
	}
}

// product gives the function of mul and mad's multiplication but for .lo, and the result's type.
func (d *decoder) product(t typ) (binaryFunc, typ) {
	if d.oneOf("hi", "wide") == "hi" {
		return high(t), t
	}
	d.among(t, u16, s16, u32, s32)
	wide := map[typ]typ{u16: u32, s16: s32, u32: u64, s32: s64}[t]
	return func(a, b uint64) uint64 { return extend(t, a) * extend(t, b) }, wide
}

func high(t typ) binaryFunc {
	switch n := t.bits(); {
	case n < 64:
		return func(a, b uint64) uint64 { return extend(t, a) * extend(t, b) >> n }
	case t.signed():
		return func(a, b uint64) uint64 {
			h, _ := bits.Mul64(a, b)
			return h - a&uint64(int64(b)>>63) - b&uint64(int64(a)>>63)
		}
	}
	return func(a, b uint64) uint64 { h, _ := bits.Mul64(a, b); return h }
}

func mulInt(d *decoder, t typ) {
	d.among(t, integers...)
	if d.has("lo") {
		d.rows(t, mulRows)
		return
	}
	f, to := d.product(t)
	d.binaryTo(d.dst(to), d.src(t), d.src(t), to, f)
}

func madInt(d *decoder, t typ) {
	d.among(t, integers...)
	if d.has("cc") {
		d.refuse("the carry form is not known")
	}
	if d.has("lo") {
		d.rows3(t, t, madRows)
		return
	}
	f, to := d.product(t)
	d.ternaryTo(d.dst(to), d.src(t), d.src(t), d.src(to), to, func(a, b, c uint64) uint64 { return f(a, b) + c })
}

// mul24 and mad24 multiply the low 24 bits; only the low half is known.
func mul24(d *decoder) {
	d.need("lo")
	t := d.among(d.typ(), u32, s32)
	d.binary(t, func(a, b uint64) uint64 { return low24(t, a) * low24(t, b) })
}

func low24(t typ, v uint64) uint64 {
	if t.signed() {
		return uint64(int64(v<<40) >> 40)
	}
	return v & (1<<24 - 1)
}

// Division by zero has an unspecified result in PTX; here it is a fault, because nothing may depend on it.
func divInt(d *decoder, t typ) {
	quotient(d, t, func(a, b int64) int64 { return a / b }, func(a, b uint64) uint64 { return a / b })
}

func remInt(d *decoder) {
	t := d.typ()
	quotient(d, t, func(a, b int64) int64 { return a % b }, func(a, b uint64) uint64 { return a % b })
}

func quotient(d *decoder, t typ, signed func(a, b int64) int64, unsigned func(a, b uint64) uint64) {
	d.among(t, integers...)
	dst, a, b := d.dst(t), d.src(t), d.src(t)
	d.in.exec = func(w *warp, m uint32) {
		w.each(m, func(l int) {
			x, y := extend(t, w.r[a*32+l]), extend(t, w.r[b*32+l])
			switch {
			case y == 0:
				w.undef[dst] |= 1 << l // whoever uses the result is told so
				return
			case t.signed():
				x = uint64(signed(int64(x), int64(y)))
			default:
				x = unsigned(x, y)
			}
			w.r[dst*32+l] = truncate(t, x)
		})
	}
}

func absInt(d *decoder, t typ) {
	d.among(t, s16, s32, s64)
	d.unary(t, func(a uint64) uint64 {
		if v := int64(extend(t, a)); v < 0 {
			return uint64(-v)
		}
		return a
	})
}

func negInt(d *decoder, t typ) {
	d.among(t, s16, s32, s64)
	d.unary(t, func(a uint64) uint64 { return -a })
}

func minInt(d *decoder, t typ) { extreme(d, t, func(less bool) bool { return less }) }
func maxInt(d *decoder, t typ) { extreme(d, t, func(less bool) bool { return !less }) }

func extreme(d *decoder, t typ, first func(less bool) bool) {
	d.among(t, integers...)
	relu := d.has("relu")
	if relu {
		d.among(t, s32)
	}
	d.binary(t, func(a, b uint64) uint64 {
		out := b
		if first(lessInt(t, a, b)) {
			out = a
		}
		if relu && int64(extend(t, out)) < 0 {
			return 0
		}
		return out
	})
}

func lessInt(t typ, a, b uint64) bool {
	if t.signed() {
		return int64(extend(t, a)) < int64(extend(t, b))
	}
	return a < b
}
