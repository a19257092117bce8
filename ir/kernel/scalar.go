package kernel

import (
	"math"

	"dlc/ir/tensor"
)

// Scalars travel through the interpreters as 64 bits: an f32's bits in the low half, an f64's
// bits, an integer sign- or zero-extended as its type says, a bool as 0 or 1.

// F32Bits returns the scalar that holds v.
func F32Bits(v float32) uint64 { return uint64(math.Float32bits(v)) }

// BitsF32 returns the f32 in a scalar.
func BitsF32(b uint64) float32 { return math.Float32frombits(uint32(b)) }

// Wrap reduces an integer to the values of t; for bool, to whether it is not 0.
func Wrap(t tensor.DType, v int64) uint64 {
	switch t {
	case tensor.Bool:
		return truth(v != 0)
	case tensor.U8:
		return uint64(uint8(v))
	case tensor.I8:
		return uint64(int64(int8(v)))
	case tensor.I32:
		return uint64(int64(int32(v)))
	case tensor.U32:
		return uint64(uint32(v))
	}
	return uint64(v)
}

// LitBits returns a literal as a scalar.
func LitBits(e *Lit) uint64 {
	switch e.DType {
	case tensor.F32:
		return F32Bits(float32(e.F))
	case tensor.F64:
		return math.Float64bits(e.F)
	}
	return Wrap(e.DType, e.I)
}

func truth(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// FMA32 is a*b + c rounded once: the product is exact in f64, the sum is rounded to odd there
// (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums"), then to f32. Rounding
// to nearest twice is as good where the f64 sum is no tie of f32 and the result is normal.
func FMA32(a, b, c float32) float32 {
	p, z := float64(float64(a)*float64(b)), float64(c)
	s := p + z
	if math.Float64bits(s)&(1<<29-1) != 1<<28 && math.Abs(s) > 0x1p-126 {
		return float32(s)
	}
	t := s - p
	e := (p - (s - t)) + (z - t) // s + e is the exact sum
	if e == 0 || math.IsNaN(e) {
		return float32(s)
	}
	if bits := math.Float64bits(s); bits&1 == 0 {
		if (e > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
		s = math.Float64frombits(bits)
	}
	return float32(s)
}

// Minimum is IEEE 754-2019 minimum: NaN wins, -0 < +0.
func Minimum[T float32 | float64](a, b T) T {
	switch {
	case a != a:
		return a
	case b != b:
		return b
	case a == 0 && b == 0:
		if math.Signbit(float64(a)) {
			return a
		}
		return b
	case a < b:
		return a
	}
	return b
}

// Maximum is IEEE 754-2019 maximum: NaN wins, -0 < +0.
func Maximum[T float32 | float64](a, b T) T { return -Minimum(-a, -b) }

func sign[T float32 | float64](a T) T {
	switch {
	case a > 0:
		return 1
	case a < 0:
		return -1
	}
	return a // NaN and zeros stay
}

func saturate(t tensor.DType, v float64) uint64 {
	if v != v {
		return 0
	}
	v = math.Trunc(v)
	bits := uint(8 * t.Size())
	if t.IsSigned() {
		limit := math.Ldexp(1, int(bits)-1)
		switch {
		case v >= limit:
			return Wrap(t, math.MaxInt64>>(64-bits))
		case v < -limit:
			return Wrap(t, math.MinInt64>>(64-bits))
		}
		return Wrap(t, int64(v))
	}
	switch {
	case v >= math.Ldexp(1, int(bits)):
		return math.MaxUint64 >> (64 - bits)
	case v <= 0:
		return 0
	case v >= 1<<63:
		return uint64(int64(v-(1<<63))) | 1<<63
	}
	return uint64(int64(v))
}

// Convert is the function cast: a 16-bit float becomes f32 and f32 becomes one; float to integer truncates and saturates, NaN gives 0; to a
// float rounds to nearest even; integers wrap; to bool says whether it is not 0.
func Convert(from, to tensor.DType, v uint64) uint64 {
	switch {
	case from.IsHalf():
		return F32Bits(tensor.FromHalf(from, uint16(v)))
	case to.IsHalf():
		return uint64(tensor.ToHalf(to, BitsF32(v)))
	}
	if from.IsFloat() {
		f := math.Float64frombits(v)
		if from == tensor.F32 {
			f = float64(BitsF32(v))
		}
		switch to {
		case tensor.Bool:
			return truth(f != 0)
		case tensor.F32:
			return F32Bits(float32(f))
		case tensor.F64:
			return math.Float64bits(f)
		}
		return saturate(to, f)
	}
	switch {
	case to == tensor.F32 && from == tensor.U64:
		return F32Bits(float32(v))
	case to == tensor.F32:
		return F32Bits(float32(int64(v)))
	case to == tensor.F64 && from == tensor.U64:
		return math.Float64bits(float64(v))
	case to == tensor.F64:
		return math.Float64bits(float64(int64(v)))
	}
	return Wrap(to, int64(v))
}

// FromBits reads the low bits of v as a scalar of type t: what bitcast does after the bits of
// an integer were taken.
func FromBits(t tensor.DType, v uint64) uint64 {
	switch t {
	case tensor.F32:
		return v & math.MaxUint32
	case tensor.F64:
		return v
	}
	return Wrap(t, int64(v))
}
