package passes

import (
	"math"

	"dlc/ir"
	"dlc/ir/kernel"
)

// simpler returns an operand, or a new value, that n's result equals exactly, or nil. e is the
// lowering with the literals put in.
func (d *folder) simpler(n *ir.Node, def *kernel.Def, e kernel.Expr) *ir.Value {
	if v := d.same(n, def, e); v != nil {
		return v
	}
	c, ok := e.(*kernel.Call)
	if !ok {
		return nil
	}
	switch {
	case c.Fn == "select":
		return d.chosen(n, def, c)
	case len(c.Args) == 2:
		x, y := d.same(n, def, c.Args[0]), d.same(n, def, c.Args[1])
		a, b := literal(c.Args[0]), literal(c.Args[1])
		switch {
		case x != nil && b != nil && neutral(c.Fn, b, false):
			return x
		case y != nil && a != nil && neutral(c.Fn, a, true):
			return y
		case x != nil && b != nil && c.Fn == "pow":
			return d.power(x, b.F)
		}
	}
	return nil
}

// same returns the operand of n that e reads at the result's own index.
func (d *folder) same(n *ir.Node, def *kernel.Def, e kernel.Expr) *ir.Value {
	l, ok := e.(*kernel.Load)
	if !ok || !identity(l.At, def.Axes) {
		return nil
	}
	if v := operand(n, l); v.Type.Equal(n.Out[0].Type) {
		return v
	}
	return nil
}

// chosen resolves a select of a known condition, or of twice the same.
func (d *folder) chosen(n *ir.Node, def *kernel.Def, c *kernel.Call) *ir.Value {
	x, y := d.same(n, def, c.Args[1]), d.same(n, def, c.Args[2])
	if x != nil && x == y {
		return x
	}
	switch cond := literal(c.Args[0]); {
	case cond == nil:
		return nil
	case cond.I != 0:
		return x
	default:
		return y
	}
}

func literal(e kernel.Expr) *kernel.Lit {
	l, _ := e.(*kernel.Lit)
	return l
}

// neutral reports whether fn with the literal on the given side returns its other operand, bits
// of zeros and infinities included.
func neutral(fn string, l *kernel.Lit, left bool) bool {
	if !l.DType.IsFloat() {
		switch fn {
		case "add", "or", "xor":
			return l.I == 0
		case "sub", "shl", "shr":
			return l.I == 0 && !left
		case "mul":
			return l.I == 1
		case "idiv":
			return l.I == 1 && !left
		case "and":
			return l.DType.IsInt() && l.I == -1 && l.DType.IsSigned() || !l.DType.IsInt() && l.I == 1
		}
		return false
	}
	minusZero := l.F == 0 && math.Signbit(l.F)
	switch fn {
	case "add":
		return minusZero
	case "sub":
		return l.F == 0 && !minusZero && !left
	case "mul":
		return l.F == 1
	case "div":
		return l.F == 1 && !left
	case "min":
		return math.IsInf(l.F, 1)
	case "max":
		return math.IsInf(l.F, -1)
	}
	return false
}

// power writes the powers that are products or quotients. x**2 with a known exponent means x*x
// and x**-1 means 1/x, which round once; the general pow may differ from them in the last bit.
func (d *folder) power(x *ir.Value, exponent float64) *ir.Value {
	switch exponent {
	case 0:
		return d.literal(x, 1)
	case 1:
		return x
	case 2:
		return d.Add(ir.Binary{Fn: "mul"}, x, x)
	case -1:
		return d.Add(ir.Binary{Fn: "div"}, d.literal(x, 1), x)
	}
	return nil
}

// literal is v everywhere, in the type of x.
func (d *folder) literal(x *ir.Value, v float64) *ir.Value {
	full := d.Add(ir.FullOf(x.Type, v))
	d.known[full] = kernel.Number(x.Type.DType, v)
	return full
}
