package emulate

import "math"

// cvt between integers, between floats, and between both.

func cvt(d *decoder) {
	ints := map[string]func(float64) float64{"rni": math.RoundToEven, "rzi": math.Trunc, "rmi": math.Floor, "rpi": math.Ceil}
	modes := map[string]rounding{"rn": nearestEven, "rz": towardZero, "rm": down, "rp": up, "rna": nearestAway}
	c := conversion{}
	if name := d.one("rni", "rzi", "rmi", "rpi"); name != "" {
		c.toInteger = ints[name]
	}
	name := d.one("rna", "rn", "rz", "rm", "rp")
	c.mode = modes[name]
	c.ftz, c.sat, c.relu = d.has("ftz"), d.has("sat"), d.has("relu")
	c.to = d.typ()
	if c.to == tf32 {
		c.from = d.typ()
		d.among(c.from, f32)
		if name == "" {
			d.refuse("needs a rounding")
		}
		d.unaryTo(d.dst(b32), d.src(f32), b32, c.floatToFloat(d))
		return
	}
	c.from = d.typ()
	if c.to == f16x2 || c.to == bf16x2 {
		c.packed(d, name)
		return
	}
	d.among(c.to, u8, u16, u32, u64, s8, s16, s32, s64, f16, bf16, f32, f64)
	d.among(c.from, u8, u16, u32, u64, s8, s16, s32, s64, f16, bf16, f32, f64)
	dst, width := d.wideDst(c.to)
	src := d.wideSrc(c.from)
	f := c.function(d, name)
	wide := noType
	if c.to.integer() && width > c.to.bits() { // extended to the register's width
		wide = c.to
	}
	keep := typ(b64)
	d.unaryTo(dst, src, keep, func(a uint64) uint64 {
		v := f(truncate(c.from, a))
		if wide != noType {
			v = extend(wide, v)
		}
		if width < 64 {
			v &= 1<<width - 1
		}
		return v
	})
}

// conversion is a decoded cvt.
type conversion struct {
	from, to       typ
	toInteger      func(float64) float64 // nil without an integer rounding
	mode           rounding
	ftz, sat, relu bool
}

func (c conversion) function(d *decoder, rounding string) func(uint64) uint64 {
	fromFloat, toFloat := c.from.float(), c.to.float()
	switch {
	case c.relu && !(toFloat && c.from == f32):
		d.refuse(".relu is not known here")
	case !fromFloat && !toFloat:
		return c.integerToInteger(d)
	case fromFloat && !toFloat:
		if c.toInteger == nil {
			d.refuse("needs an integer rounding")
		}
		return c.floatToInteger()
	case !fromFloat:
		if rounding == "" {
			d.refuse("needs a rounding")
		}
		return c.integerToFloat(d)
	}
	if rounding == "" && c.toInteger == nil && c.to.bits() < c.from.bits() {
		d.refuse("needs a rounding")
	}
	return c.floatToFloat(d)
}

func (c conversion) integerToInteger(d *decoder) func(uint64) uint64 {
	if c.toInteger != nil || c.ftz {
		d.refuse("a rounding between integers")
	}
	if !c.sat {
		return func(a uint64) uint64 { return truncate(c.to, extend(c.from, a)) }
	}
	low, high := limits(c.to)
	return func(a uint64) uint64 {
		v := extend(c.from, a)
		if c.from.signed() {
			if int64(v) < low {
				return truncate(c.to, uint64(low))
			}
			if int64(v) < 0 {
				return truncate(c.to, v)
			}
		}
		return truncate(c.to, min(v, high))
	}
}

// limits gives a type's range.
func limits(t typ) (low int64, high uint64) {
	if t.signed() {
		return math.MinInt64 >> (64 - t.bits()), uint64(math.MaxInt64) >> (64 - t.bits())
	}
	return 0, math.MaxUint64 >> (64 - t.bits())
}

// floatToInteger clamps to the integer's range; NaN gives 0 (for 64-bit destinations and NaN the hardware's
// 0x8000000000000000, which is what PTX says of f64 and s64).
func (c conversion) floatToInteger() func(uint64) uint64 {
	low, high := limits(c.to)
	return func(a uint64) uint64 {
		if c.ftz {
			a = flush(a)
		}
		x := c.value(a)
		if x != x {
			if c.to.bits() == 64 || c.from == f64 {
				return uint64(1) << (c.to.bits() - 1)
			}
			return 0
		}
		switch v := c.toInteger(x); {
		case v <= float64(low):
			return truncate(c.to, uint64(low))
		case v >= float64(high):
			return high
		case v >= math.MaxInt64:
			return uint64(v)
		default:
			return truncate(c.to, uint64(int64(v)))
		}
	}
}

// value decodes a float of the source type.
func (c conversion) value(a uint64) float64 {
	switch c.from {
	case f64:
		return double(a)
	case f16:
		return half.decode(a)
	case bf16:
		return brain.decode(a)
	}
	return float64(float(a))
}

func (c conversion) integerToFloat(d *decoder) func(uint64) uint64 {
	if c.toInteger != nil || c.sat || c.ftz {
		d.refuse("modifier of a conversion from integers is not known")
	}
	if c.to == f64 {
		if c.mode != nearestEven {
			d.refuse("only .rn is known to .f64")
		}
		return func(a uint64) uint64 {
			if c.from.signed() {
				return ofDouble(float64(int64(extend(c.from, a))))
			}
			return ofDouble(float64(a))
		}
	}
	to := formats[c.to]
	return func(a uint64) uint64 {
		if v := extend(c.from, a); c.from.signed() && int64(v) < 0 {
			return to.encode(-oddInteger(-v), c.mode)
		}
		return to.encode(oddInteger(truncate(c.from, a)), c.mode)
	}
}

// oddInteger converts to a double, rounding to odd.
func oddInteger(v uint64) float64 {
	if v < 1<<53 {
		return float64(v)
	}
	const sticky = 1<<11 - 1
	if v&sticky != 0 {
		v = v&^sticky | 1<<11
	}
	return float64(v)
}

var formats = map[typ]format{f16: half, bf16: brain, f32: single, tf32: tensor}

func (c conversion) floatToFloat(d *decoder) func(uint64) uint64 {
	if c.sat && c.to != f32 {
		d.refuse(".sat is known to .f32 only")
	}
	return func(a uint64) uint64 {
		if c.ftz && c.from == f32 {
			a = flush(a)
		}
		x := c.value(a)
		if c.toInteger != nil {
			x = c.toInteger(x)
		}
		if c.relu && x <= 0 {
			x = 0
		}
		if c.to == f64 {
			return ofDouble(x)
		}
		v := formats[c.to].encode(x, c.mode)
		if c.ftz && c.to == f32 {
			v = flush(v)
		}
		if c.sat {
			v = saturate(v)
		}
		return v
	}
}

// packed is cvt.f16x2.f32 d, a, b: a goes to the upper half.
func (c conversion) packed(d *decoder, rounding string) {
	d.among(c.from, f32)
	if rounding == "" || c.sat || c.ftz || c.toInteger != nil {
		d.refuse("this form is not known")
	}
	one := c
	one.to = map[typ]typ{f16x2: f16, bf16x2: bf16}[c.to]
	f := one.floatToFloat(d)
	d.binaryTo(d.dst(c.to), d.src(f32), d.src(f32), c.to, func(a, b uint64) uint64 { return f(a)<<16 | f(b) })
}
