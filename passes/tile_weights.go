package passes

import (
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tile"
)

// The sizes of a stage of weights.
const (
	weightRows  = 64        // points of the vector index in a block
	weightBytes = 256 << 10 // of the accumulators that are held
)

// A weightWalk schedules a running maximum, the sums that follow it and the scores they read, block
// by block: the index i lies across the lanes while scores and weights are made, so that maxima and
// sums over j need no lanes joined; an index of the wide sums while these are stepped. Everything
// between is held in the thread's memory, no larger than rows times a block.
type weightWalk struct {
	*tiler
	s      *stage
	most   *kernel.Def   // nil where the sums follow no maximum
	base   []kernel.Axis // of scores, without j
	sums   []*kernel.Def // by lanes
	wide   []*kernel.Def // with axes of their own
	others []*kernel.Def // of a crossing
	scores []*kernel.Def
	maps   []*kernel.Def // weights
	i, j   kernel.Axis   // i has no name where the maximum is one number
	rows   int64         // points of i in a block
}

// scoresOf returns the reductions that nothing reads but the given ones, over the base axes and one
// they reduce, and maps that these alone read; and those of the maps that are worth holding: what
// the reductions read themselves, and what is costly and read more than once.
func (t *tiler) scoresOf(family []*kernel.Def, base []kernel.Axis) (scores, weights []*kernel.Def) {
	inside, j := map[string]bool{}, family[0].Reduce.Axes[0]
	for _, d := range family {
		inside[d.Name] = true
	}
	block := append(slices.Clone(base), j)
	for i := len(t.k.Defs) - 1; i >= 0; i-- {
		d := t.k.Defs[i]
		if inside[d.Name] || t.output(d.Name) != nil || !t.readOnlyBy(d, inside) || !subset(d.Axes, block) || axisNamed(d.Axes, j.Name) < 0 {
			continue
		}
		switch {
		case d.Reduce == nil:
			inside[d.Name] = true
			if n, direct := t.readersOf(d, family); direct || n > 1 && expanded(d.Expr) {
				weights = append([]*kernel.Def{d}, weights...)
			}
		case oneChain(d) && !d.Scatters() && len(d.Axes) == len(block):
			inside[d.Name] = true
			scores = append([]*kernel.Def{d}, scores...)
		}
	}
	return scores, weights
}

// readersOf counts the definitions that read d, and reports whether a sum of the family does.
func (t *tiler) readersOf(d *kernel.Def, family []*kernel.Def) (n int, direct bool) {
	for _, e := range t.k.Defs {
		if slices.Contains(e.Reads(), d.Name) {
			n++
			direct = direct || slices.Contains(family, e) && !isRunning(e)
		}
	}
	return n, direct && costly(d)
}

// blockBase returns the axes of the scores that the chain d reads through maps, without the one
// that it reduces; nil where it reads no such.
func (t *tiler) blockBase(d *kernel.Def) []kernel.Axis {
	if d.Reduce == nil || d.Reduce.Order.Kind != kernel.Chain || len(d.Reduce.Axes) != 1 || d.Scatters() || d.Scan != nil {
		return nil
	}
	j := d.Reduce.Axes[0]
	for _, n := range d.Reads() {
		e := t.k.Def(n)
		if e == nil || e.Reduce != nil || t.output(n) != nil || axisNamed(e.Axes, j.Name) < 0 || len(e.Axes) > len(d.Axes) {
			continue
		}
		var base []kernel.Axis
		for _, a := range e.Axes {
			if a.Name != j.Name {
				base = append(base, a)
			}
		}
		if scores, _ := t.scoresOf(t.blockFamily(j, base), base); len(scores) > 0 && subset(base, d.Axes) {
			return base
		}
	}
	return nil
}

// blockFamily lists the chains over j that have the base axes and others.
func (t *tiler) blockFamily(j kernel.Axis, base []kernel.Axis) []*kernel.Def {
	var out []*kernel.Def
	for _, d := range t.k.Defs {
		if r := d.Reduce; r != nil && r.Order.Kind == kernel.Chain && len(r.Axes) == 1 && r.Axes[0].Name == j.Name && len(d.Axes) > len(base) && subset(base, d.Axes) {
			out = append(out, d)
		}
	}
	return out
}

// readOnlyBy reports whether all that reads d is inside, and reads it plainly.
func (t *tiler) readOnlyBy(d *kernel.Def, inside map[string]bool) bool {
	for _, e := range t.k.Defs {
		for _, l := range e.Loads() {
			if l.Name == d.Name && (!inside[e.Name] || !readsPlainly(l, d)) {
				return false
			}
		}
	}
	return true
}

