package emulate

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// Conversions against Go's, and the small formats against a search among all their values.

func TestConversions(t *testing.T) {
	f32of := func(a uint64) float64 { return float64(math.Float32frombits(uint32(a))) }
	f64of := math.Float64frombits
	clamp := func(x float64, low, high float64, whole func(float64) float64) int64 {
		switch {
		case x != x:
			return 0
		case whole(x) <= low:
			return int64(low)
		case whole(x) >= high:
			return int64(high)
		}
		return int64(whole(x))
	}
	runArithmetic(t, "sm_80", []arithmeticCase{
		{"cvt.s64.s32", "xr", func(a, _, _ uint64) uint64 { return uint64(int64(int32(a))) }},
		{"cvt.u64.u32", "xr", func(a, _, _ uint64) uint64 { return a }},
		{"cvt.u32.u64", "rx", func(a, _, _ uint64) uint64 { return a }},
		{"cvt.s32.s8", "rr", func(a, _, _ uint64) uint64 { return uint64(int32(int8(a))) }},
		{"cvt.u32.u16", "rh", func(a, _, _ uint64) uint64 { return a }},
		{"cvt.s16.s8", "hh", func(a, _, _ uint64) uint64 { return uint64(int16(int8(a))) }},
		{"cvt.sat.u8.s32", "rr", func(a, _, _ uint64) uint64 { return uint64(min(max(int32(a), 0), 255)) }},
		{"cvt.sat.s16.u32", "hr", func(a, _, _ uint64) uint64 { return min(a, 32767) }},
		{"cvt.sat.s8.s64", "rx", func(a, _, _ uint64) uint64 { return uint64(uint32(min(max(int64(a), -128), 127))) }},
		{"cvt.rzi.s32.f32", "rf", func(a, _, _ uint64) uint64 {
			return uint64(clamp(f32of(a), math.MinInt32, math.MaxInt32, math.Trunc))
		}},
		{"cvt.rni.s32.f32", "rf", func(a, _, _ uint64) uint64 {
			return uint64(clamp(f32of(a), math.MinInt32, math.MaxInt32, math.RoundToEven))
		}},
		{"cvt.rmi.s32.f32", "rf", func(a, _, _ uint64) uint64 {
			return uint64(clamp(f32of(a), math.MinInt32, math.MaxInt32, math.Floor))
		}},
		{"cvt.rpi.u32.f32", "rf", func(a, _, _ uint64) uint64 {
			return uint64(clamp(f32of(a), 0, math.MaxUint32, math.Ceil))
		}},
		{"cvt.rzi.s64.f64", "xd", func(a, _, _ uint64) uint64 {
			x := f64of(a)
			switch {
			case x != x || x < math.MinInt64:
				return 1 << 63
			case x >= math.MaxInt64:
				return math.MaxInt64
			}
			return uint64(int64(x))
		}},
		{"cvt.rni.f32.f32", "ff", f32Of(func(a, _, _ float32) float32 { return float32(math.RoundToEven(float64(a))) })},
		{"cvt.rzi.f64.f64", "dd", f64Of(func(a, _, _ float64) float64 { return math.Trunc(a) })},
		{"cvt.rn.f32.s32", "fr", func(a, _, _ uint64) uint64 { return uint64(math.Float32bits(float32(int32(a)))) }},
		{"cvt.rn.f32.u64", "fx", func(a, _, _ uint64) uint64 {
			v, _ := new(big.Float).SetUint64(a).Float32()
			return uint64(math.Float32bits(v))
		}},
		{"cvt.rn.f32.s64", "fx", func(a, _, _ uint64) uint64 {
			v, _ := new(big.Float).SetInt64(int64(a)).Float32()
			return uint64(math.Float32bits(v))
		}},
		{"cvt.rn.f64.u64", "dx", func(a, _, _ uint64) uint64 { return math.Float64bits(float64(a)) }},
		{"cvt.f64.f32", "df", func(a, _, _ uint64) uint64 { return math.Float64bits(f32of(a)) }},
		{"cvt.rn.f32.f64", "fd", func(a, _, _ uint64) uint64 {
			v := float32(f64of(a))
			if v != v {
				return 0x7fffffff
			}
			return uint64(math.Float32bits(v))
		}},
		{"cvt.sat.f32.f32", "ff", f32Of(func(a, _, _ float32) float32 {
			if a != a {
				return 0
			}
			return max(0, min(1, a))
		})},
		{"cvt.f32.f16", "fh", func(a, _, _ uint64) uint64 { return float32Bits(valueOf(half, a)) }},
		{"cvt.rn.f16.f32", "hf", func(a, _, _ uint64) uint64 { return nearestOf(half, f32of(a)) }},
		{"cvt.rn.bf16.f32", "hf", func(a, _, _ uint64) uint64 { return nearestOf(brain, f32of(a)) }},
		{"cvt.rz.bf16.f32", "hf", func(a, _, _ uint64) uint64 {
			if x := f32of(a); x != x {
				return 0x7fff
			}
			return a >> 16
		}},
		{"cvt.rn.bf16x2.f32", "rff", func(a, b, _ uint64) uint64 { return nearestOf(brain, f32of(a))<<16 | nearestOf(brain, f32of(b)) }},
		{"cvt.rn.relu.f16x2.f32", "rff", func(a, b, _ uint64) uint64 {
			relu := func(v uint64) float64 {
				if x := f32of(v); !(x <= 0) {
					return x
				}
				return 0
			}
			return nearestOf(half, relu(a))<<16 | nearestOf(half, relu(b))
		}},
		{"cvt.rna.tf32.f32", "rf", func(a, _, _ uint64) uint64 {
			if x := f32of(a); x != x {
				return 0x7fffffff
			} else if math.IsInf(x, 0) {
				return a
			}
			return (a + 1<<12) &^ (1<<13 - 1)
		}},
	})
}

