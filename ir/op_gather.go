package ir

import (
	"fmt"

	"dlc/ir/tensor"
)

// Pick takes one element along Axis at each position of the others: from x and an integer index of
// x's shape without Axis. An index outside the axis gives 0.
type Pick struct{ Axis int }

// Take gathers slices: from x [D, rest...] and an integer index it gives [index..., rest...]. An
// index outside 0..D gives zeros.
type Take struct{}

// ScatterAdd is the gradient of Take: from an integer index and y [index..., rest...] it gives
// [Rows, rest...], where row r is the sum of the slices of y that index sends to r.
type ScatterAdd struct{ Rows tensor.Dim }

// Name is the op's mnemonic.
func (o Pick) Name() string       { return "pick" }
func (o Take) Name() string       { return "take" }
func (o ScatterAdd) Name() string { return "scatter_add" }

// Infer demands an integer index of x's shape without the axis.
func (o Pick) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	if err := axisIn(o.Axis, len(in[0].Shape)); err != nil {
		return nil, err
	}
	want := without(in[0].Shape, o.Axis)
	if !in[1].DType.IsInt() || !in[1].Shape.Equal(want) {
		return nil, fmt.Errorf("the index into axis %d of %s must be integers of [%s], not %s", o.Axis, in[0], want, in[1])
	}
	return []tensor.Type{{DType: in[0].DType, Shape: want}}, nil
}

// Infer demands x of rank 1 or more and an integer index.
func (o Take) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	if len(in[0].Shape) == 0 {
		return nil, fmt.Errorf("%s has no axis to take from", in[0])
	}
	if !in[1].DType.IsInt() {
		return nil, fmt.Errorf("the index must be integers, not %s", in[1].DType)
	}
	shape := append(append(tensor.Shape{}, in[1].Shape...), in[0].Shape[1:]...)
	return []tensor.Type{{DType: in[0].DType, Shape: shape}}, nil
}

// Infer demands that y begins with the index's dims.
func (o ScatterAdd) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	index, y := in[0], in[1]
	if !index.DType.IsInt() || !isNumber(y.DType) {
		return nil, fmt.Errorf("takes an integer index and numbers, not %s and %s", index.DType, y.DType)
	}
	lead := len(index.Shape)
	if lead > len(y.Shape) || !y.Shape[:lead].Equal(index.Shape) {
		return nil, fmt.Errorf("%s must begin with the dims of %s", y, index)
	}
	return []tensor.Type{{DType: y.DType, Shape: append(tensor.Shape{o.Rows}, y.Shape[lead:]...)}}, nil
}
