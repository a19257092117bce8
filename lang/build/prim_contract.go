package build

import (
	"fmt"
	"slices"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
)

// contractionRows: sums of products, and windows.
func contractionRows() []row {
	return []row{
		{"einsum", "spec x y", (*use).einsum},
		{"conv", "x kernel stride=1 padding=0 dilation=1 groups=1 spread=1", (*use).conv},
		{"conv_transpose", "x kernel stride=1 padding=0 dilation=1 groups=1 extra=0", (*use).convTranspose},
		{"max_pool", "x window stride=1 padding=0 dilation=1", (*use).maxPool},
		{"average_pool", "x window stride=1 padding=0 dilation=1", (*use).averagePool},
	}
}

func (u *use) einsum() value {
	spec, ok := u.args["spec"].v.(text)
	if !ok {
		u.fail(check.WrongKind, u.args["spec"].at, "einsum needs its spec as a string, as in \"mk,kn->mn\"")
		return nil
	}
	x, y := u.tens("x"), u.tens("y")
	if !u.whole(x, y) {
		return nil
	}
	tx, ty, ok := u.e.joinTensors(u.s, "einsum", u.at, u.args["x"], u.args["y"], x, y)
	if !ok {
		return nil
	}
	return u.e.wrap(u.emit(ir.Einsum{Spec: string(spec)}, tx.v, ty.v), tx.weak && ty.weak)
}

// perAxis returns one number for each of n axes.
func (u *use) perAxis(name string, n int) []int64 {
	list := u.ints(name)
	if len(list) == 1 {
		for len(list) < n {
			list = append(list, list[0])
		}
	}
	if !u.bad && len(list) != n {
		u.fail(check.WrongKind, u.args[name].at, "`%s` of %s needs %d numbers, not %d", name, u.prim.name, n, len(list))
	}
	return list
}

// borders returns the padding before and after each of n axes.
func (u *use) borders(n int) (lo, hi []int64) {
	a := u.args["padding"]
	q, ok := a.v.(*sequence)
	if !ok {
		lo = u.perAxis("padding", n)
		return lo, lo
	}
	for _, item := range q.items {
		pair, ok := item.(*sequence)
		if !ok || len(pair.items) != 2 {
			u.fail(check.WrongKind, a.at, "`padding` of %s is a list of pairs (before, after)", u.prim.name)
			return nil, nil
		}
		l, okL := u.e.constant(u.s, a.at, pair.items[0], "padding")
		h, okH := u.e.constant(u.s, a.at, pair.items[1], "padding")
		u.bad = u.bad || !okL || !okH
		lo, hi = append(lo, l), append(hi, h)
	}
	if !u.bad && len(lo) != n {
		u.fail(check.WrongKind, a.at, "`padding` of %s needs %d pairs, not %d", u.prim.name, n, len(lo))
	}
	return lo, hi
}

// windowFits refuses a window that is larger than what it moves over.
func (u *use) windowFits(x tensor.Shape, span, stride, lo, hi []int64) bool {
	for i, k := range span {
		if stride[i] < 1 || k < 1 {
			u.fail(check.ConfigValue, u.at, "a window and its stride must be at least 1")
			return false
		}
		room := x[i+1].AddInt(lo[i] + hi[i] - k).Bounds(nil)
		if !room.OpenHi && room.Hi < 0 {
			d := u.fail(check.SizeGone, u.at, "a window of %d leaves nothing of an axis of %s", k, x[i+1])
			d.Label = fmt.Sprintf("the input has [%s]", x)
			help(d, "use a smaller window or stride before, or padding=\"same\"")
			return false
		}
	}
	return true
}

// image returns a float tensor argument of rank 3 to 5: [N, spatial..., C].
func (u *use) image(name string) *tens {
	t := u.float(name)
	if !u.whole(t) {
		return nil
	}
	if n := len(t.shape()); n < 3 || n > 5 {
		u.fail(check.WrongKind, u.args[name].at, "`%s` of %s must be [N, 1 to 3 spatial dims, C], not %s", name, u.prim.name, t.typ())
		return nil
	}
	return t
}

func (u *use) conv() value {
	x, k := u.image("x"), u.image("kernel")
	if x == nil || k == nil {
		return nil
	}
	n := len(x.shape()) - 2
	op, span, ok := u.convolution(x, k, n)
	if !ok {
		return nil
	}
	v, spread := x.v, u.perAxis("spread", n)
	for i := range spread {
		if spread[i] < 1 {
			u.fail(check.ConfigValue, u.args["spread"].at, "`spread` of conv is at least 1, not %d", spread[i])
		}
	}
	if u.bad {
		return nil
	}
	if slices.Max(spread) > 1 {
		none := make(tensor.Shape, n+2)
		v = u.emit(ir.Pad{Lo: none, Hi: none, Step: append(append([]int64{1}, spread...), 1)}, v)
	}
	if v == nil || !u.windowFits(v.Type.Shape, span, op.Strides, op.PadLo, op.PadHi) {
		return nil
	}
	if !u.channels(x, k, x.shape()[n+1], op.Groups) {
		return nil
	}
	v = u.emit(op, v, k.v)
	return u.result(x, v, u.ends(x, v, k))
}

