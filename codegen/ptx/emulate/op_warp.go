package emulate

import "math/bits"

// Exchange between the lanes of a warp. None of these orders memory accesses.

func shfl(d *decoder) {
	d.need("sync")
	mode := d.oneOf("up", "down", "bfly", "idx")
	d.among(d.typ(), b32)
	o := d.next()
	dst, valid := d.dstOf(o.alone(), b32, false), -1
	if o.pair != nil {
		valid = d.predDstOf(o.pair)
	}
	a, by, clamp := d.src(b32), d.src(b32), d.src(b32)
	d.gatherMask(d.src(b32))
	d.in.exec = func(w *warp, m uint32) {
		var out [32]uint64
		var inside uint32
		w.each(m, func(l int) {
			j, ok := shuffleSource(mode, l, int(w.r[by*32+l]&31), w.r[clamp*32+l])
			if ok {
				inside |= 1 << l
			} else {
				j = l
			}
			if m>>j&1 == 0 {
				w.fault(Divergence, l, "reads lane %d, which does not take part", j)
			}
			out[l] = w.r[a*32+j]
		})
		w.each(m, func(l int) { w.r[dst*32+l] = out[l] })
		if valid >= 0 {
			w.setPred(valid, m, inside)
		}
	}
}

// shuffleSource gives the lane to read from, and whether it lies in the segment.
func shuffleSource(mode string, lane, by int, clamp uint64) (int, bool) {
	segment, bound := int(clamp>>8&31), int(clamp&31)
	low := lane & segment
	high := low | bound&^segment
	var j int
	switch mode {
	case "up":
		j = lane - by
		return j, j >= high
	case "down":
		j = lane + by
	case "bfly":
		j = lane ^ by
	default:
		j = low | by&^segment
	}
	return j, j <= high
}

func vote(d *decoder) {
	d.need("sync")
	mode := d.oneOf("all", "any", "uni", "ballot")
	if mode == "ballot" {
		d.among(d.typ(), b32)
		dst, p := d.dst(b32), d.predSrc()
		d.gatherMask(d.src(b32))
		d.in.exec = func(w *warp, m uint32) {
			v := uint64(p.mask(w) & m)
			w.each(m, func(l int) { w.r[dst*32+l] = v })
		}
		return
	}
	d.among(d.typ(), pred)
	dst, p := d.predDst(), d.predSrc()
	d.gatherMask(d.src(b32))
	d.in.exec = func(w *warp, m uint32) {
		v := p.mask(w) & m
		holds := mode == "all" && v == m || mode == "any" && v != 0 || mode == "uni" && (v == 0 || v == m)
		var out uint32
		if holds {
			out = m
		}
		w.setPred(dst, m, out)
	}
}

func match(d *decoder) {
	d.need("sync")
	all := d.oneOf("any", "all") == "all"
	t := d.among(d.typ(), b32, b64)
	o := d.next()
	dst, same := d.dstOf(o.alone(), b32, false), -1
	if o.pair != nil {
		same = d.predDstOf(o.pair)
	}
	a := d.src(t)
	d.gatherMask(d.src(b32))
	d.in.exec = func(w *warp, m uint32) {
		var out [32]uint32
		w.each(m, func(l int) {
			w.each(m, func(j int) {
				if w.r[a*32+j] == w.r[a*32+l] {
					out[l] |= 1 << j
				}
			})
		})
		uniform := out[bits.TrailingZeros32(m)] == m
		w.each(m, func(l int) {
			if all && !uniform {
				out[l] = 0
			}
			w.r[dst*32+l] = uint64(out[l])
		})
		if same >= 0 {
			var v uint32
			if uniform {
				v = m
			}
			w.setPred(same, m, v)
		}
	}
}

func redux(d *decoder) {
	d.need("sync")
	op := d.oneOf("add", "min", "max", "and", "or", "xor")
	t := d.among(d.typ(), u32, s32, b32)
	dst, a := d.dst(t), d.src(t)
	d.gatherMask(d.src(b32))
	f := d.update(op, t)
	d.in.exec = func(w *warp, m uint32) {
		first := bits.TrailingZeros32(m)
		v := w.r[a*32+first]
		w.each(m&(m-1), func(l int) { v = truncate(t, f(v, w.r[a*32+l], 0)) })
		w.each(m, func(l int) { w.r[dst*32+l] = v })
	}
}

// elect picks one lane of the mask; which one is not said, here it is the lowest as on hardware.
func elect(d *decoder) {
	d.need("sync")
	o := d.next()
	if o.pair == nil {
		d.refuse("needs a register and a predicate")
	}
	dst, p := d.dstOf(o.alone(), b32, false), d.predDstOf(o.pair)
	d.gatherMask(d.src(b32))
	d.in.exec = func(w *warp, m uint32) {
		leader := bits.TrailingZeros32(m)
		w.each(m, func(l int) { w.r[dst*32+l] = uint64(leader) })
		w.setPred(p, m, 1<<leader)
	}
}

func activemask(d *decoder) {
	d.among(d.typ(), b32)
	dst := d.dst(b32)
	d.in.exec = func(w *warp, m uint32) { w.each(m, func(l int) { w.r[dst*32+l] = uint64(m) }) }
}
