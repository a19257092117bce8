package tests

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"dlc/codegen/ptx"
	"dlc/codegen/ptx/assemble"
	"dlc/ir/tile"
)

// matrixWitnesses are those of which the products go to the matrix units of GPUs.
var matrixWitnesses = []string{"matmul_bf16", "attention_bf16"}

// TestWitnessesReachMatrixUnits reads what becomes of these witnesses in PTX and, where NVIDIA's
// tools are there, in the chip's own code: products of matrix units, operands by asynchronous copies; by
// such copies too for a chain of multiply-adds.
func TestWitnessesReachMatrixUnits(t *testing.T) {
	for _, w := range witnesses(t) {
		if !slices.Contains(matrixWitnesses, w.name) && w.name != "matmul" {
			continue
		}
		for _, target := range ptx.Targets() {
			t.Run(w.name+" "+target.Name, func(t *testing.T) {
				t.Parallel()
				text := w.gpu(t, target).module.Text
				wants, code := []string{"mma.sync.aligned.m16n8k16", "ldmatrix", "cp.async.cg"}, []string{"HMMA.16816", "LDSM", "LDGSTS"}
				switch {
				case w.name == "matmul":
					wants, code = []string{"fma.rn.f32", "cp.async.ca.shared.global", "ld.shared.v4.f32"}, []string{"FFMA", "LDGSTS", "LDS.128"}
				case target.Machine.WarpGroups:
					wants, code = []string{"wgmma.mma_async", "cp.async.bulk.tensor", "mbarrier.try_wait"}, []string{"HGMMA", "UTMALDG", "SYNCS"}
				}
				demand(t, text, wants)
				chip, err := assemble.Disassemble(text, target.Name)
				if errors.Is(err, assemble.ErrMissing) || errors.Is(err, assemble.ErrNoDisassembler) {
					t.Skip("NOT DISASSEMBLED: ", err)
				}
				if err != nil {
					t.Fatal(err)
				}
				demand(t, chip, code)
			})
		}
	}
}

func demand(t *testing.T, text string, wants []string) {
	t.Helper()
	for _, w := range wants {
		if !strings.Contains(text, w) {
			t.Errorf("no %s", w)
		}
	}
}

// TestUnitSchedulesMean runs the schedules of these witnesses for GPUs by the interpreter of schedules.
func TestUnitSchedulesMean(t *testing.T) {
	t.Parallel()
	for _, w := range witnesses(t) {
		if !slices.Contains(matrixWitnesses, w.name) {
			continue
		}
		for _, target := range []ptx.Target{ptx.SM80(), ptx.SM90A()} {
			for _, size := range w.sizes {
				meaning := w.ordered(t, w.parse(t))
				in := w.inputs(meaning, size, false)
				values := maps.Clone(in)
				g := w.gpu(t, target)
				for i, s := range g.tiles {
					if err := tile.Interp(s, size, values, int64(i)); err != nil {
						t.Fatalf("%v: %s: %v\n%s", size, target.Name, err, s)
					}
				}
				w.close(t, target.Name, outputs(g.program, values), interpreted(t, meaning, size, in))
			}
		}
	}
}
