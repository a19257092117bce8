package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tile"
)

// rowElements is what a block of a row stage reads, where extents allow.
const rowElements = 8192

// rows schedules Lanes64 reductions over one axis, which lies across the lanes: a few rows at a
// time, those reductions at once that wait for none of the others, then what is stored. A row of at
// most 64 elements is one tile: what several definitions read of it stays in registers. Costly
// functions of longer rows that are read twice are held in memory. Reductions in the order rescale
// share one stream.
func (t *tiler) rows(s *stage) {
	r := &rowWalk{tiler: t, s: s, lane: s.reduces[0].Reduce.Axes[0], alive: map[string]bool{}, done: map[string]bool{}}
	e, isConst := r.lane.Extent.Const()
	r.short = isConst && e <= 64
	r.maps, r.readers, r.plainly = t.closure(append(append([]*kernel.Def{}, s.reduces...), s.stores...))
	var body []tile.Node
	registers := int64(0)
	for i := 0; i < len(s.reduces); {
		d := s.reduces[i]
		switch {
		case isRunning(d):
			body = append(body, r.runningRows(d)...)
			i++
		case followed(d) != "":
			i++
		default:
			n, most := r.together(s.reduces[i:])
			body = append(body, r.reductions(s.reduces[i:i+n])...)
			i, registers = i+n, max(registers, most)
		}
	}
	body = append(body, r.lets()...)
	rows := min(4, max(1, int64(t.m.Registers)*3/4/max(registers, 1)))
	if r.held {
		rows = min(rows, 2)
	}
	body = append(body, r.stores()...)
	rows = t.rowsAtOnce(r.lane, s, rows)
	t.rowBlocks(s, r.lane, rows, append(r.ahead(rows), body...))
}

// reductions goes along the row once for all of a list.
func (r *rowWalk) reductions(list []*kernel.Def) []tile.Node {
	nodes := r.lets()
	var steps, ends []tile.Node
	for _, d := range list {
		if w := r.holds(d); w != nil {
			nodes = append(nodes, &tile.Hold{Def: w.Name, Along: r.lane.Name})
			steps = append(steps, &tile.Store{Def: w.Name})
			r.alive[w.Name], r.held = true, true
		}
		nodes = append(nodes, &tile.Begin{Def: d.Name})
		steps, ends = append(steps, &tile.Step{Def: d.Name}), append(ends, &tile.End{Def: d.Name})
		r.done[d.Name] = true
	}
	return append(append(nodes, r.walk(tile.Stream, 64, steps)...), ends...)
}

// together returns how many of the reductions at the head of the list go along the row at once:
// those that wait for none of the others, as long as their lanes leave registers free. It returns
// the registers that they take for one row.
func (r *rowWalk) together(list []*kernel.Def) (n int, registers int64) {
	for i, d := range list {
		if isRunning(d) || followed(d) != "" {
			return i, registers
		}
		lanes := r.lanes([]*kernel.Def{d})
		more := states(d) * ((min(64, max(1, extentOf(r.lane, 64))) + lanes - 1) / lanes)
		if i > 0 && registers+more > int64(r.m.Registers)/2 {
			return i, registers
		}
		for _, need := range r.needs(d) {
			for _, e := range list[:i] {
				if need.def == e {
					return i, registers
				}
			}
		}
		registers += more
	}
	return len(list), registers
}

// A rowWalk is the making of a row stage. alive are the maps kept in registers for the row, done
// the reductions that have ended.
type rowWalk struct {
	*tiler
	s           *stage
	lane        kernel.Axis
	short       bool // the row is one tile
	maps        []*kernel.Def
	readers     map[string]int
	plainly     map[string]bool
	alive, done map[string]bool
	held        bool // rows lie in memory
}

// walk goes along the row, unless it is one tile.
func (r *rowWalk) walk(kind tile.LoopKind, by int64, body []tile.Node) []tile.Node {
	if r.short {
		return body
	}
	return []tile.Node{&tile.Loop{Kind: kind, Split: tile.Split{Index: r.lane.Name, By: []int64{by}}, Body: body}}
}

// lets returns the Lets of what can be made by now: values of the row, and of a short row what
// is read more than once of its elements.
func (r *rowWalk) lets() []tile.Node {
	var nodes []tile.Node
	for _, d := range r.maps {
		across := axisNamed(d.Axes, r.lane.Name) >= 0
		worth := costly(d) && r.plainly[d.Name] && (!across || r.output(d.Name) == nil && r.short && r.readers[d.Name] > 1)
		inRow := len(turnAxes(d)) > 0 || len(r.s.axes) == 0 || r.waits(d, r.s)
		if worth && inRow && !r.alive[d.Name] && r.fits(d, r.s) && r.ready(d) {
			nodes = append(nodes, &tile.Let{Def: d.Name})
			r.alive[d.Name] = true
		}
	}
	return nodes
}

func (r *rowWalk) ready(d *kernel.Def) bool {
	for _, n := range r.needs(d) {
		if r.s.has(n.def.Name) && !r.done[n.def.Name] {
			return false
		}
	}
	return true
}

// stores returns the nodes that store along the row, then those that store a value of the row.
func (r *rowWalk) stores() []tile.Node {
	across := &stage{kind: rowStage, axes: r.s.axes, lane: r.s.lane, reduces: r.s.reduces}
	single := &stage{kind: rowStage, axes: r.s.axes, reduces: r.s.reduces}
	for _, d := range r.s.stores {
		if axisNamed(d.Axes, r.lane.Name) >= 0 {
			across.stores = append(across.stores, d)
		} else {
			single.stores = append(single.stores, d)
		}
	}
	var nodes []tile.Node
	if len(across.stores) > 0 {
		width := max(r.granule(), 2*r.lanes(across.stores))
		nodes = r.walk(tile.Each, width, r.finish(across, r.alive))
	}
	if len(single.stores) > 0 {
		nodes = append(nodes, r.finish(single, r.alive)...)
	}
	return nodes
}

// rowsAtOnce is how many rows a tile has, four at most, as registers allow.
func (t *tiler) rowsAtOnce(lane kernel.Axis, s *stage, most int64) int64 {
	lanes := t.lanes(s.reduces)
	vectors := (min(64, max(1, extentOf(lane, 64))) + lanes - 1) / lanes
	return min(most, max(1, int64(t.m.Registers)/4/vectors))
}

// rowBlocks puts the loops over rows around body, that many rows at once.
func (t *tiler) rowBlocks(s *stage, lane kernel.Axis, rows int64, body []tile.Node) {
	left := max(1, t.choose(rowElements, warpRow)/max(1, extentOf(lane, 1024)))
	ph := &tile.Phase{Vector: lane.Name}
	grid := map[string]int64{}
	for i := len(s.axes) - 1; i >= 0; i-- {
		a := s.axes[i]
		if a.Extent.IsConst(1) {
			continue
		}
		n := max(rows, left/rows*rows)
		if e, ok := a.Extent.Const(); ok && e <= n {
			body = []tile.Node{eachRows(a, rows, body)}
			left = n / max(e, 1)
		} else {
			n = (evenly(a, n) + rows - 1) / rows * rows
			body = []tile.Node{gridRows(a, n, rows, body)}
			grid[a.Name] = n
			left = 1
		}
		rows = 1
	}
	for _, a := range s.axes {
		if n, ok := grid[a.Name]; ok {
			ph.Grid = append(ph.Grid, tile.Split{Index: a.Name, By: []int64{n}})
		}
	}
	ph.Body = append(append(t.past(s.stores), t.prelude(s)...), body...)
	t.out.Phases = append(t.out.Phases, ph)
}
