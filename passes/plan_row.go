package passes

import (
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// What a turn of a loop yields is put at one place along the first axis of what all turns yield, in
// the memory where that lies. Its kernel says so of all places, most of which it gives what they have;
// it need run at the one alone, which a buffer of one number holds.

// atRows finds such kernels, and schedules them so that each block has one place.
func (pl *planner) atRows() {
	pl.rows = map[*tile.Program]string{}
	for i, t := range pl.tiles {
		place := pl.rowOf(t)
		if place == "" {
			continue
		}
		c := *t
		c.Phases = []*tile.Phase{byRows(t.Phases[0], t.Kernel.Def(t.Kernel.Outs[0].Name).Axes[0].Name)}
		pl.tiles[i], pl.rows[&c] = &c, place
	}
}

// rowOf is the buffer that holds the place where the one result of t is something else, "" for kernels
// of another kind.
func (pl *planner) rowOf(t *tile.Program) string {
	k := t.Kernel
	if k.In == nil || len(k.Outs) != 1 || len(t.Phases) != 1 || t.Phases[0].Seq != nil {
		return ""
	}
	d := k.Def(k.Outs[0].Name)
	if d == nil || d.Reduce != nil || d.Scan != nil || len(d.Axes) == 0 || t.Phases[0].Vector == d.Axes[0].Name {
		return ""
	}
	place, old := elsewhere(d)
	if place == nil || pl.home(old) != pl.home(d.Name) || len(place.At) > 0 {
		return ""
	}
	if b := k.Buffer(place.Name); b == nil || b.Type.DType != tensor.I64 {
		return ""
	}
	return place.Name
}

// elsewhere returns the place along its first axis at which alone the map d is something other than the
// elements of old there.
func elsewhere(d *kernel.Def) (place *kernel.Load, old string) {
	s, ok := d.Expr.(*kernel.Call)
	if !ok || s.Fn != "select" {
		return nil, ""
	}
	here, isCall := s.Args[0].(*kernel.Call)
	kept, isLoad := s.Args[2].(*kernel.Load)
	if !isCall || !isLoad || here.Fn != "eq" || !readsPlainly(kept, d) {
		return nil, ""
	}
	i, isIndex := here.Args[0].(*kernel.Index)
	place, isLoad = here.Args[1].(*kernel.Load)
	if !isIndex || !isLoad || !i.Dim.Equal(tensor.Sym(d.Axes[0].Name)) {
		return nil, ""
	}
	return place, kept.Name
}

// byRows is a phase of which the grid walks an index first, one by one.
func byRows(ph *tile.Phase, index string) *tile.Phase {
	c := *ph
	c.Grid = slices.DeleteFunc(slices.Clone(ph.Grid), func(s tile.Split) bool { return s.Index == index })
	c.Grid = slices.Insert(c.Grid, 0, tile.Split{Index: index, By: []int64{1}})
	c.Body = oneByOne(ph.Body, index)
	return &c
}

func oneByOne(nodes []tile.Node, index string) (out []tile.Node) {
	for _, n := range nodes {
		if l, ok := n.(*tile.Loop); ok {
			inner := *l
			inner.Body = oneByOne(l.Body, index)
			if l.Split.Index == index {
				inner.Split.By, inner.Peel = []int64{1}, nil
			}
			n = &inner
		}
		out = append(out, n)
	}
	return out
}
