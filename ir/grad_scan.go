package ir

import (
	"fmt"
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// The gradient of a Scan is a Scan in the other direction, of which the body is the gradient of the
// body. It carries the gradients of the carries, and walks through those of what was yielded. Values of
// the body that it needs are yielded by the Scan itself, so that nothing is computed twice; what costs
// nothing, and what is the same for all turns, is made again instead.
//
// The gradient of what all turns share is a sum over the turns. Where a turn's share is itself a sum
// of products, or a sum, the turns become one more index of it: the gradient of a recurrent weight is
// one product over all turns. Otherwise the shares are stacked and summed; where the body is run again,
// because what it makes shall not be kept, or it is not known how many turns there are, they are added up turn by turn.

// GradFor returns the gradients of the operands that are wanted. The node yields more afterwards.
func (o Scan) GradFor(b *Builder, n *Node, dy []*Value, wanted []bool) []*Value {
	g := newScanGrad(o, b, n)
	g.wrap = func(s Scan) Op { return s }
	if o.Counted {
		g.count = n.In[len(n.In)-1]
	}
	return g.gradients(dy, wanted)
}

// GradFor returns the gradients of the operands that are wanted. The node yields more afterwards.
func (o Map) GradFor(b *Builder, n *Node, dy []*Value, wanted []bool) []*Value {
	g := newScanGrad(o.scan(), b, n)
	g.wrap = func(s Scan) Op { return Map{s.Body, s.Length, s.Sequences} }
	return g.gradients(dy, wanted)
}

// Grad returns the gradients of all operands. The node yields more afterwards.
func (o Scan) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	return o.GradFor(b, n, dy, slices.Repeat([]bool{true}, len(n.In)))
}

// Grad returns the gradients of all operands. The node yields more afterwards.
func (o Map) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	return o.GradFor(b, n, dy, slices.Repeat([]bool{true}, len(n.In)))
}

// A scanGrad writes the gradient of one Scan.
type scanGrad struct {
	Scan           // with a copy of the body, which comes to yield more
	b     *Builder // outside
	n     *Node
	back  *Builder          // the body of the gradient
	known map[*Value]*Value // values of the body: what they are in back
	own   map[*Value]bool   // values of back
	apart map[*Value]bool   // values of the body that differ by turn
	again []*Node           // of the body, made again in back
	// parameters of back, and the operands for them
	carries, sequences, shared    []*Value
	carriesIn, sequencesIn, alike []*Value
	yields                        []*Value // of back
	out                           []*Value // of the gradient

	wrap  func(Scan) Op // the forward op of a Scan
	count *Value        // of the turns that were run; nil for all
}

func newScanGrad(o Scan, b *Builder, n *Node) *scanGrad {
	o.Body = o.Body.Copy()
	return &scanGrad{Scan: o, b: b, n: n, back: NewBuilder("body"), known: map[*Value]*Value{}, own: map[*Value]bool{}}
}

// gradients returns those of the operands, of the wanted ones at least.
func (g *scanGrad) gradients(dy []*Value, wanted []bool) []*Value {
	o, b := g.Scan, g.b
	gradients := make([]*Value, len(g.n.In))
	if !slices.ContainsFunc(dy, func(v *Value) bool { return v != nil && v.Type.DType.IsFloat() }) {
		return gradients
	}
	active := g.active(wanted)
	seeds := g.seeds(dy, active)
	var variables []*Value
	for i, p := range o.Body.Params {
		if active[i] {
			variables = append(variables, p)
		}
	}
	list, err := g.back.Reverse(o.Body.Nodes, seeds, variables)
	if err != nil {
		if b.Err == nil {
			b.Err = err
		}
		return gradients
	}
	// What the body yields by now of scans in it differs by turn as well.
	g.apart = Dependents(o.Body.Nodes, o.Body.Params[:o.Carries+o.Sequences])
	g.finish(list, active, gradients)
	return gradients
}

// active says which parameters of the body get gradients: those that are wanted, and the carries
// that depend on them.
func (g *scanGrad) active(wanted []bool) []bool {
	active := make([]bool, len(g.Body.Params))
	var from []*Value
	add := func(i int) {
		if p := g.Body.Params[i]; !active[i] && p.Type.DType.IsFloat() {
			active[i], from = true, append(from, p)
		}
	}
	for i, w := range wanted {
		if w {
			add(i)
		}
	}
	for before := -1; before < len(from); {
		before = len(from)
		reached := Dependents(g.Body.Nodes, from)
		for i, r := range g.Body.Results[:g.Carries] {
			if reached[r.Value] {
				add(i)
			}
		}
	}
	return active
}

