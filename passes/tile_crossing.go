package passes

import (
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tile"
)

// A crossing is two families of chains that read the same scores and weights over a block of two axes:
// the one reduces the one axis, the other the other, as the gradients of attention do. Made in one walk,
// block by block, these are computed once. For that the sums of the smaller family, others, lie in the
// thread's memory as a whole; those of the larger one, main, for the block's part of the axis it keeps.
type crossing struct {
	main, others []*kernel.Def
	base         []kernel.Axis // of main's weights, without the axis that main reduces
	stage        *stage
}

func (c *crossing) has(d *kernel.Def) bool {
	return c != nil && (slices.Contains(c.main, d) || slices.Contains(c.others, d))
}

func (c *crossing) all() []*kernel.Def { return append(slices.Clone(c.main), c.others...) }

// cross looks for a crossing. Where one walk cannot be, the second family gets scores of its own.
func (t *tiler) cross() {
	for _, e := range t.k.Defs {
		c := t.crossingOver(e)
		if c == nil {
			continue
		}
		scores, _ := t.scoresOf(c.all(), c.base)
		if len(scores) == 0 {
			continue
		}
		if t.crossing == nil && t.together(c, scores) {
			t.crossing = c
			continue
		}
		t.part(c)
	}
}

// crossingOver returns the two families of which both read the map e.
func (t *tiler) crossingOver(e *kernel.Def) *crossing {
	if e.Reduce != nil || t.output(e.Name) != nil || len(e.Axes) < 2 {
		return nil
	}
	var families [][]*kernel.Def
	var bases [][]kernel.Axis
	for _, a := range e.Axes {
		base := slices.DeleteFunc(slices.Clone(e.Axes), func(b kernel.Axis) bool { return b.Name == a.Name })
		family := slices.DeleteFunc(t.blockFamily(a, base), func(d *kernel.Def) bool { return d.Scatters() || d.Scan != nil })
		if slices.ContainsFunc(family, func(d *kernel.Def) bool { return slices.Contains(d.Reads(), e.Name) }) {
			families, bases = append(families, family), append(bases, base)
		}
	}
	if len(families) != 2 || t.crossing.has(families[0][0]) {
		return nil
	}
	main := 0
	if len(families[1]) > len(families[0]) {
		main = 1
	}
	return &crossing{main: families[main], others: families[1-main], base: bases[main]}
}

// together reports whether one walk serves both families: on a CPU, where all extents are constants, the
// sums of others fit half of the second cache, and nothing but scores comes before.
func (t *tiler) together(c *crossing, scores []*kernel.Def) bool {
	bytes := int64(0)
	for _, d := range c.others {
		n := int64(d.DType.Size())
		for _, a := range d.Axes {
			e, ok := a.Extent.Const()
			if !ok {
				return false
			}
			if outside := axisNamed(c.base, a.Name) >= 0; !outside {
				n *= max(e, 1)
			}
		}
		bytes += n
	}
	kept := c.others[0].Reduce.Axes[0]
	if _, ok := kept.Extent.Const(); !ok || t.gpu() || bytes > t.m.L2/2 || len(c.base) == 0 {
		return false
	}
	inside := map[string]bool{}
	for _, s := range scores {
		inside[s.Name] = true
	}
	for _, d := range c.all() {
		for _, n := range t.needs(d) {
			if !inside[n.def.Name] {
				return false
			}
		}
	}
	return slices.ContainsFunc(c.base, func(a kernel.Axis) bool { return a.Name == kept.Name })
}

// part gives others copies of the definitions that both families read.
func (t *tiler) part(c *crossing) {
	block := append(slices.Clone(c.base), c.main[0].Reduce.Axes[0])
	copies := map[string]string{}
	var visit func(d *kernel.Def)
	visit = func(d *kernel.Def) {
		for _, name := range d.Reads() {
			e := t.k.Def(name)
			if e == nil || copies[name] != "" || t.output(name) != nil || len(e.Axes) != len(block) || !subset(e.Axes, block) {
				continue
			}
			copies[name] = unusedIn(t.k, name+".again")
			visit(e)
		}
	}
	for _, d := range c.others {
		visit(d)
	}
	var defs []*kernel.Def
	for _, d := range t.k.Defs {
		defs = append(defs, d)
		if to := copies[d.Name]; to != "" {
			e := d.RenameReads(copies)
			e.Name = to
			defs = append(defs, e)
		}
	}
	for _, d := range c.others {
		*d = *d.RenameReads(copies)
	}
	t.k.Defs = defs
}

// mirrored is the walk with the block's axes in each other's place.
func (w *weightWalk) mirrored() *weightWalk {
	m := *w
	m.i, m.j = w.j, w.i
	m.base = slices.Clone(w.base)
	m.base[axisNamed(m.base, w.i.Name)] = w.j
	return &m
}

// crossed puts the walk over the axis that main keeps around the body of its blocks, and the sums of
// others around that.
func (w *weightWalk) crossed(body []tile.Node) (nodes []tile.Node) {
	m := w.mirrored()
	for _, d := range w.others {
		nodes = append(nodes, &tile.Hold{Def: d.Name, Along: m.across(d)})
	}
	nodes = append(nodes, &tile.Loop{Kind: tile.Stream, Split: tile.Split{Index: w.i.Name, By: []int64{w.rows}}, Body: body})
	for _, d := range w.s.stores {
		if w.ofOthers(d) {
			s := &stage{kind: weightStage, axes: d.Axes, reduces: w.s.reduces, stores: []*kernel.Def{d}}
			nodes = append(nodes, m.wideTiles(d, w.finish(s, nil), []int64{4, 1}))
		}
	}
	return nodes
}

// ofOthers reports whether the map d is made of the sums that lie in memory as a whole.
func (w *weightWalk) ofOthers(d *kernel.Def) bool {
	return slices.ContainsFunc(w.needs(d), func(n need) bool { return slices.Contains(w.others, n.def) })
}
