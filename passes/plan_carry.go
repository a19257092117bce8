package passes

import (
	"fmt"
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tile"
	"dlc/runtime/program"
)

// carry makes the copies of regions: a copy is left out where what it copies from can be written
// where it copies to (shares), else a kernel makes it, before the region or at the end of a turn.
func (pl *planner) carry() error {
	pl.shares = map[string]string{}
	if !slices.ContainsFunc(pl.prog.Kernels, func(k *kernel.Kernel) bool { return k.In != nil }) {
		return nil
	}
	pl.prog = ownKernels(pl.prog)
	pl.entering(pl.prog.Whole())
	pl.leaving(pl.prog.Whole())
	c := &carrying{planner: pl}
	if err := c.stretch(pl.prog.Whole()); err != nil {
		return err
	}
	pl.prog.Kernels, pl.tiles = c.kernels, c.scheduled
	pl.atRows()
	return nil
}

// ownKernels is the program with kernels that may be changed: its regions would be copied for twice if
// the program were planned again, for another machine.
func ownKernels(p *kernel.Program) *kernel.Program {
	own := &kernel.Program{Name: p.Name, Buffers: slices.Clone(p.Buffers)}
	for _, k := range p.Kernels {
		c := *k
		c.Ins, c.Outs, c.Defs = slices.Clone(k.Ins), slices.Clone(k.Outs), nil
		for _, d := range k.Defs {
			c.Defs = append(c.Defs, d.Clone())
		}
		own.Kernels = append(own.Kernels, &c)
	}
	return own
}

// entering looks for copies at the begin of regions that need not be made: what they copy from is
// written once before each time that the region begins, and nothing needs it then.
func (pl *planner) entering(in kernel.Stretch) {
	for _, s := range pl.prog.Stretches(in) {
		if s.In == in.In {
			continue
		}
		for _, c := range s.In.Enter {
			if pl.shares[c.From] == "" && pl.endsAt(c.From, s) {
				pl.shares[c.From] = c.To
			}
		}
		pl.entering(s)
	}
}

// endsAt reports whether name is a temporary of the kernels around a region that is read before it
// alone, but for the copies at its begin.
func (pl *planner) endsAt(name string, s kernel.Stretch) bool {
	made := false
	for i, k := range pl.prog.Kernels {
		for _, b := range k.Outs {
			made = made || b.Name == name && b.Role == kernel.Temp && k.In == s.In.Parent && i < s.From
		}
		if i >= s.From && slices.ContainsFunc(k.Ins, func(b *kernel.Buffer) bool { return b.Name == name }) {
			return false
		}
		for r := k.In; r != nil; r = r.Parent {
			from := func(c kernel.Copy) bool { return c.From == name }
			if r.Cond == name || slices.ContainsFunc(r.Leave, from) || r != s.In && slices.ContainsFunc(r.Enter, from) {
				return false
			}
		}
	}
	return made
}

// leaving looks for copies at the end of turns that need not be made: the kernel that writes what
// they copy from runs in each turn, and from then on nothing in it needs the old value.
func (pl *planner) leaving(in kernel.Stretch) {
	for _, s := range pl.prog.Stretches(in) {
		if s.In == in.In {
			continue
		}
		for _, c := range s.In.Leave {
			if pl.shares[c.From] == "" && pl.replaces(c, s) {
				pl.shares[c.From] = c.To
			}
		}
		pl.leaving(s)
	}
}

func (pl *planner) replaces(c kernel.Copy, s kernel.Stretch) bool {
	writer := -1
	for i := s.From; i < s.To; i++ {
		k := pl.prog.Kernels[i]
		reads := slices.ContainsFunc(k.Ins, func(b *kernel.Buffer) bool { return b.Name == c.To })
		switch {
		case k.In == s.In && slices.ContainsFunc(k.Outs, func(b *kernel.Buffer) bool { return b.Name == c.From }):
			if writer = i; reads && !readsBeforeWrite(pl.tiles[i], c.To, c.From) {
				return false
			}
		case writer >= 0 && reads:
			return false
		}
		for r := k.In; r != s.In; r = r.Parent {
			if writer >= 0 && (r.Cond == c.To || slices.ContainsFunc(r.Enter, func(e kernel.Copy) bool { return e.From == c.To })) {
				return false
			}
		}
	}
	return writer >= 0
}

