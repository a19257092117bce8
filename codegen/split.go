package codegen

import (
	"strconv"
	"strings"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// divide emits a stream of which one condition rest - index >= 0 lets the first turns through for
// every point of the tile, and the last ones for none: first the turns of which all terms count,
// where the condition is not tested; then those of which some may. It reports whether it did.
func (e *emitter) divide(n *tile.Loop, i int) bool {
	defs, unit := e.steppedBy(n)
	s := e.tile[i]
	if n.Unroll || len(n.Peel) > 0 || n.Kind != tile.Stream || i == e.vector || len(defs) == 0 {
		return false
	}
	at, rest, ok := e.lastTurn(defs[0], n.Split.Index, unit == 1)
	if start, fixed := s.start.Const(); !ok || unit > 1 && (!fixed || start != 0) {
		return false
	}
	least, most := e.extremes(rest)
	end := s.start.Add(s.length)
	sure := e.clamped(least.AddInt(1).Div(unit), s.start.Div(unit), end.Div(unit))
	some := e.clamped(most.AddInt(1).CeilDiv(unit), sure, end.CeilDiv(unit))
	before, edge := e.tile[i], *n
	for _, d := range defs {
		e.assumed[condition{d, at}] = true
	}
	e.tile[i] = e.piece(s.start, sure.Scale(unit).Sub(s.start), before.max)
	e.walk(n, i)
	for _, d := range defs {
		delete(e.assumed, condition{d, at})
	}
	if unit == 1 {
		edge.Split.By = []int64{1}
	}
	stop := some.Scale(unit)
	if unit > 1 {
		stop = e.bound("smin", stop, end)
	}
	e.tile[i] = e.piece(sure.Scale(unit), stop.Sub(sure.Scale(unit)), before.max)
	e.walk(&edge, i)
	e.tile[i] = before
	e.fresh()
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

// lastTurn finds the one condition of d that the index is in, where it has the form 0 <= rest -
// index < extent and its second half holds everywhere. Narrow allows no rest across the lanes.
func (e *emitter) lastTurn(d *kernel.Def, index string, narrow bool) (at int, rest tensor.Dim, ok bool) {
	for k, c := range d.Reduce.When {
		if !c.Index.Uses(index) || e.assumed[condition{d, k}] {
			continue
		}
		by, r, linear := c.Index.Linear(index)
		if ok || !linear || !by.IsConst(-1) || !e.alwaysBelow(r, c.Extent) {
			return 0, rest, false
		}
		for _, i := range e.numbers(r) {
			if narrow && i == e.vector {
				return 0, rest, false
			}
		}
		at, rest, ok = k, r, true
	}
	return at, rest, ok
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
	depth := e.depth(from)
	key := "near " + from.String()
	id, ok := e.scopes[depth].names[key]
	if !ok {
		n := strconv.FormatInt(2*nearby, 10)
		id = e.hoist(depth, "call i64 @llvm.smax.i64(i64 ", e.integer(from), ", i64 -", n, ")")
		id = e.hoist(depth, "call i64 @llvm.smin.i64(i64 ", id, ", i64 ", n, ")")
		id = e.hoist(depth, "trunc i64 ", id, " to i32")
		e.scopes[depth].names[key] = id
	}
	list := make([]string, e.lanes)
	for l := range list {
		list[l] = "i32 " + strconv.FormatInt(p.offset+p.step*int64(l), 10)
	}
	lanes := value{id: "<" + strings.Join(list, ", ") + ">", t: tensor.I32, lanes: e.lanes}
	return e.compare(op, lanes, value{id: id, t: tensor.I32, lanes: 1}), true
}

// nearby bounds the constants of acrossLanes.
const nearby = 1 << 20
