package sample

import (
	"fmt"
	"slices"

	"dlc/ir"
	"dlc/ir/tensor"
)

// flowRows run one of their functions, or one as often as a tensor says.
func flowRows() []Row {
	branch := Row{Name: "if", Doc: "`then` where the first operand holds, else `else`; both take the other operands. What is not taken is not computed.",
		Shapes: "bool [], operands [s] -> results [s]", Source: "JAX lax.cond", DTypes: numbers(), Untold: "its branches say it: held to the evaluator", Derivative: Twice, Domain: "unit",
		Refused: []Refusal{{ir.If{}, "f32[3]", "a condition is wanted first"}, {ir.If{}, "bool[]; f32[3]", "two branches"}}}
	loop := Row{Name: "while", Doc: "`body` as long as `cond` holds of the `carries`, at most `limit` times; a negative `limit` is none. What the last turn gives, and what turns yield, stacked; places of turns that were not run are 0.",
		Shapes: "carries [s], others [s] -> carries [s], yields [limit, s]", Source: "JAX lax.while_loop", DTypes: numbers(), Untold: "its body says it: held to the evaluator", Derivative: Twice, Domain: "unit",
		Refused: []Refusal{{ir.While{}, "f32[3]", "a condition and a body of 0 results"}, {yielding(counted(dims("3"), tensor.Int(-1))), "i64[]; f64[3]; f64[3]", "needs a limit"}}}
	branch.Apply, loop.Apply = applyIf, applyWhile
	for i, s := range []string{"N, 5", "3", "1", "0, 4", "", "2, 17", "T, 3", "37, 29", "T, 3, N"} {
		x := "?[" + s + "]"
		op := ir.If{Then: Recurrence(dims(s)), Else: kept(dims(s), i%2 == 0)}
		branch.Samples = append(branch.Samples, Sample{generic(op), fmt.Sprintf("bool[]; %s; %s; %s", x, x, x), "unit"})
		limit := []tensor.Dim{tensor.Int(5), tensor.Int(2), tensor.Int(0)}[i%3]
		if s == "N, 5" {
			limit = tensor.Sym("N")
		}
		loop.Samples = append(loop.Samples, Sample{generic(counted(dims(s), limit)), fmt.Sprintf("i64[]; %s; %s", x, x), "unit"})
	}
	for _, s := range []string{"N, 5", ""} {
		loop.Samples = append(loop.Samples, Sample{generic(yielding(counted(dims(s), tensor.Int(7)))), fmt.Sprintf("i64[]; ?[%s]; ?[%[1]s]", s), "unit"})
	}
	return []Row{branch, loop}
}

// kept is a body that gives its first operand, and that or its second.
func kept(s tensor.Shape, first bool) *ir.Func {
	b := ir.NewBuilder("body")
	t := tensor.Type{DType: tensor.F64, Shape: s}
	h, x := b.Param(ir.Input, "h", t), b.Param(ir.Input, "x", t)
	b.Param(ir.Input, "k", t)
	b.Result("h", h)
	if first {
		x = b.Add(ir.Binary{Fn: "mul"}, x, x)
	}
	b.Result("y", x)
	return b.Func
}

// counted takes h to h x as long as a count, which begins with its first operand, is below 4.
func counted(s tensor.Shape, limit tensor.Dim) ir.While {
	begin := func(name string) (b *ir.Builder, i, h, x *ir.Value) {
		b = ir.NewBuilder(name)
		t := tensor.Type{DType: tensor.F64, Shape: s}
		return b, b.Param(ir.Input, "i", tensor.Type{DType: tensor.I64}), b.Param(ir.Input, "h", t), b.Param(ir.Input, "x", t)
	}
	number := func(b *ir.Builder, v int64) *ir.Value {
		return b.Add(ir.Full{Type: tensor.Type{DType: tensor.I64, Shape: tensor.Shape{}}, Int: v})
	}
	cond, i, _, _ := begin("cond")
	cond.Result("c", cond.Add(ir.Compare{Fn: "lt"}, i, number(cond, 4)))
	body, i, h, x := begin("body")
	body.Result("i", body.Add(ir.Binary{Fn: "add"}, i, number(body, 1)))
	body.Result("h", body.Add(ir.Binary{Fn: "mul"}, h, x))
	return ir.While{Cond: cond.Func, Body: body.Func, Carries: 2, Limit: limit}
}

// yielding is a loop of which each turn yields its second carry as it was.
func yielding(o ir.While) ir.While {
	ir.Extend(o.Body).Result("y", o.Body.Params[1])
	return o
}

// applyIf takes two values through a random body, or another.
func applyIf(p Program) (ir.Op, []*ir.Value) {
	cond := p.Any(tensor.Type{DType: tensor.Bool}.Equal)
	if cond == nil {
		cond = p.Input(tensor.Type{DType: tensor.Bool}, "unit")
	}
	_, x, h := walked(p, p.Symbols()[0])
	then, ones, more := p.Body([]*ir.Value{x, h}, []bool{false, false})
	other, twos, rest := p.Body([]*ir.Value{x, h}, []bool{false, false})
	ones, twos = append(ones, then.Params[:2]...), append(twos, other.Params[:2]...)
	own := slices.Clone(other.Params[2:])
	other.Params = other.Params[:2]
	one, two := ir.Extend(then), ir.Extend(other)
	for i, v := range more {
		two.Param(ir.Input, fmt.Sprint("other", i), v.Type)
	}
	two.Func.Params = append(two.Func.Params, own...)
	for i, v := range rest {
		one.Param(ir.Input, fmt.Sprint("other", i), v.Type)
	}
	for i := range 1 + p.Intn(3) {
		at := p.Intn(2)
		a, b := then.Params[at], other.Params[at]
		for range 8 {
			v, w := ones[p.Intn(len(ones))], twos[p.Intn(len(twos))]
			if v.Type.Equal(w.Type) {
				a, b = v, w
				break
			}
		}
		one.Result(fmt.Sprint("y", i), a)
		two.Result(fmt.Sprint("y", i), b)
	}
	then.Renumber()
	other.Renumber()
	return ir.If{Then: then, Else: other}, append(append([]*ir.Value{cond, x, h}, more...), rest...)
}

// applyWhile takes a value through a random body as long as the sum of its elements is not large.
func applyWhile(p Program) (ir.Op, []*ir.Value) {
	_, h, x := walked(p, p.Symbols()[0])
	body, values, more := p.Body([]*ir.Value{h, x}, []bool{false, false})
	b := ir.Extend(body)
	next := body.Params[0]
	for _, v := range values {
		if v.Type.Equal(h.Type) && p.Intn(3) > 0 {
			next = v
		}
	}
	b.Result("h", b.Add(ir.Unary{Fn: "tanh"}, next))
	body.Renumber()
	c := ir.NewBuilder("cond")
	for i, v := range append([]*ir.Value{h, x}, more...) {
		c.Param(ir.Input, fmt.Sprint("p", i), v.Type)
	}
	sum := c.Func.Params[0]
	if axes := len(h.Type.Shape); axes > 0 {
		all := []int{}
		for i := range axes {
			all = append(all, i)
		}
		sum = c.Add(ir.Reduce{Op: "sum", Axes: all}, sum)
	}
	limit := c.Add(ir.FullOf(sum.Type, []float64{-0.4321, 0.5432, 1.2345}[p.Intn(3)]))
	c.Result("c", c.Add(ir.Compare{Fn: "lt"}, sum, limit))
	return ir.While{Cond: c.Func, Body: body, Carries: 1, Limit: tensor.Int(int64(p.Intn(4)))}, append([]*ir.Value{h, x}, more...)
}
