package emulate

import "math"

// atom and red, and what acquire and release at a location mean.

func atom(d *decoder) { atomic(d, true) }
func red(d *decoder)  { atomic(d, false) }

func atomic(d *decoder, result bool) {
	order := d.atomicOrder()
	sp := d.space()
	noftz := d.has("noftz")
	op := d.oneOf("add", "min", "max", "inc", "dec", "and", "or", "xor", "exch", "cas")
	t := d.among(d.typ(), b32, b64, u32, u64, s32, s64, f32, f64, f16, bf16, f16x2, bf16x2)
	if (t == f16 || t == bf16 || t == f16x2 || t == bf16x2) != noftz {
		d.refuse(".noftz goes with 16-bit floats and with nothing else")
	}
	f := d.update(op, t)
	dst := -1
	if result {
		dst = d.dst(t)
	}
	a, b := d.addr(), d.src(t)
	c := b
	if op == "cas" {
		c = d.src(t)
	}
	in := d.in
	d.in.exec = func(w *warp, m uint32) {
		acc := w.newAccess(in)
		acc.atomic = true
		w.each(m, func(l int) {
			addr := a.at(w, l)
			if r, _ := w.find(sp, addr, l); r != nil && r.cells != nil && !w.hasValue(sp, addr, t.bytes(), l, acc) {
				return
			}
			mem := w.store(sp, addr, t.bytes(), l, acc)
			if mem == nil {
				return
			}
			if order.acquire {
				w.acquireAt(sp, addr, l)
			}
			old := get(mem)
			put(mem, f(old, w.r[b*32+l], w.r[c*32+l]))
			if dst >= 0 {
				w.r[dst*32+l] = old
			}
			if order.release {
				w.releaseAt(sp, addr, l)
			}
		})
		if order.release {
			w.clock++
		}
		w.spins = 0
	}
}

// atomicOrder takes the ordering; an atomic is strong whatever it says.
func (d *decoder) atomicOrder() ordering {
	o := d.order()
	d.one("cta", "cluster", "gpu", "sys")
	o.strong = true
	return o
}

// hasValue checks that an update does not start from bytes nobody has written.
func (w *warp) hasValue(sp space, addr uint64, size, lane int, a *access) bool {
	r, off, ok := w.span(sp, addr, size, size, lane)
	if !ok || r.readOnly || !r.blank {
		return ok
	}
	t := touch{w: w, reg: r, lane: lane, as: lane, a: a, kind: inspecting}
	return t.cover(off, size)
}

// update gives the new value from the old one and the operands.
func (d *decoder) update(op string, t typ) ternaryFunc {
	switch op {
	case "exch":
		return func(_, b, _ uint64) uint64 { return b }
	case "cas":
		return func(old, b, c uint64) uint64 {
			if old == b {
				return c
			}
			return old
		}
	case "add":
		return d.atomicAdd(t)
	}
	if t.float() {
		d.refuse("not known with type %s", t)
	}
	switch op {
	case "min", "max":
		return func(old, b, _ uint64) uint64 {
			if lessInt(t, b, old) == (op == "min") {
				return b
			}
			return old
		}
	case "inc":
		return func(old, b, _ uint64) uint64 {
			if old >= b {
				return 0
			}
			return old + 1
		}
	case "dec":
		return func(old, b, _ uint64) uint64 {
			if old == 0 || old > b {
				return b
			}
			return old - 1
		}
	case "and":
		return func(old, b, _ uint64) uint64 { return old & b }
	case "or":
		return func(old, b, _ uint64) uint64 { return old | b }
	}
	return func(old, b, _ uint64) uint64 { return old ^ b }
}

// atomicAdd rounds floats once; f32 sums flush denormals in global memory on hardware, which is left out:
// the order of atomic float sums is not certain anyway.
func (d *decoder) atomicAdd(t typ) ternaryFunc {
	switch t {
	case f32:
		return func(old, b, _ uint64) uint64 { return ofFloat(float(old) + float(b)) }
	case f64:
		return func(old, b, _ uint64) uint64 { return ofDouble(double(old) + double(b)) }
	case f16, bf16, f16x2, bf16x2:
		f, n := d.formatOf(t)
		return func(old, b, _ uint64) uint64 {
			var out uint64
			for i := 0; i < n; i++ {
				sum := oddSum(f.decode(old>>(16*i)&math.MaxUint16), f.decode(b>>(16*i)&math.MaxUint16))
				out |= f.encode(sum, nearestEven) << (16 * i)
			}
			return out
		}
	}
	return func(old, b, _ uint64) uint64 { return old + b }
}

// releaseAt hands what the lane has done to whoever acquires at the location.
func (w *warp) releaseAt(sp space, addr uint64, lane int) {
	r, off := w.find(sp, addr, lane)
	old := r.handoffs[off]
	h := &handoff{unit: w.u.id}
	h.release(w, lane)
	if old != nil && old.unit == h.unit {
		h.seen.raise(old.seen)
		h.fenced.raise(old.fenced)
	}
	if r.handoffs == nil {
		r.handoffs = map[uint64]*handoff{}
	}
	r.handoffs[off] = h
}

func (w *warp) acquireAt(sp space, addr uint64, lane int) {
	r, off := w.find(sp, addr, lane)
	if h := r.handoffs[off]; h != nil && h.unit == w.u.id {
		w.acquire(1<<lane, h.seen, h.fenced)
	}
}
