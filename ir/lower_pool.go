package ir

import (
	"fmt"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// over prepares a reduction over each window: its axes and conditions, the element of x and its
// place in the window.
func (o MaxPool) over(l *Lowering) (out []kernel.Axis, r kernel.Reduce, x *kernel.Load, tap tensor.Dim) {
	rank := len(l.InType[0].Shape)
	out = l.Axes(l.OutType[0].Shape)
	window := tensor.Ints(o.Window...)
	r.Axes = axes("j", window)
	i, j := names(out), names(r.Axes)
	apart := make([]int64, rank-2)
	for k := range apart {
		apart[k] = o.dilation(k)
	}
	at, conds := Conv{Strides: o.Strides, PadLo: o.PadLo, PadHi: o.PadHi, Dilation: apart}.input(i, j, l.InType[0].Shape)
	r.When = needed(conds, out, r.Axes)
	x = l.Load(0, indices(append(append([]tensor.Dim{i[0]}, at...), i[rank-1]))...)
	return out, r, x, flatten(j, window)
}

// Lower is the maximum, then the least place of which the element equals it or is NaN.
func (o MaxPool) Lower(l *Lowering) {
	out, r, x, tap := o.over(l)
	r.Op = kernel.Max
	l.Reduce(0, out, r, x)
	best := &kernel.Load{Name: l.Out[0], DType: x.DType, At: kernel.Points(out)}
	at, none := kernel.Cast(tensor.I32, kernel.IndexOf(tap)), kernel.I(tensor.I32, o.size())
	r.Op = kernel.Min
	l.Reduce(1, out, r, kernel.Select(isBest(x, best), at, none))
}

// Lower is a sum of zeros and the element at the place.
func (o MaxPoolPick) Lower(l *Lowering) {
	out, r, x, tap := o.pool().over(l)
	r.Op = kernel.Sum
	here := kernel.Compare("eq", l.Load(1, kernel.Points(out)...), kernel.Cast(tensor.I32, kernel.IndexOf(tap)))
	l.Reduce(0, out, r, kernel.Select(here, x, zero(x.DType)))
}

// Lower is one sum.
func (o SumPool) Lower(l *Lowering) {
	out, r, x, _ := o.pool().over(l)
	r.Op = kernel.Sum
	l.Reduce(0, out, r, x)
}

// Lower takes dy from the windows whose index says so.
func (o MaxPoolGrad) Lower(l *Lowering) {
	o.pool().lowerGrad(l, o.Shape, func(at []kernel.Expr, tap tensor.Dim) kernel.Expr {
		here := kernel.Compare("eq", l.Load(1, at...), kernel.Cast(tensor.I32, kernel.IndexOf(tap)))
		return kernel.Select(here, l.Load(0, at...), zero(l.OutType[0].DType))
	})
}

// Lower takes dy from all windows that hold the element.
func (o SumPoolGrad) Lower(l *Lowering) {
	o.pool().lowerGrad(l, o.Shape, func(at []kernel.Expr, tap tensor.Dim) kernel.Expr { return l.Load(0, at...) })
}

// lowerGrad sums over the windows that can hold an element, ascending in the window. Where strides are
// at least the window there is one, and no sum.
func (o MaxPool) lowerGrad(l *Lowering, shape tensor.Shape, term func(at []kernel.Expr, tap tensor.Dim) kernel.Expr) {
	rank := len(shape)
	out := l.Axes(shape)
	i := names(out)
	g := &poolGrad{MaxPool: o, y: l.InType[0].Shape, at: []tensor.Dim{i[0]}}
	for k := range o.Strides {
		if p := i[1+k].AddInt(o.PadLo[k]); o.dilation(k) == 1 {
			g.dense(k, p)
		} else {
			g.apart(k, p)
		}
	}
	conds := needed(g.conds, out, g.fold)
	e := term(indices(append(g.at, i[rank-1])), flatten(g.taps, tensor.Ints(o.Window...)))
	if len(g.fold) == 0 {
		l.Map(0, out, guard(e, conds))
		return
	}
	l.Reduce(0, out, kernel.Reduce{Op: kernel.Sum, Axes: g.fold, When: conds}, e)
}

// A poolGrad gathers, by spatial dim, which windows hold an element and where.
type poolGrad struct {
	MaxPool
	y        tensor.Shape // of the windows
	fold     []kernel.Axis
	conds    []kernel.Cond
	at, taps []tensor.Dim
}

// axis adds an axis to what is summed.
func (g *poolGrad) axis(extent int64) tensor.Dim {
	a := kernel.Axis{Name: fmt.Sprint("j", len(g.fold)), Extent: tensor.Int(extent)}
	g.fold = append(g.fold, a)
	return tensor.Sym(a.Name)
}

func (g *poolGrad) put(k int, window, tap tensor.Dim) {
	g.at, g.taps = append(g.at, window), append(g.taps, tap)
	g.conds = append(g.conds, kernel.Cond{Index: window, Extent: g.y[1+k]})
}

// dense is for windows whose places touch: element p, counted with the padding, can be in windows
// p div stride - q for q in 0..ceil(window/stride), at the place p - window*stride.
func (g *poolGrad) dense(k int, p tensor.Dim) {
	s := g.Strides[k]
	w := p.Div(s)
	if n := (g.Window[k] + s - 1) / s; n > 1 {
		w = w.AddInt(1 - n).Add(g.axis(n))
	}
	tap := p.Sub(w.Scale(s))
	g.put(k, w, tap)
	if g.Window[k]%s != 0 { // else p % stride plus whole strides always stays inside
		g.conds = append(g.conds, kernel.Cond{Index: tap, Extent: tensor.Int(g.Window[k])})
	}
}

// apart is for windows whose places lie apart: element p is at each place of a window that begins a
// multiple of the stride before it, the last place first.
func (g *poolGrad) apart(k int, p tensor.Dim) {
	tap := tensor.Dim{}
	if n := g.Window[k]; n > 1 {
		tap = tensor.Int(n - 1).Sub(g.axis(n))
	}
	first := p.Sub(tap.Scale(g.dilation(k)))
	g.put(k, first.Div(g.Strides[k]), tap)
	g.conds = append(g.conds, kernel.Cond{Index: first.Mod(g.Strides[k]), Extent: tensor.Int(1)})
}
