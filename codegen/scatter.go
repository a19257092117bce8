package codegen

import (
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// clearPart writes a reduction's identity to its memory on the current tile.
func (e *emitter) clearPart(d *kernel.Def) {
	e.fresh()
	o := e.buffers[d.Name]
	e.byOne(d, func() {
		e.points(e.axes(d.Axes), false, func() {
			e.write(o, e.at(e.formOf(o, kernel.AddressOf(o.buffer, symbolsOf(d.Axes)))), identity(d))
		})
	})
	e.joined(d)
}

// addsAlone reports whether one thread may add all terms of d: the phase does nothing else, and its elements
// do not lie across the lanes.
func (e *emitter) addsAlone(d *kernel.Def) bool {
	return e.machine.Warps > 0 && e.lanesOf(e.axes(d.Axes)) == 1 && onlyScatters(e.phase.Body)
}

func onlyScatters(nodes []tile.Node) bool {
	for _, n := range nodes {
		switch n := n.(type) {
		case *tile.Loop:
			if !onlyScatters(n.Body) {
				return false
			}
		case *tile.Clear, *tile.Scatter:
		default:
			return false
		}
	}
	return true
}

// byOne emits what one thread of a warp does alone, where it adds all terms of d.
func (e *emitter) byOne(d *kernel.Def, code func()) {
	w, ok := e.across.(*warps)
	if !ok || !e.addsAlone(d) {
		code()
		return
	}
	e.branch(w.below(1).id, nil, func() {
		w.own = true
		code()
		w.own = false
	}, func() {})
}

// joined waits for what all lanes read of d, and lets them see what one of them wrote, unless each adds
// to elements of its own, or one to all of them.
func (e *emitter) joined(d *kernel.Def) {
	if e.lanesOf(e.axes(d.Unmatched())) == 1 && !e.addsAlone(d) {
		e.across.meet()
	}
}

// overScatter emits a loop over columns that only scatters one definition: where its term goes is the
// same for all of them, and looked at once. It reports whether n is such a loop.
func (e *emitter) overScatter(n *tile.Loop) bool {
	if len(n.Body) != 1 || e.sent != nil {
		return false
	}
	s, ok := n.Body[0].(*tile.Scatter)
	if !ok || n.Kind != tile.Each || len(e.defs[s.Def].Reduce.When) > 0 {
		return false
	}
	d := e.defs[s.Def]
	for _, m := range d.Reduce.At {
		if m.Axis == n.Split.Index || slices.Contains(e.exprs.names(e.exprs.expanded(m.Index)), n.Split.Index) {
			return false
		}
	}
	e.fresh()
	offset, inside := e.sentTo(d, e.buffers[d.Name])
	e.branch(inside.id, n.Body, func() {
		e.sent = &offset
		e.loop(n)
		e.sent = nil
	}, func() {})
	return true
}

// scatterTerm adds the term at the current positions of the reduction's axes to the element it is
// sent to. Terms that a condition skips, or that are sent elsewhere, cost a branch.
func (e *emitter) scatterTerm(d *kernel.Def) {
	e.fresh()
	defer func() { e.when, e.mask = value{}, value{} }()
	cond, possible := e.conditions(d, value{})
	if !possible {
		return
	}
	o := e.buffers[d.Name]
	if e.sent != nil {
		e.scatterAdd(d, o, *e.sent)
		return
	}
	offset, inside := e.sentTo(d, o)
	cond = e.and(cond, inside)
	e.branch(cond.id, nil, func() { e.scatterAdd(d, o, offset) }, func() {})
}

// scatterAdd adds the term at the current positions to the elements at offset.
func (e *emitter) scatterAdd(d *kernel.Def, o *operand, offset value) {
	at := make([]tensor.Dim, len(d.Axes))
	for i, a := range d.Axes {
		if !d.Matched(a.Name) {
			at[i] = tensor.Sym(a.Name)
		}
	}
	linear := kernel.AddressOf(o.buffer, at)
	past := e.past
	e.past = nil // what was just read lies in a cache
	defer func() { e.past = past }()
	e.byOne(d, func() {
		e.points(e.axes(d.Unmatched()), false, func() {
			p := e.at(e.formOf(o, linear))
			p.shift = offset.id
			v := e.accumulate(d, e.read(o, p))
			e.joined(d)
			e.write(o, p, v)
		})
	})
	e.joined(d)
}

// sentTo evaluates the matches: the bytes from the buffer's start to the element whose other
// positions are 0, and whether the positions lie in the current sub-ranges.
func (e *emitter) sentTo(d *kernel.Def, o *operand) (offset, inside value) {
	offset = integerOf(tensor.I64, 0)
	shape := o.buffer.Type.Shape
	for _, m := range d.Reduce.At {
		for i, a := range d.Axes {
			if a.Name != m.Axis {
				continue
			}
			v := e.convert(e.eval(e.exprs.expanded(m.Index)), tensor.I64)
			s := e.tile[e.indices[a.Name]]
			from := v
			if !s.start.IsConst(0) {
				from = e.two("sub", v, value{id: e.integer(s.start), t: tensor.I64, lanes: 1})
			}
			inside = e.and(inside, e.compare("icmp ult", from, value{id: e.integer(s.length), t: tensor.I64, lanes: 1}))
			stride := e.integer(shape[i+1:].Size().Scale(int64(o.buffer.Type.DType.Size())))
			offset = e.sum(offset, e.two("mul", v, value{id: stride, t: tensor.I64, lanes: 1}))
		}
	}
	return offset, inside
}

// rowAt is a load at an index of which the computed parts are scalars: neighbours along the lanes
// lie as the other parts say. Outside of an extent it is 0.
func (e *emitter) rowAt(l *kernel.Load, o *operand, computed []value) value {
	t := o.buffer.Type.DType
	at := make([]tensor.Dim, len(l.At))
	offset, inside := integerOf(tensor.I64, 0), value{}
	shape := o.buffer.Type.Shape
	for i, v := range computed {
		if v.id == "" {
			at[i] = l.At[i].(*kernel.Index).Dim
			continue
		}
		inside = e.and(inside, e.compare("icmp ult", v, value{id: e.integer(shape[i]), t: tensor.I64, lanes: 1}))
		stride := e.integer(shape[i+1:].Size().Scale(int64(t.Size())))
		offset = e.sum(offset, e.two("mul", v, value{id: stride, t: tensor.I64, lanes: 1}))
	}
	p := e.at(e.formOf(l, kernel.AddressOf(o.buffer, at)))
	p.shift = offset.id
	when := e.when
	e.when = e.and(when, inside)
	v := e.read(o, p)
	e.when = when
	return e.choose(inside, v, zero(t))
}

// expanded is an index expression of a match without expanded functions.
func (x *expressions) expanded(e kernel.Expr) kernel.Expr {
	r, ok := x.matches[e]
	if !ok {
		r = kernel.Expand(e)
		x.matches[e] = r
	}
	return r
}
