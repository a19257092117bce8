package kernel

import (
	"fmt"
	"sort"

	"dlc/ir/tensor"
)

// A Func describes a scalar function that a Call may name.
type Func struct {
	Name     string
	Arity    int
	Rule     Rule
	Expanded bool // Expand writes it in terms of the others
}

// A Rule says which argument types a function takes and what it returns.
type Rule uint8

// The type rules. Unless said otherwise all arguments have one type, which is the result's.
const (
	Numeric        Rule = iota // a float or integer type
	Floating                   // a float type
	Integral                   // an integer type
	Bitwise                    // an integer type or bool
	Equating                   // any type; the result is bool
	Ordering                   // a float or integer type; the result is bool
	Testing                    // a float type; the result is bool
	Choosing                   // bool, t, t to t
	Converting                 // any type to any type
	Reinterpreting             // any type but bool to one of the same size
)

// funcs is the table; nothing changes it.
var funcs = table()

func table() map[string]Func {
	m := map[string]Func{}
	add := func(rule Rule, arity int, names ...string) {
		for _, n := range names {
			m[n] = Func{n, arity, rule, false}
		}
	}
	add(Numeric, 1, "neg", "abs", "sign")
	add(Numeric, 2, "add", "sub", "mul", "div", "min", "max")
	add(Floating, 1, "floor", "ceil", "round", "trunc", "sqrt")
	add(Floating, 3, "fma")
	add(Integral, 2, "rem", "idiv", "shl", "shr")
	add(Bitwise, 2, "and", "or", "xor")
	add(Bitwise, 1, "not")
	add(Equating, 2, "eq", "ne")
	add(Ordering, 2, "lt", "le", "gt", "ge")
	add(Testing, 1, "is_nan", "is_inf")
	add(Choosing, 3, "select")
	add(Converting, 1, "cast")
	add(Reinterpreting, 1, "bitcast")
	for _, n := range []string{"exp", "exp2", "expm1", "log", "log1p", "log2", "sin", "cos", "tan", "tanh", "sigmoid", "erf", "reciprocal", "rsqrt", "softplus"} {
		m[n] = Func{n, 1, Floating, true}
	}
	for n := range wideFunctions() {
		m[n] = Func{n, 1, Floating, true}
	}
	m["pow"] = Func{"pow", 2, Floating, true}
	m["atan2"] = Func{"atan2", 2, Floating, true}
	return m
}

// LookupFunc returns the scalar function of that name.
func LookupFunc(name string) (Func, bool) {
	f, ok := funcs[name]
	return f, ok
}

// FuncNames returns the names of all scalar functions, sorted.
func FuncNames() []string {
	names := make([]string, 0, len(funcs))
	for n := range funcs {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// CheckCall says which rule a call of fn with these types breaks, if any.
func CheckCall(fn string, result tensor.DType, args ...tensor.DType) error {
	f, ok := funcs[fn]
	if !ok {
		return fmt.Errorf("unknown function %s", fn)
	}
	if len(args) != f.Arity {
		return fmt.Errorf("%s takes %d arguments, not %d", fn, f.Arity, len(args))
	}
	alike := args
	if f.Rule == Choosing {
		if alike = args[1:]; args[0] != tensor.Bool {
			return fmt.Errorf("%s: the condition is %s, not bool", fn, args[0])
		}
	}
	same := alike[0]
	for _, t := range alike {
		if t != same {
			return fmt.Errorf("%s: arguments of types %s and %s", fn, same, t)
		}
	}
	if !f.Rule.takes(same) {
		return fmt.Errorf("%s does not take %s", fn, same)
	}
	return f.checkResult(result, same)
}

func (r Rule) takes(t tensor.DType) bool {
	switch r {
	case Numeric, Ordering:
		return t.IsFloat() || t.IsInt()
	case Floating, Testing:
		return t.IsFloat()
	case Integral:
		return t.IsInt()
	case Bitwise:
		return t.IsInt() || t == tensor.Bool
	case Reinterpreting:
		return t != tensor.Bool && t != tensor.Invalid && !t.IsHalf()
	case Equating:
		return t != tensor.Invalid && !t.IsHalf()
	}
	return t != tensor.Invalid
}

func (f Func) checkResult(result, arg tensor.DType) error {
	want := arg
	switch f.Rule {
	case Equating, Ordering, Testing:
		want = tensor.Bool
	case Converting:
		if want = result; result == tensor.Invalid {
			return fmt.Errorf("%s to no type", f.Name)
		}
		if arg.IsHalf() && result != tensor.F32 || result.IsHalf() && arg != tensor.F32 {
			return fmt.Errorf("%s from %s to %s, not by way of f32", f.Name, arg, result)
		}
	case Reinterpreting:
		if want = result; result == tensor.Bool || result.IsHalf() || result.Size() != arg.Size() {
			return fmt.Errorf("%s from %s to %s", f.Name, arg, result)
		}
	}
	if result != want {
		return fmt.Errorf("%s of %s gives %s, not %s", f.Name, arg, want, result)
	}
	return nil
}
