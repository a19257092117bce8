// Package tile owns level 2 of the kernel IR: how a kernel is computed on one described
// machine. A tile program is a schedule over the kernel's definitions: it says in which blocks
// the indices are walked and at which point each definition is begun, stepped and stored. What
// is computed, reduction order included, stays in the definitions; no schedule can change a bit.
package tile

import (
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// A Machine is what schedules and emitters need to know of a CPU. Known ones are values in
// codegen; nothing else depends on a name.
type Machine struct {
	Name      string // avx2, avx512
	Lanes     int    // f32 lanes of a vector register
	Registers int    // vector registers
	Masks     bool   // has mask registers
	L1, L2    int64  // bytes of data cache per core
}

// A Program computes one kernel in one or more phases.
type Program struct {
	Name    string
	Machine string
	Kernel  *kernel.Kernel
	Temps   []*kernel.Buffer // partial results; they live only while the program runs
	Phases  []*Phase         // all threads meet between two phases
}

// A Phase runs Body once per block of the grid. Blocks are numbered row-major; threads own
// static slices of the numbers; no two blocks write one element.
type Phase struct {
	Grid   []Split
	Vector string // the index that runs across vector lanes
	Body   []Node
}

// A Split walks an index in sub-ranges of the range it has at this point: as many of By[0] as
// fit, then as many of By[1] as fit, and so on; the last sub-range may be cut short by the end
// (vector index: masked lanes; it must not happen to another index unless its By ends in 1). In
// a grid By has one length and the block's last sub-range may be cut short.
type Split struct {
	Index string
	By    []int64
}

// A Node is one step of a schedule. Values of definitions live in registers, in the block of
// nodes where Begin or Let stands, for the tile that the indices had there.
type Node interface{ node() }

// A Loop walks one index. Stream: ascending, accumulators stay alive across it. Each: the turns
// are independent. Unroll repeats the code (the range must be constant). Peel lists constant
// positions at which the code is specialised, so that conditions on the index are decided when
// the code is made: with Peel {1, 27} the turns below 1, in 1..27 and from 27 on each have code.
type Loop struct {
	Kind   LoopKind
	Split  Split
	Unroll bool
	Peel   []int64
	Body   []Node
}

// A LoopKind says what the order of a loop's turns means.
type LoopKind uint8

// The kinds of loops.
const (
	Stream LoopKind = iota
	Each
)

// Begin starts the accumulators of the reduction Def at its identity: one per point of the
// current tile of its axes, and for Lanes64 one per lane.
type Begin struct{ Def string }

// Step accumulates the terms at the current tile of the reduction's axes, in ascending order.
type Step struct{ Def string }

// End joins the lanes of a Lanes64 reduction; the others need none.
type End struct{ Def string }

// Spill stores the accumulators of one chunk into Temp, at [chunk numbers ..., axes ...].
type Spill struct{ Def, Temp string }

// Join loads the chunks of Def from Temp and joins them as Chunks says; then Def has its value
// on the current tile.
type Join struct{ Def, Temp string }

// Let evaluates the map Def on the current tile and keeps it.
type Let struct{ Def string }

// Store writes the value of Def on the current tile (kept, accumulated, or evaluated here) to
// the output buffer of that name.
type Store struct{ Def string }

func (*Loop) node()  {}
func (*Begin) node() {}
func (*Step) node()  {}
func (*End) node()   {}
func (*Spill) node() {}
func (*Join) node()  {}
func (*Let) node()   {}
func (*Store) node() {}

// Blocks returns the number of blocks of a phase's grid, a Dim over the model's symbols; extent
// gives an index's extent.
func (p *Phase) Blocks(extent func(index string) tensor.Dim) tensor.Dim {
	n := tensor.Int(1)
	for _, s := range p.Grid {
		n = n.Mul(extent(s.Index).CeilDiv(s.By[0]))
	}
	return n
}
