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
