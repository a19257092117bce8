package ir

import (
	"fmt"

	"dlc/ir/tensor"
)

// Random draws numbers keyed by its two inputs, seed (u64) and step (i64) of rank 0, and by Site.
// An element's row is its leading index and its column the row-major place inside the row, so
// that a row's numbers do not depend on how many rows there are. Kind bits gives u32; uniform
// floats in [0, 1); normal floats of mean 0 and variance 1; bernoulli bools that are true with
// probability Keep.
type Random struct {
	Kind string
	Type tensor.Type
	Site uint64
	Keep float64
}

// Name is the op's mnemonic.
func (o Random) Name() string { return "random" }

// Infer gives Type, of the dtype that Kind draws.
func (o Random) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	seed, step := tensor.Type{DType: tensor.U64}, tensor.Type{DType: tensor.I64}
	if !in[0].Equal(seed) || !in[1].Equal(step) {
		return nil, fmt.Errorf("takes the seed %s and the step %s, not %s and %s", seed, step, in[0], in[1])
	}
	ok := false
	switch o.Kind {
	case "bits":
		ok = o.Type.DType == tensor.U32
	case "uniform", "normal":
		ok = o.Type.DType.IsFloat()
	case "bernoulli":
		ok = o.Type.DType == tensor.Bool
	default:
		return nil, fmt.Errorf("no random kind %q", o.Kind)
	}
	if !ok {
		return nil, fmt.Errorf("random %s does not give %s", o.Kind, o.Type.DType)
	}
	return []tensor.Type{o.Type}, nil
}
