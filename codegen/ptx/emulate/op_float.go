package emulate

import "math"

// Floating-point arithmetic of f32 and f64, every result rounded once, to nearest even. f16 and bf16 are in op_half.go.

// rounded takes the rounding modifier: only .rn is known. Without any, ptxas may fuse a product with a sum,
// so the result is not certain in bits; the report lists it as fusible.
func (d *decoder) rounded() {
	if d.one("rz", "rm", "rp") != "" {
		d.refuse("only the rounding .rn is known")
	}
	d.in.fusible = !d.has("rn")
}

// finishers apply .ftz and .sat around a function of f32 bits.
func (d *decoder) modes(t typ) (in func(uint64) uint64, out func(uint64) uint64) {
	ftz, sat := d.has("ftz"), d.has("sat")
	if (ftz || sat) && t != f32 {
		d.refuse(".ftz and .sat are known for .f32 only")
	}
	if !ftz && !sat {
		return nil, nil
	}
	in = func(v uint64) uint64 {
		if ftz {
			return flush(v)
		}
		return v
	}
	return in, func(v uint64) uint64 {
		if sat {
			v = saturate(v)
		}
		return in(v)
	}
}

// saturate clamps to [0, 1], NaN to 0.
func saturate(v uint64) uint64 {
	switch f := float(v); {
	case !(f > 0):
		return 0
	case f > 1:
		return ofFloat(1)
	}
	return v
}

func (d *decoder) floatUnary(t typ, single func(a float32) float32, wide func(a float64) float64) {
	if t == f64 {
		d.unary(t, func(a uint64) uint64 { return ofDouble(wide(double(a))) })
		return
	}
	d.among(t, f32)
	f := func(a uint64) uint64 { return ofFloat(single(float(a))) }
	if in, out := d.modes(t); in != nil {
		plain := f
		f = func(a uint64) uint64 { return out(plain(in(a))) }
	}
	d.unary(t, f)
}

// floatBinary decodes an operation of f32 or f64; rows is that of f32 over all lanes, where there is one.
func (d *decoder) floatBinary(t typ, single func(a, b float32) float32, wide func(a, b float64) float64, rows func(to, x, y *lanes, keep uint64)) {
	if t == f64 {
		d.binary(t, func(a, b uint64) uint64 { return ofDouble(wide(double(a), double(b))) })
		return
	}
	d.among(t, f32)
	f := func(a, b uint64) uint64 { return ofFloat(single(float(a), float(b))) }
	in, out := d.modes(t)
	switch {
	case in != nil:
		d.binary(t, func(a, b uint64) uint64 { return out(f(in(a), in(b))) })
	case rows != nil:
		d.rows(t, rows)
	default:
		d.binary(t, f)
	}
}

func addFloat(d *decoder, t typ) {
	d.rounded()
	if t.bits() == 16 || t == f16x2 || t == bf16x2 {
		d.halves(t, 2, func(f format, v [3]float64) uint64 { return f.encode(oddSum(v[0], v[1]), nearestEven) })
		return
	}
	d.floatBinary(t, func(a, b float32) float32 { return a + b }, func(a, b float64) float64 { return a + b }, addFloats)
}

func subFloat(d *decoder, t typ) {
	d.rounded()
	if t.bits() == 16 || t == f16x2 || t == bf16x2 {
		d.halves(t, 2, func(f format, v [3]float64) uint64 { return f.encode(oddSum(v[0], -v[1]), nearestEven) })
		return
	}
	d.floatBinary(t, func(a, b float32) float32 { return a - b }, func(a, b float64) float64 { return a - b }, subFloats)
}

func mulFloat(d *decoder, t typ) {
	d.rounded()
	if t.bits() == 16 || t == f16x2 || t == bf16x2 {
		d.halves(t, 2, func(f format, v [3]float64) uint64 { return f.encode(v[0]*v[1], nearestEven) })
		return
	}
	d.floatBinary(t, func(a, b float32) float32 { return a * b }, func(a, b float64) float64 { return a * b }, mulFloats)
}

// fused decodes fma, and mad of floats, which is the same.
func fused(d *decoder) { fusedFloat(d, d.typ()) }

func fusedFloat(d *decoder, t typ) {
	d.need("rn")
	switch t {
	case f64:
		d.ternary(t, func(a, b, c uint64) uint64 { return ofDouble(math.FMA(double(a), double(b), double(c))) })
	case f32:
		in, out := d.modes(t)
		if in == nil {
			d.rows3(t, t, fmaFloats)
			return
		}
		d.ternary(t, func(a, b, c uint64) uint64 { return out(ofFloat(fma32(float(in(a)), float(in(b)), float(in(c))))) })
	default:
		d.halves(t, 3, func(f format, v [3]float64) uint64 { return f.fma(v[0], v[1], v[2], nearestEven) })
	}
}

