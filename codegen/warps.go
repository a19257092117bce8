package codegen

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/llir/llvm/ir"
	"github.com/llir/llvm/ir/enum"
	"github.com/llir/llvm/ir/types"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// warps holds the lanes of a value in the threads of a warp, one in each: a value of any number
// of lanes is a scalar of the thread. Memory is touched under a branch where a mask says so;
// what is uniform is stored by the first thread.
type warps struct {
	*emitter
	own  bool        // what is uniform elsewhere is the thread's own: all threads store
	maps []TensorMap // parameters behind the others
	team int64       // warps of a block of threads that computes one block of the grid; else 0
	slot *line       // address of the warp's part of shared memory, where it is used
	mine *line       // number of the first block of the grid that the block of threads has
}

func (e *warps) splat(v value, lanes int) value {
	return value{id: v.id, t: v.t, lanes: lanes}
}

// thread is the number of the thread in its block of threads, an i32.
func (e *warps) thread() string {
	return e.hoist(0, "call i32 @llvm.nvvm.read.ptx.sreg.tid.x()")
}

// lane is the number of the thread in its warp.
func (e *warps) lane() value {
	return value{id: e.hoist(0, "zext i32 ", e.hoist(0, "and i32 ", e.thread(), ", 31"), " to i64"), t: tensor.I64, lanes: warp}
}

func (e *warps) ramp(step int64) value {
	v := e.lane()
	v.steps, v.step = true, step
	if step != 1 {
		v.id = e.hoist(0, "mul nsw i64 ", v.id, ", ", strconv.FormatInt(step, 10))
	}
	return v
}

func (e *warps) below(n int64) value {
	return e.belowAt(strconv.FormatInt(n, 10), 0)
}

func (e *warps) belowAt(n string, depth int) value {
	return value{id: e.hoist(depth, "icmp slt i64 ", e.lane().id, ", ", n), t: tensor.Bool, lanes: warp}
}

func (e *warps) pick(v value, lane int64) value {
	w := e.shuffle("idx", v, lane)
	w.lanes = 1
	return w
}

// rotate leaves the last lanes as they are: nothing asks for them.
func (e *warps) rotate(v value, by int) value { return e.shuffle("down", v, int64(by)) }

// shuffle reads v from another thread of the warp. What is no i32 or float goes in such pieces.
func (e *warps) shuffle(how string, v value, by int64) value {
	b := strconv.FormatInt(by, 10)
	word := func(x string) string {
		return e.set("call i32 @llvm.nvvm.shfl.sync.", how, ".i32(i32 -1, i32 ", x, ", i32 ", b, ", i32 31)")
	}
	typ := scalarType(v.t)
	switch v.t.Size() {
	case 8:
		x := v.id
		if v.t == tensor.F64 {
			x = e.set("bitcast double ", x, " to i64")
		}
		low := word(e.set("trunc i64 ", x, " to i32"))
		high := word(e.set("trunc i64 ", e.set("lshr i64 ", x, ", 32"), " to i32"))
		high = e.set("shl i64 ", e.set("zext i32 ", high, " to i64"), ", 32")
		v.id = e.set("or i64 ", e.set("zext i32 ", low, " to i64"), ", ", high)
		if v.t == tensor.F64 {
			v.id = e.set("bitcast i64 ", v.id, " to double")
		}
	case 4:
		if v.t == tensor.F32 {
			v.id = e.set("call float @llvm.nvvm.shfl.sync.", how, ".f32(i32 -1, float ", v.id, ", i32 ", b, ", i32 31)")
		} else {
			v.id = word(v.id)
		}
	default:
		v.id = e.set("trunc i32 ", word(e.set("zext ", typ, " ", v.id, " to i32")), " to ", typ)
	}
	v.fixed, v.steps, v.known = false, false, nil
	return v
}

// under emits a load under a condition; where that fails the value is 0.
func (e *warps) under(cond value, t tensor.DType, lanes int, load func() string) value {
	typ := memoryType(t, 1)
	if cond.id == "" {
		return e.fromMemory(t, lanes, load())
	}
	from, yes, after := e.cur, e.block(), e.block()
	from.Term = either(cond.id, yes, after)
	e.cur = yes
	x := load()
	yes.Term = to(after)
	e.cur = after
	none := zero(t).id
	if t == tensor.Bool {
		none = "0"
	}
	return e.fromMemory(t, lanes, e.set("phi ", typ, " [ ", x, ", ", yes.Ident(), " ], [ ", none, ", ", from.Ident(), " ]"))
}

