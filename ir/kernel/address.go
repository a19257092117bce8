package kernel

import (
	"strconv"

	"dlc/ir/tensor"
)

// Address returns the place of b's element at a logical index, in elements from b's start: a
// polynomial in the index names, row-major over the stored extents. ok is false where an index
// is not an Index, which needs the emitter's arithmetic.
func Address(b *Buffer, at []Expr) (place tensor.Dim, ok bool) {
	dims := make([]tensor.Dim, len(at))
	for i, e := range at {
		ix, affine := e.(*Index)
		if !affine {
			return tensor.Dim{}, false
		}
		dims[i] = ix.Dim
	}
	return AddressOf(b, dims), true
}

// AddressOf is Address of plain index expressions.
func AddressOf(b *Buffer, at []tensor.Dim) tensor.Dim {
	stored, extents := at, b.Type.Shape
	if b.Layout != nil {
		by := map[string]tensor.Dim{}
		for i, d := range at {
			by["$"+strconv.Itoa(i)] = d
		}
		stored, extents = make([]tensor.Dim, len(b.Layout.At)), b.Layout.Dims
		for i, d := range b.Layout.At {
			stored[i] = d.Subst(by)
		}
	}
	place := tensor.Dim{}
	for i, d := range stored {
		place = place.Mul(extents[i]).Add(d)
	}
	return place
}

// StoredShape returns the extents of b's storage.
func (b *Buffer) StoredShape() tensor.Shape {
	if b.Layout != nil {
		return b.Layout.Dims
	}
	return b.Type.Shape
}

// A Contraction classifies the axes of a sum of a product of two loads: Batch are in both
// factors and the result, M in the left and the result, N in the right and the result. K are
// all reduced axes, of which some only one factor reads. Free axes are in the result only.
type Contraction struct {
	Left, Right         *Load
	Batch, M, N, K      []Axis
	Free                []Axis
	LeftOnly, RightOnly []Axis // reduced axes that only one factor reads
}

// Classify reports whether d is a contraction: a sum, over at least one axis, of the product of
// two loads of floats, bare or guarded; and which axis plays which part.
func Classify(d *Def) (Contraction, bool) {
	if !d.Fused() || len(d.Reduce.Axes) == 0 {
		return Contraction{}, false
	}
	call := d.Expr.(*Call)
	left, lok := factor(call.Args[0])
	right, rok := factor(call.Args[1])
	if !lok || !rok {
		return Contraction{}, false
	}
	c := Contraction{Left: left, Right: right}
	inLeft, inRight := names(call.Args[0]), names(call.Args[1])
	for _, a := range d.Axes {
		switch l, r := inLeft[a.Name], inRight[a.Name]; {
		case l && r:
			c.Batch = append(c.Batch, a)
		case l:
			c.M = append(c.M, a)
		case r:
			c.N = append(c.N, a)
		default:
			c.Free = append(c.Free, a)
		}
	}
	for _, a := range d.Reduce.Axes {
		c.K = append(c.K, a)
		switch l, r := inLeft[a.Name], inRight[a.Name]; {
		case l && !r:
			c.LeftOnly = append(c.LeftOnly, a)
		case r && !l:
			c.RightOnly = append(c.RightOnly, a)
		}
	}
	return c, true
}

// factor returns the load that e is, through the cast from a 16-bit float and a guard.
func factor(e Expr) (*Load, bool) {
	e = Widened(e)
	if g, ok := e.(*Guard); ok {
		e = g.Expr
	}
	l, ok := e.(*Load)
	return l, ok
}

// Widened returns what e casts from a 16-bit float, or else e.
func Widened(e Expr) Expr {
	if c, ok := e.(*Call); ok && c.Fn == "cast" && c.Args[0].Type().IsHalf() {
		return c.Args[0]
	}
	return e
}

// names returns the index names and symbols in e.
func names(e Expr) map[string]bool {
	set := map[string]bool{}
	Walk(e, func(e Expr) bool {
		switch e := e.(type) {
		case *Index:
			e.Dim.Symbols(set)
		case *Guard:
			for _, c := range e.Conds {
				c.Index.Symbols(set)
			}
		}
		return true
	})
	return set
}
