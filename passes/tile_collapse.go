package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// collapse joins neighbouring axes into one wherever every access of the kernel walks them as
// one: reads and writes then have fewer, longer rows. The axis made of h and w is called h.w.
// It works on k's own definitions; buffers of which the shape changes are replaced by copies.
func collapse(k *kernel.Kernel) {
	for again := true; again; {
		again = false
		for _, d := range k.Defs {
			axes := d.AllAxes()
			for i := 0; i+1 < len(axes) && !again; i++ {
				if i+1 != len(d.Axes) {
					again = joinAxes(k, axes[i], axes[i+1])
				}
			}
		}
	}
}

// A joiner tries to make one axis of a and b, the inner one. merges says for a buffer or a
// definition which two of its positions become one: p and p+1.
type joiner struct {
	k         *kernel.Kernel
	a, b, one kernel.Axis
	merges    map[string]int
}

func joinAxes(k *kernel.Kernel, a, b kernel.Axis) bool {
	one := kernel.Axis{Name: a.Name + "." + b.Name, Extent: a.Extent.Mul(b.Extent)}
	j := &joiner{k: k, a: a, b: b, one: one, merges: map[string]int{}}
	if !j.decide() {
		return false
	}
	defs := make([]*kernel.Def, len(k.Defs))
	for i, d := range k.Defs {
		if defs[i] = j.def(d); defs[i] == nil {
			return false
		}
	}
	ins, ok1 := j.buffers(k.Ins)
	outs, ok2 := j.buffers(k.Outs)
	if !ok1 || !ok2 {
		return false
	}
	k.Defs, k.Ins, k.Outs = defs, ins, outs
	return true
}

// decide finds what must merge: where an access has a and b as neighbouring positions.
func (j *joiner) decide() bool {
	for _, d := range j.k.Defs {
		if d.Scan != nil && (d.Scan.Axis == j.a.Name || d.Scan.Axis == j.b.Name) {
			return false
		}
		ia, ib := axisNamed(d.Axes, j.a.Name), axisNamed(d.Axes, j.b.Name)
		if ia < 0 != (ib < 0) || ia >= 0 && (ib != ia+1 || !j.merge(d.Name, ia)) {
			return false
		}
		for _, l := range d.Loads() {
			for p := 0; p+1 < len(l.At); p++ {
				if isAxis(l.At[p], j.a) && isAxis(l.At[p+1], j.b) && !j.merge(l.Name, p) {
					return false
				}
			}
		}
	}
	for _, d := range j.k.Defs {
		if p, ok := j.merges[d.Name]; ok && (p >= len(d.Axes) || d.Axes[p].Name != j.a.Name) {
			return false
		}
	}
	return true
}

func isAxis(e kernel.Expr, a kernel.Axis) bool {
	x, ok := e.(*kernel.Index)
	return ok && x.Dim.Equal(tensor.Sym(a.Name))
}

func (j *joiner) merge(name string, at int) bool {
	p, ok := j.merges[name]
	j.merges[name] = at
	return !ok || p == at
}

// def returns d over the joined axis, or nil where that cannot be.
func (j *joiner) def(d *kernel.Def) *kernel.Def {
	c := d.Clone()
	if d.Matched(j.a.Name) || d.Matched(j.b.Name) {
		return nil
	}
	if p := axisNamed(c.Axes, j.a.Name); p >= 0 {
		c.Axes = j.list(c.Axes, p)
	}
	if r := c.Reduce; r != nil {
		ia, ib := axisNamed(r.Axes, j.a.Name), axisNamed(r.Axes, j.b.Name)
		if ia < 0 != (ib < 0) || ia >= 0 && (ib != ia+1 || !j.order(r)) {
			return nil
		}
		if ia >= 0 {
			r.Axes = j.list(r.Axes, ia)
		}
		for i, w := range r.When {
			r.When[i] = kernel.Cond{Index: j.dim(w.Index), Extent: j.dim(w.Extent)}
			if j.left(r.When[i].Index) || j.left(r.When[i].Extent) {
				return nil
			}
		}
	}
	ok := true
	c = c.MapExprs(func(e kernel.Expr) kernel.Expr {
		e = kernel.Rewrite(e, func(e kernel.Expr) kernel.Expr { return j.node(e, &ok) })
		ok = ok && !kernel.Uses(e, j.a.Name) && !kernel.Uses(e, j.b.Name)
		return e
	})
	if !ok {
		return nil
	}
	return c
}

