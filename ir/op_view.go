package ir

import (
	"fmt"
	"sort"

	"dlc/ir/tensor"
)

// Reshape keeps the row-major sequence of elements and gives it another shape of the same size.
type Reshape struct{ Shape tensor.Shape }

// Transpose makes dim Perm[i] of the operand dim i of the result.
type Transpose struct{ Perm []int }

// Broadcast repeats: dim i of the operand is dim Axes[i] of the result (ascending), equal to it or
// the constant 1, and the result is constant along its other dims.
type Broadcast struct {
	Shape tensor.Shape
	Axes  []int
}

// Slice takes the elements Lo, Lo+Step ... below Hi of each dim. Step is nil for steps of 1.
type Slice struct {
	Lo, Hi tensor.Shape
	Step   []int64
}

// Pad puts zeros around and between: element i of a dim comes to Lo + i*Step, Hi zeros follow the
// last, so a dim D becomes Lo + (D-1)*Step + 1 + Hi. Step is nil for steps of 1.
type Pad struct {
	Lo, Hi tensor.Shape
	Step   []int64
}

// Concat lays operands end to end along Axis.
type Concat struct{ Axis int }

// Reverse turns the elements along Axes around.
type Reverse struct{ Axes []int }

// Name is the op's mnemonic.
func (o Reshape) Name() string   { return "reshape" }
func (o Transpose) Name() string { return "transpose" }
func (o Broadcast) Name() string { return "broadcast" }
func (o Slice) Name() string     { return "slice" }
func (o Pad) Name() string       { return "pad" }
func (o Concat) Name() string    { return "concat" }
func (o Reverse) Name() string   { return "reverse" }

// Infer demands equal sizes.
func (o Reshape) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if a, b := in[0].Shape.Size(), o.Shape.Size(); !a.Equal(b) {
		return nil, fmt.Errorf("%s has %s elements, [%s] has %s", in[0], a, o.Shape, b)
	}
	return []tensor.Type{{DType: in[0].DType, Shape: o.Shape}}, nil
}

// Infer demands a permutation of the dims.
func (o Transpose) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if len(o.Perm) != len(in[0].Shape) {
		return nil, fmt.Errorf("%s needs %d axes, got %d", in[0], len(in[0].Shape), len(o.Perm))
	}
	if err := distinctAxes(o.Perm, len(in[0].Shape)); err != nil {
		return nil, err
	}
	out := make(tensor.Shape, len(o.Perm))
	for i, p := range o.Perm {
		out[i] = in[0].Shape[p]
	}
	return []tensor.Type{{DType: in[0].DType, Shape: out}}, nil
}

// Infer demands that each dim of the operand is 1 or the result's.
func (o Broadcast) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if len(o.Axes) != len(in[0].Shape) {
		return nil, fmt.Errorf("%s needs %d axes, got %d", in[0], len(in[0].Shape), len(o.Axes))
	}
	if err := distinctAxes(o.Axes, len(o.Shape)); err != nil {
		return nil, err
	}
	for i, a := range o.Axes {
		if i > 0 && o.Axes[i-1] > a {
			return nil, fmt.Errorf("axes must ascend")
		}
		if d := in[0].Shape[i]; !d.IsConst(1) && !d.Equal(o.Shape[a]) {
			return nil, fmt.Errorf("dim %d of %s does not stretch to %s", i, in[0], o.Shape[a])
		}
	}
	return []tensor.Type{{DType: in[0].DType, Shape: o.Shape}}, nil
}

// steps fills in Step where it is nil.
func steps(step []int64, rank int) []int64 {
	if step != nil {
		return step
	}
	step = make([]int64, rank)
	for i := range step {
		step[i] = 1
	}
	return step
}

func checkSteps(lo, hi tensor.Shape, step []int64, t tensor.Type) error {
	rank := len(t.Shape)
	if len(lo) != rank || len(hi) != rank || step != nil && len(step) != rank {
		return fmt.Errorf("%s needs %d bounds and steps", t, rank)
	}
	for i, s := range steps(step, rank) {
		if s < 1 {
			return fmt.Errorf("step %d of dim %d is not positive", s, i)
		}
		if negative(lo[i]) {
			return fmt.Errorf("dim %d begins at %s, below 0", i, lo[i])
		}
	}
	return nil
}

