package trial

import (
	"fmt"
	"math/rand"
	"testing"

	"dlc/codegen/ptx"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
	"dlc/passes"
)

const dense = `program p
buffer x: input f32[M, 64]
buffer w: weight f32[64, 100]
buffer b: weight f32[100]
buffer y: output f32[M, 100]
buffer m: output f32[M]
buffer s: output f32[100]

kernel matmul(x: f32[M, 64], w: f32[64, 100], b: f32[100]) -> (y: f32[M, 100])
  a[m:M, c:100] = sum k:64 chain; x[m, k] * w[k, c]
  y[m:M, c:100] = max(a[m, c] + b[c], 0.0)

kernel rows(y: f32[M, 100]) -> (m: f32[M])
  t[i:M] = sum c:100 lanes64; y[i, c]
  m[i:M] = t[i] / 100.0

kernel columns(y: f32[M, 100]) -> (s: f32[100])
  s[c:100] = sum i:M chunks i by 3; y[i, c]
`

// compiled schedules and compiles a program.
func compiled(t *testing.T, text string, target ptx.Target) (*ptx.Module, []*tile.Program) {
	t.Helper()
	p, err := kernel.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var programs []*tile.Program
	for _, k := range p.Kernels {
		s, err := passes.Tile(k, &target.Machine)
		if err != nil {
			t.Fatal(err)
		}
		programs = append(programs, s)
	}
	m, err := ptx.Compile(programs, target)
	if err != nil {
		t.Fatal(err)
	}
	return m, programs
}

// agree runs a program in both interpreters.
func agree(t *testing.T, text string, target ptx.Target, symbols map[string]int64, tolerance float64) {
	t.Helper()
	m, programs := compiled(t, text, target)
	if err := differ(m, programs, text, symbols, tolerance); err != nil {
		t.Fatalf("%s %v: %v", target.Name, symbols, err)
	}
}

// differ says how what became of a program differs from it, or goes wrong.
func differ(m *ptx.Module, programs []*tile.Program, text string, symbols map[string]int64, tolerance float64) error {
	p, err := kernel.Parse(text)
	if err != nil {
		return err
	}
	r := rand.New(rand.NewSource(1))
	want, got := map[string]*tensor.Tensor{}, map[string]*tensor.Tensor{}
	for _, b := range p.Buffers {
		if b.Role != kernel.Input && b.Role != kernel.Weight {
			continue
		}
		dims, _ := b.Type.Shape.Bind(symbols)
		x := tensor.New(b.Type.DType, dims...)
		for i := range x.Len() {
			x.SetFloat(i, r.NormFloat64())
		}
		want[b.Name], got[b.Name] = x, x
	}
	if err := Run(m, programs, symbols, got, 7); err != nil {
		return err
	}
	if err := kernel.Interp(p, symbols, want); err != nil {
		return err
	}
	for _, b := range p.Buffers {
		if b.Role != kernel.Output {
			continue
		}
		for i := range want[b.Name].Len() {
			w, g := want[b.Name].Float(i), got[b.Name].Float(i)
			if d := w - g; d > tolerance || -d > tolerance || d != d {
				return fmt.Errorf("%s[%d] is %v, want %v", b.Name, i, g, w)
			}
		}
	}
	return nil
}

func TestRun(t *testing.T) {
	for _, target := range ptx.Targets() {
		t.Run(target.Name, func(t *testing.T) {
			t.Parallel()
			for _, m := range []int64{0, 1, 5, 37} {
				agree(t, dense, target, map[string]int64{"M": m}, 0)
			}
		})
	}
}
