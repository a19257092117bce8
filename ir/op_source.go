package ir

import (
	"fmt"

	"dlc/ir/tensor"
)

// Full is one value everywhere: Float for float types, Int for the others (a bool is 0 or 1).
type Full struct {
	Type  tensor.Type
	Float float64
	Int   int64
}

// FullOf returns v everywhere, in the way its dtype is stored.
func FullOf(t tensor.Type, v float64) Full {
	if t.DType.IsFloat() {
		return Full{Type: t, Float: v}
	}
	return Full{Type: t, Int: int64(v)}
}

// Const is a tensor known while compiling.
type Const struct{ Value *tensor.Tensor }

// Iota counts 0, 1, 2 ... along Axis.
type Iota struct {
	Type tensor.Type
	Axis int
}

// Size is the value of a dim as a tensor of rank 0.
type Size struct {
	Dim   tensor.Dim
	DType tensor.DType
}

// Name is the op's mnemonic.
func (o Full) Name() string  { return "full" }
func (o Const) Name() string { return "const" }
func (o Iota) Name() string  { return "iota" }
func (o Size) Name() string  { return "size" }

// Infer gives Type.
func (o Full) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if o.Type.DType == tensor.Invalid {
		return nil, fmt.Errorf("no dtype")
	}
	return []tensor.Type{o.Type}, arity(in, 0)
}

// Infer gives the type of the value.
func (o Const) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if o.Value == nil {
		return nil, fmt.Errorf("no value")
	}
	return []tensor.Type{typeOf(o.Value)}, arity(in, 0)
}

// typeOf returns the type of a host tensor.
func typeOf(x *tensor.Tensor) tensor.Type {
	s := make(tensor.Shape, len(x.Dims))
	for i, d := range x.Dims {
		s[i] = tensor.Int(int64(d))
	}
	return tensor.Type{DType: x.DType, Shape: s}
}

// Infer gives Type, a number.
func (o Iota) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 0); err != nil {
		return nil, err
	}
	if !isNumber(o.Type.DType) {
		return nil, fmt.Errorf("%s does not count", o.Type.DType)
	}
	return []tensor.Type{o.Type}, axisIn(o.Axis, len(o.Type.Shape))
}

// Infer gives a number of rank 0.
func (o Size) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if !isNumber(o.DType) {
		return nil, fmt.Errorf("%s does not count", o.DType)
	}
	return []tensor.Type{{DType: o.DType}}, arity(in, 0)
}
