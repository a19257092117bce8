package emulate

import (
	"strconv"
	"strings"
)

// wgmma: products of four warps, [64,k] x [k,n], operands in shared memory or A in registers.

// wgmmaShape reads m64nNkK.
func (d *decoder) wgmmaShape(depth int) int {
	suffix := "k" + strconv.Itoa(depth)
	for i, m := range d.mods {
		if rest, ok := strings.CutPrefix(m, "m64n"); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(rest, suffix))
			if err != nil || n < 8 || n > 256 || n%8 != 0 {
				d.refuse("shape %s is not known", m)
			}
			d.mods = append(d.mods[:i:i], d.mods[i+1:]...)
			return n
		}
	}
	d.refuse("without a shape")
	return 0
}

// wgmma is a decoded wgmma.mma_async.
type wgmma struct {
	in             *instr
	t              typ
	f              format
	n, k           int
	sums           []int
	a              []int // registers, nil when A lies in shared memory
	aDesc, bDesc   int
	keep           predicate // scale-d: whether the old sums count
	scaleA, scaleB float64
	transA, transB bool
	fa             []element
	at             accumulators
}

func wgmmaAsync(d *decoder) {
	d.need("sync")
	d.need("aligned")
	p := &wgmma{in: d.in}
	d.among(d.typ(), f32)
	p.t = d.among(d.typ(), f16, bf16, tf32)
	d.among(d.typ(), p.t)
	p.f = d.matrixFormat(p.t)
	p.k = 256 / p.t.bits()
	p.n = d.wgmmaShape(p.k)
	p.fa = fragmentA(p.k, p.t.bits())
	list := d.vector()
	if len(list) != p.n/2 {
		d.refuse("%d sums, expected %d", len(list), p.n/2)
	}
	for i := range list {
		p.sums = append(p.sums, d.plainSlot(&list[i], f32))
	}
	p.at = accumulatorsIn(p.sums)
	if o := d.next(); o.kind == vectorOperand {
		if len(o.elems) != 4 {
			d.refuse("A of %d registers, expected 4", len(o.elems))
		}
		for i := range o.elems {
			p.a = append(p.a, d.srcOf(&o.elems[i], b32, false))
		}
	} else {
		p.aDesc = d.srcOf(o, b64, false)
	}
	p.bDesc = d.src(b64)
	if v, ok := d.st.operands[min(d.used, len(d.st.operands)-1)].value.(uint64); ok && v > 1 {
		d.refuse("scale-d must be a predicate, 0 or 1")
	}
	p.keep = d.predSrc()
	p.scaleA, p.scaleB = d.sign(), d.sign()
	if p.t != tf32 {
		if p.a == nil {
			p.transA = d.flag()
		}
		p.transB = d.flag()
	}
	d.e.multiplies = true
	d.in.flow, d.in.members = gather, fullWarp
	d.in.exec = func(w *warp, _ uint32) { p.run(w) }
}

// plainSlot is a register that the instruction checks by itself.
func (d *decoder) plainSlot(o *operand, t typ) int {
	r := d.register(o.name)
	if o.kind != nameOperand || r.typ.bits() != t.bits() {
		d.refuse("%s is not a .%s register", o.name, t)
	}
	return r.slot
}

// sign takes an immediate 1 or -1, flag an immediate 0 or 1.
func (d *decoder) sign() float64 {
	switch v, ok := d.next().value.(uint64); {
	case ok && v == 1:
		return 1
	case ok && v == ^uint64(0):
		return -1
	}
	d.refuse("a scale must be 1 or -1")
	return 0
}

func (d *decoder) flag() bool {
	v, ok := d.next().value.(uint64)
	if !ok || v > 1 {
		d.refuse("a transposition must be 0 or 1")
	}
	return v == 1
}

// run issues one warp's part: rows 16*(warp%4) and the following of A, all of B.
func (p *wgmma) run(w *warp) {
	s := w.mma
	g := w.warpgroupOf()
	if g == nil || !p.registers(w) {
		return
	}
	group := g.warps[w.id%4]
	acc := w.newAccess(p.in)
	acc.base, acc.clock, acc.single, acc.pending, acc.async = g.agent, uint32(group+1), true, true, true
	g.add(group, acc)
	a, b, c := w.u.run.rooms(16*p.k, p.n*p.k, 16*p.n)
	if !p.operandA(w, acc, a) || !p.matrix(w, acc, w.r[p.bDesc*32], 0, b, p.transB, p.scaleB) {
		return
	}
	w.u.run.products += 16 * p.n * p.k
	p.at.multiply(w, a, b, p.k, p.at.values(w, p.keep.mask(w), c))
	for _, slot := range p.sums {
		s.sums.add(slot, underWay{p.in.line, group, p.n})
		w.undef[slot] = ^uint32(0)
	}
	for _, slot := range p.a {
		s.sources.add(slot, underWay{p.in.line, group, p.n})
	}
}

