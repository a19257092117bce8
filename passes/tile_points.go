package passes

import (
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// manyOperations at each element keep a processor busy from one vector to the next; more copies of
// their code only take longer to compile.
const manyOperations = 64

// points schedules a stage of maps: blocks of the grid, rows inside, vectors innermost. Every
// value is made before the first is stored, so that outputs may lie where the inputs do.
func (t *tiler) points(s *stage) {
	if from, to, ok := t.transposed(s); ok {
		t.transpose(s, from, to)
		return
	}
	ops, vectors, rows := t.abreast(s)
	v := t.vectorAxis(s.axes, nil, s.stores)
	width := max(t.granule(), vectors*t.lanes(s.stores))
	target := t.choose(min(max(1<<16/ops, 1024), 16384), warpPoints)
	head := t.prelude(s)
	if !t.inPlace(s) {
		head = append(t.past(s.stores), head...)
	}
	t.phase(s.axes, v, width, target, rows, append(head, t.finish(s, nil)...), len(head))
}

// abreast is how many operations an element of a stage's results takes, and how many vectors and rows
// of them are computed side by side.
func (t *tiler) abreast(s *stage) (ops, vectors, rows int64) {
	ops = 1
	for _, d := range s.stores {
		ops += t.operations(d)
	}
	switch {
	case ops > manyOperations:
		return ops, 1, 1
	case ops > 24 || len(s.stores) > 2:
		return ops, 2, 4
	}
	return ops, 4, 4
}

// phase adds a phase that runs body on every tile of the axes: width points of v and up to so many
// rows of the next axis. The first `top` nodes of body belong to no tile: they run once a block.
func (t *tiler) phase(axes []kernel.Axis, v string, width, target, most int64, body []tile.Node, top int) {
	head, body := body[:top], body[top:]
	ph := &tile.Phase{Vector: v, Run: t.runOf(width)}
	grid := map[string]int64{}
	left := target
	wide := false
	if at := axisNamed(axes, v); at >= 0 {
		e, ok := axes[at].Extent.Const()
		wide = !ok || e > width
		if wide {
			body = []tile.Node{each(v, width, min(t.granule(), width), body)}
		}
		if !ok || e > target {
			grid[v] = (evenly(axes[at], max(width, target)) + width - 1) / width * width
			left = 1
		} else {
			left = target / max(e, 1)
		}
	}
	first := true
	for i := len(axes) - 1; i >= 0; i-- {
		a := axes[i]
		if a.Name == v || a.Extent.IsConst(1) {
			continue
		}
		e, ok := a.Extent.Const()
		rows := int64(1)
		if first && (!wide || t.fetches(body)) {
			rows = most
		}
		first = false
		n := max(left, 1)
		if ok && e <= n {
			body = []tile.Node{eachRows(a, rows, body)}
			left = n / max(e, 1)
			continue
		}
		if n = evenly(a, n); n > 1 {
			body = []tile.Node{gridRows(a, n, min(rows, n), body)}
		}
		grid[a.Name] = n
		left = 1
	}
	for _, a := range axes {
		if n, ok := grid[a.Name]; ok {
			ph.Grid = append(ph.Grid, tile.Split{Index: a.Name, By: []int64{n}})
		}
	}
	ph.Body = append(append([]tile.Node{}, head...), body...)
	t.out.Phases = append(t.out.Phases, ph)
}

// fetches reports whether nodes store what is read where data says: rows side by side then wait for
// memory together.
func (t *tiler) fetches(nodes []tile.Node) bool {
	for _, n := range nodes {
		switch n := n.(type) {
		case *tile.Loop:
			if t.fetches(n.Body) {
				return true
			}
		case *tile.Store:
			for _, l := range t.k.Def(n.Def).Loads() {
				for _, at := range l.At {
					if _, plain := at.(*kernel.Index); !plain && !t.gpu() {
						return true
					}
				}
			}
		}
	}
	return false
}

// evenly returns the length, n at most, that cuts an axis into blocks of about one size.
func evenly(a kernel.Axis, n int64) int64 {
	e, ok := a.Extent.Const()
	if !ok || e <= n {
		return n
	}
	blocks := (e + n - 1) / n
	return (e + blocks - 1) / blocks
}

// each makes a loop by the lengths, descending ones each once.
func each(index string, long, short int64, body []tile.Node) *tile.Loop {
	by := []int64{long}
	if short < long {
		by = append(by, short)
	}
	return &tile.Loop{Kind: tile.Each, Split: tile.Split{Index: index, By: by}, Body: body}
}

// eachRows walks an axis that is not the vector's by rows, with a rest where there is one.
func eachRows(a kernel.Axis, rows int64, body []tile.Node) *tile.Loop {
	if e, ok := a.Extent.Const(); ok {
		rows = max(1, min(rows, e))
		if e%rows == 0 {
			return each(a.Name, rows, rows, body)
		}
	}
	return each(a.Name, rows, 1, body)
}

// gridRows walks an axis that the grid cuts into blocks of n.
func gridRows(a kernel.Axis, n, rows int64, body []tile.Node) *tile.Loop {
	if e, ok := a.Extent.Const(); ok && e%n == 0 && n%rows == 0 {
		return each(a.Name, rows, rows, body)
	}
	return each(a.Name, rows, 1, body)
}

// lanes returns how many elements of the widest type of defs a vector register holds.
func (t *tiler) lanes(defs []*kernel.Def) int64 {
	size := 4
	for _, d := range defs {
		size = max(size, d.DType.Size())
	}
	return int64(t.m.Lanes * 4 / size)
}

// operations estimates the scalar operations of d at one point, those of the maps it evaluates
// on the way included; expanded functions count as written.
func (t *tiler) operations(d *kernel.Def) int64 {
	n := int64(0)
	kernel.Walk(kernel.Expand(d.Expr), func(e kernel.Expr) bool {
		switch e := e.(type) {
		case *kernel.Call:
			n++
		case *kernel.Random:
			n += 40
		case *kernel.Load:
			n++
			if l := t.k.Def(e.Name); l != nil && l.Reduce == nil && !carried(d, l, e) {
				n += t.operations(l)
			}
		}
		return true
	})
	return n
}

// closure returns the maps that evaluating the stage's stores evaluates, in order of
// definition: the stores that are maps, and the local maps they read. Each comes with the
// number of definitions that read it, and whether all of them do so plainly, at the indices of
// the stage: what reads it is itself evaluated at no other.
func (t *tiler) closure(from []*kernel.Def) (maps []*kernel.Def, readers map[string]int, plainly map[string]bool) {
	readers, plainly = map[string]int{}, map[string]bool{}
	seen := map[string]bool{}
	elsewhere := map[string]bool{}
	for _, d := range from {
		seen[d.Name] = true
	}
	for i := len(t.k.Defs) - 1; i >= 0; i-- {
		d := t.k.Defs[i]
		if !seen[d.Name] {
			continue
		}
		if d.Reduce == nil {
			maps = append(maps, d)
		}
		for _, l := range d.Loads() {
			e := t.k.Def(l.Name)
			if e == nil || e.Reduce != nil || carried(d, e, l) || t.finished(d, e) {
				continue
			}
			seen[e.Name] = true
			readers[e.Name]++
			elsewhere[e.Name] = elsewhere[e.Name] || elsewhere[d.Name] || !readsPlainly(l, e)
			plainly[e.Name] = !elsewhere[e.Name]
		}
	}
	slices.Reverse(maps)
	return maps, readers, plainly
}

// prelude returns the Lets that belong to no tile: local scalars that the stage reads and that
// do not wait for its own reductions.
func (t *tiler) prelude(s *stage) []tile.Node {
	maps, _, _ := t.closure(append(append([]*kernel.Def{}, s.reduces...), s.stores...))
	var nodes []tile.Node
	for _, d := range maps {
		if len(turnAxes(d)) > 0 || len(s.axes) == 0 || t.output(d.Name) != nil || t.waits(d, s) {
			continue
		}
		nodes = append(nodes, &tile.Let{Def: d.Name})
	}
	return nodes
}

func (t *tiler) waits(d *kernel.Def, s *stage) bool {
	for _, n := range t.needs(d) {
		if s.has(n.def.Name) {
			return true
		}
	}
	return false
}

// finish returns the nodes that store s.stores on the current tile, given what is alive: first
// the Lets of what more than one of them reads and, where there are several, of the stores
// themselves; then the stores.
func (t *tiler) finish(s *stage, alive map[string]bool) []tile.Node {
	maps, readers, plainly := t.closure(s.stores)
	var lets, stores []tile.Node
	for _, d := range maps {
		out := t.output(d.Name) != nil
		use := readers[d.Name] > 1 && plainly[d.Name] && costly(d)
		if out {
			use = len(s.stores) > 1 && (readers[d.Name] == 0 || plainly[d.Name])
		}
		if use && !alive[d.Name] && t.fits(d, s) && (len(turnAxes(d)) > 0 || len(s.axes) == 0 || out || t.waits(d, s)) {
			lets = append(lets, &tile.Let{Def: d.Name})
		}
	}
	for _, d := range s.stores {
		stores = append(stores, s.storing(d))
	}
	return append(lets, stores...)
}

// fits reports whether the tile of s has a point for each of d's: its axes are among those of s.
func (t *tiler) fits(d *kernel.Def, s *stage) bool {
	for _, a := range turnAxes(d) {
		if axisNamed(s.axes, a.Name) < 0 && a.Name != s.lane {
			return false
		}
	}
	return true
}

func costly(d *kernel.Def) bool {
	calls := false
	kernel.Walk(d.Expr, func(e kernel.Expr) bool {
		switch e.(type) {
		case *kernel.Call, *kernel.Random:
			calls = true
		}
		return !calls
	})
	return calls
}

// A walkKind is how an access moves in memory with an index.
type walkKind uint8

const (
	absent walkKind = iota
	unit
	strided
)

// along says how the element that l reads moves with the index.
func (t *tiler) along(l *kernel.Load, index string) walkKind {
	at := make([]tensor.Dim, len(l.At))
	uses := false
	for i, e := range l.At {
		x, ok := e.(*kernel.Index)
		if ok {
			at[i] = x.Dim
			uses = uses || x.Dim.Uses(index)
			continue
		}
		if usesIndex(e, index) {
			return strided
		}
	}
	switch b := t.k.Buffer(l.Name); {
	case !uses:
		return absent
	case b == nil:
		return unit
	default:
		return strideKind(b, at, index)
	}
}

func usesIndex(e kernel.Expr, index string) bool {
	uses := false
	kernel.Walk(e, func(e kernel.Expr) bool {
		if x, ok := e.(*kernel.Index); ok {
			uses = uses || x.Dim.Uses(index)
		}
		return !uses
	})
	return uses
}

// strideKind looks at the coefficient of index in the address. In a panel layout the
// neighbours of a panel's width count: its last stored index is the position mod the width.
func strideKind(b *kernel.Buffer, at []tensor.Dim, index string) walkKind {
	if b.Layout != nil {
		last := b.Layout.At[len(b.Layout.At)-1]
		for i, d := range at {
			if !d.Uses(index) {
				continue
			}
			c, _, ok := d.Linear(index)
			if !ok || !c.IsConst(1) || !last.Uses(positionSymbol(i)) {
				return strided
			}
		}
		return unit
	}
	c, _, ok := kernel.AddressOf(b, at).Linear(index)
	if ok && c.IsConst(1) {
		return unit
	}
	return strided
}

// vectorAxis returns the axis to lay across lanes: the one by which the accesses of the
// reductions, or else the maps, cost least. A load or store of consecutive elements costs 1 a
// vector, one element for all lanes 1/4, others 8; half empty vectors count twice.
func (t *tiler) vectorAxis(axes []kernel.Axis, reduces, maps []*kernel.Def) string {
	best, least := "", 0.0
	lanes := t.lanes(append(append([]*kernel.Def{}, reduces...), maps...))
	for _, a := range axes {
		cost := 0.0
		for _, d := range reduces {
			cost += t.accessCost(d, a.Name)
		}
		for _, d := range maps {
			c := t.accessCost(d, a.Name)
			if b := t.output(d.Name); b != nil && d.Reduce == nil {
				c += 2 * kindCost(strideKind(b, pointsOf(d.Axes), a.Name))
			}
			if len(reduces) > 0 {
				c /= 16
			}
			cost += c
		}
		if e, ok := a.Extent.Const(); ok && e > 0 {
			cost *= float64((e+lanes-1)/lanes*lanes) / float64(e)
		}
		if best == "" || cost <= least {
			best, least = a.Name, cost
		}
	}
	return best
}

func kindCost(k walkKind) float64 { return [...]float64{absent: 0.25, unit: 1, strided: 8}[k] }

func (t *tiler) accessCost(d *kernel.Def, index string) float64 {
	cost := 0.0
	for _, l := range d.Loads() {
		if e := t.k.Def(l.Name); e != nil && !carried(d, e, l) && !t.finished(d, e) {
			if e.Reduce == nil {
				cost += t.accessCost(e, index)
			}
			continue
		}
		cost += kindCost(t.along(l, index))
	}
	return cost
}

func pointsOf(axes []kernel.Axis) []tensor.Dim {
	at := make([]tensor.Dim, len(axes))
	for i, a := range axes {
		at[i] = tensor.Sym(a.Name)
	}
	return at
}
