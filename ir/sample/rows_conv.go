package sample

import (
	"dlc/ir"
	"dlc/ir/tensor"
)

// A convolution is attributes and operands of Conv.
type convolution struct {
	conv ir.Conv
	x, w string
}

func convolutions() []convolution {
	c := func(strides, lo, hi, dilation []int64) ir.Conv {
		return ir.Conv{Strides: strides, PadLo: lo, PadHi: hi, Dilation: dilation}
	}
	return []convolution{
		{c([]int64{1, 1}, []int64{0, 0}, []int64{0, 0}, []int64{1, 1}), "N, 5, 4, 2", "3, 2, 2, 3"},
		{c([]int64{1, 1}, []int64{1, 1}, []int64{1, 1}, []int64{1, 1}), "N, 3, 4, 2", "3, 3, 2, 1"},
		{c([]int64{2, 3}, []int64{0, 1}, []int64{1, 2}, []int64{1, 1}), "N, 6, 7, 1", "3, 3, 1, 2"},
		{c([]int64{2, 1}, []int64{1, 2}, []int64{1, 2}, []int64{2, 3}), "1, 7, 8, 2", "3, 2, 2, 2"},
		{c([]int64{2, 2}, []int64{0, 0}, []int64{0, 0}, []int64{1, 1}), "N, 6, 6, 1", "1, 1, 1, 2"},
		{c([]int64{1}, []int64{2}, []int64{0}, []int64{2}), "N, T, 2", "2, 2, 3"},
		{c([]int64{2}, []int64{1}, []int64{1}, []int64{1}), "2, T, 1", "3, 1, 1"},
		{c([]int64{1}, []int64{0}, []int64{0}, []int64{1}), "1, 1, 1", "1, 1, 1"},
		{c([]int64{1, 2, 1}, []int64{0, 1, 0}, []int64{0, 1, 0}, []int64{1, 1, 1}), "N, 3, 4, 2, 1", "2, 3, 1, 1, 2"},
		{c([]int64{1, 1}, []int64{1, 1}, []int64{1, 1}, []int64{1, 1}), "2, 9, 7, 5", "3, 3, 5, 19"},
		{inGroups(2, c([]int64{1, 1}, []int64{1, 1}, []int64{1, 1}, []int64{1, 1})), "N, 4, 5, 6", "3, 3, 3, 4"},
		{inGroups(17, c([]int64{2}, []int64{1}, []int64{0}, []int64{2})), "N, T, 17", "2, 1, 34"},
		{inGroups(35, c([]int64{1, 2}, []int64{1, 0}, []int64{1, 1}, []int64{1, 1})), "2, 5, 6, 35", "3, 2, 1, 35"},
	}
}

func inGroups(n int64, c ir.Conv) ir.Conv {
	c.Groups = n
	return c
}

