package kernel

import (
	"sort"
	"strings"

	"dlc/ir/tensor"
)

// Walk visits e and all expressions in it, each shared node once, operands after their user.
// Where visit returns false the operands are left out.
func Walk(e Expr, visit func(Expr) bool) {
	seen := map[Expr]bool{}
	var walk func(Expr)
	walk = func(e Expr) {
		if seen[e] {
			return
		}
		seen[e] = true
		if visit(e) {
			for _, a := range Operands(e) {
				walk(a)
			}
		}
	}
	walk(e)
}

// Rewrite rebuilds e from its leaves up: f gets each node with its operands rewritten and
// returns what takes its place. Nodes that do not change are kept; sharing is kept.
func Rewrite(e Expr, f func(Expr) Expr) Expr {
	done := map[Expr]Expr{}
	var node func(Expr) Expr
	node = func(e Expr) Expr {
		if r, ok := done[e]; ok {
			return r
		}
		r := f(withOperands(e, node))
		done[e] = r
		return r
	}
	return node(e)
}

// withOperands returns e with each operand replaced by node of it: e itself if none changes.
func withOperands(e Expr, node func(Expr) Expr) Expr {
	old := Operands(e)
	if len(old) == 0 {
		return e
	}
	changed := false
	ops := make([]Expr, len(old))
	for i, a := range old {
		ops[i] = node(a)
		changed = changed || ops[i] != a
	}
	if !changed {
		return e
	}
	switch e := e.(type) {
	case *Load:
		return &Load{e.Name, e.DType, ops}
	case *Call:
		return &Call{e.Fn, e.DType, ops}
	case *Guard:
		return &Guard{e.Conds, ops[0]}
	case *Random:
		return &Random{ops[0], ops[1], e.Site, ops[2], ops[3]}
	}
	return e
}

// Subst replaces index names and symbols in all index expressions and conditions of e.
func Subst(e Expr, by map[string]tensor.Dim) Expr {
	return MapDims(e, func(d tensor.Dim) tensor.Dim { return d.Subst(by) })
}

// MapDims applies f to all index expressions of e and to the indices and extents of its guards.
func MapDims(e Expr, f func(tensor.Dim) tensor.Dim) Expr {
	return Rewrite(e, func(e Expr) Expr {
		switch e := e.(type) {
		case *Index:
			if d := f(e.Dim); !d.Equal(e.Dim) {
				return &Index{d}
			}
		case *Guard:
			if conds, changed := mapConds(e.Conds, f); changed {
				return &Guard{conds, e.Expr}
			}
		}
		return e
	})
}

func mapConds(conds []Cond, f func(tensor.Dim) tensor.Dim) (out []Cond, changed bool) {
	out = make([]Cond, len(conds))
	for i, c := range conds {
		out[i] = Cond{f(c.Index), f(c.Extent)}
		changed = changed || !out[i].Index.Equal(c.Index) || !out[i].Extent.Equal(c.Extent)
	}
	return out, changed
}

// Rename replaces the names that loads read.
func Rename(e Expr, by map[string]string) Expr {
	return Rewrite(e, func(e Expr) Expr {
		if l, ok := e.(*Load); ok {
			if to, ok := by[l.Name]; ok && to != l.Name {
				return &Load{to, l.DType, l.At}
			}
		}
		return e
	})
}

// RenameReads replaces the names that d reads and follows.
func (d *Def) RenameReads(by map[string]string) *Def {
	c := d.MapExprs(func(e Expr) Expr { return Rename(e, by) })
	if c.Reduce != nil && by[c.Reduce.Order.With] != "" {
		c.Reduce.Order.With = by[c.Reduce.Order.With]
	}
	return c
}

// Clone returns a copy of d of which the axes and the reduction may be changed; expressions,
// which never change, are shared.
func (d *Def) Clone() *Def {
	c := *d
	c.Axes = append([]Axis(nil), d.Axes...)
	if d.Reduce != nil {
		r := *d.Reduce
		r.Axes = append([]Axis(nil), r.Axes...)
		r.When = append([]Cond(nil), r.When...)
		r.At = append([]Match(nil), r.At...)
		c.Reduce = &r
	}
	return &c
}

// AllAxes returns the kept axes, then the reduced ones.
func (d *Def) AllAxes() []Axis {
	if d.Reduce == nil {
		return d.Axes
	}
	return append(append([]Axis(nil), d.Axes...), d.Reduce.Axes...)
}

// Ranges returns what is known of d's index names: 0 to the extent, less one where constant.
func (d *Def) Ranges() map[string]tensor.Range {
	ranges := map[string]tensor.Range{}
	for _, a := range d.AllAxes() {
		if v, ok := a.Extent.Const(); ok {
			ranges[a.Name] = tensor.Range{Hi: max(v-1, 0)}
		} else {
			ranges[a.Name] = tensor.Range{OpenHi: true}
		}
	}
	return ranges
}

