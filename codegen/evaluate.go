package codegen

import (
	"fmt"
	"math"
	"strconv"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// eval returns the value of x at the current point: a scalar where x does not move with the
// lanes, else a vector. Values are computed once per point of the indices that x depends on.
func (e *emitter) eval(x kernel.Expr) value {
	key := memoKey{expr: x, lanes: e.lanes, when: e.when.id, mask: e.mask.id}
	for _, name := range e.exprs.names(x) {
		if i, ok := e.indices[name]; ok {
			if m := e.tile[i].max; m > 0 {
				key.point = key.point*uint64(m) + uint64(e.point[i])
			}
		}
	}
	v, ok := e.memo[key]
	if !ok {
		v = e.fresher(x)
		e.memo[key] = v
	}
	return v
}

func (e *emitter) fresher(x kernel.Expr) value {
	switch x := x.(type) {
	case *kernel.Lit:
		return literal(x)
	case *kernel.Index:
		return e.whole(e.at(e.formOf(x, x.Dim)))
	case *kernel.Load:
		return e.evalLoad(x)
	case *kernel.Call:
		if v, ok := e.powered(x); ok {
			return v
		}
		args := make([]value, len(x.Args))
		for i, a := range x.Args {
			args[i] = e.eval(a)
		}
		return e.apply(x.Fn, x.DType, args)
	case *kernel.Guard:
		return e.guard(x)
	}
	panic(fmt.Sprintf("BUG: no code for expression %T", x))
}

func literal(x *kernel.Lit) value {
	if x.DType.IsFloat() {
		return floatOf(x.DType, x.F)
	}
	return integerOf(x.DType, x.I)
}

// floatOf is a float constant; LLVM writes an f32 as the bits of the f64 of the same value.
func floatOf(t tensor.DType, v float64) value {
	if t == tensor.F32 {
		v = float64(float32(v))
	}
	return value{id: fmt.Sprintf("0x%016X", math.Float64bits(v)), t: t, lanes: 1, fixed: true}
}

func zero(t tensor.DType) value {
	if t.IsFloat() {
		return floatOf(t, 0)
	}
	return integerOf(t, 0)
}

// evalLoad reads a definition that is alive, or stored by an earlier phase, or a buffer; else
// the load is the map's expression at its index.
func (e *emitter) evalLoad(l *kernel.Load) value {
	if v, ok := e.given[l.Name]; ok {
		return v
	}
	d, defined := e.defs[l.Name]
	other := e.otherTurn(l, d)
	if v, ok := e.alive[l.Name]; ok && !other {
		if e.running[l.Name] && v.bases != nil {
			return e.baseOf(v)
		}
		return e.kept(v)
	}
	if h, ok := e.held[l.Name]; ok && !other {
		return e.heldLoad(l, h)
	}
	if o, ok := e.buffers[l.Name]; ok && (!defined || other || e.stored[l.Name]) {
		return e.load(l, o)
	}
	if !defined || d.Reduce != nil {
		panic(fmt.Sprintf("BUG: %s: %s is neither alive nor stored nor a map", e.program.Name, l.Name))
	}
	return e.eval(e.exprs.inline(l, d))
}

// guard evaluates under its conditions, which are decided here, or become a mask.
func (e *emitter) guard(g *kernel.Guard) value {
	when, mask := e.when, e.mask
	defer func() { e.when, e.mask = when, mask }()
	all := value{}
	for i, c := range g.Conds {
		truth, v := e.holds(condition{g, i}, c)
		switch truth {
		case never:
			return zero(g.Type())
		case sometimes:
			all = e.and(all, v)
			if v.lanes == 1 {
				e.when = e.and(e.when, v)
			} else {
				e.mask = e.and(e.mask, v)
			}
		}
	}
	v := e.eval(g.Expr)
	if all.id == "" {
		return v
	}
	return e.choose(all, v, zero(g.Type()))
}

// A condition names one Cond of a Guard or of a definition's When.
type condition struct {
	of any
	i  int
}

// A truth is what is known of a condition when the code is made.
type truth uint8

const (
	always truth = iota
	sometimes
	never
)

// holds decides 0 <= Index < Extent at the current point, or returns its value.
func (e *emitter) holds(key condition, c kernel.Cond) (truth, value) {
	p := e.at(e.formOf(key, c.Index))
	room := e.at(e.formOf([2]any{key, "room"}, c.Extent.Sub(c.Index)))
	low, left := e.bounds(p), e.bounds(room)
	if (left.OpenLo || left.Lo < 1) && e.inside(key, c) {
		left = tensor.Range{Lo: 1, OpenHi: true}
	}
	switch {
	case !low.OpenLo && low.Lo >= 0 && !left.OpenLo && left.Lo > 0:
		return always, value{}
	case !low.OpenHi && low.Hi < 0 || !left.OpenHi && left.Hi <= 0:
		return never, value{}
	}
	if v, ok := e.acrossLanes(p, c.Extent, low, left); ok {
		return sometimes, v
	}
	if e.machine.Warps > 0 && !left.OpenLo && left.Lo > 0 {
		return sometimes, e.compare("icmp sge", e.whole(p), integerOf(tensor.I64, 0))
	}
	extent := value{id: e.integer(c.Extent), t: tensor.I64, lanes: 1}
	_, err := strconv.ParseInt(extent.id, 10, 64)
	extent.fixed = err == nil
	return sometimes, e.compare("icmp ult", e.whole(p), extent)
}

// inside reports whether the condition's index is below its extent at all positions.
func (e *emitter) inside(key condition, c kernel.Cond) bool {
	v, ok := e.below[key]
	if !ok {
		v = e.alwaysBelow(c.Index, c.Extent)
		e.below[key] = v
	}
	return v
}

// resize converts by one LLVM instruction.
func (e *emitter) resize(v value, to tensor.DType, how string) value {
	return e.op(to, v.lanes, how, " ", v.arg(), " to ", typeName(to, v.lanes))
}
