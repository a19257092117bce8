package ir

import (
	"fmt"
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// If runs Then where its first operand, a bool of rank 0, holds, else Else. Both take the other
// operands, and give results of the same types.
type If struct {
	Then, Else *Func
}

// Name is the op's mnemonic.
func (o If) Name() string { return "if" }

// branches are the two functions.
func (o If) branches() []*Func { return []*Func{o.Then, o.Else} }

// Infer gives the types of both branches' results.
func (o If) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if len(in) == 0 || !in[0].Equal(tensor.Type{DType: tensor.Bool}) {
		return nil, fmt.Errorf("a condition is wanted first: a bool of rank 0")
	}
	if o.Then == nil || o.Else == nil || len(o.Then.Results) != len(o.Else.Results) || len(o.Then.Results) == 0 {
		return nil, fmt.Errorf("two branches of as many results are wanted")
	}
	for _, f := range o.branches() {
		if err := f.takes(in[1:]); err != nil {
			return nil, err
		}
	}
	var out []tensor.Type
	for i, r := range o.Then.Results {
		t := r.Value.Type
		if e := o.Else.Results[i].Value.Type; !t.Equal(e) {
			return nil, fmt.Errorf("result %d is %s in one branch and %s in the other", i, t, e)
		}
		out = append(out, t)
	}
	return out, nil
}

// takes checks that a region can run on operands of those types.
func (f *Func) takes(in []tensor.Type) error {
	if f == nil {
		return fmt.Errorf("a body is wanted")
	}
	if len(f.Params) != len(in) {
		return fmt.Errorf("a region takes %d operands, got %d", len(f.Params), len(in))
	}
	for i, p := range f.Params {
		if !p.Type.Equal(in[i]) {
			return fmt.Errorf("operand %d of a region is %s, which takes %s", i, in[i], p.Type)
		}
	}
	return f.infer()
}

// Eval runs one branch.
func (o If) Eval(in []*tensor.Tensor, _ []tensor.Type) []*tensor.Tensor {
	if in[0].Int(0) != 0 {
		return o.Then.run(in[1:])
	}
	return o.Else.run(in[1:])
}

// Pruned drops results that are not live, and operands that neither branch needs then.
func (o If) Pruned(live []bool) (op Op, in, out []bool) {
	then, other := o.Then.reads(live), o.Else.reads(live)
	in = []bool{true}
	for i := range then {
		in = append(in, then[i] || other[i])
	}
	kept := func(f *Func) *Func {
		c := *f
		c.Params, c.Results = only(c.Params, in[1:]), only(c.Results, live)
		return &c
	}
	return If{kept(o.Then), kept(o.Else)}, in, live
}

// Grad returns the gradients of all operands.
func (o If) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	return o.GradFor(b, n, dy, slices.Repeat([]bool{true}, len(n.In)))
}

// GradFor is a branch of the gradients of the branches, each of which computes its branch again: what
// a branch needs is known only where it is taken.
func (o If) GradFor(b *Builder, n *Node, dy []*Value, wanted []bool) []*Value {
	gradients := make([]*Value, len(n.In))
	operands := slices.Clone(n.In)
	var seeded []int
	for i, g := range dy {
		if g != nil && g.Type.DType.IsFloat() {
			operands, seeded = append(operands, g), append(seeded, i)
		}
	}
	var variables []int // among the operands behind the condition
	for i, v := range n.In[1:] {
		if wanted[i+1] && v.Type.DType.IsFloat() {
			variables = append(variables, i)
		}
	}
	if len(seeded) == 0 || len(variables) == 0 {
		return gradients
	}
	var backward []*Func
	var lists [][]*Value
	for _, f := range o.branches() {
		c, list, err := f.gradients(dy, seeded, variables)
		if err != nil {
			b.fail(err)
			return gradients
		}
		backward, lists = append(backward, c.Func), append(lists, list)
		for at, i := range variables {
			if list[at] == nil {
				list[at] = c.fill(n.In[i+1].Type, 0)
			}
			c.Result(fmt.Sprint("y", at), list[at])
		}
		c.Func.rename()
	}
	out, err := b.Try(If{backward[0], backward[1]}, operands...)
	if err != nil {
		panic("BUG: the gradient of an if: " + err.Error())
	}
	for at, i := range variables {
		gradients[i+1] = out[at]
	}
	return gradients
}

// gradients returns a copy of a region that takes the gradients of some results behind its
// operands, and goes on to the gradients of some of these.
func (f *Func) gradients(dy []*Value, seeded, variables []int) (*Builder, []*Value, error) {
	c := Extend(f.Copy())
	forward := slices.Clone(c.Func.Nodes)
	seeds := map[*Value]*Value{}
	wanted := make([]*Value, len(variables))
	for at, i := range variables {
		wanted[at] = c.Func.Params[i]
	}
	for _, i := range seeded {
		v := c.Func.Results[i].Value
		g := c.Param(Input, "dy", dy[i].Type)
		if seeds[v] != nil {
			g = c.Add(Binary{"add"}, seeds[v], g)
		}
		seeds[v] = g
	}
	c.Func.Results = nil
	list, err := c.Reverse(forward, seeds, wanted)
	return c, list, err
}

// rename names parameters by their places and numbers values anew.
func (f *Func) rename() {
	for i, p := range f.Params {
		p.Param = &Param{Input, fmt.Sprint("x", i)}
	}
	f.Renumber()
}

// fail records the first error of a gradient.
func (b *Builder) fail(err error) {
	if b.Err == nil {
		b.Err = err
	}
}

// Lower puts each branch into a region. Where one of them gives operands alone, these are what
// stands there when the other is not taken.
func (o If) Lower(l *Lowering) {
	if l.Flat {
		o.flat(l)
		return
	}
	for i, f := range o.branches() {
		if f.givesOperands() && !o.branches()[1-i].givesOperands() {
			r := &kernel.Region{Parent: l.in, Cond: l.In[0], Not: i == 0}
			for at, res := range f.Results {
				r.Enter = append(r.Enter, kernel.Copy{To: l.Out[at], From: l.In[1+slices.Index(f.Params, res.Value)]})
			}
			o.branch(l, 1-i, r)
			return
		}
	}
	for i := range o.branches() {
		o.branch(l, i, &kernel.Region{Parent: l.in, Cond: l.In[0], Not: i == 1})
	}
}

// givesOperands reports whether all results of a region are parameters.
func (f *Func) givesOperands() bool {
	return !slices.ContainsFunc(f.Results, func(r Result) bool { return r.Value.Param == nil })
}

func (o If) branch(l *Lowering, i int, r *kernel.Region) {
	outside := l.in
	l.enter(r)
	for at, name := range l.body(o.branches()[i], l.In[1:], true) {
		r.Leave = append(r.Leave, kernel.Copy{To: l.Out[at], From: name})
	}
	l.enter(outside)
}

// flat computes both branches and selects.
func (o If) flat(l *Lowering) {
	then, other := l.body(o.Then, l.In[1:], false), l.body(o.Else, l.In[1:], false)
	for at, t := range l.OutType {
		over := l.Axes(t.Shape)
		load := func(name string) kernel.Expr {
			return &kernel.Load{Name: name, DType: t.DType, At: kernel.Points(over)}
		}
		l.Map(at, over, kernel.Select(l.Load(0), load(then[at]), load(other[at])))
	}
}
