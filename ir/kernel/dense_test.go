package kernel

import (
	"math"
	"testing"

	"dlc/ir/tensor"
)

// Every f32 function at about 2^16 numbers that lie evenly among all floats of the range where
// the function is neither constant nor the identity, and at each place where its formula
// changes.
func TestMathF32Dense(t *testing.T) {
	ranges := map[string][2]float32{
		"exp": {-104, 89}, "exp2": {-150, 128}, "expm1": {-18, 89}, "log": {0, math.MaxFloat32}, "log1p": {-1, math.MaxFloat32}, "log2": {0, math.MaxFloat32},
		"sin": {-131072, 131072}, "cos": {-131072, 131072}, "tan": {-131072, 131072}, "tanh": {-9.3, 9.3}, "sigmoid": {-104, 20}, "erf": {-4.1, 4.1},
		"rsqrt": {0, math.MaxFloat32}, "softplus": {-104, 30},
		"reciprocal": {-math.MaxFloat32, math.MaxFloat32}, "asin": {-1, 1}, "acos": {-1, 1}, "atan": {-math.MaxFloat32, math.MaxFloat32}, "sinh": {-90, 90}, "cosh": {-90, 90},
		"asinh": {-math.MaxFloat32, math.MaxFloat32}, "acosh": {1, math.MaxFloat32}, "atanh": {-1, 1}, "erfc": {-4.1, 10.1}, "erfinv": {-1, 1},
		"lgamma": {0, math.MaxFloat32}, "digamma": {0, math.MaxFloat32}, "trigamma": {0, math.MaxFloat32},
	}
	for _, fn := range FuncNames() {
		span, ok := ranges[fn]
		if !ok {
			continue
		}
		f, _ := compileFn(fn, tensor.F32)
		worst, where := 0.0, float32(0)
		try := func(x float32) {
			if u := ulp32(BitsF32(f(F32Bits(x), 0)), references[fn](float64(x))); u > worst {
				worst, where = u, x
			}
		}
		lo, hi := ordered(span[0]), ordered(span[1])
		step := max(1, (hi-lo)>>16)
		for i := lo + step/3; i <= hi; i += step {
			try(unordered(i))
		}
		for _, edge := range []float32{0x1p-25, 0.9, 0.34657359, math.Sqrt2 / 2, math.Sqrt2, 0.41421356, 0.29289323, 1, 4, 9.2, 87.33655, 88.72284, 0x1p-126, 103.9} {
			for d := int64(-200); d <= 200; d++ {
				for _, x := range []float32{unordered(ordered(edge) + d), unordered(ordered(-edge) + d)} {
					if x >= span[0] && x <= span[1] {
						try(x)
					}
				}
			}
		}
		t.Logf("f32 %-8s %.3f ulp at %g (%#x)", fn, worst, where, math.Float32bits(where))
		if worst > bounds[fn][0] {
			t.Errorf("f32 %s: %.3f ulp at %g", fn, worst, where)
		}
	}
}

// ordered numbers the floats so that the order of numbers is the order of floats.
func ordered(x float32) int64 {
	b := int64(math.Float32bits(x))
	if b >= 1<<31 {
		return 1<<31 - b
	}
	return b
}

func unordered(i int64) float32 {
	if i < 0 {
		return math.Float32frombits(uint32(1<<31 - i))
	}
	return math.Float32frombits(uint32(i))
}
