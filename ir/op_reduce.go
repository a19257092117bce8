package ir

import (
	"fmt"

	"dlc/ir/tensor"
)

// Reduce joins the elements along Axes, which the result drops: sum prod min max of numbers, any
// all of bools. Over no elements it gives the identity: 0, 1, the largest and smallest value,
// false, true. Min and max are IEEE minimum and maximum: NaN wins, -0 < +0.
type Reduce struct {
	Op   string
	Axes []int
}

// ArgMax gives the place (i32) of the largest element along Axis, the first of equals; a NaN wins.
type ArgMax struct{ Axis int }

// ArgMin gives the place (i32) of the smallest element along Axis, the first of equals; a NaN wins.
type ArgMin struct{ Axis int }

// Name is the op's mnemonic.
func (o Reduce) Name() string { return "reduce" }
func (o ArgMax) Name() string { return "argmax" }
func (o ArgMin) Name() string { return "argmin" }

// Infer drops the axes.
func (o Reduce) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	ok := false
	switch o.Op {
	case "sum", "prod", "min", "max":
		ok = isNumber(in[0].DType)
	case "any", "all":
		ok = in[0].DType == tensor.Bool
	default:
		return nil, fmt.Errorf("no reduction %q", o.Op)
	}
	if !ok {
		return nil, fmt.Errorf("%s does not take %s", o.Op, in[0].DType)
	}
	if err := distinctAxes(o.Axes, len(in[0].Shape)); err != nil {
		return nil, err
	}
	return []tensor.Type{{DType: in[0].DType, Shape: without(in[0].Shape, o.Axes...)}}, nil
}

// Infer drops the axis.
func (o ArgMax) Infer(in []tensor.Type) ([]tensor.Type, error) { return inferArg(in, o.Axis) }

// Infer drops the axis.
func (o ArgMin) Infer(in []tensor.Type) ([]tensor.Type, error) { return inferArg(in, o.Axis) }

func inferArg(in []tensor.Type, axis int) ([]tensor.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if !isNumber(in[0].DType) {
		return nil, fmt.Errorf("%s has no order", in[0].DType)
	}
	if err := axisIn(axis, len(in[0].Shape)); err != nil {
		return nil, err
	}
	if in[0].Shape[axis].IsConst(0) {
		return nil, fmt.Errorf("axis %d of %s has no elements", axis, in[0])
	}
	return []tensor.Type{{DType: tensor.I32, Shape: without(in[0].Shape, axis)}}, nil
}
