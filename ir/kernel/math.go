package kernel

import (
	"fmt"
	"math"

	"dlc/ir/tensor"
)

// The expanded functions are written once, here and in the math_*.go files, as expressions over
// the basic scalar functions; interpreters and targets run the same ones, so results agree in
// bits everywhere. Coefficients are minimax fits (Remez) of our own, weighted to the relative
// error of the result; the lower ones were rounded to f32 before the rest was fitted.

// Expand returns e without expanded functions and without Random. Sharing is kept: an operand
// used several times is one node.
func Expand(e Expr) Expr {
	return Rewrite(ExpandFuncs(e), func(e Expr) Expr {
		if r, ok := e.(*Random); ok {
			return expandRandom(r)
		}
		return e
	})
}

// ExpandFuncs is Expand for a Compiler, which draws a Random's words directly: the same bits,
// sooner.
func ExpandFuncs(e Expr) Expr {
	return Rewrite(e, func(e Expr) Expr {
		if c, ok := e.(*Call); ok {
			if f, ok := LookupFunc(c.Fn); ok && f.Expanded {
				return expandCall(c)
			}
		}
		return e
	})
}

func expandCall(e *Call) Expr {
	m, x := newFloats(e.DType), e.Args[0]
	switch e.Fn {
	case "exp":
		return m.exp(x)
	case "exp2":
		return m.exp2(x)
	case "expm1":
		return m.expm1(x)
	case "log":
		return m.log(x)
	case "log1p":
		return m.log1p(x)
	case "log2":
		return m.log2(x)
	case "sin":
		return sine(x, 0)
	case "cos":
		return sine(x, 1)
	case "tan":
		return tangent(x)
	case "tanh":
		return m.tanh(x)
	case "sigmoid":
		return m.sigmoid(x)
	case "erf":
		return m.erf(x)
	case "reciprocal":
		return m.div(m.c(1), x)
	case "rsqrt":
		return m.div(m.c(1), Apply("sqrt", x))
	case "softplus":
		positive := m.pick(m.lt(m.c(0), x), x, m.c(0))
		return m.add(positive, m.log1p(m.exp(m.neg(m.abs(x)))))
	case "pow":
		return m.pow(x, e.Args[1])
	case "atan2":
		return widely(func(m doubles, x []Expr) Expr { return m.atan2(x[0], x[1]) }, x, e.Args[1])
	}
	if f, ok := wideFunctions()[e.Fn]; ok {
		return widely(func(m doubles, x []Expr) Expr { return f(m, x[0]) }, x)
	}
	panic(fmt.Sprintf("BUG: no expansion of %s", e.Fn))
}

// floats builds expressions of one float type.
type floats struct {
	t, bits  tensor.DType // bits: the unsigned type of the same size
	signed   tensor.DType
	mantissa int64 // stored bits
	bias     int64 // of the exponent
}

func newFloats(t tensor.DType) floats {
	if t == tensor.F32 {
		return floats{t, tensor.U32, tensor.I32, 23, 127}
	}
	return floats{t, tensor.U64, tensor.I64, 52, 1023}
}

// of chooses the constant of m's type.
func of[T any](m floats, narrow, wide T) T {
	if m.t == tensor.F32 {
		return narrow
	}
	return wide
}

func (m floats) c(v float64) Expr       { return F(m.t, v) }
func (m floats) inf() Expr              { return m.c(math.Inf(1)) }
func (m floats) nan() Expr              { return m.c(math.NaN()) }
func (m floats) add(x, y Expr) Expr     { return Apply("add", x, y) }
func (m floats) sub(x, y Expr) Expr     { return Apply("sub", x, y) }
func (m floats) mul(x, y Expr) Expr     { return Apply("mul", x, y) }
func (m floats) div(x, y Expr) Expr     { return Apply("div", x, y) }
func (m floats) fma(x, y, z Expr) Expr  { return Apply("fma", x, y, z) }
func (m floats) neg(x Expr) Expr        { return Apply("neg", x) }
func (m floats) abs(x Expr) Expr        { return Apply("abs", x) }
func (m floats) lt(x, y Expr) Expr      { return Compare("lt", x, y) }
func (m floats) eq(x, y Expr) Expr      { return Compare("eq", x, y) }
func (m floats) pick(c, x, y Expr) Expr { return Select(c, x, y) }

// atLeast and atMost clamp x by a constant that is no zero; NaN stays.
func (m floats) atLeast(x Expr, v float64) Expr { return Select(m.lt(x, m.c(v)), m.c(v), x) }
func (m floats) atMost(x Expr, v float64) Expr  { return Select(m.lt(m.c(v), x), m.c(v), x) }

// poly is c[0] + c[1] x + c[2] x^2 ... by Horner's rule.
func (m floats) poly(x Expr, c ...float64) Expr {
	p := m.c(c[len(c)-1])
	for i := len(c) - 2; i >= 0; i-- {
		p = m.fma(p, x, m.c(c[i]))
	}
	return p
}

func (m floats) toBits(x Expr) Expr    { return &Call{"bitcast", m.bits, []Expr{x}} }
func (m floats) fromBits(x Expr) Expr  { return &Call{"bitcast", m.t, []Expr{x}} }
func (m floats) word(v uint64) Expr    { return I(m.bits, int64(v)) }
func (m floats) signBit() uint64       { return 1 << (8*m.t.Size() - 1) }
func (m floats) exponentField() uint64 { return m.signBit() - 1<<m.mantissa }

// withSign gives x >= 0 the sign of s.
func (m floats) withSign(x, s Expr) Expr {
	sign := Apply("and", m.toBits(s), m.word(m.signBit()))
	return m.fromBits(Apply("or", m.toBits(x), sign))
}

// expandRandom writes Philox as integer arithmetic (see random.go).
func expandRandom(e *Random) Expr {
	word := func(v int64) Expr { return I(tensor.U32, v) }
	low := func(x Expr) Expr { return Cast(tensor.U32, x) }
	high := func(x Expr) Expr { return low(Apply("shr", Cast(tensor.U64, x), I(tensor.U64, 32))) }
	key := Apply("xor", e.Seed, I(tensor.U64, int64(e.Site)))
	block := Apply("shr", e.Column, I(tensor.I64, 2))
	c := [4]Expr{low(block), low(e.Row), low(e.Step), high(e.Step)}
	k := [2]Expr{low(key), high(key)}
	xor := func(x, y, z Expr) Expr { return Apply("xor", Apply("xor", x, y), z) }
	for range philoxRounds {
		p0 := Apply("mul", I(tensor.U64, philoxM0), Cast(tensor.U64, c[0]))
		p1 := Apply("mul", I(tensor.U64, philoxM1), Cast(tensor.U64, c[2]))
		c = [4]Expr{xor(high(p1), c[1], k[0]), low(p1), xor(high(p0), c[3], k[1]), low(p0)}
		k = [2]Expr{Apply("add", k[0], word(philoxW0)), Apply("add", k[1], word(philoxW1))}
	}
	place := Apply("and", low(e.Column), word(3))
	r := c[3]
	for i := 2; i >= 0; i-- {
		r = Select(Compare("eq", place, word(int64(i))), c[i], r)
	}
	return r
}
