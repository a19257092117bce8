package emulate

// Asynchronous copies. Their bytes move when they are issued, but the accesses stay pending, so that nobody can
// tell, until the thread that issued them waits (groups) or until they land at an mbarrier (flights).

// groups holds the accesses of a thread's asynchronous operations in the order of their groups.
type groups struct {
	list []*access // nil where the thread has waited for it before
	ends []int     // of the groups that are committed
}

func (g *groups) add(list ...*access) { g.list = append(g.list, list...) }

func (g *groups) commit() { g.ends = append(g.ends, len(g.list)) }

// wait completes all but the last n groups: the thread itself has now done those accesses that match.
func (g *groups) wait(w *warp, n int, match func(*access) bool) {
	done := len(g.ends) - n
	if done <= 0 {
		return
	}
	end := g.ends[done-1]
	for i, a := range g.list[:end] {
		if a != nil && (match == nil || match(a)) {
			a.pending, a.clock = false, w.clock
			g.list[i] = nil
		}
	}
	if match == nil {
		g.list = append(g.list[:0], g.list[end:]...)
		g.ends = append(g.ends[:0], g.ends[done:]...)
		for i := range g.ends {
			g.ends[i] -= end
		}
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
	a := w.newAccess(in)
	a.base, a.single, a.pending = w.base+lane, true, true
	return a
}
