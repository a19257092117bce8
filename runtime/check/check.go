// Package check owns what is looked at while a model that was compiled for it runs launch by
// launch: computed indices before they are used, the first NaN or infinity that reaches a
// result, memory that is used outside its extent or after its last use. It changes no bit of
// any result. It knows buffers and launches, nothing of kernels or of how they were made.
package check

import (
	"context"
	"slices"

	"dlc/runtime"
	"dlc/runtime/program"
)

// Watch runs a call and looks at its memory between the launches; runtime.Options takes it. A
// mistake in the model or its data is a *Finding, one of dlc's own a *Broken.
func Watch(ctx context.Context, c *runtime.Call) error {
	w := &watch{call: c, entry: c.Entry, state: make([]state, len(c.Entry.Buffers)), alive: make([]bool, len(c.Entry.Buffers))}
	w.begin()
	if err := w.stretch(ctx, program.Stretch{To: len(c.Entry.Steps)}); err != nil {
		return err
	}
	return w.end()
}

// stretch runs the launches of a stretch, and of its regions as their conditions say.
func (w *watch) stretch(ctx context.Context, in program.Stretch) error {
	for _, part := range w.entry.Stretches(in) {
		if part.In == in.In {
			if err := w.launch(ctx, part.From); err != nil {
				return err
			}
			continue
		}
		if part.In.Loop {
			w.loops = append(w.loops, w.entry.Steps[part.From].Number)
		}
		for w.call.Holds(part.In) {
			if err := w.stretch(ctx, part); err != nil {
				return err
			}
			if !part.In.Loop {
				break
			}
			w.turned(w.entry.Steps[part.From].Number, w.entry.Steps[part.To-1].Number)
		}
		if part.In.Loop {
			w.loops = w.loops[:len(w.loops)-1]
			w.dead(w.entry.Steps[part.From].Number, w.entry.Steps[part.To-1].Number)
		}
	}
	return nil
}

func (w *watch) launch(ctx context.Context, i int) error {
	steps := w.entry.Steps
	s := &steps[i]
	if i == 0 || steps[i-1].Number != s.Number {
		w.before(s)
	}
	if err := w.call.Launch(ctx, i); err != nil {
		return err
	}
	if i+1 < len(steps) && steps[i+1].Number == s.Number {
		return nil
	}
	return w.after(s)
}

// A watch is one call that is looked at.
type watch struct {
	call  *runtime.Call
	entry *program.Entry
	state []state // by buffer
	alive []bool  // arena buffers that a kernel has begun to use
	loops []int   // the first kernel of each loop under way
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

// before poisons the buffers that come to life with a kernel, whatever lay at their place: of two
// branches the second may be the first to use what both write.
func (w *watch) before(s *program.Launch) {
	for i := range w.entry.Buffers {
		b := &w.entry.Buffers[i]
		if b.Class != program.Arena {
			continue
		}
		if b.Last < s.Number {
			w.alive[i] = false // its last kernel was in a branch that was not taken
		}
		if b.First == s.Number || !w.alive[i] && slices.Contains(s.Args, i) {
			poison(w.call.Memory(i), b.Type.DType)
			w.alive[i] = true
		}
	}
}

// after looks at what a kernel wrote, and poisons what was used for the last time.
func (w *watch) after(s *program.Launch) error {
	for i := range w.entry.Buffers {
		b := &w.entry.Buffers[i]
		if b.Class == program.Arena && w.alive[i] && b.First <= s.Number && s.Number <= b.Last && !intact(w.call.Memory(i), b.Type.DType) {
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
	w.dead(s.Number, s.Number)
	return nil
}

// turned ends a turn over kernels from first to last: what it alone used begins anew in the next.
func (w *watch) turned(first, last int) {
	for i := range w.entry.Buffers {
		if b := &w.entry.Buffers[i]; first <= b.First && b.Last <= last {
			w.alive[i] = false
		}
	}
}

// dead poisons what was used for the last time by kernels from first to last. What was made before
// the loop under way is needed again in its next turn.
func (w *watch) dead(first, last int) {
	for i := range w.entry.Buffers {
		b := &w.entry.Buffers[i]
		carried := len(w.loops) > 0 && b.First < w.loops[len(w.loops)-1]
		if b.Class == program.Arena && first <= b.Last && b.Last <= last && !carried {
			poison(w.call.Memory(i), b.Type.DType)
			w.alive[i] = false
		}
	}
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
