package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tile"
)

const (
	aheadTerms  = 32      // terms that a chunked sum asks for ahead
	laterTerms  = 256     // of a sum, from which what it becomes has left the caches meanwhile
	page        = 4096    // bytes: no machine asks across its end by itself
	aheadOutput = 256     // terms up to which a tile asks for what it will write
	writeAhead  = 4096    // elements from what a tile of windows writes to what it asks for
	aheadRow    = 1 << 10 // bytes of the rows from which on the next are asked for
)

// ahead asks the second cache for the part of the operands that is needed next, where a contraction
// reads each element once for a tile of columns: a chain of terms for its rows of the
// next block, chunks for terms further on. What few terms write is asked for when they begin. Tiles
// read many rows side by side, a distance apart that no machine foresees.
func (n *nest) ahead() (nodes []tile.Node) {
	d := n.s.reduces[0]
	if !n.gpu() && !n.shape.contraction && len(d.Reduce.Axes) > 1 {
		return n.aheadRows(d)
	}
	if n.gpu() || len(n.s.reduces) != 1 || !n.shape.contraction || len(n.shape.rows) != 1 || n.tiles > 0 || len(d.Reduce.Axes) == 0 || d.Scan != nil {
		return nil
	}
	ask := func(l *kernel.Load, bytes int64) {
		size := int64(l.DType.Size())
		if l != nil && bytes >= cacheLine && n.k.Def(l.Name) == nil {
			nodes = append(nodes, &tile.Ahead{Def: d.Name, From: l.Name, By: bytes / size})
		}
	}
	rows, columns := n.operands(d)
	if rows == nil || columns == nil {
		return nil
	}
	k := d.Reduce.Axes[len(d.Reduce.Axes)-1].Name
	if (len(d.Reduce.Axes) > 1 || len(d.Reduce.When) > 0) && (d.Reduce.Order.Kind != kernel.Chunks || n.strideOf(columns, k) < page) {
		return nil
	}
	if d.Reduce.Order.Kind == kernel.Chunks {
		ask(rows, aheadTerms*n.strideOf(rows, k))
		ask(columns, aheadTerms*n.strideOf(columns, k))
		return nodes
	}
	row := n.shape.rows[0]
	e, _ := row.axis.Extent.Const()
	if n.shape.vectors > 1 { // else loads are what there is most of
		ask(rows, n.rowBlock(0, row, e, n.terms()*n.shape.width)*n.strideOf(rows, row.axis.Name))
	}
	for _, s := range n.s.stores {
		if n.output(s.Name) != nil && n.terms() <= aheadOutput {
			nodes = append(nodes, &tile.Ahead{Def: d.Name, From: s.Name, Once: true})
		}
	}
	return nodes
}

// aheadRows asks, where windows go along an axis row by row, for the row that the next windows add, and
// for what is written.
func (n *nest) aheadRows(d *kernel.Def) (nodes []tile.Node) {
	if len(n.s.reduces) != 1 || d.Reduce.Order.Kind != kernel.Chain {
		return nil
	}
	window := d.Reduce.Axes[0]
	length := extentOf(window, 0)
	for _, l := range kernel.Loads(d.Expr) {
		step := n.strideOf(l, window.Name)
		if n.k.Def(l.Name) != nil || step*length == 0 {
			continue
		}
		for _, a := range n.s.axes {
			if n.shape.row(a.Name) < 0 && a.Name != n.shape.v && n.strideOf(l, a.Name) == step {
				nodes = append(nodes, &tile.Ahead{Def: d.Name, From: l.Name, By: length * step / int64(l.DType.Size()), Once: true})
			}
		}
	}
	for _, s := range n.s.stores {
		if n.output(s.Name) != nil && len(nodes) > 0 {
			nodes = append(nodes, &tile.Ahead{Def: d.Name, From: s.Name, By: writeAhead, Once: true})
		}
	}
	return nodes
}

// ahead asks, while the last sum of a row is made, for the next rows of what it reads, and for what
// will be written of this one: else no memory moves while the row, which lies in a cache by then, is
// computed with.
func (r *rowWalk) ahead(rows int64) (nodes []tile.Node) {
	e, ok := r.lane.Extent.Const()
	if r.gpu() || !ok || e*4 < aheadRow {
		return nil
	}
	last := r.s.reduces[len(r.s.reduces)-1]
	asked := map[string]bool{}
	for _, d := range r.k.Defs {
		for _, l := range d.Loads() {
			size := int64(l.DType.Size())
			if b := r.k.Buffer(l.Name); b == nil || asked[l.Name] || r.k.Def(l.Name) != nil || r.strideOf(l, r.lane.Name) != size {
				continue
			}
			if by := rows * r.rowStride(l); by > 0 {
				nodes = append(nodes, &tile.Ahead{Def: last.Name, From: l.Name, By: by / size})
				asked[l.Name] = true
			}
		}
	}
	for _, d := range r.s.stores {
		if r.output(d.Name) != nil && axisNamed(d.Axes, r.lane.Name) >= 0 {
			nodes = append(nodes, &tile.Ahead{Def: last.Name, From: d.Name})
		}
	}
	return nodes
}

// rowStride is the distance in bytes of neighbouring rows of what l reads, 0 where they are one.
func (r *rowWalk) rowStride(l *kernel.Load) int64 {
	for i := len(r.s.axes) - 1; i >= 0; i-- {
		if a := r.s.axes[i]; !a.Extent.IsConst(1) {
			return r.strideOf(l, a.Name)
		}
	}
	return 0
}

// later asks, in a turn of a recurrence, where a tile's sums become what is stored, for what the next
// tile of columns reads and stores there: arrays that no other turn has brought near.
func (n *nest) later() (nodes []tile.Node) {
	if n.s.scan == nil || n.gpu() || !n.shape.contraction || len(n.shape.rows) == 0 || n.terms() < laterTerms {
		return nil
	}
	seen := map[string]bool{}
	ask := func(l *kernel.Load) {
		size := int64(l.DType.Size())
		if seen[l.Name] || n.k.Buffer(l.Name) == nil || n.strideOf(l, n.shape.v) != size || n.strideOf(l, n.shape.rows[0].axis.Name) == 0 {
			return
		}
		seen[l.Name] = true
		nodes = append(nodes, &tile.Ahead{Def: n.s.reduces[0].Name, From: l.Name, By: n.shape.width, Later: true})
	}
	maps, _, _ := n.closure(n.s.stores)
	for _, d := range append(maps, n.s.stores...) {
		for _, l := range kernel.Loads(d.Expr) {
			ask(l)
		}
		if n.output(d.Name) != nil {
			ask(&kernel.Load{Name: d.Name, DType: d.DType, At: kernel.Points(d.Axes)})
		}
	}
	return nodes
}
