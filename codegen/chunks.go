package codegen

import (
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// spill stores the accumulators of one chunk into its place in a Temp.
func (e *emitter) spill(d *kernel.Def, temp *operand) {
	e.fresh()
	l := e.alive[d.Name]
	at := []tensor.Dim{}
	for _, a := range d.Reduce.Axes {
		start := e.tile[e.indices[a.Name]].start
		if a.Name == d.Reduce.Order.Axis {
			at = append(at, start.Div(d.Reduce.Order.By).Within(e.ranges))
			break
		}
		at = append(at, start)
	}
	at = append(at, symbolsOf(d.Axes)...)
	if isWelford(d) {
		at = append([]tensor.Dim{{}}, at...)
		f, plane := e.formOf(temp, kernel.AddressOf(temp.buffer, at)), e.planeBytes(temp)
		e.points(l.axes, false, func() { e.spillMoments(l, temp, e.at(f), plane) })
		return
	}
	f := e.formOf(temp, kernel.AddressOf(temp.buffer, at))
	e.points(e.axes(d.Axes), false, func() {
		if h := e.held[d.Name]; l == nil && h != nil {
			e.write(temp, e.at(f), e.readHeld(e.heldHere(h, valuePlane)))
			return
		}
		e.write(temp, e.at(f), l.values[e.register(l)])
	})
}

// joinChunks joins the chunks in Temp's own memory, neighbours at distance 1, 2, 4 ..., and
// makes the definition alive with the value of the first.
func (e *emitter) joinChunks(d *kernel.Def, temp *operand) {
	e.fresh()
	l := e.newLive(d)
	shape := temp.buffer.Type.Shape
	levels := len(shape) - len(d.Axes)
	count, stride := shape[:levels].Size(), shape[levels:].Size()
	if isWelford(d) {
		count = shape[1:levels].Size()
	}
	at := append(make([]tensor.Dim, levels), symbolsOf(d.Axes)...)
	linear := kernel.AddressOf(temp.buffer, at)
	if n, ok := count.Const(); !ok || n > 1 {
		e.joinLevels(d, temp, l, linear, e.integer(count), e.integer(stride.Scale(int64(d.DType.Size()))))
	}
	e.fresh()
	some := value{}
	if r := count.Bounds(e.ranges); r.OpenLo || r.Lo < 1 {
		some = e.compare("icmp sgt", value{id: e.integer(count), t: tensor.I64, lanes: 1}, integerOf(tensor.I64, 0))
	}
	f := e.formOf(temp, linear)
	e.points(l.axes, false, func() {
		e.when = some
		v := e.read(temp, e.at(f))
		if some.id != "" {
			v = e.choose(some, v, identity(d))
		}
		l.values = append(l.values, v)
	})
	e.when = value{}
	e.alive[d.Name] = l
}

// joinLevels is
//
//	for step = 1; step < count; step *= 2 { for i = 0; i+step < count; i += 2*step { chunk i takes chunk i+step } }
func (e *emitter) joinLevels(d *kernel.Def, temp *operand, l *live, linear tensor.Dim, count, stride string) {
	from, level, turn, next, done := e.cur, e.block(), e.block(), e.block(), e.block()
	some := e.set("icmp sgt i64 ", count, ", 1")
	from.Term = either(some, level, done)
	e.cur = level
	step, double := e.name(), e.name()
	e.put(step, " = phi i64 [ 1, ", from.Ident(), " ], [ ", double, ", ", next.Ident(), " ]")
	e.put(double, " = shl i64 ", step, ", 1")
	apart := e.set("mul i64 ", step, ", ", stride)
	level.Term = to(turn)
	e.cur = turn
	i, after := e.name(), e.name()
	phi := &line{}
	turn.Insts = append(turn.Insts, phi)
	e.fresh()
	offset := e.set("mul i64 ", i, ", ", stride)
	other := e.set("add i64 ", offset, ", ", apart)
	f := e.formOf(temp, linear)
	pair := func() { e.joinPair(d, temp, e.at(f), offset, other) }
	if isWelford(d) {
		t, plane := e.chunkTally(d, i, step, count), e.planeBytes(temp)
		pair = func() { e.joinPairMoments(d, temp, e.at(f), offset, other, plane, t) }
	}
	e.points(l.axes, false, pair)
	e.put(after, " = add i64 ", i, ", ", double)
	more := e.set("icmp slt i64 ", e.set("add i64 ", after, ", ", step), ", ", count)
	phi.text = i + " = phi i64 [ 0, " + level.Ident() + " ], [ " + after + ", " + e.cur.Ident() + " ]"
	e.cur.Term = e.again(more, turn, next)
	e.cur = next
	if e.lanesOf(l.axes) == 1 { // else each lane reads what it wrote
		e.across.meet()
	}
	again := e.set("icmp slt i64 ", double, ", ", count)
	next.Term = either(again, level, done)
	e.cur = done
}

// joinPair joins the elements at the current point of two chunks, into the first.
func (e *emitter) joinPair(d *kernel.Def, temp *operand, p place, offset, other string) {
	p.shift = other
	b := e.read(temp, p)
	p.shift = offset
	a := e.read(temp, p)
	e.write(temp, p, e.apply(d.Reduce.Op.Func(), d.DType, []value{a, b}))
}
