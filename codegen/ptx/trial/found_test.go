package trial

import (
	"testing"

	"dlc/codegen/ptx"
)

// found are programs that once came out wrong, most of them cut from random ones.
var found = []struct {
	name, text string
	symbols    map[string]int64
}{
	{"a run longer than the vector index behind other indices", `program p
buffer x: input f32[N, 4, 4, 3]
buffer v: output f32[4, 4, 3]

kernel spread(x: f32[N, 4, 4, 3]) -> (v: f32[4, 4, 3])
  v[i0:4, i1:4, i2:3] = welford j0:N chunks j0 by 2; x[j0, i0 div 2, i1 div 2, i2]
`, map[string]int64{"N": 7}},
	{"a last run that is cut short behind other indices", `program p
buffer x: input f32[N, 3, 130]
buffer v: output f32[3, 130]

kernel total(x: f32[N, 3, 130]) -> (v: f32[3, 130])
  v[i0:3, i1:130] = sum j0:N chunks j0 by 2; x[j0, i0, i1]
`, map[string]int64{"N": 7}},
}

func TestFound(t *testing.T) {
	for _, f := range found {
		for _, target := range ptx.Targets() {
			t.Run(f.name+" "+target.Name, func(t *testing.T) {
				t.Parallel()
				agree(t, f.text, target, f.symbols, 0)
			})
		}
	}
}
