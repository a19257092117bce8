package ir

import (
	"fmt"
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// While runs Body as long as Cond holds, at most Limit times; a negative Limit is none. Operands are
// the first values of the Carries, then what is the same for all turns; both functions take these.
// Cond gives a bool of rank 0, Body the next carries, then what it yields. Results are the last carries,
// then what was yielded, stacked along an axis of Limit in front; places of turns that were not run are 0.
type While struct {
	Cond, Body *Func
	Carries    int
	Limit      tensor.Dim
}

// Name is the op's mnemonic.
func (o While) Name() string { return "while" }

// limited reports whether there is a limit.
func (o While) limited() bool {
	n, constant := o.Limit.Const()
	return !constant || n >= 0
}

// Infer gives the carries' types, then those of what is yielded, stacked.
func (o While) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if o.Cond == nil || o.Body == nil || o.Carries < 1 || o.Carries > len(in) || len(o.Body.Results) < o.Carries {
		return nil, fmt.Errorf("a condition and a body of %d results, at least 1, are wanted", o.Carries)
	}
	if !o.limited() && len(o.Body.Results) > o.Carries {
		return nil, fmt.Errorf("a loop that yields needs a limit")
	}
	for _, f := range []*Func{o.Cond, o.Body} {
		if err := f.takes(in); err != nil {
			return nil, err
		}
	}
	if len(o.Cond.Results) != 1 || !o.Cond.Results[0].Value.Type.Equal(tensor.Type{DType: tensor.Bool}) {
		return nil, fmt.Errorf("the condition is no bool of rank 0")
	}
	var out []tensor.Type
	for i, r := range o.Body.Results {
		t := r.Value.Type
		if i >= o.Carries {
			t.Shape = append(tensor.Shape{o.Limit}, t.Shape...)
		} else if !t.Equal(in[i]) {
			return nil, fmt.Errorf("carry %d begins as %s and goes on as %s", i, in[i], t)
		}
		out = append(out, t)
	}
	return out, nil
}

// Eval runs turn by turn.
func (o While) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	in = slices.Clone(in)
	var yields []*tensor.Tensor
	for _, t := range out[o.Carries:] {
		yields = append(yields, blank(t))
	}
	for i := 0; (!o.limited() || int64(i) < o.Limit.Bounds(nil).Hi) && o.Cond.run(in)[0].Int(0) != 0; i++ {
		next := o.Body.run(in)
		for j, y := range next[o.Carries:] {
			copy(elementOf(yields[j], i).Data, y.Data)
		}
		copy(in, next[:o.Carries])
	}
	return append(in[:o.Carries:o.Carries], yields...)
}

// Pruned drops carries that neither a live result nor the condition needs.
func (o While) Pruned(live []bool) (op Op, in, out []bool) {
	cond := o.Cond.reads([]bool{true})
	out = slices.Clone(live)
	for again := true; again; {
		again = false
		in = o.Body.reads(out)
		for i := range in {
			in[i] = in[i] || cond[i]
		}
		for i := range o.Carries {
			if in[i] && !out[i] {
				out[i], again = true, true
			}
		}
	}
	copy(in, out[:o.Carries])
	kept := func(f *Func) *Func {
		c := *f
		c.Params = only(c.Params, in)
		return &c
	}
	body := kept(o.Body)
	body.Results = only(body.Results, out)
	return While{kept(o.Cond), body, count(out[:o.Carries]), o.Limit}, in, out
}

// Grad returns the gradients of all operands.
func (o While) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	return o.GradFor(b, n, dy, slices.Repeat([]bool{true}, len(n.In)))
}

