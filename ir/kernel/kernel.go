// Package kernel owns level 1 of the kernel IR: what is computed, as definitions over named
// indices, without loops, threads, vectors or addresses. It knows nothing of graphs, machines
// or targets. The text of a kernel is its meaning: Parse and String are inverse, and Interp
// computes exactly what the text says, reduction order included.
package kernel

import (
	"math"

	"dlc/ir/tensor"
	"dlc/lang/diag"
)

// A Program is kernels in order over named buffers, some of them in regions that run if or as
// long as a condition holds.
type Program struct {
	Name    string
	Buffers []*Buffer
	Kernels []*Kernel
}

// A Role says who owns a buffer's memory.
type Role uint8

// Temp lives in the arena; Input and Output belong to the caller; Weight outlives the call and
// is written only by a buffer of role Update; Const is stored with the code.
const (
	Temp Role = iota
	Input
	Output
	Weight
	Update
	Const
)

// A Buffer is one tensor of a program.
type Buffer struct {
	Name  string
	Type  tensor.Type
	Role  Role
	Of    string         // Update: the Weight that takes this value when the call ends; Output: its public name where Name is another
	Value *tensor.Tensor // Const: its value
	// Layout is nil for row-major storage. Else it lists the stored axes, outermost first, as Dims
	// over the axis symbols $0, $1 ...: a 16-wide panel of [K, C] is {$1 div 16, $0, $1 % 16}.
	Layout *Layout
	// Indexes says that the values are indices at which another buffer is read; NoIndex stands
	// where nothing is read. Only a build that is checked has such buffers.
	Indexes *Indexed
}

// An Indexed is an axis of a buffer, which holds the indices from 0 to its extent.
type Indexed struct {
	Buffer string
	Axis   int
}

// NoIndex stands for an index where no read takes place.
const NoIndex = math.MinInt64

// A Layout maps a logical index to a stored one. Loads and stores stay logical; only address
// computation (and packing) sees it. Stored elements that no logical index reaches are zero.
type Layout struct {
	Name string       // panel16
	At   []tensor.Dim // stored index from $0, $1 ...
	Dims tensor.Shape // stored extents
}

// A Kernel is a list of definitions. Definitions named like a buffer of Outs are its results;
// the others are local to it.
type Kernel struct {
	Name  string
	Ins   []*Buffer // in order of first use
	Outs  []*Buffer
	Defs  []*Def
	Spans []diag.Span
	In    *Region // that it stands in; nil: in none
}

// An Axis is a named index running over 0..Extent.
type Axis struct {
	Name   string
	Extent tensor.Dim
}

// A Def defines Name at every point of Axes: by Expr alone (a map), or by reducing Expr over
// the Reduce's axes; with a Scan, from what it and its neighbours are one turn earlier.
type Def struct {
	Name   string
	DType  tensor.DType
	Axes   []Axis
	Reduce *Reduce // nil for a map
	Scan   *Scan   // nil outside of recurrences
	Expr   Expr
	Span   diag.Span
}

// A Reduce folds Expr over Axes (row-major, ascending, as Order says) where all of When hold;
// other terms are skipped, not added.
type Reduce struct {
	Op    ReduceOp
	Axes  []Axis
	When  []Cond
	At    []Match // positions of kept axes that terms are sent to; see scatter.go
	Order Order
}

// A ReduceOp is what joins the terms. Min and Max are IEEE minimum and maximum.
type ReduceOp uint8

// The reductions. A Sum whose Expr is a product a*b accumulates fma(a, b, acc). Welford is the
// sum of the squared distances of the terms from their mean; see welford.go. The argsorts are the
// positions of the terms in order; see sort.go.
const (
	Sum ReduceOp = iota
	Prod
	Min
	Max
	Any
	All
	Welford
	ArgSort
	ArgSortDescending
)

// An OrderKind is how the terms of a reduction are grouped.
type OrderKind uint8

// Unordered stands only before the order pass. Chain: one ascending chain from the identity.
// Lanes64: flattened term j goes to lane j mod 64, then lane l takes l+32, l+16 ... l+1.
// Chunks: each chunk is a chain, chunks join as neighbours level by level, an odd last one
// carried up. A chunk is By steps of the axis Axis with all axes inside it; every step of an
// axis outside it begins new chunks; chunks are numbered row-major. Rescale: blocks of
// RescaleBlock terms along the one axis; a max in this order is the running maximum With of sums
// in this order, whose accumulators are always relative to it (see Running). Matrix: sums in f32 of
// products of 16-bit floats, grouped as the target's matrix unit does; here one ascending chain.
const (
	Unordered OrderKind = iota
	Chain
	Lanes64
	Chunks
	Rescale
	Matrix
)

// An Order is part of a reduction's meaning, fixed once from shapes alone.
type Order struct {
	Kind OrderKind
	Axis string // Chunks
	By   int64  // Chunks
	With string // Rescale: the definition that is the maximum; "" for that maximum itself
}

// A Cond holds where 0 <= Index < Extent. `e % k == 0` is Cond{e % k, 1}.
type Cond struct {
	Index, Extent tensor.Dim
}

// An Expr is a scalar at one point of the indices.
type Expr interface {
	// Type is the dtype of the value.
	Type() tensor.DType
	expr()
}

// A Lit is a constant: F for float types, I for the others.
type Lit struct {
	DType tensor.DType
	F     float64 // already rounded to DType
	I     int64
}

// An Index is the value of an index expression, of type i64, over index names and symbols.
type Index struct{ Dim tensor.Dim }

// A Load reads a buffer, or a definition above, at an index: an Index each, or any integer
// expression (a gather: outside the extent it reads 0).
type Load struct {
	Name  string
	DType tensor.DType
	At    []Expr
}

// A Call applies a scalar function (see funcs.go) to arguments. Casts are the function `cast`.
type Call struct {
	Fn    string
	DType tensor.DType // of the result
	Args  []Expr
}

// A Guard is Expr where all Conds hold, else 0; loads inside are not performed elsewhere.
type Guard struct {
	Conds []Cond
	Expr  Expr
}

// A Random draws 32 random bits (u32) by Philox 4x32-10: key from Seed (u64) and Site, counter
// from Step (i64), Row and Column. Column c uses word c mod 4 of counter block c div 4.
type Random struct {
	Seed, Step  Expr
	Site        uint64
	Row, Column Expr // i64
}

func (*Lit) expr()    {}
func (*Index) expr()  {}
func (*Load) expr()   {}
func (*Call) expr()   {}
func (*Guard) expr()  {}
func (*Random) expr() {}

// Type returns the literal's dtype.
func (e *Lit) Type() tensor.DType { return e.DType }

// Type is i64.
func (e *Index) Type() tensor.DType { return tensor.I64 }

// Type returns the element type read.
func (e *Load) Type() tensor.DType { return e.DType }

// Type returns the result's dtype.
func (e *Call) Type() tensor.DType { return e.DType }

// Type returns the guarded expression's dtype.
func (e *Guard) Type() tensor.DType { return e.Expr.Type() }

// Type is u32.
func (e *Random) Type() tensor.DType { return tensor.U32 }
