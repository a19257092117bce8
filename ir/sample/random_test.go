package ir

import (
	"math/rand"
	"testing"

	"dlc/ir/tensor"
)

// randomSample draws an op of the families whose lowering does index arithmetic, with shapes.
func randomSample(r *rand.Rand) sample {
	n := func(limit int) int64 { return int64(r.Intn(limit)) }
	shape := func(dims ...int64) tensor.Type { return tensor.Type{DType: tensor.F32, Shape: tensor.Ints(dims...)} }
	spatial := 1 + r.Intn(2)
	var strides, lo, hi, dilation, window []int64
	x := []int64{n(3)}
	for range spatial {
		k := 1 + n(4)
		strides, dilation, window = append(strides, 1+n(3)), append(dilation, 1+n(2)), append(window, k)
		lo, hi = append(lo, n(int(k))), append(hi, n(int(k)))
		x = append(x, (k-1)*2+1+n(5))
	}
	x = append(x, 1+n(3))
	conv := Conv{strides, lo, hi, dilation}
	w := shape(append(append([]int64{}, window...), x[len(x)-1], 1+n(3))...)
	pool := MaxPool{window, strides, lo, hi}
	types := func(op Op, in ...tensor.Type) []tensor.Type {
		out, err := op.Infer(in)
		if err != nil {
			panic(err)
		}
		return out
	}
	in := shape(x...)
	switch r.Intn(9) {
	case 0:
		return sample{conv, in.String() + "; " + w.String(), ""}
	case 1:
		dy := types(conv, in, w)[0]
		return sample{ConvData{strides, lo, hi, dilation, in.Shape}, dy.String() + "; " + w.String(), ""}
	case 2:
		dy := types(conv, in, w)[0]
		return sample{ConvFilter{strides, lo, hi, dilation, w.Shape}, in.String() + "; " + dy.String(), ""}
	case 3:
		return sample{pool, in.String(), ""}
	case 4:
		out := types(pool, in)
		return sample{MaxPoolGrad{window, strides, lo, hi, in.Shape}, out[0].String() + "; " + out[1].String(), "index"}
	case 5:
		return sample{SumPoolGrad{window, strides, lo, hi, in.Shape}, types(pool, in)[0].String(), ""}
	case 6:
		return randomReshape(r)
	}
	return randomSlice(r, in)
}

// randomReshape splits one list of small factors in two ways, around a symbol in a part of them.
func randomReshape(r *rand.Rand) sample {
	factors := tensor.Shape{}
	for range 1 + r.Intn(6) {
		factors = append(factors, tensor.Int(int64(1+r.Intn(4))))
	}
	if r.Intn(2) == 0 {
		factors[r.Intn(len(factors))] = tensor.Sym("N")
	}
	group := func() tensor.Shape {
		s := tensor.Shape{}
		for i, f := range factors {
			if i > 0 && r.Intn(2) == 0 {
				s[len(s)-1] = s[len(s)-1].Mul(f)
			} else {
				s = append(s, f)
			}
		}
		return s
	}
	return sample{Reshape{group()}, tensor.Type{DType: tensor.F32, Shape: group()}.String(), ""}
}

func randomSlice(r *rand.Rand, in tensor.Type) sample {
	var lo, hi, before, behind tensor.Shape
	var step []int64
	for _, d := range in.Shape {
		v, _ := d.Const()
		a := int64(r.Intn(int(v) + 1))
		lo, hi = append(lo, tensor.Int(a)), append(hi, tensor.Int(a+int64(r.Intn(int(v-a)+1))))
		step = append(step, int64(1+r.Intn(3)))
		before, behind = append(before, tensor.Int(int64(r.Intn(3)))), append(behind, tensor.Int(int64(3+r.Intn(3))))
	}
	if r.Intn(2) == 0 {
		return sample{Slice{lo, hi, step}, in.String(), ""}
	}
	return sample{Pad{before, behind, step}, in.String(), ""}
}

func TestRandomShapes(t *testing.T) {
	r := rand.New(rand.NewSource(8))
	for turn := range 400 {
		s := randomSample(r)
		f := s.function(t)
		env := bindings()[turn%3]
		in := s.inputs(r, f, env)
		want, _, err := Eval(f, in, nil, Wide)
		if err != nil {
			t.Fatal(err)
		}
		for name, got := range interpret(t, f, env, in) {
			if d := distance(got, want[name]); d > 1e-5 {
				t.Errorf("%s of %s with %v: %s differs by %g", OpText(s.op), s.in, env, name, d)
			}
		}
		if turn%4 > 0 {
			continue
		}
		op, types := s.widened()
		if g := newGradientTest(t, op, types); g != nil {
			g.compare(t, s.inputs(r, g.forward, env))
		}
	}
}
