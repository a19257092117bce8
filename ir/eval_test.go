package ir

import (
	"math"
	"math/rand"
	"strings"
	"testing"

	"dlc/ir/tensor"
)

// evalOp evaluates one op on host tensors.
func evalOp(t *testing.T, op Op, in ...*tensor.Tensor) []*tensor.Tensor {
	t.Helper()
	types := make([]tensor.Type, len(in))
	for i, x := range in {
		types[i] = typeOf(x)
	}
	out, err := op.Infer(types)
	if err != nil {
		t.Fatal(err)
	}
	return op.Eval(in, out)
}

func at4(x *tensor.Tensor, i, j, k, l int) float64 {
	return x.Float(((i*x.Dims[1]+j)*x.Dims[2]+k)*x.Dims[3] + l)
}

// TestConvReference writes a convolution of two spatial dims as textbooks do: the input is padded
// with zeros first, the dilated kernel slides over it.
func TestConvReference(t *testing.T) {
	r := rand.New(rand.NewSource(6))
	for range 40 {
		pick := func(n int) int64 { return int64(r.Intn(n)) }
		o := Conv{Strides: []int64{1 + pick(3), 1 + pick(3)}, PadLo: []int64{pick(3), pick(3)}, PadHi: []int64{pick(3), pick(3)}, Dilation: []int64{1 + pick(2), 1 + pick(2)}}
		k := []int{1 + r.Intn(3), 1 + r.Intn(3)}
		h, w := (k[0]-1)*int(o.Dilation[0])+1+r.Intn(4), (k[1]-1)*int(o.Dilation[1])+1+r.Intn(4)
		x := normal(r, r.Intn(3), h, w, 1+r.Intn(3))
		f := normal(r, k[0], k[1], x.Dims[3], 1+r.Intn(3))
		y := evalOp(t, o, x, f)[0]
		padded := tensor.New(tensor.F64, x.Dims[0], h+int(o.PadLo[0]+o.PadHi[0]), w+int(o.PadLo[1]+o.PadHi[1]), x.Dims[3])
		each(x.Dims, func(at []int) {
			p := place(padded.Dims, []int{at[0], at[1] + int(o.PadLo[0]), at[2] + int(o.PadLo[1]), at[3]})
			padded.SetFloat(p, x.Float(place(x.Dims, at)))
		})
		each(y.Dims, func(at []int) {
			sum := 0.0
			for a := range k[0] {
				for b := range k[1] {
					for c := range x.Dims[3] {
						v := at4(padded, at[0], at[1]*int(o.Strides[0])+a*int(o.Dilation[0]), at[2]*int(o.Strides[1])+b*int(o.Dilation[1]), c)
						sum += v * at4(f, a, b, c, at[3])
					}
				}
			}
			if got := y.Float(place(y.Dims, at)); math.Abs(got-sum) > 1e-12 {
				t.Errorf("%v of %s and %s at %v: %g, want %g", o, x, f, at, got, sum)
			}
		})
		want := (padded.Dims[1]-(k[0]-1)*int(o.Dilation[0])-1)/int(o.Strides[0]) + 1
		if y.Dims[1] != want {
			t.Errorf("%v of %s and %s gives %s, want %d rows", o, x, f, y, want)
		}
	}
}

func TestConvValues(t *testing.T) {
	x := tensor.FromFloats(tensor.F32, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}, 1, 3, 3, 1)
	w := tensor.FromFloats(tensor.F32, []float64{1, 10, 100, 1000}, 2, 2, 1, 1)
	y := evalOp(t, Conv{Strides: []int64{1, 1}, PadLo: []int64{0, 0}, PadHi: []int64{0, 0}, Dilation: []int64{1, 1}}, x, w)[0]
	for i, want := range []float64{5421, 6532, 8754, 9865} {
		if y.Float(i) != want {
			t.Errorf("element %d is %g, want %g", i, y.Float(i), want)
		}
	}
	same := evalOp(t, Conv{Strides: []int64{2, 2}, PadLo: []int64{0, 0}, PadHi: []int64{1, 1}, Dilation: []int64{1, 1}}, x, w)[0]
	for i, want := range []float64{5421, 603, 87, 9} {
		if same.Float(i) != want {
			t.Errorf("padded element %d is %g, want %g", i, same.Float(i), want)
		}
	}
}

