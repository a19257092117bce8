package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// Bounds of a nest's code and work.
const (
	maxUnroll   = 16      // terms of one point in one Step
	maxStepCode = 128     // multiply-adds in one Step, where conditions do not ask for more
	maxCode     = 2048    // multiply-adds in all copies of a Step
	maxPeels    = 8       // positions at which one loop is specialised
	minBlock    = 1 << 15 // terms of a block, where extents allow
	tileBlock   = 1 << 18 // terms up to which a block has several row tiles
	guess       = 64      // for a symbolic extent
	longChunk   = 4       // positions of a chunk, from which there may be few
	fewParts    = 4       // times that chunks are read again at most, so that threads have equal shares
)

// A nest schedules reductions in chains or chunks: register tiles of rows by vectors of the
// kept axes, inside them streams over the reduced ones.
type nest struct {
	*tiler
	s      *stage
	shape  tileShape
	unroll map[string]bool    // reduced axes of which every position has code of its own
	peel   map[string][]int64 // reduced axes: positions where conditions change
	static map[string]bool    // kept axes outside of the tile, unrolled
	tested map[string]bool    // reduced axes of which every position is tested, once for the tile

	rowStage, columnStage *tile.Stage // operands that blocks copy first, or nil
	tiles, columns        int64       // tiles of rows and of columns in a block that copies; else 0
}

func (t *tiler) nest(s *stage) {
	if t.matrix(s) {
		return
	}
	n := &nest{tiler: t, s: s, unroll: map[string]bool{}, peel: map[string][]int64{}, static: map[string]bool{}, tested: map[string]bool{}}
	n.shape = t.tileShape(s)
	n.conditions()
	head := t.prelude(s)
	if n.partialSums(head) {
		return
	}
	if n.wholeRows(head) || n.wholeTaps(head) {
		return
	}
	n.copies()
	chunked := s.reduces[0].Reduce.Order.Kind == kernel.Chunks
	body := append(n.ahead(), n.later()...)
	for i, d := range s.reduces {
		if i > 0 && sameNames(d.Reduce.Axes, s.reduces[i-1].Reduce.Axes) && !t.reads(d, s) {
			continue
		}
		body = append(body, n.group(s.reduces[i:])...)
	}
	temps := map[string]string{}
	if chunked {
		for _, d := range s.reduces {
			temps[d.Name] = t.parts(d)
			body = append(body, &tile.Spill{Def: d.Name, Temp: temps[d.Name]})
		}
		n.blocks(head, body)
		n.join(head, temps)
		return
	}
	if n.shape.window > 1 {
		head = append(t.past(s.stores), head...)
	}
	n.blocks(head, append(body, t.finish(s, nil)...))
}

// join adds the phase that joins the chunks of all sums and stores what becomes of them.
func (n *nest) join(head []tile.Node, temps map[string]string) {
	var join []tile.Node
	for _, d := range n.s.reduces {
		join = append(join, &tile.Join{Def: d.Name, Temp: temps[d.Name]})
	}
	_, vectors, rows := n.abreast(n.s)
	n.phase(n.s.axes, n.shape.v, vectors*n.lanes(n.s.reduces), 4096, rows, append(append(head, join...), n.finish(n.s, nil)...), len(head))
}

// reads reports whether d reads another reduction of its stage.
func (t *tiler) reads(d *kernel.Def, s *stage) bool { return t.waits(d, s) }

// group returns the nodes of the first of ds and of those right after it that share its walk.
func (n *nest) group(ds []*kernel.Def) []tile.Node {
	axes := ds[0].Reduce.Axes
	var begins, steps []tile.Node
	for i, d := range ds {
		if !sameNames(d.Reduce.Axes, axes) || i > 0 && n.reads(d, n.s) {
			break
		}
		begins = append(begins, &tile.Begin{Def: d.Name})
		steps = append(steps, &tile.Step{Def: d.Name})
	}
	return append(begins, n.streams(ds[0].Reduce, steps)...)
}

// streams nests the loops over the reduction's axes around the steps, innermost last. Inner
// axes of small constant extent need no loop: the step covers them.
func (n *nest) streams(r *kernel.Reduce, body []tile.Node) []tile.Node {
	budget := min(max(n.choose(maxStepCode, warpCode)/n.shape.accumulators(), 4), maxUnroll)
	covered, open := int64(1), true
	for i := len(r.Axes) - 1; i >= 0; i-- {
		a := r.Axes[i]
		if r.Order.Kind == kernel.Chunks && chunkOutside(r, a.Name) {
			break
		}
		e, isConst := a.Extent.Const()
		if isConst && r.Order.Kind == kernel.Chunks && a.Name == r.Order.Axis {
			isConst = false
		}
		loop := &tile.Loop{Kind: tile.Stream, Split: tile.Split{Index: a.Name, By: []int64{1}}, Body: body}
		switch {
		case len(n.peel[a.Name]) > 0 && isConst:
			loop.Peel = n.peel[a.Name]
			open = false
		case open && isConst && covered*e <= budget && !n.tested[a.Name]:
			covered *= max(e, 1)
			continue
		case n.unroll[a.Name] && isConst:
			loop.Unroll = true
			open = false
		case r.Order.Kind == kernel.Chunks && a.Name == r.Order.Axis && r.Order.By == 1:
			continue
		case open && !n.tested[a.Name]:
			loop.Split.By = turnLengths(e, isConst, max(1, min(4, budget/covered)), budget/covered)
			open = false
		}
		open = open && !n.tested[a.Name]
		body = []tile.Node{loop}
	}
	return body
}

