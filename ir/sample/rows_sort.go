package sample

import (
	"dlc/ir"
	"dlc/ir/tensor"
)

// sortRows put elements into order.
func sortRows() []Row {
	sorted := func(axis int, descending bool, count string) ir.Op {
		return ir.ArgSort{Axis: axis, Descending: descending, Count: dims(count)[0]}
	}
	row := Row{Name: "argsort", Doc: "The places (i32) of the first `count` elements along an axis in their order; equal ones as they stand, NaNs last.", Shapes: "[s] -> i32[s with `count` at `axis`]",
		Source: "NumPy argsort(kind=stable)", DTypes: numbers(), Reference: "argsort(nx, a)",
		Refused: []Refusal{{sorted(1, false, "3"), "?[3]", "axis 1 is not in 0..1"}, {sorted(0, true, "4"), "?[3, N]", "4 elements of axis 0"}},
		Samples: []Sample{{sorted(1, false, "5"), "?[N, 5]", ""}, {sorted(0, true, "N"), "?[N, 3]", "ties"}, {sorted(1, true, "4"), "?[N, 9, T]", "ties"}, {sorted(0, false, "1"), "?[1]", ""}, {sorted(1, false, "0"), "?[2, 0]", ""},
			{sorted(1, true, "37"), "?[3, 37]", ""}, {sorted(0, false, "1100"), "?[1100]", "ties"}, {sorted(1, false, "T"), "?[N, T]", ""}, {sorted(0, true, "3"), "?[40, 33]", "special"}, {sorted(1, false, "3"), "?[2, T]", ""},
			{sorted(1, false, "17"), "?[2, 17]", "special"}, {sorted(1, true, "9"), "?[3, 9]", "extreme"}, {sorted(2, false, "6"), "?[2, 1, 6]", "extreme"}},
		Apply: func(p Program) (ir.Op, []*ir.Value) {
			x := p.Any(func(t tensor.Type) bool { return t.DType != tensor.Bool && len(t.Shape) > 0 })
			if x == nil {
				return nil, nil
			}
			axis := p.Intn(len(x.Type.Shape))
			count := x.Type.Shape[axis]
			if v, ok := count.Const(); ok {
				count = tensor.Int(int64(p.Intn(int(v) + 1)))
			}
			return ir.ArgSort{Axis: axis, Descending: p.Intn(2) == 0, Count: count}, []*ir.Value{x}
		}}
	return []Row{row}
}
