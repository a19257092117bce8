package ir

import (
	"fmt"

	"dlc/ir/tensor"
)

// Unary applies a scalar function that keeps the dtype: neg abs sign on numbers; floor ceil round
// (half to even) trunc sqrt rsqrt exp exp2 expm1 log log1p log2 sin cos tan tanh sigmoid erf
// softplus on floats; not on integers (bits).
type Unary struct{ Fn string }

// Binary combines two operands of one type: add sub mul min max, rem and idiv (floored) and pow
// on numbers (pow on floats only), div on floats, and or xor shl shr on integers.
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

// Name is the function.
func (o Unary) Name() string   { return "unary" }
func (o Binary) Name() string  { return "binary" }
func (o Compare) Name() string { return "compare" }
func (o Logic) Name() string   { return "logic" }
func (o Test) Name() string    { return "test" }
func (o Select) Name() string  { return "select" }
func (o Cast) Name() string    { return "cast" }

// Infer keeps the type.
func (o Unary) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 1); err != nil {
		return nil, err
	}
	ok := false
	t := in[0].DType
	switch o.Fn {
	case "neg", "abs", "sign":
		ok = isNumber(t)
	case "floor", "ceil", "round", "trunc", "sqrt", "rsqrt", "exp", "exp2", "expm1", "log", "log1p", "log2",
		"sin", "cos", "tan", "tanh", "sigmoid", "erf", "softplus":
		ok = t.IsFloat()
	case "not":
		ok = t.IsInt()
	default:
		return nil, fmt.Errorf("no function %q of one operand", o.Fn)
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
	ok := false
	t := in[0].DType
	switch o.Fn {
	case "add", "sub", "mul", "min", "max", "rem", "idiv":
		ok = isNumber(t)
	case "div", "pow":
		ok = t.IsFloat()
	case "and", "or", "xor", "shl", "shr":
		ok = t.IsInt()
	default:
		return nil, fmt.Errorf("no function %q of two operands", o.Fn)
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
	switch o.Fn {
	case "eq", "ne":
	case "lt", "le", "gt", "ge":
		if in[0].DType == tensor.Bool {
			return nil, fmt.Errorf("bools have no order")
		}
	default:
		return nil, fmt.Errorf("no comparison %q", o.Fn)
	}
	return []tensor.Type{{DType: tensor.Bool, Shape: in[0].Shape}}, nil
}

// Infer demands bools of one shape.
func (o Logic) Infer(in []tensor.Type) ([]tensor.Type, error) {
	want := 2
	switch o.Fn {
	case "and", "or", "xor":
	case "not":
		want = 1
	default:
		return nil, fmt.Errorf("no logical function %q", o.Fn)
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
	if o.Fn != "is_nan" && o.Fn != "is_inf" {
		return nil, fmt.Errorf("no test %q", o.Fn)
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
