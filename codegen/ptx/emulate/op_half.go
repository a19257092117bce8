package emulate

// f16 and bf16 arithmetic: computed in doubles, exactly or rounded to odd, and rounded once.

// formatOf gives the 16-bit format of a type and how many of it a register packs.
func (d *decoder) formatOf(t typ) (format, int) {
	switch t {
	case f16:
		return half, 1
	case bf16:
		return brain, 1
	case f16x2:
		return half, 2
	case bf16x2:
		return brain, 2
	}
	d.refuse("not known with type %s", t)
	return format{}, 0
}

// halves decodes an operation with n sources of a 16-bit type or of a pair of them.
func (d *decoder) halves(t typ, n int, f func(f format, v [3]float64) uint64) {
	form, packed := d.formatOf(t)
	relu := d.has("relu")
	if d.has("ftz") || d.has("sat") {
		d.refuse(".ftz and .sat are not known for .%s", t)
	}
	one := func(a, b, c uint64) uint64 {
		out := f(form, [3]float64{form.decode(a & 0xffff), form.decode(b & 0xffff), form.decode(c & 0xffff)})
		if relu && out&0x8000 != 0 && out&0x7fff <= form.infinity() {
			return 0
		}
		return out
	}
	all := one
	if packed == 2 {
		all = func(a, b, c uint64) uint64 { return one(a, b, c) | one(a>>16, b>>16, c>>16)<<16 }
	}
	switch n {
	case 1:
		d.unary(t, func(a uint64) uint64 { return all(a, 0, 0) })
	case 2:
		d.binary(t, func(a, b uint64) uint64 { return all(a, b, 0) })
	case 3:
		d.ternary(t, all)
	}
}

func (f format) infinity() uint64 { return uint64(1<<f.exponent-1) << f.mantissa }

// approximateHalf is an approximate function of 16-bit types; its rounding is not certain either.
func (d *decoder) approximateHalf(t typ, f func(float64) float64) {
	d.has("ftz")
	d.halves(t, 1, func(form format, v [3]float64) uint64 { return form.encode(f(v[0]), nearestEven) })
}
