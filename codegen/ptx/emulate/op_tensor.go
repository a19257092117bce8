package emulate

import (
	"math/bits"
	"strconv"
)

// Bulk copies between global and shared memory: of a box of a tensor, or of bytes in a row.

// bulk is a decoded bulk copy.
type bulk struct {
	in              *instr
	toShared        bool
	dst, src        address // of bytes; for tensors only the shared side
	size            int     // slot, of plain copies
	tensor          address
	coords          []int
	bar             address
	mask            int // slot of the multicast mask, -1 without
	space, barSpace space
}

// bulkForm takes the modifiers that say where a copy goes and how its end is told.
func (d *decoder) bulkForm() *bulk {
	p := &bulk{in: d.in, mask: -1}
	to := d.space()
	from := d.space()
	switch {
	case (to == cluster || to == shared) && from == global:
		p.toShared, p.space = true, to
		d.need("mbarrier::complete_tx::bytes")
	case to == global && from == shared:
		p.space = shared
		d.need("bulk_group")
	default:
		d.refuse("copies between .global and .shared only")
	}
	if d.has("L2::cache_hint") {
		d.refuse("cache hints are not known")
	}
	return p
}

// ending takes the mbarrier and the multicast mask of a copy to shared memory.
func (d *decoder) ending(p *bulk, multicast bool) {
	if p.toShared {
		p.bar, p.barSpace = d.addr(), p.space
	}
	if multicast {
		if !p.toShared {
			d.refuse("multicast to global memory")
		}
		p.mask = d.src(b16)
	}
}

func bulkCopy(d *decoder) {
	multicast := d.has("multicast::cluster")
	p := d.bulkForm()
	p.dst, p.src, p.size = d.addr(), d.addr(), d.src(u32)
	d.ending(p, multicast)
	d.in.exec = func(w *warp, m uint32) {
		w.each(m, func(l int) { p.issue(w, l, p.bytes) })
	}
}

func tensorCopy(d *decoder) {
	rank := 0
	for n := 1; n <= 5; n++ {
		if d.has(strconv.Itoa(n) + "d") {
			rank = n
		}
	}
	if rank == 0 {
		d.refuse("without a rank")
	}
	d.has("tile")
	multicast := d.has("multicast::cluster")
	p := d.bulkForm()
	if p.toShared {
		p.dst = d.addr()
	}
	o := d.next()
	if o.kind != addressOperand || len(o.elems) != 2 || len(o.elems[1].elems) != rank {
		d.refuse("expected a tensor map and %d coordinates in brackets", rank)
	}
	p.tensor = d.addrOf(&operand{kind: addressOperand, elems: o.elems[:1]})
	for i := range o.elems[1].elems {
		p.coords = append(p.coords, d.srcOf(&o.elems[1].elems[i], s32, false))
	}
	if !p.toShared {
		p.src = d.addr()
	}
	d.ending(p, multicast)
	d.in.exec = func(w *warp, m uint32) {
		w.each(m, func(l int) { p.issue(w, l, p.box) })
	}
}

// issue moves the bytes of one thread's copy; move does it for one destination block.
func (p *bulk) issue(w *warp, lane int, move func(w *warp, lane int, dst, bar uint64, read, write *access) int) {
	read, write := w.threadAccess(p.in, lane), w.threadAccess(p.in, lane)
	read.async, read.reads, write.async = true, true, true
	if !p.toShared {
		move(w, lane, 0, 0, read, write)
		w.bulk[lane].add(read, write)
		return
	}
	dst, bar := p.dst.at(w, lane), p.bar.at(w, lane)
	if p.mask < 0 {
		p.fly(w, lane, dst, bar, read, write, move)
		return
	}
	for targets := uint32(w.r[p.mask*32+lane]); targets != 0; targets &= targets - 1 {
		rank := bits.TrailingZeros32(targets)
		if rank >= len(w.u.blocks) {
			w.fault(OutOfBounds, lane, "multicast to block %d of a cluster of %d", rank, len(w.u.blocks))
			return
		}
		one := *write
		p.fly(w, lane, inBlock(dst, rank), inBlock(bar, rank), read, &one, move)
	}
}

// inBlock moves a shared address to another block of the cluster.
func inBlock(addr uint64, rank int) uint64 {
	return addr&(1<<rankBits-1) | uint64(rank+1)<<rankBits
}

func (p *bulk) fly(w *warp, lane int, dst, at uint64, read, write *access, move func(w *warp, lane int, dst, bar uint64, read, write *access) int) {
	bar := w.barrierAt(p.in, cluster, at, lane)
	if bar == nil || !w.knownToCopies(bar, lane) {
		return
	}
	n := move(w, lane, dst, at, read, write)
	w.u.flying = append(w.u.flying, &flight{accesses: []*access{read, write}, bar: bar, bytes: n})
	w.spins = 0
}

