package ir

import (
	"math"
	"math/rand"
	"strings"

	"dlc/ir/tensor"
)

// A sample is an op with operand types, for which values are drawn. Symbols take several values.
type sample struct {
	op   Op
	in   string // f32[N, 3]; i32[N]
	draw string // how operands are drawn: see operand
}

func (s sample) types() []tensor.Type {
	var types []tensor.Type
	for _, text := range strings.Split(s.in, ";") {
		if text == "" {
			continue
		}
		sc := scanner{src: text}
		typ, err := sc.typ()
		if err != nil {
			panic(s.in + ": " + err.Error())
		}
		types = append(types, typ)
	}
	return types
}

func dims(texts ...string) tensor.Shape {
	s := tensor.Shape{}
	for _, text := range texts {
		d, err := tensor.ParseDim(text)
		if err != nil {
			panic(err)
		}
		s = append(s, d)
	}
	return s
}

func typ(t tensor.DType, texts ...string) tensor.Type {
	return tensor.Type{DType: t, Shape: dims(texts...)}
}

// operand draws a tensor. Floats: normal by default; "positive" in (0.1, 2.1); "unit" in
// (-0.9, 0.9); "above 1" in (1.1, 4.1); "ties" small
// halves with zeros; "special" with infinities, NaN and signed zeros. Integers: "extreme" for ends of the
// type and its width, "index" a little
// beyond 0..4, else small of both signs.
func operand(r *rand.Rand, t tensor.DType, draw string, dims ...int) *tensor.Tensor {
	x := tensor.New(t, dims...)
	special := []float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 0, 1, -1}
	for i := range x.Len() {
		switch {
		case !t.IsFloat() && draw == "index":
			x.SetInt(i, int64(r.Intn(6)-1))
		case t == tensor.Bool:
			x.SetInt(i, int64(r.Intn(2)))
		case !t.IsFloat() && draw == "extreme":
			x.SetInt(i, []int64{0, 1, -1, math.MinInt64 >> (64 - 8*t.Size()), math.MaxInt64 >> (64 - 8*t.Size()), int64(8 * t.Size())}[r.Intn(6)])
		case !t.IsFloat():
			x.SetInt(i, int64(r.Intn(21)-10))
		case draw == "positive":
			x.SetFloat(i, 0.1+2*r.Float64())
		case draw == "unit":
			x.SetFloat(i, float64(float32(1.8*r.Float64()-0.9)))
		case draw == "above 1":
			x.SetFloat(i, float64(float32(1.1+3*r.Float64())))
		case draw == "ties":
			x.SetFloat(i, float64(r.Intn(5)-2)/2)
		case draw == "special" && r.Intn(3) == 0:
			x.SetFloat(i, special[r.Intn(len(special))])
		default:
			x.SetFloat(i, float64(float32(r.NormFloat64())))
		}
	}
	return x
}

// samples holds rows for every op: edge shapes (1, empty through N=0, odd) and attributes.
func samples() []sample {
	list := append(elementwiseSamples(), viewSamples()...)
	return append(list, windowSamples()...)
}