func subset(a, b []kernel.Axis) bool {
	return !slices.ContainsFunc(a, func(x kernel.Axis) bool { return axisNamed(b, x.Name) < 0 })
}

func (t *tiler) weights(s *stage) {
	family := s.reduces
	w := &weightWalk{tiler: t, s: s, base: s.axes}
	if c := t.crossing; c != nil && c.stage == s {
		family, w.others = c.main, c.others
	}
	w.j = family[0].Reduce.Axes[0]
	w.scores, w.maps = t.scoresOf(append(slices.Clone(family), w.others...), s.axes)
	elements := int64(1)
	for _, d := range family {
		if isRunning(d) {
			w.most = d
			continue
		}
		if len(d.Axes) == len(w.base) {
			w.sums = append(w.sums, d)
			continue
		}
		w.wide = append(w.wide, d)
		elements = max(elements, w.extras(d))
	}
	if n := len(w.base); n > 0 {
		w.i = w.base[n-1]
	}
	if t.weightsInUnit(w) {
		return
	}
	for _, d := range w.others {
		w.i = d.Reduce.Axes[0]
	}
	w.rows = t.choose(weightRows, int64(t.m.Lanes))
	for w.rows > 16 && 4*w.rows*elements > t.choose(weightBytes, warpSums) {
		w.rows /= 2
	}
	if e, ok := w.i.Extent.Const(); ok {
		w.rows = min(w.rows, max(16, (e+15)/16*16))
	}
	w.settle()
	ph := &tile.Phase{Vector: w.i.Name, Body: w.body()}
	if len(w.others) > 0 {
		ph.Body = w.crossed(ph.Body)
	}
	for _, a := range w.base {
		by := int64(1)
		if a.Name == w.i.Name {
			if len(w.others) > 0 {
				continue
			}
			by = w.rows
		}
		ph.Grid = append(ph.Grid, tile.Split{Index: a.Name, By: []int64{by}})
	}
	t.out.Phases = append(t.out.Phases, ph)
}

// extras is the product of the constant extents of the axes that d has and the maximum has not.
func (w *weightWalk) extras(d *kernel.Def) int64 {
	n := int64(1)
	for _, a := range d.Axes {
		if axisNamed(w.base, a.Name) < 0 {
			n *= max(1, extentOf(a, guess))
		}
	}
	return n
}

// settle gives reductions that are stored another name while they run; a map of the old name is
// their value.
func (w *weightWalk) settle() {
	for at, d := range w.s.stores {
		if d.Reduce == nil {
			continue
		}
		out := &kernel.Def{Name: d.Name, DType: d.DType, Axes: d.Axes, Span: d.Span}
		d.Name += ".run"
		out.Expr = &kernel.Load{Name: d.Name, DType: d.DType, At: kernel.Points(d.Axes)}
		by := map[string]string{out.Name: d.Name}
		for _, list := range [][]*kernel.Def{w.s.reduces, w.maps} {
			for _, e := range list {
				*e = *e.RenameReads(by)
			}
		}
		k := slices.Index(w.k.Defs, d)
		for _, e := range w.s.reduces {
			k = max(k, slices.Index(w.k.Defs, e))
		}
		w.k.Defs = slices.Insert(w.k.Defs, k+1, out)
		w.s.stores[at] = out
	}
}

func (w *weightWalk) body() []tile.Node {
	nodes := w.panels()
	if w.most != nil {
		nodes = append(nodes, &tile.Hold{Def: w.most.Name, Along: w.i.Name})
	}
	for _, d := range w.sums {
		nodes = append(nodes, &tile.Hold{Def: d.Name, Along: w.i.Name})
	}
	for _, d := range w.wide {
		nodes = append(nodes, &tile.Hold{Def: d.Name, Along: w.across(d)})
	}
	nodes = append(nodes, &tile.Loop{Kind: tile.Stream, Split: tile.Split{Index: w.j.Name, By: []int64{kernel.RescaleBlock}}, Body: w.block()})
	return append(nodes, w.finished()...)
}

