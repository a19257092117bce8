// Package check owns what is looked at while a model that was compiled for it runs launch by
// launch: computed indices before they are used, the first NaN or infinity that reaches a
// result, memory that is used outside its extent or after its last use. It changes no bit of
// any result. It knows buffers and launches, nothing of kernels or of how they were made.
package check

import (
	"context"

	"dlc/runtime"
	"dlc/runtime/program"
)

// Watch runs a call and looks at its memory between the launches; runtime.Options takes it. A
// mistake in the model or its data is a *Finding, one of dlc's own a *Broken.
func Watch(ctx context.Context, c *runtime.Call) error {
	w := &watch{call: c, entry: c.Entry, state: make([]state, len(c.Entry.Buffers))}
	w.begin()
	steps := c.Entry.Steps
	for i := range steps {
		s := &steps[i]
		if i == 0 || steps[i-1].Number != s.Number {
			w.before(s)
		}
		if err := c.Launch(ctx, i); err != nil {
			return err
		}
		if i+1 < len(steps) && steps[i+1].Number == s.Number {
			continue
		}
		if err := w.after(s); err != nil {
			return err
		}
	}
	return w.end()
}

// A watch is one call that is looked at.
type watch struct {
	call  *runtime.Call
	entry *program.Entry
	state []state // by buffer
}

// begin poisons the arena and looks at what comes from outside.
func (w *watch) begin() {
	for i := range w.entry.Buffers {
		if b := &w.entry.Buffers[i]; b.Class == program.Arena {
			poison(w.call.Memory(i), b.Type.DType)
		} else if b.Class != program.Output {
			w.state[i] = w.outside(i)
		}
	}
}

// before poisons the buffers that come to life with a kernel, whatever lay at their place.
func (w *watch) before(s *program.Launch) {
	for i := range w.entry.Buffers {
		if b := &w.entry.Buffers[i]; b.Class == program.Arena && b.First == s.Number {
			poison(w.call.Memory(i), b.Type.DType)
		}
	}
}

// after looks at what a kernel wrote, and poisons what was used for the last time.
func (w *watch) after(s *program.Launch) error {
	for i := range w.entry.Buffers {
		b := &w.entry.Buffers[i]
		if b.Class == program.Arena && b.First <= s.Number && s.Number <= b.Last && !intact(w.call.Memory(i), b.Type.DType) {
			return &Broken{What: "the memory behind " + b.Name + " was written", Launch: *s}
		}
	}
	if err := w.numbers(s); err != nil {
		return err
	}
	for _, i := range s.Args[s.Reads : s.Reads+s.Writes] {
		if err := w.indices(s, i); err != nil {
			return err
		}
	}
	for i := range w.entry.Buffers {
		if b := &w.entry.Buffers[i]; b.Class == program.Arena && b.Last == s.Number {
			poison(w.call.Memory(i), b.Type.DType)
		}
	}
	return nil
}

// indices holds a buffer of indices to the extent of the axis that they run along.
func (w *watch) indices(s *program.Launch, i int) error {
	to := w.entry.Buffers[i].Indexes
	if to == nil {
		return nil
	}
	x, target := w.call.Tensor(i), w.call.Tensor(to.Buffer)
	extent := w.call.Dims(to.Buffer)[to.Axis]
	first, count := -1, 0
	for j := range x.Len() {
		if v := x.Int(j); v != program.NoIndex && (v < 0 || v >= int64(extent)) {
			if count++; first < 0 {
				first = j
			}
		}
	}
	if count == 0 {
		return nil
	}
	return w.outOfBounds(s, to.Axis, extent, target, x, first, count)
}

// end reports the first non-finite number among those that reached a result.
func (w *watch) end() error {
	var worst *Finding
	for i := range w.entry.Buffers {
		b := &w.entry.Buffers[i]
		if b.Class != program.Output && !b.Written {
			continue
		}
		if f := w.state[i].origin; f != nil && (worst == nil || f.step < worst.step || f == worst && b.Class == program.Output) {
			worst = f
			worst.Reaches = resultName(b)
		}
	}
	if worst == nil {
		return nil
	}
	return worst
}
