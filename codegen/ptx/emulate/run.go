package emulate

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
)

// Arg is one argument of an entry; see Pointer, U32, U64, F32, F64, Raw and Tensor.
type Arg struct {
	data   []byte
	buffer *Buffer
	offset int
	tensor *TensorMap
}

// Pointer passes the address of a buffer's byte.
func Pointer(b *Buffer, offset int) Arg { return Arg{buffer: b, offset: offset} }

// U32 passes 32 bits.
func U32(v uint32) Arg { return Arg{data: binary.LittleEndian.AppendUint32(nil, v)} }

// U64 passes 64 bits.
func U64(v uint64) Arg { return Arg{data: binary.LittleEndian.AppendUint64(nil, v)} }

// Raw passes bytes of a parameter given by value.
func Raw(data []byte) Arg { return Arg{data: data} }

// Tensor passes a tensor map by value.
func Tensor(m *TensorMap) Arg { return Arg{tensor: m} }

// Launch says how to run an entry.
type Launch struct {
	Grid, Block   [3]int // zeros count as 1
	Cluster       [3]int // blocks per cluster; zeros count as 1
	DynamicShared int    // bytes of the extern shared array
	Args          []Arg
	Seed          uint64 // of the order in which blocks and warps run
	Limit         int    // instructions of warps until the run is given up; 0 means a hundred million
	Trace         int    // line of which the report has what it wrote; 0 means none
}

// Clone copies a launch together with those of its buffers that it may change, which it lists in the order of the
// arguments.
func (l Launch) Clone() (Launch, []*Buffer) {
	var list []*Buffer
	copies := map[*Buffer]*Buffer{}
	of := func(b *Buffer) *Buffer {
		if b.ReadOnly {
			return b
		}
		if copies[b] == nil {
			copies[b] = b.Clone()
			list = append(list, copies[b])
		}
		return copies[b]
	}
	l.Args = slices.Clone(l.Args)
	for i := range l.Args {
		a := &l.Args[i]
		if a.buffer != nil {
			a.buffer = of(a.buffer)
		}
		if a.tensor != nil {
			m := *a.tensor
			m.Buffer = of(m.Buffer)
			a.tensor = &m
		}
	}
	return l, list
}

// Report tells what a run executed.
type Report struct {
	// Counts has the executions of each mnemonic, by warps.
	Counts map[string]int
	// Approximate lists the approximate forms (ex2.approx and the like) that were executed, sorted.
	Approximate []string
	// Fusible lists products and sums without .rn, which ptxas may fuse, so that their bits are not certain.
	Fusible []string
	// Steps is the number of instructions executed by warps.
	Steps int
	// Work is what the run cost: Steps, and multiplications of matrix units by the hundred.
	Work int
	// Seen tells of each instruction of the entry, in their order, what has been seen of it.
	Seen []Seen
	// Wrote has what the instructions of the launch's Trace line left in registers and predicates, lane by
	// lane and in the order in which they ran; at most a million values.
	Wrote []uint64
}

// Lines lists the lines of the entry's instructions, in the order of a report's Seen.
func (e *Entry) Lines() []int {
	out := make([]int, len(e.code))
	for i := range e.code {
		out[i] = e.code[i].line
	}
	return out
}

// Seen is a set of what a run can show of an instruction.
type Seen uint8

// What can be seen of an instruction: that a warp came to it, that its guard let lanes by and held
// lanes back, that the predicate it writes was true and was false.
const (
	Reached Seen = 1 << iota
	Guarded
	Held
	True
	False
)

// run is the state of one launch.
type run struct {
	e         *Entry
	launch    Launch
	cluster   [3]int
	buffers   []*region
	names     map[*Buffer]int
	params    *region
	tensors   map[uint64]*TensorMap // by address in the parameters
	constants *region
	counts    []int
	seen      []Seen
	wrote     []uint64
	products  int // multiplications of matrix units
	fresh     []access
	free      []*page
	room      []float64 // of a product
	turn      int       // longest turn of a warp
	turns     int
	limit     int
}

const (
	defaultLimit = 100_000_000
	longestTurn  = 192
)

// Run executes the entry over the grid. A fault of the program is a *Fault; other errors are mistakes in the launch.
func (e *Entry) Run(l Launch) (*Report, error) {
	r := &run{e: e, launch: l, names: map[*Buffer]int{}, tensors: map[uint64]*TensorMap{}, turn: longestTurn}
	if err := r.prepare(); err != nil {
		return nil, fmt.Errorf("launch %s: %w", e.Name, err)
	}
	for id, corner := range r.order() {
		if f := r.newUnit(id, corner).execute(); f != nil {
			r.copyBack()
			return r.report(), f
		}
	}
	r.copyBack()
	return r.report(), nil
}

