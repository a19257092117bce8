package passes

import (
	"fmt"
	"sort"

	"dlc/ir/kernel"
)

// A groupKind says around what a kernel is built.
type groupKind uint8

// Pointwise: maps over one index space. Tiled: one contraction and maps over its kept axes.
// Summed: reductions by chunks over the same axes, and maps over the kept ones. Windowed: chains
// that are no contraction, and maps. Rowwise: reductions by lanes over one row axis, maps over
// the kept axes, and maps over the kept axes and the row. Scattered: one reduction with matches, or one argsort.
// Recurrence: what is repeated turn by turn.
// Weighted: a running maximum over a row, the sums that follow it, of which some have axes of
// their own (wide), the scores that they read if nothing else does, and maps over the kept axes or
// the wide ones.
const (
	pointwise groupKind = iota
	tiledGroup
	summed
	windowed
	rowwise
	scattered
	recurrence
	weighted
)

const (
	maxDefs     = 24   // of one kernel
	maxDistance = 64   // kernels back, to look for siblings
	minRows     = 8    // rows must be that many for maps over them to join
	shortRow    = 4096 // or the row not longer than this
	smallMap    = 4096 // elements: the launch costs more than the work
	groupNodes  = 1200 // of all expressions of a kernel
)

var kindNames = [...]string{pointwise: "maps", tiledGroup: "contraction", summed: "sums", windowed: "windows", rowwise: "rows", scattered: "placed values", recurrence: "recurrence", weighted: "weights"}

// A group is a kernel in the making. All its definitions use its axis names.
type group struct {
	id    int
	kind  groupKind
	kept  []kernel.Axis
	inner []kernel.Axis // reduced axes; of a rowwise group the row
	wide  []kernel.Axis // of a weighted group
	names []string
	nodes int
	deps  map[int]bool // groups that its definitions read
}

// A grouping assigns definitions to groups in program order.
type grouping struct {
	*fusion
	groups      []*group
	of          map[string]int
	recurrences map[int]*group // by number
	blocks      map[string]*blockPlan
}

func (f *fusion) group() *grouping {
	g := &grouping{fusion: f, of: map[string]int{}, recurrences: map[int]*group{}}
	g.planBlocks()
	for _, name := range f.live() {
		g.place(f.defs[name])
	}
	return g
}

func kindOf(d *kernel.Def) groupKind {
	switch {
	case d.Reduce == nil:
		return pointwise
	case d.Scatters(), d.Sorts():
		return scattered
	case tiled(d):
		return tiledGroup
	case d.Reduce.Order.Kind == kernel.Chunks:
		return summed
	case d.Reduce.Order.Kind == kernel.Lanes64, d.Reduce.Order.Kind == kernel.Rescale:
		return rowwise
	}
	return windowed
}

func (g *grouping) place(d *kernel.Def) {
	if g.placeInScan(d) {
		return
	}
	deps := g.producers(d)
	switch {
	case g.placeInBlock(d, deps):
		return
	case followed(d) != "":
		g.placeFollower(d, deps)
		return
	case isRunning(d) && g.weighs(d):
		g.placeMaximum(d, deps)
		return
	}
	for _, c := range g.candidates(d, deps) {
		if why, ok := g.fits(c, d, deps); ok {
			g.opt.explain("fuse", "%s joins the %s of %s: %s", d.Name, kindNames[c.kind], c.names[0], why)
			g.add(c, d, deps)
			return
		}
	}
	c := &group{id: len(g.groups), kind: kindOf(d), deps: map[int]bool{}}
	c.kept = g.canonical("i", 0, d.Axes)
	c.inner = g.canonical("j", 0, reduceAxes(d))
	g.groups = append(g.groups, c)
	g.add(c, d, deps)
}

// canonical names axes prefix0, prefix1 ... away from the model's symbols.
func (g *grouping) canonical(prefix string, from int, axes []kernel.Axis) []kernel.Axis {
	out := make([]kernel.Axis, len(axes))
	for i, a := range axes {
		name := axisName(prefix, from+i)
		for g.symbols[name] {
			name += "_"
		}
		out[i] = kernel.Axis{Name: name, Extent: a.Extent}
	}
	return out
}