// param adds a parameter to the gradient's body.
func (g *scanGrad) param(list, in *[]*Value, t tensor.Type, operand *Value) *Value {
	p := g.back.Param(Input, fmt.Sprint("x", len(g.back.Func.Params)), t)
	g.own[p] = true
	*list, *in = append(*list, p), append(*in, operand)
	return p
}

// seeds are the gradients that a turn begins with: of the carries, and of what it yielded.
func (g *scanGrad) seeds(dy []*Value, active []bool) map[*Value]*Value {
	seeds := map[*Value]*Value{}
	for i, r := range g.Body.Results {
		v := r.Value
		var p *Value
		switch {
		case !v.Type.DType.IsFloat():
			continue
		case i < g.Carries && active[i]:
			last := dy[i]
			if last == nil {
				last = g.b.fill(v.Type, 0)
			}
			p = g.param(&g.carries, &g.carriesIn, v.Type, last)
		case i >= g.Carries && i < len(dy) && dy[i] != nil:
			p = g.param(&g.sequences, &g.sequencesIn, v.Type, dy[i])
		default:
			continue
		}
		if seeds[v] != nil {
			p = g.back.Add(Binary{"add"}, seeds[v], p)
		}
		seeds[v] = p
	}
	return seeds
}

// finish closes the gradient's body, adds the node and fills in the gradients.
func (g *scanGrad) finish(list []*Value, active []bool, gradients []*Value) {
	for i, p := range g.Body.Params[:g.Carries] {
		if at := count(active[:i]); active[i] && list[at] == nil {
			list[at] = g.back.fill(p.Type, 0)
		}
	}
	for _, m := range g.back.Func.Nodes {
		for _, v := range m.Out {
			g.own[v] = true
		}
	}
	for _, m := range g.back.Func.Nodes {
		for i, v := range m.In {
			m.In[i] = g.inside(v)
		}
	}
	results := make([]func() *Value, len(active))
	for _, carries := range []bool{true, false} { // the results of these come first
		at := 0
		for i := range active {
			if !active[i] {
				continue
			}
			v := list[at]
			at++
			added := i >= g.Carries+g.Sequences && g.Carries > 0 && (g.count != nil || g.recomputes())
			if v == nil || carries != (i < g.Carries || added) {
				continue
			}
			switch v = g.inside(v); {
			case i < g.Carries:
				results[i] = g.yielded(v)
			case g.isSequence(i):
				results[i] = g.stacked(v)
			case added:
				results[i] = g.yielded(g.accumulated(v))
			default:
				results[i] = g.summed(v)
			}
		}
	}
	g.close()
	for i, f := range results {
		if f != nil {
			gradients[i] = f()
		}
	}
}

// close adds the node, and gives the forward one what it came to yield.
func (g *scanGrad) close() {
	if g.count != nil {
		g.param(&g.shared, &g.alike, g.count.Type, g.count)
	}
	f := g.back.Func
	f.Params = slices.Concat(g.carries, g.sequences, g.shared)
	for i, p := range f.Params {
		p.Param.Name = fmt.Sprint("x", i)
	}
	f.Nodes = append(g.again, f.Nodes...)
	for i, v := range g.yields {
		f.Results = append(f.Results, Result{Name: fmt.Sprint("y", i), Value: v})
	}
	f.Renumber()
	g.Body.Renumber()
	g.n.Op = g.wrap(g.Scan)
	if len(g.yields) == 0 {
		return
	}
	var op Op = Scan{Body: f, Length: g.Length, Carries: len(g.carries), Sequences: len(g.sequences), Reversed: !g.Reversed, Counted: g.count != nil}
	if _, mapped := g.n.Op.(Map); mapped {
		op = g.wrap(op.(Scan))
	}
	out, err := g.b.Try(op, slices.Concat(g.carriesIn, g.sequencesIn, g.alike)...)
	if err != nil {
		panic("BUG: the gradient of a " + g.n.Op.Name() + ": " + err.Error())
	}
	g.out = out
}

