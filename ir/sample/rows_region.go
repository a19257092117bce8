package sample

import (
	"fmt"

	"dlc/ir"
	"dlc/ir/tensor"
)

// regionRows hold functions, which they run.
func regionRows() []Row {
	scan := Row{Name: "scan", Doc: "`body` turn by turn along axis 0 of the sequences, each turn with what the one before gave: the last carries and all that is yielded; `reversed` from the end. `counted`: the last operand is how many turns are run; elsewhere what is yielded is 0.",
		Shapes: "carries [s], sequences [length, s], others [s] -> carries [s], yields [length, s]", Source: "JAX lax.scan", DTypes: numbers(),
		Untold: "its body says it: held to the same ops written out for each turn", Derivative: Twice, Domain: "unit",
		Refused: []Refusal{{ir.Scan{}, "f32[3]", "a body of 1 parameters"}, {ir.Scan{Carries: 2}, "f32[3]", "takes 2 carries"}, {ir.Scan{Body: Recurrence(dims("3")), Length: tensor.Int(4), Counted: true}, "f64[3]; f64[3]; f64[3]", "no i64[]"}}}
	mapped := Row{Name: "map", Doc: "`body` for each element along axis 0 of the first `mapped` operands; the others are the same for all. Results are stacked.",
		Shapes: "[size, s], others [s] -> [size, s]", Source: "JAX vmap", DTypes: numbers(), Untold: "its body says it: held to the same ops written out for each element", Derivative: Twice, Domain: "unit",
		Refused: []Refusal{{ir.Map{}, "f32[3]", "a body of 1 parameters"}, {ir.Map{Mapped: 2}, "f32[3]", "2 sequences"}}}
	custom := Row{Name: "custom", Doc: "What `body` gives, with the gradient that `back` says: it takes the operands, the results, then the gradients of the results.",
		Shapes: "[s] -> [s]", Source: "JAX custom_vjp", DTypes: floats(), Untold: "its body says it: held to the same ops", Derivative: Twice, Domain: "unit",
		Refused: []Refusal{{ir.Custom{}, "f32[3]", "a body and its gradient"}, {ir.Custom{Body: Recurrence(dims("3")), Back: Recurrence(dims("3"))}, "f64[3]; f64[3]; f64[3]", "the gradient: "}}}
	recompute := Row{Name: "recompute", Doc: "What `body` gives; a gradient keeps nothing of it, and runs it again.", Shapes: "[s] -> [s]", Source: "JAX checkpoint", DTypes: numbers(),
		Untold: "its body says it: held to the same ops", Derivative: Twice, Domain: "unit", Refused: []Refusal{{ir.Recompute{}, "f32[3]", "a body is wanted"}}}
	scan.Apply, mapped.Apply = applyScan, applyMap
	for i, s := range []struct{ length, rest string }{{"T", "N, 5"}, {"N", "3"}, {"1", "1"}, {"0", "4"}, {"T", ""}, {"7", "2, 17"}, {"N", "T, 3"}, {"3", "37, 19"}, {"2", "3, 0"}} {
		length, x := dims(s.length)[0], "?["+s.rest+"]"
		seq := fmt.Sprintf("?[%s, %s]", s.length, s.rest)
		if s.rest == "" {
			seq = fmt.Sprintf("?[%s]", s.length)
		}
		scan.Samples = append(scan.Samples, Sample{generic(ir.Scan{Body: Recurrence(dims(s.rest)), Length: length, Carries: 1, Sequences: 1, Reversed: i%3 == 1}), x + "; " + seq + "; " + x, "unit"})
		mapped.Samples = append(mapped.Samples, Sample{generic(ir.Map{Body: Recurrence(dims(s.rest)), Size: length, Mapped: 2}), seq + "; " + seq + "; " + x, "unit"})
		custom.Samples = append(custom.Samples, Sample{generic(Product(dims(s.rest))), x + "; " + x, "unit"})
		recompute.Samples = append(recompute.Samples, Sample{generic(ir.Recompute{Body: Recurrence(dims(s.rest))}), x + "; " + x + "; " + x, "unit"})
	}
	for _, reversed := range []bool{false, true} {
		body := Recurrence(dims("N, 3"))
		ir.Extend(body).Param(ir.Input, "turns", tensor.Type{DType: tensor.I64})
		scan.Samples = append(scan.Samples, Sample{generic(ir.Scan{Body: body, Length: tensor.Int(4), Carries: 1, Sequences: 1, Reversed: reversed, Counted: true}), "?[N, 3]; ?[4, N, 3]; ?[N, 3]; i64[]", "unit"})
	}
	custom.Samples = append(custom.Samples, Sample{generic(Product(dims("N, 347"))), "?[N, 347]; ?[N, 347]", "unit"})
	recompute.Samples = append(recompute.Samples, Sample{generic(ir.Recompute{Body: Recurrence(dims("N, 347"))}), "?[N, 347]; ?[N, 347]; ?[N, 347]", "unit"})
	return []Row{scan, mapped, custom, recompute}
}

