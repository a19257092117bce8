package codegen

import (
	"math"
	"strconv"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// A maximum or minimum of f32 by lanes, on a machine with mask registers: IEEE 754's takes five
// instructions a vector, for a NaN must stay. Here one instruction takes the larger of what is no
// NaN, the zeros in their order, and masks behind a live's values, one a point, remember whether
// there was a NaN in any lane: two vectors take one comparison.
func (e *emitter) isExtreme(d *kernel.Def) bool {
	op := d.Reduce.Op
	return e.machine.Masks && e.machine.Warps == 0 && e.machine.Lanes == 16 && d.DType == tensor.F32 && d.Reduce.Order.Kind == kernel.Lanes64 && (op == kernel.Max || op == kernel.Min)
}

// watch adds the masks to l, which has its first values.
func (e *emitter) watch(l *live) {
	l.watched = len(l.values) / l.split
	for range l.watched {
		l.values = append(l.values, value{id: "zeroinitializer", t: tensor.Bool, lanes: e.machine.Lanes})
	}
	l.pending = make([]value, l.watched)
}

// watchTerm takes x into the accumulator at a place; cond, where there is one, says in which lanes.
func (e *emitter) watchTerm(d *kernel.Def, l *live, at int, cond value) {
	x := e.wide(e.eval(e.exprs.body(d)), e.lanes)
	v, acc := e.extreme(d, l.values[at], x), l.values[at]
	point := at / l.split
	switch {
	case cond.id != "":
		v = e.choose(cond, v, acc)
		e.unordered(l, point, e.two("and", e.compare("fcmp uno", x, x), cond))
	case l.pending[point].id == "":
		l.pending[point] = x
	default:
		e.unordered(l, point, e.compare("fcmp uno", l.pending[point], x))
		l.pending[point] = value{}
	}
	l.values[at] = v
}

// watchRest looks at the vectors that are left over, at the end of a step.
func (e *emitter) watchRest(l *live) {
	for point, x := range l.pending {
		if x.id != "" {
			e.unordered(l, point, e.compare("fcmp uno", x, x))
			l.pending[point] = value{}
		}
	}
}

func (e *emitter) unordered(l *live, point int, m value) {
	at := len(l.values) - l.watched + point
	l.values[at] = e.two("or", l.values[at], m)
}

// extreme is the larger, or smaller, of two vectors; of a NaN and a number it is the number.
func (e *emitter) extreme(d *kernel.Def, a, b value) value {
	const larger, smaller = 5, 4 // by comparison, with its sign
	how := larger
	if d.Reduce.Op == kernel.Min {
		how = smaller
	}
	return e.op(d.DType, a.lanes, "call <16 x float> @llvm.x86.avx512.mask.range.ps.512(", a.arg(), ", ", b.arg(), ", i32 ", strconv.Itoa(how), ", ", a.typ(), " zeroinitializer, i16 -1, i32 4)")
}

// orNaN is a joined value, or a NaN where there was one.
func (e *emitter) orNaN(l *live, point int, v value) value {
	m := l.values[len(l.values)-l.watched+point]
	some := e.op(tensor.Bool, 1, "call i1 @llvm.vector.reduce.or.v", strconv.Itoa(m.lanes), "i1(", m.arg(), ")")
	return e.choose(some, floatOf(v.t, math.NaN()), v)
}
