package passes

import (
	"fmt"
	"slices"

	"dlc/ir"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/lang/diag"
)

// A lowering turns one Func into a program of one kernel per node. A value's buffer is the
// output or update that it is the first to fill; results that are inputs, and second results of
// one value, are copied.
type lowering struct {
	f      *ir.Func
	prog   *kernel.Program
	names  taken
	name   map[int]string // of a value, by ID
	byName map[string]*kernel.Buffer
	next   int
	err    error
}

func lower(f *ir.Func) (*kernel.Program, error) {
	l := &lowering{f: f, prog: &kernel.Program{Name: f.Name}, names: taken{}, name: map[int]string{}, byName: map[string]*kernel.Buffer{}}
	for _, p := range f.Params {
		role := kernel.Input
		if p.Param.Kind == ir.Stored {
			role = kernel.Weight
		}
		l.buffer(p, p.Param.Name, role)
	}
	copies := l.results()
	for _, n := range f.Nodes {
		l.node(n)
	}
	for _, c := range copies {
		l.copy(c)
	}
	return l.prog, l.err
}

func (l *lowering) fresh(prefix string) string {
	l.next++
	return l.names.unique(fmt.Sprintf("%s%d", prefix, l.next))
}

func (l *lowering) buffer(v *ir.Value, name string, role kernel.Role) *kernel.Buffer {
	b := &kernel.Buffer{Name: l.names.unique(name), Type: v.Type, Role: role}
	l.name[v.ID] = b.Name
	l.list(b)
	return b
}

// A resultCopy is a result whose value has its buffer elsewhere.
type resultCopy struct {
	value *ir.Value
	to    *kernel.Buffer
}

// results makes the buffers of outputs and updates. A weight that keeps its value needs none.
func (l *lowering) results() (copies []resultCopy) {
	for _, r := range l.f.Results {
		v := r.Value
		if r.Update && v.Param != nil && v.Param.Kind == ir.Stored && v.Param.Name == r.Name {
			continue
		}
		b := &kernel.Buffer{Name: l.names.unique(r.Name), Type: v.Type, Role: kernel.Output}
		if r.Update {
			b.Role = kernel.Update
		}
		if r.Update || b.Name != r.Name {
			b.Of = r.Name
		}
		l.list(b)
		if _, taken := l.name[v.ID]; taken || r.Update && v.Node != nil && ir.HasFlow(v.Node.Op) {
			copies = append(copies, resultCopy{v, b})
			continue
		}
		l.name[v.ID] = b.Name
	}
	return copies
}

func (l *lowering) node(n *ir.Node) {
	in, out := make([]string, len(n.In)), make([]string, len(n.Out))
	for i, v := range n.In {
		in[i] = l.name[v.ID]
	}
	for i, v := range n.Out {
		if _, ok := l.name[v.ID]; !ok {
			l.buffer(v, fmt.Sprintf("v%d", v.ID), kernel.Temp)
		}
		out[i] = l.name[v.ID]
	}
	low := ir.NewLowering(n, in, out, l.fresh)
	n.Op.Lower(low)
	if l.err == nil {
		l.err = low.Err
	}
	for _, c := range low.Consts {
		l.constant(c)
	}
	for _, c := range low.Carries {
		l.list(c)
	}
	kernels := low.Kernels()
	if len(kernels) > 1 || len(low.Defs) > 0 && (low.Defs[0].Scan != nil || kernels[0].In != nil) {
		l.temps(kernels)
	}
	for _, piece := range kernels {
		op := piece.Op
		if op == "" {
			op = n.Op.Name()
		}
		k := assemble(fmt.Sprintf("k%d_%s", len(l.prog.Kernels), op), piece.Defs, l.byName, nil)
		k.In, k.Spans = piece.In, n.Spans
		if span := piece.Defs[0].Span; len(kernels) > 1 && !span.IsZero() {
			k.Spans = []diag.Span{span}
		}
		l.prog.Kernels = append(l.prog.Kernels, k)
	}
}

