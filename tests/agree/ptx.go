package agree

import (
	"fmt"
	"slices"

	"dlc/codegen/ptx"
	"dlc/codegen/ptx/emulate"
	"dlc/codegen/ptx/trial"
	"dlc/ir"
	"dlc/ir/generate"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
	"dlc/passes"
)

// PTX runs the program's PTX for a target in the interpreter of PTX and compares with that of
// definitions: in bits, or where a matrix unit sums, as the evaluator is compared.
func (c *Case) PTX(target ptx.Target, seed uint64) (err error) {
	way := "PTX for " + target.Name
	defer func() {
		if cause := recover(); cause != nil {
			err = &Mismatch{Ways: way, Detail: fmt.Sprint(cause)}
		}
	}()
	if err := c.Interpret(true); err != nil {
		return err
	}
	m, err := ir.Parse(c.text)
	if err != nil {
		return err
	}
	o := only("autodiff", "fold", "cse", "dce", "form", "order", "fuse", "layout", "hoist")
	o.Machine = &target.Machine
	if err := passes.Graph(m, o); err != nil {
		return err
	}
	m.Funcs[0].Name = c.Name
	p, err := passes.Kernels(m.Funcs[0], m, o)
	if err != nil {
		return err
	}
	var tiles []*tile.Program
	for _, k := range p.Kernels {
		s, err := passes.Tile(k, &target.Machine)
		if err != nil {
			return &Mismatch{Ways: way, Detail: err.Error()}
		}
		tiles = append(tiles, s)
	}
	code, err := ptx.Compile(tiles, target)
	if err != nil {
		return &Mismatch{Ways: way, Detail: err.Error()}
	}
	for i, t := range c.Trials {
		got, err := emulated(p, code, tiles, t, seed)
		switch {
		case err != nil:
		case sumsInMatrixUnits(p):
			err = t.Near(got)
		default:
			err = Same(got, c.answers[i])
		}
		if err != nil {
			return &Mismatch{way, i, err.Error()}
		}
	}
	return nil
}

// emulated launches all kernels and returns the outputs by their public names. Approximate forms,
// and those that ptxas may fuse, are mistakes.
func emulated(p *kernel.Program, code *ptx.Module, tiles []*tile.Program, t *generate.Trial, seed uint64) (map[string]*tensor.Tensor, error) {
	values := inputs(p, t)
	var inexact []string
	err := trial.RunProgram(p, code, tiles, t.Symbols, values, seed, func(entry string, _ emulate.Launch) func(*emulate.Report) {
		return func(r *emulate.Report) { inexact = append(append(inexact, r.Approximate...), r.Fusible...) }
	})
	if err != nil {
		return nil, err
	}
	if len(inexact) > 0 {
		return nil, fmt.Errorf("forms that are not exact: %v", inexact)
	}
	for _, b := range p.Buffers { // what no block wrote has no elements
		if values[b.Name] == nil {
			dims, _ := b.Type.Shape.Bind(t.Symbols)
			values[b.Name] = tensor.New(b.Type.DType, dims...)
		}
	}
	return outputs(p, values), nil
}

func sumsInMatrixUnits(p *kernel.Program) bool {
	return slices.ContainsFunc(p.Kernels, func(k *kernel.Kernel) bool {
		return slices.ContainsFunc(k.Defs, func(d *kernel.Def) bool { return d.Reduce != nil && d.Reduce.Order.Kind == kernel.Matrix })
	})
}
