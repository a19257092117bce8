package codegen

import (
	"strconv"
	"strings"

	"github.com/llir/llvm/ir"
	"github.com/llir/llvm/ir/types"

	"dlc/ir/tensor"
)

// vectors holds the lanes of a value in one vector register.
type vectors struct{ *emitter }

func (e vectors) splat(v value, lanes int) value {
	if v.fixed {
		return value{id: "splat (" + v.arg() + ")", t: v.t, lanes: lanes}
	}
	if id, ok := e.splats[v.id]; ok {
		return value{id: id, t: v.t, lanes: lanes}
	}
	w := typeName(v.t, lanes)
	id := e.set("insertelement ", w, " poison, ", v.arg(), ", i64 0")
	id = e.set("shufflevector ", w, " ", id, ", ", w, " poison, <", strconv.Itoa(lanes), " x i32> zeroinitializer")
	e.splats[v.id] = id
	return value{id: id, t: v.t, lanes: lanes}
}

func (e vectors) ramp(step int64) value {
	list := make([]string, e.machine.Lanes)
	for i := range list {
		list[i] = "i64 " + strconv.FormatInt(step*int64(i), 10)
	}
	return value{id: "<" + strings.Join(list, ", ") + ">", t: tensor.I64, lanes: len(list), steps: true, step: step}
}

func (e vectors) below(n int64) value {
	list, known := make([]string, e.machine.Lanes), make([]bool, e.machine.Lanes)
	for i := range list {
		known[i] = int64(i) < n
		list[i] = "i1 " + strconv.FormatBool(known[i])
	}
	return value{id: "<" + strings.Join(list, ", ") + ">", t: tensor.Bool, lanes: len(list), known: known}
}

func (e vectors) belowAt(n string, depth int) value {
	lanes := e.machine.Lanes
	w := shaped("i32", lanes)
	id := e.hoist(depth, "insertelement ", w, " poison, i32 ", e.hoist(depth, "trunc i64 ", n, " to i32"), ", i64 0")
	id = e.hoist(depth, "shufflevector ", w, " ", id, ", ", w, " poison, <", strconv.Itoa(lanes), " x i32> zeroinitializer")
	list := make([]string, lanes)
	for i := range list {
		list[i] = "i32 " + strconv.Itoa(i)
	}
	return value{id: e.hoist(depth, "icmp slt ", w, " <", strings.Join(list, ", "), ">, ", id), t: tensor.Bool, lanes: lanes}
}

func (e vectors) pick(v value, lane int64) value {
	return e.op(v.t, 1, "extractelement ", v.arg(), ", i64 ", strconv.FormatInt(lane, 10))
}

func (e vectors) rotate(v value, by int) value {
	list := make([]string, v.lanes)
	for i := range list {
		list[i] = "i32 " + strconv.Itoa((i+by)%v.lanes)
	}
	return e.op(v.t, v.lanes, "shufflevector ", v.arg(), ", ", v.typ(), " poison, <", strconv.Itoa(v.lanes), " x i32> <", strings.Join(list, ", "), ">")
}

// loadOne reads scratch memory instead where the conditions do not hold.
func (e vectors) loadOne(t tensor.DType, at string, when, mask value) value {
	cond := when
	if mask.id != "" {
		some := e.op(tensor.Bool, 1, "call i1 @llvm.vector.reduce.or.v", strconv.Itoa(mask.lanes), "i1(", mask.arg(), ")")
		cond = e.and(cond, some)
	}
	if cond.id != "" {
		at = e.set("select i1 ", cond.id, ", ptr ", at, ", ptr %scratch")
	}
	return e.fromMemory(t, 1, e.set("load ", memoryType(t, 1), ", ptr ", at, ", align ", align(t)))
}

func (e vectors) storeOne(t tensor.DType, at string, v value) {
	e.put("store ", v.arg(), ", ptr ", at, ", align ", align(t))
}

func (e vectors) loadMany(t tensor.DType, at string, m value) value {
	typ := memoryType(t, e.lanes)
	if m.id == "" {
		return e.fromMemory(t, e.lanes, e.set("load ", typ, ", ptr ", at, ", align ", align(t)))
	}
	m = e.wide(m, e.lanes)
	if e.byLane(t) {
		return e.gatherLanes(t, at, e.ramp(int64(t.Size())), m)
	}
	return e.fromMemory(t, e.lanes, e.set("call ", typ, " @llvm.masked.load.", mangledMemory(t, e.lanes), ".p0(ptr ", at, ", i32 ", align(t), ", ", m.arg(), ", ", typ, " zeroinitializer)"))
}

