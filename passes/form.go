package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// form rewrites definitions into ones that compute the same up to rounding and are easier on
// every machine. It reads shapes only. Its rules:
//
//   - an index of extent 1 is 0;
//   - a reduced axis of which one value at most can satisfy the conditions takes that value, so
//     that the gradient of a pool whose windows do not overlap becomes a map (contractions keep
//     their axes: there they are loops);
//   - a reduction without axes is its one term, unless that is sent to a matched place;
//   - a reduction of many terms to few results is one of rows, then of their results (form_long.go);
//   - a sum of squared distances from a mean is a Welford reduction (form_spread.go);
//   - sums weighted by exponentials follow a running maximum (form_running.go);
//   - 3x3 convolutions of many channels are filtered with fewer multiplications (form_minimal.go).
func form(p *kernel.Program, o *Options) {
	spread(p, o)
	filtering(p, o)
	for _, k := range p.Kernels {
		for i, d := range k.Defs {
			next := settled(d)
			if len(reduceAxes(next)) != len(reduceAxes(d)) {
				o.explain("form", "%s %s: %d of %d reduced axes are left", k.Name, d.Name, len(reduceAxes(next)), len(reduceAxes(d)))
			}
			k.Defs[i] = next
		}
	}
	long(p, o)
	running(p, o)
}

func settled(d *kernel.Def) *kernel.Def {
	d = withoutUnits(d)
	for d.Reduce != nil && !isContraction(d) {
		next, ok := solved(d)
		if !ok {
			break
		}
		d = next
	}
	if d.Reduce != nil && len(d.Reduce.Axes) == 0 && !d.Scatters() {
		return termOf(d)
	}
	return d
}

// withoutUnits puts 0 for every index of extent 1 and drops the reduced ones. Kept axes stay.
func withoutUnits(d *kernel.Def) *kernel.Def {
	r := newRewriting(d.Ranges())
	r.dims = map[string]tensor.Dim{}
	for _, a := range append(append([]kernel.Axis{}, d.Axes...), reduceAxes(d)...) {
		if a.Extent.IsConst(1) && (d.Scan == nil || a.Name != d.Scan.Axis) {
			r.dims[a.Name] = tensor.Int(0)
		}
	}
	if len(r.dims) == 0 {
		return d
	}
	out := rewriteDef(d, r)
	if d.Reduce != nil {
		out.Reduce.Axes = nil
		for i, a := range d.Reduce.Axes {
			if !a.Extent.IsConst(1) || (d.Reduce.Op == kernel.Welford || d.Sorts()) && i == len(d.Reduce.Axes)-1 {
				out.Reduce.Axes = append(out.Reduce.Axes, a)
			}
		}
	}
	return out
}

// solved removes one reduced axis r whose conditions hold (e - r) % k == 0 with r in 0..n and
// n <= k: the only term is r = e % k, which must be below n.
func solved(d *kernel.Def) (*kernel.Def, bool) {
	for _, c := range d.Reduce.When {
		for at, a := range d.Reduce.Axes {
			n, ok := a.Extent.Const()
			if !ok {
				continue
			}
			rest, k, ok := congruence(c, a.Name)
			if !ok || n > k {
				continue
			}
			r := newRewriting(d.Ranges())
			r.dims = map[string]tensor.Dim{a.Name: rest.Mod(k)}
			out := rewriteDef(d, r)
			out.Reduce.Axes = append(append([]kernel.Axis{}, d.Reduce.Axes[:at]...), d.Reduce.Axes[at+1:]...)
			if n < k {
				out.Reduce.When = append(out.Reduce.When, kernel.Cond{Index: rest.Mod(k), Extent: tensor.Int(n)})
			}
			return out, true
		}
	}
	return nil, false
}

// congruence reads c as (rest - name) % k == 0.
func congruence(c kernel.Cond, name string) (rest tensor.Dim, k int64, ok bool) {
	if !c.Extent.IsConst(1) {
		return rest, 0, false
	}
	// e % k is e - k*(e div k): find the quotient and see whether the condition is of that form.
	c.Index.Terms(func(_ int64, fs []tensor.Factor) {
		if ok || len(fs) != 1 || fs[0].Den == 0 || !fs[0].Num.Uses(name) {
			return
		}
		num, den := fs[0].Num, fs[0].Den
		whole := num
		if spare := c.Index.Sub(num.Mod(den)); !spare.Equal(tensor.Dim{}) {
			if _, multiple := spare.Exact(tensor.Int(den)); !multiple {
				return
			}
			whole = num.Add(spare)
			if !whole.Mod(den).Equal(c.Index) {
				return
			}
		}
		coef, other, linear := whole.Linear(name)
		v, constant := coef.Const()
		switch m := floorMod(v, den); {
		case !linear || !constant:
		case m == den-1:
			rest, k, ok = other, den, true
		case m == 1:
			rest, k, ok = other.Scale(-1), den, true
		}
	})
	return rest, k, ok
}

func floorMod(a, b int64) int64 { return ((a % b) + b) % b }

// termOf turns a reduction without axes into a map: its term, or the identity where a condition
// fails.
func termOf(d *kernel.Def) *kernel.Def {
	out := *d
	out.Reduce = nil
	if len(d.Reduce.When) == 0 {
		return &out
	}
	if d.Reduce.Op == kernel.Sum || d.Reduce.Op == kernel.Any {
		out.Expr = &kernel.Guard{Conds: d.Reduce.When, Expr: d.Expr}
		return &out
	}
	return d
}
