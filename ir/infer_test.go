package ir

import (
	"strings"
	"testing"

	"dlc/ir/tensor"
)

// TestInferRejects breaks the shape rules of every op; the message must name what differs.
func TestInferRejects(t *testing.T) {
	pool := MaxPool{[]int64{2}, []int64{2}, []int64{0}, []int64{0}, nil}
	conv := Conv{Strides: []int64{1}, PadLo: []int64{0}, PadHi: []int64{0}, Dilation: []int64{1}}
	for _, c := range []struct {
		op       Op
		in, want string
	}{
		{Unary{"exp"}, "i32[2]", "exp does not take i32"},
		{Unary{"sine"}, "f32[2]", `no function "sine"`},
		{Unary{"exp"}, "f32[2]; f32[2]", "takes 1 operands, got 2"},
		{Binary{"add"}, "f32[2]; i32[2]", "one dtype, not f32 and i32"},
		{Binary{"add"}, "f32[N, 2]; f32[N, 3]", "dim 1 is 2 in f32[N, 2] and 3 in f32[N, 3]"},
		{Binary{"add"}, "f32[N]; f32[N, 1]", "one shape"},
		{Binary{"div"}, "i32[2]; i32[2]", "div does not take i32"},
		{Binary{"add"}, "bool[2]; bool[2]", "add does not take bool"},
		{Compare{"lt"}, "bool[2]; bool[2]", "no order"},
		{Logic{"and"}, "i32[2]; i32[2]", "takes bools"},
		{Test{"is_nan"}, "i32[2]", "takes a float"},
		{Select{}, "f32[2]; f32[2]; f32[2]", "must be bool"},
		{Select{}, "bool[3]; f32[2]; f32[2]", "one shape"},
		{Cast{}, "f32[2]", "no dtype"},
		{Bitcast{tensor.F64}, "f32[2]", "the bits of f32 are none of f64"}, {Bitcast{tensor.U8}, "bool[2]", "the bits of bool are none of u8"}, {Bitcast{}, "f32[2]", "none of"},
		{Binary{"atan2"}, "i32[2]; i32[2]", "atan2 does not take i32"}, {Unary{"lgamma"}, "i32[2]", "lgamma does not take i32"}, {Binary{"shl"}, "f32[2]; f32[2]", "shl does not take f32"},
		{Reduce{"sum", []int{2}}, "f32[3, 4]", "axis 2 is not in 0..2"},
		{Reduce{"sum", []int{1, 1}}, "f32[3, 4]", "named twice"},
		{Reduce{"any", []int{0}}, "f32[3]", "any does not take f32"},
		{ArgMax{0}, "f32[0]", "no elements"},
		{ArgMin{1}, "f32[3]", "axis 1"},
		{Einsum{"mk,kn->mn"}, "f32[N, 3136]; f32[128, 10]", "k is 3136 in f32[N, 3136] and 128 in f32[128, 10]"},
		{Einsum{"mk,kn"}, "f32[2, 2]; f32[2, 2]", "must read like"},
		{Einsum{"mm,mn->mn"}, "f32[2, 2]; f32[2, 2]", "diagonal"},
		{Einsum{"mk,kn->mz"}, "f32[2, 2]; f32[2, 2]", "in no operand"},
		{Einsum{"mk,kn->mn"}, "f32[2]; f32[2, 2]", "2 letters"},
		{conv, "f32[N, 5, 3]; f32[3, 2, 4]", "takes 2 channels, x has 3"},
		{conv, "f32[N, 2, 3]; f32[3, 3, 4]", "window spans 3"},
		{conv, "f32[N, 5, 3]; f32[K, 3, 4]", "positive constant"},
		{conv, "f32[N, 5]; f32[3, 3]", "1 to 3 spatial dims"},
		{Conv{Strides: []int64{0}, PadLo: []int64{0}, PadHi: []int64{0}, Dilation: []int64{1}}, "f32[N, 5, 3]; f32[3, 3, 4]", "at least 1"},
		{Conv{Strides: []int64{1, 1}, PadLo: []int64{0}, PadHi: []int64{0}, Dilation: []int64{1}}, "f32[N, 5, 3]; f32[3, 3, 4]", "one number for each"},
		{ConvData{Strides: []int64{1}, PadLo: []int64{0}, PadHi: []int64{0}, Dilation: []int64{1}, Shape: dims("N", "5", "3")}, "f32[N, 4, 4]; f32[3, 3, 4]", "must be f32[N, 3, 4]"},
		{ConvFilter{Strides: []int64{1}, PadLo: []int64{0}, PadHi: []int64{0}, Dilation: []int64{1}, Shape: dims("3", "3", "4")}, "f32[N, 5, 3]; f32[N, 3, 5]", "must be f32[N, 3, 4]"},
		{pool, "f32[N, 1, 3]", "window spans 2"},
		{MaxPool{[]int64{2}, []int64{2}, []int64{2}, []int64{0}, nil}, "f32[N, 4, 3]", "must be in 0..2"},
		{SumPool(pool), "bool[N, 4, 3]", "cannot be pooled"},
		{MaxPoolGrad{pool.Window, pool.Strides, pool.PadLo, pool.PadHi, nil, dims("N", "4", "3")}, "f32[N, 2, 3]; f32[N, 2, 3]", "must be i32"},
		{SumPoolGrad{pool.Window, pool.Strides, pool.PadLo, pool.PadHi, nil, dims("N", "4", "3")}, "f32[N, 3, 3]", "[N, 2, 3]"},
		{Reshape{dims("N", "3")}, "f32[N, 4]", "4*N elements"},
		{Transpose{[]int{0, 0}}, "f32[2, 3]", "named twice"},
		{Transpose{[]int{0}}, "f32[2, 3]", "needs 2 axes"},
		{Broadcast{dims("N", "3"), []int{1}}, "f32[2]", "does not stretch to 3"},
		{Broadcast{dims("N", "3"), []int{1, 0}}, "f32[3, N]", "must ascend"},
		{Slice{dims("0"), dims("5"), nil}, "f32[4]", "not inside"},
		{Slice{dims("0"), dims("4"), []int64{0}}, "f32[4]", "not positive"},
		{Slice{dims("-1"), dims("4"), nil}, "f32[4]", "below 0"},
		{Pad{dims("0"), dims("-1"), nil}, "f32[4]", "ends with -1 zeros"},
		{Pad{dims("0"), dims("0", "1"), nil}, "f32[4]", "needs 1 bounds"},
		{Concat{0}, "f32[2, 3]; f32[2, 4]", "agree except along axis 0"},
		{Concat{0}, "", "needs an operand"},
		{Reverse{[]int{1}}, "f32[2]", "axis 1"},
		{Full{}, "", "no dtype"},
		{Const{}, "", "no value"},
		{Iota{typ(tensor.Bool, "3"), 0}, "", "does not count"},
		{Iota{typ(tensor.I32), 0}, "", "axis 0"},
		{Size{DType: tensor.Bool}, "", "does not count"},
		{Pick{1}, "f32[N, 3]; i32[3]", "integers of [N]"},
		{Pick{1}, "f32[N, 3]; f32[N]", "integers of [N]"},
		{Take{}, "f32[]; i32[3]", "no axis"},
		{Take{}, "f32[4]; f32[3]", "must be integers"},
		{ScatterAdd{dims("4")[0]}, "i32[N]; f32[3]", "must begin with"},
		{Random{Kind: "uniform", Type: typ(tensor.I32)}, "u64[]; i64[]", "does not give i32"},
		{Random{Kind: "cauchy", Type: typ(tensor.F32)}, "u64[]; i64[]", `no random kind "cauchy"`},
		{Random{Kind: "uniform", Type: typ(tensor.F32)}, "i64[]; i64[]", "takes the seed u64[]"},
		{StopGradient{}, "", "takes 1 operands"},
		{Gradient{}, "f32[3]; f32[2]", "float of rank 0"},
		{Gradient{}, "f32[]; i32[2]", "is of floats"},
	} {
		_, err := c.op.Infer(typesOf(c.in))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %s: got %v, want %q", OpText(c.op), c.in, err, c.want)
		}
	}
}

func TestJoint(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{"", "N, 3", "N, 3"}, {"N, 3", "3", "N, 3"}, {"N, 1", "N, 4", "N, 4"}, {"1, 4", "N, 1", "N, 4"},
		{"N, 1", "N", "error"}, {"T, 1", "S", "error"}, {"N, T, D", "T, 1", "error"}, {"N", "M", "error"}, {"N, 3", "1", "error"},
	} {
		shape := func(s string) tensor.Shape {
			return dims(s)
		}
		got, err := Joint(shape(c.a), shape(c.b))
		text := got.String()
		if err != nil {
			text = "error"
		}
		if text != c.want {
			t.Errorf("[%s] with [%s] gives %s, want %s", c.a, c.b, text, c.want)
		}
		if err != nil {
			continue
		}
		b := NewBuilder("f")
		for _, s := range []string{c.a, c.b} {
			v := b.Spread(b.Param(Input, s, tensor.Type{DType: tensor.F32, Shape: shape(s)}), got)
			if !v.Type.Shape.Equal(got) {
				t.Errorf("[%s] spreads to %s, want [%s]", s, v.Type, got)
			}
		}
	}
}
