package ir

import (
	"fmt"
	"math"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// Unary applies a scalar function that keeps the dtype: neg abs sign on numbers, those of
// FloatFunctions on floats (round goes half to even), not on integers (bits).
type Unary struct{ Fn string }

// Binary combines two operands of one type: add sub mul min max, rem and idiv (floored)
// on numbers, div pow atan2 on floats, and or xor shl shr on integers.
type Binary struct{ Fn string }

// Compare gives bool: eq ne lt le gt ge. A NaN is unequal to everything.
type Compare struct{ Fn string }

// Logic combines bools: and or xor take two operands, not takes one.
type Logic struct{ Fn string }

// Test gives bool: is_nan or is_inf of a float operand.
type Test struct{ Fn string }

// Select is c ? x : y, element by element.
type Select struct{}

// Cast converts. To an integer floats truncate and saturate, NaN gives 0; bool is x != 0.
type Cast struct{ To tensor.DType }

// Bitcast reads the bits of each element as another type of the same size; bool has no bits.
type Bitcast struct{ To tensor.DType }

// Name is the function.
func (o Unary) Name() string   { return "unary" }
func (o Binary) Name() string  { return "binary" }
func (o Compare) Name() string { return "compare" }
func (o Logic) Name() string   { return "logic" }
func (o Test) Name() string    { return "test" }
func (o Select) Name() string  { return "select" }
func (o Cast) Name() string    { return "cast" }
func (o Bitcast) Name() string { return "bitcast" }

// Infer keeps the type.
func (o Unary) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if err := known(o, "function %q of one operand"); err != nil {
		return nil, err
	}
	t := in[0].DType
	ok := t.IsFloat()
	switch o.Fn {
	case "neg", "abs", "sign":
		ok = isNumber(t)
	case "not":
		ok = t.IsInt()
	}
	if !ok {
		return nil, fmt.Errorf("%s does not take %s", o.Fn, t)
	}
	return in, nil
}

// Infer demands two operands of one type.
func (o Binary) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	if err := sameType(in[0], in[1]); err != nil {
		return nil, err
	}
	if err := known(o, "function %q of two operands"); err != nil {
		return nil, err
	}
	t := in[0].DType
	ok := isNumber(t)
	switch o.Fn {
	case "div", "pow", "atan2":
		ok = t.IsFloat()
	case "and", "or", "xor", "shl", "shr":
		ok = t.IsInt()
	}
	if !ok {
		return nil, fmt.Errorf("%s does not take %s", o.Fn, t)
	}
	return in[:1], nil
}

// Infer demands two operands of one type; bools have only eq and ne.
func (o Compare) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	if err := sameType(in[0], in[1]); err != nil {
		return nil, err
	}
	if err := known(o, "comparison %q"); err != nil {
		return nil, err
	}
	if in[0].DType == tensor.Bool && o.Fn != "eq" && o.Fn != "ne" {
		return nil, fmt.Errorf("bools have no order")
	}
	return []tensor.Type{{DType: tensor.Bool, Shape: in[0].Shape}}, nil
}

// Infer demands bools of one shape.
func (o Logic) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := known(o, "logical function %q"); err != nil {
		return nil, err
	}
	want := 2
	if o.Fn == "not" {
		want = 1
	}
	if err := arity(in, want); err != nil {
		return nil, err
	}
	for _, t := range in {
		if t.DType != tensor.Bool {
			return nil, fmt.Errorf("%s takes bools, not %s", o.Fn, t.DType)
		}
	}
	return in[:1], sameShape(in[0], in[want-1])
}

// Infer demands a float.
func (o Test) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if err := known(o, "test %q"); err != nil {
		return nil, err
	}
	if !in[0].DType.IsFloat() {
		return nil, fmt.Errorf("%s takes a float, not %s", o.Fn, in[0].DType)
	}
	return []tensor.Type{{DType: tensor.Bool, Shape: in[0].Shape}}, nil
}

// Infer demands a bool condition and two operands of one type, all of one shape.
func (o Select) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 3); err != nil {
		return nil, err
	}
	if in[0].DType != tensor.Bool {
		return nil, fmt.Errorf("the condition must be bool, not %s", in[0].DType)
	}
	if err := sameType(in[1], in[2]); err != nil {
		return nil, err
	}
	return in[1:2], sameShape(in[0], in[1])
}

// Infer keeps the shape.
func (o Cast) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if o.To == tensor.Invalid {
		return nil, fmt.Errorf("no dtype to cast to")
	}
	return []tensor.Type{{DType: o.To, Shape: in[0].Shape}}, nil
}

// Infer keeps the shape and demands the size of the dtype.
func (o Bitcast) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	if from := in[0].DType; !isNumber(from) || !isNumber(o.To) || from.Size() != o.To.Size() {
		return nil, fmt.Errorf("the bits of %s are none of %s", from, o.To)
	}
	return []tensor.Type{{DType: o.To, Shape: in[0].Shape}}, nil
}

// Eval applies the function to each element.
func (o Unary) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	x, y := in[0], blank(out[0])
	for i := range y.Len() {
		if x.DType.IsFloat() {
			y.SetFloat(i, UnaryFloat(o.Fn, x.Float(i)))
		} else {
			y.SetInt(i, unaryInt(o.Fn, x.Int(i), x.DType))
		}
	}
	return []*tensor.Tensor{y}
}

