package sample

import (
	"dlc/ir"
	"dlc/ir/tensor"
)

// indexRows read and add where data says.
func indexRows() []Row {
	pick := view("pick", "One element along `axis` at each position of the others; an index outside gives 0.", "[d...], integers [d... without `axis`] -> the same without `axis`", "NumPy take_along_axis", "pick(nx, ny, a['Axis'])")
	for _, c := range []struct {
		in   string
		axis int
	}{
		{"?[N, 4]; i32[N]", 1}, {"?[4, 2, 3]; u8[2, 3]", 0}, {"?[1]; i64[]", 0}, {"?[N, T, 5]; i8[N, 5]", 1}, {"?[5, 0]; i32[0]", 0}, {"?[4, 350]; u32[350]", 0}, {"?[3, 17]; u64[3]", 1},
	} {
		pick.Samples = append(pick.Samples, Sample{ir.Pick{Axis: c.axis}, c.in, "index"})
	}
	pick.Refused = []Refusal{{ir.Pick{Axis: 1}, "f32[N, 3]; i32[3]", "integers of [N]"}, {ir.Pick{Axis: 1}, "f32[N, 3]; f32[N]", "integers of [N]"}}
	pick.Apply = func(p Program) (ir.Op, []*ir.Value) {
		x := p.Any(func(t tensor.Type) bool { return len(t.Shape) > 0 })
		if x == nil {
			return nil, nil
		}
		axis := p.Intn(len(x.Type.Shape))
		rest := append(append(tensor.Shape{}, x.Type.Shape[:axis]...), x.Type.Shape[axis+1:]...)
		return ir.Pick{Axis: axis}, []*ir.Value{x, anIndex(p, rest)}
	}
	take := view("take", "The slices of x that an index names; one outside gives zeros.", "[d, rest...], integers [s] -> [s, rest...]", "NumPy take along axis 0, zeros outside", "take(nx, ny)")
	for _, in := range []string{"?[4, 2]; i32[N]", "?[4]; i64[]", "?[4, 3]; u8[N, 2]", "?[1]; i32[1]", "?[0, 3]; i32[2]", "?[T, N]; i8[3]", "?[5, 33]; u32[37]", "?[4, 2, 3]; u64[2, 2]"} {
		take.Samples = append(take.Samples, Sample{ir.Take{}, in, "index"})
	}
	take.Refused = []Refusal{{ir.Take{}, "f32[]; i32[3]", "no axis"}, {ir.Take{}, "f32[4]; f32[3]", "must be integers, not f32"}}
	take.Apply = func(p Program) (ir.Op, []*ir.Value) {
		x := p.Any(func(t tensor.Type) bool { return len(t.Shape) > 0 && len(t.Shape) < 4 })
		if x == nil {
			return nil, nil
		}
		return ir.Take{}, []*ir.Value{x, anIndex(p, []tensor.Shape{{p.Symbols()[0]}, {}, tensor.Ints(4), tensor.Ints(2, 3)}[p.Intn(4)])}
	}
	scatter := view("scatter_add", "Slices of y summed by rows: row r is the sum of those whose index is r, in order; one outside is dropped.", "integers [s], [s, rest...] -> [rows, rest...]", "NumPy add.at", "scatter_add(nx, ny, out)")
	scatter.DTypes, scatter.Tolerance, scatter.Reason = numbers(), 1e-13, "the order of a sum"
	for _, c := range [][2]string{
		{"4", "i32[N]; ?[N, 2]"}, {"4", "i32[]; ?[3]"}, {"N", "i32[2, N]; ?[2, N]"}, {"1", "u8[1]; ?[1]"}, {"3", "i64[0]; ?[0, 2]"}, {"5", "u32[37]; ?[37, 33]"}, {"T", "i8[T]; ?[T, N]"}, {"4", "u64[3, 2]; ?[3, 2, 2]"},
	} {
		scatter.Samples = append(scatter.Samples, Sample{ir.ScatterAdd{Rows: dims(c[0])[0]}, c[1], "index"})
	}
	scatter.Refused = []Refusal{{ir.ScatterAdd{Rows: tensor.Int(4)}, "i32[N]; f32[3]", "must begin with"}, {ir.ScatterAdd{Rows: tensor.Int(4)}, "f32[3]; f32[3]", "an integer index and numbers, not f32"}}
	scatter.Apply = func(p Program) (ir.Op, []*ir.Value) {
		y := p.Any(func(t tensor.Type) bool { return t.DType != tensor.Bool && len(t.Shape) > 0 })
		if y == nil {
			return nil, nil
		}
		rows := append(p.Symbols(), tensor.Int(1), tensor.Int(4), tensor.Int(6))
		return ir.ScatterAdd{Rows: rows[p.Intn(len(rows))]}, []*ir.Value{anIndex(p, y.Type.Shape[:1]), y}
	}
	return []Row{pick, take, scatter}
}

// anIndex is a value of integers of a shape, or a new one.
func anIndex(p Program, s tensor.Shape) *ir.Value {
	if x := p.Any(func(t tensor.Type) bool { return t.DType.IsInt() && t.Shape.Equal(s) }); x != nil {
		return x
	}
	return p.Input(tensor.Type{DType: []tensor.DType{tensor.I32, tensor.I64, tensor.U8}[p.Intn(3)], Shape: s}, "index")
}
