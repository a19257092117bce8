package emulate

import "math/bits"

// Logic, shifts and bit fields.

// logic decodes and, or, xor on registers or on predicates.
func logic(f binaryFunc, rows func(to, x, y *lanes, keep uint64)) func(*decoder) {
	return func(d *decoder) {
		t := d.typ()
		if t == pred {
			dst, a, b := d.predDst(), d.predSrc(), d.predSrc()
			d.in.exec = func(w *warp, m uint32) {
				w.setPred(dst, m, uint32(f(uint64(a.mask(w)), uint64(b.mask(w)))))
			}
			return
		}
		d.among(t, b16, b32, b64)
		d.rows(t, rows)
	}
}

func notBits(d *decoder) {
	t := d.typ()
	if t == pred {
		dst, a := d.predDst(), d.predSrc()
		d.in.exec = func(w *warp, m uint32) { w.setPred(dst, m, ^a.mask(w)) }
		return
	}
	d.among(t, b16, b32, b64)
	d.unary(t, func(a uint64) uint64 { return ^a })
}

func (w *warp) setPred(p int, m, v uint32) { w.p[p] = w.p[p]&^m | v&m }

func cnot(d *decoder) {
	t := d.among(d.typ(), b16, b32, b64)
	d.unary(t, func(a uint64) uint64 {
		if a == 0 {
			return 1
		}
		return 0
	})
}

// shift amounts are 32 bits wide and clamped to the width.
func shl(d *decoder) {
	t := d.among(d.typ(), b16, b32, b64)
	d.rowsTo(d.dst(t), d.src(t), d.src(u32), t, shlRows)
}

func shr(d *decoder) {
	t := d.among(d.typ(), b16, b32, b64, u16, u32, u64, s16, s32, s64)
	dst, a, n := d.dst(t), d.src(t), d.src(u32)
	if t.signed() {
		d.binaryTo(dst, a, n, t, func(a, n uint64) uint64 { return uint64(int64(extend(t, a)) >> n) })
		return
	}
	d.rowsTo(dst, a, n, t, shrRows)
}

// shf is the funnel shift of the pair hi:lo.
func shf(d *decoder) {
	left := d.oneOf("l", "r") == "l"
	wrap := d.oneOf("wrap", "clamp") == "wrap"
	t := d.among(d.typ(), b32)
	d.ternary(t, func(lo, hi, n uint64) uint64 {
		if wrap {
			n &= 31
		} else {
			n = min(n, 32)
		}
		if left {
			return (hi<<32 | lo) << n >> 32
		}
		return (hi<<32 | lo) >> n
	})
}

func lop3(d *decoder) {
	t := d.among(d.typ(), b32)
	dst, a, b, c, table := d.dst(t), d.src(t), d.src(t), d.src(t), d.next().value
	f, ok := table.(uint64)
	if !ok || f > 255 {
		d.refuse("the table must be a number below 256")
	}
	d.ternaryTo(dst, a, b, c, t, func(a, b, c uint64) uint64 {
		var out uint64
		for i := uint64(0); i < 8; i++ {
			if f>>i&1 == 0 {
				continue
			}
			term := ^uint64(0)
			for k, v := range [3]uint64{c, b, a} {
				if i>>k&1 == 0 {
					v = ^v
				}
				term &= v
			}
			out |= term
		}
		return out
	})
}

func popc(d *decoder) {
	t := d.among(d.typ(), b32, b64)
	d.unaryTo(d.dst(u32), d.src(t), u32, func(a uint64) uint64 { return uint64(bits.OnesCount64(a)) })
}

func clz(d *decoder) {
	t := d.among(d.typ(), b32, b64)
	n := uint64(64 - t.bits())
	d.unaryTo(d.dst(u32), d.src(t), u32, func(a uint64) uint64 { return uint64(bits.LeadingZeros64(a)) - n })
}

func brev(d *decoder) {
	t := d.among(d.typ(), b32, b64)
	n := 64 - t.bits()
	d.unary(t, func(a uint64) uint64 { return bits.Reverse64(a) >> n })
}

// bfind gives the place of the highest bit that differs from the sign, or all ones.
func bfind(d *decoder) {
	shift := d.has("shiftamt")
	t := d.among(d.typ(), u32, u64, s32, s64)
	d.unaryTo(d.dst(u32), d.src(t), u32, func(a uint64) uint64 {
		if t.signed() && int64(extend(t, a)) < 0 {
			a = truncate(t, ^a)
		}
		n := bits.Len64(a) - 1
		if shift && n >= 0 {
			n = t.bits() - 1 - n
		}
		return uint64(n)
	})
}

func bfe(d *decoder) {
	t := d.among(d.typ(), u32, u64, s32, s64)
	n := uint64(t.bits())
	d.ternaryTo(d.dst(t), d.src(t), d.src(u32), d.src(u32), t, func(a, pos, size uint64) uint64 {
		pos, size = pos&255, size&255
		if size == 0 {
			return 0
		}
		a = extend(t, a)
		v := a >> min(pos, 63)
		if t.signed() {
			v = uint64(int64(a) >> min(pos, n-1))
		} else if pos >= n {
			v = 0
		}
		if pos+size > n { // bits beyond the end repeat the sign, or are zero
			size = max(n, pos) - pos
			if size == 0 {
				return v
			}
		}
		if size >= 64 {
			return v
		}
		v <<= 64 - size
		if t.signed() {
			return uint64(int64(v) >> (64 - size))
		}
		return v >> (64 - size)
	})
}

func bfi(d *decoder) {
	t := d.among(d.typ(), b32, b64)
	dst, a, b, pos, size := d.dst(t), d.src(t), d.src(t), d.src(u32), d.src(u32)
	d.in.exec = func(w *warp, m uint32) {
		w.each(m, func(l int) {
			at, n := w.r[pos*32+l]&255, w.r[size*32+l]&255
			field := (uint64(1)<<n - 1) << at
			w.r[dst*32+l] = truncate(t, w.r[b*32+l]&^field|w.r[a*32+l]<<at&field)
		})
	}
}

// prmt picks four bytes of b:a.
func prmt(d *decoder) {
	t := d.among(d.typ(), b32)
	d.ternary(t, func(a, b, pick uint64) uint64 {
		pair, out := b<<32|a, uint64(0)
		for i := uint64(0); i < 4; i++ {
			sel := pick >> (4 * i) & 15
			v := pair >> (8 * (sel & 7)) & 255
			if sel&8 != 0 {
				v = 255 * (v >> 7)
			}
			out |= v << (8 * i)
		}
		return out
	})
}
