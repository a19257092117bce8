package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// sortElements is how many terms a block of argsorts has, where extents allow.
const sortElements = 8192

// sort schedules an argsort: rows in the grid, one at a time, the terms across the lanes.
func (t *tiler) sort(s *stage) {
	d := s.reduces[0]
	ph := &tile.Phase{Vector: d.Reduce.Axes[0].Name}
	node := &tile.Sort{Def: d.Name}
	body := []tile.Node{node}
	rows := max(1, sortElements/max(1, extentOf(d.Reduce.Axes[0], sortElements)))
	grid := map[string]int64{}
	for i := len(d.Axes) - 2; i >= 0; i-- {
		a := d.Axes[i]
		grid[a.Name] = evenly(a, rows)
		if rows > 1 {
			body = []tile.Node{each(a.Name, 1, 1, body)}
		}
		rows = 1
	}
	for _, a := range d.Axes[:len(d.Axes)-1] {
		ph.Grid = append(ph.Grid, tile.Split{Index: a.Name, By: []int64{grid[a.Name]}})
	}
	if t.gpu() || tile.SortRoom(d) < 0 {
		node.Temp = t.k.Name + "." + d.Name + ".pairs"
		t.out.Temps = append(t.out.Temps, &kernel.Buffer{Name: node.Temp, Role: kernel.Temp,
			Type: tensor.Type{DType: tensor.U64, Shape: tile.SortTemp(ph, t.k, d)}})
	}
	ph.Body = append(t.prelude(s), body...)
	t.out.Phases = append(t.out.Phases, ph)
}
