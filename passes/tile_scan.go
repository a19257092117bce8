package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tile"
	"dlc/runtime/program"
)

// Recurrences. The definitions of one form stages of their own, and the phases made of these are
// repeated: Tile gives them a Seq. Inside a turn the recurrence's axis has one position, so a
// stage's axes are the others. A read of another turn is a read of memory: it orders nothing, and
// no value in registers can serve it.

// turnAxes returns the kept axes of d that are walked inside of a turn: all of them, outside of
// recurrences.
func turnAxes(d *kernel.Def) []kernel.Axis {
	at := d.ScanPlace()
	if at < 0 {
		return d.Axes
	}
	return append(append([]kernel.Axis{}, d.Axes[:at]...), d.Axes[at+1:]...)
}

// carried reports whether l, in the definition d, reads the definition e at another turn of the
// recurrence that both stand in.
func carried(d, e *kernel.Def, l *kernel.Load) bool { return d.InScanWith(e) && e.OtherTurn(l) }

// finished reports whether e, which d reads, is a result of a recurrence that ends before d begins.
func (t *tiler) finished(d, e *kernel.Def) bool {
	return e.Scan != nil && !d.InScanWith(e) && t.output(e.Name) != nil
}

func (s *stage) sameScan(d *kernel.Def) bool {
	if s.scan == nil || d.Scan == nil {
		return s.scan == nil && d.Scan == nil
	}
	return *s.scan == *d.Scan
}

// turned makes the phases from number first on those of the stage's recurrence.
func (t *tiler) turned(s *stage, first int) {
	if s.scan == nil {
		return
	}
	for _, ph := range t.out.Phases[first:] {
		ph.Seq = &tile.Seq{Index: s.scan.Axis, Reversed: s.scan.Reversed}
	}
}

// byScans gives the axis of each recurrence one name.
func (u *unifier) byScans() {
	for i, d := range u.k.Defs {
		if i > 0 && d.InScanWith(u.k.Defs[i-1]) {
			u.union(axisID{i, d.ScanPlace()}, axisID{i - 1, u.k.Defs[i-1].ScanPlace()})
		}
	}
}

// Repeats returns for each phase of a tile program how its launch is repeated, nil where it is not.
func Repeats(t *tile.Program) []*program.Repeat {
	extents := tile.Extents(t.Kernel)
	out := make([]*program.Repeat, len(t.Phases))
	for i, ph := range t.Phases {
		switch {
		case ph.Seq == nil:
		case i > 0 && t.Phases[i-1].Seq != nil && *t.Phases[i-1].Seq == *ph.Seq:
			out[i] = out[i-1]
		default:
			out[i] = &program.Repeat{Turns: extents[ph.Seq.Index], Reversed: ph.Seq.Reversed}
		}
	}
	return out
}

// fewSides is how many values a map may have for each point of its stage.
const fewSides = 8

// besides returns the axes that a map has more than the stage, where these are short: the gates of
// which each is made from the sums of one point. Else nil.
func (s *stage) besides(axes []kernel.Axis) (more []kernel.Axis) {
	for _, a := range s.axes {
		if axisNamed(axes, a.Name) < 0 {
			return nil
		}
	}
	n := int64(1)
	for _, a := range axes {
		if axisNamed(s.axes, a.Name) < 0 {
			more, n = append(more, a), n*extentOf(a, fewSides+1)
		}
	}
	if n > fewSides {
		return nil
	}
	return more
}

// storing stores d at a point of the stage: where it has axes beside those, each of its values by
// code of its own.
func (s *stage) storing(d *kernel.Def) tile.Node {
	var n tile.Node = &tile.Store{Def: d.Name}
	if s.kind != nestStage || s.scan == nil {
		return n
	}
	for _, a := range s.besides(turnAxes(d)) {
		l := each(a.Name, 1, 1, []tile.Node{n})
		l.Unroll, n = true, l
	}
	return n
}
