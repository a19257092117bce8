package tile

import (
	"fmt"

	"dlc/ir/kernel"
)

// Clear writes the identity of the reduction Def, which has matches, to its output or Temp on the
// current tile of its axes.
type Clear struct{ Def string }

// Scatter accumulates in memory: each term at the current positions of the reduction's axes (of
// length 1 each), on the current tile of the kept axes that are not matched, joins the element it
// is sent to, if that lies in the current sub-ranges of the matched axes; a term sent elsewhere is
// skipped. A Clear of Def stands before it in the same block. The walks of the reduction's axes
// around it are streams that nest in their order.
type Scatter struct{ Def string }

func (*Clear) node()   {}
func (*Scatter) node() {}

func (c *checker) clear(n *Clear, s *scope) error {
	d := c.p.Kernel.Def(n.Def)
	if d == nil || !d.Scatters() || c.place(n.Def) == nil {
		return fmt.Errorf("clear %s: it is no reduction with matches and an output or temp of its name", n.Def)
	}
	if _, again := c.stored[n.Def]; again {
		return fmt.Errorf("clear %s: it is written already", n.Def)
	}
	c.stored[n.Def], c.open[n.Def] = c.number, true
	if err := c.fixed(d.Axes, s, "clear "+n.Def); err != nil {
		return err
	}
	return c.owned(d.Axes, s, "clear "+n.Def)
}

func (c *checker) scatter(n *Scatter, s *scope) error {
	d := c.p.Kernel.Def(n.Def)
	if at, ok := c.stored[n.Def]; !ok || at != c.number || !c.open[n.Def] {
		return fmt.Errorf("scatter %s: this phase has not cleared it, or its terms are there already", n.Def)
	}
	c.open[n.Def] = false
	last := -1
	for _, w := range s.path {
		at := place(d.Reduce.Axes, w.split.Index)
		switch {
		case at < 0 && place(d.Axes, w.split.Index) < 0:
			return fmt.Errorf("scatter %s: more than one turn of %s does so", n.Def, w.split.Index)
		case at < 0:
		case w.loop == nil || w.loop.Kind != Stream || at < last:
			return fmt.Errorf("scatter %s: %s is not walked by streams that nest in order", n.Def, w.split.Index)
		default:
			last = at
		}
	}
	for _, a := range d.Reduce.Axes {
		if r := s.ranges[a.Name]; r.Len > 1 || r.Len < 0 || r.Short { // 0: there are no terms
			return fmt.Errorf("scatter %s: %s has not length 1", n.Def, a.Name)
		}
	}
	for _, m := range d.Reduce.At {
		if m.Axis == c.ph.Vector || kernel.Uses(m.Index, c.ph.Vector) {
			return fmt.Errorf("scatter %s: the match of %s lies across the lanes", n.Def, m.Axis)
		}
	}
	if place(d.Reduce.Axes, c.ph.Vector) >= 0 {
		return fmt.Errorf("scatter %s: its terms lie across the lanes", n.Def)
	}
	if err := c.fixed(d.Unmatched(), s, "scatter "+n.Def); err != nil {
		return err
	}
	return c.reads(d, s)
}

// place returns the output or Temp of a definition.
func (c *checker) place(name string) *kernel.Buffer {
	for _, o := range c.p.Kernel.Outs {
		if o.Name == name {
			return o
		}
	}
	return c.temp(name)
}

func (in *interp) clear(name string) {
	c := in.compiled(name)
	in.points(c.def.Axes, func() { in.write(name, in.position(c.def), c.fold.Identity) })
}

func (in *interp) scatter(name string) {
	c := in.compiled(name)
	m := in.memory[name]
	in.points(c.def.Reduce.Axes, func() {
		in.points(c.def.Unmatched(), func() {
			c.compile.Moved()
			if !c.holds() || !c.sent() {
				return
			}
			at := in.position(c.def)
			i := m.place(at)
			if w := m.writer[i]; w == nil || *w != *in.block {
				failf("%s is accumulated at %v, which this block has not cleared", name, at)
			}
			kernel.WriteScalar(m.x, i, c.term(kernel.ReadScalar(m.x, i)))
		})
	})
}

// sent moves the matched axes to where the current term goes, and reports whether that is in
// their sub-ranges.
func (c *code) sent() bool {
	for i, m := range c.def.Reduce.At {
		v, s := int64(c.matches[i]()), c.span[m.Axis]
		if v < s.first || v >= s.first+s.length {
			return false
		}
		*c.vars[m.Axis] = v
	}
	return true
}
