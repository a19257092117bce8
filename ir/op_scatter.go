package ir

import (
	"fmt"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// Gather takes elements of x along Axis: element i of the result is that of x whose place along
// the axis is the index's element i, and which stands at i along the other axes. The index has x's
// dims but for the axis. A place outside of the axis gives 0.
type Gather struct{ Axis int }

// Scatter is x with the elements of y put in along Axis, at the places that an integer index of
// y's shape says; y has x's dims but for the axis. Fn says how: set, add, mul, min or max. Of
// several for one place the last one wins for set; the others join them ascending, then x with
// that. A place outside of the axis drops its element.
type Scatter struct {
	Fn   string
	Axis int
}

// Name is the op's mnemonic.
func (o Gather) Name() string  { return "gather" }
func (o Scatter) Name() string { return "scatter_along" }

// Function is which one it is.
func (o Scatter) Function() string { return o.Fn }

// Functions lists all that the op can be.
func (Scatter) Functions() []string { return []string{"set", "add", "mul", "min", "max"} }

// Infer demands an index that agrees with x but along the axis.
func (o Gather) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	if err := alongAxis(in[0], in[1], o.Axis); err != nil {
		return nil, err
	}
	return []tensor.Type{{DType: in[0].DType, Shape: in[1].Shape}}, nil
}

// alongAxis checks an index into an axis of x.
func alongAxis(x, index tensor.Type, axis int) error {
	if err := axisIn(axis, len(x.Shape)); err != nil {
		return err
	}
	if !index.DType.IsInt() {
		return fmt.Errorf("the index must be integers, not %s", index.DType)
	}
	if len(index.Shape) != len(x.Shape) || !without(index.Shape, axis).Equal(without(x.Shape, axis)) {
		return fmt.Errorf("the index %s must have the dims of %s but for axis %d", index, x, axis)
	}
	return nil
}

// Infer demands x, an index and elements of the index's shape.
func (o Scatter) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 3); err != nil {
		return nil, err
	}
	if err := known(o, "scatter_along %q"); err != nil {
		return nil, err
	}
	x, index, y := in[0], in[1], in[2]
	if o.Fn != "set" && !isNumber(x.DType) {
		return nil, fmt.Errorf("scatter_along %s does not take %s", o.Fn, x.DType)
	}
	if err := alongAxis(x, index, o.Axis); err != nil {
		return nil, err
	}
	if x.DType != y.DType {
		return nil, fmt.Errorf("elements of %s cannot be put into %s", y.DType, x)
	}
	return in[:1], sameShape(index, y)
}

// Eval takes one element for each index.
func (o Gather) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	x, y := in[0], blank(out[0])
	o.pairs(x.Dims, in[1], func(i, from int) { copyElement(y, i, x, from) })
	return []*tensor.Tensor{y}
}

// pairs visits each element of an index whose place is inside of the axis, and the element of x it
// names, both row-major.
func (o Gather) pairs(x []int, index *tensor.Tensor, visit func(i, at int)) {
	i := 0
	each(index.Dims, func(at []int) {
		if k := index.Int(i); k >= 0 && k < int64(x[o.Axis]) {
			named := append([]int{}, at...)
			named[o.Axis] = int(k)
			visit(i, place(x, named))
		}
		i++
	})
}

// Eval joins the elements of each place in their order, then x with that.
func (o Scatter) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	x, index, y := in[0], in[1], in[2]
	z, terms := blank(out[0]), blank(out[0])
	copy(z.Data, x.Data)
	if o.Fn == "set" {
		Gather{o.Axis}.pairs(x.Dims, index, func(i, at int) { copyElement(z, at, y, i) })
		return []*tensor.Tensor{z}
	}
	for i := range terms.Len() {
		identity(map[string]string{"add": "sum", "mul": "prod", "min": "min", "max": "max"}[o.Fn], terms, i)
	}
	join := func(a *tensor.Tensor, i int, b *tensor.Tensor, j int) {
		if a.DType.IsFloat() {
			a.SetFloat(i, binaryFloat(o.Fn, a.Float(i), b.Float(j), rounder(a.DType)))
		} else {
			a.SetInt(i, binaryInt(o.Fn, a.Int(i), b.Int(j), a.DType))
		}
	}
	Gather{o.Axis}.pairs(x.Dims, index, func(i, at int) { join(terms, at, y, i) })
	for i := range z.Len() {
		join(z, i, terms, i)
	}
	return []*tensor.Tensor{z}
}

