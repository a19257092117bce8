package agree

import (
	"errors"
	"fmt"
	"strings"

	"dlc/codegen/cpu"
	"dlc/ir"
	"dlc/ir/generate"
	"dlc/runtime/native"
)

// NewCase is a generated program with inputs for a batch of 1 and of 7, or nil where there are no
// well-conditioned ones.
func NewCase(p *generate.Program) (*Case, error) {
	c := &Case{Name: p.Module.Name, Module: p.Module}
	m, err := c.writtenOut()
	if err != nil {
		return nil, err
	}
	for _, batch := range []int64{1, 7} {
		t, err := p.Find(m.Funcs[0], batch)
		if t == nil || err != nil {
			return nil, err
		}
		c.Trials = append(c.Trials, t)
	}
	return c, nil
}

// Targets are those that this CPU runs.
func Targets() []cpu.Target {
	var list []cpu.Target
	for _, t := range cpu.Targets() {
		if native.Supports(t.Features) == nil {
			list = append(list, t)
		}
	}
	return list
}

// Check compares all ways, and tells a mistake of schedules from one of code.
func (c *Case) Check(targets []cpu.Target) error {
	if err := c.Differentiate(); err != nil {
		return err
	}
	if err := c.Interpret(false); err != nil {
		return err
	}
	for _, target := range targets {
		for _, o := range []cpu.Options{{}, {Quick: true}} {
			err := Native([]*Case{c}, target, o)[c]
			if err == nil {
				continue
			}
			if at := c.Schedules(target); at != nil {
				return at
			}
			return err
		}
	}
	return nil
}

// Load reads a program that Shrink wrote.
func Load(name, text string) (*Case, error) {
	m, t, err := generate.Load(text)
	if err != nil {
		return nil, err
	}
	c := &Case{Name: name, Module: m, Trials: []*generate.Trial{t}}
	out, err := c.writtenOut()
	if err == nil {
		err = t.Measure(out.Funcs[0])
	}
	return c, err
}

// Shrink makes the smallest program that it finds with the same mismatch, as a text that Load
// reads; the comment is the mismatch.
func (c *Case) Shrink(found error, targets []cpu.Target) (string, error) {
	if again := c.Check(targets); again != nil {
		found = again // it tells schedules from code
	}
	var first *Mismatch
	if !errors.As(found, &first) {
		return "", found
	}
	written, err := c.writtenOut()
	if err != nil {
		return "", err
	}
	last := found
	fails := func(m *ir.Module, t *generate.Trial) bool {
		small := &Case{Name: c.Name, Module: m, Trials: []*generate.Trial{t}}
		var now *Mismatch
		err := small.Check(targets)
		same := errors.As(err, &now) && kind(now.Ways) == kind(first.Ways)
		if same {
			last = err
		}
		return same
	}
	if first.Ways == byDifferences {
		written = c.Module // gradients must stay those of the loss
	}
	m, t := generate.Shrink(written, c.Trials[first.Trial], WriteOut, fails)
	return generate.Text(m, t, fmt.Sprintf("%s: %v\nreplay: go run ./tests/programs FILE", c.Name, last)), nil
}

// kind is the mismatch without the number of threads.
func kind(ways string) string {
	head, _, _ := strings.Cut(ways, " with ")
	return head
}
