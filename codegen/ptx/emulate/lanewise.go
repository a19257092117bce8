package emulate

import "math/bits"

// The functions that run most often, over all lanes of a warp at once. They compute garbage in lanes that do
// not take part; those results are left out.

// lanes are the values of a register.
type lanes [32]uint64

const allLanes = 1<<32 - 1

// row gives the register's values.
func (w *warp) row(slot int) *lanes { return (*lanes)(w.r[slot*32:]) }

// take replaces the values in the lanes of m.
func (to *lanes) take(from *lanes, m uint32) {
	for ; m != 0; m &= m - 1 {
		l := bits.TrailingZeros32(m) & 31
		to[l] = from[l]
	}
}

// rows decodes dst, a, b of type t.
func (d *decoder) rows(t typ, f func(to, x, y *lanes, keep uint64)) {
	d.rowsTo(d.dst(t), d.src(t), d.src(t), t, f)
}

func (d *decoder) rowsTo(dst, a, b int, t typ, f func(to, x, y *lanes, keep uint64)) {
	keep := truncate(t, ^uint64(0))
	d.in.exec = func(w *warp, m uint32) {
		if m == allLanes {
			f(w.row(dst), w.row(a), w.row(b), keep)
			return
		}
		var out lanes
		f(&out, w.row(a), w.row(b), keep)
		w.row(dst).take(&out, m)
	}
}

// rows3 decodes dst, a, b, c, of which a and b are of type t and the others of type to.
func (d *decoder) rows3(t, to typ, f func(to, x, y, z *lanes, keep uint64)) {
	dst, a, b, c := d.dst(to), d.src(t), d.src(t), d.src(to)
	keep := truncate(to, ^uint64(0))
	d.in.exec = func(w *warp, m uint32) {
		if m == allLanes {
			f(w.row(dst), w.row(a), w.row(b), w.row(c), keep)
			return
		}
		var out lanes
		f(&out, w.row(a), w.row(b), w.row(c), keep)
		w.row(dst).take(&out, m)
	}
}

func addRows(to, x, y *lanes, keep uint64) {
	for l := range to {
		to[l] = (x[l] + y[l]) & keep
	}
}

func subRows(to, x, y *lanes, keep uint64) {
	for l := range to {
		to[l] = (x[l] - y[l]) & keep
	}
}

func mulRows(to, x, y *lanes, keep uint64) {
	for l := range to {
		to[l] = x[l] * y[l] & keep
	}
}

func madRows(to, x, y, z *lanes, keep uint64) {
	for l := range to {
		to[l] = (x[l]*y[l] + z[l]) & keep
	}
}

func andRows(to, x, y *lanes, _ uint64) {
	for l := range to {
		to[l] = x[l] & y[l]
	}
}

func orRows(to, x, y *lanes, _ uint64) {
	for l := range to {
		to[l] = x[l] | y[l]
	}
}

func xorRows(to, x, y *lanes, _ uint64) {
	for l := range to {
		to[l] = x[l] ^ y[l]
	}
}

func shlRows(to, x, n *lanes, keep uint64) {
	for l := range to {
		to[l] = x[l] << n[l] & keep
	}
}

func shrRows(to, x, n *lanes, _ uint64) {
	for l := range to {
		to[l] = x[l] >> n[l]
	}
}

func addFloats(to, x, y *lanes, _ uint64) {
	for l := range to {
		to[l] = ofFloat(float(x[l]) + float(y[l]))
	}
}

func subFloats(to, x, y *lanes, _ uint64) {
	for l := range to {
		to[l] = ofFloat(float(x[l]) - float(y[l]))
	}
}

func mulFloats(to, x, y *lanes, _ uint64) {
	for l := range to {
		to[l] = ofFloat(float(x[l]) * float(y[l]))
	}
}

func fmaFloats(to, x, y, z *lanes, _ uint64) {
	for l := range to {
		to[l] = ofFloat(fma32(float(x[l]), float(y[l]), float(z[l])))
	}
}

// compared has a bit for each lane: whether a value is less than another, equal to it, and both are numbers.
type compared struct{ less, equal, ordered uint32 }

func compareRows(x, y *lanes) compared {
	var less, equal uint32
	for l := range x {
		if x[l] < y[l] {
			less |= 1 << l
		}
		if x[l] == y[l] {
			equal |= 1 << l
		}
	}
	return compared{less, equal, allLanes}
}

// compareSigned compares the low bits of values, as signed numbers of so many bits.
func compareSigned(x, y *lanes, width int) compared {
	var less, equal uint32
	for l := range x {
		a, b := int64(x[l]<<(64-width)), int64(y[l]<<(64-width))
		if a < b {
			less |= 1 << l
		}
		if a == b {
			equal |= 1 << l
		}
	}
	return compared{less, equal, allLanes}
}

// note compares one lane.
func (c *compared) note(l int, a, b float64) {
	switch {
	case a < b:
		c.less |= 1 << l
		c.ordered |= 1 << l
	case a == b:
		c.equal |= 1 << l
		c.ordered |= 1 << l
	case a > b:
		c.ordered |= 1 << l
	}
}

func compareFloats(x, y *lanes, value func(uint64) float64) compared {
	var c compared
	for l := range x {
		c.note(l, value(x[l]), value(y[l]))
	}
	return c
}

func compareSingles(x, y *lanes) compared {
	var c compared
	for l := range x {
		c.note(l, float64(float(x[l])), float64(float(y[l])))
	}
	return c
}
