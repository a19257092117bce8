package passes

import (
	"fmt"
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// The lengths that orders are made of. They are part of what a program means: changing one
// changes bits.
const (
	chunkTerms    = 1024 // terms of a chunk, about
	longReduction = 4096 // a reduction of more terms than this is cut
	longChain     = 8192 // a contraction of more terms than this is cut where it has few outputs
	fewOutputs    = 4096
	symbolTerms   = 16 // of a symbol inside a chunk
)

// order fixes the grouping of every reduction from shapes alone.
//
// A contraction is one chain; it is cut into chunks where its terms number a symbol, or many
// constant terms meet few constant outputs. A reduction over the last axis of what it reads goes
// by lanes, over one flattened axis. Terms that are sent to matched places come as one chain. All others are one chain when short and chunks when long.
func order(p *kernel.Program, o *Options) {
	for _, k := range p.Kernels {
		for i, d := range k.Defs {
			if d.Reduce == nil || d.Reduce.Order.Kind != kernel.Unordered {
				continue
			}
			k.Defs[i] = ordered(d)
			o.explain("order", "%s %s: %s", k.Name, d.Name, orderText(k.Defs[i].Reduce))
		}
	}
}

func orderText(r *kernel.Reduce) string {
	switch r.Order.Kind {
	case kernel.Lanes64:
		return fmt.Sprintf("lanes64 over %s of %s", r.Axes[0].Name, r.Axes[0].Extent)
	case kernel.Chunks:
		return fmt.Sprintf("chunks of %d along %s", r.Order.By, r.Order.Axis)
	}
	return fmt.Sprintf("chain of %s", sizeOf(r.Axes))
}

func sizeOf(axes []kernel.Axis) tensor.Dim {
	n := tensor.Int(1)
	for _, a := range axes {
		n = n.Mul(a.Extent)
	}
	return n
}

func ordered(d *kernel.Def) *kernel.Def {
	out, red := *d, *d.Reduce
	out.Reduce = &red
	terms, constant := sizeOf(red.Axes).Const()
	switch {
	case d.Scatters(), d.Sorts():
		red.Order = kernel.Order{Kind: kernel.Chain}
	case isContraction(d):
		outputs, few := sizeOf(d.Axes).Const()
		if !constant || terms > longChain && few && outputs <= fewOutputs {
			red.Order = chunksOf(red.Axes)
		} else if d.IsMatrix() {
			red.Order = kernel.Order{Kind: kernel.Matrix}
		} else {
			red.Order = kernel.Order{Kind: kernel.Chain}
		}
	case reducesLast(d) && flattens(red.Axes):
		red.Order = kernel.Order{Kind: kernel.Lanes64}
		return flattened(&out)
	case !constant || terms > longReduction:
		red.Order = chunksOf(red.Axes)
	default:
		red.Order = kernel.Order{Kind: kernel.Chain}
	}
	return &out
}

// isContraction reports whether d sums products of two loads of which one has a kept axis that
// the other lacks: a matmul, a convolution or one of their gradients. Where both have the same
// kept axes there is nothing to tile: it is a reduction like any other.
func isContraction(d *kernel.Def) bool {
	c, ok := kernel.Classify(d)
	if !ok || len(c.M)+len(c.N) == 0 || d.Scatters() {
		return false
	}
	for _, e := range d.Expr.(*kernel.Call).Args {
		l, bare := kernel.Widened(e).(*kernel.Load)
		if !bare || !plain(l) || !usesAny(l, d.Reduce.Axes) {
			return false
		}
	}
	return true
}

func usesAny(l *kernel.Load, axes []kernel.Axis) bool {
	for _, e := range l.At {
		ix, ok := e.(*kernel.Index)
		for _, a := range axes {
			if ok && ix.Dim.Uses(a.Name) {
				return true
			}
		}
	}
	return false
}

// reducesLast reports whether the last axis of the widest operand is reduced.
func reducesLast(d *kernel.Def) bool {
	rank, last := 0, false
	for _, l := range d.Loads() {
		if len(l.At) <= rank || !usesAny(l, d.Reduce.Axes) {
			continue
		}
		rank = len(l.At)
		last = usesAny(&kernel.Load{At: l.At[rank-1:]}, d.Reduce.Axes)
	}
	if rank > 0 {
		return last
	}
	return len(d.Axes) == 0 // nothing read along the axes: their own order is the only one
}

// flattens reports whether one index can stand for all axes: a quotient needs constant inner ones.
func flattens(axes []kernel.Axis) bool {
	if len(axes) == 1 {
		return true
	}
	n, ok := sizeOf(axes[1:]).Const()
	return ok && n > 0
}

// chunksOf cuts the outermost axis of symbolic extent, or else the outermost; of the inner ones a
// symbol counts as symbolTerms.
func chunksOf(axes []kernel.Axis) kernel.Order {
	at := max(0, slices.IndexFunc(axes, func(a kernel.Axis) bool { _, ok := a.Extent.Const(); return !ok }))
	inner := int64(1)
	for _, a := range axes[at+1:] {
		inner *= max(1, extentOf(a, symbolTerms))
	}
	return kernel.Order{Kind: kernel.Chunks, Axis: axes[at].Name, By: max(1, (chunkTerms+inner-1)/inner)}
}

// flattened gives a reduction over several axes one axis over their row-major sequence.
func flattened(d *kernel.Def) *kernel.Def {
	axes := d.Reduce.Axes
	if len(axes) == 1 {
		return d
	}
	flat := kernel.Axis{Name: unusedName("j", d), Extent: sizeOf(axes)}
	r := newRewriting(axisRanges(d.Axes, axes, []kernel.Axis{flat}))
	r.dims = map[string]tensor.Dim{}
	inner := int64(1)
	for i := len(axes) - 1; i >= 0; i-- {
		at := tensor.Sym(flat.Name).Div(inner)
		n, _ := axes[i].Extent.Const()
		if i > 0 {
			at = at.Mod(n)
		}
		r.dims[axes[i].Name] = at
		inner *= n
	}
	out := rewriteDef(d, r)
	out.Reduce.Axes = []kernel.Axis{flat}
	return out
}

// unusedName returns prefix, or prefix with marks behind it, as a name that d does not use.
func unusedName(prefix string, d *kernel.Def) string {
	used := map[string]bool{}
	for _, a := range append(append([]kernel.Axis{}, d.Axes...), reduceAxes(d)...) {
		used[a.Name] = true
		a.Extent.Symbols(used)
	}
	for _, e := range d.Exprs() {
		kernel.Walk(e, func(e kernel.Expr) bool {
			if ix, ok := e.(*kernel.Index); ok {
				ix.Dim.Symbols(used)
			}
			return true
		})
	}
	for used[prefix] {
		prefix += "_"
	}
	return prefix
}
