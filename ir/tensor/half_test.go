package tensor

import (
	"math"
	"math/rand"
	"testing"
)

// nearest is the definition of rounding: the closest of all 65536 values, the even one of two.
func nearest(t DType, v float32) uint16 {
	best, least := uint16(0), math.Inf(1)
	for b := range uint16(0x7F80) { // finite, not negative; beyond them is what the formats' last step leads to
		f := float64(FromHalf(t, b))
		if math.IsInf(f, 0) || math.IsNaN(f) {
			if t == F16 && b == 0x7C00 {
				f = 65536
			} else {
				continue
			}
		}
		if d := math.Abs(f - math.Abs(float64(v))); d < least || d == least && b&1 == 0 {
			best, least = b, d
		}
	}
	if math.Signbit(float64(v)) {
		best |= 0x8000
	}
	return best
}

// TestHalfRoundTrip holds that every value of both types survives the way to f32 and back.
func TestHalfRoundTrip(t *testing.T) {
	for _, dt := range []DType{BF16, F16} {
		for b := range 1 << 16 {
			v := FromHalf(dt, uint16(b))
			back := ToHalf(dt, v)
			if v != v {
				if again := FromHalf(dt, back); again == again {
					t.Fatalf("%s %#x: a NaN becomes %v", dt, b, again)
				}
			} else if back != uint16(b) {
				t.Fatalf("%s %#x is %v, which is %#x", dt, b, v, back)
			}
		}
	}
}

// TestHalfRounds compares rounding with the closest value, at halves between two and beside them.
func TestHalfRounds(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for _, dt := range []DType{BF16, F16} {
		for range 40 {
			low := uint16(r.Intn(0x7800))
			a, b := FromHalf(dt, low), FromHalf(dt, low+1)
			mid := float32((float64(a) + float64(b)) / 2)
			for _, v := range []float32{mid, math.Nextafter32(mid, 0), math.Nextafter32(mid, 1e38), -mid} {
				if got, want := ToHalf(dt, v), nearest(dt, v); got != want {
					t.Errorf("%s of %v (%#x) is %#x, not %#x", dt, v, math.Float32bits(v), got, want)
				}
			}
		}
	}
	for _, c := range []struct {
		t    DType
		v    float32
		want uint16
	}{{BF16, math.MaxFloat32, 0x7F80}, {BF16, float32(math.Inf(-1)), 0xFF80}, {BF16, math.SmallestNonzeroFloat32, 0}, {BF16, 0x1p-133, 1},
		{F16, 65519.99, 0x7BFF}, {F16, 65520, 0x7C00}, {F16, -1e9, 0xFC00}, {F16, 0x1p-24, 1}, {F16, 0x1p-25, 0}, {F16, 0x1.8p-25, 1}, {F16, float32(math.Copysign(0, -1)), 0x8000}} {
		if got := ToHalf(c.t, c.v); got != c.want {
			t.Errorf("%s of %v is %#x, not %#x", c.t, c.v, got, c.want)
		}
	}
}

// TestHalfTensors sets and gets elements.
func TestHalfTensors(t *testing.T) {
	for _, dt := range []DType{BF16, F16} {
		x := FromFloats(dt, []float64{1.5, -2, 0.1}, 3)
		x.SetInt(1, 7)
		if len(x.Data) != 6 || x.Float(0) != 1.5 || x.Int(1) != 7 || math.Abs(x.Float(2)-0.1) > 1e-3 || dt.IsFloat() || dt.IsInt() {
			t.Errorf("%s: %v %v %v", dt, x.Float(0), x.Float(1), x.Float(2))
		}
		if got, err := ParseStored(dt.String()); err != nil || got != dt {
			t.Error(err)
		}
		if _, err := ParseDType(dt.String()); err == nil {
			t.Errorf("%s is a type of programs", dt)
		}
	}
}
