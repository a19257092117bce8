package passes

import (
	"fmt"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// bounds makes visible where a program reads. An index of a load that its axes and conditions
// alone keep inside the extent needs nothing. For any other, a computed one above all, a kernel
// before the one that reads computes the index into a buffer of its own, over just those axes
// that it depends on, so that whoever runs the program launch by launch sees it in time.
func bounds(p *kernel.Program, _ *Options) {
	b := &bounding{prog: p, buffers: buffersByName(p)}
	var out []*kernel.Kernel
	for _, k := range p.Kernels {
		out = append(append(out, b.indices(k)...), k)
	}
	p.Kernels = out
}

type bounding struct {
	prog    *kernel.Program
	buffers map[string]*kernel.Buffer
	kernel  *kernel.Kernel
	made    []*kernel.Kernel
	seen    map[string]bool
}

// indices returns the kernels that compute the indices of k's loads.
func (b *bounding) indices(k *kernel.Kernel) []*kernel.Kernel {
	b.kernel, b.made, b.seen = k, nil, map[string]bool{}
	for _, d := range k.Defs {
		var when []kernel.Cond
		if d.Reduce != nil {
			when = d.Reduce.When
		}
		b.walk(d, d.Expr, when)
	}
	return b.made
}

// walk visits the loads in e, of which the conditions that stand around it must hold.
func (b *bounding) walk(d *kernel.Def, e kernel.Expr, when []kernel.Cond) {
	switch e := e.(type) {
	case *kernel.Guard:
		when = append(when[:len(when):len(when)], e.Conds...)
	case *kernel.Load:
		if to := b.buffers[e.Name]; to != nil {
			for axis, at := range e.At {
				if !within(d, at, to.Type.Shape[axis], when) && !b.readsOwn(at) {
					b.add(d, &kernel.Indexed{Buffer: to.Name, Axis: axis}, at, when)
				}
			}
		}
	}
	for _, x := range kernel.Operands(e) {
		b.walk(d, x, when)
	}
}

// within reports whether an index certainly lies in its extent where the conditions hold.
func within(d *kernel.Def, at kernel.Expr, extent tensor.Dim, when []kernel.Cond) bool {
	x, ok := at.(*kernel.Index)
	if !ok {
		return false
	}
	for _, a := range d.AllAxes() {
		if x.Dim.Equal(tensor.Sym(a.Name)) && a.Extent.Equal(extent) {
			return true
		}
	}
	for _, c := range when {
		if c.Index.Equal(x.Dim) && c.Extent.Equal(extent) {
			return true
		}
	}
	holds, known := decided(kernel.Cond{Index: x.Dim, Extent: extent}, d.Ranges())
	return known && holds
}

// readsOwn reports whether e reads a value that the kernel itself defines.
func (b *bounding) readsOwn(e kernel.Expr) bool {
	for _, l := range kernel.Loads(e) {
		if b.kernel.Def(l.Name) != nil {
			return true
		}
	}
	return false
}

// add makes the kernel that computes one index.
func (b *bounding) add(d *kernel.Def, of *kernel.Indexed, at kernel.Expr, when []kernel.Cond) {
	used := map[string]bool{}
	kernel.Walk(at, func(e kernel.Expr) bool {
		kernel.EachDim(e, func(d tensor.Dim) { d.Symbols(used) })
		return true
	})
	var conds []kernel.Cond
	for _, c := range when {
		names := map[string]bool{}
		c.Index.Symbols(names)
		for n := range names {
			if used[n] {
				conds = append(conds, c)
				break
			}
		}
	}
	for _, c := range conds {
		c.Index.Symbols(used)
	}
	var axes []kernel.Axis
	shape := tensor.Shape{}
	for _, a := range d.AllAxes() {
		if used[a.Name] {
			axes, shape = append(axes, a), append(shape, a.Extent)
		}
	}
	e := kernel.Cast(tensor.I64, at)
	if len(conds) > 0 {
		e = kernel.Select(holding(conds), &kernel.Guard{Conds: conds, Expr: e}, kernel.I(tensor.I64, kernel.NoIndex))
	}
	def := &kernel.Def{DType: tensor.I64, Axes: axes, Expr: e, Span: d.Span}
	key := fmt.Sprint(of.Buffer, of.Axis, def)
	if b.seen[key] {
		return
	}
	b.seen[key] = true
	def.Name = fmt.Sprintf("%s.index%d", b.kernel.Name, len(b.made))
	to := &kernel.Buffer{Name: def.Name, Type: tensor.Type{DType: tensor.I64, Shape: shape}, Indexes: of}
	b.prog.Buffers = append(b.prog.Buffers, to)
	b.buffers[to.Name] = to
	k := assemble(def.Name, []*kernel.Def{def}, b.buffers, nil)
	k.Spans = b.kernel.Spans
	b.made = append(b.made, k)
}

// holding is the conjunction of conditions.
func holding(conds []kernel.Cond) kernel.Expr {
	var all kernel.Expr
	for _, c := range conds {
		index := kernel.IndexOf(c.Index)
		one := kernel.Compare("and", kernel.Compare("ge", index, kernel.I(tensor.I64, 0)), kernel.Compare("lt", index, kernel.IndexOf(c.Extent)))
		if all == nil {
			all = one
		} else {
			all = kernel.Compare("and", all, one)
		}
	}
	return all
}
