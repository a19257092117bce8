package passes

import (
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// The numbers of schedules with partial sums in memory.
const (
	partTerms    = 256      // of a block of pairs, of many rows; of few rows partTurn
	partLong     = 320      // terms of a point from which blocks of them pay
	partTurn     = 16       // rows of the columns' operand that are read side by side
	partRows     = 256      // rows of a block of pairs
	partColumns  = 512      // columns of a block
	partBlocks   = 8        // blocks that a phase should have
	partCache    = 1 << 20  // bytes of the second cache that are counted on
	pairedBlocks = 4        // where each copies all of its columns' operand
	rowApart     = 1 << 10  // bytes from one term to the next of the columns' operand: another row
	wideColumns  = 2048     // columns of a block of few rows
	wideBytes    = 64 << 10 // their partial sums
	unitSums     = 32       // rows and columns that a matrix unit takes at once
	unitTerms    = 32       // and terms
	unitBlock    = 512      // terms of a block there
	unitColumns  = 256      // and columns
	aheadBy      = 256      // columns that one row asks for ahead
)

// partialSums schedules a contraction of which the partial sums of a block lie in memory between blocks
// of terms, where that pays, and reports whether it did.
//
//	few rows    all of them in one tile, and the columns' operand larger than the second cache: it
//	            is streamed once, partTurn (or half as many) of its rows side by side over wideColumns, so that whole
//	            rows are read in order; a tile of 32 or 64 columns of all rows would jump from row
//	            to row, which no machine foresees
//	many rows   and partLong terms or more: blocks of partTerms terms, of which the rows' operand
//	            stays in the second cache for all columns of the block, and the columns' operand in
//	            the first for all rows
func (n *nest) partialSums(head []tile.Node) bool {
	d := n.s.reduces[0]
	matrix := d.Reduce.Order.Kind == kernel.Matrix
	if n.gpu() || len(n.s.reduces) != 1 || n.shape.v == "" || d.Reduce.Order.Kind != kernel.Chain && !matrix || len(d.Reduce.Axes) != 1 || len(d.Reduce.When) > 0 || len(n.shape.rows) > 1 {
		return false
	}
	terms, ok1 := d.Reduce.Axes[0].Extent.Const()
	extent, ok2 := n.s.axes[axisNamed(n.s.axes, n.shape.v)].Extent.Const()
	rows, columns := n.operands(d)
	if !ok1 || !ok2 || rows == nil || columns == nil {
		return false
	}
	few, apart := n.fewRows(), n.strideOf(columns, d.Reduce.Axes[0].Name) >= rowApart
	paired := matrix && n.m.Dots && n.pairs(d, columns)
	switch {
	case few > 0 && (!apart || terms < 4*partTurn || terms*extent*int64(columns.DType.Size()) <= n.m.L2):
		return false
	case few == 0 && (!apart || terms < partLong) && (!paired || terms < fewTerms):
		return false
	}
	if n.output(d.Name) != nil {
		d = n.apart(d)
	}
	p := &partial{nest: n, d: d, terms: terms, extent: extent, rows: rows, columns: columns, paired: paired && few == 0}
	body := p.few
	if few == 0 {
		body = p.many
	}
	nodes := body(few)
	if few == 0 {
		nodes = p.alone(head, nodes)
	} else {
		nodes = append(slices.Clone(head), nodes...)
	}
	for _, a := range n.s.axes { // what is left: batch axes
		if _, ok := p.grid[a.Name]; !ok && a.Name != n.shape.v && n.shape.row(a.Name) < 0 {
			p.grid[a.Name] = 1
		}
	}
	n.out.Phases = append(n.out.Phases, &tile.Phase{Grid: n.order(p.grid), Vector: n.shape.v, Body: nodes})
	return true
}

// apart gives the sum that an output is a name of its own, so that it can be held.
func (n *nest) apart(d *kernel.Def) *kernel.Def {
	sum := d.Clone()
	sum.Name = d.Name + ".sum"
	l := &kernel.Load{Name: sum.Name, DType: d.DType}
	for _, a := range d.Axes {
		l.At = append(l.At, kernel.At(a.Name))
	}
	d.Reduce, d.Expr = nil, l
	at := slices.Index(n.k.Defs, d)
	n.k.Defs = slices.Insert(n.k.Defs, at, sum)
	n.s.reduces[0] = sum
	return sum
}

// operands are the one load that the rows share and the one that runs along the vector axis.
func (n *nest) operands(d *kernel.Def) (rows, columns *kernel.Load) {
	loads := kernel.Loads(d.Expr)
	for _, l := range loads {
		switch n.along(l, n.shape.v) {
		case absent:
			rows = l
		case unit:
			columns = l
		}
	}
	if len(loads) != 2 || rows == nil || columns == nil || n.k.Buffer(columns.Name) == nil || n.k.Buffer(rows.Name) == nil || !d.Fused() {
		return nil, nil
	}
	return rows, columns
}

// fewRows is the number of rows when one tile, or two, have all of them; else 0.
func (n *nest) fewRows() int64 {
	if len(n.shape.rows) == 0 {
		return 1
	}
	r := n.shape.rows[0]
	if e, ok := r.axis.Extent.Const(); ok && e > 0 && e <= 2*r.by[0] {
		return e
	}
	return 0
}

// A partial is a schedule in the making.
type partial struct {
	*nest
	d             *kernel.Def
	terms, extent int64
	rows, columns *kernel.Load
	paired        bool // the columns' operand is copied with neighbouring terms side by side
	grid          map[string]int64
}

func (p *partial) few(rows int64) []tile.Node {
	tall := int64(1)
	for _, r := range p.shape.rows {
		tall = r.by[0]
	}
	width := int64(64) // of a register tile: what lies in the registers that there are
	for vectors := width / int64(p.m.Lanes); width > 16 && tall*vectors+vectors+2 > int64(p.m.Registers); vectors /= 2 {
		width /= 2
	}
	p.shape.width = width
	columns := min(wideColumns, wideBytes/4/rows, (p.extent+1)/2)
	columns = max((columns+width-1)/width*width, width)
	p.grid = map[string]int64{}
	if columns < p.extent {
		p.grid[p.shape.v] = columns
	}
	return p.streamed(rows)
}

// streamed are the nodes that stream the columns' operand once, past all rows there are.
func (p *partial) streamed(rows int64) []tile.Node {
	k := p.d.Reduce.Axes[0].Name
	body := []tile.Node{&tile.Hold{Def: p.d.Name, Along: p.shape.v}}
	if crowded(p.rowStrides(p.rows), p.m.L1) && p.stageable(p.d, p.rows, rows, rowCopy/2) {
		body = append(body, &tile.Stage{Def: p.d.Name, From: p.rows.Name})
	}
	turn, ahead := p.turn(rows)
	body = append(body, &tile.Ahead{Def: p.d.Name, From: p.columns.Name, By: ahead},
		&tile.Loop{Kind: tile.Stream, Split: tile.Split{Index: k, By: exactly(p.terms, turn)}, Body: p.tiles(p.summed(&tile.Step{Def: p.d.Name}))})
	return append(body, p.finished()...)
}

// turn is how many rows of the columns' operand are read side by side, and what is asked for meanwhile:
// a little more of each where memory is all that limits, of one row there are fewer sums to move;
// else the next turn's rows.
func (p *partial) turn(rows int64) (turn, ahead int64) {
	size := int64(p.columns.DType.Size())
	switch {
	case rows > 1:
		return partTurn, partTurn * p.strideOf(p.columns, p.d.Reduce.Axes[0].Name) / size
	case size > 2:
		return partTurn / 2, aheadBy
	}
	return partTurn, aheadBy
}

// alone gives a batch of one row, where the number of rows is a symbol, a way of its own: it reads
// whole rows of the columns' operand, in the same blocks. The bits are those of the other way.
func (p *partial) alone(head, many []tile.Node) []tile.Node {
	row := p.shape.rows[0].axis
	symbol, ok := symName(row.Extent)
	if !ok || p.paired || p.terms < 4*partTurn || p.terms*p.extent*int64(p.columns.DType.Size()) <= p.m.L2 {
		return append(slices.Clone(head), many...)
	}
	shape := p.nest.shape
	defer func() { p.nest.shape = shape }()
	p.nest.shape.rows = nil
	turn := each(row.Name, 1, 1, append(slices.Clone(head), p.streamed(1)...))
	return []tile.Node{&tile.If{Symbol: symbol, Is: 1, Then: []tile.Node{turn}, Else: append(slices.Clone(head), many...)}}
}

func (p *partial) many(int64) []tile.Node {
	row := p.shape.rows[0]
	e, isConst := row.axis.Extent.Const()
	if !isConst {
		e = 4 * partRows
	}
	unit := p.paired && p.m.Tiles && p.terms%unitTerms == 0 && e >= unitSums && p.extent >= unitSums
	if unit {
		row.by, p.shape.width = []int64{unitSums, 8, 1}, unitSums
	}
	wide := int64(partColumns)
	if unit {
		wide = unitColumns
	}
	most, tall := p.blockSize()
	rows, columns := evenParts(e, tall, row.by[0]), evenParts(p.extent, wide, p.shape.width)
	blocks := func() int64 { return (e + rows - 1) / rows * ((p.extent + columns - 1) / columns) }
	least := int64(partBlocks)
	if p.paired {
		least = pairedBlocks
	}
	for blocks() < least && rows >= 4*row.by[0] {
		rows = evenParts(e, rows/2, row.by[0])
	}
	switch b := row.by[0]; {
	case isConst && e%b == 0 && (rows >= e || e%rows == 0):
		row.by = []int64{b}
	case !unit: // blocks cut it anywhere
		row.by = rowLengths(kernel.Axis{Extent: tensor.Sym("N")}, b)
	}
	p.shape.rows = []rowAxis{row}
	p.grid = map[string]int64{}
	if rows < e || !isConst {
		p.grid[row.axis.Name] = rows
	}
	if columns < p.extent {
		p.grid[p.shape.v] = columns
	}
	k := p.d.Reduce.Axes[0].Name
	by := evenParts(p.terms, most, 8)
	turns := []int64{4, 1}
	if p.paired {
		turns = []int64{8, 2, 1}
	}
	if p.terms%turns[0] == 0 {
		turns = turns[:1]
	}
	if unit {
		by, turns = evenParts(p.terms, unitBlock, unitTerms), []int64{unitTerms}
	}
	tiles := p.tiles(p.summed(&tile.Loop{Kind: tile.Stream, Split: tile.Split{Index: k, By: turns}, Body: []tile.Node{&tile.Step{Def: p.d.Name}}}))
	if _, err := tile.Staged(p.k, p.d.Name, p.rows.Name); err == nil {
		next := &tile.Ahead{Def: p.d.Name, From: p.rows.Name, By: 16 * p.strideOf(p.rows, row.axis.Name) / int64(p.rows.DType.Size())}
		tiles = append([]tile.Node{next, &tile.Stage{Def: p.d.Name, From: p.rows.Name}}, tiles...)
	}
	if !p.paired {
		tiles = append([]tile.Node{p.nextColumns()}, tiles...)
	}
	body := []tile.Node{&tile.Hold{Def: p.d.Name, Along: p.shape.v}, &tile.Loop{Kind: tile.Stream, Split: tile.Split{Index: k, By: exactly(p.terms, by)}, Body: tiles}}
	return append(body, p.finished()...)
}

// nextColumns asks for what the next tile of columns reads.
func (p *partial) nextColumns() tile.Node {
	return &tile.Ahead{Def: p.d.Name, From: p.columns.Name, By: p.shape.width}
}

// blockSize is how many terms and rows a block has at most. Those of the columns' operand that is not
// copied fill half of the second cache, the partial sums a quarter.
func (p *partial) blockSize() (terms, rows int64) {
	if p.paired {
		return partTerms, partRows
	}
	cache := min(p.m.L2, partCache)
	return cache / 2 / (partColumns * 4), cache / 4 / (partColumns * 4)
}

// pairs reports whether the columns' operand can be copied by pairs of terms.
func (n *nest) pairs(d *kernel.Def, columns *kernel.Load) bool {
	if _, err := tile.Staged(n.k, d.Name, columns.Name); err != nil || columns.DType != tensor.BF16 {
		return false
	}
	_, _, err := tile.PairBox(columns, d.Reduce.Axes[0].Name, n.shape.v, func(string) (int64, bool) { return 1, true })
	return err == nil
}

// finished stores what becomes of the sums, in smaller tiles: an epilogue has much code, and needs
// no registers for what it shares.
func (p *partial) finished() []tile.Node {
	nodes := p.finish(p.s, nil)
	width := min(p.shape.width, int64(2*p.m.Lanes))
	for _, r := range p.shape.rows {
		by := []int64{2, 1}
		if e, ok := r.axis.Extent.Const(); ok && p.grid[r.axis.Name] == 0 {
			by = exactly(e, 2)
		}
		nodes = []tile.Node{&tile.Loop{Kind: tile.Each, Split: tile.Split{Index: r.axis.Name, By: by}, Body: nodes}}
	}
	if p.extent > width {
		nodes = []tile.Node{each(p.shape.v, width, width, nodes)}
	}
	return nodes
}

// summed are the nodes that add terms to the partial sums of a register tile.
func (p *partial) summed(steps tile.Node) []tile.Node {
	return []tile.Node{&tile.Begin{Def: p.d.Name}, steps, &tile.Store{Def: p.d.Name}}
}

// tiles walks the register tiles of a block.
func (p *partial) tiles(nodes []tile.Node) []tile.Node {
	for _, r := range p.shape.rows {
		e, ok := r.axis.Extent.Const()
		if !ok || e > r.by[0] {
			nodes = []tile.Node{&tile.Loop{Kind: tile.Each, Split: tile.Split{Index: r.axis.Name, By: r.by}, Body: nodes}}
		}
	}
	if p.paired {
		nodes = append([]tile.Node{p.nextColumns(), &tile.Pair{Def: p.d.Name, From: p.columns.Name}}, nodes...)
	}
	if p.extent > p.shape.width {
		nodes = []tile.Node{each(p.shape.v, p.shape.width, p.shape.width, nodes)}
	}
	return nodes
}

// exactly cuts a length into parts of by and the rest.
func exactly(length, by int64) []int64 {
	switch {
	case length <= by:
		return []int64{length}
	case length%by == 0:
		return []int64{by}
	}
	return []int64{by, length % by}
}

// evenParts is the length of parts of about one size, at most most (or little more), in multiples
// of unit.
func evenParts(length, most, unit int64) int64 {
	parts := max(1, (length+most-1)/most)
	return max(unit, ((length+parts-1)/parts+unit-1)/unit*unit)
}
