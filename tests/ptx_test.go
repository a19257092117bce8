package tests

import (
	"errors"
	"testing"

	"dlc/codegen/ptx"
	"dlc/codegen/ptx/assemble"
	"dlc/ir/kernel"
	"dlc/ir/tile"
	"dlc/passes"
)

// TestExamplesAsPTX has NVIDIA's assembler read the training and inference entries of examples.
func TestExamplesAsPTX(t *testing.T) {
	if _, err := assemble.Find(); err != nil {
		t.Skip("NOT ASSEMBLED: ", err)
	}
	for _, target := range ptx.Targets() {
		t.Run(target.Name, func(t *testing.T) {
			t.Parallel()
			const file = "mnist/lenet"
			m := module(t, file, "", "", imageColumns(file)["image"].Shape)
			p := lowered(t, file, m)
			for _, f := range m.Funcs {
				if f.Name == "train" || f.Name == "infer" {
					assembled(t, p.kernels[f.Name], target)
				}
			}
		})
	}
}

// assembled schedules a program for a GPU and demands that ptxas takes it without a warning and
// without registers in memory.
func assembled(t *testing.T, k *kernel.Program, target ptx.Target) (*ptx.Module, []assemble.Figures) {
	t.Helper()
	_, tiles, err := passes.Plan(k, func(k *kernel.Kernel) (*tile.Program, error) { return passes.Tile(k, &target.Machine) }, 0)
	if err != nil {
		t.Fatal(err)
	}
	m, err := ptx.Compile(tiles, target)
	if err != nil {
		t.Fatal(err)
	}
	figures, err := assemble.Assemble(m.Text, target.Name, "")
	if errors.Is(err, assemble.ErrMissing) {
		return m, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range figures {
		if f.Spilled > 0 {
			t.Errorf("%s for %s: %s", k.Name, target.Name, f)
		}
	}
	return m, figures
}
