package ir

import (
	"fmt"

	"dlc/ir/tensor"
)

// MaxPool takes the largest element of each window of x [N, spatial..., C] (1 to 3 spatial dims).
// Its second result is the place (i32) of that element in its window, row-major, the first of
// equals; a NaN wins. Padding is no element. Each list has one number per spatial dim.
type MaxPool struct {
	Window, Strides, PadLo, PadHi []int64
}

// MaxPoolGrad adds each dy at the place that MaxPool's second result says: it takes dy and that
// index and gives the gradient of x, which had this Shape.
type MaxPoolGrad struct {
	Window, Strides, PadLo, PadHi []int64
	Shape                         tensor.Shape
}

// SumPool adds the elements of each window of x [N, spatial..., C].
type SumPool struct {
	Window, Strides, PadLo, PadHi []int64
}

// SumPoolGrad is the gradient of SumPool with respect to x, which had this Shape, from dy.
type SumPoolGrad struct {
	Window, Strides, PadLo, PadHi []int64
	Shape                         tensor.Shape
}

// Name is the op's mnemonic.
func (o MaxPool) Name() string     { return "max_pool" }
func (o MaxPoolGrad) Name() string { return "max_pool_grad" }
func (o SumPool) Name() string     { return "sum_pool" }
func (o SumPoolGrad) Name() string { return "sum_pool_grad" }

func (o MaxPoolGrad) pool() MaxPool { return MaxPool{o.Window, o.Strides, o.PadLo, o.PadHi} }
func (o SumPool) pool() MaxPool     { return MaxPool(o) }
func (o SumPoolGrad) pool() MaxPool { return MaxPool{o.Window, o.Strides, o.PadLo, o.PadHi} }

// Infer gives [N, (D + lo + hi - window) div stride + 1 ..., C] twice.
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
	for _, list := range [][]int64{o.Window, o.Strides, o.PadLo, o.PadHi} {
		if len(list) != rank-2 {
			return nil, fmt.Errorf("window, strides and padding need one number for each of %d spatial dims", rank-2)
		}
	}
	out := tensor.Shape{x[0]}
	for i, k := range o.Window {
		if k < 1 || o.Strides[i] < 1 {
			return nil, fmt.Errorf("window and strides must be at least 1")
		}
		if o.PadLo[i] < 0 || o.PadHi[i] < 0 || o.PadLo[i] >= k || o.PadHi[i] >= k {
			return nil, fmt.Errorf("padding %d and %d must be in 0..%d, the window", o.PadLo[i], o.PadHi[i], k)
		}
		e := x[i+1].AddInt(o.PadLo[i] + o.PadHi[i] - k)
		if negative(e) {
			return nil, fmt.Errorf("the window spans %d of spatial dim %d, which has %s with padding %d and %d", k, i, x[i+1], o.PadLo[i], o.PadHi[i])
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

// Infer gives [N, (D + lo + hi - window) div stride + 1 ..., C].
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
