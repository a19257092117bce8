package passes

import (
	"math"
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// The bounds of the fourth rule of form.
const (
	shortRunning = 1 << 15 // terms of a row that stays in a cache: reading it again costs no memory
	runningNodes = 64      // of a maximum's term: it is computed again for each sum
	runningWidth = 1 << 11 // elements of a sum for each of the maximum's: they are held while it runs
)

// running is the rule for what weighs terms by exponentials. A sum over j of exp(X - m) times
// factors, where m is the maximum of X over j, gets the order `rescale m`: maximum and sums then
// need one pass, and X need not be stored. Factors without j are put behind the sum. A mask
// select(i >= j, X, -inf) becomes a condition: what it hides is not computed.
//
// A sum that has the axes of m alone, over a constant number of terms, shortRunning at most, gains
// nothing by that and keeps its order, unless a sum with more axes follows the same maximum.
func running(p *kernel.Program, o *Options) {
	f := &runningForm{p: p, defs: map[string]*kernel.Def{}, buffers: buffersByName(p), names: bufferNames(p), follows: map[string]bool{}}
	var maxima []string
	sums := map[string][]*runningSum{}
	for _, k := range p.Kernels {
		for _, d := range k.Defs {
			f.note(d)
			if s := f.match(d); s != nil && s.narrow() && f.reaches(s, k) {
				s.kernel = k
				if sums[s.most.Name] == nil {
					maxima = append(maxima, s.most.Name)
				}
				sums[s.most.Name] = append(sums[s.most.Name], s)
			}
		}
	}
	for _, name := range maxima {
		if f.pays(sums[name]) {
			for _, s := range sums[name] {
				o.explain("form", "%s: weights follow the running maximum %s", s.def.Name, name)
				f.rewrite(s)
			}
			f.settle(name, sums[name])
		}
	}
}

// A runningForm applies the rule to one program.
type runningForm struct {
	p       *kernel.Program
	defs    map[string]*kernel.Def // those above
	buffers map[string]*kernel.Buffer
	names   taken
	follows map[string]bool // maxima, and maps that depend on one
}

// A runningSum is a sum that fits the rule.
type runningSum struct {
	kernel   *kernel.Kernel
	def      *kernel.Def
	most     *kernel.Def   // the maximum, as it is to be
	at       []kernel.Expr // where the sum reads it
	term     kernel.Expr   // X over the sum's axes
	when     []kernel.Cond // over the sum's axes
	half     tensor.DType  // that weights are rounded to, or else their own
	num, den []kernel.Expr // other factors with j
	outer    [2][]kernel.Expr
}

// match returns how d fits, or nil.
func (f *runningForm) match(d *kernel.Def) *runningSum {
	r := d.Reduce
	if r == nil || r.Op != kernel.Sum || len(r.Axes) != 1 || r.Order.Kind != kernel.Unordered || !d.DType.IsFloat() || d.Scatters() {
		return nil
	}
	d = f.inlined(d, f.weighted)
	s := &runningSum{def: d}
	num, den := productOf(withoutNothing(d.Expr))
	var weight *kernel.Call
	for _, e := range num {
		x, half := unrounded(e)
		if c, ok := x.(*kernel.Call); ok && c.Fn == "exp" && weight == nil && f.weighs(s, c.Args[0]) {
			weight, s.half = c, half
			continue
		}
		s.factor(e, 0)
	}
	for _, e := range den {
		s.factor(e, 1)
	}
	if weight == nil {
		return nil
	}
	for _, e := range append(append([]kernel.Expr{}, s.num...), s.den...) {
		for _, l := range kernel.Loads(e) {
			if l.Name == s.most.Name {
				return nil
			}
		}
	}
	return s
}

// narrow reports whether the elements of the sum for each of the maximum's are few, and known: they
// are held in the thread's memory while it runs. An axis more that has one element gains nothing.
func (s *runningSum) narrow() bool {
	width := int64(1)
	for _, a := range s.def.Axes {
		if slices.ContainsFunc(s.at, func(e kernel.Expr) bool { return usesIndex(e, a.Name) }) {
			continue
		}
		n, ok := a.Extent.Const()
		if width *= max(1, n); !ok || width > runningWidth {
			return false
		}
	}
	return width > 1 || len(s.def.Axes) == len(s.most.Axes)
}

// reaches reports whether k can read all that the sum and its maximum read: buffers, and its own
// definitions. What was put into them may read those that another kernel keeps to itself.
func (f *runningForm) reaches(s *runningSum, k *kernel.Kernel) bool {
	reads := func(k *kernel.Kernel, list ...kernel.Expr) bool {
		for _, e := range list {
			for _, l := range kernel.Loads(e) {
				if f.buffers[l.Name] == nil && k.Def(l.Name) == nil {
					return false
				}
			}
		}
		return true
	}
	for _, home := range f.p.Kernels { // the maximum is written anew there too
		if home.Def(s.most.Name) != nil && !reads(home, s.most.Expr) {
			return false
		}
	}
	return reads(k, s.term, s.most.Expr) && reads(k, s.num...) && reads(k, s.den...) && reads(k, s.outer[0]...) && reads(k, s.outer[1]...)
}

// unrounded takes away the rounding of a weight to 16 bits, and tells its type. A weight that is rounded
// relative to the maximum so far is as good as one rounded relative to the last.
func unrounded(e kernel.Expr) (kernel.Expr, tensor.DType) {
	if x := kernel.Widened(e); x != e {
		if c, ok := x.(*kernel.Call); ok && c.Fn == "cast" && c.Args[0].Type() == e.Type() {
			return c.Args[0], x.Type()
		}
	}
	return e, e.Type()
}

// factor notes a factor (by 0) or divisor (by 1): with the reduced axis, or without.
func (s *runningSum) factor(e kernel.Expr, by int) {
	switch {
	case !usesIndex(e, s.def.Reduce.Axes[0].Name):
		s.outer[by] = append(s.outer[by], e)
	case by == 0:
		s.num = append(s.num, e)
	default:
		s.den = append(s.den, e)
	}
}

// withoutNothing takes away the -0 that keeps a product rounded.
func withoutNothing(e kernel.Expr) kernel.Expr {
	if c, ok := e.(*kernel.Call); ok && c.Fn == "add" {
		if l, ok := c.Args[1].(*kernel.Lit); ok && l.F == 0 && math.Signbit(l.F) {
			return c.Args[0]
		}
	}
	return e
}

// productOf returns the factors and the divisors of e.
func productOf(e kernel.Expr) (num, den []kernel.Expr) {
	c, ok := e.(*kernel.Call)
	if !ok || c.Fn != "mul" && c.Fn != "div" {
		return []kernel.Expr{e}, nil
	}
	num, den = productOf(c.Args[0])
	n, d := productOf(c.Args[1])
	if c.Fn == "div" {
		n, d = d, n
	}
	return append(num, n...), append(den, d...)
}

// weighted reports whether source is a map that depends on a maximum, or shows another's elements: a
// divisor that is spread along the axis does not vary along it.
func (f *runningForm) weighted(_, source *kernel.Def) bool {
	return source.Reduce == nil && (f.follows[source.Name] || isView(source))
}

// varying wants what is another value from term to term. What all terms share is computed once, where it is.
func varying(axis string) func(d, source *kernel.Def) bool {
	return func(d, source *kernel.Def) bool {
		return slices.ContainsFunc(d.Loads(), func(l *kernel.Load) bool {
			return l.Name == source.Name && slices.ContainsFunc(l.At, func(e kernel.Expr) bool { return usesIndex(e, axis) })
		})
	}
}

// note marks d where it is a maximum, or a map that reads what is marked.
func (f *runningForm) note(d *kernel.Def) {
	f.defs[d.Name], f.names[d.Name] = d, true
	f.follows[d.Name] = d.Reduce != nil && d.Reduce.Op == kernel.Max
	for _, n := range d.Reads() {
		f.follows[d.Name] = f.follows[d.Name] || d.Reduce == nil && f.follows[n]
	}
}

// inlined returns d with the maps that are wanted put in, as far as it stays small.
func (f *runningForm) inlined(d *kernel.Def, wanted func(d, source *kernel.Def) bool) *kernel.Def {
	for again := true; again; {
		again = false
		for _, n := range d.Reads() {
			e := f.defs[n]
			if e == nil || e.Reduce != nil || e.Scan != nil || !wanted(d, e) {
				continue
			}
			next, ok := inline(d, e)
			if _, nodes := operations(next.Expr); !ok || nodes > runningNodes {
				continue
			}
			d, again = next, true
			break
		}
	}
	return d
}

// weighs reports whether e is X - m, and notes X and m in s.
func (f *runningForm) weighs(s *runningSum, e kernel.Expr) bool {
	c, ok := e.(*kernel.Call)
	if !ok || c.Fn != "sub" {
		return false
	}
	l, ok := c.Args[1].(*kernel.Load)
	if !ok || !plain(l) {
		return false
	}
	m := f.defs[l.Name]
	if m == nil || m.Reduce == nil || m.Reduce.Op != kernel.Max || len(m.Reduce.Axes) != 1 || m.DType != s.def.DType || m.Reduce.Order.Kind != kernel.Unordered {
		return false
	}
	m = f.inlined(m, varying(m.Reduce.Axes[0].Name))
	sum := *s.def
	sum.Expr, sum.Reduce = c.Args[0], nil
	sum.Axes = s.def.AllAxes()
	term := shared(f.inlined(&sum, varying(s.def.Reduce.Axes[0].Name)).Expr)
	most := &kernel.Def{Name: l.Name, DType: m.DType, Axes: m.Axes, Reduce: &kernel.Reduce{Op: kernel.Max, Axes: m.Reduce.Axes, When: m.Reduce.When, Order: kernel.Order{Kind: kernel.Rescale}}, Expr: shared(m.Expr), Span: m.Span}
	most.Expr, most.Reduce.When = unmasked(most.Expr, most.Reduce.When, most.AllAxes())
	s.term, s.when = unmasked(term, s.def.Reduce.When, s.def.AllAxes())
	s.most, s.at = most, l.At
	return s.fits(l)
}

// fits asks the rules of the order whether the plainest sum can follow the maximum.
func (s *runningSum) fits(l *kernel.Load) bool {
	d := *s.def
	d.Reduce = &kernel.Reduce{Op: kernel.Sum, Axes: d.Reduce.Axes, When: s.when, Order: kernel.Order{Kind: kernel.Rescale, With: l.Name}}
	d.Expr = kernel.Apply("sub", s.term, l)
	r, err := kernel.RunningOf(&kernel.Kernel{Defs: []*kernel.Def{s.most, &d}}, &d)
	return err == nil && kernel.Equal(r.Term, s.term)
}

// unmasked takes select(conditions on indices, x, -inf) apart.
func unmasked(e kernel.Expr, when []kernel.Cond, axes []kernel.Axis) (kernel.Expr, []kernel.Cond) {
	c, ok := e.(*kernel.Call)
	if !ok || c.Fn != "select" {
		return e, when
	}
	mask, x := c.Args[0], c.Args[1]
	hidden, ok := c.Args[2].(*kernel.Lit)
	if !ok || !math.IsInf(hidden.F, -1) {
		return e, when
	}
	conds, ok := condsOf(mask, axes)
	if !ok {
		return e, when
	}
	return unmasked(x, append(append([]kernel.Cond{}, when...), conds...), axes)
}

// condsOf reads comparisons of indices, joined by `and`, as conditions.
func condsOf(e kernel.Expr, axes []kernel.Axis) ([]kernel.Cond, bool) {
	c, ok := e.(*kernel.Call)
	if !ok || len(c.Args) != 2 {
		return nil, false
	}
	if c.Fn == "and" {
		a, ok1 := condsOf(c.Args[0], axes)
		b, ok2 := condsOf(c.Args[1], axes)
		return append(a, b...), ok1 && ok2
	}
	x, ok1 := c.Args[0].(*kernel.Index)
	y, ok2 := c.Args[1].(*kernel.Index)
	if !ok1 || !ok2 {
		return nil, false
	}
	var at tensor.Dim // not negative where the comparison holds
	switch c.Fn {
	case "le":
		at = y.Dim.Sub(x.Dim)
	case "lt":
		at = y.Dim.Sub(x.Dim).AddInt(-1)
	case "ge":
		at = x.Dim.Sub(y.Dim)
	case "gt":
		at = x.Dim.Sub(y.Dim).AddInt(-1)
	default:
		return nil, false
	}
	most, ok := highest(at, axes)
	return []kernel.Cond{{Index: at, Extent: most.AddInt(1)}}, ok
}

// highest is the largest value of d, which must be linear with constant factors.
func highest(d tensor.Dim, axes []kernel.Axis) (tensor.Dim, bool) {
	by := map[string]tensor.Dim{}
	for _, a := range axes {
		if !d.Uses(a.Name) {
			continue
		}
		c, _, linear := d.Linear(a.Name)
		k, constant := c.Const()
		if !linear || !constant {
			return tensor.Dim{}, false
		}
		by[a.Name] = tensor.Dim{}
		if k > 0 {
			by[a.Name] = a.Extent.AddInt(-1)
		}
	}
	return d.Subst(by), true
}

// pays decides for all sums of one maximum.
func (f *runningForm) pays(sums []*runningSum) bool {
	for _, s := range sums {
		if n, ok := s.def.Reduce.Axes[0].Extent.Const(); !ok || n > shortRunning || len(s.def.Axes) > len(s.most.Axes) {
			return true
		}
	}
	return false
}

// rewrite puts the sum's maximum beside it, in its kernel, and what does not depend on the reduced
// axis behind it.
func (f *runningForm) rewrite(s *runningSum) {
	k := s.kernel
	most := s.most
	if k.Def(most.Name) == nil {
		most = most.Clone()
		most.Name = f.names.unique(most.Name)
	}
	with := &kernel.Load{Name: most.Name, DType: most.DType, At: s.at}
	var e kernel.Expr = kernel.Apply("exp", kernel.Apply("sub", s.term, with))
	if s.half != e.Type() {
		e = kernel.Cast(s.def.DType, kernel.Cast(s.half, e))
	}
	if rest := product(s.num, s.den); rest != nil {
		e = kernel.Apply("mul", e, rest)
	}
	sum := *s.def
	sum.Expr = e
	sum.Reduce = &kernel.Reduce{Op: kernel.Sum, Axes: s.def.Reduce.Axes, When: s.when, Order: kernel.Order{Kind: kernel.Rescale, With: most.Name}}
	added := []*kernel.Def{&sum}
	if most.Name != s.most.Name {
		added = []*kernel.Def{most, &sum}
	}
	if len(s.outer[0])+len(s.outer[1]) > 0 {
		sum.Name = f.names.unique(sum.Name)
		out := *s.def
		out.Reduce, out.Expr = nil, &kernel.Load{Name: sum.Name, DType: sum.DType, At: kernel.Points(sum.Axes)}
		if n := product(s.outer[0], nil); n != nil {
			out.Expr = kernel.Apply("mul", out.Expr, n)
		}
		for _, e := range s.outer[1] {
			out.Expr = kernel.Apply("div", out.Expr, e)
		}
		added = append(added, &out)
	}
	f.replace(k, s.def.Name, added)
}

// product multiplies factors and divides by divisors; nil for none.
func product(num, den []kernel.Expr) (e kernel.Expr) {
	for _, x := range num {
		e = joined("mul", e, x)
	}
	for _, x := range den {
		if e == nil {
			e = kernel.F(x.Type(), 1)
		}
		e = kernel.Apply("div", e, x)
	}
	return e
}

// settle gives the maximum itself the form that the copies beside the sums have.
func (f *runningForm) settle(name string, sums []*runningSum) {
	for _, k := range f.p.Kernels {
		if k.Def(name) != nil {
			f.replace(k, name, []*kernel.Def{sums[0].most})
		}
	}
}

// replace puts definitions in the place of one.
func (f *runningForm) replace(k *kernel.Kernel, name string, by []*kernel.Def) {
	var defs []*kernel.Def
	for _, d := range k.Defs {
		if d.Name == name {
			defs = append(defs, by...)
		} else {
			defs = append(defs, d)
		}
	}
	outs := map[string]bool{}
	for _, b := range k.Outs {
		outs[b.Name] = true
	}
	next := assemble(k.Name, defs, f.buffers, outs)
	k.Ins, k.Defs = next.Ins, next.Defs
}
