package kernel

import (
	"fmt"
	"math"

	"dlc/ir/tensor"
)

// A Scalar computes one function on scalars; the field of its arity is set.
type Scalar struct {
	One   func(a uint64) uint64
	Two   func(a, b uint64) uint64
	Three func(a, b, c uint64) uint64
}

// ScalarOf returns the meaning of a call of fn, which is not an expanded function, on
// arguments of type arg (for select: of its arms) with that result type.
func ScalarOf(fn string, arg, result tensor.DType) Scalar {
	var s Scalar
	switch {
	case fn == "select":
		s.Three = func(c, a, b uint64) uint64 {
			if c != 0 {
				return a
			}
			return b
		}
	case fn == "cast":
		s.One = func(a uint64) uint64 { return Convert(arg, result, a) }
	case fn == "bitcast":
		s.One = func(a uint64) uint64 { return FromBits(result, a) }
	case arg == tensor.F32:
		s = scalar32(fn)
	case arg == tensor.F64:
		s = scalar64(fn)
	default:
		s = scalarInt(fn, arg)
	}
	if s.One == nil && s.Two == nil && s.Three == nil {
		panic(fmt.Sprintf("BUG: no scalar function %s of %s", fn, arg))
	}
	return s
}

func scalar32(fn string) Scalar {
	one := func(f func(float32) float32) Scalar {
		return Scalar{One: func(a uint64) uint64 { return F32Bits(f(BitsF32(a))) }}
	}
	two := func(f func(a, b float32) float32) Scalar {
		return Scalar{Two: func(a, b uint64) uint64 { return F32Bits(f(BitsF32(a), BitsF32(b))) }}
	}
	wide := func(f func(float64) float64) Scalar { // exact, or innocuous double rounding
		return one(func(a float32) float32 { return float32(f(float64(a))) })
	}
	switch fn {
	case "neg":
		return Scalar{One: func(a uint64) uint64 { return a ^ 1<<31 }}
	case "abs":
		return Scalar{One: func(a uint64) uint64 { return a &^ (1 << 31) }}
	case "sign":
		return one(sign[float32])
	case "floor":
		return wide(math.Floor)
	case "ceil":
		return wide(math.Ceil)
	case "round":
		return wide(math.RoundToEven)
	case "trunc":
		return wide(math.Trunc)
	case "sqrt":
		return wide(math.Sqrt)
	case "add":
		return Scalar{Two: func(a, b uint64) uint64 { return F32Bits(BitsF32(a) + BitsF32(b)) }}
	case "sub":
		return Scalar{Two: func(a, b uint64) uint64 { return F32Bits(BitsF32(a) - BitsF32(b)) }}
	case "mul":
		return Scalar{Two: func(a, b uint64) uint64 { return F32Bits(BitsF32(a) * BitsF32(b)) }}
	case "div":
		return two(func(a, b float32) float32 { return a / b })
	case "min":
		return two(Minimum[float32])
	case "max":
		return two(Maximum[float32])
	case "fma":
		return Scalar{Three: func(a, b, c uint64) uint64 { return F32Bits(FMA32(BitsF32(a), BitsF32(b), BitsF32(c))) }}
	}
	return scalarCompare(fn, BitsF32)
}

func scalar64(fn string) Scalar {
	one := func(f func(float64) float64) Scalar {
		return Scalar{One: func(a uint64) uint64 { return math.Float64bits(f(math.Float64frombits(a))) }}
	}
	two := func(f func(a, b float64) float64) Scalar {
		return Scalar{Two: func(a, b uint64) uint64 {
			return math.Float64bits(f(math.Float64frombits(a), math.Float64frombits(b)))
		}}
	}
	switch fn {
	case "neg":
		return Scalar{One: func(a uint64) uint64 { return a ^ 1<<63 }}
	case "abs":
		return Scalar{One: func(a uint64) uint64 { return a &^ (1 << 63) }}
	case "sign":
		return one(sign[float64])
	case "floor":
		return one(math.Floor)
	case "ceil":
		return one(math.Ceil)
	case "round":
		return one(math.RoundToEven)
	case "trunc":
		return one(math.Trunc)
	case "sqrt":
		return one(math.Sqrt)
	case "add":
		return two(func(a, b float64) float64 { return a + b })
	case "sub":
		return two(func(a, b float64) float64 { return a - b })
	case "mul":
		return two(func(a, b float64) float64 { return float64(a * b) })
	case "div":
		return two(func(a, b float64) float64 { return a / b })
	case "min":
		return two(Minimum[float64])
	case "max":
		return two(Maximum[float64])
	case "fma":
		return Scalar{Three: func(a, b, c uint64) uint64 {
			return math.Float64bits(math.FMA(math.Float64frombits(a), math.Float64frombits(b), math.Float64frombits(c)))
		}}
	}
	return scalarCompare(fn, math.Float64frombits)
}

