package cpu

import (
	"fmt"
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

// TestColumnSums adds rows of any number down columns that lie in the thread's memory.
func TestColumnSums(t *testing.T) {
	for _, columns := range []int{400, 2112} {
		k := parsedKernel(t, fmt.Sprintf(`kernel scales(x: input f32[N, %[1]d], dy: input f32[N, %[1]d], m: input f32[N]) -> (dg: output f32[%[1]d], db: output f32[%[1]d])
  s[j:%[1]d] = sum i:N chunks i by 8; dy[i, j] * (x[i, j] - m[i])
  db[j:%[1]d] = sum i:N chunks i by 8; dy[i, j]
  dg[j:%[1]d] = s[j] * 2.0
`, columns))
		check(t, func(target Target) []*tile.Program {
			programs := tiled(t, target, []*tile.Program{{Kernel: k}})
			if !strings.Contains(programs[0].String(), "hold s along") {
				t.Errorf("%s: rows are not walked whole:\n%s", target.Name, programs[0])
			}
			return programs
		}, []map[string]int64{{"N": 0}, {"N": 1}, {"N": 7}, {"N": 8}, {"N": 9}, {"N": 41}}, true)
	}
}
