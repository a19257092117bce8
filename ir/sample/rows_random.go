package sample

import (
	"dlc/ir"
	"dlc/ir/tensor"
)

// randomRows are counter-based: Philox by seed, site, step, row and column.
func randomRows() []Row {
	const source = "Philox 4x32-10 (Salmon et al. 2011), docs/numerics.md"
	var rows []Row
	for _, c := range []struct {
		kind, doc, reference string
		dtypes               []tensor.DType
		tolerance            float64
	}{
		{"bits", "32 random bits.", "philox(a, out, nx, ny)", []tensor.DType{tensor.U32}, 0},
		{"uniform", "Uniform in [0, 1): the upper 24 bits times 2^-24.", "uniform(philox(a, out, nx, ny))", floats(), 0},
		{"bernoulli", "True with probability `keep`: uniform < keep.", "uniform(philox(a, out, nx, ny)) < np.float32(a['Keep'])", bools(), 0},
		{"normal", "Of mean 0 and variance 1: Box and Muller of two words.", "box_muller(philox(a, out, nx, ny, 2))", floats(), 1e-13},
	} {
		row := Row{Name: "random " + c.kind, Doc: c.doc, Shapes: "the seed u64[], the step i64[] -> the type", Source: source, DTypes: c.dtypes, Reference: c.reference, Tolerance: c.tolerance,
			Refused: []Refusal{{ir.Random{Kind: c.kind, Type: tensor.Type{DType: c.dtypes[0]}}, "i64[]; i64[]", "takes the seed u64[]"}}}
		if c.tolerance > 0 {
			row.Reason, row.Lowered = "cosines and logarithms of two libraries", 2e-6 // lowered, it is computed in f32
		}
		for i, shape := range elementShapes() {
			drawn := ""
			if i > 3 {
				drawn = "extreme"
			}
			row.Samples = append(row.Samples, Sample{ir.Random{Kind: c.kind, Type: typ(shape), Site: 0x9e3779b97f4a7c15 * uint64(i+1), Keep: 0.3}, "u64[]; i64[]", drawn})
		}
		row.Apply = func(p Program) (ir.Op, []*ir.Value) {
			shape := tensor.Shape{p.Symbols()[0], tensor.Int(int64(1 + p.Intn(5)))}
			t := tensor.Type{DType: c.dtypes[p.Intn(len(c.dtypes))], Shape: shape}
			seed := p.Input(tensor.Type{DType: tensor.U64}, "")
			step := p.Input(tensor.Type{DType: tensor.I64}, "")
			return ir.Random{Kind: c.kind, Type: t, Site: uint64(p.Intn(1 << 30)), Keep: 0.5}, []*ir.Value{seed, step}
		}
		rows = append(rows, row)
	}
	return rows
}
