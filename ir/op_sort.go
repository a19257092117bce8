package ir

import (
	"fmt"
	"math"
	"sort"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// ArgSort gives the places (i32) of the first Count elements along Axis in their order, ascending
// or descending. Equal elements keep their order, zeros of both signs are equal, NaNs come last in
// both directions. Where Count is more than the axis has, the places beyond are the axis's extent.
type ArgSort struct {
	Axis       int
	Descending bool
	Count      tensor.Dim
}

// Name is the op's mnemonic.
func (o ArgSort) Name() string { return "argsort" }

// Infer makes the axis Count long.
func (o ArgSort) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if !isNumber(in[0].DType) {
		return nil, fmt.Errorf("%s has no order", in[0].DType)
	}
	if err := axisIn(o.Axis, len(in[0].Shape)); err != nil {
		return nil, err
	}
	if n := in[0].Shape[o.Axis]; negative(o.Count) || negative(n.Sub(o.Count)) {
		return nil, fmt.Errorf("%s elements of axis %d of %s cannot be taken: it has %s", o.Count, o.Axis, in[0], n)
	}
	out := append(tensor.Shape{}, in[0].Shape...)
	out[o.Axis] = o.Count
	return []tensor.Type{{DType: tensor.I32, Shape: out}}, nil
}

// Eval sorts the places of each row by comparing the elements.
func (o ArgSort) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	x, y := in[0], blank(out[0])
	n := x.Dims[o.Axis]
	less := func(a, b int) bool { return compareInt("lt", x.Int(a), x.Int(b), x.DType) }
	if x.DType.IsFloat() {
		less = func(a, b int) bool {
			p, q := x.Float(a), x.Float(b)
			if o.Descending && p == p && q == q {
				return p > q
			}
			return p < q || p == p && q != q
		}
	} else if o.Descending {
		less = func(a, b int) bool { return compareInt("gt", x.Int(a), x.Int(b), x.DType) }
	}
	rows := append([]int{}, x.Dims...)
	rows[o.Axis] = 1
	each(rows, func(row []int) {
		index, at := append([]int{}, row...), make([]int, n)
		element := func(dims []int, k int) int { index[o.Axis] = k; return place(dims, index) }
		for k := range at {
			at[k] = k
		}
		sort.SliceStable(at, func(a, b int) bool { return less(element(x.Dims, at[a]), element(x.Dims, at[b])) })
		for rank := range y.Dims[o.Axis] {
			v := n // beyond the last
			if rank < n {
				v = at[rank]
			}
			y.SetInt(element(y.Dims, rank), int64(v))
		}
	})
	return []*tensor.Tensor{y}
}

// Grad is none: a place does not vary.
func (o ArgSort) Grad(b *Builder, n *Node, dy []*Value) []*Value { return []*Value{nil} }

// Lower is an argsort, of which the rank is the last axis, then a change of axes. Terms of 64 bits
// are put into order by their lower halves, then, as they stand, by their upper ones.
func (o ArgSort) Lower(l *Lowering) {
	out := l.Axes(l.OutType[0].Shape)
	n := l.InType[0].Shape[o.Axis]
	others := append(append([]kernel.Axis{}, out[:o.Axis]...), out[o.Axis+1:]...)
	row := append(others[:len(others):len(others)], out[o.Axis])
	term := kernel.Axis{Name: "j0", Extent: n}
	r := &kernel.Reduce{Op: kernel.ArgSort, Axes: []kernel.Axis{term}}
	element := func(at kernel.Expr) kernel.Expr {
		source := kernel.Points(out)
		source[o.Axis] = at
		return l.Load(0, source...)
	}
	if l.InType[0].DType.Size() == 8 {
		key := func(at kernel.Expr) kernel.Expr { return sortKey(element(at), o.Descending) }
		whole := append(others[:len(others):len(others)], kernel.Axis{Name: out[o.Axis].Name, Extent: n})
		lower := l.Local(tensor.I32, whole, r, kernel.Cast(tensor.U32, key(kernel.At(term.Name))))
		place := func(rank kernel.Expr) kernel.Expr {
			load := *lower
			load.At = append(kernel.Points(others), rank)
			return kernel.Cast(tensor.I64, &load)
		}
		upper := kernel.Apply("shr", key(place(kernel.At(term.Name))), kernel.I(tensor.U64, 32))
		rank := l.Local(tensor.I32, row, r, kernel.Cast(tensor.U32, upper))
		inside := kernel.Compare("lt", kernel.Cast(tensor.I64, rank), kernel.IndexOf(n))
		l.Map(0, out, kernel.Select(inside, kernel.Cast(tensor.I32, place(kernel.Cast(tensor.I64, rank))), rank))
		return
	}
	if o.Descending {
		r.Op = kernel.ArgSortDescending
	}
	if o.Axis == len(out)-1 {
		l.Reduce(0, out, *r, element(kernel.At(term.Name)))
		return
	}
	l.Map(0, out, l.Local(tensor.I32, row, r, element(kernel.At(term.Name))))
}

// sortKey maps a scalar of 64 bits to a u64 that orders as it does.
func sortKey(x kernel.Expr, descending bool) kernel.Expr {
	sign := kernel.I(tensor.U64, math.MinInt64)
	turn := func(key kernel.Expr) kernel.Expr {
		if descending {
			return kernel.Apply("not", key)
		}
		return key
	}
	bits := x
	if x.Type() != tensor.U64 {
		bits = &kernel.Call{Fn: "bitcast", DType: tensor.U64, Args: []kernel.Expr{x}}
	}
	switch x.Type() {
	case tensor.U64:
		return turn(x)
	case tensor.I64:
		return turn(kernel.Apply("xor", bits, sign))
	}
	zero := kernel.F(tensor.F64, 0)
	key := kernel.Select(kernel.Compare("lt", x, zero), kernel.Apply("not", bits), kernel.Apply("or", bits, sign))
	key = kernel.Select(kernel.Compare("eq", x, zero), sign, key)
	return kernel.Select(kernel.Compare("is_nan", x), kernel.I(tensor.U64, -1), turn(key))
}
