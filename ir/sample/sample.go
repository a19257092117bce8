// Package sample owns the table of samples: for every op, and for every function of the ops that
// have several, what it means, the shapes and dtypes it takes and refuses, inputs with edges and
// special values, where reference values come from, and whether it has derivatives. Tests, random
// programs and docs/ops.md all read it. It knows ops as values; it knows nothing of passes and
// targets.
//
// A new op is one struct in ir (with its place in ir.Ops), and one Row here, in the file of its
// family: rows_FAMILY.go. Write
//
//   - Name: Op.Name(), followed by the function where the op is an ir.Family;
//   - Doc, Shapes, Source: a line each, for docs/ops.md;
//   - DTypes: what ? in the samples may be. Every other dtype must be refused with its name in the
//     message; further refusals stand in Refused;
//   - Samples: at least 8 shapes once N and T have their values (bindings), among them an empty
//     one, one of one element, one with an odd tail and one of 1000 elements or more, or Few, the
//     reason why there are fewer. ? stands for the dtype under test in operands and, as
//     tensor.Invalid, in attributes. Drawn says how values are drawn (draw.go);
//   - Reference: a Python expression of the result (a tuple of several) by x, y, z, the operands as
//     torch tensors, or nx, ny, nz, as numpy arrays, and a, the attributes; references.py says what
//     else it can name. Then `make fixtures-ops` stores the values;
//   - Derivative: how often it can be differentiated, held to finite differences;
//   - Apply: how a random program uses the op on values that it has. Without it an operand that is
//     Elementwise takes any shape, and other ops take the operands of one of their samples.
//
// Nothing else lists ops: the tests here and in tests/ops_test.go find the row. They hold each to the
// evaluator, to differences, its forward mode to its reverse mode, and a map of it to a loop.
package sample

import (
	"dlc/ir"
	"dlc/ir/tensor"
)

// A Row is what is known of one op or of one of its functions.
type Row struct {
	Name        string
	Doc         string // what it means
	Shapes      string // of operands and results
	Source      string // where the definition comes from
	DTypes      []tensor.DType
	Refused     []Refusal
	Elementwise bool // operands have one shape, whichever
	Samples     []Sample
	Few         string // why samples have fewer shapes than others
	Reference   string // in Python; empty: Untold says why
	Untold      string
	Tolerance   float64 // of f64, relative; 0: equal
	Reason      string  // for the tolerance
	Lowered     float64 // tolerance of what f64 is lowered to, where it is larger than 1e-12
	Derivative  Derivative
	Domain      string // what operands of a derivative and of random programs are drawn like
	Apply       func(p Program) (ir.Op, []*ir.Value)
}

// A Sample is an op with operand types, as in "?[N, 3]; i32[N]".
type Sample struct {
	Op    ir.Op
	In    string
	Drawn string
}

// A Refusal is an op with operands that Infer refuses, and words of the reason.
type Refusal struct {
	Op       ir.Op
	In, Says string
}

// A Derivative says how often an op can be differentiated.
type Derivative uint8

// Constant: nothing flows, the result does not vary smoothly. Zero: what flows back is zero by
// definition, whatever differences say. Refused: asking for it is an error. Once: the second
// derivative is constant or refused.
const (
	Constant Derivative = iota
	Zero
	Refused
	Once
	Twice
)

// String is the word in docs/ops.md.
func (d Derivative) String() string {
	return [...]string{"none", "stopped", "refused", "first", "first, second"}[d]
}

// A Program is a random program under construction, as a row sees it that adds itself.
type Program interface {
	Intn(n int) int
	// Any returns a value of the program that fits, or nil.
	Any(fits func(tensor.Type) bool) *ir.Value
	// Input adds an input, its values drawn as told.
	Input(t tensor.Type, drawn string) *ir.Value
	// Builder appends to the program.
	Builder() *ir.Builder
	// Body makes a random function of values like those given, or, where element says so, of an element
	// along their first axis, without results. It returns the values that the function makes, and
	// operands for the parameters that it has beyond those given. With carries, what it makes may depend
	// on other turns.
	Body(in []*ir.Value, element []bool) (f *ir.Func, values, more []*ir.Value)
	// Symbols returns the dims that take several values.
	Symbols() []tensor.Dim
}

// Rows returns the table, family by family.
func Rows() []*Row {
	var rows []*Row
	for _, family := range [][]Row{
		arithmeticRows(), functionRows(), bitRows(), compareRows(), castRows(), reduceRows(), contractRows(), convRows(),
		poolRows(), viewRows(), joinRows(), sourceRows(), indexRows(), sortRows(), scatterRows(), cumulateRows(), randomRows(), regionRows(), flowRows(), gradientRows(),
	} {
		for i := range family {
			rows = append(rows, &family[i])
		}
	}
	return rows
}

// NameOf is the name of the row of an op.
func NameOf(o ir.Op) string {
	if fn := ir.Function(o); fn != "" {
		return o.Name() + " " + fn
	}
	return o.Name()
}

// AllDTypes are those that programs compute in.
func AllDTypes() []tensor.DType {
	return []tensor.DType{tensor.Bool, tensor.U8, tensor.I8, tensor.I32, tensor.I64, tensor.U32, tensor.U64, tensor.F32, tensor.F64}
}

// integers, numbers and floats are dtypes of one kind.
func integers() []tensor.DType { return AllDTypes()[1:7] }
func numbers() []tensor.DType  { return AllDTypes()[1:] }
func floats() []tensor.DType   { return AllDTypes()[7:] }
func bools() []tensor.DType    { return AllDTypes()[:1] }
