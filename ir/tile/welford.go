package tile

import "dlc/ir/kernel"

// A state is what a Welford reduction has accumulated, and from how many terms.
type state struct {
	kernel.Moments
	terms int64
}

// add takes in the term at the current point and returns the sum of squares.
func (c *code) add(s *state) uint64 {
	s.terms++
	s.Moments = c.spread.Add(s.Moments, s.terms, c.eval())
	return s.M2
}

func (c *code) joinLanes(lanes []state) uint64 {
	var n int64
	moments := make([]kernel.Moments, len(lanes))
	for i, s := range lanes {
		moments[i], n = s.Moments, n+s.terms
	}
	return c.spread.JoinLanes(moments, n)
}

// joinChunks joins the chunks in their order; how many terms each has follows from its number.
func (c *code) joinChunks(chunks []kernel.Moments) uint64 {
	r := c.def.Reduce
	row, inner := int64(1), int64(1)
	for i, a := range r.Axes {
		if a.Name == r.Order.Axis {
			for _, b := range r.Axes[i+1:] {
				inner *= c.value(b.Extent)
			}
			row = c.value(a.Extent)
		}
	}
	terms := make([]int64, len(chunks))
	per := max(1, (row+r.Order.By-1)/r.Order.By)
	for i := range terms {
		first := int64(i) % per * r.Order.By
		terms[i] = min(r.Order.By, row-first) * inner
	}
	return c.spread.JoinChunks(chunks, terms)
}
