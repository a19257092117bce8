package passes

import (
	"fmt"
	"sort"

	"dlc/ir/kernel"
)

// Fusion is substitution, then grouping; neither changes a rounding or an order.
//
// First, in program order and again while something changes, a map disappears into all its
// consumers (inlining): a view always; any other map where the model of cost.go says that
// computing it there costs less than writing and reading it. A map is kept where it is a result
// and where a contraction reads it: only views go into operands. Elementwise functions of the
// result of a reduction mostly stay, to become its epilogue: their operand is at hand there.
//
// Then definitions form kernels (grouping, in group.go): maps over one index space, epilogues
// with their reduction, reductions over the same rows and the maps over these rows. What is used
// inside its kernel alone is never written to memory.
func fuse(p *kernel.Program, o *Options) {
	f := newFusion(p, o)
	f.drop()
	f.uniteMaxima()
	f.views()
	for _, name := range f.live() {
		f.anchor[name] = f.anchorOf(f.defs[name])
	}
	for range maxSweeps {
		changed := false
		for _, name := range f.live() {
			changed = f.tryInline(name) || changed
		}
		if !changed {
			break
		}
	}
	f.drop()
	groups := f.group()
	f.rebuild(groups)
}

// A fusion holds the program as definitions, whichever kernels they came from.
type fusion struct {
	prog    *kernel.Program
	opt     *Options
	order   []string // definitions in program order
	at      map[string]int
	defs    map[string]*kernel.Def
	kernel  map[string]*kernel.Kernel // where each came from
	result  map[string]bool           // definitions that the caller sees
	buffer  map[string]*kernel.Buffer
	users   map[string]map[string]bool
	needs   map[string][]uint64 // the reductions that a definition depends on, as bits by position
	anchor  map[string]string   // the reduction that a map belongs to
	symbols map[string]bool
	read    map[*kernel.Def][]*kernel.Load
	scans   map[string]int // the recurrence that a definition stands in, from 1
}

func newFusion(p *kernel.Program, o *Options) *fusion {
	f := &fusion{prog: p, opt: o, at: map[string]int{}, defs: map[string]*kernel.Def{}, kernel: map[string]*kernel.Kernel{},
		result: map[string]bool{}, buffer: buffersByName(p), users: map[string]map[string]bool{}, needs: map[string][]uint64{}, anchor: map[string]string{}, symbols: map[string]bool{},
		read: map[*kernel.Def][]*kernel.Load{}, scans: map[string]int{}}
	for _, b := range p.Buffers {
		f.result[b.Name] = b.Role == kernel.Output || b.Role == kernel.Update
		for _, d := range b.Type.Shape {
			d.Symbols(f.symbols)
		}
	}
	for _, k := range p.Kernels {
		for _, d := range k.Defs {
			f.at[d.Name] = len(f.order)
			f.order = append(f.order, d.Name)
			f.kernel[d.Name] = k
			f.put(d)
		}
	}
	f.noteScans()
	f.trace()
	return f
}

// put sets or replaces a definition and notes what it reads.
func (f *fusion) put(d *kernel.Def) {
	if old := f.defs[d.Name]; old != nil {
		for _, l := range f.loads(old) {
			delete(f.users[l.Name], d.Name)
		}
	}
	f.defs[d.Name] = d
	for _, l := range f.loads(d) {
		if f.users[l.Name] == nil {
			f.users[l.Name] = map[string]bool{}
		}
		f.users[l.Name][d.Name] = true
	}
}

func (f *fusion) remove(name string) {
	for _, l := range f.loads(f.defs[name]) {
		delete(f.users[l.Name], name)
	}
	delete(f.defs, name)
}

// loads returns what d reads. Definitions are replaced, never changed.
func (f *fusion) loads(d *kernel.Def) []*kernel.Load {
	l, ok := f.read[d]
	if !ok {
		l = d.Loads()
		f.read[d] = l
	}
	return l
}

// consumers returns the definitions that load name, in program order.
func (f *fusion) consumers(name string) []*kernel.Def {
	var out []*kernel.Def
	for user := range f.users[name] {
		out = append(out, f.defs[user])
	}
	sort.Slice(out, func(i, j int) bool { return f.at[out[i].Name] < f.at[out[j].Name] })
	return out
}

// live returns the definitions that are left, in program order.
func (f *fusion) live() []string {
	var out []string
	for _, name := range f.order {
		if f.defs[name] != nil {
			out = append(out, name)
		}
	}
	return out
}

// drop removes what no result depends on.
func (f *fusion) drop() {
	order := f.live()
	for i := len(order) - 1; i >= 0; i-- {
		if name := order[i]; !f.result[name] && len(f.users[name]) == 0 {
			f.opt.explain("fuse", "drop %s: nothing reads it", name)
			f.remove(name)
		}
	}
}

