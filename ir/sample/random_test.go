package sample

import (
	"math/rand"
	"strings"
	"testing"

	"dlc/ir"
	"dlc/ir/tensor"
)

// randomSample draws an op of the families whose lowering does index arithmetic, with shapes.
func randomSample(r *rand.Rand) Sample {
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
	conv := ir.Conv{Strides: strides, PadLo: lo, PadHi: hi, Dilation: dilation}
	w := shape(append(append([]int64{}, window...), x[len(x)-1], 1+n(3))...)
	pool := ir.MaxPool{Window: window, Strides: strides, PadLo: lo, PadHi: hi}
	if r.Intn(2) == 0 {
		pool.Dilation = dilation
	}
	types := func(op ir.Op, in ...tensor.Type) []tensor.Type {
		out, err := op.Infer(in)
		if err != nil {
			panic(err)
		}
		return out
	}
	in := shape(x...)
	switch r.Intn(9) {
	case 0:
		return Sample{conv, in.String() + "; " + w.String(), ""}
	case 1:
		dy := types(conv, in, w)[0]
		return Sample{ir.ConvData{Strides: strides, PadLo: lo, PadHi: hi, Dilation: dilation, Shape: in.Shape}, dy.String() + "; " + w.String(), ""}
	case 2:
		dy := types(conv, in, w)[0]
		return Sample{ir.ConvFilter{Strides: strides, PadLo: lo, PadHi: hi, Dilation: dilation, Shape: w.Shape}, in.String() + "; " + dy.String(), ""}
	case 3:
		return Sample{pool, in.String(), ""}
	case 4:
		out := types(pool, in)
		return Sample{ir.MaxPoolGrad{Window: window, Strides: strides, PadLo: lo, PadHi: hi, Dilation: pool.Dilation, Shape: in.Shape}, out[0].String() + "; " + out[1].String(), "index"}
	case 5:
		return Sample{ir.SumPoolGrad{Window: window, Strides: strides, PadLo: lo, PadHi: hi, Dilation: pool.Dilation, Shape: in.Shape}, types(pool, in)[0].String(), ""}
	case 6:
		return randomReshape(r)
	}
	return randomSlice(r, in)
}

// randomReshape splits one list of small factors in two ways, around a symbol in a part of them.
func randomReshape(r *rand.Rand) Sample {
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
	return Sample{ir.Reshape{Shape: group()}, tensor.Type{DType: tensor.F32, Shape: group()}.String(), ""}
}

func randomSlice(r *rand.Rand, in tensor.Type) Sample {
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
		return Sample{ir.Slice{Lo: lo, Hi: hi, Step: step}, in.String(), ""}
	}
	return Sample{ir.Pad{Lo: before, Hi: behind, Step: step}, in.String(), ""}
}

// TestRandomShapes draws attributes where lowering does index arithmetic.
func TestRandomShapes(t *testing.T) {
	r := rand.New(rand.NewSource(8))
	row := &Row{Name: "random shapes"}
	for turn := range 400 {
		s := randomSample(r)
		env := Bindings()[turn%3]
		agree(t, s.With(row, tensor.F32), env)
		if turn%4 > 0 {
			continue
		}
		s.In = strings.ReplaceAll(s.In, "f32", "f64")
		if g := newGradientTest(t, s.With(row, tensor.F64)); g != nil {
			g.compare(t, env)
		}
	}
}
