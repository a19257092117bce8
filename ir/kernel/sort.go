package kernel

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"dlc/ir/tensor"
)

// An argsort gives the positions of the terms in order. Its last kept axis is the rank, which
// stands in no term: element q is the position of the term that comes qth, ascending for ArgSort,
// descending for ArgSortDescending. Equal terms keep their order, zeros of both signs are equal,
// NaNs come last in both directions. Beyond the last term the position is the number of terms. The
// text gives the positions' type:
//
//	p[r:R, q:50] = argsort_descending.i64 j:C chain; x[r, j]

// Sorts reports whether d is an argsort.
func (d *Def) Sorts() bool { return d.Reduce != nil && d.Reduce.Op.sorts() }

func (op ReduceOp) sorts() bool { return op == ArgSort || op == ArgSortDescending }

// reduceWord is the text of d's reduction.
func (d *Def) reduceWord() string {
	if d.Sorts() {
		return d.Reduce.Op.String() + "." + d.DType.String()
	}
	return d.Reduce.Op.String()
}

// sortType reads the type behind an argsort's name.
func (p *parser) sortType(word string) tensor.DType {
	_, name, _ := strings.Cut(word, ".")
	t, err := tensor.ParseDType(name)
	if err != nil {
		p.failf("the type of positions expected behind %q, as in argsort.i64", word)
	}
	return t
}

func (v *verifier) sort(d *Def) error {
	switch {
	case d.DType != tensor.I32 && d.DType != tensor.I64:
		return fmt.Errorf("positions of type %s", d.DType)
	case d.Expr.Type().IsHalf():
		return fmt.Errorf("terms of %s: it is a type of memory only", d.Expr.Type())
	case len(d.Axes) == 0 || len(d.Reduce.Axes) != 1:
		return fmt.Errorf("an argsort has one reduced axis, and its last kept one is the rank")
	case len(d.Reduce.When)+len(d.Reduce.At) > 0:
		return fmt.Errorf("an argsort takes all terms")
	case d.Reduce.Order.Kind != Unordered && d.Reduce.Order.Kind != Chain:
		return fmt.Errorf("an argsort has the order chain, not %s", d.Reduce.Order)
	}
	if rank := d.Axes[len(d.Axes)-1]; Uses(d.Expr, rank.Name) {
		return fmt.Errorf("%s is the rank: a term cannot depend on it", rank.Name)
	}
	return nil
}

// SortKey maps a scalar of type t to an integer that orders as an argsort does, ascending.
func SortKey(t tensor.DType, v uint64, descending bool) uint64 {
	var key uint64
	switch {
	case t.IsFloat():
		bits := uint(8 * t.Size())
		f := math.Float64frombits(v)
		if t == tensor.F32 {
			f = float64(BitsF32(v))
		}
		switch sign := uint64(1) << (bits - 1); {
		case f != f:
			return math.MaxUint64
		case f == 0:
			key = sign
		case v&sign != 0:
			key = ^v & (sign<<1 - 1)
		default:
			key = v | sign
		}
	case t.IsSigned():
		key = v ^ 1<<63
	default:
		key = v
	}
	if descending {
		return ^key // never the greatest of floats: that is a NaN's
	}
	return key
}

// Positions returns the positions of keys ascending, equal ones as they stand, filled up to n.
func Positions(keys []uint64, n int) []int64 {
	at := make([]int64, len(keys))
	for i := range at {
		at[i] = int64(i)
	}
	slices.SortStableFunc(at, func(a, b int64) int {
		switch x, y := keys[a], keys[b]; {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	for len(at) < n {
		at = append(at, int64(len(keys)))
	}
	return at[:n]
}

// sort fills each row of x with the order of its terms.
func (r *run) sort(d *Def, x *tensor.Tensor) {
	at := r.bindAxes(d.Axes)
	dims := r.extents(d.Axes)
	last := len(dims) - 1
	inner := r.bindAxes(d.Reduce.Axes)
	terms := r.extents(d.Reduce.Axes)
	term := r.compile.Compile(ExpandFuncs(d.Expr))
	put, place := setter(x), 0
	walk(dims[:last], at[:last], func() {
		keys := make([]uint64, 0, terms[0])
		walk(terms, inner, func() {
			r.compile.Moved()
			keys = append(keys, SortKey(d.Expr.Type(), term(), d.Reduce.Op == ArgSortDescending))
		})
		for _, p := range Positions(keys, dims[last]) {
			put(place, uint64(p))
			place++
		}
	})
}
