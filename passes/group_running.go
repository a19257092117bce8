package passes

import (
	"slices"

	"dlc/ir/kernel"
)

// followed returns the running maximum that d follows, "" for none.
func followed(d *kernel.Def) string {
	if d.Reduce == nil {
		return ""
	}
	return d.Reduce.Order.With
}

// isRunning reports whether d is a running maximum.
func isRunning(d *kernel.Def) bool {
	return d.Reduce != nil && d.Reduce.Order.Kind == kernel.Rescale && d.Reduce.Order.With == ""
}

// uniteMaxima makes one of running maxima that are the same: form puts one beside each sum.
func (f *fusion) uniteMaxima() {
	first := map[string]string{}
	for _, name := range f.live() {
		d := f.defs[name]
		if !isRunning(d) {
			continue
		}
		key := kernel.Canonical(&kernel.Kernel{Defs: []*kernel.Def{renamedReads(d)}})
		for _, n := range d.Reads() {
			key += " " + n
		}
		if first[key] == "" {
			first[key] = name
			continue
		}
		for _, c := range f.consumers(name) {
			f.put(c.RenameReads(map[string]string{name: first[key]}))
		}
		if f.result[name] { // the caller sees it: it becomes a copy
			from := f.defs[first[key]]
			f.put(&kernel.Def{Name: name, DType: d.DType, Axes: d.Axes, Span: d.Span, Expr: &kernel.Load{Name: from.Name, DType: d.DType, At: kernel.Points(d.Axes)}})
			continue
		}
		f.remove(name)
	}
}

// renamedReads gives d a name and plain axis names, so that equal definitions have equal texts.
func renamedReads(d *kernel.Def) *kernel.Def {
	kept, reduced := axesNamed("i", d.Axes), axesNamed("j", d.Reduce.Axes)
	c := *rename(d, kept, reduced)
	c.Name, c.Expr = "m", shared(c.Expr)
	return &c
}

func axesNamed(prefix string, axes []kernel.Axis) []kernel.Axis {
	out := make([]kernel.Axis, len(axes))
	for i, a := range axes {
		out[i] = kernel.Axis{Name: axisName(prefix, i), Extent: a.Extent}
	}
	return out
}

// followers returns the sums that follow m.
func (f *fusion) followers(m string) []*kernel.Def {
	var out []*kernel.Def
	for _, c := range f.consumers(m) {
		if followed(c) == m {
			out = append(out, c)
		}
	}
	return out
}

// weighs reports whether a sum with more axes follows the running maximum m.
func (f *fusion) weighs(m *kernel.Def) bool {
	for _, s := range f.followers(m.Name) {
		if len(s.Axes) > len(m.Axes) {
			return true
		}
	}
	return false
}

// placeMaximum begins a group for a running maximum that sums with more axes follow. Scores that
// nothing but these read are computed there, block by block.
func (g *grouping) placeMaximum(m *kernel.Def, deps []int) {
	if c := g.scores(m); c != nil {
		g.opt.explain("fuse", "%s joins the contraction of %s: only it and what follows it read that", m.Name, c.names[0])
		g.add(c, m, deps)
		return
	}
	c := &group{id: len(g.groups), kind: weighted, deps: map[int]bool{}}
	c.kept, c.inner = g.canonical("i", 0, m.Axes), g.canonical("j", 0, m.Reduce.Axes)
	g.groups = append(g.groups, c)
	g.add(c, m, deps)
}

