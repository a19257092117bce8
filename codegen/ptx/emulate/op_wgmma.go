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
	fa, fc         []element
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
	p.fa, p.fc = fragmentA(p.k, p.t.bits()), fragmentC(p.n)
	list := d.vector()
	if len(list) != p.n/2 {
		d.refuse("%d sums, expected %d", len(list), p.n/2)
	}
	for i := range list {
		p.sums = append(p.sums, d.plainSlot(&list[i], f32))
	}
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
	acc := &access{unit: w.u.id, base: g.agent, clock: uint32(group + 1), line: p.in.line, what: p.in.op, single: true, pending: true, async: true}
	g.add(group, acc)
	ma, ok := p.operandA(w, acc)
	if !ok {
		return
	}
	mb, ok := p.matrix(w, acc, w.r[p.bDesc*32], 0, p.n, p.transB, p.scaleB)
	if !ok {
		return
	}
	w.u.run.products += 16 * p.n * p.k
	keep := p.keep.mask(w)
	for _, e := range p.fc {
		at := p.sums[e.reg]*32 + e.lane
		sum := 0.0
		if keep>>e.lane&1 != 0 {
			sum = float64(float(w.r[at]))
		}
		w.r[at] = ofFloat(float32(multiplyAdd(sum, ma[e.row*p.k:][:p.k], mb[e.col*p.k:][:p.k], 1)))
	}
	for _, slot := range p.sums {
		s.sums[slot] = underWay{p.in.line, group, p.n}
		w.undef[slot] = ^uint32(0)
	}
	for _, slot := range p.a {
		s.sources[slot] = underWay{p.in.line, group, p.n}
	}
}

// registers checks the sums and A: ordered by wgmma.fence, with values, and not in flight in another shape.
func (p *wgmma) registers(w *warp) bool {
	s := w.mma
	keep := p.keep.mask(w)
	for _, slot := range p.sums {
		if u, ok := s.sums[slot]; ok {
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
func (p *wgmma) operandA(w *warp, acc *access) ([]float64, bool) {
	if p.a == nil {
		return p.matrix(w, acc, w.r[p.aDesc*32], w.id%4*16, 16, p.transA, p.scaleA)
	}
	out := make([]float64, 16*p.k)
	for _, e := range p.fa {
		out[e.row*p.k+e.col] = p.scaleA * p.f.operand(w.r[p.a[e.reg]*32+e.lane], e.shift)
	}
	return out, true
}

// matrix reads count rows (columns of B) from the first on, [count,k], through a descriptor.
func (p *wgmma) matrix(w *warp, acc *access, bits uint64, first, count int, transposed bool, scale float64) ([]float64, bool) {
	for lane := 1; lane < 32; lane++ {
		if w.r[p.bDesc*32+lane] != w.r[p.bDesc*32] || p.a == nil && w.r[p.aDesc*32+lane] != w.r[p.aDesc*32] {
			w.fault(Misuse, lane, "has another matrix descriptor than lane 0")
			return nil, false
		}
	}
	s := describe(bits)
	if bits&reserved != 0 || s.base != 0 {
		w.fault(Misuse, 0, "matrix descriptor %#x: reserved bits or a base offset, which is not known", bits)
		return nil, false
	}
	if pattern := uint64(s.swizzle) * 8; pattern != 0 && s.start%pattern >= uint64(s.swizzle) {
		w.fault(Misaligned, 0, "matrix descriptor starts at shared address %#x, inside of a row pattern of %d bytes", s.start, pattern)
		return nil, false
	}
	size := p.t.bytes()
	out := make([]float64, count*p.k)
	seen := map[uint64][]byte{}
	var chunk []byte
	last := ^uint64(0)
	for i := range count {
		for k := range p.k {
			addr := s.at(first+i, k, size, transposed)
			if addr&^15 != last {
				last = addr &^ 15
				chunk = seen[last]
			}
			if chunk == nil {
				if chunk = w.load(shared, addr&^15, 16, 0, acc); chunk == nil {
					return nil, false
				}
				seen[addr&^15] = chunk
			}
			in := addr & 15
			out[i*p.k+k] = scale * p.f.operand(get(chunk[in:in+uint64(size)]), 0)
		}
	}
	return out, true
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
