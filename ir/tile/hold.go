package tile

import (
	"fmt"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// Hold reserves memory of the thread's own for Def on the current tile of its axes, from there to
// the end of the node list. Neighbours of the index Along lie side by side.
//
// A map is put there by Stores of it, on parts of the tile, before it is read; a Load of it at an
// index inside the tile then reads the memory. The accumulators of a reduction are there from the
// Hold on, at the identity: a Begin of it takes those of the current tile into registers, a Store
// puts them back, or a Spill of a chunk's takes them from there, after which it is not in registers, and what walks its axes in between the Hold and the Step may walk the kept ones,
// and, as streams, the reduced ones. Loads of it read the memory too.
//
// Held or not, a reduction in the order rescale is stepped inside a stream of blocks, which walks
// its axis by kernel.RescaleBlock: the maximum first. Where it is held its block ends with its
// Store, else with its Step; from there to the end of the stream's turn a Load of it means the base
// of the block, and sums that follow it are multiplied where they are taken from memory, or else
// where they are stepped. A sum that goes by lanes takes a whole block in one Step.
type Hold struct{ Def, Along string }

// Across makes Index the vector index of Body. Nothing that is alive outside is read inside from
// registers.
type Across struct {
	Index string
	Body  []Node
}

// String prints `hold p along i`.
func (n *Hold) String() string {
	if n.Along == "" {
		return "hold " + n.Def
	}
	return "hold " + n.Def + " along " + n.Along
}

func (*Hold) node()   {}
func (*Across) node() {}

// HeldBox returns the memory of Def on a tile, given the most positions of each axis (-1: no bound
// is known): rows along `along`, in multiples of
// a vector of any machine.
func HeldBox(d *kernel.Def, along string, length func(name string) int64) (Box, error) {
	b := Box{Elements: 1, Pitches: make([]int64, len(d.Axes))}
	last := place(d.Axes, along)
	if last < 0 && along != "" {
		return b, fmt.Errorf("hold %s: it has no axis %s", d.Name, along)
	}
	pitch := func(i int) error {
		n := length(d.Axes[i].Name)
		if n < 0 {
			return fmt.Errorf("hold %s: the length of %s is not constant here", d.Name, d.Axes[i].Name)
		}
		b.Pitches[i] = b.Elements
		b.Elements *= max(n, 1)
		if i == last {
			line := int64(lineBytes / min(4, max(1, d.DType.Size())))
			lines := (b.Elements + line - 1) / line
			if lines > fewLines {
				lines |= 1 // rows fall on all sets in turn
			}
			b.Elements = lines * line
		}
		return nil
	}
	if last >= 0 {
		if err := pitch(last); err != nil {
			return b, err
		}
	}
	for i := len(d.Axes) - 1; i >= 0; i-- {
		if i == last {
			continue
		}
		if err := pitch(i); err != nil {
			return b, err
		}
	}
	for i := range d.Axes {
		b.Lengths = append(b.Lengths, length(d.Axes[i].Name))
	}
	return b, nil
}

// HeldPlanes is the number of boxes that a held definition takes: a running maximum has its base
// and its factor behind it.
func HeldPlanes(d *kernel.Def) int64 {
	if IsRunningMax(d) {
		return 3
	}
	return 1
}

// IsRunningMax reports whether sums can follow d.
func IsRunningMax(d *kernel.Def) bool {
	return d.Reduce != nil && d.Reduce.Order.Kind == kernel.Rescale && d.Reduce.Order.With == ""
}

// ByLanes reports whether the sum d, which follows a maximum, takes its blocks by lanes.
func ByLanes(k *kernel.Kernel, d *kernel.Def) bool {
	m := k.Def(d.Reduce.Order.With)
	return m != nil && kernel.SumsByLanes(m, d)
}

// isBlocks reports whether l walks blocks of the order rescale.
func (l *Loop) isBlocks() bool {
	return l != nil && l.Kind == Stream && len(l.Split.By) == 1 && l.Split.By[0] == kernel.RescaleBlock
}

// EndsBlocks lists the running maxima of which a turn of l is a block.
func (l *Loop) EndsBlocks(k *kernel.Kernel) (names []string) {
	if !l.isBlocks() {
		return nil
	}
	for _, d := range k.Defs {
		if IsRunningMax(d) && d.Reduce.Axes[0].Name == l.Split.Index {
			names = append(names, d.Name)
		}
	}
	return names
}

// A heldValue is what the verifier knows of a Hold.
type heldValue struct {
	depth           int
	stored, stepped bool
}

// hold checks the node and counts the memory it takes.
func (c *checker) hold(n *Hold, s *scope) error {
	d := c.p.Kernel.Def(n.Def)
	if d == nil || s.held[n.Def] != nil || s.alive[n.Def] != nil {
		return fmt.Errorf("hold %s: it is no definition, or held or alive already", n.Def)
	}
	if err := c.turnOf(d, "hold"); err != nil {
		return err
	}
	box, err := HeldBox(d, n.Along, func(name string) int64 { return s.ranges[name].Len })
	if err != nil {
		return err
	}
	if d.Reduce != nil && d.Reduce.Order.Kind == kernel.Chunks {
		if err := c.inChunk(d, s); err != nil {
			return fmt.Errorf("hold %s: %w", n.Def, err)
		}
	}
	s.room += box.Elements * HeldPlanes(d) * int64(d.DType.Size())
	if s.room > StageBytes {
		return fmt.Errorf("hold %s: %d bytes are held, of %d there are", n.Def, s.room, StageBytes)
	}
	s.held[n.Def] = &heldValue{depth: len(s.path)}
	return nil
}

func (c *checker) across(n *Across, s *scope) error {
	if _, ok := s.ranges[n.Index]; !ok {
		return fmt.Errorf("the kernel has no index %s", n.Index)
	}
	in := *s
	in.vector, in.alive = n.Index, map[string]*value{}
	return c.list(n.Body, &in)
}

// resume checks a Begin of a held reduction.
func (c *checker) resume(n *Begin, s *scope) error {
	d, h := c.p.Kernel.Def(n.Def), s.held[n.Def]
	if d.Reduce == nil {
		return fmt.Errorf("begin %s: it is no reduction", n.Def)
	}
	if err := c.fixed(d.Axes, s, "begin "+n.Def); err != nil {
		return err
	}
	if d.Reduce.Order.Kind == kernel.Lanes64 {
		return fmt.Errorf("begin %s: a reduction by %s is not held", n.Def, d.Reduce.Order)
	}
	for _, w := range s.path[h.depth:] {
		kept := place(d.Axes, w.split.Index) >= 0
		reduced := place(d.Reduce.Axes, w.split.Index) >= 0
		if !kept && (!reduced || w.loop == nil || w.loop.Kind != Stream) {
			return fmt.Errorf("begin %s: %s is walked since it is held", n.Def, w.split.Index)
		}
	}
	if err := c.inBlock(d, s, "begin"); err != nil {
		return err
	}
	s.alive[n.Def] = &value{depth: len(s.path), from: h.depth, reduce: true, held: true}
	return nil
}

// inBlock checks, for the order rescale, that the node stands in a turn of the blocks, and behind
// the maximum that a sum follows.
func (c *checker) inBlock(d *kernel.Def, s *scope, what string) error {
	if d.Reduce.Order.Kind != kernel.Rescale {
		return nil
	}
	blocks := 0
	for _, w := range s.path {
		if w.split.Index == d.Reduce.Axes[0].Name && w.loop.isBlocks() {
			blocks++
		}
	}
	if blocks != 1 {
		return fmt.Errorf("%s %s: it stands in no turn of blocks of %d", what, d.Name, kernel.RescaleBlock)
	}
	if with := d.Reduce.Order.With; with != "" && !s.running[with] {
		return fmt.Errorf("%s %s: the block of %s is not done", what, d.Name, with)
	}
	return nil
}

// stepBlock checks a Step in the order rescale: one block of a reduction in registers or by lanes, a
// part of one of the others.
func (c *checker) stepBlock(d *kernel.Def, v *value, s *scope) error {
	if err := c.inBlock(d, s, "step"); err != nil {
		return err
	}
	lanes := d.Reduce.Order.With != "" && ByLanes(c.p.Kernel, d)
	for _, w := range s.path[v.from:] {
		if w.split.Index == d.Reduce.Axes[0].Name && !w.loop.isBlocks() && (lanes || !v.held) {
			return fmt.Errorf("step %s: a block is one step", d.Name)
		}
	}
	return nil
}

// storeHeld checks a Store of what is held.
func (c *checker) storeHeld(n *Store, s *scope) error {
	d, h := c.p.Kernel.Def(n.Def), s.held[n.Def]
	if err := c.fixed(d.Axes, s, "store "+n.Def); err != nil {
		return err
	}
	h.stored = true
	v := s.alive[n.Def]
	if d.Reduce == nil {
		if v != nil {
			return c.finished(n.Def, s, "store")
		}
		return c.reads(d, s)
	}
	if v == nil || !v.held || !v.stepped {
		return fmt.Errorf("store %s: it is held and not stepped", n.Def)
	}
	if err := c.finished(n.Def, s, "store"); err != nil {
		return err
	}
	if v.depth != len(s.path) {
		return fmt.Errorf("store %s: it began in another node list", n.Def)
	}
	delete(s.alive, n.Def)
	if IsRunningMax(d) {
		s.running[n.Def] = true
	}
	return nil
}

// readHeld checks the Load of what is held.
func (c *checker) readHeld(reader *kernel.Def, l *kernel.Load, s *scope) error {
	for _, e := range l.At {
		if _, ok := e.(*kernel.Index); !ok {
			return fmt.Errorf("%s reads %s, which is held, at a computed index", reader.Name, l.Name)
		}
	}
	if !s.held[l.Name].stored {
		return fmt.Errorf("%s reads %s, which is held and not stored", reader.Name, l.Name)
	}
	return nil
}

// A holding is the interpreter's memory of a Hold.
type holding struct {
	*registers
	written []bool
}

func (in *interp) hold(n *Hold) {
	c := in.compiled(n.Def)
	h := &holding{registers: in.tile(c.def, 1)}
	h.written = make([]bool, len(h.values))
	if c.def.Reduce != nil {
		for i := range h.values {
			h.values[i], h.written[i] = c.fold.Identity, true
		}
	}
	if IsRunningMax(c.def) {
		h.follow(c.def.DType)
	}
	in.held[n.Def] = h
}

// storeHeld puts the value of a definition on the current tile into its memory.
func (in *interp) storeHeld(name string, h *holding) {
	c, r := in.compiled(name), in.alive[name]
	in.points(c.def.Axes, func() {
		at := in.here(c.def, h.registers)
		h.written[at] = true
		if r == nil {
			c.compile.Moved()
			h.values[at] = c.eval()
			return
		}
		h.values[at] = r.values[in.here(c.def, r)]
		if h.running != nil {
			h.running[at].scale = h.running[at].Block(h.values[at])
		}
	})
	if c.def.Reduce != nil {
		delete(in.alive, name)
	}
	if h.running != nil {
		in.inBlock[name] = true
	}
}

// A runner is a running maximum and what the accumulators are multiplied by in its block.
type runner struct {
	*kernel.Rescaler
	scale uint64
}

func (r *registers) follow(t tensor.DType) {
	for range r.values {
		r.running = append(r.running, &runner{Rescaler: kernel.NewRescaler(t)})
	}
}

// runnerAt returns the running maximum that the sum d follows, at the current point.
func (in *interp) runnerAt(d *kernel.Def) *runner {
	m := in.p.Kernel.Def(d.Reduce.Order.With)
	if !in.inBlock[m.Name] {
		failf("%s is stepped before the block of %s is done", d.Name, m.Name)
	}
	r := in.alive[m.Name]
	if h := in.held[m.Name]; h != nil {
		r = h.registers
	}
	return r.running[in.here(m, r)]
}

// resume takes accumulators from memory.
func (in *interp) resume(name string, h *holding) {
	c := in.compiled(name)
	r := in.tile(c.def, 1)
	mul := kernel.ScalarOf("mul", c.def.DType, c.def.DType).Two
	in.points(c.def.Axes, func() {
		v := h.values[in.here(c.def, h.registers)]
		if c.def.Reduce.Order.With != "" {
			v = mul(v, in.runnerAt(c.def).scale)
		}
		r.values[in.here(c.def, r)] = v
	})
	in.alive[name] = r
}

// stepBlock steps a reduction in the order rescale that is not an ordinary chain: a maximum in
// registers, and a sum that takes a whole block by lanes.
func (in *interp) stepBlock(c *code, r *registers) bool {
	d := c.def
	held := in.held[d.Name] != nil
	if d.Reduce.Order.Kind != kernel.Rescale || IsRunningMax(d) && held {
		return false
	}
	mul := kernel.ScalarOf("mul", d.DType, d.DType).Two
	if !IsRunningMax(d) && !ByLanes(in.p.Kernel, d) {
		if !held {
			in.points(d.Axes, func() {
				at := in.here(d, r)
				r.values[at] = mul(r.values[at], in.runnerAt(d).scale)
			})
		}
		return false
	}
	in.points(d.Axes, func() {
		at := in.here(d, r)
		if IsRunningMax(d) {
			m := c.fold.Identity
			in.terms(c, func(int64) { m = c.term(m) })
			r.running[at].scale = r.running[at].Block(m)
			r.values[at] = r.running[at].Max
			return
		}
		if !held {
			r.values[at] = mul(r.values[at], in.runnerAt(d).scale)
		}
		lanes := c.fold.Lanes()
		in.terms(c, func(j int64) { lanes[j%64] = c.term(lanes[j%64]) })
		r.values[at] = c.fold.Join(r.values[at], c.fold.JoinLanes(lanes))
	})
	if IsRunningMax(d) {
		in.inBlock[d.Name] = true
	}
	return true
}

// terms visits the terms of the current point that conditions let through.
func (in *interp) terms(c *code, visit func(j int64)) {
	in.points(c.def.Reduce.Axes, func() {
		c.compile.Moved()
		if c.holds() {
			visit(*in.vars[c.def.Reduce.Axes[0].Name])
		}
	})
}

// heldAt reads what is held, at an index.
func (in *interp) heldAt(reader string, d *kernel.Def, h *holding, v []int64) uint64 {
	at := in.at(d, h.registers, func(i int) int64 { return v[i] })
	if !h.written[at] {
		failf("%s reads %s at %v, which is held and not stored there", reader, d.Name, v)
	}
	if in.inBlock[d.Name] {
		return h.running[at].Base
	}
	return h.values[at]
}
