package passes

import (
	"slices"

	"dlc/ir/kernel"
)

// A blockPlan is the definitions of one kernel of the source that compute scores where sums read
// them: contractions, maps of these, and contractions over one axis of such maps, of which nothing
// else reads the former. They stay one kernel, so that scores are made block by block and never
// stored. Programs say so by defining scores inside of the kernel that needs them.
type blockPlan struct {
	from    *kernel.Kernel
	kept    []kernel.Axis // of the scores, without inner
	inner   kernel.Axis   // the axis that the sums reduce
	wide    []kernel.Axis // of the first sum
	when    []kernel.Cond // of all sums
	axes    map[string][]kernel.Axis
	members []string // scores, maps and sums
	sums    map[string]bool
	crossed map[string]kernel.Axis // sums that reduce another axis of the scores
	group   *group
}

// planBlocks finds the plans of the program.
func (g *grouping) planBlocks() {
	g.blocks = map[string]*blockPlan{}
	var plans []*blockPlan
	for _, name := range g.live() {
		d := g.defs[name]
		if !tiled(d) || d.Reduce.Order.Kind != kernel.Chain || len(d.Reduce.Axes) != 1 {
			continue
		}
		taken := false
		for _, b := range plans {
			taken = taken || b.from == g.kernel[name] && g.joinBlock(b, d)
		}
		if b := g.newBlock(d); !taken && b != nil {
			plans = append(plans, b)
		}
	}
	for _, b := range plans {
		if g.closed(b) {
			for _, n := range b.members {
				g.blocks[n] = b
			}
		}
	}
}

// newBlock begins a plan with the sum d, or returns nil.
func (g *grouping) newBlock(d *kernel.Def) *blockPlan {
	b := &blockPlan{from: g.kernel[d.Name], axes: map[string][]kernel.Axis{}, sums: map[string]bool{d.Name: true}, crossed: map[string]kernel.Axis{}, wide: g.canonical("i", 0, d.Axes), inner: g.canonical("j", 0, d.Reduce.Axes)[0]}
	b.axes[d.Name] = b.wide
	b.when = rename(d, b.wide, []kernel.Axis{b.inner}).Reduce.When
	if !g.collect(b, d, append(slices.Clone(b.wide), b.inner)) {
		return nil
	}
	scores := false
	for _, n := range b.members {
		scores = scores || tiled(g.defs[n])
	}
	if !scores {
		return nil
	}
	for _, a := range b.axes[b.members[0]] {
		if a.Name != b.inner.Name {
			b.kept = append(b.kept, a)
		}
	}
	b.members = append(b.members, d.Name)
	return b
}

// collect adds what d, whose axes have the given names, reads of its kernel's maps and contractions
// over the axes of scores.
func (g *grouping) collect(b *blockPlan, d *kernel.Def, names []kernel.Axis) bool {
	own := d.AllAxes()
	for _, l := range g.loads(d) {
		e := g.defs[l.Name]
		if e == nil || g.kernel[l.Name] != b.from || g.result[l.Name] || e.Reduce != nil && (!tiled(e) || e.Reduce.Order.Kind != kernel.Chain) {
			continue
		}
		var axes []kernel.Axis
		for _, x := range l.At {
			ix, ok := x.(*kernel.Index)
			if !ok {
				return false
			}
			n, ok := symName(ix.Dim)
			at := axisNamed(own, n)
			if !ok || at < 0 {
				return false
			}
			axes = append(axes, names[at])
		}
		if axisNamed(axes, b.inner.Name) < 0 {
			continue
		}
		if had, ok := b.axes[l.Name]; ok {
			if !slices.EqualFunc(had, axes, func(x, y kernel.Axis) bool { return x.Name == y.Name }) {
				return false
			}
			continue
		}
		b.axes[l.Name] = axes
		if e.Reduce == nil && !g.collect(b, e, axes) {
			return false
		}
		b.members = append(b.members, l.Name)
	}
	return true
}

// joinBlock adds the sum d to a plan whose maps it reads.
func (g *grouping) joinBlock(b *blockPlan, d *kernel.Def) bool {
	names := g.canonical("k", 0, d.Axes)
	reduced := ""
	for _, l := range g.loads(d) {
		axes, ok := b.axes[l.Name]
		if !ok || slices.Index(b.members, l.Name) < 0 {
			continue
		}
		for i, x := range l.At {
			ix, _ := x.(*kernel.Index)
			if ix == nil {
				return false
			}
			n, _ := symName(ix.Dim)
			if at := axisNamed(d.Axes, n); at >= 0 {
				names[at].Name = axes[i].Name
			} else {
				reduced = axes[i].Name
			}
		}
	}
	axis, left := b.inner, b.kept
	if at := axisNamed(b.kept, reduced); at >= 0 {
		axis, left = b.kept[at], append(slices.Delete(slices.Clone(b.kept), at, at+1), b.inner)
	}
	if reduced != axis.Name || !subset(left, names) || !sameConds(b.when, rename(d, names, []kernel.Axis{axis}).Reduce.When) {
		return false
	}
	if axis.Name != b.inner.Name {
		b.crossed[d.Name] = axis
	}
	b.axes[d.Name] = names
	b.members, b.sums[d.Name] = append(b.members, d.Name), true
	return true
}

// closed reports whether what is no sum of the plan is read inside it alone, over the axes of scores.
func (g *grouping) closed(b *blockPlan) bool {
	for _, n := range b.members {
		if b.sums[n] {
			continue
		}
		outside := slices.ContainsFunc(g.consumers(n), func(u *kernel.Def) bool { return !slices.Contains(b.members, u.Name) })
		if outside || len(b.axes[n]) != len(b.kept)+1 {
			return false
		}
	}
	return true
}

// placeInBlock puts a member of a plan into the plan's group.
func (g *grouping) placeInBlock(d *kernel.Def, deps []int) bool {
	b := g.blocks[d.Name]
	if b == nil {
		return false
	}
	if b.group == nil {
		b.group = &group{id: len(g.groups), kind: weighted, deps: map[int]bool{}, kept: b.kept, inner: []kernel.Axis{b.inner}, wide: b.wide}
		g.groups = append(g.groups, b.group)
	}
	g.opt.explain("fuse", "%s stays with the scores of its kernel", d.Name)
	g.add(b.group, d, deps)
	return true
}

// inBlockNames gives a member of a plan the axis names of the plan.
func (g *grouping) inBlockNames(b *blockPlan, d *kernel.Def) *kernel.Def {
	if d.Reduce == nil {
		return rename(d, b.axes[d.Name], nil)
	}
	reduced := []kernel.Axis{b.inner}
	if axis, ok := b.crossed[d.Name]; ok {
		reduced[0] = axis
	}
	if !b.sums[d.Name] {
		reduced = g.canonical("r", 0, d.Reduce.Axes)
	}
	return rename(d, b.axes[d.Name], reduced)
}
