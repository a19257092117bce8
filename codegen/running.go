package codegen

import (
	"strconv"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// follow returns the base of a block, and what the maximum before it was above that.
func (e *emitter) follow(before, most value) (base, diff value) {
	t := most.t
	none := e.compare("fcmp oeq", most, identityOf(kernel.Max, t))
	base = e.choose(none, zero(t), most)
	return base, e.two("fsub", before, base)
}

// exponential is exp of a value.
func (e *emitter) exponential(x value) value {
	body, name := e.exprs.exponential(x.t)
	memo, lanes := e.memo, e.lanes
	e.memo, e.lanes = map[memoKey]value{}, x.lanes
	e.given[name] = x
	v := e.eval(body)
	delete(e.given, name)
	e.memo, e.lanes = memo, lanes
	return v
}

// exponential returns exp(x), and the name by which it loads x.
func (x *expressions) exponential(t tensor.DType) (e kernel.Expr, name string) {
	name = "exp of " + t.String()
	if x.exps[t] == nil {
		x.exps[t] = kernel.Expand(kernel.Apply("exp", &kernel.Load{Name: name, DType: t}))
	}
	return x.exps[t], name
}

// baseOf is the base of a running maximum, in registers, at the current point.
func (e *emitter) baseOf(l *live) value { return l.bases[e.register(l)] }

// scaleOf is what accumulators are multiplied by in this block, at the current point.
func (e *emitter) scaleOf(with string) value {
	if h := e.held[with]; h != nil {
		return e.readHeld(e.heldHere(h, scalePlane))
	}
	l := e.alive[with]
	return l.scales[e.register(l)]
}

// stepBlock steps a reduction in the order rescale that is not an ordinary chain; it reports
// whether it did.
func (e *emitter) stepBlock(d *kernel.Def, l *live) bool {
	switch {
	case d.Reduce.Order.Kind != kernel.Rescale:
		return false
	case tile.IsRunningMax(d):
		if e.held[d.Name] != nil {
			return false
		}
		e.stepMaximum(d, l)
	case !tile.ByLanes(e.program.Kernel, d):
		return false
	case e.lanesOf(e.axes(d.Reduce.Axes)) == 1:
		e.stepColumns(d, l)
	default:
		block := e.blockLanes(d, l)
		for i, v := range block {
			e.locate(l, i)
			if e.held[d.Name] == nil {
				l.values[i] = e.two("fmul", l.values[i], e.scaleOf(d.Reduce.Order.With))
			}
			l.values[i] = e.two("fadd", l.values[i], v)
		}
		e.fresh()
	}
	return true
}

// locate makes the point of a register of l, none of whose axes lies across the lanes, the current
// one.
func (e *emitter) locate(l *live, register int) {
	for k := len(l.axes) - 1; k >= 0; k-- {
		i := l.axes[k]
		n := int(max(e.tile[i].max, 1))
		e.point[i] = int64(register % n)
		register /= n
	}
}

// blockLanes folds the current block, which lies across the lanes, for every point of l.
func (e *emitter) blockLanes(d *kernel.Def, l *live) []value {
	block := &live{def: d, axes: l.axes, split: 64 / e.machine.Lanes}
	first := e.wide(identity(d), e.machine.Lanes)
	for range len(l.values) * block.split {
		block.values = append(block.values, first)
	}
	e.points(e.axes(d.Reduce.Axes), false, func() {
		e.points(l.axes, false, func() { e.term(d, block, value{}) })
	})
	return e.joinedLanes(block)
}

// stepMaximum takes a block into maxima in registers. Where no maximum changes, which is the rule,
// the factors are 1.
func (e *emitter) stepMaximum(d *kernel.Def, l *live) {
	block := e.blockLanes(d, l)
	n := len(l.values)
	l.bases = make([]value, n)
	diffs := make([]value, n)
	for i := range block {
		before := l.values[i]
		l.values[i] = e.apply("max", d.DType, []value{before, block[i]})
		l.bases[i], diffs[i] = e.follow(before, l.values[i])
	}
	l.scales = e.scalesOf(diffs)
	e.running[d.Name] = true
	e.fresh()
}

// scalesOf is exp of each scalar, as one vector where values are such.
func (e *emitter) scalesOf(diffs []value) []value {
	n, t := len(diffs), diffs[0].t
	scales := make([]value, n)
	if n == 1 || e.machine.Warps > 0 {
		for i := range diffs {
			scales[i] = e.unlessZero(diffs[i])
		}
		return scales
	}
	all := value{id: "zeroinitializer", t: t, lanes: n}
	for i, v := range diffs {
		all = e.op(t, n, "insertelement ", all.arg(), ", ", v.arg(), ", i64 ", strconv.Itoa(i))
	}
	all = e.unlessZero(all)
	for i := range scales {
		scales[i] = e.across.pick(all, int64(i))
	}
	return scales
}

// unlessZero is exp of each diff, computed only where one is not 0.
func (e *emitter) unlessZero(diffs value) value {
	changed := e.compare("fcmp une", diffs, zero(diffs.t))
	if diffs.lanes > 1 {
		changed = e.op(tensor.Bool, 1, "call i1 @llvm.vector.reduce.or.v", strconv.Itoa(diffs.lanes), "i1(", changed.arg(), ")")
	}
	from, some, after := e.cur, e.block(), e.block()
	from.Term = either(changed.id, some, after)
	e.cur = some
	e.fresh()
	v := e.exponential(diffs)
	back := e.cur
	back.Term = to(after)
	e.cur = after
	e.fresh()
	one := e.wide(floatOf(diffs.t, 1), diffs.lanes)
	return e.op(diffs.t, diffs.lanes, "phi ", diffs.typ(), " [ ", one.id, ", ", from.Ident(), " ], [ ", v.id, ", ", back.Ident(), " ]")
}

// stepColumns adds a block of which each term is a register: lane l of the order is the term at l.
func (e *emitter) stepColumns(d *kernel.Def, l *live) {
	j := e.indices[d.Reduce.Axes[0].Name]
	e.points(l.axes, false, func() {
		at := e.register(l)
		var lane func(i, width int64) value
		lane = func(i, width int64) value {
			if width < kernel.RescaleBlock {
				return e.apply("add", d.DType, []value{lane(i, 2*width), lane(i+width, 2*width)})
			}
			e.point[j] = i
			v := e.column(d, j)
			e.point[j] = 0
			return v
		}
		sum := lane(0, 1)
		if e.held[d.Name] == nil {
			l.values[at] = e.two("fmul", l.values[at], e.scaleOf(d.Reduce.Order.With))
		}
		l.values[at] = e.wide(e.two("fadd", l.values[at], sum), e.lanes)
	})
	e.fresh()
}

// column is the lane that holds the term at the current point, the identity where there is none.
func (e *emitter) column(d *kernel.Def, j int) value {
	nothing := e.wide(identity(d), e.lanes)
	s := e.tile[j]
	if e.point[j] >= s.max {
		return nothing
	}
	cond := value{}
	if _, exact := s.exact(); !exact {
		cond = e.compare("icmp slt", integerOf(tensor.I64, e.point[j]), value{id: e.integer(s.length), t: tensor.I64, lanes: 1})
	}
	defer func() { e.when, e.mask = value{}, value{} }()
	cond, possible := e.conditions(d, cond)
	if !possible {
		return nothing
	}
	v := e.accumulate(d, nothing)
	if e.positive(d.Expr) {
		v = e.wide(e.eval(e.exprs.body(d)), e.lanes) // nothing added changes no bit
	}
	if cond.id != "" {
		v = e.choose(cond, v, nothing)
	}
	return v
}

// positive reports whether x is an exponential, which is never -0.
func (e *emitter) positive(x kernel.Expr) bool {
	switch x := x.(type) {
	case *kernel.Call:
		return x.Fn == "exp"
	case *kernel.Load:
		d := e.defs[x.Name]
		return d != nil && d.Reduce == nil && e.positive(d.Expr)
	}
	return false
}
