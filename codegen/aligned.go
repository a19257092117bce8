package codegen

import "dlc/ir/tensor"

// wideMove is the most bytes that one thread of a warp moves at once. Buffers begin at multiples
// of it.
const wideMove = 16

// alignedAt is what the address of a place is known to be a multiple of, in bytes, for every
// lane: neighbours that a thread moves one after the other then become one move.
func (e *emitter) alignedAt(o *operand, p place) int64 {
	size := int64(o.buffer.Type.DType.Size())
	return max(e.firstAligned(o, p, gcd(wideMove, p.step*size)), size)
}

// firstAligned is what the address of the first lane is known to be a multiple of, up to a limit.
func (e *emitter) firstAligned(o *operand, p place, limit int64) int64 {
	size := int64(o.buffer.Type.DType.Size())
	d := p.base
	switch {
	case p.by != nil:
		d = *p.by
	case p.form != nil:
		d = p.form.base
	}
	all := gcd(limit, p.offset*size)
	d.Terms(func(coef int64, factors []tensor.Factor) { all = gcd(all, coef*size) })
	if p.shift != "" {
		all = size
	}
	return max(all, size)
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return max(a, -a)
}

// threadAddress is the address of what a thread of a warp has of a place that moves with the
// lanes: the lane's part is added to the buffer's address, once.
func (e *emitter) threadAddress(o *operand, p place) string {
	q := &operand{buffer: o.buffer, place: o.place, step: p.step}
	base := p.base
	if p.form != nil {
		base = p.form.base
	}
	at := e.address(q, base)
	if p.shift != "" {
		at = e.set("getelementptr i8, ptr ", at, ", i64 ", p.shift)
	}
	return e.displaced(at, p.offset*int64(o.buffer.Type.DType.Size()))
}
