package main

import (
	"context"
	"fmt"
	"slices"
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
}

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
	extents := tile.Extents(p.Kernel)
	for i, ph := range p.Phases {
		e.Steps = append(e.Steps, program.Launch{Kernel: i, Args: args, Blocks: ph.Blocks(func(index string) tensor.Dim { return extents[index] })})
	}
	return e
}

func compiled(text string, target cpu.Target) (l *loaded, err error) {
	k, err := kernel.ParseKernel(text)
	if err != nil {
		return nil, err
	}
	p, err := passes.Tile(k, &target.Machine)
	if err != nil {
		return nil, err
	}
	e := entryOf(p)
	section, err := cpu.Compile([]*tile.Program{p}, []*program.Entry{e}, target, cpu.Options{})
	if err != nil {
		return nil, err
	}
	l = &loaded{}
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
	return l, l.bind(e)
}

// bind gives every buffer memory filled with small positive numbers.
func (l *loaded) bind(e *program.Entry) error {
	m, err := native.Map(native.FrameBytes(len(e.Buffers), 0))
	if err != nil {
		return err
	}
	l.memory = append(l.memory, m)
	if l.frame, err = l.code.NewFrame(e.Name, m.Bytes(), len(e.Buffers), 0); err != nil {
		return err
	}
	for i, b := range e.Buffers {
		n, ok := b.Bytes.Const()
		if !ok || b.Type.DType != tensor.F32 {
			return fmt.Errorf("buffer %s is not of floats and of constant size", b.Name)
		}
		m, err := native.Map((n + 63) / 64 * 64)
		if err != nil {
			return err
		}
		l.memory = append(l.memory, m)
		pattern := []byte{0, 0, 0x80, 0x3e, 0, 0, 0, 0x3f} // 0.25, 0.5
		for at := 0; at < len(m.Bytes()); at += len(pattern) {
			copy(m.Bytes()[at:], pattern)
		}
		l.frame.SetBuffer(i, m.Bytes())
	}
	return nil
}

// A run of a kernel lasts at least this long, so that the clock and the start do not count.
const runTime = 40 * time.Millisecond

// timed returns the seconds of one call, the sample's.
func timed(w work, target cpu.Target, threads int, runs sample) (float64, error) {
	l, err := compiled(w.text, target)
	if err != nil {
		return 0, err
	}
	defer l.close()
	ctx := context.Background()
	calls, all := 1, []float64{}
	for len(all) < runs.runs {
		begin := time.Now()
		for range calls {
			if threads == 1 {
				err = l.runner.Direct(ctx, l.frame)
			} else {
				err = l.runner.Team(ctx, l.frame, threads)
			}
			if err != nil {
				return 0, err
			}
		}
		took := time.Since(begin)
		if took < runTime && calls < 1<<24 {
			calls *= 2
			continue
		}
		all = append(all, took.Seconds()/float64(calls))
	}
	slices.Sort(all)
	if runs.best {
		return all[0], nil
	}
	return all[len(all)/2], nil
}

// ceilings are what the machine does at most, through code of the same generator: multiply-adds
// on registers, and bytes a second of buffers of the sizes in footprints.
type ceilings struct {
	flops      float64
	read, copy [3]float64
}

// footprints are bytes that lie in the second cache, the third, and memory.
var footprints = [3]int{256 << 10, 6 << 20, 96 << 20}

func measureCeilings(target cpu.Target, threads int, runs sample) (c ceilings, err error) {
	const rows, terms, columns = 14 * 96, 256, 32
	fma := fmt.Sprintf("kernel fma(x: input f32[%[1]d, %[2]d], w: input f32[%[2]d, %[3]d]) -> (y: output f32[%[1]d, %[3]d])\n"+
		"  y[m:%[1]d, c:%[3]d] = sum k:%[2]d chain; x[m, k] * w[k, c]\n", rows, terms, columns)
	s, err := timed(work{text: fma}, target, threads, runs)
	if err != nil {
		return c, fmt.Errorf("multiply-add probe: %w", err)
	}
	c.flops = 2 * rows * terms * columns / s
	for i, bytes := range footprints {
		n := bytes * threads / 4096
		if i > 0 {
			n = bytes / 4096
		}
		read := fmt.Sprintf("kernel read(x: input f32[%[1]d, 1024]) -> (y: output f32[%[1]d])\n  y[i:%[1]d] = max j:1024 lanes64; x[i, j]\n", n)
		if s, err = timed(work{text: read}, target, threads, runs); err != nil {
			return c, fmt.Errorf("read probe: %w", err)
		}
		c.read[i] = float64(n*4096) / s
		copied := fmt.Sprintf("kernel copy(x: input f32[%[1]d]) -> (y: output f32[%[1]d])\n  y[i:%[1]d] = neg(x[i])\n", n*512)
		if s, err = timed(work{text: copied}, target, threads, runs); err != nil {
			return c, fmt.Errorf("copy probe: %w", err)
		}
		c.copy[i] = float64(n*4096) / s
	}
	return c, nil
}

// least is the time below which a work cannot be: by its operations, or by its bytes at the rate of
// the smallest footprint that holds them.
func (c ceilings) least(w work) float64 {
	rate := c.read
	if w.writes {
		rate = c.copy
	}
	at := 0
	for at < 2 && w.bytes > float64(footprints[at]) {
		at++
	}
	return max(w.flops/c.flops, w.bytes/rate[at])
}

func rates(r [3]float64) string {
	out := make([]string, len(r))
	for i, v := range r {
		out[i] = fmt.Sprintf("%.0f", v/1e9)
	}
	return strings.Join(out, "/")
}
