package kernel

import (
	"math"
	"math/big"
	"math/rand"
	"testing"

	"dlc/ir/tensor"
)

// randomF32 draws bits, mostly with exponents close enough that sums cancel and round.
func randomF32(r *rand.Rand) float32 {
	if r.Intn(4) == 0 {
		return math.Float32frombits(r.Uint32())
	}
	bits := r.Uint32()&0x807fffff | uint32(100+r.Intn(50))<<23
	if r.Intn(3) == 0 {
		bits &^= 1<<uint(r.Intn(23)) - 1
	}
	return math.Float32frombits(bits)
}

func TestFMA32IsRoundedOnce(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	exact := func(a, b, c float32) float32 {
		x := new(big.Float).SetPrec(2000).SetFloat64(float64(a))
		x.Mul(x, new(big.Float).SetFloat64(float64(b)))
		x.Add(x, new(big.Float).SetPrec(2000).SetFloat64(float64(c)))
		f, _ := x.Float32()
		return f
	}
	finite := func(v float32) bool { return v-v == 0 }
	for i := range 300000 {
		a, b, c := randomF32(r), randomF32(r), randomF32(r)
		switch i % 8 {
		case 0: // near a tie
			c = -a * b
		case 1: // subnormal results
			a, b, c = math.Float32frombits(uint32(r.Intn(1<<25))), math.Float32frombits(uint32(40+r.Intn(90))<<23|r.Uint32()&0x7fffff), math.Float32frombits(uint32(r.Intn(1<<24)))
		case 2:
			c = math.Float32frombits(math.Float32bits(a*b)&0xff800000 - uint32(24+r.Intn(4))<<23)
		}
		if !finite(a) || !finite(b) || !finite(c) {
			continue
		}
		got, want := FMA32(a, b, c), exact(a, b, c)
		if want == 0 && got == 0 {
			continue // the sign is tested below
		}
		if math.Float32bits(got) != math.Float32bits(want) {
			t.Fatalf("fma(%x, %x, %x) = %x, want %x", a, b, c, got, want)
		}
	}
	inf := float32(math.Inf(1))
	for _, c := range []struct{ a, b, c, want float32 }{{inf, 1, 1, inf}, {1, 1, -inf, -inf}, {math.MaxFloat32, 2, -inf, -inf}, {math.MaxFloat32, 2, 0, inf}} {
		if got := FMA32(c.a, c.b, c.c); got != c.want {
			t.Errorf("fma(%g, %g, %g) = %g, want %g", c.a, c.b, c.c, got, c.want)
		}
	}
	if got := FMA32(inf, 0, 1); got == got {
		t.Errorf("fma(inf, 0, 1) = %g", got)
	}
	if z := FMA32(-1, 0, float32(math.Copysign(0, -1))); !math.Signbit(float64(z)) {
		t.Error("fma(-1, 0, -0) is +0")
	}
}

func TestMinimumMaximum(t *testing.T) {
	nan, zero, minus := math.NaN(), 0.0, math.Copysign(0, -1)
	if v := Minimum(zero, minus); !math.Signbit(v) {
		t.Error("minimum(+0, -0) is +0")
	}
	if v := Maximum(minus, zero); math.Signbit(v) {
		t.Error("maximum(-0, +0) is -0")
	}
	if v := Maximum(math.Inf(1), nan); v == v {
		t.Error("maximum(inf, NaN) is no NaN")
	}
	if Minimum(2.0, 1) != 1 || Maximum(2.0, 1) != 2 {
		t.Error("minimum or maximum of 2 and 1")
	}
}

func TestConvert(t *testing.T) {
	f64 := math.Float64bits
	cases := []struct {
		from, to tensor.DType
		in, want uint64
	}{
		{tensor.F64, tensor.I8, f64(-1e9), Wrap(tensor.I8, -128)},
		{tensor.F64, tensor.I8, f64(127.9), 127},
		{tensor.F64, tensor.U8, f64(-0.5), 0},
		{tensor.F64, tensor.U8, f64(256), 255},
		{tensor.F64, tensor.I64, f64(1e30), math.MaxInt64},
		{tensor.F64, tensor.I64, f64(-1e30), 1 << 63},
		{tensor.F64, tensor.U64, f64(1e30), math.MaxUint64},
		{tensor.F64, tensor.U64, f64(1 << 63), 1 << 63},
		{tensor.F64, tensor.I32, f64(math.NaN()), 0},
		{tensor.F32, tensor.Bool, F32Bits(0.5), 1},
		{tensor.F64, tensor.Bool, f64(math.Copysign(0, -1)), 0},
		{tensor.I64, tensor.U8, 257, 1},
		{tensor.I64, tensor.Bool, 256, 1},
		{tensor.I32, tensor.U32, Wrap(tensor.I32, -1), math.MaxUint32},
		{tensor.U64, tensor.F32, math.MaxUint64, F32Bits(0x1p64)},
		{tensor.U64, tensor.F64, 1 << 63, f64(0x1p63)},
		{tensor.I32, tensor.F32, Wrap(tensor.I32, 16777217), F32Bits(16777216)},
	}
	for _, c := range cases {
		if got := Convert(c.from, c.to, c.in); got != c.want {
			t.Errorf("cast %s to %s of %#x = %#x, want %#x", c.from, c.to, c.in, got, c.want)
		}
	}
}

