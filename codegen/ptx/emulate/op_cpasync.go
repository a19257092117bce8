package emulate

import "slices"

// cp.async: copies of 4, 8 or 16 bytes from global to shared memory.

func cpAsync(d *decoder) {
	cached := d.oneOf("ca", "cg")
	if to, from := d.space(), d.space(); to != shared || from != global {
		d.refuse("copies from .global to .shared only")
	}
	d.hints()
	dst, src := d.addr(), d.addr()
	size, ok := d.next().value.(uint64)
	if !ok || !slices.Contains([]uint64{4, 8, 16}, size) || cached == "cg" && size != 16 {
		d.refuse("copies 4, 8 or 16 bytes, with .cg 16")
	}
	given := d.e.constant64(size)
	if d.more() {
		given = d.src(u32)
	}
	in := d.in
	d.in.exec = func(w *warp, m uint32) {
		w.each(m, func(l int) {
			n := w.r[given*32+l]
			if n > size {
				w.fault(Misuse, l, "source of %d bytes for a copy of %d", n, size)
				return
			}
			a := w.threadAccess(in, l)
			var from []byte
			if addr := src.at(w, l); n > 0 {
				if from = w.loadRow(global, addr, int(n), int(size), l, a); from == nil {
					return
				}
			}
			to := w.store(shared, dst.at(w, l), int(size), l, a)
			if to == nil {
				return
			}
			clear(to[copy(to, from):])
			w.copies[l].add(a)
		})
	}
}

func cpCommit(d *decoder) {
	d.in.exec = func(w *warp, m uint32) { w.each(m, func(l int) { w.copies[l].commit() }) }
}

func cpWaitGroup(d *decoder) {
	n := d.groups()
	d.in.exec = func(w *warp, m uint32) {
		w.each(m, func(l int) { w.copies[l].wait(w, n, nil) })
	}
}

func cpWaitAll(d *decoder) {
	d.in.exec = func(w *warp, m uint32) {
		w.each(m, func(l int) {
			w.copies[l].commit()
			w.copies[l].wait(w, 0, nil)
		})
	}
}

// cpArrive makes an mbarrier track the thread's earlier copies: it arrives when they have landed.
func cpArrive(d *decoder) {
	noinc := d.has("noinc")
	sp := d.mbarrierSpace()
	d.among(d.typ(), b64)
	addr := d.addr()
	in := d.in
	d.in.exec = func(w *warp, m uint32) {
		w.each(m, func(l int) {
			bar := w.barrierAt(in, sp, addr.at(w, l), l)
			if bar == nil {
				return
			}
			if !noinc {
				bar.pending++
			}
			g := &w.copies[l]
			f := &flight{bar: bar, accesses: g.list, arrive: &handoff{}}
			*g = groups{}
			f.arrive.release(w, l)
			w.u.flying = append(w.u.flying, f)
		})
		w.clock++
	}
}
