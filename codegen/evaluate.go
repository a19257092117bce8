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
		args := make([]value, len(x.Args))
		for i, a := range x.Args {
			args[i] = e.eval(a)
		}
		return e.apply(x.Fn, x.DType, args)
	case *kernel.Guard:
		return e.guard(x)
	case *kernel.Random:
		return e.random(x)
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
	if v, ok := e.alive[l.Name]; ok {
		return e.kept(v)
	}
	d, defined := e.defs[l.Name]
	if o, ok := e.buffers[l.Name]; ok && (!defined || e.stored[l.Name]) {
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
	switch {
	case !low.OpenLo && low.Lo >= 0 && !left.OpenLo && left.Lo > 0:
		return always, value{}
	case !low.OpenHi && low.Hi < 0 || !left.OpenHi && left.Hi <= 0:
		return never, value{}
	}
	extent := value{id: e.integer(c.Extent), t: tensor.I64, lanes: 1}
	_, err := strconv.ParseInt(extent.id, 10, 64)
	extent.fixed = err == nil
	return sometimes, e.compare("icmp ult", e.whole(p), extent)
}

// random draws the bits of a Random: Philox 4x32-10, as kernel.RandomWord says.
func (e *emitter) random(r *kernel.Random) value {
	key := e.two("xor", e.eval(r.Seed), value{id: strconv.FormatInt(int64(r.Site), 10), t: tensor.U64, lanes: 1, fixed: true})
	step, column := e.eval(r.Step), e.eval(r.Column)
	upper := integerOf(tensor.I64, 32)
	u32 := func(v value) value { return e.resize(v, tensor.U32, "trunc") }
	c := [4]value{u32(e.two("lshr", column, integerOf(tensor.I64, 2))), u32(e.eval(r.Row)), u32(step), u32(e.two("lshr", step, upper))}
	k := [2]value{u32(key), u32(e.two("lshr", key, upper))}
	for round := range 10 {
		if round > 0 {
			k[0] = e.two("add", k[0], unsigned(0x9E3779B9))
			k[1] = e.two("add", k[1], unsigned(0xBB67AE85))
		}
		high0, low0 := e.product(c[0], 0xD2511F53)
		high1, low1 := e.product(c[2], 0xCD9E8D57)
		c = [4]value{e.two("xor", e.two("xor", high1, c[1]), k[0]), low1, e.two("xor", e.two("xor", high0, c[3]), k[1]), low0}
	}
	word := e.two("and", column, integerOf(tensor.I64, 3))
	v := c[0]
	for i := int64(1); i < 4; i++ {
		v = e.choose(e.compare("icmp eq", word, integerOf(tensor.I64, i)), c[i], v)
	}
	return v
}

func unsigned(v uint32) value { return integerOf(tensor.U32, int64(v)) }

// product multiplies 32 by 32 bits and returns both halves.
func (e *emitter) product(a value, m uint32) (high, low value) {
	p := e.two("mul", e.resize(a, tensor.U64, "zext"), value{id: strconv.FormatUint(uint64(m), 10), t: tensor.U64, lanes: 1, fixed: true})
	return e.resize(e.two("lshr", p, integerOf(tensor.U64, 32)), tensor.U32, "trunc"), e.resize(p, tensor.U32, "trunc")
}

// resize converts by one LLVM instruction.
func (e *emitter) resize(v value, to tensor.DType, how string) value {
	return e.op(to, v.lanes, how, " ", v.arg(), " to ", typeName(to, v.lanes))
}
