package cpu

import (
	"strings"
	"testing"

	"dlc/ir/tile"
)

// streamed are kernels whose rows and outputs move through memory.
var streamed = []string{
	`kernel softmax(x: input f32[6, 1024]) -> (y: output f32[6, 1024])
  m[i:6] = max j:1024 lanes64; x[i, j]
  s[i:6] = sum j:1024 lanes64; exp(x[i, j] - m[i])
  y[i:6, j:1024] = exp(x[i, j] - m[i]) / s[i]
`, `kernel odd(x: input f32[5, 333]) -> (y: output f32[5, 333])
  m[i:5] = max j:333 lanes64; x[i, j]
  y[i:5, j:333] = x[i, j] - m[i]
`, `kernel table(ids: input i64[33], w: input f32[9, 128]) -> (y: output f32[33, 128])
  y[n:33, d:128] = w[@ids[n], d]
`, `kernel gradient(ids: input i64[33], dy: input f32[33, 128]) -> (dw: output f32[9, 128])
  dw[v:9, d:128] = sum n:33 chain at v = ids[n]; dy[n, d]
`,
}

// TestPast holds that outputs that no cache would keep, as on a machine without one, have the same
// bits, by stores past the caches that are waited for.
func TestPast(t *testing.T) {
	for _, text := range streamed {
		k := parsedKernel(t, text)
		check(t, func(target Target) []*tile.Program {
			target.Machine.L3 = 1
			programs := tiled(t, target, []*tile.Program{{Kernel: k}})
			asm, err := EmitAsm(programs, nil, target, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if past := strings.Contains(asm, "vmovnt") && strings.Contains(asm, "sfence"); past == (k.Name == "odd") {
				t.Errorf("%s for %s: stores past the caches: %v", k.Name, target.Name, past)
			}
			return programs
		}, []map[string]int64{{}}, true)
	}
}
