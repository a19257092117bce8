package sample

import (
	"math"
	"math/rand"

	"dlc/ir/tensor"
)

// Draw makes a tensor. Floats: normal by default; "positive" in 0.1..2.1; "unit" in -0.9..0.9;
// "above 1" in 1.1..4.1; "ties" are small halves with zeros; "special" has infinities, NaN, signed
// zeros and subnormals; "extreme" has the ends of the type as well, "ends" those alone. Integers: "extreme" for the
// ends of the type and its width, "index" a little beyond 0..4, else small of both signs.
func Draw(r *rand.Rand, t tensor.DType, drawn string, dims ...int) *tensor.Tensor {
	x := tensor.New(t, dims...)
	for i := range x.Len() {
		switch {
		case t == tensor.Bool:
			x.SetInt(i, int64(r.Intn(2)))
		case t.IsInt():
			x.SetInt(i, drawInt(r, t, drawn))
		default:
			x.SetFloat(i, drawFloat(r, t, drawn))
		}
	}
	return x
}

func drawInt(r *rand.Rand, t tensor.DType, drawn string) int64 {
	bits := 8 * t.Size()
	switch {
	case drawn == "index":
		return int64(r.Intn(6) - 1)
	case drawn == "extreme":
		return []int64{0, 1, -1, math.MinInt64 >> (64 - bits), math.MaxInt64 >> (64 - bits), int64(bits), int64(bits - 1), int64(r.Uint64())}[r.Intn(8)]
	}
	return int64(r.Intn(21) - 10)
}

func drawFloat(r *rand.Rand, t tensor.DType, drawn string) float64 {
	switch drawn {
	case "positive":
		return float64(float32(0.1 + 2*r.Float64()))
	case "unit":
		return float64(float32(1.8*r.Float64() - 0.9))
	case "above 1":
		return float64(float32(1.1 + 3*r.Float64()))
	case "ties":
		return float64(r.Intn(5)-2) / 2
	case "ends":
		list := ends(t)
		return list[r.Intn(len(list))]
	case "special", "extreme":
		if r.Intn(3) > 0 {
			list := specials(t)
			if drawn == "extreme" {
				list = append(list, ends(t)...)
			}
			return list[r.Intn(len(list))]
		}
	}
	return float64(float32(r.NormFloat64()))
}

func specials(t tensor.DType) []float64 {
	tiny := []float64{0x1p-149, -0x1.8p-140, 0x1p-127}
	if t == tensor.F64 {
		tiny = []float64{0x1p-1074, -0x1.8p-1060, 0x1p-1023}
	}
	return append(tiny, math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 0, 1, -1, 0.5, -2.5)
}

func ends(t tensor.DType) []float64 {
	if t == tensor.F64 {
		return []float64{math.MaxFloat64, -math.MaxFloat64, 0x1p-1022, 1e155, -3e200}
	}
	return []float64{math.MaxFloat32, -math.MaxFloat32, 0x1p-126, 1e19, -3e25}
}