// rooms gives three pieces of memory that are free until the next product.
func (r *run) rooms(a, b, c int) (x, y, z []float64) {
	if len(r.room) < a+b+c {
		r.room = make([]float64, a+b+c)
	}
	return r.room[:a], r.room[a : a+b], r.room[a+b : a+b+c]
}

// registers checks the sums and A: ordered by wgmma.fence, with values, and not in flight in another shape.
func (p *wgmma) registers(w *warp) bool {
	s := w.mma
	keep := p.keep.mask(w)
	for _, slot := range p.sums {
		if u := s.sums.of[slot]; u.line > 0 {
			if u.n != p.n {
				w.fault(Pending, 0, "sums into %s, in flight from a wgmma of another shape at line %d", w.u.run.e.registerName(slot), u.line)
				return false
			}
		} else if bad := w.undef[slot] & keep; bad != 0 {
			w.undefined(slot, 0, "sums into")
			return false
		}
		if !s.mayUse(w, slot) {
			return false
		}
	}
	for _, slot := range p.a {
		if !s.mayUse(w, slot) {
			return false
		}
	}
	return true
}

// operandA gives the warp's 16 rows.
func (p *wgmma) operandA(w *warp, acc *access, out []float64) bool {
	if p.a == nil {
		return p.matrix(w, acc, w.r[p.aDesc*32], w.id%4*16, out, p.transA, p.scaleA)
	}
	for i := range p.fa {
		e := &p.fa[i]
		out[e.row*p.k+e.col] = p.scaleA * p.f.operand(w.r[p.a[e.reg]*32+e.lane], e.shift)
	}
	return true
}

// matrix reads rows (columns of B) from the first on into out, [rows,k], through a descriptor, by chunks of 16 bytes.
func (p *wgmma) matrix(w *warp, acc *access, bits uint64, first int, out []float64, transposed bool, scale float64) bool {
	for lane := 1; lane < 32; lane++ {
		if w.r[p.bDesc*32+lane] != w.r[p.bDesc*32] || p.a == nil && w.r[p.aDesc*32+lane] != w.r[p.aDesc*32] {
			w.fault(Misuse, lane, "has another matrix descriptor than lane 0")
			return false
		}
	}
	s := describe(bits)
	if bits&reserved != 0 || s.base != 0 {
		w.fault(Misuse, 0, "matrix descriptor %#x: reserved bits or a base offset, which is not known", bits)
		return false
	}
	if pattern := uint64(s.swizzle) * 8; pattern != 0 && s.start%pattern >= uint64(s.swizzle) {
		w.fault(Misaligned, 0, "matrix descriptor starts at shared address %#x, inside of a row pattern of %d bytes", s.start, pattern)
		return false
	}
	size := p.t.bytes()
	per, rows := 16/size, len(out)/p.k
	stepI, stepK, next := 1, per, 1 // a chunk runs along k
	if transposed {
		stepI, stepK, next = per, 1, p.k
	}
	for i := 0; i < rows; i += stepI {
		for k := 0; k < p.k; k += stepK {
			chunk := w.load(shared, s.at(first+i, k, size, transposed), 16, 0, acc)
			if chunk == nil {
				return false
			}
			to := out[i*p.k+k:]
			for e := range per {
				to[e*next] = scale * p.f.operand(get(chunk[e*size:(e+1)*size]), 0)
			}
		}
	}
	return true
}

func wgmmaFence(d *decoder) {
	d.wgmmaControl(func(w *warp) {
		w.mma.fencedAt = w.mma.now
	})
}

func wgmmaCommit(d *decoder) {
	d.wgmmaControl(func(w *warp) {
		if g := w.warpgroupOf(); g != nil {
			g.warps[w.id%4]++
		}
	})
}

// wgmmaWait waits until at most n groups are under way; it can end only when the other warps have issued theirs.
func wgmmaWait(d *decoder) {
	n := d.groups()
	d.wgmmaControl(func(w *warp) {
		g := w.warpgroupOf()
		if g == nil {
			return
		}
		if done := g.warps[w.id%4] - n; done > 0 && !w.mma.finish(w, done) {
			w.retry = true
			w.spins++
			w.vain = w.current
		}
	})
}

func (d *decoder) wgmmaControl(f func(w *warp)) {
	d.need("sync")
	d.need("aligned")
	d.e.multiplies = true
	d.in.flow, d.in.members = gather, fullWarp
	d.in.exec = func(w *warp, _ uint32) { f(w) }
}
