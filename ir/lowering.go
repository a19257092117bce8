package ir

import (
	"strconv"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// axes makes one axis per dim: prefix0, prefix1 ...
func axes(prefix string, s tensor.Shape) []kernel.Axis {
	list := make([]kernel.Axis, len(s))
	for i, d := range s {
		list[i] = kernel.Axis{Name: prefix + strconv.Itoa(i), Extent: d}
	}
	return list
}

// element reads input i at the plain indices of the axes.
func (l *Lowering) element(i int, axes []kernel.Axis) *kernel.Load {
	return l.Load(i, kernel.Points(axes)...)
}

// Constant makes output o a buffer of role Const.
func (l *Lowering) Constant(o int, x *tensor.Tensor) {
	l.Consts = append(l.Consts, &kernel.Buffer{Name: l.Out[o], Type: l.OutType[o], Role: kernel.Const, Value: x})
}

// names returns the indices of axes as Dims.
func names(axes []kernel.Axis) []tensor.Dim {
	list := make([]tensor.Dim, len(axes))
	for i, a := range axes {
		list[i] = tensor.Sym(a.Name)
	}
	return list
}

// indices wraps Dims as index expressions.
func indices(dims []tensor.Dim) []kernel.Expr {
	list := make([]kernel.Expr, len(dims))
	for i, d := range dims {
		list[i] = kernel.IndexOf(d)
	}
	return list
}

// flatten is the row-major place of an index in a shape.
func flatten(at []tensor.Dim, s tensor.Shape) tensor.Dim {
	flat := tensor.Dim{}
	for i, d := range s {
		flat = flat.Mul(d).Add(at[i])
	}
	return flat
}

// ranges gives the interval of each axis name.
func ranges(lists ...[]kernel.Axis) map[string]tensor.Range {
	r := map[string]tensor.Range{}
	for _, list := range lists {
		for _, a := range list {
			if n, ok := a.Extent.Const(); ok {
				r[a.Name] = tensor.Range{Hi: max(n-1, 0)}
			} else {
				r[a.Name] = tensor.Range{OpenHi: true}
			}
		}
	}
	return r
}

// needed drops the conditions that hold at every point of the axes, and simplifies the others.
func needed(conds []kernel.Cond, lists ...[]kernel.Axis) []kernel.Cond {
	r := ranges(lists...)
	var out []kernel.Cond
	for _, c := range conds {
		c.Index = c.Index.Within(r)
		low := c.Index.Bounds(r)
		high := c.Extent.AddInt(-1).Sub(peak(c.Index, lists)).Bounds(r)
		if low.OpenLo || low.Lo < 0 || high.OpenLo || high.Lo < 0 {
			out = append(out, c)
		}
	}
	return out
}

// peak puts the largest value of each axis into an index where its coefficient is a constant of
// known sign; what remains is bounded by the ranges of the other names.
func peak(d tensor.Dim, lists [][]kernel.Axis) tensor.Dim {
	for _, list := range lists {
		for _, a := range list {
			coef, rest, ok := d.Linear(a.Name)
			k, isConst := coef.Const()
			switch {
			case !ok || !isConst:
			case k >= 0:
				d = rest.Add(a.Extent.AddInt(-1).Scale(k))
			default:
				d = rest
			}
		}
	}
	return d
}

// guard is e where the needed conditions hold, else 0.
func guard(e kernel.Expr, conds []kernel.Cond) kernel.Expr {
	if len(conds) == 0 {
		return e
	}
	return &kernel.Guard{Conds: conds, Expr: e}
}

// zero is the literal 0 of a dtype.
func zero(t tensor.DType) kernel.Expr { return kernel.Number(t, 0) }
