package codegen

import (
	"math"

	"dlc/ir/tensor"
)

// apply emits a scalar function of package kernel, on scalars or lane by lane. Its meaning is
// kernel.ScalarOf's, in bits.
func (e *emitter) apply(fn string, result tensor.DType, args []value) value {
	switch fn {
	case "cast":
		return e.convert(args[0], result)
	case "bitcast":
		return e.bitcast(args[0], result)
	case "select":
		return e.choose(args[0], args[1], args[2])
	case "eq", "ne", "lt", "le", "gt", "ge":
		return e.relation(fn, args[0], args[1])
	}
	if args[0].t.IsFloat() {
		return e.float(fn, args)
	}
	return e.integral(fn, args)
}

func (e *emitter) relation(fn string, a, b value) value {
	switch {
	case a.t.IsFloat() && fn == "ne":
		return e.compare("fcmp une", a, b)
	case a.t.IsFloat():
		return e.compare("fcmp o"+fn, a, b)
	case fn == "eq" || fn == "ne":
		return e.compare("icmp "+fn, a, b)
	case a.t.IsSigned():
		return e.compare("icmp s"+fn, a, b)
	}
	return e.compare("icmp u"+fn, a, b)
}

func (e *emitter) float(fn string, args []value) value {
	a := args[0]
	switch fn {
	case "add", "sub", "mul", "div":
		return e.two("f"+fn, a, args[1])
	case "min", "max":
		_, v := e.alike(a, args[1])
		return e.intrinsic(fn+"imum", a.t, v...)
	case "fma":
		_, v := e.alike(a, args[1], args[2])
		return e.intrinsic("fma", a.t, v...)
	case "neg":
		return e.op(a.t, a.lanes, "fneg ", a.arg())
	case "abs":
		return e.intrinsic("fabs", a.t, a)
	case "floor", "ceil", "trunc", "sqrt":
		return e.intrinsic(fn, a.t, a)
	case "round":
		return e.intrinsic("roundeven", a.t, a)
	case "is_nan":
		return e.compare("fcmp uno", a, a)
	case "is_inf":
		return e.compare("fcmp oeq", e.intrinsic("fabs", a.t, a), floatOf(a.t, math.Inf(1)))
	case "sign": // -1, 1; zeros and NaN are themselves
		nought := floatOf(a.t, 0)
		v := e.choose(e.compare("fcmp ogt", a, nought), floatOf(a.t, 1), a)
		return e.choose(e.compare("fcmp olt", a, nought), floatOf(a.t, -1), v)
	}
	panic("BUG: no code for " + fn + " of " + a.t.String())
}

// integral emits the functions of integers and bools.
func (e *emitter) integral(fn string, args []value) value {
	a := args[0]
	nought := integerOf(a.t, 0)
	switch fn {
	case "add", "sub", "mul", "and", "or", "xor":
		return e.two(fn, a, args[1])
	case "neg":
		return e.two("sub", nought, a)
	case "not":
		return e.two("xor", a, ones(a.t))
	case "min", "max":
		op := "u"
		if a.t.IsSigned() {
			op = "s"
		}
		_, v := e.alike(a, args[1])
		return e.intrinsic(op+fn, a.t, v...)
	case "abs":
		if !a.t.IsSigned() {
			return a
		}
		_, v := e.alike(a, e.two("sub", nought, a))
		return e.intrinsic("smax", a.t, v...)
	case "sign":
		one := e.choose(e.compare("icmp ne", a, nought), integerOf(a.t, 1), nought)
		if !a.t.IsSigned() {
			return one
		}
		return e.choose(e.compare("icmp slt", a, nought), integerOf(a.t, -1), one)
	case "div", "idiv", "rem":
		return e.quotient(fn, a, args[1])
	case "shl", "shr":
		return e.shift(fn, a, args[1])
	}
	panic("BUG: no code for " + fn + " of " + a.t.String())
}

func ones(t tensor.DType) value {
	if t == tensor.Bool {
		return integerOf(t, 1)
	}
	return integerOf(t, -1)
}

