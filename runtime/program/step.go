package program

import (
	"slices"
	"strconv"

	"dlc/ir/tensor"
)

// Stepped prepares an entry for being run launch by launch. Behind each arena buffer it leaves
// Alignment bytes that nothing may touch, and it returns the launches as entries of their own
// over the same buffers, named by StepName, so that each gets a driver.
func Stepped(e *Entry) []*Entry {
	for i := range e.Buffers {
		if b := &e.Buffers[i]; b.Class == Arena {
			b.Bytes = b.Bytes.Add(tensor.Int(Alignment))
		}
	}
	steps := make([]*Entry, len(e.Steps))
	for i := range e.Steps {
		steps[i] = &Entry{Name: StepName(e.Name, i), Symbols: e.Symbols, Buffers: e.Buffers, Steps: slices.Clone(e.Steps[i : i+1])}
	}
	return steps
}

// StepName is what the driver of one launch of an entry is called.
func StepName(entry string, step int) string { return entry + "#" + strconv.Itoa(step) }
