package ir

import (
	"fmt"
	"slices"

	"dlc/ir/tensor"
)

// A Family is an op that stands for several functions, which one of its attributes names.
type Family interface {
	Op
	Function() string
	Functions() []string
}

// Function returns which of its functions an op is; "" for an op that is no Family.
func Function(o Op) string {
	if f, ok := o.(Family); ok {
		return f.Function()
	}
	return ""
}

// known says that a family has no such function. What is the word for one.
func known(o Family, what string) error {
	if !slices.Contains(o.Functions(), o.Function()) {
		return fmt.Errorf("no %s", fmt.Sprintf(what, o.Function()))
	}
	return nil
}

// Function is which one it is.
func (o Unary) Function() string   { return o.Fn }
func (o Binary) Function() string  { return o.Fn }
func (o Compare) Function() string { return o.Fn }
func (o Logic) Function() string   { return o.Fn }
func (o Test) Function() string    { return o.Fn }
func (o Reduce) Function() string  { return o.Op }
func (o Random) Function() string  { return o.Kind }

// Functions lists all that the op can be.
func (Unary) Functions() []string {
	return append([]string{"neg", "abs", "sign", "not"}, FloatFunctions()...)
}

// Functions lists all that the op can be.
func (Binary) Functions() []string {
	return []string{"add", "sub", "mul", "min", "max", "rem", "idiv", "div", "pow", "atan2", "and", "or", "xor", "shl", "shr"}
}

// Functions lists all that the op can be.
func (Compare) Functions() []string { return []string{"eq", "ne", "lt", "le", "gt", "ge"} }

// Functions lists all that the op can be.
func (Logic) Functions() []string { return []string{"and", "or", "xor", "not"} }

// Functions lists all that the op can be.
func (Test) Functions() []string { return []string{"is_nan", "is_inf"} }

// Functions lists all that the op can be.
func (Reduce) Functions() []string { return []string{"sum", "prod", "min", "max", "any", "all"} }

// Functions lists all that the op can be.
func (Random) Functions() []string { return []string{"bits", "uniform", "normal", "bernoulli"} }

// ParseType reads a type as texts have it: f32[N, 3].
func ParseType(text string) (tensor.Type, error) {
	s := scanner{src: text}
	t, err := s.typ()
	if err == nil {
		err = s.end()
	}
	return t, err
}