// quotient: div truncates, idiv and rem floor; by zero all are 0, and the least integer by -1
// wraps. The machine's division traps on both, so the divisor is replaced there.
func (e *emitter) quotient(fn string, a, b value) value {
	nought, one := integerOf(a.t, 0), integerOf(a.t, 1)
	byZero := e.compare("icmp eq", b, nought)
	if !a.t.IsSigned() {
		op := "udiv"
		if fn == "rem" {
			op = "urem"
		}
		return e.choose(byZero, nought, e.two(op, a, e.choose(byZero, one, b)))
	}
	minus := e.compare("icmp eq", b, integerOf(a.t, -1))
	safe := e.choose(e.two("or", byZero, minus), one, b)
	q := e.choose(minus, e.two("sub", nought, a), e.two("sdiv", a, safe))
	if fn == "div" {
		return e.choose(byZero, nought, q)
	}
	r := e.choose(minus, nought, e.two("srem", a, safe))
	apart := e.two("and", e.compare("icmp ne", r, nought), e.compare("icmp slt", e.two("xor", r, b), nought))
	if fn == "rem" {
		return e.choose(byZero, nought, e.choose(apart, e.two("add", r, b), r))
	}
	return e.choose(byZero, nought, e.choose(apart, e.two("sub", q, one), q))
}

// shift: a count outside 0..width leaves 0, or the sign.
func (e *emitter) shift(fn string, a, b value) value {
	width := int64(8 * a.t.Size())
	inside := e.compare("icmp ult", b, integerOf(b.t, width))
	count := e.choose(inside, b, integerOf(b.t, 0))
	switch {
	case fn == "shl":
		return e.choose(inside, e.two("shl", a, count), integerOf(a.t, 0))
	case a.t.IsSigned():
		return e.two("ashr", a, e.choose(inside, b, integerOf(b.t, width-1)))
	}
	return e.choose(inside, e.two("lshr", a, count), integerOf(a.t, 0))
}

func (e *emitter) bitcast(a value, to tensor.DType) value {
	if scalarType(a.t) == scalarType(to) {
		a.t = to
		return a
	}
	return e.op(to, a.lanes, "bitcast ", a.arg(), " to ", typeName(to, a.lanes))
}

// convert casts: to bool is != 0; float to integer truncates and saturates, NaN to 0; integer
// to integer wraps; to a float rounds to nearest even.
func (e *emitter) convert(a value, to tensor.DType) value {
	switch {
	case a.t == to:
		return a
	case a.t.IsHalf():
		return e.fromHalf(a)
	case to.IsHalf():
		return e.toHalf(a, to)
	case to == tensor.Bool && a.t.IsFloat():
		return e.compare("fcmp une", a, floatOf(a.t, 0))
	case to == tensor.Bool:
		return e.compare("icmp ne", a, integerOf(a.t, 0))
	case a.t.IsFloat() && to.IsFloat():
		if to == tensor.F64 {
			return e.resize(a, to, "fpext")
		}
		return e.resize(a, to, "fptrunc")
	case a.t.IsFloat():
		return e.saturate(a, to)
	case to.IsFloat() && a.t.IsSigned():
		return e.resize(a, to, "sitofp")
	case to.IsFloat():
		return e.resize(a, to, "uitofp")
	}
	return e.rewidth(a, to)
}

func (e *emitter) rewidth(a value, to tensor.DType) value {
	from := a.t.Size()
	if a.t == tensor.Bool {
		from = 0
	}
	switch {
	case from == to.Size():
		if a.fixed {
			return value{id: a.id, t: to, lanes: 1, fixed: true}
		}
		a.t = to
		return a
	case from > to.Size():
		return e.resize(a, to, "trunc")
	case a.t.IsSigned():
		return e.resize(a, to, "sext")
	}
	return e.resize(a, to, "zext")
}

// saturate converts a float inside to's range and puts the ends in for the rest.
func (e *emitter) saturate(a value, to tensor.DType) value {
	bits := 8 * to.Size()
	how, low, high := "fptoui", 0.0, math.Ldexp(1, bits)
	least, most := integerOf(to, 0), integerOf(to, -1)
	if to.IsSigned() {
		how, low, high = "fptosi", -math.Ldexp(1, bits-1), math.Ldexp(1, bits-1)
		least, most = integerOf(to, math.MinInt64>>(64-bits)), integerOf(to, math.MaxInt64>>(64-bits))
	}
	above := e.compare("fcmp oge", a, floatOf(a.t, high))
	below := e.compare("fcmp olt", a, floatOf(a.t, low))
	nan := e.compare("fcmp uno", a, a)
	outside := e.two("or", e.two("or", above, below), nan)
	v := e.choose(outside, floatOf(a.t, 0), a)
	var r value
	if to.Size() == 1 { // through i32: the narrow conversions are poor
		r = e.resize(e.resize(v, tensor.I32, "fptosi"), to, "trunc")
	} else {
		r = e.resize(v, to, how)
	}
	r = e.choose(above, most, r)
	return e.choose(below, least, r)
}
