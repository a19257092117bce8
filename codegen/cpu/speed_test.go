package cpu

import (
	"testing"

	"dlc/ir/tile"
)

func BenchmarkMatmul(b *testing.B) {
	for _, target := range Targets() {
		b.Run(target.Name, func(b *testing.B) {
			const n = 1024
			p := matmulTile(target, n0, in(n), in(n))
			symbols := map[string]int64{"N": n}
			m := compiled(b, target, p)
			m.bind(symbols, nil)
			for name, x := range m.memory {
				if name != "\x00frame" {
					clear(x.Bytes())
				}
			}
			b.ResetTimer()
			for range b.N {
				m.call(1)
			}
			b.ReportMetric(2*n*n*n*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, target := range Targets() {
		b.Run(target.Name, func(b *testing.B) {
			p := matmulTile(target, n0, in(1024), in(1024))
			for range b.N {
				if _, err := Compile([]*tile.Program{p}, nil, target, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
