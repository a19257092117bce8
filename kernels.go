package dlc

import (
	"fmt"
	"path/filepath"
	"strings"

	"dlc/codegen/cpu"
	"dlc/ir/kernel"
	"dlc/passes"
	"dlc/runtime/program"
)

// KernelSuffix is what names of files end in that hold the text of a kernel program.
const KernelSuffix = ".kernel"

// Kernels compiles the text of a kernel program (see package ir/kernel), as a graph is lowered to
// one, to a model of one entry. Of the options Targets, GPU, Stage, Pass and Time are heard.
func Kernels(src *Source, o *Options) (m *program.Model, err error) {
	j := &job{src: src, opts: *o, call: "kernels"}
	defer j.guard(&err)
	var targets []cpu.Target
	if j.opts.GPU == "" {
		if targets, err = Targets(j.opts.Targets); err != nil {
			return nil, err
		}
	}
	j.enter("parse")
	p, err := kernel.Parse(string(src.Text))
	if err == nil {
		err = kernel.Verify(p)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", src.Path, err)
	}
	j.enter("kernel passes")
	passes.Rewrite(p, j.watch())
	j.stage("kernel", p.String)
	m = &program.Model{Name: strings.TrimSuffix(filepath.Base(src.Path), KernelSuffix), Manifest: program.Manifest{Source: string(src.Text), Compiler: Version}}
	for _, b := range p.Buffers {
		if b.Role == kernel.Weight {
			m.Weights = append(m.Weights, blank(b.Name, b.Type, false))
		}
	}
	if j.opts.GPU != "" {
		return m, j.gpu([]*kernel.Program{p})
	}
	return m, j.sections(m, []*kernel.Program{p}, targets)
}