func float32Bits(x float64) uint64 {
	if x != x {
		return 0x7fffffff
	}
	return uint64(math.Float32bits(float32(x)))
}

// valueOf reads a 16-bit float by the formula of IEEE 754.
func valueOf(f format, v uint64) float64 {
	bias := math.Pow(2, float64(f.exponent-1)) - 1
	e, m := float64(v>>f.mantissa&(1<<f.exponent-1)), float64(v&(1<<f.mantissa-1))
	scale := math.Pow(2, float64(f.mantissa))
	x := (1 + m/scale) * math.Pow(2, e-bias)
	switch {
	case e == 2*bias+1 && m != 0:
		return math.NaN()
	case e == 2*bias+1:
		x = math.Inf(1)
	case e == 0:
		x = m / scale * math.Pow(2, 1-bias)
	}
	if v>>15 != 0 {
		return math.Copysign(x, -1)
	}
	return x
}

// nearestOf finds the float of 16 bits nearest to x by bisection over all of them; a tie goes to the even one.
// The value behind the last finite one counts as where the next would be.
func nearestOf(f format, x float64) uint64 {
	if x != x {
		return 0x7fff
	}
	var sign uint64
	if math.Signbit(x) {
		sign, x = 1<<15, -x
	}
	inf := uint64(1<<f.exponent-1) << f.mantissa
	if math.IsInf(x, 0) {
		return sign | inf
	}
	low, high := uint64(0), inf
	for high-low > 1 {
		if mid := (low + high) / 2; valueOf(f, mid) <= x {
			low = mid
		} else {
			high = mid
		}
	}
	above := valueOf(f, high)
	if high == inf {
		above = 2*valueOf(f, inf-1) - valueOf(f, inf-2)
	}
	below := valueOf(f, low)
	switch up, down := above-x, x-below; {
	case up < down || up == down && low&1 != 0:
		return sign | high
	}
	return sign | low
}

