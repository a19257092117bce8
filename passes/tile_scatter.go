package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tile"
)

// The blocks of a scatter stage: columns of the vector axis. Narrow rows are cut by a matched axis
// instead, and every block then looks at all terms.
const (
	scatterWidth  = 64  // columns of one Scatter
	scatterMost   = 256 // of a block
	scatterParts  = 4   // blocks of a row of fewer than scatterWide columns; twice that of a longer one
	scatterWide   = 512
	scatterNarrow = 32   // columns, below which matched positions are cut
	scatterRows   = 1024 // matched positions, below which they are not cut
)

// scatter schedules a reduction with matches: every block clears its part of the result, then
// walks all terms in order and adds each to the element it is sent to. Threads own columns, so
// that no two write one element and each sees the terms ascending.
func (t *tiler) scatter(s *stage) {
	d := s.reduces[0]
	v := t.scatterAxis(d)
	ph := &tile.Phase{Vector: v}
	clear, walk := []tile.Node{&tile.Clear{Def: d.Name}}, []tile.Node{&tile.Scatter{Def: d.Name}}
	cut := false
	for i := len(d.Axes) - 1; i >= 0; i-- {
		a := d.Axes[i]
		e, isConst := a.Extent.Const()
		switch {
		case a.Name == v:
			width := scatterColumns(e, isConst)
			if cut = !isConst || e > width; cut {
				ph.Grid = append(ph.Grid, tile.Split{Index: v, By: []int64{width}})
			}
			if width > scatterWidth {
				clear = []tile.Node{each(v, scatterWidth, 16, clear)}
				walk = []tile.Node{each(v, scatterWidth, 16, walk)}
			}
		case !d.Matched(a.Name):
			ph.Grid = append(ph.Grid, tile.Split{Index: a.Name, By: []int64{1}})
		}
	}
	for i := len(d.Axes) - 1; i >= 0; i-- {
		a := d.Axes[i]
		if !d.Matched(a.Name) {
			continue
		}
		clear = []tile.Node{each(a.Name, 8, 1, clear)}
		if e, isConst := a.Extent.Const(); isConst && e >= scatterRows && !cut && len(ph.Grid) == 0 {
			cut = true
			ph.Grid = append(ph.Grid, tile.Split{Index: a.Name, By: []int64{(e + scatterParts - 1) / scatterParts}})
		}
	}
	for i := len(d.Reduce.Axes) - 1; i >= 0; i-- {
		walk = []tile.Node{&tile.Loop{Kind: tile.Stream, Split: tile.Split{Index: d.Reduce.Axes[i].Name, By: []int64{1}}, Body: walk}}
	}
	ph.Body = append(append(t.prelude(s), clear...), walk...)
	t.out.Phases = append(t.out.Phases, ph)
}

// scatterColumns is how many columns a block has: a multiple of 16.
func scatterColumns(e int64, isConst bool) int64 {
	switch {
	case !isConst:
		return scatterWidth
	case e < scatterNarrow:
		return max(e, 1)
	case e < scatterWide:
		return (e + 16*scatterParts - 1) / (16 * scatterParts) * 16
	}
	return min(scatterMost, (e+32*scatterParts-1)/(32*scatterParts)*16)
}

// scatterAxis returns the axis to lay across the lanes: of the kept axes that no match has a part
// in, the one along which the terms and the result lie best; "" where there is none.
func (t *tiler) scatterAxis(d *kernel.Def) string {
	var axes []kernel.Axis
	for _, a := range d.Unmatched() {
		free := true
		for _, m := range d.Reduce.At {
			free = free && !kernel.Uses(m.Index, a.Name) && t.scalarAlong(m.Index, a.Name)
		}
		if free {
			axes = append(axes, a)
		}
	}
	result := *d
	result.Reduce = nil // its writes count as those of a map
	return t.vectorAxis(axes, []*kernel.Def{d}, []*kernel.Def{&result})
}

// scalarAlong reports whether e is one value for all positions of an index: the maps it reads too.
func (t *tiler) scalarAlong(e kernel.Expr, index string) bool {
	for _, l := range kernel.Loads(e) {
		if d := t.k.Def(l.Name); d != nil && d.Reduce == nil {
			for i, a := range d.Axes {
				if kernel.Uses(l.At[i], index) && kernel.Uses(d.Expr, a.Name) {
					return false
				}
			}
		}
	}
	return true
}
