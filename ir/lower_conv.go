package ir

import (
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// Channels of a convolution in groups lie along two axes while it is computed, the group and the
// place in it, so that every index is a sum.

// A grouped is the channel axis of a result, and what stands for it in a contraction.
type grouped struct {
	axes  []kernel.Axis // of the result
	inner []kernel.Axis // of the contraction: in place of the channels, group and place
	group tensor.Dim    // 0 without groups
	place tensor.Dim
}

// byGroups cuts the last axis of a result by the number of groups.
func (l *Lowering) byGroups(groups int64) grouped {
	out := l.Axes(l.OutType[0].Shape)
	last := len(out) - 1
	if groups == 1 {
		return grouped{out, out, tensor.Dim{}, tensor.Sym(out[last].Name)}
	}
	if out[last].Extent.Div(groups).IsConst(1) {
		return grouped{out, out, tensor.Sym(out[last].Name), tensor.Dim{}}
	}
	inner := append([]kernel.Axis{}, out[:last]...)
	inner = append(inner, kernel.Axis{Name: "g", Extent: tensor.Int(groups)}, kernel.Axis{Name: "c", Extent: out[last].Extent.Div(groups)})
	return grouped{out, inner, tensor.Sym("g"), tensor.Sym("c")}
}

// channel is the channel of a tensor with so many to a group.
func (g grouped) channel(place, each tensor.Dim) tensor.Dim { return g.group.Mul(each).Add(place) }

// contract is one sum, then with groups the same elements with one channel axis.
func (l *Lowering) contract(g grouped, r kernel.Reduce, e kernel.Expr) {
	r.Op = kernel.Sum
	if len(g.inner) == len(g.axes) {
		l.Reduce(0, g.axes, r, e)
		return
	}
	load := l.Local(l.OutType[0].DType, g.inner, &r, e)
	last := len(g.axes) - 1
	c := tensor.Sym(g.axes[last].Name)
	each, _ := g.inner[last+1].Extent.Const()
	at := append(names(g.axes[:last]), c.Div(each), c.Mod(each))
	within := ranges(g.axes)
	for i := range at {
		at[i] = at[i].Within(within)
	}
	load.At = indices(at)
	l.Map(0, g.axes, load)
}

// Lower is one contraction over kernel rows, kernel columns and the channels of a group.
func (o Conv) Lower(l *Lowering) {
	x, w := l.InType[0].Shape, l.InType[1].Shape
	rank := len(x)
	g := l.byGroups(o.groups())
	fold := axes("j", w[:rank-1])
	i, j := names(g.axes), names(fold)
	atX, conds := o.input(i, j, x)
	a := l.Load(0, indices(append(append([]tensor.Dim{i[0]}, atX...), g.channel(j[rank-2], w[rank-2])))...)
	b := l.Load(1, indices(append(append([]tensor.Dim{}, j...), g.channel(g.place, w[rank-1].Div(o.groups()))))...)
	l.contract(g, kernel.Reduce{Axes: fold, When: needed(conds, g.inner, fold)}, kernel.Apply("mul", a, b))
}

// input gives the spatial index of x from those of y (after the row) and of the window.
func (o Conv) input(y, window []tensor.Dim, x tensor.Shape) (at []tensor.Dim, inside []kernel.Cond) {
	for k := range o.Strides {
		p := y[1+k].Scale(o.Strides[k]).Add(window[k].Scale(o.Dilation[k])).AddInt(-o.PadLo[k])
		at = append(at, p)
		inside = append(inside, kernel.Cond{Index: p, Extent: x[1+k]})
	}
	return at, inside
}

// Lower is one contraction over kernel rows, kernel columns and the output channels of a group, of
// the terms where the stride divides the place in dy.
func (o ConvData) Lower(l *Lowering) {
	rank := len(o.Shape)
	groups := o.conv().groups()
	dy, w := l.InType[0].Shape, l.InType[1].Shape
	each := w[rank-1].Div(groups)
	g := l.byGroups(groups)
	fold := axes("j", append(append(tensor.Shape{}, w[:rank-2]...), each))
	i, j := names(g.axes), names(fold)
	atY := []tensor.Dim{i[0]}
	var conds []kernel.Cond
	for k, s := range o.Strides {
		e := i[1+k].AddInt(o.PadLo[k]).Sub(j[k].Scale(o.Dilation[k]))
		atY = append(atY, e.Div(s))
		conds = append(conds, kernel.Cond{Index: e.Mod(s), Extent: tensor.Int(1)}, kernel.Cond{Index: e.Div(s), Extent: dy[1+k]})
	}
	out := g.channel(j[rank-2], each)
	y := l.Load(0, indices(append(atY, out))...)
	k := l.Load(1, indices(append(append([]tensor.Dim{}, j[:rank-2]...), g.place, out))...)
	l.contract(g, kernel.Reduce{Axes: fold, When: needed(conds, g.inner, fold)}, kernel.Apply("mul", y, k))
}

// Lower is one contraction over rows and the spatial places of dy.
func (o ConvFilter) Lower(l *Lowering) {
	rank := len(o.Shape)
	groups := o.conv().groups()
	g := l.byGroups(groups)
	fold := axes("j", l.InType[1].Shape[:rank-1])
	i, j := names(g.axes), names(fold)
	atX, conds := o.conv().input(j, i, l.InType[0].Shape)
	x := l.Load(0, indices(append(append([]tensor.Dim{j[0]}, atX...), g.channel(i[rank-2], o.Shape[rank-2])))...)
	y := l.Load(1, indices(append(append([]tensor.Dim{}, j...), g.channel(g.place, o.Shape[rank-1].Div(groups))))...)
	l.contract(g, kernel.Reduce{Axes: fold, When: needed(conds, g.inner, fold)}, kernel.Apply("mul", x, y))
}
