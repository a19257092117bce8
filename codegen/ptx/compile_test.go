package ptx

import (
	"strings"
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tile"
	"dlc/passes"
)

const matmul = `program p
buffer x: input f32[M, 64]
buffer w: weight f32[64, 100]
buffer b: weight f32[100]
buffer y: output f32[M, 100]

kernel matmul(x: f32[M, 64], w: f32[64, 100], b: f32[100]) -> (y: f32[M, 100])
  a[m:M, c:100] = sum k:64 chain; x[m, k] * w[k, c]
  y[m:M, c:100] = max(a[m, c] + b[c], 0.0)
`

// scheduled parses the text of a program and schedules its kernels.
func scheduled(t testing.TB, text string, target Target) []*tile.Program {
	t.Helper()
	p, err := kernel.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var list []*tile.Program
	for _, k := range p.Kernels {
		s, err := passes.Tile(k, &target.Machine)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	return list
}

// TestArithmeticIsExact reads the text: products and sums are fused where the definitions say so
// and nowhere else, minimum and maximum are IEEE's, nothing is flushed or approximate.
func TestArithmeticIsExact(t *testing.T) {
	for _, target := range Targets() {
		m, err := Compile(scheduled(t, matmul, target), target)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{".target " + target.Name, "fma.rn.f32", "max.NaN.f32", "add.rn.f32", "ld.global.nc.f32"} {
			if !strings.Contains(m.Text, want) {
				t.Errorf("%s: no %s", target.Name, want)
			}
		}
		for _, bad := range []string{".ftz", ".approx", "add.f32", "mul.f32"} {
			if strings.Contains(m.Text, bad) {
				t.Errorf("%s: has %s", target.Name, bad)
			}
		}
	}
}
