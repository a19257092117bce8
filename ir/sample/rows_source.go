package sample

import (
	"math"

	"dlc/ir"
	"dlc/ir/tensor"
)

// sourceRows have no operands.
func sourceRows() []Row {
	full := Row{Name: "full", Doc: "One value everywhere: `float` for floats, `int` for the others.", Shapes: "-> the type", Source: "NumPy full", DTypes: AllDTypes(), Reference: "full(a, out)",
		Refused: []Refusal{{ir.Full{}, "", "no dtype"}, {ir.Full{Type: tensor.Type{DType: tensor.Bool}, Int: 2}, "", "a bool is 0 or 1, not 2"}},
		Apply: func(p Program) (ir.Op, []*ir.Value) {
			x := p.Any(func(t tensor.Type) bool { return true })
			v := float64(p.Intn(3))
			if x.Type.DType == tensor.Bool {
				v = min(v, 1)
			}
			return ir.FullOf(x.Type, v), nil
		}}
	for i, shape := range elementShapes() {
		full.Samples = append(full.Samples, Sample{ir.Full{Type: typ(shape), Float: []float64{0.1, math.Copysign(0, -1), -3, math.Inf(1), 1, 0x1p-149, 7, math.NaN()}[i], Int: int64(i % 2)}, "", ""})
	}
	iota := Row{Name: "iota", Doc: "0, 1, 2 ... along `axis`.", Shapes: "-> the type", Source: "XLA Iota", DTypes: numbers(), Reference: "iota(a, out)",
		Refused: []Refusal{{ir.Iota{Type: tensor.Type{DType: tensor.I32}}, "", "axis 0 is not in 0..0"}},
		Apply: func(p Program) (ir.Op, []*ir.Value) {
			x := p.Any(func(t tensor.Type) bool { return t.DType != tensor.Bool && len(t.Shape) > 0 })
			if x == nil {
				return nil, nil
			}
			return ir.Iota{Type: x.Type, Axis: p.Intn(len(x.Type.Shape))}, nil
		}}
	for i, shape := range []string{"1", "0", "7", "N, 5", "T, N, 2", "3, 65", "1100"} {
		iota.Samples = append(iota.Samples, Sample{ir.Iota{Type: typ(shape), Axis: []int{0, 0, 0, 1, 0, 1, 0}[i]}, "", ""})
	}
	constants := Row{Name: "const", Doc: "A tensor known while compiling.", Shapes: "-> that of the value", Source: "itself", DTypes: AllDTypes(), Reference: "const(a)",
		Refused: []Refusal{{ir.Const{}, "", "no value"}}}
	for i, shape := range [][]int{{}, {1}, {0}, {7}, {3, 5}, {2, 3, 2}, {3, 67}, {1100}, {5, 1, 2}} {
		x := tensor.New(AllDTypes()[i], shape...)
		for j := range x.Len() {
			x.SetInt(j, int64(j%5)-2)
			if x.DType == tensor.Bool {
				x.SetInt(j, int64(j%2))
			} else if x.DType.IsFloat() {
				x.SetFloat(j, []float64{1.5, math.Inf(-1), 0.1, math.NaN(), math.Copysign(0, -1), 5}[j%6])
			}
		}
		constants.Samples = append(constants.Samples, Sample{ir.Const{Value: x}, "", ""})
	}
	constants.Apply = func(p Program) (ir.Op, []*ir.Value) {
		x := tensor.New(tensor.F32, 1+p.Intn(5), 1+p.Intn(4))
		for i := range x.Len() {
			x.SetFloat(i, float64(p.Intn(9)-4)/4)
		}
		return ir.Const{Value: x}, nil
	}
	size := Row{Name: "size", Doc: "The value of a dim as a number.", Shapes: "-> []", Source: "the dim", DTypes: numbers(), Reference: "np.asarray(int(a['Dim']))", Few: "the result has rank 0",
		Apply: func(p Program) (ir.Op, []*ir.Value) {
			t := []tensor.DType{tensor.F32, tensor.F64, tensor.I32, tensor.I64}[p.Intn(4)]
			return ir.Size{Dim: p.Symbols()[p.Intn(len(p.Symbols()))].AddInt(int64(p.Intn(3))), DType: t}, nil
		}}
	for _, d := range []string{"N", "2*N + 1", "T*N", "7", "(N + 1) div 2"} {
		size.Samples = append(size.Samples, Sample{ir.Size{Dim: dims(d)[0]}, "", ""})
	}
	return []Row{full, iota, constants, size}
}