func (e vectors) storeMany(t tensor.DType, at string, v, m value) {
	if m.id == "" {
		e.put("store ", v.arg(), ", ptr ", at, ", align ", align(t))
		return
	}
	if e.byLane(t) {
		e.scatterLanes(t, v, at, e.ramp(int64(t.Size())), m)
		return
	}
	e.put("call void @llvm.masked.store.", mangledMemory(t, e.lanes), ".p0(", v.arg(), ", ptr ", at, ", i32 ", align(t), ", ", e.wide(m, e.lanes).arg(), ")")
}

func (e vectors) gather(t tensor.DType, base string, offsets, m value) value {
	lanes := strconv.Itoa(e.lanes)
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

func (e vectors) scatter(t tensor.DType, v value, base string, offsets, m value) {
	lanes := strconv.Itoa(e.lanes)
	if !e.machine.Masks || m.id == "" { // one by one is as fast
		e.scatterLanes(t, v, base, offsets, m)
		return
	}
	if m.id == "" {
		m = integerOf(tensor.Bool, 1)
	}
	ptrs := e.set("getelementptr i8, ptr ", base, ", ", offsets.arg())
	e.put("call void @llvm.masked.scatter.", mangledMemory(t, e.lanes), ".v", lanes, "p0(", v.arg(), ", <", lanes, " x ptr> ", ptrs, ", i32 ", align(t), ", ", e.wide(m, e.lanes).arg(), ")")
}

// part: LLVM would merge equal loads over all terms, and run out of registers. The fence binds
// the compiler only; it is no instruction.
func (e vectors) part() { e.put("fence syncscope(\"singlethread\") acq_rel") }

func (e vectors) meet() {}

func (e vectors) buffer(number int) string {
	at := e.hoist(0, "getelementptr ptr, ptr %buffers, i64 ", strconv.Itoa(number))
	return e.hoist(0, "load ptr, ptr ", at, ", align 8")
}

func (e vectors) symbol(number int) string {
	at := e.hoist(0, "getelementptr i64, ptr %symbols, i64 ", strconv.Itoa(number))
	return e.hoist(0, "load i64, ptr ", at, ", align 8")
}

func (e vectors) threads() Threads { return Threads{} }

func (e vectors) scratch() string { return "%scratch" }

// function follows package program's calling convention and loops over the block numbers
// begin..end, until the call is cancelled.
func (e vectors) function(name string) {
	ptr := types.NewPointer(types.I8)
	e.fn = ir.NewFunc(name, types.Void, ir.NewParam("buffers", ptr), ir.NewParam("symbols", ptr),
		ir.NewParam("begin", types.I64), ir.NewParam("end", types.I64), ir.NewParam("scratch", ptr), ir.NewParam("cancel", ptr))
	entry, start, done := e.block(), e.block(), e.block()
	e.scopes = []*scope{{entry, map[string]string{}}}
	e.cur = entry
	e.position()
	e.configure()
	entry.Term = to(start)
	e.cur = start
	e.fresh()
	some := e.set("icmp slt i64 %begin, %end")
	last := ""
	if e.phase.Back {
		last = e.set("add nsw i64 ", e.set("add nsw i64 %begin, %end"), ", -1")
	}
	head := e.block()
	start.Term = either(some, head, done)
	b, next := e.name(), e.name()
	phi := &line{}
	head.Insts = append(head.Insts, phi)
	number := b
	if e.phase.Back {
		number = e.name()
		head.Insts = append(head.Insts, &line{text: number + " = sub nsw i64 " + last + ", " + b})
	}
	e.inBlock(number, head, e.versions)
	e.put(next, " = add nsw i64 ", b, ", 1")
	more := e.set("icmp slt i64 ", next, ", %end")
	cancel := e.set("load atomic i32, ptr %cancel monotonic, align 4")
	more = e.set("select i1 ", more, ", i1 ", e.set("icmp eq i32 ", cancel, ", 0"), ", i1 false")
	phi.text = b + " = phi i64 [ %begin, " + start.Ident() + " ], [ " + next + ", " + e.cur.Ident() + " ]"
	e.cur.Term = either(more, head, done)
	e.cur = done
	e.release()
	if len(e.past) > 0 {
		e.put("call void @llvm.x86.sse.sfence()") // such stores keep no order with what follows
	}
	done.Term = &jump{text: "ret void"}
}
