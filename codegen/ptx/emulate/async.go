package emulate

// Asynchronous copies. Their bytes move when they are issued, but the accesses stay pending, so that nobody can
// tell, until the thread that issued them waits (groups) or until they land at an mbarrier (flights).

// groups holds the accesses of a thread's asynchronous operations in the order in which they were committed.
type groups struct {
	open      []*access
	committed [][]*access
}

func (g *groups) commit() {
	g.committed = append(g.committed, g.open)
	g.open = nil
}

// wait completes all but the last n groups: the thread itself has now done those accesses that match.
func (g *groups) wait(w *warp, n int, match func(*access) bool) {
	done := max(0, len(g.committed)-n)
	for i, list := range g.committed[:done] {
		var rest []*access
		for _, a := range list {
			if match != nil && !match(a) {
				rest = append(rest, a)
				continue
			}
			a.pending, a.clock = false, w.clock
		}
		g.committed[i] = rest
	}
	if match == nil {
		g.committed = g.committed[done:]
	}
}

// flight is an asynchronous copy on its way to an mbarrier.
type flight struct {
	accesses []*access
	bar      *mbarrier
	bytes    int // what it completes of the barrier's transaction count
	arrive   *handoff
}

// land completes a flight: its writes are ordered before whoever observes the phase that it completes.
func (u *unit) land(i int) {
	f := u.flying[i]
	u.flying[i] = u.flying[len(u.flying)-1]
	u.flying = u.flying[:len(u.flying)-1]
	f.bar.clock++
	for _, a := range f.accesses {
		a.pending, a.base, a.clock = false, f.bar.agent, f.bar.clock
		f.bar.copy = a.line
	}
	f.bar.current(u).seen[f.bar.agent] = f.bar.clock
	if f.arrive != nil {
		f.bar.h.seen.raise(f.arrive.seen)
		f.bar.h.fenced.raise(f.arrive.fenced)
		f.bar.pending--
	}
	f.bar.tx -= f.bytes
	f.bar.settle()
}

// threadAccess makes the record of one thread's asynchronous operation.
func (w *warp) threadAccess(in *instr, lane int) *access {
	return &access{unit: w.u.id, base: w.base + lane, clock: w.clock, line: in.line, what: in.op, single: true, pending: true}
}
