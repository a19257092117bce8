package ir

import (
	"fmt"

	"dlc/ir/kernel"
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
	if o.Type.DType == tensor.Bool && o.Int != 0 && o.Int != 1 {
		return nil, fmt.Errorf("a bool is 0 or 1, not %d", o.Int)
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

// Eval repeats the value.
func (o Full) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	y := blank(out[0])
	for i := range y.Len() {
		if y.DType.IsFloat() {
			y.SetFloat(i, o.Float)
		} else {
			y.SetInt(i, o.Int)
		}
	}
	return []*tensor.Tensor{y}
}

// Eval gives the value itself.
func (o Const) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	return []*tensor.Tensor{o.Value}
}

// Eval counts.
func (o Iota) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	y, i := blank(out[0]), 0
	each(y.Dims, func(at []int) {
		y.SetInt(i, int64(at[o.Axis]))
		i++
	})
	return []*tensor.Tensor{y}
}

// Eval gives the value that the dim has by then.
func (o Size) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	v, ok := o.Dim.Const()
	if !ok {
		panic("BUG: no value for the dim " + o.Dim.String())
	}
	y := blank(out[0])
	y.SetInt(0, v)
	return []*tensor.Tensor{y}
}

// Grad has no operand.
func (o Full) Grad(b *Builder, n *Node, dy []*Value) []*Value { return nil }

// Grad has no operand.
func (o Const) Grad(b *Builder, n *Node, dy []*Value) []*Value { return nil }

// Grad has no operand.
func (o Iota) Grad(b *Builder, n *Node, dy []*Value) []*Value { return nil }

// Grad has no operand.
func (o Size) Grad(b *Builder, n *Node, dy []*Value) []*Value { return nil }

// Lower is a literal.
func (o Full) Lower(l *Lowering) {
	e := kernel.I(o.Type.DType, o.Int)
	if o.Type.DType.IsFloat() {
		e = kernel.F(o.Type.DType, o.Float)
	}
	l.Map(0, l.Axes(o.Type.Shape), e)
}

// Lower is a literal for one element, else a stored constant.
func (o Const) Lower(l *Lowering) {
	x := o.Value
	if x.Len() != 1 {
		l.Constant(0, x)
		return
	}
	e := kernel.I(x.DType, x.Int(0))
	if x.DType.IsFloat() {
		e = kernel.F(x.DType, x.Float(0))
	}
	l.Map(0, l.Axes(l.OutType[0].Shape), e)
}

// Lower is the index.
func (o Iota) Lower(l *Lowering) {
	out := l.Axes(o.Type.Shape)
	l.Map(0, out, kernel.Cast(o.Type.DType, kernel.At(out[o.Axis].Name)))
}

// Lower is the dim.
func (o Size) Lower(l *Lowering) { l.Map(0, nil, kernel.Cast(o.DType, kernel.IndexOf(o.Dim))) }
