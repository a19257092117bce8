package passes

import (
	"strconv"

	"dlc/ir/kernel"
)

// unifyNames renames the axes of k's definitions so that a name stands for one index with one
// extent in the whole kernel. Two axes are one index where a definition reads another plainly,
// and where maps, or reductions over the same kept axes, walk equal extents side by side. Two
// axes of one definition never become one.
func unifyNames(k *kernel.Kernel) {
	u := &unifier{k: k, parent: map[axisID]axisID{}, index: map[string]int{}}
	for i, d := range k.Defs {
		u.index[d.Name] = i
		for j := range d.AllAxes() {
			u.parent[axisID{i, j}] = axisID{i, j}
		}
	}
	u.byScans()
	u.byLoads()
	u.bySiblings()
	u.rename()
}

// An axisID is an axis of a definition: places in Defs and in AllAxes.
type axisID struct{ def, axis int }

type unifier struct {
	k      *kernel.Kernel
	parent map[axisID]axisID
	index  map[string]int
}

func (u *unifier) find(a axisID) axisID {
	for u.parent[a] != a {
		a = u.parent[a]
	}
	return a
}

func (u *unifier) axis(a axisID) kernel.Axis { return u.k.Defs[a.def].AllAxes()[a.axis] }

// union makes a and b one index unless their extents differ or a definition has both.
func (u *unifier) union(a, b axisID) {
	ra, rb := u.find(a), u.find(b)
	if ra == rb || !u.axis(a).Extent.Equal(u.axis(b).Extent) {
		return
	}
	in := map[int]bool{}
	for id := range u.parent {
		if u.find(id) == ra {
			in[id.def] = true
		}
	}
	for id := range u.parent {
		if u.find(id) == rb && in[id.def] {
			return
		}
	}
	if rb.def < ra.def || rb.def == ra.def && rb.axis < ra.axis {
		ra, rb = rb, ra
	}
	u.parent[rb] = ra
}

func (u *unifier) byLoads() {
	for i, d := range u.k.Defs {
		axes := d.AllAxes()
		if m := u.k.Def(followed(d)); m != nil {
			u.union(axisID{i, len(d.Axes)}, axisID{u.index[m.Name], len(m.Axes)})
		}
		for _, l := range d.Loads() {
			j, local := u.index[l.Name]
			if !local || j >= i || len(l.At) != len(u.k.Defs[j].Axes) {
				continue
			}
			for p, at := range l.At {
				x, ok := at.(*kernel.Index)
				if !ok {
					continue
				}
				if name, ok := symName(x.Dim); ok && axisNamed(axes, name) >= 0 {
					u.union(axisID{i, axisNamed(axes, name)}, axisID{j, p})
				}
			}
		}
	}
}

func (u *unifier) bySiblings() {
	for i, d := range u.k.Defs {
		for j := range i {
			e := u.k.Defs[j]
			switch {
			case d.Reduce == nil && e.Reduce == nil && sameExtents(d.Axes, e.Axes):
				u.zip(i, j, 0, len(d.Axes))
			case d.Reduce != nil && e.Reduce != nil && sameExtents(d.Axes, e.Axes) && sameExtents(d.Reduce.Axes, e.Reduce.Axes):
				u.zip(i, j, 0, len(d.AllAxes()))
			case d.Reduce == nil && e.Reduce != nil && len(e.Reduce.Axes) == 1 && sameExtents(d.Axes, e.AllAxes()):
				u.zip(i, j, 0, len(d.Axes))
			case d.Reduce != nil && e.Reduce == nil && len(d.Reduce.Axes) == 1 && sameExtents(e.Axes, d.AllAxes()):
				u.zip(i, j, 0, len(e.Axes))
			}
		}
	}
}

func (u *unifier) zip(i, j, from, to int) {
	for p := from; p < to; p++ {
		u.union(axisID{i, p}, axisID{j, p})
	}
}

// rename gives every index the name of its first axis, with a number where that is taken.
func (u *unifier) rename() {
	taken := map[string]bool{}
	for _, s := range kernel.Symbols(u.k) {
		taken[s] = true
	}
	names := map[axisID]string{}
	for i, d := range u.k.Defs {
		by := map[string]string{}
		for j, a := range d.AllAxes() {
			root := u.find(axisID{i, j})
			if names[root] == "" {
				name := a.Name
				for n := 1; taken[name]; n++ {
					name = a.Name + "_" + strconv.Itoa(n)
				}
				names[root], taken[name] = name, true
			}
			by[a.Name] = names[root]
		}
		u.k.Defs[i] = kernel.RenameAxes(d, by)
	}
}