func elementwiseSamples() []sample {
	var list []sample
	add := func(op Op, in, draw string) { list = append(list, sample{op, in, draw}) }
	for _, fn := range []string{"neg", "abs", "sign"} {
		add(Unary{fn}, "f32[N, 5]", "")
		add(Unary{fn}, "i32[N, 5]", "")
		add(Unary{fn}, "u8[7]", "")
	}
	for _, fn := range []string{"floor", "ceil", "round", "trunc", "exp", "exp2", "expm1", "sin", "cos", "tan", "tanh", "sigmoid", "erf", "softplus",
		"atan", "sinh", "cosh", "asinh", "erfc", "lgamma", "digamma", "trigamma", "reciprocal"} {
		add(Unary{fn}, "f32[N, 5]", "")
	}
	for _, fn := range []string{"sqrt", "rsqrt", "log", "log1p", "log2"} {
		add(Unary{fn}, "f32[N, 5]", "positive")
	}
	for _, fn := range []string{"asin", "acos", "atanh", "erfinv"} {
		add(Unary{fn}, "f32[N, 5]", "unit")
	}
	add(Unary{"acosh"}, "f32[N, 5]", "above 1")
	add(Unary{"not"}, "i32[4]", "")
	for _, fn := range []string{"add", "sub", "mul", "min", "max", "rem", "idiv"} {
		add(Binary{fn}, "f32[N, 3]; f32[N, 3]", "")
		add(Binary{fn}, "i32[N, 3]; i32[N, 3]", "")
		add(Binary{fn}, "u64[9]; u64[9]", "")
	}
	add(Binary{"max"}, "f32[40]; f32[40]", "special")
	add(Binary{"min"}, "f32[40]; f32[40]", "special")
	add(Binary{"div"}, "f32[]; f32[]", "")
	add(Binary{"pow"}, "f32[N, 3]; f32[N, 3]", "positive")
	add(Binary{"atan2"}, "f32[N, 3]; f32[N, 3]", "")
	for _, fn := range FloatFunctions() {
		add(Unary{fn}, "f32[40]", "special")
	}
	add(Binary{"atan2"}, "f32[60]; f32[60]", "special")
	for _, fn := range []string{"and", "or", "xor", "shl", "shr"} {
		add(Binary{fn}, "i32[N, 8]; i32[N, 8]", "")
		add(Binary{fn}, "u8[11]; u8[11]", "")
	}
	for _, fn := range []string{"eq", "ne", "lt", "le", "gt", "ge"} {
		add(Compare{fn}, "f32[30]; f32[30]", "special")
		add(Compare{fn}, "u64[30]; u64[30]", "")
	}
	add(Compare{"eq"}, "bool[N]; bool[N]", "")
	for _, fn := range []string{"and", "or", "xor"} {
		add(Logic{fn}, "bool[N, 3]; bool[N, 3]", "")
	}
	add(Logic{"not"}, "bool[5]", "")
	add(Binary{"shl"}, "i32[40]; i32[40]", "extreme")
	add(Binary{"shr"}, "i8[40]; i8[40]", "extreme")
	for _, fn := range []string{"add", "mul", "rem", "idiv", "min", "and", "xor"} {
		add(Binary{fn}, "i32[40]; i32[40]", "extreme")
		add(Binary{fn}, "u8[40]; u8[40]", "extreme")
	}
	add(Test{"is_nan"}, "f32[20]", "special")
	add(Test{"is_inf"}, "f32[20]", "special")
	add(Select{}, "bool[N, 3]; f32[N, 3]; f32[N, 3]", "")
	for _, to := range []tensor.DType{tensor.Bool, tensor.U8, tensor.I8, tensor.I32, tensor.I64, tensor.U32, tensor.U64, tensor.F32, tensor.F64} {
		add(Cast{to}, "f32[30]", "special")
		add(Cast{to}, "i32[10]", "")
		add(Cast{to}, "u8[N]", "")
		add(Cast{to}, "bool[3]", "")
	}
	add(Bitcast{tensor.U32}, "f32[30]", "special")
	add(Bitcast{tensor.I32}, "f32[N, 3]", "positive")
	add(Bitcast{tensor.F32}, "i32[N]", "index")
	add(Bitcast{tensor.U8}, "i8[N, 5]", "")
	add(Bitcast{tensor.I64}, "u64[3]", "")
	for _, op := range []string{"sum", "prod", "min", "max"} {
		add(Reduce{op, []int{1}}, "f32[N, 5]", "")
		add(Reduce{op, []int{0, 2}}, "f32[N, 3, 2]", "ties")
		add(Reduce{op, []int{}}, "f32[3]", "")
		add(Reduce{op, []int{0}}, "i32[N, 2]", "")
	}
	add(Reduce{"max", []int{1}}, "f32[9, 5]", "special")
	add(Reduce{"any", []int{0}}, "bool[N, 4]", "")
	add(Reduce{"all", []int{0, 1}}, "bool[N, 1]", "")
	for _, in := range []string{"f32[N, 5]", "f32[2, 7]", "i32[N, 3]", "u8[1, 6]"} {
		for _, draw := range []string{"ties", "special"} {
			add(ArgMax{1}, in, draw)
			add(ArgMin{1}, in, draw)
		}
	}
	add(ArgMax{0}, "f32[4]", "ties")
	add(StopGradient{}, "f32[N]", "")
	return list
}

