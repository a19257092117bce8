package build

import (
	"math"
	"slices"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
)

// cumulateRows: functions that run along an axis.
func cumulateRows() []row {
	rows := []row{{"recur", "factor x axis=-1 reverse=false", (*use).recur}}
	for _, c := range [][2]string{{"cumsum", "sum"}, {"cumprod", "prod"}, {"cummin", "min"}, {"cummax", "max"}, {"logcumsumexp", "logsumexp"}} {
		rows = append(rows, row{c[0], "x axis=-1 reverse=false exclusive=false", func(u *use) value { return u.cumulate(c[1]) }})
	}
	return rows
}

// cumulate joins each element with those before it; exclusive leaves the element itself out.
func (u *use) cumulate(fn string) value {
	get := u.tens
	if fn == "logsumexp" {
		get = u.float
	}
	t := get("x")
	if !u.whole(t) {
		return nil
	}
	counts := t.dtype() == tensor.Bool
	if counts {
		if fn != "sum" {
			u.fail(check.DTypes, u.args["x"].at, "%s does not take %s", u.prim.name, t.typ())
			return nil
		}
		if t = u.e.castTens(u.s, u.at, t, tensor.I32); t == nil {
			return nil
		}
	}
	a := u.axis("axis", len(t.shape()))
	reverse, exclusive := u.flag("reverse"), u.flag("exclusive")
	if u.bad {
		return nil
	}
	v := u.emit(ir.Cumulate{Fn: fn, Axis: a, Reversed: reverse}, t.v)
	if exclusive && v != nil {
		v = u.shifted(v, a, reverse, identity(fn, v.Type))
	}
	w := u.result(t, v, t.labels)
	if w, ok := w.(*tens); ok && counts {
		w.weak = true
	}
	return w
}

// identity is what joins with anything to that itself, everywhere.
func identity(fn string, t tensor.Type) ir.Full {
	d, full := t.DType, ir.Full{Type: t}
	bits := 8 * d.Size()
	switch {
	case fn == "sum":
	case fn == "prod":
		full = ir.FullOf(t, 1)
	case d.IsFloat() && fn == "min":
		full.Float = math.Inf(1)
	case d.IsFloat():
		full.Float = math.Inf(-1)
	case fn == "min" && d.IsSigned():
		full.Int = math.MaxInt64 >> (64 - bits)
	case fn == "min":
		full.Int = -1 & (1<<bits - 1)
	case d.IsSigned():
		full.Int = math.MinInt64 >> (64 - bits)
	}
	return full
}

// shifted moves v one place along an axis, and puts another where nothing comes from.
func (u *use) shifted(v *ir.Value, axis int, back bool, fill ir.Full) *ir.Value {
	t := v.Type
	none, one := make(tensor.Shape, len(t.Shape)), make(tensor.Shape, len(t.Shape))
	one[axis] = tensor.Int(1)
	lo, hi, from := one, none, none
	if back {
		lo, hi, from = none, one, one
	}
	end := slices.Clone(t.Shape)
	end[axis] = end[axis].Add(from[axis])
	v = u.emit(ir.Slice{Lo: from, Hi: end}, u.emit(ir.Pad{Lo: lo, Hi: hi}, v))
	if fill.Float == 0 && fill.Int == 0 {
		return v
	}
	at := u.emit(ir.Iota{Type: tensor.Type{DType: tensor.I64, Shape: t.Shape}, Axis: axis})
	if back {
		at = u.emit(ir.Reverse{Axes: []int{axis}}, at)
	}
	first := u.emit(ir.Compare{Fn: "eq"}, at, u.emit(ir.FullOf(at.Type, 0)))
	return u.emit(ir.Select{}, first, u.emit(fill), v)
}

// recur is the linear recurrence of two tensors of one shape.
func (u *use) recur() value {
	c, x := u.tens("factor"), u.tens("x")
	if !u.whole(c, x) {
		return nil
	}
	c, x, ok := u.e.joinTensors(u.s, "recur", u.at, u.args["factor"], u.args["x"], c, x)
	if !ok {
		u.bad = true
		return nil
	}
	shape, ok := u.e.joinShapes(u.s, "recur", u.at, u.args["factor"], u.args["x"], c, x)
	if !ok {
		u.bad = true
		return nil
	}
	a := u.axis("axis", len(shape))
	reverse := u.flag("reverse")
	if u.bad {
		return nil
	}
	v := u.emit(ir.Recur{Axis: a, Reversed: reverse}, u.e.fit(u.s, u.at, c, shape, false), u.e.fit(u.s, u.at, x, shape, false))
	return u.result(x, v, joinLabels(c, x, len(shape)))
}
