package codegen

import (
	"fmt"
	"math"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// A live definition has its value, or its accumulators, in registers: one per point of the
// tile its axes have, row-major, several neighbours of the vector index in one register.
// Split accumulators of Lanes64 are 64 lanes per point, in 64/Lanes registers.
type live struct {
	def    *kernel.Def
	axes   []int
	values []value
	split  int // registers per point; 1 but for Lanes64 before its End
	// watched is the number of masks of NaN behind the values, pending what is still to be looked at.
	watched int
	pending []value
	unit    *unitTile // not nil: it is in the matrix unit
	// bases and scales are a running maximum's in the block at hand.
	bases, scales []value
}

func (e *emitter) newLive(d *kernel.Def) *live {
	l := &live{def: d, split: 1, axes: e.axes(d.Axes)}
	return l
}

func (e *emitter) axes(list []kernel.Axis) []int {
	out := make([]int, len(list))
	for i, a := range list {
		out[i] = e.indices[a.Name]
	}
	return out
}

// registersAlong is the number of registers that an axis of a tile takes: of a run that begins
// behind the last whole one, those that the first lane needs.
func (e *emitter) registersAlong(i int) int64 {
	m := e.tile[i].max
	if i == e.vector {
		w := int64(e.machine.Lanes) * e.run()
		m = m/w*e.run() + min(m%w, e.run())
	}
	return m
}

// run is how many neighbours of the vector index a lane holds.
func (e *emitter) run() int64 {
	if e.phase.Run > 1 && e.indices[e.phase.Vector] == e.vector {
		return e.phase.Run
	}
	return 1
}

// register is the number of the register that holds the current point.
func (e *emitter) register(l *live) int {
	k := int64(0)
	for _, i := range l.axes {
		at := e.point[i]
		if i == e.vector {
			w := int64(e.machine.Lanes) * e.run()
			at = at/w*e.run() + at%w%e.run()
		}
		k = k*e.registersAlong(i) + at
	}
	return int(k) * l.split
}

// kept is the value of a live definition at the current point.
func (e *emitter) kept(l *live) value {
	if l.split != 1 {
		panic(fmt.Sprintf("BUG: %s is read before its lanes are joined", l.def.Name))
	}
	v := l.values[e.register(l)]
	if v.lanes > 1 && e.lanes == 1 {
		return e.across.pick(v, e.point[e.vector]/e.run()%int64(v.lanes))
	}
	return v
}

// points visits the tile of some axes row-major; along the vector index in steps of whole
// registers, or one by one where scalar is set.
func (e *emitter) points(axes []int, scalar bool, visit func()) {
	if len(axes) == 0 {
		visit()
		return
	}
	i := axes[0]
	s := e.tile[i]
	if s.max < 0 {
		panic(fmt.Sprintf("BUG: %s: an index without bound at a node", e.program.Name))
	}
	if _, exact := s.exact(); !exact && i != e.vector {
		panic(fmt.Sprintf("BUG: %s: an index of no constant length at a node", e.program.Name))
	}
	by, run, lanes := int64(1), int64(1), e.lanes
	if i == e.vector && !scalar {
		e.lanes, run = e.machine.Lanes, e.run()
		by = int64(e.lanes) * run
	}
	for at := int64(0); at < s.max; at += by {
		for e.point[i] = at; e.point[i] < min(at+run, s.max); e.point[i]++ {
			e.points(axes[1:], scalar, visit)
		}
	}
	e.point[i], e.lanes = 0, lanes
}

func (e *emitter) lanesOf(axes []int) int {
	for _, i := range axes {
		if i == e.vector {
			return e.machine.Lanes
		}
	}
	return 1
}

// identity is the neutral element of a definition's reduction.
func identity(d *kernel.Def) value { return identityOf(d.Reduce.Op, d.DType) }

func identityOf(op kernel.ReduceOp, t tensor.DType) value {
	bits := op.Identity(t)
	switch t {
	case tensor.F32:
		return floatOf(t, float64(math.Float32frombits(uint32(bits))))
	case tensor.F64:
		return floatOf(t, math.Float64frombits(bits))
	}
	return integerOf(t, int64(bits))
}

func (e *emitter) begin(d *kernel.Def) {
	if h := e.held[d.Name]; h != nil {
		e.resume(d, h)
		return
	}
	l := e.newLive(d)
	lanes := e.lanesOf(l.axes)
	if d.Reduce.Order.Kind == kernel.Lanes64 {
		if e.lanesOf(e.axes(d.Reduce.Axes)) == 1 || len(d.Reduce.Axes) != 1 {
			panic(fmt.Sprintf("BUG: %s: lanes64 of %s does not reduce the vector index alone", e.program.Name, d.Name))
		}
		lanes = e.machine.Lanes
		l.split = 64 / lanes
	}
	first := e.wide(identity(d), lanes)
	e.points(l.axes, false, func() {
		for range l.split {
			l.values = append(l.values, first)
		}
	})
	e.askOnce(d, l)
	if isWelford(d) {
		l.values = append(l.values, l.values...)
	}
	if e.isExtreme(d) {
		e.watch(l)
	}
	e.alive[d.Name] = l
}

// step accumulates the terms at the current tile, row-major ascending.
func (e *emitter) step(d *kernel.Def) {
	e.fresh()
	l := e.alive[d.Name]
	if l == nil {
		panic(fmt.Sprintf("BUG: %s: step of %s before its begin", e.program.Name, d.Name))
	}
	e.askRows(d, l)
	if e.stepBlock(d, l) {
		return
	}
	if l.unit != nil {
		e.unitStep(l)
		return
	}
	e.stepping, e.asked = d, map[string]bool{}
	defer func() { e.askBehind(); e.stepping = nil }()
	if d.Reduce.Order.Kind == kernel.Matrix && e.dots(l) {
		return
	}
	if e.slide(d, l) {
		return
	}
	scalar := d.Reduce.Order.Kind != kernel.Lanes64
	first := true
	kept := e.lanesLast(l.axes)
	e.points(e.axes(d.Reduce.Axes), scalar, func() {
		if !first {
			e.part()
		}
		first = false
		inside := e.reached(d)
		e.points(kept, false, func() { e.term(d, l, inside) })
	})
	e.watchRest(l)
}

// lanesLast puts the vector index behind the others: neighbours then share what is the same for
// all lanes.
func (e *emitter) lanesLast(axes []int) []int {
	var out []int
	across := false
	for _, i := range axes {
		if i == e.vector {
			across = true
		} else {
			out = append(out, i)
		}
	}
	if across {
		out = append(out, e.vector)
	}
	return out
}

// part keeps the loads of one term out of the others.
func (e *emitter) part() {
	e.across.part()
	clear(e.memo)
	clear(e.splats)
}

// reached is the condition that the vector index, where a chain walks it lane by lane, is
// inside its sub-range.
func (e *emitter) reached(d *kernel.Def) value {
	if e.vector < 0 || e.lanes > 1 || e.lanesOf(e.axes(d.Reduce.Axes)) == 1 {
		return value{}
	}
	s := e.tile[e.vector]
	if _, exact := s.exact(); exact {
		return value{}
	}
	return e.compare("icmp slt", integerOf(tensor.I64, e.point[e.vector]), value{id: e.integer(s.length), t: tensor.I64, lanes: 1})
}

// term adds the term at the current point to its accumulator.
func (e *emitter) term(d *kernel.Def, l *live, inside value) {
	at := e.register(l)
	defer func() { e.when, e.mask = value{}, value{} }()
	cond, possible := e.conditions(d, inside)
	if !possible {
		return
	}
	if l.split > 1 {
		at += int(e.point[e.vector]) % 64 / e.machine.Lanes
		if m, cut := e.tail(); cut {
			cond = e.and(cond, m)
		}
	}
	if isWelford(d) {
		was := l.moments(at)
		m := e.accumulateMoments(d, l, was)
		if cond.id != "" {
			m = moments{e.choose(cond, m.mean, was.mean), e.choose(cond, m.m2, was.m2)}
		}
		l.setMoments(at, m)
		return
	}
	if l.watched > 0 {
		e.watchTerm(d, l, at, cond)
		e.when, e.mask = value{}, value{}
		return
	}
	acc := l.values[at]
	v := e.accumulate(d, acc)
	if cond.id != "" {
		v = e.choose(cond, v, acc)
	}
	l.values[at] = v
}

// conditions is cond with those conditions of a term of d at the current point that may fail.
// Until the caller takes them back, what is one value guards what is evaluated, what differs by
// lane masks it. Possible is false where a condition never holds.
func (e *emitter) conditions(d *kernel.Def, cond value) (all value, possible bool) {
	e.when, e.mask = cond, value{}
	for i, c := range d.Reduce.When {
		key := condition{d, i}
		if e.assumed[key] {
			continue
		}
		truth, v := e.holds(key, c)
		switch {
		case truth == never:
			return cond, false
		case truth == always:
			continue
		case v.lanes == 1:
			e.when = e.and(e.when, v)
		default:
			e.mask = e.and(e.mask, v)
		}
		cond = e.and(cond, v)
	}
	return cond, true
}

// accumulate is the accumulator after one more term.
func (e *emitter) accumulate(d *kernel.Def, acc value) value {
	body := e.exprs.body(d)
	if d.Fused() {
		c := body.(*kernel.Call)
		_, v := e.alike(e.eval(c.Args[0]), e.eval(c.Args[1]), acc)
		return e.intrinsic("fma", d.DType, v...)
	}
	return e.apply(d.Reduce.Op.Func(), d.DType, []value{acc, e.eval(body)})
}

// end joins the lanes of each point: lane l takes l+32, then l+16 ... l+1.
func (e *emitter) end(d *kernel.Def) {
	e.fresh()
	l := e.alive[d.Name]
	if l == nil || l.split == 1 && d.Reduce.Order.Kind == kernel.Lanes64 {
		panic(fmt.Sprintf("BUG: %s: end of %s without its begin", e.program.Name, d.Name))
	}
	if l.split == 1 {
		return
	}
	if isWelford(d) {
		e.endMoments(d, l)
		return
	}
	e.alive[d.Name] = &live{def: d, axes: l.axes, split: 1, values: e.joinedLanes(l)}
}

// joinedLanes joins the 64 lanes of each point.
func (e *emitter) joinedLanes(l *live) (joined []value) {
	d := l.def
	fn := d.Reduce.Op.Func()
	both := func(a, b value) value { return e.apply(fn, d.DType, []value{a, b}) }
	if l.watched > 0 {
		both = func(a, b value) value { return e.extreme(d, a, b) }
	}
	for at := 0; at < len(l.values)-l.watched; at += l.split {
		vs := append([]value{}, l.values[at:at+l.split]...)
		for half := len(vs) / 2; half > 0; half /= 2 {
			for i := range half {
				vs[i] = both(vs[i], vs[i+half])
			}
		}
		v := vs[0]
		for half := v.lanes / 2; half > 0; half /= 2 {
			v = both(v, e.across.rotate(v, half))
		}
		if v = e.across.pick(v, 0); l.watched > 0 {
			v = e.orNaN(l, at/l.split, v)
		}
		joined = append(joined, v)
	}
	return joined
}

// let evaluates a map on the current tile and keeps it.
func (e *emitter) let(d *kernel.Def) {
	e.fresh()
	l := e.newLive(d)
	e.asked = map[string]bool{}
	e.points(l.axes, false, func() { l.values = append(l.values, e.eval(e.exprs.body(d))) })
	e.alive[d.Name] = l
}

// stores emits the stores that head the list and have the same axes, point by point: at each
// point all values are computed before one is written, so that an output may share the memory
// of an input that is read at the same element only. It returns their number.
func (e *emitter) stores(list []tile.Node) int {
	if s, ok := list[0].(*tile.Store); ok && e.held[s.Def] != nil {
		e.storeHeld(e.held[s.Def])
		return 1
	}
	var defs []*kernel.Def
	for _, n := range list {
		s, ok := n.(*tile.Store)
		if !ok || e.held[s.Def] != nil || len(defs) > 0 && !sameAxes(defs[0], e.defs[s.Def]) {
			break
		}
		defs = append(defs, e.defs[s.Def])
	}
	if len(defs) == 0 {
		return 0
	}
	e.fresh()
	axes := e.axes(defs[0].Axes)
	write := func() { e.points(axes, false, func() { e.writeAll(defs) }) }
	if m := e.commonTail(axes); m.id != "" && e.light(defs) {
		e.across.(*warps).within(m, write)
	} else {
		write()
	}
	return len(defs)
}

// commonTail is the mask that all points of a warp's tile share, id "" where there is none: one branch is then
// enough.
func (e *emitter) commonTail(axes []int) value {
	if e.machine.Warps == 0 || e.lanesOf(axes) == 1 || e.run() > 1 || e.tile[e.vector].max > int64(e.machine.Lanes) {
		return value{}
	}
	e.lanes = e.machine.Lanes
	defer func() { e.lanes = 1 }()
	return e.allowed()
}

// lightNodes is the size of an expression of which a warp may compute those of all points of a tile behind one
// another: a GPU's assembler mixes them, and many long ones would not fit into the registers.
const lightNodes = 8

func (e *emitter) light(defs []*kernel.Def) bool {
	nodes := 0
	for _, d := range defs {
		if e.alive[d.Name] != nil {
			return false // LLVM might move all that it took there
		}
		kernel.Walk(e.exprs.body(d), func(x kernel.Expr) bool {
			if l, ok := x.(*kernel.Load); ok && e.buffers[l.Name] == nil {
				nodes += lightNodes // what is kept, or evaluated here
			}
			nodes++
			return nodes <= lightNodes
		})
	}
	return nodes <= lightNodes
}

// writeAll writes the definitions at the current point. All are evaluated first, for one may read
// what another replaces.
func (e *emitter) writeAll(defs []*kernel.Def) {
	values := make([]value, len(defs))
	for i, d := range defs {
		if l := e.alive[d.Name]; l != nil {
			values[i] = e.kept(l)
		} else {
			values[i] = e.eval(e.exprs.body(d))
		}
	}
	for i, d := range defs {
		o := e.buffers[d.Name]
		e.write(o, e.at(e.formOf(o, kernel.AddressOf(o.buffer, symbolsOf(d.Axes)))), values[i])
	}
}

func sameAxes(a, b *kernel.Def) bool {
	if len(a.Axes) != len(b.Axes) {
		return false
	}
	for i := range a.Axes {
		if a.Axes[i].Name != b.Axes[i].Name {
			return false
		}
	}
	return true
}

func symbolsOf(axes []kernel.Axis) []tensor.Dim {
	out := make([]tensor.Dim, len(axes))
	for i, a := range axes {
		out[i] = tensor.Sym(a.Name)
	}
	return out
}
