package passes

import (
	"slices"
	"strconv"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// dropUnits removes axes of extent 1 from k's definitions and row-major buffers: the only
// position is 0, and [3, 3, 1, 32] lies in memory as [3, 3, 32] does. The axis that chunks are
// cut from, that of Lanes64 or an argsort and matched ones stay, as do positions that a gather computes. Buffers of which
// the shape changes are replaced by copies.
func dropUnits(k *kernel.Kernel) {
	u := &units{k: k, drop: map[string][]bool{}}
	for _, b := range k.Buffers() {
		if b.Layout == nil {
			u.consider(b.Name, b.Type.Shape)
		}
	}
	for _, d := range k.Defs {
		if k.Buffer(d.Name) == nil {
			u.consider(d.Name, axisExtents(d.Axes))
		}
		for i, a := range d.Axes {
			if d.Matched(a.Name) {
				u.drop[d.Name][i] = false
			}
		}
	}
	for _, d := range k.Defs {
		if at := d.ScanPlace(); at >= 0 && u.drop[d.Name] != nil {
			u.drop[d.Name][at] = false
		}
		for _, l := range d.Loads() {
			u.keepGathered(l)
		}
	}
	for i, d := range k.Defs {
		k.Defs[i] = u.def(d)
	}
	u.buffers(k.Ins)
	u.buffers(k.Outs)
}

// units knows for each buffer and definition which positions go.
type units struct {
	k    *kernel.Kernel
	drop map[string][]bool
}

func (u *units) consider(name string, s tensor.Shape) {
	drop := make([]bool, len(s))
	for i, d := range s {
		drop[i] = d.IsConst(1)
	}
	u.drop[name] = drop
}

func (u *units) keepGathered(l *kernel.Load) {
	for i, e := range l.At {
		if _, ok := e.(*kernel.Index); !ok && i < len(u.drop[l.Name]) {
			u.drop[l.Name][i] = false
		}
	}
}

func (u *units) def(d *kernel.Def) *kernel.Def {
	zero := map[string]tensor.Dim{}
	for i, a := range d.Axes {
		if drop := u.drop[d.Name]; drop != nil && drop[i] {
			zero[a.Name] = tensor.Dim{}
		}
	}
	if r := d.Reduce; r != nil {
		for _, a := range r.Axes {
			if a.Extent.IsConst(1) && a.Name != r.Order.Axis && r.Order.Kind != kernel.Lanes64 && r.Order.Kind != kernel.Rescale && !d.Sorts() {
				zero[a.Name] = tensor.Dim{}
			}
		}
	}
	gone := func(a kernel.Axis) bool { _, ok := zero[a.Name]; return ok }
	d = kernel.SubstDef(d, zero)
	d.Axes = slices.DeleteFunc(d.Axes, gone)
	if d.Reduce != nil {
		d.Reduce.Axes = slices.DeleteFunc(d.Reduce.Axes, gone)
	}
	return d.MapExprs(func(e kernel.Expr) kernel.Expr { return kernel.Rewrite(e, u.node) })
}

// node drops positions of a load.
func (u *units) node(e kernel.Expr) kernel.Expr {
	l, ok := e.(*kernel.Load)
	if !ok || !slices.Contains(u.drop[l.Name], true) {
		return e
	}
	var at []kernel.Expr
	for i, x := range l.At {
		if !u.drop[l.Name][i] {
			at = append(at, x)
		}
	}
	return &kernel.Load{Name: l.Name, DType: l.DType, At: at}
}

func (u *units) buffers(list []*kernel.Buffer) {
	for i, b := range list {
		if !slices.Contains(u.drop[b.Name], true) {
			continue
		}
		c := *b
		c.Type.Shape = nil
		for p, d := range b.Type.Shape {
			if !u.drop[b.Name][p] {
				c.Type.Shape = append(c.Type.Shape, d)
			}
		}
		list[i] = &c
	}
}

func positionSymbol(i int) string { return "$" + strconv.Itoa(i) }