// onlyIf emits a store under a condition.
func (e *warps) onlyIf(cond value, store func()) {
	if cond.id == "" {
		store()
		return
	}
	from, yes, after := e.cur, e.block(), e.block()
	from.Term = either(cond.id, yes, after)
	e.cur = yes
	store()
	yes.Term = to(after)
	e.cur = after
}

// within emits code of the current point under a condition, which it need not ask again.
func (e *warps) within(cond value, code func()) {
	point, lanes := slices.Clone(e.point), e.lanes
	restore := func() {
		e.fresh()
		e.point, e.lanes = point, lanes
	}
	from, yes, after := e.cur, e.block(), e.block()
	from.Term = either(cond.id, yes, after)
	e.cur = yes
	restore()
	e.granted = true
	code()
	e.granted = false
	e.cur.Term = to(after)
	e.cur = after
	restore()
}

func (e *warps) loadOne(t tensor.DType, at string, when, mask value) value {
	return e.under(e.and(when, mask), t, 1, func() string { return e.loaded(t, at) })
}

func (e *warps) loaded(t tensor.DType, at string) string {
	return e.set("load ", memoryType(t, 1), ", ptr ", at, ", align ", e.align(t))
}

func (e *warps) align(t tensor.DType) string {
	return strconv.FormatInt(max(e.aligned, int64(t.Size())), 10)
}

func (e *warps) storeOne(t tensor.DType, at string, v value) {
	if e.own {
		e.onlyIf(e.when, func() { e.put("store ", v.arg(), ", ptr ", at, ", align ", e.align(t)) })
		return
	}
	e.onlyIf(e.below(1), func() { e.put("store ", v.arg(), ", ptr ", at, ", align ", align(t)) })
}

func (e *warps) loadMany(t tensor.DType, at string, m value) value {
	return e.gather(t, at, e.ramp(int64(t.Size())), m)
}

func (e *warps) storeMany(t tensor.DType, at string, v, m value) {
	e.scatter(t, v, at, e.ramp(int64(t.Size())), m)
}

// gather and scatter take an address of the thread's own where there are no offsets.
func (e *warps) gather(t tensor.DType, base string, offsets, m value) value {
	at := e.moved(base, offsets)
	return e.under(m, t, e.lanes, func() string { return e.loaded(t, at) })
}

func (e *warps) scatter(t tensor.DType, v value, base string, offsets, m value) {
	at := e.moved(base, offsets)
	e.onlyIf(m, func() { e.put("store ", v.arg(), ", ptr ", at, ", align ", e.align(t)) })
}

func (e *warps) moved(base string, offsets value) string {
	if offsets.id == "" {
		return base
	}
	return e.set("getelementptr i8, ptr ", base, ", i64 ", offsets.id)
}

func (e *warps) part() {}

// meet waits for the threads of the warp, whose writes are then seen.
func (e *warps) meet() {
	const met = "call void @llvm.nvvm.bar.warp.sync(i32 -1)"
	if n := len(e.cur.Insts); n > 0 {
		if last, ok := e.cur.Insts[n-1].(*line); ok && last.text == met {
			return
		}
	}
	e.put(met)
}

func (e *warps) buffer(number int) string { return "%p" + strconv.Itoa(number) }

func (e *warps) symbol(number int) string { return "%s" + strconv.Itoa(number) }

// scratch is the warp's part of the shared memory of its block of threads.
func (e *warps) scratch() string {
	entry, names := e.scopes[0].entry, e.scopes[0].names
	if names["%scratch"] == "" {
		number := e.hoist(0, "zext i32 ", e.hoist(0, "lshr i32 ", e.thread(), ", 5"), " to i64")
		e.slot = &line{}
		at := e.name()
		e.slot.text = at + " = mul i64 " + number + ", "
		entry.Insts = append(entry.Insts, e.slot)
		names["%scratch"] = e.hoist(0, "getelementptr i8, ptr addrspacecast (ptr addrspace(3) @shared to ptr), i64 ", at)
	}
	return names["%scratch"]
}

// scratchBytes keeps the parts of warps aligned.
func (e *emitter) scratchBytes() int64 { return (e.most + wideMove - 1) / wideMove * wideMove }

