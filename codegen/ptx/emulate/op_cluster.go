package emulate

import "math/bits"

// Clusters of blocks, and the instructions that only give hints to hardware.

// clusterBarrier is the barrier of all threads of a unit: arriving and waiting are apart.
type clusterBarrier struct {
	arrived int
	phase   int
	h       *handoff
	done    *handoff
	waiting []waiter
}

// clusterPart is a warp's part in it.
type clusterPart struct {
	arrived [32]int // phases that each lane has arrived in
	waited  [32]int // phases that it has waited for, or does
}

func clusterBarrierOp(d *decoder) {
	arrive := d.oneOf("arrive", "wait") == "arrive"
	aligned := d.has("aligned")
	relaxed := false
	if arrive {
		relaxed = d.one("release", "relaxed") == "relaxed"
	} else {
		d.has("acquire")
	}
	if aligned {
		d.in.flow, d.in.members = gather, liveLanes
	}
	d.in.exec = func(w *warp, m uint32) {
		if arrive {
			w.clusterArrive(m, relaxed)
			return
		}
		w.clusterWait(m)
	}
	if !aligned && !arrive {
		d.in.flow, d.in.members = gather, d.e.special("%lanemask_eq")
	}
}

func (w *warp) clusterArrive(m uint32, relaxed bool) {
	c := &w.u.cluster
	if c.h == nil {
		c.h = &handoff{seen: w.u.newVector(), fenced: w.u.newVector()}
	}
	w.each(m, func(l int) {
		if w.cluster.arrived[l] > w.cluster.waited[l] {
			w.fault(Misuse, l, "arrives twice without waiting in between")
			return
		}
		w.cluster.arrived[l] = c.phase + 1
		if !relaxed {
			c.h.release(w, l)
		}
	})
	w.clock++
	w.spins = 0
	c.arrived += bits.OnesCount32(m)
	w.u.completeCluster()
}

// completeCluster ends the phase when all threads that have not left have arrived.
func (u *unit) completeCluster() {
	c := &u.cluster
	live := 0
	for _, b := range u.blocks {
		live += b.liveThreads()
	}
	if c.h == nil || c.arrived < live {
		return
	}
	c.phase++
	c.arrived, c.done, c.h = 0, c.h, nil
	for _, v := range c.waiting {
		v.w.acquire(v.m, c.done.seen, c.done.fenced)
		v.w.unblock(v.m)
	}
	c.waiting = nil
}

func (w *warp) clusterWait(m uint32) {
	c := &w.u.cluster
	var late uint32
	w.each(m, func(l int) {
		w.cluster.waited[l] = w.cluster.arrived[l]
		switch {
		case w.cluster.arrived[l] == 0:
			w.fault(Misuse, l, "waits without having arrived")
		case w.cluster.arrived[l] > c.phase:
			late |= 1 << l
		default:
			w.acquire(1<<l, c.done.seen, c.done.fenced)
		}
	})
	if late != 0 {
		w.block(late)
		c.waiting = append(c.waiting, waiter{w, late})
	}
}

// mapa gives the address of the same place in another block's shared memory.
func mapa(d *decoder) {
	sp := d.space()
	t := d.among(d.typ(), u32, u64)
	dst, a, rank := d.dst(t), d.src(t), d.src(u32)
	d.in.exec = func(w *warp, m uint32) {
		w.each(m, func(l int) {
			v, to := w.r[a*32+l], w.r[rank*32+l]
			if to >= uint64(len(w.u.blocks)) {
				w.fault(OutOfBounds, l, "block %d of a cluster of %d", to, len(w.u.blocks))
				return
			}
			var window uint64
			if sp == generic {
				window = sharedWindow << windowBits
			}
			w.r[dst*32+l] = window | inBlock(v-window, int(to))
		})
	}
}

// getRank tells whose shared memory an address lies in.
func getRank(d *decoder) {
	d.space()
	t := d.among(d.typ(), u32, u64)
	dst, a := d.dst(b32), d.src(t)
	d.in.exec = func(w *warp, m uint32) {
		w.each(m, func(l int) {
			rank := w.r[a*32+l] & (1<<windowBits - 1) >> rankBits
			if rank == 0 { // an address of the block's own
				rank = uint64(w.b.rank) + 1
			}
			w.r[dst*32+l] = rank - 1
		})
	}
}

// gridControl: launches overlap nowhere here, so waiting for earlier ones is over at once.
func gridControl(d *decoder) {
	d.oneOf("launch_dependents", "wait")
	nothing(d)
}

// setRegisters is setmaxnreg, which changes no value.
func setRegisters(d *decoder) {
	d.oneOf("inc", "dec")
	d.need("sync")
	d.need("aligned")
	d.among(d.typ(), u32)
	n, ok := d.next().value.(uint64)
	if !ok || n < 24 || n > 256 || n%8 != 0 {
		d.refuse("the number of registers must be a multiple of 8 from 24 to 256")
	}
	nothing(d)
	d.in.flow, d.in.members = gather, fullWarp
}

func nanosleep(d *decoder) {
	d.among(d.typ(), u32)
	d.src(u32)
	d.in.exec = func(w *warp, _ uint32) { w.yielded = true }
}
