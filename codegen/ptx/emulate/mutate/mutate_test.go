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
		out = append(out, Trial{Entry: "matmul", Prepare: func() (emulate.Launch, func() error) {
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

// equivalent says of mutants that nothing catches why they compute the same.
var equivalent = map[string]string{
	"matmul, line 41: setp.le.s32 instead of setp.lt.s32":        "the terms come in sixteens: there is no 1 between 0 and 16",
	"matmul, line 41: setp.lt.s32: 2 instead of 1":               "the terms come in sixteens: there is no 1 between 0 and 16",
	"matmul, line 60: mov.f32: 0f00040000 instead of 0f00000000": "a denormal start is lost in the first product that is not zero",
	"matmul, line 72: bar.sync: 4 instead of 0":                  "all threads meet at barrier 4 as well as at barrier 0",

	"stages, line 96: bar.sync: 1 instead of 0": "all threads meet at barrier 1 as well as at barrier 0",

	"pipeline, line 29: setp.ne.u32: 4 instead of 0":                        "any thread may make the barriers",
	"pipeline, line 90: add.u32: 97 instead of 96":                          "a descriptor holds no byte below 16",
	"pipeline, line 97: and.b32: 62 instead of 31":                          "four threads arrive, two of each second warp: a product ends for the whole warpgroup at once",
	"pipeline, line 98: setp.ne.u32: 1 instead of 0":                        "any lane may arrive for its warp",
	"pipeline, line 98: setp.eq.u32 instead of setp.ne.u32":                 "124 arrivals end 31 phases, of which 7 with the first warp: the parity turns once",
	"pipeline, line 100: mbarrier.arrive.shared.b64: @%p6 instead of @!%p6": "124 arrivals end 31 phases, of which 7 with the first warp: the parity turns once",
}

// judged demands that every mutant of a hundred is caught or known to be equivalent, at most one in six.
func judged(t *testing.T, file string, trials []Trial) {
	t.Helper()
	text := read(t, file)
	list, err := Judge(text, Mutants(text, 100, 1), trials)
	if err != nil {
		t.Fatal(err)
	}
	caught, report := Tally(list)
	t.Log(report)
	for _, v := range list {
		if !v.Caught && equivalent[v.String()] == "" {
			t.Errorf("nothing catches %s", v)
		}
	}
	if len(list) < 90 || len(list)-caught > len(list)/6 {
		t.Errorf("%d of %d mutants are caught", caught, len(list))
	}
}

func TestMistakesInATiledMatmulAreCaught(t *testing.T) { judged(t, "matmul.ptx", matmuls()) }

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