// Grad adds each dy at the place that it was taken from.
func (o Gather) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	if dy[0] == nil || !dy[0].Type.DType.IsFloat() {
		return []*Value{nil, nil}
	}
	return []*Value{b.Add(Scatter{"add", o.Axis}, b.fill(n.In[0].Type, 0), n.In[1], dy[0]), nil}
}

// Grad gives x what no element took its place of; min and max share it among equals.
func (o Scatter) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	x, index, y, g := n.In[0], n.In[1], n.In[2], dy[0]
	if g == nil || !x.Type.DType.IsFloat() {
		return []*Value{nil, nil, nil}
	}
	taken := func(v *Value) *Value { return b.Add(Gather{o.Axis}, v, index) }
	put := func(fn string, into, v *Value) *Value { return b.Add(Scatter{fn, o.Axis}, into, index, v) }
	none, one := b.fill(x.Type, 0), b.fill(y.Type, 1)
	switch o.Fn {
	case "set":
		counts := tensor.Type{DType: tensor.I32, Shape: index.Type.Shape}
		number := b.Add(Iota{counts, o.Axis})
		last := put("max", b.fill(tensor.Type{DType: tensor.I32, Shape: x.Type.Shape}, -1), number)
		won := b.Add(Compare{"eq"}, taken(last), number)
		return []*Value{b.keep(b.compare("lt", last, 0), g), nil, b.keep(won, taken(g))}
	case "add":
		return []*Value{g, nil, taken(g)}
	case "mul":
		zero := b.compare("eq", y, 0)
		nonzero := b.where(zero, one, y)
		zeros := b.keep(zero, one)
		others := b.binary("sub", taken(put("add", none, zeros)), zeros)
		rest := b.binary("div", taken(b.mul(g, put("mul", x, nonzero))), nonzero)
		return []*Value{b.mul(g, put("mul", b.fill(x.Type, 1), y)), nil, b.keep(b.compare("eq", others, 0), rest)}
	}
	hitX := b.Add(Compare{"eq"}, x, n.Out[0])
	hitY := b.Add(Compare{"eq"}, y, taken(n.Out[0]))
	count := put("add", b.keep(hitX, b.fill(x.Type, 1)), b.keep(hitY, one))
	share := b.binary("div", g, count)
	return []*Value{b.keep(hitX, share), nil, b.keep(hitY, taken(share))}
}

// Lower is a load at a loaded index.
func (o Gather) Lower(l *Lowering) {
	out := l.Axes(l.OutType[0].Shape)
	at := kernel.Points(out)
	at[o.Axis] = kernel.Cast(tensor.I64, l.element(1, out))
	l.Map(0, out, l.Load(0, at...))
}

// Lower joins the terms sent to each place, then x with that. For set a place takes the number of
// the last element, then that element.
func (o Scatter) Lower(l *Lowering) {
	out := l.Axes(l.OutType[0].Shape)
	fold := kernel.Axis{Name: "j0", Extent: l.InType[1].Shape[o.Axis]}
	at := kernel.Points(out)
	at[o.Axis] = kernel.At(fold.Name)
	index := kernel.Cast(tensor.I64, l.Load(1, at...))
	r := &kernel.Reduce{Axes: []kernel.Axis{fold}, At: []kernel.Match{{Axis: out[o.Axis].Name, Index: index}}}
	x := l.element(0, out)
	if o.Fn == "set" {
		r.Op = kernel.Max
		last := l.Local(tensor.I64, out, r, kernel.At(fold.Name))
		at := kernel.Points(out)
		at[o.Axis] = last
		l.Map(0, out, kernel.Select(kernel.Compare("lt", last, kernel.I(tensor.I64, 0)), x, l.Load(2, at...)))
		return
	}
	r.Op = map[string]kernel.ReduceOp{"add": kernel.Sum, "mul": kernel.Prod, "min": kernel.Min, "max": kernel.Max}[o.Fn]
	terms := l.Local(l.OutType[0].DType, out, r, l.Load(2, at...))
	l.Map(0, out, kernel.Apply(o.Fn, x, terms))
}
