package build

import (
	"slices"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
)

// reductionRows: functions that join the elements along axes.
func reductionRows() []row {
	rows := []row{
		{"mean", "x axis=none keep=false", (*use).mean},
		{"argmax", "x axis=-1", func(u *use) value { return u.arg(func(a int) ir.Op { return ir.ArgMax{Axis: a} }) }},
		{"argmin", "x axis=-1", func(u *use) value { return u.arg(func(a int) ir.Op { return ir.ArgMin{Axis: a} }) }},
	}
	for _, fn := range []string{"sum", "prod", "min", "max", "any", "all"} {
		rows = append(rows, row{fn, "x axis=none keep=false", func(u *use) value { return u.reduce(fn) }})
	}
	return rows
}

// reduce joins along axes; sums of bools count, and are weak.
func (u *use) reduce(op string) value {
	t := u.tens("x")
	if t == nil {
		return nil
	}
	counts := t.dtype() == tensor.Bool && (op == "sum" || op == "prod")
	if counts {
		if t = u.e.castTens(u.s, u.at, t, tensor.I32); t == nil {
			return nil
		}
	}
	isBool := t.dtype() == tensor.Bool
	if isBool != (op == "any" || op == "all") {
		u.fail(check.DTypes, u.args["x"].at, "%s does not take %s", op, t.typ())
		return nil
	}
	v := u.folded(t, op)
	if w, ok := v.(*tens); ok && counts {
		w.weak = true
	}
	return v
}

// folded reduces t over the axes that the arguments name, kept as 1 on request.
func (u *use) folded(t *tens, op string) value {
	axes := u.axes("axis", len(t.shape()))
	keep, ok := u.args["keep"].v.(boolean)
	if !ok {
		u.fail(check.WrongKind, u.args["keep"].at, "`keep` must be a bool")
	}
	if u.bad {
		return nil
	}
	behind := make([]int, len(axes))
	for i, a := range axes {
		behind[i] = a + t.lead()
	}
	v := t.v
	if len(axes) > 0 {
		v = u.emit(ir.Reduce{Op: op, Axes: behind}, v)
	}
	shape, labels := tensor.Shape{}, []string{}
	for i, d := range t.shape() {
		if !slices.Contains(axes, i) {
			shape, labels = append(shape, d), append(labels, t.labels[i])
		} else if keep {
			shape, labels = append(shape, tensor.Int(1)), append(labels, "")
		}
	}
	if keep && v != nil {
		v = u.reshaped(t, v, shape)
	}
	return u.result(t, v, labels)
}

// reshaped gives v, which has t's hidden axis, another shape.
func (u *use) reshaped(t *tens, v *ir.Value, shape tensor.Shape) *ir.Value {
	if t.row {
		shape = append(tensor.Shape{t.v.Type.Shape[0]}, shape...)
	}
	if v == nil || v.Type.Shape.Equal(shape) {
		return v
	}
	return u.emit(ir.Reshape{Shape: shape}, v)
}

func (u *use) mean() value {
	t := u.tens("x")
	if t == nil {
		return nil
	}
	if !t.dtype().IsFloat() {
		if t = u.e.castTens(u.s, u.at, t, tensor.F32); t == nil {
			return nil
		}
	}
	n := tensor.Int(1)
	for _, a := range u.axes("axis", len(t.shape())) {
		n = n.Mul(t.shape()[a])
	}
	sum := u.folded(t, "sum")
	if u.bad || sum == nil {
		return nil
	}
	return u.e.binary(u.s, "/", u.at, operand{sum, u.at}, operand{ofDim(n), u.at})
}

func (u *use) arg(op func(int) ir.Op) value {
	t := u.tens("x")
	if t == nil {
		return nil
	}
	if t.dtype() == tensor.Bool {
		u.fail(check.DTypes, u.at, "%s does not take %s", u.prim.name, t.typ())
		return nil
	}
	a := u.axis("axis", len(t.shape()))
	if u.bad {
		return nil
	}
	labels := slices.Delete(slices.Clone(t.labels), a, a+1)
	v := u.result(t, u.emit(op(a+t.lead()), t.v), labels)
	if w, ok := v.(*tens); ok {
		w.weak = false
	}
	return v
}
