package passes

import (
	"math"
	"testing"

	"dlc/ir/kernel"
)

// form changes no value of random programs beyond rounding, and leaves no index of extent 1.
func TestFormKeepsValues(t *testing.T) {
	maps := 0
	for seed := range int64(200) {
		p, q := newRandomProgram(seed, 15), newRandomProgram(seed, 15)
		form(q, nil)
		order(p, nil)
		order(q, nil)
		for i, k := range q.Kernels {
			for j, d := range k.Defs {
				for _, a := range reduceAxes(d) {
					if a.Extent.IsConst(1) && d.Reduce.Op != kernel.Welford && !d.Sorts() {
						t.Errorf("seed %d: %s keeps the axis %s", seed, d.Name, a.Name)
					}
				}
				if d.Reduce == nil && p.Kernels[i].Defs[j].Reduce != nil {
					maps++
				}
			}
		}
		before, after := interpret(t, p, 3, seed), interpret(t, q, 3, seed)
		for _, b := range p.Buffers {
			if b.Role != kernel.Output {
				continue
			}
			for i := range before[b.Name].Len() {
				x, y := before[b.Name].Float(i), after[b.Name].Float(i)
				if x != y && !(math.Abs(x-y) <= 1e-4*math.Max(1, math.Abs(x))) && !(x != x && y != y) {
					t.Fatalf("seed %d: element %d of %s is %v, then %v", seed, i, b.Name, x, y)
				}
			}
		}
	}
	if maps == 0 {
		t.Error("no reduction became a map")
	}
}
