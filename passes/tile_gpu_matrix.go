package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// A matrixTile is the block of a matrix unit and how its warps share it. Operands are in shared
// memory stages times.
type matrixTile struct {
	unit         string
	m, n, k      int64
	warpM, warpN int64
	stages       int64
}

// With 128 by 128 a warp's quarter has 128 accumulators in a thread; three tiles of 32 terms take
// 48 KiB, so that two blocks fit into the shared memory of any of these machines.
var mmaTile = matrixTile{"mma", 128, 128, 32, 64, 64, 3}

// Two groups of warps have 64 rows each of 128, a third feeds them: 192 KiB of shared memory.
var (
	wgmmaTile   = matrixTile{"wgmma", 128, 256, 64, 64, 256, 4}
	wgmmaNarrow = matrixTile{"wgmma", 128, 128, 64, 64, 128, 4}
)

// A thread of 256 has 8 by 8 sums of 128 by 128: for each 4 terms it reads 16 times 16 bytes of shared
// memory, and does 256 multiply-adds.
var fmaTile = matrixTile{"fma", 128, 128, 16, 32, 64, 3}

// wideEnough reports whether a chain of products in f32 fills a block: half of it in both directions.
func (t *tiler) wideEnough(c *tile.Contraction, d *kernel.Def) bool {
	if d.Scan != nil || !d.Fused() || c.A.Load.DType != tensor.F32 || c.B.Load.DType != tensor.F32 || !c.A.Along.IsConst(1) || !c.B.Own.IsConst(1) {
		return false
	}
	if n, ok := extentIn(d, c.K).Const(); !ok || n < fmaTile.k {
		return false
	}
	wide := func(index string, half int64) bool {
		n, ok := extentIn(d, index).Const()
		return !ok || n >= half
	}
	return wide(c.M, fmaTile.m/2) && wide(c.N, fmaTile.n/2)
}

// tileOf chooses the unit: warp groups where the machine has them and tensor copies can bring the
// operands.
func (t *tiler) tileOf(c *tile.Contraction, d *kernel.Def) matrixTile {
	e, ok := d.Reduce.Axes[0].Extent.Const()
	if !t.m.WarpGroups || !ok || e < 1 || !boxes(&c.A, c.K, d) || !boxes(&c.B, c.K, d) {
		return mmaTile
	}
	for _, a := range d.Axes {
		if n, ok := a.Extent.Const(); a.Name == c.N && ok && n <= wgmmaNarrow.n {
			return wgmmaNarrow
		}
	}
	return wgmmaTile
}

// boxes reports whether an operand of d is an array of at most five dimensions, one for each index.
func boxes(f *tile.Factor, reduced string, d *kernel.Def) bool {
	rest := f.Linear
	for _, a := range d.AllAxes() {
		by, left, ok := rest.Linear(a.Name)
		if !ok {
			return false
		}
		for _, b := range d.AllAxes() {
			if by.Uses(b.Name) {
				return false
			}
		}
		rest = left
	}
	return rest.IsConst(0) && len(f.Batches(d)) <= 3
}

// matrix schedules a nest for the matrix unit, where its one reduction declares that order and the unit
// can take it; or for multiply-adds from shared memory, where it is one chain.
func (t *tiler) matrix(s *stage) bool {
	if !t.gpu() || len(s.reduces) != 1 {
		return false
	}
	d := s.reduces[0]
	c, err := tile.ContractionOf(t.k, d)
	if err != nil || d.DType != tensor.F32 {
		return false
	}
	var shape matrixTile
	switch {
	case d.Reduce.Order.Kind == kernel.Matrix && t.pitched(c.A) && t.pitched(c.B):
		shape = t.tileOf(c, d)
	case d.Reduce.Order.Kind == kernel.Chain && t.wideEnough(c, d):
		shape = fmaTile
	default:
		return false
	}
	ph := &tile.Phase{Unit: &tile.Unit{Name: shape.unit, M: tile.Split{Index: c.M, By: []int64{shape.warpM}},
		N: tile.Split{Index: c.N, By: []int64{shape.warpN}}, Stages: shape.stages}}
	for _, a := range s.axes {
		by := int64(1)
		switch a.Name {
		case c.M:
			by = shape.m
		case c.N:
			by = shape.n
		}
		ph.Grid = append(ph.Grid, tile.Split{Index: a.Name, By: []int64{by}})
	}
	stream := &tile.Loop{Kind: tile.Stream, Split: tile.Split{Index: c.K, By: []int64{shape.k}}, Body: []tile.Node{&tile.Step{Def: d.Name}}}
	ph.Body = append(t.prelude(s), &tile.Begin{Def: d.Name}, stream)
	for _, d := range s.stores {
		ph.Body = append(ph.Body, &tile.Store{Def: d.Name})
	}
	t.out.Phases = append(t.out.Phases, ph)
	return true
}

// pitched reports whether an operand's rows begin where the unit wants them.
func (t *tiler) pitched(f tile.Factor) bool {
	return f.Load.DType.Size() == 2 && tile.Pitched(f.Linear, t.m.Pitch/2)
}