// function is a kernel of which each warp has one block of the grid. Its parameters are the
// buffers, inputs, outputs, then Temps, the symbols, and in a recurrence the position.
func (e *warps) function(name string) {
	e.fn = ir.NewFunc(name, types.Void, e.parameters()...)
	e.fn.CallingConv = enum.CallingConvPTXKernel
	entry, start, head, done := e.block(), e.block(), e.block(), e.block()
	e.scopes = []*scope{{entry, map[string]string{}}}
	e.cur = entry
	for i := range len(e.buffers) { // LLVM finds the address space of what is derived
		e.put(e.buffer(i), " = addrspacecast ptr addrspace(1) %global", strconv.Itoa(i), " to ptr")
	}
	e.position()
	entry.Term = to(start)
	e.cur = start
	e.fresh()
	number := e.number()
	code := e.versions
	if e.phase.Unit != nil { // there are no more blocks of threads than blocks
		start.Term = to(head)
		code = e.fragments
	} else {
		count := e.phase.Blocks(func(index string) tensor.Dim { return e.extents[e.indexOf(index)].length })
		start.Term = either(e.set("icmp slt i64 ", number, ", ", e.integer(count)), head, done)
	}
	e.inBlock(number, head, code)
	e.cur.Term = to(done)
	for i := range e.maps {
		p := ir.NewParam("map"+strconv.Itoa(i), types.NewPointer(types.I8))
		p.Attrs = append(p.Attrs, ir.Byval{Typ: types.NewArray(128, types.I8)}, ir.Align(64))
		e.fn.Params = append(e.fn.Params, p)
	}
	done.Term = &jump{text: "ret void"}
	if e.slot != nil {
		e.slot.text += strconv.FormatInt(e.scratchBytes(), 10)
	}
	if e.mine != nil {
		e.mine.text += strconv.FormatInt(e.threads().Warps, 10)
	}
}

// number is the number of the block of the grid of the warp, or of the block of threads.
func (e *warps) number() string {
	group := e.set("zext i32 ", e.set("call i32 @llvm.nvvm.read.ptx.sreg.ctaid.x()"), " to i64")
	if e.phase.Unit != nil {
		return group
	}
	first := e.name()
	e.mine = &line{text: first + " = mul nuw nsw i64 " + group + ", "}
	e.cur.Insts = append(e.cur.Insts, e.mine)
	return e.set("add nuw nsw i64 ", first, ", ", e.set("zext i32 ", e.set("lshr i32 ", e.thread(), ", 5"), " to i64"))
}

// threads has as many warps as the machine wants, or fewer where their memory asks for it.
func (e *warps) threads() Threads {
	if e.phase.Unit != nil {
		return Threads{Warps: e.team, Shared: e.most, Together: true, Maps: e.maps, Parameters: len(e.fn.Params)}
	}
	t := Threads{Warps: int64(e.machine.Warps)}
	for t.Warps > 1 && t.Warps*e.scratchBytes() > e.machine.Shared/2 {
		t.Warps--
	}
	if t.Shared = t.Warps * e.scratchBytes(); t.Shared > e.machine.Shared {
		panic(fmt.Sprintf("BUG: %s: %d bytes of shared memory, %s has %d", e.program.Name, t.Shared, e.machine.Name, e.machine.Shared))
	}
	return t
}

// parameters declares the buffers and symbols. An input that the kernel updates in place is not
// said to lie apart from its output.
func (e *warps) parameters() []*ir.Param {
	k := e.program.Kernel
	updated := map[string]bool{}
	for _, b := range k.Outs {
		if b.Role == kernel.Update {
			updated[b.Of], updated[b.Name] = true, true
		}
	}
	var list []*ir.Param
	add := func(b *kernel.Buffer, attrs ...ir.ParamAttribute) {
		global := types.NewPointer(types.I8)
		global.AddrSpace = 1
		p := ir.NewParam("global"+strconv.Itoa(len(list)), global)
		if !updated[b.Name] {
			p.Attrs = append(p.Attrs, enum.ParamAttrNoAlias)
			p.Attrs = append(p.Attrs, attrs...)
		}
		p.Attrs = append(p.Attrs, ir.Align(16))
		list = append(list, p)
	}
	for _, b := range k.Ins {
		add(b, enum.ParamAttrReadOnly)
	}
	for _, b := range append(append([]*kernel.Buffer{}, k.Outs...), e.program.Temps...) {
		add(b)
	}
	for i := range e.order {
		list = append(list, ir.NewParam(e.symbol(i)[1:], types.I64))
	}
	if e.phase.Seq != nil { // the position of the recurrence
		list = append(list, ir.NewParam(e.symbol(len(e.order))[1:], types.I64))
	}
	return list
}
