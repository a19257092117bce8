package trial

import (
	"fmt"
	"math"
	"math/rand"
	"strings"
	"testing"

	"dlc/codegen/ptx"
	"dlc/codegen/ptx/assemble"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// chain is a product of f32 of which rows of the operands begin at any multiple of an element.
func chain(terms, columns int) string {
	return fmt.Sprintf(`program p
buffer x: input f32[N, M, %[1]d]
buffer w: weight f32[%[1]d, %[2]d]
buffer b: weight f32[%[2]d]
buffer y: output f32[N, M, %[2]d]
buffer z: output f32[N, M, %[2]d]

kernel product(x: f32[N, M, %[1]d], w: f32[%[1]d, %[2]d], b: f32[%[2]d]) -> (y: f32[N, M, %[2]d], z: f32[N, M, %[2]d])
  a[n:N, m:M, c:%[2]d] = sum k:%[1]d chain; x[n, m, k] * w[k, c]
  y[n:N, m:M, c:%[2]d] = a[n, m, c]
  z[n:N, m:M, c:%[2]d] = max(a[n, m, c] + b[c], 0.0)
`, terms, columns)
}

// TestChainsFromSharedMemory demands the bits of the definitions, of ordinary values and of those that
// show a term too many: zeros of both signs, subnormal numbers, infinities, NaN.
func TestChainsFromSharedMemory(t *testing.T) {
	odd := []float64{0, math.Copysign(0, -1), 1e-40, -1e-40, 1e-25, -1e-25, math.Inf(1), math.Inf(-1), math.NaN(), 3e38}
	for _, c := range []struct {
		terms, columns int
		rows           int64
		grain          string
	}{{16, 64, 1, "16,"}, {83, 132, 130, "4,"}, {50, 66, 70, "8,"}, {132, 200, 33, "16,"}, {35, 130, 0, "4,"}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			t.Parallel()
			text := chain(c.terms, c.columns)
			m, programs := compiled(t, text, ptx.SM80())
			if !strings.Contains(m.Text, "cp.async") || !strings.Contains(programs[0].String(), "unit fma") {
				t.Fatalf("the product is not made from shared memory\n%s", programs[0])
			}
			if !strings.Contains(m.Text, ", "+c.grain) {
				t.Errorf("no copies by %s", c.grain)
			}
			p, err := kernel.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			symbols := map[string]int64{"N": 1, "M": c.rows}
			for _, special := range []bool{false, true} {
				r := rand.New(rand.NewSource(2))
				want, got := map[string]*tensor.Tensor{}, map[string]*tensor.Tensor{}
				for _, b := range p.Buffers[:3] {
					dims, _ := b.Type.Shape.Bind(symbols)
					x := tensor.New(tensor.F32, dims...)
					for i := range x.Len() {
						v := r.NormFloat64()
						if special && r.Intn(3) == 0 {
							v = odd[r.Intn(len(odd)-4*r.Intn(2))]
						}
						x.SetFloat(i, v)
					}
					want[b.Name], got[b.Name] = x, x
				}
				if err := kernel.Interp(p, symbols, want); err != nil {
					t.Fatal(err)
				}
				if err := Run(m, programs, symbols, got, 5); err != nil {
					t.Fatal(err)
				}
				for _, name := range []string{"y", "z"} {
					for i := range want[name].Len() {
						w, g := float32(want[name].Float(i)), float32(got[name].Float(i))
						if math.Float32bits(w) != math.Float32bits(g) && (w == w || g == g) {
							t.Fatalf("special values %v: %s[%d] is %g, not %g", special, name, i, g, w)
						}
					}
				}
			}
			list, err := assemble.Assemble(m.Text, "sm_80", "")
			if err == assemble.ErrMissing {
				t.Skip("NOT ASSEMBLED: ", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range list {
				if f.Spilled > 0 {
					t.Error(f)
				}
			}
		})
	}
}
