package build

import (
	"slices"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// indexed notes that an index tensor stands for the next axis.
func (e *elaborator) indexed(s *scope, c *cut, t *tens, x syntax.Expr, index *tens) bool {
	switch {
	case t.row || index.row:
		e.errorf(s, check.DataUnsupported, x.Span(), "indexing with a tensor is not supported in a dataset yet")
		return false
	case !index.dtype().IsInt():
		e.errorf(s, check.DTypes, x.Span(), "an index must be of integers, not %s", index.typ())
		return false
	case c.index != nil:
		d := e.errorf(s, check.FormUnsupported, x.Span(), "two index tensors in one bracket are not supported yet")
		help(d, "`take` gathers slices, `pick` takes one element per position")
		return false
	}
	c.index, c.from, c.place = index, c.axis, len(c.out)
	c.whole(t)
	return true
}

// gathered takes, of what a cut has left, the places along an axis that its index tensor says.
func (e *elaborator) gathered(s *scope, at diag.Span, v value, c *cut) value {
	t, ok := v.(*tens)
	if !ok || c.index == nil {
		return v
	}
	y := e.emit1(s, at, ir.Take{}, e.moved(s, at, t.v, c.place, 0), c.index.v)
	rank := len(c.index.shape())
	if y != nil && rank > 0 && c.place > 0 {
		perm := []int{}
		for i := range len(y.Type.Shape) - rank {
			perm = append(perm, rank+i)
		}
		for i := range rank {
			perm = slices.Insert(perm, c.place+i, i)
		}
		y = e.emit1(s, at, ir.Transpose{Perm: perm}, y)
	}
	w, ok := e.keep(t, y).(*tens)
	if !ok {
		return poison{}
	}
	w.labels = slices.Replace(slices.Clone(t.labels), c.place, c.place+1, c.index.labels...)
	return w
}

// assignPart gives a name a changed copy of what it has: `a[i] = v`, `a[i] += v`.
func (e *elaborator) assignPart(s *scope, st *syntax.Assign, x *syntax.Index, v value) {
	n, ok := x.X.(*syntax.Name)
	if !ok || st.Op == "<-" {
		e.errorf(s, check.FormUnsupported, x.Span(), "a part can be assigned of what a name stands for, no other")
		return
	}
	old := e.name(s, n)
	t, ok := strong(old).(*tens)
	if isPoison(old, v) {
		return
	}
	if !ok || t.row {
		e.errorf(s, check.WrongKind, n.Span(), "a part can be assigned of a tensor, `%s` is %s", n.Text, old.says())
		return
	}
	c, ok := e.cutOf(s, x, t)
	if !ok {
		return
	}
	if c.index != nil && len(c.index.shape()) > 0 {
		e.errorf(s, check.FormUnsupported, x.Span(), "assigning to the places that a tensor of rank %d says is not supported yet", len(c.index.shape()))
		return
	}
	part, ok := e.gathered(s, x.Span(), e.cutOut(s, x.Span(), t, c), c).(*tens)
	if !ok {
		return
	}
	if st.Op == "+=" {
		v = e.binary(s, "+", st.Span(), operand{part, x.Span()}, operand{v, st.Value.Span()})
	}
	if y := e.fitted(s, st.Value.Span(), part, x, v); y != nil {
		s.assign(n.Text, e.keep(t, e.replaced(s, st.Span(), t, c, y)))
	}
}

// fitted is a value as a part that it takes the place of; one number fills it.
func (e *elaborator) fitted(s *scope, at diag.Span, part *tens, x *syntax.Index, v value) *ir.Value {
	t, ok := e.carriedAs(s, at, v, part)
	switch {
	case isPoison(v):
		return nil
	case ok && t.dtype() == part.dtype() && len(t.shape()) == 0:
		return e.spread(s, at, t.v, 0, part.shape())
	case ok && t.typ().Equal(part.typ()):
		return t.v
	}
	d := e.errorf(s, check.ResultShape, at, "%s does not fit into a part of %s", v.says(), part.typ())
	if ok {
		label(d, x.Span(), "%s", part.typ())
	}
	return nil
}

// replaced is a tensor with another value in the place of a part.
func (e *elaborator) replaced(s *scope, at diag.Span, t *tens, c *cut, v *ir.Value) *ir.Value {
	shape := t.shape()
	var inner, lo, hi tensor.Shape // without the axis of the index tensor
	var axes []int
	var here *ir.Value
	for i, n := range shape {
		if c.index != nil && i == c.from {
			here = e.and(s, at, here, e.compared(s, at, "eq", shape, i, e.castTens(s, at, c.index, tensor.I64).v))
			continue
		}
		axes, inner = append(axes, i), append(inner, c.hi[i].Sub(c.lo[i]))
		lo, hi = append(lo, c.lo[i]), append(hi, n.Sub(c.hi[i]))
		if !c.lo[i].IsConst(0) {
			here = e.and(s, at, here, e.compared(s, at, "ge", shape, i, e.emit1(s, at, ir.Size{Dim: c.lo[i], DType: tensor.I64})))
		}
		if !c.hi[i].Equal(n) {
			here = e.and(s, at, here, e.compared(s, at, "lt", shape, i, e.emit1(s, at, ir.Size{Dim: c.hi[i], DType: tensor.I64})))
		}
	}
	if v != nil && !v.Type.Shape.Equal(inner) {
		v = e.emit1(s, at, ir.Reshape{Shape: inner}, v)
	}
	if here == nil {
		return v
	}
	v = e.emit1(s, at, ir.Pad{Lo: lo, Hi: hi}, v)
	if v != nil && len(axes) < len(shape) {
		v = e.emit1(s, at, ir.Broadcast{Shape: shape, Axes: axes}, v)
	}
	return e.emit1(s, at, ir.Select{}, here, v, t.v)
}

// compared compares the places along an axis with one number.
func (e *elaborator) compared(s *scope, at diag.Span, fn string, shape tensor.Shape, axis int, v *ir.Value) *ir.Value {
	places := e.emit1(s, at, ir.Iota{Type: tensor.Type{DType: tensor.I64, Shape: shape}, Axis: axis})
	if v == nil {
		return nil
	}
	return e.emit1(s, at, ir.Compare{Fn: fn}, places, e.spread(s, at, v, 0, shape))
}

func (e *elaborator) and(s *scope, at diag.Span, x, y *ir.Value) *ir.Value {
	if x == nil {
		return y
	}
	return e.emit1(s, at, ir.Logic{Fn: "and"}, x, y)
}
