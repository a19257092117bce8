package ir

import (
	"fmt"
	"slices"

	"dlc/ir/tensor"
)

// Custom is what Body gives, with a gradient of its own: Back takes the operands, the results, and the
// gradients of those results that are floats. It gives the gradients of the operands that are floats, of
// the first of them as many as it has results.
type Custom struct{ Body, Back *Func }

// Name is the op's mnemonic.
func (o Custom) Name() string { return "custom" }

// Infer gives the body's results.
func (o Custom) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if o.Body == nil || o.Back == nil {
		return nil, fmt.Errorf("a body and its gradient are wanted")
	}
	if err := o.Body.takes(in); err != nil {
		return nil, err
	}
	var out []tensor.Type
	for _, r := range o.Body.Results {
		out = append(out, r.Value.Type)
	}
	if len(out) > 0 && len(onlyFloats(out)) == 0 {
		return nil, fmt.Errorf("gives %s, which has no gradient", out[0])
	}
	if err := o.Back.takes(slices.Concat(in, out, onlyFloats(out))); err != nil {
		return nil, fmt.Errorf("the gradient: %w", err)
	}
	floats := onlyFloats(in)
	for i, r := range o.Back.Results {
		if i >= len(floats) || !r.Value.Type.Equal(floats[i]) {
			return nil, fmt.Errorf("its gradient %d is %s, which no operand is", i, r.Value.Type)
		}
	}
	return out, nil
}

func onlyFloats(types []tensor.Type) []tensor.Type {
	return slices.DeleteFunc(slices.Clone(types), func(t tensor.Type) bool { return !t.DType.IsFloat() })
}

// Eval runs the body.
func (o Custom) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor { return o.Body.run(in) }

// Grad is what Back says.
func (o Custom) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	gradients := make([]*Value, len(n.In))
	operands := slices.Concat(n.In, n.Out)
	arrives := false
	for i, g := range dy {
		if !n.Out[i].Type.DType.IsFloat() {
			continue
		}
		if arrives = arrives || g != nil; g == nil {
			g = b.fill(n.Out[i].Type, 0)
		}
		operands = append(operands, g)
	}
	if !arrives {
		return gradients
	}
	list := b.Inline(o.Back, operands)
	for i, v := range n.In {
		if v.Type.DType.IsFloat() && len(list) > 0 {
			gradients[i], list = list[0], list[1:]
		}
	}
	return gradients
}

// Lower is the body. The autodiff pass has put it in the node's place by then, where it ran.
func (o Custom) Lower(l *Lowering) { o.Body.lowerInPlace(l) }
