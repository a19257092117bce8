package tile

import (
	"fmt"
	"strings"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// A Seq says that a phase belongs to a recurrence: neighbouring phases with equal Seqs run one
// after the other at each position of Index, ascending or, Reversed, descending; all threads meet
// after each. In such a phase Index has length 1, and definitions of the recurrence, and no
// others, are computed. What is read of another turn is in memory: a phase of the run stores it.
type Seq struct {
	Index    string
	Reversed bool
}

// runs cuts phases into runs that are repeated together and single phases.
func runs(phases []*Phase) (out [][]*Phase) {
	for i, ph := range phases {
		if last := len(out) - 1; i > 0 && ph.Seq != nil && out[last][0].Seq != nil && *ph.Seq == *out[last][0].Seq {
			out[last] = append(out[last], ph)
			continue
		}
		out = append(out, []*Phase{ph})
	}
	return out
}

// String prints `seq t` or `seq t reversed`.
func (s *Seq) String() string {
	if s.Reversed {
		return "seq " + s.Index + " reversed"
	}
	return "seq " + s.Index
}

// parseSeq reads what String wrote at the head of a phase, if it is there.
func parseSeq(text string) (s *Seq, rest string) {
	after, ok := strings.CutPrefix(text, " seq ")
	if !ok {
		return nil, text
	}
	name, rest, _ := strings.Cut(after, " ")
	s = &Seq{Index: name}
	if rest == "reversed" || strings.HasPrefix(rest, "reversed ") {
		s.Reversed, rest = true, strings.TrimPrefix(strings.TrimPrefix(rest, "reversed"), " ")
	}
	return s, " " + rest
}

// turnRange is what is known of the index of a Seq in one turn.
func turnRange(extent tensor.Dim) Range {
	r := Range{First: tensor.Range{OpenHi: true}, Len: 1}
	if n, ok := extent.Const(); ok {
		r.First = tensor.Range{Hi: max(n-1, 0)}
	}
	return r
}

// seq notes what the phases of a run store, before the first of them is checked.
func (c *checker) seq(run []*Phase) error {
	c.turns = map[string]bool{}
	s := run[0].Seq
	if s == nil {
		return nil
	}
	if _, ok := Extents(c.p.Kernel)[s.Index]; !ok {
		return fmt.Errorf("the kernel has no index %s", s.Index)
	}
	for _, ph := range run {
		c.noteStores(ph.Body)
	}
	return nil
}

func (c *checker) noteStores(nodes []Node) {
	for _, n := range nodes {
		switch n := n.(type) {
		case *Loop:
			c.noteStores(n.Body)
		case *If:
			c.noteStores(n.Then)
		case *Store:
			c.turns[n.Def] = true
		}
	}
}

// turnOf checks that d is computed in a phase of its recurrence and nowhere else.
func (c *checker) turnOf(d *kernel.Def, what string) error {
	s := c.ph.Seq
	if d == nil || s == nil && d.Scan == nil || s != nil && d.Scan != nil && s.Index == d.Scan.Axis && s.Reversed == d.Scan.Reversed {
		return nil
	}
	return fmt.Errorf("%s %s: its recurrence is not that of the phase", what, d.Name)
}

// otherTurn reports whether l, read in this phase, reads d as another turn left it.
func (p *Phase) otherTurn(l *kernel.Load, d *kernel.Def) bool {
	return p.Seq != nil && d != nil && d.OtherTurn(l)
}

// repeat runs the phases of a run, at every position of their Seq where they have one.
func (in *interp) repeat(run []*Phase, first int) {
	seq := run[0].Seq
	turns := int64(1)
	if seq != nil {
		turns = in.span[seq.Index].length
	}
	for turn := range turns {
		for i, ph := range run {
			in.phase, in.turn = first+i, turn
			if seq == nil {
				in.blocks(ph)
				continue
			}
			at, whole := turn, in.span[seq.Index]
			if seq.Reversed {
				at = turns - 1 - turn
			}
			in.span[seq.Index], *in.vars[seq.Index] = span{at, 1}, at
			in.blocks(ph)
			in.span[seq.Index] = whole
		}
	}
}
