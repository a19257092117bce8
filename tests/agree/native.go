package agree

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"dlc/codegen/cpu"
	"dlc/ir/generate"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
	"dlc/passes"
	"dlc/runtime"
	"dlc/runtime/check"
	"dlc/runtime/program"
)

// Native compiles cases that Interpret has gone through, in one section, and compares what their
// code answers, in bits, with the interpreter of definitions: with 1 and 2 threads. It returns the
// mistakes by case; where the section does not compile, each case is compiled alone.
func Native(cases []*Case, target cpu.Target, o cpu.Options) map[*Case]error {
	found := map[*Case]error{}
	model, err := compile(cases, target, o, false)
	if err != nil {
		for _, c := range cases {
			if len(cases) == 1 {
				found[c] = &Mismatch{Ways: "compiled for " + target.Name, Detail: err.Error()}
				continue
			}
			for c, err := range Native([]*Case{c}, target, o) {
				found[c] = err
			}
		}
		return found
	}
	m, err := runtime.LoadTarget(model, target.Name)
	if err != nil {
		found[cases[0]] = err
		return found
	}
	defer m.Close()
	for i, c := range cases {
		if err := c.place(model.Entries[i]); err != nil {
			found[c] = err
		}
	}
	for _, threads := range []int{1, 2} {
		s, err := m.NewSession(runtime.Options{Threads: threads, Train: true})
		if err != nil {
			found[cases[0]] = err
			return found
		}
		answers(s, cases, fmt.Sprintf("code for %s with %d threads against definitions", target.Name, threads), found)
		s.Close()
	}
	return found
}

// Poisoned runs the code of cases that Interpret has gone through launch by launch. Whatever holds nothing at that
// time, because it has not been written yet or will not be read again, is full of NaN or of large integers, and so
// is the space behind each buffer: no bit of an answer changes, and the space stays as it is.
func Poisoned(cases []*Case, target cpu.Target) map[*Case]error {
	found := map[*Case]error{}
	model, err := compile(cases, target, cpu.Options{Quick: true}, true)
	if err != nil {
		found[cases[0]] = err
		return found
	}
	m, err := runtime.LoadTarget(model, target.Name)
	if err != nil {
		found[cases[0]] = err
		return found
	}
	defer m.Close()
	s, err := m.NewSession(runtime.Options{Threads: 1, Train: true, Watch: check.Watch})
	if err != nil {
		found[cases[0]] = err
		return found
	}
	defer s.Close()
	answers(s, cases, "code for "+target.Name+" over poisoned memory", found)
	return found
}

// answers compares what a session answers with the interpreter of definitions, in bits.
func answers(s *runtime.Session, cases []*Case, ways string, found map[*Case]error) {
	for _, c := range cases {
		for i, t := range c.Trials {
			if found[c] != nil {
				break
			}
			got, err := c.execute(s, t)
			if err == nil {
				err = Same(got, c.answers[i])
			}
			if err != nil {
				found[c] = &Mismatch{ways, i, err.Error()}
			}
		}
	}
}

// Schedules compares the schedules for a target, in the interpreter of tile programs, with the
// interpreter of definitions: a mismatch of code that this does not show is one of code generation.
func (c *Case) Schedules(target cpu.Target) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = &Mismatch{Ways: "schedules for " + target.Name, Detail: fmt.Sprint(cause)}
		}
	}()
	for i, t := range c.Trials {
		buffers := inputs(c.kernels, t)
		for _, b := range c.kernels.Buffers {
			if b.Value != nil {
				buffers[b.Name] = b.Value
			}
		}
		err := c.kernels.Follow(kernel.Over(buffers, func(n int) error {
			p, err := passes.Tile(c.kernels.Kernels[n], &target.Machine)
			if err != nil {
				return err
			}
			return tile.Interp(p, t.Symbols, buffers, int64(n))
		}))
		if err != nil {
			return &Mismatch{"schedules for " + target.Name, i, err.Error()}
		}
		if err := Same(outputs(c.kernels, buffers), c.answers[i]); err != nil {
			return &Mismatch{"schedules for " + target.Name + " against definitions", i, err.Error()}
		}
	}
	return nil
}

// compile makes one section of the entries of all cases. Stepped ones can be run launch by launch.
func compile(cases []*Case, target cpu.Target, o cpu.Options, stepped bool) (m *program.Model, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = errors.New(fmt.Sprint(cause))
		}
	}()
	m = &program.Model{Name: "random"}
	var all []*tile.Program
	phases := 0
	for _, c := range cases {
		e, tiles, err := passes.Plan(c.kernels, func(k *kernel.Kernel) (*tile.Program, error) { return passes.Tile(k, &target.Machine) }, phases)
		if err != nil {
			return nil, err
		}
		for _, x := range tiles {
			phases += len(x.Phases)
		}
		e.Flops = tensor.Int(1e12) // a call that is thought to be long goes to the team
		m.Entries, all = append(m.Entries, e), append(all, tiles...)
	}
	drivers := slices.Clone(m.Entries)
	for _, e := range m.Entries {
		if stepped {
			drivers = append(drivers, program.Stepped(e)...)
		}
	}
	section, err := cpu.Compile(all, drivers, target, o)
	if err != nil {
		return nil, err
	}
	m.Sections = append(m.Sections, section)
	return m, nil
}

// execute runs the code of a case.
func (c *Case) execute(s *runtime.Session, t *generate.Trial) (map[string]*tensor.Tensor, error) {
	b, err := s.Bind(c.Name, t.Symbols)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	for name, x := range t.Inputs {
		copy(b.Input(name).Data, x.Data)
	}
	if err := b.Call(context.Background()); err != nil {
		return nil, err
	}
	out := map[string]*tensor.Tensor{}
	for _, name := range names(c.answers[0]) {
		x := b.Output(name)
		out[name] = &tensor.Tensor{DType: x.DType, Dims: x.Dims, Data: append([]byte{}, x.Data...)}
	}
	return out, nil
}
