package codegen

import (
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// A Welford reduction has two accumulators where others have one: the first half of a live's
// values are the sums of squares, the second half the means.

func isWelford(d *kernel.Def) bool { return d.Reduce != nil && d.Reduce.Op == kernel.Welford }

// moments is one state: of a lane, or of a point.
type moments struct{ mean, m2 value }

func (l *live) moments(at int) moments {
	return moments{l.values[at+len(l.values)/2], l.values[at]}
}

func (l *live) setMoments(at int, m moments) {
	l.values[at], l.values[at+len(l.values)/2] = m.m2, m.mean
}

func (e *emitter) fused(a, b, c value) value {
	_, v := e.alike(a, b, c)
	return e.intrinsic("fma", c.t, v...)
}

// accumulateMoments is the state after the term at the current point.
func (e *emitter) accumulateMoments(d *kernel.Def, l *live, m moments) moments {
	x, portion := e.eval(e.exprs.body(d)), e.portion(d, l)
	apart := e.two("fsub", x, m.mean)
	mean := e.fused(apart, portion, m.mean)
	return moments{mean, e.fused(apart, e.two("fsub", x, mean), m.m2)}
}

// portion is 1/n where the current term is the nth of its lane, or of its chunk.
func (e *emitter) portion(d *kernel.Def, l *live) value {
	var at tensor.Dim
	if l.split > 1 {
		at = e.tile[e.vector].start.AddInt(e.point[e.vector]).Div(64)
	} else {
		inside := d.Reduce.Order.Kind != kernel.Chunks
		for _, a := range d.Reduce.Axes {
			i := e.indices[a.Name]
			p := e.tile[i].start.AddInt(e.point[i])
			if !inside {
				inside = a.Name == d.Reduce.Order.Axis
				if !inside {
					continue
				}
				p = p.Mod(d.Reduce.Order.By)
			}
			at = at.Mul(a.Extent).Add(p)
		}
	}
	n := at.AddInt(1).Within(e.ranges)
	if c, ok := n.Const(); ok && d.DType == tensor.F32 {
		return floatOf(d.DType, float64(1/float32(c)))
	}
	depth, typ := e.depth(n), scalarType(d.DType)
	count := e.hoist(depth, "sitofp i64 ", e.integer(n), " to ", typ)
	return value{id: e.hoist(depth, "fdiv ", typ, " ", floatOf(d.DType, 1).id, ", ", count), t: d.DType, lanes: 1}
}

// A tally is how the states of two groups of lanes join: f = nb/n, w = na*f, and where nb is 0.
type tally struct {
	f, w, none value
}

// joinMoments is a with b behind it.
func (e *emitter) joinMoments(a, b moments, t tally) moments {
	apart := e.two("fsub", b.mean, a.mean)
	joined := moments{e.fused(apart, t.f, a.mean), e.fused(e.two("fmul", apart, apart), t.w, e.two("fadd", a.m2, b.m2))}
	if t.none.id == "" {
		return joined
	}
	return moments{e.choose(t.none, a.mean, joined.mean), e.choose(t.none, a.m2, joined.m2)}
}

// tallies are those of the joins of 64 lanes, in their order. They are made once, where the
// extent is known.
func (e *emitter) tallies(d *kernel.Def) []tally {
	extent := e.extents[e.indices[d.Reduce.Axes[0].Name]].length
	if made, ok := e.lanesJoin[d]; ok {
		return made
	}
	depth := e.depth(extent)
	cur, splats := e.cur, e.splats
	e.cur, e.splats = e.scopes[depth].entry, map[string]string{}
	defer func() { e.cur, e.splats = cur, splats }()
	counts := e.laneCounts(d.DType, extent)
	c, known := extent.Const()
	var made []tally
	join := func(a, b value) value {
		n := e.two("fadd", a, b)
		f := e.two("fdiv", b, n)
		t := tally{f: f, w: e.two("fmul", a, f)}
		if !known || c < 64 {
			t.none = e.compare("fcmp oeq", b, zero(d.DType))
		}
		made = append(made, t)
		return n
	}
	for half := len(counts) / 2; half > 0; half /= 2 {
		for i := range half {
			counts[i] = join(counts[i], counts[i+half])
		}
	}
	for half := counts[0].lanes / 2; half > 0; half /= 2 {
		counts[0] = join(counts[0], e.across.rotate(counts[0], half))
	}
	e.lanesJoin[d] = made
	return made
}

// laneCounts is how many of the extent's terms each of the 64 lanes has, by registers: q, or from
// some lane on one fewer.
func (e *emitter) laneCounts(t tensor.DType, extent tensor.Dim) []value {
	depth, lanes := e.depth(extent), e.machine.Lanes
	up := extent.AddInt(63)
	q, full := up.Div(64), up.Mod(64).AddInt(1)
	many := e.resize(value{id: e.integer(q), t: tensor.I64, lanes: 1}, t, "sitofp")
	few := e.resize(value{id: e.integer(q.AddInt(-1)), t: tensor.I64, lanes: 1}, t, "sitofp")
	counts := make([]value, 64/lanes)
	for i := range counts {
		has := e.across.belowAt(e.integer(full.AddInt(-int64(i*lanes))), depth)
		counts[i] = e.choose(has, many, few)
	}
	return counts
}

// endMoments joins the 64 lanes of each point.
func (e *emitter) endMoments(d *kernel.Def, l *live) {
	tallies := e.tallies(d)
	joined := &live{def: d, axes: l.axes, split: 1}
	for at := 0; at < len(l.values)/2; at += l.split {
		vs, next := make([]moments, l.split), 0
		for i := range vs {
			vs[i] = l.moments(at + i)
		}
		for half := len(vs) / 2; half > 0; half /= 2 {
			for i := range half {
				vs[i] = e.joinMoments(vs[i], vs[i+half], tallies[next])
				next++
			}
		}
		m := vs[0]
		for half := m.m2.lanes / 2; half > 0; half /= 2 {
			other := moments{e.across.rotate(m.mean, half), e.across.rotate(m.m2, half)}
			m = e.joinMoments(m, other, tallies[next])
			next++
		}
		joined.values = append(joined.values, e.across.pick(m.m2, 0))
	}
	e.alive[d.Name] = joined
}

// spillMoments stores both planes of one chunk: the address of the first is at p.
func (e *emitter) spillMoments(l *live, temp *operand, p place, plane string) {
	m := l.moments(e.register(l))
	e.write(temp, p, m.m2)
	p.shift = plane
	e.write(temp, p, m.mean)
}

// joinPairMoments joins two chunks of d, in memory: those numbered from i on, and those step
// behind. offset and other are their places in bytes, plane the distance of the means.
func (e *emitter) joinPairMoments(d *kernel.Def, temp *operand, p place, offset, other, plane string, t tally) {
	read := func(shift string) moments {
		p.shift = shift
		m2 := e.read(temp, p)
		p.shift = e.set("add i64 ", shift, ", ", plane)
		return moments{e.read(temp, p), m2}
	}
	b := read(other)
	a := read(offset)
	m := e.joinMoments(a, b, t)
	e.write(temp, p, m.mean)
	p.shift = offset
	e.write(temp, p, m.m2)
}

// chunkTally is the tally of chunks i.. and i+step.., step of them each or as many as there are.
func (e *emitter) chunkTally(d *kernel.Def, i, step, count string) tally {
	r, inner, row := d.Reduce, tensor.Int(1), tensor.Dim{}
	outer := false
	for at, a := range r.Axes {
		if a.Name == r.Order.Axis {
			for _, b := range r.Axes[at+1:] {
				inner = inner.Mul(b.Extent)
			}
			row, outer = a.Extent, at > 0
		}
	}
	full, all := e.integer(inner.Scale(r.Order.By)), e.integer(inner.Mul(row))
	per := e.integer(row.CeilDiv(r.Order.By))
	terms := func(k string) string { // of the first k chunks
		q := "0"
		if outer {
			some := e.set("call i64 @llvm.smax.i64(i64 ", per, ", i64 1)")
			q = e.set("mul i64 ", e.set("udiv i64 ", k, ", ", some), ", ", all)
			k = e.set("urem i64 ", k, ", ", some)
		}
		k = e.set("mul i64 ", k, ", ", full)
		return e.set("add i64 ", q, ", ", e.set("call i64 @llvm.smin.i64(i64 ", k, ", i64 ", all, ")"))
	}
	middle := e.set("add i64 ", i, ", ", step)
	end := e.set("call i64 @llvm.smin.i64(i64 ", e.set("add i64 ", middle, ", ", step), ", i64 ", count, ")")
	from, mid, to := terms(i), terms(middle), terms(end)
	float := func(a, b string) value {
		return e.resize(value{id: e.set("sub i64 ", b, ", ", a), t: tensor.I64, lanes: 1}, d.DType, "sitofp")
	}
	na, nb, n := float(from, mid), float(mid, to), float(from, to)
	f := e.two("fdiv", nb, n)
	t := tally{f: f, w: e.two("fmul", na, f)}
	if c, ok := inner.Const(); !ok || c < 1 {
		t.none = e.compare("fcmp oeq", nb, zero(d.DType))
	}
	return t
}

// planeBytes is the distance of a Temp's means from its sums of squares.
func (e *emitter) planeBytes(temp *operand) string {
	b := temp.buffer.Type
	return e.integer(b.Shape[1:].Size().Scale(int64(b.DType.Size())))
}
