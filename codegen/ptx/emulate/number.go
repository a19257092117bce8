package emulate

import "math"

// Floating-point formats and single roundings.

// format is a binary floating-point format of at most 32 bits.
type format struct {
	typ                typ
	exponent, mantissa int
}

var (
	half   = format{f16, 5, 10}
	brain  = format{bf16, 8, 7}
	single = format{f32, 8, 23}
	tensor = format{tf32, 8, 10} // stored in 32 bits, the low 13 zero
)

// rounding is a direction.
type rounding uint8

const (
	nearestEven rounding = iota
	towardZero
	down
	up
	nearestAway
)

const (
	nan32 = 0x7fffffff // the NaN that f32 operations make
	nan16 = 0x7fff
)

// nan gives the format's canonical NaN.
func (f format) nan() uint64 {
	if f.typ.bits() == 32 {
		return nan32
	}
	return nan16
}

// decode gives the value of bits, exactly.
func (f format) decode(v uint64) float64 {
	switch f.typ {
	case f32, tf32:
		return float64(math.Float32frombits(uint32(v)))
	case bf16:
		return float64(math.Float32frombits(uint32(v) << 16))
	}
	sign := v >> (f.exponent + f.mantissa) & 1
	e := int(v >> f.mantissa & (1<<f.exponent - 1))
	m := v & (1<<f.mantissa - 1)
	var out float64
	switch bias := 1<<(f.exponent-1) - 1; {
	case e == 1<<f.exponent-1 && m != 0:
		return math.NaN()
	case e == 1<<f.exponent-1:
		out = math.Inf(1)
	case e == 0:
		out = math.Ldexp(float64(m), 1-bias-f.mantissa)
	default:
		out = math.Ldexp(float64(m|1<<f.mantissa), e-bias-f.mantissa)
	}
	if sign != 0 {
		return math.Copysign(out, -1)
	}
	return out
}

// encode rounds x once. Where x itself is rounded, it must be so to odd.
func (f format) encode(x float64, mode rounding) uint64 {
	b := math.Float64bits(x)
	sign := b >> 63 << (f.exponent + f.mantissa)
	bias := 1<<(f.exponent-1) - 1
	e := int(b>>52&0x7ff) - 1023
	m := b & (1<<52 - 1)
	switch {
	case e == 1024 && m != 0:
		return f.nan()
	case e == 1024:
		return f.stored(sign | uint64(1<<f.exponent-1)<<f.mantissa)
	case b<<1 == 0:
		return f.stored(sign)
	case e == -1023:
		e = -1022
	default:
		m |= 1 << 52
	}
	drop := 52 - f.mantissa
	field := e + bias
	if field < 1 { // subnormal: more bits are dropped
		drop, field = min(drop+1-field, 62), 0
	}
	kept, lost := m>>drop, m&(1<<drop-1)
	if field > 0 {
		kept += uint64(field-1) << f.mantissa // the leading one carries into the field
	}
	if roundsUp(kept, lost, 1<<(drop-1), sign != 0, mode) {
		kept++
	}
	if inf := uint64(1<<f.exponent-1) << f.mantissa; kept >= inf {
		kept = inf
		if mode == towardZero || mode == down && sign == 0 || mode == up && sign != 0 {
			kept = inf - 1
		}
	}
	return f.stored(sign | kept)
}

func (f format) stored(v uint64) uint64 {
	if f.typ == tf32 {
		return v << 13
	}
	return v
}

func roundsUp(kept, lost, halfway uint64, negative bool, mode rounding) bool {
	switch mode {
	case nearestEven:
		return lost > halfway || lost == halfway && kept&1 != 0
	case nearestAway:
		return lost >= halfway
	case up:
		return lost != 0 && !negative
	case down:
		return lost != 0 && negative
	}
	return false
}

// oddSum gives a+b rounded to odd: inexact sums get an odd last bit, so that one more rounding to at most
// 51 bits is as good as a single one.
func oddSum(a, b float64) float64 {
	s := a + b
	if math.IsInf(s, 0) || s != s {
		return s
	}
	t := s - a
	rest := (a - (s - t)) + (b - t)
	return makeOdd(s, rest)
}

// makeOdd moves s, the rounded value of s+rest, to its odd neighbour when rest is not zero.
func makeOdd(s, rest float64) float64 {
	v := math.Float64bits(s)
	if rest == 0 || v&1 != 0 {
		return s
	}
	if rest > 0 == (s > 0) && s != 0 {
		return math.Float64frombits(v + 1)
	}
	if s == 0 {
		return math.Copysign(math.SmallestNonzeroFloat64, rest)
	}
	return math.Float64frombits(v - 1)
}

// fma32 rounds a*b+c once: the product of two floats is exact in a double.
func fma32(a, b, c float32) float32 {
	p := float64(float64(a) * float64(b))
	s := p + float64(c)
	v := math.Float64bits(s)
	if e := v >> 52 & 0x7ff; e > 1023-126 && e < 1023+127 && v&(1<<29-1) != 1<<28 {
		return float32(s) // rounding s away from or onto a float32 is no tie, so that its own rounding does not show
	}
	return float32(oddSum(p, float64(c)))
}

// fma does the same for the formats of 16 bits.
func (f format) fma(a, b, c float64, mode rounding) uint64 {
	return f.encode(oddSum(float64(a*b), c), mode)
}

func float(v uint64) float32    { return math.Float32frombits(uint32(v)) }
func double(v uint64) float64   { return math.Float64frombits(v) }
func ofDouble(v float64) uint64 { return math.Float64bits(v) }

// ofFloat gives the bits of a result, with the one NaN that hardware makes.
func ofFloat(v float32) uint64 {
	if v != v {
		return nan32
	}
	return uint64(math.Float32bits(v))
}

// flush turns f32 denormals to zero of the same sign, for .ftz.
func flush(v uint64) uint64 {
	if v&0x7f800000 == 0 {
		return v & 0x80000000
	}
	return v
}
