package mutate

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"dlc/codegen/ptx/emulate"
)

// stages multiplies by stages.ptx: no term, one stage, several.
func stages() []Trial {
	var out []Trial
	for i, k := range []int{16, 96, 0, 32, 48} {
		out = append(out, Trial{Entry: "stages", Prepare: func() (emulate.Launch, func() error) {
			rng := rand.New(rand.NewPCG(7, uint64(i)))
			a, av := halves("a", 32, k, rng)
			b, bv := halves("b", 16, k, rng)
			c := &emulate.Buffer{Name: "c", Data: make([]byte, 4*32*16), Blank: true}
			launch := emulate.Launch{Block: [3]int{64}, Seed: uint64(i),
				Args: []emulate.Arg{emulate.Pointer(a.Buffer, 0), emulate.Pointer(b.Buffer, 0), emulate.Pointer(c, 0), emulate.U32(uint32(k))}}
			return launch, func() error {
				for at := range 32 * 16 {
					var want float64
					for l := range k {
						want += av[at/16*k+l] * bv[at%16*k+l]
					}
					if got := binary.LittleEndian.Uint32(c.Data[4*at:]); got != math.Float32bits(float32(want)) {
						return fmt.Errorf("c[%d,%d] = %v, want %v", at/16, at%16, math.Float32frombits(got), want)
					}
				}
				return nil
			}
		}})
	}
	return out
}

func TestMistakesInStagesAreCaught(t *testing.T) { judged(t, "stages.ptx", stages()) }
