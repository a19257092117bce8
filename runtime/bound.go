package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dlc/ir/tensor"
	"dlc/runtime/native"
	"dlc/runtime/program"
)

// A call's length is estimated as the longer of its arithmetic at flopRate and its traffic at
// byteRate, a fraction of what one core does. One that takes longer than
// directLimit goes to the team, even with a single thread: a direct call holds up garbage
// collection.
const (
	flopRate    = 50e9 // floating-point operations per second
	byteRate    = 30e9 // bytes per second, over the buffers of every launch
	directLimit = 100 * time.Microsecond
)

// A Bound is an entry with its symbols bound and every buffer in its place: calling it allocates
// nothing. Its inputs and outputs lie in memory of its own, which the caller fills and reads.
type Bound struct {
	session *Session
	entry   *program.Entry
	values  []int64 // of entry.Symbols
	memory  *native.Memory
	frame   *native.Frame
	arena   []span // arena buffers
	grown   int    // session.grown when the frame was last told of the arena
	inputs  []port
	outputs []port
	long    bool // goes to the team
}

// A span is the place of a buffer in the arena.
type span struct {
	buffer       int
	offset, size int64
}

// A port is an input or output: a tensor over the binding's memory.
type port struct {
	name string
	*tensor.Tensor
}

// Bind readies an entry for calls at the given values of its symbols. The binding serves until
// it or the session is closed.
func (s *Session) Bind(entry string, symbols map[string]int64) (*Bound, error) {
	s.turn <- struct{}{}
	defer s.release()
	e, err := s.entry(entry)
	if err != nil {
		return nil, err
	}
	if err := checkBound(e, symbols); err != nil {
		return nil, err
	}
	return s.bind(e, symbols)
}

// bind makes a binding; the symbols have been checked.
func (s *Session) bind(e *program.Entry, env map[string]int64) (*Bound, error) {
	place, err := program.Place(e, env)
	if err != nil {
		return nil, err
	}
	b := &Bound{session: s, entry: e, grown: -1}
	for _, name := range e.Symbols {
		b.values = append(b.values, env[name])
	}
	total := slab{}
	total.add(int(native.FrameBytes(len(e.Buffers), len(e.Symbols))))
	b.eachPort(env, func(_ *program.Buffer, bytes int) { total.add(bytes) })
	if b.memory, err = native.Map(total.size); err != nil {
		return nil, err
	}
	s.bounds[b] = true
	if err := b.fill(env, place); err != nil {
		return nil, errors.Join(err, b.release())
	}
	b.long = e.Loops || estimate(e, env) > directLimit
	return b, nil
}

// eachPort calls f for each input and output, in the order of the entry's buffers.
func (b *Bound) eachPort(env map[string]int64, f func(buffer *program.Buffer, bytes int)) {
	for i := range b.entry.Buffers {
		if x := &b.entry.Buffers[i]; x.Class == program.Input || x.Class == program.Output {
			n, _ := x.Bytes.Eval(env)
			f(x, int(n))
		}
	}
}

// fill writes the tables of the frame and makes the ports.
func (b *Bound) fill(env map[string]int64, place *program.Placement) (err error) {
	s, e := b.session, b.entry
	pieces := slab{memory: b.memory.Bytes()}
	head := pieces.add(int(native.FrameBytes(len(e.Buffers), len(e.Symbols))))
	if b.frame, err = s.model.code.NewFrame(e.Name, head, len(e.Buffers), len(e.Symbols)); err != nil {
		return err
	}
	for i, v := range b.values {
		b.frame.SetSymbol(i, v)
	}
	for i := range e.Buffers {
		x := &e.Buffers[i]
		n, _ := x.Bytes.Eval(env)
		switch x.Class {
		case program.Input, program.Output:
			memory := pieces.add(int(n))
			b.frame.SetBuffer(i, memory)
			if err := b.addPort(x, memory, env); err != nil {
				return err
			}
		case program.Stored:
			w := slices.IndexFunc(s.model.program.Weights, func(w *program.Weight) bool { return w.Path == x.Name })
			if w < 0 || int64(len(s.weights[w])) < n {
				return fmt.Errorf("entry %s: no weight %s of %d bytes", e.Name, x.Name, n)
			}
			b.frame.SetBuffer(i, s.weights[w])
		case program.Const:
			if int64(len(x.Value)) < n {
				return fmt.Errorf("entry %s: constant %s has %d bytes, fewer than %d", e.Name, x.Name, len(x.Value), n)
			}
			b.frame.SetBuffer(i, s.model.consts[e.Name][i])
		case program.Arena:
			b.arena = append(b.arena, span{i, place.Offsets[i], n})
		}
	}
	return s.growArena(place.Total)
}

