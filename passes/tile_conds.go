package passes

import (
	"sort"

	"dlc/ir/kernel"
	"dlc/ir/tile"
)

// conds returns the conditions of the stage's reductions: those that skip terms, and those of
// guards in their expressions.
func (s *stage) conds() []kernel.Cond {
	var all []kernel.Cond
	for _, d := range s.reduces {
		all = append(all, d.Reduce.When...)
		kernel.Walk(d.Expr, func(e kernel.Expr) bool {
			if g, ok := e.(*kernel.Guard); ok {
				all = append(all, g.Conds...)
			}
			return true
		})
	}
	return all
}

func (s *stage) bounded(axis string) bool {
	for _, c := range s.conds() {
		if c.Index.Uses(axis) {
			return true
		}
	}
	return false
}

// boundByReduced reports whether every condition on the kept axis is otherwise on reduced axes.
func (s *stage) boundByReduced(axis string) bool {
	for _, c := range s.conds() {
		if !c.Index.Uses(axis) {
			continue
		}
		for _, a := range s.axes {
			if a.Name != axis && c.Index.Uses(a.Name) {
				return false
			}
		}
	}
	return true
}

func (n *nest) conditional(axis string) bool { return n.s.bounded(axis) }

// conditions decides, for every condition that would otherwise be tested per row or in the
// innermost loop, which axes get code of their own per position: a small reduced axis is
// unrolled beside rows of a kept axis; a long one is peeled where its conditions change, all
// other axes in them being unrolled.
func (n *nest) conditions() {
	for _, c := range n.s.conds() {
		for _, d := range n.s.reduces {
			n.condition(c, d)
		}
	}
	for axis := range n.peel {
		if ps := n.peel[axis]; len(ps) > maxPeels {
			delete(n.peel, axis)
		}
	}
}

func (n *nest) condition(c kernel.Cond, d *kernel.Def) {
	var rows, others, reduced []kernel.Axis
	for _, a := range n.s.axes {
		switch {
		case !c.Index.Uses(a.Name):
		case n.shape.row(a.Name) >= 0:
			rows = append(rows, a)
		default:
			others = append(others, a)
		}
	}
	for _, a := range d.Reduce.Axes {
		if c.Index.Uses(a.Name) {
			reduced = append(reduced, a)
		}
	}
	if len(reduced) != 1 || len(rows)+len(others) != 1 || n.chunkCut(d, reduced[0].Name) {
		return
	}
	r := reduced[0]
	small := extentOf(r, guess) <= 8
	switch {
	case len(rows) == 1 && small:
		n.unroll[r.Name] = true
	case len(rows) == 1 && n.wholeRow(rows[0]):
		n.peelAt(r, rows[0], c)
	case len(others) == 1 && !small && extentOf(others[0], guess) <= 8 && n.innermost(d, r.Name) && others[0].Name != n.shape.v:
		n.static[others[0].Name] = true
		n.peelAt(r, others[0], c)
	case len(others) == 1 && others[0].Name != n.shape.v:
		n.tested[r.Name] = true
	}
}

// chunkCut reports whether chunks are cut from the axis or outside of it: their walks start at
// positions that are not known.
func (n *nest) chunkCut(d *kernel.Def, axis string) bool {
	return d.Reduce.Order.Kind == kernel.Chunks && axisNamed(d.Reduce.Axes, axis) <= axisNamed(d.Reduce.Axes, d.Reduce.Order.Axis)
}

func (n *nest) wholeRow(a kernel.Axis) bool {
	return a.Extent.IsConst(n.shape.rows[n.shape.row(a.Name)].by[0])
}

func (n *nest) innermost(d *kernel.Def, axis string) bool {
	return d.Reduce.Axes[len(d.Reduce.Axes)-1].Name == axis
}

// peelAt adds to peel[walked] the positions where, for some position of the unrolled axis, the
// condition changes.
func (n *nest) peelAt(walked, unrolled kernel.Axis, c kernel.Cond) {
	at := changes(walked, unrolled, c)
	have := map[int64]bool{}
	for _, p := range append(n.peel[walked.Name], at...) {
		have[p] = true
	}
	var all []int64
	for p := range have {
		all = append(all, p)
	}
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	if len(all) > 0 {
		n.peel[walked.Name] = all
	}
}

// changes returns the positions of walked at which the condition differs from the position
// before, for any position of the other axis. Both extents must be constant and the condition
// must depend on nothing else; otherwise there is none.
func changes(walked, other kernel.Axis, c kernel.Cond) []int64 {
	w, ok1 := walked.Extent.Const()
	o, ok2 := other.Extent.Const()
	if !ok1 || !ok2 || w > 1024 || o > 64 {
		return nil
	}
	var at []int64
	env := map[string]int64{}
	var last string
	for p := range w {
		env[walked.Name] = p
		now := make([]byte, o)
		for q := range o {
			env[other.Name] = q
			holds, ok := condHolds(c, env)
			if !ok {
				return nil
			}
			now[q] = '0'
			if holds {
				now[q] = '1'
			}
		}
		if p > 0 && string(now) != last {
			at = append(at, p)
		}
		last = string(now)
	}
	return at
}

func condHolds(c kernel.Cond, env map[string]int64) (holds, ok bool) {
	v, ok1 := c.Index.Eval(env)
	e, ok2 := c.Extent.Eval(env)
	return v >= 0 && v < e, ok1 && ok2
}

// specialise gives a loop over row tiles of a conditional axis code per tile, or, where that
// is too much, code of its own for the tiles in which a condition changes.
func (n *nest) specialise(loop *tile.Loop, row kernel.Axis) {
	code := n.shape.accumulators() * 4
	for _, d := range n.s.reduces {
		for _, a := range d.Reduce.Axes {
			if n.unroll[a.Name] {
				code *= extentOf(a, 1)
			}
		}
	}
	parts, points := partsOf(row, loop.Split.By)
	tiles := 0.0
	for _, p := range parts {
		tiles += p.count
	}
	if tiles <= maxPeels && int64(tiles)*code <= maxCode {
		loop.Unroll = true
		return
	}
	starts := map[int64]bool{}
	by := loop.Split.By[0]
	for _, c := range n.s.conds() {
		for _, d := range n.s.reduces {
			for _, a := range d.Reduce.Axes {
				if !n.unroll[a.Name] || !c.Index.Uses(row.Name) || !c.Index.Uses(a.Name) {
					continue
				}
				for _, p := range changes(row, a, c) {
					starts[p/by*by] = true
					starts[(p+by-1)/by*by] = true
				}
			}
		}
	}
	for p := by; p < int64(points); p += by {
		if starts[p] {
			loop.Peel = append(loop.Peel, p)
		}
	}
	if len(loop.Peel) > maxPeels {
		loop.Peel = nil
	}
}
