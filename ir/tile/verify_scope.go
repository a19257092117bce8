package tile

import (
	"fmt"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// fixed checks that the axes have tiles of constant length: a short one only across the lanes.
func (c *checker) fixed(axes []kernel.Axis, s *scope, what string) error {
	for _, a := range axes {
		r := s.ranges[a.Name]
		if r.Len < 0 {
			return fmt.Errorf("%s: the length of %s is not constant here", what, a.Name)
		}
		if r.Short && a.Name != s.vector && c.ph.Unit == nil {
			return fmt.Errorf("%s: the range of %s may be cut short here", what, a.Name)
		}
	}
	return nil
}

// owned checks that only the axes are walked around the node, so that no two turns write, or
// join, one element.
func (c *checker) owned(axes []kernel.Axis, s *scope, what string) error {
	for _, w := range s.path {
		if place(axes, w.split.Index) < 0 {
			return fmt.Errorf("%s: more than one turn of %s does so", what, w.split.Index)
		}
	}
	return nil
}

// finished checks that the value of a definition that is alive may be used at this node.
func (c *checker) finished(name string, s *scope, what string) error {
	v, d := s.alive[name], c.p.Kernel.Def(name)
	if v == nil {
		return fmt.Errorf("%s %s: it has no value here", what, name)
	}
	if !v.stepped || v.reduce && d.Reduce.Order.Kind == kernel.Lanes64 && !v.ended {
		return fmt.Errorf("%s %s: its reduction is not finished", what, name)
	}
	for _, w := range s.path[v.depth:] {
		for _, in := range v.streams {
			if in.loop == w.loop && !c.inTurn(d, s) {
				return fmt.Errorf("%s %s: its reduction is not finished", what, name)
			}
		}
		if place(d.Axes, w.split.Index) >= 0 {
			return fmt.Errorf("%s %s: %s is walked since it began", what, name, w.split.Index)
		}
	}
	return nil
}

// reads checks the loads of definitions that evaluating d here means.
func (c *checker) reads(d *kernel.Def, s *scope) error {
	for _, l := range d.Loads() {
		e := c.p.Kernel.Def(l.Name)
		if e == nil {
			if c.p.Kernel.Buffer(l.Name) == nil {
				return fmt.Errorf("%s reads %s, which is no buffer", d.Name, l.Name)
			}
			continue
		}
		at, stored := c.stored[l.Name]
		switch {
		case c.ph.otherTurn(l, e):
			if !c.turns[l.Name] {
				return fmt.Errorf("%s reads %s of another turn, which no phase of the run stores", d.Name, l.Name)
			}
		case s.alive[l.Name] != nil:
			if !plainLoad(l, e) {
				return fmt.Errorf("%s reads %s, which is in registers, at another index", d.Name, l.Name)
			}
			if err := c.finished(l.Name, s, "read of"); err != nil {
				return err
			}
		case s.held[l.Name] != nil:
			if err := c.readHeld(d, l, s); err != nil {
				return err
			}
		case stored && at < c.number:
		case e.Reduce != nil:
			return fmt.Errorf("%s reads %s, which has no value here", d.Name, l.Name)
		default:
			if err := c.reads(e, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// inTurn reports whether d is a running maximum of which the block is done: its base can be read.
func (c *checker) inTurn(d *kernel.Def, s *scope) bool { return IsRunningMax(d) && s.running[d.Name] }

func plainLoad(l *kernel.Load, d *kernel.Def) bool {
	for i, e := range l.At {
		x, ok := e.(*kernel.Index)
		if !ok || i >= len(d.Axes) || !x.Dim.Equal(tensor.Sym(d.Axes[i].Name)) {
			return false
		}
	}
	return len(l.At) == len(d.Axes)
}

func place(axes []kernel.Axis, name string) int {
	for i, a := range axes {
		if a.Name == name {
			return i
		}
	}
	return -1
}
