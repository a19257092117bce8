package tile

import (
	"fmt"
	"math/rand"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// Interp runs the schedule on small arrays, to find what is wrong with it: the blocks of every
// grid and the turns of every Each run in an order shuffled by seed; lanes past the end of an
// index do not exist, nor does a register outside of its block of nodes. It reports a read of
// an element that nobody wrote or that another block of the same phase writes, an element
// written twice, and an element of an output that stays unwritten. Scalars are evaluated as the
// interpreter of ir/kernel does. buffers holds the inputs by name; outputs are made and added
// where they are missing. A tensor's dims may differ from the buffer's, not its length.
func Interp(p *Program, symbols map[string]int64, buffers map[string]*tensor.Tensor, seed int64) (err error) {
	defer func() {
		switch f := recover().(type) {
		case nil:
		case failure:
			err = fmt.Errorf("interpret tile %s: %w", p.Name, f.error)
		default:
			panic(f)
		}
	}()
	in := &interp{p: p, random: rand.New(rand.NewSource(seed)), vars: map[string]*int64{}, memory: map[string]*memory{},
		alive: map[string]*registers{}, code: map[string]*code{}, span: map[string]span{}, windows: map[Stage]*window{},
		held: map[string]*holding{}, inBlock: map[string]bool{}}
	for name, v := range symbols {
		in.vars[name] = &v
	}
	for name, e := range Extents(p.Kernel) {
		in.vars[name] = new(int64)
		in.span[name] = span{0, in.value(e)}
	}
	in.bind(buffers)
	phase := 0
	for _, run := range runs(p.Phases) {
		in.repeat(run, phase)
		phase += len(run)
	}
	for _, b := range p.Kernel.Outs {
		for i, by := range in.memory[b.Name].writer {
			if by == nil {
				failf("element %d of the output %s stays unwritten", i, b.Name)
			}
		}
	}
	return nil
}

// A failure travels as a panic from closures to Interp.
type failure struct{ error }

func failf(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

type interp struct {
	p       *Program
	random  *rand.Rand
	vars    map[string]*int64 // symbols, and the current position of indices
	span    map[string]span   // current sub-ranges
	memory  map[string]*memory
	alive   map[string]*registers
	code    map[string]*code
	windows map[Stage]*window
	held    map[string]*holding
	inBlock map[string]bool // running maxima of which the block at hand is done
	phase   int
	turn    int64 // of the phase's Seq
	block   *stamp
}

// A span is first .. first+length.
type span struct{ first, length int64 }

// A stamp says who wrote an element: one block of one phase, in one turn.
type stamp struct {
	phase, block int
	turn         int64
}

// A memory is a buffer; writer is nil for what the caller owns.
type memory struct {
	x      *tensor.Tensor
	dims   []int
	writer []*stamp
}

// registers hold a definition on a tile of its axes: one scalar per point, or 64 lanes.
type registers struct {
	spans  []span
	width  int // 1, or 64 before the lanes are joined
	values []uint64
	// running are those of a maximum in the order rescale, one per value.
	running []*runner
	states  []state // of a Welford reduction, beside its values
}

func (in *interp) value(d tensor.Dim) int64 {
	return kernel.CompileDim(d, func(name string) *int64 {
		v, ok := in.vars[name]
		if !ok {
			failf("the symbol %s has no value", name)
		}
		return v
	})()
}

func (in *interp) dims(s tensor.Shape) []int {
	out := make([]int, len(s))
	for i, d := range s {
		out[i] = int(in.value(d))
	}
	return out
}

func (in *interp) bind(buffers map[string]*tensor.Tensor) {
	add := func(b *kernel.Buffer, owned bool) {
		if in.memory[b.Name] != nil {
			return
		}
		m := &memory{dims: in.dims(b.Type.Shape)}
		m.x = buffers[b.Name]
		if m.x == nil && b.Value != nil {
			m.x = b.Value
		}
		if m.x == nil && !owned {
			failf("buffer %s is missing", b.Name)
		}
		if m.x == nil {
			m.x = tensor.New(b.Type.DType, m.dims...)
			if b.Role != kernel.Temp || in.p.Kernel.Buffer(b.Name) != nil {
				buffers[b.Name] = m.x
			}
		}
		n := 1
		for _, d := range m.dims {
			n *= d
		}
		if n != m.x.Len() || m.x.DType != b.Type.DType {
			failf("buffer %s is %s, not %s", b.Name, m.x, b.Type)
		}
		if owned {
			m.writer = make([]*stamp, n)
		}
		in.memory[b.Name] = m
	}
	for _, b := range in.p.Kernel.Outs {
		add(b, true)
	}
	for _, b := range in.p.Temps {
		add(b, true)
	}
	for _, b := range in.p.Kernel.Ins {
		add(b, false)
	}
}

// blocks runs every block of the grid.
func (in *interp) blocks(ph *Phase) {
	count := 1
	parts := make([][]span, len(ph.Grid))
	for i, g := range ph.Grid {
		parts[i] = cut(in.span[g.Index], g.By)
		count *= len(parts[i])
	}
	for _, b := range in.random.Perm(count) {
		in.block = &stamp{in.phase, b, in.turn}
		undo := map[string]span{}
		for i := len(ph.Grid) - 1; i >= 0; i-- {
			index := ph.Grid[i].Index
			undo[index] = in.span[index]
			in.span[index] = parts[i][b%len(parts[i])]
			b /= len(parts[i])
		}
		in.list(ph.Body)
		for index, s := range undo {
			in.span[index] = s
		}
	}
}

// cut walks a span by lengths.
func cut(s span, by []int64) []span {
	var out []span
	end := s.first + s.length
	for _, n := range by {
		for s.first+n <= end {
			out = append(out, span{s.first, n})
			s.first += n
		}
	}
	if s.first < end {
		out = append(out, span{s.first, end - s.first})
	}
	return out
}

func (in *interp) list(nodes []Node) {
	var made, holds []string
	var copies []Stage
	for _, n := range nodes {
		switch n := n.(type) {
		case *Loop:
			in.loop(n)
		case *Begin:
			in.begin(n.Def)
			made = append(made, n.Def)
		case *Step:
			in.step(n.Def)
		case *End:
			in.end(n.Def)
		case *Spill:
			in.spill(n)
		case *Join:
			in.join(n)
			made = append(made, n.Def)
		case *Let:
			in.let(n.Def)
			made = append(made, n.Def)
		case *Store:
			in.store(n.Def)
		case *Clear:
			in.clear(n.Def)
		case *Sort:
			in.sort(n)
		case *Scatter:
			in.scatter(n.Def)
		case *Stage:
			in.stage(n)
			copies = append(copies, *n)
		case *Hold:
			in.hold(n)
			holds = append(holds, n.Def)
		case *Across:
			in.list(n.Body)
		case *If:
			in.choice(n)
		}
	}
	for _, name := range holds {
		delete(in.held, name)
	}
	for _, name := range made {
		delete(in.alive, name)
	}
	for _, n := range copies {
		delete(in.windows, n)
	}
}

func (in *interp) loop(l *Loop) {
	was := in.span[l.Split.Index]
	parts := cut(was, l.Split.By)
	if l.Kind == Each {
		in.random.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	}
	for _, s := range parts {
		in.span[l.Split.Index] = s
		in.list(l.Body)
		for _, name := range l.EndsBlocks(in.p.Kernel) {
			delete(in.inBlock, name)
		}
	}
	in.span[l.Split.Index] = was
}

// points visits the current tile of the axes, row-major, with the indices set.
func (in *interp) points(axes []kernel.Axis, visit func()) {
	if len(axes) == 0 {
		visit()
		return
	}
	s, v := in.span[axes[0].Name], in.vars[axes[0].Name]
	for i := range s.length {
		*v = s.first + i
		in.points(axes[1:], visit)
	}
}

func (in *interp) tile(d *kernel.Def, width int) *registers {
	r := &registers{width: width}
	n := int64(width)
	for _, a := range d.Axes {
		r.spans = append(r.spans, in.span[a.Name])
		n *= in.span[a.Name].length
	}
	r.values = make([]uint64, n)
	return r
}

// at returns the place of the current point of d in r.
func (in *interp) at(d *kernel.Def, r *registers, index func(i int) int64) int {
	at := int64(0)
	for i, s := range r.spans {
		v := index(i)
		if v < s.first || v >= s.first+s.length {
			failf("%s is read at %s = %d, outside of its tile", d.Name, d.Axes[i].Name, v)
		}
		at = at*s.length + v - s.first
	}
	return int(at) * r.width
}

func (in *interp) here(d *kernel.Def, r *registers) int {
	return in.at(d, r, func(i int) int64 { return *in.vars[d.Axes[i].Name] })
}

func (in *interp) begin(name string) {
	if h := in.held[name]; h != nil {
		in.resume(name, h)
		return
	}
	c := in.compiled(name)
	width := 1
	if c.def.Reduce.Order.Kind == kernel.Lanes64 {
		width = 64
	}
	r := in.tile(c.def, width)
	for i := range r.values {
		r.values[i] = c.fold.Identity
	}
	if IsRunningMax(c.def) {
		r.follow(c.def.DType)
	}
	if c.spread != nil {
		r.states = make([]state, len(r.values))
	}
	in.alive[name] = r
}

func (in *interp) step(name string) {
	c := in.compiled(name)
	r := in.alive[name]
	if in.stepBlock(c, r) {
		return
	}
	in.points(c.def.Axes, func() {
		at := in.here(c.def, r)
		in.points(c.def.Reduce.Axes, func() {
			c.compile.Moved()
			if !c.holds() {
				return
			}
			lane := at
			if r.width == 64 {
				lane += int(*in.vars[c.def.Reduce.Axes[0].Name] % 64)
			}
			if c.spread != nil {
				r.values[lane] = c.add(&r.states[lane])
				return
			}
			r.values[lane] = c.term(r.values[lane])
		})
	})
}

func (in *interp) end(name string) {
	c, r := in.compiled(name), in.alive[name]
	joined := &registers{spans: r.spans, width: 1}
	for at := 0; at < len(r.values); at += 64 {
		if c.spread != nil {
			joined.values = append(joined.values, c.joinLanes(r.states[at:at+64]))
			continue
		}
		joined.values = append(joined.values, c.fold.JoinLanes(r.values[at:at+64]))
	}
	in.alive[name] = joined
}

func (in *interp) spill(n *Spill) {
	c, r := in.compiled(n.Def), in.alive[n.Def]
	if h := in.held[n.Def]; r == nil && h != nil {
		r = h.registers
	}
	var chunk []int64
	for _, a := range c.def.Reduce.Axes {
		if a.Name == c.def.Reduce.Order.Axis {
			chunk = append(chunk, in.span[a.Name].first/c.def.Reduce.Order.By)
			break
		}
		chunk = append(chunk, in.span[a.Name].first)
	}
	in.points(c.def.Axes, func() {
		place, here := append(append([]int64{}, chunk...), in.position(c.def)...), in.here(c.def, r)
		if c.spread != nil {
			in.write(n.Temp, append([]int64{1}, place...), r.states[here].Mean)
			place = append([]int64{0}, place...)
		}
		in.write(n.Temp, place, r.values[here])
	})
}

func (in *interp) position(d *kernel.Def) []int64 {
	at := make([]int64, len(d.Axes))
	for i, a := range d.Axes {
		at[i] = *in.vars[a.Name]
	}
	return at
}

func (in *interp) join(n *Join) {
	c := in.compiled(n.Def)
	r := in.tile(c.def, 1)
	m := in.memory[n.Temp]
	counts := m.dims[:len(m.dims)-len(c.def.Axes)]
	if c.spread != nil {
		counts = counts[1:]
	}
	number := 1
	for _, v := range counts {
		number *= v
	}
	in.points(c.def.Axes, func() {
		var chunks []uint64
		var states []kernel.Moments
		for q := range number {
			at := make([]int64, len(counts))
			for i, left := len(counts)-1, q; i >= 0; i-- {
				at[i] = int64(left % counts[i])
				left /= counts[i]
			}
			at = append(at, in.position(c.def)...)
			if c.spread != nil {
				states = append(states, kernel.Moments{M2: in.read(n.Temp, m, append([]int64{0}, at...)), Mean: in.read(n.Temp, m, append([]int64{1}, at...))})
				continue
			}
			chunks = append(chunks, in.read(n.Temp, m, at))
		}
		if c.spread != nil {
			r.values[in.here(c.def, r)] = c.joinChunks(states)
			return
		}
		r.values[in.here(c.def, r)] = c.fold.JoinChunks(chunks)
	})
	in.alive[n.Def] = r
}

func (in *interp) let(name string) {
	c := in.compiled(name)
	r := in.tile(c.def, 1)
	in.points(c.def.Axes, func() {
		c.compile.Moved()
		r.values[in.here(c.def, r)] = c.eval()
	})
	in.alive[name] = r
}

func (in *interp) store(name string) {
	if h := in.held[name]; h != nil {
		in.storeHeld(name, h)
		return
	}
	c := in.compiled(name)
	in.points(c.def.Axes, func() {
		v := uint64(0)
		if r := in.alive[name]; r != nil {
			v = r.values[in.here(c.def, r)]
		} else {
			c.compile.Moved()
			v = c.eval()
		}
		in.write(name, in.position(c.def), v)
	})
}

func (m *memory) place(at []int64) int {
	place := 0
	for i, d := range m.dims {
		if at[i] < 0 || at[i] >= int64(d) {
			return -1
		}
		place = place*d + int(at[i])
	}
	return place
}

func (in *interp) write(name string, at []int64, v uint64) {
	m := in.memory[name]
	i := m.place(at)
	switch {
	case i < 0:
		failf("%s is written at %v, outside of it", name, at)
	case m.writer[i] != nil:
		failf("%s is written at %v twice, by block %d and block %d", name, at, m.writer[i].block, in.block.block)
	}
	m.writer[i] = in.block
	kernel.WriteScalar(m.x, i, v)
}

func (in *interp) read(name string, m *memory, at []int64) uint64 {
	i := m.place(at)
	if i < 0 {
		failf("%s is read at %v, outside of it", name, at)
	}
	if m.writer != nil {
		switch w := m.writer[i]; {
		case w == nil:
			failf("%s is read at %v, which nobody wrote", name, at)
		case w.phase == in.phase && w.turn == in.turn && w.block != in.block.block:
			failf("%s is read at %v, which another block writes", name, at)
		}
	}
	return kernel.ReadScalar(m.x, i)
}
