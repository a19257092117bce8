package sample

import (
	"dlc/ir"
	"dlc/ir/tensor"
)

// castRows change dtypes.
func castRows() []Row {
	cast := Row{Name: "cast", Doc: "x as another dtype. Floats are truncated toward zero into integers, beyond their range to its end, NaN to 0; integers keep their low bits; a bool is whether x is not 0.",
		Shapes: "[s] -> [s] of the dtype `to`", Source: "docs/numerics.md, Casts", DTypes: AllDTypes(), Derivative: Twice,
		Reference: "cast(nx, a['To'])", Refused: []Refusal{{ir.Cast{}, "f32[2]", "no dtype to cast to"}}}
	for i, to := range AllDTypes() {
		cast.Samples = append(cast.Samples, Sample{ir.Cast{To: to}, "?[" + elementShapes()[i%8] + "]", ""}, Sample{ir.Cast{To: to}, "?[4, 23]", "extreme"}, Sample{ir.Cast{To: to}, "?[4, 23]", "special"})
	}
	cast.Apply = func(p Program) (ir.Op, []*ir.Value) {
		x := p.Any(func(t tensor.Type) bool { return true })
		if x == nil {
			return nil, nil
		}
		to := AllDTypes()[p.Intn(len(AllDTypes()))]
		if p.Intn(2) == 0 {
			to = floats()[p.Intn(2)]
		}
		return ir.Cast{To: to}, []*ir.Value{x}
	}
	bits := Row{Name: "bitcast", Doc: "The bits of each element as those of another dtype of the same size.", Shapes: "[s] -> [s] of the dtype `to`", Source: "C memcpy",
		DTypes: numbers(), Reference: "nx.view(a['To'])",
		Refused: []Refusal{{ir.Bitcast{To: tensor.F64}, "f32[2]", "the bits of f32 are none of f64"}, {ir.Bitcast{To: tensor.U8}, "bool[2]", "the bits of bool are none of u8"}, {ir.Bitcast{}, "f32[2]", "none of invalid"}}}
	for i, pair := range [][2]tensor.DType{{tensor.F32, tensor.U32}, {tensor.F32, tensor.I32}, {tensor.U32, tensor.F32}, {tensor.I32, tensor.F32}, {tensor.F64, tensor.U64}, {tensor.I64, tensor.F64},
		{tensor.U8, tensor.I8}, {tensor.I8, tensor.U8}, {tensor.I64, tensor.U64}} {
		from := pair[0].String()
		bits.Samples = append(bits.Samples, Sample{ir.Bitcast{To: pair[1]}, from + "[" + elementShapes()[i%8] + "]", "positive"}, Sample{ir.Bitcast{To: pair[1]}, from + "[4, 23]", map[bool]string{true: "ends", false: "extreme"}[pair[0].IsFloat()]})
	}
	bits.Apply = func(p Program) (ir.Op, []*ir.Value) {
		x := p.Any(func(t tensor.Type) bool { return t.DType != tensor.Bool })
		if x == nil {
			return nil, nil
		}
		to := map[tensor.DType]tensor.DType{tensor.F32: tensor.I32, tensor.I32: tensor.U32, tensor.U32: tensor.I32, tensor.F64: tensor.I64, tensor.I64: tensor.U64,
			tensor.U64: tensor.I64, tensor.U8: tensor.I8, tensor.I8: tensor.U8}[x.Type.DType]
		return ir.Bitcast{To: to}, []*ir.Value{x}
	}
	return []Row{cast, bits}
}
