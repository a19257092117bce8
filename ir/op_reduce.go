package ir

import (
	"fmt"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// Reduce joins the elements along Axes, which the result drops: sum prod min max of numbers, any
// all of bools. Over no elements it gives the identity: 0, 1, the largest and smallest value,
// false, true. Min and max are IEEE minimum and maximum: NaN wins, -0 < +0.
type Reduce struct {
	Op   string
	Axes []int
}

// ArgMax gives the place (i32) of the largest element along Axis, the first of equals; a NaN wins.
type ArgMax struct{ Axis int }

// ArgMin gives the place (i32) of the smallest element along Axis, the first of equals; a NaN wins.
type ArgMin struct{ Axis int }

// Name is the op's mnemonic.
func (o Reduce) Name() string { return "reduce" }
func (o ArgMax) Name() string { return "argmax" }
func (o ArgMin) Name() string { return "argmin" }

// Infer drops the axes.
func (o Reduce) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if err := known(o, "reduction %q"); err != nil {
		return nil, err
	}
	ok := isNumber(in[0].DType)
	if o.Op == "any" || o.Op == "all" {
		ok = in[0].DType == tensor.Bool
	}
	if !ok {
		return nil, fmt.Errorf("%s does not take %s", o.Op, in[0].DType)
	}
	if err := distinctAxes(o.Axes, len(in[0].Shape)); err != nil {
		return nil, err
	}
	return []tensor.Type{{DType: in[0].DType, Shape: without(in[0].Shape, o.Axes...)}}, nil
}

// Infer drops the axis.
func (o ArgMax) Infer(in []tensor.Type) ([]tensor.Type, error) { return inferArg(in, o.Axis) }

// Infer drops the axis.
func (o ArgMin) Infer(in []tensor.Type) ([]tensor.Type, error) { return inferArg(in, o.Axis) }

func inferArg(in []tensor.Type, axis int) ([]tensor.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if !isNumber(in[0].DType) {
		return nil, fmt.Errorf("%s has no order", in[0].DType)
	}
	if err := axisIn(axis, len(in[0].Shape)); err != nil {
		return nil, err
	}
	if in[0].Shape[axis].IsConst(0) {
		return nil, fmt.Errorf("axis %d of %s has no elements", axis, in[0])
	}
	return []tensor.Type{{DType: tensor.I32, Shape: without(in[0].Shape, axis)}}, nil
}

// Eval joins the elements in row-major order, rounding to the dtype at each.
func (o Reduce) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	x, y := in[0], blank(out[0])
	for i := range y.Len() {
		identity(o.Op, y, i)
	}
	fn := map[string]string{"sum": "add", "prod": "mul", "min": "min", "max": "max", "any": "max", "all": "min"}[o.Op]
	round, i := rounder(x.DType), 0
	each(x.Dims, func(at []int) {
		j := place(y.Dims, drop(at, o.Axes))
		if x.DType.IsFloat() {
			y.SetFloat(j, binaryFloat(fn, y.Float(j), x.Float(i), round))
		} else {
			y.SetInt(j, binaryInt(fn, y.Int(j), x.Int(i), x.DType))
		}
		i++
	})
	return []*tensor.Tensor{y}
}

// drop returns the index less the given axes.
func drop(at []int, axes []int) []int {
	var out []int
	for i, v := range at {
		if !contains(axes, i) {
			out = append(out, v)
		}
	}
	return out
}

// Eval takes an element that is greater, or the first NaN.
func (o ArgMax) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	return evalArg(in[0], out[0], o.Axis, "gt")
}

// Eval takes an element that is less, or the first NaN.
func (o ArgMin) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	return evalArg(in[0], out[0], o.Axis, "lt")
}

func evalArg(x *tensor.Tensor, t tensor.Type, axis int, better string) []*tensor.Tensor {
	y := blank(t)
	best := make([]int, y.Len()) // place in x, or -1
	for i := range best {
		best[i] = -1
		identity("min", y, i)
	}
	i := 0
	each(x.Dims, func(at []int) {
		j := place(y.Dims, drop(at, []int{axis}))
		if best[j] < 0 || beats(x, i, best[j], better) {
			best[j] = i
			y.SetInt(j, int64(at[axis]))
		}
		i++
	})
	return []*tensor.Tensor{y}
}

func beats(x *tensor.Tensor, i, j int, better string) bool {
	if !x.DType.IsFloat() {
		return compareInt(better, x.Int(i), x.Int(j), x.DType)
	}
	a, b := x.Float(i), x.Float(j)
	return b == b && (a != a || compareFloat(better, a, b))
}

