package codegen

import (
	"slices"
	"strconv"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// A held definition lies in the thread's scratch memory: its tile where the Hold stands. A running
// maximum has two more planes, its base and its factor in the block at hand.
type held struct {
	def    *kernel.Def
	along  string // index that lies across the lanes where it is written and, most often, read
	planes []*operand
	low    []tensor.Dim // first position of each axis
	box    tile.Box
}

// heldBytes is a multiple of a register of any machine.
const heldBytes = 256

// The planes of a running maximum.
const (
	valuePlane = iota
	basePlane
	scalePlane
)

func (e *emitter) hold(n *tile.Hold) {
	d := e.defs[n.Def]
	box, err := tile.HeldBox(d, n.Along, func(name string) int64 { return e.tile[e.indexOf(name)].max })
	if err != nil {
		panic("BUG: " + err.Error())
	}
	h := &held{def: d, along: n.Along, box: box}
	bytes := (box.Elements*int64(d.DType.Size()) + heldBytes - 1) / heldBytes * heldBytes
	for range tile.HeldPlanes(d) {
		o := &operand{buffer: &kernel.Buffer{Name: "hold+" + strconv.FormatInt(e.room, 10), Type: tensor.Type{DType: d.DType}}}
		key := "&" + o.buffer.Name
		if _, ok := e.scopes[0].names[key]; !ok {
			e.scopes[0].names[key] = e.hoist(0, "getelementptr i8, ptr ", e.across.scratch(), ", i64 ", strconv.FormatInt(e.room, 10))
		}
		h.planes = append(h.planes, o)
		e.room += bytes
	}
	e.most = max(e.most, e.room)
	for _, a := range d.Axes {
		h.low = append(h.low, e.tile[e.indices[a.Name]].start)
	}
	e.held[n.Def] = h
	if d.Reduce != nil {
		e.fill(h.planes[valuePlane], identity(d), bytes)
		if e.vector >= 0 && e.indexOf(n.Along) == e.vector && !(e.ownLanes(d) && h.inRows()) {
			e.filled = true // else its lanes filled their own, or others meet before they take it
		}
	}
}

// inRows reports whether elements in a row of their own memory, which are lanes' of a warp, are neighbours.
func (h *held) inRows() bool {
	for i, p := range h.box.Pitches {
		if lane := h.def.Axes[i].Name == h.along; lane && p != 1 || !lane && p%warp != 0 {
			return false
		}
	}
	return true
}

// fill writes v over some bytes of scratch memory, a multiple of heldBytes.
func (e *emitter) fill(o *operand, v value, bytes int64) {
	e.fresh()
	to := e.base(o)
	e.lanes = e.machine.Lanes
	by, all := int64(e.lanes*v.t.Size()), e.wide(v, e.lanes)
	turn := func(at string) {
		e.across.storeMany(v.t, e.set("getelementptr i8, ptr ", to, ", i64 ", at), all, value{})
	}
	if bytes <= 2*heldBytes {
		for at := int64(0); at < bytes; at += by {
			turn(strconv.FormatInt(at, 10))
		}
	} else {
		e.counted("0", strconv.FormatInt(bytes, 10), by, turn)
	}
	e.fresh()
}

// seeFilled lets all lanes see what has been filled before node n, unless it fills more.
func (e *emitter) seeFilled(n tile.Node) {
	if _, more := n.(*tile.Hold); e.filled && !more {
		e.across.meet()
		e.filled = false
	}
}

// ownLanes reports whether each lane writes and reads elements of its own of what d holds, as long as the vector
// index stays the same.
func (e *emitter) ownLanes(d *kernel.Def) bool {
	at := -1
	for i, a := range d.Axes {
		if e.vector >= 0 && e.indexOf(a.Name) == e.vector {
			at = i
		}
	}
	if at < 0 {
		return false
	}
	for _, r := range e.program.Kernel.Defs {
		for _, l := range r.Loads() {
			if l.Name != d.Name {
				continue
			}
			if x, plain := l.At[at].(*kernel.Index); !plain || !x.Dim.Equal(tensor.Sym(d.Axes[at].Name)) {
				return false
			}
		}
	}
	return true
}

// linear is the place of an element in the memory of h, given its index.
func (h *held) linear(at []tensor.Dim) tensor.Dim {
	var d tensor.Dim
	for i, x := range at {
		d = d.Add(x.Sub(h.low[i]).Scale(h.box.Pitches[i]))
	}
	return d
}

// heldLoad reads what is held at the load's index.
func (e *emitter) heldLoad(l *kernel.Load, h *held) value {
	plane := valuePlane
	if e.running[l.Name] {
		plane = basePlane
	}
	f, ok := e.forms[l]
	if !ok {
		at := make([]tensor.Dim, len(l.At))
		for i, x := range l.At {
			at[i] = x.(*kernel.Index).Dim
		}
		f = e.formOf(l, h.linear(at))
	}
	return e.readHeld(h.planes[plane], e.at(f))
}

// heldHere is the plane of h at the current point of its axes.
func (e *emitter) heldHere(h *held, plane int) (*operand, place) {
	o := h.planes[plane]
	return o, e.at(e.formOf(o, h.linear(symbolsOf(h.def.Axes))))
}

// readHeld loads without regard to lanes that are cut off: the memory behind them is there.
func (e *emitter) readHeld(o *operand, p place) value {
	t := o.buffer.Type.DType
	if p.by != nil || p.step > 1 || e.machine.Warps > 0 {
		return e.read(o, p)
	}
	at := e.displaced(e.baseAddress(o, p), p.offset*int64(t.Size()))
	if p.step == 0 {
		return e.across.loadOne(t, at, value{}, value{})
	}
	return e.across.loadMany(t, at, value{})
}

func (e *emitter) writeHeld(o *operand, p place, v value) {
	t := o.buffer.Type.DType
	if p.by != nil || e.lanes == 1 || p.step != 1 || e.machine.Warps > 0 {
		e.write(o, p, v)
		return
	}
	e.across.storeMany(t, e.displaced(e.baseAddress(o, p), p.offset*int64(t.Size())), e.toMemory(v), value{})
}

// storeHeld puts a map, or the accumulators of a reduction, into memory.
func (e *emitter) storeHeld(h *held) {
	e.fresh()
	d := h.def
	own := e.ownLanes(d)
	if !own {
		e.across.meet()
	}
	if e.turned(h) {
		return
	}
	l := e.alive[d.Name]
	if l != nil && l.unit != nil {
		e.moveSums(l, false)
		delete(e.alive, d.Name)
		return
	}
	e.points(e.axes(d.Axes), false, func() {
		var v value
		if l != nil {
			v = e.kept(l)
		} else {
			v = e.eval(e.exprs.body(d))
		}
		o, p := e.heldHere(h, valuePlane)
		if tile.IsRunningMax(d) {
			base, diff := e.follow(e.readHeld(o, p), v)
			e.writePlane(h, basePlane, base)
			e.writePlane(h, scalePlane, e.exponential(diff))
		}
		e.writeHeld(o, p, v)
	})
	if !own {
		e.across.meet()
	}
	if d.Reduce != nil {
		delete(e.alive, d.Name)
	}
	if tile.IsRunningMax(d) {
		e.running[d.Name] = true
	}
}

func (e *emitter) writePlane(h *held, plane int, v value) {
	o, p := e.heldHere(h, plane)
	e.writeHeld(o, p, v)
}

// resume takes the accumulators of a held reduction into registers.
func (e *emitter) resume(d *kernel.Def, h *held) {
	e.fresh()
	l := e.newLive(d)
	if l.unit = e.inUnit(d); l.unit != nil {
		e.moveSums(l, true)
		e.alive[d.Name] = l
		return
	}
	e.points(l.axes, false, func() {
		v := e.readHeld(e.heldHere(h, valuePlane))
		if with := d.Reduce.Order.With; with != "" {
			v = e.two("fmul", v, e.scaleOf(with))
		}
		l.values = append(l.values, e.wide(v, e.lanes))
	})
	e.alive[d.Name] = l
}

// overIndex makes another index the vector index of the nodes: what is held is then read by other lanes than
// wrote it. Before is the node before it in its list and behind the one behind it, if any.
func (e *emitter) overIndex(n *tile.Across, before, behind tile.Node) {
	vector, alive := e.vector, e.alive
	e.vector, e.alive = e.indexOf(n.Index), map[string]*live{}
	e.fresh()
	crosses := e.crosses(n)
	if crosses && !e.crosses(before) {
		e.across.meet()
	}
	e.nodes(n.Body)
	if crosses && !e.crosses(behind) && slices.ContainsFunc(e.after, e.writesHeld) {
		e.across.meet()
	}
	e.vector, e.alive = vector, alive
	e.fresh()
}

// crosses reports whether a node makes another index the vector index, and reads what is held along a third.
func (e *emitter) crosses(n tile.Node) bool {
	a, ok := n.(*tile.Across)
	return ok && e.readsOthers(a.Body, a.Index)
}

// readsOthers reports whether nodes read what is held along another index.
func (e *emitter) readsOthers(nodes []tile.Node, index string) bool {
	seen := map[string]bool{}
	var reads func(name string) bool
	reads = func(name string) bool {
		if h := e.held[name]; h != nil && h.along != index {
			return true
		}
		d := e.defs[name]
		if d == nil || seen[name] {
			return false
		}
		seen[name] = true
		for _, l := range d.Loads() {
			if reads(l.Name) {
				return true
			}
		}
		return d.Reduce != nil && d.Reduce.Order.With != "" && reads(d.Reduce.Order.With)
	}
	return slices.ContainsFunc(defsIn(nodes), reads)
}

// defsIn lists the definitions that nodes evaluate.
func defsIn(nodes []tile.Node) (names []string) {
	for _, n := range nodes {
		switch n := n.(type) {
		case *tile.Loop:
			names = append(names, defsIn(n.Body)...)
		case *tile.Across:
			names = append(names, defsIn(n.Body)...)
		case *tile.If:
			names = append(append(names, defsIn(n.Then)...), defsIn(n.Else)...)
		case *tile.Step:
			names = append(names, n.Def)
		case *tile.Begin:
			names = append(names, n.Def)
		case *tile.Let:
			names = append(names, n.Def)
		case *tile.Store:
			names = append(names, n.Def)
		}
	}
	return names
}

// writesHeld reports whether nodes may write to memory that held definitions have or had.
func (e *emitter) writesHeld(nodes []tile.Node) bool {
	for _, n := range nodes {
		switch n := n.(type) {
		case *tile.Loop:
			if e.writesHeld(n.Body) {
				return true
			}
		case *tile.Across:
			if e.writesHeld(n.Body) {
				return true
			}
		case *tile.If:
			if e.writesHeld(n.Then) || e.writesHeld(n.Else) {
				return true
			}
		case *tile.Store:
			if e.held[n.Def] != nil {
				return true
			}
		case *tile.Hold, *tile.Stage, *tile.Sort:
			return true
		}
	}
	return false
}

// followed emits code behind which nodes may run.
func (e *emitter) followed(by []tile.Node, emit func()) {
	e.after = append(e.after, by)
	emit()
	e.after = e.after[:len(e.after)-1]
}
