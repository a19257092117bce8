package build

import (
	"math"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
)

// atan2 is the angle of the point (x, y); of numbers it is computed while compiling.
func (u *use) atan2() value {
	if y, ok := u.args["y"].v.(number); ok {
		if x, ok := u.args["x"].v.(number); ok {
			a, okA := y.float()
			b, okB := x.float()
			if okA && okB {
				return fraction(math.Atan2(a, b))
			}
		}
	}
	return u.together("y", "x", "atan2", u.float)
}

// bitwise combines the bits of two integers, or two bools.
func (u *use) bitwise(fn string) value {
	x, y := u.tens("x"), u.tens("y")
	if x == nil || y == nil {
		return nil
	}
	if x.dtype() == tensor.Bool && y.dtype() == tensor.Bool {
		return u.e.joined(u.s, u.prim.name, u.at, u.args["x"], u.args["y"], x, y, ir.Logic{Fn: fn})
	}
	return u.together("x", "y", fn, u.int)
}

// shift moves the bits of x; what is beyond the width leaves 0, or the sign.
func (u *use) shift(fn string) value { return u.together("x", "by", fn, u.int) }

// together brings two arguments to one dtype and applies a function of two operands.
func (u *use) together(first, second, fn string, get func(string) *tens) value {
	if get(first) == nil || get(second) == nil {
		return nil
	}
	x, y := u.args[first], u.args[second]
	for _, a := range []*operand{&x, &y} {
		if n, ok := a.v.(number); ok && (fn == "atan2" || !isTens(x, y)) {
			a.v = u.e.weak(u.s, a.at, n)
		}
		if t, ok := a.v.(*tens); ok && fn == "atan2" && t.weak && t.dtype().IsInt() {
			a.v = u.e.castTens(u.s, a.at, t, tensor.F32)
		}
	}
	tx, ty, ok := u.e.joinTypes(u.s, u.prim.name, u.at, x, y)
	if !ok {
		u.bad = true
		return nil
	}
	return u.e.joined(u.s, u.prim.name, u.at, x, y, tx, ty, ir.Binary{Fn: fn})
}

// isTens reports whether one of two operands is a tensor.
func isTens(x, y operand) bool {
	_, a := x.v.(*tens)
	_, b := y.v.(*tens)
	return a || b
}

// int returns a tensor argument that must be an integer.
func (u *use) int(name string) *tens {
	t := u.tens(name)
	if t == nil || t.dtype().IsInt() {
		return t
	}
	u.fail(check.DTypes, u.args[name].at, "%s takes integers, not %s", u.prim.name, t.typ())
	return nil
}

// bitNot turns every bit around, or a bool.
func (u *use) bitNot() value {
	t := u.tens("x")
	if t == nil {
		return nil
	}
	if t.dtype() == tensor.Bool {
		return u.e.keep(t, u.emit(ir.Logic{Fn: "not"}, t.v))
	}
	if t = u.int("x"); t == nil {
		return nil
	}
	return u.e.keep(t, u.emit(ir.Unary{Fn: "not"}, t.v))
}

// bitcast reads the bits of x as another dtype of its size.
func (u *use) bitcast() value {
	to, ok := u.dtype()
	if !ok {
		return nil
	}
	t := u.tens("x")
	if t == nil {
		return nil
	}
	if from := t.dtype(); from == tensor.Bool || to == tensor.Bool || from.Size() != to.Size() {
		u.fail(check.DTypes, u.at, "bitcast keeps the size: %s has %d bits, %s %d", from, 8*from.Size(), to, 8*to.Size())
		return nil
	}
	return strong(u.e.keep(t, u.emit(ir.Bitcast{To: to}, t.v)))
}
