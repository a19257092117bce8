package passes

import (
	"maps"
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// inPlace reports whether update may be written over the old value of its weight: no kernel
// after its writer reads the old value, and the writer reads it only at the element it writes,
// before it writes it.
func (pl *planner) inPlace(update *kernel.Buffer) bool {
	old := ""
	for _, b := range pl.prog.Buffers {
		if b.Role == kernel.Weight && b.Name == update.Of {
			old = b.Name
		}
	}
	writer := len(pl.prog.Kernels)
	for i, k := range pl.prog.Kernels {
		for _, o := range k.Outs {
			if o.Name == update.Name {
				writer = i
			}
		}
		for _, in := range k.Ins {
			if i > writer && (in.Name == old || in.Name == update.Name) {
				return false
			}
		}
	}
	if writer == len(pl.prog.Kernels) {
		return false
	}
	return old == "" || readsBeforeWrite(pl.tiles[writer], old, update.Name)
}

// A schedule is walked in order to see which values exist at each point.
type writeCheck struct {
	defs   map[string]*kernel.Def
	kept   map[string]bool // values in registers
	old    string
	target *kernel.Def // the store
	stored bool        // it is past
	ok     bool
}

// readsBeforeWrite reports whether every evaluation in t that loads old does so at the point
// that the map out is stored at, and stands before that store.
func readsBeforeWrite(t *tile.Program, old, out string) bool {
	c := &writeCheck{defs: map[string]*kernel.Def{}, kept: map[string]bool{}, old: old, ok: true}
	for _, d := range t.Kernel.Defs {
		c.defs[d.Name] = d
		if d.Scan != nil {
			return false // the turns before may have written what is read
		}
	}
	if c.target = c.defs[out]; c.target == nil || c.target.Reduce != nil {
		return false
	}
	for _, ph := range t.Phases {
		c.walk(ph.Body)
	}
	return c.ok
}

func (c *writeCheck) walk(nodes []tile.Node) {
	outside := maps.Clone(c.kept)
	defer func() { c.kept = outside }() // what a list keeps lives to its end
	for _, n := range nodes {
		switch n := n.(type) {
		case *tile.Loop:
			c.walk(n.Body)
		case *tile.If:
			stored := c.stored
			c.walk(n.Then)
			stored, c.stored = c.stored, stored
			c.walk(n.Else)
			c.stored = c.stored || stored
		case *tile.Step:
			c.evaluate(n.Def)
		case *tile.Let:
			c.evaluate(n.Def)
			c.kept[n.Def] = true
		case *tile.Store:
			if d := c.defs[n.Def]; d.Reduce == nil && !c.kept[n.Def] {
				c.evaluate(n.Def)
			}
			c.stored = c.stored || n.Def == c.target.Name
		}
	}
}

func (c *writeCheck) evaluate(name string) {
	if found, own := c.loads(name); found && (c.stored || !own || !c.alongTarget(name)) {
		c.ok = false
	}
}

// alongTarget reports whether the axes of a definition are the target's, in order: in a schedule
// one name is one index, so both are computed at the same points of a tile.
func (c *writeCheck) alongTarget(name string) bool {
	return slices.EqualFunc(c.defs[name].Axes, c.target.Axes, func(a, b kernel.Axis) bool { return a.Name == b.Name })
}

// loads looks for loads of the old value in the evaluation of a definition, through the maps it
// evaluates on the way: found says that there is one, own that each is at the target's point.
func (c *writeCheck) loads(name string) (found, own bool) {
	own = true
	d := c.defs[name]
	for _, l := range d.Loads() {
		if l.Name == c.old {
			found, own = true, own && d.Reduce == nil && c.atPoint(l, d)
		} else if inner := c.defs[l.Name]; inner != nil && inner.Reduce == nil && !c.kept[l.Name] {
			f, o := c.loads(l.Name)
			found, own = found || f, own && (!f || o && c.atPoint(l, d))
		}
	}
	return found, own
}

// atPoint reports whether a load in d is at d's axes in order, over the target's extents.
func (c *writeCheck) atPoint(l *kernel.Load, d *kernel.Def) bool {
	if len(l.At) != len(d.Axes) || len(d.Axes) != len(c.target.Axes) {
		return false
	}
	for i, at := range l.At {
		x, ok := at.(*kernel.Index)
		if !ok || !x.Dim.Equal(tensor.Sym(d.Axes[i].Name)) || !d.Axes[i].Extent.Equal(c.target.Axes[i].Extent) {
			return false
		}
	}
	return true
}
