package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"dlc/ir/tensor"
	"dlc/runtime/native"
	"dlc/runtime/program"
)

// ErrClosed is returned by calls on a closed session or model.
var ErrClosed = errors.New("session or model is closed")

// keptShapes is how many bindings Run remembers for each entry.
const keptShapes = 32

// Options say how a session runs.
type Options struct {
	Threads int  // threads of a long call; 0 for one per CPU the process may use
	Train   bool // the session has weights of its own, which entries may update
	// Watch takes the place of the drivers: it runs each call launch by launch. The model must
	// have been compiled for it.
	Watch func(context.Context, *Call) error
}

// A Session runs entries of a model, one call at a time; calls from several goroutines wait for
// each other, each no longer than its context allows. Sessions of one model run beside each other.
type Session struct {
	model    *Model
	threads  int
	train    bool
	watch    func(context.Context, *Call) error
	warnings []string

	turn    chan struct{} // holds a token while a call or a change is in progress
	runner  *native.Runner
	own     *native.Memory // weights, of a session that trains
	weights [][]byte       // by place in Program().Weights
	arena   *native.Memory // of the largest shape bound so far
	grown   int            // how often the arena has moved
	bounds  map[*Bound]bool
	kept    map[string][]*Bound // by entry, the last used first
	closed  bool
}

// NewSession returns a new session. One that trains begins with copies of the model's weights.
func (m *Model) NewSession(o Options) (*Session, error) {
	if o.Threads < 0 || o.Threads > native.MaxThreads {
		return nil, fmt.Errorf("%d threads: a session has 1 to %d", o.Threads, native.MaxThreads)
	}
	if err := m.enter(); err != nil {
		return nil, err
	}
	s := &Session{model: m, threads: o.Threads, train: o.Train, watch: o.Watch, weights: m.weights, turn: make(chan struct{}, 1),
		bounds: map[*Bound]bool{}, kept: map[string][]*Bound{}}
	cpus := native.CPUs()
	if s.threads == 0 {
		s.threads = cpus
	}
	if s.threads > cpus {
		s.warnings = append(s.warnings, fmt.Sprintf("%d threads on %d CPUs: they take turns and do not spin", s.threads, cpus))
	}
	var err error
	if s.runner, err = native.NewRunner(); err == nil && o.Train {
		err = s.copyWeights()
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// copyWeights gives the session weights of its own.
func (s *Session) copyWeights() (err error) {
	var total slab
	for _, w := range s.model.weights {
		total.add(len(w))
	}
	if s.own, err = native.Map(total.size); err != nil {
		return err
	}
	place := slab{memory: s.own.Bytes()}
	s.weights = make([][]byte, len(s.model.weights))
	return s.model.named(program.Read(func() error {
		for i, w := range s.model.weights {
			s.weights[i] = place.copy(w)
		}
		return nil
	}))
}

// Threads returns how many threads a long call has.
func (s *Session) Threads() int { return s.threads }

// Warnings returns what a user should know of the session's options.
func (s *Session) Warnings() []string { return s.warnings }

// A Weight is a session's parameter or state.
type Weight struct {
	*program.Weight
	Data []byte // the session's bytes; to be written only between calls of a session that trains
}

// Weights returns the session's parameters and states, sorted by path. Those that lie in an
// artifact's file are copied; where the file has been cut, their data is nil.
func (s *Session) Weights() []Weight {
	all := make([]Weight, len(s.weights))
	for i, w := range s.model.program.Weights {
		all[i] = Weight{w, s.readable(i)}
	}
	return all
}

// readable returns the bytes of weight i where reading them cannot fault, or nil.
func (s *Session) readable(i int) (data []byte) {
	if s.train || s.model.file == nil {
		return s.weights[i]
	}
	if program.Read(func() error { data = slices.Clone(s.weights[i]); return nil }) != nil {
		return nil
	}
	return data
}

// Weight returns the parameter or state of that path as a tensor over what Weights has of it, or
// nil.
func (s *Session) Weight(path string) *tensor.Tensor {
	i := slices.IndexFunc(s.model.program.Weights, func(w *program.Weight) bool { return w.Path == path })
	if i < 0 {
		return nil
	}
	t := s.model.program.Weights[i].Type
	dims, _ := t.Shape.Bind(nil)
	data := s.readable(i)
	if data == nil && s.weights[i] != nil {
		return nil
	}
	return &tensor.Tensor{DType: t.DType, Dims: dims, Data: data}
}

// acquire waits until no other call of the session runs, or until ctx ends.
func (s *Session) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Session) release() { <-s.turn }

// Run calls an entry with the given inputs, whose shapes bind the entry's symbols, and returns
// its outputs. Inputs and outputs are copied: after the first call at a shape it allocates
// the outputs and a few small maps, whatever the model. Bind is the way without.
func (s *Session) Run(ctx context.Context, entry string, inputs map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error) {
	if err := s.acquire(ctx); err != nil {
		return nil, err
	}
	defer s.release()
	e, err := s.entry(entry)
	if err != nil {
		return nil, err
	}
	env, err := unify(e, inputs)
	if err != nil {
		return nil, err
	}
	b, err := s.keep(e, env)
	if err != nil {
		return nil, err
	}
	for _, p := range b.inputs {
		copy(p.Data, inputs[p.name].Data)
	}
	if err := b.call(ctx); err != nil {
		return nil, err
	}
	outputs := make(map[string]*tensor.Tensor, len(b.outputs))
	for _, p := range b.outputs {
		outputs[p.name] = &tensor.Tensor{DType: p.DType, Dims: slices.Clone(p.Dims), Data: slices.Clone(p.Data)}
	}
	return outputs, nil
}

// keep returns the binding that Run remembers for env, made anew when there is none; the one
// not used for longest makes room.
func (s *Session) keep(e *program.Entry, env map[string]int64) (*Bound, error) {
	kept := s.kept[e.Name]
	for i, b := range kept {
		if b.binds(env) {
			copy(kept[1:i+1], kept[:i])
			kept[0] = b
			return b, nil
		}
	}
	b, err := s.bind(e, env)
	if err != nil {
		return nil, err
	}
	if len(kept) == keptShapes {
		if err := kept[keptShapes-1].release(); err != nil {
			return nil, err
		}
		kept = kept[:keptShapes-1]
	}
	s.kept[e.Name] = slices.Insert(kept, 0, b)
	return b, nil
}

// entry returns the entry of that name if the session may run it.
func (s *Session) entry(name string) (*program.Entry, error) {
	if s.closed {
		return nil, ErrClosed
	}
	e := s.model.program.Entry(name)
	if e == nil {
		var names []string
		for _, e := range s.model.program.Entries {
			names = append(names, e.Name)
		}
		return nil, fmt.Errorf("model %s has no entry %q; it has %v", s.model.program.Name, name, names)
	}
	for i := range e.Buffers {
		if b := &e.Buffers[i]; b.Written && !s.train {
			return nil, fmt.Errorf("entry %s updates weight %s, which this session shares with others: it takes a session that trains", name, b.Name)
		}
	}
	return e, nil
}

// Close waits for a call in progress and releases what the session holds. Tensors of its
// bindings and weights of a session that trains must not be used after it.
func (s *Session) Close() error {
	s.turn <- struct{}{}
	defer s.release()
	if s.closed {
		return nil
	}
	s.closed = true
	var errs []error
	for b := range s.bounds {
		errs = append(errs, b.release())
	}
	if s.runner != nil {
		s.runner.Close()
	}
	errs = append(errs, s.arena.Close(), s.own.Close())
	s.model.leave()
	return errors.Join(errs...)
}
