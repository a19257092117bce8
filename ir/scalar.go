package ir

import (
	"math"

	"dlc/ir/tensor"
)

// The scalar functions as Eval means them: on floats the mathematical function in float64, which
// the caller rounds to the dtype; on integers two's complement, wrapped by the caller.

// FloatFunctions lists the functions of one float, and of nothing else.
func FloatFunctions() []string {
	return []string{"floor", "ceil", "round", "trunc", "sqrt", "rsqrt", "reciprocal", "exp", "exp2", "expm1", "log", "log1p", "log2",
		"sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "sigmoid", "softplus",
		"erf", "erfc", "erfinv", "lgamma", "digamma", "trigamma"}
}

// UnaryFloat is a function of one float, not yet rounded to a dtype.
func UnaryFloat(fn string, x float64) float64 {
	switch fn {
	case "neg":
		return -x
	case "abs":
		return math.Abs(x)
	case "sign":
		if x > 0 {
			return 1
		} else if x < 0 {
			return -1
		}
		return x
	case "floor":
		return math.Floor(x)
	case "ceil":
		return math.Ceil(x)
	case "round":
		return math.RoundToEven(x)
	case "trunc":
		return math.Trunc(x)
	case "sqrt":
		return math.Sqrt(x)
	case "reciprocal":
		return 1 / x
	case "rsqrt":
		return 1 / math.Sqrt(x)
	case "tanh":
		return math.Tanh(x)
	case "sigmoid":
		return 1 / (1 + math.Exp(-x))
	case "erf":
		return math.Erf(x)
	case "softplus":
		return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
	}
	return transcendental(fn, x)
}

func transcendental(fn string, x float64) float64 {
	switch fn {
	case "exp":
		return math.Exp(x)
	case "exp2":
		return math.Exp2(x)
	case "expm1":
		return math.Expm1(x)
	case "log":
		return logarithm(x)
	case "log1p":
		return math.Log1p(x)
	case "log2":
		if math.Abs(x-1) < 0.25 { // where math.Log2 loses digits
			return math.Log1p(x-1) / math.Ln2
		}
		return math.Log2(x)
	case "sin":
		return math.Sin(x)
	case "cos":
		return math.Cos(x)
	case "tan":
		return math.Tan(x)
	case "lgamma":
		if math.Abs(x) < 0x1p-1000 {
			return -logarithm(math.Abs(x))
		}
		y, _ := math.Lgamma(math.Abs(x))
		if x < 0 && x > math.Inf(-1) {
			y, _ = math.Lgamma(x)
		}
		return y
	case "digamma":
		return digamma(x)
	case "trigamma":
		return trigamma(x)
	}
	return inverse(fn, x)
}

// logarithm is that of subnormals too, for which math.Log is wrong on amd64.
func logarithm(x float64) float64 {
	if x > 0 && x < 0x1p-1022 {
		return math.Log(x*0x1p54) - 54*math.Ln2
	}
	return math.Log(x)
}

// power is a**b, also of subnormals, whose logarithm math.Pow takes.
func power(a, b float64) float64 {
	if a > 0 && a < 0x1p-1022 && math.Abs(b) < 2 {
		return math.Pow(a*0x1p54, b) * math.Exp2(-54*b)
	}
	return math.Pow(a, b)
}

// angle is that of the point (x, y). Of quotients that underflow math.Atan2 forgets the sign.
func angle(y, x float64) float64 {
	if x < 0 && y != 0 && y/x == 0 {
		return math.Copysign(math.Pi, y)
	}
	return math.Atan2(y, x)
}

func inverse(fn string, x float64) float64 {
	switch fn {
	case "asin":
		return math.Asin(x)
	case "acos": // math.Acos loses digits near 1
		return 2 * math.Atan2(math.Sqrt(1-x), math.Sqrt(1+x))
	case "atan":
		return math.Atan(x)
	case "sinh":
		return math.Sinh(x)
	case "cosh":
		return math.Cosh(x)
	case "asinh":
		return math.Asinh(x)
	case "acosh":
		return math.Acosh(x)
	case "atanh":
		return math.Atanh(x)
	case "erfc":
		return math.Erfc(x)
	case "erfinv":
		return math.Erfinv(x)
	}
	panic("BUG: no float function " + fn)
}

func unaryInt(fn string, x int64, t tensor.DType) int64 {
	switch fn {
	case "neg":
		return -x
	case "abs":
		if x < 0 && t.IsSigned() {
			return -x
		}
		return x
	case "sign":
		if x < 0 && t.IsSigned() {
			return -1
		}
		return truth(x != 0)
	case "not":
		return ^x
	}
	panic("BUG: no integer function " + fn)
}

// rounder returns the rounding to t, which the functions of several steps do after each.
func rounder(t tensor.DType) func(float64) float64 {
	if t == tensor.F32 {
		return func(v float64) float64 { return float64(float32(v)) }
	}
	return func(v float64) float64 { return v }
}

func binaryFloat(fn string, a, b float64, round func(float64) float64) float64 {
	switch fn {
	case "add":
		return a + b
	case "sub":
		return a - b
	case "mul":
		return a * b
	case "div":
		return a / b
	case "min":
		return -maximum(-a, -b)
	case "max":
		return maximum(a, b)
	case "pow":
		return power(a, b)
	case "atan2":
		return angle(a, b)
	case "idiv":
		return math.Floor(round(a / b))
	case "rem":
		return a - round(math.Floor(round(a/b))*b)
	}
	panic("BUG: no float function " + fn)
}

