package tile

import (
	"fmt"
	"strings"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// A code is a definition compiled to closures; it is the Scope of its expression.
type code struct {
	*interp
	def     *kernel.Def
	compile *kernel.Compiler
	fold    *kernel.Fold
	eval    kernel.Eval             // maps
	term    func(acc uint64) uint64 // reductions
	holds   func() bool
	matches []kernel.Eval
	spread  *kernel.Spread // of Welford
}

func (in *interp) compiled(name string) *code {
	if c := in.code[name]; c != nil {
		return c
	}
	d := in.p.Kernel.Def(name)
	c := &code{interp: in, def: d}
	in.code[name] = c
	c.compile = kernel.NewCompiler(c)
	e := kernel.Expand(d.Expr)
	if d.Reduce == nil {
		c.eval = c.compile.Compile(e)
		return c
	}
	c.fold, c.holds = kernel.NewFold(d), c.compile.Holds(d.Reduce.When)
	for _, m := range d.Reduce.At {
		c.matches = append(c.matches, c.compile.Compile(kernel.Expand(m.Index)))
	}
	if d.Sorts() {
		c.eval = c.compile.Compile(e)
		return c
	}
	if d.Reduce.Op == kernel.Welford {
		c.spread, c.eval = kernel.NewSpread(d.DType), c.compile.Compile(e)
		return c
	}
	if call, ok := e.(*kernel.Call); ok && c.fold.Fused {
		a, b := c.compile.Compile(call.Args[0]), c.compile.Compile(call.Args[1])
		c.term = func(acc uint64) uint64 { return c.fold.FMA(a(), b(), acc) }
		return c
	}
	f := c.compile.Compile(e)
	c.term = func(acc uint64) uint64 { return c.fold.Join(acc, f()) }
	return c
}

// Index implements kernel.Scope.
func (c *code) Index(d tensor.Dim) func() int64 {
	return kernel.CompileDim(d, func(name string) *int64 {
		v, ok := c.vars[name]
		if !ok {
			failf("definition %s: the symbol %s has no value", c.def.Name, name)
		}
		return v
	})
}

// Load implements kernel.Scope: registers, then memory, then evaluation in place.
func (c *code) Load(l *kernel.Load, at []func() int64) kernel.Eval {
	d := c.p.Kernel.Def(l.Name)
	affine := make([]bool, len(l.At))
	for i, e := range l.At {
		_, affine[i] = e.(*kernel.Index)
	}
	v := make([]int64, len(at)) // of one evaluation: a load never meets itself
	m := c.memory[l.Name]
	return func() uint64 {
		for i, f := range at {
			v[i] = f()
		}
		if d == nil {
			return c.fetch(l.Name, m, v, affine)
		}
		other := c.p.Phases[c.phase].otherTurn(l, d)
		if r := c.alive[l.Name]; r != nil && !other {
			if r.width != 1 {
				failf("%s reads %s, of which the lanes are not joined", c.def.Name, l.Name)
			}
			at := c.at(d, r, func(i int) int64 { return v[i] })
			if r.running != nil && c.inBlock[l.Name] {
				return r.running[at].Base
			}
			return r.values[at]
		}
		if h := c.held[l.Name]; h != nil && !other {
			return c.heldAt(c.def.Name, d, h, v)
		}
		if m != nil && (other || c.storedBefore(m)) {
			return c.fetch(l.Name, m, v, affine)
		}
		if d.Reduce != nil {
			failf("%s reads %s, which has no value here", c.def.Name, l.Name)
		}
		return c.inline(d, v, affine)
	}
}

// fetch reads a buffer.
func (c *code) fetch(name string, m *memory, at []int64, affine []bool) uint64 {
	if m == nil {
		failf("%s reads %s, which has no value here", c.def.Name, name)
	}
	if m.place(at) < 0 {
		if !c.outsideAllowed(m, at, affine) {
			failf("%s reads %s at [%s], outside of it", c.def.Name, name, strings.Trim(fmt.Sprint(at), "[]"))
		}
		return 0
	}
	if len(c.windows) > 0 {
		c.staged(c.def.Name, name, at)
	}
	return c.read(name, m, at)
}

// storedBefore reports whether an earlier phase stored the buffer of a definition.
func (c *code) storedBefore(m *memory) bool {
	for _, w := range m.writer {
		if w != nil && w.phase < c.phase {
			return true
		}
	}
	return false
}

// outsideAllowed reports whether only gathered positions are outside: these read 0.
func (c *code) outsideAllowed(m *memory, v []int64, affine []bool) bool {
	for i, d := range m.dims {
		if affine[i] && (v[i] < 0 || v[i] >= int64(d)) {
			return false
		}
	}
	return true
}

// inline evaluates a map at an index.
func (c *code) inline(d *kernel.Def, v []int64, affine []bool) uint64 {
	was := make([]int64, len(v))
	for i, a := range d.Axes {
		was[i] = *c.vars[a.Name]
	}
	defer func() {
		for i, a := range d.Axes {
			*c.vars[a.Name] = was[i]
		}
	}()
	for i, a := range d.Axes {
		if v[i] < 0 || v[i] >= c.value(a.Extent) {
			if affine[i] {
				failf("%s reads %s at %v, outside of it", c.def.Name, d.Name, v)
			}
			return 0
		}
		*c.vars[a.Name] = v[i]
	}
	f := c.compiled(d.Name)
	f.compile.Moved()
	return f.eval()
}
