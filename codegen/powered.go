package codegen

import (
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// powered is p*first + first, times second, where first and second are powers of two whose product is
// 2^n and z holds n + offset in its low bits, as exponentials end: (1 + p) 2^n, which some machines
// scale at once. The first product is exact but for the rounding of 1 + p, and both ways round once
// more where the result is subnormal, so the bits are the same.
func (e *emitter) powered(x *kernel.Call) (value, bool) {
	if !e.machine.Masks || e.machine.Warps > 0 || e.lanes != 16 || x.Fn != "mul" || x.DType != tensor.F32 {
		return value{}, false
	}
	sum, ok := x.Args[0].(*kernel.Call)
	if !ok || sum.Fn != "fma" || sum.Args[1] != sum.Args[2] {
		return value{}, false
	}
	half := inside(sum.Args[1], "bitcast")
	both := inside(x.Args[1], "bitcast")
	u := inside(both, "sub")
	if u == nil || both.(*kernel.Call).Args[1] != half || inside(inside(half, "and"), "shr") != u {
		return value{}, false
	}
	z, ok := inside(inside(u, "shl"), "bitcast").(*kernel.Call)
	if !ok || z.Fn != "fma" && z.Fn != "add" {
		return value{}, false
	}
	offset, ok := z.Args[len(z.Args)-1].(*kernel.Lit)
	if !ok {
		return value{}, false
	}
	n := e.two("fsub", e.eval(z), literal(offset))
	v := e.two("fadd", e.eval(sum.Args[0]), floatOf(tensor.F32, 1))
	if n.lanes != 16 || v.lanes != 16 {
		return value{}, false
	}
	return e.op(tensor.F32, 16, "call <16 x float> @llvm.x86.avx512.mask.scalef.ps.512(", v.arg(), ", ", n.arg(), ", ", v.typ(), " zeroinitializer, i16 -1, i32 4)"), true
}

// inside is the first operand of a call of that function, nil where x is none.
func inside(x kernel.Expr, fn string) kernel.Expr {
	if c, ok := x.(*kernel.Call); ok && c.Fn == fn {
		return c.Args[0]
	}
	return nil
}
