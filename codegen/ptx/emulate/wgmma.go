package emulate

import "math/bits"

// The state behind wgmma: which registers are in flight, and which products a warpgroup has under way.

// warpgroup is four warps that multiply together. Its asynchronous products are an agent of their own in
// vector clocks: they have read their operands in shared memory when some warp has waited for them.
type warpgroup struct {
	agent  int
	groups [][]*access // reads of shared memory, by wgmma-group
	warps  [4]int      // groups committed by each warp
}

// wgmmaState is one warp's part.
type wgmmaState struct {
	group    *warpgroup
	writes   []int // per register slot: when an ordinary instruction last wrote it
	lines    []int // ... and where
	now      int
	fencedAt int // when wgmma.fence last ran; -1 before the first
	sums     inFlight
	sources  inFlight
}

// inFlight has what registers know of a product; those of the slots have one.
type inFlight struct {
	of    []underWay // by slot; line 0 where there is none
	slots []int
}

func (f *inFlight) add(slot int, p underWay) {
	if f.of[slot].line == 0 {
		f.slots = append(f.slots, slot)
	}
	f.of[slot] = p
}

// end forgets the products of groups before n.
func (f *inFlight) end(n int, each func(slot int)) {
	left := f.slots[:0]
	for _, slot := range f.slots {
		if f.of[slot].group >= n {
			left = append(left, slot)
			continue
		}
		f.of[slot] = underWay{}
		each(slot)
	}
	f.slots = left
}

// underWay is a wgmma under way, as a register knows it.
type underWay struct {
	line, group, n int
}

func newWgmmaState(slots int) *wgmmaState {
	return &wgmmaState{writes: make([]int, slots), lines: make([]int, slots), fencedAt: -1, sums: inFlight{of: make([]underWay, slots)}, sources: inFlight{of: make([]underWay, slots)}}
}

// mayWrite checks that an ordinary instruction writes no register that a product still uses.
func (s *wgmmaState) mayWrite(w *warp, in *instr, m uint32) bool {
	s.now++
	for _, slot := range in.writes {
		if line := max(s.sums.of[slot].line, s.sources.of[slot].line); line > 0 && m != 0 {
			w.fault(Pending, bits.TrailingZeros32(m), "writes %s, a register of the wgmma at line %d that has not been waited for", w.u.run.e.registerName(slot), line)
			return false
		}
		s.writes[slot], s.lines[slot] = s.now, in.line
	}
	return true
}

// mayUse checks that wgmma.fence ordered all writes of a register before the product.
func (s *wgmmaState) mayUse(w *warp, slot int) bool {
	if s.fencedAt >= 0 && s.writes[slot] <= s.fencedAt {
		return true
	}
	if s.fencedAt < 0 {
		w.fault(Misuse, 0, "no wgmma.fence comes before it")
		return false
	}
	w.fault(Misuse, 0, "%s was written at line %d, after the last wgmma.fence", w.u.run.e.registerName(slot), s.lines[slot])
	return false
}

// warpgroupOf gives the group of a warp; its four warps must exist and be whole.
func (w *warp) warpgroupOf() *warpgroup {
	if w.mma.group != nil {
		return w.mma.group
	}
	first := w.id &^ 3
	if first+4 > len(w.b.warps) {
		w.fault(Misuse, 0, "the block has no four warps from warp %d on", first)
		return nil
	}
	if w.u.agents == maxAgents {
		w.fault(Misuse, 0, "more than %d mbarriers and warpgroups", maxAgents)
		return nil
	}
	w.u.agents++
	g := &warpgroup{agent: w.u.threads + w.u.agents - 1}
	for _, v := range w.b.warps[first : first+4] {
		v.mma.group = g
	}
	return g
}

func (g *warpgroup) add(i int, a *access) {
	for len(g.groups) <= i {
		g.groups = append(g.groups, nil)
	}
	g.groups[i] = append(g.groups[i], a)
}

// finish makes everything up to group n done for the waiting warp. It tells false while another warp of the
// warpgroup has not issued as much.
func (s *wgmmaState) finish(w *warp, n int) bool {
	g := s.group
	for _, have := range g.warps {
		if have < n {
			return false
		}
	}
	for i := 0; i < min(n, len(g.groups)); i++ {
		for _, a := range g.groups[i] {
			a.pending = false
		}
		g.groups[i] = nil
	}
	s.sums.end(n, func(slot int) { w.undef[slot] = 0 })
	s.sources.end(n, func(int) {})
	v := w.u.newVector()
	v[g.agent] = uint32(n)
	w.acquire(w.live, v, nil)
	return true
}
