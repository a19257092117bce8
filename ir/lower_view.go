package ir

import (
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// Views are index changes: each Lower is one map of a load.

// Lower splits and joins indices through the row-major place, group by group: the shapes are cut
// where the products of their dims agree, so that a symbol in one group does not disturb another.
func (o Reshape) Lower(l *Lowering) {
	from := l.InType[0].Shape
	out := l.Axes(o.Shape)
	if o.Shape.Size().IsConst(0) {
		l.Map(0, out, zero(l.OutType[0].DType))
		return
	}
	at := make([]kernel.Expr, 0, len(from))
	i, j := 0, 0
	for i < len(from) || j < len(o.Shape) {
		m, n := nextGroup(from[i:], o.Shape[j:])
		flat := flatten(names(out[j:j+n]), o.Shape[j:j+n])
		at = append(at, unflatten(flat, from[i:i+m], ranges(out))...)
		i, j = i+m, j+n
	}
	l.Map(0, out, l.Load(0, at...))
}

// nextGroup returns how many leading dims of each shape make the smallest equal products.
func nextGroup(from, to tensor.Shape) (m, n int) {
	for total := 1; total <= len(from)+len(to); total++ {
		for m := max(0, total-len(to)); m <= min(total, len(from)); m++ {
			if n := total - m; from[:m].Size().Equal(to[:n].Size()) {
				return m, n
			}
		}
	}
	panic("BUG: reshape from [" + from.String() + "] to [" + to.String() + "]")
}

// unflatten gives the index into s of a row-major place. A dim by which a place must be divided
// and that is no constant makes the index a computed one.
func unflatten(flat tensor.Dim, s tensor.Shape, r map[string]tensor.Range) []kernel.Expr {
	at := make([]kernel.Expr, len(s))
	for i := len(s) - 1; i > 0; i-- {
		d, ok := s[i].Const()
		if !ok {
			return computed(flat, s, at[:i+1], at[i+1:])
		}
		at[i] = kernel.IndexOf(flat.Mod(d).Within(r))
		flat = flat.Div(d).Within(r)
	}
	if len(s) > 0 {
		at[0] = kernel.IndexOf(flat)
	}
	return at
}

// computed fills the indices up to a symbolic dim by integer functions.
func computed(flat tensor.Dim, s tensor.Shape, at, done []kernel.Expr) []kernel.Expr {
	rest := kernel.Expr(kernel.IndexOf(flat))
	for i := len(at) - 1; i > 0; i-- {
		d := kernel.IndexOf(s[i])
		at[i] = kernel.Apply("rem", rest, d)
		rest = kernel.Apply("idiv", rest, d)
	}
	at[0] = rest
	return append(at, done...)
}

// Lower permutes the index.
func (o Transpose) Lower(l *Lowering) {
	out := l.Axes(l.OutType[0].Shape)
	at := make([]kernel.Expr, len(out))
	for i, p := range o.Perm {
		at[p] = kernel.At(out[i].Name)
	}
	l.Map(0, out, l.Load(0, at...))
}

// Lower leaves indices out.
func (o Broadcast) Lower(l *Lowering) {
	out := l.Axes(o.Shape)
	at := make([]kernel.Expr, len(o.Axes))
	for i, a := range o.Axes {
		if l.InType[0].Shape[i].IsConst(1) {
			at[i] = kernel.IndexOf(tensor.Int(0))
		} else {
			at[i] = kernel.At(out[a].Name)
		}
	}
	l.Map(0, out, l.Load(0, at...))
}

// Lower scales and shifts the index.
func (o Slice) Lower(l *Lowering) {
	out := l.Axes(l.OutType[0].Shape)
	at := names(out)
	for i, s := range steps(o.Step, len(at)) {
		at[i] = at[i].Scale(s).Add(o.Lo[i])
	}
	l.Map(0, out, l.Load(0, indices(at)...))
}

// Lower guards the load by the places that elements come to.
func (o Pad) Lower(l *Lowering) {
	out := l.Axes(l.OutType[0].Shape)
	at := names(out)
	var conds []kernel.Cond
	for i, s := range steps(o.Step, len(at)) {
		e := at[i].Sub(o.Lo[i])
		at[i] = e.Div(s)
		conds = append(conds, kernel.Cond{Index: e.Mod(s), Extent: tensor.Int(1)}, kernel.Cond{Index: at[i], Extent: l.InType[0].Shape[i]})
	}
	l.Map(0, out, guard(l.Load(0, indices(at)...), needed(conds, out)))
}

// Lower selects the operand by the index along the axis.
func (o Concat) Lower(l *Lowering) {
	out := l.Axes(l.OutType[0].Shape)
	along := tensor.Sym(out[o.Axis].Name)
	starts := make([]tensor.Dim, len(l.In)+1)
	for k := range l.In {
		starts[k+1] = starts[k].Add(l.InType[k].Shape[o.Axis])
	}
	part := func(k int) kernel.Expr {
		at := names(out)
		at[o.Axis] = along.Sub(starts[k])
		inside := []kernel.Cond{{Index: at[o.Axis], Extent: l.InType[k].Shape[o.Axis]}}
		return guard(l.Load(k, indices(at)...), needed(inside, out))
	}
	last := len(l.In) - 1
	e := part(last)
	for k := last - 1; k >= 0; k-- {
		before := kernel.Compare("lt", kernel.IndexOf(along), kernel.IndexOf(starts[k+1]))
		e = kernel.Select(before, part(k), e)
	}
	l.Map(0, out, e)
}

// Lower counts indices down.
func (o Reverse) Lower(l *Lowering) {
	out := l.Axes(l.OutType[0].Shape)
	at := names(out)
	for _, a := range o.Axes {
		at[a] = out[a].Extent.AddInt(-1).Sub(at[a])
	}
	l.Map(0, out, l.Load(0, indices(at)...))
}
