package emulate

import "encoding/binary"

// mma.sync of the shapes m16n8k4, k8 and k16 with f32 sums.

var mmaDepths = map[typ]map[string]int{
	f16:  {"m16n8k8": 8, "m16n8k16": 16},
	bf16: {"m16n8k8": 8, "m16n8k16": 16},
	tf32: {"m16n8k4": 4, "m16n8k8": 8},
}

func mma(d *decoder) {
	d.need("sync")
	d.need("aligned")
	shape := d.oneOf("m16n8k4", "m16n8k8", "m16n8k16")
	d.need("row")
	d.need("col")
	d.among(d.typ(), f32)
	t := d.among(d.typ(), f16, bf16, tf32)
	d.among(d.typ(), t)
	d.among(d.typ(), f32)
	k, ok := mmaDepths[t][shape]
	if !ok {
		d.refuse("shape %s of type %s is not known", shape, t)
	}
	f := d.matrixFormat(t)
	fa, fb := fragmentA(k, t.bits()), fragmentB(k, t.bits())
	per := 32 / t.bits()
	to := accumulatorsIn(d.destinations(4, f32))
	a, b := d.sources(16*k/32/per, b32), d.sources(8*k/32/per, b32)
	c := accumulatorsIn(d.sources(4, f32))
	d.in.flow, d.in.members = gather, fullWarp
	d.in.exec = func(w *warp, _ uint32) {
		var roomA [16 * 16]float64
		var roomB, roomC [8 * 16]float64
		ma, mb := roomA[:16*k], roomB[:8*k]
		for i := range fa {
			e := &fa[i]
			ma[e.row*k+e.col] = f.operand(w.r[a[e.reg]*32+e.lane], e.shift)
		}
		for i := range fb {
			e := &fb[i]
			mb[e.col*k+e.row] = f.operand(w.r[b[e.reg]*32+e.lane], e.shift)
		}
		to.multiply(w, ma, mb, k, c.values(w, allLanes, roomC[:]))
	}
}

// matrixCount takes .x1, .x2 or .x4 of ldmatrix and stmatrix, and the modifiers that both have.
func (d *decoder) matrixCount() (n int, trans bool, sp space) {
	d.need("sync")
	d.need("aligned")
	d.need("m8n8")
	n = map[string]int{"x1": 1, "x2": 2, "x4": 4}[d.oneOf("x1", "x2", "x4")]
	trans = d.has("trans")
	if sp = d.space(); sp != shared && sp != generic {
		d.refuse("matrices lie in shared memory")
	}
	d.among(d.typ(), b16)
	d.in.flow, d.in.members = gather, fullWarp
	return n, trans, sp
}

// ldmatrix loads n 8x8 matrices of 16-bit elements: lane 8i+r has the address of row r of matrix i; lane l
// receives elements 2(l%4) and 2(l%4)+1 of row l/4, of the transposed matrix with .trans.
func ldmatrix(d *decoder) {
	n, trans, sp := d.matrixCount()
	dst := d.destinations(n, b32)
	a := d.addr()
	in := d.in
	d.in.exec = func(w *warp, _ uint32) {
		acc := w.newAccess(in)
		var rows [32]row
		for l := range 8 * n {
			r, off, ok := w.span(sp, a.at(w, l), 16, 16, l)
			if !ok {
				return
			}
			rows[l] = row{r, off}
		}
		for i, s := range dst {
			for l := range 32 {
				at, col := l/4, l%4*2
				if !trans {
					b := rows[8*i+at].word(w, uint64(2*col), l, acc)
					if b == nil {
						return
					}
					w.r[s*32+l] = uint64(binary.LittleEndian.Uint32(b))
					continue
				}
				word := uint64(at &^ 1 * 2)
				low, high := rows[8*i+col].word(w, word, l, acc), rows[8*i+col+1].word(w, word, l, acc)
				if low == nil || high == nil {
					return
				}
				half := at % 2 * 2
				w.r[s*32+l] = uint64(binary.LittleEndian.Uint16(low[half:])) | uint64(binary.LittleEndian.Uint16(high[half:]))<<16
			}
		}
	}
}

// row is one of a matrix in memory.
type row struct {
	r   *region
	off uint64
}

// word loads four bytes of the row.
func (m row) word(w *warp, at uint64, lane int, a *access) []byte {
	if !w.reads(m.r, m.off+at, 4, lane, a) {
		return nil
	}
	return m.r.data[m.off+at:]
}

// stmatrix is the other way round.
func stmatrix(d *decoder) {
	n, trans, sp := d.matrixCount()
	a := d.addr()
	src := d.sources(n, b32)
	in := d.in
	d.in.exec = func(w *warp, _ uint32) {
		acc := w.newAccess(in)
		var rows [32][]byte
		for l := range 8 * n {
			if rows[l] = w.store(sp, a.at(w, l), 16, l, acc); rows[l] == nil {
				return
			}
		}
		for i, s := range src {
			for l := range 32 {
				v, row, col := w.r[s*32+l], l/4, l%4*2
				if trans {
					put(rows[8*i+col][2*row:2*row+2], v&0xffff)
					put(rows[8*i+col+1][2*row:2*row+2], v>>16)
					continue
				}
				put(rows[8*i+row][2*col:2*col+4], v)
			}
		}
	}
}

// movmatrix transposes an 8x8 matrix of 16-bit elements across the warp.
func movmatrix(d *decoder) {
	d.need("sync")
	d.need("aligned")
	d.need("m8n8")
	d.need("trans")
	d.among(d.typ(), b16)
	dst, a := d.dst(b32), d.src(b32)
	d.in.flow, d.in.members = gather, fullWarp
	d.in.exec = func(w *warp, _ uint32) {
		var m [8][8]uint64
		for l := range 32 {
			v := w.r[a*32+l]
			m[l/4][l%4*2], m[l/4][l%4*2+1] = v&0xffff, v>>16
		}
		for l := range 32 {
			w.r[dst*32+l] = m[l%4*2][l/4] | m[l%4*2+1][l/4]<<16
		}
	}
}
