package sample

import (
	"fmt"
	"maps"
	"math"
	"math/rand"
	"slices"
	"testing"

	"dlc/ir"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/passes"
)

// lowered is a program of one kernel that holds the lowering of f's nodes.
func lowered(f *ir.Func) *kernel.Program {
	k := &kernel.Kernel{Name: "k"}
	p := &kernel.Program{Name: f.Name, Kernels: []*kernel.Kernel{k}}
	name := func(v *ir.Value) string { return fmt.Sprint("v", v.ID) }
	buffer := func(v *ir.Value, role kernel.Role) *kernel.Buffer {
		b := &kernel.Buffer{Name: name(v), Type: v.Type, Role: role}
		p.Buffers = append(p.Buffers, b)
		return b
	}
	for _, v := range f.Params {
		k.Ins = append(k.Ins, buffer(v, kernel.Input))
	}
	fresh := 0
	for _, n := range f.Nodes {
		var in, out []string
		for _, v := range n.In {
			in = append(in, name(v))
		}
		for _, v := range n.Out {
			out = append(out, name(v))
		}
		l := ir.NewLowering(n, in, out, func(s string) string { fresh++; return fmt.Sprint(s, fresh) })
		n.Op.Lower(l)
		k.Defs = append(k.Defs, l.Defs...)
		p.Buffers = append(p.Buffers, l.Consts...)
		for _, v := range n.Out {
			if len(l.Defs) > 0 {
				k.Outs = append(k.Outs, buffer(v, kernel.Temp))
			}
		}
	}
	return p
}

// interpret runs the lowering of f and returns its results.
func interpret(t *testing.T, f *ir.Func, env map[string]int64, in map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
	if slices.ContainsFunc(f.Nodes, func(n *ir.Node) bool { return ir.HasFlow(n.Op) }) {
		return interpretFlow(t, f, env, in)
	}
	buffers := map[string]*tensor.Tensor{}
	for _, p := range f.Params {
		buffers[fmt.Sprint("v", p.ID)] = in[p.Param.Name]
	}
	if err := kernel.Interp(lowered(f), env, buffers); err != nil {
		t.Fatal(err)
	}
	out := map[string]*tensor.Tensor{}
	for _, r := range f.Results {
		out[r.Name] = buffers[fmt.Sprint("v", r.Value.ID)]
	}
	return out
}

// interpretFlow is interpret for functions of which the lowering has regions.
func interpretFlow(t *testing.T, f *ir.Func, env map[string]int64, in map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
	p, err := passes.Kernels(f, nil, &passes.Options{Skip: func(string) bool { return true }})
	if err == nil {
		err = kernel.Verify(p)
	}
	buffers := maps.Clone(in)
	if err == nil {
		err = kernel.Interp(p, env, buffers)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, p)
	}
	out := map[string]*tensor.Tensor{}
	for _, r := range f.Results {
		out[r.Name] = buffers[r.Name]
	}
	return out
}

// TestLowerAgreesWithEval runs the lowering of every case, of every dtype, in the level-1
// interpreter: it gives what the evaluator does, in f32 as in f64.
func TestLowerAgreesWithEval(t *testing.T) {
	for _, r := range Rows() {
		for _, d := range r.DTypes {
			for _, c := range r.Cases(d) {
				for _, env := range c.Bindings() {
					agree(t, c, env)
				}
			}
		}
	}
}

