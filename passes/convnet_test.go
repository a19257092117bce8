package passes

import (
	"math"
	"math/rand"
	"testing"

	"dlc/ir"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// A netBuilder writes a small training step: convolutions with stride and padding, batch
// normalization, pools, dropout, a dense layer, cross entropy, gradient descent.
type netBuilder struct {
	*ir.Builder
	m          *ir.Module
	seed, step *ir.Value
	params     []*ir.Value
	t          tensor.DType
}

func (b *netBuilder) shape(dims ...string) tensor.Shape { return typeOf(dims...).Shape }

func (b *netBuilder) param(name string, dims ...int64) *ir.Value {
	t := tensor.Type{DType: b.t, Shape: tensor.Ints(dims...)}
	b.m.Weights = append(b.m.Weights, &ir.Weight{Path: name, Type: t})
	v := b.Param(ir.Stored, name, t)
	b.params = append(b.params, v)
	return v
}

func (b *netBuilder) bin(fn string, x, y *ir.Value) *ir.Value {
	shape, err := ir.Joint(x.Type.Shape, y.Type.Shape)
	if err != nil {
		panic(err)
	}
	return b.Add(ir.Binary{Fn: fn}, b.Spread(x, shape), b.Spread(y, shape))
}

func (b *netBuilder) number(v float64) *ir.Value {
	return b.Add(ir.FullOf(tensor.Type{DType: b.t}, v))
}

func (b *netBuilder) sum(x *ir.Value, axes ...int) *ir.Value {
	return b.Add(ir.Reduce{Op: "sum", Axes: axes}, x)
}

// normalize is batch normalization without its affine part.
func (b *netBuilder) normalize(x *ir.Value) *ir.Value {
	s := x.Type.Shape
	count := b.Add(ir.Size{Dim: s[:len(s)-1].Size(), DType: b.t})
	axes := []int{}
	for i := range len(s) - 1 {
		axes = append(axes, i)
	}
	centred := b.bin("sub", x, b.bin("div", b.sum(x, axes...), count))
	variance := b.bin("div", b.sum(b.bin("mul", centred, centred), axes...), count)
	return b.bin("mul", centred, b.Add(ir.Unary{Fn: "rsqrt"}, b.bin("add", variance, b.number(1e-3))))
}

func (b *netBuilder) relu(x *ir.Value) *ir.Value { return b.bin("max", x, b.number(0)) }

func (b *netBuilder) crossEntropy(logits, label *ir.Value) *ir.Value {
	n := logits.Type.Shape[0]
	top := b.Add(ir.StopGradient{}, b.Add(ir.Reduce{Op: "max", Axes: []int{1}}, logits))
	column := func(v *ir.Value) *ir.Value {
		return b.Add(ir.Broadcast{Shape: logits.Type.Shape, Axes: []int{0}}, v)
	}
	shifted := b.bin("sub", logits, column(top))
	total := b.sum(b.Add(ir.Unary{Fn: "exp"}, shifted), 1)
	picked := b.Add(ir.Pick{Axis: 1}, shifted, label)
	rows := b.bin("sub", b.Add(ir.Unary{Fn: "log"}, total), picked)
	return b.bin("div", b.sum(rows, 0), b.Add(ir.Size{Dim: n, DType: b.t}))
}

func trainingStep(dtype tensor.DType) (*ir.Module, *ir.Func) {
	b := &netBuilder{Builder: ir.NewBuilder("train"), m: &ir.Module{Name: "net"}, t: dtype}
	x := b.Param(ir.Input, "image", tensor.Type{DType: tensor.U8, Shape: b.shape("N", "9", "9", "1")})
	label := b.Param(ir.Input, "label", tensor.Type{DType: tensor.U8, Shape: b.shape("N")})
	b.seed = b.Param(ir.Input, "seed", tensor.Type{DType: tensor.U64})
	b.step = b.Param(ir.Input, "step", tensor.Type{DType: tensor.I64})
	h := b.bin("div", b.Add(ir.Cast{To: dtype}, x), b.number(255))
	pair := func(v int64) []int64 { return []int64{v, v} }
	h = b.Add(ir.Conv{Strides: pair(1), PadLo: pair(0), PadHi: pair(0), Dilation: pair(1)}, h, b.param("a", 3, 3, 1, 5))
	h = b.relu(b.bin("add", h, b.param("b", 5)))
	h = b.Add(ir.MaxPool{Window: pair(2), Strides: pair(2), PadLo: pair(0), PadHi: pair(1)}, h)
	h = b.Add(ir.Conv{Strides: pair(2), PadLo: pair(1), PadHi: pair(1), Dilation: pair(1)}, h, b.param("c", 3, 3, 5, 4))
	h = b.Add(ir.Unary{Fn: "tanh"}, b.normalize(h))
	h = b.Add(ir.SumPool{Window: pair(2), Strides: pair(1), PadLo: pair(0), PadHi: pair(1)}, h)
	h = b.Add(ir.Reshape{Shape: b.shape("N", "16")}, h)
	kept := b.Add(ir.Random{Kind: "bernoulli", Type: tensor.Type{DType: tensor.Bool, Shape: h.Type.Shape}, Site: 5, Keep: 0.75}, b.seed, b.step)
	h = b.Add(ir.Select{}, kept, b.bin("div", h, b.number(0.75)), b.Spread(b.number(0), h.Type.Shape))
	logits := b.bin("add", b.Add(ir.Einsum{Spec: "nk,kc->nc"}, h, b.param("d", 16, 3)), b.param("e", 3))
	loss := b.crossEntropy(logits, label)
	grads, err := b.Try(ir.Gradient{}, append([]*ir.Value{loss}, b.params...)...)
	if err != nil {
		panic(err)
	}
	b.Result("loss", loss)
	b.Result("logits", logits)
	for i, p := range b.params {
		b.Update(p.Param.Name, b.bin("sub", p, b.bin("mul", grads[i], b.number(0.5))))
	}
	b.m.Funcs = []*ir.Func{b.Func}
	return b.m, b.Func
}

func netInputs(m *ir.Module, n int, seed int64) (inputs, weights map[string]*tensor.Tensor) {
	r := rand.New(rand.NewSource(seed))
	inputs = map[string]*tensor.Tensor{"image": tensor.New(tensor.U8, n, 9, 9, 1), "label": tensor.New(tensor.U8, n),
		"seed": tensor.FromFloats(tensor.U64, []float64{7}), "step": tensor.FromFloats(tensor.I64, []float64{1})}
	for i := range inputs["image"].Len() {
		inputs["image"].SetInt(i, int64(r.Intn(256)))
	}
	for i := range n {
		inputs["label"].SetInt(i, int64(r.Intn(3)))
	}
	weights = map[string]*tensor.Tensor{}
	for _, w := range m.Weights {
		dims, _ := w.Type.Shape.Bind(nil)
		x := tensor.New(w.Type.DType, dims...)
		for i := range x.Len() {
			x.SetFloat(i, 0.4*r.NormFloat64())
		}
		weights[w.Path] = x
	}
	return inputs, weights
}

// TestTrainingStepDescends compares the updates of the step in f64 with central differences.
func TestTrainingStepDescends(t *testing.T) {
	m, f := trainingStep(tensor.F64)
	if err := Graph(m, nil); err != nil {
		t.Fatal(err)
	}
	if err := ir.Verify(m); err != nil {
		t.Fatal(err)
	}
	in, weights := netInputs(m, 3, 11)
	loss := func() float64 {
		out, _, err := ir.Eval(f, in, weights)
		if err != nil {
			t.Fatal(err)
		}
		return out["loss"].Float(0)
	}
	_, updates, err := ir.Eval(f, in, weights)
	if err != nil {
		t.Fatal(err)
	}
	const h = 1e-6
	for _, w := range m.Weights {
		x := weights[w.Path]
		for i := 0; i < x.Len(); i += 1 + x.Len()/12 {
			v := x.Float(i)
			x.SetFloat(i, v+h)
			up := loss()
			x.SetFloat(i, v-h)
			want := (up - loss()) / (2 * h)
			x.SetFloat(i, v)
			if got := (v - updates[w.Path].Float(i)) / 0.5; math.Abs(got-want) > 1e-6 {
				t.Errorf("d loss / d %s[%d] is %g, differences say %g", w.Path, i, got, want)
			}
		}
	}
}

// TestTrainingStepLowers runs the step in f32 through all graph and kernel passes and the level-1
// interpreter, against the evaluator in f64.
func TestTrainingStepLowers(t *testing.T) {
	m, f := trainingStep(tensor.F32)
	if err := Graph(m, nil); err != nil {
		t.Fatal(err)
	}
	p, err := Kernels(f, m, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 2, 5} {
		in, weights := netInputs(m, n, int64(n))
		results, updates, err := ir.Eval(f, in, weights, ir.Wide)
		if err != nil {
			t.Fatal(err)
		}
		buffers := map[string]*tensor.Tensor{}
		for _, given := range []map[string]*tensor.Tensor{in, weights} {
			for name, x := range given {
				buffers[name] = x
			}
		}
		if err := kernel.Interp(p, map[string]int64{"N": int64(n)}, buffers); err != nil {
			t.Fatal(err)
		}
		for _, b := range p.Buffers {
			want := results[b.Name]
			if b.Role == kernel.Update {
				want = updates[b.Of]
			} else if b.Role != kernel.Output {
				continue
			}
			got := buffers[b.Name]
			for i := range got.Len() {
				if d := math.Abs(got.Float(i) - want.Float(i)); !(d < 1e-4) {
					t.Errorf("N=%d: %s[%d] is %g, the evaluator says %g", n, b.Name, i, got.Float(i), want.Float(i))
					break
				}
			}
		}
	}
}
