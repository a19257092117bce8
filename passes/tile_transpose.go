package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tile"
)

// transposeSide is the side of the squares in which a transposed copy is made: a line of either
// side is used whole while it is near.
const transposeSide = 16

// transposed returns the axes of a stage that copies across memory: along `from` the elements that
// are read are neighbours, along `to` those that are written, and nothing else is done. A value for all of
// `to` needs no squares.
func (t *tiler) transposed(s *stage) (from, to kernel.Axis, ok bool) {
	if len(s.stores) != 1 || s.scan != nil {
		return from, to, false
	}
	d := s.stores[0]
	l, copies := d.Expr.(*kernel.Load)
	b := t.output(d.Name)
	if !copies || b == nil || t.k.Def(l.Name) != nil {
		return from, to, false
	}
	for _, a := range s.axes {
		in, out := t.along(l, a.Name), strideKind(b, pointsOf(d.Axes), a.Name)
		switch {
		case in == unit && out != unit:
			from = a
		case in == strided && out == unit:
			to = a
		}
	}
	long := func(a kernel.Axis) bool { return a.Name != "" && extentOf(a, guess) >= transposeSide }
	return from, to, long(from) && long(to)
}

// transpose schedules such a copy: squares of rows that are read whole and scattered.
func (t *tiler) transpose(s *stage, from, to kernel.Axis) {
	ph := &tile.Phase{Vector: from.Name}
	body := []tile.Node{&tile.Store{Def: s.stores[0].Name}}
	by := []int64{transposeSide}
	if e, ok := to.Extent.Const(); !ok {
		by = []int64{transposeSide, 4, 1}
	} else if e%transposeSide != 0 {
		by = append(by, e%transposeSide)
	}
	body = []tile.Node{each(from.Name, transposeSide, transposeSide, body)}
	body = []tile.Node{&tile.Loop{Kind: tile.Each, Split: tile.Split{Index: to.Name, By: by}, Body: body}}
	for _, a := range s.axes {
		switch {
		case a.Extent.IsConst(1):
		case a.Name == from.Name:
			ph.Grid = append(ph.Grid, tile.Split{Index: a.Name, By: []int64{16 * transposeSide}})
		case a.Name != to.Name:
			ph.Grid = append(ph.Grid, tile.Split{Index: a.Name, By: []int64{1}})
		}
	}
	ph.Body = body
	t.out.Phases = append(t.out.Phases, ph)
}
