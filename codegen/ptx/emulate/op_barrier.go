package emulate

import "math/bits"

// Barriers of the block and of the warp, and fences.

// barrier is the state of one of a block's sixteen named barriers.
type barrier struct {
	expected int // threads; 0 while nobody has come
	all      bool
	arrived  int
	waiting  []waiter
	h        *handoff
	line     int
}

type waiter struct {
	w *warp
	m uint32
}

// barrierSync decodes bar.sync, barrier.sync, barrier.cta.sync and the arrive forms.
func barrierOp(alwaysAligned bool) func(*decoder) {
	return func(d *decoder) {
		d.has("cta")
		arrive := false
		switch d.oneOf("sync", "arrive") {
		case "arrive":
			arrive = true
		}
		aligned := d.has("aligned") || alwaysAligned
		id, count := d.src(u32), -1
		if d.more() {
			count = d.src(u32)
		} else if arrive {
			d.refuse("needs a count")
		}
		if aligned {
			d.in.flow, d.in.members = gather, liveLanes
		}
		in := d.in
		d.in.exec = func(w *warp, m uint32) {
			w.reach(in, m, id, count, arrive)
		}
		if !aligned && !arrive {
			d.in.flow, d.in.members = gather, d.e.special("%lanemask_eq")
		}
	}
}

// reach makes lanes arrive at a barrier, and stops them there unless they only arrive.
func (w *warp) reach(in *instr, m uint32, id, count int, arrive bool) {
	lane := bits.TrailingZeros32(m)
	n := w.r[id*32+lane]
	if n >= uint64(len(w.b.barriers)) {
		w.fault(Misuse, lane, "barrier %d, a block has 16", n)
		return
	}
	bar := &w.b.barriers[n]
	expected, all := 0, count < 0
	if !all {
		expected = int(uint32(w.r[count*32+lane]))
		if expected == 0 || expected%32 != 0 || expected > 1024 {
			w.fault(Misuse, lane, "a barrier of %d threads: the number must be a multiple of 32", expected)
			return
		}
	}
	if bar.h == nil {
		*bar = barrier{expected: expected, all: all, h: &handoff{}}
	} else if bar.expected != expected || bar.all != all {
		w.fault(Misuse, lane, "barrier %d with another number of threads than at line %d", n, bar.line)
		return
	}
	bar.line = in.line
	w.spins = 0
	w.each(m, func(l int) { bar.h.release(w, l) })
	w.clock++
	bar.arrived += bits.OnesCount32(m)
	if in.flow == gather && m == w.live && in.members == liveLanes && !all {
		bar.arrived += 32 - bits.OnesCount32(m) // an aligned barrier counts whole warps
	}
	if !arrive {
		w.block(m)
		bar.waiting = append(bar.waiting, waiter{w, m})
	}
	w.b.complete(bar)
}

// complete opens a barrier at which everybody has arrived.
func (b *block) complete(bar *barrier) {
	if bar.h == nil {
		return
	}
	need := bar.expected
	if bar.all {
		need = b.liveThreads()
	}
	if bar.arrived < need {
		return
	}
	if bar.arrived > need {
		v := bar.waiting[len(bar.waiting)-1].w
		v.fault(Misuse, 0, "%d threads arrived at a barrier of %d", bar.arrived, need)
		return
	}
	for _, v := range bar.waiting {
		v.w.acquire(v.m, bar.h.seen, bar.h.fenced)
		v.w.unblock(v.m)
	}
	*bar = barrier{}
}

func (b *block) liveThreads() int {
	n := 0
	for _, w := range b.warps {
		n += bits.OnesCount32(w.live)
	}
	return n
}

// left opens barriers that waited only for threads which have gone.
func (b *block) left(*warp) {
	for i := range b.barriers {
		if b.barriers[i].all {
			b.complete(&b.barriers[i])
		}
	}
	b.u.completeCluster()
}

// warpSync is bar.warp.sync: the lanes of the mask meet, and their memory accesses are ordered.
func warpSync(d *decoder) {
	d.gatherMask(d.src(b32))
	d.in.exec = func(w *warp, m uint32) {
		h := &handoff{}
		w.each(m, func(l int) { h.release(w, l) })
		w.clock++
		w.acquire(m, h.seen, h.fenced)
	}
}

// gatherMask makes the instruction wait for the lanes of a mask register.
func (d *decoder) gatherMask(slot int) {
	d.in.flow, d.in.members = gather, slot
}

// fence and membar order one thread's accesses; here accesses are ordered only by what synchronizes, so a
// plain fence changes nothing. The proxy fences are what the asynchronous proxy waits for.
func fence(d *decoder) {
	if d.has("proxy") {
		if kind := d.oneOf("async", "async::generic", "alias", "tensormap::generic"); kind != "async" {
			d.refuse("only .proxy.async is known")
		}
		d.one("global", "shared::cta", "shared::cluster")
		d.in.exec = func(w *warp, m uint32) { w.fence(m) }
		return
	}
	if d.has("mbarrier_init") {
		d.need("release")
		d.need("cluster")
		d.in.exec = fenceInits
		return
	}
	d.one("acq_rel", "sc", "acquire", "release")
	d.oneOf("cta", "cluster", "gpu", "sys")
	nothing(d)
}

func membar(d *decoder) {
	d.oneOf("cta", "gl", "sys")
	nothing(d)
}
