package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tile"
)

// The numbers by which operands are staged.
const (
	cacheLine   = 64
	cacheWays   = 8
	crowd       = 4         // lines of one use in one cache set, beyond which they push each other out
	fewTerms    = 64        // of a point: shorter ones cost a copy too much
	rowCopy     = 448 << 10 // bytes of the rows' operand in a block
	columnCopy  = 256 << 10 // bytes of the columns' operand, one tile of columns
	copyColumns = 8         // tiles of columns that share the rows' copy, where there are enough blocks
	copyRows    = 4         // tiles of rows that the columns' copy must serve
	copyBlocks  = 16        // blocks that a phase should have
)

// copies decides which operands of the contraction at hand are staged, and how many tiles a block
// then has.
//
//	rows     where the lines of one term's rows crowd a set of the first cache: a distance of
//	         4096 bytes puts 14 of them on one set of 8 ways
//	columns  where the lines of all terms of a tile crowd a set of the second cache, and a block
//	         has at least copyRows tiles of rows that use the copy
//
// A block has as many tiles of rows as fit into rowCopy, 8 at most.
func (n *nest) copies() {
	d := n.s.reduces[0]
	if n.gpu() || len(n.s.reduces) != 1 || !n.shape.contraction || n.shape.v == "" || len(n.shape.rows) == 0 || n.terms() < fewTerms {
		return
	}
	var rows, columns *kernel.Load
	for _, l := range d.Loads() {
		switch {
		case n.along(l, n.shape.v) == absent:
			rows = l
		case n.along(l, n.shape.v) == unit:
			columns = l
		}
	}
	last := n.shape.rows[len(n.shape.rows)-1]
	per := n.boxBytes(d, rows, last.by[0], n.shape.width)
	if rows == nil || columns == nil || per < 0 || n.conditional(last.axis.Name) { // blocks have all of a conditional axis
		return
	}
	tiles := min(8, max(1, rowCopy/max(per, 1)))
	if e, ok := last.axis.Extent.Const(); ok { // blocks of about one size
		all := (e + last.by[0] - 1) / last.by[0]
		blocks := (all + tiles - 1) / tiles
		tiles = (all + blocks - 1) / max(blocks, 1)
	}
	narrow := crowded(n.rowStrides(rows), n.m.L1) && n.stageable(d, rows, last.by[0]*tiles, rowCopy)
	fits := n.stageable(d, columns, last.by[0]*tiles, columnCopy)
	wide := tiles >= copyRows && fits && crowded(n.termStrides(d, columns), n.m.L2)
	if !narrow && !wide {
		return
	}
	n.tiles = tiles
	if narrow {
		n.rowStage = &tile.Stage{Def: d.Name, From: rows.Name}
	}
	if wide {
		n.columnStage = &tile.Stage{Def: d.Name, From: columns.Name}
	}
	e := extentOf(n.s.axes[axisNamed(n.s.axes, n.shape.v)], guess)
	all := (e + n.shape.width - 1) / n.shape.width
	blocks := (n.rowsGuess(last, tiles) + last.by[0]*tiles - 1) / (last.by[0] * tiles)
	n.columns = min(copyColumns, max(1, all*max(blocks, 1)/copyBlocks))
	n.columns = (all + (all+n.columns-1)/n.columns - 1) / ((all + n.columns - 1) / n.columns)
}

// rowsGuess returns the extent of the rows' axis: with a guess for each symbol in it, at least four blocks.
func (n *nest) rowsGuess(r rowAxis, tiles int64) int64 {
	if e, ok := r.axis.Extent.Const(); ok {
		return e
	}
	set, by := map[string]bool{}, map[string]int64{}
	r.axis.Extent.Symbols(set)
	for s := range set {
		by[s] = guess
	}
	e, _ := r.axis.Extent.Eval(by)
	return max(e, 4*r.by[0]*tiles)
}

func (n *nest) stageable(d *kernel.Def, l *kernel.Load, rows, limit int64) bool {
	if _, err := tile.Staged(n.k, d.Name, l.Name); err != nil {
		return false
	}
	b := n.boxBytes(d, l, rows, n.shape.width)
	return b >= 0 && b <= limit
}

