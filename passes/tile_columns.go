package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tile"
)

// The numbers of schedules of sums down columns.
const (
	columnRows  = 2    // rows that are read side by side
	columnWidth = 64   // columns of a register tile
	columnBlock = 1024 // columns of a block
)

// wholeRows schedules sums down the columns of matrices, in chunks of rows, where register tiles would
// read memory in pieces: a block goes along whole rows, a few at a time, and its sums lie in the
// thread's memory, which stays in the first cache. Gradients are summed behind a kernel that went
// through the same rows from the first to the last: blocks go back. It reports whether it did.
func (n *nest) wholeRows(head []tile.Node) bool {
	if !n.columnSums() {
		return false
	}
	d := n.s.reduces[0]
	rows, v := d.Reduce.Axes[0], n.shape.v
	extent, _ := n.s.axes[axisNamed(n.s.axes, v)].Extent.Const()
	block := evenParts(extent, columnBlock, columnWidth)
	ph := &tile.Phase{Vector: v, Grid: n.chunkGrid(d.Reduce), Back: true, Body: head}
	if block < extent {
		ph.Grid = append(ph.Grid, tile.Split{Index: v, By: []int64{block}})
	}
	ph.Body = append(ph.Body, n.aheadColumns()...)
	var begins, steps, stores, spills []tile.Node
	temps := map[string]string{}
	for _, d := range n.s.reduces {
		temps[d.Name] = n.parts(d)
		ph.Body = append(ph.Body, &tile.Hold{Def: d.Name, Along: v})
		begins = append(begins, &tile.Begin{Def: d.Name})
		steps = append(steps, &tile.Step{Def: d.Name})
		stores = append(stores, &tile.Store{Def: d.Name})
		spills = append(spills, &tile.Spill{Def: d.Name, Temp: temps[d.Name]})
	}
	across := each(v, columnWidth, 16, append(append(begins, steps...), stores...))
	ph.Body = append(ph.Body, &tile.Loop{Kind: tile.Stream, Split: tile.Split{Index: rows.Name, By: []int64{columnRows, 1}}, Body: []tile.Node{across}}, each(v, columnWidth, 16, spills))
	n.out.Phases = append(n.out.Phases, ph)
	n.join(head, temps)
	return true
}

// aheadColumns asks for the next rows.
func (n *nest) aheadColumns() (nodes []tile.Node) {
	asked := map[string]bool{}
	for _, d := range n.s.reduces {
		for _, l := range kernel.Loads(d.Expr) {
			by := n.strideOf(l, d.Reduce.Axes[0].Name)
			if asked[l.Name] || by < aheadRow || n.along(l, n.shape.v) != unit {
				continue
			}
			asked[l.Name] = true
			nodes = append(nodes, &tile.Ahead{Def: d.Name, From: l.Name, By: columnRows * by / int64(l.DType.Size())})
		}
	}
	return nodes
}

// columnSums reports whether all sums of the stage go down columns, which are all that is kept.
func (n *nest) columnSums() bool {
	at := axisNamed(n.s.axes, n.shape.v)
	if n.gpu() || at < 0 || len(n.shape.rows) > 0 || len(n.s.axes) != 1 {
		return false
	}
	extent, ok := n.s.axes[at].Extent.Const()
	if !ok || extent*4 < aheadRow || extent <= n.shape.width || extent%16 != 0 {
		return false
	}
	for _, d := range n.s.reduces {
		r := d.Reduce
		if r.Order.Kind != kernel.Chunks || r.Op == kernel.Welford || len(r.Axes) != 1 || len(r.When) > 0 || r.Axes[0].Name != n.s.reduces[0].Reduce.Axes[0].Name || n.reads(d, n.s) {
			return false
		}
		for _, l := range kernel.Loads(d.Expr) {
			if n.k.Buffer(l.Name) == nil || n.along(l, n.shape.v) == strided {
				return false
			}
		}
	}
	return true
}