// turnLengths cuts an extent into turns of about u: a divisor from u/2 to most where one exists.
func turnLengths(e int64, isConst bool, u, most int64) []int64 {
	if isConst {
		for d := min(most, 2*u); 2*d > u && d > 1; d-- {
			if e%d == 0 {
				return []int64{d}
			}
		}
	}
	if u == 1 {
		return []int64{1}
	}
	return []int64{u, 1}
}

// chunkOutside reports whether the axis lies outside of the one that chunks are cut from.
func chunkOutside(r *kernel.Reduce, name string) bool {
	return axisNamed(r.Axes, name) < axisNamed(r.Axes, r.Order.Axis)
}

// parts makes the Temp of d's chunks.
func (t *tiler) parts(d *kernel.Def) string {
	r := d.Reduce
	b := &kernel.Buffer{Name: t.k.Name + "." + d.Name + ".parts", Role: kernel.Temp, Type: tensor.Type{DType: d.DType}}
	if r.Op == kernel.Welford {
		b.Type.Shape = append(b.Type.Shape, tensor.Int(2))
	}
	for _, a := range r.Axes {
		if a.Name == r.Order.Axis {
			b.Type.Shape = append(b.Type.Shape, a.Extent.CeilDiv(r.Order.By))
			break
		}
		b.Type.Shape = append(b.Type.Shape, a.Extent)
	}
	b.Type.Shape = append(b.Type.Shape, axisExtents(d.Axes)...)
	t.out.Temps = append(t.out.Temps, b)
	return b.Name
}

// blocks puts the loops over the kept axes around body and adds the phase. From the inside:
// the rows of the tile, the vector axis, the other axes; the inner ones inside a block as long
// as it stays small, the others in the grid.
func (n *nest) blocks(head, body []tile.Node) {
	ph := &tile.Phase{Vector: n.shape.v, Run: n.runOf(n.shape.width)}
	r := n.s.reduces[0].Reduce
	grid, least := map[string]int64{}, n.choose(minBlock, warpTerms)
	work := n.terms() * n.shape.width
	inside := n.columnsInside()
	if inside {
		e, _ := n.s.axes[axisNamed(n.s.axes, n.shape.v)].Extent.Const()
		body = []tile.Node{each(n.shape.v, n.shape.width, n.shape.width, body)}
		work *= (e + n.shape.width - 1) / n.shape.width
	}
	for i, row := range n.shape.rows {
		body, work = n.rowLoop(i, row, body, work, grid)
	}
	if at := axisNamed(n.s.axes, n.shape.v); at >= 0 {
		e, ok := n.s.axes[at].Extent.Const()
		switch {
		case n.tiles > 0:
			body, work = n.staged(body, grid, work)
		case inside, ok && e <= n.shape.width:
		case ok && work*((e+n.shape.width-1)/n.shape.width) <= least:
			body = []tile.Node{each(n.shape.v, n.shape.width, n.shape.width, body)}
			work *= (e + n.shape.width - 1) / n.shape.width
		default:
			grid[n.shape.v] = n.shape.width
		}
	}
	for i := len(n.s.axes) - 1; i >= 0; i-- {
		a := n.s.axes[i]
		if a.Name == n.shape.v || n.shape.row(a.Name) >= 0 || a.Extent.IsConst(1) {
			continue
		}
		loop := each(a.Name, 1, 1, body)
		e, ok := a.Extent.Const()
		switch {
		case n.static[a.Name]:
			loop.Unroll = true
			body, work = []tile.Node{loop}, work*e
		case ok && work*e <= least:
			body, work = []tile.Node{loop}, work*max(e, 1)
		case work < least:
			if grid[a.Name] = evenly(a, max(1, least/max(work, 1))); grid[a.Name] > 1 {
				body = []tile.Node{loop}
			}
			work = least
		default:
			grid[a.Name] = 1
		}
	}
	ph.Grid = n.shared(n.chunkGrid(r), n.order(grid))
	ph.Body = append(append([]tile.Node{}, head...), body...)
	n.out.Phases = append(n.out.Phases, ph)
}

// columnsInside reports whether the columns are walked inside of the rows: where rows read places of
// their own, as in a depthwise convolution, so that memory is read as it lies.
func (n *nest) columnsInside() bool {
	at := axisNamed(n.s.axes, n.shape.v)
	if at < 0 || n.shape.contraction || n.shape.shared == 0 || n.gpu() {
		return false
	}
	e, ok := n.s.axes[at].Extent.Const()
	return ok && e > n.shape.width
}

