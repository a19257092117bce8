package ir

import (
	"fmt"
	"math"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// Cumulate joins along Axis each element with those before it, itself included: sum prod min max,
// or logsumexp of floats. Reversed, with those behind it. Elements are joined one by one, from the
// first on; sums begin at +0.
type Cumulate struct {
	Fn       string
	Axis     int
	Reversed bool
}

// Recur is the linear recurrence along Axis: each element of the result is the factor's times the
// result's element before it (0 before the first), plus that of x. Reversed begins at the
// end. Operands are the factors and x.
type Recur struct {
	Axis     int
	Reversed bool
}

// Name is the op's mnemonic.
func (o Cumulate) Name() string { return "cumulate" }
func (o Recur) Name() string    { return "recur" }

// Function is which one it is.
func (o Cumulate) Function() string { return o.Fn }

// Functions lists all that the op can be.
func (Cumulate) Functions() []string { return []string{"sum", "prod", "min", "max", "logsumexp"} }

// Infer keeps the type.
func (o Cumulate) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if err := known(o, "cumulate %q"); err != nil {
		return nil, err
	}
	if t := in[0].DType; !isNumber(t) || o.Fn == "logsumexp" && !t.IsFloat() {
		return nil, fmt.Errorf("cumulate %s does not take %s", o.Fn, t)
	}
	return in, axisIn(o.Axis, len(in[0].Shape))
}

// Infer demands two operands of one type.
func (o Recur) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	if !isNumber(in[0].DType) {
		return nil, fmt.Errorf("a recurrence does not take %s", in[0].DType)
	}
	if err := sameType(in[0], in[1]); err != nil {
		return nil, err
	}
	return in[1:], axisIn(o.Axis, len(in[0].Shape))
}

// turns visits the elements along an axis in order, each with the one before it (-1: none).
func turns(dims []int, axis int, reversed bool, visit func(i, before int)) {
	rest := append([]int{}, dims...)
	rest[axis] = min(1, dims[axis])
	each(rest, func(at []int) {
		index, before := append([]int{}, at...), -1
		for k := range dims[axis] {
			index[axis] = k
			if reversed {
				index[axis] = dims[axis] - 1 - k
			}
			i := place(dims, index)
			visit(i, before)
			before = i
		}
	})
}

// Eval joins one by one, rounding to the dtype at each.
func (o Cumulate) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	x, y := in[0], blank(out[0])
	fn := map[string]string{"sum": "add", "prod": "mul", "min": "min", "max": "max"}[o.Fn]
	turns(x.Dims, o.Axis, o.Reversed, func(i, before int) {
		switch {
		case before < 0 && o.Fn == "sum" && x.DType.IsFloat():
			y.SetFloat(i, 0+x.Float(i)) // never -0
		case before < 0:
			copyElement(y, i, x, i)
		case o.Fn == "logsumexp":
			y.SetFloat(i, rounder(x.DType)(logAddExp(y.Float(before), x.Float(i))))
		case x.DType.IsFloat():
			y.SetFloat(i, binaryFloat(fn, y.Float(before), x.Float(i), rounder(x.DType)))
		default:
			y.SetInt(i, binaryInt(fn, y.Int(before), x.Int(i), x.DType))
		}
	})
	return []*tensor.Tensor{y}
}

// logAddExp is log(exp(a) + exp(b)).
func logAddExp(a, b float64) float64 {
	if a != a || b != b {
		return math.NaN()
	}
	high, low := math.Max(a, b), math.Min(a, b)
	if math.IsInf(high, 0) {
		return high
	}
	return high + math.Log1p(math.Exp(low-high))
}

// Eval multiplies and adds one by one, rounding to the dtype at each.
func (o Recur) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	c, x, y := in[0], in[1], blank(out[0])
	turns(x.Dims, o.Axis, o.Reversed, func(i, before int) {
		switch {
		case before < 0 && x.DType.IsFloat():
			y.SetFloat(i, 0+x.Float(i))
		case before < 0:
			copyElement(y, i, x, i)
		case x.DType.IsFloat():
			round := rounder(x.DType)
			y.SetFloat(i, round(round(c.Float(i)*y.Float(before))+x.Float(i)))
		default:
			y.SetInt(i, binaryInt("add", binaryInt("mul", c.Int(i), y.Int(before), x.DType), x.Int(i), x.DType))
		}
	})
	return []*tensor.Tensor{y}
}

// before is, at each element, the one a turn earlier, or the value first where there is none.
func (b *Builder) before(v *Value, axis int, reversed bool, first float64) *Value {
	t := v.Type
	zero, size := make(tensor.Shape, len(t.Shape)), append(tensor.Shape{}, t.Shape...)
	pad := append(tensor.Shape{}, zero...)
	pad[axis] = tensor.Int(1)
	if reversed {
		size[axis] = size[axis].AddInt(1)
		v = b.Add(Slice{Lo: pad, Hi: size}, b.Add(Pad{Lo: zero, Hi: pad}, v))
	} else {
		v = b.Add(Slice{Lo: zero, Hi: size}, b.Add(Pad{Lo: pad, Hi: zero}, v))
	}
	if first == 0 {
		return v
	}
	return b.where(b.first(t.Shape, axis, reversed), b.fill(t, first), v)
}

// first says which elements begin a recurrence.
func (b *Builder) first(s tensor.Shape, axis int, reversed bool) *Value {
	at := b.Add(Iota{tensor.Type{DType: tensor.I64, Shape: s}, axis})
	if reversed {
		at = b.Add(Reverse{[]int{axis}}, at)
	}
	return b.compare("eq", at, 0)
}

