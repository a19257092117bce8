package sample

import (
	"dlc/ir"
	"dlc/ir/tensor"
)

// reduceRows fold axes.
func reduceRows() []Row {
	var rows []Row
	for _, c := range []struct {
		fn, doc, source, reference string
		dtypes                     []tensor.DType
		d                          Derivative
		drawn                      []string
	}{
		{"sum", "The sum along axes; 0 of nothing. Integers wrap.", "NumPy, in the order of docs/numerics.md", "over(nx, a, np.sum)", numbers(), Twice, []string{"special"}},
		{"prod", "The product along axes; 1 of nothing. Integers wrap. Second derivatives are wrong where an element is 0.", "NumPy, in the order of docs/numerics.md", "over(nx, a, np.prod)", numbers(), Twice, []string{"special", "ties"}},
		{"min", "The smallest along axes; NaN wins, -0 is less than +0; of nothing the largest value.", "IEEE 754-2019 minimum", "over(nx, a, smallest)", numbers(), Twice, []string{"special", "ties", "extreme"}},
		{"max", "The largest along axes; NaN wins, -0 is less than +0; of nothing the smallest value.", "IEEE 754-2019 maximum", "over(nx, a, largest)", numbers(), Twice, []string{"special", "ties", "extreme"}},
		{"any", "Whether one along axes holds; false of nothing.", "NumPy", "over(nx, a, np.any)", bools(), Constant, nil},
		{"all", "Whether all along axes hold; true of nothing.", "NumPy", "over(nx, a, np.all)", bools(), Constant, nil},
	} {
		reduce := func(axes ...int) ir.Op { return ir.Reduce{Op: c.fn, Axes: append([]int{}, axes...)} }
		row := Row{Name: "reduce " + c.fn, Doc: c.doc, Shapes: "[s] -> [s without `axes`]", Source: c.source, DTypes: c.dtypes, Reference: c.reference, Derivative: c.d,
			Refused: []Refusal{{reduce(2), "?[3, 4]", "axis 2 is not in 0..2"}, {reduce(1, 1), "?[3, 4]", "named twice"}},
			Samples: []Sample{{reduce(1), "?[N, 5]", ""}, {reduce(0), "?[N, 5]", ""}, {reduce(0, 2), "?[N, 3, 2]", ""}, {reduce(), "?[3]", ""}, {reduce(), "?[]", ""}, {reduce(0), "?[1]", ""},
				{reduce(0, 1), "?[N, 1]", ""}, {reduce(2, 1), "?[2, T, 3]", ""}, {reduce(1), "?[3, 130]", ""}, {reduce(0), "?[1100, 2]", ""}, {reduce(1), "?[2, 0]", ""}, {reduce(0, 1, 2), "?[N, T, 7]", ""}},
			Apply: func(p Program) (ir.Op, []*ir.Value) {
				x := p.Any(func(t tensor.Type) bool { return contains(c.dtypes, t.DType) && len(t.Shape) > 0 })
				if x == nil {
					x = p.Input(tensor.Type{DType: c.dtypes[p.Intn(len(c.dtypes))], Shape: tensor.Shape{p.Symbols()[0], tensor.Int(5)}}, "")
				}
				return ir.Reduce{Op: c.fn, Axes: someAxes(p, len(x.Type.Shape))}, []*ir.Value{x}
			}}
		if c.d != Constant {
			row.Tolerance, row.Reason = 1e-13, "the order of a sum"
		}
		for _, drawn := range c.drawn {
			row.Samples = append(row.Samples, Sample{reduce(1), "?[9, 5]", drawn}, Sample{reduce(0), "?[3, 17]", drawn})
		}
		rows = append(rows, row)
	}
	return append(rows, argRow("argmax", "largest", func(axis int) ir.Op { return ir.ArgMax{Axis: axis} }), argRow("argmin", "smallest", func(axis int) ir.Op { return ir.ArgMin{Axis: axis} }))
}

// someAxes draws one axis at least.
func someAxes(p Program, rank int) []int {
	must := p.Intn(rank)
	axes := []int{}
	for i := range rank {
		if i == must || p.Intn(4) == 0 {
			axes = append(axes, i)
		}
	}
	return axes
}

func contains(list []tensor.DType, t tensor.DType) bool {
	for _, x := range list {
		if x == t {
			return true
		}
	}
	return false
}

func argRow(name, which string, op func(axis int) ir.Op) Row {
	row := Row{Name: name, Doc: "The place (i32) of the " + which + " along an axis, the first of equals; a NaN wins.", Shapes: "[s] -> i32[s without `axis`]", Source: "NumPy",
		DTypes: numbers(), Reference: "np." + name + "(nx, axis=a['Axis'])",
		Refused: []Refusal{{op(0), "f32[0]", "no elements"}, {op(1), "f32[3]", "axis 1 is not in 0..1"}},
		Samples: []Sample{{op(1), "?[N, 5]", ""}, {op(0), "?[1]", ""}, {op(1), "?[T, 1]", ""}, {op(1), "?[2, 7, N]", "ties"}, {op(1), "?[3, 130]", ""}, {op(0), "?[1100]", "ties"}, {op(2), "?[N, T, 6]", ""}},
		Apply: func(p Program) (ir.Op, []*ir.Value) {
			x := p.Any(func(t tensor.Type) bool {
				return t.DType != tensor.Bool && len(t.Shape) > 0 && constant(t.Shape[len(t.Shape)-1])
			})
			if x == nil {
				return nil, nil
			}
			return op(len(x.Type.Shape) - 1), []*ir.Value{x}
		}}
	for _, drawn := range []string{"ties", "special", "extreme"} {
		row.Samples = append(row.Samples, Sample{op(1), "?[9, 5]", drawn}, Sample{op(0), "?[6, 3]", drawn})
	}
	return row
}

// constant reports whether a dim is known and not 0.
func constant(d tensor.Dim) bool {
	v, ok := d.Const()
	return ok && v > 0
}
