package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// Blocks of scores on matrix units: a warp, or a group of four, has some rows of them in fragments, and of
// the weighted sums too.
const (
	scoreWarps  = 4   // that compute a block, each 16 rows
	scoreGroups = 2   // of four warps, each 64 rows
	scoreDepth  = 128 // terms of a score, and columns of a weighted sum, at most: registers
	scoreStages = 4   // slots for operands, where shared memory has as many
)

// weightsInUnit schedules a stage of weights for the matrix unit, where the scores and the one sum with
// axes of its own are products that it takes.
func (t *tiler) weightsInUnit(w *weightWalk) bool {
	if !t.gpu() || t.m.Pitch == 0 || w.most == nil || len(w.scores) != 1 || len(w.wide) != 1 || w.i.Name == "" {
		return false
	}
	s, a := w.scores[0], w.wide[0]
	c, err := tile.ContractionOf(t.k, s)
	if err != nil || s.Reduce.Order.Kind != kernel.Matrix || c.M != w.i.Name || c.N != w.j.Name || !t.pitched(c.A) || !t.pitched(c.B) {
		return false
	}
	v, err := tile.WeightingOf(t.k, a)
	if err != nil || v.M != w.i.Name || v.K != w.j.Name || v.A.Type() != v.B.Load.DType || !t.pitched(v.B) {
		return false
	}
	depth, ok1 := extentIn(s, c.K).Const()
	columns, ok2 := extentIn(a, v.N).Const()
	if !ok1 || !ok2 || min(depth, columns) < 1 || max(depth, columns) > scoreDepth {
		return false
	}
	for _, d := range w.sums {
		if d.DType != tensor.F32 {
			return false
		}
	}
	if !c.A.Along.IsConst(1) || !c.B.Along.IsConst(1) || !v.B.Own.IsConst(1) {
		return false
	}
	u := &tile.Unit{Name: "mma", M: tile.Split{Index: c.M, By: []int64{16}}, N: tile.Split{Index: c.N, By: []int64{kernel.RescaleBlock}}}
	rows := int64(16 * scoreWarps)
	if t.m.WarpGroups && boxes(&c.A, c.K, s) && boxes(&c.B, c.K, s) && boxes(&v.B, v.K, a) {
		u.Name, u.M.By[0], rows = "wgmma", 64, 64*scoreGroups
	}
	padded := func(n int64) int64 { return (n + 63) / 64 * 64 * 2 }
	slot := kernel.RescaleBlock * (padded(depth) + padded(columns))
	u.Stages = min(scoreStages, (t.m.Shared-rows*padded(depth)-1024)/slot)
	if u.Stages < 2 {
		return false
	}
	t.out.Phases = append(t.out.Phases, w.unitPhase(u, rows))
	return true
}

func (w *weightWalk) unitPhase(u *tile.Unit, rows int64) *tile.Phase {
	ph := &tile.Phase{Unit: u}
	for _, a := range w.base {
		by := int64(1)
		if a.Name == w.i.Name {
			by = rows
		}
		ph.Grid = append(ph.Grid, tile.Split{Index: a.Name, By: []int64{by}})
	}
	turn := []tile.Node{&tile.Begin{Def: w.scores[0].Name}, &tile.Step{Def: w.scores[0].Name}, &tile.Step{Def: w.most.Name}}
	ph.Body = append(ph.Body, &tile.Begin{Def: w.most.Name})
	for _, d := range w.maps {
		turn = append(turn, &tile.Let{Def: d.Name})
	}
	for _, d := range append(append([]*kernel.Def{}, w.sums...), w.wide...) {
		ph.Body = append(ph.Body, &tile.Begin{Def: d.Name})
		turn = append(turn, &tile.Step{Def: d.Name})
	}
	ph.Body = append(ph.Body, &tile.Loop{Kind: tile.Stream, Split: tile.Split{Index: w.j.Name, By: []int64{kernel.RescaleBlock}}, Body: turn})
	for _, d := range w.s.stores {
		ph.Body = append(ph.Body, &tile.Store{Def: d.Name})
	}
	return ph
}

func extentIn(d *kernel.Def, index string) tensor.Dim {
	for _, a := range d.AllAxes() {
		if a.Name == index {
			return a.Extent
		}
	}
	panic("BUG: " + d.Name + " has no index " + index)
}