// producers returns the groups that d reads, ascending.
func (g *grouping) producers(d *kernel.Def) []int {
	set := map[int]bool{}
	for _, l := range g.loads(d) {
		if id, ok := g.of[l.Name]; ok {
			set[id] = true
		}
	}
	out := make([]int, 0, len(set))
	for id := range set {
		out = append(out, id)
	}
	sort.Ints(out)
	return out
}

// candidates lists the groups that d might join: those it reads, with a reduction first, the
// latest first, then those that read what it reads.
func (g *grouping) candidates(d *kernel.Def, deps []int) []*group {
	var out []*group
	seen := map[int]bool{}
	for i := len(deps) - 1; i >= 0; i-- {
		out = append(out, g.groups[deps[i]])
		seen[deps[i]] = true
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].kind != pointwise && out[j].kind == pointwise })
	if tiled(d) || d.Scatters() || d.Sorts() {
		return nil
	}
	last := len(g.groups) - maxDistance
	for _, id := range deps {
		if len(g.groups[id].deps) > 0 { // the others can be computed first of all
			last = max(last, id)
		}
	}
	for id := len(g.groups) - 1; id > max(last, -1); id-- {
		if !seen[id] && g.sharesReads(g.groups[id], d) {
			out = append(out, g.groups[id])
		}
	}
	return out
}

// sharesReads reports whether c is a sibling worth joining: it reads a tensor at the place where d
// does (a scalar counts for small maps only), or both are scalars.
func (g *grouping) sharesReads(c *group, d *kernel.Def) bool {
	if kindOf(d) != c.kind || !sameExtents(c.kept, d.Axes) {
		return false
	}
	if len(d.Axes) == 0 && c.kind == pointwise {
		return true
	}
	moved, ok := g.renamed(c, d)
	if !ok {
		return false
	}
	small := nominal(sizeOf(c.kept)) <= smallMap
	places := map[string]bool{}
	for _, l := range g.loads(moved) {
		if small || len(l.At) > 0 {
			places[atText(l)] = true
		}
	}
	for _, name := range c.names {
		for _, l := range g.loads(g.defs[name]) {
			if key := atText(l); key != "" && places[key] {
				return true
			}
		}
	}
	return false
}

// renamed gives d the axis names of the group, where its index space allows.
func (g *grouping) renamed(c *group, d *kernel.Def) (*kernel.Def, bool) {
	switch {
	case g.blocks[d.Name] != nil:
		return g.inBlockNames(g.blocks[d.Name], d), true
	case followed(d) != "":
		return g.follow(c, d), true
	case c.kind == weighted && isRunning(d):
		return rename(d, c.kept, c.inner), len(c.inner) > 0
	case d.Reduce == nil && c.wide != nil && sameExtents(c.wide, d.Axes) && !sameExtents(c.kept, d.Axes):
		return rename(d, c.wide, nil), true
	case d.Reduce == nil && sameExtents(c.kept, d.Axes):
		return rename(d, c.kept, nil), true
	case d.Reduce == nil:
		row := append(append([]kernel.Axis{}, c.kept...), c.inner...)
		if c.kind != rowwise || !sameExtents(row, d.Axes) {
			return nil, false
		}
		return rename(d, row, nil), true
	case !sameExtents(c.kept, d.Axes):
		return nil, false
	}
	inner := c.inner
	switch kind := kindOf(d); {
	case kind == windowed && (c.kind == windowed || c.kind == pointwise):
		if !sameExtents(inner, d.Reduce.Axes) {
			inner = g.canonical("j", len(c.inner), d.Reduce.Axes)
		}
	case kind == rowwise && c.kind == pointwise:
		inner = g.canonical("j", 0, d.Reduce.Axes)
	case kind == rowwise && c.kind == rowwise || kind == summed && c.kind == summed:
		if !sameExtents(inner, d.Reduce.Axes) {
			return nil, false
		}
	default:
		return nil, false
	}
	return rename(d, c.kept, inner), true
}

