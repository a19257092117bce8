package tile

import (
	"fmt"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// Sort evaluates the terms of the argsort Def on one row, all its axes but the rank of length 1,
// and writes the positions of all ranks to its output or Temp. Terms and positions lie in the
// thread's memory meanwhile, or in Temp: u64 at [blocks of the grid ..., twice SortPairs of the
// terms], a part for each block.
type Sort struct{ Def, Temp string }

func (*Sort) node() {}

// String prints `sort p` or `sort p in t`.
func (n *Sort) String() string {
	if n.Temp == "" {
		return "sort " + n.Def
	}
	return "sort " + n.Def + " in " + n.Temp
}

// What a Sort takes of the thread's memory beside the pairs of a key and a position: a few words,
// and counts of digits, fewer where the pairs are in a Temp.
const (
	SortWords  = 512
	SortCounts = 24 << 10
	SortFewer  = 4 << 10
	sortSlack  = 64  // pairs behind the last that may be written
	sortFew    = 512 // pairs kept at least where the first ranks are selected
)

// SortPairs is how many pairs of a key and a position each of the two lists of a Sort has room
// for, given how many there can be.
func SortPairs(n tensor.Dim) tensor.Dim { return n.AddInt(sortSlack) }

// SelectFrom returns, where an argsort wants only a few of many terms, how many pairs are sorted
// at once to select them; ok is false where all terms are sorted.
func SelectFrom(d *kernel.Def) (pairs int64, ok bool) {
	ranks, constant := d.Axes[len(d.Axes)-1].Extent.Const()
	terms, all := d.Reduce.Axes[0].Extent.Const()
	pairs = max(sortFew, 2*ranks)
	return pairs, constant && ranks <= 8*sortFew && (!all || terms >= 4*pairs)
}

// SortRoom returns the bytes of the thread's memory that a Sort of d without a Temp takes, -1 where
// no number does.
func SortRoom(d *kernel.Def) int64 {
	n, ok := SelectFrom(d)
	if !ok {
		n, ok = d.Reduce.Axes[0].Extent.Const()
	}
	if bytes := SortWords + SortCounts + 2*8*(n+sortSlack); ok && bytes <= StageBytes {
		return bytes
	}
	return -1
}

func (c *checker) sort(n *Sort, s *scope) error {
	d := c.p.Kernel.Def(n.Def)
	if d == nil || !d.Sorts() || c.place(n.Def) == nil {
		return fmt.Errorf("sort %s: it is no argsort with an output or temp of its name", n.Def)
	}
	if d.Expr.Type().Size() > 4 {
		return fmt.Errorf("sort %s: its terms are %s, and only those of up to 32 bits are sorted", n.Def, d.Expr.Type())
	}
	if _, again := c.stored[n.Def]; again {
		return fmt.Errorf("sort %s: it is stored already", n.Def)
	}
	c.stored[n.Def] = c.number
	if c.ph.Vector != d.Reduce.Axes[0].Name {
		return fmt.Errorf("sort %s: its terms do not lie across the lanes", n.Def)
	}
	rank := len(d.Axes) - 1
	for i, a := range d.AllAxes() {
		switch r := s.ranges[a.Name]; {
		case i < rank && (r.Len > 1 || r.Len < 0 || r.Short): // 0: there are no rows
			return fmt.Errorf("sort %s: %s has not length 1", n.Def, a.Name)
		case i >= rank && !r.Whole:
			return fmt.Errorf("sort %s: %s is not whole", n.Def, a.Name)
		}
	}
	room := int64(SortWords + SortFewer)
	if n.Temp == "" {
		if room = SortRoom(d); room < 0 {
			return fmt.Errorf("sort %s: its pairs may be too many for the thread's memory", n.Def)
		}
	}
	if s.room+room > StageBytes {
		return fmt.Errorf("sort %s: %d bytes of the thread's memory, of %d there are", n.Def, s.room+room, StageBytes)
	}
	if err := c.sortTemp(n, d); err != nil {
		return err
	}
	if err := c.owned(d.Axes[:rank], s, "sort "+n.Def); err != nil {
		return err
	}
	return c.reads(d, s)
}

func (c *checker) sortTemp(n *Sort, d *kernel.Def) error {
	if n.Temp == "" {
		return nil
	}
	want := SortTemp(c.ph, c.p.Kernel, d)
	b := c.temp(n.Temp)
	if b == nil || b.Type.DType != tensor.U64 || !b.Type.Shape.Equal(want) {
		return fmt.Errorf("sort %s: %s is no temp u64[%s]", n.Def, n.Temp, want)
	}
	return nil
}

// SortTemp is the shape of the Temp of a Sort of d in the phase.
func SortTemp(ph *Phase, k *kernel.Kernel, d *kernel.Def) tensor.Shape {
	extents := Extents(k)
	var s tensor.Shape
	for _, g := range ph.Grid {
		s = append(s, extents[g.Index].CeilDiv(g.By[0]))
	}
	return append(s, SortPairs(d.Reduce.Axes[0].Extent).Scale(2))
}

func (in *interp) sort(n *Sort) {
	c := in.compiled(n.Def)
	d := c.def
	rank := d.Axes[len(d.Axes)-1]
	in.points(d.Axes[:len(d.Axes)-1], func() {
		var keys []uint64
		in.points(d.Reduce.Axes, func() {
			c.compile.Moved()
			keys = append(keys, kernel.SortKey(d.Expr.Type(), c.eval(), d.Reduce.Op == kernel.ArgSortDescending))
		})
		at := kernel.Positions(keys, int(in.span[rank.Name].length))
		in.points([]kernel.Axis{rank}, func() { in.write(n.Def, in.position(d), uint64(at[*in.vars[rank.Name]])) })
	})
}