func scalarCompare[T float32 | float64 | int64 | uint64](fn string, of func(uint64) T) Scalar {
	test := func(f func(a, b T) bool) Scalar {
		return Scalar{Two: func(a, b uint64) uint64 { return truth(f(of(a), of(b))) }}
	}
	switch fn {
	case "eq":
		return test(func(a, b T) bool { return a == b })
	case "ne":
		return test(func(a, b T) bool { return a != b })
	case "lt":
		return test(func(a, b T) bool { return a < b })
	case "le":
		return test(func(a, b T) bool { return a <= b })
	case "gt":
		return test(func(a, b T) bool { return a > b })
	case "ge":
		return test(func(a, b T) bool { return a >= b })
	case "is_nan":
		return Scalar{One: func(a uint64) uint64 { return truth(of(a) != of(a)) }}
	case "is_inf":
		return Scalar{One: func(a uint64) uint64 { return truth(of(a)-of(a) != 0 && of(a) == of(a)) }}
	}
	return Scalar{}
}

func scalarInt(fn string, t tensor.DType) Scalar {
	if t != tensor.Bool && (fn == "shl" || fn == "shr") {
		return scalarShift(fn, t)
	}
	wrap := func(f func(a, b int64) int64) Scalar {
		return Scalar{Two: func(a, b uint64) uint64 { return Wrap(t, f(int64(a), int64(b))) }}
	}
	switch fn {
	case "neg":
		return Scalar{One: func(a uint64) uint64 { return Wrap(t, -int64(a)) }}
	case "not":
		if t == tensor.Bool {
			return Scalar{One: func(a uint64) uint64 { return a ^ 1 }}
		}
		return Scalar{One: func(a uint64) uint64 { return Wrap(t, ^int64(a)) }}
	case "add":
		return wrap(func(a, b int64) int64 { return a + b })
	case "sub":
		return wrap(func(a, b int64) int64 { return a - b })
	case "mul":
		return wrap(func(a, b int64) int64 { return a * b })
	case "and":
		return wrap(func(a, b int64) int64 { return a & b })
	case "or":
		return wrap(func(a, b int64) int64 { return a | b })
	case "xor":
		return wrap(func(a, b int64) int64 { return a ^ b })
	}
	if t.IsSigned() {
		return scalarSigned(fn, t)
	}
	return scalarUnsigned(fn)
}

func scalarSigned(fn string, t tensor.DType) Scalar {
	wrap := func(f func(a, b int64) int64) Scalar {
		return Scalar{Two: func(a, b uint64) uint64 { return Wrap(t, f(int64(a), int64(b))) }}
	}
	switch fn {
	case "abs":
		return Scalar{One: func(a uint64) uint64 { return Wrap(t, max(int64(a), -int64(a))) }}
	case "sign":
		return Scalar{One: func(a uint64) uint64 { return uint64(max(-1, min(1, int64(a)))) }}
	case "min":
		return wrap(func(a, b int64) int64 { return min(a, b) })
	case "max":
		return wrap(func(a, b int64) int64 { return max(a, b) })
	case "div":
		return wrap(func(a, b int64) int64 {
			if b == 0 {
				return 0
			}
			return a / b
		})
	case "idiv":
		return wrap(func(a, b int64) int64 {
			if b == 0 {
				return 0
			}
			if a%b != 0 && (a < 0) != (b < 0) {
				return a/b - 1
			}
			return a / b
		})
	case "rem":
		return wrap(floorMod)
	}
	return scalarCompare(fn, func(a uint64) int64 { return int64(a) })
}

func floorMod(a, b int64) int64 {
	if b == 0 {
		return 0
	}
	r := a % b
	if r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return r
}

func scalarUnsigned(fn string) Scalar {
	switch fn {
	case "abs":
		return Scalar{One: func(a uint64) uint64 { return a }}
	case "sign":
		return Scalar{One: func(a uint64) uint64 { return min(a, 1) }}
	case "min":
		return Scalar{Two: func(a, b uint64) uint64 { return min(a, b) }}
	case "max":
		return Scalar{Two: func(a, b uint64) uint64 { return max(a, b) }}
	case "div", "idiv":
		return Scalar{Two: func(a, b uint64) uint64 {
			if b == 0 {
				return 0
			}
			return a / b
		}}
	case "rem":
		return Scalar{Two: func(a, b uint64) uint64 {
			if b == 0 {
				return 0
			}
			return a % b
		}}
	}
	return scalarCompare(fn, func(a uint64) uint64 { return a })
}

// scalarShift: a count outside 0..width leaves 0, or the sign.
func scalarShift(fn string, t tensor.DType) Scalar {
	width := uint64(8 * t.Size())
	count := func(b uint64) uint64 {
		if b >= width { // negative counts are huge
			return 64
		}
		return b
	}
	switch {
	case fn == "shl":
		return Scalar{Two: func(a, b uint64) uint64 { return Wrap(t, int64(a<<count(b))) }}
	case t.IsSigned():
		return Scalar{Two: func(a, b uint64) uint64 { return uint64(int64(a) >> count(b)) }}
	}
	return Scalar{Two: func(a, b uint64) uint64 { return a >> count(b) }}
}