// panels holds operands of scores that are strided along i with i side by side.
func (w *weightWalk) panels() []tile.Node {
	var nodes []tile.Node
	for _, s := range w.scores {
		for _, l := range kernel.Loads(s.Expr) {
			if w.gpu() && w.most == nil { // a warp has no room for them beside two weights
				continue
			}
			if w.i.Name == "" || w.k.Def(l.Name) != nil || !plain(l) || w.along(l, w.i.Name) != strided {
				continue
			}
			p := &kernel.Def{Name: unusedIn(w.k, l.Name+".panel"), DType: l.DType, Expr: l}
			for _, a := range s.AllAxes() {
				if usesIndex(l, a.Name) && a.Name != w.i.Name {
					p.Axes = append(p.Axes, a)
				}
			}
			p.Axes = append(p.Axes, w.i)
			if slices.ContainsFunc(p.Axes, func(a kernel.Axis) bool { return a.Name == w.j.Name }) || !w.bounded(p) {
				continue
			}
			w.k.Defs = slices.Insert(w.k.Defs, slices.Index(w.k.Defs, s), p)
			at := &kernel.Load{Name: p.Name, DType: p.DType, At: kernel.Points(p.Axes)}
			*s = *s.MapExprs(func(e kernel.Expr) kernel.Expr {
				return kernel.Rewrite(e, func(e kernel.Expr) kernel.Expr {
					if x, ok := e.(*kernel.Load); ok && x.Name == l.Name && atText(x) == atText(l) {
						return at
					}
					return e
				})
			})
			nodes = append(nodes, &tile.Hold{Def: p.Name, Along: w.i.Name}, w.fill(p))
		}
	}
	return nodes
}

// fill stores a panel, a register's length of each of its innermost axis at a time.
func (w *weightWalk) fill(p *kernel.Def) tile.Node {
	body := []tile.Node{&tile.Store{Def: p.Name}}
	inner := true
	for i := len(p.Axes) - 2; i >= 0; i-- {
		a := p.Axes[i]
		if axisNamed(w.base, a.Name) >= 0 {
			continue
		}
		by := []int64{1}
		if inner {
			by = []int64{16, 1}
		}
		inner = false
		body = []tile.Node{&tile.Loop{Kind: tile.Each, Split: tile.Split{Index: a.Name, By: by}, Body: body}}
	}
	if g := w.granule(); w.rows > g {
		return each(w.i.Name, g, g, body)
	}
	return body[0]
}

// bounded reports whether the panel's other axes are constant and small.
func (w *weightWalk) bounded(p *kernel.Def) bool {
	n := w.rows * 4
	for _, a := range p.Axes {
		if axisNamed(w.base, a.Name) >= 0 {
			continue
		}
		e, ok := a.Extent.Const()
		if !ok {
			return false
		}
		n *= max(e, 1)
	}
	return n <= weightBytes/2
}

func unusedIn(k *kernel.Kernel, name string) string {
	for k.Def(name) != nil || k.Buffer(name) != nil {
		name += "_"
	}
	return name
}

// across is the axis of the wide sum d that lies across the lanes while it is stepped.
func (w *weightWalk) across(d *kernel.Def) string {
	var own []kernel.Axis
	for _, a := range d.Axes {
		if axisNamed(w.base, a.Name) < 0 {
			own = append(own, a)
		}
	}
	return w.vectorAxis(own, []*kernel.Def{d}, nil)
}

// block is what is done in one block of the stream.
func (w *weightWalk) block() []tile.Node {
	var nodes []tile.Node
	vectors := w.registerTile()
	for _, s := range w.scores {
		held := w.scored(s)
		body := append([]tile.Node{&tile.Begin{Def: s.Name}}, w.chain(s)...)
		body = append(body, &tile.Store{Def: held.Name})
		body = []tile.Node{w.each(w.j, w.sixRows(), body)}
		nodes = append(nodes, &tile.Hold{Def: held.Name, Along: w.i.Name})
		nodes = append(nodes, w.columns(vectors, body)...)
	}
	if w.most != nil {
		most := w.stream(w.j, []int64{8, 1}, &tile.Step{Def: w.most.Name})
		nodes = append(nodes, &tile.Begin{Def: w.most.Name}, most, &tile.Store{Def: w.most.Name})
	}
	for _, d := range w.maps {
		store := w.each(w.j, []int64{2, 1}, []tile.Node{&tile.Store{Def: d.Name}})
		nodes = append(nodes, &tile.Hold{Def: d.Name, Along: w.i.Name})
		nodes = append(nodes, w.columns(vectors, []tile.Node{store})...)
	}
	for _, d := range w.sums {
		nodes = append(nodes, w.columns(16, []tile.Node{&tile.Begin{Def: d.Name}, &tile.Step{Def: d.Name}, &tile.Store{Def: d.Name}})...)
	}
	for _, d := range w.wide {
		body := []tile.Node{&tile.Begin{Def: d.Name}, w.stream(w.j, []int64{4, 1}, &tile.Step{Def: d.Name}), &tile.Store{Def: d.Name}}
		nodes = append(nodes, w.wideTiles(d, body, w.sixRows()))
	}
	for _, d := range w.others {
		body := []tile.Node{&tile.Begin{Def: d.Name}, w.stream(w.i, []int64{4, 1}, &tile.Step{Def: d.Name}), &tile.Store{Def: d.Name}}
		nodes = append(nodes, w.mirrored().wideTiles(d, body, w.sixRows()))
	}
	return nodes
}

