package tile

import (
	"fmt"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// Pair is a Stage of an operand of a sum in the order matrix, for a machine that adds products of
// pairs: the elements of neighbouring terms lie side by side, and where their number is odd, a zero
// beside the last. Steps of Def then take terms from an even distance to the start of the copy on.
type Pair struct{ Def, From string }

func (*Pair) node() {}

// Matrix units take this many terms, and this many columns, at once: copies are rounded up to them.
const (
	PairTerms   = 32
	PairColumns = 32
)

// PairBox returns the terms and columns of a paired copy of l, given the most positions of each index.
// Dimensions other than those of the term and of the vector index have one position.
func PairBox(l *kernel.Load, term, vector string, length func(name string) (int64, bool)) (terms, columns int64, err error) {
	for _, e := range l.At {
		x, ok := e.(*kernel.Index)
		switch {
		case !ok:
			return 0, 0, fmt.Errorf("pair: %s is read at a computed index", l.Name)
		case x.Dim.Equal(tensor.Sym(term)):
			terms, _ = length(term)
			continue
		case x.Dim.Equal(tensor.Sym(vector)):
			columns, _ = length(vector)
			continue
		}
		set := map[string]bool{}
		x.Dim.Symbols(set)
		for name := range set {
			if n, index := length(name); index && n != 1 {
				return 0, 0, fmt.Errorf("pair: %s is read at %s, of which more than one position is reached", l.Name, x.Dim)
			}
		}
	}
	if terms < 1 || columns < 1 || terms > 1<<20 || columns > 1<<20 {
		return 0, 0, fmt.Errorf("pair: %s is not read at %s and %s, of known length", l.Name, term, vector)
	}
	return (terms + PairTerms - 1) / PairTerms * PairTerms, (columns + PairColumns - 1) / PairColumns * PairColumns, nil
}

func (c *checker) pair(n *Pair, s *scope) error {
	l, err := Staged(c.p.Kernel, n.Def, n.From)
	if err != nil {
		return err
	}
	d := c.p.Kernel.Def(n.Def)
	if d.Reduce.Order.Kind != kernel.Matrix {
		return fmt.Errorf("pair %s for %s: its order is not matrix", n.From, n.Def)
	}
	key := Stage{n.Def, n.From}
	if s.staged[key] {
		return fmt.Errorf("pair %s for %s: it is staged already", n.From, n.Def)
	}
	term := d.Reduce.Axes[len(d.Reduce.Axes)-1].Name
	if s.ranges[term].Short {
		return fmt.Errorf("pair %s for %s: the range of %s may be cut short here", n.From, n.Def, term)
	}
	terms, columns, err := PairBox(l, term, s.vector, func(name string) (int64, bool) {
		r, ok := s.ranges[name]
		return r.Len, ok
	})
	if err != nil {
		return err
	}
	s.staged[key] = true
	s.room += terms * columns * int64(l.DType.Size())
	if s.room > StageBytes {
		return fmt.Errorf("pair %s for %s: %d bytes of copies, of %d there are", n.From, n.Def, s.room, StageBytes)
	}
	return nil
}
