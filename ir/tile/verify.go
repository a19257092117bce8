package tile

import (
	"fmt"
	"maps"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// Verify reports the first place where p breaks a rule of this package.
func Verify(p *Program) error {
	c := &checker{p: p, stored: map[string]int{}, spilled: map[string]string{}, joined: map[string]bool{}, open: map[string]bool{}}
	if err := c.names(); err != nil {
		return err
	}
	i := 0
	for _, run := range runs(p.Phases) {
		if err := c.seq(run); err != nil {
			return fmt.Errorf("tile %s, phase %d: %w", p.Name, i, err)
		}
		for _, ph := range run {
			if err := c.phase(i, ph); err != nil {
				return fmt.Errorf("tile %s, phase %d: %w", p.Name, i, err)
			}
			i++
		}
	}
	for _, b := range p.Kernel.Outs {
		if _, ok := c.stored[b.Name]; !ok {
			return fmt.Errorf("tile %s: nothing stores the output %s", p.Name, b.Name)
		}
	}
	return nil
}

// A checker walks the schedule once, in order.
type checker struct {
	p       *Program
	ph      *Phase
	number  int
	stored  map[string]int    // to the phase of the Store
	spilled map[string]string // Temp to definition, in phases before
	spills  map[string]string // in this phase
	joined  map[string]bool
	open    map[string]bool // cleared, and its terms not scattered yet
	turns   map[string]bool // what the phases of this run store
}

// A scope is what holds at a node: the ranges and the loops around it, the values alive.
type scope struct {
	ranges Ranges
	path   []walk
	alive  map[string]*value
	staged map[Stage]bool // copies that can be read here
	held   map[string]*heldValue
	// running are the maxima of which the block at hand is done.
	running map[string]bool
	vector  string // the index across the lanes
	room    int64  // bytes they take
}

// A walk is a grid split (loop nil) or a loop around a node.
type walk struct {
	split Split
	loop  *Loop
}

// A value is a definition that is alive. depth is the number of walks around its Begin, streams
// are the loops between that and its Step.
type value struct {
	depth, from    int // from: where it is held, else depth
	reduce, held   bool
	stepped, ended bool
	streams        []walk
}

// names checks that one name is one index of one extent.
func (c *checker) names() error {
	extents := map[string]tensor.Dim{}
	for _, d := range c.p.Kernel.Defs {
		for _, a := range d.AllAxes() {
			if e, ok := extents[a.Name]; ok && !e.Equal(a.Extent) {
				return fmt.Errorf("tile %s: index %s has the extents %s and %s", c.p.Name, a.Name, e, a.Extent)
			}
			extents[a.Name] = a.Extent
		}
	}
	return nil
}

func (c *checker) phase(i int, ph *Phase) error {
	c.ph, c.number, c.spills = ph, i, map[string]string{}
	s := &scope{ranges: WholeRanges(c.p.Kernel), alive: map[string]*value{}, running: map[string]bool{}, vector: ph.Vector}
	if _, ok := s.ranges[ph.Vector]; !ok && ph.Vector != "" {
		return fmt.Errorf("the kernel has no index %s", ph.Vector)
	}
	seen := map[string]bool{}
	for _, g := range ph.Grid {
		if _, ok := s.ranges[g.Index]; !ok || seen[g.Index] || ph.Seq != nil && g.Index == ph.Seq.Index {
			return fmt.Errorf("the grid splits %s, which is no index or split already", g.Index)
		}
		if len(g.By) != 1 || g.By[0] < 1 {
			return fmt.Errorf("the grid splits %s, not by one positive length", g)
		}
		seen[g.Index] = true
		s.path = append(s.path, walk{split: g})
	}
	if ph.Unit != nil {
		if err := c.unit(ph.Unit); err != nil {
			return err
		}
	}
	s.ranges = ph.Block(c.p.Kernel)
	if err := c.list(ph.Body, s); err != nil {
		return err
	}
	for temp, def := range c.spills {
		c.spilled[temp] = def
	}
	for _, d := range c.p.Kernel.Defs {
		if c.open[d.Name] {
			return fmt.Errorf("clear %s: nothing scatters to it", d.Name)
		}
	}
	return nil
}

func (c *checker) list(nodes []Node, s *scope) error {
	inner := &scope{ranges: s.ranges, path: s.path, alive: map[string]*value{}, staged: map[Stage]bool{}, room: s.room,
		held: map[string]*heldValue{}, running: s.running, vector: s.vector}
	maps.Copy(inner.staged, s.staged)
	maps.Copy(inner.held, s.held)
	for name, v := range s.alive {
		inner.alive[name] = v
	}
	for _, n := range nodes {
		if err := c.node(n, inner); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) node(n Node, s *scope) error {
	switch n := n.(type) {
	case *Loop:
		return c.loop(n, s)
	case *Begin:
		return c.begin(n, s)
	case *Step:
		return c.step(n, s)
	case *End:
		v, d := s.alive[n.Def], c.p.Kernel.Def(n.Def)
		if v == nil || !v.reduce || v.ended || d.Reduce.Order.Kind != kernel.Lanes64 {
			return fmt.Errorf("end %s: it is no lanes64 reduction that has begun", n.Def)
		}
		v.ended = true
		return c.finished(n.Def, s, "end")
	case *Spill:
		return c.spill(n, s)
	case *Join:
		return c.join(n, s)
	case *Let:
		return c.let(n, s)
	case *Store:
		return c.store(n, s)
	case *Stage:
		return c.stage(n, s)
	case *If:
		return c.choice(n, s)
	case *Pair:
		return c.pair(n, s)
	case *Ahead:
		return c.ahead(n)
	case *Past:
		return c.past(n)
	case *Clear:
		return c.clear(n, s)
	case *Scatter:
		return c.scatter(n, s)
	case *Sort:
		return c.sort(n, s)
	case *Hold:
		return c.hold(n, s)
	case *Across:
		return c.across(n, s)
	}
	return fmt.Errorf("no node %T", n)
}

func (c *checker) loop(l *Loop, s *scope) error {
	r, ok := s.ranges[l.Split.Index]
	if !ok {
		return fmt.Errorf("the kernel has no index %s", l.Split.Index)
	}
	if len(l.Split.By) == 0 {
		return fmt.Errorf("a loop over %s has no length", l.Split.Index)
	}
	for i, n := range l.Split.By {
		if n < 1 || i > 0 && n >= l.Split.By[i-1] {
			return fmt.Errorf("the lengths of %s must be positive and descend", l.Split)
		}
	}
	for i, p := range l.Peel {
		if p < 1 || i > 0 && p <= l.Peel[i-1] {
			return fmt.Errorf("the positions at which %s is peeled must be positive and ascend", l.Split.Index)
		}
	}
	if _, fixed := r.Const(); (l.Unroll || len(l.Peel) > 0) && (!fixed || r.Len < 0 || r.Short) {
		return fmt.Errorf("%s cannot be unrolled or peeled: its range is not constant", l.Split.Index)
	}
	before := c.save(s)
	for i, part := range Parts(r, l.Split.By) {
		if i > 0 {
			before()
		}
		in := *s
		in.ranges = s.ranges.With(l.Split.Index, part)
		in.path = append(append([]walk{}, s.path...), walk{l.Split, l})
		if err := c.list(l.Body, &in); err != nil {
			return err
		}
		for _, name := range l.EndsBlocks(c.p.Kernel) {
			delete(s.running, name)
		}
	}
	return nil
}

// save returns a function that takes back what is noted from now on: a loop's body is looked at
// once for each kind of part.
func (c *checker) save(s *scope) (restore func()) {
	stored, spills, joined, open := maps.Clone(c.stored), maps.Clone(c.spills), maps.Clone(c.joined), maps.Clone(c.open)
	values, held := map[string]value{}, map[string]heldValue{}
	for name, v := range s.alive {
		values[name] = *v
	}
	for name, h := range s.held {
		held[name] = *h
	}
	return func() {
		c.stored, c.spills, c.joined, c.open = maps.Clone(stored), maps.Clone(spills), maps.Clone(joined), maps.Clone(open)
		for name, v := range values {
			*s.alive[name] = v
		}
		for name, h := range held {
			*s.held[name] = h
		}
	}
}

func (c *checker) begin(n *Begin, s *scope) error {
	d := c.p.Kernel.Def(n.Def)
	if d == nil || d.Reduce == nil || d.Scatters() || d.Sorts() {
		return fmt.Errorf("begin %s: it is no reduction into registers", n.Def)
	}
	if s.alive[n.Def] != nil {
		return fmt.Errorf("begin %s: it is alive already", n.Def)
	}
	if err := c.turnOf(d, "begin"); err != nil {
		return err
	}
	if s.held[n.Def] != nil {
		return c.resume(n, s)
	}
	if err := c.fixed(d.Axes, s, "begin "+n.Def); err != nil {
		return err
	}
	for _, a := range d.Reduce.Axes {
		lane := d.Reduce.Order.Kind == kernel.Lanes64 || d.Reduce.Order.Kind == kernel.Rescale
		if c.ph.Unit == nil && lane != (a.Name == s.vector) {
			return fmt.Errorf("begin %s: the vector index must be the reduced one for lanes64 and rescale, and no other", n.Def)
		}
	}
	if err := c.inChunk(d, s); err != nil {
		return fmt.Errorf("begin %s: %w", n.Def, err)
	}
	if c.ph.Unit == nil && d.Reduce.Order.With != "" && !ByLanes(c.p.Kernel, d) {
		return fmt.Errorf("begin %s: a chain that follows a maximum must be held", n.Def)
	}
	s.alive[n.Def] = &value{depth: len(s.path), from: len(s.path), reduce: true}
	return nil
}

// inChunk checks that all terms of d, or those of one of its chunks, are in the current ranges.
func (c *checker) inChunk(d *kernel.Def, s *scope) error {
	inside := d.Reduce.Order.Kind != kernel.Chunks
	for _, a := range d.Reduce.Axes {
		r := s.ranges[a.Name]
		switch {
		case inside && !r.Whole:
			return fmt.Errorf("%s is not whole", a.Name)
		case !inside && a.Name == d.Reduce.Order.Axis:
			inside = true
			if !oneChunk(a.Name, d.Reduce.Order.By, s) {
				return fmt.Errorf("the range of %s is not one chunk of %d", a.Name, d.Reduce.Order.By)
			}
		case !inside && (r.Len != 1 || r.Short):
			return fmt.Errorf("%s has not length 1, and chunks begin anew at each", a.Name)
		}
	}
	return nil
}

// oneChunk reports whether the one walk of the index so far is by the chunk's length.
func oneChunk(index string, by int64, s *scope) bool {
	walks := 0
	for _, w := range s.path {
		if w.split.Index == index {
			walks++
			if len(w.split.By) != 1 || w.split.By[0] != by {
				return false
			}
		}
	}
	return walks == 1
}

func (c *checker) step(n *Step, s *scope) error {
	d, v := c.p.Kernel.Def(n.Def), s.alive[n.Def]
	if v == nil || !v.reduce || v.ended {
		return fmt.Errorf("step %s: it has not begun", n.Def)
	}
	if v.stepped {
		return fmt.Errorf("step %s: a second step", n.Def)
	}
	last := -1
	for i, w := range s.path[v.from:] {
		at := place(d.Reduce.Axes, w.split.Index)
		if at < 0 && v.from+i < v.depth {
			continue // a kept axis, between the hold and the begin
		}
		if at < 0 || w.loop == nil || w.loop.Kind != Stream {
			return fmt.Errorf("step %s: %s is walked between its begin and its step", n.Def, w.split.Index)
		}
		if at < last {
			return fmt.Errorf("step %s: %s is walked inside of %s", n.Def, w.split.Index, d.Reduce.Axes[last].Name)
		}
		if d.Reduce.Order.Kind == kernel.Lanes64 && !lanesWhole(w.split.By) {
			return fmt.Errorf("step %s: the lengths of %s are no multiples of 64", n.Def, w.split)
		}
		last = at
	}
	for i, a := range d.Reduce.Axes {
		if r := s.ranges[a.Name]; i < last && (r.Len != 1 || r.Short) {
			return fmt.Errorf("step %s: %s has not length 1, and %s inside it is walked", n.Def, a.Name, d.Reduce.Axes[last].Name)
		}
	}
	axes := d.AllAxes()
	if d.Reduce.Order.Kind == kernel.Rescale {
		if err := c.stepBlock(d, v, s); err != nil {
			return err
		}
		if d.Reduce.Order.With != "" && ByLanes(c.p.Kernel, d) {
			axes = d.Axes
		}
	}
	if err := c.fixed(axes, s, "step "+n.Def); err != nil {
		return err
	}
	v.stepped, v.streams = true, s.path[v.depth:]
	if h := s.held[n.Def]; h != nil {
		if h.stepped {
			return fmt.Errorf("step %s: a second step", n.Def)
		}
		h.stepped = true
	}
	if err := c.reads(d, s); err != nil {
		return err
	}
	if IsRunningMax(d) && !v.held {
		s.running[n.Def] = true
	}
	return nil
}

func lanesWhole(by []int64) bool {
	for _, n := range by {
		if n%64 != 0 {
			return false
		}
	}
	return true
}

func (c *checker) spill(n *Spill, s *scope) error {
	d := c.p.Kernel.Def(n.Def)
	if d == nil || d.Reduce == nil || d.Reduce.Order.Kind != kernel.Chunks {
		return fmt.Errorf("spill %s: it is no reduction in chunks", n.Def)
	}
	if err := c.complete(n, d, s); err != nil {
		return err
	}
	want := c.chunkShape(d)
	if b := c.temp(n.Temp); b == nil || b.Type.DType != d.DType || !b.Type.Shape.Equal(want) {
		return fmt.Errorf("spill %s: %s is no temp %s[%s]", n.Def, n.Temp, d.DType, want)
	}
	if c.spilled[n.Temp] != "" || c.spills[n.Temp] != "" {
		return fmt.Errorf("spill %s: %s is written already", n.Def, n.Temp)
	}
	c.spills[n.Temp] = n.Def
	outer := d.Reduce.Axes[:place(d.Reduce.Axes, d.Reduce.Order.Axis)+1]
	return c.owned(append(append([]kernel.Axis{}, d.Axes...), outer...), s, "spill "+n.Def)
}

// complete checks that a chunk's terms are all added, to registers or to what is held.
func (c *checker) complete(n *Spill, d *kernel.Def, s *scope) error {
	h := s.held[n.Def]
	if h == nil || s.alive[n.Def] != nil {
		return c.finished(n.Def, s, "spill")
	}
	if !h.stored || d.Reduce.Op == kernel.Welford {
		return fmt.Errorf("spill %s: it is held and not stored, or two values", n.Def)
	}
	for _, w := range s.path[h.depth:] {
		if place(d.Axes, w.split.Index) < 0 {
			return fmt.Errorf("spill %s: %s is walked since it is held", n.Def, w.split.Index)
		}
	}
	return c.fixed(d.Axes, s, "spill "+n.Def)
}

// chunkShape returns the extents of the chunk numbers, then those of the axes. Welford has two of
// these: the sums of squares, then the means.
func (c *checker) chunkShape(d *kernel.Def) tensor.Shape {
	var shape tensor.Shape
	if d.Reduce.Op == kernel.Welford {
		shape = append(shape, tensor.Int(2))
	}
	for _, a := range d.Reduce.Axes {
		if a.Name == d.Reduce.Order.Axis {
			shape = append(shape, a.Extent.CeilDiv(d.Reduce.Order.By))
			break
		}
		shape = append(shape, a.Extent)
	}
	for _, a := range d.Axes {
		shape = append(shape, a.Extent)
	}
	return shape
}

func (c *checker) join(n *Join, s *scope) error {
	if c.spilled[n.Temp] != n.Def {
		return fmt.Errorf("join %s: no earlier phase spills it to %s", n.Def, n.Temp)
	}
	if c.joined[n.Temp] {
		return fmt.Errorf("join %s: %s is joined already", n.Def, n.Temp)
	}
	if s.alive[n.Def] != nil {
		return fmt.Errorf("join %s: it is alive already", n.Def)
	}
	c.joined[n.Temp] = true
	d := c.p.Kernel.Def(n.Def)
	if err := c.turnOf(d, "join"); err != nil {
		return err
	}
	s.alive[n.Def] = &value{depth: len(s.path), reduce: true, stepped: true}
	if err := c.fixed(d.Axes, s, "join "+n.Def); err != nil {
		return err
	}
	return c.owned(d.Axes, s, "join "+n.Def)
}

func (c *checker) let(n *Let, s *scope) error {
	d := c.p.Kernel.Def(n.Def)
	if d == nil || d.Reduce != nil {
		return fmt.Errorf("let %s: it is no map", n.Def)
	}
	if s.alive[n.Def] != nil {
		return fmt.Errorf("let %s: it is alive already", n.Def)
	}
	if err := c.turnOf(d, "let"); err != nil {
		return err
	}
	if err := c.fixed(d.Axes, s, "let "+n.Def); err != nil {
		return err
	}
	if err := c.reads(d, s); err != nil {
		return err
	}
	s.alive[n.Def] = &value{depth: len(s.path), stepped: true}
	return nil
}

func (c *checker) store(n *Store, s *scope) error {
	if s.held[n.Def] != nil {
		return c.storeHeld(n, s)
	}
	d := c.p.Kernel.Def(n.Def)
	if d == nil || c.place(n.Def) == nil {
		return fmt.Errorf("store %s: it is no definition with an output or temp of its name", n.Def)
	}
	if _, again := c.stored[n.Def]; again {
		return fmt.Errorf("store %s: it is stored already", n.Def)
	}
	c.stored[n.Def] = c.number
	if err := c.turnOf(d, "store"); err != nil {
		return err
	}
	if err := c.fixed(d.Axes, s, "store "+n.Def); err != nil {
		return err
	}
	if err := c.owned(d.Axes, s, "store "+n.Def); err != nil {
		return err
	}
	if s.alive[n.Def] != nil {
		return c.finished(n.Def, s, "store")
	}
	if d.Reduce != nil {
		return fmt.Errorf("store %s: it has no value here", n.Def)
	}
	return c.reads(d, s)
}

func (c *checker) temp(name string) *kernel.Buffer {
	for _, b := range c.p.Temps {
		if b.Name == name {
			return b
		}
	}
	return nil
}
