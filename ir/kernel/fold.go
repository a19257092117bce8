package kernel

import (
	"fmt"
	"math"

	"dlc/ir/tensor"
)

// A Fold is how a reduction joins scalars. That of Welford has its identity only, those of argsorts have nothing.
type Fold struct {
	Identity uint64
	Join     func(acc, v uint64) uint64
	Fused    bool // the terms are products, accumulated by FMA
	FMA      func(a, b, acc uint64) uint64
}

// Fused reports whether d is a sum of float products, which accumulates fma(a, b, acc).
func (d *Def) Fused() bool {
	call, ok := d.Expr.(*Call)
	return ok && d.Reduce != nil && d.Reduce.Op == Sum && call.Fn == "mul" && call.DType.IsFloat()
}

// IsMatrix reports whether d is a sum in f32 of products of which both factors are cast from
// 16-bit floats.
func (d *Def) IsMatrix() bool {
	if !d.Fused() || d.DType != tensor.F32 {
		return false
	}
	for _, a := range d.Expr.(*Call).Args {
		if c, ok := a.(*Call); !ok || c.Fn != "cast" || !c.Args[0].Type().IsHalf() {
			return false
		}
	}
	return true
}

// NewFold returns the fold of d's reduction.
func NewFold(d *Def) *Fold {
	t, op := d.DType, d.Reduce.Op
	if op == Welford || op.sorts() {
		return &Fold{Identity: op.Identity(t)}
	}
	f := &Fold{Identity: op.Identity(t), Fused: d.Fused(), Join: ScalarOf(op.Func(), t, t).Two}
	if f.Fused {
		f.FMA = ScalarOf("fma", t, t).Three
	}
	return f
}

// Func is the scalar function that joins two values.
func (op ReduceOp) Func() string {
	names := [...]string{Sum: "add", Prod: "mul", Min: "min", Max: "max", Any: "or", All: "and"}
	return names[op]
}

// Identity returns the scalar a reduction of type t begins with.
func (op ReduceOp) Identity(t tensor.DType) uint64 {
	bits := 8 * t.Size()
	switch {
	case op == Sum || op == Any || op == Welford || op.sorts():
		return 0
	case op == All:
		return 1
	case op == Prod && t.IsFloat():
		return floatBits(t, 1)
	case op == Prod:
		return 1
	case t.IsFloat() && op == Min:
		return floatBits(t, math.Inf(1))
	case t.IsFloat():
		return floatBits(t, math.Inf(-1))
	case op == Min && t.IsSigned():
		return math.MaxInt64 >> (64 - bits)
	case op == Min:
		return math.MaxUint64 >> (64 - bits)
	case op == Max && t.IsSigned():
		return Wrap(t, math.MinInt64>>(64-bits))
	case op == Max:
		return 0
	}
	panic(fmt.Sprintf("BUG: no reduction %d", op))
}

// Lanes returns the 64 accumulators of Lanes64 at the identity.
func (f *Fold) Lanes() []uint64 {
	lanes := make([]uint64, 64)
	for i := range lanes {
		lanes[i] = f.Identity
	}
	return lanes
}

// JoinLanes joins lane l with l+32, then l+16 ... l+1.
func (f *Fold) JoinLanes(lanes []uint64) uint64 {
	for w := 32; w > 0; w /= 2 {
		for l := range w {
			lanes[l] = f.Join(lanes[l], lanes[l+w])
		}
	}
	return lanes[0]
}

// JoinChunks joins neighbours level by level; an odd last one is carried up.
func (f *Fold) JoinChunks(chunks []uint64) uint64 {
	if len(chunks) == 0 {
		return f.Identity
	}
	for len(chunks) > 1 {
		next := chunks[:0]
		for i := 0; i+1 < len(chunks); i += 2 {
			next = append(next, f.Join(chunks[i], chunks[i+1]))
		}
		if len(chunks)%2 == 1 {
			next = append(next, chunks[len(chunks)-1])
		}
		chunks = next
	}
	return chunks[0]
}