// Arithmetic in f16 and bf16 has one rounding: the exact result, then the nearest.
func TestHalfArithmetic(t *testing.T) {
	exact := func(f format, op func(x, y, z *big.Float) *big.Float) func(a, b, c uint64) uint64 {
		return func(a, b, c uint64) uint64 {
			x, y, z := valueOf(f, a&0xffff), valueOf(f, b&0xffff), valueOf(f, c&0xffff)
			plain := x*y + z
			if plain != plain || math.IsInf(plain, 0) {
				return nearestOf(f, plain)
			}
			v := op(big.NewFloat(x).SetPrec(400), big.NewFloat(y).SetPrec(400), big.NewFloat(z).SetPrec(400))
			if v.Sign() == 0 {
				return nearestOf(f, plain)
			}
			out, accuracy := v.Float64()
			if accuracy != big.Exact && math.Float64bits(out)&1 == 0 { // to odd
				if (accuracy == big.Below) == (out > 0) {
					out = math.Float64frombits(math.Float64bits(out) + 1)
				} else {
					out = math.Float64frombits(math.Float64bits(out) - 1)
				}
			}
			return nearestOf(f, out)
		}
	}
	fma := func(x, y, z *big.Float) *big.Float {
		p := new(big.Float).SetPrec(400).Mul(x, y)
		return p.Add(p, z)
	}
	pair := func(f func(a, b, c uint64) uint64) func(a, b, c uint64) uint64 {
		return func(a, b, c uint64) uint64 {
			return f(a&0xffff, b&0xffff, c&0xffff) | f(a>>16, b>>16, c>>16)<<16
		}
	}
	runArithmetic(t, "sm_90a", []arithmeticCase{
		{"fma.rn.f16", "hhhh", exact(half, fma)},
		{"fma.rn.bf16", "hhhh", exact(brain, fma)},
		{"fma.rn.f16x2", "rrrr", pair(exact(half, fma))},
		{"fma.rn.bf16x2", "rrrr", pair(exact(brain, fma))},
		{"neg.bf16", "hh", func(a, _, _ uint64) uint64 { return a ^ 0x8000 }},
		{"abs.f16x2", "rr", func(a, _, _ uint64) uint64 { return a &^ 0x80008000 }},
		{"max.NaN.bf16", "hhh", func(a, b, _ uint64) uint64 { return nearestOf(brain, math.Max(valueOf(brain, a), valueOf(brain, b))) }},
	})
}

func TestEncodeIsNearest(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for _, f := range []format{half, brain} {
		for range 20000 {
			x := math.Ldexp(rng.NormFloat64(), rng.IntN(300)-160)
			if got, want := f.encode(x, nearestEven), nearestOf(f, x); got != want {
				t.Fatalf("%s of %v: %#x, want %#x", f.typ, x, got, want)
			}
		}
	}
}

// Approximate forms are computed well, and the report says that they were there.
func TestApproximateFormsAreReported(t *testing.T) {
	forms := map[string]func(float64) float64{
		"ex2.approx.f32": math.Exp2, "lg2.approx.f32": math.Log2, "rcp.approx.f32": func(x float64) float64 { return 1 / x },
		"rsqrt.approx.f32": func(x float64) float64 { return 1 / math.Sqrt(x) }, "tanh.approx.f32": math.Tanh,
		"sin.approx.f32": math.Sin, "cos.approx.f32": math.Cos, "sqrt.approx.f32": math.Sqrt,
	}
	for op, f := range forms {
		in := []float32{0.25, 1, 2.5, 7}
		out, report, err := runText(t, ptx("sm_80", "", inOut("mov.b32 %f0, %r0; "+op+" %f1, %f0; mov.b32 %r1, %f1;")), "sm_80", 4, floatBytes(in), 16)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range floatsOf(out) {
			if want := f(float64(in[i])); math.Abs(float64(v)-want) > 1e-6*math.Abs(want) {
				t.Errorf("%s(%v) = %v, want %v", op, in[i], v, want)
			}
		}
		if len(report.Approximate) != 1 || report.Approximate[0] != op {
			t.Errorf("%s: report lists %v", op, report.Approximate)
		}
	}
	_, report, err := runText(t, ptx("sm_80", "", inOut("mov.b32 %f0, %r0; mul.f32 %f1, %f0, %f0; mov.b32 %r1, %f1;")), "sm_80", 1, make([]byte, 4), 4)
	if err != nil || len(report.Fusible) != 1 {
		t.Errorf("mul.f32: fusible %v, %v", report.Fusible, err)
	}
}
