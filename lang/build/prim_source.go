package build

import (
	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
)

// sourceRows: tensors from nothing. Those of a shape are initializers where the shape is left out.
func sourceRows() []row {
	return []row{
		{"zeros", "shape", func(u *use) value { return u.filled(number0(0)) }},
		{"ones", "shape", func(u *use) value { return u.filled(number0(1)) }},
		{"full", "shape value", func(u *use) value { return u.fullOf() }},
		{"zeros_like", "x", func(u *use) value { return u.likeOf(0) }},
		{"ones_like", "x", func(u *use) value { return u.likeOf(1) }},
		{"iota", "count", (*use).iota},
		{"bits", "shape", (*use).bits},
		{"uniform", "shape low=0.0 high=1.0", (*use).uniform},
		{"normal", "shape mean=0.0 stddev=1.0", (*use).normal},
		{"bernoulli", "shape keep", (*use).bernoulli},
	}
}

func (u *use) filled(n number) value {
	shape := u.dims("shape")
	if u.bad {
		return nil
	}
	return u.e.wrap(u.e.constantOf(u.s, u.at, n, tensor.F32, shape), false)
}

func (u *use) fullOf() value {
	n, ok := u.args["value"].v.(number)
	if !ok {
		u.fail(check.WrongKind, u.args["value"].at, "full needs a number, not %s", u.args["value"].v.says())
		return nil
	}
	return u.filled(n)
}

func (u *use) likeOf(n int64) value {
	t := u.tens("x")
	if t == nil {
		return nil
	}
	return u.e.keep(t, u.e.constantOf(u.s, u.at, number0(n), t.dtype(), t.v.Type.Shape))
}

func (u *use) iota() value {
	n, ok := u.e.whole(u.s, u.args["count"].at, u.args["count"].v, "the count of iota")
	if !ok {
		return nil
	}
	return u.e.wrap(u.emit(ir.Iota{Type: tensor.Type{DType: tensor.I32, Shape: tensor.Shape{n.dim}}}), true)
}

// draw makes random numbers of a shape, keyed by seed, step and the place in the program.
func (u *use) draw(kind string, d tensor.DType, keep float64) *tens {
	shape := u.dims("shape")
	if u.bad {
		return nil
	}
	t := u.e.t
	seed := u.e.turnSeed()
	step := (*ir.Value)(nil)
	if t.initial {
		step = u.emit(ir.Full{Type: tensor.Type{DType: tensor.I64}})
	} else {
		step = t.clock("step")
	}
	op := ir.Random{Kind: kind, Type: tensor.Type{DType: d, Shape: shape}, Site: u.s.frame.site(), Keep: keep}
	v, _ := u.e.wrap(u.emit(op, seed, step), false).(*tens)
	return v
}

// bits are 32 random ones for each element.
func (u *use) bits() value {
	t := u.draw("bits", tensor.U32, 0)
	if t == nil {
		return nil
	}
	return t
}

func (u *use) uniform() value {
	t := u.draw("uniform", tensor.F32, 0)
	low, high := u.args["low"], u.args["high"]
	if t == nil {
		return nil
	}
	width := u.e.binary(u.s, "-", u.at, high, low)
	return u.scaled(t, operand{width, u.at}, low)
}

func (u *use) normal() value {
	t := u.draw("normal", tensor.F32, 0)
	if t == nil {
		return nil
	}
	return u.scaled(t, u.args["stddev"], u.args["mean"])
}

// scaled is t * by + plus, without what changes nothing.
func (u *use) scaled(t *tens, by, plus operand) value {
	v := value(t)
	if n, ok := by.v.(number); !ok || !isNumber(n, 1) {
		v = u.e.binary(u.s, "*", u.at, operand{v, u.at}, by)
	}
	if n, ok := plus.v.(number); !ok || !isNumber(n, 0) {
		v = u.e.binary(u.s, "+", u.at, operand{v, u.at}, plus)
	}
	return v
}

func isNumber(n number, want float64) bool {
	f, ok := n.float()
	return ok && f == want
}

func (u *use) bernoulli() value {
	keep, at := u.probability("keep")
	if u.bad {
		return nil
	}
	if keep < 0 || keep > 1 {
		u.fail(check.ConfigValue, at, "a probability lies between 0 and 1, not at %g", keep)
		return nil
	}
	t := u.draw("bernoulli", tensor.Bool, keep)
	if t == nil {
		return nil
	}
	return t
}

func (u *use) probability(name string) (float64, diag.Span) {
	a := u.args[name]
	n, ok := a.v.(number)
	f, known := n.float()
	if !ok || !known {
		u.fail(check.WrongKind, a.at, "`%s` of %s must be a number known while compiling, not %s", name, u.prim.name, a.v.says())
	}
	return f, a.at
}
