package sample

import (
	"fmt"

	"dlc/ir"
	"dlc/ir/tensor"
)

// regionRows hold functions, which they run.
func regionRows() []Row {
	scan := Row{Name: "scan", Doc: "`body` turn by turn along axis 0 of the sequences, each turn with what the one before gave: the last carries and all that is yielded; `reversed` from the end.",
		Shapes: "carries [s], sequences [length, s], others [s] -> carries [s], yields [length, s]", Source: "JAX lax.scan", DTypes: numbers(),
		Untold: "its body says it: held to the same ops written out for each turn", Derivative: Twice, Domain: "unit",
		Refused: []Refusal{{ir.Scan{}, "f32[3]", "a body of 1 parameters"}, {ir.Scan{Carries: 2}, "f32[3]", "takes 2 carries"}}}
	mapped := Row{Name: "map", Doc: "`body` for each element along axis 0 of the first `mapped` operands; the others are the same for all. Results are stacked.",
		Shapes: "[size, s], others [s] -> [size, s]", Source: "JAX vmap", DTypes: numbers(), Untold: "its body says it: held to the same ops written out for each element", Derivative: Twice, Domain: "unit",
		Refused: []Refusal{{ir.Map{}, "f32[3]", "a body of 1 parameters"}, {ir.Map{Mapped: 2}, "f32[3]", "2 sequences"}}}
	for i, s := range []struct{ length, rest string }{{"T", "N, 5"}, {"N", "3"}, {"1", "1"}, {"0", "4"}, {"T", ""}, {"7", "2, 17"}, {"N", "T, 3"}, {"3", "37, 19"}, {"2", "3, 0"}} {
		length, x := dims(s.length)[0], "?["+s.rest+"]"
		seq := fmt.Sprintf("?[%s, %s]", s.length, s.rest)
		if s.rest == "" {
			seq = fmt.Sprintf("?[%s]", s.length)
		}
		scan.Samples = append(scan.Samples, Sample{generic(ir.Scan{Body: Recurrence(dims(s.rest)), Length: length, Carries: 1, Sequences: 1, Reversed: i%3 == 1}), x + "; " + seq + "; " + x, "unit"})
		mapped.Samples = append(mapped.Samples, Sample{generic(ir.Map{Body: Recurrence(dims(s.rest)), Size: length, Mapped: 2}), seq + "; " + seq + "; " + x, "unit"})
	}
	return []Row{scan, mapped}
}

// Recurrence is a body of f64: from h, x and k of one shape it gives h x - k h, and that times the
// sum of x.
func Recurrence(s tensor.Shape) *ir.Func {
	b := ir.NewBuilder("body")
	t := tensor.Type{DType: tensor.F64, Shape: s}
	h, x, k := b.Param(ir.Input, "h", t), b.Param(ir.Input, "x", t), b.Param(ir.Input, "k", t)
	op := func(fn string, x, y *ir.Value) *ir.Value { return b.Add(ir.Binary{Fn: fn}, x, y) }
	next := op("sub", op("mul", h, x), op("mul", k, h))
	axes := []int{}
	for i := range s {
		axes = append(axes, i)
	}
	sum := b.Add(ir.Broadcast{Shape: s, Axes: []int{}}, b.Add(ir.Reduce{Op: "sum", Axes: axes}, x))
	b.Result("h", next)
	b.Result("y", op("mul", next, sum))
	return b.Func
}

// generic puts the dtype under test in the place of f64.
func generic(o ir.Op) ir.Op {
	return ir.MapAttributes(o, func(t tensor.DType) tensor.DType {
		if t == tensor.F64 {
			return tensor.Invalid
		}
		return t
	}, func(d tensor.Dim) tensor.Dim { return d })
}