func TestIntegerEdges(t *testing.T) {
	cases := []struct {
		fn         string
		t          tensor.DType
		a, b, want int64
	}{
		{"div", tensor.I32, -7, 2, -3}, {"idiv", tensor.I32, -7, 2, -4}, {"rem", tensor.I32, -7, 2, 1}, {"rem", tensor.I32, 7, -2, -1},
		{"div", tensor.I64, 5, 0, 0}, {"idiv", tensor.U8, 5, 0, 0}, {"rem", tensor.I8, 5, 0, 0},
		{"div", tensor.I8, -128, -1, -128}, {"idiv", tensor.I64, math.MinInt64, 3, -3074457345618258603},
		{"add", tensor.U8, 250, 10, 4}, {"mul", tensor.I8, 64, 2, -128}, {"sub", tensor.U32, 0, 1, math.MaxUint32},
		{"shl", tensor.I32, 1, 32, 0}, {"shl", tensor.I8, 1, 7, -128}, {"shr", tensor.I8, -128, 9, -1}, {"shr", tensor.U8, 128, 8, 0}, {"shr", tensor.I32, 8, -1, 0},
		{"lt", tensor.U64, -1, 1, 0}, {"lt", tensor.I64, -1, 1, 1}, {"max", tensor.U64, -1, 1, -1},
	}
	for _, c := range cases {
		if got := ScalarOf(c.fn, c.t, c.t).Two(Wrap(c.t, c.a), Wrap(c.t, c.b)); got != Wrap(c.t, c.want) {
			t.Errorf("%s %s(%d, %d) = %d, want %d", c.t, c.fn, c.a, c.b, int64(got), c.want)
		}
	}
}

func TestPhiloxVectors(t *testing.T) { // the known answers of the reference implementation
	cases := []struct {
		c    [4]uint32
		k    [2]uint32
		want [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{^uint32(0), ^uint32(0), ^uint32(0), ^uint32(0)}, [2]uint32{^uint32(0), ^uint32(0)}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0}, [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	}
	for _, c := range cases {
		if got := Philox(c.c, c.k); got != c.want {
			t.Errorf("philox(%x, %x) = %x, want %x", c.c, c.k, got, c.want)
		}
	}
}

func TestCheckCall(t *testing.T) {
	f, i, b := tensor.F32, tensor.I64, tensor.Bool
	good := []struct {
		fn     string
		result tensor.DType
		args   []tensor.DType
	}{{"add", f, []tensor.DType{f, f}}, {"select", i, []tensor.DType{b, i, i}}, {"lt", b, []tensor.DType{f, f}}, {"bitcast", tensor.I32, []tensor.DType{f}}, {"and", b, []tensor.DType{b, b}}, {"cast", b, []tensor.DType{f}}}
	for _, c := range good {
		if err := CheckCall(c.fn, c.result, c.args...); err != nil {
			t.Error(err)
		}
	}
	bad := []struct {
		fn     string
		result tensor.DType
		args   []tensor.DType
	}{{"wibble", f, []tensor.DType{f}}, {"add", f, []tensor.DType{f}}, {"add", f, []tensor.DType{f, i}}, {"add", i, []tensor.DType{f, f}}, {"add", b, []tensor.DType{b, b}}, {"lt", f, []tensor.DType{f, f}}, {"sqrt", i, []tensor.DType{i}},
		{"select", f, []tensor.DType{f, f, f}}, {"select", f, []tensor.DType{b, f, i}}, {"bitcast", i, []tensor.DType{f}}, {"cast", tensor.Invalid, []tensor.DType{f}}, {"rem", f, []tensor.DType{f, f}}, {"and", f, []tensor.DType{f, f}}}
	for _, c := range bad {
		if CheckCall(c.fn, c.result, c.args...) == nil {
			t.Errorf("%s of %v to %s is accepted", c.fn, c.args, c.result)
		}
	}
}
