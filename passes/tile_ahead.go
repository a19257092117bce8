package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tile"
)

const (
	aheadTerms  = 32  // terms that a chunked sum asks for ahead
	aheadOutput = 256 // terms up to which a tile asks for what it will write
)

// ahead asks the second cache for the part of the operands that is needed next, where a contraction
// over one axis reads each element once for a tile of columns: a chain of terms for its rows of the
// next block, chunks for terms further on. What few terms write is asked for when they begin. Tiles
// read many rows side by side, a distance apart that no machine foresees.
func (n *nest) ahead() (nodes []tile.Node) {
	d := n.s.reduces[0]
	if !n.gpu() && !n.shape.contraction && len(d.Reduce.Axes) > 1 {
		return n.aheadRows(d)
	}
	if n.gpu() || len(n.s.reduces) != 1 || !n.shape.contraction || len(n.shape.rows) != 1 || n.tiles > 0 || len(d.Reduce.Axes) != 1 || d.Scan != nil || len(d.Reduce.When) > 0 {
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
	k := d.Reduce.Axes[0].Name
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
			nodes = append(nodes, &tile.Ahead{Def: d.Name, From: s.Name, Once: true})
		}
	}
	return nodes
}
