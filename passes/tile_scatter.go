package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tile"
)

// The blocks of a scatter stage. Long rows are cut by a matched axis, so that a block's part of the
// result stays in the second cache from its clearing to its last term; every block then looks at
// where all terms go. Short rows are cut by columns, very short ones not at all.
const (
	scatterWidth = 64      // columns of one Scatter
	scatterParts = 4       // blocks of a row that is cut by columns
	scatterShort = 32      // columns: shorter rows are not cut
	scatterLong  = 128     // columns: longer rows are not cut
	scatterBytes = 1 << 20 // of a block's part of the result, about
	scatterMost  = 64      // blocks, where their number is constant
	scatterFew   = 8       // blocks of a result that is cleared past the caches: no block of it stays in one
	scatterRows  = 1024    // matched positions of short rows, below which they are not cut
)

// scatter schedules a reduction with matches: every block clears its part of the result, then
// walks all terms in order and adds each to the element it is sent to. No two blocks write one
// element, and each element sees its terms ascending.
func (t *tiler) scatter(s *stage) {
	d := s.reduces[0]
	v := t.scatterAxis(d)
	ph := &tile.Phase{Vector: v}
	clear, walk := []tile.Node{&tile.Clear{Def: d.Name}}, []tile.Node{&tile.Scatter{Def: d.Name}}
	columns, cut, past := int64(1), false, t.clearedPast(d)
	for i := len(d.Axes) - 1; i >= 0; i-- {
		a := d.Axes[i]
		e, isConst := a.Extent.Const()
		switch {
		case a.Name == v:
			columns = extentOf(a, scatterLong)
			if cut = isConst && e >= scatterShort && e < scatterLong; cut {
				ph.Grid = append(ph.Grid, tile.Split{Index: v, By: []int64{(e + 16*scatterParts - 1) / (16 * scatterParts) * 16}})
			} else if !isConst || e > scatterWidth {
				clear = []tile.Node{each(v, scatterWidth, 16, clear)}
				walk = []tile.Node{each(v, scatterWidth, 16, walk)}
			}
		case !d.Matched(a.Name):
			ph.Grid = append(ph.Grid, tile.Split{Index: a.Name, By: []int64{1}})
			cut = true
		}
	}
	for i := len(d.Axes) - 1; i >= 0; i-- {
		a := d.Axes[i]
		if !d.Matched(a.Name) {
			continue
		}
		clear = []tile.Node{each(a.Name, 8, 1, clear)}
		if by := scatterCut(a, columns*int64(d.DType.Size()), len(past) > 0); !cut && by > 0 {
			cut = true
			ph.Grid = append(ph.Grid, tile.Split{Index: a.Name, By: []int64{by}})
		}
	}
	for i := len(d.Reduce.Axes) - 1; i >= 0; i-- {
		walk = []tile.Node{&tile.Loop{Kind: tile.Stream, Split: tile.Split{Index: d.Reduce.Axes[i].Name, By: []int64{1}}, Body: walk}}
	}
	ph.Body = append(append(append(past, t.prelude(s)...), clear...), walk...)
	t.out.Phases = append(t.out.Phases, ph)
}

// scatterCut is how many positions of a matched axis a block has: 0 where it is not cut.
func scatterCut(a kernel.Axis, bytes int64, past bool) int64 {
	by := max(8, scatterBytes/max(1, bytes))
	e, ok := a.Extent.Const()
	switch {
	case !ok:
		return by
	case past:
		by = max(by, (e+scatterFew-1)/scatterFew)
		return (by + 7) / 8 * 8
	case e < scatterRows && e <= by:
		return 0
	}
	by = max(min(by, (e+scatterParts-1)/scatterParts), (e+scatterMost-1)/scatterMost)
	return (by + 7) / 8 * 8
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
