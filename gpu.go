package dlc

import (
	"fmt"
	"slices"

	"dlc/codegen/ptx"
	"dlc/ir/kernel"
	"dlc/ir/tile"
)

// GPUs lists what Options.GPU takes.
func GPUs() []string {
	var names []string
	for _, t := range ptx.Targets() {
		names = append(names, t.Name)
	}
	return names
}

// machine is what the program is laid out for: the GPU, or nil where CPUs share it.
func (j *job) machine() *tile.Machine {
	target, err := ptx.TargetOf(j.opts.GPU)
	if err != nil {
		return nil
	}
	return &target.Machine
}

// gpu schedules the programs for a GPU and hands out the texts of the stages. Nothing runs them
// here.
func (j *job) gpu(programs []*kernel.Program) error {
	target, err := ptx.TargetOf(j.opts.GPU)
	if err != nil {
		return err
	}
	for _, p := range programs {
		if slices.ContainsFunc(p.Kernels, func(k *kernel.Kernel) bool { return k.In != nil }) {
			return fmt.Errorf("entry %s: branches and loops that tensors decide have no code for GPUs", p.Name)
		}
	}
	_, tiles, err := j.plan(programs, &target.Machine)
	if err != nil {
		return err
	}
	j.enter("codegen")
	j.newest = func() string {
		text, err := ptx.EmitLLVM(tiles, target)
		if err != nil {
			return err.Error()
		}
		return text
	}
	if j.wants("llvm") {
		text, err := ptx.EmitLLVM(tiles, target)
		if err != nil {
			return j.blame(err)
		}
		j.opts.Stage("llvm", text)
	}
	m, err := ptx.Compile(tiles, target)
	if err != nil {
		return j.blame(err)
	}
	j.stage("ptx", func() string { return m.Text })
	return nil
}
