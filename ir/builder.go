package ir

import (
	"fmt"

	"dlc/ir/tensor"
	"dlc/lang/diag"
)

// A Builder appends nodes to a Func. It infers result types and folds nothing.
type Builder struct {
	Func *Func
	Span diag.Span // given to each node added
	Err  error     // the first gradient that was refused
	next int
}

// NewBuilder starts a Func of that name.
func NewBuilder(name string) *Builder { return &Builder{Func: &Func{Name: name}} }

// Extend returns a builder that appends to an existing Func.
func Extend(f *Func) *Builder {
	b := &Builder{Func: f}
	for _, p := range f.Params {
		b.next = max(b.next, p.ID+1)
	}
	for _, n := range f.Nodes {
		for _, v := range n.Out {
			b.next = max(b.next, v.ID+1)
		}
	}
	return b
}

// Param adds an input or a weight.
func (b *Builder) Param(kind ParamKind, name string, t tensor.Type) *Value {
	v := &Value{ID: b.next, Type: t, Param: &Param{kind, name}}
	b.next++
	b.Func.Params = append(b.Func.Params, v)
	return v
}

// Try adds a node, or returns the rule that the inputs break.
func (b *Builder) Try(op Op, in ...*Value) ([]*Value, error) {
	types := make([]tensor.Type, len(in))
	for i, v := range in {
		types[i] = v.Type
	}
	outs, err := op.Infer(types)
	if err != nil {
		return nil, err
	}
	n := &Node{Op: op, In: in}
	if !b.Span.IsZero() {
		n.Spans = []diag.Span{b.Span}
	}
	for i, t := range outs {
		n.Out = append(n.Out, &Value{ID: b.next, Type: t, Node: n, Index: i})
		b.next++
	}
	b.Func.Nodes = append(b.Func.Nodes, n)
	return n.Out, nil
}

// Add adds a node of one result whose inputs are known to fit.
func (b *Builder) Add(op Op, in ...*Value) *Value {
	out, err := b.Try(op, in...)
	if err != nil {
		panic(fmt.Sprintf("BUG: %s: %v", op.Name(), err))
	}
	return out[0]
}

// Result names an output of the Func.
func (b *Builder) Result(name string, v *Value) {
	b.Func.Results = append(b.Func.Results, Result{Name: name, Value: v})
}

// Update gives the weight of that path its next value.
func (b *Builder) Update(path string, v *Value) {
	b.Func.Results = append(b.Func.Results, Result{Name: path, Value: v, Update: true})
}

// Renumber gives the values of f ascending IDs again, parameters first.
func (f *Func) Renumber() {
	next := 0
	for _, p := range f.Params {
		p.ID = next
		next++
	}
	for _, n := range f.Nodes {
		for _, v := range n.Out {
			v.ID = next
			next++
		}
	}
}
