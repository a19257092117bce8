package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tile"
)

// The numbers of schedules of whole taps.
const (
	tapBytes = 64 << 10 // sums of a block: with a row of each operand they stay in the second cache
	tapRow   = 12       // positions of a row: a shorter one does not pay for moving the sums
)

// wholeTaps schedules sums in chunks over rows of positions where neighbouring columns share nothing:
// the gradient of a depthwise filter has a sum for each tap and channel. Register tiles of all taps
// and few channels would walk an image again for each tile, and read memory in pieces. Here a block
// takes one row of positions after the other, each with all channels, and its sums lie in the
// thread's memory. It reports whether it did.
func (n *nest) wholeTaps(head []tile.Node) bool {
	block := n.tapColumns()
	if block == 0 {
		return false
	}
	d, v, width := n.s.reduces[0], n.shape.v, n.shape.width
	r, temp := d.Reduce, n.parts(d)
	last := len(r.Axes) - 1
	along := n.streams(&kernel.Reduce{Axes: r.Axes[last:], Order: r.Order}, []tile.Node{&tile.Step{Def: d.Name}})
	body := []tile.Node{each(v, width, width, append(append([]tile.Node{&tile.Begin{Def: d.Name}}, along...), &tile.Store{Def: d.Name}))}
	for i := last - 1; i >= 0 && !chunkOutside(r, r.Axes[i].Name); i-- {
		a := r.Axes[i]
		loop := &tile.Loop{Kind: tile.Stream, Split: tile.Split{Index: a.Name, By: []int64{1}}, Body: body}
		if a.Name == r.Order.Axis && r.Order.By == 1 {
			continue
		}
		if _, fixed := a.Extent.Const(); fixed && a.Name != r.Order.Axis {
			loop.Peel = n.peel[a.Name]
		}
		body = []tile.Node{loop}
	}
	spills := each(v, width, width, []tile.Node{&tile.Spill{Def: d.Name, Temp: temp}})
	ph := &tile.Phase{Vector: v, Grid: n.chunkGrid(r), Back: true, Body: append(append(head, n.aheadTaps(d)...), &tile.Hold{Def: d.Name, Along: v})}
	ph.Body = append(append(ph.Body, body...), spills)
	if e, _ := n.s.axes[axisNamed(n.s.axes, v)].Extent.Const(); block < e {
		ph.Grid = append(ph.Grid, tile.Split{Index: v, By: []int64{block}})
	}
	n.out.Phases = append(n.out.Phases, ph)
	n.join(head, map[string]string{d.Name: temp})
	return true
}

// tapColumns is how many columns a block of whole taps has, 0 where there is no such schedule: a
// register tile must have all points that are kept beside the columns, and there must be several.
func (n *nest) tapColumns() int64 {
	d, at := n.s.reduces[0], axisNamed(n.s.axes, n.shape.v)
	if n.gpu() || len(n.s.reduces) != 1 || at < 0 || n.shape.contraction || len(n.shape.rows) == 0 {
		return 0
	}
	r := d.Reduce
	extent, fixed := n.s.axes[at].Extent.Const()
	row := r.Axes[len(r.Axes)-1]
	if !fixed || extent <= n.shape.width || r.Order.Kind != kernel.Chunks || r.Op == kernel.Welford || row.Name == r.Order.Axis || extentOf(row, tapRow) < tapRow {
		return 0
	}
	taps := int64(1)
	for _, a := range n.s.axes {
		if a.Name == n.shape.v {
			continue
		}
		e, fixed := a.Extent.Const()
		if i := n.shape.row(a.Name); !fixed || e != 1 && (i < 0 || n.shape.rows[i].by[0] != e) {
			return 0
		}
		taps *= e
	}
	most := tapBytes / int64(d.DType.Size()) / max(taps, 1)
	return evenParts(extent, max(most, n.shape.width), n.shape.width)
}

// aheadTaps asks for the next row of positions.
func (n *nest) aheadTaps(d *kernel.Def) (nodes []tile.Node) {
	row := d.Reduce.Axes[len(d.Reduce.Axes)-2].Name
	for _, l := range kernel.Loads(d.Expr) {
		if by := n.strideOf(l, row); by >= aheadRow && n.k.Buffer(l.Name) != nil {
			nodes = append(nodes, &tile.Ahead{Def: d.Name, From: l.Name, By: by / int64(l.DType.Size()), New: true})
		}
	}
	return nodes
}
