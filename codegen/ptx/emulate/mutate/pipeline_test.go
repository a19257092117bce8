package mutate

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"dlc/codegen/ptx/emulate"
)

// halves draws small integers as bf16, exact in every sum.
func halves(name string, rows, cols int, rng *rand.Rand) (*emulate.TensorMap, []float64) {
	b, v := &emulate.Buffer{Name: name, ReadOnly: true}, make([]float64, rows*cols)
	for i := range v {
		v[i] = float64(rng.IntN(17) - 8)
		b.Data = binary.LittleEndian.AppendUint16(b.Data, uint16(math.Float32bits(float32(v[i]))>>16))
	}
	return &emulate.TensorMap{Buffer: b, Size: 2, Dims: []int{cols, rows}, Strides: []int{2 * cols}, Box: []int{64, rows}, Swizzle: 128}, v
}

// pipelines multiplies through the stages of pipeline.ptx: few and many turns, under several schedules.
func pipelines() []Trial {
	const n = 32
	var out []Trial
	for i, k := range []int{64, 320, 128, 200, 256, 320, 320, 256} {
		out = append(out, Trial{Entry: "pipeline", Prepare: func() (emulate.Launch, func() error) {
			rng := rand.New(rand.NewPCG(6, uint64(i)))
			a, av := halves("a", 64, k, rng)
			b, bv := halves("b", n, k, rng)
			c := &emulate.Buffer{Name: "c", Data: make([]byte, 4*64*n), Blank: true}
			launch := emulate.Launch{Block: [3]int{160}, DynamicShared: 16384 + 2*n*128 + 32, Seed: uint64(i),
				Args: []emulate.Arg{emulate.Tensor(a), emulate.Tensor(b), emulate.Pointer(c, 0), emulate.U32(uint32((k + 63) / 64))}}
			return launch, func() error {
				for at := range 64 * n {
					thread, reg := at/(n/2), at%(n/2)
					row, col := thread/32*16+thread%32/4+8*(reg/2%2), reg/4*8+thread%4*2+reg%2
					var want float64
					for l := range k {
						want += av[row*k+l] * bv[col*k+l]
					}
					if got := binary.LittleEndian.Uint32(c.Data[4*at:]); got != math.Float32bits(float32(want)) {
						return fmt.Errorf("c[%d,%d] = %v, want %v", row, col, math.Float32frombits(got), want)
					}
				}
				return nil
			}
		}})
	}
	return out
}

func TestMistakesInAPipelineAreCaught(t *testing.T) { judged(t, "pipeline.ptx", pipelines()) }
