package emulate

import (
	"fmt"
	"math/bits"
)

// Moves, special registers, addresses, and conversions between state spaces.

var specialRegisters = func() map[string]bool {
	out := map[string]bool{"%laneid": true, "%warpid": true, "%nwarpid": true, "%total_smem_size": true, "%dynamic_smem_size": true,
		"%lanemask_eq": true, "%lanemask_lt": true, "%lanemask_le": true, "%lanemask_gt": true, "%lanemask_ge": true,
		"%cluster_ctarank": true, "%cluster_nctarank": true}
	for _, name := range []string{"tid", "ntid", "ctaid", "nctaid", "clusterid", "nclusterid", "cluster_ctaid", "cluster_nctaid"} {
		for _, axis := range []string{"x", "y", "z"} {
			out["%"+name+"."+axis] = true
		}
	}
	return out
}()

// specialValue gives a special register's value in one lane.
func specialValue(w *warp, name string, lane int) uint64 {
	l, c := &w.u.run.launch, w.u.run.cluster
	thread := w.id*32 + lane
	at := func(v [3]int) uint64 { return uint64(v[name[len(name)-1]-'x']) }
	switch name {
	case "%laneid":
		return uint64(lane)
	case "%warpid":
		return uint64(w.id)
	case "%nwarpid":
		return uint64((product(l.Block) + 31) / 32)
	case "%total_smem_size":
		return uint64(len(w.b.shared.data))
	case "%dynamic_smem_size":
		return uint64(l.DynamicShared)
	case "%lanemask_eq", "%lanemask_lt", "%lanemask_le", "%lanemask_gt", "%lanemask_ge":
		return laneMask(name[len(name)-2:], lane)
	case "%cluster_ctarank":
		return uint64(w.b.rank)
	case "%cluster_nctarank":
		return uint64(product(c))
	}
	switch name[1 : len(name)-2] {
	case "tid":
		return at(split(thread, l.Block))
	case "ntid":
		return at(l.Block)
	case "ctaid":
		return at(w.b.index)
	case "nctaid":
		return at(l.Grid)
	case "cluster_ctaid":
		return at(split(w.b.rank, c))
	case "cluster_nctaid":
		return at(c)
	case "clusterid":
		return at([3]int{w.b.index[0] / c[0], w.b.index[1] / c[1], w.b.index[2] / c[2]})
	case "nclusterid":
		return at([3]int{l.Grid[0] / c[0], l.Grid[1] / c[1], l.Grid[2] / c[2]})
	}
	panic(fmt.Sprintf("BUG: special register %s", name))
}

func split(i int, shape [3]int) [3]int {
	return [3]int{i % shape[0], i / shape[0] % shape[1], i / shape[0] / shape[1]}
}

func laneMask(which string, lane int) uint64 {
	eq := uint64(1) << lane
	switch which {
	case "lt":
		return eq - 1
	case "le":
		return eq<<1 - 1
	case "gt":
		return 1<<32 - eq<<1
	case "ge":
		return 1<<32 - eq
	}
	return eq
}

// mov copies a register, or packs and unpacks vectors of narrower registers.
func mov(d *decoder) {
	t := d.typ()
	if t == pred {
		dst, a := d.predDst(), d.predSrc()
		d.in.exec = func(w *warp, m uint32) { w.setPred(dst, m, a.mask(w)) }
		return
	}
	to, from := d.next(), d.next()
	switch {
	case to.kind == vectorOperand && from.kind != vectorOperand:
		unpack(d, t, to, from)
	case from.kind == vectorOperand && to.kind != vectorOperand:
		pack(d, t, to, from)
	default:
		if t == b128 {
			d.refuse("b128 is known with vectors only")
		}
		dst, a := d.dstOf(to, t, false), d.srcOf(from, t, false)
		d.in.exec = func(w *warp, m uint32) {
			x, y := w.lanesOf(dst), w.lanesOf(a)
			if m == 1<<32-1 {
				copy(x, y)
				return
			}
			for ; m != 0; m &= m - 1 {
				l := bits.TrailingZeros32(m)
				x[l] = y[l]
			}
		}
	}
}

// part is the type of each of n elements that make up t.
func (d *decoder) part(t typ, n int) typ {
	for _, p := range []typ{b8, b16, b32, b64} {
		if p.bits()*n == t.bits() {
			return p
		}
	}
	d.refuse("a vector of %d in .%s", n, t)
	return noType
}

func pack(d *decoder, t typ, to, from *operand) {
	if t == b128 {
		d.refuse("b128 is not known")
	}
	p := d.part(t, len(from.elems))
	dst := d.dstOf(to, t, false)
	src := make([]int, len(from.elems))
	for i := range src {
		src[i] = d.srcOf(&from.elems[i], p, false)
	}
	d.in.exec = func(w *warp, m uint32) {
		w.each(m, func(l int) {
			var v uint64
			for i, s := range src {
				v |= truncate(p, w.r[s*32+l]) << (i * p.bits())
			}
			w.r[dst*32+l] = v
		})
	}
}

func unpack(d *decoder, t typ, to, from *operand) {
	if t == b128 {
		d.refuse("b128 is not known")
	}
	p := d.part(t, len(to.elems))
	a := d.srcOf(from, t, false)
	dst := make([]int, len(to.elems))
	for i := range dst {
		dst[i] = d.dstOf(&to.elems[i], p, false)
	}
	d.in.exec = func(w *warp, m uint32) {
		w.each(m, func(l int) {
			v := w.r[a*32+l]
			for i, s := range dst {
				w.r[s*32+l] = truncate(p, v>>(i*p.bits()))
			}
		})
	}
}

// implicitDef gives a register arbitrary bits, since LLVM says that nothing depends on them.
func implicitDef(d *decoder) {
	o := d.next()
	if r := d.register(o.name); r.typ == pred {
		dst := d.predDstOf(o)
		d.in.exec = func(w *warp, m uint32) { w.setPred(dst, m, w.u.rng.Uint32()) }
		return
	}
	t := d.register(o.name).typ
	dst := d.dstOf(o, t, true)
	d.in.exec = func(w *warp, m uint32) {
		w.each(m, func(l int) { w.r[dst*32+l] = truncate(t, w.u.rng.Uint64()) })
	}
}

// cvta converts an address in a state space to a generic one, .to the other way.
func cvta(d *decoder) {
	to, sp := d.has("to"), d.space()
	window := map[space]uint64{global: 0, shared: sharedWindow, local: localWindow, param: paramWindow, constant: constWindow}
	at, ok := window[sp]
	if !ok {
		d.refuse("not known for this space")
	}
	t := d.among(d.typ(), u64)
	at <<= windowBits
	if to {
		d.unary(t, func(a uint64) uint64 { return a - at })
		return
	}
	d.unary(t, func(a uint64) uint64 { return a + at })
}

// isspacep asks whether a generic address lies in a space.
func isspacep(d *decoder) {
	sp := d.space()
	dst, a := d.predDst(), d.src(u64)
	d.in.exec = func(w *warp, m uint32) {
		var v uint32
		w.each(m, func(l int) {
			if inWindow(sp, w.r[a*32+l]>>windowBits) {
				v |= 1 << l
			}
		})
		w.setPred(dst, m, v)
	}
}

func inWindow(sp space, window uint64) bool {
	switch sp {
	case shared, cluster:
		return window == sharedWindow
	case local:
		return window == localWindow
	case global:
		return window > 0 && window < maxBuffers
	}
	return false
}