// GradFor is that of a scan of as many turns as were run, backwards. The loop comes to yield what the way
// back needs, and a 1 in each turn, which are counted.
func (o While) GradFor(b *Builder, n *Node, dy []*Value, wanted []bool) []*Value {
	if !slices.ContainsFunc(dy, func(v *Value) bool { return v != nil && v.Type.DType.IsFloat() }) {
		return make([]*Value, len(n.In))
	}
	if !o.limited() {
		b.Refuse("a loop without a limit has no gradient: nobody knows how much it has to keep")
		return make([]*Value, len(n.In))
	}
	g := newScanGrad(Scan{Body: o.Body, Length: o.Limit, Carries: o.Carries}, b, n)
	one := Extend(g.Body).Add(Full{Type: tensor.Type{DType: tensor.I64}, Int: 1})
	g.wrap = func(s Scan) Op { return While{o.Cond, s.Body, s.Carries, s.Length} }
	g.count = b.Add(Reduce{"sum", []int{0}}, g.saved(one))
	return g.gradients(dy, wanted)
}

// Inline adds the nodes of a region, on other operands, and returns its results.
func (b *Builder) Inline(f *Func, operands []*Value) []*Value {
	f = f.Copy()
	is := map[*Value]*Value{}
	for i, p := range f.Params {
		is[p] = operands[i]
	}
	for _, n := range f.Nodes {
		for i, v := range n.In {
			if w := is[v]; w != nil {
				n.In[i] = w
			}
		}
		for _, v := range n.Out {
			v.ID = b.next
			b.next++
		}
		b.Func.Nodes = append(b.Func.Nodes, n)
	}
	var out []*Value
	for _, r := range f.Results {
		v := r.Value
		if w := is[v]; w != nil {
			v = w
		}
		out = append(out, v)
	}
	return out
}

// Lower is a loop. Before it, and at the end of each turn, stands the condition; a limit counts.
func (o While) Lower(l *Lowering) {
	if l.Flat {
		l.Refuse(l.Span, "a `while` inside of a `scan` or a `vmap` that is itself inside of one is not supported yet")
		return
	}
	r := &kernel.Region{Parent: l.in, Loop: true}
	boolean, integer := tensor.Type{DType: tensor.Bool}, tensor.Type{DType: tensor.I64}
	r.Cond = l.carry(boolean)
	counter, zero := "", ""
	if o.limited() {
		counter, zero = l.carry(integer), l.fresh("t")
		l.Consts = append(l.Consts, &kernel.Buffer{Name: zero, Type: integer, Role: kernel.Const, Value: tensor.New(tensor.I64)})
	}
	goes := o.looked(l, l.In, zero)
	r.Enter = []kernel.Copy{{To: r.Cond, From: goes}}
	if counter != "" {
		r.Enter = append(r.Enter, kernel.Copy{To: counter, From: zero})
	}
	r.Enter = append(r.Enter, l.begun(o.Carries)...)
	outside := l.in
	l.enter(r)
	operands := append(slices.Clone(l.Out[:o.Carries]), l.In[o.Carries:]...)
	next := l.body(o.Body, operands, true)
	for i, name := range next {
		if i >= o.Carries {
			name = l.placed(l.Out[i], name, l.OutType[i], &kernel.Load{Name: counter, DType: tensor.I64})
		}
		r.Leave = append(r.Leave, kernel.Copy{To: l.Out[i], From: name})
	}
	if counter != "" {
		count := l.fresh("t")
		l.define(count, tensor.I64, nil, kernel.Apply("add", &kernel.Load{Name: counter, DType: tensor.I64}, kernel.I(tensor.I64, 1)))
		r.Leave, counter = append(r.Leave, kernel.Copy{To: counter, From: count}), count
	}
	copy(operands, next[:o.Carries])
	r.Leave = append(r.Leave, kernel.Copy{To: r.Cond, From: o.looked(l, operands, counter)})
	l.enter(outside)
}

// looked defines the condition on operands, with the count of turns where there is a limit.
func (o While) looked(l *Lowering, operands []string, counter string) string {
	holds := l.body(o.Cond, operands, true)[0]
	if counter == "" {
		return holds
	}
	below := kernel.Compare("lt", &kernel.Load{Name: counter, DType: tensor.I64}, kernel.IndexOf(o.Limit))
	both := l.fresh("t")
	l.define(both, tensor.Bool, nil, kernel.Compare("and", &kernel.Load{Name: holds, DType: tensor.Bool}, below))
	return both
}
