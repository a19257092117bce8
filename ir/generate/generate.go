// Package generate owns random graph programs: it builds valid graphs from the table of samples,
// with symbolic dims, several dtypes, values that are used more than once and gradients, finds
// inputs that avoid NaN and are well conditioned, and makes a program that fails smaller. It knows
// nothing of what the programs are a test of.
package generate

import (
	"fmt"
	"math"
	"math/rand"
	"slices"

	"dlc/ir"
	"dlc/ir/sample"
	"dlc/ir/tensor"
)

// A Program is a module of one function, named program, of inputs alone.
type Program struct {
	Seed   int64
	Module *ir.Module
	Length int64             // the value of T
	Drawn  map[string]string // how the values of inputs are drawn
}

// Func is the program's function.
func (p *Program) Func() *ir.Func { return p.Module.Funcs[0] }

// Symbols are the values of all symbols at a batch.
func (p *Program) Symbols(batch int64) map[string]int64 {
	return map[string]int64{"N": batch, "T": p.Length}
}

// Limits of a program: elements of a value at the largest batch, magnitudes of floats.
const (
	maxElements = 3000
	maxBatch    = 7
	maxValue    = 300
)

// New makes the program of a seed: a few inputs, ops of rows drawn from the table, results, and
// mostly the gradients of a weighted sum of them, at times those of the gradients.
func New(seed int64) *Program {
	g := &generator{Rand: rand.New(rand.NewSource(seed)), b: ir.NewBuilder("program"), values: map[*ir.Value]*tensor.Tensor{},
		p: &Program{Seed: seed, Drawn: map[string]string{}}}
	g.p.Length = []int64{1, 2, 5, 8, 17}[g.Intn(5)]
	g.Input(tensor.Type{DType: tensor.F32, Shape: tensor.Shape{tensor.Sym("N"), tensor.Sym("T")}}, "")
	for range 1 + g.Intn(3) {
		g.Input(tensor.Type{DType: g.dtype(), Shape: g.shape()}, "")
	}
	rows := sample.Rows()
	for applied, tries := 2+g.Intn(5), 0; applied > 0 && tries < 60; tries++ {
		row := rows[g.Intn(len(rows))]
		if all, turn := int64(len(rows)), int64(tries); turn < 3 { // each has its turns, with others every time
			row = rows[(seed+turn*(1+seed/all))%all]
		}
		if g.Intn(8) == 0 {
			g.idiom()
		}
		if g.apply(row) {
			applied--
		}
	}
	g.finish()
	g.p.Module = &ir.Module{Name: fmt.Sprint("random", seed), Funcs: []*ir.Func{g.b.Func}}
	return g.p
}

// A generator builds one program; it is the sample.Program that rows see.
type generator struct {
	*rand.Rand
	p      *Program
	b      *ir.Builder
	list   []*ir.Value
	values map[*ir.Value]*tensor.Tensor // at a batch of 3, in f64
	broken bool                         // an idiom has an op that did not fit
	nesting
}

func (g *generator) env() map[string]int64 { return g.p.Symbols(3) }

// Builder appends to the program.
func (g *generator) Builder() *ir.Builder { return g.b }

// Symbols are the dims that take several values.
func (g *generator) Symbols() []tensor.Dim { return []tensor.Dim{tensor.Sym("N"), tensor.Sym("T")} }

func (g *generator) dtype() tensor.DType {
	if g.Intn(3) > 0 {
		return tensor.F32
	}
	all := sample.AllDTypes()
	return all[g.Intn(len(all))]
}

func (g *generator) shape() tensor.Shape {
	n, t, i := tensor.Sym("N"), tensor.Sym("T"), tensor.Int
	shapes := []tensor.Shape{{n, t}, {n}, {t}, {}, {n, i(4)}, {n, t, i(4)}, {n, t, i(3)}, {i(4), i(4)}, {i(1)}, {n, i(1)}, {n, i(17)}, {i(6)}, {n, i(6), i(6), i(3)}, {n, n}, {n, i(40)}, {i(2), n, i(8)}}
	return shapes[g.Intn(len(shapes))]
}

// Input adds an input.
func (g *generator) Input(t tensor.Type, drawn string) *ir.Value {
	if g.outer != nil {
		return g.captured(t, drawn)
	}
	name := fmt.Sprint("x", len(g.b.Func.Params))
	v := g.b.Param(ir.Input, name, t)
	g.p.Drawn[name] = drawn
	g.values[v] = g.p.draw(g.Rand, v, g.env()).Widened()
	g.list = append(g.list, v)
	return v
}

