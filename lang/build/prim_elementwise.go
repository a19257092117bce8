package build

import (
	"strings"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
)

// elementwiseRows: functions of each element.
func elementwiseRows() []row {
	rows := []row{
		{"minimum", "x y", func(u *use) value { return u.pair("minimum") }},
		{"maximum", "x y", func(u *use) value { return u.pair("maximum") }},
		{"where", "condition x y", (*use).where},
		{"to", "x dtype", (*use).to},
		{"like", "x y", (*use).like},
		{"stop_gradient", "x", (*use).stopGradient},
		{"atan2", "y x", (*use).atan2},
		{"bit_and", "x y", func(u *use) value { return u.bitwise("and") }},
		{"bit_or", "x y", func(u *use) value { return u.bitwise("or") }},
		{"bit_xor", "x y", func(u *use) value { return u.bitwise("xor") }},
		{"bit_not", "x", (*use).bitNot},
		{"shift_left", "x by", func(u *use) value { return u.shift("shl") }},
		{"shift_right", "x by", func(u *use) value { return u.shift("shr") }},
		{"bitcast", "x dtype", (*use).bitcast},
		{"is_nan", "x", (*use).test},
		{"is_inf", "x", (*use).test},
	}
	for _, fn := range strings.Fields("abs sign") {
		rows = append(rows, row{fn, "x", func(u *use) value { return u.unary(u.tens) }})
	}
	for _, fn := range ir.FloatFunctions() {
		rows = append(rows, row{fn, "x", func(u *use) value { return u.unary(u.float) }})
	}
	return rows
}

// unary applies the function of the primitive's name; numbers are computed while compiling.
func (u *use) unary(get func(string) *tens) value {
	fn := u.prim.name
	if n, ok := u.args["x"].v.(number); ok {
		if f, ok := n.float(); ok {
			c, whole := n.dim.Const()
			if fn == "abs" && whole && !n.fraction {
				return number0(max(c, -c))
			}
			return fraction(ir.UnaryFloat(fn, f))
		}
	}
	t := get("x")
	if t == nil {
		return nil
	}
	if t.dtype() == tensor.Bool {
		u.fail(check.DTypes, u.at, "%s takes numbers, not %s", fn, t.typ())
		return nil
	}
	v := u.emit(ir.Unary{Fn: fn}, t.v)
	if fn == "sigmoid" && v != nil {
		u.e.t.probs[v] = fn
	}
	return u.e.keep(t, v)
}

// pair is minimum and maximum; of numbers it is decided while compiling.
func (u *use) pair(fn string) value {
	x, y := u.args["x"], u.args["y"]
	a, okA := x.v.(number)
	b, okB := y.v.(number)
	if !okA || !okB {
		return u.e.binary(u.s, fn, u.at, x, y)
	}
	op := ">="
	if fn == "minimum" {
		op = "<="
	}
	switch less := u.e.compareNumbers(u.s, op, u.at, a, b).(type) {
	case boolean:
		if less {
			return a
		}
		return b
	}
	return nil
}

func (u *use) where() value {
	c := u.args["condition"]
	if b, ok := c.v.(boolean); ok {
		if b {
			return u.args["x"].v
		}
		return u.args["y"].v
	}
	cond := u.tens("condition")
	if cond == nil {
		return nil
	}
	if cond.dtype() != tensor.Bool {
		u.fail(check.DTypes, c.at, "the condition of where must be bool, not %s", cond.typ())
		return nil
	}
	x, y := u.args["x"], u.args["y"]
	if a, ok := x.v.(number); ok {
		if _, both := y.v.(number); both {
			x.v = u.e.weak(u.s, x.at, a)
		}
	}
	tx, ty, ok := u.e.joinTypes(u.s, "where", u.at, x, y)
	if !ok {
		u.bad = true
		return nil
	}
	shape, ok := u.e.joinShapes(u.s, "where", u.at, x, y, tx, ty)
	if !ok {
		return nil
	}
	both := &tens{v: tx.v, labels: joinLabels(tx, ty, len(shape))}
	joint, err := ir.Joint(cond.shape(), shape)
	if err != nil {
		d := u.fail(check.Broadcast, u.at, "where does not join %s with [%s]", cond.typ(), shape)
		columnHelp(d, cond.shape(), shape)
		return nil
	}
	row := cond.row || tx.row || ty.row
	v := u.emit(ir.Select{}, u.e.fit(u.s, u.at, cond, joint, row), u.e.fit(u.s, u.at, tx, joint, row), u.e.fit(u.s, u.at, ty, joint, row))
	if v == nil {
		return nil
	}
	return &tens{v: v, labels: joinLabels(cond, both, len(joint)), weak: tx.weak && ty.weak, row: row}
}

func (u *use) to() value {
	d, ok := u.dtype()
	if !ok {
		return nil
	}
	return u.converted(d)
}

// dtype is the argument of that name.
func (u *use) dtype() (tensor.DType, bool) {
	a := u.args["dtype"]
	name, ok := a.v.(text)
	d, err := tensor.ParseDType(string(name))
	if !ok || err != nil {
		u.fail(check.UnknownType, a.at, "`%s` needs a dtype such as f32, not %s", u.prim.name, a.v.says())
		return 0, false
	}
	return d, true
}

func (u *use) like() value {
	y := u.tens("y")
	if y == nil {
		return nil
	}
	return u.converted(y.dtype())
}

// converted casts x, which loses its weakness.
func (u *use) converted(d tensor.DType) value {
	if n, ok := u.args["x"].v.(number); ok {
		return u.e.wrap(u.e.constantOf(u.s, u.at, n, d, nil), false)
	}
	t := u.e.castTens(u.s, u.at, u.tens("x"), d)
	if t == nil {
		return nil
	}
	return strong(t)
}

func (u *use) stopGradient() value {
	t := u.tens("x")
	if t == nil {
		return nil
	}
	return u.e.keep(t, u.emit(ir.StopGradient{}, t.v))
}

func (u *use) test() value {
	t := u.float("x")
	if t == nil {
		return nil
	}
	v := u.e.keep(t, u.emit(ir.Test{Fn: u.prim.name}, t.v))
	if w, ok := v.(*tens); ok {
		w.weak = false
	}
	return v
}