// fits reports whether d may join c, and what for.
func (g *grouping) fits(c *group, d *kernel.Def, deps []int) (why string, ok bool) {
	_, nodes := operations(d.Expr)
	if c.kind == scattered || len(c.names) >= maxDefs || c.nodes+nodes > groupNodes {
		return "", false
	}
	moved, ok := g.renamed(c, d)
	if !ok || c.kind == recurrence || g.delays(c, deps) || len(c.kept) == 0 && c.kind == pointwise && g.waits(c, deps) {
		return "", false
	}
	reads := 0
	for _, l := range g.loads(moved) {
		if id, in := g.of[l.Name]; in && id == c.id {
			if !g.readsInside(c, moved, l) {
				return "", false
			}
			reads++
		}
	}
	kind := kindOf(d)
	onRow := kind == pointwise && len(d.Axes) > len(c.kept)
	switch {
	case kind == summed && (c.kind != summed || reads > 0 || !sameOrder(g.defs[c.names[0]], moved)):
		return "", false
	case onRow && (reads == 0 || !g.manyRows(c)):
		return "", false
	case kind == rowwise && c.kind == pointwise && len(c.kept) == 0 && reads == 0:
		return "", false
	case reads > 0:
		return fmt.Sprintf("it reads %d values there", reads), true
	case kind != c.kind:
		return "", false
	}
	return "both read the same elements", true
}

// readsInside reports whether d reads a definition of its own group where the group has it.
func (g *grouping) readsInside(c *group, d *kernel.Def, l *kernel.Load) bool {
	from := g.defs[l.Name]
	if len(from.Axes) > len(c.kept) && d.Reduce != nil {
		return false // a row map is no operand of a later reduction: it would have been inlined
	}
	return identity(l.At, from.Axes)
}

// manyRows reports whether the rows of c alone keep a machine busy, or are short.
func (g *grouping) manyRows(c *group) bool {
	return len(c.kept) > 0 && (nominal(sizeOf(c.kept)) >= minRows || nominal(sizeOf(c.inner)) <= shortRow)
}

// sameOrder reports whether two reductions over the same axes group their terms alike.
func sameOrder(a, b *kernel.Def) bool {
	return a.Reduce != nil && a.Reduce.Order == b.Reduce.Order && sameConds(a.Reduce.When, b.Reduce.When)
}

func sameConds(a, b []kernel.Cond) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].Index.Equal(b[i].Index) || !a[i].Extent.Equal(b[i].Extent) {
			return false
		}
	}
	return true
}

// delays reports whether c would come to depend on itself: another group that d reads needs c.
func (g *grouping) delays(c *group, deps []int) bool {
	seen := map[int]bool{}
	var needs func(id int) bool
	needs = func(id int) bool {
		if id == c.id {
			return true
		}
		if seen[id] {
			return false
		}
		seen[id] = true
		for dep := range g.groups[id].deps {
			if needs(dep) {
				return true
			}
		}
		return false
	}
	for _, id := range deps {
		if id != c.id && needs(id) {
			return true
		}
	}
	return false
}

// waits reports whether c would have to wait for a group that it does not depend on as it is:
// scalars of the beginning must not hang behind those of the end.
func (g *grouping) waits(c *group, deps []int) bool {
	for _, id := range deps {
		if id != c.id && !c.deps[id] {
			return true
		}
	}
	return false
}

func (g *grouping) add(c *group, d *kernel.Def, deps []int) {
	kind := kindOf(d)
	moved := (*kernel.Def)(nil)
	if len(c.names) == 0 && g.blocks[d.Name] == nil {
		moved = rename(d, c.kept, c.inner)
	} else {
		moved, _ = g.renamed(c, d)
	}
	if c.kind == pointwise && kind != pointwise {
		c.kind, c.inner = kind, moved.Reduce.Axes
	} else if len(moved.Axes) > len(c.kept) && followed(moved) != "" {
		c.wide = moved.Axes
	} else if kind == windowed && len(moved.Reduce.Axes) > 0 && !sameExtents(c.inner, moved.Reduce.Axes) {
		c.inner = append(c.inner, moved.Reduce.Axes...)
	}
	g.put(moved)
	g.of[d.Name] = c.id
	c.names = append(c.names, d.Name)
	_, nodes := operations(moved.Expr)
	c.nodes += nodes
	for _, id := range deps {
		if id != c.id {
			c.deps[id] = true
		}
	}
}
