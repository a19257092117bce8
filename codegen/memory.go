package codegen

import (
	"fmt"
	"strconv"
	"strings"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
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
	if e.lanes == 1 {
		return value{}, false
	}
	s, at := e.tile[e.vector], e.point[e.vector]
	if n, exact := s.exact(); exact {
		if at+int64(e.lanes) <= n {
			return value{}, false
		}
		list, known := make([]string, e.lanes), make([]bool, e.lanes)
		for i := range list {
			known[i] = at+int64(i) < n
			list[i] = "i1 " + strconv.FormatBool(known[i])
		}
		return value{id: "<" + strings.Join(list, ", ") + ">", t: tensor.Bool, lanes: e.lanes, known: known}, true
	}
	left := s.length.AddInt(-at)
	if r := left.Bounds(e.ranges); !r.OpenLo && r.Lo >= int64(e.lanes) {
		return value{}, false
	}
	depth := e.depth(left)
	key := "tail " + left.String()
	id, ok := e.scopes[depth].names[key]
	if !ok {
		cur := e.cur
		e.cur = e.scopes[depth].entry
		splats := e.splats
		e.splats = map[string]string{}
		n := e.op(tensor.I32, 1, "trunc i64 ", e.integer(left), " to i32")
		list := make([]string, e.lanes)
		for i := range list {
			list[i] = "i32 " + strconv.Itoa(i)
		}
		iota := value{id: "<" + strings.Join(list, ", ") + ">", t: tensor.I32, lanes: e.lanes}
		id = e.compare("icmp slt", iota, n).id
		e.splats, e.cur = splats, cur
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
	return e.read(o, p)
}

// read loads the element at place p, or the elements it has across the lanes.
func (e *emitter) read(o *operand, p place) value {
	t := o.buffer.Type.DType
	size := int64(t.Size())
	switch {
	case p.by != nil:
		return e.gather(o, e.baseAddress(o, p), e.two("mul", e.whole(p), integerOf(tensor.I64, size)), e.allowed())
	case p.step == 0:
		return e.readOne(t, e.displaced(e.baseAddress(o, p), p.offset*size))
	case p.step != 1:
		return e.gather(o, e.displaced(e.baseAddress(o, p), p.offset*size), ramp(e.lanes, p.step*size), e.allowed())
	}
	return e.readAt(t, e.displaced(e.baseAddress(o, p), p.offset*size))
}

// readOne loads one element. Under a condition that does not hold, it reads scratch memory
// instead, and the value is not used.
func (e *emitter) readOne(t tensor.DType, at string) value {
	cond := e.when
	if e.mask.id != "" {
		some := e.op(tensor.Bool, 1, "call i1 @llvm.vector.reduce.or.v", strconv.Itoa(e.mask.lanes), "i1(", e.mask.arg(), ")")
		cond = e.and(cond, some)
	}
	if cond.id != "" {
		at = e.set("select i1 ", cond.id, ", ptr ", at, ", ptr %scratch")
	}
	return e.fromMemory(t, 1, e.set("load ", memoryType(t, 1), ", ptr ", at, ", align ", align(t)))
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

// gather loads elements at byte offsets from an address; lanes that are not allowed are 0.
func (e *emitter) gather(o *operand, base string, offsets, m value) value {
	t, lanes := o.buffer.Type.DType, strconv.Itoa(e.lanes)
	if !e.machine.Masks {
		return e.gatherLanes(t, base, offsets, m)
	}
	if m.id == "" {
		m = integerOf(tensor.Bool, 1)
	}
	m = e.wide(m, e.lanes)
	ptrs := e.set("getelementptr i8, ptr ", base, ", ", offsets.arg())
	typ := memoryType(t, e.lanes)
	return e.fromMemory(t, e.lanes, e.set("call ", typ, " @llvm.masked.gather.", mangledMemory(t, e.lanes), ".v", lanes, "p0(<", lanes, " x ptr> ", ptrs, ", i32 ", align(t), ", ", m.arg(), ", ", typ, " zeroinitializer)"))
}

// gatherAt reads at an index of which some parts are computed: outside the extent it is 0.
func (e *emitter) gatherAt(l *kernel.Load, o *operand) value {
	if o.buffer.Layout != nil {
		panic(fmt.Sprintf("BUG: computed index into %s, which is stored as %s", o.buffer.Name, o.buffer.Layout.Name))
	}
	t := o.buffer.Type.DType
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
	if lanes := max(offset.lanes, inside.lanes); lanes > 1 {
		m := e.and(inside, e.allowed())
		return e.gather(o, e.base(o), e.wide(offset, lanes), m)
	}
	when := e.when
	e.when = e.and(when, inside)
	v := e.readOne(t, e.set("getelementptr i8, ptr ", e.base(o), ", ", offset.arg()))
	e.when = when
	return e.choose(inside, v, zero(t))
}

// write stores v at place p, or across the lanes.
func (e *emitter) write(o *operand, p place, v value) {
	if e.lanes > 1 && (p.by != nil || p.step != 1) {
		e.scatter(o, p, v)
		return
	}
	t := o.buffer.Type.DType
	e.writeAt(t, e.displaced(e.baseAddress(o, p), p.offset*int64(t.Size())), v)
}

// toMemory makes bools bytes.
func (e *emitter) toMemory(v value) value {
	if v.t == tensor.Bool {
		v = value{id: e.set("zext ", v.arg(), " to ", memoryType(v.t, v.lanes)), t: tensor.U8, lanes: v.lanes}
	}
	return e.wide(v, e.lanes)
}

func (e *emitter) scatter(o *operand, p place, v value) {
	v, m := e.toMemory(v), e.allowed()
	t, lanes := o.buffer.Type.DType, strconv.Itoa(e.lanes)
	size := int64(t.Size())
	base, offsets := e.baseAddress(o, p), value{}
	if p.by != nil {
		offsets = e.two("mul", e.whole(p), integerOf(tensor.I64, size))
	} else {
		base, offsets = e.displaced(base, p.offset*size), ramp(e.lanes, p.step*size)
	}
	if !e.machine.Masks {
		e.scatterLanes(t, v, base, offsets, m)
		return
	}
	if m.id == "" {
		m = integerOf(tensor.Bool, 1)
	}
	ptrs := e.set("getelementptr i8, ptr ", base, ", ", offsets.arg())
	e.put("call void @llvm.masked.scatter.", mangledMemory(t, e.lanes), ".v", lanes, "p0(", v.arg(), ", <", lanes, " x ptr> ", ptrs, ", i32 ", align(t), ", ", e.wide(m, e.lanes).arg(), ")")
}

// readAt loads one register of neighbours, masked where the vector index is cut short.
func (e *emitter) readAt(t tensor.DType, at string) value {
	typ := memoryType(t, e.lanes)
	m := value{}
	if e.lanes > 1 {
		m = e.allowed()
	}
	if m.id == "" {
		return e.fromMemory(t, e.lanes, e.set("load ", typ, ", ptr ", at, ", align ", align(t)))
	}
	m = e.wide(m, e.lanes)
	if e.byLane(t) {
		return e.gatherLanes(t, at, ramp(e.lanes, 1), m)
	}
	return e.fromMemory(t, e.lanes, e.set("call ", typ, " @llvm.masked.load.", mangledMemory(t, e.lanes), ".p0(ptr ", at, ", i32 ", align(t), ", ", m.arg(), ", ", typ, " zeroinitializer)"))
}

// writeAt stores one register of neighbours, masked where the vector index is cut short.
func (e *emitter) writeAt(t tensor.DType, at string, v value) {
	v = e.toMemory(v)
	m := value{}
	if e.lanes > 1 {
		m = e.allowed()
	}
	if m.id == "" {
		e.put("store ", v.arg(), ", ptr ", at, ", align ", align(t))
		return
	}
	if e.byLane(t) {
		e.scatterLanes(t, v, at, ramp(e.lanes, 1), m)
		return
	}
	e.put("call void @llvm.masked.store.", mangledMemory(t, e.lanes), ".p0(", v.arg(), ", ptr ", at, ", i32 ", align(t), ", ", e.wide(m, e.lanes).arg(), ")")
}
