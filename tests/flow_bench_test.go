package tests

import (
	"context"
	"fmt"
	"testing"

	"dlc"
	"dlc/ir/tensor"
	"dlc/runtime"
)

// BenchmarkTurns measures what a turn of a loop costs beyond the work in it: 10,000 turns over 16
// numbers, by thread count.
func BenchmarkTurns(b *testing.B) {
	text := `edition 2026

model Turns()(x: f32[16], n: i64[]) -> (y: f32[16]) {
  y = x
  for i in 0..n { y = y * 0.5 + 1 }
  y
}
`
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprint(threads), func(b *testing.B) {
			m, err := runtime.Load(artifactOf(b, &dlc.Source{Path: "turns.dlc", Text: []byte(text)}, nil, dlc.Options{}))
			if err != nil {
				b.Fatal(err)
			}
			defer m.Close()
			s, err := m.NewSession(runtime.Options{Threads: threads})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			n := tensor.New(tensor.I64)
			n.SetInt(0, 10_000)
			in := map[string]*tensor.Tensor{"x": tensor.New(tensor.F32, 16), "n": n}
			for b.Loop() {
				if _, err := s.Run(context.Background(), "infer", in); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/turn")
		})
	}
}
