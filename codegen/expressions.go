package codegen

import (
	"sort"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// expressions holds what is derived from a kernel's expressions once: bodies without expanded
// functions, maps substituted into the loads that read them, stored addresses.
type expressions struct {
	kernel    *kernel.Kernel
	bodies    map[*kernel.Def]kernel.Expr
	inlined   map[*kernel.Load]kernel.Expr
	addresses map[*kernel.Load]tensor.Dim
	uses      map[kernel.Expr][]string // index names, sorted
	matches   map[kernel.Expr]kernel.Expr
	exps      map[tensor.DType]kernel.Expr
}

func newExpressions(k *kernel.Kernel) *expressions {
	return &expressions{k, map[*kernel.Def]kernel.Expr{}, map[*kernel.Load]kernel.Expr{},
		map[*kernel.Load]tensor.Dim{}, map[kernel.Expr][]string{}, map[kernel.Expr]kernel.Expr{}, map[tensor.DType]kernel.Expr{}}
}

// body is the expression of d without expanded functions and random draws.
func (x *expressions) body(d *kernel.Def) kernel.Expr {
	b, ok := x.bodies[d]
	if !ok {
		b = kernel.Expand(d.Expr)
		x.bodies[d] = b
	}
	return b
}

// inline is the expression of the map d at the index of l.
func (x *expressions) inline(l *kernel.Load, d *kernel.Def) kernel.Expr {
	e, ok := x.inlined[l]
	if !ok {
		if ownIndex(l, d) {
			return x.body(d) // shared with all that read it there
		}
		s := substitution{dims: map[string]tensor.Dim{}, exprs: map[string]kernel.Expr{}, done: map[kernel.Expr]kernel.Expr{}}
		for i, a := range d.Axes {
			if at, plain := l.At[i].(*kernel.Index); plain {
				s.dims[a.Name] = at.Dim
			} else {
				s.exprs[a.Name] = l.At[i]
			}
		}
		e = s.apply(x.body(d))
		x.inlined[l] = e
	}
	return e
}

// ownIndex reports whether l reads d at the plain index of its axes.
func ownIndex(l *kernel.Load, d *kernel.Def) bool {
	for i, a := range d.Axes {
		if at, plain := l.At[i].(*kernel.Index); !plain || !at.Dim.Equal(tensor.Sym(a.Name)) {
			return false
		}
	}
	return true
}

// linear is the place of a load's element in a buffer's memory; the index is made of Dims only.
func (x *expressions) linear(l *kernel.Load, b *kernel.Buffer) tensor.Dim {
	d, ok := x.addresses[l]
	if !ok {
		d, _ = kernel.Address(b, l.At)
		x.addresses[l] = d
	}
	return d
}

// names lists the index names and symbols in e, sorted.
func (x *expressions) names(e kernel.Expr) []string {
	if list, ok := x.uses[e]; ok {
		return list
	}
	set := map[string]bool{}
	kernel.EachDim(e, func(d tensor.Dim) { d.Symbols(set) })
	for _, o := range kernel.Operands(e) {
		for _, n := range x.names(o) {
			set[n] = true
		}
	}
	list := make([]string, 0, len(set))
	for n := range set {
		list = append(list, n)
	}
	sort.Strings(list)
	x.uses[e] = list
	return list
}

// A substitution replaces axes by Dims, or by expressions where an index is computed.
type substitution struct {
	dims  map[string]tensor.Dim
	exprs map[string]kernel.Expr
	done  map[kernel.Expr]kernel.Expr // keeps shared expressions shared
}

func (s *substitution) apply(e kernel.Expr) kernel.Expr {
	if r, ok := s.done[e]; ok {
		return r
	}
	r := s.fresh(e)
	s.done[e] = r
	return r
}

func (s *substitution) list(es []kernel.Expr) []kernel.Expr {
	out := make([]kernel.Expr, len(es))
	for i, e := range es {
		out[i] = s.apply(e)
	}
	return out
}

func (s *substitution) fresh(e kernel.Expr) kernel.Expr {
	switch e := e.(type) {
	case *kernel.Index:
		return s.dim(e.Dim)
	case *kernel.Load:
		return &kernel.Load{Name: e.Name, DType: e.DType, At: s.list(e.At)}
	case *kernel.Call:
		return &kernel.Call{Fn: e.Fn, DType: e.DType, Args: s.list(e.Args)}
	case *kernel.Guard:
		return s.guard(e)
	}
	return e
}

// guard keeps a Guard while its conditions are Dims; else they become a select.
func (s *substitution) guard(e *kernel.Guard) kernel.Expr {
	kept := &kernel.Guard{Expr: s.apply(e.Expr)}
	var computed []kernel.Expr
	for _, c := range e.Conds {
		at, plain := s.dim(c.Index).(*kernel.Index)
		if plain {
			kept.Conds = append(kept.Conds, kernel.Cond{Index: at.Dim, Extent: c.Extent.Subst(s.dims)})
			continue
		}
		i := s.dim(c.Index)
		computed = append(computed, kernel.Compare("ge", i, kernel.I(tensor.I64, 0)),
			kernel.Compare("lt", i, kernel.IndexOf(c.Extent.Subst(s.dims))))
	}
	for _, c := range computed { // loads inside have computed indices, so they stay in bounds
		kept.Expr = kernel.Select(c, kept.Expr, kernel.Number(e.Type(), 0))
	}
	if len(kept.Conds) == 0 {
		return kept.Expr
	}
	return kept
}

// dim substitutes in an index expression; it stays one where only Dims go in.
func (s *substitution) dim(d tensor.Dim) kernel.Expr {
	computed := false
	for name := range s.exprs {
		computed = computed || d.Uses(name)
	}
	if !computed {
		return kernel.IndexOf(d.Subst(s.dims))
	}
	var sum kernel.Expr = kernel.I(tensor.I64, 0)
	d.Terms(func(coef int64, factors []tensor.Factor) {
		var t kernel.Expr = kernel.I(tensor.I64, coef)
		for _, f := range factors {
			x := s.exprs[f.Name]
			switch {
			case f.Den > 0:
				x = kernel.Apply("idiv", s.dim(f.Num), kernel.I(tensor.I64, f.Den))
			case x == nil:
				x = kernel.IndexOf(tensor.Sym(f.Name).Subst(s.dims))
			}
			t = kernel.Apply("mul", t, kernel.Cast(tensor.I64, x))
		}
		sum = kernel.Apply("add", sum, t)
	})
	return sum
}
