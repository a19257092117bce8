package trial

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"dlc/codegen/ptx"
	"dlc/codegen/ptx/assemble"
)

// contraction is one for matrix units, with a right operand of either orientation, and batches.
const contraction = `program p
buffer x: input bf16[M, 96]
buffer w: weight bf16[96, 136]
buffer v: weight bf16[136, 96]
buffer b: weight f32[136]
buffer y: output f32[M, 136]
buffer z: output f32[M, 136]

kernel straight(x: bf16[M, 96], w: bf16[96, 136], b: f32[136]) -> (y: f32[M, 136])
  a[m:M, c:136] = sum k:96 matrix; f32(x[m, k]) * f32(w[k, c])
  y[m:M, c:136] = max(a[m, c] + b[c], 0.0)

kernel turned(x: bf16[M, 96], v: bf16[136, 96]) -> (z: f32[M, 136])
  e[m:M, c:136] = sum k:96 matrix; f32(x[m, k]) * f32(v[c, k])
  z[m:M, c:136] = e[m, c]
`

// batched has a left operand that is contiguous along its own index, f16, a reduced index whose
// last turn is short, and a result that is rounded.
const batched = `program p
buffer x: input f16[N, 40, 72]
buffer w: input f16[N, 40, 264]
buffer y: output f16[N, 72, 264]

kernel turned(x: f16[N, 40, 72], w: f16[N, 40, 264]) -> (y: f16[N, 72, 264])
  a[n:N, m:72, c:264] = sum k:40 matrix; f32(x[n, k, m]) * f32(w[n, k, c])
  y[n:N, m:72, c:264] = f16(a[n, m, c])
`

func TestMatrixUnits(t *testing.T) {
	for _, target := range ptx.Targets() {
		for _, size := range []int64{0, 1, 130} {
			t.Run(fmt.Sprint(target.Name, " ", size), func(t *testing.T) {
				t.Parallel()
				agree(t, contraction, target, map[string]int64{"M": size}, 1e-4)
				agree(t, batched, target, map[string]int64{"N": size / 65}, 0.05)
			})
		}
	}
}

// TestMatrixUnitsAreUsed reads the text, and what ptxas says of it.
func TestMatrixUnitsAreUsed(t *testing.T) {
	for _, target := range ptx.Targets() {
		for _, text := range []string{contraction, batched} {
			m, _ := compiled(t, text, target)
			want := []string{"mma.sync.aligned.m16n8k16", "ldmatrix", "cp.async.cg"}
			if target.Machine.WarpGroups {
				want = []string{"wgmma.mma_async", "cp.async.bulk.tensor", "mbarrier.try_wait", "setmaxnreg.inc"}
			}
			for _, w := range want {
				if !strings.Contains(m.Text, w) {
					t.Errorf("%s: no %s", target.Name, w)
				}
			}
			list, err := assemble.Assemble(m.Text, target.Name, "")
			if err == assemble.ErrMissing {
				t.Skip("NOT ASSEMBLED: ", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range list {
				if f.Spilled > 0 {
					t.Errorf("%s: %s", target.Name, f)
				}
			}
		}
	}
}

// TestMatrixUnitsOfTheChip reads what ptxas made: products of warp groups, tensor copies and
// registers handed over are there.
func TestMatrixUnitsOfTheChip(t *testing.T) {
	for chip, want := range map[string][]string{"sm_80": {"HMMA.16816", "LDSM", "LDGSTS"}, "sm_90a": {"HGMMA", "UTMALDG", "USETMAXREG", "SYNCS"}} {
		target, err := ptx.TargetOf(chip)
		if err != nil {
			t.Fatal(err)
		}
		m, _ := compiled(t, contraction, target)
		code, err := assemble.Disassemble(m.Text, chip)
		if errors.Is(err, assemble.ErrMissing) || errors.Is(err, assemble.ErrNoDisassembler) {
			t.Skip("NOT DISASSEMBLED: ", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(code, w) {
				t.Errorf("%s: no %s", chip, w)
			}
		}
	}
}