// maximum is IEEE maximum: NaN wins and -0 < +0. (math.Max lets +Inf win over NaN.)
func maximum(a, b float64) float64 {
	if math.IsNaN(a) || math.IsNaN(b) {
		return math.NaN()
	}
	return math.Max(a, b)
}

func binaryInt(fn string, a, b int64, t tensor.DType) int64 {
	switch fn {
	case "add":
		return a + b
	case "sub":
		return a - b
	case "mul":
		return a * b
	case "min":
		if intLess(b, a, t) {
			return b
		}
		return a
	case "max":
		if intLess(a, b, t) {
			return b
		}
		return a
	case "idiv":
		q, _ := floorDivide(a, b, t)
		return q
	case "rem":
		_, r := floorDivide(a, b, t)
		return r
	case "and":
		return a & b
	case "or":
		return a | b
	case "xor":
		return a ^ b
	case "shl", "shr":
		return shift(fn, a, b, t)
	}
	panic("BUG: no integer function " + fn)
}

func intLess(a, b int64, t tensor.DType) bool {
	if t == tensor.U64 {
		return uint64(a) < uint64(b)
	}
	return a < b
}

// floorDivide gives the floored quotient and the remainder of the divisor's sign; 0 and 0 by zero.
func floorDivide(a, b int64, t tensor.DType) (q, r int64) {
	if b == 0 {
		return 0, 0
	}
	if t == tensor.U64 {
		return int64(uint64(a) / uint64(b)), int64(uint64(a) % uint64(b))
	}
	q, r = a/b, a%b
	if r != 0 && (r < 0) != (b < 0) {
		q, r = q-1, r+b
	}
	return q, r
}

// shift by a negative distance, or by the width or more, leaves 0, or the sign for shr of signed.
func shift(fn string, a, b int64, t tensor.DType) int64 {
	wide := b < 0 || b >= int64(8*t.Size())
	switch {
	case fn == "shl" && !wide:
		return a << b
	case fn == "shr" && t.IsSigned():
		if wide {
			b = 63
		}
		return a >> b
	case fn == "shr" && !wide:
		return int64(uint64(a) >> b)
	}
	return 0
}

func compareFloat(fn string, a, b float64) bool {
	switch fn {
	case "eq":
		return a == b
	case "ne":
		return a != b
	case "lt":
		return a < b
	case "le":
		return a <= b
	case "gt":
		return a > b
	case "ge":
		return a >= b
	}
	panic("BUG: no comparison " + fn)
}

func compareInt(fn string, a, b int64, t tensor.DType) bool {
	switch fn {
	case "eq":
		return a == b
	case "ne":
		return a != b
	case "lt":
		return intLess(a, b, t)
	case "le":
		return !intLess(b, a, t)
	case "gt":
		return intLess(b, a, t)
	case "ge":
		return !intLess(a, b, t)
	}
	panic("BUG: no comparison " + fn)
}

// convert stores element i of x as element i of y.
func convert(x, y *tensor.Tensor, i int) {
	switch {
	case y.DType == tensor.Bool && x.DType.IsFloat():
		y.SetInt(i, truth(x.Float(i) != 0))
	case y.DType == tensor.Bool:
		y.SetInt(i, truth(x.Int(i) != 0))
	case y.DType.IsFloat() && x.DType.IsFloat():
		y.SetFloat(i, x.Float(i))
	case y.DType == tensor.F32 && x.DType == tensor.U64:
		y.SetFloat(i, float64(float32(uint64(x.Int(i)))))
	case y.DType == tensor.F32:
		y.SetFloat(i, float64(float32(x.Int(i))))
	case y.DType.IsFloat():
		y.SetFloat(i, x.Float(i))
	case x.DType.IsFloat():
		y.SetInt(i, saturate(x.Float(i), y.DType))
	default:
		y.SetInt(i, x.Int(i))
	}
}

// saturate truncates v into the range of an integer type; NaN gives 0.
func saturate(v float64, t tensor.DType) int64 {
	bits := 8 * t.Size()
	lo, hi := 0.0, math.Ldexp(1, bits)
	if t.IsSigned() {
		lo, hi = -math.Ldexp(1, bits-1), math.Ldexp(1, bits-1)
	}
	v = math.Trunc(v)
	switch {
	case v != v:
		return 0
	case v <= lo && t.IsSigned():
		return -1 << (bits - 1)
	case v <= lo:
		return 0
	case v >= hi && t.IsSigned():
		return 1<<(bits-1) - 1
	case v >= hi:
		return -1
	case t == tensor.U64:
		return int64(uint64(v))
	}
	return int64(v)
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// identity stores the identity of a reduction at element i of y.
func identity(op string, y *tensor.Tensor, i int) {
	float, t := y.DType.IsFloat(), y.DType
	bits := 8 * t.Size()
	switch {
	case op == "prod" || op == "all":
		y.SetFloat(i, 1)
	case op == "min" && float:
		y.SetFloat(i, math.Inf(1))
	case op == "max" && float:
		y.SetFloat(i, math.Inf(-1))
	case op == "min" && t.IsSigned():
		y.SetInt(i, 1<<(bits-1)-1)
	case op == "min":
		y.SetInt(i, -1)
	case op == "max" && t.IsSigned():
		y.SetInt(i, -1<<(bits-1))
	default:
		y.SetInt(i, 0)
	}
}
