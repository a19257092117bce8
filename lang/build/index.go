package build

import (
	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// index is `x[items]` of a tensor or list.
func (e *elaborator) index(s *scope, x *syntax.Index) value {
	v := e.eval(s, x.X)
	switch v := v.(type) {
	case poison:
		return v
	case *sequence:
		return e.element(s, x, v)
	case *pack:
		q := &sequence{list: true}
		for _, d := range v.dims {
			q.items = append(q.items, ofDim(d))
		}
		return e.element(s, x, q)
	case *tens:
		return e.part(s, x, v)
	}
	e.errorf(s, check.WrongKind, x.X.Span(), "%s has no parts", v.says())
	return poison{}
}

// element takes an item or a stretch of a list.
func (e *elaborator) element(s *scope, x *syntax.Index, q *sequence) value {
	if len(x.Items) != 1 {
		e.errorf(s, check.BadAxis, x.Span(), "a list takes one index")
		return poison{}
	}
	at := x.Items[0].Span()
	n := int64(len(q.items))
	v := e.eval(s, x.Items[0])
	if r, ok := v.(*span); ok {
		lo, hi, ok := e.stretch(s, at, r, tensor.Int(n))
		a, _ := lo.Const()
		b, _ := hi.Const()
		if !ok || a > b {
			return poison{}
		}
		return &sequence{items: q.items[a:b], list: q.list}
	}
	i, ok := e.constant(s, at, v, "an index")
	if !ok {
		return poison{}
	}
	if i < 0 {
		i += n
	}
	if i < 0 || i >= n {
		e.errorf(s, check.BadAxis, at, "index %s is outside of a list of %d", check.ExprText(x.Items[0]), n)
		return poison{}
	}
	return q.items[i]
}

// stretch evaluates the ends of lo..hi along an axis of n: negative ends count from the end.
func (e *elaborator) stretch(s *scope, at diag.Span, r *span, n tensor.Dim) (lo, hi tensor.Dim, ok bool) {
	hi = n
	first, okLo := e.whole(s, at, r.lo, "a bound")
	if !okLo {
		return lo, hi, false
	}
	lo = fromEnd(first.dim, n)
	if _, open := r.hi.(none); !open {
		last, okHi := e.whole(s, at, r.hi, "a bound")
		if !okHi {
			return lo, hi, false
		}
		hi = fromEnd(last.dim, n)
	}
	if empty := hi.Sub(lo).Bounds(nil); !empty.OpenHi && empty.Hi < 0 {
		e.errorf(s, check.SizeGone, at, "%s..%s takes nothing", lo, hi)
		return lo, hi, false
	}
	if past := n.Sub(hi).Bounds(nil); !past.OpenHi && past.Hi < 0 {
		e.errorf(s, check.SizeGone, at, "%s..%s is not inside an axis of %s", lo, hi, n)
		return lo, hi, false
	}
	if before := lo.Bounds(nil); !before.OpenHi && before.Hi < 0 {
		e.errorf(s, check.SizeGone, at, "%s..%s is not inside an axis of %s", lo, hi, n)
		return lo, hi, false
	}
	return lo, hi, true
}

// fromEnd makes a negative constant count from the end of an axis.
func fromEnd(d, n tensor.Dim) tensor.Dim {
	if v, ok := d.Const(); ok && v < 0 {
		return n.Add(d)
	}
	return d
}

// A cut is what an index does to a tensor: a slice of each axis, then a reshape that drops and
// adds axes.
type cut struct {
	lo, hi tensor.Shape
	out    tensor.Shape
	labels []string
	axis   int

	index       *tens // for the axis from, which comes out at place
	from, place int
}

// part slices a tensor.
func (e *elaborator) part(s *scope, x *syntax.Index, t *tens) value {
	c, ok := e.cutOf(s, x, t)
	if !ok {
		return poison{}
	}
	return e.gathered(s, x.Span(), e.cutOut(s, x.Span(), t, c), c)
}

// cutOf is what an index does to t.
func (e *elaborator) cutOf(s *scope, x *syntax.Index, t *tens) (*cut, bool) {
	shape := t.shape()
	named := 0
	for _, i := range x.Items {
		switch i.(type) {
		case *syntax.Ellipsis, *syntax.NewAxis:
		default:
			named++
		}
	}
	if named > len(shape) {
		e.errorf(s, check.BadAxis, x.Span(), "%d indices for %s", named, t.typ())
		return nil, false
	}
	c := &cut{}
	rest := len(shape) - named
	for _, i := range x.Items {
		switch i := i.(type) {
		case *syntax.Ellipsis:
			for ; rest > 0; rest-- {
				c.whole(t)
			}
		case *syntax.NewAxis:
			c.out, c.labels = append(c.out, tensor.Int(1)), append(c.labels, "")
		case *syntax.Colon:
			c.whole(t)
		default:
			if !e.cutAxis(s, c, t, i) {
				return nil, false
			}
		}
	}
	for c.axis < len(shape) {
		c.whole(t)
	}
	return c, true
}

func (c *cut) whole(t *tens) {
	c.take(t, tensor.Int(0), t.shape()[c.axis])
	c.out, c.labels = append(c.out, t.shape()[c.axis]), append(c.labels, t.labels[c.axis])
	c.axis++
}

func (c *cut) take(_ *tens, lo, hi tensor.Dim) {
	c.lo, c.hi = append(c.lo, lo), append(c.hi, hi)
}

// cutAxis takes one place or a stretch of the next axis.
func (e *elaborator) cutAxis(s *scope, c *cut, t *tens, x syntax.Expr) bool {
	n := t.shape()[c.axis]
	v := e.eval(s, x)
	switch v := v.(type) {
	case poison:
		return false
	case *span:
		lo, hi, ok := e.stretch(s, x.Span(), v, n)
		if !ok {
			return false
		}
		c.take(t, lo, hi)
		c.out, c.labels = append(c.out, hi.Sub(lo)), append(c.labels, "")
	case *tens:
		return e.indexed(s, c, t, x, v)
	default:
		i, ok := e.whole(s, x.Span(), v, "an index")
		if !ok {
			return false
		}
		at := fromEnd(i.dim, n)
		below, above := at.Bounds(nil), n.Sub(at).Bounds(nil)
		if !below.OpenHi && below.Hi < 0 || !above.OpenHi && above.Hi <= 0 {
			e.errorf(s, check.SizeGone, x.Span(), "index %s is outside of an axis of %s", i, n)
			return false
		}
		c.take(t, at, at.AddInt(1))
	}
	c.axis++
	return true
}

func (e *elaborator) cutOut(s *scope, at diag.Span, t *tens, c *cut) value {
	lo, hi, out := c.lo, c.hi, c.out
	if t.row {
		n := t.v.Type.Shape[0]
		lo, hi = append(tensor.Shape{tensor.Int(0)}, lo...), append(tensor.Shape{n}, hi...)
		out = append(tensor.Shape{n}, out...)
	}
	v := t.v
	for i := range lo {
		if !lo[i].IsConst(0) || !hi[i].Equal(v.Type.Shape[i]) {
			v = e.emit1(s, at, ir.Slice{Lo: lo, Hi: hi}, v)
			break
		}
	}
	if v != nil && !v.Type.Shape.Equal(out) {
		v = e.emit1(s, at, ir.Reshape{Shape: out}, v)
	}
	w := e.keep(t, v)
	if w, ok := w.(*tens); ok {
		w.labels = c.labels
	}
	return w
}