func TestPoolValues(t *testing.T) {
	nan := math.NaN()
	x := tensor.FromFloats(tensor.F32, []float64{1, 3, 3, 0, 2, 3, -1, -2, nan, -5, nan, 9}, 1, 3, 4, 1)
	out := evalOp(t, MaxPool{[]int64{2, 2}, []int64{2, 2}, []int64{0, 0}, []int64{1, 0}, nil}, x)
	for i, want := range []struct {
		value float64
		index int64
	}{{3, 1}, {3, 0}, {nan, 0}, {nan, 0}} {
		if got := out[0].Float(i); got != want.value && !(got != got && want.value != want.value) || out[1].Int(i) != want.index {
			t.Errorf("window %d: %g at %d, want %g at %d", i, got, out[1].Int(i), want.value, want.index)
		}
	}
	dy := tensor.FromFloats(tensor.F32, []float64{1, 10, 100, 1000}, 1, 2, 2, 1)
	grad := MaxPoolGrad{[]int64{2, 2}, []int64{2, 2}, []int64{0, 0}, []int64{1, 0}, nil, tensor.Ints(1, 3, 4, 1)}
	dx := evalOp(t, grad, dy, out[1])[0]
	for i, want := range []float64{0, 1, 10, 0, 0, 0, 0, 0, 100, 0, 1000, 0} {
		if dx.Float(i) != want {
			t.Errorf("gradient %d is %g, want %g", i, dx.Float(i), want)
		}
	}
	ones := tensor.FromFloats(tensor.F32, []float64{1, 1, 1}, 1, 3, 1)
	sum := evalOp(t, SumPool{[]int64{3}, []int64{1}, []int64{1}, []int64{1}, nil}, ones)[0]
	for i, want := range []float64{2, 3, 2} {
		if sum.Float(i) != want {
			t.Errorf("sum %d is %g, want %g", i, sum.Float(i), want)
		}
	}
}

func TestEinsumReference(t *testing.T) {
	r := rand.New(rand.NewSource(7))
	a, b := normal(r, 2, 3, 4), normal(r, 5, 4)
	y := evalOp(t, Einsum{"nte,se->nst"}, a, b)[0]
	for n := range 2 {
		for s := range 5 {
			for u := range 3 {
				want := 0.0
				for e := range 4 {
					want += a.Float((n*3+u)*4+e) * b.Float(s*4+e)
				}
				if got := y.Float((n*5+s)*3 + u); math.Abs(got-want) > 1e-12 {
					t.Errorf("[%d %d %d] is %g, want %g", n, s, u, got, want)
				}
			}
		}
	}
}

func TestScalarEdges(t *testing.T) {
	i32 := func(v ...float64) *tensor.Tensor { return tensor.FromFloats(tensor.I32, v, len(v)) }
	f32 := func(v ...float64) *tensor.Tensor { return tensor.FromFloats(tensor.F32, v, len(v)) }
	nan, inf, minusZero := math.NaN(), math.Inf(1), math.Copysign(0, -1)
	for _, c := range []struct {
		op   Op
		in   []*tensor.Tensor
		want []float64
	}{
		{Binary{"idiv"}, []*tensor.Tensor{i32(7, -7, 7, -7, 5, math.MinInt32), i32(2, 2, -2, -2, 0, -1)}, []float64{3, -4, -4, 3, 0, math.MinInt32}},
		{Binary{"rem"}, []*tensor.Tensor{i32(7, -7, 7, -7, 5), i32(2, 2, -2, -2, 0)}, []float64{1, 1, -1, -1, 0}},
		{Binary{"rem"}, []*tensor.Tensor{f32(7, -7, 7.5), f32(2, 2, -2)}, []float64{1, 1, -0.5}},
		{Binary{"shl"}, []*tensor.Tensor{i32(1, 1, -1), i32(31, 32, 4)}, []float64{math.MinInt32, 0, -16}},
		{Binary{"shr"}, []*tensor.Tensor{i32(-8, -8, 8), i32(1, 40, 40)}, []float64{-4, -1, 0}},
		{Binary{"max"}, []*tensor.Tensor{f32(nan, inf, minusZero), f32(1, nan, 0)}, []float64{nan, nan, 0}},
		{Cast{tensor.U8}, []*tensor.Tensor{f32(-1, 0.9, 255.9, 300, nan, inf)}, []float64{0, 0, 255, 255, 0, 255}},
		{Cast{tensor.I8}, []*tensor.Tensor{f32(-129, -1.9, 127.9, -inf)}, []float64{-128, -1, 127, -128}},
		{Cast{tensor.Bool}, []*tensor.Tensor{f32(0, minusZero, nan, 0.1)}, []float64{0, 0, 1, 1}},
		{Unary{"round"}, []*tensor.Tensor{f32(0.5, 1.5, -2.5)}, []float64{0, 2, -2}},
		{Compare{"eq"}, []*tensor.Tensor{f32(nan, minusZero), f32(nan, 0)}, []float64{0, 1}},
		{Reduce{"max", []int{0}}, []*tensor.Tensor{f32()}, []float64{-inf}},
		{Reduce{"min", []int{0}}, []*tensor.Tensor{i32()}, []float64{math.MaxInt32}},
	} {
		y := evalOp(t, c.op, c.in...)[0]
		for i, want := range c.want {
			got := y.Float(i)
			if got != want && !(got != got && want != want) || got == 0 && math.Signbit(got) != math.Signbit(want) && c.op.Name() == "binary" {
				t.Errorf("%s: element %d is %g, want %g", OpText(c.op), i, got, want)
			}
		}
	}
}