// scores returns the group of the one contraction of which the values are read by m, and by the
// sums that follow m, alone; it is then one around m.
func (g *grouping) scores(m *kernel.Def) *group {
	family := append(g.followers(m.Name), m)
	for _, l := range g.loads(m) {
		s := g.defs[l.Name]
		if s == nil || !tiled(s) || !oneChain(s) || g.result[l.Name] || len(g.groups[g.of[l.Name]].names) != 1 || len(s.Axes) != len(m.Axes)+1 {
			continue
		}
		c := g.groups[g.of[l.Name]]
		names := map[string]string{} // of m's axes to those of the group
		for i, e := range l.At {
			if x, ok := e.(*kernel.Index); ok {
				if name, ok := symName(x.Dim); ok {
					names[name] = s.Axes[i].Name
				}
			}
		}
		unread := slices.ContainsFunc(m.AllAxes(), func(a kernel.Axis) bool { return names[a.Name] == "" })
		if unread || !g.readAlike(l.Name, family) {
			continue
		}
		c.kind, c.kept, c.inner = weighted, nil, nil
		for _, a := range m.Axes {
			c.kept = append(c.kept, kernel.Axis{Name: names[a.Name], Extent: a.Extent})
		}
		c.inner = []kernel.Axis{{Name: names[m.Reduce.Axes[0].Name], Extent: m.Reduce.Axes[0].Extent}}
		return c
	}
	return nil
}

// readAlike reports whether only these definitions read name, each at one place, its own axes.
func (g *grouping) readAlike(name string, by []*kernel.Def) bool {
	for _, u := range g.consumers(name) {
		if !slices.ContainsFunc(by, func(d *kernel.Def) bool { return d.Name == u.Name }) {
			return false
		}
		places := map[string]bool{}
		for _, l := range g.loads(u) {
			if l.Name != name {
				continue
			}
			places[atText(l)] = true
			if atText(l) == "" || len(places) > 1 {
				return false
			}
			for _, e := range l.At {
				if n, ok := symName(e.(*kernel.Index).Dim); !ok || axisNamed(u.AllAxes(), n) < 0 {
					return false
				}
			}
		}
	}
	return true
}

// placeFollower puts a sum beside the maximum it follows; where that cannot be, beside a copy.
func (g *grouping) placeFollower(d *kernel.Def, deps []int) {
	m := g.defs[followed(d)]
	c := g.groups[g.of[m.Name]]
	if len(c.names) < maxDefs && !g.delays(c, deps) && g.joinsBlock(c, d) {
		g.opt.explain("fuse", "%s joins the %s of %s: it follows %s", d.Name, kindNames[c.kind], c.names[0], m.Name)
		g.add(c, d, deps)
		return
	}
	copied := *m
	copied.Name = g.unusedDef(m.Name)
	at := slices.Index(g.order, d.Name)
	g.order = slices.Insert(g.order, at, copied.Name)
	g.at[copied.Name], g.kernel[copied.Name], g.needs[copied.Name] = g.at[d.Name], g.kernel[m.Name], g.needs[m.Name]
	g.put(&copied)
	d = d.RenameReads(map[string]string{m.Name: copied.Name})
	g.put(d)
	g.placeMaximum(&copied, g.producers(&copied))
	g.add(g.groups[g.of[copied.Name]], d, g.producers(d))
}

// joinsBlock reports whether d, which follows a maximum of the group, needs of the group's other
// reductions none but contractions.
func (g *grouping) joinsBlock(c *group, d *kernel.Def) bool {
	for _, l := range g.loads(d) {
		if l.Name == followed(d) || g.defs[l.Name] == nil {
			continue
		}
		for _, n := range c.names {
			if e := g.defs[n]; e.Reduce != nil && n != followed(d) && !tiled(e) && g.dependsOn(l.Name, n) {
				return false
			}
		}
	}
	return true
}

func (g *grouping) unusedDef(name string) string {
	for g.defs[name] != nil || g.buffer[name] != nil {
		name += "_"
	}
	return name
}

// follow gives a sum the axis names of the group of its maximum; axes of its own get new ones.
func (g *grouping) follow(c *group, d *kernel.Def) *kernel.Def {
	m := g.defs[followed(d)]
	kept := g.canonical("k", 0, d.Axes)
	for _, l := range g.loads(d) {
		if l.Name != m.Name {
			continue
		}
		for i, e := range l.At {
			n, _ := symName(e.(*kernel.Index).Dim)
			kept[axisNamed(d.Axes, n)].Name = m.Axes[i].Name
		}
	}
	return rename(d, kept, m.Reduce.Axes)
}
