package ir

import "math"

// Grad multiplies by the derivative, written in terms of the result y where that is shorter.
func (o Unary) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	x, y, g := n.In[0], n.Out[0], dy[0]
	if g == nil || !x.Type.DType.IsFloat() {
		return []*Value{nil}
	}
	switch o.Fn {
	case "sign", "floor", "ceil", "round", "trunc":
		return []*Value{nil}
	case "neg":
		return []*Value{b.unary("neg", g)}
	case "abs":
		return []*Value{b.mul(g, b.unary("sign", x))}
	case "sqrt":
		return []*Value{b.binary("div", b.scale(g, 0.5), y)}
	case "rsqrt":
		return []*Value{b.binary("div", b.scale(b.mul(g, y), -0.5), x)}
	case "log":
		return []*Value{b.binary("div", g, x)}
	case "log1p":
		return []*Value{b.binary("div", g, b.plus(x, 1))}
	case "log2":
		return []*Value{b.binary("div", b.scale(g, 1/math.Ln2), x)}
	case "asin", "acos", "atan", "asinh", "acosh", "atanh":
		return []*Value{b.binary("div", g, o.slope(b, x))}
	case "trigamma":
		b.Refuse("trigamma has no derivative here")
		return []*Value{nil}
	}
	return []*Value{b.mul(g, o.derivative(b, x, y))}
}

// derivative is that of the functions whose gradient is a product.
func (o Unary) derivative(b *Builder, x, y *Value) *Value {
	oneMinus := func(v *Value) *Value { return b.binary("sub", b.fill(v.Type, 1), v) }
	switch o.Fn {
	case "exp":
		return y
	case "exp2":
		return b.scale(y, math.Ln2)
	case "expm1":
		return b.plus(y, 1)
	case "sin":
		return b.unary("cos", x)
	case "cos":
		return b.unary("neg", b.unary("sin", x))
	case "tan":
		return b.plus(b.mul(y, y), 1)
	case "tanh":
		return oneMinus(b.mul(y, y))
	case "sigmoid":
		return b.mul(y, oneMinus(y))
	case "erf":
		return b.scale(b.unary("exp", b.unary("neg", b.mul(x, x))), 2/math.Sqrt(math.Pi))
	case "erfc":
		return b.scale(b.unary("exp", b.unary("neg", b.mul(x, x))), -2/math.Sqrt(math.Pi))
	case "erfinv":
		return b.scale(b.unary("exp", b.mul(y, y)), math.Sqrt(math.Pi)/2)
	case "softplus":
		return b.unary("sigmoid", x)
	case "reciprocal":
		return b.unary("neg", b.mul(y, y))
	case "sinh":
		return b.unary("cosh", x)
	case "cosh":
		return b.unary("sinh", x)
	case "lgamma":
		return b.unary("digamma", x)
	case "digamma":
		return b.unary("trigamma", x)
	}
	panic("BUG: no derivative of " + o.Fn)
}

// slope is that of x by the result, for inverse functions; squares are factored, which keeps the
// digits near 1.
func (o Unary) slope(b *Builder, x *Value) *Value {
	less := func() *Value { return b.binary("sub", b.fill(x.Type, 1), x) }
	switch o.Fn {
	case "asin":
		return b.unary("sqrt", b.mul(less(), b.plus(x, 1)))
	case "acos":
		return b.unary("neg", b.unary("sqrt", b.mul(less(), b.plus(x, 1))))
	case "atan":
		return b.plus(b.mul(x, x), 1)
	case "asinh":
		return b.unary("sqrt", b.plus(b.mul(x, x), 1))
	case "acosh":
		return b.mul(b.unary("sqrt", b.plus(x, -1)), b.unary("sqrt", b.plus(x, 1)))
	case "atanh":
		return b.mul(less(), b.plus(x, 1))
	}
	panic("BUG: no slope of " + o.Fn)
}

// Grad of min and max goes to the operand taken; at equality to the second, so that the gradient
// of max(x, 0) at 0 is 0. rem(a, b) is a - floor(a/b)*b, whose floor is constant.
func (o Binary) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	x, y, g := n.In[0], n.In[1], dy[0]
	if g == nil || !x.Type.DType.IsFloat() {
		return []*Value{nil, nil}
	}
	switch o.Fn {
	case "add":
		return []*Value{g, g}
	case "sub":
		return []*Value{g, b.unary("neg", g)}
	case "mul":
		return []*Value{b.mul(g, y), b.mul(g, x)}
	case "div":
		dx := b.binary("div", g, y)
		return []*Value{dx, b.unary("neg", b.mul(dx, n.Out[0]))}
	case "min", "max":
		first := b.Add(Compare{map[string]string{"min": "lt", "max": "gt"}[o.Fn]}, x, y)
		return []*Value{b.keep(first, g), b.where(first, b.fill(g.Type, 0), g)}
	case "rem":
		return []*Value{g, b.unary("neg", b.mul(g, b.binary("idiv", x, y)))}
	case "pow":
		return []*Value{b.powBase(x, y, g), b.powExponent(x, n.Out[0], g)}
	case "atan2":
		over := b.binary("div", g, b.binary("add", b.mul(x, x), b.mul(y, y)))
		return []*Value{b.mul(over, y), b.unary("neg", b.mul(over, x))}
	}
	return []*Value{nil, nil}
}

// powBase is g*y*x**(y-1), and 0 where y is 0, also at x = 0.
func (b *Builder) powBase(x, y, g *Value) *Value {
	switch c, ok := everywhere(y); {
	case ok && c == 0:
		return b.fill(x.Type, 0)
	case ok && c == 1:
		return g
	case ok && c == 2:
		return b.mul(g, b.scale(x, 2))
	case ok:
		return b.mul(g, b.scale(b.binary("pow", x, b.fill(y.Type, c-1)), c))
	}
	slope := b.mul(y, b.binary("pow", x, b.plus(y, -1)))
	return b.where(b.compare("eq", y, 0), b.fill(x.Type, 0), b.mul(g, slope))
}

// powExponent is g*z*log(x) for z = x**y, and 0 where x is 0.
func (b *Builder) powExponent(x, z, g *Value) *Value {
	nonzero := b.where(b.compare("eq", x, 0), b.fill(x.Type, 1), x)
	return b.mul(g, b.mul(z, b.unary("log", nonzero)))
}

// Grad is none: a bool does not vary.
func (o Compare) Grad(b *Builder, n *Node, dy []*Value) []*Value { return []*Value{nil, nil} }

// Grad is none: a bool does not vary.
func (o Logic) Grad(b *Builder, n *Node, dy []*Value) []*Value { return make([]*Value, len(n.In)) }

// Grad is none: a bool does not vary.
func (o Test) Grad(b *Builder, n *Node, dy []*Value) []*Value { return []*Value{nil} }

// Grad goes to the operand taken.
func (o Select) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	c, g := n.In[0], dy[0]
	if g == nil || !g.Type.DType.IsFloat() {
		return []*Value{nil, nil, nil}
	}
	return []*Value{nil, b.keep(c, g), b.where(c, b.fill(g.Type, 0), g)}
}

// Grad casts back between floats; nothing flows through integers and bools.
func (o Cast) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	from := n.In[0].Type.DType
	if dy[0] == nil || !from.IsFloat() || !o.To.IsFloat() {
		return []*Value{nil}
	}
	return []*Value{b.Add(Cast{from}, dy[0])}
}

// Grad is none: the bits of a number do not vary with it smoothly.
func (o Bitcast) Grad(b *Builder, n *Node, dy []*Value) []*Value { return []*Value{nil} }