func divFloat(d *decoder, t typ) {
	if form := d.one("approx", "full"); form != "" {
		d.among(t, f32)
		d.in.approximate = true
	} else {
		d.need("rn")
	}
	d.floatBinary(t, func(a, b float32) float32 { return a / b }, func(a, b float64) float64 { return a / b }, nil)
}

func sqrtFloat(d *decoder) {
	t := d.typ()
	if d.has("approx") {
		d.among(t, f32)
		d.in.approximate = true
	} else {
		d.need("rn")
	}
	d.floatUnary(t, func(a float32) float32 { return float32(math.Sqrt(float64(a))) }, math.Sqrt)
}

func rcp(d *decoder) {
	t := d.typ()
	if d.has("approx") {
		d.in.approximate = true
		if t == f64 {
			d.need("ftz")
		}
	} else {
		d.need("rn")
	}
	d.floatUnary(t, func(a float32) float32 { return 1 / a }, func(a float64) float64 { return 1 / a })
}

// Approximate functions are computed as well as doubles allow; hardware is worse, by an amount that
// nothing may depend on.
func approximateFloat(f func(float64) float64) func(*decoder) {
	return func(d *decoder) {
		d.need("approx")
		d.in.approximate = true
		t := d.typ()
		if t != f32 {
			d.approximateHalf(t, f)
			return
		}
		d.floatUnary(t, func(a float32) float32 { return float32(f(float64(a))) }, f)
	}
}

func negFloat(d *decoder, t typ) { signs(d, t, func(v, bit uint64) uint64 { return v ^ bit }) }
func absFloat(d *decoder, t typ) { signs(d, t, func(v, bit uint64) uint64 { return v &^ bit }) }

// signs changes the sign bits; NaNs keep their payload.
func signs(d *decoder, t typ, f func(v, bit uint64) uint64) {
	d.among(t, f16, bf16, f16x2, bf16x2, f32, f64)
	bit := uint64(1) << (t.bits() - 1)
	if t == f16x2 || t == bf16x2 {
		bit |= 1 << 15
	}
	if d.has("ftz") {
		d.among(t, f32)
		d.unary(t, func(a uint64) uint64 { return f(flush(a), bit) })
		return
	}
	d.unary(t, func(a uint64) uint64 { return f(a, bit) })
}

func minFloat(d *decoder, t typ) { floatExtreme(d, t, -1) }
func maxFloat(d *decoder, t typ) { floatExtreme(d, t, 1) }

// floatExtreme is IEEE minimumNumber or maximumNumber, with .NaN minimum or maximum; -0 is below +0.
func floatExtreme(d *decoder, t typ, sign float64) {
	wins := d.has("NaN")
	pick := func(a, b float64) float64 {
		switch {
		case a != a && (wins || b != b) || wins && b != b:
			return math.NaN()
		case a != a:
			return b
		case b != b:
			return a
		case sign < 0:
			return math.Min(a, b)
		}
		return math.Max(a, b)
	}
	if t.bits() == 16 || t == f16x2 || t == bf16x2 {
		d.halves(t, 2, func(f format, v [3]float64) uint64 { return f.encode(pick(v[0], v[1]), nearestEven) })
		return
	}
	d.floatBinary(t, func(a, b float32) float32 { return float32(pick(float64(a), float64(b))) }, pick, nil)
}

// copysign gives b the sign of a.
func copysign(d *decoder) {
	t := d.among(d.typ(), f32, f64)
	bit := uint64(1) << (t.bits() - 1)
	d.binary(t, func(a, b uint64) uint64 { return b&^bit | a&bit })
}

// testp asks for a class of float.
func testp(d *decoder) {
	class := d.oneOf("finite", "infinite", "number", "notanumber", "normal", "subnormal")
	t := d.among(d.typ(), f32, f64)
	dst, a := d.predDst(), d.src(t)
	d.in.exec = func(w *warp, m uint32) {
		var v uint32
		w.each(m, func(l int) {
			x, tiny := double(w.r[a*32+l]), 0x1p-1022
			if t == f32 {
				x, tiny = float64(float(w.r[a*32+l])), 0x1p-126
			}
			if inClass(class, x, tiny) {
				v |= 1 << l
			}
		})
		w.setPred(dst, m, v)
	}
}

func inClass(class string, x, tiny float64) bool {
	switch class {
	case "finite":
		return !math.IsInf(x, 0) && x == x
	case "infinite":
		return math.IsInf(x, 0)
	case "number":
		return x == x
	case "notanumber":
		return x != x
	case "normal":
		return math.Abs(x) >= tiny && !math.IsInf(x, 0)
	}
	return x != 0 && math.Abs(x) < tiny
}