// Any returns a value that fits, recent ones more often, or nil.
func (g *generator) Any(fits func(tensor.Type) bool) *ir.Value {
	var fit []*ir.Value
	for _, v := range g.list {
		if fits(v.Type) {
			fit = append(fit, v)
		}
	}
	if len(fit) == 0 {
		return nil
	}
	if g.Intn(2) == 0 {
		fit = fit[max(0, len(fit)-3):]
	}
	return fit[g.Intn(len(fit))]
}

// apply adds one op of a row, or nothing where none fits or its values leave the limits.
func (g *generator) apply(r *sample.Row) bool {
	params, nodes, list, more := len(g.b.Func.Params), len(g.b.Func.Nodes), len(g.list), len(g.more)
	op, in := g.choose(r)
	if op != nil && g.add(op, in) {
		return true
	}
	for _, v := range g.b.Func.Params[params:] {
		delete(g.p.Drawn, v.Param.Name)
	}
	g.b.Func.Params, g.b.Func.Nodes, g.list, g.more = g.b.Func.Params[:params], g.b.Func.Nodes[:nodes], g.list[:list], g.more[:more]
	return false
}

// choose takes an op and its operands: as the row says, of any shape, or of a sample.
func (g *generator) choose(r *sample.Row) (ir.Op, []*ir.Value) {
	if r.Apply != nil && g.Intn(8) > 0 {
		return r.Apply(g)
	}
	if len(r.Samples) == 0 {
		return nil, nil
	}
	if r.Elementwise {
		first := g.Any(func(t tensor.Type) bool { return slices.Contains(r.DTypes, t.DType) })
		if first == nil {
			first = g.Input(tensor.Type{DType: r.DTypes[g.Intn(len(r.DTypes))], Shape: g.shape()}, "")
		}
		c := r.Samples[0].With(r, first.Type.DType)
		in := []*ir.Value{g.within(first, r.Domain)}
		for range c.In[1:] {
			other := g.Any(func(t tensor.Type) bool { return t.Equal(first.Type) })
			in = append(in, g.within(other, r.Domain))
		}
		return c.Op, in
	}
	t := r.DTypes[g.Intn(len(r.DTypes))]
	if slices.Contains(r.DTypes, tensor.F32) && g.Intn(3) > 0 {
		t = tensor.F32
	}
	c := r.Samples[g.Intn(len(r.Samples))].With(r, t)
	drawn := c.Drawn
	if drawn == "special" || drawn == "extreme" || drawn == "ends" {
		drawn = r.Domain
	}
	var in []*ir.Value
	for _, t := range c.In {
		v := g.Any(func(u tensor.Type) bool { return u.Equal(t) })
		if v == nil || g.Intn(2) == 0 || drawn == "index" && t.DType.IsInt() {
			v = g.Input(t, drawn)
		}
		in = append(in, v)
	}
	return c.Op, in
}

