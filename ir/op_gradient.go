package ir

import (
	"fmt"

	"dlc/ir/tensor"
)

// StopGradient is its operand, through which no gradient flows.
type StopGradient struct{}

// Gradient stands for the gradients of its first operand, a float of rank 0, with respect to the
// others. The autodiff pass replaces it before anything is evaluated or lowered.
type Gradient struct{}

// Name is the op's mnemonic.
func (o StopGradient) Name() string { return "stop_gradient" }
func (o Gradient) Name() string     { return "gradient" }

// Infer keeps the type.
func (o StopGradient) Infer(in []tensor.Type) ([]tensor.Type, error) { return in, arity(in, 1) }

// Infer gives each of the other operands' types.
func (o Gradient) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if len(in) == 0 {
		return nil, fmt.Errorf("needs a loss")
	}
	if !in[0].DType.IsFloat() || len(in[0].Shape) != 0 {
		return nil, fmt.Errorf("the loss must be a float of rank 0, not %s", in[0])
	}
	for _, t := range in[1:] {
		if !t.DType.IsFloat() {
			return nil, fmt.Errorf("a gradient is of floats, not of %s", t)
		}
	}
	return in[1:], nil
}

// Eval is the operand.
func (o StopGradient) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor { return in }

// Grad is none.
func (o StopGradient) Grad(b *Builder, n *Node, dy []*Value) []*Value { return []*Value{nil} }

// Lower is a load.
func (o StopGradient) Lower(l *Lowering) {
	at := l.Axes(l.OutType[0].Shape)
	l.Map(0, at, l.element(0, at))
}

// Eval needs the pass.
func (o Gradient) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	panic("BUG: evaluating a gradient that autodiff has not replaced")
}

// Grad needs the pass.
func (o Gradient) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	panic("BUG: differentiating a gradient that autodiff has not replaced")
}

// Lower needs the pass.
func (o Gradient) Lower(l *Lowering) {
	panic("BUG: lowering a gradient that autodiff has not replaced")
}
