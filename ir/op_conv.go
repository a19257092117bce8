package ir

import (
	"fmt"
	"math"

	"dlc/ir/tensor"
)

// Conv is x [N, spatial..., Cin] convolved with a kernel [window..., Cin, Cout], giving
// [N, spatial'..., Cout] of 1 to 3 spatial dims:
//
//	y[n,h,w,o] = sum r,s,c: x[n, h*stride + r*dilation - lo, ..., c] * kernel[r,s,c,o]
//
// Terms that fall into the padding are skipped. Each list has one number per spatial dim. With
// Groups of more than 1 the channels of x and y are cut into so many, each output sees only the
// inputs of its group, and the kernel is [window..., Cin / Groups, Cout].
type Conv struct {
	Strides, PadLo, PadHi, Dilation []int64
	Groups                          int64 // 0 is 1
}

// ConvData is the gradient of Conv with respect to x, which had this Shape, from dy and the kernel
// (in that order). It is the transposed convolution.
type ConvData struct {
	Strides, PadLo, PadHi, Dilation []int64
	Groups                          int64
	Shape                           tensor.Shape
}

// ConvFilter is the gradient of Conv with respect to the kernel, which had this Shape, from x and
// dy (in that order).
type ConvFilter struct {
	Strides, PadLo, PadHi, Dilation []int64
	Groups                          int64
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
	if err := o.checkGroups(x[rank-1], w[rank-2], w[rank-1]); err != nil {
		return err
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

// checkGroups states the rules on channels.
func (o Conv) checkGroups(have, in, out tensor.Dim) error {
	g := o.groups()
	if o.Groups < 0 || !out.Mod(g).IsConst(0) {
		return fmt.Errorf("%s output channels cannot be cut into %d groups", out, o.Groups)
	}
	if !have.Equal(in.Scale(g)) {
		if g == 1 {
			return fmt.Errorf("the kernel takes %s channels, x has %s", in, have)
		}
		return fmt.Errorf("the kernel takes %s channels for each of %d groups, x has %s", in, g, have)
	}
	return nil
}

func (o Conv) groups() int64 { return max(1, o.Groups) }

func (o ConvData) conv() Conv   { return Conv{o.Strides, o.PadLo, o.PadHi, o.Dilation, o.Groups} }
func (o ConvFilter) conv() Conv { return Conv{o.Strides, o.PadLo, o.PadHi, o.Dilation, o.Groups} }

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

// taps visits every product x * kernel that belongs to an element of y, by their row-major places.
func (o Conv) taps(x, w, y []int, visit func(atX, atW, atY int)) {
	rank := len(x)
	all := append(append([]int{}, y...), w[:rank-1]...) // n, spatial..., o, window..., c
	each(all, func(at []int) {
		atX, atW := at[0], 0
		for i, stride := range o.Strides {
			p := at[1+i]*int(stride) + at[rank+i]*int(o.Dilation[i]) - int(o.PadLo[i])
			if p < 0 || p >= x[1+i] {
				return
			}
			atX, atW = atX*x[1+i]+p, atW*w[i]+at[rank+i]
		}
		c := at[len(at)-1]
		group := at[rank-1] * int(o.groups()) / w[rank-1]
		visit(atX*x[rank-1]+group*w[rank-2]+c, (atW*w[rank-2]+c)*w[rank-1]+at[rank-1], place(y, at[:rank]))
	})
}

// Eval adds the products in the order of the kernel's rows, columns and channels.
func (o Conv) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	x, w, y := in[0], in[1], blank(out[0])
	xs, ws := floats(x), floats(w)
	o.taps(x.Dims, w.Dims, y.Dims, func(atX, atW, atY int) {
		y.SetFloat(atY, math.FMA(xs[atX], ws[atW], y.Float(atY)))
	})
	return []*tensor.Tensor{y}
}

// Eval gives each dy to the elements of x that it came from.
func (o ConvData) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	dy, w, dx := in[0], in[1], blank(out[0])
	ys, ws := floats(dy), floats(w)
	o.conv().taps(dx.Dims, w.Dims, dy.Dims, func(atX, atW, atY int) {
		dx.SetFloat(atX, math.FMA(ys[atY], ws[atW], dx.Float(atX)))
	})
	return []*tensor.Tensor{dx}
}

// Eval gives each dy to the elements of the kernel that it came from.
func (o ConvFilter) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	x, dy, dw := in[0], in[1], blank(out[0])
	xs, ys := floats(x), floats(dy)
	o.conv().taps(x.Dims, dw.Dims, dy.Dims, func(atX, atW, atY int) {
		dw.SetFloat(atW, math.FMA(xs[atX], ys[atY], dw.Float(atW)))
	})
	return []*tensor.Tensor{dw}
}

// The three ops are the three ways to fix two of x, kernel and dy in one trilinear form: each
// one's gradients are the other two.

func (o Conv) data(b *Builder, dy, w *Value, shape tensor.Shape) *Value {
	return b.Add(ConvData{o.Strides, o.PadLo, o.PadHi, o.Dilation, o.Groups, shape}, dy, w)
}

func (o Conv) filter(b *Builder, x, dy *Value, shape tensor.Shape) *Value {
	return b.Add(ConvFilter{o.Strides, o.PadLo, o.PadHi, o.Dilation, o.Groups, shape}, x, dy)
}

// Grad is ConvData and ConvFilter.
func (o Conv) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	if dy[0] == nil {
		return []*Value{nil, nil}
	}
	x, w := n.In[0], n.In[1]
	return []*Value{o.data(b, dy[0], w, x.Type.Shape), o.filter(b, x, dy[0], w.Type.Shape)}
}

// Grad is Conv and ConvFilter.
func (o ConvData) Grad(b *Builder, n *Node, g []*Value) []*Value {
	if g[0] == nil {
		return []*Value{nil, nil}
	}
	dy, w := n.In[0], n.In[1]
	return []*Value{b.Add(o.conv(), g[0], w), o.conv().filter(b, g[0], dy, w.Type.Shape)}
}

// Grad is ConvData and Conv.
func (o ConvFilter) Grad(b *Builder, n *Node, g []*Value) []*Value {
	if g[0] == nil {
		return []*Value{nil, nil}
	}
	x, dy := n.In[0], n.In[1]
	return []*Value{o.conv().data(b, dy, g[0], x.Type.Shape), b.Add(o.conv(), x, g[0])}
}
