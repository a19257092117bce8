package ir

import (
	"fmt"
	"math"

	"dlc/ir/kernel"
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
	if err := known(o, "random kind %q"); err != nil {
		return nil, err
	}
	ok := o.Type.DType.IsFloat()
	switch o.Kind {
	case "bits":
		ok = o.Type.DType == tensor.U32
	case "bernoulli":
		ok = o.Type.DType == tensor.Bool
	}
	if !ok {
		return nil, fmt.Errorf("random %s does not give %s", o.Kind, o.Type.DType)
	}
	return []tensor.Type{o.Type}, nil
}

// Eval draws element by element.
func (o Random) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	y := blank(out[0])
	width := 1 // of a row
	if len(y.Dims) > 0 {
		width = max(1, y.Len()/max(1, y.Dims[0]))
	}
	seed, step := uint64(in[0].Int(0)), in[1].Int(0)
	for i := range y.Len() {
		row, column := int64(i/width), int64(i%width)
		word := func(c int64) uint32 { return kernel.RandomWord(seed, o.Site, step, row, c) }
		uniform := func(c int64) float64 { return float64(word(c)>>8) * 0x1p-24 }
		switch o.Kind {
		case "bits":
			y.SetInt(i, int64(word(column)))
		case "uniform":
			y.SetFloat(i, uniform(column))
		case "bernoulli":
			y.SetInt(i, truth(uniform(column) < float64(float32(o.Keep))))
		case "normal": // Box and Muller
			u, v := uniform(2*column)+0x1p-24, uniform(2*column+1)
			y.SetFloat(i, math.Sqrt(-2*math.Log(u))*math.Cos(2*math.Pi*v))
		}
	}
	return []*tensor.Tensor{y}
}

// Grad is none: numbers drawn do not vary.
func (o Random) Grad(b *Builder, n *Node, dy []*Value) []*Value { return []*Value{nil, nil} }

// Lower draws bits and shapes them as level 1 says.
func (o Random) Lower(l *Lowering) {
	out := l.Axes(o.Type.Shape)
	at := names(out)
	row, column := tensor.Dim{}, tensor.Dim{}
	if len(at) > 0 {
		row, column = at[0], flatten(at[1:], o.Type.Shape[1:])
	}
	bits := &kernel.Random{Seed: l.Load(0), Step: l.Load(1), Site: o.Site, Row: kernel.IndexOf(row), Column: kernel.IndexOf(column)}
	e := kernel.Expr(bits)
	switch o.Kind {
	case "uniform":
		e = kernel.Cast(o.Type.DType, kernel.Uniform(bits))
	case "bernoulli":
		e = kernel.Compare("lt", kernel.Uniform(bits), kernel.F(tensor.F32, o.Keep))
	case "normal":
		e = kernel.Cast(o.Type.DType, kernel.Normal(bits))
	}
	l.Map(0, out, e)
}
