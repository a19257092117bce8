package passes

import (
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
	"dlc/runtime/program"
)

// teams finds kernels with equal bodies side by side, such as the updates of all parameters, of
// whatever sizes: neighbours of one phase each of which none needs another. Their blocks become one
// grid: threads share them out as if they were one kernel's, and meet once, at the end. It returns
// the first and last kernel of each kernel's team.
func (pl *planner) teams() (first, last []int) {
	first, last = make([]int, len(pl.tiles)), make([]int, len(pl.tiles))
	for i := 0; i < len(pl.tiles); {
		reads, writes := map[string]bool{}, map[string]bool{}
		end := i
		for end < len(pl.tiles) && (end == i || sameBody(pl.tiles[i], pl.tiles[end]) && pl.free(pl.tiles[end], reads, writes)) {
			pl.touches(pl.tiles[end], reads, writes)
			end++
		}
		for j := i; j < end; j++ {
			first[j], last[j] = i, end-1
		}
		i = end
	}
	return first, last
}

// sideBySide moves kernels of which the results are kept anyway, or small, next to an earlier one
// with the same body, where no kernel between needs to come first.
func (pl *planner) sideBySide() {
	for i := 0; i < len(pl.tiles); i++ {
		reads, writes := map[string]bool{}, map[string]bool{}
		at := i + 1 // behind those of the body, which all come before what is noted
		for j := i + 1; j < min(len(pl.tiles), i+maxDistance); j++ {
			t, k := pl.tiles[j], pl.prog.Kernels[j]
			if k.In != pl.prog.Kernels[i].In {
				break
			}
			if sameBody(pl.tiles[i], t) && keeps(t) && pl.free(t, reads, writes) {
				copy(pl.tiles[at+1:j+1], pl.tiles[at:j])
				copy(pl.prog.Kernels[at+1:j+1], pl.prog.Kernels[at:j])
				pl.tiles[at], pl.prog.Kernels[at] = t, k
				at++
				continue
			}
			pl.touches(t, reads, writes)
		}
		i = at - 1
	}
}

// keeps reports whether no result of t takes much memory that others could have.
func keeps(t *tile.Program) bool {
	for _, b := range slices.Concat(t.Kernel.Outs, t.Temps) {
		n, ok := b.Type.Shape.Size().Const()
		if b.Role == kernel.Temp && (!ok || n > smallMap) {
			return false
		}
	}
	return true
}

// free reports whether t needs nothing that was written, and writes nothing that was read or
// written.
func (pl *planner) free(t *tile.Program, reads, writes map[string]bool) bool {
	for _, b := range t.Kernel.Ins {
		if writes[pl.memoryOf(b)] {
			return false
		}
	}
	for _, b := range slices.Concat(t.Kernel.Outs, t.Temps) {
		if reads[pl.memoryOf(b)] || writes[pl.memoryOf(b)] {
			return false
		}
	}
	return true
}

// touches adds what t reads and writes.
func (pl *planner) touches(t *tile.Program, reads, writes map[string]bool) {
	for _, b := range t.Kernel.Ins {
		reads[pl.memoryOf(b)] = true
	}
	for _, b := range slices.Concat(t.Kernel.Outs, t.Temps) {
		writes[pl.memoryOf(b)] = true
	}
}

// sameBody reports whether two kernels of one phase, in one region, differ at most in names and extents.
func sameBody(a, b *tile.Program) bool {
	if a.Kernel.In != b.Kernel.In || len(a.Phases) != 1 || len(b.Phases) != 1 || a.Phases[0].Seq != nil || b.Phases[0].Seq != nil || len(a.Kernel.Defs) != len(b.Kernel.Defs) {
		return false
	}
	return body(a.Kernel) == body(b.Kernel)
}

// body is a text that kernels share which differ in names and extents only.
func body(k *kernel.Kernel) string {
	any := tensor.Sym("$")
	buffers := func(list []*kernel.Buffer) []*kernel.Buffer {
		out := make([]*kernel.Buffer, len(list))
		for i, b := range list {
			out[i] = &kernel.Buffer{Name: b.Name, Type: tensor.Type{DType: b.Type.DType}, Layout: b.Layout}
			for range b.Type.Shape {
				out[i].Type.Shape = append(out[i].Type.Shape, any)
			}
		}
		return out
	}
	c := &kernel.Kernel{Name: k.Name, Ins: buffers(k.Ins), Outs: buffers(k.Outs)}
	for _, d := range k.Defs {
		d = d.Clone()
		for i := range d.Axes {
			d.Axes[i].Extent = any
		}
		if d.Reduce != nil {
			for i := range d.Reduce.Axes {
				d.Reduce.Axes[i].Extent = any
			}
		}
		c.Defs = append(c.Defs, d)
	}
	return kernel.Canonical(c)
}

// gather makes the launches of each team one grid.
func (pl *planner) gather(last []int) {
	var team *program.Team
	for i := range pl.entry.Steps {
		l := &pl.entry.Steps[i]
		if team != nil {
			l.Team = team
		}
		switch {
		case last[l.Number] == l.Number:
			team = nil
		case team == nil:
			team = &program.Team{}
			l.Team = team
		}
	}
}
