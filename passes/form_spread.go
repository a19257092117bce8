package passes

import (
	"math"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// spread turns a sum of squared distances from a mean, which waits for the mean, into a Welford
// reduction of the same terms, which can be made beside it:
//
//	s[i] = sum j:C; x[i, j]
//	q[i] = sum j:C; (x[i, j] - s[i]/C) * (x[i, j] - s[i]/C)   becomes   q[i] = welford j:C; x[i, j]
//
// The maps between the three may stand in definitions of their own. The result is nearer to the
// true one: its mean need not be rounded first.
func spread(p *kernel.Program, o *Options) {
	s := &spreading{defs: map[string]*kernel.Def{}}
	buffers := buffersByName(p)
	for _, k := range p.Kernels {
		for _, d := range k.Defs {
			s.defs[d.Name] = d
		}
	}
	for _, k := range p.Kernels {
		changed := false
		for i, d := range k.Defs {
			if next := s.welford(d); next != nil {
				o.explain("form", "%s %s: squared distances from a mean, in one pass", k.Name, d.Name)
				k.Defs[i], s.defs[d.Name], changed = next, next, true
			}
		}
		if changed {
			outs := map[string]bool{}
			for _, b := range k.Outs {
				outs[b.Name] = true
			}
			again := assemble(k.Name, k.Defs, buffers, outs)
			k.Ins = again.Ins
		}
	}
}

type spreading struct {
	defs map[string]*kernel.Def
}

// welford returns what takes the place of d, or nil.
func (s *spreading) welford(d *kernel.Def) *kernel.Def {
	if d.Reduce == nil || d.Reduce.Op != kernel.Sum || !d.DType.IsFloat() || !s.bare(d.Reduce) {
		return nil
	}
	ranges := d.Ranges()
	square, ok := s.call("mul", d.Expr, ranges)
	if !ok || !kernel.Equal(square.Args[0], square.Args[1]) {
		return nil
	}
	apart, ok := s.call("sub", square.Args[0], ranges)
	if !ok {
		return nil
	}
	mean, ok := s.call("div", apart.Args[1], ranges)
	if !ok || !s.counts(mean.Args[1], d.Reduce.Axes, ranges) {
		return nil
	}
	sum, ok := s.resolved(mean.Args[0], ranges, func(e kernel.Expr) bool {
		l, ok := e.(*kernel.Load)
		return ok && s.defs[l.Name] != nil && s.defs[l.Name].Reduce != nil
	}).(*kernel.Load)
	if !ok || !s.sums(sum, apart.Args[0], d) {
		return nil
	}
	out := d.Clone()
	out.Expr, out.Reduce.Op = apart.Args[0], kernel.Welford
	return out
}

// bare reports whether a reduction takes every term of its axes, in no order yet.
func (s *spreading) bare(r *kernel.Reduce) bool {
	return len(r.When)+len(r.At) == 0 && len(r.Axes) > 0 && r.Order.Kind == kernel.Unordered
}

// resolved looks through maps, at most a few of them, until found.
func (s *spreading) resolved(e kernel.Expr, ranges map[string]tensor.Range, found func(kernel.Expr) bool) kernel.Expr {
	for range 8 {
		if found(e) {
			return e
		}
		l, ok := e.(*kernel.Load)
		if !ok || !plain(l) {
			return nil
		}
		d := s.defs[l.Name]
		if d == nil || d.Reduce != nil {
			return nil
		}
		if e, ok = expand(l, d, ranges); !ok {
			return nil
		}
	}
	return nil
}

func (s *spreading) call(fn string, e kernel.Expr, ranges map[string]tensor.Range) (*kernel.Call, bool) {
	c, ok := s.resolved(e, ranges, func(e kernel.Expr) bool { c, ok := e.(*kernel.Call); return ok && c.Fn == fn }).(*kernel.Call)
	return c, ok
}

// counts reports whether e is the number of points of the axes: a literal, or an index converted.
func (s *spreading) counts(e kernel.Expr, axes []kernel.Axis, ranges map[string]tensor.Range) bool {
	n := sizeOf(axes)
	e = s.resolved(e, ranges, func(e kernel.Expr) bool {
		_, load := e.(*kernel.Load)
		return !load
	})
	switch e := e.(type) {
	case *kernel.Lit:
		c, ok := n.Const()
		return ok && e.DType.IsFloat() && e.F == float64(float32(c)) && math.Abs(e.F) < 1<<24
	case *kernel.Call:
		i, ok := e.Args[0].(*kernel.Index)
		return ok && e.Fn == "cast" && i.Dim.Equal(n)
	}
	return false
}

// sums reports whether the load is of a sum, at d's kept axes, of the terms x over the axes that d
// reduces.
func (s *spreading) sums(l *kernel.Load, x kernel.Expr, d *kernel.Def) bool {
	of := s.defs[l.Name]
	if of.Reduce.Op != kernel.Sum || !s.bare(of.Reduce) || !plain(l) || !sameExtents(of.Reduce.Axes, d.Reduce.Axes) {
		return false
	}
	r := newRewriting(d.Ranges())
	r.dims = map[string]tensor.Dim{}
	for i, a := range of.Axes {
		at := l.At[i].(*kernel.Index).Dim
		for _, inner := range d.Reduce.Axes {
			if at.Uses(inner.Name) {
				return false
			}
		}
		r.dims[a.Name] = at
	}
	for i, a := range of.Reduce.Axes {
		r.dims[a.Name] = tensor.Sym(d.Reduce.Axes[i].Name)
	}
	same := newRewriting(d.Ranges())
	return kernel.Equal(r.expr(of.Expr), same.expr(x))
}
