package tensor

import "math"

// The 16-bit floats are types of memory: their values are cast to f32 before anything is computed.

// IsHalf reports whether t is a 16-bit float.
func (t DType) IsHalf() bool { return t == BF16 || t == F16 }

// FromHalf returns the f32 of the same value as the element b of type t; a NaN keeps its payload.
func FromHalf(t DType, b uint16) float32 {
	if t == BF16 {
		return math.Float32frombits(uint32(b) << 16)
	}
	sign, exponent, fraction := uint32(b&0x8000)<<16, uint32(b>>10&0x1F), uint32(b&0x3FF)
	switch {
	case exponent == 0x1F: // infinite or NaN
		return math.Float32frombits(sign | 0x7F800000 | fraction<<13)
	case exponent == 0: // zero or subnormal: fraction * 2^-24
		v := float32(fraction) * 0x1p-24
		return math.Float32frombits(sign | math.Float32bits(v))
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}

// ToHalf rounds v to type t, to nearest even; a NaN stays one, quiet.
func ToHalf(t DType, v float32) uint16 {
	b := math.Float32bits(v)
	if t == BF16 {
		if v != v {
			return uint16(b>>16) | 0x40
		}
		return uint16((b + 0x7FFF + b>>16&1) >> 16)
	}
	sign, size := uint16(b>>16&0x8000), b&0x7FFFFFFF
	switch {
	case v != v:
		return sign | 0x7E00 | uint16(size>>13)&0x3FF
	case size >= 0x47800000: // 2^16 and more
		return sign | 0x7C00
	case size < 0x38800000: // below 2^-14: a multiple of 2^-24, rounded by an addition in f32
		return sign | uint16(math.Float32bits(math.Float32frombits(size)+0.5)-math.Float32bits(0.5))
	}
	return sign | uint16((size-(127-15)<<23+0xFFF+size>>13&1)>>13)
}
