package passes

import (
	"fmt"
	"sort"

	"dlc/ir/kernel"
)

// Fusion is substitution, then grouping; neither changes a rounding or an order.
//
// First, in program order, a map disappears into all its consumers (inlining): a view always; any
// other map where the model of cost.go says that computing it there costs less than writing and
// reading it. A map is kept where it is a result, where a contraction reads it (only views go
// into operands), or where it applies elementwise to the result of a reduction: such maps become
// epilogues.
//
// Then definitions form kernels (grouping, in group.go): maps over one index space, epilogues
// with their reduction, reductions over the same rows and the maps over these rows. What is used
// inside its kernel alone is never written to memory.
func fuse(p *kernel.Program, o *Options) {
	f := newFusion(p, o)
	for _, name := range append([]string{}, f.order...) {
		f.tryInline(name)
	}
	f.drop()
	groups := f.group()
	f.rebuild(groups)
}

// A fusion holds the program as definitions, whichever kernels they came from.
type fusion struct {
	prog     *kernel.Program
	opt      *Options
	order    []string // definitions in program order
	at       map[string]int
	defs     map[string]*kernel.Def
	kernel   map[string]*kernel.Kernel // where each came from
	result   map[string]bool           // definitions that the caller sees
	buffer   map[string]*kernel.Buffer
	users    map[string]map[string]bool
	anchored map[string]bool
	symbols  map[string]bool
}

func newFusion(p *kernel.Program, o *Options) *fusion {
	f := &fusion{prog: p, opt: o, at: map[string]int{}, defs: map[string]*kernel.Def{}, kernel: map[string]*kernel.Kernel{},
		result: map[string]bool{}, buffer: buffersByName(p), users: map[string]map[string]bool{}, anchored: map[string]bool{}, symbols: map[string]bool{}}
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
	return f
}

// put sets or replaces a definition and notes what it reads.
func (f *fusion) put(d *kernel.Def) {
	if old := f.defs[d.Name]; old != nil {
		for _, l := range kernel.Loads(old.Expr) {
			delete(f.users[l.Name], d.Name)
		}
	}
	f.defs[d.Name] = d
	for _, l := range kernel.Loads(d.Expr) {
		if f.users[l.Name] == nil {
			f.users[l.Name] = map[string]bool{}
		}
		f.users[l.Name][d.Name] = true
	}
}

func (f *fusion) remove(name string) {
	for _, l := range kernel.Loads(f.defs[name].Expr) {
		delete(f.users[l.Name], name)
	}
	delete(f.defs, name)
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

func (f *fusion) tryInline(name string) {
	d := f.defs[name]
	if d.Reduce != nil {
		return
	}
	f.anchored[name] = f.isAnchored(d)
	consumers := f.consumers(name)
	if len(consumers) == 0 {
		return
	}
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
}

func (f *fusion) inlineAll(d *kernel.Def, consumers []*kernel.Def) bool {
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
	if f.anchored[d.Name] && !(elementwise && len(consumers) == 1) {
		return "it belongs to the reduction it reads", false
	}
	if _, nodes := operations(d.Expr); elementwise && len(consumers) > 1 && nodes > 1 {
		return fmt.Sprintf("%d maps over the same indices share it", len(consumers)), false
	}
	return f.compare(d, consumers)
}

// tiled reports whether d is a contraction in its order too.
func tiled(d *kernel.Def) bool {
	return isContraction(d) && d.Reduce.Order.Kind != kernel.Lanes64
}

// isAnchored reports whether d applies elementwise to the value of a reduction, or to a map that
// does.
func (f *fusion) isAnchored(d *kernel.Def) bool {
	for _, l := range kernel.Loads(d.Expr) {
		from := f.defs[l.Name]
		if from != nil && (from.Reduce != nil || f.anchored[l.Name]) && identity(l.At, d.Axes) && sameExtents(from.Axes, d.Axes) {
			return true
		}
	}
	return false
}

// elementwise reports whether all consumers are maps over d's own index space.
func (f *fusion) elementwise(d *kernel.Def, consumers []*kernel.Def) bool {
	for _, c := range consumers {
		if c.Reduce != nil || !sameExtents(c.Axes, d.Axes) {
			return false
		}
		for _, l := range kernel.Loads(c.Expr) {
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
// writing it, reading it at every use and launching one kernel more.
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
	reads := f.readCost(d)
	move := memoryCost(d.DType, size)
	inlined, stored := 0.0, size*(ops+reads+move)+launchCost
	for _, c := range consumers {
		_, has := operations(c.Expr)
		if nodes+has > maxNodes {
			return fmt.Sprintf("%s would grow beyond %d nodes", c.Name, maxNodes), false
		}
		sites := float64(f.sites(c, d.Name))
		n := evaluations(c)
		inlined += n * sites * (ops + reads)
		stored += n * sites * move
	}
	return fmt.Sprintf("computed at its uses %.0f, stored %.0f", inlined, stored), inlined <= stored
}

// sites counts the distinct places at which c reads name.
func (f *fusion) sites(c *kernel.Def, name string) int {
	places := map[string]bool{}
	n := 0
	for _, l := range kernel.Loads(c.Expr) {
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

// readCost is the cost of the loads of one evaluation of d.
func (f *fusion) readCost(d *kernel.Def) float64 {
	sum, seen := 0.0, map[string]bool{}
	for _, l := range kernel.Loads(d.Expr) {
		key := atText(l)
		if key != "" && seen[key] {
			continue
		}
		seen[key] = true
		sum += memoryCost(l.DType, f.elements(l.Name))
	}
	return sum
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
