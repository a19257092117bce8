package passes

import (
	"fmt"
	"testing"

	"dlc/ir"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// A net writes models into a graph.
type net struct {
	*ir.Builder
	params []*ir.Value
}

func f32(dims ...tensor.Dim) tensor.Type { return tensor.Type{DType: tensor.F32, Shape: dims} }

func newNet() *net { return &net{Builder: ir.NewBuilder("train")} }

func (n *net) param(name string, dims ...int64) *ir.Value {
	v := n.Param(ir.Stored, name, f32(tensor.Ints(dims...)...))
	n.params = append(n.params, v)
	return v
}

func (n *net) full(t tensor.Type, v float64) *ir.Value { return n.Add(ir.FullOf(t, v)) }

func (n *net) op(fn string, x *ir.Value, y ...*ir.Value) *ir.Value {
	if len(y) == 0 {
		return n.Add(ir.Unary{Fn: fn}, x)
	}
	return n.Add(ir.Binary{Fn: fn}, x, y[0])
}

// spread repeats x, whose dims are those axes of s.
func (n *net) spread(x *ir.Value, s tensor.Shape, axes ...int) *ir.Value {
	return n.Add(ir.Broadcast{Shape: s, Axes: axes}, x)
}

func (n *net) plusBias(x, b *ir.Value) *ir.Value {
	return n.op("add", x, n.spread(b, x.Type.Shape, len(x.Type.Shape)-1))
}

func (n *net) relu(x *ir.Value) *ir.Value { return n.op("max", x, n.full(x.Type, 0)) }

func (n *net) sum(x *ir.Value, axes ...int) *ir.Value {
	return n.Add(ir.Reduce{Op: "sum", Axes: axes}, x)
}

func (n *net) dense(x *ir.Value, name string, in, out int64) *ir.Value {
	w, b := n.param(name+".kernel", in, out), n.param(name+".bias", out)
	return n.plusBias(n.Add(ir.Einsum{Spec: "mk,kn->mn"}, x, w), b)
}

func (n *net) conv(x *ir.Value, name string, size, in, out, pad, stride int64) *ir.Value {
	w, b := n.param(name+".kernel", size, size, in, out), n.param(name+".bias", out)
	p := []int64{pad, pad}
	y := n.Add(ir.Conv{Strides: []int64{stride, stride}, PadLo: p, PadHi: p, Dilation: []int64{1, 1}}, x, w)
	return n.plusBias(y, b)
}

func (n *net) pool(x *ir.Value) *ir.Value {
	two, zero := []int64{2, 2}, []int64{0, 0}
	out, err := n.Try(ir.MaxPool{Window: two, Strides: two, PadLo: zero, PadHi: zero}, x)
	if err != nil {
		panic(err)
	}
	return out[0]
}

// crossEntropy is the mean over rows of logsumexp(logits) - logits[label].
func (n *net) crossEntropy(logits, label *ir.Value) *ir.Value {
	s := logits.Type.Shape
	top := n.Add(ir.StopGradient{}, n.Add(ir.Reduce{Op: "max", Axes: []int{1}}, logits))
	z := n.op("sub", logits, n.spread(top, s, 0))
	lse := n.op("log", n.sum(n.op("exp", z), 1))
	total := n.sum(n.op("sub", lse, n.Add(ir.Pick{Axis: 1}, z, label)), 0)
	return n.op("div", total, n.Add(ir.Size{Dim: s[0], DType: tensor.F32}))
}

func (n *net) batchNorm(x *ir.Value, c int64) *ir.Value {
	s := x.Type.Shape
	last := len(s) - 1
	gamma, beta := n.param("gamma", c), n.param("beta", c)
	over := []int{0, 1, 2}
	count := n.spread(n.Add(ir.Size{Dim: s[:last].Size(), DType: tensor.F32}), gamma.Type.Shape)
	mean := n.op("div", n.sum(x, over...), count)
	d := n.op("sub", x, n.spread(mean, s, last))
	variance := n.op("div", n.sum(n.op("mul", d, d), over...), count)
	moving := n.Param(ir.Stored, "moving_mean", gamma.Type)
	n.Update("moving_mean", n.op("add", n.op("mul", moving, n.full(moving.Type, 0.99)), n.op("mul", mean, n.full(moving.Type, 0.01))))
	inv := n.op("rsqrt", n.op("add", variance, n.full(variance.Type, 1e-3)))
	scaled := n.op("mul", n.op("mul", d, n.spread(inv, s, last)), n.spread(gamma, s, last))
	return n.plusBias(scaled, beta)
}

// adam updates all parameters by the gradients of loss.
func (n *net) adam(loss, step *ir.Value) {
	grads, err := n.Try(ir.Gradient{}, append([]*ir.Value{loss}, n.params...)...)
	if err != nil {
		panic(err)
	}
	count := n.Add(ir.Cast{To: tensor.F32}, step)
	correction := func(beta float64) *ir.Value {
		return n.op("sub", n.full(count.Type, 1), n.op("pow", n.full(count.Type, beta), count))
	}
	c1, c2 := correction(0.9), correction(0.999)
	for i, p := range n.params {
		n.adamOf(p, grads[i], c1, c2)
	}
}

func (n *net) adamOf(p, g, c1, c2 *ir.Value) {
	name := p.Param.Name
	m, v := n.Param(ir.Stored, "optimizer/m/"+name, p.Type), n.Param(ir.Stored, "optimizer/v/"+name, p.Type)
	k := func(x float64) *ir.Value { return n.full(p.Type, x) }
	m1 := n.op("add", n.op("mul", m, k(0.9)), n.op("mul", g, k(0.1)))
	v1 := n.op("add", n.op("mul", v, k(0.999)), n.op("mul", n.op("mul", g, g), k(0.001)))
	mh, vh := n.op("div", m1, n.spread(c1, p.Type.Shape)), n.op("div", v1, n.spread(c2, p.Type.Shape))
	n.Update("optimizer/m/"+name, m1)
	n.Update("optimizer/v/"+name, v1)
	n.Update(name, n.op("sub", p, n.op("div", n.op("mul", k(1e-3), mh), n.op("add", n.op("sqrt", vh), k(1e-8)))))
}

func (n *net) inputs(image tensor.Type) (x, label, step *ir.Value) {
	x = n.Param(ir.Input, "image", image)
	label = n.Param(ir.Input, "label", tensor.Type{DType: tensor.I32, Shape: image.Shape[:1]})
	return x, label, n.Param(ir.Input, "step", tensor.Type{DType: tensor.I64})
}

var rows = tensor.Sym("N")

func mlp(hidden int64) *ir.Func {
	n := newNet()
	x, label, step := n.inputs(f32(rows, tensor.Int(20)))
	logits := n.dense(n.relu(n.dense(x, "dense", 20, hidden)), "dense_1", hidden, 10)
	loss := n.crossEntropy(logits, label)
	n.Result("loss", loss)
	n.adam(loss, step)
	return n.Func
}

// lenet is the real one for size 28; smaller images keep interpretation short.
func lenet(size, c1, c2 int64) *ir.Func {
	n := newNet()
	x, label, step := n.inputs(tensor.Type{DType: tensor.U8, Shape: tensor.Shape{rows, tensor.Int(size), tensor.Int(size), tensor.Int(1)}})
	seed := n.Param(ir.Input, "seed", tensor.Type{DType: tensor.U64})
	x = n.Add(ir.Cast{To: tensor.F32}, x)
	x = n.op("div", x, n.full(x.Type, 255))
	x = n.pool(n.relu(n.conv(x, "conv2d", 3, 1, c1, 0, 1)))
	x = n.pool(n.relu(n.conv(x, "conv2d_1", 3, c1, c2, 0, 1)))
	s := x.Type.Shape
	flat := s[1:].Size()
	x = n.Add(ir.Reshape{Shape: tensor.Shape{rows, flat}}, x)
	keep := n.Add(ir.Random{Kind: "bernoulli", Type: tensor.Type{DType: tensor.Bool, Shape: x.Type.Shape}, Site: 7, Keep: 0.5}, seed, step)
	x = n.Add(ir.Select{}, keep, n.op("div", x, n.full(x.Type, 0.5)), n.full(x.Type, 0))
	width, _ := flat.Const()
	logits := n.dense(x, "dense", width, 10)
	loss := n.crossEntropy(logits, label)
	n.Result("loss", loss)
	hits := n.Param(ir.Stored, "metric/accuracy/hits", tensor.Type{DType: tensor.F64})
	hit := n.Add(ir.Cast{To: tensor.F64}, n.Add(ir.Compare{Fn: "eq"}, n.Add(ir.ArgMax{Axis: 1}, logits), label))
	n.Update("metric/accuracy/hits", n.op("add", hits, n.sum(hit, 0)))
	n.adam(loss, step)
	return n.Func
}

// residual has batch norm, a shortcut, a strided convolution and a global average.
func residual(size, c int64) *ir.Func {
	n := newNet()
	x, label, step := n.inputs(f32(rows, tensor.Int(size), tensor.Int(size), tensor.Int(c)))
	y := n.relu(n.batchNorm(n.conv(x, "conv", 3, c, c, 1, 1), c))
	y = n.relu(n.op("add", n.conv(y, "conv_1", 3, c, c, 1, 1), x))
	y = n.relu(n.conv(y, "conv_2", 3, c, 10, 1, 2))
	loss := n.crossEntropy(n.sum(y, 1, 2), label)
	n.Result("loss", loss)
	n.adam(loss, step)
	return n.Func
}

var models = []struct {
	name string
	f    func() *ir.Func
}{
	{"mlp", func() *ir.Func { return mlp(33) }},
	{"wide mlp", func() *ir.Func { return mlp(270) }},
	{"lenet", func() *ir.Func { return lenet(14, 4, 6) }},
	{"residual", func() *ir.Func { return residual(7, 3) }},
}

// optimized runs the graph passes over a model.
func optimized(t testing.TB, f *ir.Func) (*ir.Func, *ir.Module) {
	t.Helper()
	m := &ir.Module{Name: "model", Funcs: []*ir.Func{f}}
	for _, p := range f.Params {
		if p.Param.Kind == ir.Stored {
			m.Weights = append(m.Weights, &ir.Weight{Path: p.Param.Name, Type: p.Type})
		}
	}
	if err := Graph(m, nil); err != nil {
		t.Fatal(err)
	}
	return m.Funcs[0], m
}

// The kernel passes after order change no bit of training steps, and every kernel is schedulable.
func TestModelsKeepBits(t *testing.T) {
	for _, model := range models {
		f, m := optimized(t, model.f())
		before := lowered(t, f)
		form(before, nil)
		order(before, nil)
		after, err := Kernels(f, m, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int64{1, 3} {
			compareResults(t, before, interpret(t, before, n, 1), interpret(t, after, n, 1), fmt.Sprintf("%s, N=%d", model.name, n))
		}
		for _, machine := range Machines() {
			got := interpretTiles(t, after, machine, 3)
			compareResults(t, before, interpret(t, before, 3, 1), got, model.name+" scheduled for "+machine.Name)
		}
	}
}

// interpretTiles runs the schedules of all kernels in the level-2 interpreter.
func interpretTiles(t *testing.T, p *kernel.Program, m *tile.Machine, n int64) map[string]*tensor.Tensor {
	t.Helper()
	buffers := inputsFor(p, n, 1)
	for _, k := range p.Kernels {
		s, err := Tile(k, m)
		if err != nil {
			t.Fatal(err)
		}
		if err := tile.Interp(s, map[string]int64{"N": n}, buffers, 1); err != nil {
			t.Fatal(err)
		}
	}
	return buffers
}

// A training step of LeNet moves no tensor through memory that it need not.
func TestLenetTraffic(t *testing.T) {
	f, m := optimized(t, lenet(28, 32, 64))
	p, err := Kernels(f, m, nil)
	if err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for _, k := range p.Kernels {
		for _, b := range k.Buffers() {
			n, _ := b.Type.Shape.Size().Eval(map[string]int64{"N": 128})
			total += n * int64(b.Type.DType.Size())
		}
	}
	if total > 118e6 {
		t.Errorf("a step of 128 rows moves %d bytes", total)
	}
	t.Logf("%d kernels move %.1f MB", len(p.Kernels), float64(total)/1e6)
}

func BenchmarkKernels(b *testing.B) {
	f, m := optimized(b, lenet(28, 32, 64))
	for b.Loop() {
		if _, err := Kernels(f, m, nil); err != nil {
			b.Fatal(err)
		}
	}
}
