package kernel

import (
	"fmt"

	"dlc/ir/tensor"
)

// RescaleBlock is the number of consecutive terms for which a running maximum is kept. It is part
// of what the order means.
const RescaleBlock = 64

// A Running describes a sum in the order `rescale m`. Its terms come in blocks of RescaleBlock. In
// each, m' is the maximum of m's terms so far, base is m', or 0 while that is -inf, and
//
//	acc = acc * exp(m - base), where m is the maximum before the block
//	acc takes the block's terms, in which base stands for the load of m
//
// by a lanes64 sum that is added once where the sum keeps the axes of m alone (SumsByLanes), by a
// continued chain otherwise. So acc is always relative to the running maximum, and in the end to m.
// Where its terms are products of 16-bit floats (IsMatrix), how they are grouped inside of a block is
// the target's own. A block without terms changes nothing. Base stands for loads of m in the maps too that the sum
// reads.
type Running struct {
	Max   *Def
	Term  Expr   // Max's term, over the axes of the sum
	Expr  Expr   // the sum's, in which maps that read Max are put in
	At    []Expr // where the sum reads Max
	Lanes bool
}

// SumsByLanes reports whether d keeps the axes of m alone, but for axes of one element: those come and
// go with how a kernel is written.
func SumsByLanes(m, d *Def) bool { return manyOf(m.Axes) == manyOf(d.Axes) }

// manyOf is the number of axes that have not just one element.
func manyOf(axes []Axis) (n int) {
	for _, a := range axes {
		if !a.Extent.IsConst(1) {
			n++
		}
	}
	return n
}

// RunningOf describes the sum d, which stands in k behind the maximum that its order names.
func RunningOf(k *Kernel, d *Def) (Running, error) {
	o := d.Reduce.Order
	m := k.Def(o.With)
	switch {
	case m == nil || m.Reduce == nil || m.Reduce.Op != Max || m.Reduce.Order.Kind != Rescale:
		return Running{}, fmt.Errorf("rescale %s: that is no maximum in the order rescale", o.With)
	case len(m.Reduce.Axes) != 1 || len(d.Reduce.Axes) != 1 || !m.Reduce.Axes[0].Extent.Equal(d.Reduce.Axes[0].Extent):
		return Running{}, fmt.Errorf("rescale %s: both reduce one axis, of one extent", o.With)
	case m.DType != d.DType:
		return Running{}, fmt.Errorf("rescale %s: it is %s, the sum %s", o.With, m.DType, d.DType)
	}
	r := Running{Max: m, Expr: withMaps(k, d.Expr, o.With), Lanes: SumsByLanes(m, d)}
	for _, l := range Loads(r.Expr) {
		if l.Name != o.With {
			continue
		}
		if r.At != nil && !sameIndex(r.At, l.At) {
			return Running{}, fmt.Errorf("rescale %s: it is read at two places", o.With)
		}
		r.At = l.At
	}
	by, err := keptAxes(d, m, r.At)
	if err != nil {
		return Running{}, fmt.Errorf("rescale %s: %w", o.With, err)
	}
	by[m.Reduce.Axes[0].Name] = tensor.Sym(d.Reduce.Axes[0].Name)
	r.Term = Subst(m.Expr, by)
	conds, _ := mapConds(m.Reduce.When, func(e tensor.Dim) tensor.Dim { return e.Subst(by) })
	if !equalConds(conds, d.Reduce.When) {
		return Running{}, fmt.Errorf("rescale %s: its conditions are others", o.With)
	}
	return r, nil
}

// withMaps puts the maps of k that read name, at plain indices, into e.
func withMaps(k *Kernel, e Expr, name string) Expr {
	reads := map[string]bool{}
	for _, d := range k.Defs {
		for _, n := range d.Reads() {
			reads[d.Name] = reads[d.Name] || d.Reduce == nil && d.Scan == nil && (n == name || reads[n])
		}
	}
	var put func(e Expr) Expr
	put = func(e Expr) Expr {
		l, ok := e.(*Load)
		if !ok || !reads[l.Name] {
			return e
		}
		d, by := k.Def(l.Name), map[string]tensor.Dim{}
		for i, a := range d.Axes {
			x, plain := l.At[i].(*Index)
			if !plain {
				return e
			}
			by[a.Name] = x.Dim
		}
		return Rewrite(Subst(d.Expr, by), put)
	}
	return Rewrite(e, put)
}

// keptAxes maps m's axes to those of d at which it is read.
func keptAxes(d, m *Def, at []Expr) (map[string]tensor.Dim, error) {
	by, seen := map[string]tensor.Dim{}, map[string]bool{}
	if at == nil && len(m.Axes) > 0 || len(at) != len(m.Axes) {
		return nil, fmt.Errorf("the sum does not read it")
	}
	for i, e := range at {
		found := false
		for _, a := range d.Axes {
			x, ok := e.(*Index)
			if !ok || seen[a.Name] || !x.Dim.Equal(tensor.Sym(a.Name)) || !a.Extent.Equal(m.Axes[i].Extent) {
				continue
			}
			by[m.Axes[i].Name], seen[a.Name], found = x.Dim, true, true
		}
		if !found {
			return nil, fmt.Errorf("it is not read at kept axes of the sum")
		}
	}
	return by, nil
}