func (b *Bound) addPort(x *program.Buffer, memory []byte, env map[string]int64) error {
	dims, ok := x.Type.Shape.Bind(env)
	n, fits := sizeOf(x.Type.DType, dims)
	if !ok || !fits || n > int64(len(memory)) {
		return fmt.Errorf("entry %s: %s %s does not fit %d bytes", b.entry.Name, x.Name, x.Type, len(memory))
	}
	p := port{x.Name, &tensor.Tensor{DType: x.Type.DType, Dims: dims, Data: memory[:n:n]}}
	if x.Class == program.Input {
		b.inputs = append(b.inputs, p)
	} else {
		b.outputs = append(b.outputs, p)
	}
	return nil
}

// growArena makes the session's arena at least n bytes. Nothing in it outlives a call.
func (s *Session) growArena(n int64) error {
	if s.arena != nil && n <= int64(len(s.arena.Bytes())) {
		return nil
	}
	arena, err := native.Map(n)
	if err != nil {
		return err
	}
	old := s.arena
	s.arena = arena
	s.grown++
	return old.Close()
}

// estimate returns about how long a call takes on one core.
func estimate(e *program.Entry, env map[string]int64) time.Duration {
	seconds := magnitude(e.Flops, env) / flopRate
	bytes := 0.0
	if e.Steps == nil { // an artifact does not tell them; each buffer is written or read at least once
		for i := range e.Buffers {
			bytes += magnitude(e.Buffers[i].Bytes, env)
		}
	}
	for _, step := range e.Steps {
		for _, buffer := range step.Args {
			bytes += magnitude(e.Buffers[buffer].Bytes, env)
		}
	}
	seconds = max(seconds, bytes/byteRate)
	return time.Duration(min(seconds, 1e6) * float64(time.Second))
}

// binds reports whether b's symbols have these values.
func (b *Bound) binds(env map[string]int64) bool {
	for i, name := range b.entry.Symbols {
		if env[name] != b.values[i] {
			return false
		}
	}
	return true
}

// Input returns the tensor that the caller fills before a call, or nil. Its data lies in the
// binding's memory.
func (b *Bound) Input(name string) *tensor.Tensor { return find(b.inputs, name) }

// Output returns the tensor that a call writes, or nil. Its data lies in the binding's memory.
func (b *Bound) Output(name string) *tensor.Tensor { return find(b.outputs, name) }

func find(ports []port, name string) *tensor.Tensor {
	for _, p := range ports {
		if p.name == name {
			return p.Tensor
		}
	}
	return nil
}

// Call runs the entry on what lies in the inputs. A call that fails or is cancelled leaves
// outputs, and weights that the entry updates, incomplete.
func (b *Bound) Call(ctx context.Context) error {
	if err := b.session.acquire(ctx); err != nil {
		return err
	}
	defer b.session.release()
	return b.call(ctx)
}

func (b *Bound) call(ctx context.Context) error {
	s := b.session
	if b.memory == nil {
		return ErrClosed
	}
	if b.grown != s.grown {
		for _, a := range b.arena {
			b.frame.SetBuffer(a.buffer, s.arena.Bytes()[a.offset:a.offset+a.size])
		}
		b.grown = s.grown
	}
	if s.watch != nil {
		return s.watch(ctx, &Call{Entry: b.entry, bound: b})
	}
	return b.run(ctx)
}

// run calls the frame's driver.
func (b *Bound) run(ctx context.Context) error {
	s := b.session
	var err error
	if b.long {
		err = s.runner.Team(ctx, b.frame, s.threads)
	} else {
		err = s.runner.Direct(ctx, b.frame)
	}
	if err != nil {
		return b.explain(err)
	}
	return nil
}

// explain adds the place in the source to a fault. One of a weight whose file was cut is the
// file's.
func (b *Bound) explain(err error) error {
	var fault *native.Fault
	if !errors.As(err, &fault) {
		return err
	}
	if m := b.session.model; m.file != nil && m.file.Holds(fault.Address) {
		return m.named(program.ErrCut)
	}
	for _, step := range b.entry.Steps {
		if step.Kernel == fault.Kernel && step.Span != "" {
			return fmt.Errorf("%w, in entry %s, from %s", err, b.entry.Name, step.Span)
		}
	}
	return fmt.Errorf("%w, in entry %s", err, b.entry.Name)
}

// Close releases the binding's memory; its tensors must not be used after it.
func (b *Bound) Close() error {
	b.session.turn <- struct{}{}
	defer b.session.release()
	return b.release()
}

func (b *Bound) release() error {
	delete(b.session.bounds, b)
	err := b.memory.Close()
	b.memory = nil
	return err
}