// SubstDef replaces index names and symbols in d's extents, conditions and expression. The axes
// keep their names: the caller renames or removes those it replaces.
func SubstDef(d *Def, by map[string]tensor.Dim) *Def {
	f := func(e tensor.Dim) tensor.Dim { return e.Subst(by) }
	c := d.MapExprs(func(e Expr) Expr { return MapDims(e, f) })
	for i := range c.Axes {
		c.Axes[i].Extent = f(c.Axes[i].Extent)
	}
	if c.Reduce != nil {
		for i := range c.Reduce.Axes {
			c.Reduce.Axes[i].Extent = f(c.Reduce.Axes[i].Extent)
		}
		c.Reduce.When, _ = mapConds(c.Reduce.When, f)
	}
	return c
}

// RenameAxes gives axes of d other names, in every place.
func RenameAxes(d *Def, by map[string]string) *Def {
	dims := map[string]tensor.Dim{}
	for from, to := range by {
		dims[from] = tensor.Sym(to)
	}
	c := SubstDef(d, dims)
	rename := func(axes []Axis) {
		for i := range axes {
			if to, ok := by[axes[i].Name]; ok {
				axes[i].Name = to
			}
		}
	}
	rename(c.Axes)
	if c.Reduce != nil {
		rename(c.Reduce.Axes)
		for i, m := range c.Reduce.At {
			if to, ok := by[m.Axis]; ok {
				c.Reduce.At[i].Axis = to
			}
		}
		if to, ok := by[c.Reduce.Order.Axis]; ok {
			c.Reduce.Order.Axis = to
		}
	}
	if c.Scan != nil {
		if to, ok := by[c.Scan.Axis]; ok {
			c.Scan = &Scan{to, c.Scan.Reversed}
		}
	}
	return c
}

// Loads returns the loads in e, each once, in order of first use.
func Loads(e Expr) []*Load {
	var loads []*Load
	Walk(e, func(e Expr) bool {
		if l, ok := e.(*Load); ok {
			loads = append(loads, l)
		}
		return true
	})
	return loads
}

// Reads returns the names that d reads, in order of first use.
func (d *Def) Reads() []string {
	var names []string
	seen := map[string]bool{}
	for _, l := range d.Loads() {
		if !seen[l.Name] {
			seen[l.Name] = true
			names = append(names, l.Name)
		}
	}
	return names
}

// DefSymbols adds the model symbols of d to set.
func DefSymbols(d *Def, set map[string]bool) {
	names := map[string]bool{}
	each := func(e tensor.Dim) { e.Symbols(names) }
	eachDim(d, each)
	for _, a := range d.AllAxes() {
		delete(names, a.Name)
	}
	for n := range names {
		set[n] = true
	}
}

func eachDim(d *Def, each func(tensor.Dim)) {
	for _, a := range d.AllAxes() {
		each(a.Extent)
	}
	if d.Reduce != nil {
		eachOf(d.Reduce.When, each)
	}
	for _, e := range d.Exprs() {
		Walk(e, func(e Expr) bool {
			EachDim(e, each)
			return true
		})
	}
}

// EachDim calls each with the dims that stand in e itself, without those of its operands.
func EachDim(e Expr, each func(tensor.Dim)) {
	switch e := e.(type) {
	case *Index:
		each(e.Dim)
	case *Guard:
		eachOf(e.Conds, each)
	}
}

func eachOf(conds []Cond, each func(tensor.Dim)) {
	for _, c := range conds {
		each(c.Index)
		each(c.Extent)
	}
}

// Symbols returns the model symbols that k's code needs, sorted: those of its definitions, and
// those of its buffers' shapes, which addresses need.
func Symbols(k *Kernel) []string {
	set := map[string]bool{}
	for _, d := range k.Defs {
		DefSymbols(d, set)
	}
	for _, b := range k.Buffers() {
		for _, d := range b.Type.Shape {
			d.Symbols(set)
		}
		if b.Layout != nil {
			for _, d := range b.Layout.Dims {
				d.Symbols(set)
			}
		}
	}
	names := make([]string, 0, len(set))
	for n := range set {
		if !strings.HasPrefix(n, "$") {
			names = append(names, n)
		}
	}
	sort.Strings(names)
	return names
}

// Buffers returns k's Ins, then its Outs.
func (k *Kernel) Buffers() []*Buffer { return append(append([]*Buffer(nil), k.Ins...), k.Outs...) }

// Buffer returns the buffer of that name among Ins and Outs, or nil.
func (k *Kernel) Buffer(name string) *Buffer {
	for _, b := range k.Buffers() {
		if b.Name == name {
			return b
		}
	}
	return nil
}

// Def returns the definition of that name, or nil.
func (k *Kernel) Def(name string) *Def {
	for _, d := range k.Defs {
		if d.Name == name {
			return d
		}
	}
	return nil
}
