package emulate

import "math/bits"

// The loops that apply a scalar function to the lanes of registers.

type (
	unaryFunc   func(a uint64) uint64
	binaryFunc  func(a, b uint64) uint64
	ternaryFunc func(a, b, c uint64) uint64
)

// unary decodes dst, a, both of type t.
func (d *decoder) unary(t typ, f unaryFunc) { d.unaryTo(d.dst(t), d.src(t), t, f) }

func (d *decoder) unaryTo(dst, a int, t typ, f unaryFunc) {
	d.in.exec = func(w *warp, m uint32) {
		to, x := w.lanesOf(dst), w.lanesOf(a)
		for ; m != 0; m &= m - 1 {
			l := bits.TrailingZeros32(m) & 31
			to[l] = truncate(t, f(x[l]))
		}
	}
}

// binary decodes dst, a, b of one type.
func (d *decoder) binary(t typ, f binaryFunc) { d.binaryTo(d.dst(t), d.src(t), d.src(t), t, f) }

func (d *decoder) binaryTo(dst, a, b int, t typ, f binaryFunc) {
	keep := truncate(t, ^uint64(0))
	d.in.exec = func(w *warp, m uint32) {
		to, x, y := w.lanesOf(dst), w.lanesOf(a), w.lanesOf(b)
		for ; m != 0; m &= m - 1 {
			l := bits.TrailingZeros32(m) & 31
			to[l] = f(x[l], y[l]) & keep
		}
	}
}

// ternary decodes dst, a, b, c of one type.
func (d *decoder) ternary(t typ, f ternaryFunc) {
	d.ternaryTo(d.dst(t), d.src(t), d.src(t), d.src(t), t, f)
}

func (d *decoder) ternaryTo(dst, a, b, c int, t typ, f ternaryFunc) {
	keep := truncate(t, ^uint64(0))
	d.in.exec = func(w *warp, m uint32) {
		to, x, y, z := w.lanesOf(dst), w.lanesOf(a), w.lanesOf(b), w.lanesOf(c)
		for ; m != 0; m &= m - 1 {
			l := bits.TrailingZeros32(m) & 31
			to[l] = f(x[l], y[l], z[l]) & keep
		}
	}
}

func (w *warp) lanesOf(slot int) []uint64 { return w.r[slot*32 : slot*32+32 : slot*32+32] }

// each calls f for the lanes of m, until the run fails.
func (w *warp) each(m uint32, f func(lane int)) {
	for ; m != 0 && w.u.failure == nil; m &= m - 1 {
		f(bits.TrailingZeros32(m))
	}
}
