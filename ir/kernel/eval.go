package kernel

import (
	"fmt"
	"math"

	"dlc/ir/tensor"
)

// An Eval computes an expression at the current point and returns a scalar.
type Eval func() uint64

// A Scope gives the leaves of expressions their meaning.
type Scope interface {
	// Index returns a function that computes d at the current point.
	Index(d tensor.Dim) func() int64
	// Load returns a function that reads l, whose indices at compute.
	Load(l *Load, at []func() int64) Eval
}

// A Compiler turns expressions without expanded functions into closures. Nodes that occur more
// than once are computed once per point; whoever moves the point calls Moved.
type Compiler struct {
	scope Scope
	point uint64
	uses  map[Expr]int
	done  map[Expr]Eval
}

// NewCompiler returns a compiler for expressions over the leaves of scope.
func NewCompiler(scope Scope) *Compiler {
	return &Compiler{scope: scope, uses: map[Expr]int{}, done: map[Expr]Eval{}}
}

// Moved forgets the values of shared nodes.
func (c *Compiler) Moved() { c.point++ }

// Compile returns a closure for e.
func (c *Compiler) Compile(e Expr) Eval {
	c.count(e)
	return c.node(e)
}

func (c *Compiler) count(e Expr) {
	if c.uses[e]++; c.uses[e] == 1 {
		for _, a := range Operands(e) {
			c.count(a)
		}
	}
}

func (c *Compiler) node(e Expr) Eval {
	if f, ok := c.done[e]; ok {
		return f
	}
	f := c.fresh(e)
	switch e.(type) {
	case *Lit, *Index:
	default:
		if c.uses[e] > 1 {
			f = c.shared(f)
		}
	}
	c.done[e] = f
	return f
}

func (c *Compiler) shared(f Eval) Eval {
	var value uint64
	at := uint64(math.MaxUint64)
	return func() uint64 {
		if at != c.point {
			value, at = f(), c.point
		}
		return value
	}
}

func (c *Compiler) fresh(e Expr) Eval {
	switch e := e.(type) {
	case *Lit:
		v := LitBits(e)
		return func() uint64 { return v }
	case *Index:
		f := c.scope.Index(e.Dim)
		return func() uint64 { return uint64(f()) }
	case *Load:
		at := make([]func() int64, len(e.At))
		for i, a := range e.At {
			f := c.node(a)
			at[i] = func() int64 { return int64(f()) }
			if ix, ok := a.(*Index); ok {
				at[i] = c.scope.Index(ix.Dim)
			}
		}
		return c.scope.Load(e, at)
	case *Guard:
		holds, f := c.Holds(e.Conds), c.node(e.Expr)
		return func() uint64 {
			if !holds() {
				return 0
			}
			return f()
		}
	case *Random:
		seed, step, row, column := c.node(e.Seed), c.node(e.Step), c.node(e.Row), c.node(e.Column)
		site := e.Site
		return func() uint64 {
			return uint64(RandomWord(seed(), site, int64(step()), int64(row()), int64(column())))
		}
	case *Call:
		return c.call(e)
	}
	panic(fmt.Sprintf("BUG: no expression %T", e))
}

func (c *Compiler) call(e *Call) Eval {
	arg := e.Args[0]
	if e.Fn == "select" {
		arg = e.Args[1]
	}
	s := ScalarOf(e.Fn, arg.Type(), e.DType)
	switch {
	case s.One != nil:
		f, a := s.One, c.node(e.Args[0])
		return func() uint64 { return f(a()) }
	case s.Two != nil:
		f, a, b := s.Two, c.node(e.Args[0]), c.node(e.Args[1])
		return func() uint64 { return f(a(), b()) }
	}
	f, x, y, z := s.Three, c.node(e.Args[0]), c.node(e.Args[1]), c.node(e.Args[2])
	return func() uint64 { return f(x(), y(), z()) }
}

// Holds returns a function that says whether all conditions hold at the current point.
func (c *Compiler) Holds(conds []Cond) func() bool {
	type pair struct{ index, extent func() int64 }
	ps := make([]pair, len(conds))
	for i, w := range conds {
		ps[i] = pair{c.scope.Index(w.Index), c.scope.Index(w.Extent)}
	}
	return func() bool {
		for _, p := range ps {
			if v := p.index(); v < 0 || v >= p.extent() {
				return false
			}
		}
		return true
	}
}

// Operands returns the expressions directly inside e.
func Operands(e Expr) []Expr {
	switch e := e.(type) {
	case *Load:
		return e.At
	case *Call:
		return e.Args
	case *Guard:
		return []Expr{e.Expr}
	case *Random:
		return []Expr{e.Seed, e.Step, e.Row, e.Column}
	}
	return nil
}

// CompileDim returns a function that computes d, given where each symbol's value lies.
func CompileDim(d tensor.Dim, symbol func(name string) *int64) func() int64 {
	if v, ok := d.Const(); ok {
		return func() int64 { return v }
	}
	type linear struct {
		coef  int64
		value *int64
	}
	var sum []linear
	var rest []func() int64
	constant := int64(0)
	d.Terms(func(coef int64, factors []tensor.Factor) {
		switch {
		case len(factors) == 0:
			constant = coef
		case len(factors) == 1 && factors[0].Den == 0:
			sum = append(sum, linear{coef, symbol(factors[0].Name)})
		default:
			rest = append(rest, compileTerm(coef, factors, symbol))
		}
	})
	if len(sum) == 1 && len(rest) == 0 && constant == 0 && sum[0].coef == 1 {
		at := sum[0].value
		return func() int64 { return *at }
	}
	return func() int64 {
		v := constant
		for _, t := range sum {
			v += t.coef * *t.value
		}
		for _, f := range rest {
			v += f()
		}
		return v
	}
}

func compileTerm(coef int64, factors []tensor.Factor, symbol func(name string) *int64) func() int64 {
	fs := make([]func() int64, len(factors))
	for i, f := range factors {
		if f.Den == 0 {
			at := symbol(f.Name)
			fs[i] = func() int64 { return *at }
			continue
		}
		num, den := CompileDim(f.Num, symbol), f.Den
		fs[i] = func() int64 { n := num(); return (n - floorMod(n, den)) / den }
	}
	return func() int64 {
		v := coef
		for _, f := range fs {
			v *= f()
		}
		return v
	}
}
