// Package runtime owns running compiled models from Go: opening an artifact, choosing its code
// for this CPU, sessions that share weights or train their own, binding symbols to the shapes of
// the inputs, and calls. It knows nothing of compilation, and of machine code only what
// runtime/native offers. A program that embeds it needs neither LLVM nor libc.
//
//	model, err := runtime.Open("lenet.dlb")
//	session, err := model.NewSession(runtime.Options{})
//	answers, err := session.Run(ctx, "infer", map[string]*tensor.Tensor{"image": image})
package runtime

import (
	"errors"
	"fmt"
	"sort"
	"strings"
	"sync"
	"unsafe"

	"dlc/runtime/native"
	"dlc/runtime/program"
)

// A Model is a compiled model that is ready to run: its code is mapped, its weights are shared by
// all sessions that do not train. It may be used by several goroutines.
type Model struct {
	program *program.Model
	file    *program.File // of Open
	path    string        // of Open
	section *program.Section
	code    *native.Code
	shared  *native.Memory      // constants, and weights that do not lie aligned already
	weights [][]byte            // by place in program.Weights
	consts  map[string][][]byte // by entry, by buffer number

	mu       sync.Mutex
	sessions int
	closed   bool
}

// Open opens the artifact at path and loads its code for this CPU. The weights stay in the file,
// mapped.
func Open(path string) (*Model, error) {
	file, err := program.Open(path)
	if err != nil {
		return nil, err
	}
	m, err := Load(file.Model)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	m.file, m.path = file, path
	return m, nil
}

// named adds the path of the model's file to an error about it.
func (m *Model) named(err error) error {
	if err == nil || m.path == "" {
		return err
	}
	return fmt.Errorf("%s: %w", m.path, err)
}

// Load makes a model in memory ready to run, with the best of its sections that this CPU
// supports. The program must not change while the model is open.
func Load(p *program.Model) (*Model, error) {
	sections := append([]*program.Section(nil), p.Sections...)
	sort.SliceStable(sections, func(i, j int) bool { return len(sections[i].Features) > len(sections[j].Features) })
	if err := native.Supported(); err != nil {
		return nil, err
	}
	var reasons []string
	for _, s := range sections {
		if err := native.Supports(s.Features); err != nil {
			reasons = append(reasons, fmt.Sprintf("%s: %v", s.Target, err))
			continue
		}
		return loadSection(p, s)
	}
	if reasons == nil {
		return nil, fmt.Errorf("model %s holds no code", p.Name)
	}
	return nil, fmt.Errorf("model %s holds no code for this CPU: %s", p.Name, strings.Join(reasons, "; "))
}

// LoadTarget is Load with the section of that target.
func LoadTarget(p *program.Model, target string) (*Model, error) {
	var targets []string
	for _, s := range p.Sections {
		if s.Target == target {
			return loadSection(p, s)
		}
		targets = append(targets, s.Target)
	}
	return nil, fmt.Errorf("model %s holds no code for %s, only for %s", p.Name, target, strings.Join(targets, ", "))
}

func loadSection(p *program.Model, s *program.Section) (*Model, error) {
	m := &Model{program: p, section: s, consts: map[string][][]byte{}}
	code, err := native.Load(s)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", p.Name, err)
	}
	m.code = code
	if err := m.share(); err != nil {
		return nil, errors.Join(fmt.Errorf("model %s: %w", p.Name, err), code.Close(), m.shared.Close())
	}
	return m, nil
}

// share gives weights and constants aligned read-only memory: weights stay where they are when
// that is aligned, as in a mapped artifact. A weight without a value, which an entry has yet to
// initialize, is zero.
func (m *Model) share() (err error) {
	var total slab
	for _, w := range m.program.Weights {
		n, err := weightBytes(w)
		if err != nil {
			return err
		}
		if !inPlace(w, n) {
			total.add(n)
		}
	}
	for _, e := range m.program.Entries {
		for i := range e.Buffers {
			total.add(len(e.Buffers[i].Value))
		}
	}
	if m.shared, err = native.Map(total.size); err != nil {
		return err
	}
	if err := program.Read(m.fill); err != nil {
		return err
	}
	return m.shared.ReadOnly()
}

// fill copies into the shared memory what does not stay where it is.
func (m *Model) fill() error {
	place := slab{memory: m.shared.Bytes()}
	for _, w := range m.program.Weights {
		value := w.Value
		if n, _ := weightBytes(w); !inPlace(w, n) {
			value = place.add(n)
			copy(value, w.Value)
		}
		m.weights = append(m.weights, value)
	}
	for _, e := range m.program.Entries {
		values := make([][]byte, len(e.Buffers))
		for i := range e.Buffers {
			values[i] = place.copy(e.Buffers[i].Value)
		}
		m.consts[e.Name] = values
	}
	return nil
}

// weightBytes returns the size of w by its type, which its value must have if there is one.
func weightBytes(w *program.Weight) (int, error) {
	dims, ok := w.Type.Shape.Bind(nil)
	n, fits := sizeOf(w.Type.DType, dims)
	if !ok || !fits || len(w.Value) != 0 && int64(len(w.Value)) != n {
		return 0, fmt.Errorf("weight %s %s has a value of %d bytes", w.Path, w.Type, len(w.Value))
	}
	return int(n), nil
}

// inPlace reports whether w's value can be used where it lies.
func inPlace(w *program.Weight, n int) bool {
	return len(w.Value) == n && uintptr(unsafe.Pointer(unsafe.SliceData(w.Value)))%program.Alignment == 0
}

// Program returns what was compiled: entries, weights, manifest.
func (m *Model) Program() *program.Model { return m.program }

// Target returns the target whose code runs.
func (m *Model) Target() string { return m.section.Target }

// Close unmaps the code and what Open mapped. Sessions must be closed before.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	if m.sessions > 0 {
		return fmt.Errorf("close model %s: %d sessions are open", m.program.Name, m.sessions)
	}
	m.closed = true
	err := errors.Join(m.code.Close(), m.shared.Close())
	if m.file != nil {
		err = errors.Join(err, m.file.Close())
	}
	return err
}

// enter counts a session in, unless the model is closed; leave counts it out.
func (m *Model) enter() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	m.sessions++
	return nil
}

func (m *Model) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions--
}

// A slab hands out pieces of memory, each aligned; without memory it only adds up their sizes.
type slab struct {
	memory []byte
	size   int64
}

// add returns the next n bytes.
func (s *slab) add(n int) []byte {
	at := s.size
	s.size += (int64(n) + program.Alignment - 1) / program.Alignment * program.Alignment
	if s.memory == nil {
		return nil
	}
	return s.memory[at : at+int64(n) : at+int64(n)]
}

// copy returns the next bytes with the content of b.
func (s *slab) copy(b []byte) []byte {
	piece := s.add(len(b))
	copy(piece, b)
	return piece
}