// inside returns what a value of the body is in the gradient's body.
func (g *scanGrad) inside(v *Value) *Value {
	if g.own[v] {
		return v
	}
	if w := g.known[v]; w != nil {
		return w
	}
	i := slices.Index(g.Body.Params, v)
	switch {
	case i >= g.Carries+g.Sequences:
		g.known[v] = g.param(&g.shared, &g.alike, v.Type, g.n.In[i])
	case i >= g.Carries:
		g.known[v] = g.param(&g.sequences, &g.sequencesIn, v.Type, g.n.In[i])
	case i < 0 && (!g.apart[v] || isView(v.Node)):
		m := &Node{Op: g.copyOf(v.Node.Op), Spans: v.Node.Spans}
		for _, x := range v.Node.In {
			m.In = append(m.In, g.inside(x))
		}
		for j, x := range v.Node.Out {
			w := &Value{Type: x.Type, Node: m, Index: j}
			m.Out = append(m.Out, w)
			g.known[x], g.own[w] = w, true
		}
		g.again = append(g.again, m)
	default:
		g.known[v] = g.param(&g.sequences, &g.sequencesIn, v.Type, g.saved(v))
	}
	return g.known[v]
}

// copyOf is an op of which the regions are its own.
func (g *scanGrad) copyOf(o Op) Op {
	list := Regions(o)
	for i, r := range list {
		list[i] = r.Copy()
	}
	return WithRegions(o, list)
}

// saved returns what the forward node yields of a value, which it may have to yield first.
func (g *scanGrad) saved(v *Value) *Value {
	for i, r := range g.Body.Results {
		if i >= g.Carries && r.Value == v {
			return g.n.Out[i]
		}
	}
	name := fmt.Sprint("saved", len(g.Body.Results))
	for slices.ContainsFunc(g.Body.Results, func(r Result) bool { return r.Name == name }) {
		name += "_"
	}
	g.Body.Results = append(g.Body.Results, Result{Name: name, Value: v})
	t := tensor.Type{DType: v.Type.DType, Shape: append(tensor.Shape{g.Length}, v.Type.Shape...)}
	w := &Value{ID: g.b.next, Type: t, Node: g.n, Index: len(g.n.Out)}
	g.b.next++
	g.n.Out = append(g.n.Out, w)
	return w
}

// isView reports whether a node only says where its result is read, or that it is one value
// everywhere, and has no less of it than its operand.
func isView(n *Node) bool {
	if len(n.Out) != 1 || len(n.In) > 1 || len(Regions(n.Op)) > 0 {
		return false
	}
	l := NewLowering(n, make([]string, len(n.In)), []string{"y"}, func(s string) string { return s })
	n.Op.Lower(l)
	if len(l.Defs) != 1 || l.Defs[0].Reduce != nil || l.Defs[0].Scan != nil {
		return false
	}
	for _, x := range n.In {
		more := n.Out[0].Type.Shape.Size().Sub(x.Type.Shape.Size()).Bounds(nil)
		if more.OpenLo || more.Lo < 0 {
			return false
		}
	}
	switch l.Defs[0].Expr.(type) {
	case *kernel.Load, *kernel.Lit, *kernel.Index:
		return true
	}
	return false
}

// stacked yields a value of the gradient's body, if it is not an operand already; the function
// returns all turns of it.
func (g *scanGrad) stacked(v *Value) func() *Value {
	if i := slices.Index(g.sequences, v); i >= 0 {
		return func() *Value { return g.sequencesIn[i] }
	}
	return g.yielded(v)
}

// yielded makes a value of the gradient's body its next result.
func (g *scanGrad) yielded(v *Value) func() *Value {
	place := len(g.yields)
	g.yields = append(g.yields, v)
	return func() *Value { return g.out[place] }
}

// recomputes reports whether the gradient's body runs something of the body again, so that not all
// turns of it are kept.
func (g *scanGrad) recomputes() bool {
	return slices.ContainsFunc(g.back.Func.Nodes, func(n *Node) bool { _, again := n.Op.(Again); return again })
}

// accumulated carries the sum of a value over the turns: what a turn's share is made of is not kept for
// a sum at the end.
func (g *scanGrad) accumulated(v *Value) *Value {
	sum := g.param(&g.carries, &g.carriesIn, v.Type, g.b.fill(v.Type, 0))
	v = g.back.Add(Binary{"add"}, sum, v)
	g.own[v] = true
	return v
}
