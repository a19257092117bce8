package tile

import (
	"fmt"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// Stage copies the part of the input From that the one load of it in Def's expression reaches
// while the indices run over their current sub-ranges: its Box. From there to the end of the node
// list, steps of Def read the copy, which lies in memory of the thread's own with rows that fall
// on different cache sets. Positions outside of From are not copied, and never read.
type Stage struct{ Def, From string }

func (*Stage) node() {}

// StageBytes is what the copies that are alive at one place may take together.
const StageBytes = 768 << 10

// A Box is the part of a buffer that a load reaches: Lengths positions of each dimension, and
// the distances between neighbours of each in the copy, in elements.
type Box struct {
	Lengths, Pitches []int64
	Elements         int64
}

// Cache lines are 64 bytes in every machine description.
const (
	lineBytes = 64
	fewLines  = 8 // rows of no more lines lie back to back
)

// BoxOf returns the box of l, given for each index the most positions it runs over (-1: no bound
// is known; ok false: no index).
func BoxOf(l *kernel.Load, length func(name string) (n int64, ok bool)) (Box, error) {
	b := Box{Elements: 1}
	for _, e := range l.At {
		x, ok := e.(*kernel.Index)
		if !ok {
			return b, fmt.Errorf("%s is read at a computed index", l.Name)
		}
		set := map[string]bool{}
		x.Dim.Symbols(set)
		n := int64(1)
		for name := range set {
			most, index := length(name)
			if !index {
				continue
			}
			c, _, linear := x.Dim.Linear(name)
			by, constant := c.Const()
			if !linear || !constant || most < 0 {
				return b, fmt.Errorf("%s is read at %s, of which no constant range is known", l.Name, x.Dim)
			}
			n += max(by, -by) * max(most-1, 0)
		}
		b.Lengths = append(b.Lengths, n)
	}
	line := int64(lineBytes / max(1, l.DType.Size()))
	b.Pitches = make([]int64, len(b.Lengths))
	for i := len(b.Lengths) - 1; i >= 0; i-- {
		b.Pitches[i] = b.Elements
		b.Elements *= b.Lengths[i]
		if i == len(b.Lengths)-1 { // an odd number of lines: rows fall on all sets in turn
			lines := (b.Elements + line - 1) / line
			if lines > fewLines {
				lines |= 1
			}
			b.Elements = lines * line
		}
	}
	return b, nil
}

// Low returns the first position of a box along dimension d of its load, given the start of each
// index's sub-range and its most positions.
func Low(d tensor.Dim, start func(name string) (first tensor.Dim, most int64, ok bool)) tensor.Dim {
	set, by := map[string]bool{}, map[string]tensor.Dim{}
	d.Symbols(set)
	for name := range set {
		first, most, ok := start(name)
		if !ok {
			continue
		}
		if c, _, _ := d.Linear(name); c.Bounds(nil).Hi < 0 {
			first = first.AddInt(most - 1)
		}
		by[name] = first
	}
	return d.Subst(by)
}

// Staged returns the load that Stage{def, from} is about.
func Staged(k *kernel.Kernel, def, from string) (*kernel.Load, error) {
	d := k.Def(def)
	if d == nil || d.Reduce == nil {
		return nil, fmt.Errorf("stage %s for %s: that is no reduction", from, def)
	}
	var found *kernel.Load
	for _, l := range d.Loads() {
		if l.Name == from && found != nil {
			return nil, fmt.Errorf("stage %s for %s: it is read there more than once", from, def)
		}
		if l.Name == from {
			found = l
		}
	}
	for _, b := range k.Ins {
		if b.Name == from && found != nil && b.Layout == nil && k.Def(from) == nil {
			return found, nil
		}
	}
	return nil, fmt.Errorf("stage %s for %s: it reads no input of that name that is stored row-major", from, def)
}

// stage checks the node and counts the memory it takes.
func (c *checker) stage(n *Stage, s *scope) error {
	l, err := Staged(c.p.Kernel, n.Def, n.From)
	if err != nil {
		return err
	}
	if s.staged[*n] {
		return fmt.Errorf("stage %s for %s: it is staged already", n.From, n.Def)
	}
	box, err := BoxOf(l, func(name string) (int64, bool) {
		r, ok := s.ranges[name]
		return r.Len, ok
	})
	if err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	s.staged[*n] = true
	s.room += box.Elements * int64(l.DType.Size())
	if s.room > StageBytes {
		return fmt.Errorf("stage %s for %s: %d bytes of copies, of %d there are", n.From, n.Def, s.room, StageBytes)
	}
	return nil
}

// A window is what the interpreter knows of a stage: the positions that the copy holds.
type window struct{ low, lengths []int64 }

func (in *interp) stage(n *Stage) {
	l, err := Staged(in.p.Kernel, n.Def, n.From)
	if err != nil {
		failf("%w", err)
	}
	box, err := BoxOf(l, func(name string) (int64, bool) {
		s, ok := in.span[name]
		return s.length, ok
	})
	if err != nil {
		failf("%w", err)
	}
	w := &window{lengths: box.Lengths}
	for _, e := range l.At {
		w.low = append(w.low, in.value(Low(e.(*kernel.Index).Dim, func(name string) (tensor.Dim, int64, bool) {
			s, ok := in.span[name]
			return tensor.Int(s.first), s.length, ok
		})))
	}
	in.windows[*n] = w
}

// staged fails where d, which is stepped, reads a staged buffer outside of the copy.
func (in *interp) staged(def, from string, at []int64) {
	w := in.windows[Stage{def, from}]
	if w == nil {
		return
	}
	for i, v := range at {
		if v < w.low[i] || v >= w.low[i]+w.lengths[i] {
			failf("%s reads %s at %v, outside of what is staged", def, from, at)
		}
	}
}
