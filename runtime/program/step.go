package program

import (
	"slices"
	"strconv"

	"dlc/ir/tensor"
)

// Stepped prepares an entry for being run launch by launch. Behind each arena buffer it leaves
// Alignment bytes that nothing may touch, and it returns the launches as entries of their own
// over the same buffers, named by StepName, so that each gets a driver. Launches that are repeated
// together are all in the entry of the first of them. Regions are the caller's business.
func Stepped(e *Entry) []*Entry {
	for i := range e.Buffers {
		if b := &e.Buffers[i]; b.Class == Arena {
			b.Bytes = b.Bytes.Add(tensor.Int(Alignment))
		}
	}
	steps := make([]*Entry, len(e.Steps))
	for i := 0; i < len(e.Steps); {
		last := i + 1
		for r := e.Steps[i].Repeat; r != nil && last < len(e.Steps) && e.Steps[last].Repeat == r; {
			last++
		}
		for j := i; j < last; j++ {
			steps[j] = &Entry{Name: StepName(e.Name, j), Symbols: e.Symbols, Buffers: e.Buffers}
		}
		steps[i].Steps = slices.Clone(e.Steps[i:last])
		for j := range steps[i].Steps {
			steps[i].Steps[j].In = nil
		}
		i = last
	}
	return steps
}

// StepName is what the driver of one launch of an entry is called.
func StepName(entry string, step int) string { return entry + "#" + strconv.Itoa(step) }