func viewSamples() []sample {
	var list []sample
	add := func(op Op, in, draw string) { list = append(list, sample{op, in, draw}) }
	for _, c := range []struct {
		in string
		to tensor.Shape
	}{
		{"f32[N, 2, 3, 4]", dims("N", "24")}, {"f32[N, 24]", dims("N", "2", "3", "4")}, {"f32[N, 24]", dims("N", "4", "6")},
		{"f32[N, 2, 6]", dims("N", "4", "3")}, {"f32[N, 6]", dims("6*N")}, {"f32[N, T, 3]", dims("N*T", "3")},
		{"f32[N, T, 3]", dims("T*N*3")}, {"f32[1, N, 1]", dims("N")}, {"f32[N]", dims("1", "N", "1")}, {"f32[]", dims("1", "1")},
		{"f32[1]", dims()}, {"f32[3, 0]", dims("0", "5")}, {"f32[2, N, T]", dims("2*N", "T")}, {"f32[N, 4, T]", dims("N*T", "4")}, {"f32[N, 5]", dims("N", "5")},
	} {
		add(Reshape{c.to}, c.in, "")
	}
	add(Transpose{[]int{1, 0}}, "f32[N, 3]", "")
	add(Transpose{[]int{2, 0, 1}}, "i32[2, 3, N]", "")
	add(Transpose{[]int{}}, "f32[]", "")
	add(Broadcast{dims("N", "3"), []int{1}}, "f32[3]", "")
	add(Broadcast{dims("N", "3"), []int{}}, "f32[]", "")
	add(Broadcast{dims("N", "4", "3"), []int{0, 2}}, "f32[N, 1]", "")
	add(Broadcast{dims("N", "1"), []int{0, 1}}, "f32[N, 1]", "")
	add(Slice{dims("0", "1"), dims("N", "4"), nil}, "f32[N, 5]", "")
	add(Slice{dims("1", "N"), dims("7", "2*N"), []int64{2, 1}}, "f32[8, 3*N]", "")
	add(Slice{dims("2"), dims("2"), []int64{3}}, "f32[5]", "")
	add(Slice{dims("0"), dims("N"), []int64{3}}, "f32[N]", "")
	add(Pad{dims("0", "2"), dims("1", "0"), nil}, "f32[N, 3]", "")
	add(Pad{dims("1", "0"), dims("2", "N"), []int64{3, 1}}, "f32[4, N]", "")
	add(Pad{dims("1"), dims("1"), []int64{2}}, "i32[1]", "")
	add(Concat{0}, "f32[N, 2]; f32[3, 2]; f32[N, 2]", "")
	add(Concat{1}, "f32[2, 1]; f32[2, 0]; f32[2, 4]", "")
	add(Concat{0}, "f32[N]", "")
	add(Reverse{[]int{0}}, "f32[N, 3]", "")
	add(Reverse{[]int{0, 1}}, "f32[2, 3]", "")
	add(Full{Type: typ(tensor.F32, "3"), Float: 0.1}, "", "")
	add(Full{Type: typ(tensor.U64), Int: -5}, "", "")
	add(Full{Type: typ(tensor.Bool, "2"), Int: 1}, "", "")
	add(Const{tensor.FromFloats(tensor.F32, []float64{1.5, math.Inf(-1), 0.1, math.NaN(), 5, 6}, 2, 3)}, "", "")
	add(Const{tensor.FromFloats(tensor.I64, []float64{-7})}, "", "")
	add(Iota{typ(tensor.I32, "N", "3"), 0}, "", "")
	add(Iota{typ(tensor.F32, "2", "3"), 1}, "", "")
	add(Size{dims("2*N + 1")[0], tensor.F32}, "", "")
	add(Size{dims("N")[0], tensor.I64}, "", "")
	add(Pick{1}, "f32[N, 4]; i32[N]", "index")
	add(Pick{0}, "f32[4, 2, 3]; u8[2, 3]", "index")
	add(Take{}, "f32[4, 2]; i32[N]", "index")
	add(Take{}, "f32[4]; i64[]", "index")
	add(Take{}, "f32[4, 3]; u8[N, 2]", "index")
	add(ScatterAdd{dims("4")[0]}, "i32[N]; f32[N, 2]", "index")
	add(ScatterAdd{dims("4")[0]}, "i32[]; f32[3]", "index")
	add(ScatterAdd{dims("N")[0]}, "i32[2, N]; f32[2, N]", "index")
	for _, kind := range []string{"uniform", "normal"} {
		add(Random{Kind: kind, Type: typ(tensor.F32, "N", "3", "2"), Site: 77}, "u64[]; i64[]", "")
		add(Random{Kind: kind, Type: typ(tensor.F32), Site: 78}, "u64[]; i64[]", "")
	}
	add(Random{Kind: "bits", Type: typ(tensor.U32, "9"), Site: 79}, "u64[]; i64[]", "")
	add(Random{Kind: "bernoulli", Type: typ(tensor.Bool, "N", "50"), Site: 80, Keep: 0.5}, "u64[]; i64[]", "")
	return list
}

