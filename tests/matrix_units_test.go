package tests

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"dlc/codegen/ptx"
	"dlc/codegen/ptx/assemble"
)

// matrixWitnesses are those of which the products go to the matrix units of GPUs.
var matrixWitnesses = []string{"matmul_bf16"}

// TestWitnessesReachMatrixUnits reads what becomes of these witnesses in PTX and, where NVIDIA's
// tools are there, in the chip's own code: products of matrix units, operands by asynchronous copies.
func TestWitnessesReachMatrixUnits(t *testing.T) {
	for _, w := range witnesses(t) {
		if !slices.Contains(matrixWitnesses, w.name) {
			continue
		}
		for _, target := range ptx.Targets() {
			t.Run(w.name+" "+target.Name, func(t *testing.T) {
				t.Parallel()
				text := w.gpu(t, target).module.Text
				wants, code := []string{"mma.sync.aligned.m16n8k16", "ldmatrix", "cp.async.cg"}, []string{"HMMA.16816", "LDSM", "LDGSTS"}
				if target.Machine.WarpGroups {
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
