package ir

import (
	"math/rand"
	"strings"

	"dlc/ir/tensor"
)

// typesOf reads types: f32[N, 3]; i32[N].
func typesOf(text string) []tensor.Type {
	var types []tensor.Type
	for _, one := range strings.Split(text, ";") {
		if one == "" {
			continue
		}
		t, err := ParseType(strings.TrimSpace(one))
		if err != nil {
			panic(text + ": " + err.Error())
		}
		types = append(types, t)
	}
	return types
}

func dims(texts ...string) tensor.Shape {
	return typesOf("f32[" + strings.Join(texts, ", ") + "]")[0].Shape
}

func typ(t tensor.DType, texts ...string) tensor.Type {
	return tensor.Type{DType: t, Shape: dims(texts...)}
}

// normal draws f64 of mean 0.
func normal(r *rand.Rand, dims ...int) *tensor.Tensor {
	x := tensor.New(tensor.F64, dims...)
	for i := range x.Len() {
		x.SetFloat(i, r.NormFloat64())
	}
	return x
}

// Verified is a module with everything in it.
const Verified = verified