// convRows are the convolution and its gradients.
func convRows() []Row {
	const source = "PyTorch conv1d to conv3d, x and kernel with channels last"
	conv := Row{Name: "conv", Doc: "x convolved with a kernel; terms in the padding are skipped. With `groups` an output sees the inputs of its group, Cin / groups of them.", Shapes: "[N, d..., Cin], [k..., Cin, Cout] -> [N, (d + pad_lo + pad_hi - (k-1)*dilation - 1) div stride + 1 ..., Cout]",
		Source: source, DTypes: floats(), Reference: "conv(x, y, a)", Tolerance: 1e-13, Reason: "the order of a sum", Derivative: Twice, Apply: convolve,
		Refused: []Refusal{{convolutions()[5].conv, "f32[N, 5, 3]; f32[3, 2, 4]", "takes 2 channels, x has 3"}, {convolutions()[5].conv, "f32[N, 5]; f32[3, 3]", "1 to 3 spatial dims"},
			{convolutions()[5].conv, "f32[N, 5, 3]; f64[3, 3, 4]", "one dtype, not f32 and f64"},
			{inGroups(2, convolutions()[5].conv), "f32[N, 5, 4]; f32[3, 2, 3]", "3 output channels cannot be cut into 2 groups"}, {inGroups(2, convolutions()[5].conv), "f32[N, 5, 3]; f32[3, 2, 4]", "takes 2 channels for each of 2 groups"}}}
	data := Row{Name: "conv_data", Doc: "The gradient of conv by x, which is the transposed convolution: of dy and the kernel.", Shapes: "conv's result, kernel -> `shape`", Source: source,
		DTypes: floats(), Reference: "conv_data(x, y, a)", Tolerance: 1e-13, Reason: "the order of a sum", Derivative: Twice,
		Refused: []Refusal{{ir.ConvData{Strides: []int64{1}, PadLo: []int64{0}, PadHi: []int64{0}, Dilation: []int64{1}, Shape: dims("N, 5, 3")}, "f32[N, 4, 4]; f32[3, 3, 4]", "must be f32[N, 3, 4]"}}}
	filter := Row{Name: "conv_filter", Doc: "The gradient of conv by the kernel: of x and dy.", Shapes: "x, conv's result -> `shape`", Source: source,
		DTypes: floats(), Reference: "conv_filter(x, y, a)", Tolerance: 1e-13, Reason: "the order of a sum", Derivative: Twice,
		Refused: []Refusal{{ir.ConvFilter{Strides: []int64{1}, PadLo: []int64{0}, PadHi: []int64{0}, Dilation: []int64{1}, Shape: dims("3, 3, 4")}, "f32[N, 5, 3]; f32[N, 3, 5]", "must be f32[N, 3, 4]"}}}
	for _, c := range convolutions() {
		x, w := "?["+c.x+"]", "?["+c.w+"]"
		y, err := c.conv.Infer(Types("f32[" + c.x + "]; f32[" + c.w + "]"))
		if err != nil {
			panic("BUG: " + err.Error())
		}
		dy := "?[" + y[0].Shape.String() + "]"
		o := c.conv
		conv.Samples = append(conv.Samples, Sample{o, x + "; " + w, ""})
		data.Samples = append(data.Samples, Sample{ir.ConvData{Strides: o.Strides, PadLo: o.PadLo, PadHi: o.PadHi, Dilation: o.Dilation, Groups: o.Groups, Shape: dims(c.x)}, dy + "; " + w, ""})
		filter.Samples = append(filter.Samples, Sample{ir.ConvFilter{Strides: o.Strides, PadLo: o.PadLo, PadHi: o.PadHi, Dilation: o.Dilation, Groups: o.Groups, Shape: dims(c.w)}, x + "; " + dy, ""})
	}
	first := convolutions()[0]
	conv.Samples = append(conv.Samples, Sample{first.conv, "?[" + first.x + "]; ?[" + first.w + "]", "special"})
	return []Row{conv, data, filter}
}

// image reports whether a type has 1 or 2 spatial dims that are known.
func image(t tensor.Type) bool {
	rank := len(t.Shape)
	if rank < 3 || rank > 4 {
		return false
	}
	for _, d := range t.Shape[1:] {
		if !constant(d) {
			return false
		}
	}
	return true
}

// anImage is a value that can be convolved or pooled, or a new one.
func anImage(p Program, fits func(tensor.Type) bool) *ir.Value {
	if x := p.Any(func(t tensor.Type) bool { return image(t) && fits(t) }); x != nil {
		return x
	}
	shapes := []string{"5, 4, 2", "7, 3", "6, 6, 3"}
	n := p.Symbols()[0]
	return p.Input(tensor.Type{DType: tensor.F32, Shape: append(tensor.Shape{n}, dims(shapes[p.Intn(len(shapes))])...)}, "")
}

// window draws a list of numbers for each spatial dim: windows that fit, strides, padding below
// the window.
func window(p Program, s tensor.Shape) (size, strides, lo, hi, one []int64) {
	for _, d := range s[1 : len(s)-1] {
		v, _ := d.Const()
		k := 1 + int64(p.Intn(int(min(3, v))))
		size, strides = append(size, k), append(strides, 1+int64(p.Intn(2)))
		lo, hi, one = append(lo, int64(p.Intn(int(k)))), append(hi, int64(p.Intn(int(k)))), append(one, 1)
	}
	return size, strides, lo, hi, one
}

// spread draws which windows have places that lie two apart, and reports whether any has.
func spread(p Program, s tensor.Shape, size, apart []int64) (any bool) {
	for i, k := range size {
		if v, _ := s[i+1].Const(); p.Intn(4) == 0 && 2*(k-1)+1 <= v {
			apart[i], any = 2, true
		}
	}
	return any
}

func convolve(p Program) (ir.Op, []*ir.Value) {
	x := anImage(p, isFloat)
	s := x.Type.Shape
	size, strides, lo, hi, one := window(p, s)
	spread(p, s, size, one)
	op := ir.Conv{Strides: strides, PadLo: lo, PadHi: hi, Dilation: one}
	in, out := s[len(s)-1], int64([]int{1, 2, 5, 16}[p.Intn(4)])
	if c, _ := in.Const(); c > 1 && p.Intn(3) == 0 { // depthwise
		op.Groups, in, out = c, tensor.Int(1), c*(1+int64(p.Intn(2)))
	}
	kernel := append(tensor.Ints(size...), in, tensor.Int(out))
	w := p.Input(tensor.Type{DType: x.Type.DType, Shape: kernel}, "unit")
	return op, []*ir.Value{x, w}
}
