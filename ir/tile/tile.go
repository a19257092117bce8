// Package tile owns level 2 of the kernel IR: how a kernel is computed on one described
// machine. A tile program is a schedule over the kernel's definitions: it says in which blocks
// the indices are walked and at which point each definition is begun, stepped and stored. What
// is computed, reduction order included, stays in the definitions; no schedule can change a bit.
package tile

import (
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// A Machine is what schedules and emitters need to know of a CPU or GPU. Known ones are values
// in codegen; nothing else depends on a name.
//
// A GPU's warp is a vector machine: a vector has a lane in each of its threads, and what is
// uniform every thread computes. Blocks of a grid go to warps.
type Machine struct {
	Name       string // avx2, avx512, sm_80
	Lanes      int    // f32 lanes of a vector register
	Registers  int    // vector registers
	Masks      bool   // has mask registers
	Dots       bool   // adds products of pairs of bf16 to f32, where that is faster than f32 or Tiles takes the rest
	Tiles      bool   // has a matrix unit that multiplies 16 rows of 32 bf16 by 32 rows of 16 (AMX)
	L1, L2     int64  // bytes of data cache per core
	L3         int64  // bytes of the cache that cores share; 0 for a GPU
	Warps      int    // GPU: warps of a block of threads; 0 for a CPU
	Panels     int64  // columns of the panels in which wide operands of contractions are packed; 0 where they serve as they lie
	Pitch      int64  // rows of a matrix unit's operands begin at multiples of so many bytes; 0 for any
	WarpGroups bool   // GPU: has matrix products by groups of warps and tensor copies
	Shared     int64  // GPU: bytes of shared memory that a block of threads may have
}

// A Program computes one kernel in one or more phases. Kernel is the scheduled kernel: its axes
// are named so that one name is one index, of one extent, in all definitions; where contiguous
// axes were collapsed, its buffers have the collapsed shape and the same name, order and memory
// as those of the kernel it came from.
type Program struct {
	Name    string
	Machine string
	Kernel  *kernel.Kernel
	Temps   []*kernel.Buffer // they live only while the program runs
	Phases  []*Phase         // all threads meet between two phases
}

// A Phase runs Body once per block of the grid. Blocks are numbered row-major, the first Split
// outermost; an empty grid is one block, an empty index none. Threads own static slices of the
// numbers; no two blocks write one element, and none reads what another writes in this phase.
// Where Back is set a thread takes its blocks from the last to the first: what an earlier kernel
// left in a cache at its end is used before it is thrown out. That is advice to the machine.
//
// At every node each index has a current sub-range: before the grid the whole extent 0..E; a
// grid split or a loop replaces the index's sub-range by a part of it. Vector is the index
// whose sub-range lies across vector lanes; "" where the code is scalar. A value that does not
// depend on Vector is uniform: one scalar per point of the others. Where Run is more than 1, a
// thread of a GPU's warp holds that many neighbours of Vector, in a register each.
type Phase struct {
	Seq    *Seq // nil where the phase runs once
	Grid   []Split
	Back   bool
	Vector string
	Run    int64
	Unit   *Unit // nil where warps compute by themselves
	Body   []Node
}

// A Split walks the current sub-range of an index, ascending: parts of length By[0] as long as
// a whole one fits into what is left, then parts of By[1], and so on (By descends). What is
// left at the end, shorter than the last By, is one more part, cut short; so only the last part
// can be short. In a grid By has one length.
//
// Where a definition is used, every index of it other than Vector must have a sub-range of
// constant length that cannot be short: an index with a symbol in its extent is walked by a By
// that ends in 1; a constant one by lengths that cover it exactly. A short part of Vector is
// done with masked lanes.
type Split struct {
	Index string
	By    []int64
}

// A Node is one step of a schedule.
//
// A definition is alive, in registers, from its Begin, Join or Let to the end of the node list
// where that stands (nested lists included), for the tile its axes have there: no node between
// may walk one of these axes. A Load of a definition, in an expression that a node evaluates,
// means the first of
//   - its stored value, when the phase has a Seq and the load reads another turn;
//   - its value in registers, when it is alive: the index is then the plain index of its axes;
//   - its stored value in the output or Temp of its name, when an earlier phase has a Store of
//     it: the index may be anything;
//   - its expression, evaluated at the index, when it is a map.
type Node interface{ node() }

// A Loop walks one index. Stream: ascending, accumulators stay alive across it. Each: the turns
// are independent, and nothing begun outside is stepped inside. Unroll repeats the code for
// every turn, with constant positions (the range has constant bounds). Peel lists ascending
// positions of the index at which the code is specialised so that conditions are decided when
// it is made: a turn belongs to the segment its first position lies in, and each segment has
// code of its own; with Peel {1, 27} and By {1}, the turn 0, the turns 1..27, those from 27 on.
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
// current tile of its axes; for Lanes64 64 lanes per point.
type Begin struct{ Def string }

// Step accumulates, for every point of the current tile of Def's axes, the terms at the current
// tile of the reduction's axes, row-major ascending, skipping those where a When fails. The
// streams around it, from Begin on, walk the reduction's axes in their order, so that over the
// whole nest the terms of a point come row-major ascending: an axis before a walked one has
// length 1. For Lanes64 the one reduction axis is Vector, walked by parts of which all but the
// last are multiples of 64: term j goes to lane j mod 64.
type Step struct{ Def string }

// End joins the lanes of a Lanes64 reduction, all 64 of them: lanes without a term hold the
// identity and are joined too (a sum's -0 becomes +0). The others need no End.
type End struct{ Def string }

// Spill stores the accumulators of one chunk of a Chunks reduction into Temp at [chunk numbers
// ..., axes ...]: the chunk numbers are the positions of the reduction's axes outside of
// Order.Axis (each of length 1 here) and, last, the first position of Order.Axis div By (its
// sub-range, where Begin stands, is one chunk). Axes inside are whole there. Temp has the
// extents of the chunk numbers, then those of the axes, row-major. For Welford it has two of
// these: the sums of squares, then the means.
type Spill struct{ Def, Temp string }

// Join makes Def alive with its value on the current tile of its axes: the chunks in Temp,
// numbered row-major, joined as neighbours level by level, an odd last one carried up; the
// identity where there is none. Every element of Temp is joined in one block of one phase, so
// joining may be done in Temp's memory: for d = 1, 2, 4 .. < n, chunk i takes chunk i+d, for i
// = 0, 2d, 4d ... as long as i+d < n.
type Join struct{ Def, Temp string }

// Let evaluates the map Def on the current tile and keeps it in registers.
type Let struct{ Def string }

// Store writes the value of Def on the current tile of its axes, as a Load of it at its plain
// index would mean it, to the output, or else the Temp, of that name.
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
