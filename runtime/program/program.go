// Package program owns what is left of a model once it is compiled: entries, buffers with
// lifetimes, launches, machine code sections, the artifact file that holds them, and the
// planner that gives buffers their places. It knows nothing of how any of it was made, and
// nothing of how native code is run.
package program

import (
	"math"

	"dlc/ir/tensor"
)

// A Model is a compiled model: the content of an artifact, on disk or in memory.
type Model struct {
	Name     string
	Entries  []*Entry
	Weights  []*Weight // parameters and states, sorted by path
	Sections []*Section
	Manifest Manifest

	stored    []byte // all weights as they lie in an artifact, and their checksum
	storedSum string
}

// A Manifest is what people and tools want to know of a model; code never depends on it.
type Manifest struct {
	Source     string             `json:"source"`
	Compiler   string             `json:"compiler"`
	Seed       uint64             `json:"seed"`
	DataDigest string             `json:"data_digest,omitempty"`
	Metrics    map[string]float64 `json:"metrics,omitempty"`
	Columns    []string           `json:"columns,omitempty"` // raw columns that the model's inputs are made of; others are for scoring
	Missing    map[string]float64 `json:"missing,omitempty"` // what an empty field of a raw column stands for
}

// A Weight is a parameter or a carried state, under its path, in its declared layout.
type Weight struct {
	Path  string      `json:"path"`
	Type  tensor.Type `json:"type"` // constant dims
	State bool        `json:"state,omitempty"`
	Value []byte      `json:"-"`
}

// An Entry is one function of a model: named inputs to named outputs and updated weights.
type Entry struct {
	Name    string     `json:"name"`
	Symbols []string   `json:"symbols"` // bound by the inputs' shapes, in this order in a Frame
	Buffers []Buffer   `json:"buffers"`
	Steps   []Launch   `json:"-"`               // for making the driver and for reading; an artifact leaves them out
	Flops   tensor.Dim `json:"flops"`           // estimated floating-point operations of a call, one turn of each loop
	Loops   bool       `json:"loops,omitempty"` // how often something is repeated is known when it runs alone
}

// A Class says where a buffer's memory comes from.
type Class string

// Arena buffers are placed by the planner; Input and Output are the caller's; Weight is the
// session's copy or view of a model weight; Const lies in the entry's constants.
const (
	Arena  Class = "arena"
	Input  Class = "input"
	Output Class = "output"
	Stored Class = "weight"
	Const  Class = "const"
)

// A Buffer is one tensor of an entry. Its number is its place in Entry.Buffers.
type Buffer struct {
	Name  string      `json:"name"` // Input, Output: the public name; Stored: the weight's path
	Type  tensor.Type `json:"type"`
	Class Class       `json:"class"`
	Bytes tensor.Dim  `json:"bytes"` // stored size, layout padding included, before rounding to Alignment
	// First and Last are the kernels (in program order) between which an Arena buffer is alive, inclusive.
	First int    `json:"first"`
	Last  int    `json:"last"`
	Value []byte `json:"value,omitempty"` // Const
	// Indexes says of an entry that is to be watched: the values are indices into another buffer.
	Indexes *Indexed `json:"-"`
	// Written marks a Stored buffer that the entry updates: a session that shares its weights refuses it.
	Written bool `json:"written,omitempty"`
}

// A Launch runs one phase of a kernel over its blocks; all threads meet after it, or after the last
// of its Team.
type Launch struct {
	Kernel  int        `json:"kernel"`  // index into a Section's Kernels
	Args    []int      `json:"args"`    // buffer numbers, in the kernel's parameter order
	Symbols []int      `json:"symbols"` // places in Entry.Symbols, in the kernel's symbol order
	Blocks  tensor.Dim `json:"blocks"`
	Repeat  *Repeat    `json:"-"`              // nil where it runs once
	Team    *Team      `json:"-"`              // nil where it is alone
	In      *Region    `json:"-"`              // nil where it stands in none
	Row     *Row       `json:"-"`              // nil where it runs at every position
	Span    string     `json:"span,omitempty"` // file:line of the source

	At     Position `json:"-"` // the same, exactly
	Op     string   `json:"-"` // what the kernel does, in one word
	Number int      `json:"-"` // of the kernel, in program order, which lifetimes count
	Reads  int      `json:"-"` // so many of Args are read,
	Writes int      `json:"-"` // the next so many are written, the others are the kernel's own
	Marks  bool     `json:"-"` // an infinity or a NaN stands in the kernel as it was written
}

// A Team is shared by neighbouring launches that run side by side: their blocks are numbered one
// launch after the other, and shared out and finished together.
type Team struct{ _ byte }

// A Row is the one position, of the first index of its grid, that a launch runs at: what the buffer of
// that number holds, an i64. Blocks counts those of one position.
type Row struct{ Buffer int }

// A Repeat is shared by neighbouring launches that run one after the other at each of the
// positions 0..Turns, ascending or, Reversed, descending.
type Repeat struct {
	Turns    tensor.Dim
	Reversed bool
}

// A Region is shared by neighbouring launches that run if, or as long as, a condition holds. It is
// looked at before them and, in a loop, behind them again.
type Region struct {
	Parent *Region
	Cond   int // the buffer of one bool
	Not    bool
	Loop   bool
}

// Inside reports whether r is of or stands in it; everything stands in no region.
func (r *Region) Inside(of *Region) bool {
	for ; r != of && r != nil; r = r.Parent {
	}
	return r == of
}

// A Stretch is a neighbouring part of an entry's launches, from From to before To, that one region
// holds.
type Stretch struct {
	In       *Region
	From, To int
}

// Stretches cuts a stretch into single launches, whose In is the stretch's, and the regions that
// stand directly in it.
func (e *Entry) Stretches(of Stretch) (out []Stretch) {
	for i := of.From; i < of.To; {
		next := Stretch{of.In, i, i + 1}
		for r := e.Steps[i].In; r != of.In; r = r.Parent {
			next.In = r
		}
		for next.In != of.In && next.To < of.To && e.Steps[next.To].In.Inside(next.In) {
			next.To++
		}
		out = append(out, next)
		i = next.To
	}
	return out
}

// A Position is a stretch of a source file: a line and a column from 1, and byte offsets.
type Position struct {
	File       string
	Line, Col  int
	Start, End int
}

// An Indexed is an axis of a buffer that indices run along; NoIndex stands where nothing is read.
type Indexed struct{ Buffer, Axis int }

// NoIndex stands for an index where no read takes place.
const NoIndex = math.MinInt64

// A Section is the machine code of a whole model for one instruction set: one position-
// independent blob, and offsets into it.
type Section struct {
	Target   string           `json:"target"`   // x86-64-v3, x86-64-v4
	Features []string         `json:"features"` // CPU flags the code needs, as /proc/cpuinfo names them
	Code     []byte           `json:"-"`
	Kernels  []int64          `json:"kernels"` // offset of each kernel
	Drivers  map[string]int64 `json:"drivers"` // entry name to the offset of its driver
}
