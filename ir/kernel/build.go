package kernel

import (
	"math"

	"dlc/ir/tensor"
)

// F returns a float literal, rounded to t.
func F(t tensor.DType, v float64) *Lit {
	if t == tensor.F32 {
		v = float64(float32(v))
	}
	return &Lit{DType: t, F: v}
}

// I returns an integer or bool literal.
func I(t tensor.DType, v int64) *Lit { return &Lit{DType: t, I: v} }

// Number returns v as a literal of t, whichever kind t is.
func Number(t tensor.DType, v float64) *Lit {
	if t.IsFloat() {
		return F(t, v)
	}
	return I(t, int64(math.Trunc(v)))
}

// At returns the index expression of an axis or symbol name.
func At(name string) *Index { return &Index{tensor.Sym(name)} }

// IndexOf wraps a Dim over index names and symbols.
func IndexOf(d tensor.Dim) *Index { return &Index{d} }

// Points returns the plain index of each axis: the identity access.
func Points(axes []Axis) []Expr {
	at := make([]Expr, len(axes))
	for i, a := range axes {
		at[i] = At(a.Name)
	}
	return at
}

// Apply calls a scalar function of which the result has the dtype of the first argument.
func Apply(fn string, args ...Expr) *Call { return &Call{fn, args[0].Type(), args} }

// Compare calls a function with a bool result.
func Compare(fn string, args ...Expr) *Call { return &Call{fn, tensor.Bool, args} }

// Select is c ? x : y.
func Select(c, x, y Expr) *Call { return &Call{"select", x.Type(), []Expr{c, x, y}} }

// Cast converts x to t; it returns x itself where nothing changes.
func Cast(t tensor.DType, x Expr) Expr {
	if x.Type() == t {
		return x
	}
	return &Call{"cast", t, []Expr{x}}
}