func TestRandomIsKeyedByRow(t *testing.T) {
	draw := func(kind string, dtype tensor.DType, seed, step float64, rows int64) *tensor.Tensor {
		o := Random{Kind: kind, Type: tensor.Type{DType: dtype, Shape: tensor.Ints(rows, 10, 50)}, Site: 9, Keep: 0.8}
		return evalOp(t, o, tensor.FromFloats(tensor.U64, []float64{seed}), tensor.FromFloats(tensor.I64, []float64{step}))[0]
	}
	few, many := draw("uniform", tensor.F32, 1, 2, 3), draw("uniform", tensor.F32, 1, 2, 7)
	if string(few.Data) != string(many.Data[:len(few.Data)]) {
		t.Error("the numbers of a row depend on how many rows there are")
	}
	for _, other := range []*tensor.Tensor{draw("uniform", tensor.F32, 2, 2, 3), draw("uniform", tensor.F32, 1, 3, 3)} {
		if string(few.Data) == string(other.Data) {
			t.Error("seed or step does not matter")
		}
	}
	moments := func(x *tensor.Tensor) (mean, variance float64) {
		for i := range x.Len() {
			mean += x.Float(i) / float64(x.Len())
		}
		for i := range x.Len() {
			variance += (x.Float(i) - mean) * (x.Float(i) - mean) / float64(x.Len())
		}
		return mean, variance
	}
	for _, c := range []struct {
		x              *tensor.Tensor
		mean, variance float64
	}{
		{draw("uniform", tensor.F32, 3, 1, 20), 0.5, 1.0 / 12}, {draw("normal", tensor.F32, 3, 1, 20), 0, 1}, {draw("bernoulli", tensor.Bool, 3, 1, 20), 0.8, 0.16},
	} {
		if mean, variance := moments(c.x); math.Abs(mean-c.mean) > 0.03 || math.Abs(variance-c.variance) > 0.04 {
			t.Errorf("mean %g and variance %g, want %g and %g", mean, variance, c.mean, c.variance)
		}
	}
}

func TestEvalFunction(t *testing.T) {
	m := module(t, "  %8 = reduce", "  %6 = unary {fn=exp} %7 : f32[N, 3]\n  %8 = reduce", "  %7", "  %7", "%10, %11 = gradient %8, %1, %0 : f32[3], f32[N, 3]", "%9 = size {dim=N, dtype=i64} : i64[]",
		"update b = %3", "update b = %9\n  result e = %6")
	f := m.Funcs[0]
	in := map[string]*tensor.Tensor{"x": tensor.FromFloats(tensor.F32, []float64{0, 1, 2, 3, 4, 5}, 2, 3),
		"seed": tensor.New(tensor.U64), "step": tensor.New(tensor.I64)}
	weights := map[string]*tensor.Tensor{"a.w": tensor.FromFloats(tensor.F32, []float64{0.25, 0, -1}, 3)}
	results, updates, err := Eval(f, in, weights)
	if err != nil {
		t.Fatal(err)
	}
	if got := results["y"].Float(3); got != 3.25 || results["y"].DType != tensor.F32 || updates["b"].Int(0) != 2 {
		t.Errorf("y[3] = %g, b = %d", got, updates["b"].Int(0))
	}
	wide, _, err := Eval(f, in, weights, Wide)
	if err != nil {
		t.Fatal(err)
	}
	if got := wide["e"]; got.DType != tensor.F64 || got.Float(0) != math.Exp(0.25) || results["e"].Float(0) != float64(float32(math.Exp(0.25))) {
		t.Errorf("e[0] = %g wide, %g in f32", got.Float(0), results["e"].Float(0))
	}
	for _, c := range []struct {
		name string
		x    *tensor.Tensor
		want string
	}{
		{"x", nil, "x is not given"},
		{"x", tensor.New(tensor.F64, 2, 3), "is f64[2, 3], not f32[N, 3]"},
		{"x", tensor.New(tensor.F32, 2), "is f32[2]"},
		{"x", tensor.New(tensor.F32, 2, 4), "but dim 1 of f32[N, 3] is 3 with N=2"},
	} {
		bad := map[string]*tensor.Tensor{"seed": in["seed"], "step": in["step"]}
		if c.x != nil {
			bad[c.name] = c.x
		}
		if _, _, err := Eval(f, bad, weights); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %q", err, c.want)
		}
	}
	if _, _, err := Eval(module(t).Funcs[0], in, weights); err == nil || !strings.Contains(err.Error(), "autodiff") {
		t.Errorf("a gradient that nothing replaced: %v", err)
	}
}