// Infer gives (hi - lo + step - 1) div step for each dim.
func (o Slice) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if err := checkSteps(o.Lo, o.Hi, o.Step, in[0]); err != nil {
		return nil, err
	}
	out := make(tensor.Shape, len(o.Lo))
	for i, s := range steps(o.Step, len(o.Lo)) {
		out[i] = o.Hi[i].Sub(o.Lo[i]).CeilDiv(s)
		if negative(out[i]) || negative(in[0].Shape[i].Sub(o.Hi[i])) {
			return nil, fmt.Errorf("%s..%s is not inside dim %d of %s", o.Lo[i], o.Hi[i], i, in[0])
		}
	}
	return []tensor.Type{{DType: in[0].DType, Shape: out}}, nil
}

// Infer gives lo + (D-1)*step + 1 + hi for each dim.
func (o Pad) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if err := checkSteps(o.Lo, o.Hi, o.Step, in[0]); err != nil {
		return nil, err
	}
	out := make(tensor.Shape, len(o.Lo))
	for i, s := range steps(o.Step, len(o.Lo)) {
		if negative(o.Hi[i]) {
			return nil, fmt.Errorf("dim %d ends with %s zeros", i, o.Hi[i])
		}
		out[i] = o.Lo[i].Add(in[0].Shape[i].AddInt(-1).Scale(s)).AddInt(1).Add(o.Hi[i])
		if negative(out[i]) {
			return nil, fmt.Errorf("dim %d of %s becomes negative", i, in[0])
		}
	}
	return []tensor.Type{{DType: in[0].DType, Shape: out}}, nil
}

// Infer adds the dims along the axis; all others must be equal.
func (o Concat) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if len(in) == 0 {
		return nil, fmt.Errorf("needs an operand")
	}
	rank := len(in[0].Shape)
	if err := axisIn(o.Axis, rank); err != nil {
		return nil, err
	}
	out := append(tensor.Shape{}, in[0].Shape...)
	for _, t := range in[1:] {
		if t.DType != in[0].DType || len(t.Shape) != rank {
			return nil, fmt.Errorf("operands must have one dtype and rank, not %s and %s", in[0], t)
		}
		for i, d := range t.Shape {
			if i == o.Axis {
				out[i] = out[i].Add(d)
			} else if !d.Equal(out[i]) {
				return nil, fmt.Errorf("operands must agree except along axis %d: dim %d is %s in %s and %s in %s", o.Axis, i, out[i], in[0], d, t)
			}
		}
	}
	return []tensor.Type{{DType: in[0].DType, Shape: out}}, nil
}

// Infer keeps the type.
func (o Reverse) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	return in, distinctAxes(o.Axes, len(in[0].Shape))
}

// Eval keeps the bytes.
func (o Reshape) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	y := blank(out[0])
	copy(y.Data, in[0].Data)
	return []*tensor.Tensor{y}
}

// gather makes a tensor whose element at each index is x's at the index that from writes.
func gather(x *tensor.Tensor, t tensor.Type, from func(at, source []int)) []*tensor.Tensor {
	y, i := blank(t), 0
	source := make([]int, len(x.Dims))
	each(y.Dims, func(at []int) {
		from(at, source)
		copyElement(y, i, x, place(x.Dims, source))
		i++
	})
	return []*tensor.Tensor{y}
}

// Eval permutes.
func (o Transpose) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	return gather(in[0], out[0], func(at, source []int) {
		for i, p := range o.Perm {
			source[p] = at[i]
		}
	})
}

// Eval repeats.
func (o Broadcast) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	return gather(in[0], out[0], func(at, source []int) {
		for i, a := range o.Axes {
			source[i] = min(at[a], in[0].Dims[i]-1)
		}
	})
}

// ints returns the values of constant dims.
func ints(s tensor.Shape) []int {
	v, ok := s.Bind(nil)
	if !ok {
		panic("BUG: no values for [" + s.String() + "]")
	}
	return v
}

// Eval takes the elements.
func (o Slice) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	lo, step := ints(o.Lo), steps(o.Step, len(o.Lo))
	return gather(in[0], out[0], func(at, source []int) {
		for i := range source {
			source[i] = lo[i] + at[i]*int(step[i])
		}
	})
}