// boxBytes returns the bytes that a block's part of l takes as a copy, -1 where it has no bound.
func (n *nest) boxBytes(d *kernel.Def, l *kernel.Load, rows, width int64) int64 {
	if l == nil {
		return -1
	}
	r := d.Reduce
	box, err := tile.BoxOf(l, func(name string) (int64, bool) {
		at := axisNamed(r.Axes, name)
		switch i := n.shape.row(name); {
		case name == n.shape.v:
			return width, true
		case i == len(n.shape.rows)-1:
			return rows, true
		case i >= 0:
			return n.shape.rows[i].by[0], true
		case at < 0:
			return 1, axisNamed(n.s.axes, name) >= 0
		case r.Order.Kind == kernel.Chunks && chunkOutside(r, name):
			return 1, true
		case r.Order.Kind == kernel.Chunks && name == r.Order.Axis:
			return r.Order.By, true
		default:
			return extentOf(r.Axes[at], -1), true
		}
	})
	if err != nil {
		return -1
	}
	return box.Elements * int64(l.DType.Size())
}

// A walkStride is an index that a load moves with: count positions, bytes apart.
type walkStride struct{ count, bytes int64 }

// rowStrides lists the rows of the register tile.
func (n *nest) rowStrides(l *kernel.Load) (all []walkStride) {
	for _, r := range n.shape.rows {
		all = append(all, walkStride{r.by[0], n.strideOf(l, r.axis.Name)})
	}
	return all
}

// termStrides lists the terms of a point, and the lines that a tile's columns lie on.
func (n *nest) termStrides(d *kernel.Def, l *kernel.Load) []walkStride {
	all := []walkStride{{(n.shape.width*int64(l.DType.Size()) + cacheLine - 1) / cacheLine, cacheLine}}
	for _, a := range d.Reduce.Axes {
		e := extentOf(a, guess)
		if d.Reduce.Order.Kind == kernel.Chunks && a.Name == d.Reduce.Order.Axis {
			e = d.Reduce.Order.By
		} else if d.Reduce.Order.Kind == kernel.Chunks && chunkOutside(d.Reduce, a.Name) {
			continue
		}
		all = append(all, walkStride{e, n.strideOf(l, a.Name)})
	}
	return all
}

// strideOf returns how far apart in memory neighbours of an index are: 0 where that is no constant.
func (t *tiler) strideOf(l *kernel.Load, index string) int64 {
	b := t.k.Buffer(l.Name)
	if b == nil {
		return 0
	}
	at, ok := kernel.Address(b, l.At)
	if !ok {
		return 0
	}
	c, _, linear := at.Linear(index)
	by, constant := c.Const()
	if !linear || !constant {
		return 0
	}
	return max(by, -by) * int64(l.DType.Size())
}

// crowded reports whether of the lines that the walks reach more than crowd lie on one set of a
// cache of that many bytes.
func crowded(walks []walkStride, bytes int64) bool { return crowdedBy(crowd, walks, bytes) }

// crowdedBy is the same for more than that many lines. Neighbours nearer than a line share lines.
func crowdedBy(most uint8, walks []walkStride, bytes int64) bool {
	sets := bytes / cacheLine / cacheWays
	count := make([]uint8, sets)
	left := 8 * sets // positions to look at
	var visit func(at int64, walks []walkStride) bool
	visit = func(at int64, walks []walkStride) bool {
		if len(walks) == 0 {
			left--
			line := at / cacheLine % sets
			count[line]++
			return count[line] > most
		}
		w := walks[0]
		if w.bytes < cacheLine {
			w = walkStride{(w.count*w.bytes + cacheLine - 1) / cacheLine, cacheLine}
		}
		for i := int64(0); i < max(w.count, 1) && left > 0; i++ {
			if visit(at+i*w.bytes, walks[1:]) {
				return true
			}
		}
		return false
	}
	return visit(0, walks)
}

// staged puts the columns' copy around the rows of a tile; around them the loop over the columns
// of a block; around that the rows' copy.
func (n *nest) staged(body []tile.Node, grid map[string]int64, work int64) ([]tile.Node, int64) {
	width := n.shape.width
	if n.columnStage != nil {
		body = append([]tile.Node{n.columnStage}, body...)
	}
	e, ok := n.s.axes[axisNamed(n.s.axes, n.shape.v)].Extent.Const()
	if !ok || e > width {
		if n.columns > 1 {
			body = []tile.Node{each(n.shape.v, width, width, body)}
		}
		if !ok || e > n.columns*width {
			grid[n.shape.v] = n.columns * width
		}
		work *= n.columns
	}
	if n.rowStage != nil {
		body = append([]tile.Node{n.rowStage}, body...)
	}
	return body, work
}
