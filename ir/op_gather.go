package ir

import (
	"fmt"

	"dlc/ir/kernel"
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

// Eval takes one element for each index.
func (o Pick) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	x, index, y := in[0], in[1], blank(out[0])
	i := 0
	each(y.Dims, func(at []int) {
		if k := index.Int(i); k >= 0 && k < int64(x.Dims[o.Axis]) {
			source := append(append(append([]int{}, at[:o.Axis]...), int(k)), at[o.Axis:]...)
			copyElement(y, i, x, place(x.Dims, source))
		}
		i++
	})
	return []*tensor.Tensor{y}
}

// Eval copies one slice for each index.
func (o Take) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	x, index, y := in[0], in[1], blank(out[0])
	size := y.Len() / max(1, index.Len())
	for i := range index.Len() {
		k := index.Int(i)
		for j := 0; j < size && k >= 0 && k < int64(x.Dims[0]); j++ {
			copyElement(y, i*size+j, x, int(k)*size+j)
		}
	}
	return []*tensor.Tensor{y}
}

// Eval adds one slice for each index.
func (o ScatterAdd) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	index, x, y := in[0], in[1], blank(out[0])
	size := x.Len() / max(1, index.Len())
	for i := range index.Len() {
		k := index.Int(i)
		for j := 0; j < size && k >= 0 && k < int64(y.Dims[0]); j++ {
			accumulate(y, int(k)*size+j, x, i*size+j)
		}
	}
	return []*tensor.Tensor{y}
}

// Grad puts dy where the place along the axis is the index.
func (o Pick) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	if dy[0] == nil || !dy[0].Type.DType.IsFloat() {
		return []*Value{nil, nil}
	}
	shape := n.In[0].Type.Shape
	kept := Reduce{Axes: []int{o.Axis}}.kept(len(shape))
	spread := func(v *Value) *Value { return b.Add(Broadcast{Shape: shape, Axes: kept}, v) }
	index := spread(b.Add(Cast{tensor.I64}, n.In[1]))
	here := b.Add(Compare{"eq"}, b.Add(Iota{tensor.Type{DType: tensor.I64, Shape: shape}, o.Axis}), index)
	return []*Value{b.keep(here, spread(dy[0])), nil}
}

// Grad is ScatterAdd.
func (o Take) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	if dy[0] == nil || !dy[0].Type.DType.IsFloat() {
		return []*Value{nil, nil}
	}
	return []*Value{b.Add(ScatterAdd{n.In[0].Type.Shape[0]}, n.In[1], dy[0]), nil}
}

// Grad is Take.
func (o ScatterAdd) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	if dy[0] == nil || !dy[0].Type.DType.IsFloat() {
		return []*Value{nil, nil}
	}
	return []*Value{nil, b.Add(Take{}, dy[0], n.In[0])}
}

// Lower is a load at a loaded index.
func (o Pick) Lower(l *Lowering) {
	out := l.Axes(l.OutType[0].Shape)
	at := kernel.Points(out)
	index := kernel.Cast(tensor.I64, l.Load(1, at...))
	source := append(append(append([]kernel.Expr{}, at[:o.Axis]...), index), at[o.Axis:]...)
	l.Map(0, out, l.Load(0, source...))
}

// Lower is a load at a loaded index.
func (o Take) Lower(l *Lowering) {
	out := l.Axes(l.OutType[0].Shape)
	at, lead := kernel.Points(out), len(l.InType[1].Shape)
	index := kernel.Cast(tensor.I64, l.Load(1, at[:lead]...))
	l.Map(0, out, l.Load(0, append([]kernel.Expr{index}, at[lead:]...)...))
}

// Lower sums over all of the index the slices that it sends here.
func (o ScatterAdd) Lower(l *Lowering) {
	out := l.Axes(l.OutType[0].Shape)
	fold := axes("j", l.InType[0].Shape)
	at := kernel.Points(fold)
	index := kernel.Cast(tensor.I64, l.Load(0, at...))
	y := l.Load(1, append(at, kernel.Points(out[1:])...)...)
	l.Reduce(0, out, kernel.Reduce{Op: kernel.Sum, Axes: fold, At: []kernel.Match{{Axis: out[0].Name, Index: index}}}, y)
}