// scored returns what is held of the score s: on a CPU a map of it, so that its sums are registers alone,
// which begin at the identity and not at what memory was filled with.
func (w *weightWalk) scored(s *kernel.Def) *kernel.Def {
	if w.gpu() {
		return s
	}
	held := &kernel.Def{Name: s.Name, DType: s.DType, Axes: s.Axes, Span: s.Span}
	s.Name += ".sum"
	held.Expr = &kernel.Load{Name: s.Name, DType: s.DType, At: kernel.Points(s.Axes)}
	w.inBlocks[s.Name] = true
	w.k.Defs = slices.Insert(w.k.Defs, slices.Index(w.k.Defs, s)+1, held)
	return held
}

// registerTile is the number of points of a vector index in a register tile of six rows.
func (w *weightWalk) registerTile() int64 {
	return int64(w.m.Lanes) * max(1, (int64(w.m.Registers)-4)/7)
}

// columns walks i by a length where a block has more.
func (w *weightWalk) columns(by int64, body []tile.Node) []tile.Node {
	by = max(w.granule(), by/16*16)
	if w.i.Name == "" || w.rows <= by {
		return body
	}
	return []tile.Node{w.each(w.i, []int64{by}, body)}
}

func (w *weightWalk) each(a kernel.Axis, by []int64, body []tile.Node) tile.Node {
	return &tile.Loop{Kind: tile.Each, Split: tile.Split{Index: a.Name, By: by}, Body: body}
}

func (w *weightWalk) stream(a kernel.Axis, by []int64, n tile.Node) tile.Node {
	return &tile.Loop{Kind: tile.Stream, Split: tile.Split{Index: a.Name, By: by}, Body: []tile.Node{n}}
}

// chain streams the terms of a score.
func (w *weightWalk) chain(s *kernel.Def) []tile.Node {
	body := []tile.Node{&tile.Step{Def: s.Name}}
	for i := len(s.Reduce.Axes) - 1; i >= 0; i-- {
		a, by := s.Reduce.Axes[i], []int64{1}
		if i == len(s.Reduce.Axes)-1 {
			e, ok := a.Extent.Const()
			by = turnLengths(e, ok, 4, 8)
		}
		body = []tile.Node{&tile.Loop{Kind: tile.Stream, Split: tile.Split{Index: a.Name, By: by}, Body: body}}
	}
	return body
}

// wideTiles walks the tile of a wide definition: its own axes across the lanes, rows of i.
func (w *weightWalk) wideTiles(d *kernel.Def, body []tile.Node, rows []int64) tile.Node {
	v := w.across(d)
	width := w.registerTile()
	for i := len(d.Axes) - 1; i >= 0; i-- {
		a := d.Axes[i]
		e, isConst := a.Extent.Const()
		switch {
		case axisNamed(w.base, a.Name) >= 0:
		case a.Name != v:
			body = []tile.Node{w.each(a, []int64{1}, body)}
		case !isConst || e > width:
			body = []tile.Node{w.each(a, []int64{width}, body)}
		}
	}
	if w.i.Name != "" {
		body = []tile.Node{w.each(w.i, rows, body)}
	}
	return &tile.Across{Index: v, Body: body}
}

// finished stores what the stage leaves.
func (w *weightWalk) finished() []tile.Node {
	kept := &stage{kind: weightStage, axes: w.s.axes, reduces: w.s.reduces}
	var wide []*stage
	for _, d := range w.s.stores {
		if w.ofOthers(d) {
			continue
		}
		if sameAxes(d.Axes, w.s.axes) {
			kept.stores = append(kept.stores, d)
			continue
		}
		wide = append(wide, &stage{kind: weightStage, axes: d.Axes, reduces: w.s.reduces, stores: []*kernel.Def{d}})
	}
	var nodes []tile.Node
	if len(kept.stores) > 0 {
		nodes = append(nodes, w.columns(16, w.finish(kept, nil))...)
	}
	for _, s := range wide {
		nodes = append(nodes, w.wideTiles(s.stores[0], w.finish(s, nil), []int64{4, 1}))
	}
	return nodes
}