// Product is the product of two operands of f64, with its gradient.
func Product(s tensor.Shape) ir.Custom {
	t := tensor.Type{DType: tensor.F64, Shape: s}
	begin := func(name string) (b *ir.Builder, x, y *ir.Value) {
		b = ir.NewBuilder(name)
		return b, b.Param(ir.Input, "x", t), b.Param(ir.Input, "y", t)
	}
	body, x, y := begin("body")
	body.Result("z", body.Add(ir.Binary{Fn: "mul"}, x, y))
	back, x, y := begin("back")
	back.Param(ir.Input, "z", t)
	dz := back.Param(ir.Input, "dz", t)
	back.Result("dx", back.Add(ir.Binary{Fn: "mul"}, dz, y))
	back.Result("dy", back.Add(ir.Binary{Fn: "mul"}, dz, x))
	return ir.Custom{Body: body.Func, Back: back.Func}
}

// applyScan carries a value of the type of a sequence's elements through a random body.
func applyScan(p Program) (ir.Op, []*ir.Value) {
	x, h, k := walked(p, p.Symbols()[p.Intn(2)])
	f, values, more := p.Body([]*ir.Value{h, x, k}, []bool{false, true, false})
	b := ir.Extend(f)
	next := f.Params[p.Intn(2)]
	for _, v := range values {
		if v.Type.Equal(h.Type) && p.Intn(3) > 0 {
			next = v
		}
	}
	if p.Intn(2) == 0 {
		next = b.Add(ir.Unary{Fn: "tanh"}, b.Add(ir.Binary{Fn: "add"}, next, f.Params[1]))
	}
	b.Result("h", next)
	yield(p, b, append(values, f.Params...))
	return ir.Scan{Body: f, Length: x.Type.Shape[0], Carries: 1, Sequences: 1, Reversed: p.Intn(3) == 0}, append([]*ir.Value{h, x, k}, more...)
}

// applyMap runs a random body for each element along the first axis of one value or two.
func applyMap(p Program) (ir.Op, []*ir.Value) {
	x, h, k := walked(p, p.Symbols()[p.Intn(2)])
	in, mapped := []*ir.Value{x, x, h, k}, 1+p.Intn(2)
	in = in[2-mapped:]
	f, values, more := p.Body(in, []bool{true, mapped == 2, false, false}[:len(in)])
	yield(p, ir.Extend(f), append(values, f.Params...))
	return ir.Map{Body: f, Size: x.Type.Shape[0], Mapped: mapped}, append(in, more...)
}

// walked takes a float with elements along its first axis, a value of the type of these, and any
// float of few elements.
func walked(p Program, length tensor.Dim) (x, h, k *ir.Value) {
	float := func(t tensor.Type) bool { return t.DType.IsFloat() && len(t.Shape) < 4 }
	x = p.Any(func(t tensor.Type) bool { return float(t) && len(t.Shape) > 0 && t.Shape[0].Equal(length) })
	if x == nil {
		x = p.Input(tensor.Type{DType: tensor.F32, Shape: tensor.Shape{length, tensor.Int(5)}}, "unit")
	}
	element := x.Type
	element.Shape = element.Shape[1:]
	h = p.Any(element.Equal)
	if h == nil || p.Intn(3) == 0 {
		h = p.Input(element, "unit")
	}
	if k = p.Any(float); k == nil {
		k = h
	}
	return x, h, k
}

// yield makes results of one to three of the values.
func yield(p Program, b *ir.Builder, values []*ir.Value) {
	for i := range 1 + p.Intn(3) {
		b.Result(fmt.Sprint("y", i), values[p.Intn(len(values))])
	}
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
