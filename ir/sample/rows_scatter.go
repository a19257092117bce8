package sample

import (
	"dlc/ir"
	"dlc/ir/tensor"
)

// scatterRows read and write along an axis, at the places that an index of the same rank says.
func scatterRows() []Row {
	gather := view("gather", "Elements of x at the places that the index says along `axis`, at its own place along the others; one outside gives 0.",
		"[d...], integers [d... but for `axis`] -> the index's", "NumPy take_along_axis, zeros outside", "gather(nx, ny, a)")
	for _, c := range []struct {
		axis int
		in   string
	}{
		{1, "?[N, 4]; i32[N, 6]"}, {0, "?[5]; i64[1]"}, {0, "?[1]; u8[1]"}, {0, "?[4, 3]; i32[0, 3]"}, {1, "?[2, 4, T]; i8[2, N, T]"}, {1, "?[3, 0]; i32[3, 2]"}, {0, "?[T, N]; u64[3, N]"}, {0, "?[5, 37]; i32[33, 37]"}, {2, "?[2, 3, 5]; u32[2, 3, 17]"},
	} {
		gather.Samples = append(gather.Samples, Sample{ir.Gather{Axis: c.axis}, c.in, "index"})
	}
	gather.Refused = []Refusal{{ir.Gather{Axis: 1}, "f32[N, 3]; i32[4, 3]", "but for axis 1"}, {ir.Gather{}, "f32[3]; f32[3]", "must be integers, not f32"}, {ir.Gather{Axis: 1}, "f32[3]; i32[3]", "axis 1 is not in 0..1"}}
	gather.Apply = func(p Program) (ir.Op, []*ir.Value) {
		x := p.Any(func(t tensor.Type) bool { return len(t.Shape) > 0 })
		if x == nil {
			return nil, nil
		}
		axis, shape := someAxis(p, x.Type.Shape)
		return ir.Gather{Axis: axis}, []*ir.Value{x, anIndex(p, shape)}
	}
	rows := []Row{gather}
	for _, c := range []struct{ fn, doc string }{
		{"set", "takes the last"}, {"add", "adds those"}, {"mul", "is multiplied by those"}, {"min", "becomes the least of itself and those"}, {"max", "becomes the greatest of itself and those"},
	} {
		rows = append(rows, scatterRow(c.fn, c.doc))
	}
	return rows
}

// someAxis draws an axis and a shape that differs along it.
func someAxis(p Program, s tensor.Shape) (int, tensor.Shape) {
	axis := p.Intn(len(s))
	shape := append(tensor.Shape{}, s...)
	lengths := append(p.Symbols(), tensor.Int(1), tensor.Int(3), s[axis])
	shape[axis] = lengths[p.Intn(len(lengths))]
	return axis, shape
}

func scatterRow(fn, doc string) Row {
	row := view("scatter_along "+fn, "x, of which each element "+doc+" of y that the index sends to its place along `axis`; one outside is dropped.",
		"[d...], integers [s], [s], where s is d but for `axis` -> [d...]", "NumPy ufunc.at", "scatter(nx, ny, nz, a)")
	scatter := func(axis int) ir.Op { return ir.Scatter{Fn: fn, Axis: axis} }
	for _, c := range []struct {
		axis int
		in   string
	}{
		{0, "?[4]; i32[7]; ?[7]"}, {1, "?[N, 4]; i32[N, 6]; ?[N, 6]"}, {0, "?[1]; i64[1]; ?[1]"}, {0, "?[3, 2]; i32[0, 2]; ?[0, 2]"}, {1, "?[2, 4, T]; i8[2, N, T]; ?[2, N, T]"}, {1, "?[3, 0]; i32[3, 2]; ?[3, 2]"},
		{0, "?[T, N]; u64[3, N]; ?[3, N]"}, {0, "?[5, 37]; i32[33, 37]; ?[33, 37]"}, {2, "?[2, 3, 5]; u32[2, 3, 17]; ?[2, 3, 17]"},
	} {
		row.Samples = append(row.Samples, Sample{scatter(c.axis), c.in, "index"})
	}
	row.Refused = []Refusal{{scatter(0), "f32[3]; i32[2]; i32[2]", "elements of i32 cannot be put"}, {scatter(0), "f32[3, 2]; i32[4, 3]; f32[4, 3]", "but for axis 0"}, {scatter(0), "f32[3]; i32[2]; f32[3]", "one shape"},
		{ir.Scatter{Fn: "sub"}, "f32[3]; i32[2]; f32[2]", `no scatter_along "sub"`}}
	if fn != "set" {
		row.DTypes, row.Tolerance, row.Reason = numbers(), 1e-13, "the order of a sum or product"
	}
	row.Apply = func(p Program) (ir.Op, []*ir.Value) {
		x := p.Any(func(t tensor.Type) bool { return len(t.Shape) > 0 && contains(row.DTypes, t.DType) })
		if x == nil {
			return nil, nil
		}
		axis, shape := someAxis(p, x.Type.Shape)
		t := tensor.Type{DType: x.Type.DType, Shape: shape}
		y := p.Any(func(have tensor.Type) bool { return have.Equal(t) })
		if y == nil {
			y = p.Input(t, "")
		}
		return scatter(axis), []*ir.Value{x, anIndex(p, shape), y}
	}
	return row
}