// views puts views into their readers.
func (f *fusion) views() {
	for _, name := range f.live() {
		if d := f.defs[name]; isView(d) {
			f.inlineAll(d, f.consumers(name))
		}
	}
}

// tryInline puts a map into its readers if that pays; it reports whether it did.
func (f *fusion) tryInline(name string) bool {
	d := f.defs[name]
	consumers := f.consumers(name)
	if d.Reduce != nil || len(consumers) == 0 {
		return false
	}
	f.anchor[name] = f.anchorOf(d)
	why, ok := f.shouldInline(d, consumers)
	if ok {
		ok = f.inlineAll(d, consumers)
		if !ok {
			why += ", but an index of it is gathered under a condition"
		}
	}
	verb := "keep"
	if ok {
		verb = "inline"
	}
	f.opt.explain("fuse", "%s %s: %s", verb, name, why)
	return ok && !f.result[name]
}

func (f *fusion) inlineAll(d *kernel.Def, consumers []*kernel.Def) bool {
	if f.crossesTurns(d) {
		return false
	}
	next := make([]*kernel.Def, len(consumers))
	for i, c := range consumers {
		var ok bool
		if next[i], ok = inline(c, d); !ok {
			return false
		}
	}
	for _, c := range next {
		f.put(c)
	}
	if !f.result[d.Name] {
		f.remove(d.Name)
	}
	return true
}

// shouldInline decides, and says why.
func (f *fusion) shouldInline(d *kernel.Def, consumers []*kernel.Def) (why string, ok bool) {
	if f.crossesTurns(d) {
		return "another turn reads it", false
	}
	if isView(d) {
		return "a view", true
	}
	if f.result[d.Name] {
		return "a result", false
	}
	for _, c := range consumers {
		if tiled(c) {
			return "the contraction " + c.Name + " reads it", false
		}
	}
	elementwise := f.elementwise(d, consumers)
	if _, nodes := operations(d.Expr); elementwise && len(consumers) > 1 && nodes > fewNodes && f.together(d, consumers) {
		return fmt.Sprintf("%d maps over the same indices share it", len(consumers)), false
	}
	if a := f.anchor[d.Name]; a != "" && elementwise && len(consumers) == 1 && f.anchorOf(consumers[0]) == a {
		return "its one reader belongs to the reduction " + a + " too", true
	}
	return f.compare(d, consumers)
}

// together reports whether all consumers belong to the reduction that d belongs to, or to none.
func (f *fusion) together(d *kernel.Def, consumers []*kernel.Def) bool {
	for _, c := range consumers {
		if f.anchor[c.Name] != f.anchor[d.Name] {
			return false
		}
	}
	return true
}

// tiled reports whether d is a contraction in its order too.
func tiled(d *kernel.Def) bool {
	return isContraction(d) && d.Reduce.Order.Kind != kernel.Lanes64
}

// oneChain reports whether the terms of d are one chain, or one for want of a matrix unit.
func oneChain(d *kernel.Def) bool {
	return d.Reduce.Order.Kind == kernel.Chain || d.Reduce.Order.Kind == kernel.Matrix
}

// anchorOf returns the latest reduction to whose value, or to maps of it, d applies elementwise,
// so that it can be computed in its kernel: nothing else d reads may depend on that reduction.
func (f *fusion) anchorOf(d *kernel.Def) string {
	best := ""
	if d.Reduce != nil {
		return best
	}
	for _, l := range f.loads(d) {
		root := f.rootOf(l, d)
		if root == "" || best != "" && f.at[root] < f.at[best] {
			continue
		}
		free := true
		for _, other := range f.loads(d) {
			free = free && (f.rootOf(other, d) == root || !f.dependsOn(other.Name, root))
		}
		if free {
			best = root
		}
	}
	return best
}

// rootOf returns the reduction that l is the value of, or a map anchored to, at d's own index.
func (f *fusion) rootOf(l *kernel.Load, d *kernel.Def) string {
	from := f.defs[l.Name]
	if from == nil || !identity(l.At, d.Axes) || !sameExtents(from.Axes, d.Axes) {
		return ""
	}
	if from.Reduce != nil {
		return l.Name
	}
	return f.anchor[l.Name]
}

// trace fills needs.
func (f *fusion) trace() {
	words := (len(f.order) + 63) / 64
	for i, name := range f.order {
		set := make([]uint64, words)
		for _, l := range f.loads(f.defs[name]) {
			for w, bits := range f.needs[l.Name] {
				set[w] |= bits
			}
		}
		if f.defs[name].Reduce != nil {
			set[i/64] |= 1 << (i % 64)
		}
		f.needs[name] = set
	}
}

// dependsOn reports whether name is, or was computed from, the reduction root.
func (f *fusion) dependsOn(name, root string) bool {
	at, set := f.at[root], f.needs[name]
	return set != nil && set[at/64]>>(at%64)&1 == 1
}

