package build

import (
	"slices"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
)

// indexRows: elements read, written and put into order by what data says.
func indexRows() []row {
	return []row{
		{"pick", "x index axis=-1", (*use).pick},
		{"take", "x index axis=0", (*use).take},
		{"gather", "x index axis=-1", (*use).gather},
		{"scatter", "x index y axis=0 by=\"set\"", (*use).scatter},
		{"argsort", "x axis=-1 descending=false count=none", (*use).argsort},
	}
}

// index returns an argument that must be integers.
func (u *use) index() *tens {
	t := u.tens("index")
	if t == nil || t.dtype().IsInt() {
		return t
	}
	u.fail(check.DTypes, u.args["index"].at, "an index must be integers, not %s", t.typ())
	return nil
}

// indexed reads a tensor, an index into it and the axis it is along.
func (u *use) indexed() (x, index *tens, axis int, ok bool) {
	x, index = u.tens("x"), u.index()
	if !u.whole(x, index) {
		return nil, nil, 0, false
	}
	axis = u.axis("axis", len(x.shape()))
	return x, index, axis, !u.bad
}

func (u *use) pick() value {
	x, index, a, ok := u.indexed()
	if !ok {
		return nil
	}
	return u.result(x, u.emit(ir.Pick{Axis: a}, x.v, index.v), index.labels)
}

// take puts the slices that an index names in the place of an axis.
func (u *use) take() value {
	x, index, a, ok := u.indexed()
	if !ok {
		return nil
	}
	labels := slices.Replace(slices.Clone(x.labels), a, a+1, index.labels...)
	if a == 0 {
		return u.result(x, u.emit(ir.Take{}, x.v, index.v), labels)
	}
	out := slices.Replace(slices.Clone(x.shape()), a, a+1, index.shape()...)
	flat := u.spreadIndex(index.v, x.shape(), a)
	v := u.emit(ir.Gather{Axis: a}, x.v, flat)
	if v != nil && !v.Type.Shape.Equal(out) {
		v = u.emit(ir.Reshape{Shape: out}, v)
	}
	return u.result(x, v, labels)
}

// spreadIndex repeats all of an index along the other axes of a shape.
func (u *use) spreadIndex(index *ir.Value, s tensor.Shape, axis int) *ir.Value {
	n := index.Type.Shape.Size()
	if len(index.Type.Shape) != 1 {
		index = u.emit(ir.Reshape{Shape: tensor.Shape{n}}, index)
	}
	shape := slices.Clone(s)
	shape[axis] = n
	if index == nil || len(shape) == 1 {
		return index
	}
	return u.emit(ir.Broadcast{Shape: shape, Axes: []int{axis}}, index)
}

func (u *use) gather() value {
	x, index, a, ok := u.indexed()
	if !ok {
		return nil
	}
	return u.result(x, u.emit(ir.Gather{Axis: a}, x.v, index.v), index.labels)
}

// scatter puts elements, or with an index of one axis whole slices, into x.
func (u *use) scatter() value {
	x, index, y := u.tens("x"), u.index(), u.tens("y")
	by, ok := u.args["by"].v.(text)
	if !ok || !slices.Contains(ir.Scatter{}.Functions(), string(by)) {
		u.fail(check.ConfigValue, u.args["by"].at, "`by` of scatter is \"set\", \"add\", \"mul\", \"min\" or \"max\"")
		return nil
	}
	if !u.whole(x, index, y) {
		return nil
	}
	a := u.axis("axis", len(x.shape()))
	if u.bad {
		return nil
	}
	weak := x.weak
	x, y, ok = u.e.joinTensors(u.s, "scatter", u.at, u.args["x"], u.args["y"], x, y)
	if !ok {
		u.bad = true
		return nil
	}
	i := index.v
	shape := slices.Clone(x.shape())
	if len(index.shape()) == 1 {
		shape[a] = index.shape()[0]
		i = u.spreadIndex(i, x.shape(), a)
	} else if len(index.shape()) == len(shape) {
		shape[a] = index.shape()[a]
	}
	if i == nil {
		return nil
	}
	joint, err := ir.Joint(y.shape(), shape)
	if err != nil || !joint.Equal(shape) {
		u.fail(check.Broadcast, u.args["y"].at, "scatter along axis %d of %s at an index of %s puts in [%s], not %s", a, x.typ(), index.typ(), shape, y.typ())
		return nil
	}
	v := u.emit(ir.Scatter{Fn: string(by), Axis: a}, x.v, i, u.e.fit(u.s, u.at, y, shape, false))
	w := u.result(x, v, x.labels)
	if w, ok := w.(*tens); ok {
		w.weak = weak && y.weak
	}
	return w
}

// argsort gives places, all of them or the first `count`.
func (u *use) argsort() value {
	t := u.tens("x")
	if !u.whole(t) {
		return nil
	}
	if t.dtype() == tensor.Bool {
		u.fail(check.DTypes, u.at, "argsort does not take %s", t.typ())
		return nil
	}
	a := u.axis("axis", len(t.shape()))
	descending := u.flag("descending")
	if u.bad {
		return nil
	}
	op := ir.ArgSort{Axis: a, Descending: descending, Count: t.shape()[a]}
	labels := t.labels
	if _, all := u.args["count"].v.(none); !all {
		n, ok := u.e.whole(u.s, u.args["count"].at, u.args["count"].v, "the count of argsort")
		if !ok {
			u.bad = true
			return nil
		}
		op.Count, labels = n.dim, slices.Clone(labels)
		labels[a] = ""
	}
	v := u.result(t, u.emit(op, t.v), labels)
	if w, ok := v.(*tens); ok {
		w.weak = false
	}
	return v
}

// flag is an argument that is true or false.
func (u *use) flag(name string) bool {
	b, ok := u.args[name].v.(boolean)
	if !ok {
		u.fail(check.WrongKind, u.args[name].at, "`%s` of %s must be a bool, not %s", name, u.prim.name, u.args[name].v.says())
	}
	return bool(b)
}
