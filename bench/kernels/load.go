package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand"
	"strings"
	"time"

	"dlc/codegen/cpu"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
	"dlc/passes"
	"dlc/runtime/native"
	"dlc/runtime/program"
)

// A loaded kernel is compiled, with memory bound to it.
type loaded struct {
	code   *native.Code
	runner *native.Runner
	frame  *native.Frame
	memory []*native.Memory
	made   time.Duration // from text to code, the best of compilations
}

const compilations = 3

func (l *loaded) close() {
	if l.runner != nil {
		l.runner.Close()
	}
	for _, m := range l.memory {
		m.Close()
	}
	if l.code != nil {
		l.code.Close()
	}
}

// entryOf launches the phases of p, whose extents are constants, in order.
func entryOf(p *tile.Program) *program.Entry {
	e := &program.Entry{Name: "kernel"}
	var args []int
	for i, b := range append(p.Kernel.Buffers(), p.Temps...) {
		e.Buffers = append(e.Buffers, program.Buffer{Name: b.Name, Type: b.Type, Bytes: b.StoredShape().Size().Scale(int64(b.Type.DType.Size()))})
		args = append(args, i)
	}
	extents, repeats := tile.Extents(p.Kernel), passes.Repeats(p)
	for i, ph := range p.Phases {
		e.Steps = append(e.Steps, program.Launch{Kernel: i, Repeat: repeats[i], Args: args, Blocks: ph.Blocks(func(index string) tensor.Dim { return extents[index] })})
	}
	return e
}

// scheduled returns the schedules of a text and the entry that runs them.
func scheduled(text string, target cpu.Target) (*program.Entry, []*tile.Program, error) {
	tiling := func(k *kernel.Kernel) (*tile.Program, error) { return passes.Tile(k, &target.Machine) }
	if strings.HasPrefix(text, "program ") {
		p, err := kernel.Parse(text)
		if err == nil {
			err = kernel.Verify(p)
		}
		if err != nil {
			return nil, nil, err
		}
		passes.Rewrite(p, nil)
		return passes.Plan(p, tiling, 0)
	}
	k, err := kernel.ParseKernel(text)
	if err != nil {
		return nil, nil, err
	}
	p, err := tiling(k)
	if err != nil {
		return nil, nil, err
	}
	return entryOf(p), []*tile.Program{p}, nil
}

func compiled(w work, target cpu.Target) (l *loaded, err error) {
	l = &loaded{}
	var e *program.Entry
	var section *program.Section
	for range compilations {
		begin := time.Now()
		var schedules []*tile.Program
		if e, schedules, err = scheduled(w.text, target); err != nil {
			return nil, err
		}
		if section, err = cpu.Compile(schedules, []*program.Entry{e}, target, cpu.Options{}); err != nil {
			return nil, err
		}
		if took := time.Since(begin); l.made == 0 || took < l.made {
			l.made = took
		}
	}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.code, err = native.Load(section); err != nil {
		return nil, err
	}
	if l.runner, err = native.NewRunner(); err != nil {
		return nil, err
	}
	return l, l.bind(w, e)
}

// bind gives every buffer memory filled with small positive numbers, drawn at random.
func (l *loaded) bind(w work, e *program.Entry) error {
	m, err := native.Map(native.FrameBytes(len(e.Buffers), len(e.Symbols)))
	if err != nil {
		return err
	}
	l.memory = append(l.memory, m)
	if l.frame, err = l.code.NewFrame(e.Name, m.Bytes(), len(e.Buffers), len(e.Symbols)); err != nil {
		return err
	}
	r := rand.New(rand.NewSource(1))
	at := map[string][]byte{}
	for i, b := range e.Buffers {
		if under, ok := w.over[b.Name]; ok {
			l.frame.SetBuffer(i, at[under])
			continue
		}
		n, ok := b.Bytes.Eval(w.symbols)
		if !ok {
			return fmt.Errorf("buffer %s is not of known size", b.Name)
		}
		m, err := native.Map((n + 63) / 64 * 64)
		if err != nil {
			return err
		}
		l.memory = append(l.memory, m)
		if err := fill(m.Bytes()[:n], b.Type.DType, w.below, r); err != nil {
			return fmt.Errorf("buffer %s: %w", b.Name, err)
		}
		at[b.Name] = m.Bytes()
		l.frame.SetBuffer(i, m.Bytes())
	}
	for i, s := range e.Symbols {
		l.frame.SetSymbol(i, w.symbols[s])
	}
	return nil
}

// fill draws floats from 0 to 0.5, integers from 0 up to a bound.
func fill(data []byte, t tensor.DType, below int, r *rand.Rand) error {
	for at := 0; at+t.Size() <= len(data); at += t.Size() {
		switch {
		case t == tensor.F32:
			binary.LittleEndian.PutUint32(data[at:], math.Float32bits(r.Float32()/2))
		case t.IsHalf():
			binary.LittleEndian.PutUint16(data[at:], tensor.ToHalf(t, r.Float32()/2))
		case t == tensor.I64 || t == tensor.U64:
			binary.LittleEndian.PutUint64(data[at:], uint64(r.Intn(max(below, 1))))
		case t == tensor.I32:
			binary.LittleEndian.PutUint32(data[at:], uint32(r.Intn(max(below, 1))))
		default:
			return fmt.Errorf("no random %s", t)
		}
	}
	return nil
}

// run makes that many calls.
func (l *loaded) run(calls, threads int) (time.Duration, error) {
	ctx := context.Background()
	begin := time.Now()
	for range calls {
		var err error
		if threads == 1 {
			err = l.runner.Direct(ctx, l.frame)
		} else {
			err = l.runner.Team(ctx, l.frame, threads)
		}
		if err != nil {
			return 0, err
		}
	}
	return time.Since(begin), nil
}