// convolution reads the attributes of a convolution of n spatial dims, and how far windows span.
func (u *use) convolution(x, k *tens, n int) (op ir.Conv, span []int64, ok bool) {
	op.Strides, op.Dilation = u.perAxis("stride", n), u.perAxis("dilation", n)
	op.PadLo, op.PadHi = u.borders(n)
	groups := u.ints("groups")
	if u.bad {
		return op, nil, false
	}
	if len(groups) != 1 || groups[0] < 1 {
		u.fail(check.ConfigValue, u.args["groups"].at, "`groups` of %s is one number from 1 on", u.prim.name)
		return op, nil, false
	}
	if op.Groups = groups[0]; op.Groups == 1 {
		op.Groups = 0
	}
	if len(k.shape()) != n+2 {
		u.fail(check.WrongKind, u.args["kernel"].at, "the kernel must have the rank of %s, not be %s", x.typ(), k.typ())
		return op, nil, false
	}
	span = make([]int64, n)
	for i := range span {
		c, constant := k.shape()[i].Const()
		if !constant {
			u.fail(check.NotWhole, u.args["kernel"].at, "the window of a kernel must be constant, not [%s]", k.shape())
			return op, nil, false
		}
		span[i] = (c-1)*op.Dilation[i] + 1
	}
	return op, span, true
}

// channels tells where a kernel in groups does not fit.
func (u *use) channels(x, k *tens, in tensor.Dim, groups int64) bool {
	if groups == 0 {
		return true
	}
	n := len(k.shape())
	each, out := k.shape()[n-2], k.shape()[n-1]
	if !in.Equal(each.Scale(groups)) || !out.Mod(groups).IsConst(0) {
		u.fail(check.NotWhole, u.at, "%d groups do not go with a kernel of [%s] and %s channels", groups, k.shape(), in)
		return false
	}
	return true
}

// convTranspose is what conv's gradient does: each element of x adds its multiple of the kernel,
// [window..., filters, channels of x].
func (u *use) convTranspose() value {
	x, k := u.image("x"), u.image("kernel")
	if x == nil || k == nil {
		return nil
	}
	n := len(x.shape()) - 2
	op, span, ok := u.convolution(x, k, n)
	if !ok {
		return nil
	}
	extra := u.perAxis("extra", n)
	if u.bad {
		return nil
	}
	if !x.shape()[n+1].Equal(k.shape()[n+1]) {
		u.fail(check.NotWhole, u.at, "the kernel [%s] takes %s channels, not %s: it is [window..., filters, channels]", k.shape(), k.shape()[n+1], x.shape()[n+1])
		return nil
	}
	groups := max(1, op.Groups)
	if !u.channels(x, k, k.shape()[n].Scale(groups), op.Groups) {
		return nil
	}
	shape := tensor.Shape{x.shape()[0]}
	for i, d := range x.shape()[1 : n+1] {
		if op.Strides[i] < 1 || extra[i] < 0 || extra[i] >= op.Strides[i] {
			u.fail(check.ConfigValue, u.at, "a stride is at least 1, and `extra` is less than the stride")
			return nil
		}
		e := d.AddInt(-1).Scale(op.Strides[i]).AddInt(span[i] - op.PadLo[i] - op.PadHi[i] + extra[i])
		if room := e.Bounds(nil); !room.OpenHi && room.Hi < 0 {
			u.fail(check.SizeGone, u.at, "padding of %d and %d leaves nothing of an axis", op.PadLo[i], op.PadHi[i])
			return nil
		}
		shape = append(shape, e)
	}
	shape = append(shape, k.shape()[n].Scale(groups))
	v := u.emit(ir.ConvData{Strides: op.Strides, PadLo: op.PadLo, PadHi: op.PadHi, Dilation: op.Dilation, Groups: op.Groups, Shape: shape}, x.v, k.v)
	return u.result(x, v, nil)
}

// ends keeps the names of the first and last axis.
func (u *use) ends(x *tens, v *ir.Value, last *tens) []string {
	if v == nil {
		return nil
	}
	labels := make([]string, len(v.Type.Shape))
	labels[0], labels[len(labels)-1] = x.labels[0], last.labels[len(last.labels)-1]
	return labels
}

func (u *use) pool() (x *tens, op ir.MaxPool) {
	x = u.image("x")
	if x == nil {
		return nil, op
	}
	n := len(x.shape()) - 2
	op.Window, op.Strides = u.perAxis("window", n), u.perAxis("stride", n)
	op.PadLo, op.PadHi = u.borders(n)
	apart := u.perAxis("dilation", n)
	if u.bad {
		return nil, op
	}
	span := make([]int64, n)
	for i, d := range apart {
		if span[i] = (op.Window[i]-1)*d + 1; d > 1 {
			op.Dilation = apart
		}
		if d < 1 {
			u.fail(check.ConfigValue, u.args["dilation"].at, "the dilation of a window must be at least 1")
			return nil, op
		}
	}
	if !u.windowFits(x.shape(), span, op.Strides, op.PadLo, op.PadHi) {
		return nil, op
	}
	return x, op
}

func (u *use) maxPool() value {
	x, op := u.pool()
	if x == nil {
		return nil
	}
	v := u.emit(op, x.v)
	return u.result(x, v, u.ends(x, v, x))
}

// averagePool divides each window's sum by how many elements of the image it covers.
func (u *use) averagePool() value {
	x, op := u.pool()
	if x == nil {
		return nil
	}
	sum := u.emit(ir.SumPool(op), x.v)
	if sum == nil {
		return nil
	}
	count, padded := int64(1), false
	for i, k := range op.Window {
		count *= k
		padded = padded || op.PadLo[i]+op.PadHi[i] > 0
	}
	by := u.emit(ir.FullOf(sum.Type, float64(count)))
	if padded {
		one := append(tensor.Shape{tensor.Int(1)}, x.shape()[1:]...)
		one[len(one)-1] = tensor.Int(1)
		ones := u.emit(ir.FullOf(tensor.Type{DType: x.dtype(), Shape: one}, 1))
		by = u.e.spread(u.s, u.at, u.emit(ir.SumPool(op), ones), 0, sum.Type.Shape)
	}
	v := u.emit(ir.Binary{Fn: "div"}, sum, by)
	return u.result(x, v, u.ends(x, v, x))
}
