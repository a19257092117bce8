package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tile"
)

// rowElements is what a block of a row stage reads, where extents allow.
const rowElements = 8192

// rows schedules Lanes64 reductions over one axis, which lies across the lanes: a few rows at a
// time, one reduction after the other, then what is stored. A row of at most 64 elements is one
// tile: what several definitions read of it stays in registers. Costly functions of longer rows
// that are read twice are held in memory. Reductions in the order rescale share one stream.
func (t *tiler) rows(s *stage) {
	r := &rowWalk{tiler: t, s: s, lane: s.reduces[0].Reduce.Axes[0], alive: map[string]bool{}, done: map[string]bool{}}
	e, isConst := r.lane.Extent.Const()
	r.short = isConst && e <= 64
	r.maps, r.readers, r.plainly = t.closure(append(append([]*kernel.Def{}, s.reduces...), s.stores...))
	var body []tile.Node
	for _, d := range s.reduces {
		switch {
		case isRunning(d):
			body = append(body, r.runningRows(d)...)
			continue
		case followed(d) != "":
			continue
		}
		body = append(body, r.lets()...)
		step := []tile.Node{&tile.Step{Def: d.Name}}
		if w := r.holds(d); w != nil {
			body = append(body, &tile.Hold{Def: w.Name, Along: r.lane.Name})
			step = append([]tile.Node{&tile.Store{Def: w.Name}}, step...)
			r.alive[w.Name], r.held = true, true
		}
		body = append(body, &tile.Begin{Def: d.Name})
		body = append(body, r.walk(tile.Stream, 64, step)...)
		body = append(body, &tile.End{Def: d.Name})
		r.done[d.Name] = true
	}
	body = append(body, r.lets()...)
	rows := int64(4)
	if r.held {
		rows = 2
	}
	t.rowBlocks(s, r.lane, rows, append(body, r.stores()...))
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
		worth := costly(d) && r.plainly[d.Name] && r.output(d.Name) == nil && (!across || r.short && r.readers[d.Name] > 1)
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

// rowBlocks puts the loops over rows around body: up to four rows at once as registers allow.
func (t *tiler) rowBlocks(s *stage, lane kernel.Axis, most int64, body []tile.Node) {
	lanes := t.lanes(s.reduces)
	vectors := (min(64, max(1, extentOf(lane, 64))) + lanes - 1) / lanes
	rows := min(most, max(1, int64(t.m.Registers)/4/vectors))
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
	ph.Body = append(t.prelude(s), body...)
	t.out.Phases = append(t.out.Phases, ph)
}