// order lists the clusters' first blocks, shuffled.
func (r *run) order() [][3]int {
	g, c := r.launch.Grid, r.cluster
	var out [][3]int
	for z := 0; z < g[2]; z += c[2] {
		for y := 0; y < g[1]; y += c[1] {
			for x := 0; x < g[0]; x += c[0] {
				out = append(out, [3]int{x, y, z})
			}
		}
	}
	rng := rand.New(rand.NewPCG(r.launch.Seed, 0))
	rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func (r *run) prepare() error {
	e, l := r.e, &r.launch
	for i := range 3 {
		l.Grid[i], l.Block[i], l.Cluster[i] = max(l.Grid[i], 1), max(l.Block[i], 1), max(l.Cluster[i], 1)
	}
	r.cluster = l.Cluster
	if e.cluster != [3]int{} {
		r.cluster = e.cluster
	}
	threads := product(l.Block)
	switch {
	case threads > 1024:
		return fmt.Errorf("%d threads in a block, at most 1024 are possible", threads)
	case e.maxThreads > 0 && threads > e.maxThreads:
		return fmt.Errorf("%d threads in a block, .maxntid allows %d", threads, e.maxThreads)
	case e.block != [3]int{} && e.block != l.Block:
		return fmt.Errorf("block %v, .reqntid demands %v", l.Block, e.block)
	case product(r.cluster) > 8:
		return fmt.Errorf("cluster of %d blocks, at most 8 are possible", product(r.cluster))
	case l.DynamicShared > 0 && e.dynamic == nil:
		return fmt.Errorf("%d bytes of dynamic shared memory for an entry without an extern shared array", l.DynamicShared)
	case int(e.shared.size)-sharedStart+l.DynamicShared > e.sharedLimit:
		return fmt.Errorf("%d bytes of shared memory, a block of %s has at most %d", int(e.shared.size)-sharedStart+l.DynamicShared, e.target, e.sharedLimit)
	}
	for i := range 3 {
		if l.Grid[i]%r.cluster[i] != 0 {
			return fmt.Errorf("grid %v is not a multiple of the cluster %v", l.Grid, r.cluster)
		}
	}
	if r.limit = l.Limit; r.limit == 0 {
		r.limit = defaultLimit
	}
	r.counts, r.seen = make([]int, len(e.code)), make([]Seen, len(e.code))
	r.limit /= (r.turn + 1) / 2
	r.moduleMemory()
	return r.arguments()
}

// moduleMemory makes the module's own global and constant variables.
func (r *run) moduleMemory() {
	for _, v := range r.e.globals {
		g := r.newRegion(v.name, 0, v.bytes, false)
		copy(g.data, v.init)
		r.buffers = append(r.buffers, g)
	}
	size := int(r.e.constant.size) - otherStart
	r.constants = &region{name: "constant memory", base: otherStart, data: make([]byte, size), readOnly: true}
	for _, v := range r.e.placed {
		copy(r.constants.data[v.at-otherStart:], v.init)
	}
}

func (r *run) arguments() error {
	e := r.e
	if len(r.launch.Args) != len(e.params) {
		return fmt.Errorf("%d arguments, the entry has %d parameters", len(r.launch.Args), len(e.params))
	}
	r.params = &region{name: "parameters", base: otherStart, readOnly: true}
	for i, v := range e.params {
		a := r.launch.Args[i]
		data := a.data
		switch {
		case a.buffer != nil:
			at, err := r.buffer(a.buffer)
			if err != nil {
				return err
			}
			if a.offset < 0 || a.offset > len(a.buffer.Data) {
				return fmt.Errorf("argument %d: offset %d outside of buffer %s", i, a.offset, a.buffer.Name)
			}
			data = binary.LittleEndian.AppendUint64(nil, at+uint64(a.offset))
		case a.tensor != nil:
			if err := r.tensor(a.tensor, v); err != nil {
				return fmt.Errorf("argument %d: %w", i, err)
			}
			data = make([]byte, tensorMapBytes)
		}
		if len(data) != v.bytes {
			return fmt.Errorf("argument %d has %d bytes, parameter %s has %d", i, len(data), v.name, v.bytes)
		}
		end := int(v.at-otherStart) + v.bytes
		for len(r.params.data) < end {
			r.params.data = append(r.params.data, 0)
		}
		copy(r.params.data[v.at-otherStart:], data)
	}
	return nil
}

// buffer gives a buffer's address; each is one region however many arguments point into it.
func (r *run) buffer(b *Buffer) (uint64, error) {
	i, ok := r.names[b]
	if !ok {
		if len(r.buffers) >= maxBuffers {
			return 0, fmt.Errorf("more than %d buffers", maxBuffers)
		}
		i = len(r.buffers)
		r.names[b] = i
		g := &region{name: b.Name, data: b.Data, readOnly: b.ReadOnly, blank: b.Blank}
		if !b.ReadOnly {
			g.data = slices.Clone(b.Data)
			g.cells = newShadow(len(b.Data), &r.free)
			b.fill(g)
		}
		r.buffers = append(r.buffers, g)
	}
	return globalBase(i), nil
}

func (r *run) copyBack() {
	for b, i := range r.names {
		if !b.ReadOnly {
			copy(b.Data, r.buffers[i].data)
			if b.Blank {
				b.note(r.buffers[i])
			}
		}
	}
}

func (r *run) report() *Report {
	out := &Report{Counts: map[string]int{}, Seen: r.seen, Wrote: r.wrote}
	approximate, fusible := map[string]bool{}, map[string]bool{}
	for pc, n := range r.counts {
		in := &r.e.code[pc]
		if in.op == endOfBody {
			continue
		}
		if n == 0 {
			continue
		}
		out.Counts[in.op] += n
		out.Steps += n
		if in.approximate {
			approximate[in.op] = true
		}
		if in.fusible {
			fusible[in.op] = true
		}
	}
	out.Work = out.Steps + r.products/100
	out.Approximate = slices.Sorted(maps.Keys(approximate))
	out.Fusible = slices.Sorted(maps.Keys(fusible))
	return out
}
