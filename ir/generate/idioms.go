package generate

import (
	"dlc/ir"
	"dlc/ir/tensor"
)

// Idioms are what models are made of, in several ops, which passes have rules about: drawn one by
// one, ops hardly ever come together so.

// idiom adds one, or nothing where no value fits.
func (g *generator) idiom() {
	nodes, list := len(g.b.Func.Nodes), len(g.list)
	x := g.Any(func(t tensor.Type) bool { return t.DType.IsFloat() && len(t.Shape) > 0 && len(t.Shape) < 4 })
	g.broken = x == nil
	if !g.broken {
		last := len(x.Type.Shape) - 1
		axis := last
		if g.Intn(3) == 0 {
			axis = g.Intn(last + 1)
		}
		switch g.Intn(7) {
		case 0:
			g.softmax(x, axis, g.Intn(2) == 0)
		case 1:
			g.normalize(x, axis)
		case 2:
			g.logSumExp(x, axis)
		case 3:
			g.dense(x)
		case 4:
			g.attention(x)
		case 5:
			g.entropy(x, axis)
		case 6:
			g.lookup(x)
		}
	}
	if g.broken {
		g.b.Func.Nodes, g.list = g.b.Func.Nodes[:nodes], g.list[:list]
	}
}

// op adds a node; where that fails the idiom is broken.
func (g *generator) op(o ir.Op, in ...*ir.Value) *ir.Value {
	if g.broken || !g.add(o, in) {
		g.broken = true
		return nil
	}
	return g.list[len(g.list)-1]
}

func (g *generator) unary(fn string, x *ir.Value) *ir.Value { return g.op(ir.Unary{Fn: fn}, x) }

func (g *generator) binary(fn string, x, y *ir.Value) *ir.Value { return g.op(ir.Binary{Fn: fn}, x, y) }

func (g *generator) fold(fn string, x *ir.Value, axis int) *ir.Value {
	return g.op(ir.Reduce{Op: fn, Axes: []int{axis}}, x)
}

// spread repeats v, which has the dims of like without the axis, along it.
func (g *generator) spread(v, like *ir.Value, axis int) *ir.Value {
	if g.broken {
		return nil
	}
	kept := []int{}
	for i := range like.Type.Shape {
		if i != axis {
			kept = append(kept, i)
		}
	}
	return g.op(ir.Broadcast{Shape: like.Type.Shape, Axes: kept}, v)
}

// constant is v everywhere, of x's type.
func (g *generator) constant(x *ir.Value, v float64) *ir.Value {
	if g.broken {
		return nil
	}
	return g.op(ir.FullOf(x.Type, v))
}

// shifted is exp(x - max x) along an axis; the maximum is one that gradients flow through, or not.
func (g *generator) shifted(x *ir.Value, axis int, stop bool) (e, most *ir.Value) {
	most = g.fold("max", x, axis)
	if stop {
		most = g.op(ir.StopGradient{}, most)
	}
	return g.unary("exp", g.binary("sub", x, g.spread(most, x, axis))), most
}

func (g *generator) softmax(x *ir.Value, axis int, stop bool) *ir.Value {
	e, _ := g.shifted(x, axis, stop)
	return g.binary("div", e, g.spread(g.fold("sum", e, axis), x, axis))
}

func (g *generator) logSumExp(x *ir.Value, axis int) *ir.Value {
	e, most := g.shifted(x, axis, true)
	return g.binary("add", g.unary("log", g.fold("sum", e, axis)), most)
}

// mean divides by the number of terms, which a symbol may stand in.
func (g *generator) mean(x *ir.Value, axis int) *ir.Value {
	sum := g.fold("sum", x, axis)
	if g.broken {
		return nil
	}
	n := g.op(ir.Size{Dim: x.Type.Shape[axis], DType: x.Type.DType})
	if g.broken {
		return nil
	}
	return g.binary("div", sum, g.op(ir.Broadcast{Shape: sum.Type.Shape, Axes: []int{}}, n))
}

// normalize is layer norm without its weights: the variance as a mean of squared distances.
func (g *generator) normalize(x *ir.Value, axis int) *ir.Value {
	d := g.binary("sub", x, g.spread(g.mean(x, axis), x, axis))
	if g.broken {
		return nil
	}
	variance := g.mean(g.binary("mul", d, d), axis)
	scale := g.unary("rsqrt", g.binary("add", variance, g.constant(variance, 0.125)))
	return g.binary("mul", d, g.spread(scale, x, axis))
}

// dense is a product with new weights, a bias and a relu or another function.
func (g *generator) dense(x *ir.Value) *ir.Value {
	letters := "abc"[:len(x.Type.Shape)]
	wide := tensor.Int([]int64{5, 16, 33}[g.Intn(3)])
	w := g.Input(tensor.Type{DType: x.Type.DType, Shape: tensor.Shape{x.Type.Shape[len(letters)-1], wide}}, "unit")
	bias := g.Input(tensor.Type{DType: x.Type.DType, Shape: tensor.Shape{wide}}, "")
	y := g.op(ir.Einsum{Spec: letters + "," + letters[len(letters)-1:] + "z->" + letters[:len(letters)-1] + "z"}, x, w)
	if g.broken {
		return nil
	}
	y = g.binary("add", y, g.op(ir.Broadcast{Shape: y.Type.Shape, Axes: []int{len(y.Type.Shape) - 1}}, bias))
	if g.broken || g.Intn(2) == 0 {
		return g.unary("tanh", y)
	}
	return g.binary("max", y, g.constant(y, 0))
}

// attention is softmax(x k) v, where both are new and as long as T or a constant.
func (g *generator) attention(x *ir.Value) *ir.Value {
	s := x.Type.Shape
	if len(s) != 2 {
		g.broken = true
		return nil
	}
	long := []tensor.Dim{tensor.Sym("T"), tensor.Int(70), s[0]}[g.Intn(3)]
	k := g.Input(tensor.Type{DType: x.Type.DType, Shape: tensor.Shape{long, s[1]}}, "unit")
	v := g.Input(tensor.Type{DType: x.Type.DType, Shape: tensor.Shape{long, tensor.Int(9)}}, "")
	scores := g.op(ir.Einsum{Spec: "id,jd->ij"}, x, k)
	if g.broken {
		return nil
	}
	return g.op(ir.Einsum{Spec: "ij,jd->id"}, g.softmax(scores, 1, true), v)
}

// entropy is the cross entropy of rows with labels.
func (g *generator) entropy(x *ir.Value, axis int) *ir.Value {
	rest := append(append(tensor.Shape{}, x.Type.Shape[:axis]...), x.Type.Shape[axis+1:]...)
	label := g.Input(tensor.Type{DType: tensor.I32, Shape: rest}, "index")
	return g.binary("sub", g.logSumExp(x, axis), g.op(ir.Pick{Axis: axis}, x, label))
}

// lookup takes rows of x by an index that lies outside at times, and adds them up where another
// says.
func (g *generator) lookup(x *ir.Value) *ir.Value {
	ids := g.Input(tensor.Type{DType: tensor.I32, Shape: tensor.Shape{tensor.Sym("N")}}, "index")
	rows := g.op(ir.Take{}, x, ids)
	to := g.Input(tensor.Type{DType: tensor.I64, Shape: tensor.Shape{tensor.Sym("N")}}, "index")
	return g.op(ir.ScatterAdd{Rows: tensor.Int(4)}, to, rows)
}