// Grad runs the other way.
func (o Cumulate) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	x, y, g := n.In[0], n.Out[0], dy[0]
	if g == nil || !x.Type.DType.IsFloat() {
		return []*Value{nil}
	}
	back := func(fn string, v *Value) *Value { return b.Add(Cumulate{fn, o.Axis, !o.Reversed}, v) }
	switch o.Fn {
	case "sum":
		return []*Value{back("sum", g)}
	case "prod":
		after := b.Add(Recur{o.Axis, !o.Reversed}, b.before(x, o.Axis, !o.Reversed, 0), g)
		return []*Value{b.mul(after, b.before(y, o.Axis, o.Reversed, 1))}
	case "logsumexp": // the sum over later s of g[s] exp(x - y[s]), of positive and negative g apart
		part := func(g *Value) *Value {
			there := b.Add(Logic{"and"}, b.compare("gt", g, 0), b.compare("gt", y, math.Inf(-1)))
			one := b.fill(g.Type, 1)
			weight := b.where(there, b.binary("sub", b.unary("log", b.where(there, g, one)), b.where(there, y, one)), b.fill(g.Type, math.Inf(-1)))
			return b.unary("exp", b.binary("add", back("logsumexp", weight), x))
		}
		return []*Value{b.binary("sub", part(g), part(b.unary("neg", g)))}
	}
	return []*Value{b.Add(Scatter{"add", o.Axis}, b.fill(x.Type, 0), o.best(b, x, y), g)}
}

// best is, for min and max, the place that each element of the result comes from: of equals the
// one that comes first.
func (o Cumulate) best(b *Builder, x, y *Value) *Value {
	other, none, join := "le", -1.0, "max"
	if o.Fn == "min" {
		other = "ge"
	}
	if o.Reversed {
		none, join = math.MaxInt32, "min"
	}
	last := b.before(y, o.Axis, o.Reversed, 0)
	not := func(v *Value) *Value { return b.Add(Logic{"not"}, v) }
	better := b.Add(Logic{"and"}, not(b.Add(Compare{other}, x, last)), not(b.Add(Test{"is_nan"}, last)))
	better = b.Add(Logic{"or"}, better, b.first(x.Type.Shape, o.Axis, o.Reversed))
	places := tensor.Type{DType: tensor.I32, Shape: x.Type.Shape}
	at := b.where(better, b.Add(Iota{places, o.Axis}), b.fill(places, none))
	return b.Add(Cumulate{join, o.Axis, o.Reversed}, at)
}

// Grad is a recurrence the other way.
func (o Recur) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	g := dy[0]
	if g == nil || !g.Type.DType.IsFloat() {
		return []*Value{nil, nil}
	}
	after := b.Add(Recur{o.Axis, !o.Reversed}, b.before(n.In[0], o.Axis, !o.Reversed, 0), g)
	return []*Value{b.mul(after, b.before(n.Out[0], o.Axis, o.Reversed, 0)), after}
}

// recur defines the output turn by turn; e makes an element from the one before. Where there is
// none, it stands for 0.
func (l *Lowering) recur(axis int, reversed bool, e func(out []kernel.Axis, before kernel.Expr, begun kernel.Cond) kernel.Expr) {
	out := l.Axes(l.OutType[0].Shape)
	step := int64(-1)
	if reversed {
		step = 1
	}
	at := names(out)
	at[axis] = at[axis].AddInt(step)
	begun := kernel.Cond{Index: at[axis], Extent: out[axis].Extent}
	before := &kernel.Load{Name: l.Out[0], DType: l.OutType[0].DType, At: indices(at)}
	l.Map(0, out, e(out, before, begun))
	l.Defs[len(l.Defs)-1].Scan = &kernel.Scan{Axis: out[axis].Name, Reversed: reversed}
}

// Lower is a recurrence of level 1.
func (o Cumulate) Lower(l *Lowering) {
	l.recur(o.Axis, o.Reversed, func(out []kernel.Axis, before kernel.Expr, begun kernel.Cond) kernel.Expr {
		x := l.element(0, out)
		held := &kernel.Guard{Conds: []kernel.Cond{begun}, Expr: before}
		joined := kernel.Expr(nil)
		switch o.Fn {
		case "sum":
			return kernel.Apply("add", held, x)
		case "logsumexp":
			high, low := kernel.Apply("max", held, x), kernel.Apply("min", held, x)
			sum := kernel.Apply("add", high, kernel.Apply("log1p", kernel.Apply("exp", kernel.Apply("sub", low, high))))
			joined = kernel.Select(kernel.Compare("is_inf", high), high, sum)
		case "prod":
			joined = kernel.Apply("mul", held, x)
		default:
			joined = kernel.Apply(o.Fn, held, x)
		}
		first := kernel.Compare("eq", kernel.At(out[o.Axis].Name), kernel.IndexOf(firstOf(out[o.Axis], o.Reversed)))
		return kernel.Select(first, x, joined)
	})
}

// firstOf is where a recurrence along an axis begins.
func firstOf(a kernel.Axis, reversed bool) tensor.Dim {
	if reversed {
		return a.Extent.AddInt(-1)
	}
	return tensor.Int(0)
}

// Lower is a recurrence of level 1.
func (o Recur) Lower(l *Lowering) {
	l.recur(o.Axis, o.Reversed, func(out []kernel.Axis, before kernel.Expr, begun kernel.Cond) kernel.Expr {
		product := &kernel.Guard{Conds: []kernel.Cond{begun}, Expr: kernel.Apply("mul", l.element(0, out), before)}
		return kernel.Apply("add", product, l.element(1, out))
	})
}
