package program

import (
	"fmt"
	"strings"
	"unicode"

	"dlc/ir/tensor"
)

// maxBuffers bounds the buffers of an entry: placing them takes the square of their number.
const maxBuffers = 1 << 15

// check holds what the rest of the program relies on: names that are unique, classes, numbers
// and sizes that agree.
func (m *Model) check() error {
	if !printable(m.Name) {
		return fmt.Errorf("the model's name %.64q cannot be printed", m.Name)
	}
	weights, err := m.checkWeights()
	if err != nil {
		return err
	}
	entries := map[string]bool{}
	for _, e := range m.Entries {
		if !printable(e.Name) || entries[e.Name] {
			return fmt.Errorf("entry %.64q has no printable name of its own", e.Name)
		}
		entries[e.Name] = true
		if err := e.check(weights); err != nil {
			return fmt.Errorf("entry %.64q: %w", e.Name, err)
		}
	}
	targets := map[string]bool{}
	for _, s := range m.Sections {
		if !printable(s.Target) || targets[s.Target] {
			return fmt.Errorf("code for %.64q has no printable name of its own", s.Target)
		}
		targets[s.Target] = true
		if err := s.check(m.Entries); err != nil {
			return fmt.Errorf("code for %.64q: %w", s.Target, err)
		}
	}
	return nil
}

// printable reports whether a name has letters and no control characters, which a terminal
// would obey.
func printable(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsGraphic(r) })
}

// checkWeights returns the weights by path.
func (m *Model) checkWeights() (map[string]*Weight, error) {
	weights := make(map[string]*Weight, len(m.Weights))
	for i, w := range m.Weights {
		if !printable(w.Path) || i > 0 && m.Weights[i-1].Path >= w.Path {
			return nil, fmt.Errorf("weight %.64q stands out of order, or twice, or cannot be printed", w.Path)
		}
		n, err := constantBytes(w.Type)
		if err != nil {
			return nil, fmt.Errorf("weight %.64q: %w", w.Path, err)
		}
		if n != int64(len(w.Value)) {
			return nil, fmt.Errorf("weight %.64q: %.64s takes %d bytes and has %d", w.Path, w.Type, n, len(w.Value))
		}
		weights[w.Path] = w
	}
	return weights, nil
}

// constantBytes returns the bytes of a tensor whose shape has no symbols.
func constantBytes(t tensor.Type) (int64, error) {
	if t.DType == tensor.Invalid {
		return 0, fmt.Errorf("it has no dtype")
	}
	n := int64(t.DType.Size())
	for _, d := range t.Shape {
		v, ok := d.Const()
		if !ok || v < 0 || v > 0 && n > maxArena/v {
			return 0, fmt.Errorf("%.64s has no constant size of a reasonable number of bytes", t)
		}
		n *= v
	}
	return n, nil
}

func (e *Entry) check(weights map[string]*Weight) error {
	if len(e.Buffers) > maxBuffers {
		return fmt.Errorf("%d buffers are more than %d", len(e.Buffers), maxBuffers)
	}
	symbols := map[string]bool{}
	for _, s := range e.Symbols {
		if !printable(s) || symbols[s] {
			return fmt.Errorf("symbol %.64q is listed twice or cannot be printed", s)
		}
		symbols[s] = true
	}
	if err := known(e.Flops, symbols); err != nil {
		return err
	}
	type public struct {
		class Class
		name  string
	}
	names := map[public]bool{}
	for i := range e.Buffers {
		b := &e.Buffers[i]
		if err := b.check(weights, symbols); err != nil {
			return fmt.Errorf("buffer %.64q: %w", b.Name, err)
		}
		if b.Class == Arena || b.Class == Const {
			continue
		}
		if !printable(b.Name) || names[public{b.Class, b.Name}] {
			return fmt.Errorf("%s %.64q is listed twice or cannot be printed", b.Class, b.Name)
		}
		names[public{b.Class, b.Name}] = true
	}
	return e.checkSteps()
}

