package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tile"
)

// rowElements is what a block of a row stage reads, where extents allow.
const rowElements = 8192

// rows schedules Lanes64 reductions over one axis, which lies across the lanes: a few rows at a
// time, one reduction after the other, then what is stored. A row of at most 64 elements is one
// tile: what several definitions read of it stays in registers.
func (t *tiler) rows(s *stage) {
	lane := s.reduces[0].Reduce.Axes[0]
	e, isConst := lane.Extent.Const()
	short := isConst && e <= 64
	walk := func(kind tile.LoopKind, by []int64, body []tile.Node) []tile.Node {
		if short {
			return body
		}
		return []tile.Node{&tile.Loop{Kind: kind, Split: tile.Split{Index: lane.Name, By: by}, Body: body}}
	}
	alive := map[string]bool{}
	maps, readers, plainly := t.closure(append(append([]*kernel.Def{}, s.reduces...), s.stores...))
	var body []tile.Node
	lets := func(ready func(d *kernel.Def) bool) {
		for _, d := range maps {
			across := axisNamed(d.Axes, lane.Name) >= 0
			worth := costly(d) && plainly[d.Name] && t.output(d.Name) == nil && (!across || short && readers[d.Name] > 1)
			if !alive[d.Name] && worth && t.fits(d, s) && (len(d.Axes) > 0 || len(s.axes) == 0 || t.waits(d, s)) && ready(d) {
				body = append(body, &tile.Let{Def: d.Name})
				alive[d.Name] = true
			}
		}
	}
	done := map[string]bool{}
	ready := func(d *kernel.Def) bool {
		for _, n := range t.needs(d) {
			if s.has(n.def.Name) && !done[n.def.Name] {
				return false
			}
		}
		return true
	}
	for _, d := range s.reduces {
		lets(ready)
		body = append(body, &tile.Begin{Def: d.Name})
		body = append(body, walk(tile.Stream, []int64{64}, []tile.Node{&tile.Step{Def: d.Name}})...)
		body = append(body, &tile.End{Def: d.Name})
		done[d.Name] = true
	}
	lets(ready)
	across := &stage{kind: rowStage, axes: s.axes, lane: s.lane, reduces: s.reduces}
	single := &stage{kind: rowStage, axes: s.axes, reduces: s.reduces}
	for _, d := range s.stores {
		if axisNamed(d.Axes, lane.Name) >= 0 {
			across.stores = append(across.stores, d)
		} else {
			single.stores = append(single.stores, d)
		}
	}
	if len(across.stores) > 0 {
		width := max(16, 2*t.lanes(across.stores))
		body = append(body, walk(tile.Each, []int64{width}, t.finish(across, alive))...)
	}
	if len(single.stores) > 0 {
		body = append(body, t.finish(single, alive)...)
	}
	t.rowBlocks(s, lane, body)
}

// rowBlocks puts the loops over rows around body: up to four rows at once as registers allow.
func (t *tiler) rowBlocks(s *stage, lane kernel.Axis, body []tile.Node) {
	lanes := t.lanes(s.reduces)
	vectors := (min(64, max(1, extentOf(lane, 64))) + lanes - 1) / lanes
	rows := min(4, max(1, int64(t.m.Registers)/4/vectors))
	left := max(1, rowElements/max(1, extentOf(lane, 1024)))
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