// A carrying writes a program's kernels anew, with those that copy.
type carrying struct {
	*planner
	kernels   []*kernel.Kernel
	scheduled []*tile.Program
}

func (c *carrying) stretch(in kernel.Stretch) error {
	for _, s := range c.prog.Stretches(in) {
		if s.In == in.In {
			c.kernels, c.scheduled = append(c.kernels, c.prog.Kernels[s.From]), append(c.scheduled, c.tiles[s.From])
			continue
		}
		if err := c.copies(s.In.Enter, in.In, "enter"); err != nil {
			return err
		}
		if err := c.stretch(s); err != nil {
			return err
		}
		if err := c.copies(s.In.Leave, s.In, "leave"); err != nil {
			return err
		}
	}
	return nil
}

func (c *carrying) copies(list []kernel.Copy, in *kernel.Region, word string) error {
	buffers := buffersByName(c.prog)
	for _, x := range list {
		if c.shares[x.From] == x.To {
			continue
		}
		k := copyKernel(fmt.Sprintf("copy_%s_%s", word, x.To), buffers[x.From], buffers[x.To])
		k.In = in
		t, err := c.schedule(k)
		if err != nil {
			return err
		}
		c.kernels, c.scheduled = append(c.kernels, k), append(c.scheduled, t)
	}
	return nil
}

// copyKernel gives one buffer the elements of another.
func copyKernel(name string, from, to *kernel.Buffer) *kernel.Kernel {
	axes := make([]kernel.Axis, len(to.Type.Shape))
	for i, d := range to.Type.Shape {
		axes[i] = kernel.Axis{Name: axisName("i", i), Extent: d}
	}
	return &kernel.Kernel{Name: name, Ins: []*kernel.Buffer{from}, Outs: []*kernel.Buffer{to}, Defs: []*kernel.Def{{
		Name: to.Name, DType: to.Type.DType, Axes: axes,
		Expr: &kernel.Load{Name: from.Name, DType: from.Type.DType, At: kernel.Points(axes)},
	}}}
}

// memoryOf names a buffer's memory: an update has its weight's, and what is copied nowhere its
// carry's.
func (pl *planner) memoryOf(b *kernel.Buffer) string {
	if b.Role == kernel.Update {
		return b.Of
	}
	return pl.home(b.Name)
}

func (pl *planner) home(name string) string {
	for pl.shares[name] != "" {
		name = pl.shares[name]
	}
	return name
}

// regions makes the entry's regions of those of the kernels, and touches their conditions.
func (pl *planner) regions() {
	for i, k := range pl.prog.Kernels {
		for r := k.In; r != nil && pl.region[r] == nil; r = r.Parent {
			pl.region[r] = &program.Region{Cond: pl.number[r.Cond], Not: r.Not, Loop: r.Loop}
			pl.touch(r.Cond, i)
			pl.entry.Loops = pl.entry.Loops || r.Loop
		}
	}
	for r, x := range pl.region {
		x.Parent = pl.region[r.Parent]
	}
}

// loops lets buffers that were made before a loop, and are used in it, live to its end.
func (pl *planner) loops(in kernel.Stretch) {
	for _, s := range pl.prog.Stretches(in) {
		if s.In == in.In {
			continue
		}
		if s.In.Loop {
			for _, l := range pl.uses {
				b := &pl.entry.Buffers[l.number]
				if b.First < s.From && s.From <= l.kernel && l.kernel < s.To {
					b.Last = max(b.Last, s.To-1)
				}
			}
		}
		pl.loops(s)
	}
}

// A use is one of a buffer by a kernel.
type use struct{ number, kernel int }