func agree(t *testing.T, c Case, env map[string]int64) {
	t.Helper()
	f, in := function(t, c), c.Inputs(env)
	got := interpret(t, f, env, in)
	narrow, _, err := ir.Eval(f, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	wants := []map[string]*tensor.Tensor{narrow}
	if c.Drawn != "extreme" && c.Drawn != "special" { // f32 overflows earlier
		wide, _, err := ir.Eval(f, in, nil, ir.Wide)
		if err != nil {
			t.Fatal(err)
		}
		wants = append(wants, wide)
	}
	for _, res := range f.Results {
		limit := map[tensor.DType]float64{tensor.F32: 2e-5, tensor.F64: max(1e-12, c.Row.Lowered)}[res.Value.Type.DType]
		for _, want := range wants {
			if d := Distance(got[res.Name], want[res.Name]); d > limit {
				t.Errorf("%s with %v: %s differs by %g", c, env, res.Name, d)
			}
		}
	}
}

// wide are the cases of f64 of a row, for derivatives: each sample whose operands can be drawn
// from the row's domain.
func (r *Row) wide() []Case {
	var list []Case
	if !contains(r.DTypes, tensor.F64) {
		return nil
	}
	for _, c := range r.Cases(tensor.F64) {
		if r.Domain != "" && c.Drawn == "" {
			c.Drawn = r.Domain
		}
		reduce, _ := c.Op.(ir.Reduce)
		if cast, ok := c.Op.(ir.Cast); ok && cast.To == tensor.F32 {
			continue // a difference is lost in rounding
		}
		if c.Drawn != "special" && c.Drawn != "extreme" && (c.Drawn != "ties" || reduce.Op == "prod") {
			list = append(list, c)
		}
	}
	return list
}

// TestGradients compares Grad with central differences of the sum of the results times random
// weights, for every row as its column says.
func TestGradients(t *testing.T) {
	for _, r := range Rows() {
		flows := false
		for _, c := range r.wide() {
			g := newGradientTest(t, c)
			if (g == nil) != (r.Derivative == Refused) {
				t.Errorf("%s: the gradient is refused: %v; the row says %s", c, g == nil, r.Derivative)
			}
			if g == nil {
				continue
			}
			for _, x := range g.flows {
				flows = flows || x
			}
			if r.Derivative == Zero {
				continue
			}
			for _, env := range c.Bindings() {
				g.compare(t, env)
			}
		}
		if want := r.Derivative == Once || r.Derivative == Twice; flows != want && len(r.Samples) > 0 {
			t.Errorf("%s: a gradient flows: %v; the row says %s", r.Name, flows, r.Derivative)
		}
	}
}

// A gradientTest holds loss(x..., w...) and the gradients of x, as functions of the same inputs.
type gradientTest struct {
	Case
	forward, backward *ir.Func
	flows             []bool // into operand i
}

// newGradientTest is nil where the op refuses to be differentiated.
func newGradientTest(t *testing.T, c Case) *gradientTest {
	g := &gradientTest{Case: c}
	b, n, _, dy := g.build(t)
	for i, w := range dy {
		if w != nil {
			b.Result(fmt.Sprint("y", i), b.Add(ir.Binary{Fn: "mul"}, w, n.Out[i]))
		}
	}
	g.forward = b.Func
	b, n, in, dy := g.build(t)
	if n != nil {
		for i, v := range c.Op.Grad(b, n, dy) {
			g.flows = append(g.flows, v != nil)
			if v != nil {
				if !v.Type.Equal(in[i].Type) {
					t.Errorf("%s: the gradient of operand %d is %s, not %s", c, i, v.Type, in[i].Type)
				}
				b.Result(fmt.Sprint("x", i), v)
			}
		}
	}
	g.backward = b.Func
	if b.Err != nil {
		return nil
	}
	return g
}

// build applies the op to inputs x0, x1 ...; dy are inputs w0, w1 ... for its float results.
func (g *gradientTest) build(t *testing.T) (b *ir.Builder, n *ir.Node, in, dy []*ir.Value) {
	t.Helper()
	b = ir.NewBuilder("f")
	b.Param(ir.Input, "dims", tensor.Type{DType: tensor.Bool, Shape: dims("N, T")})
	for i, typ := range g.In {
		in = append(in, b.Param(ir.Input, fmt.Sprint("x", i), typ))
	}
	outs, err := g.Op.Infer(g.In)
	if err != nil {
		t.Fatalf("%s: %v", g.Case, err)
	}
	for i, typ := range outs {
		dy = append(dy, nil)
		if typ.DType.IsFloat() {
			dy[i] = b.Param(ir.Input, fmt.Sprint("w", i), typ)
		}
	}
	out, _ := b.Try(g.Op, in...)
	if len(out) > 0 {
		n = out[0].Node
	}
	return b, n, in, dy
}

// inputs draws what a function reads beyond the operands of its case.
func (c Case) inputs(f *ir.Func, env map[string]int64) map[string]*tensor.Tensor {
	in := c.Inputs(env)
	r := rand.New(rand.NewSource(5))
	for _, p := range f.Params {
		if in[p.Param.Name] == nil {
			d, _ := p.Type.Shape.Bind(env)
			in[p.Param.Name] = Draw(r, p.Type.DType, "", d...)
		}
	}
	return in
}

// sum evaluates a function and adds all its results up.
func sum(t *testing.T, f *ir.Func, in map[string]*tensor.Tensor) float64 {
	t.Helper()
	out, _, err := ir.Eval(f, in, nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, r := range f.Results {
		for i := range out[r.Name].Len() {
			sum += out[r.Name].Float(i)
		}
	}
	return sum
}

func (g *gradientTest) compare(t *testing.T, env map[string]int64) {
	t.Helper()
	in := g.inputs(g.forward, env)
	grads, _, err := ir.Eval(g.backward, in, nil)
	if err != nil {
		t.Fatalf("%s: %v", g.Case, err)
	}
	for i, flows := range g.flows {
		name := fmt.Sprint("x", i)
		if !in[name].DType.IsFloat() {
			continue
		}
		got := tensor.New(tensor.F64, in[name].Dims...)
		if flows {
			got = grads[name]
		}
		difference(t, g.String(), name, got, g.forward, in, 1e-5)
	}
}

// difference compares a gradient by the input of that name with central differences of the sum of
// f's results: at all elements, or at 12 of many.
func difference(t *testing.T, what, name string, got *tensor.Tensor, f *ir.Func, in map[string]*tensor.Tensor, tolerance float64) {
	t.Helper()
	const h = 1e-6
	x := in[name]
	r := rand.New(rand.NewSource(6))
	for k := range min(12, x.Len()) {
		j := k
		if x.Len() > 12 {
			j = r.Intn(x.Len())
		}
		v := x.Float(j)
		x.SetFloat(j, v+h)
		up := sum(t, f, in)
		x.SetFloat(j, v-h)
		down := sum(t, f, in)
		x.SetFloat(j, v)
		want := (up - down) / (2 * h)
		if d := math.Abs(got.Float(j)-want) / math.Max(1, math.Abs(want)); !(d < tolerance) {
			t.Errorf("%s: the gradient by %s[%d] is %g, differences say %g (there it is %g)", what, name, j, got.Float(j), want, v)
			return
		}
	}
}

// TestSecondGradients compares the gradient of the gradient, as autodiff writes it out, with
// differences of the gradient; where the row says that there is none, it is refused.
func TestSecondGradients(t *testing.T) {
	for _, r := range Rows() {
		if r.Derivative != Once && r.Derivative != Twice {
			continue
		}
		for _, c := range r.wide() {
			if c.reaches() == 0 || c.Drawn == "ties" { // at zeros, the second derivative of a product is known to be wrong: docs/ops.md
				continue
			}
			first, err := c.nested(t, 1)
			if err != nil {
				t.Errorf("%s: %v", c, err)
				continue
			}
			second, err := c.nested(t, 2)
			if (err != nil) != (r.Derivative == Once) {
				t.Errorf("%s: the second derivative: %v; the row says %s", c, err, r.Derivative)
			}
			if err != nil {
				continue
			}
			for _, env := range c.Bindings() {
				in := c.inputs(first, env)
				grads, _, err := ir.Eval(second, in, nil)
				if err != nil {
					t.Fatal(err)
				}
				for name, got := range grads {
					difference(t, "second: "+c.String(), name, got, first, in, 1e-4)
				}
			}
		}
	}
}

// reaches counts the float operands, if a result is a float.
func (c Case) reaches() (n int) {
	out, _ := c.Op.Infer(c.In)
	float := false
	for _, t := range out {
		float = float || t.DType.IsFloat()
	}
	for _, t := range c.In {
		if float && t.DType.IsFloat() {
			n++
		}
	}
	return n
}

// nested is, for one time, the sum of the gradients times random weights; for two, the gradients
// of that.
func (c Case) nested(t *testing.T, times int) (*ir.Func, error) {
	t.Helper()
	b, n, in, dy := (&gradientTest{Case: c}).build(t)
	var variables []*ir.Value
	var names []string
	for i, v := range in {
		if v.Type.DType.IsFloat() {
			variables, names = append(variables, v), append(names, fmt.Sprint("x", i))
		}
	}
	loss := weighted(b, n.Out, dy)
	for turn := range times {
		grads, err := b.Try(ir.Gradient{}, append([]*ir.Value{loss}, variables...)...)
		if err != nil {
			return nil, err
		}
		if turn == times-1 && times > 1 {
			for i, g := range grads {
				b.Result(names[i], g)
			}
			break
		}
		var weights []*ir.Value
		for i, g := range grads {
			weights = append(weights, b.Param(ir.Input, fmt.Sprint("v", i), g.Type))
		}
		loss = weighted(b, grads, weights)
		if times == 1 {
			b.Result("s", loss)
		}
	}
	err := passes.Graph(&ir.Module{Name: "m", Funcs: []*ir.Func{b.Func}}, nil)
	return b.Func, err
}

// weighted is the sum of values times weights.
func weighted(b *ir.Builder, values, weights []*ir.Value) *ir.Value {
	total := b.Add(ir.FullOf(tensor.Type{DType: tensor.F64}, 0))
	for i, v := range values {
		if weights[i] == nil {
			continue
		}
		axes := []int{}
		for a := range v.Type.Shape {
			axes = append(axes, a)
		}
		sum := b.Add(ir.Reduce{Op: "sum", Axes: axes}, b.Add(ir.Binary{Fn: "mul"}, v, weights[i]))
		total = b.Add(ir.Binary{Fn: "add"}, total, b.Add(ir.Cast{To: tensor.F64}, sum))
	}
	return total
}
