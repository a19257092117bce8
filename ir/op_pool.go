package ir

import (
	"fmt"

	"dlc/ir/tensor"
)

// MaxPool takes the largest element of each window of x [N, spatial..., C] (1 to 3 spatial dims).
// Its second result is the place (i32) of that element in its window, row-major, the first of
// equals; a NaN wins. Padding is no element. Each list has one number per spatial dim; places of a
// window are Dilation apart, which is nil where they touch.
type MaxPool struct {
	Window, Strides, PadLo, PadHi, Dilation []int64
}

// MaxPoolGrad adds each dy at the place that MaxPool's second result says: it takes dy and that
// index and gives the gradient of x, which had this Shape.
type MaxPoolGrad struct {
	Window, Strides, PadLo, PadHi, Dilation []int64
	Shape                                   tensor.Shape
}

// MaxPoolPick takes from each window of x the element at the place that MaxPool's second result says.
// It is the gradient of MaxPoolGrad with respect to dy.
type MaxPoolPick struct {
	Window, Strides, PadLo, PadHi, Dilation []int64
}

// SumPool adds the elements of each window of x [N, spatial..., C].
type SumPool struct {
	Window, Strides, PadLo, PadHi, Dilation []int64
}

// SumPoolGrad is the gradient of SumPool with respect to x, which had this Shape, from dy.
type SumPoolGrad struct {
	Window, Strides, PadLo, PadHi, Dilation []int64
	Shape                                   tensor.Shape
}

// Name is the op's mnemonic.
func (o MaxPool) Name() string     { return "max_pool" }
func (o MaxPoolGrad) Name() string { return "max_pool_grad" }
func (o MaxPoolPick) Name() string { return "max_pool_pick" }
func (o SumPool) Name() string     { return "sum_pool" }
func (o SumPoolGrad) Name() string { return "sum_pool_grad" }

func (o MaxPoolGrad) pool() MaxPool {
	return MaxPool{o.Window, o.Strides, o.PadLo, o.PadHi, o.Dilation}
}
func (o MaxPoolPick) pool() MaxPool { return MaxPool(o) }
func (o SumPool) pool() MaxPool     { return MaxPool(o) }
func (o SumPoolGrad) pool() MaxPool {
	return MaxPool{o.Window, o.Strides, o.PadLo, o.PadHi, o.Dilation}
}

// dilation is how far apart the places of a window are along spatial dim i.
func (o MaxPool) dilation(i int) int64 {
	if o.Dilation == nil {
		return 1
	}
	return o.Dilation[i]
}

// span is how much of spatial dim i a window covers.
func (o MaxPool) span(i int) int64 { return (o.Window[i]-1)*o.dilation(i) + 1 }

// Infer gives [N, (D + lo + hi - span) div stride + 1 ..., C] twice.
func (o MaxPool) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if !isNumber(in[0].DType) {
		return nil, fmt.Errorf("%s cannot be pooled", in[0].DType)
	}
	s, err := o.result(in[0].Shape)
	return []tensor.Type{{DType: in[0].DType, Shape: s}, {DType: tensor.I32, Shape: s}}, err
}