func windowSamples() []sample {
	var list []sample
	add := func(op Op, in, draw string) { list = append(list, sample{op, in, draw}) }
	for _, c := range [][2]string{
		{"mk,kn->mn", "f32[N, 5]; f32[5, 3]"}, {"bmk,bkn->bmn", "f32[N, 2, 3]; f32[N, 3, 1]"}, {"nte,se->nts", "f32[N, T, 4]; f32[3, 4]"},
		{"ab,ab->", "f32[N, 3]; f32[N, 3]"}, {"a,b->ab", "f32[N]; f32[3]"}, {"ab,c->bc", "f32[2, 3]; f32[N]"}, {"a,bc->b", "f32[2]; f32[N, 3]"},
		{"k,kn->n", "f32[0]; f32[0, 3]"}, {",a->a", "f32[]; f32[3]"}, {"mk,kn->nm", "i32[N, 5]; i32[5, 3]"},
	} {
		add(Einsum{c[0]}, c[1], "")
	}
	for _, c := range []struct {
		g    Conv
		x, w string
	}{
		{g: Conv{[]int64{1, 1}, []int64{0, 0}, []int64{0, 0}, []int64{1, 1}}, x: "N, 5, 4, 2", w: "3, 2, 2, 3"},
		{g: Conv{[]int64{1, 1}, []int64{1, 1}, []int64{1, 1}, []int64{1, 1}}, x: "N, 3, 4, 2", w: "3, 3, 2, 1"},
		{g: Conv{[]int64{2, 3}, []int64{0, 1}, []int64{1, 2}, []int64{1, 1}}, x: "N, 6, 7, 1", w: "3, 3, 1, 2"},
		{g: Conv{[]int64{2, 1}, []int64{1, 2}, []int64{1, 2}, []int64{2, 3}}, x: "1, 7, 8, 2", w: "3, 2, 2, 2"},
		{g: Conv{[]int64{2, 2}, []int64{0, 0}, []int64{0, 0}, []int64{1, 1}}, x: "N, 6, 6, 1", w: "1, 1, 1, 2"},
		{g: Conv{[]int64{1}, []int64{2}, []int64{0}, []int64{2}}, x: "N, T, 2", w: "2, 2, 3"},
		{g: Conv{[]int64{2}, []int64{1}, []int64{1}, []int64{1}}, x: "2, T, 1", w: "3, 1, 1"},
		{g: Conv{[]int64{1, 2, 1}, []int64{0, 1, 0}, []int64{0, 1, 0}, []int64{1, 1, 1}}, x: "N, 3, 4, 2, 1", w: "2, 3, 1, 1, 2"},
	} {
		x, w := "f32["+c.x+"]", "f32["+c.w+"]"
		add(c.g, x+"; "+w, "")
		types := sample{in: x + "; " + w}.types()
		y, err := c.g.Infer(types)
		if err != nil {
			panic(err)
		}
		dy := y[0].String()
		add(ConvData{c.g.Strides, c.g.PadLo, c.g.PadHi, c.g.Dilation, types[0].Shape}, dy+"; "+w, "")
		add(ConvFilter{c.g.Strides, c.g.PadLo, c.g.PadHi, c.g.Dilation, types[1].Shape}, x+"; "+dy, "")
	}
	return append(list, poolSamples()...)
}

func poolSamples() []sample {
	var list []sample
	for _, c := range []struct {
		p MaxPool
		x string
	}{
		{MaxPool{[]int64{2, 2}, []int64{2, 2}, []int64{0, 0}, []int64{0, 0}}, "N, 4, 6, 2"},
		{MaxPool{[]int64{2, 2}, []int64{2, 2}, []int64{0, 0}, []int64{1, 1}}, "N, 5, 3, 1"},
		{MaxPool{[]int64{3, 3}, []int64{2, 2}, []int64{1, 1}, []int64{1, 1}}, "N, 5, 4, 2"},
		{MaxPool{[]int64{3, 2}, []int64{1, 1}, []int64{2, 0}, []int64{0, 1}}, "2, 4, 3, 1"},
		{MaxPool{[]int64{1, 2}, []int64{3, 3}, []int64{0, 0}, []int64{0, 0}}, "1, 7, 8, 1"},
		{MaxPool{[]int64{3}, []int64{2}, []int64{0}, []int64{1}}, "N, 7, 3"},
		{MaxPool{[]int64{2, 1, 2}, []int64{1, 1, 2}, []int64{0, 0, 0}, []int64{0, 0, 0}}, "1, 3, 2, 4, 2"},
	} {
		x := sample{in: "f32[" + c.x + "]"}.types()
		y, err := c.p.Infer(x)
		if err != nil {
			panic(err)
		}
		dy := y[0].String()
		for _, draw := range []string{"", "ties", "special"} {
			list = append(list, sample{c.p, x[0].String(), draw})
		}
		g := MaxPoolGrad{c.p.Window, c.p.Strides, c.p.PadLo, c.p.PadHi, x[0].Shape}
		list = append(list, sample{g, dy + "; " + y[1].String(), "index"}, sample{SumPool(c.p), x[0].String(), ""},
			sample{SumPoolGrad(g), dy, ""})
	}
	return append(list, sample{MaxPool{[]int64{2}, []int64{2}, []int64{0}, []int64{0}}, "i32[N, 4, 1]", ""})
}
