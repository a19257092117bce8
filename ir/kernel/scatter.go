package kernel

import (
	"fmt"
	"strings"

	"dlc/ir/tensor"
)

// A Match sends each term of a reduction to one position of a kept axis: only the terms whose
// Index equals the position count there. Index is any integer expression over the reduced axes
// and the kept axes that are not matched; where it lies outside of the axis the term counts
// nowhere. The terms of one element come ascending, as one chain.
//
// So the gradient of y[n, d] = w[@ids[n], d] is
//
//	dw[v:V, d:D] = sum n:M chain at v = ids[n]; dy[n, d]
type Match struct {
	Axis  string
	Index Expr
}

// Scatters reports whether d sends its terms to matched positions.
func (d *Def) Scatters() bool { return d.Reduce != nil && len(d.Reduce.At) > 0 }

// Matched reports whether a kept axis of d is no index of its terms: it is matched, or the rank of
// an argsort.
func (d *Def) Matched(axis string) bool {
	if d.Sorts() && d.Axes[len(d.Axes)-1].Name == axis {
		return true
	}
	if d.Reduce != nil {
		for _, m := range d.Reduce.At {
			if m.Axis == axis {
				return true
			}
		}
	}
	return false
}

// Unmatched returns the kept axes of d that are not matched.
func (d *Def) Unmatched() []Axis {
	var axes []Axis
	for _, a := range d.Axes {
		if !d.Matched(a.Name) {
			axes = append(axes, a)
		}
	}
	return axes
}

// Exprs returns d's expression, then the indices of its matches.
func (d *Def) Exprs() []Expr {
	es := []Expr{d.Expr}
	if d.Reduce != nil {
		for _, m := range d.Reduce.At {
			es = append(es, m.Index)
		}
	}
	return es
}

// MapExprs returns a copy of d in which f of it stands for each of its Exprs.
func (d *Def) MapExprs(f func(Expr) Expr) *Def {
	c := d.Clone()
	c.Expr = f(d.Expr)
	if c.Reduce != nil {
		for i, m := range c.Reduce.At {
			c.Reduce.At[i].Index = f(m.Index)
		}
	}
	return c
}

// Loads returns the loads of d's Exprs, each once, in order of first use.
func (d *Def) Loads() []*Load {
	if !d.Scatters() {
		return Loads(d.Expr)
	}
	var loads []*Load
	seen := map[*Load]bool{}
	for _, e := range d.Exprs() {
		for _, l := range Loads(e) {
			if !seen[l] {
				loads = append(loads, l)
			}
			seen[l] = true
		}
	}
	return loads
}

// Uses reports whether an index expression or condition of e has the name.
func Uses(e Expr, name string) bool {
	found := false
	Walk(e, func(e Expr) bool {
		switch e := e.(type) {
		case *Index:
			found = found || e.Dim.Uses(name)
		case *Guard:
			for _, c := range e.Conds {
				found = found || c.Index.Uses(name) || c.Extent.Uses(name)
			}
		}
		return !found
	})
	return found
}

// matchesText prints at v = ids[n], u = i64(j[n]).
func matchesText(ms []Match) string {
	if len(ms) == 0 {
		return ""
	}
	parts := make([]string, len(ms))
	for i, m := range ms {
		p := &printer{name: map[Expr]string{}}
		parts[i] = name(m.Axis) + " = " + p.whole(m.Index, 0)
	}
	return " at " + strings.Join(parts, ", ")
}

// matches reads what matchesText wrote, behind the word at.
func (p *parser) matches() []Match {
	var ms []Match
	for {
		m := Match{Axis: p.name()}
		p.expect("=")
		m.Index = p.expr(0)
		if ms = append(ms, m); !p.accept(",") {
			return ms
		}
	}
}

func (v *verifier) matches(d *Def) error {
	seen := map[string]bool{}
	for _, m := range d.Reduce.At {
		kept := false
		for _, a := range d.Axes {
			kept = kept || a.Name == m.Axis
		}
		if !kept || seen[m.Axis] {
			return fmt.Errorf("the match of %s: it is no kept axis or matched twice", m.Axis)
		}
		seen[m.Axis] = true
		if err := v.expr(m.Index); err != nil {
			return fmt.Errorf("the match of %s: %w", m.Axis, err)
		}
		if !m.Index.Type().IsInt() {
			return fmt.Errorf("the match of %s: the index is %s", m.Axis, m.Index.Type())
		}
	}
	if len(seen) > 0 && d.Reduce.Order.Kind != Unordered && d.Reduce.Order.Kind != Chain {
		return fmt.Errorf("matched terms come as a chain, not by %s", d.Reduce.Order)
	}
	for axis := range seen {
		for _, e := range d.Exprs() {
			if Uses(e, axis) {
				return fmt.Errorf("%s is matched: a term cannot depend on it", axis)
			}
		}
		for _, c := range d.Reduce.When {
			if c.Index.Uses(axis) {
				return fmt.Errorf("%s is matched: a condition cannot depend on it", axis)
			}
		}
	}
	return nil
}

// scatter walks the terms once, in their order, and adds each to the element it is sent to.
func (r *run) scatter(d *Def, x *tensor.Tensor) {
	at := r.bindAxes(d.Axes)
	var free []*int64
	for i, a := range d.Axes {
		if !d.Matched(a.Name) {
			free = append(free, at[i])
		}
	}
	inner := r.bindAxes(d.Reduce.Axes)
	fold := NewFold(d)
	put, get := setter(x), elements(x)
	for i := range x.Len() {
		put(i, fold.Identity)
	}
	term, holds, inside := r.terms(d, fold), r.compile.Holds(d.Reduce.When), r.matched(d, x.Dims)
	walk(r.extents(d.Reduce.Axes), inner, func() {
		walk(r.extents(d.Unmatched()), free, func() {
			r.compile.Moved()
			if !holds() || !inside() {
				return
			}
			place := 0
			for i, n := range x.Dims {
				place = place*n + int(*at[i])
			}
			put(place, term(get(place)))
		})
	})
}

// matched returns a function that moves the matched axes to where the current term is sent, and
// reports whether that is inside.
func (r *run) matched(d *Def, dims []int) func() bool {
	type match struct {
		index  Eval
		to     *int64
		extent int64
	}
	var ms []match
	for _, m := range d.Reduce.At {
		for i, a := range d.Axes {
			if a.Name == m.Axis {
				ms = append(ms, match{r.compile.Compile(ExpandFuncs(m.Index)), r.value[a.Name], int64(dims[i])})
			}
		}
	}
	return func() bool {
		for _, m := range ms {
			v := int64(m.index())
			if v < 0 || v >= m.extent {
				return false
			}
			*m.to = v
		}
		return true
	}
}
