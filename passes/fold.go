package passes

import (
	"fmt"

	"dlc/ir"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// fold computes what is known and drops what changes nothing. What a node does it reads from the
// node's lowering, so that it holds for every op, and it computes with the level-1 interpreter,
// so that folded values have the bits of computed ones. It rewrites exactly: signs of zero and
// NaN stay (x + 0 is not x for -0, x * 0 is not 0 for NaN, but x * 1, x - 0, x + -0 and x / 1 are x).
func fold(m *ir.Module, o *Options) error {
	var failed error
	ir.EachFunc(m, func(f *ir.Func) {
		d := &folder{graphRewrite: newGraphRewrite(f), known: map[*ir.Value]*kernel.Lit{}, stored: map[*ir.Value]*tensor.Tensor{}}
		for _, n := range d.nodes {
			d.redirect(n)
			at := len(d.Func.Nodes)
			v, err := d.node(n)
			if err != nil && failed == nil {
				failed = fmt.Errorf("func %s: %w", f.Name, err)
			}
			if v == nil {
				d.keep(n)
				continue
			}
			d.replace(n.Out[0], v)
			d.attribute(at, n)
		}
		d.finish()
	})
	return failed
}

// maxFolded is the most elements of a tensor that folding makes.
const maxFolded = 4096

// A folder knows which values are one literal everywhere, and which are constant tensors.
type folder struct {
	*graphRewrite
	known  map[*ir.Value]*kernel.Lit
	stored map[*ir.Value]*tensor.Tensor
}

// node returns what can stand for n, or nil.
func (d *folder) node(n *ir.Node) (*ir.Value, error) {
	if _, again := n.Op.(ir.Again); again {
		return nil, nil // it is there to be another value
	}
	if _, ok := n.Op.(ir.Gradient); ok || len(n.Out) != 1 || len(ir.Regions(n.Op)) > 0 {
		return nil, nil
	}
	l := lowerNode(n)
	if len(l.Consts) == 1 && len(l.Defs) == 0 {
		d.stored[n.Out[0]] = l.Consts[0].Value
		return nil, nil
	}
	if len(l.Defs) != 1 || len(l.Consts) > 0 || l.Defs[0].Reduce != nil || l.Defs[0].Scan != nil {
		return nil, nil
	}
	def := l.Defs[0]
	if lit, ok := def.Expr.(*kernel.Lit); ok {
		d.known[n.Out[0]] = lit
		return nil, nil
	}
	e := d.literals(n, def)
	if uniform(e) {
		return d.computed(n, def, e)
	}
	if x, err := d.tensor(n, def); x != nil || err != nil {
		return x, err
	}
	return d.simpler(n, def, e), nil
}

// lowerNode lowers one node alone, its operands named x0, x1 ... and its results y0, y1 ...
func lowerNode(n *ir.Node) *ir.Lowering {
	in, out := make([]string, len(n.In)), make([]string, len(n.Out))
	for i := range in {
		in[i] = fmt.Sprint("x", i)
	}
	for i := range out {
		out[i] = fmt.Sprint("y", i)
	}
	fresh := 0
	l := ir.NewLowering(n, in, out, func(prefix string) string { fresh++; return fmt.Sprint(prefix, fresh) })
	n.Op.Lower(l)
	return l
}

// operand returns the operand that a load of lowerNode's reads.
func operand(n *ir.Node, l *kernel.Load) *ir.Value {
	for i, v := range n.In {
		if l.Name == fmt.Sprint("x", i) {
			return v
		}
	}
	panic("BUG: load of " + l.Name)
}

// literals puts literals for the loads that stay inside operands known to be one literal.
func (d *folder) literals(n *ir.Node, def *kernel.Def) kernel.Expr {
	r := newRewriting(axisRanges(def.Axes))
	r.load = func(l *kernel.Load) kernel.Expr {
		lit := d.known[operand(n, l)]
		for _, e := range l.At {
			if _, plain := e.(*kernel.Index); !plain {
				return l
			}
		}
		if lit == nil {
			return l
		}
		return lit
	}
	return r.expr(def.Expr)
}

// uniform reports whether e has one known value at all indices.
func uniform(e kernel.Expr) bool {
	switch e := e.(type) {
	case *kernel.Lit:
		return true
	case *kernel.Index:
		_, ok := e.Dim.Const()
		return ok
	case *kernel.Call:
		for _, a := range e.Args {
			if !uniform(a) {
				return false
			}
		}
		return true
	}
	return false
}

// computed evaluates a uniform expression and fills the result with it.
func (d *folder) computed(n *ir.Node, def *kernel.Def, e kernel.Expr) (*ir.Value, error) {
	t := tensor.Type{DType: def.DType}
	x, err := interpretMap(&kernel.Def{Name: def.Name, DType: def.DType, Expr: e}, t, nil)
	if err != nil {
		return nil, err
	}
	full := ir.Full{Type: n.Out[0].Type}
	lit := &kernel.Lit{DType: def.DType}
	if def.DType.IsFloat() {
		full.Float, lit.F = x.Float(0), x.Float(0)
	} else {
		full.Int, lit.I = x.Int(0), x.Int(0)
	}
	v := d.Add(full)
	d.known[v] = lit
	return v, nil
}

// tensor evaluates a map of constant tensors into another, if it is small.
func (d *folder) tensor(n *ir.Node, def *kernel.Def) (*ir.Value, error) {
	size, ok := n.Out[0].Type.Shape.Size().Const()
	if !ok || size > maxFolded || len(n.In) == 0 {
		return nil, nil
	}
	in := map[string]*kernel.Buffer{}
	for i, v := range n.In {
		x := d.stored[v]
		if x == nil {
			return nil, nil
		}
		name := fmt.Sprint("x", i)
		in[name] = &kernel.Buffer{Name: name, Type: v.Type, Role: kernel.Const, Value: x}
	}
	x, err := interpretMap(def, n.Out[0].Type, in)
	if err != nil {
		return nil, err
	}
	v := d.Add(ir.Const{Value: x})
	d.stored[v] = x
	return v, nil
}

func interpretMap(def *kernel.Def, t tensor.Type, in map[string]*kernel.Buffer) (*tensor.Tensor, error) {
	out := &kernel.Buffer{Name: def.Name, Type: t, Role: kernel.Output}
	p := &kernel.Program{Name: "fold", Buffers: []*kernel.Buffer{out}}
	for i := range len(in) {
		p.Buffers = append(p.Buffers, in[fmt.Sprint("x", i)])
	}
	p.Kernels = []*kernel.Kernel{{Name: "fold", Ins: p.Buffers[1:], Outs: p.Buffers[:1], Defs: []*kernel.Def{def}}}
	buffers := map[string]*tensor.Tensor{}
	err := kernel.Interp(p, nil, buffers)
	return buffers[def.Name], err
}
