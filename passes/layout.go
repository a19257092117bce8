package passes

import (
	"fmt"
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// The numbers of the layout model, in the operations of cost.go per element.
const (
	panelWidth = 16
	wideRow    = 256 // columns: rows of 1 KiB fall on few cache sets and many pages
	packCost   = 32  // to copy one element: read it and write it
	packGain   = 0.1 // of each multiply-add, when a wide operand lies in panels
	fewRows    = 4   // a copy serves at least that many rows
)

// layout sees to it that the operand of a contraction that has the vector axis (the last kept
// one, contiguous in the result) is contiguous along it. Where it is not, the kernel reads a
// transposed copy that a kernel before it writes: a load across rows for every multiply-add costs
// far more. Where it is, and its rows are wide, a packed copy in panels of 16 columns is made if
// the model says that enough rows of constant number profit. A copy serves all contractions that
// want the same one.
func layout(p *kernel.Program, o *Options) {
	l := &layouts{prog: p, opt: o, m: o.machine(), made: map[string]*kernel.Buffer{}, names: bufferNames(p)}
	var out []*kernel.Kernel
	for _, k := range p.Kernels {
		var defs []*kernel.Def
		for _, d := range k.Defs {
			l.before = nil
			if l.matrix(k, d) {
				defs = append(defs, l.rows(k, d))
			} else if wide, again := l.narrow(k, d); wide != nil {
				defs = append(defs, l.operand(k, wide, 1), again)
			} else {
				defs = append(defs, l.operand(k, d, fewRows))
			}
			out = append(out, l.before...)
		}
		k.Defs = defs
		*k = *reassembled(k)
		out = append(out, k)
	}
	p.Kernels = out
}

// reassembled lists anew what k reads.
func reassembled(k *kernel.Kernel) *kernel.Kernel {
	buffers := map[string]*kernel.Buffer{}
	outs := map[string]bool{}
	for _, b := range k.Buffers() {
		buffers[b.Name] = b
	}
	for _, b := range k.Outs {
		outs[b.Name] = true
	}
	next := assemble(k.Name, k.Defs, buffers, outs)
	next.Spans = k.Spans
	return next
}

type layouts struct {
	prog   *kernel.Program
	opt    *Options
	m      *tile.Machine
	made   map[string]*kernel.Buffer // by source and order of axes
	names  taken
	before []*kernel.Kernel // what the kernel at hand needs first
}

// operand returns the contraction d of k reading a copy, or d; a copy serves at least that many rows.
func (l *layouts) operand(k *kernel.Kernel, d *kernel.Def, least int64) *kernel.Def {
	if d.Reduce == nil || !tiled(d) || len(d.Axes) == 0 || followedScores(k, d) {
		return d
	}
	v := d.Axes[len(d.Axes)-1]
	c, _ := kernel.Classify(d)
	load := c.Right
	rows := append(append([]kernel.Axis{}, c.M...), c.Batch...)
	switch {
	case v.Extent.IsConst(1) || hasAxis(c.Batch, v.Name) || hasAxis(c.Free, v.Name):
		return d
	case hasAxis(c.M, v.Name):
		load, rows = c.Left, append(append([]kernel.Axis{}, c.N...), c.Batch...)
	}
	b := k.Buffer(load.Name)
	if b == nil || b.Layout != nil || k.Def(b.Name) != nil { // a copy cannot be made of what k itself makes, turn by turn
		return d
	}
	place, _ := kernel.Address(b, load.At)
	stride, _, linear := place.Linear(v.Name)
	contiguous := linear && stride.IsConst(1)
	at := axisOf(load, v.Name)
	n, constant := sizeOf(rows).Const()
	switch {
	case at < 0:
		l.opt.explain("layout", "%s: %s is read along %s by a computed place, as it is", k.Name, b.Name, v.Name)
		return d
	case !contiguous && constant && n < least:
		l.opt.explain("layout", "%s: %s stays transposed for %d rows", k.Name, b.Name, n)
		return d
	case contiguous && d.Scan != nil && !aligned(load, at, v.Name):
		return d
	case contiguous && !l.packs(k, b, rows, d.Scan != nil):
		return d
	}
	lay := rowMajor
	if l.m.Panels > 0 && aligned(load, at, v.Name) {
		lay = panels
	}
	return l.reading(k, d, load, at, l.copyOf(b, at, lay))
}

// followedScores reports whether d is scores, which a running maximum or another contraction of k
// needs, or such a contraction: then another axis of it lies across the lanes.
func followedScores(k *kernel.Kernel, d *kernel.Def) bool {
	for _, m := range k.Defs {
		if isRunning(m) && slices.Contains(m.Reads(), d.Name) {
			return true
		}
		if m != d && tiled(m) && m.Scan == nil && (reaches(k, m, d.Name) || reaches(k, d, m.Name)) {
			return true
		}
	}
	return false
}

func hasAxis(axes []kernel.Axis, name string) bool {
	for _, a := range axes {
		if a.Name == name {
			return true
		}
	}
	return false
}

// axisOf returns the dim of the buffer at which load uses name, when there is one and name stands
// there alone with coefficient 1; else -1.
func axisOf(load *kernel.Load, name string) int {
	at := -1
	for i, e := range load.At {
		ix := e.(*kernel.Index)
		if !ix.Dim.Uses(name) {
			continue
		}
		coef, _, linear := ix.Dim.Linear(name)
		if at >= 0 || !linear || !coef.IsConst(1) {
			return -1
		}
		at = i
	}
	return at
}

// aligned reports whether load's index number at, along axis, begins at the start of a panel: a
// gate's columns among those of all gates.
func aligned(load *kernel.Load, at int, axis string) bool {
	_, rest, _ := load.At[at].(*kernel.Index).Dim.Linear(axis)
	n, constant := rest.Const()
	return constant && n%panelWidth == 0
}

// packs is the model for operands that are contiguous already. Rows of symbolic number count as
// one: a packed copy must pay for the smallest batch. Each turn of a recurrence reads a weight
// again, with few rows: there it is always packed.
func (l *layouts) packs(k *kernel.Kernel, b *kernel.Buffer, rows []kernel.Axis, recurrent bool) bool {
	width, constant := b.Type.Shape[len(b.Type.Shape)-1].Const()
	if l.m.Panels == 0 || !constant || width < wideRow || b.Role != kernel.Weight {
		return false
	}
	if recurrent {
		l.opt.explain("layout", "%s: packing %s, which every turn reads", k.Name, b.Name)
		return true
	}
	n := 1.0
	for _, a := range rows {
		if e, ok := a.Extent.Const(); ok {
			n *= float64(e)
		}
	}
	pays := packGain*n > packCost
	l.opt.explain("layout", "%s: packing %s costs %d per element and gains %.0f: %v", k.Name, b.Name, packCost, packGain*n, pays)
	return pays
}

// A storage makes a layout for a shape; nil is row-major.
type storage func(tensor.Shape) *kernel.Layout

func rowMajor(tensor.Shape) *kernel.Layout { return nil }

// copyOf returns a buffer that holds b with its axis at moved to the end, made when first asked
// for.
func (l *layouts) copyOf(b *kernel.Buffer, at int, lay storage) *kernel.Buffer {
	last := len(b.Type.Shape) - 1
	shape, axes := tensor.Shape{}, []kernel.Axis{}
	for i := range b.Type.Shape {
		d := b.Type.Shape[moved(i, at, last)]
		shape = append(shape, d)
		axes = append(axes, kernel.Axis{Name: axisName("i", i), Extent: d})
	}
	stored := lay(shape)
	key := fmt.Sprintf("%s/%d", b.Name, at)
	if stored != nil {
		key += "/" + stored.Name
	}
	if c := l.made[key]; c != nil {
		return c
	}
	from := make([]kernel.Expr, last+1)
	for i := range axes {
		from[moved(i, at, last)] = kernel.At(axes[i].Name)
	}
	name := l.names.unique(b.Name + ".packed")
	c := &kernel.Buffer{Name: name, Type: tensor.Type{DType: b.Type.DType, Shape: shape}, Layout: stored}
	def := &kernel.Def{Name: name, DType: c.Type.DType, Axes: axes, Expr: &kernel.Load{Name: b.Name, DType: c.Type.DType, At: from}}
	k := &kernel.Kernel{Name: "pack_" + name, Ins: []*kernel.Buffer{b}, Outs: []*kernel.Buffer{c}, Defs: []*kernel.Def{def}}
	l.prog.Buffers = append(l.prog.Buffers, c)
	l.before = append(l.before, k)
	l.made[key] = c
	return c
}

// moved is the axis of the source that is axis i of a copy with axis at put last.
func moved(i, at, last int) int {
	switch {
	case i == last:
		return at
	case i >= at:
		return i + 1
	}
	return i
}

// panels is the layout of 16-wide panels over the last axis, or nil where rows are narrow.
func panels(s tensor.Shape) *kernel.Layout {
	last := len(s) - 1
	if width, ok := s[last].Const(); !ok || width < wideRow {
		return nil
	}
	column := tensor.Sym(fmt.Sprintf("$%d", last))
	lay := &kernel.Layout{Name: "panel16", At: []tensor.Dim{column.Div(panelWidth)}, Dims: tensor.Shape{s[last].CeilDiv(panelWidth)}}
	for i := range last {
		lay.At = append(lay.At, tensor.Sym(fmt.Sprintf("$%d", i)))
		lay.Dims = append(lay.Dims, s[i])
	}
	lay.At = append(lay.At, column.Mod(panelWidth))
	lay.Dims = append(lay.Dims, tensor.Int(panelWidth))
	return lay
}

// reading returns d with load replaced by one of the copy c, whose last axis is load's axis at.
func (l *layouts) reading(k *kernel.Kernel, d *kernel.Def, load *kernel.Load, at int, c *kernel.Buffer) *kernel.Def {
	last := len(load.At) - 1
	r := newRewriting(d.Ranges())
	r.load = func(x *kernel.Load) kernel.Expr {
		if atText(x) != atText(load) {
			return x
		}
		y := &kernel.Load{Name: c.Name, DType: x.DType, At: make([]kernel.Expr, last+1)}
		for i := range y.At {
			y.At[i] = x.At[moved(i, at, last)]
		}
		return y
	}
	k.Ins = append(k.Ins, c)
	l.opt.explain("layout", "%s reads %s as %s", k.Name, load.Name, c.Name)
	return rewriteDef(d, r)
}

// reaches reports whether d reads what is called name, itself or by definitions of k that it reads.
func reaches(k *kernel.Kernel, d *kernel.Def, name string) bool {
	seen := map[string]bool{}
	var visit func(d *kernel.Def) bool
	visit = func(d *kernel.Def) bool {
		seen[d.Name] = true
		return slices.ContainsFunc(d.Reads(), func(n string) bool {
			e := k.Def(n)
			return n == name || e != nil && !seen[n] && visit(e)
		})
	}
	return visit(d)
}
