package passes

import (
	"math"
	"strings"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// A rewriting copies expressions with names replaced. Nodes shared in the original stay shared.
type rewriting struct {
	dims  map[string]tensor.Dim  // names that become index expressions
	exprs map[string]kernel.Expr // names that become computed integers (i64)
	// load gives what stands for a load whose indices are rewritten already; nil keeps it.
	load   func(*kernel.Load) kernel.Expr
	ranges map[string]tensor.Range
	memo   map[kernel.Expr]kernel.Expr
}

func newRewriting(ranges map[string]tensor.Range) *rewriting {
	return &rewriting{ranges: ranges, memo: map[kernel.Expr]kernel.Expr{}}
}

func (r *rewriting) expr(e kernel.Expr) kernel.Expr {
	if done, ok := r.memo[e]; ok {
		return done
	}
	out := r.fresh(e)
	r.memo[e] = out
	return out
}

func (r *rewriting) fresh(e kernel.Expr) kernel.Expr {
	switch e := e.(type) {
	case *kernel.Index:
		return r.index(e)
	case *kernel.Load:
		l := &kernel.Load{Name: e.Name, DType: e.DType, At: r.list(e.At)}
		if r.load != nil {
			return r.load(l)
		}
		return l
	case *kernel.Call:
		return &kernel.Call{Fn: e.Fn, DType: e.DType, Args: r.list(e.Args)}
	case *kernel.Guard:
		conds, possible := r.conds(e.Conds)
		if !possible {
			return kernel.Number(e.Type(), 0)
		}
		if len(conds) == 0 {
			return r.expr(e.Expr)
		}
		return &kernel.Guard{Conds: conds, Expr: r.expr(e.Expr)}
	case *kernel.Random:
		return &kernel.Random{Seed: r.expr(e.Seed), Step: r.expr(e.Step), Site: e.Site, Row: r.expr(e.Row), Column: r.expr(e.Column)}
	}
	return e
}

func (r *rewriting) list(es []kernel.Expr) []kernel.Expr {
	out := make([]kernel.Expr, len(es))
	for i, e := range es {
		out[i] = r.expr(e)
	}
	return out
}

func (r *rewriting) dim(d tensor.Dim) tensor.Dim { return d.Subst(r.dims).Within(r.ranges) }

// index replaces the names of an index expression; it becomes arithmetic where one is computed.
func (r *rewriting) index(e *kernel.Index) kernel.Expr {
	computed := false
	for name := range r.exprs {
		computed = computed || e.Dim.Uses(name)
	}
	if !computed {
		return &kernel.Index{Dim: r.dim(e.Dim)}
	}
	return r.arithmetic(e.Dim)
}

func (r *rewriting) arithmetic(d tensor.Dim) kernel.Expr {
	var sum kernel.Expr
	d.Terms(func(coef int64, factors []tensor.Factor) {
		var product kernel.Expr
		if coef != 1 || len(factors) == 0 {
			product = kernel.I(tensor.I64, coef)
		}
		for _, f := range factors {
			product = joined("mul", product, r.factor(f))
		}
		sum = joined("add", sum, product)
	})
	if sum == nil {
		return kernel.I(tensor.I64, 0)
	}
	return sum
}

func (r *rewriting) factor(f tensor.Factor) kernel.Expr {
	if f.Den > 0 {
		return kernel.Apply("idiv", r.arithmetic(f.Num), kernel.I(tensor.I64, f.Den))
	}
	if e, ok := r.exprs[f.Name]; ok {
		return e
	}
	return &kernel.Index{Dim: r.dim(tensor.Sym(f.Name))}
}

func joined(fn string, a, b kernel.Expr) kernel.Expr {
	if a == nil {
		return b
	}
	return kernel.Apply(fn, a, b)
}

// conds rewrites conditions and drops those that always hold; possible is false where one never does.
func (r *rewriting) conds(cs []kernel.Cond) (out []kernel.Cond, possible bool) {
	for _, c := range cs {
		c = kernel.Cond{Index: r.dim(c.Index), Extent: r.dim(c.Extent)}
		switch holds, known := decided(c, r.ranges); {
		case known && !holds:
			return nil, false
		case !known:
			out = append(out, c)
		}
	}
	return out, true
}

// decided reports whether the ranges alone decide c.
func decided(c kernel.Cond, ranges map[string]tensor.Range) (holds, known bool) {
	low := c.Index.Bounds(ranges)
	gap := c.Extent.Sub(c.Index).Bounds(ranges) // holds where gap >= 1
	above := !low.OpenLo && low.Lo >= 0
	below := !gap.OpenLo && gap.Lo >= 1
	never := !low.OpenHi && low.Hi < 0 || !gap.OpenHi && gap.Hi < 1
	return above && below, above && below || never
}

// axisRanges gives each axis the interval it runs over.
func axisRanges(lists ...[]kernel.Axis) map[string]tensor.Range {
	m := map[string]tensor.Range{}
	for _, axes := range lists {
		for _, a := range axes {
			r := tensor.Range{OpenHi: true}
			if n, ok := a.Extent.Const(); ok {
				r = tensor.Range{Hi: max(0, n-1)}
			}
			m[a.Name] = r
		}
	}
	return m
}

func reduceAxes(d *kernel.Def) []kernel.Axis {
	if d.Reduce == nil {
		return nil
	}
	return d.Reduce.Axes
}

// rewriteDef returns a copy of d in which r, over the axes as they are, is applied to its
// expression and conditions.
func rewriteDef(d *kernel.Def, r *rewriting) *kernel.Def {
	out := *d.MapExprs(r.expr)
	if d.Reduce != nil {
		red := *out.Reduce
		conds, possible := r.conds(red.When)
		if !possible {
			conds = []kernel.Cond{{Index: tensor.Int(-1), Extent: tensor.Int(1)}}
		}
		red.When = conds
		out.Reduce = &red
	}
	return &out
}

// rename gives d's axes (kept, then reduced) new names of the same extents.
func rename(d *kernel.Def, kept, reduced []kernel.Axis) *kernel.Def {
	if alikeNamed(d.Axes, kept) && alikeNamed(reduceAxes(d), reduced) {
		return d
	}
	to := map[string]tensor.Dim{}
	note := func(old, new []kernel.Axis) []kernel.Axis {
		axes := make([]kernel.Axis, len(old))
		for i, a := range old {
			to[a.Name] = tensor.Sym(new[i].Name)
			axes[i] = kernel.Axis{Name: new[i].Name, Extent: a.Extent}
		}
		return axes
	}
	scan := d.Scan
	if at := d.ScanPlace(); at >= 0 {
		scan = &kernel.Scan{Axis: kept[at].Name, Reversed: scan.Reversed}
	}
	axes := note(d.Axes, kept)
	r := newRewriting(axisRanges(kept, reduced))
	r.dims = to
	if d.Reduce == nil {
		out := rewriteDef(d, r)
		out.Axes, out.Scan = axes, scan
		return out
	}
	inner := note(d.Reduce.Axes, reduced)
	out := rewriteDef(d, r)
	out.Axes, out.Reduce.Axes, out.Scan = axes, inner, scan
	if d.Reduce.Order.Kind == kernel.Chunks {
		for i, a := range d.Reduce.Axes {
			if a.Name == d.Reduce.Order.Axis {
				out.Reduce.Order.Axis = inner[i].Name
			}
		}
	}
	for i, m := range out.Reduce.At {
		out.Reduce.At[i].Axis = kept[axisNamed(d.Axes, m.Axis)].Name
	}
	return out
}

func alikeNamed(a, b []kernel.Axis) bool {
	for i := range a {
		if a[i].Name != b[i].Name {
			return false
		}
	}
	return true
}

// plain reports whether every index of l is an index expression: no gather.
func plain(l *kernel.Load) bool {
	for _, a := range l.At {
		if _, ok := a.(*kernel.Index); !ok {
			return false
		}
	}
	return true
}

// atText is a key of a plain load's place; "" for a gather.
func atText(l *kernel.Load) string {
	if !plain(l) {
		return ""
	}
	var b strings.Builder
	b.WriteString(l.Name)
	for _, a := range l.At {
		b.WriteString("|")
		b.WriteString(a.(*kernel.Index).Dim.String())
	}
	return b.String()
}

// isView reports whether d is another tensor under other indices and nothing else.
func isView(d *kernel.Def) bool {
	l, ok := d.Expr.(*kernel.Load)
	return ok && d.Reduce == nil && plain(l)
}

// expand returns the expression of the map d at the place that l loads, or false where d has
// conditions on an axis that l gathers along.
func expand(l *kernel.Load, d *kernel.Def, ranges map[string]tensor.Range) (kernel.Expr, bool) {
	r := newRewriting(ranges)
	r.dims, r.exprs = map[string]tensor.Dim{}, map[string]kernel.Expr{}
	var inside kernel.Expr
	for i, a := range d.Axes {
		if ix, ok := l.At[i].(*kernel.Index); ok {
			r.dims[a.Name] = ix.Dim
			continue
		}
		if conditioned(d, a.Name) {
			return nil, false
		}
		at := kernel.Cast(tensor.I64, l.At[i])
		r.exprs[a.Name] = at
		low := kernel.Compare("ge", at, kernel.I(tensor.I64, 0))
		high := kernel.Compare("lt", at, kernel.IndexOf(a.Extent))
		in := &kernel.Call{Fn: "and", DType: tensor.Bool, Args: []kernel.Expr{low, high}}
		if inside == nil {
			inside = in
		} else {
			inside = &kernel.Call{Fn: "and", DType: tensor.Bool, Args: []kernel.Expr{inside, in}}
		}
	}
	e := r.expr(d.Expr)
	if inside != nil {
		e = kernel.Select(inside, e, kernel.Number(d.DType, 0))
	}
	return e, true
}

func conditioned(d *kernel.Def, axis string) bool {
	found := false
	kernel.Walk(d.Expr, func(e kernel.Expr) bool {
		if g, ok := e.(*kernel.Guard); ok {
			for _, c := range g.Conds {
				found = found || c.Index.Uses(axis) || c.Extent.Uses(axis)
			}
		}
		return true
	})
	return found
}

// inline returns the consumer with every load of the map d replaced by d's expression there, or
// false where one cannot be.
func inline(consumer, d *kernel.Def) (*kernel.Def, bool) {
	ranges := consumer.Ranges()
	r, done, ok := newRewriting(ranges), map[string]kernel.Expr{}, true
	r.load = func(l *kernel.Load) kernel.Expr {
		if l.Name != d.Name {
			return l
		}
		key := atText(l)
		if e, seen := done[key]; seen && key != "" {
			return e
		}
		e, fits := expand(l, d, ranges)
		if !fits {
			ok = false
			return l
		}
		done[key] = e
		return e
	}
	out := rewriteDef(consumer, r)
	if out.Fused() && !consumer.Fused() {
		// A sum of products accumulates by fma; the product must stay rounded as it was.
		out.Expr = kernel.Apply("add", out.Expr, kernel.F(out.DType, math.Copysign(0, -1)))
	}
	return out, ok
}