// Grad of sum repeats, of prod is the product of the others; min and max share it among equals.
func (o Reduce) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	x, y, g := n.In[0], n.Out[0], dy[0]
	if g == nil || !x.Type.DType.IsFloat() {
		return []*Value{nil}
	}
	spread := func(v *Value) *Value {
		return b.Add(Broadcast{Shape: x.Type.Shape, Axes: o.kept(len(x.Type.Shape))}, v)
	}
	if o.Op == "sum" {
		return []*Value{spread(g)}
	}
	one, none := b.fill(x.Type, 1), b.fill(x.Type, 0)
	if o.Op == "prod" {
		zero := b.compare("eq", x, 0)
		nonzero := b.where(zero, one, x)
		rest := b.binary("div", spread(b.Add(o, nonzero)), nonzero)
		zeros := spread(b.Add(Reduce{"sum", o.Axes}, b.where(zero, one, none)))
		others := b.binary("sub", zeros, b.where(zero, one, none)) // zeros among the other elements
		return []*Value{b.mul(spread(g), b.keep(b.compare("eq", others, 0), rest))}
	}
	hit := b.Add(Compare{"eq"}, x, spread(y))
	count := b.Add(Reduce{"sum", o.Axes}, b.keep(hit, one))
	return []*Value{b.keep(hit, spread(b.binary("div", g, count)))}
}

// kept lists the axes that remain.
func (o Reduce) kept(rank int) []int {
	kept := []int{}
	for i := range rank {
		if !contains(o.Axes, i) {
			kept = append(kept, i)
		}
	}
	return kept
}

// Grad is none: a place does not vary.
func (o ArgMax) Grad(b *Builder, n *Node, dy []*Value) []*Value { return []*Value{nil} }

// Grad is none: a place does not vary.
func (o ArgMin) Grad(b *Builder, n *Node, dy []*Value) []*Value { return []*Value{nil} }

// split names the kept axes i0, i1 ... and the reduced ones j0, j1 ..., and gives the index of
// the operand by them.
func split(s tensor.Shape, reduced []int) (kept, folded []kernel.Axis, at []kernel.Expr) {
	kept = axes("i", without(s, reduced...))
	for i, d := range s {
		if contains(reduced, i) {
			folded = append(folded, kernel.Axis{Name: fmt.Sprint("j", len(folded)), Extent: d})
			at = append(at, kernel.At(folded[len(folded)-1].Name))
		} else {
			at = append(at, kernel.At(kept[len(at)-len(folded)].Name))
		}
	}
	return kept, folded, at
}

// kernelOp is the reduction of level 1.
func (o Reduce) kernelOp() kernel.ReduceOp {
	return map[string]kernel.ReduceOp{"sum": kernel.Sum, "prod": kernel.Prod, "min": kernel.Min, "max": kernel.Max,
		"any": kernel.Any, "all": kernel.All}[o.Op]
}

// Lower is one reduction.
func (o Reduce) Lower(l *Lowering) {
	kept, folded, at := split(l.InType[0].Shape, o.Axes)
	if len(folded) == 0 {
		l.Map(0, kept, l.Load(0, at...))
		return
	}
	l.Reduce(0, kept, kernel.Reduce{Op: o.kernelOp(), Axes: folded}, l.Load(0, at...))
}

// Lower takes the least place of which the element equals the maximum or is NaN.
func (o ArgMax) Lower(l *Lowering) { lowerArg(l, o.Axis, kernel.Max) }

// Lower takes the least place of which the element equals the minimum or is NaN.
func (o ArgMin) Lower(l *Lowering) { lowerArg(l, o.Axis, kernel.Min) }

func lowerArg(l *Lowering, axis int, op kernel.ReduceOp) {
	t := l.InType[0]
	kept, folded, at := split(t.Shape, []int{axis})
	x := l.Load(0, at...)
	best := l.Local(t.DType, kept, &kernel.Reduce{Op: op, Axes: folded}, x)
	at0 := kernel.Cast(tensor.I32, kernel.At(folded[0].Name))
	none := kernel.Cast(tensor.I32, kernel.IndexOf(folded[0].Extent))
	l.Reduce(0, kept, kernel.Reduce{Op: kernel.Min, Axes: folded}, kernel.Select(isBest(x, best), at0, none))
}

// isBest holds where x is the extreme value, or a NaN.
func isBest(x, best kernel.Expr) kernel.Expr {
	hit := kernel.Compare("eq", x, best)
	if x.Type().IsFloat() {
		hit = kernel.Compare("or", hit, kernel.Compare("is_nan", x))
	}
	return hit
}
