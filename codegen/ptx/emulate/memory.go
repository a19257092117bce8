package emulate

import (
	"encoding/binary"
	"fmt"
)

// region is a piece of memory with bounds: a buffer, the shared memory of a block, a thread's local memory.
type region struct {
	name     string
	data     []byte
	base     uint64  // the address, in the region's space, of data[0]
	cells    *shadow // nil where nobody writes
	blank    bool    // reading what nobody has written is an error
	readOnly bool
	handoffs map[uint64]*handoff // of release and acquire at a location
}

// Generic addresses: buffer i of a launch starts at (i+1)<<40; other spaces have windows above all buffers.
const (
	windowBits   = 40
	sharedWindow = 0x80
	localWindow  = 0x81
	paramWindow  = 0x82
	constWindow  = 0x83
	maxBuffers   = 0x70

	// rankBits cuts the address of another block's shared memory in a cluster: (rank+1)<<rankBits + offset.
	rankBits = 24
)

func globalBase(i int) uint64 { return uint64(i+1) << windowBits }

func (r *run) newRegion(name string, base uint64, size int, blank bool) *region {
	return &region{name: name, base: base, data: make([]byte, size), cells: newShadow(size, &r.free), blank: blank}
}

// place names the byte at an offset.
func (r *region) place(off uint64) string { return fmt.Sprintf("%s+%d", r.name, off) }

func (r *region) dig(holes [][2]uint64) {
	for _, h := range holes {
		for at := h[0]; at < h[1]; at++ {
			c := r.cells.of(at - r.base)
			if h[0] > at&^3 || h[1] < at&^3+4 {
				c = c.byte(int(at % 4))
			}
			c.flags |= hole
		}
	}
}

// space names where an address points.
type space uint8

const (
	generic space = iota
	global
	shared
	cluster // shared::cluster
	local
	param
	constant
)

var spaceNames = map[string]space{"global": global, "shared": shared, "shared::cta": shared, "shared::cluster": cluster,
	"local": local, "param": param, "const": constant}

// space takes the state space among the modifiers; none means generic.
func (d *decoder) space() space {
	for i, m := range d.mods {
		if s, ok := spaceNames[m]; ok {
			d.mods = append(d.mods[:i:i], d.mods[i+1:]...)
			return s
		}
	}
	return generic
}

// find gives the region that an address points into, and the offset. A nil region: nothing is there.
func (w *warp) find(sp space, addr uint64, lane int) (*region, uint64) {
	switch sp {
	case generic:
		window := addr >> windowBits
		in := addr & (1<<windowBits - 1)
		switch {
		case window == sharedWindow:
			return w.find(cluster, in, lane)
		case window == localWindow:
			return w.find(local, in, lane)
		case window == paramWindow:
			return w.find(param, in, lane)
		case window == constWindow:
			return w.find(constant, in, lane)
		}
		return w.find(global, addr, lane)
	case global:
		if i := addr>>windowBits - 1; i < uint64(len(w.u.run.buffers)) {
			return w.u.run.buffers[i], addr & (1<<windowBits - 1)
		}
	case shared:
		return w.b.shared, addr - w.b.shared.base
	case cluster:
		if addr>>rankBits == 0 {
			return w.b.shared, addr - w.b.shared.base
		}
		if rank := addr>>rankBits - 1; rank < uint64(len(w.u.blocks)) {
			r := w.u.blocks[rank].shared
			return r, addr&(1<<rankBits-1) - r.base
		}
	case local:
		return w.localRegion(lane), addr - otherStart
	case param:
		return w.u.run.params, addr - otherStart
	case constant:
		return w.u.run.constants, addr - otherStart
	}
	return nil, 0
}

func (w *warp) localRegion(lane int) *region {
	if w.local[lane] == nil {
		w.local[lane] = w.u.run.newRegion("local memory", otherStart, int(w.u.run.e.local.size-otherStart), true)
	}
	return w.local[lane]
}

// span finds size bytes at an aligned address, or reports why there are none.
func (w *warp) span(sp space, addr uint64, size, align, lane int) (*region, uint64, bool) {
	r, off := w.find(sp, addr, lane)
	if r == nil {
		w.fault(OutOfBounds, lane, "touches address %#x, where no memory is", addr)
		return nil, 0, false
	}
	if off+uint64(size) > uint64(len(r.data)) || off > uint64(len(r.data)) {
		w.fault(OutOfBounds, lane, "touches %d bytes at %s, which has %d bytes", size, r.place(off), len(r.data))
		return nil, 0, false
	}
	if addr%uint64(align) != 0 {
		w.fault(Misaligned, lane, "touches %s, of which the address is not a multiple of %d", r.place(off), align)
		return nil, 0, false
	}
	return r, off, true
}

// load checks and records a read of a value of size bytes, and gives the bytes.
func (w *warp) load(sp space, addr uint64, size, lane int, a *access) []byte {
	return w.loadRow(sp, addr, size, size, lane, a)
}

// loadRow is load of bytes with an alignment of their own.
func (w *warp) loadRow(sp space, addr uint64, size, align, lane int, a *access) []byte {
	r, off, ok := w.span(sp, addr, size, align, lane)
	if !ok || !w.reads(r, off, size, lane, a) {
		return nil
	}
	return r.data[off : off+uint64(size)]
}

// store checks and records a write of a value of size bytes, and gives the bytes to fill.
func (w *warp) store(sp space, addr uint64, size, lane int, a *access) []byte {
	return w.storeRow(sp, addr, size, size, lane, a)
}

// storeRow is store of bytes with an alignment of their own.
func (w *warp) storeRow(sp space, addr uint64, size, align, lane int, a *access) []byte {
	r, off, ok := w.span(sp, addr, size, align, lane)
	if !ok || !w.writes(r, off, size, lane, a) {
		return nil
	}
	return r.data[off : off+uint64(size)]
}

func (w *warp) reads(r *region, off uint64, size, lane int, a *access) bool {
	if r.cells == nil {
		return true
	}
	t := touch{w: w, reg: r, lane: lane, as: a.lane(lane), a: a, kind: reading}
	return t.cover(off, size)
}

func (w *warp) writes(r *region, off uint64, size, lane int, a *access) bool {
	if r.readOnly {
		w.fault(ReadOnly, lane, "writes %s, which is read-only", r.place(off))
		return false
	}
	t := touch{w: w, reg: r, lane: lane, as: a.lane(lane), a: a, kind: writing}
	return t.cover(off, size)
}

// lane gives the place of a warp's lane in the access.
func (a *access) lane(lane int) int {
	if a.single {
		return 0
	}
	return lane
}

// newAccess makes the record of one instruction's accesses by this warp.
func (w *warp) newAccess(in *instr) *access {
	a := w.u.run.access()
	a.unit, a.base, a.clock, a.line, a.what = w.u.id, w.base, w.clock, in.line, &in.op
	return a
}

func get(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

func put(b []byte, v uint64) {
	switch len(b) {
	case 1:
		b[0] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(v))
	default:
		binary.LittleEndian.PutUint64(b, v)
	}
}
