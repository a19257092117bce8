package emulate

// mbarrier is a barrier object in shared memory: a phase ends when all expected arrivals have come and all
// expected bytes of asynchronous copies have landed.
type mbarrier struct {
	expected int // arrivals of each phase
	pending  int // arrivals that the current phase still waits for
	tx       int // bytes that the current phase still waits for
	phase    int // phases completed
	line     int // of its init
	agent    int // its component in vector clocks, for copies that land at it
	clock    uint32
	copy     int      // line of the copy that landed last
	h        *handoff // released in the current phase
	done     *handoff // of the phase completed last
	init     *access
	lane     int  // that initialized it
	fenced   bool // by fence.mbarrier_init
	u        *unit
}

// maxPending is the greatest arrival count, maxTx the greatest transaction count.
const (
	maxPending = 1<<20 - 1
	maxTx      = 1<<20 - 1
)

func (b *mbarrier) current(u *unit) *handoff {
	if b.h == nil {
		b.h = &handoff{seen: u.newVector(), fenced: u.newVector()}
	}
	return b.h
}

// settle ends the phase when nothing is missing.
func (b *mbarrier) settle() {
	if b.pending != 0 || b.tx != 0 {
		return
	}
	b.phase++
	b.pending = b.expected
	b.done, b.h = b.h, nil
	for _, w := range b.u.warps {
		w.spins = 0
	}
}

// mbarrierInit makes the object at an address.
func (w *warp) mbarrierInit(in *instr, sp space, addr uint64, lane int, count uint64) {
	if count == 0 || count > maxPending {
		w.fault(Misuse, lane, "an mbarrier of %d arrivals", count)
		return
	}
	a := w.newAccess(in)
	r, off, ok := w.span(sp, addr, 8, 8, lane)
	if !ok || !w.writes(r, off, 8, lane, a) {
		return
	}
	owner := w.blockOf(r)
	if owner == nil {
		w.fault(Misuse, lane, "an mbarrier outside of shared memory")
		return
	}
	if old := owner.objects[off]; old != nil {
		w.fault(Misuse, lane, "initializes the mbarrier of line %d again without mbarrier.inval", old.line)
		return
	}
	if w.u.agents == maxAgents {
		w.fault(Misuse, lane, "more than %d mbarriers in a cluster", maxAgents)
		return
	}
	w.u.agents++
	owner.objects[off] = &mbarrier{expected: int(count), pending: int(count), line: in.line, agent: w.u.threads + w.u.agents - 1,
		init: a, lane: lane, u: w.u}
}

func (w *warp) blockOf(r *region) *block {
	for _, b := range w.u.blocks {
		if b.shared == r {
			return b
		}
	}
	return nil
}

// barrierAt finds the object at an address for an operation on it, which is atomic.
func (w *warp) barrierAt(in *instr, sp space, addr uint64, lane int) *mbarrier {
	a := w.newAccess(in)
	a.atomic = true
	r, off, ok := w.span(sp, addr, 8, 8, lane)
	if !ok {
		return nil
	}
	owner := w.blockOf(r)
	if owner == nil || owner.objects[off] == nil {
		w.fault(Uninitialized, lane, "no mbarrier has been initialized at %s", r.place(off))
		return nil
	}
	if !w.writes(r, off, 8, lane, a) {
		return nil
	}
	return owner.objects[off]
}

// arrive counts n arrivals of a lane.
func (w *warp) arriveAt(bar *mbarrier, lane, n, tx int) (state int) {
	state = bar.phase
	bar.current(w.u).release(w, lane)
	w.expect(bar, lane, tx)
	if bar.pending -= n; bar.pending < 0 {
		w.fault(Misuse, lane, "more arrivals than the mbarrier of line %d expects", bar.line)
	} else {
		bar.settle()
	}
	return state
}

// expect makes the current phase wait for more bytes.
func (w *warp) expect(bar *mbarrier, lane, tx int) {
	if bar.tx += tx; bar.tx > maxTx {
		w.fault(Misuse, lane, "the mbarrier of line %d expects more than %d bytes", bar.line, maxTx)
	}
}

// fenceInits is fence.mbarrier_init: it makes the thread's initializations known to the asynchronous proxy.
func fenceInits(w *warp, m uint32) {
	for _, b := range w.u.blocks {
		for _, bar := range b.objects {
			if bar.init.base == w.base && m>>bar.lane&1 != 0 {
				bar.fenced = true
			}
		}
	}
}

// knownToCopies checks that a lane may hand the barrier to an asynchronous copy.
func (w *warp) knownToCopies(bar *mbarrier, lane int) bool {
	if bar.fenced || w.fenced[lane].at(bar.init.base+bar.lane) >= bar.init.clock {
		return true
	}
	w.fault(Proxy, lane, "uses the mbarrier initialized at line %d without a fence.mbarrier_init or fence.proxy.async after it", bar.line)
	return false
}
