package cpu

import (
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// packed stores the last input but one, a weight [K,C], in panels of 16 columns.
func packed(k *kernel.Kernel) *kernel.Kernel {
	w := k.Ins[1]
	rows, column := w.Type.Shape[0], tensor.Sym("$1")
	w.Layout = &kernel.Layout{Name: "panel16", At: []tensor.Dim{column.Div(16), tensor.Sym("$0"), column.Mod(16)},
		Dims: tensor.Shape{w.Type.Shape[1].CeilDiv(16), rows, in(16)}}
	return k
}

// BenchmarkContractions runs on one thread, as the tile pass schedules.
func BenchmarkContractions(b *testing.B) {
	for _, c := range []struct {
		name string
		k    *kernel.Kernel
		n    int64
	}{
		{"matmul 1024 packed", packed(matmul(n0, in(1024), in(1024))), 1024},
		{"matmul 1024", matmul(n0, in(1024), in(1024)), 1024},
		{"dense 3136x128", packed(matmul(n0, in(3136), in(128))), 128},
		{"conv 28x28x1x32", conv(28, 28, 1, 32, 1), 128},
		{"conv 14x14x32x64", conv(14, 14, 32, 64, 1), 128},
		{"wgrad 28x28x1x32", weightGradient(28, 28, 1, 32, 2), 128},
		{"wgrad 14x14x32x64", weightGradient(14, 14, 32, 64, 5), 128},
	} {
		for _, target := range Targets() {
			b.Run(c.name+"/"+target.Name, func(b *testing.B) {
				programs := tiled(b, target, []*tile.Program{{Kernel: c.k}})
				symbols := map[string]int64{"N": c.n}
				m := compiled(b, target, programs...)
				zeros := map[string]*tensor.Tensor{}
				for _, x := range m.entry.Buffers {
					n, _ := x.Bytes.Eval(symbols)
					zeros[x.Name] = &tensor.Tensor{DType: tensor.U8, Data: make([]byte, n)}
				}
				m.bind(symbols, zeros)
				terms := int64(1)
				for _, a := range programs[0].Kernel.Defs[0].AllAxes() {
					v, _ := a.Extent.Eval(symbols)
					terms *= v
				}
				for b.Loop() {
					m.call(1)
				}
				b.ReportMetric(2*float64(terms)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, target := range Targets() {
		b.Run(target.Name, func(b *testing.B) {
			p := matmulTile(target, n0, in(1024), in(1024))
			for b.Loop() {
				if _, err := Compile([]*tile.Program{p}, nil, target, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