// elementwise reports whether all consumers are maps over d's own index space.
func (f *fusion) elementwise(d *kernel.Def, consumers []*kernel.Def) bool {
	for _, c := range consumers {
		if c.Reduce != nil || !sameExtents(c.Axes, d.Axes) {
			return false
		}
		for _, l := range f.loads(c) {
			if l.Name == d.Name && !identity(l.At, c.Axes) {
				return false
			}
		}
	}
	return true
}

// identity reports whether at is the plain index of axes (0 for an axis of extent 1).
func identity(at []kernel.Expr, axes []kernel.Axis) bool {
	if len(at) != len(axes) {
		return false
	}
	for i, a := range axes {
		ix, ok := at[i].(*kernel.Index)
		if !ok {
			return false
		}
		one := a.Extent.IsConst(1) && ix.Dim.IsConst(0)
		if coef, rest, linear := ix.Dim.Linear(a.Name); !one && !(linear && coef.IsConst(1) && rest.IsConst(0)) {
			return false
		}
	}
	return true
}

func sameExtents(a, b []kernel.Axis) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !a[i].Extent.Equal(b[i].Extent) {
			return false
		}
	}
	return true
}

// compare is the cost model of inlining: computing d at every use, against computing it once,
// writing it and reading it at every use. Values over d's own indices that no other kernel needs
// are in registers where d is computed once; computing d elsewhere means that they are written
// and read. A map that belongs to no reduction costs a launch.
func (f *fusion) compare(d *kernel.Def, consumers []*kernel.Def) (why string, ok bool) {
	ops, nodes := operations(d.Expr)
	if len(d.Axes) == 0 && nodes > 1 {
		for _, c := range consumers {
			if len(c.Axes)+len(reduceAxes(c)) > 0 {
				return "a scalar is computed once", false
			}
		}
	}
	size := nominal(sizeOf(d.Axes))
	here, elsewhere, spill := f.readCosts(d)
	move := memoryCost(d.DType, size)
	inlined, stored := size*spill, size*(ops+here+move)
	if f.anchor[d.Name] == "" {
		stored += launchCost
	}
	for _, c := range consumers {
		_, has := operations(c.Expr)
		if nodes+has > maxNodes {
			return fmt.Sprintf("%s would grow beyond %d nodes", c.Name, maxNodes), false
		}
		n := evaluations(c) * float64(f.sites(c, d.Name))
		inlined += n * (ops + elsewhere)
		stored += n * move
	}
	return fmt.Sprintf("computed at its uses %.0f, stored %.0f", inlined, stored), inlined < stored
}

// sites counts the distinct places at which c reads name.
func (f *fusion) sites(c *kernel.Def, name string) int {
	places := map[string]bool{}
	n := 0
	for _, l := range f.loads(c) {
		if l.Name != name {
			continue
		}
		key := atText(l)
		if key == "" || !places[key] {
			n++
		}
		places[key] = true
	}
	return n
}

// readCosts returns the cost of the loads of one evaluation of d: here, where the values it
// applies to elementwise are at hand, and elsewhere; spill is the cost of writing those of them
// that nothing else wants written.
func (f *fusion) readCosts(d *kernel.Def) (here, elsewhere, spill float64) {
	seen := map[string]bool{}
	for _, l := range f.loads(d) {
		key := atText(l)
		if key != "" && seen[key] {
			continue
		}
		seen[key] = true
		cost := memoryCost(l.DType, f.elements(l.Name))
		elsewhere += cost
		if !f.atHand(l, d) {
			here += cost
		} else if !f.written(f.defs[l.Name], d) {
			spill += cost
		}
	}
	return here, elsewhere, spill
}

// atHand reports whether l reads a value over d's own indices that d's kernel computes.
func (f *fusion) atHand(l *kernel.Load, d *kernel.Def) bool {
	from := f.defs[l.Name]
	if from == nil || !identity(l.At, d.Axes) || !sameExtents(from.Axes, d.Axes) {
		return false
	}
	return f.rootOf(l, d) == f.anchor[d.Name]
}

// written reports whether d is a result or has a reader, other than the map by, that cannot be in
// d's kernel.
func (f *fusion) written(d, by *kernel.Def) bool {
	if f.result[d.Name] {
		return true
	}
	for _, c := range f.consumers(d.Name) {
		if c != by && !f.elementwise(d, []*kernel.Def{c}) {
			return true
		}
	}
	return false
}

func (f *fusion) elements(name string) float64 {
	if d := f.defs[name]; d != nil {
		return nominal(sizeOf(d.Axes))
	}
	if b := f.buffer[name]; b != nil {
		return nominal(b.Type.Shape.Size())
	}
	return 0
}
