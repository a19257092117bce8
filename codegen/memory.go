package codegen

import (
	"fmt"
	"slices"
	"strconv"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// memoryType is the type of stored elements: a bool is a byte.
func memoryType(t tensor.DType, lanes int) string {
	if t == tensor.Bool {
		t = tensor.U8
	}
	return typeName(t, lanes)
}

func align(t tensor.DType) string { return strconv.Itoa(t.Size()) }

// tail is the mask of the lanes that lie inside the vector index's sub-range; ok is false when
// all do.
func (e *emitter) tail() (mask value, ok bool) {
	if e.lanes == 1 || e.granted {
		return value{}, false
	}
	s, at, run := e.tile[e.vector], e.point[e.vector], e.run()
	last := run * int64(e.lanes-1) // how far the last lane is from the first
	if n, exact := s.exact(); exact {
		if at+last < n {
			return value{}, false
		}
		return e.across.below((n - at + run - 1) / run), true
	}
	left := s.length.AddInt(-at)
	if r := left.Bounds(e.ranges); !r.OpenLo && r.Lo > last {
		return value{}, false
	}
	left = left.CeilDiv(run).Within(e.ranges)
	depth := e.depth(left)
	key := "tail " + left.String()
	id, ok := e.scopes[depth].names[key]
	if !ok {
		id = e.across.belowAt(e.integer(left), depth).id
		e.scopes[depth].names[key] = id
	}
	return value{id: id, t: tensor.Bool, lanes: e.lanes}, true
}

// allowed is the mask of the lanes that may touch memory; id "" means all.
func (e *emitter) allowed() value {
	m, ok := e.tail()
	if !ok {
		m = value{}
	}
	return e.and(e.and(m, e.mask), e.when)
}

// and joins conditions, of which id "" is always true.
func (e *emitter) and(a, b value) value {
	switch {
	case a.id == "":
		return b
	case b.id == "":
		return a
	}
	return e.two("and", a, b)
}

// load reads a buffer at the load's index.
func (e *emitter) load(l *kernel.Load, o *operand) value {
	for _, a := range l.At {
		if _, plain := a.(*kernel.Index); !plain {
			return e.gatherAt(l, o)
		}
	}
	if v, ok := e.stagedLoad(l); ok {
		return v
	}
	p := e.at(e.formOf(l, e.exprs.linear(l, o.buffer)))
	e.askAhead(l, o, p)
	e.askLater(o, p, readAhead)
	return e.read(o, p)
}

// askAhead asks the second cache for a later part of what a step reads, where the schedule says so,
// once for each line. The address need not be the buffer's.
func (e *emitter) askAhead(l *kernel.Load, o *operand, p place) {
	if e.stepping == nil || e.inLanes(e.stepping) || p.by != nil || p.step < 0 || p.step > 1 || e.machine.Warps > 0 {
		return
	}
	if by, ok := e.aheads[tile.Ahead{Def: e.stepping.Name, From: l.Name, New: true}]; ok {
		base, size := e.baseAddress(o, p), int64(o.buffer.Type.DType.Size())
		e.asked[lineOf(base, p.offset*size)] = true
		e.behind = append(e.behind, ask{base, (p.offset + by) * size})
		return
	}
	by, ok := e.aheads[tile.Ahead{Def: e.stepping.Name, From: l.Name}]
	if !ok {
		return
	}
	e.askFor(e.baseAddress(o, p), (p.offset+by)*int64(o.buffer.Type.DType.Size()), readAhead)
}

// askLater asks, where a map reads or stores, for what the schedule says lies further on.
func (e *emitter) askLater(o *operand, p place, mode string) {
	by, ok := e.laters[o.buffer.Name]
	if !ok || e.stepping != nil || p.by != nil || p.step < 0 || p.step > 1 || e.machine.Warps > 0 {
		return
	}
	e.askFor(e.baseAddress(o, p), (p.offset+by)*int64(o.buffer.Type.DType.Size()), mode)
}

const readAhead, writeAhead = ", i32 0", ", i32 1"

// An ask is the address of a line that the second cache will be asked for.
type ask struct {
	base   string
	offset int64
}

// askBehind asks for what waited for the reads of a step.
func (e *emitter) askBehind() {
	for _, a := range e.behind {
		e.askFor(a.base, a.offset, readAhead)
	}
	e.behind = nil
}

// lineOf names the line of an address.
func lineOf(base string, offset int64) string {
	const line = 64
	return base + "+" + strconv.FormatInt(offset/line, 10)
}

// askFor asks the second cache for a line, once in a step.
func (e *emitter) askFor(base string, offset int64, mode string) {
	key := lineOf(base, offset)
	if e.asked[key] {
		return
	}
	e.asked[key] = true
	const second, data = ", i32 2", ", i32 1"
	e.put("call void @llvm.prefetch.p0(ptr ", e.displaced(base, offset), mode, second, data, ")")
}

// askRows asks the second cache for what the schedule says that a step of a reduction by lanes should
// ask for, with each point of its tile.
func (e *emitter) askRows(d *kernel.Def, l *live) {
	if e.machine.Warps > 0 || !e.inLanes(d) {
		return
	}
	e.asked = map[string]bool{}
	for _, b := range e.program.Kernel.Buffers() {
		by, ok := e.aheads[tile.Ahead{Def: d.Name, From: b.Name}]
		if !ok {
			continue
		}
		if from, past := e.past[b.Name]; past && from == 0 {
			continue
		}
		f, mode := e.formAhead(b)
		e.points(append(slices.Clone(l.axes), e.axes(d.Reduce.Axes)...), false, func() {
			if p := e.at(f); p.by == nil {
				e.askFor(e.baseAddress(e.buffers[b.Name], p), (p.offset+by)*int64(b.Type.DType.Size()), mode)
			}
		})
	}
}

// inLanes reports whether terms of a reduction lie across the lanes.
func (e *emitter) inLanes(d *kernel.Def) bool {
	return d.Reduce.Order.Kind == kernel.Lanes64 || tile.ByLanes(e.program.Kernel, d)
}

// formAhead is the place of b that the kernel writes at the current point, or else that it reads
// first, and how the machine is asked for it.
func (e *emitter) formAhead(b *kernel.Buffer) (f *form, mode string) {
	if w := e.defs[b.Name]; w != nil {
		return e.formOf(e.buffers[b.Name], kernel.AddressOf(b, symbolsOf(w.Axes))), writeAhead
	}
	for _, d := range e.program.Kernel.Defs {
		for _, l := range d.Loads() {
			if l.Name == b.Name {
				return e.formOf(l, e.exprs.linear(l, b)), readAhead
			}
		}
	}
	panic("BUG: " + e.program.Name + ": " + b.Name + " is asked for, but neither read nor written")
}

// askOnce asks the second cache for what the schedule says a tile reads or writes, when it begins d.
func (e *emitter) askOnce(d *kernel.Def, l *live) {
	for _, b := range e.program.Kernel.Buffers() {
		by, ok := e.aheads[tile.Ahead{Def: d.Name, From: b.Name, Once: true}]
		if !ok || e.machine.Warps > 0 {
			continue
		}
		ask := func() { e.askTile(d, l, b, by) }
		switch from, past := e.past[b.Name]; {
		case !past:
			ask()
		case from > 0:
			e.branch(e.movesAtLeast(from), nil, func() {}, ask)
		}
	}
	e.fresh()
}

// askTile asks for what each point of the tile first reads of b, or stores there.
func (e *emitter) askTile(d *kernel.Def, l *live, b *kernel.Buffer, by int64) {
	o, mode := e.buffers[b.Name], readAhead
	var f *form
	if w := e.defs[b.Name]; w != nil {
		f, mode = e.formOf(o, kernel.AddressOf(b, symbolsOf(w.Axes))), writeAhead
	}
	for _, load := range d.Loads() {
		if load.Name == b.Name {
			f = e.formOf(load, e.exprs.linear(load, b))
		}
	}
	e.points(l.axes, false, func() {
		if p := e.at(f); p.by == nil {
			const second, data = ", i32 2", ", i32 1"
			e.put("call void @llvm.prefetch.p0(ptr ", e.displaced(e.baseAddress(o, p), (p.offset+by)*int64(b.Type.DType.Size())), mode, second, data, ")")
		}
	})
}

// read loads the element at place p, or the elements it has across the lanes.
func (e *emitter) read(o *operand, p place) value {
	t := o.buffer.Type.DType
	size := int64(t.Size())
	e.aligned = e.alignedAt(o, p)
	defer func() { e.aligned = 0 }()
	switch {
	case e.machine.Warps > 0 && p.by == nil && p.step != 0:
		return e.across.gather(t, e.threadAddress(o, p), value{}, e.allowed())
	case p.by != nil:
		return e.across.gather(t, e.baseAddress(o, p), e.two("mul", e.whole(p), integerOf(tensor.I64, size)), e.allowed())
	case p.step == 0:
		return e.across.loadOne(t, e.displaced(e.baseAddress(o, p), p.offset*size), e.when, e.mask)
	case p.step != 1:
		return e.across.gather(t, e.displaced(e.baseAddress(o, p), p.offset*size), e.across.ramp(p.step*size), e.allowed())
	}
	return e.readAt(t, e.displaced(e.baseAddress(o, p), p.offset*size))
}

func mangledMemory(t tensor.DType, lanes int) string {
	if t == tensor.Bool {
		t = tensor.U8
	}
	return mangled(t, lanes)
}

func (e *emitter) fromMemory(t tensor.DType, lanes int, id string) value {
	if t == tensor.Bool {
		return e.compare("icmp ne", value{id: id, t: tensor.U8, lanes: lanes}, integerOf(tensor.U8, 0))
	}
	return value{id: id, t: t, lanes: lanes}
}

// baseAddress is the address of a place without its constant offset; of one that is any
// expression of the lane, the buffer's.
func (e *emitter) baseAddress(o *operand, p place) string {
	var at string
	switch {
	case p.by != nil:
		at = e.base(o)
	case p.form == nil:
		at = e.address(o, p.base)
	case p.form.id == "":
		p.form.id = e.address(o, p.form.base)
		at = p.form.id
	default:
		at = p.form.id
	}
	if p.shift != "" {
		at = e.set("getelementptr i8, ptr ", at, ", i64 ", p.shift)
	}
	return at
}

// gatherAt reads at an index of which some parts are computed: outside the extent it is 0.
func (e *emitter) gatherAt(l *kernel.Load, o *operand) value {
	if o.buffer.Layout != nil {
		panic(fmt.Sprintf("BUG: computed index into %s, which is stored as %s", o.buffer.Name, o.buffer.Layout.Name))
	}
	t := o.buffer.Type.DType
	if parts, ok := e.scalarParts(l); ok {
		return e.rowAt(l, o, parts)
	}
	offset, inside := integerOf(tensor.I64, 0), value{}
	stride := tensor.Int(1)
	for i := len(l.At) - 1; i >= 0; i-- {
		extent := o.buffer.Type.Shape[i]
		v := e.convert(e.eval(l.At[i]), tensor.I64)
		if _, plain := l.At[i].(*kernel.Index); !plain {
			inside = e.and(inside, e.compare("icmp ult", v, value{id: e.integer(extent), t: tensor.I64, lanes: 1}))
		}
		offset = e.sum(offset, e.two("mul", v, value{id: e.integer(stride.Scale(int64(t.Size()))), t: tensor.I64, lanes: 1}))
		stride = stride.Mul(extent)
	}
	return e.across.gather(t, e.base(o), e.wide(offset, e.lanes), e.and(inside, e.allowed()))
}

// scalarParts evaluates the computed parts of an index, the others stay empty; ok is false where
// one moves with the lanes.
func (e *emitter) scalarParts(l *kernel.Load) (parts []value, ok bool) {
	parts = make([]value, len(l.At))
	for i, a := range l.At {
		if _, plain := a.(*kernel.Index); !plain {
			if parts[i] = e.convert(e.eval(a), tensor.I64); parts[i].lanes > 1 {
				return nil, false
			}
		}
	}
	return parts, true
}

// write stores v at place p, or across the lanes.
func (e *emitter) write(o *operand, p place, v value) {
	e.aligned = e.alignedAt(o, p)
	defer func() { e.aligned = 0 }()
	switch {
	case e.machine.Warps > 0 && e.lanes > 1 && p.by == nil && p.step != 0:
		e.across.scatter(o.buffer.Type.DType, e.toMemory(v), e.threadAddress(o, p), value{}, e.allowed())
		return
	case e.lanes > 1 && (p.by != nil || p.step != 1):
		e.scatter(o, p, v)
		return
	}
	t := o.buffer.Type.DType
	at := e.displaced(e.baseAddress(o, p), p.offset*int64(t.Size()))
	register := int64(e.lanes * t.Size())
	from, past := e.past[o.buffer.Name]
	if !past || e.lanes == 1 || e.firstAligned(o, p, register) != register || e.allowed().id != "" {
		e.writeAt(t, at, v)
		return
	}
	v = e.toMemory(v)
	beside := func() {
		e.put("store ", v.arg(), ", ptr ", at, ", align ", strconv.FormatInt(register, 10), ", !nontemporal !0")
	}
	if from == 0 {
		beside()
		return
	}
	a, b, after := e.block(), e.block(), e.block()
	e.cur.Term = either(e.movesAtLeast(from), a, b)
	e.cur = a
	beside()
	a.Term = to(after)
	e.cur = b
	e.writeAt(t, at, v)
	b.Term = to(after)
	e.cur = after
}

// toMemory makes bools bytes.
func (e *emitter) toMemory(v value) value {
	if v.t == tensor.Bool {
		v = value{id: e.set("zext ", v.arg(), " to ", memoryType(v.t, v.lanes)), t: tensor.U8, lanes: v.lanes}
	}
	return e.wide(v, e.lanes)
}

func (e *emitter) scatter(o *operand, p place, v value) {
	t := o.buffer.Type.DType
	size := int64(t.Size())
	base, offsets := e.baseAddress(o, p), value{}
	if p.by != nil {
		offsets = e.two("mul", e.whole(p), integerOf(tensor.I64, size))
	} else {
		base, offsets = e.displaced(base, p.offset*size), e.across.ramp(p.step*size)
	}
	e.across.scatter(t, e.toMemory(v), base, offsets, e.allowed())
}

// readAt loads one register of neighbours, masked where the vector index is cut short.
func (e *emitter) readAt(t tensor.DType, at string) value {
	return e.across.loadMany(t, at, e.allowed())
}

// writeAt stores an element, or one register of neighbours, masked where the vector index is cut
// short.
func (e *emitter) writeAt(t tensor.DType, at string, v value) {
	if v = e.toMemory(v); e.lanes == 1 {
		e.across.storeOne(t, at, v)
		return
	}
	e.across.storeMany(t, at, v, e.allowed())
}

// movesAtLeast is whether the kernel's buffers have that many bytes.
func (e *emitter) movesAtLeast(from int64) string {
	var all tensor.Dim
	for _, b := range e.program.Kernel.Buffers() {
		all = all.Add(b.StoredShape().Size().Scale(int64(b.Type.DType.Size())))
	}
	return e.hoist(e.depth(all), "icmp sge i64 ", e.integer(all), ", ", strconv.FormatInt(from, 10))
}
