package codegen

import (
	"maps"
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// nodes emits a node list. What is begun in it dies with it.
func (e *emitter) nodes(list []tile.Node) {
	begun, copies, aheads, laters, holds, room := e.alive, e.copies, e.aheads, e.laters, e.held, e.room
	e.copies, e.aheads, e.laters, e.held = maps.Clone(copies), maps.Clone(aheads), maps.Clone(laters), maps.Clone(holds)
	e.alive = map[string]*live{}
	for n, l := range begun {
		e.alive[n] = l
	}
	for i := 0; i < len(list); i++ {
		e.seeFilled(list[i])
		if n := e.stores(list[i:]); n > 0 {
			i += n - 1
			continue
		}
		if a, ok := list[i].(*tile.Across); ok {
			e.followed(list[i+1:], func() { e.overIndex(a, nodeAt(list, i-1), nodeAt(list, i+1)) })
			continue
		}
		e.followed(list[i+1:], func() { e.one(list[i]) })
	}
	e.alive, e.copies, e.aheads, e.laters, e.held, e.room = begun, copies, aheads, laters, holds, room
}

// nodeAt is a node of a list, or none.
func nodeAt(list []tile.Node, i int) tile.Node {
	if i < 0 || i >= len(list) {
		return nil
	}
	return list[i]
}

func (e *emitter) one(n tile.Node) {
	switch n := n.(type) {
	case *tile.Loop:
		if !e.overScatter(n) {
			e.conditional(n, func() { e.loop(n) })
		}
	case *tile.Begin:
		e.begin(e.defs[n.Def])
	case *tile.Step:
		e.conditional(n, func() { e.step(e.defs[n.Def]) })
	case *tile.End:
		e.end(e.defs[n.Def])
	case *tile.Spill:
		e.spill(e.defs[n.Def], e.buffers[n.Temp])
	case *tile.Join:
		e.joinChunks(e.defs[n.Def], e.buffers[n.Temp])
	case *tile.Clear:
		e.clearPart(e.defs[n.Def])
	case *tile.Sort:
		e.sort(n)
	case *tile.Scatter:
		e.scatterTerm(e.defs[n.Def])
	case *tile.Stage:
		e.stage(n)
	case *tile.If:
		e.choice(n)
	case *tile.Pair:
		e.pairUp(n)
	case *tile.Ahead:
		if n.Later {
			e.laters[n.From] = n.By
			break
		}
		e.aheads[tile.Ahead{Def: n.Def, From: n.From, Once: n.Once, New: n.New}] = n.By
	case *tile.Past:
		e.past[n.Def] = n.From
	case *tile.Let:
		e.let(e.defs[n.Def])
	case *tile.Hold:
		e.hold(n)
	}
}

// onlySteps returns the one definition that the node steps, if it does nothing else.
func (e *emitter) onlySteps(n tile.Node) *kernel.Def {
	if defs := e.allSteps(n); len(defs) == 1 {
		return defs[0]
	}
	return nil
}

// allSteps returns the definitions that the node steps, if it does nothing else.
func (e *emitter) allSteps(n tile.Node) (defs []*kernel.Def) {
	switch n := n.(type) {
	case *tile.Step:
		return []*kernel.Def{e.defs[n.Def]}
	case *tile.Loop:
		for _, inner := range n.Body {
			more := e.allSteps(inner)
			if more == nil {
				return nil
			}
			defs = append(defs, more...)
		}
	}
	return defs
}

// conditional emits a node that only steps: where a condition that all the definitions have has the
// same value in all of the node, it is decided before.
func (e *emitter) conditional(n tile.Node, emit func()) {
	defs := e.allSteps(n)
	if len(defs) == 0 {
		emit()
		return
	}
	cond := value{}
	var known []condition
	for i, c := range defs[0].Reduce.When {
		keys := shared(c, defs)
		key := condition{defs[0], i}
		if keys == nil || e.assumed[key] || !e.settled(c) {
			continue
		}
		truth, v := e.holds(key, c)
		if truth == never {
			return
		}
		if truth == sometimes {
			cond = e.and(cond, v)
		}
		known = append(known, keys...)
	}
	for _, k := range known {
		e.assumed[k] = true
	}
	if cond.id == "" {
		emit()
	} else {
		e.branch(cond.id, []tile.Node{n}, emit, func() {})
	}
	for _, k := range known {
		delete(e.assumed, k)
	}
}

// shared returns c among the conditions of each definition, nil where one lacks it.
func shared(c kernel.Cond, defs []*kernel.Def) (keys []condition) {
	for _, d := range defs {
		at := slices.IndexFunc(d.Reduce.When, func(o kernel.Cond) bool { return o.Index.Equal(c.Index) && o.Extent.Equal(c.Extent) })
		if at < 0 {
			return nil
		}
		keys = append(keys, condition{d, at})
	}
	return keys
}

// settled reports whether all indices of a condition stand at one position.
func (e *emitter) settled(c kernel.Cond) bool {
	for _, i := range append(e.numbers(c.Index), e.numbers(c.Extent)...) {
		if !e.tile[i].single() {
			return false
		}
	}
	return true
}

// loop walks an index through the parts of its current sub-range.
func (e *emitter) loop(n *tile.Loop) {
	i := e.indexOf(n.Split.Index)
	if e.divide(n, i) {
		return
	}
	before := e.tile[i]
	known := e.tighten(n, i)
	e.shorten(n, i)
	if length, ok := e.tile[i].exact(); ok {
		e.constantLoop(n, i, length)
	} else {
		e.openLoop(n, i)
	}
	e.tile[i] = before
	for _, k := range known {
		delete(e.assumed, k)
	}
	e.fresh()
}

// constantLoop walks a range of constant length. Peeled segments begin new code.
func (e *emitter) constantLoop(n *tile.Loop, i int, length int64) {
	s := e.tile[i]
	first, absolute := s.start.Const()
	for at := int64(0); at < length; {
		by := n.Split.By[len(n.Split.By)-1]
		for _, b := range n.Split.By {
			if at+b <= length {
				by = b
				break
			}
		}
		by = min(by, length-at)
		turns := int64(1)
		for !n.Unroll && at+(turns+1)*by <= length && fits(n.Split.By, by, length-at-turns*by) {
			turns++
		}
		if absolute && !n.Unroll {
			turns = min(turns, untilPeel(n.Peel, first+at, by))
		}
		more := n.Body
		if turns == 1 && at+by == length {
			more = nil
		}
		e.followed(more, func() {
			e.turns(n, i, s.start.AddInt(at), tensor.Int(turns), turns, span{length: tensor.Int(by), max: by})
		})
		at += turns * by
	}
}

// fits reports whether the part of length by is the one taken when left remains.
func fits(lengths []int64, by, left int64) bool {
	for _, b := range lengths {
		if b <= left {
			return b == by
		}
	}
	return false
}

// covers reports whether parts of these lengths, taken as a Split says, cover a range exactly.
func covers(lengths []int64, length int64) bool {
	for _, b := range lengths {
		length %= b
	}
	return length == 0
}

// takes reports whether a range of that length, cut into parts of these lengths, has one of length by.
func takes(lengths []int64, by, length int64) bool {
	for _, b := range lengths {
		if b == by {
			return length >= b
		}
		length %= b
	}
	return false
}

// untilPeel is the number of turns from position at until one begins in another segment.
func untilPeel(peel []int64, at, by int64) int64 {
	for _, p := range peel {
		if p > at {
			return (p - at + by - 1) / by
		}
	}
	return 1 << 62
}

// openLoop walks a range whose length is known when the code runs.
func (e *emitter) openLoop(n *tile.Loop, i int) {
	s := e.tile[i]
	done, most := tensor.Dim{}, s.max
	for _, by := range n.Split.By {
		bound := int64(-1)
		if most >= 0 {
			bound = most / by
		}
		if s.short > 0 && !takes(n.Split.By, by, s.max) && !takes(n.Split.By, by, s.short) {
			continue // neither a whole block nor the last one has such a part
		}
		turns := s.length.Sub(done).Div(by)
		if bound != 0 {
			e.followed(n.Body, func() { e.turns(n, i, s.start.Add(done), turns, bound, span{length: tensor.Int(by), max: by}) })
		}
		done = done.Add(turns.Scale(by))
		if most < 0 || most >= by {
			most = by - 1
		}
	}
	last := n.Split.By[len(n.Split.By)-1]
	if last == 1 || s.short > 0 && covers(n.Split.By, s.max) && covers(n.Split.By, s.short) {
		return
	}
	if i != e.vector && !walks(n.Body, n.Split.Index) {
		return // a verified schedule: its lengths cover a whole block and the last one exactly
	}
	rest := s.length.Sub(done)
	if rest.IsConst(0) {
		return
	}
	depth := e.depth(rest)
	length := e.declare(e.integer(rest), depth, tensor.Range{Lo: 1, Hi: last - 1})
	some := e.set("icmp sgt i64 ", e.integer(rest), ", 0")
	e.branch(some, n.Body, func() {
		e.turn(n, i, span{start: s.start.Add(done), length: length, max: last - 1})
	}, func() {})
}

// walks reports whether the nodes walk the index again, so that its range may be of any length.
func walks(nodes []tile.Node, index string) bool {
	for _, n := range nodes {
		switch n := n.(type) {
		case *tile.Loop:
			if n.Split.Index == index || walks(n.Body, index) {
				return true
			}
		case *tile.Across:
			if walks(n.Body, index) {
				return true
			}
		case *tile.If:
			if walks(n.Then, index) && walks(n.Else, index) {
				return true
			}
		}
	}
	return false
}

// turns emits count turns of the loop, from position start on; part has the length of each.
// Most bounds the count, -1 for no bound.
func (e *emitter) turns(n *tile.Loop, i int, start, count tensor.Dim, most int64, part span) {
	if c, ok := count.Const(); ok && c <= 1 {
		if c == 1 {
			part.start = start
			e.turn(n, i, part)
		}
		return
	}
	e.repeat(count, most, n.Body, func(counter tensor.Dim) {
		part.start = start.Add(counter.Scale(part.max))
		e.turn(n, i, part)
	})
}

// turn emits the body of a loop once.
func (e *emitter) turn(n *tile.Loop, i int, part span) {
	e.tile[i] = part
	e.fresh()
	e.nodes(n.Body)
	for _, name := range n.EndsBlocks(e.program.Kernel) {
		delete(e.running, name)
	}
}

// repeat emits a loop of count turns around body, carrying the accumulators that nodes step.
func (e *emitter) repeat(count tensor.Dim, most int64, nodes []tile.Node, body func(counter tensor.Dim)) {
	n := e.integer(count)
	carried := e.carried(nodes)
	before := snapshot(carried)
	from, head, exit := e.cur, e.block(), e.block()
	r := count.Bounds(e.ranges)
	maybeNone := r.OpenLo || r.Lo < 1
	if maybeNone {
		some := e.set("icmp sgt i64 ", n, ", 0")
		from.Term = either(some, head, exit)
	} else {
		from.Term = to(head)
	}
	e.cur = head
	counter, next := e.name(), e.name()
	phi := &line{}
	head.Insts = append(head.Insts, phi)
	phis := e.openPhis(carried)
	e.scopes = append(e.scopes, &scope{head, map[string]string{}})
	limit := tensor.Range{OpenHi: true}
	if most >= 0 {
		limit = tensor.Range{Hi: most - 1}
	}
	first := e.block()
	head.Term = to(first)
	e.cur = first
	body(e.declare(counter, len(e.scopes)-1, limit))
	e.put(next, " = add nsw i64 ", counter, ", 1")
	more := e.set("icmp slt i64 ", next, ", ", n)
	phi.text = counter + " = phi i64 [ 0, " + from.Ident() + " ], [ " + next + ", " + e.cur.Ident() + " ]"
	e.cur.Term = e.again(more, head, exit)
	e.scopes = e.scopes[:len(e.scopes)-1]
	back := e.cur
	e.cur = exit
	e.fresh()
	e.closePhis(carried, phis, before, maybeNone, [2]string{from.Ident(), back.Ident()})
}

// openPhis gives every accumulator a name at the head of a loop; its lines are filled later.
func (e *emitter) openPhis(carried []*live) [][]*line {
	out := make([][]*line, len(carried))
	for i, l := range carried {
		out[i] = make([]*line, len(l.values))
		for j := range l.values {
			l.values[j].id = e.name()
			l.values[j].fixed = false
			out[i][j] = &line{text: l.values[j].id}
			e.cur.Insts = append(e.cur.Insts, out[i][j])
		}
	}
	return out
}

// closePhis completes the phis of a loop's head and, where the loop may not run, adds those
// behind it.
func (e *emitter) closePhis(carried []*live, phis [][]*line, before [][]value, maybeNone bool, from [2]string) {
	for i, l := range carried {
		for j, last := range l.values {
			first := before[i][j]
			phis[i][j].text += " = phi " + last.typ() + " [ " + first.id + ", " + from[0] + " ], [ " + last.id + ", " + from[1] + " ]"
			if maybeNone {
				l.values[j] = e.op(last.t, last.lanes, "phi ", last.typ(), " [ ", first.id, ", ", from[0], " ], [ ", last.id, ", ", from[1], " ]")
			}
		}
	}
}

// tighten narrows the sub-range of the loop's index to where the conditions of the one
// definition that it steps can hold, for conditions linear in that index alone. They are
// assumed inside.
func (e *emitter) tighten(n *tile.Loop, i int) (known []condition) {
	d := e.onlySteps(n)
	if d == nil || n.Unroll || i == e.vector {
		return nil
	}
	name := n.Split.Index
	for k, c := range d.Reduce.When {
		key := condition{d, k}
		if e.assumed[key] || !c.Index.Uses(name) || c.Extent.Uses(name) || n.Split.By[len(n.Split.By)-1] != 1 {
			continue
		}
		if e.narrow(c, i, name) {
			e.assumed[key] = true
			known = append(known, key)
		}
	}
	return known
}

// narrow intersects the sub-range of index i with 0 <= by*i + rest < extent.
func (e *emitter) narrow(c kernel.Cond, i int, name string) bool {
	coefficient, rest, ok := c.Index.Linear(name)
	by, constant := coefficient.Const()
	if !ok || !constant || by == 0 {
		return false
	}
	starts := map[string]tensor.Dim{}
	for _, at := range append(e.numbers(rest), e.numbers(c.Extent)...) {
		if !e.tile[at].single() {
			return false
		}
	}
	for other, at := range e.indices {
		starts[other] = e.tile[at].start
	}
	rest, extent := rest.Subst(starts).Within(e.ranges), c.Extent.Subst(starts)
	low, high := rest.Scale(-1).CeilDiv(max(by, 1)), extent.Sub(rest).CeilDiv(max(by, 1))
	if by < 0 { // rest - b*i >= 0 and < extent
		low, high = rest.Sub(extent).Div(-by).AddInt(1), rest.Div(-by).AddInt(1)
	}
	s := e.tile[i]
	end := s.start.Add(s.length)
	start := e.bound("smax", s.start, low)
	end = e.bound("smin", end, high)
	if start.Equal(s.start) && end.Equal(s.start.Add(s.length)) {
		return true
	}
	depth := max(e.depth(start), e.depth(end))
	length := e.hoist(depth, "sub i64 ", e.integer(end), ", ", e.integer(start))
	length = e.hoist(depth, "call i64 @llvm.smax.i64(i64 ", length, ", i64 0)")
	limit := tensor.Range{Hi: s.max, OpenHi: s.max < 0}
	e.tile[i] = span{start: start, length: e.declare(length, depth, limit), max: s.max}
	return true
}

// bound is the larger (smax) or smaller (smin) of two Dims.
func (e *emitter) bound(op string, a, b tensor.Dim) tensor.Dim {
	r := a.Sub(b).Bounds(e.ranges)
	larger, smaller := a, b
	if op == "smin" {
		larger, smaller = b, a
	}
	if !r.OpenLo && r.Lo >= 0 {
		return larger
	}
	if !r.OpenHi && r.Hi <= 0 {
		return smaller
	}
	depth := max(e.depth(a), e.depth(b))
	id := e.hoist(depth, "call i64 @llvm."+op+".i64(i64 ", e.integer(a), ", i64 ", e.integer(b), ")")
	ra, rb := a.Bounds(e.ranges), b.Bounds(e.ranges)
	var limit tensor.Range
	if op == "smax" { // an end that is open on one side takes the other's bound
		limit.Lo, limit.OpenLo = closer(ra.Lo, rb.Lo, ra.OpenLo, rb.OpenLo, true)
		limit.Hi, limit.OpenHi = max(ra.Hi, rb.Hi), ra.OpenHi || rb.OpenHi
	} else {
		limit.Hi, limit.OpenHi = closer(ra.Hi, rb.Hi, ra.OpenHi, rb.OpenHi, false)
		limit.Lo, limit.OpenLo = min(ra.Lo, rb.Lo), ra.OpenLo || rb.OpenLo
	}
	return e.declare(id, depth, limit)
}

// closer is the tighter of two lower (or upper) bounds, each of which may be open.
func closer(a, b int64, openA, openB, lower bool) (int64, bool) {
	switch {
	case openA:
		return b, openB
	case openB:
		return a, false
	case lower:
		return max(a, b), false
	}
	return min(a, b), false
}
