// Package trial runs compiled PTX in the interpreter, as a driver launches it on a GPU: every
// phase of tile programs in order, over buffers given as tensors. It is a tool of tests and knows
// nothing of how the text was made.
package trial

import (
	"fmt"
	"slices"

	"dlc/codegen"
	"dlc/codegen/ptx"
	"dlc/codegen/ptx/emulate"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// Run runs the phases of the programs that m was compiled from, at symbol values. Values holds
// the buffers by name; those that are missing are added. Seed chooses the order in which blocks
// and warps run.
func Run(m *ptx.Module, programs []*tile.Program, symbols map[string]int64, values map[string]*tensor.Tensor, seed uint64) error {
	return RunWatched(m, programs, symbols, values, seed, nil)
}

// Watch is told of a launch before it runs; the function that it returns gets the report afterwards. A
// launch for which it returns none is left out.
type Watch func(entry string, l emulate.Launch) func(*emulate.Report)

// RunWatched is Run with somebody looking on.
func RunWatched(m *ptx.Module, programs []*tile.Program, symbols map[string]int64, values map[string]*tensor.Tensor, seed uint64, watch Watch) error {
	module, err := emulate.Parse(m.Text)
	if err != nil {
		return err
	}
	return RunParsed(module, m, programs, symbols, values, seed, watch)
}

// RunParsed is RunWatched of a text that has been read before.
func RunParsed(module *emulate.Module, m *ptx.Module, programs []*tile.Program, symbols map[string]int64, values map[string]*tensor.Tensor, seed uint64, watch Watch) error {
	p := &kernel.Program{}
	for _, x := range programs {
		p.Kernels = append(p.Kernels, &kernel.Kernel{Name: x.Name})
	}
	return follow(p, module, m, programs, symbols, values, seed, watch)
}

// RunProgram is RunWatched of programs that schedule the kernels of p, whose regions run as their
// conditions say.
func RunProgram(p *kernel.Program, m *ptx.Module, programs []*tile.Program, symbols map[string]int64, values map[string]*tensor.Tensor, seed uint64, watch Watch) error {
	module, err := emulate.Parse(m.Text)
	if err != nil {
		return err
	}
	return follow(p, module, m, programs, symbols, values, seed, watch)
}

// follow goes through p, the kernel of each number being the program of that number.
func follow(p *kernel.Program, module *emulate.Module, m *ptx.Module, programs []*tile.Program, symbols map[string]int64, values map[string]*tensor.Tensor, seed uint64, watch Watch) error {
	r := &run{module: module, symbols: symbols, values: values, buffers: map[string]*emulate.Buffer{}, seed: seed, watch: watch}
	var kernels [][]*ptx.Kernel
	number := 0
	for _, x := range programs {
		var list []*ptx.Kernel
		for range x.Phases {
			list = append(list, m.Kernels[m.Numbers[number]])
			number++
		}
		kernels = append(kernels, list)
	}
	err := p.Follow(kernel.Flow{
		Run: func(n int) error {
			if err := r.program(programs[n], kernels[n]); err != nil {
				return fmt.Errorf("%s: %w", programs[n].Name, err)
			}
			return nil
		},
		Holds: func(cond string) bool { return r.settled(cond).Data[0] != 0 },
		Copy: func(c kernel.Copy) {
			if from := r.settled(c.From); from != nil { // what no block wrote has no elements
				values[c.To] = &tensor.Tensor{DType: from.DType, Dims: from.Dims, Data: slices.Clone(from.Data)}
				delete(r.buffers, c.To)
			}
		},
	})
	if err != nil {
		return err
	}
	for name := range r.buffers {
		r.settled(name)
	}
	return nil
}

// settled is the value of a buffer, with what was written last.
func (r *run) settled(name string) *tensor.Tensor {
	if b := r.buffers[name]; b != nil {
		copy(r.values[name].Data, b.Data)
	}
	return r.values[name]
}

type run struct {
	module  *emulate.Module
	symbols map[string]int64
	values  map[string]*tensor.Tensor
	buffers map[string]*emulate.Buffer
	seed    uint64
	watch   Watch
}

// program launches the phases; those of a recurrence turn by turn.
func (r *run) program(p *tile.Program, kernels []*ptx.Kernel) error {
	for i := 0; i < len(p.Phases); {
		seq, end := p.Phases[i].Seq, i+1
		if seq == nil {
			if err := r.launch(p, kernels[i], nil); err != nil {
				return err
			}
			i = end
			continue
		}
		for end < len(p.Phases) && p.Phases[end].Seq != nil && *p.Phases[end].Seq == *seq {
			end++
		}
		turns, err := r.extent(p.Kernel, seq.Index)
		if err != nil {
			return err
		}
		for turn := range turns {
			if seq.Reversed {
				turn = turns - 1 - turn
			}
			for j := i; j < end; j++ {
				if err := r.launch(p, kernels[j], &turn); err != nil {
					return err
				}
			}
		}
		i = end
	}
	return nil
}

func (r *run) extent(k *kernel.Kernel, index string) (int64, error) {
	for _, d := range k.Defs {
		for _, a := range d.AllAxes() {
			if a.Name == index {
				n, ok := a.Extent.Eval(r.symbols)
				if !ok {
					return 0, fmt.Errorf("no value for %s", a.Extent)
				}
				return n, nil
			}
		}
	}
	return 0, fmt.Errorf("no index %s", index)
}

// launch runs one kernel. A grid of nothing is not launched.
func (r *run) launch(p *tile.Program, k *ptx.Kernel, turn *int64) error {
	grid, ok := k.Grid(r.symbols)
	if !ok {
		return fmt.Errorf("no value for %s", k.Blocks)
	}
	if grid == 0 {
		return nil
	}
	entry, err := r.module.Entry(k.Name)
	if err != nil {
		return err
	}
	l := emulate.Launch{Grid: [3]int{int(grid)}, Block: [3]int{k.Threads}, DynamicShared: int(k.Shared), Seed: r.seed}
	for _, b := range append(p.Kernel.Buffers(), p.Temps...) { // k's own are those of the first phase that it was compiled for
		data, err := r.buffer(b)
		if err != nil {
			return err
		}
		l.Args = append(l.Args, emulate.Pointer(data, 0))
	}
	for _, s := range kernel.Symbols(p.Kernel) {
		l.Args = append(l.Args, emulate.U64(uint64(r.symbols[s])))
	}
	for _, m := range k.Maps {
		x, err := r.tensorMap(m)
		if err != nil {
			return err
		}
		l.Args = append(l.Args, emulate.Tensor(x))
	}
	if turn != nil {
		l.Args = append(l.Args, emulate.U64(uint64(*turn)))
	}
	done := func(*emulate.Report) {}
	if r.watch != nil {
		if done = r.watch(k.Name, l); done == nil {
			return nil
		}
	}
	report, err := entry.Run(l)
	if err != nil {
		return fmt.Errorf("%s: %w", k.Name, err)
	}
	done(report)
	return nil
}

// tensorMap encodes a map at the symbols' values, as the driver does.
func (r *run) tensorMap(m codegen.TensorMap) (*emulate.TensorMap, error) {
	b, err := r.buffer(m.Buffer)
	if err != nil {
		return nil, err
	}
	x := &emulate.TensorMap{Buffer: b, Size: m.Buffer.Type.DType.Size(), Swizzle: 128}
	for i, d := range m.Dims {
		n, ok := d.Eval(r.symbols)
		if !ok {
			return nil, fmt.Errorf("no value for %s", d)
		}
		x.Dims, x.Box = append(x.Dims, int(n)), append(x.Box, int(m.Box[i]))
	}
	for _, d := range m.Strides {
		n, ok := d.Eval(r.symbols)
		if !ok {
			return nil, fmt.Errorf("no value for %s", d)
		}
		x.Strides = append(x.Strides, int(n))
	}
	return x, nil
}

func (r *run) buffer(b *kernel.Buffer) (*emulate.Buffer, error) {
	if x, ok := r.buffers[b.Name]; ok {
		return x, nil
	}
	v := r.values[b.Name]
	blank := v == nil && b.Value == nil
	if v == nil && !blank {
		v = b.Value
		r.values[b.Name] = v
	}
	if blank {
		dims, ok := b.StoredShape().Bind(r.symbols)
		if !ok {
			return nil, fmt.Errorf("no size of %s", b.Name)
		}
		v = tensor.New(b.Type.DType, dims...)
		r.values[b.Name] = v
	}
	read := b.Value != nil || b.Role == kernel.Input || b.Role == kernel.Weight
	x := &emulate.Buffer{Name: b.Name, Data: append([]byte{}, v.Data...), Blank: blank, ReadOnly: read}
	r.buffers[b.Name] = x
	return x, nil
}
