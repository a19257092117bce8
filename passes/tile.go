package passes

import (
	"fmt"
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// Tile schedules a kernel for a machine. No choice made here can change a bit of the result.
//
// The kernel is copied and tidied first: axes that stand for one index get one name, reduction
// axes of extent 1 go, contiguous axes are collapsed. Then the definitions are cut into stages,
// one after the other, each of one shape (tile_stages.go):
//
//	points   maps over the same axes                                    tile_points.go
//	nest     reductions in chains or chunks, and maps over their axes   tile_nest.go
//	rows     Lanes64 reductions over one axis, and maps over the rest   tile_rows.go
//	weights  a running maximum and sums with axes of their own          tile_weights.go
//	scatter  one reduction whose terms go to matched places              tile_scatter.go
//	sort     one argsort                                                 tile_sort.go
//
// A value that a later stage needs is stored in an output or a Temp between the stages.
//
// Formulas. A nest's register tile is rows x vectors with rows*vectors*accumulators + vectors + 1
// <= registers - 1, chosen for the fewest cycles: a tile's turn takes max(multiply-adds / 2,
// loads / 2, 5) cycles (two ports of each kind, latency 4 and a little). A block of a nest has 2^15 to 2^21
// terms where extents allow; a block of maps 2^16 operations, 1024 to 16384 points; of rows 8192
// elements. What is smaller is one block.
func Tile(k *kernel.Kernel, m *tile.Machine) (*tile.Program, error) {
	t := &tiler{m: m, k: tidy(k)}
	t.out = &tile.Program{Name: k.Name, Machine: m.Name, Kernel: t.k}
	t.stages()
	for _, s := range t.list {
		first := len(t.out.Phases)
		switch s.kind {
		case pointStage:
			t.points(s)
		case nestStage:
			t.nest(s)
		case rowStage:
			t.rows(s)
		case scatterStage:
			t.scatter(s)
		case weightStage:
			t.weights(s)
		case sortStage:
			t.sort(s)
		}
		t.turned(s, first)
	}
	if err := tile.Verify(t.out); err != nil {
		return nil, fmt.Errorf("schedule kernel %s for %s: %w", k.Name, m.Name, err)
	}
	return t.out, nil
}

// A tiler makes one tile program.
type tiler struct {
	m    *tile.Machine
	k    *kernel.Kernel // its own copy
	out  *tile.Program
	list []*stage
	// inBlocks are the reductions that are computed where a running maximum and its sums read them.
	inBlocks map[string]bool
	crossing *crossing // of two families that read the same scores; nil for none
}

// tidy returns a copy of k in the form that stages want.
func tidy(k *kernel.Kernel) *kernel.Kernel {
	c := &kernel.Kernel{Name: k.Name, Ins: slices.Clone(k.Ins), Outs: slices.Clone(k.Outs), Spans: k.Spans}
	for _, d := range k.Defs {
		c.Defs = append(c.Defs, d.Clone())
	}
	dropUnits(c)
	for _, d := range c.Defs {
		if d.Reduce != nil {
			oneChunk(d)
		}
	}
	unifyNames(c)
	collapse(c)
	shareWeights(c)
	return c
}

// oneChunk turns an order of exactly one chunk into the chain that it is.
func oneChunk(d *kernel.Def) {
	if d.Reduce.Order.Kind != kernel.Chunks {
		return
	}
	for _, a := range d.Reduce.Axes {
		e, ok := a.Extent.Const()
		if a.Name == d.Reduce.Order.Axis {
			if ok && e > 0 && e <= d.Reduce.Order.By {
				d.Reduce.Order = kernel.Order{Kind: kernel.Chain}
			}
			return
		}
		if !ok || e != 1 {
			return
		}
	}
}

// readsPlainly reports whether l reads d at the plain index of d's axes, as named.
func readsPlainly(l *kernel.Load, d *kernel.Def) bool {
	if len(l.At) != len(d.Axes) {
		return false
	}
	for i, a := range d.Axes {
		if x, ok := l.At[i].(*kernel.Index); !ok || !x.Dim.Equal(tensor.Sym(a.Name)) {
			return false
		}
	}
	return true
}

// symName returns the name when d is a single symbol.
func symName(d tensor.Dim) (string, bool) {
	set := map[string]bool{}
	d.Symbols(set)
	if len(set) != 1 {
		return "", false
	}
	for s := range set {
		return s, d.Equal(tensor.Sym(s))
	}
	return "", false
}

func axisNamed(axes []kernel.Axis, name string) int {
	for i, a := range axes {
		if a.Name == name {
			return i
		}
	}
	return -1
}

// sameAxes reports whether a and b hold the same names, in any order.
func sameAxes(a, b []kernel.Axis) bool {
	if len(a) != len(b) {
		return false
	}
	for _, x := range a {
		if axisNamed(b, x.Name) < 0 {
			return false
		}
	}
	return true
}

// extentOf returns an axis's constant extent, or otherwise the guess.
func extentOf(a kernel.Axis, guess int64) int64 {
	if e, ok := a.Extent.Const(); ok {
		return e
	}
	return guess
}