// bytes moves a plain copy.
func (p *bulk) bytes(w *warp, lane int, dst, _ uint64, read, write *access) int {
	n := int(uint32(w.r[p.size*32+lane]))
	from, to, fromSpace, toSpace := p.src.at(w, lane), dst, global, cluster
	if !p.toShared {
		to, fromSpace, toSpace = p.dst.at(w, lane), shared, global
	}
	if n%16 != 0 {
		w.fault(Misaligned, lane, "size %d is not a multiple of 16", n)
		return 0
	}
	src := w.loadRow(fromSpace, from, n, 16, lane, read)
	if n == 0 || src == nil {
		return n
	}
	if mem := w.storeRow(toSpace, to, n, 16, lane, write); mem != nil {
		copy(mem, src)
	}
	return n
}

// box moves a tensor's box; elements outside of the tensor are read as zero and not written.
func (p *bulk) box(w *warp, lane int, dst, _ uint64, read, write *access) int {
	m := w.tensorAt(p.tensor.at(w, lane), lane)
	if m == nil {
		return 0
	}
	corner := make([]int, len(p.coords))
	for i, s := range p.coords {
		corner[i] = int(int32(w.r[s*32+lane]))
	}
	if len(corner) != len(m.Dims) {
		w.fault(Misuse, lane, "%d coordinates for a tensor of rank %d", len(corner), len(m.Dims))
		return 0
	}
	near := dst
	if !p.toShared {
		near = p.src.at(w, lane)
	}
	if align := max(128, uint64(m.Swizzle)); near%align != 0 {
		w.fault(Misaligned, lane, "shared address %#x of a tensor copy is not a multiple of %d", near, align)
		return 0
	}
	m.rows(corner, func(off int, addr uint64, low, high int) bool {
		if p.toShared {
			return p.rowIn(w, lane, m, near+uint64(off), addr, low, high, read, write)
		}
		return p.rowOut(w, lane, m, near+uint64(off), addr, low, high, read, write)
	})
	return m.boxBytes()
}

// rowIn fills a row of the box in shared memory, 16 bytes at a time, each at its swizzled place.
func (p *bulk) rowIn(w *warp, lane int, m *TensorMap, at, addr uint64, low, high int, read, write *access) bool {
	row := make([]byte, m.Box[0]*m.Size)
	if high > low {
		src := w.loadRow(global, addr, (high-low)*m.Size, m.Size, lane, read)
		if src == nil {
			return false
		}
		copy(row[low*m.Size:], src)
	}
	for i := 0; i < len(row); i += 16 {
		mem := w.store(p.space, swizzled(at+uint64(i), m.Swizzle), 16, lane, write)
		if mem == nil {
			return false
		}
		copy(mem, row[i:])
	}
	return true
}

func (p *bulk) rowOut(w *warp, lane int, m *TensorMap, at, addr uint64, low, high int, read, write *access) bool {
	var row []byte
	for i := 0; i < m.Box[0]*m.Size; i += 16 {
		mem := w.load(shared, swizzled(at+uint64(i), m.Swizzle), 16, lane, read)
		if mem == nil {
			return false
		}
		row = append(row, mem...)
	}
	if high <= low {
		return true
	}
	mem := w.storeRow(global, addr, (high-low)*m.Size, m.Size, lane, write)
	if mem == nil {
		return false
	}
	copy(mem, row[low*m.Size:high*m.Size])
	return true
}

// tensorAt finds the tensor map at a generic address of a parameter.
func (w *warp) tensorAt(addr uint64, lane int) *TensorMap {
	at := addr
	if addr>>windowBits == paramWindow {
		at = addr & (1<<windowBits - 1)
	}
	if m := w.u.run.tensors[at]; m != nil {
		return m
	}
	w.fault(Misuse, lane, "no tensor map lies at address %#x", addr)
	return nil
}

func bulkCommit(d *decoder) {
	d.in.exec = func(w *warp, m uint32) { w.each(m, func(l int) { w.bulk[l].commit() }) }
}

// bulkWait waits for the thread's bulk groups: with .read only until their sources have been read.
func bulkWait(d *decoder) {
	var match func(*access) bool
	if d.has("read") {
		match = func(a *access) bool { return a.reads }
	}
	n := d.groups()
	d.in.exec = func(w *warp, m uint32) {
		w.each(m, func(l int) { w.bulk[l].wait(w, n, match) })
	}
}

// prefetchTensor checks that the operand is a tensor map.
func prefetchTensor(d *decoder) {
	d.space()
	a := d.addr()
	d.in.exec = func(w *warp, m uint32) { w.each(m, func(l int) { w.tensorAt(a.at(w, l), l) }) }
}
