package emulate

// Loads and stores.

// hints takes modifiers that change no value: cache operators and eviction priorities.
func (d *decoder) hints() {
	for d.one("ca", "cg", "cs", "lu", "cv", "wb", "wt", "L1::evict_normal", "L1::evict_unchanged", "L1::evict_first", "L1::evict_last",
		"L1::no_allocate", "L2::64B", "L2::128B", "L2::256B") != "" {
	}
	if d.has("L2::cache_hint") {
		d.refuse("cache hints are not known")
	}
}

// ordering is how an access takes part in synchronization.
type ordering struct {
	strong           bool // atomic in itself: no race with other strong accesses
	acquire, release bool
}

// order takes the modifiers of the memory consistency model.
func (d *decoder) order() ordering {
	var o ordering
	switch d.one("weak", "volatile", "relaxed", "acquire", "release", "acq_rel") {
	case "", "weak":
		return o
	case "acquire":
		o.acquire = true
	case "release":
		o.release = true
	case "acq_rel":
		o.acquire, o.release = true, true
	}
	o.strong = true
	d.one("cta", "cluster", "gpu", "sys")
	return o
}

func (d *decoder) lanesOfVector() int {
	switch d.one("v2", "v4") {
	case "v2":
		return 2
	case "v4":
		return 4
	}
	return 1
}

// elementType takes the type of a load's or store's elements.
func (d *decoder) elementType() typ {
	return d.among(d.typ(), b8, b16, b32, b64, u8, u16, u32, u64, s8, s16, s32, s64, f16, bf16, f16x2, bf16x2, f32, f64)
}

func ld(d *decoder) {
	order, sp := d.order(), d.space()
	nc := d.has("nc")
	d.hints()
	n, t := d.lanesOfVector(), d.elementType()
	size := t.bytes()
	list := d.vector()
	if len(list) != n {
		d.refuse("a vector of %d, expected %d", len(list), n)
	}
	dst, keep := make([]int, n), make([]uint64, n)
	for i := range list {
		dst[i] = d.dstOf(&list[i], t, true)
		keep[i] = ^uint64(0) >> (64 - min(64, d.widthOf(&list[i])))
	}
	a := d.addr()
	in := d.in
	d.in.exec = func(w *warp, m uint32) {
		acc := w.newAccess(in)
		acc.atomic, acc.reads = order.strong, true
		w.each(m, func(l int) {
			addr := a.at(w, l)
			b := w.load(sp, addr, n*size, l, acc)
			if b == nil || nc && !w.nonCoherent(addr, n*size, l, acc) {
				return
			}
			for i, s := range dst {
				w.r[s*32+l] = extend(t, get(b[i*size:(i+1)*size])) & keep[i]
			}
			if order.acquire {
				w.acquireAt(sp, addr, l)
			}
		})
	}
}

// nonCoherent notes that the words are read through the read-only path, which no write of the launch may touch.
func (w *warp) nonCoherent(addr uint64, size, lane int, a *access) bool {
	r, off := w.find(generic, addr, lane)
	if r == nil || r.cells == nil {
		return true
	}
	t := touch{w: w, reg: r, lane: lane, a: a, kind: promising}
	return t.cover(off, size)
}

func st(d *decoder) {
	order, sp := d.order(), d.space()
	d.hints()
	n, t := d.lanesOfVector(), d.elementType()
	size := t.bytes()
	a := d.addr()
	list := d.vector()
	if len(list) != n {
		d.refuse("a vector of %d, expected %d", len(list), n)
	}
	src := make([]int, n)
	for i := range list {
		src[i] = d.srcOf(&list[i], t, true)
	}
	in := d.in
	d.in.exec = func(w *warp, m uint32) {
		acc := w.newAccess(in)
		acc.atomic = order.strong
		w.each(m, func(l int) {
			addr := a.at(w, l)
			b := w.store(sp, addr, n*size, l, acc)
			if b == nil {
				return
			}
			for i, s := range src {
				put(b[i*size:(i+1)*size], w.r[s*32+l])
			}
			if order.release {
				w.releaseAt(sp, addr, l)
			}
		})
		if order.release {
			w.clock++
		}
	}
}

// prefetch and friends only check that the operand is an address.
func prefetch(d *decoder) {
	d.space()
	d.one("L1", "L2", "tensormap", "L2::evict_last", "L2::evict_normal")
	d.addr()
	d.in.exec = func(*warp, uint32) {}
}
