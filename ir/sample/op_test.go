package ir

import (
	"fmt"
	"math"
	"math/rand"
	"reflect"
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// bindings are the values that N and T take.
func bindings() []map[string]int64 {
	return []map[string]int64{{"N": 3, "T": 5}, {"N": 1, "T": 2}, {"N": 0, "T": 4}}
}

// function builds a function of one node; the input `dims` gives every symbol a place.
func (s sample) function(t testing.TB) *Func {
	b := NewBuilder("f")
	b.Param(Input, "dims", typ(tensor.Bool, "N", "T"))
	var in []*Value
	for i, typ := range s.types() {
		in = append(in, b.Param(Input, fmt.Sprint("x", i), typ))
	}
	out, err := b.Try(s.op, in...)
	if err != nil {
		t.Fatalf("%s of %s: %v", OpText(s.op), s.in, err)
	}
	for i, v := range out {
		b.Result(fmt.Sprint("y", i), v)
	}
	return b.Func
}

// inputs draws operands for a function of sample.function's making.
func (s sample) inputs(r *rand.Rand, f *Func, env map[string]int64) map[string]*tensor.Tensor {
	in := map[string]*tensor.Tensor{}
	for _, p := range f.Params {
		dims, ok := p.Type.Shape.Bind(env)
		if !ok {
			panic("no dims for " + p.Type.String())
		}
		in[p.Param.Name] = operand(r, p.Type.DType, s.draw, dims...)
	}
	return in
}

func TestEveryOpHasSamples(t *testing.T) {
	have := map[string]bool{}
	for _, s := range samples() {
		have[s.op.Name()] = true
	}
	names := map[string]bool{}
	for _, o := range Ops() {
		if names[o.Name()] {
			t.Errorf("two ops are named %s", o.Name())
		}
		names[o.Name()] = true
		if _, ok := o.(Gradient); !ok && !have[o.Name()] {
			t.Errorf("%s has no sample", o.Name())
		}
	}
}

// lowered is a program of one kernel that holds the lowering of f's nodes.
func lowered(f *Func) *kernel.Program {
	k := &kernel.Kernel{Name: "k"}
	p := &kernel.Program{Name: f.Name, Kernels: []*kernel.Kernel{k}}
	name := func(v *Value) string { return fmt.Sprint("v", v.ID) }
	buffer := func(v *Value, role kernel.Role) *kernel.Buffer {
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
		l := NewLowering(n, in, out, func(s string) string { fresh++; return fmt.Sprint(s, fresh) })
		n.Op.Lower(l)
		k.Defs = append(k.Defs, l.Defs...)
		p.Buffers = append(p.Buffers, l.Consts...)
		for _, v := range n.Out {
			if len(l.Consts) == 0 {
				k.Outs = append(k.Outs, buffer(v, kernel.Temp))
			}
		}
	}
	return p
}

// interpret runs the lowering of f and returns its results.
func interpret(t *testing.T, f *Func, env map[string]int64, in map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
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

// distance is the largest difference of two tensors of one shape, relative to max(1, |b|); NaNs
// and infinities must agree.
func distance(a, b *tensor.Tensor) float64 {
	worst := 0.0
	if !reflect.DeepEqual(append([]int{}, a.Dims...), append([]int{}, b.Dims...)) {
		return math.Inf(1)
	}
	for i := range a.Len() {
		x, y := a.Float(i), b.Float(i)
		if x == y || math.IsNaN(x) && math.IsNaN(y) {
			continue
		}
		d := math.Abs(x-y) / math.Max(1, math.Abs(y))
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		worst = math.Max(worst, d)
	}
	return worst
}

func TestLowerAgreesWithEval(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for _, s := range samples() {
		f := s.function(t)
		for _, env := range bindings() {
			in := s.inputs(r, f, env)
			got := interpret(t, f, env, in)
			narrow, _, err := Eval(f, in, nil)
			if err != nil {
				t.Fatal(err)
			}
			wide, _, err := Eval(f, in, nil, Wide)
			if err != nil {
				t.Fatal(err)
			}
			for _, res := range f.Results {
				limit := 0.0
				if res.Value.Type.DType.IsFloat() {
					limit = 2e-5
				}
				for _, want := range []*tensor.Tensor{narrow[res.Name], wide[res.Name]} {
					if d := distance(got[res.Name], want); d > limit {
						t.Errorf("%s of %s with %v: %s differs by %g", OpText(s.op), s.in, env, res.Name, d)
					}
				}
			}
		}
	}
}

// widened makes the op and operand types f64.
func (s sample) widened() (Op, []tensor.Type) {
	wide := func(d tensor.DType) tensor.DType {
		if d == tensor.F32 {
			return tensor.F64
		}
		return d
	}
	types := s.types()
	for i := range types {
		types[i].DType = wide(types[i].DType)
	}
	op := mapAttributes(s.op, wide, func(d tensor.Dim) tensor.Dim { return d })
	return op, types
}

// smooth reports whether finite differences tell the gradient at the values drawn.
func (s sample) smooth() bool {
	switch s.op.(type) {
	case StopGradient, Bitcast:
		return false
	}
	r, ok := s.op.(Reduce)
	return s.draw != "special" && (s.draw != "ties" || ok && r.Op == "prod")
}

// TestGradients compares Grad with central differences of the sum of the results times random
// weights.
func TestGradients(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	for _, s := range samples() {
		if !s.smooth() {
			continue
		}
		op, types := s.widened()
		g := newGradientTest(t, op, types)
		if g == nil {
			continue
		}
		for _, env := range bindings() {
			in := s.inputs(r, g.forward, env)
			g.compare(t, in)
		}
	}
}

// A gradientTest holds loss(x..., w...) and the gradients of x, as functions of the same inputs.
type gradientTest struct {
	name              string
	forward, backward *Func
	flows             []bool // into operand i
}

func newGradientTest(t *testing.T, op Op, types []tensor.Type) *gradientTest {
	g := &gradientTest{name: OpText(op)}
	build := func() (b *Builder, n *Node, in, dy []*Value) {
		b = NewBuilder("f")
		b.Param(Input, "dims", typ(tensor.Bool, "N", "T"))
		for i, typ := range types {
			in = append(in, b.Param(Input, fmt.Sprint("x", i), typ))
		}
		outs, err := op.Infer(types)
		if err != nil {
			t.Fatalf("%s: %v", g.name, err)
		}
		for i, typ := range outs {
			dy = append(dy, nil)
			if typ.DType.IsFloat() {
				dy[i] = b.Param(Input, fmt.Sprint("w", i), typ)
			}
		}
		out, _ := b.Try(op, in...)
		if len(out) > 0 {
			n = out[0].Node
		}
		return b, n, in, dy
	}
	b, n, _, dy := build()
	for i, w := range dy {
		if w != nil {
			b.Result(fmt.Sprint("y", i), b.Add(Binary{"mul"}, w, n.Out[i]))
		}
	}
	g.forward = b.Func
	b, n, in, dy := build()
	for i, v := range op.Grad(b, n, dy) {
		g.flows = append(g.flows, v != nil)
		if v != nil {
			if !v.Type.Equal(in[i].Type) {
				t.Errorf("%s: the gradient of operand %d is %s, not %s", g.name, i, v.Type, in[i].Type)
			}
			b.Result(fmt.Sprint("x", i), v)
		}
	}
	g.backward = b.Func
	if b.Err != nil {
		t.Logf("%s: %v", g.name, b.Err)
		return nil
	}
	return g
}

func (g *gradientTest) loss(t *testing.T, in map[string]*tensor.Tensor) float64 {
	out, _, err := Eval(g.forward, in, nil)
	if err != nil {
		t.Fatalf("%s: %v", g.name, err)
	}
	sum := 0.0
	for _, r := range g.forward.Results {
		for i := range out[r.Name].Len() {
			sum += out[r.Name].Float(i)
		}
	}
	return sum
}

func (g *gradientTest) compare(t *testing.T, in map[string]*tensor.Tensor) {
	t.Helper()
	grads, _, err := Eval(g.backward, in, nil)
	if err != nil {
		t.Fatalf("%s: %v", g.name, err)
	}
	const h = 1e-6
	for i, flows := range g.flows {
		name := fmt.Sprint("x", i)
		x := in[name]
		if !x.DType.IsFloat() {
			continue
		}
		for j := range x.Len() {
			v := x.Float(j)
			x.SetFloat(j, v+h)
			up := g.loss(t, in)
			x.SetFloat(j, v-h)
			down := g.loss(t, in)
			x.SetFloat(j, v)
			want, got := (up-down)/(2*h), 0.0
			if flows {
				got = grads[name].Float(j)
			}
			if d := math.Abs(got-want) / math.Max(1, math.Abs(want)); !(d < 1e-5) {
				t.Errorf("%s: gradient of operand %d at %d is %g, differences say %g (x = %g)", g.name, i, j, got, want, v)
				return
			}
		}
	}
}

// reverse adds the gradients of loss by the values before it, for a function of elementwise nodes.
func reverse(b *Builder, loss *Value) map[*Value]*Value {
	nodes := b.Func.Nodes
	grads := map[*Value]*Value{loss: b.fill(loss.Type, 1)}
	for i := len(nodes) - 1; i >= 0; i-- {
		n := nodes[i]
		if grads[n.Out[0]] == nil {
			continue
		}
		for j, g := range n.Op.Grad(b, n, []*Value{grads[n.Out[0]]}) {
			if have := grads[n.In[j]]; have != nil && g != nil {
				g = b.binary("add", have, g)
			}
			if g != nil {
				grads[n.In[j]] = g
			}
		}
	}
	return grads
}

// TestSecondGradients compares the gradient of the gradient of each float function with
// differences of the gradient.
func TestSecondGradients(t *testing.T) {
	r := rand.New(rand.NewSource(4))
	for _, s := range samples() {
		_, unary := s.op.(Unary)
		binary, two := s.op.(Binary)
		types := s.types()
		if !unary && !(two && (binary.Fn == "atan2" || binary.Fn == "pow" || binary.Fn == "div")) || !types[0].DType.IsFloat() || !s.smooth() {
			continue
		}
		for i := range types {
			types[i] = typ(tensor.F64, "6")
		}
		build := func(times int) *Func {
			b := NewBuilder("f")
			var in []*Value
			for i, typ := range types {
				in = append(in, b.Param(Input, fmt.Sprint("x", i), typ))
			}
			out, _ := b.Try(s.op, in...)
			y := out[0]
			for range times {
				if y = reverse(b, y)[in[0]]; y == nil {
					y = b.fill(types[0], 0)
				}
			}
			b.Result("y", y)
			if b.Err != nil {
				return nil
			}
			return b.Func
		}
		first, second := build(1), build(2)
		if second == nil {
			if u, ok := s.op.(Unary); !ok || u.Fn != "trigamma" && u.Fn != "digamma" {
				t.Errorf("%s has no second derivative", OpText(s.op))
			}
			continue
		}
		in := map[string]*tensor.Tensor{}
		for i := range types {
			in[fmt.Sprint("x", i)] = operand(r, tensor.F64, s.draw, 6)
		}
		value := func(f *Func) []float64 {
			out, _, err := Eval(f, in, nil)
			if err != nil {
				t.Fatal(err)
			}
			list := make([]float64, out["y"].Len())
			for i := range list {
				list[i] = out["y"].Float(i)
			}
			return list
		}
		got, x := value(second), in["x0"]
		const h = 1e-6
		for i := range got {
			v := x.Float(i)
			x.SetFloat(i, v+h)
			up := value(first)[i]
			x.SetFloat(i, v-h)
			down := value(first)[i]
			x.SetFloat(i, v)
			if want := (up - down) / (2 * h); !(math.Abs(got[i]-want) <= 1e-4*max(1, math.Abs(want))) {
				t.Errorf("%s: the second derivative at %g is %g, differences say %g", OpText(s.op), v, got[i], want)
			}
		}
	}
}

func TestPoolRefusesSecondDerivative(t *testing.T) {
	for _, s := range samples() {
		if _, ok := s.op.(MaxPoolGrad); ok {
			op, types := s.widened()
			if g := newGradientTest(t, op, types); g != nil {
				t.Fatal("a second derivative of max_pool is accepted")
			}
		}
	}
}

func TestSamplesSurvivePrinting(t *testing.T) {
	for _, s := range samples() {
		m := &Module{Name: "sample", Funcs: []*Func{s.function(t)}}
		if err := Verify(m); err != nil {
			t.Errorf("%s: %v", OpText(s.op), err)
		}
		text := Print(m)
		back, err := Parse(text)
		if err != nil {
			t.Errorf("%v in\n%s", err, text)
			continue
		}
		if again := Print(back); again != text {
			t.Errorf("printed\n%sread and printed\n%s", text, again)
		}
		if err := Verify(back); err != nil {
			t.Errorf("%v in\n%s", err, text)
		}
	}
}