// within puts floats into the domain of a function.
func (g *generator) within(v *ir.Value, domain string) *ir.Value {
	x := g.values[v]
	if domain == "" || !v.Type.DType.IsFloat() {
		return v
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for i := range x.Len() {
		lo, hi = min(lo, x.Float(i)), max(hi, x.Float(i))
	}
	op := func(o ir.Op, in ...*ir.Value) *ir.Value {
		if !g.add(o, in) {
			return in[0]
		}
		return g.list[len(g.list)-1]
	}
	constant := func(c float64) *ir.Value { return op(ir.FullOf(v.Type, c)) }
	switch {
	case domain == "positive" && !(lo > 0.1):
		return op(ir.Binary{Fn: "add"}, op(ir.Unary{Fn: "abs"}, v), constant(0.25))
	case domain == "above 1" && !(lo > 1.1):
		return op(ir.Binary{Fn: "add"}, op(ir.Unary{Fn: "abs"}, v), constant(1.25))
	case domain == "unit" && !(lo > -0.9 && hi < 0.9):
		return op(ir.Binary{Fn: "mul"}, op(ir.Unary{Fn: "tanh"}, v), constant(0.875))
	}
	return v
}

// add appends a node if the op takes the operands and its values stay within the limits.
func (g *generator) add(op ir.Op, in []*ir.Value) bool {
	for _, v := range in {
		if v == nil {
			return false
		}
	}
	nodes := len(g.b.Func.Nodes)
	out, err := g.b.Try(op, in...)
	if err != nil || len(out) == 0 {
		return false
	}
	undo := func() bool { g.b.Func.Nodes = g.b.Func.Nodes[:nodes]; return false }
	for _, v := range out {
		for _, n := range []int64{1, 3, maxBatch} {
			dims, ok := v.Type.Shape.Bind(g.p.Symbols(n))
			size := 1
			for _, d := range dims {
				size *= max(1, d)
			}
			if !ok || size > maxElements {
				return undo()
			}
		}
	}
	operands := make([]*tensor.Tensor, len(in))
	for i, v := range in {
		operands[i] = g.values[v]
	}
	results, err := ir.EvalNode(out[0].Node, operands, g.env(), ir.Wide)
	if err != nil {
		return undo()
	}
	for _, x := range results {
		if !tame(x, maxValue) {
			return undo()
		}
	}
	for i, v := range out {
		g.values[v] = results[i]
		g.list = append(g.list, v)
	}
	return true
}

// tame reports whether all floats are finite and below a limit.
func tame(x *tensor.Tensor, limit float64) bool {
	for i := 0; x.DType.IsFloat() && i < x.Len(); i++ {
		if v := x.Float(i); !(math.Abs(v) <= limit) {
			return false
		}
	}
	return true
}

// Results are named y0, y1 ..., but for losses and their gradients: loss_dx, and dx_x0 for the
// gradient by the input x0; loss_ddx and ddx_x0 are a weighted sum of those, and its gradients.
const lossName = "loss_"

// finish names results: every value that nothing uses and some of the others; then mostly
// gradients by the float inputs.
func (g *generator) finish() {
	used := map[*ir.Value]bool{}
	for _, n := range g.b.Func.Nodes {
		for _, v := range n.In {
			used[v] = true
		}
	}
	var floats []*ir.Value
	for _, v := range g.list {
		if v.Param != nil || used[v] && g.Intn(4) > 0 {
			continue
		}
		g.b.Result(fmt.Sprint("y", len(g.b.Func.Results)), v)
		if v.Type.DType.IsFloat() {
			floats = append(floats, v)
		}
	}
	if len(g.b.Func.Results) == 0 {
		g.b.Result("y0", g.list[0])
	}
	var variables []*ir.Value
	for _, v := range g.b.Func.Params {
		if v.Type.DType.IsFloat() {
			variables = append(variables, v)
		}
	}
	if len(floats) == 0 || g.Intn(5) == 0 {
		return
	}
	grads := g.gradients(floats, variables, "dx")
	if grads != nil && g.Intn(6) == 0 {
		g.gradients(grads, variables, "ddx")
	}
}

// gradients names the gradients of a weighted sum of values; nil where an op refuses.
func (g *generator) gradients(of, by []*ir.Value, name string) []*ir.Value {
	before, params := len(g.b.Func.Nodes), len(g.b.Func.Params)
	loss := g.b.Add(ir.FullOf(tensor.Type{DType: tensor.F32}, 0))
	for _, v := range of {
		w := g.Input(v.Type, "unit")
		axes := make([]int, len(v.Type.Shape))
		for i := range axes {
			axes[i] = i
		}
		sum := g.b.Add(ir.Reduce{Op: "sum", Axes: axes}, g.b.Add(ir.Binary{Fn: "mul"}, v, w))
		loss = g.b.Add(ir.Binary{Fn: "add"}, loss, g.b.Add(ir.Cast{To: tensor.F32}, sum))
	}
	grads, err := g.b.Try(ir.Gradient{}, append([]*ir.Value{loss}, by...)...)
	if err != nil || Refuses(g.b.Func) {
		for _, v := range g.b.Func.Params[params:] {
			delete(g.p.Drawn, v.Param.Name)
		}
		g.b.Func.Nodes, g.b.Func.Params = g.b.Func.Nodes[:before], g.b.Func.Params[:params]
		return nil
	}
	g.b.Result(lossName+name, loss)
	for i, v := range grads {
		g.b.Result(name+"_"+by[i].Param.Name, v)
	}
	return grads
}

// Refuses reports whether an op on the way has no derivative of the order that is asked for: the
// rows say so.
func Refuses(f *ir.Func) bool {
	rows := map[string]sample.Derivative{}
	for _, r := range sample.Rows() {
		rows[r.Name] = r.Derivative
	}
	orders, refuses := 0, false
	for _, n := range f.Nodes {
		if _, ok := n.Op.(ir.Gradient); ok {
			orders++
		}
	}
	eachNode(f, func(n *ir.Node) {
		d := rows[sample.NameOf(n.Op)]
		refuses = refuses || d == sample.Refused && orders > 0 || d == sample.Once && orders > 1
	})
	return refuses
}

// eachNode visits the nodes of f, those in regions included.
func eachNode(f *ir.Func, visit func(*ir.Node)) {
	ir.EachFunc(&ir.Module{Funcs: []*ir.Func{f}}, func(f *ir.Func) {
		for _, n := range f.Nodes {
			visit(n)
		}
	})
}
