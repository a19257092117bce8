package emulate

// Instructions on mbarrier objects.

// mbarrierSpace takes the state space: generic, or shared in one of its spellings.
func (d *decoder) mbarrierSpace() space {
	sp := d.space()
	if sp != generic && sp != shared && sp != cluster {
		d.refuse("mbarriers lie in shared memory")
	}
	return sp
}

func mbarrierInit(d *decoder) {
	sp := d.mbarrierSpace()
	d.among(d.typ(), b64)
	addr, count := d.addr(), d.src(u32)
	in := d.in
	d.in.exec = func(w *warp, m uint32) {
		w.each(m, func(l int) { w.mbarrierInit(in, sp, addr.at(w, l), l, w.r[count*32+l]) })
	}
}

func mbarrierInval(d *decoder) {
	sp := d.mbarrierSpace()
	d.among(d.typ(), b64)
	addr := d.addr()
	in := d.in
	d.in.exec = func(w *warp, m uint32) {
		w.each(m, func(l int) {
			a := w.newAccess(in)
			r, off, ok := w.span(sp, addr.at(w, l), 8, 8, l)
			if !ok || !w.writes(r, off, 8, l, a) {
				return
			}
			if owner := w.blockOf(r); owner == nil || owner.objects[off] == nil {
				w.fault(Uninitialized, l, "no mbarrier has been initialized at %s", r.place(off))
			} else {
				delete(owner.objects, off)
			}
		})
	}
}

// semantics takes .release or .acquire and a scope; .relaxed is not known, because nothing would be ordered.
func (d *decoder) semantics(name string) {
	if d.has(name) {
		d.oneOf("cta", "cluster")
	}
}

// mbarrierArrive decodes mbarrier.arrive and mbarrier.arrive.expect_tx.
func mbarrierArrive(d *decoder) {
	expect := d.has("expect_tx")
	d.semantics("release")
	sp := d.mbarrierSpace()
	d.among(d.typ(), b64)
	state := -1
	if o := &d.st.operands[0]; o.kind == nameOperand {
		state = d.dst(b64)
	}
	addr := d.addr()
	one := d.e.constant64(1)
	count, tx := one, d.e.constant64(0)
	switch {
	case expect:
		tx = d.src(u32)
	case d.more():
		count = d.src(u32)
	}
	in := d.in
	d.in.exec = func(w *warp, m uint32) {
		w.each(m, func(l int) {
			bar := w.barrierAt(in, sp, addr.at(w, l), l)
			if bar == nil {
				return
			}
			v := w.arriveAt(bar, l, int(uint32(w.r[count*32+l])), int(uint32(w.r[tx*32+l])))
			if state >= 0 {
				w.r[state*32+l] = uint64(v)
			}
		})
		w.clock++
		w.spins = 0
	}
}

// mbarrierExpect is mbarrier.expect_tx, which counts bytes without arriving.
func mbarrierExpect(d *decoder) {
	if d.has("relaxed") {
		d.oneOf("cta", "cluster")
	}
	sp := d.mbarrierSpace()
	d.among(d.typ(), b64)
	addr, tx := d.addr(), d.src(u32)
	in := d.in
	d.in.exec = func(w *warp, m uint32) {
		w.each(m, func(l int) {
			if bar := w.barrierAt(in, sp, addr.at(w, l), l); bar != nil {
				w.expect(bar, l, int(uint32(w.r[tx*32+l])))
			}
		})
	}
}

// mbarrierWait decodes test_wait and try_wait, by parity or by the state that an arrival gave. A failed wait
// ends the warp's turn.
func mbarrierWait(d *decoder) {
	parity := d.has("parity")
	d.semantics("acquire")
	sp := d.mbarrierSpace()
	d.among(d.typ(), b64)
	dst, addr := d.predDst(), d.addr()
	var which int
	if parity {
		which = d.src(u32)
	} else {
		which = d.src(b64)
	}
	if d.more() {
		d.src(u32) // a time limit
	}
	in := d.in
	d.in.exec = func(w *warp, m uint32) {
		var ok uint32
		w.each(m, func(l int) {
			bar := w.barrierAt(in, sp, addr.at(w, l), l)
			if bar == nil {
				return
			}
			v := w.r[which*32+l]
			if parity && v > 1 {
				w.fault(Misuse, l, "waits for parity %d, which is neither 0 nor 1", v)
				return
			}
			passed := bar.phase > int(v)
			if parity {
				passed = uint64(bar.phase&1) != v
			}
			if !passed {
				return
			}
			ok |= 1 << l
			if bar.done != nil {
				w.acquire(1<<l, bar.done.seen, bar.done.fenced)
			}
		})
		w.setPred(dst, m, ok)
		if ok == 0 {
			w.spins++
			w.vain, w.yielded = in, true
			return
		}
		w.spins = 0
	}
}