// result states the rules of all pools.
func (o MaxPool) result(x tensor.Shape) (tensor.Shape, error) {
	rank := len(x)
	if rank < 3 || rank > 5 {
		return nil, fmt.Errorf("a pool takes x of [N, 1 to 3 spatial dims, C], not [%s]", x)
	}
	for i, list := range [][]int64{o.Window, o.Strides, o.PadLo, o.PadHi, o.Dilation} {
		if len(list) != rank-2 && (i < 4 || list != nil) {
			return nil, fmt.Errorf("window, strides, padding and dilation need one number for each of %d spatial dims", rank-2)
		}
	}
	out := tensor.Shape{x[0]}
	for i, k := range o.Window {
		if k < 1 || o.Strides[i] < 1 || o.dilation(i) < 1 {
			return nil, fmt.Errorf("window, strides and dilation must be at least 1")
		}
		span := o.span(i)
		if o.PadLo[i] < 0 || o.PadHi[i] < 0 || o.PadLo[i] >= span || o.PadHi[i] >= span {
			return nil, fmt.Errorf("padding %d and %d must be in 0..%d, the window", o.PadLo[i], o.PadHi[i], span)
		}
		e := x[i+1].AddInt(o.PadLo[i] + o.PadHi[i] - span)
		if negative(e) {
			return nil, fmt.Errorf("the window spans %d of spatial dim %d, which has %s with padding %d and %d", span, i, x[i+1], o.PadLo[i], o.PadHi[i])
		}
		out = append(out, e.Div(o.Strides[i]).AddInt(1))
	}
	return append(out, x[rank-1]), nil
}

// Infer demands dy and index of the pool's result shape.
func (o MaxPoolGrad) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	if in[1].DType != tensor.I32 {
		return nil, fmt.Errorf("the index must be i32, not %s", in[1].DType)
	}
	if err := sameShape(in[0], in[1]); err != nil {
		return nil, err
	}
	return o.pool().gradient(in[0], o.Shape)
}

// Infer demands the index of the pool's result shape.
func (o MaxPoolPick) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	if in[1].DType != tensor.I32 {
		return nil, fmt.Errorf("the index must be i32, not %s", in[1].DType)
	}
	out, err := o.pool().Infer(in[:1])
	if err != nil {
		return nil, err
	}
	return out[:1], sameShape(out[1], in[1])
}

// Infer gives [N, (D + lo + hi - span) div stride + 1 ..., C].
func (o SumPool) Infer(in []tensor.Type) ([]tensor.Type, error) {
	out, err := o.pool().Infer(in)
	if err != nil {
		return nil, err
	}
	return out[:1], nil
}

// Infer demands dy of the pool's result shape.
func (o SumPoolGrad) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	return o.pool().gradient(in[0], o.Shape)
}

func (o MaxPool) gradient(dy tensor.Type, x tensor.Shape) ([]tensor.Type, error) {
	s, err := o.result(x)
	if err != nil {
		return nil, err
	}
	if !s.Equal(dy.Shape) || !isNumber(dy.DType) {
		return nil, fmt.Errorf("the output gradient must be numbers of [%s], not %s", s, dy)
	}
	return []tensor.Type{{DType: dy.DType, Shape: x}}, nil
}

// windows visits every element of x that belongs to a window: its index, its place in the
// window and the window's index, window by window.
func (o MaxPool) windows(x, y []int, visit func(atX []int, tap int, atY []int)) {
	rank := len(x)
	all := append([]int{}, y...)
	for _, k := range o.Window {
		all = append(all, int(k))
	}
	atX := make([]int, rank)
	each(all, func(at []int) {
		atX[0], atX[rank-1] = at[0], at[rank-1]
		tap := 0
		for i, k := range o.Window {
			p := at[1+i]*int(o.Strides[i]) + at[rank+i]*int(o.dilation(i)) - int(o.PadLo[i])
			if p < 0 || p >= x[1+i] {
				return
			}
			atX[1+i], tap = p, tap*int(k)+at[rank+i]
		}
		visit(atX, tap, at[:rank])
	})
}

// size is the number of elements of a full window.
func (o MaxPool) size() int64 {
	n := int64(1)
	for _, k := range o.Window {
		n *= k
	}
	return n
}

// Eval keeps the best element of each window and its place.
func (o MaxPool) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	x, y, index := in[0], blank(out[0]), blank(out[1])
	best := make([]int, y.Len()) // place in x, or -1
	for i := range best {
		best[i] = -1
		identity("max", y, i)
		index.SetInt(i, o.size())
	}
	o.windows(x.Dims, y.Dims, func(atX []int, tap int, atY []int) {
		i, j := place(y.Dims, atY), place(x.Dims, atX)
		if best[i] < 0 || beats(x, j, best[i], "gt") {
			best[i] = j
			index.SetInt(i, int64(tap))
			copyElement(y, i, x, j)
		}
	})
	return []*tensor.Tensor{y, index}
}