func (j *joiner) list(axes []kernel.Axis, at int) []kernel.Axis {
	out := append([]kernel.Axis{}, axes[:at]...)
	return append(append(out, j.one), axes[at+2:]...)
}

// order adapts r's order to the joined axis; false where the chunks would not be the same.
func (j *joiner) order(r *kernel.Reduce) bool {
	if r.Order.Kind != kernel.Chunks || r.Order.Axis != j.a.Name {
		return r.Order.Kind != kernel.Chunks || r.Order.Axis != j.b.Name
	}
	n, ok := j.b.Extent.Const()
	r.Order.Axis, r.Order.By = j.one.Name, r.Order.By*n
	return ok && n > 0
}

// dim returns d over the joined axis when it has a and b as a*extent(b) + b, else d itself.
func (j *joiner) dim(d tensor.Dim) tensor.Dim {
	ca, rest, ok1 := d.Linear(j.a.Name)
	cb, rest, ok2 := rest.Linear(j.b.Name)
	if !ok1 || !ok2 || !ca.Equal(cb.Mul(j.b.Extent)) || ca.IsConst(0) {
		return d
	}
	return cb.Mul(tensor.Sym(j.one.Name)).Add(rest)
}

// left reports whether d still needs one of the two axes.
func (j *joiner) left(d tensor.Dim) bool { return d.Uses(j.a.Name) || d.Uses(j.b.Name) }

// node rewrites one expression node of which the operands are rewritten.
func (j *joiner) node(e kernel.Expr, ok *bool) kernel.Expr {
	switch e := e.(type) {
	case *kernel.Index:
		return kernel.IndexOf(j.dim(e.Dim))
	case *kernel.Guard:
		conds := make([]kernel.Cond, len(e.Conds))
		for i, w := range e.Conds {
			conds[i] = kernel.Cond{Index: j.dim(w.Index), Extent: j.dim(w.Extent)}
		}
		return &kernel.Guard{Conds: conds, Expr: e.Expr}
	case *kernel.Load:
		p, merges := j.merges[e.Name]
		if !merges {
			return e
		}
		inner, known := j.extent(e.Name, p+1)
		hi, ok1 := e.At[p].(*kernel.Index)
		lo, ok2 := e.At[p+1].(*kernel.Index)
		if !known || !ok1 || !ok2 {
			*ok = false
			return e
		}
		at := append([]kernel.Expr{}, e.At[:p]...)
		at = append(at, kernel.IndexOf(j.dim(hi.Dim.Mul(inner).Add(lo.Dim))))
		return &kernel.Load{Name: e.Name, DType: e.DType, At: append(at, e.At[p+2:]...)}
	}
	return e
}

// extent returns an extent of a definition or row-major buffer.
func (j *joiner) extent(name string, at int) (tensor.Dim, bool) {
	if d := j.k.Def(name); d != nil {
		return d.Axes[at].Extent, true
	}
	b := j.k.Buffer(name)
	if b == nil || b.Layout != nil || at >= len(b.Type.Shape) {
		return tensor.Dim{}, false
	}
	return b.Type.Shape[at], true
}

// buffers returns the list with merged shapes. The merged extents must be those of the axes.
func (j *joiner) buffers(list []*kernel.Buffer) ([]*kernel.Buffer, bool) {
	out := append([]*kernel.Buffer{}, list...)
	for i, b := range out {
		p, ok := j.merges[b.Name]
		if !ok {
			continue
		}
		s := b.Type.Shape
		if b.Layout != nil || !s[p+1].Equal(j.b.Extent) {
			return nil, false
		}
		c := *b
		c.Type.Shape = append(append(append(tensor.Shape{}, s[:p]...), s[p].Mul(s[p+1])), s[p+2:]...)
		out[i] = &c
	}
	return out, true
}
