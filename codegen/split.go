package codegen

import (
	"strconv"
	"strings"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// divide emits a stream of which one condition lets the first turns through for every point of the
// tile and the last ones for none, or the other way around: the turns of which all terms count, where
// the condition is not tested; those of which some may; the others not at all. It reports whether it did.
func (e *emitter) divide(n *tile.Loop, i int) bool {
	defs, unit := e.steppedBy(n)
	s := e.tile[i]
	if n.Unroll || len(n.Peel) > 0 || n.Kind != tile.Stream || i == e.vector || len(defs) == 0 {
		return false
	}
	c, ok := e.border(defs, n.Split.Index, unit == 1)
	if start, fixed := s.start.Const(); !ok || unit > 1 && (!fixed || start != 0 || e.machine.Warps == 0) {
		return false // on a CPU blocks have one code: it is large, and the tests in it are few
	}
	least, most := e.extremes(c.at)
	begin, end := s.start, s.start.Add(s.length)
	first, last := begin.Div(unit), end.CeilDiv(unit)
	behind := s.max // the block in which the tile of the vector index begins
	if e.endsWith(c, i, unit) {
		behind = unit - 1
	}
	cut := func(from, to tensor.Dim, most int64) {
		e.tile[i] = e.piece(from.Scale(unit), to.Sub(from.Scale(unit)), most)
	}
	inside := func(turn tensor.Dim) tensor.Dim { // where the range's last turn may be cut short
		if unit == 1 {
			return turn
		}
		return e.bound("smin", turn.Scale(unit), end)
	}
	sharp := unit == 1 && least.Equal(most) // some are as many as sure
	edge := *n
	if unit == 1 {
		edge.Split.By = []int64{1}
	}
	border := func(from, to tensor.Dim) { // the turns of which some terms may count
		if unit == 1 && most.Sub(least).IsConst(1) { // one at most, and it is known which
			at := least
			if c.lasts {
				at = most
			}
			e.once(&edge, i, at, to.Sub(from))
			return
		}
		cut(from, inside(to), behind)
		e.walk(&edge, i)
	}
	switch {
	case c.lasts: // index <= at
		sure := e.clamped(least.AddInt(1).Div(unit), first, end.Div(unit))
		some := e.clamped(most.AddInt(1).CeilDiv(unit), sure, last)
		cut(first, sure.Scale(unit), s.max)
		e.followed(n.Body, func() { e.surely(c, n, i) })
		if !sharp {
			border(sure, some)
		}
	default: // index >= at
		some := e.clamped(least.Div(unit), first, last)
		sure := e.clamped(most.CeilDiv(unit), some, last)
		if !sharp {
			e.followed(n.Body, func() { border(some, sure) })
		}
		cut(sure, end, behind)
		e.surely(c, n, i)
	}
	e.tile[i] = s
	e.fresh()
	return true
}

// once emits one turn at a position, where count is 1 and not 0.
func (e *emitter) once(n *tile.Loop, i int, at, count tensor.Dim) {
	e.fresh()
	is := e.set("icmp sgt i64 ", e.integer(count), ", 0")
	e.branch(is, n.Body, func() { e.turn(n, i, span{start: at, length: tensor.Int(1), max: 1}) }, func() {})
}

// surely walks turns in which the condition holds.
func (e *emitter) surely(c border, n *tile.Loop, i int) {
	for _, k := range c.keys {
		e.assumed[k] = true
	}
	e.walk(n, i)
	for _, k := range c.keys {
		delete(e.assumed, k)
	}
}

// shorten leaves out the turns of a stream of blocks in which a condition lets no term through for
// any point of the tile, where terms are all that a turn adds.
func (e *emitter) shorten(n *tile.Loop, i int) {
	defs := e.addedTo(n)
	if blocks, unit := e.steppedBy(n); unit > 1 {
		defs = blocks
	}
	if n.Unroll || len(n.Peel) > 0 || n.Kind != tile.Stream || i == e.vector || len(defs) == 0 || len(n.Split.By) != 1 {
		return
	}
	c, ok := e.border(defs, n.Split.Index, false)
	if !ok {
		return
	}
	s, unit := e.tile[i], n.Split.By[0]
	if start, fixed := s.start.Const(); !fixed || start != 0 {
		return
	}
	least, most := e.extremes(c.at)
	from, to, behind := s.start, s.length, s.max
	if c.lasts {
		turns := e.clamped(most.AddInt(1).CeilDiv(unit), tensor.Dim{}, to.CeilDiv(unit))
		to = e.bound("smin", turns.Scale(unit), to)
	} else {
		turns := e.clamped(least.Div(unit), tensor.Dim{}, to.Div(unit))
		from = turns.Scale(unit)
		if e.endsWith(c, i, unit) {
			behind = unit - 1
		}
	}
	e.tile[i] = e.piece(from, to.Sub(from), behind)
}

// endsWith reports whether less than a block of index i lies behind the begin of the block that the vector index's
// tile begins in, where a condition compares the two: the tile is the last one, cut short, of an index of the same
// extent, and blocks are of whole tiles.
func (e *emitter) endsWith(c border, i int, unit int64) bool {
	if e.machine.Warps == 0 || e.vector < 0 || e.vector == i || !e.extents[i].length.Equal(e.extents[e.vector].length) {
		return false
	}
	v := e.tile[e.vector]
	if _, exact := v.exact(); exact {
		return false
	}
	for _, g := range e.phase.Grid {
		if by := g.By[0]; e.indices[g.Index] == e.vector {
			return v.max == by-1 && unit%by == 0 && c.at.Equal(tensor.Sym(g.Index))
		}
	}
	return false
}

// addedTo returns the chains that a turn of the stream steps, where these sums are all that a turn
// leaves behind.
func (e *emitter) addedTo(n *tile.Loop) (defs []*kernel.Def) {
	inside, stepped, stored := map[string]bool{}, map[string]bool{}, map[string]bool{}
	if !e.leaves(n.Body, inside, stepped, stored) {
		return nil
	}
	for name := range stored {
		if !inside[name] && (e.held[name] == nil || !stepped[name]) {
			return nil
		}
	}
	for _, d := range e.program.Kernel.Defs {
		if !stepped[d.Name] || inside[d.Name] || e.held[d.Name] == nil && e.alive[d.Name] == nil {
			continue
		}
		r := d.Reduce
		if r.Order.Kind != kernel.Chain || len(r.Axes) != 1 || isWelford(d) {
			return nil
		}
		defs = append(defs, d)
	}
	return defs
}

// leaves notes what nodes hold, step and store; it is false where they do anything else that lasts.
func (e *emitter) leaves(nodes []tile.Node, inside, stepped, stored map[string]bool) bool {
	for _, n := range nodes {
		ok := true
		switch n := n.(type) {
		case *tile.Loop:
			ok = e.leaves(n.Body, inside, stepped, stored)
		case *tile.Across:
			ok = e.leaves(n.Body, inside, stepped, stored)
		case *tile.Hold:
			inside[n.Def] = true
		case *tile.Step:
			stepped[n.Def] = true
		case *tile.Store:
			stored[n.Def] = true
		case *tile.Begin, *tile.Ahead, *tile.Let, *tile.Stage, *tile.Pair:
		default:
			ok = false
		}
		if !ok {
			return false
		}
	}
	return true
}

func (e *emitter) walk(n *tile.Loop, i int) {
	e.fresh()
	if length, ok := e.tile[i].exact(); ok {
		e.constantLoop(n, i, length)
	} else {
		e.openLoop(n, i)
	}
}

// piece is the span of that start and length, which is not negative and max at most.
func (e *emitter) piece(start, length tensor.Dim, most int64) span {
	r := length.Bounds(e.ranges)
	if !r.OpenHi && (most < 0 || r.Hi < most) {
		most = max(r.Hi, 0)
	}
	return span{start: start, length: length, max: most}
}

// clamped is d, low at least and high at most.
func (e *emitter) clamped(d, low, high tensor.Dim) tensor.Dim {
	d, low, high = d.Within(e.ranges), low.Within(e.ranges), high.Within(e.ranges)
	return e.bound("smax", e.bound("smin", d, high), low)
}

// steppedBy returns the one definition that the stream steps term by term, and unit 1; or, where it
// walks the blocks of one running maximum, that and the sums that follow it, and the block.
func (e *emitter) steppedBy(n *tile.Loop) (defs []*kernel.Def, unit int64) {
	if d := e.onlySteps(n); d != nil {
		if k := d.Reduce.Order.Kind; k == kernel.Lanes64 || n.Split.By[len(n.Split.By)-1] != 1 {
			return nil, 0
		}
		return []*kernel.Def{d}, 1
	}
	blocks := n.EndsBlocks(e.program.Kernel)
	if len(blocks) != 1 || e.held[blocks[0]] == nil {
		return nil, 0
	}
	defs = []*kernel.Def{e.defs[blocks[0]]}
	for _, d := range e.program.Kernel.Defs {
		if d.Reduce != nil && d.Reduce.Order.With == blocks[0] {
			defs = append(defs, d)
		}
	}
	return defs, kernel.RescaleBlock
}

// A border is a condition that holds on one side of at, a number that differs from point to point:
// for index <= at (lasts), or for index >= at. It is one condition of several definitions.
type border struct {
	keys  []condition
	at    tensor.Dim
	lasts bool
}

// border finds the one condition of the definitions that the index is in, where it has the form
// 0 <= rest - index < extent or 0 <= index - rest < extent and its second half holds everywhere.
// Narrow allows no rest across the lanes.
func (e *emitter) border(defs []*kernel.Def, index string, narrow bool) (b border, ok bool) {
	for k, c := range defs[0].Reduce.When {
		if !c.Index.Uses(index) || e.assumed[condition{defs[0], k}] {
			continue
		}
		by, r, linear := c.Index.Linear(index)
		keys := shared(c, defs)
		if ok || !linear || keys == nil || !e.alwaysBelow(c.Index, c.Extent) {
			return b, false
		}
		single := true
		for _, i := range e.numbers(r) {
			single = single && e.tile[i].single()
			if narrow && i == e.vector {
				return b, false
			}
		}
		switch {
		case by.IsConst(-1):
			b = border{keys, r, true}
		case by.IsConst(1) && !single:
			b = border{keys, r.Scale(-1), false}
		default:
			return b, false
		}
		ok = true
	}
	return b, ok
}

// alwaysBelow reports whether r < extent for all positions of the indices in it.
func (e *emitter) alwaysBelow(r, extent tensor.Dim) bool {
	by := map[string]tensor.Dim{}
	for _, name := range namesIn(r) {
		i, ok := e.indices[name]
		if !ok {
			continue
		}
		c, _, linear := r.Linear(name)
		k, constant := c.Const()
		if !linear || !constant {
			return false
		}
		if by[name] = (tensor.Dim{}); k > 0 {
			by[name] = e.extents[i].length.AddInt(-1)
		}
	}
	room := extent.Sub(r.Subst(by)).Bounds(e.ranges)
	return !room.OpenLo && room.Lo >= 1
}

// extremes returns the least and the largest value of d, linear in each index, on the current tile.
func (e *emitter) extremes(d tensor.Dim) (least, most tensor.Dim) {
	low, high := map[string]tensor.Dim{}, map[string]tensor.Dim{}
	for _, name := range namesIn(d) {
		i, ok := e.indices[name]
		if !ok {
			continue
		}
		c, _, _ := d.Linear(name)
		low[name], high[name] = e.tile[i].start, e.tile[i].start.AddInt(max(e.tile[i].max, 1)-1)
		if k, _ := c.Const(); k < 0 {
			low[name], high[name] = high[name], low[name]
		}
	}
	return d.Subst(low), d.Subst(high)
}

// acrossLanes is the condition 0 <= p < extent where p moves by one from lane to lane, by small
// constants from point to point, and only one half is in doubt: then it is one comparison of
// constants with a number that does not move.
func (e *emitter) acrossLanes(p place, extent tensor.Dim, low, left tensor.Range) (value, bool) {
	if e.lanes == 1 || e.machine.Warps > 0 || p.by != nil || p.step != 1 && p.step != -1 || p.offset > nearby || p.offset < -nearby {
		return value{}, false
	}
	var from tensor.Dim // the lanes' numbers are compared with it
	switch {
	case !left.OpenLo && left.Lo > 0: // base + offset + step*lane >= 0
		from = p.base.Scale(-1)
	case !low.OpenLo && low.Lo >= 0: // base + offset + step*lane < extent
		from = extent.Sub(p.base)
	default:
		return value{}, false
	}
	op := "icmp sge"
	if low.Lo >= 0 && !low.OpenLo {
		op = "icmp slt"
	}
	depth, n := e.depth(from), strconv.FormatInt(2*nearby, 10)
	id := e.hoist(depth, "call i64 @llvm.smax.i64(i64 ", e.integer(from), ", i64 -", n, ")")
	id = e.hoist(depth, "call i64 @llvm.smin.i64(i64 ", id, ", i64 ", n, ")")
	id = e.hoist(depth, "trunc i64 ", id, " to i32")
	list := make([]string, e.lanes)
	for l := range list {
		list[l] = "i32 " + strconv.FormatInt(p.offset+p.step*int64(l), 10)
	}
	lanes := value{id: "<" + strings.Join(list, ", ") + ">", t: tensor.I32, lanes: e.lanes}
	return e.compare(op, lanes, value{id: id, t: tensor.I32, lanes: 1}), true
}

// nearby bounds the constants of acrossLanes.
const nearby = 1 << 20
