package codegen

import (
	"strconv"

	"dlc/ir/tensor"
)

// A machine without mask registers moves strided elements, and masked bytes, lane by lane.
// LLVM would make a branch of every masked lane; here a lane that may not touch memory reads
// and writes scratch memory instead.

// byLane reports whether masked neighbours of type t are moved lane by lane.
func (e vectors) byLane(t tensor.DType) bool { return !e.machine.Masks && t.Size() < 4 }

// laneAddress is the address of one lane; ok is false where the lane is known to be masked.
func (e vectors) laneAddress(i int, base string, offsets, m value) (at string, ok bool) {
	lane := strconv.Itoa(i)
	if m.known != nil && !m.known[i] {
		return "", false
	}
	if offsets.steps {
		at = e.displaced(base, int64(i)*offsets.step)
	} else {
		at = e.set("getelementptr i8, ptr ", base, ", i64 ", e.set("extractelement ", offsets.arg(), ", i64 ", lane))
	}
	if m.id != "" && m.known == nil {
		at = e.set("select i1 ", e.laneOf(m, lane), ", ptr ", at, ", ptr %scratch")
	}
	return at, true
}

func (e vectors) laneOf(m value, lane string) string {
	if m.lanes == 1 {
		return m.id
	}
	return e.set("extractelement ", m.arg(), ", i64 ", lane)
}

// gatherLanes loads elements at byte offsets from an address; masked lanes are 0.
func (e vectors) gatherLanes(t tensor.DType, base string, offsets, m value) value {
	typ := memoryType(t, e.lanes)
	id := "zeroinitializer"
	for i := range e.lanes {
		at, ok := e.laneAddress(i, base, offsets, m)
		if !ok {
			continue
		}
		x := e.set("load ", memoryType(t, 1), ", ptr ", at, ", align ", align(t))
		id = e.set("insertelement ", typ, " ", id, ", ", memoryType(t, 1), " ", x, ", i64 ", strconv.Itoa(i))
	}
	v := e.fromMemory(t, e.lanes, id)
	if m.id == "" || m.known != nil {
		return v
	}
	return e.choose(m, v, zero(t))
}

// scatterLanes stores v, which is as memory has it, at byte offsets from an address.
func (e vectors) scatterLanes(t tensor.DType, v value, base string, offsets, m value) {
	for i := range e.lanes {
		at, ok := e.laneAddress(i, base, offsets, m)
		if !ok {
			continue
		}
		x := e.set("extractelement ", v.arg(), ", i64 ", strconv.Itoa(i))
		e.put("store ", memoryType(t, 1), " ", x, ", ptr ", at, ", align ", align(t))
	}
}