// Eval applies the function to each pair.
func (o Binary) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	a, b, y := in[0], in[1], blank(out[0])
	round := rounder(a.DType)
	for i := range y.Len() {
		if a.DType.IsFloat() {
			y.SetFloat(i, binaryFloat(o.Fn, a.Float(i), b.Float(i), round))
		} else {
			y.SetInt(i, binaryInt(o.Fn, a.Int(i), b.Int(i), a.DType))
		}
	}
	return []*tensor.Tensor{y}
}

// Eval compares each pair.
func (o Compare) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	a, b, y := in[0], in[1], blank(out[0])
	for i := range y.Len() {
		if a.DType.IsFloat() {
			y.SetInt(i, truth(compareFloat(o.Fn, a.Float(i), b.Float(i))))
		} else {
			y.SetInt(i, truth(compareInt(o.Fn, a.Int(i), b.Int(i), a.DType)))
		}
	}
	return []*tensor.Tensor{y}
}

// Eval combines each pair.
func (o Logic) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	y := blank(out[0])
	for i := range y.Len() {
		a, b := in[0].Int(i), in[len(in)-1].Int(i)
		switch o.Fn {
		case "and":
			a &= b
		case "or":
			a |= b
		case "xor":
			a ^= b
		case "not":
			a ^= 1
		}
		y.SetInt(i, a)
	}
	return []*tensor.Tensor{y}
}

// Eval tests each element.
func (o Test) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	y := blank(out[0])
	for i := range y.Len() {
		v := in[0].Float(i)
		y.SetInt(i, truth(o.Fn == "is_nan" && math.IsNaN(v) || o.Fn == "is_inf" && math.IsInf(v, 0)))
	}
	return []*tensor.Tensor{y}
}

// Eval takes one of each pair.
func (o Select) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	y := blank(out[0])
	for i := range y.Len() {
		from := in[2]
		if in[0].Int(i) != 0 {
			from = in[1]
		}
		copyElement(y, i, from, i)
	}
	return []*tensor.Tensor{y}
}

// Eval converts each element.
func (o Cast) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	y := blank(out[0])
	for i := range y.Len() {
		convert(in[0], y, i)
	}
	return []*tensor.Tensor{y}
}

// Eval copies the bits. Only where f32 is evaluated in f64 do the sizes differ: the bits are those
// of f32 then.
func (o Bitcast) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	x, y := in[0], blank(out[0])
	if x.DType.Size() > y.DType.Size() {
		x = tensor.New(tensor.F32, x.Dims...)
		for i := range x.Len() {
			x.SetFloat(i, in[0].Float(i))
		}
	}
	if x.DType.Size() == y.DType.Size() {
		copy(y.Data, x.Data)
		return []*tensor.Tensor{y}
	}
	return []*tensor.Tensor{(&tensor.Tensor{DType: tensor.F32, Dims: x.Dims, Data: x.Data}).Widened()}
}

// Lower is one call.
func (o Unary) Lower(l *Lowering) {
	at := l.Axes(l.OutType[0].Shape)
	l.Map(0, at, kernel.Apply(o.Fn, l.element(0, at)))
}

// Lower is one call; rem and idiv of floats are written out.
func (o Binary) Lower(l *Lowering) {
	at := l.Axes(l.OutType[0].Shape)
	a, b := l.element(0, at), l.element(1, at)
	if l.InType[0].DType.IsFloat() && (o.Fn == "rem" || o.Fn == "idiv") {
		floor := kernel.Apply("floor", kernel.Apply("div", a, b))
		if o.Fn == "idiv" {
			l.Map(0, at, floor)
		} else {
			l.Map(0, at, kernel.Apply("sub", a, kernel.Apply("mul", floor, b)))
		}
		return
	}
	l.Map(0, at, kernel.Apply(o.Fn, a, b))
}

// Lower is one call.
func (o Compare) Lower(l *Lowering) {
	at := l.Axes(l.OutType[0].Shape)
	l.Map(0, at, kernel.Compare(o.Fn, l.element(0, at), l.element(1, at)))
}

// Lower is one call.
func (o Logic) Lower(l *Lowering) {
	at := l.Axes(l.OutType[0].Shape)
	args := []kernel.Expr{l.element(0, at)}
	if len(l.In) == 2 {
		args = append(args, l.element(1, at))
	}
	l.Map(0, at, kernel.Compare(o.Fn, args...))
}

// Lower is one call.
func (o Test) Lower(l *Lowering) {
	at := l.Axes(l.OutType[0].Shape)
	l.Map(0, at, kernel.Compare(o.Fn, l.element(0, at)))
}

// Lower is one call.
func (o Select) Lower(l *Lowering) {
	at := l.Axes(l.OutType[0].Shape)
	l.Map(0, at, kernel.Select(l.element(0, at), l.element(1, at), l.element(2, at)))
}

// Lower is one call.
func (o Cast) Lower(l *Lowering) {
	at := l.Axes(l.OutType[0].Shape)
	l.Map(0, at, kernel.Cast(o.To, l.element(0, at)))
}

// Lower is one call.
func (o Bitcast) Lower(l *Lowering) {
	at := l.Axes(l.OutType[0].Shape)
	l.Map(0, at, &kernel.Call{Fn: "bitcast", DType: o.To, Args: []kernel.Expr{l.element(0, at)}})
}
