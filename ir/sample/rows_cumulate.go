package sample

import (
	"dlc/ir"
	"dlc/ir/tensor"
)

// cumulateRows run along an axis, one element after the other.
func cumulateRows() []Row {
	var rows []Row
	for _, c := range []struct {
		fn, doc   string
		dtypes    []tensor.DType
		drawn     []string
		tolerance float64
	}{
		{"sum", "Sums of the elements so far along an axis, one by one from +0; `reversed` from its end. Integers wrap.", numbers(), []string{"special"}, 1e-13},
		{"prod", "Products of the elements so far along an axis, one by one; `reversed` from its end. Integers wrap.", numbers(), []string{"special"}, 1e-13},
		{"min", "The smallest so far along an axis; NaN wins, -0 is less than +0; `reversed` from its end.", numbers(), []string{"special", "extreme", "ties"}, 0},
		{"max", "The largest so far along an axis; NaN wins, -0 is less than +0; `reversed` from its end.", numbers(), []string{"special", "extreme", "ties"}, 0},
		{"logsumexp", "The logarithm of the sum of exp of the elements so far along an axis, without its overflow; `reversed` from its end.", floats(), []string{"special"}, 1e-13},
	} {
		row := Row{Name: "cumulate " + c.fn, Doc: c.doc, Shapes: "[s] -> [s]", Source: "NumPy ufunc.accumulate", DTypes: c.dtypes, Reference: "cumulate(nx, a)", Derivative: Twice,
			Refused: []Refusal{{ir.Cumulate{Fn: c.fn, Axis: 1}, "?[3]", "axis 1 is not in 0..1"}, {ir.Cumulate{Fn: "mean"}, "f32[3]", `no cumulate "mean"`}},
			Apply: func(p Program) (ir.Op, []*ir.Value) {
				x := p.Any(func(t tensor.Type) bool { return contains(c.dtypes, t.DType) && len(t.Shape) > 0 })
				if x == nil {
					return nil, nil
				}
				return ir.Cumulate{Fn: c.fn, Axis: p.Intn(len(x.Type.Shape)), Reversed: p.Intn(2) == 0}, []*ir.Value{x}
			}}
		if row.Tolerance = c.tolerance; c.tolerance > 0 {
			row.Reason = "the order of a sum or product"
		}
		for i, s := range alongShapes() {
			row.Samples = append(row.Samples, Sample{ir.Cumulate{Fn: c.fn, Axis: s.axis, Reversed: i%3 == 1}, "?[" + s.in + "]", ""})
		}
		for i, drawn := range c.drawn {
			row.Samples = append(row.Samples, Sample{ir.Cumulate{Fn: c.fn, Axis: 1, Reversed: i == 1}, "?[17, 5]", drawn})
		}
		rows = append(rows, row)
	}
	recur := Row{Name: "recur", Doc: "The linear recurrence y[t] = factor[t] y[t-1] + x[t] along an axis, from y = x at its beginning; `reversed` from its end. Integers wrap.", Shapes: "[s], [s] -> [s]", Source: "its definition", DTypes: numbers(),
		Reference: "recur(nx, ny, a)", Tolerance: 1e-13, Reason: "products of growing size", Derivative: Twice,
		Refused: []Refusal{{ir.Recur{}, "f32[3]; f32[4]", "one shape"}, {ir.Recur{Axis: 1}, "f32[3]; f32[3]", "axis 1 is not in 0..1"}, {ir.Recur{}, "f32[3]; i32[3]", "one dtype"}}}
	for i, s := range alongShapes() {
		recur.Samples = append(recur.Samples, Sample{ir.Recur{Axis: s.axis, Reversed: i%3 == 1}, "?[" + s.in + "]; ?[" + s.in + "]", "unit"})
	}
	recur.Domain = "unit"
	recur.Apply = func(p Program) (ir.Op, []*ir.Value) {
		x := p.Any(func(t tensor.Type) bool { return t.DType != tensor.Bool && len(t.Shape) > 0 })
		if x == nil {
			return nil, nil
		}
		y := p.Any(func(t tensor.Type) bool { return t.Equal(x.Type) })
		return ir.Recur{Axis: p.Intn(len(x.Type.Shape)), Reversed: p.Intn(2) == 0}, []*ir.Value{x, y}
	}
	return append(rows, recur)
}

// alongShapes are shapes with an axis to run along.
func alongShapes() []struct {
	in   string
	axis int
} {
	return []struct {
		in   string
		axis int
	}{{"N, 5", 1}, {"N, 3", 0}, {"1", 0}, {"7", 0}, {"2, 0", 1}, {"N, T, 3", 1}, {"T, 37", 0}, {"37, 33", 0}, {"2, 67", 1}, {"3, T", 1}}
}