// known reports the symbols of d that an entry does not list.
func known(d tensor.Dim, symbols map[string]bool) error {
	used := map[string]bool{}
	d.Symbols(used)
	for s := range used {
		if !symbols[s] {
			return fmt.Errorf("%.64s uses a symbol that the entry does not list", d)
		}
	}
	return nil
}

func (b *Buffer) check(weights map[string]*Weight, symbols map[string]bool) error {
	for _, d := range b.Type.Shape {
		if err := known(d, symbols); err != nil {
			return err
		}
	}
	if err := known(b.Bytes, symbols); err != nil {
		return err
	}
	switch {
	case b.Type.DType == tensor.Invalid:
		return fmt.Errorf("it has no dtype")
	case b.First < 0 || b.Last < b.First:
		return fmt.Errorf("it cannot be alive from kernel %d to %d", b.First, b.Last)
	case b.Written && b.Class != Stored:
		return fmt.Errorf("it is written as a weight and is none")
	}
	switch b.Class {
	case Arena, Input, Output:
		if v, ok := b.Bytes.Const(); ok && (v < 0 || v > maxArena) {
			return fmt.Errorf("it cannot have %d bytes", v)
		}
		return nil
	case Stored:
		w := weights[b.Name]
		if w == nil || !w.Type.Equal(b.Type) {
			return fmt.Errorf("there is no such weight %.64s", b.Type)
		}
		return b.checkBytes(len(w.Value))
	case Const:
		return b.checkBytes(len(b.Value))
	}
	return fmt.Errorf("there is no class %.16q", b.Class)
}

// checkBytes makes sure that b's type and declared bytes fit its value.
func (b *Buffer) checkBytes(value int) error {
	n, err := constantBytes(b.Type)
	if err != nil {
		return err
	}
	if v, ok := b.Bytes.Const(); !ok || v < n || v > int64(value) {
		return fmt.Errorf("%.64s in %.64s bytes does not fit a value of %d", b.Type, b.Bytes, value)
	}
	return nil
}

// checkSteps checks the launches of a model in memory; an artifact has none.
func (e *Entry) checkSteps() error {
	for _, s := range e.Steps {
		for _, a := range s.Args {
			if a < 0 || a >= len(e.Buffers) {
				return fmt.Errorf("a launch of kernel %d uses buffer %d of %d", s.Kernel, a, len(e.Buffers))
			}
		}
		for _, a := range s.Symbols {
			if a < 0 || a >= len(e.Symbols) {
				return fmt.Errorf("a launch of kernel %d uses symbol %d of %d", s.Kernel, a, len(e.Symbols))
			}
		}
		for r := s.In; r != nil; r = r.Parent {
			if r.Cond < 0 || r.Cond >= len(e.Buffers) {
				return fmt.Errorf("a region's condition is buffer %d of %d", r.Cond, len(e.Buffers))
			}
		}
	}
	return nil
}

func (s *Section) check(entries []*Entry) error {
	for i, at := range s.Kernels {
		if at < 0 || at >= int64(len(s.Code)) {
			return fmt.Errorf("kernel %d lies outside of it", i)
		}
	}
	if len(s.Drivers) != len(entries) {
		return fmt.Errorf("it has %d drivers for %d entries", len(s.Drivers), len(entries))
	}
	for _, e := range entries {
		if at, ok := s.Drivers[e.Name]; !ok || at < 0 || at >= int64(len(s.Code)) {
			return fmt.Errorf("entry %.64q is not in it", e.Name)
		}
		for i := range e.Buffers {
			if b := &e.Buffers[i]; b.Last > 0 && b.Last >= len(s.Kernels) {
				return fmt.Errorf("buffer %.64q of entry %.64q lives until kernel %d of %d", b.Name, e.Name, b.Last, len(s.Kernels))
			}
		}
	}
	return nil
}
