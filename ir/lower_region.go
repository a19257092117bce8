package ir

import (
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// How ops that hold functions lower these to kernels of their own, in regions of kernels.

// enter ends a kernel and puts what follows into a region, or, of nil, out of all.
func (l *Lowering) enter(r *kernel.Region) {
	l.cut()
	l.in = r
}

// body lowers a region node by node, each to kernels of its own, on operands of those names, and
// returns the names of its results. If made is set, these are all made here, each but once.
func (l *Lowering) body(f *Func, operands []string, made bool) []string {
	names := map[*Value]string{}
	for i, p := range f.Params {
		names[p] = operands[i]
	}
	constant := map[string]bool{}
	for _, n := range f.Nodes {
		l.inner(n, names, constant)
	}
	var out []string
	for _, r := range f.Results {
		name := names[r.Value]
		if made && (r.Value.Param != nil || constant[name] || slices.Contains(out, name)) {
			name = l.copied(name, r.Value.Type)
		}
		out = append(out, name)
	}
	return out
}

// inner lowers one node of a region.
func (l *Lowering) inner(n *Node, names map[*Value]string, constant map[string]bool) {
	var in, out []string
	for _, v := range n.In {
		in = append(in, names[v])
	}
	for _, v := range n.Out {
		names[v] = l.fresh("t")
		out = append(out, names[v])
	}
	low := NewLowering(n, in, out, l.fresh)
	low.in, low.Flat = l.in, l.Flat
	n.Op.Lower(low)
	if l.Err == nil {
		l.Err = low.Err
	}
	for _, c := range low.Consts {
		l.Consts, constant[c.Name] = append(l.Consts, c), true
	}
	l.Carries = append(l.Carries, low.Carries...)
	if HasFlow(n.Op) {
		for i, v := range n.Out {
			l.Carries = append(l.Carries, &kernel.Buffer{Name: out[i], Type: v.Type})
		}
	}
	l.cut()
	for _, piece := range low.Kernels() {
		l.Defs = append(l.Defs, piece.Defs...)
		op := piece.Op
		if op == "" {
			op = n.Op.Name()
		}
		l.cuts = append(l.cuts, cut{len(l.Defs), piece.In, op})
	}
}

// copied defines what is called name once more.
func (l *Lowering) copied(name string, t tensor.Type) string {
	over := l.Axes(t.Shape)
	next := l.fresh("t")
	l.define(next, t.DType, over, &kernel.Load{Name: name, DType: t.DType, At: kernel.Points(over)})
	return next
}

// define makes a kernel of one map.
func (l *Lowering) define(name string, t tensor.DType, over []kernel.Axis, e kernel.Expr) {
	l.cut()
	l.Defs = append(l.Defs, &kernel.Def{Name: name, DType: t, Axes: over, Expr: e, Span: l.Span})
	l.cut()
}

// HasFlow reports whether an op lowers to regions of kernels, so that its results are carries.
func HasFlow(o Op) bool {
	f, ok := o.(interface{ flows() bool })
	return ok && f.flows()
}

func (o If) flows() bool    { return true }
func (o While) flows() bool { return true }