// Eval adds each dy at its place.
func (o MaxPoolGrad) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	dy, index, dx := in[0], in[1], blank(out[0])
	o.pool().windows(dx.Dims, dy.Dims, func(atX []int, tap int, atY []int) {
		if i := place(dy.Dims, atY); index.Int(i) == int64(tap) {
			accumulate(dx, place(dx.Dims, atX), dy, i)
		}
	})
	return []*tensor.Tensor{dx}
}

// Eval takes the element at each place.
func (o MaxPoolPick) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	x, index, y := in[0], in[1], blank(out[0])
	o.pool().windows(x.Dims, y.Dims, func(atX []int, tap int, atY []int) {
		if i := place(y.Dims, atY); index.Int(i) == int64(tap) {
			accumulate(y, i, x, place(x.Dims, atX))
		}
	})
	return []*tensor.Tensor{y}
}

// accumulate adds element i of x to element j of y.
func accumulate(y *tensor.Tensor, j int, x *tensor.Tensor, i int) {
	if y.DType.IsFloat() {
		y.SetFloat(j, y.Float(j)+x.Float(i))
	} else {
		y.SetInt(j, y.Int(j)+x.Int(i))
	}
}

// Eval adds the elements of each window.
func (o SumPool) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	x, y := in[0], blank(out[0])
	o.pool().windows(x.Dims, y.Dims, func(atX []int, tap int, atY []int) {
		accumulate(y, place(y.Dims, atY), x, place(x.Dims, atX))
	})
	return []*tensor.Tensor{y}
}

// Eval adds each dy to all elements of its window.
func (o SumPoolGrad) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	dy, dx := in[0], blank(out[0])
	o.pool().windows(dx.Dims, dy.Dims, func(atX []int, tap int, atY []int) {
		accumulate(dx, place(dx.Dims, atX), dy, place(dy.Dims, atY))
	})
	return []*tensor.Tensor{dx}
}

// Grad goes to the places taken.
func (o MaxPool) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	if dy[0] == nil || !dy[0].Type.DType.IsFloat() {
		return []*Value{nil}
	}
	return []*Value{b.Add(MaxPoolGrad{o.Window, o.Strides, o.PadLo, o.PadHi, o.Dilation, n.In[0].Type.Shape}, dy[0], n.Out[1])}
}

// Grad takes from the places.
func (o MaxPoolGrad) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	if dy[0] == nil || !dy[0].Type.DType.IsFloat() {
		return []*Value{nil, nil}
	}
	return []*Value{b.Add(MaxPoolPick(o.pool()), dy[0], n.In[1]), nil}
}

// Grad goes to the places taken.
func (o MaxPoolPick) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	if dy[0] == nil || !dy[0].Type.DType.IsFloat() {
		return []*Value{nil, nil}
	}
	return []*Value{b.Add(MaxPoolGrad{o.Window, o.Strides, o.PadLo, o.PadHi, o.Dilation, n.In[0].Type.Shape}, dy[0], n.In[1]), nil}
}

// Grad repeats dy over each window.
func (o SumPool) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	if dy[0] == nil || !dy[0].Type.DType.IsFloat() {
		return []*Value{nil}
	}
	return []*Value{b.Add(SumPoolGrad{o.Window, o.Strides, o.PadLo, o.PadHi, o.Dilation, n.In[0].Type.Shape}, dy[0])}
}

// Grad adds over each window.
func (o SumPoolGrad) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	if dy[0] == nil || !dy[0].Type.DType.IsFloat() {
		return []*Value{nil}
	}
	return []*Value{b.Add(SumPool(o.pool()), dy[0])}
}
