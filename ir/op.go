package ir

import (
	"fmt"

	"dlc/ir/tensor"
)

// Ops returns one zero value of every op: what Parse knows and what tests cover.
func Ops() []Op {
	return []Op{
		Again{}, ArgMax{}, ArgMin{}, ArgSort{}, Bitcast{}, Broadcast{}, Cast{}, Compare{}, Concat{}, Const{}, Conv{}, ConvData{}, ConvFilter{}, Cumulate{}, Custom{},
		Einsum{}, Full{}, Gather{}, Gradient{}, If{}, Iota{}, Logic{}, Map{}, MaxPool{}, MaxPoolGrad{}, MaxPoolPick{}, Pad{}, Pick{}, Random{}, Recompute{}, Recur{}, Reduce{},
		Reshape{}, Reverse{}, Scan{}, Scatter{}, ScatterAdd{}, Select{}, Size{}, Slice{}, StopGradient{}, SumPool{}, SumPoolGrad{},
		Take{}, Test{}, Transpose{}, Unary{}, While{}, Binary{},
	}
}

func arity(in []tensor.Type, want int) error {
	if len(in) != want {
		return fmt.Errorf("takes %d operands, got %d", want, len(in))
	}
	return nil
}

// sameShape says which dims of two operands that must agree differ.
func sameShape(a, b tensor.Type) error {
	if len(a.Shape) != len(b.Shape) {
		return fmt.Errorf("operands must have one shape, not %s and %s", a, b)
	}
	for i := range a.Shape {
		if !a.Shape[i].Equal(b.Shape[i]) {
			return fmt.Errorf("operands must have one shape: dim %d is %s in %s and %s in %s", i, a.Shape[i], a, b.Shape[i], b)
		}
	}
	return nil
}

func sameType(a, b tensor.Type) error {
	if a.DType != b.DType {
		return fmt.Errorf("operands must have one dtype, not %s and %s", a.DType, b.DType)
	}
	return sameShape(a, b)
}

func isNumber(t tensor.DType) bool { return t.IsFloat() || t.IsInt() }

// axisIn checks that an axis attribute names a dim.
func axisIn(axis, rank int) error {
	if axis < 0 || axis >= rank {
		return fmt.Errorf("axis %d is not in 0..%d", axis, rank)
	}
	return nil
}

// distinctAxes checks a list of axes.
func distinctAxes(axes []int, rank int) error {
	seen := make([]bool, rank)
	for _, a := range axes {
		if err := axisIn(a, rank); err != nil {
			return err
		}
		if seen[a] {
			return fmt.Errorf("axis %d is named twice", a)
		}
		seen[a] = true
	}
	return nil
}

// without returns the shape less the marked axes.
func without(s tensor.Shape, axes ...int) tensor.Shape {
	out := tensor.Shape{}
	for i, d := range s {
		if !contains(axes, i) {
			out = append(out, d)
		}
	}
	return out
}

func contains(axes []int, axis int) bool {
	for _, a := range axes {
		if a == axis {
			return true
		}
	}
	return false
}

// negative reports whether d is below zero whatever its symbols are.
func negative(d tensor.Dim) bool {
	r := d.Bounds(nil)
	return !r.OpenHi && r.Hi < 0
}
