package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// Where a contraction has so few columns that most lanes of a vector would be empty, another kept
// axis of the rows' operand lies across the lanes.
const (
	fewColumns = 8  // columns that leave half of a panel empty
	wideAxis   = 16 // length of an axis that serves instead
	turnTerms  = 64 // terms from which the operand's transposed copy pays
)

// narrow returns, for a contraction d onto few columns, the same sums with another axis last, and d
// as a map that reads them; nil where d stays as it is. The data gradient of a convolution of stride
// S reads its operand at (v + c) div S: v becomes S*p + q, and p goes along the lanes, for a
// condition on the remainder of v then asks q alone.
//
//	dx[h, v, i] = sum (s, o); dy[(v - s) div 2, o] * w[s, i, o]   becomes
//	dx.wide[h, q:2, i, p] = sum (s, o); dy[p + (q - s) div 2, o] * w[s, i, o]
//	dx[h, v, i] = dx.wide[h, v % 2, i, v div 2]
func (l *layouts) narrow(k *kernel.Kernel, d *kernel.Def) (wide, again *kernel.Def) {
	if d.Reduce == nil || d.Scan != nil || !tiled(d) || d.Reduce.Order.Kind == kernel.Rescale || len(d.Axes) < 2 || followedScores(k, d) {
		return nil, nil
	}
	c, _ := kernel.Classify(d)
	column := d.Axes[len(d.Axes)-1]
	n, constant := column.Extent.Const()
	terms, _ := sizeOf(d.Reduce.Axes).Const()
	if !constant || n > fewColumns || !hasAxis(c.N, column.Name) || terms < turnTerms {
		return nil, nil
	}
	for i := len(d.Axes) - 2; i >= 0; i-- {
		a := d.Axes[i]
		length, constant := a.Extent.Const()
		if !constant || length < wideAxis || !hasAxis(c.M, a.Name) {
			continue
		}
		if by := stepOf(c.Left, a.Name); by > 0 && length >= wideAxis*by {
			l.opt.explain("layout", "%s %s: %d columns, so %s lies across the lanes", k.Name, d.Name, n, a.Name)
			return turned(d, i, by)
		}
	}
	return nil, nil
}

// stepOf returns 1 where one index of the load is name plus others, S where it is (name plus
// others) div S plus others, else 0.
func stepOf(load *kernel.Load, name string) int64 {
	by := int64(0)
	for _, e := range load.At {
		d := e.(*kernel.Index).Dim
		if !d.Uses(name) {
			continue
		}
		coef, _, linear := d.Linear(name)
		switch {
		case by != 0:
			return 0
		case linear && coef.IsConst(1):
			by = 1
		default:
			d.Terms(func(coef int64, fs []tensor.Factor) {
				if len(fs) != 1 || fs[0].Den == 0 || !fs[0].Num.Uses(name) || coef != 1 {
					return
				}
				if c, _, linear := fs[0].Num.Linear(name); linear && c.IsConst(1) {
					by = fs[0].Den
				}
			})
		}
		if by == 0 {
			return 0
		}
	}
	return by
}

// turned splits axis number at of d into remainders and quotients by a length; the quotients go last.
func turned(d *kernel.Def, at int, by int64) (wide, again *kernel.Def) {
	axis, last := d.Axes[at], len(d.Axes)-1
	p := kernel.Axis{Name: unusedName("p", d), Extent: axis.Extent.CeilDiv(by)}
	q := kernel.Axis{Name: unusedName("q", d), Extent: tensor.Int(by)}
	axes := append(append([]kernel.Axis{}, d.Axes[:at]...), d.Axes[at+1:last]...)
	index := kernel.Points(axes)
	if by > 1 {
		axes = append(axes, q)
		index = append(index, kernel.IndexOf(tensor.Sym(axis.Name).Mod(by)))
	}
	axes = append(axes, d.Axes[last], p)
	index = append(index, kernel.At(d.Axes[last].Name), kernel.IndexOf(tensor.Sym(axis.Name).Div(by)))
	r := newRewriting(axisRanges(axes, d.Reduce.Axes))
	r.dims = map[string]tensor.Dim{axis.Name: tensor.Sym(p.Name).Scale(by)}
	if by > 1 {
		r.dims[axis.Name] = r.dims[axis.Name].Add(tensor.Sym(q.Name))
	}
	wide = rewriteDef(d, r)
	wide.Name, wide.Axes = d.Name+".wide", axes
	again = &kernel.Def{Name: d.Name, DType: d.DType, Axes: d.Axes, Span: d.Span, Expr: &kernel.Load{Name: wide.Name, DType: d.DType, At: index}}
	return wide, again
}
