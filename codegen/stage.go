package codegen

import (
	"fmt"
	"strconv"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// A copied operand is a part of an input that lies in the thread's scratch memory.
type copied struct {
	operand *operand
	linear  tensor.Dim // place of the load's element in the copy
	paired  int64      // columns of a copy with neighbouring terms side by side; else 0
}

// stage copies the box that a load reaches. Positions outside of the buffer are left out.
func (e *emitter) stage(n *tile.Stage) {
	l, err := tile.Staged(e.program.Kernel, n.Def, n.From)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	box, err := tile.BoxOf(l, func(name string) (int64, bool) {
		i, ok := e.indices[name]
		if !ok {
			return 0, false
		}
		return e.tile[i].max, true
	})
	if err != nil {
		panic("BUG: stage: " + err.Error())
	}
	e.fresh()
	size := int64(l.DType.Size())
	c := &copied{operand: e.scratch(l.DType)}
	w := &copying{emitter: e, box: box, source: e.buffers[n.From], size: size, to: e.base(c.operand)}
	for i, at := range l.At {
		d := at.(*kernel.Index).Dim
		low := tile.Low(d, func(name string) (tensor.Dim, int64, bool) {
			at, ok := e.indices[name]
			if !ok {
				return tensor.Dim{}, 0, false
			}
			return e.tile[at].start, e.tile[at].max, true
		}).Within(e.ranges)
		c.linear = c.linear.Add(d.Sub(low).Scale(box.Pitches[i]))
		w.low = append(w.low, low)
	}
	w.from = e.base(w.source)
	if e.machine.Warps == 0 {
		w.ahead = e.aheads[tile.Ahead{Def: n.Def, From: n.From}] * size
	}
	w.dimension(0, w.from, w.to)
	e.room += box.Elements * size
	e.most = max(e.most, e.room)
	e.copies[*n] = c
	e.fresh()
}

// scratch is an operand that lies where the thread's scratch memory is free.
func (e *emitter) scratch(t tensor.DType) *operand {
	o := &operand{buffer: &kernel.Buffer{Name: "stage+" + strconv.FormatInt(e.room, 10), Type: tensor.Type{DType: t}}}
	key := "&" + o.buffer.Name
	if _, ok := e.scopes[0].names[key]; !ok {
		e.scopes[0].names[key] = e.hoist(0, "getelementptr i8, ptr ", e.across.scratch(), ", i64 ", strconv.FormatInt(e.room, 10))
	}
	return o
}

// copying writes the loops of a copy, one per dimension.
type copying struct {
	*emitter
	box      tile.Box
	source   *operand
	size     int64
	low      []tensor.Dim
	from, to string // the buffer and the copy
	ahead    int64  // bytes from what is copied to what the second cache is asked for, or 0
}

// dimension copies what lies inside of the buffer along dimension i, of which from is position 0
// and to the copy's place of the box's first.
func (w *copying) dimension(i int, from, to string) {
	e := w.emitter
	if i == len(w.low) {
		t := w.source.buffer.Type.DType
		v := e.set("load ", memoryType(t, 1), ", ptr ", from, ", align ", align(t))
		e.put("store ", memoryType(t, 1), " ", v, ", ptr ", to, ", align ", align(t))
		return
	}
	shape := w.source.buffer.Type.Shape
	stride := e.integer(shape[i+1:].Size().Scale(w.size))
	begin, end := tensor.Dim{}, w.low[i].AddInt(w.box.Lengths[i])
	begin = e.bound("smax", w.low[i], begin)
	end = e.bound("smin", end, shape[i])
	first, count := e.integer(begin), e.integer(end.Sub(begin))
	from = e.set("getelementptr i8, ptr ", from, ", i64 ", e.set("mul i64 ", first, ", ", stride))
	skip := e.integer(begin.Sub(w.low[i]).Scale(w.box.Pitches[i] * w.size))
	to = e.set("getelementptr i8, ptr ", to, ", i64 ", skip)
	pitch := strconv.FormatInt(w.box.Pitches[i]*w.size, 10)
	if i < len(w.low)-1 {
		e.counted("0", count, 1, func(at string) {
			w.dimension(i+1, e.offset(from, at, stride), e.offset(to, at, pitch))
		})
		return
	}
	// whole vectors four at a time, then single ones, then the elements that are left
	lanes := int64(w.machine.Lanes)
	at := "0"
	for _, by := range []int64{4 * lanes, lanes, 1} {
		if by > w.box.Lengths[i] {
			continue
		}
		whole := count
		if by > 1 {
			whole = e.set("and i64 ", count, ", ", strconv.FormatInt(-by, 10))
		}
		e.counted(at, whole, by, func(at string) { w.run(from, to, at, by) })
		at = whole
	}
}

// run copies by neighbours from position at on.
func (w *copying) run(from, to, at string, by int64) {
	e, t := w.emitter, w.source.buffer.Type.DType
	size := strconv.FormatInt(w.size, 10)
	lanes := min(by, int64(w.machine.Lanes))
	typ := memoryType(t, int(lanes))
	from, to = e.offset(from, at, size), e.offset(to, at, size)
	e.asked = map[string]bool{}
	for i := int64(0); i < by; i += lanes {
		if w.ahead > 0 && lanes > 1 {
			e.askFor(from, i*w.size+w.ahead, readAhead)
		}
		v := e.set("load ", typ, ", ptr ", e.displaced(from, i*w.size), ", align ", align(t))
		e.put("store ", typ, " ", v, ", ptr ", e.displaced(to, i*w.size), ", align ", align(t))
	}
}

func (e *emitter) offset(p, at, by string) string {
	if by != "1" {
		at = e.set("mul i64 ", at, ", ", by)
	}
	return e.set("getelementptr i8, ptr ", p, ", i64 ", at)
}

// counted emits for at = from; at < to; at += by { body }. Nothing in body may be hoisted out of
// the loop by name, or depend on it by a Dim.
func (e *emitter) counted(from, to string, by int64, body func(at string)) {
	before, head, exit := e.cur, e.block(), e.block()
	some := e.set("icmp slt i64 ", from, ", ", to)
	before.Term = either(some, head, exit)
	e.cur = head
	at, next := e.name(), e.name()
	phi := &line{}
	head.Insts = append(head.Insts, phi)
	body(at)
	e.put(next, " = add nsw i64 ", at, ", ", strconv.FormatInt(by, 10))
	more := e.set("icmp slt i64 ", next, ", ", to)
	phi.text = fmt.Sprintf("%s = phi i64 [ %s, %s ], [ %s, %s ]", at, from, before.Ident(), next, e.cur.Ident())
	e.cur.Term = e.again(more, head, exit)
	e.cur = exit
}

// stagedLoad reads the copy of what the definition at hand steps, where there is one.
func (e *emitter) stagedLoad(l *kernel.Load) (value, bool) {
	if e.stepping == nil {
		return value{}, false
	}
	c := e.copies[tile.Stage{Def: e.stepping.Name, From: l.Name}]
	if c == nil {
		return value{}, false
	}
	if c.paired > 0 {
		panic(fmt.Sprintf("BUG: %s: a copy of pairs of %s is read one by one", e.program.Name, l.Name))
	}
	return e.read(c.operand, e.at(e.formOf(l, c.linear))), true
}
