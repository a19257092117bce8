package mutate

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"dlc/codegen/ptx/emulate"
)

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile("../testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func floats(name string, n int, rng *rand.Rand) (*emulate.Buffer, []float32) {
	b, v := &emulate.Buffer{Name: name, ReadOnly: true}, make([]float32, n)
	for i := range v {
		v[i] = float32(rng.IntN(17) - 8)
		b.Data = binary.LittleEndian.AppendUint32(b.Data, math.Float32bits(v[i]))
	}
	return b, v
}

// matmuls multiplies small integers, so that the sums are exact in any order.
func matmuls() []Trial {
	var out []Trial
	for i, s := range [][3]int{{32, 48, 32}, {16, 16, 64}, {16, 16, 0}} {
		out = append(out, Trial{"matmul", func() (emulate.Launch, func() error) {
			m, n, k := s[0], s[1], s[2]
			rng := rand.New(rand.NewPCG(5, uint64(i)))
			a, av := floats("a", m*k, rng)
			b, bv := floats("b", k*n, rng)
			c := &emulate.Buffer{Name: "c", Data: make([]byte, 4*m*n), Blank: true}
			launch := emulate.Launch{Grid: [3]int{n / 16, m / 16}, Block: [3]int{16, 16}, Seed: uint64(i),
				Args: []emulate.Arg{emulate.Pointer(a, 0), emulate.Pointer(b, 0), emulate.Pointer(c, 0), emulate.U32(uint32(n)), emulate.U32(uint32(k))}}
			return launch, func() error { return product(c.Data, av, bv, m, n, k) }
		}})
	}
	return out
}

func product(c []byte, a, b []float32, m, n, k int) error {
	for i := range m {
		for j := range n {
			var want float32
			for l := range k {
				want += a[i*k+l] * b[l*n+j]
			}
			if got := math.Float32frombits(binary.LittleEndian.Uint32(c[4*(i*n+j):])); got != want {
				return fmt.Errorf("c[%d,%d] = %v, want %v", i, j, got, want)
			}
		}
	}
	return nil
}

func TestMistakesInATiledMatmulAreCaught(t *testing.T) {
	text := read(t, "matmul.ptx")
	list, err := Judge(text, Mutants(text, 100, 1), matmuls())
	if err != nil {
		t.Fatal(err)
	}
	caught, report := Tally(list)
	t.Log(report)
	if len(list) < 80 || caught < 95*len(list)/100 {
		t.Errorf("only %d of %d mutants are caught", caught, len(list))
	}
}

func TestMutantsAreDeterministicAndDifferent(t *testing.T) {
	text := read(t, "reduce.ptx")
	a, b := Mutants(text, 100, 7), Mutants(text, 100, 7)
	seen := map[string]bool{}
	for i, m := range a {
		if m != b[i] {
			t.Fatalf("mutant %d differs between two runs", i)
		}
		if m.Text == text || seen[m.Text] {
			t.Errorf("%s: the text is not new", m)
		}
		seen[m.Text] = true
	}
	if c := Mutants(text, 100, 8); c[0] == a[0] && c[1] == a[1] {
		t.Error("another seed gives the same mutants")
	}
}
