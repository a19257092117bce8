package ir

import (
	"fmt"

	"dlc/ir/tensor"
)

// Conv is x [N, spatial..., Cin] convolved with a kernel [window..., Cin, Cout], giving
// [N, spatial'..., Cout] of 1 to 3 spatial dims:
//
//	y[n,h,w,o] = sum r,s,c: x[n, h*stride + r*dilation - lo, ..., c] * kernel[r,s,c,o]
//
// Terms that fall into the padding are skipped. Each list has one number per spatial dim.
type Conv struct {
	Strides, PadLo, PadHi, Dilation []int64
}

// ConvData is the gradient of Conv with respect to x, which had this Shape, from dy and the kernel
// (in that order). It is the transposed convolution.
type ConvData struct {
	Strides, PadLo, PadHi, Dilation []int64
	Shape                           tensor.Shape
}

// ConvFilter is the gradient of Conv with respect to the kernel, which had this Shape, from x and
// dy (in that order).
type ConvFilter struct {
	Strides, PadLo, PadHi, Dilation []int64
	Shape                           tensor.Shape
}

// Name is the op's mnemonic.
func (o Conv) Name() string       { return "conv" }
func (o ConvData) Name() string   { return "conv_data" }
func (o ConvFilter) Name() string { return "conv_filter" }

// Infer gives [N, (D + lo + hi - (K-1)*dilation - 1) div stride + 1 ..., Cout].
func (o Conv) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	x, w := in[0], in[1]
	if err := o.check(x.DType, w.DType, x.Shape, w.Shape); err != nil {
		return nil, err
	}
	rank := len(x.Shape)
	out := tensor.Shape{x.Shape[0]}
	for i, d := range x.Shape[1 : rank-1] {
		k, _ := w.Shape[i].Const()
		span := (k-1)*o.Dilation[i] + 1
		e := d.AddInt(o.PadLo[i] + o.PadHi[i] - span)
		if negative(e) {
			return nil, fmt.Errorf("the window spans %d of spatial dim %d, which has %s with padding %d and %d", span, i, d, o.PadLo[i], o.PadHi[i])
		}
		out = append(out, e.Div(o.Strides[i]).AddInt(1))
	}
	return []tensor.Type{{DType: x.DType, Shape: append(out, w.Shape[rank-1])}}, nil
}

// check states the rules on x and the kernel that the three ops share.
func (o Conv) check(xt, wt tensor.DType, x, w tensor.Shape) error {
	rank := len(x)
	if rank < 3 || rank > 5 || len(w) != rank {
		return fmt.Errorf("a convolution takes x of [N, 1 to 3 spatial dims, C] and a kernel of the same rank, not [%s] and [%s]", x, w)
	}
	if xt != wt || !xt.IsFloat() {
		return fmt.Errorf("a convolution takes two floats of one dtype, not %s and %s", xt, wt)
	}
	if !x[rank-1].Equal(w[rank-2]) {
		return fmt.Errorf("the kernel takes %s channels, x has %s (groups are not supported)", w[rank-2], x[rank-1])
	}
	for _, list := range [][]int64{o.Strides, o.PadLo, o.PadHi, o.Dilation} {
		if len(list) != rank-2 {
			return fmt.Errorf("strides, padding and dilation need one number for each of %d spatial dims", rank-2)
		}
	}
	for i := range o.Strides {
		if k, ok := w[i].Const(); !ok || k < 1 {
			return fmt.Errorf("dim %d of the kernel must be a positive constant, not %s", i, w[i])
		}
		if o.Strides[i] < 1 || o.Dilation[i] < 1 || o.PadLo[i] < 0 || o.PadHi[i] < 0 {
			return fmt.Errorf("strides and dilation must be at least 1, padding at least 0")
		}
	}
	return nil
}

func (o ConvData) conv() Conv   { return Conv{o.Strides, o.PadLo, o.PadHi, o.Dilation} }
func (o ConvFilter) conv() Conv { return Conv{o.Strides, o.PadLo, o.PadHi, o.Dilation} }

// Infer demands that Conv of Shape and the kernel gives dy's type.
func (o ConvData) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	x := tensor.Type{DType: in[0].DType, Shape: o.Shape}
	return []tensor.Type{x}, o.conv().demand(x, in[1], in[0])
}

// Infer demands that Conv of x and Shape gives dy's type.
func (o ConvFilter) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	w := tensor.Type{DType: in[0].DType, Shape: o.Shape}
	return []tensor.Type{w}, o.conv().demand(in[0], w, in[1])
}

func (o Conv) demand(x, w, dy tensor.Type) error {
	y, err := o.Infer([]tensor.Type{x, w})
	if err != nil {
		return err
	}
	if !y[0].Equal(dy) {
		return fmt.Errorf("the output gradient must be %s, not %s", y[0], dy)
	}
	return nil
}