// temps makes buffers of the definitions that another kernel of their node reads, or another turn
// of their recurrence, or that are a region's condition or copied by it.
func (l *lowering) temps(kernels []ir.Piece) {
	type home struct {
		def *kernel.Def
		of  int
	}
	made := map[string]home{}
	for i, piece := range kernels {
		for _, d := range piece.Defs {
			made[d.Name] = home{d, i}
		}
	}
	keep := func(name string) {
		h, own := made[name]
		if !own || l.byName[name] != nil {
			return
		}
		t := tensor.Type{DType: h.def.DType}
		for _, a := range h.def.Axes {
			t.Shape = append(t.Shape, a.Extent)
		}
		l.list(&kernel.Buffer{Name: name, Type: t})
	}
	for i, piece := range kernels {
		for _, d := range piece.Defs {
			for _, load := range d.Loads() {
				h, own := made[load.Name]
				if own && (h.of != i || d.InScanWith(h.def) && h.def.OtherTurn(load)) {
					keep(load.Name)
				}
			}
		}
		for r := piece.In; r != nil; r = r.Parent {
			keep(r.Cond)
			for _, c := range slices.Concat(r.Enter, r.Leave) {
				keep(c.From)
			}
		}
	}
}

// constant gives a value's buffer the role Const, or copies it where the buffer is a result.
func (l *lowering) constant(c *kernel.Buffer) {
	b := l.byName[c.Name]
	if b == nil {
		l.list(c)
		return
	}
	if b.Role == kernel.Temp {
		b.Role, b.Value = kernel.Const, c.Value
		return
	}
	stored := &kernel.Buffer{Name: l.names.unique(c.Name + "_value"), Type: c.Type, Role: kernel.Const, Value: c.Value}
	l.list(stored)
	l.copyBuffer(stored, b)
}

func (l *lowering) list(b *kernel.Buffer) {
	l.prog.Buffers = append(l.prog.Buffers, b)
	l.byName[b.Name] = b
}

func (l *lowering) copy(c resultCopy) { l.copyBuffer(l.byName[l.name[c.value.ID]], c.to) }

func (l *lowering) copyBuffer(from, to *kernel.Buffer) {
	axes := make([]kernel.Axis, len(to.Type.Shape))
	for i, d := range to.Type.Shape {
		axes[i] = kernel.Axis{Name: axisName("i", i), Extent: d}
	}
	def := &kernel.Def{Name: to.Name, DType: to.Type.DType, Axes: axes,
		Expr: &kernel.Load{Name: from.Name, DType: to.Type.DType, At: kernel.Points(axes)}}
	k := assemble(fmt.Sprintf("k%d_copy", len(l.prog.Kernels)), []*kernel.Def{def}, l.byName, nil)
	l.prog.Kernels = append(l.prog.Kernels, k)
}

func axisName(prefix string, i int) string { return fmt.Sprintf("%s%d", prefix, i) }

func buffersByName(p *kernel.Program) map[string]*kernel.Buffer {
	m := map[string]*kernel.Buffer{}
	for _, b := range p.Buffers {
		m[b.Name] = b
	}
	return m
}

// assemble makes a kernel of definitions: Outs are those that have a buffer, or with a given
// list, those in it.
func assemble(name string, defs []*kernel.Def, buffers map[string]*kernel.Buffer, outs map[string]bool) *kernel.Kernel {
	k := &kernel.Kernel{Name: name, Defs: defs}
	seen := map[string]bool{}
	for _, d := range defs {
		seen[d.Name] = true
	}
	for _, d := range defs {
		for _, l := range d.Loads() {
			if b := buffers[l.Name]; b != nil && !seen[l.Name] {
				k.Ins = append(k.Ins, b)
			}
			seen[l.Name] = true
		}
		if b := buffers[d.Name]; b != nil && (outs == nil || outs[d.Name]) {
			k.Outs = append(k.Outs, b)
		}
	}
	return k
}
