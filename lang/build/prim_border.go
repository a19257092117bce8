package build

import (
	"slices"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
)

// cutAlong is what lies from lo to hi of an axis.
func (u *use) cutAlong(v *ir.Value, axis int, lo, hi tensor.Dim) *ir.Value {
	if v == nil || lo.IsConst(0) && hi.Equal(v.Type.Shape[axis]) {
		return v
	}
	from, to := make(tensor.Shape, len(v.Type.Shape)), slices.Clone(v.Type.Shape)
	from[axis], to[axis] = lo, hi
	return u.emit(ir.Slice{Lo: from, Hi: to}, v)
}

// pad puts elements around, or takes some away where a width is negative: one pair (before, after)
// per axis.
func (u *use) pad() value {
	t := u.tens("x")
	q, ok := u.args["widths"].v.(*sequence)
	if t == nil {
		return nil
	}
	if !ok || len(q.items) != len(t.shape()) {
		u.fail(check.WrongKind, u.args["widths"].at, "pad needs a list of one pair (before, after) per axis of %s", t.typ())
		return nil
	}
	mode, ok := u.args["mode"].v.(text)
	if !ok || !slices.Contains([]text{"constant", "edge", "reflect", "wrap"}, mode) {
		u.fail(check.ConfigValue, u.args["mode"].at, "`mode` of pad is \"constant\", \"edge\", \"reflect\" or \"wrap\"")
		return nil
	}
	lo, hi := make(tensor.Shape, t.lead()), make(tensor.Shape, t.lead())
	for _, item := range q.items {
		pair, ok := item.(*sequence)
		if !ok || len(pair.items) != 2 {
			u.fail(check.WrongKind, u.args["widths"].at, "pad needs pairs (before, after)")
			return nil
		}
		l, okL := u.e.whole(u.s, u.args["widths"].at, pair.items[0], "a width")
		h, okH := u.e.whole(u.s, u.args["widths"].at, pair.items[1], "a width")
		if !okL || !okH {
			return nil
		}
		lo, hi = append(lo, l.dim), append(hi, h.dim)
	}
	v := u.trimmed(t.v, lo, hi)
	if u.bad || v == nil {
		return nil
	}
	if mode == "constant" {
		return u.result(t, u.padded(t, v, lo, hi), nil)
	}
	for axis := range lo {
		if v = u.continued(v, axis, lo[axis], hi[axis], string(mode)); v == nil {
			return nil
		}
	}
	return u.result(t, v, nil)
}

// trimmed takes away as much as the negative widths say, which become 0.
func (u *use) trimmed(v *ir.Value, lo, hi tensor.Shape) *ir.Value {
	for axis := range lo {
		from, to := tensor.Dim{}, v.Type.Shape[axis]
		if n, ok := lo[axis].Const(); ok && n < 0 {
			from, lo[axis] = tensor.Int(-n), tensor.Dim{}
		}
		if n, ok := hi[axis].Const(); ok && n < 0 {
			to, hi[axis] = to.AddInt(n), tensor.Dim{}
		}
		if left := to.Sub(from).Bounds(nil); !left.OpenHi && left.Hi < 0 {
			u.fail(check.SizeGone, u.args["widths"].at, "these widths take more away than the axis of %s has", v.Type.Shape[axis])
			return nil
		}
		if v = u.cutAlong(v, axis, from, to); v == nil {
			return nil
		}
	}
	return v
}

// padded puts one value around.
func (u *use) padded(t *tens, v *ir.Value, lo, hi tensor.Shape) *ir.Value {
	n, ok := u.args["value"].v.(number)
	if !ok {
		u.fail(check.WrongKind, u.args["value"].at, "`value` of pad must be a number, not %s", u.args["value"].v.says())
		return nil
	}
	pad := ir.Pad{Lo: lo, Hi: hi}
	y := u.emit(pad, v)
	if isNumber(n, 0) || y == nil {
		return y
	}
	inside := u.emit(pad, u.emit(ir.FullOf(tensor.Type{DType: tensor.Bool, Shape: v.Type.Shape}, 1)))
	around := u.e.constantOf(u.s, u.args["value"].at, n, t.dtype(), y.Type.Shape)
	if inside == nil || around == nil {
		return nil
	}
	return u.emit(ir.Select{}, inside, y, around)
}

