// Package ir owns the graph level: typed tensor operations in dataflow order. It knows nothing
// of syntax above it and nothing of schedules, machines or targets below it; an op reaches the
// kernel level through its Lower method alone.
package ir

import (
	"fmt"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/lang/diag"
)

// A Module is a whole program: its entries and the weights they share.
type Module struct {
	Name    string
	Weights []*Weight // parameters and states, sorted by path
	Funcs   []*Func
}

// A Weight is a tensor that outlives a call.
type Weight struct {
	Path  string
	Type  tensor.Type // constant dims
	State bool        // carried, not trained
	Span  diag.Span
}

// A Func is one entry: nodes in program order, each input defined before use.
type Func struct {
	Name    string
	Params  []*Value
	Nodes   []*Node
	Results []Result
}

// A Result names an output, or gives a weight its next value (Update) when the call ends.
type Result struct {
	Name   string
	Value  *Value
	Update bool // Name is the path of a Weight
}

// A Value is one tensor. Exactly one of Node (it is Node's Out[Index]) and Param is set.
type Value struct {
	ID    int // unique in its Func; those of nodes ascend
	Type  tensor.Type
	Node  *Node
	Index int
	Param *Param
}

// A Param is a value from outside.
type Param struct {
	Kind ParamKind
	Name string // public name, or the weight's path
}

// A ParamKind says where a Param comes from.
type ParamKind uint8

// Input comes with the call; Stored is a weight's value when the call begins. The inputs named
// `seed` (u64) and `step` (i64) of rank 0 key randomness and schedules.
const (
	Input ParamKind = iota
	Stored
)

// A Node applies an op.
type Node struct {
	Op    Op
	In    []*Value
	Out   []*Value
	Spans []diag.Span // the source lines it came from; several after merging
}

// An Op is one primitive: its fields are its attributes, this is all that is known of it.
// An op is a struct in a file of its family; it holds no pointers but constants and regions, which stand
// in its text: ops are the same exactly when their OpText is.
type Op interface {
	// Name is the mnemonic in texts; attributes are printed from the exported fields.
	Name() string
	// Infer gives the result types, or says which rule the inputs break.
	Infer(in []tensor.Type) ([]tensor.Type, error)
	// Eval is the plain meaning, computed in float64 when in holds f64, in f32 steps when f32.
	Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor
	// Grad returns the gradient of each input (nil: none flows) from those of the outputs (nil: zero).
	Grad(b *Builder, n *Node, dy []*Value) []*Value
	// Lower appends definitions of the outputs in terms of loads of the inputs.
	Lower(l *Lowering)
}

// A Lowering collects the definitions of one node.
type Lowering struct {
	In, Out []string // buffer names
	InType  []tensor.Type
	OutType []tensor.Type
	Span    diag.Span
	Defs    []*kernel.Def
	Consts  []*kernel.Buffer // outputs that are stored constants: no definition makes them
	Carries []*kernel.Buffer // what regions carry, but for outputs: no definition makes them
	Flat    bool             // no kernel may stand in a region
	Err     error            // the first thing that level 1 cannot say
	cuts    []cut            // places in Defs where another kernel begins
	in      *kernel.Region   // that the definitions from the last cut on stand in
	fresh   func(string) string
}

// NewLowering prepares the lowering of n, whose values have these buffer names; fresh makes a
// name that no other definition of the program has.
func NewLowering(n *Node, in, out []string, fresh func(string) string) *Lowering {
	l := &Lowering{In: in, Out: out, fresh: fresh}
	for _, v := range n.In {
		l.InType = append(l.InType, v.Type)
	}
	for _, v := range n.Out {
		l.OutType = append(l.OutType, v.Type)
	}
	if len(n.Spans) > 0 {
		l.Span = n.Spans[0]
	}
	return l
}

// A Piece is the definitions of one kernel of a node.
type Piece struct {
	Defs []*kernel.Def
	In   *kernel.Region // that it stands in
	Op   string         // what it does, where that is another op's work
}

// A cut ends a piece before the definition at a place.
type cut struct {
	at int
	in *kernel.Region
	op string
}

// Kernels returns the definitions, those of one kernel together.
func (l *Lowering) Kernels() (list []Piece) {
	from := 0
	for _, c := range append(append([]cut{}, l.cuts...), cut{len(l.Defs), l.in, ""}) {
		if c.at > from {
			list = append(list, Piece{l.Defs[from:c.at], c.in, c.op})
		}
		from = c.at
	}
	return list
}

// cut ends a kernel: definitions from here on belong to another.
func (l *Lowering) cut() { l.cuts = append(l.cuts, cut{len(l.Defs), l.in, ""}) }

// Refuse records that something cannot be lowered.
func (l *Lowering) Refuse(at diag.Span, format string, args ...any) {
	if l.Err == nil {
		l.Err = &diag.Diagnostic{Code: "E0502", Span: at, Message: fmt.Sprintf(format, args...)}
	}
}

// Load reads input i at the given indices.
func (l *Lowering) Load(i int, at ...kernel.Expr) *kernel.Load {
	return &kernel.Load{Name: l.In[i], DType: l.InType[i].DType, At: at}
}

// Axes returns one axis per dim of a shape: i0, i1 ...
func (l *Lowering) Axes(s tensor.Shape) []kernel.Axis {
	return axes("i", s)
}

// Map defines output o by an expression over axes.
func (l *Lowering) Map(o int, axes []kernel.Axis, e kernel.Expr) {
	l.Defs = append(l.Defs, &kernel.Def{Name: l.Out[o], DType: l.OutType[o].DType, Axes: axes, Expr: e, Span: l.Span})
}

// Reduce defines output o by folding e.
func (l *Lowering) Reduce(o int, axes []kernel.Axis, r kernel.Reduce, e kernel.Expr) {
	l.Defs = append(l.Defs, &kernel.Def{Name: l.Out[o], DType: l.OutType[o].DType, Axes: axes, Reduce: &r, Expr: e, Span: l.Span})
}

// Local defines a tensor of the node's own and returns a load of it at its axes.
func (l *Lowering) Local(t tensor.DType, axes []kernel.Axis, r *kernel.Reduce, e kernel.Expr) *kernel.Load {
	name := l.fresh("t")
	l.Defs = append(l.Defs, &kernel.Def{Name: name, DType: t, Axes: axes, Reduce: r, Expr: e, Span: l.Span})
	return &kernel.Load{Name: name, DType: t, At: kernel.Points(axes)}
}