// Eval puts the elements among zeros.
func (o Pad) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	x, y := in[0], blank(out[0])
	lo, step := ints(o.Lo), steps(o.Step, len(o.Lo))
	target, i := make([]int, len(lo)), 0
	each(x.Dims, func(at []int) {
		for k := range target {
			target[k] = lo[k] + at[k]*int(step[k])
		}
		copyElement(y, place(y.Dims, target), x, i)
		i++
	})
	return []*tensor.Tensor{y}
}

// Eval copies one operand after the other.
func (o Concat) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	y, start := blank(out[0]), 0
	for _, x := range in {
		i := 0
		each(x.Dims, func(at []int) {
			target := append([]int{}, at...)
			target[o.Axis] += start
			copyElement(y, place(y.Dims, target), x, i)
			i++
		})
		start += x.Dims[o.Axis]
	}
	return []*tensor.Tensor{y}
}

// Eval turns around.
func (o Reverse) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	return gather(in[0], out[0], func(at, source []int) {
		copy(source, at)
		for _, a := range o.Axes {
			source[a] = in[0].Dims[a] - 1 - at[a]
		}
	})
}

// Grad is the opposite view.
func (o Reshape) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	return one(dy, func(g *Value) *Value { return b.Add(Reshape{n.In[0].Type.Shape}, g) })
}

// one is the gradient of a single operand: none where none arrives or the values are no floats.
func one(dy []*Value, f func(g *Value) *Value) []*Value {
	if dy[0] == nil || !dy[0].Type.DType.IsFloat() {
		return []*Value{nil}
	}
	return []*Value{f(dy[0])}
}

// Grad permutes back.
func (o Transpose) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	back := make([]int, len(o.Perm))
	for i, p := range o.Perm {
		back[p] = i
	}
	return one(dy, func(g *Value) *Value { return b.Add(Transpose{back}, g) })
}

// Grad sums along what was repeated.
func (o Broadcast) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	from := n.In[0].Type.Shape
	var repeated []int
	for a := range o.Shape {
		if !contains(o.Axes, a) {
			repeated = append(repeated, a)
		}
	}
	for i, a := range o.Axes {
		if from[i].IsConst(1) && !o.Shape[a].IsConst(1) {
			repeated = append(repeated, a)
		}
	}
	sort.Ints(repeated)
	return one(dy, func(g *Value) *Value {
		if len(repeated) > 0 {
			g = b.Add(Reduce{"sum", repeated}, g)
		}
		if !g.Type.Shape.Equal(from) {
			g = b.Add(Reshape{from}, g)
		}
		return g
	})
}

// Grad pads with what the slice left out.
func (o Slice) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	rest := make(tensor.Shape, len(o.Lo))
	for i, s := range steps(o.Step, len(o.Lo)) {
		end := o.Lo[i].Add(n.Out[0].Type.Shape[i].AddInt(-1).Scale(s)).AddInt(1)
		rest[i] = n.In[0].Type.Shape[i].Sub(end)
	}
	return one(dy, func(g *Value) *Value { return b.Add(Pad{o.Lo, rest, o.Step}, g) })
}

// Grad takes the elements back.
func (o Pad) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	hi := make(tensor.Shape, len(o.Lo))
	for i := range hi {
		hi[i] = n.Out[0].Type.Shape[i].Sub(o.Hi[i])
	}
	return one(dy, func(g *Value) *Value { return b.Add(Slice{o.Lo, hi, o.Step}, g) })
}

// Grad cuts dy.
func (o Concat) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	out := make([]*Value, len(n.In))
	if dy[0] == nil || !dy[0].Type.DType.IsFloat() {
		return out
	}
	start := tensor.Dim{}
	for k, x := range n.In {
		lo := make(tensor.Shape, len(x.Type.Shape))
		hi := append(tensor.Shape{}, x.Type.Shape...)
		lo[o.Axis], hi[o.Axis] = start, start.Add(hi[o.Axis])
		start = hi[o.Axis]
		out[k] = b.Add(Slice{Lo: lo, Hi: hi}, dy[0])
	}
	return out
}

// Grad turns back.
func (o Reverse) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	return one(dy, func(g *Value) *Value { return b.Add(o, g) })
}