// continued puts elements of v before and behind it: its ends, its mirror image without the ends,
// or its other end.
func (u *use) continued(v *ir.Value, axis int, lo, hi tensor.Dim, mode string) *ir.Value {
	d := v.Type.Shape[axis]
	before, okLo := lo.Const()
	after, okHi := hi.Const()
	if !okLo || !okHi {
		u.fail(check.NotWhole, u.args["widths"].at, "the widths of a pad by %q must be constants, not %s and %s", mode, lo, hi)
		return nil
	}
	most := map[string]tensor.Dim{"edge": d.Scale(before + after), "reflect": d.AddInt(-1), "wrap": d}[mode]
	if room := most.AddInt(-max(before, after)).Bounds(nil); !room.OpenHi && room.Hi < 0 {
		u.fail(check.SizeGone, u.args["widths"].at, "an axis of %s has not enough to be continued by %d and %d in the way %q", d, before, after, mode)
		return nil
	}
	part := func(from, to tensor.Dim, n int64) *ir.Value {
		p := u.cutAlong(v, axis, from, to)
		switch mode {
		case "edge":
			shape, axes := slices.Clone(v.Type.Shape), []int{}
			shape[axis] = tensor.Int(n)
			for i := range shape {
				axes = append(axes, i)
			}
			return u.emit(ir.Broadcast{Shape: shape, Axes: axes}, p)
		case "reflect":
			return u.emit(ir.Reverse{Axes: []int{axis}}, p)
		}
		return p
	}
	var parts []*ir.Value
	if before > 0 {
		lo, hi := tensor.Dim{}, tensor.Int(1)
		switch mode {
		case "reflect":
			lo, hi = tensor.Int(1), tensor.Int(before+1)
		case "wrap":
			lo, hi = d.AddInt(-before), d
		}
		parts = append(parts, part(lo, hi, before))
	}
	parts = append(parts, v)
	if after > 0 {
		lo, hi := d.AddInt(-1), d
		switch mode {
		case "reflect":
			lo, hi = d.AddInt(-1-after), d.AddInt(-1)
		case "wrap":
			lo, hi = tensor.Dim{}, tensor.Int(after)
		}
		parts = append(parts, part(lo, hi, after))
	}
	if len(parts) == 1 {
		return v
	}
	return u.emit(ir.Concat{Axis: axis}, parts...)
}

func (u *use) reverse() value {
	t := u.tens("x")
	if t == nil {
		return nil
	}
	axes := u.axes("axis", len(t.shape()))
	if u.bad {
		return nil
	}
	for i := range axes {
		axes[i] += t.lead()
	}
	return u.result(t, u.emit(ir.Reverse{Axes: axes}, t.v), t.labels)
}

// roll moves elements along an axis; what leaves at one end comes in at the other.
func (u *use) roll() value {
	t := u.tens("x")
	if !u.whole(t) {
		return nil
	}
	a := u.axis("axis", len(t.shape()))
	shift, ok := u.e.constant(u.s, u.args["shift"].at, u.args["shift"].v, "the shift of roll")
	if u.bad || !ok {
		return nil
	}
	d := t.shape()[a]
	n, constant := d.Const()
	if constant {
		if n == 0 || shift%n == 0 {
			return t
		}
		at := tensor.Int(((-shift)%n + n) % n)
		return u.result(t, u.emit(ir.Concat{Axis: a}, u.cutAlong(t.v, a, at, d), u.cutAlong(t.v, a, tensor.Dim{}, at)), t.labels)
	}
	from := u.emit(ir.Iota{Type: tensor.Type{DType: tensor.I32, Shape: tensor.Shape{d}}})
	place := u.e.binary(u.s, "-", u.at, operand{u.e.wrap(from, true), u.at}, operand{number0(shift), u.at})
	w, ok := u.e.binary(u.s, "%", u.at, operand{place, u.at}, operand{ofDim(d), u.at}).(*tens)
	if !ok {
		return nil
	}
	return u.result(t, u.emit(ir.Gather{Axis: a}, t.v, u.spreadIndex(w.v, t.shape(), a)), t.labels)
}

// slice takes every step'th element of an axis from start on, below end.
func (u *use) slice() value {
	t := u.tens("x")
	if t == nil {
		return nil
	}
	a := u.axis("axis", len(t.shape()))
	step, ok := u.e.constant(u.s, u.args["step"].at, u.args["step"].v, "the step of slice")
	if u.bad || !ok {
		return nil
	}
	if step < 1 {
		d := u.fail(check.ConfigValue, u.args["step"].at, "a step is at least 1, not %d", step)
		help(d, "`reverse(x, axis)` turns an axis around")
		return nil
	}
	lo, hi, ok := u.e.stretch(u.s, u.at, &span{lo: u.args["start"].v, hi: u.args["end"].v}, t.shape()[a])
	if !ok {
		u.bad = true
		return nil
	}
	full := t.v.Type.Shape
	op := ir.Slice{Lo: make(tensor.Shape, len(full)), Hi: slices.Clone(full), Step: make([]int64, len(full))}
	for i := range op.Step {
		op.Step[i] = 1
	}
	at := a + t.lead()
	op.Lo[at], op.Hi[at], op.Step[at] = lo, hi, step
	labels := slices.Clone(t.labels)
	labels[a] = ""
	return u.result(t, u.emit(op, t.v), labels)
}