func sameIndex(a, b []Expr) bool {
	for i := range a {
		x, ok1 := a[i].(*Index)
		y, ok2 := b[i].(*Index)
		if !ok1 || !ok2 || !x.Dim.Equal(y.Dim) {
			return false
		}
	}
	return len(a) == len(b)
}

func equalConds(a, b []Cond) bool {
	for i := range a {
		if i >= len(b) || !a[i].Index.Equal(b[i].Index) || !a[i].Extent.Equal(b[i].Extent) {
			return false
		}
	}
	return len(a) == len(b)
}

// rescale checks the order of d.
func (v *verifier) rescale(d *Def) error {
	switch {
	case len(d.Reduce.Axes) != 1:
		return fmt.Errorf("rescale over %d axes", len(d.Reduce.Axes))
	case !d.DType.IsFloat():
		return fmt.Errorf("rescale of %s", d.DType)
	case d.Reduce.Order.With == "" && d.Reduce.Op != Max:
		return fmt.Errorf("rescale of a %s names no maximum", d.Reduce.Op)
	case d.Reduce.Order.With == "":
		return nil
	case d.Reduce.Op != Sum:
		return fmt.Errorf("rescale %s of a %s", d.Reduce.Order.With, d.Reduce.Op)
	case v.above.Def(d.Reduce.Order.With) == nil:
		return fmt.Errorf("rescale %s: that is not defined above", d.Reduce.Order.With)
	}
	_, err := RunningOf(v.above, d)
	return err
}

// A Rescaler is a running maximum.
type Rescaler struct {
	Max, Base uint64
	sub, join func(a, b uint64) uint64
	exp       func(x uint64) uint64
	lowest    uint64
}

// NewRescaler returns the maximum of nothing, of type t.
func NewRescaler(t tensor.DType) *Rescaler {
	s := &Rescaler{sub: ScalarOf("sub", t, t).Two, join: ScalarOf("max", t, t).Two, exp: exponentialOf(t), lowest: Max.Identity(t)}
	s.Begin()
	return s
}

// Begin forgets all terms.
func (s *Rescaler) Begin() { s.Max, s.Base = s.lowest, 0 }

// Block takes the maximum of a block's terms, -inf where there are none, and returns what the
// accumulators are multiplied by before the block.
func (s *Rescaler) Block(m uint64) (scale uint64) {
	before := s.Max
	s.Max = s.join(before, m)
	s.Base = s.Max
	if s.Max == s.lowest {
		s.Base = 0
	}
	return s.exp(s.sub(before, s.Base))
}

// exponentialOf is exp as the machine computes it.
func exponentialOf(t tensor.DType) func(x uint64) uint64 {
	a := &argument{}
	c := NewCompiler(a)
	f := c.Compile(Expand(Apply("exp", &Load{Name: "x", DType: t})))
	return func(x uint64) uint64 {
		a.value = x
		c.Moved()
		return f()
	}
}

// An argument is the Scope of an expression of one value.
type argument struct{ value uint64 }

// Index implements Scope.
func (a *argument) Index(d tensor.Dim) func() int64 {
	panic("BUG: an index in a function: " + d.String())
}

// Load implements Scope.
func (a *argument) Load(*Load, []func() int64) Eval { return func() uint64 { return a.value } }

// rescaled returns a function that folds the terms of d, a sum that follows a maximum, at the
// current point of its kept axes.
func (r *run) rescaled(d *Def) Eval {
	running, err := RunningOf(r.kernel, d)
	if err != nil {
		failf("definition %s: %w", d.Name, err)
	}
	count := r.extents(d.Reduce.Axes)[0]
	j := r.bindAxes(d.Reduce.Axes)[0]
	s := NewRescaler(d.DType)
	r.running = s
	whole := *d
	whole.Expr = running.Expr
	fold, mul := NewFold(d), ScalarOf("mul", d.DType, d.DType).Two
	most := r.compile.Compile(ExpandFuncs(running.Term))
	term, holds := r.terms(&whole, fold), r.compile.Holds(d.Reduce.When)
	return func() uint64 {
		s.Begin()
		acc := fold.Identity
		for first := 0; first < count; first += RescaleBlock {
			block := func(visit func(lane int)) {
				for i := first; i < min(first+RescaleBlock, count); i++ {
					*j = int64(i)
					r.compile.Moved()
					if holds() {
						visit(i - first)
					}
				}
			}
			m := s.lowest
			block(func(int) { m = s.join(m, most()) })
			acc = mul(acc, s.Block(m))
			if !running.Lanes {
				block(func(int) { acc = term(acc) })
				continue
			}
			lanes := fold.Lanes()
			block(func(i int) { lanes[i] = term(lanes[i]) })
			acc = fold.Join(acc, fold.JoinLanes(lanes))
		}
		return acc
	}
}
