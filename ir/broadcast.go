package ir

import (
	"fmt"

	"dlc/ir/tensor"
)

// Joint returns the shape that an operator gives to operands of these shapes. Rank 0 fits anything; at
// equal ranks dims are equal or one is the constant 1; at different ranks the smaller one's dims
// are exactly the trailing dims of the larger.
func Joint(a, b tensor.Shape) (tensor.Shape, error) {
	if len(a) == 0 {
		return b, nil
	}
	if len(b) == 0 {
		return a, nil
	}
	if len(a) < len(b) {
		a, b = b, a
	}
	out := append(tensor.Shape{}, a...)
	for i, d := range b {
		at := len(a) - len(b) + i
		switch {
		case d.Equal(a[at]) || len(a) == len(b) && d.IsConst(1):
		case len(a) == len(b) && a[at].IsConst(1):
			out[at] = d
		default:
			return nil, fmt.Errorf("[%s] and [%s] do not broadcast: %s beside %s", a, b, a[at], d)
		}
	}
	return out, nil
}

// Spread broadcasts v to a shape that Joint gave for it.
func (b *Builder) Spread(v *Value, to tensor.Shape) *Value {
	if v.Type.Shape.Equal(to) {
		return v
	}
	axes := make([]int, len(v.Type.Shape))
	for i := range axes {
		axes[i] = len(to) - len(axes) + i
	}
	return b.Add(Broadcast{Shape: to, Axes: axes}, v)
}