// rowLoop walks one row axis of the tile by its lengths, and splits a long one over the grid.
func (n *nest) rowLoop(i int, row rowAxis, body []tile.Node, work int64, grid map[string]int64) ([]tile.Node, int64) {
	e, isConst := row.axis.Extent.Const()
	by := row.by
	loop := &tile.Loop{Kind: tile.Each, Split: tile.Split{Index: row.axis.Name, By: by}, Body: body}
	whole := isConst && (e <= by[0])
	if whole {
		return body, work * max(e, 1)
	}
	if n.conditional(row.axis.Name) && isConst {
		n.specialise(loop, row.axis)
	}
	block := n.rowBlock(i, row, e, work)
	if isConst && block >= e {
		return []tile.Node{loop}, work * e
	}
	grid[row.axis.Name] = block
	if isConst && block == by[0] && e%block == 0 {
		return body, work * block
	}
	return []tile.Node{loop}, work * block
}

// rowBlock returns how many rows of an axis a block has: tiles up to a bound on the work, all of
// a short constant axis. Where the last length is not 1 every block has the same rows.
func (n *nest) rowBlock(i int, row rowAxis, e, work int64) int64 {
	by := row.by
	_, isConst := row.axis.Extent.Const()
	if isConst && (e <= longRows*by[0] && i == 0 || n.conditional(row.axis.Name)) {
		return e
	}
	tiles := min(8, max(1, tileBlock/max(1, work*by[0])))
	if i > 0 || n.gpu() {
		tiles = 1
	}
	if n.tiles > 0 && i == len(n.shape.rows)-1 {
		tiles = n.tiles
	}
	if by[len(by)-1] == 1 {
		return by[0] * tiles
	}
	for tiles > 1 && e%(by[0]*tiles) != 0 {
		tiles--
	}
	if e%(by[0]*tiles) != 0 {
		return e
	}
	return by[0] * tiles
}

// order lists the grid's splits: the kept axes as they stand, the vector axis last, or first
// where what a vector tile reads fills the cache and neighbouring blocks should share it.
func (n *nest) order(grid map[string]int64) []tile.Split {
	var splits []tile.Split
	for _, a := range n.s.axes {
		if by, ok := grid[a.Name]; ok && a.Name != n.shape.v {
			splits = append(splits, tile.Split{Index: a.Name, By: []int64{by}})
		}
	}
	by, ok := grid[n.shape.v]
	if !ok {
		return splits
	}
	v := tile.Split{Index: n.shape.v, By: []int64{by}}
	e := extentOf(n.s.axes[axisNamed(n.s.axes, n.shape.v)], guess)
	if n.shape.contraction && n.terms()*e*4 > n.m.L2/2 {
		return append([]tile.Split{v}, splits...)
	}
	return append(splits, v)
}

// shared joins the grids of chunks and of what is kept: chunks outside, so that blocks side by side
// read the same. Where there may be few chunks, the last one a short one, few parts of what is kept go
// outside of them, for threads have equal numbers of neighbouring blocks.
func (n *nest) shared(chunks, kept []tile.Split) []tile.Split {
	if n.gpu() || !n.shape.contraction || len(chunks) != 1 || len(kept) == 0 || chunks[0].By[0] < longChunk {
		return append(chunks, kept...)
	}
	first := kept[0]
	e, ok := n.s.axes[axisNamed(n.s.axes, first.Index)].Extent.Const()
	if parts := (e + first.By[0] - 1) / first.By[0]; !ok || parts < 2 || parts > fewParts {
		return append(chunks, kept...)
	}
	return append([]tile.Split{first, chunks[0]}, kept[1:]...)
}

// chunkGrid gives every chunk blocks of its own.
func (n *nest) chunkGrid(r *kernel.Reduce) []tile.Split {
	var splits []tile.Split
	if r.Order.Kind != kernel.Chunks {
		return nil
	}
	for _, a := range r.Axes {
		if a.Name == r.Order.Axis {
			return append(splits, tile.Split{Index: a.Name, By: []int64{r.Order.By}})
		}
		splits = append(splits, tile.Split{Index: a.Name, By: []int64{1}})
	}
	return splits
}

// terms estimates the terms of one point in a block.
func (n *nest) terms() int64 {
	terms := int64(0)
	for _, d := range n.s.reduces {
		m := int64(1)
		for _, a := range d.Reduce.Axes {
			switch {
			case d.Reduce.Order.Kind == kernel.Chunks && chunkOutside(d.Reduce, a.Name):
			case d.Reduce.Order.Kind == kernel.Chunks && a.Name == d.Reduce.Order.Axis:
				m *= d.Reduce.Order.By
			default:
				m *= extentOf(a, guess)
			}
		}
		terms += m
	}
	return max(terms, 1)
}
