package main

import (
	"math"
	"strings"

	"dlc/ir"
)

// A subject is a function of one float whose error is measured.
type subject struct {
	name  string
	bound float64 // in ulp
	most  float32 // of |x|: beyond it nothing is promised
	ends  [2]float32

	nearOne bool // for x < 0 the error is measured against 1 at least
}

// subjects are all functions of one float. The bound is 1 for those that most models run through
// and 2 for the others; sine, cosine and tangent are held to it as far as their argument is
// reduced (docs/numerics.md).
func subjects() []subject {
	// Where the functions are neither constant nor the identity.
	ends := map[string][2]float32{
		"exp": {-104, 89}, "exp2": {-150, 128}, "expm1": {-18, 89}, "log": {0, math.MaxFloat32}, "log1p": {-1, math.MaxFloat32}, "log2": {0, math.MaxFloat32},
		"sin": {-1 << 17, 1 << 17}, "cos": {-1 << 17, 1 << 17}, "tan": {-1 << 17, 1 << 17}, "tanh": {-9.3, 9.3}, "sigmoid": {-104, 20}, "erf": {-4.1, 4.1},
		"sqrt": {0, math.MaxFloat32}, "rsqrt": {0, math.MaxFloat32}, "softplus": {-104, 30}, "asin": {-1, 1}, "acos": {-1, 1}, "sinh": {-90, 90}, "cosh": {-90, 90},
		"acosh": {1, math.MaxFloat32}, "atanh": {-1, 1}, "erfc": {-4.1, 10.1}, "erfinv": {-1, 1}, "lgamma": {-1000, math.MaxFloat32}, "digamma": {-1000, math.MaxFloat32},
	}
	one := " exp log sqrt tanh sigmoid sin cos "
	var list []subject
	for _, fn := range ir.FloatFunctions() {
		s := subject{name: fn, bound: 2, most: math.MaxFloat32, ends: [2]float32{-math.MaxFloat32, math.MaxFloat32}, nearOne: strings.HasSuffix(fn, "gamma")}
		if strings.Contains(one, " "+fn+" ") {
			s.bound = 1
		}
		switch fn {
		case "floor", "ceil", "round", "trunc":
			s.bound = 0
		case "sin", "cos", "tan":
			s.most = 0x1p45
		case "lgamma", "digamma", "trigamma":
			s.bound = 4
		}
		if e, ok := ends[fn]; ok {
			s.ends = e
		}
		list = append(list, s)
	}
	return list
}

// want is the result in f64.
func (s subject) want(x float32) float64 { return ir.UnaryFloat(s.name, float64(x)) }

// measured reports whether the bound holds at x.
func (s subject) measured(x float32) bool {
	return !(math.Abs(float64(x)) > float64(s.most)) || x-x != 0
}

// ulp is the distance of got from the result in units of the result's last place; infinite where
// a NaN, an infinity or the sign of a zero is wrong. An infinity counts as 2^128, the float
// after the largest. For x < 0 the unit of the gamma family is that of 1 at least.
func (s subject) ulp(x, got float32) float64 {
	want := s.want(x)
	if want != want || got != got {
		if want != want && got != got {
			return 0
		}
		return math.Inf(1)
	}
	if want == 0 && (got != 0 || math.Signbit(want) != math.Signbit(float64(got))) {
		return math.Inf(1)
	}
	y, w := clamp(float64(got)), clamp(want)
	unit := max(int(math.Float64bits(w)>>52&0x7ff)-1023-23, -149) // of floats as large as w, as a power of two
	if math.Abs(w) >= math.MaxFloat32 {
		unit = 104
	}
	if x < 0 && s.nearOne {
		unit = max(unit, -23)
	}
	return math.Abs(y-w) * math.Float64frombits(uint64(1023-unit)<<52)
}

func clamp(v float64) float64 { return max(-0x1p128, min(0x1p128, v)) }

// The floats in the order of numbers, by their place; zero is at 0, -0 too.
func place(x float32) int64 {
	b := int64(math.Float32bits(x))
	if b >= 1<<31 {
		return 1<<31 - b
	}
	return b
}

func at(place int64) float32 {
	if place < 0 {
		return math.Float32frombits(uint32(1<<31 - place))
	}
	return math.Float32frombits(uint32(place))
}
