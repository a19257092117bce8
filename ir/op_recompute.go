package ir

import (
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// Recompute is what Body gives. A gradient keeps nothing of it: it runs the body again.
type Recompute struct{ Body *Func }

// Again is its operand. Passes take it for another value, so that what is computed of it stays apart
// from what is computed of the operand.
type Again struct{}

// Name is the op's mnemonic.
func (o Recompute) Name() string { return "recompute" }
func (o Again) Name() string     { return "again" }

// Infer gives the body's results.
func (o Recompute) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := o.Body.takes(in); err != nil {
		return nil, err
	}
	var out []tensor.Type
	for _, r := range o.Body.Results {
		out = append(out, r.Value.Type)
	}
	return out, nil
}

// Infer keeps the type.
func (o Again) Infer(in []tensor.Type) ([]tensor.Type, error) { return in, arity(in, 1) }

// Eval runs the body.
func (o Recompute) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	return o.Body.run(in)
}

// Eval is the operand.
func (o Again) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor { return in }

// Grad runs the body again and goes back through that.
func (o Recompute) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	gradients := make([]*Value, len(n.In))
	operands := make([]*Value, len(n.In))
	var variables []*Value
	for i, v := range n.In {
		operands[i] = b.Add(Again{}, v)
		if v.Type.DType.IsFloat() {
			variables = append(variables, operands[i])
		}
	}
	from := len(b.Func.Nodes)
	results := b.Inline(o.Body, operands)
	nodes := b.Func.Nodes[from:len(b.Func.Nodes):len(b.Func.Nodes)]
	seeds := map[*Value]*Value{}
	for i, v := range results {
		switch {
		case dy[i] == nil || !v.Type.DType.IsFloat():
		case seeds[v] == nil:
			seeds[v] = dy[i]
		default:
			seeds[v] = b.Add(Binary{"add"}, seeds[v], dy[i])
		}
	}
	list, err := b.Reverse(nodes, seeds, variables)
	if err != nil {
		b.fail(err)
		return gradients
	}
	for i, v := range n.In {
		if v.Type.DType.IsFloat() {
			gradients[i], list = list[0], list[1:]
		}
	}
	return gradients
}

// Grad is that of the result.
func (o Again) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	return one(dy, func(g *Value) *Value { return g })
}

// Lower is the body. The autodiff pass has put it in the node's place by then, where it ran.
func (o Recompute) Lower(l *Lowering) { o.Body.lowerInPlace(l) }

// Lower is a load.
func (o Again) Lower(l *Lowering) {
	at := l.Axes(l.OutType[0].Shape)
	l.Map(0, at, l.element(0, at))
}

// lowerInPlace defines an op's results by its body.
func (f *Func) lowerInPlace(l *Lowering) {
	for at, name := range l.body(f, l.In, false) {
		over := l.Axes(l.OutType[at].Shape)
		l.Map(at, over, &kernel.Load{Name: name, DType: l.OutType[at].DType, At: kernel.Points(over)})
	}
}

// InPlace returns the function that stands for an op once gradients are written out, nil for others.
func InPlace(o Op) *Func {
	switch o := o.(type) {
	case Custom:
		return o.Body
	case Recompute:
		return o.Body
	}
	return nil
}
