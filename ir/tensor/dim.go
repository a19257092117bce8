package tensor

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// A Dim is an integer expression in normal form: a polynomial with integer coefficients over
// atoms, where an atom is a named symbol or the floored quotient of a Dim by a positive
// constant. Dims serve as extents (`N*T*512`, `(H + 2*P - K) div 2 + 1`) and, with index names
// as symbols, as index expressions inside kernels (`2*h + r - 1`). Two Dims are equal exactly
// when their String is. The zero Dim is 0; Dims are values and never change.
type Dim struct {
	terms []term // sorted by key, no zero coefficients
}

// A term is coef * the product of its atoms. Its key, what it is sorted and compared by, is
// made of the atoms' keys.
type term struct {
	coef  int64
	atoms []atom // sorted by key; a power is repetition
	key   string
}

// An atom is a symbol, or num div den when den > 0. Its key is its text.
type atom struct {
	name string
	num  *Dim
	den  int64
	key  string
}

func symbolAtom(name string) atom { return atom{name: name, key: name} }

func quotientAtom(num Dim, den int64) atom {
	return atom{num: &num, den: den, key: "(" + num.String() + ") div " + strconv.FormatInt(den, 10)}
}

// monomial makes a term of atoms that are sorted already.
func monomial(coef int64, atoms []atom) term {
	switch len(atoms) {
	case 0:
		return term{coef: coef}
	case 1:
		return term{coef, atoms, atoms[0].key}
	}
	keys := make([]string, len(atoms))
	for i, a := range atoms {
		keys[i] = a.key
	}
	return term{coef, atoms, strings.Join(keys, "*")}
}

// Int returns the constant v.
func Int(v int64) Dim {
	if v == 0 {
		return Dim{}
	}
	return Dim{[]term{{coef: v}}}
}

// Sym returns the symbol of that name.
func Sym(name string) Dim { return Dim{[]term{{1, []atom{symbolAtom(name)}, name}}} }

// fromTerms sorts ts, which it owns, and joins equal keys.
func fromTerms(ts []term) Dim {
	slices.SortStableFunc(ts, func(a, b term) int { return strings.Compare(a.key, b.key) })
	out := ts[:0]
	for _, t := range ts {
		if n := len(out); n > 0 && out[n-1].key == t.key {
			out[n-1].coef += t.coef
			continue
		}
		out = append(out, t)
	}
	return Dim{slices.DeleteFunc(out, func(t term) bool { return t.coef == 0 })}
}

// Add returns d + e.
func (d Dim) Add(e Dim) Dim {
	if len(d.terms) == 0 {
		return e
	}
	if len(e.terms) == 0 {
		return d
	}
	out := make([]term, 0, len(d.terms)+len(e.terms))
	a, b := d.terms, e.terms
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].key < b[0].key:
			out, a = append(out, a[0]), a[1:]
		case a[0].key > b[0].key:
			out, b = append(out, b[0]), b[1:]
		default:
			if c := a[0].coef + b[0].coef; c != 0 {
				out = append(out, term{c, a[0].atoms, a[0].key})
			}
			a, b = a[1:], b[1:]
		}
	}
	return Dim{append(append(out, a...), b...)}
}

// Scale returns k * d.
func (d Dim) Scale(k int64) Dim {
	if k == 0 {
		return Dim{}
	}
	out := make([]term, len(d.terms))
	for i, t := range d.terms {
		out[i] = term{t.coef * k, t.atoms, t.key}
	}
	return Dim{out}
}

// Sub returns d - e.
func (d Dim) Sub(e Dim) Dim { return d.Add(e.Scale(-1)) }

// AddInt returns d + v.
func (d Dim) AddInt(v int64) Dim { return d.Add(Int(v)) }

// Mul returns d * e.
func (d Dim) Mul(e Dim) Dim {
	if v, ok := e.Const(); ok {
		return d.Scale(v)
	}
	if v, ok := d.Const(); ok {
		return e.Scale(v)
	}
	var out []term
	for _, a := range d.terms {
		for _, b := range e.terms {
			atoms := append(append([]atom{}, a.atoms...), b.atoms...)
			slices.SortStableFunc(atoms, func(a, b atom) int { return strings.Compare(a.key, b.key) })
			out = append(out, monomial(a.coef*b.coef, atoms))
		}
	}
	return fromTerms(out)
}

// Div returns the floor of d / k, k > 0: coefficients that k divides leave the quotient, and
// (e div a) div b becomes e div (a*b).
func (d Dim) Div(k int64) Dim {
	if k <= 0 {
		panic("BUG: Dim.Div by " + strconv.FormatInt(k, 10))
	}
	if k == 1 {
		return d
	}
	var whole, rest []term
	for _, t := range d.terms {
		q := floorDiv(t.coef, k)
		if len(t.atoms) > 0 && t.coef%k != 0 {
			q = 0
		}
		if q != 0 {
			whole = append(whole, term{q, t.atoms, t.key})
		}
		if r := t.coef - q*k; r != 0 {
			rest = append(rest, term{r, t.atoms, t.key})
		}
	}
	quotient, rem := Dim{whole}, Dim{rest}
	if v, ok := rem.Const(); ok {
		return quotient.Add(Int(floorDiv(v, k)))
	}
	// (e div a + c) div b = (e + c*a) div (a*b)
	if c := rem.constTerm(); len(rem.terms) == 1 || len(rem.terms) == 2 && c != 0 {
		t := rem.terms[len(rem.terms)-1]
		if t.coef == 1 && len(t.atoms) == 1 && t.atoms[0].den > 0 && fits(t.atoms[0].den, k) && fits(t.atoms[0].den, c) {
			a := t.atoms[0]
			return quotient.Add(a.num.AddInt(c * a.den).Div(a.den * k))
		}
	}
	return quotient.Add(fromAtom(quotientAtom(rem, k)))
}

// fits reports whether a*b is far from overflowing.
func fits(a, b int64) bool { return math.Abs(float64(a)*float64(b)) < 1<<62 }

func fromAtom(a atom) Dim { return Dim{[]term{{1, []atom{a}, a.key}}} }

// Mod returns d - k*(d div k), in 0..k.
func (d Dim) Mod(k int64) Dim { return d.Sub(d.Div(k).Scale(k)) }

// CeilDiv returns the ceiling of d / k.
func (d Dim) CeilDiv(k int64) Dim { return d.AddInt(k - 1).Div(k) }

// Exact returns d / e when it is a polynomial (with e a single term), else false.
func (d Dim) Exact(e Dim) (Dim, bool) {
	if len(e.terms) != 1 {
		return Dim{}, len(d.terms) == 0 && len(e.terms) > 0
	}
	by := e.terms[0]
	var out []term
	for _, t := range d.terms {
		if t.coef%by.coef != 0 {
			return Dim{}, false
		}
		rest := append([]atom{}, t.atoms...)
		for _, a := range by.atoms {
			i := 0
			for i < len(rest) && rest[i].key != a.key {
				i++
			}
			if i == len(rest) {
				return Dim{}, false
			}
			rest = append(rest[:i], rest[i+1:]...)
		}
		out = append(out, monomial(t.coef/by.coef, rest))
	}
	return fromTerms(out), true
}

// Const returns d's value when it is a constant.
func (d Dim) Const() (int64, bool) {
	switch {
	case len(d.terms) == 0:
		return 0, true
	case len(d.terms) == 1 && len(d.terms[0].atoms) == 0:
		return d.terms[0].coef, true
	}
	return 0, false
}

// IsConst reports whether d is the constant v.
func (d Dim) IsConst(v int64) bool {
	c, ok := d.Const()
	return ok && c == v
}

func (d Dim) constTerm() int64 {
	if len(d.terms) > 0 && len(d.terms[0].atoms) == 0 {
		return d.terms[0].coef
	}
	return 0
}

// Equal reports whether d and e have one normal form.
func (d Dim) Equal(e Dim) bool {
	return slices.EqualFunc(d.terms, e.terms, func(a, b term) bool { return a.coef == b.coef && a.key == b.key })
}

// Symbols adds the names in d to set.
func (d Dim) Symbols(set map[string]bool) {
	for _, t := range d.terms {
		for _, a := range t.atoms {
			if a.den > 0 {
				a.num.Symbols(set)
			} else {
				set[a.name] = true
			}
		}
	}
}

// Uses reports whether the symbol occurs in d.
func (d Dim) Uses(name string) bool {
	for _, t := range d.terms {
		for _, a := range t.atoms {
			if a.den == 0 && a.name == name || a.den > 0 && a.num.Uses(name) {
				return true
			}
		}
	}
	return false
}

// Linear splits d as coef*name + rest, when name occurs nowhere in coef and rest.
func (d Dim) Linear(name string) (coef, rest Dim, ok bool) {
	var cs, rs []term
	for _, t := range d.terms {
		at := -1
		for i, a := range t.atoms {
			if a.den == 0 && a.name == name {
				if at >= 0 {
					return Dim{}, Dim{}, false
				}
				at = i
			} else if a.den > 0 && a.num.Uses(name) {
				return Dim{}, Dim{}, false
			}
		}
		if at < 0 {
			rs = append(rs, t)
			continue
		}
		atoms := append(append([]atom{}, t.atoms[:at]...), t.atoms[at+1:]...)
		cs = append(cs, monomial(t.coef, atoms))
	}
	return fromTerms(cs), fromTerms(rs), true
}

// Subst replaces symbols by Dims.
func (d Dim) Subst(by map[string]Dim) Dim {
	if len(by) == 0 {
		return d
	}
	out := Dim{}
	for _, t := range d.terms {
		v := Int(t.coef)
		for _, a := range t.atoms {
			switch r, ok := by[a.name]; {
			case a.den > 0:
				v = v.Mul(a.num.Subst(by).Div(a.den))
			case ok:
				v = v.Mul(r)
			default:
				v = v.Mul(Sym(a.name))
			}
		}
		out = out.Add(v)
	}
	return out
}

// Eval returns d's value; every symbol must be in env.
func (d Dim) Eval(env map[string]int64) (int64, bool) {
	sum := int64(0)
	for _, t := range d.terms {
		v := t.coef
		for _, a := range t.atoms {
			if a.den > 0 {
				n, ok := a.num.Eval(env)
				if !ok {
					return 0, false
				}
				v *= floorDiv(n, a.den)
				continue
			}
			x, ok := env[a.name]
			if !ok {
				return 0, false
			}
			v *= x
		}
		sum += v
	}
	return sum, true
}

// A Range is the closed interval [Lo, Hi] of a symbol; the Open flags mean no known bound.
type Range struct {
	Lo, Hi         int64
	OpenLo, OpenHi bool
}

// Bounds returns an interval that holds d's value for all symbols within their ranges. A
// symbol without a range is a dim: at least 0, of no known upper bound.
func (d Dim) Bounds(ranges map[string]Range) Range {
	sum := Range{}
	for _, t := range d.terms {
		r := Range{Lo: t.coef, Hi: t.coef}
		for _, a := range t.atoms {
			r = r.mul(a.bounds(ranges))
		}
		sum = Range{sum.Lo + r.Lo, sum.Hi + r.Hi, sum.OpenLo || r.OpenLo, sum.OpenHi || r.OpenHi}
	}
	return sum
}

func (a atom) bounds(ranges map[string]Range) Range {
	if a.den > 0 {
		n := a.num.Bounds(ranges)
		return Range{floorDiv(n.Lo, a.den), floorDiv(n.Hi, a.den), n.OpenLo, n.OpenHi}
	}
	if r, ok := ranges[a.name]; ok {
		return r
	}
	return Range{OpenHi: true}
}

func (r Range) mul(s Range) Range {
	if !r.OpenLo && !r.OpenHi && !s.OpenLo && !s.OpenHi {
		p := []int64{r.Lo * s.Lo, r.Lo * s.Hi, r.Hi * s.Lo, r.Hi * s.Hi}
		slices.Sort(p)
		return Range{Lo: p[0], Hi: p[3]}
	}
	if !r.OpenLo && !s.OpenLo && r.Lo >= 0 && s.Lo >= 0 {
		return Range{Lo: r.Lo * s.Lo, OpenHi: true}
	}
	if neg, pos := r, s; !neg.OpenHi && neg.Hi <= 0 && !pos.OpenLo && pos.Lo >= 0 {
		return Range{Hi: neg.Hi * pos.Lo, OpenLo: true}
	}
	if neg, pos := s, r; !neg.OpenHi && neg.Hi <= 0 && !pos.OpenLo && pos.Lo >= 0 {
		return Range{Hi: neg.Hi * pos.Lo, OpenLo: true}
	}
	return Range{OpenLo: true, OpenHi: true}
}

// Within simplifies quotients by the symbols' ranges: (k*e + r) div k is e where 0 <= r < k
// follows from them. The sum is split by which coefficients k divides.
func (d Dim) Within(ranges map[string]Range) Dim {
	return d.eachQuotient(func(a atom) Dim {
		whole := a.num.Within(ranges).Div(a.den) // in normal form again: whole parts are out
		return whole.eachQuotient(func(a atom) Dim { return a.reduced(ranges) })
	})
}

// eachQuotient replaces the quotients of d.
func (d Dim) eachQuotient(by func(a atom) Dim) Dim {
	out := Dim{}
	for _, t := range d.terms {
		v := Int(t.coef)
		for _, a := range t.atoms {
			if a.den > 0 {
				v = v.Mul(by(a))
			} else {
				v = v.Mul(fromAtom(a))
			}
		}
		out = out.Add(v)
	}
	return out
}

// reduced is the quotient a, or its value where the ranges fix it; also after taking out of the
// numerator a part that a divisor g of the denominator divides: (g*a + r) div (g*b) with
// 0 <= r < g is a div b.
func (a atom) reduced(ranges map[string]Range) Dim {
	if b := a.bounds(ranges); !b.OpenLo && !b.OpenHi && b.Lo == b.Hi {
		return Int(b.Lo)
	}
	for g := a.den; g > 1; g-- {
		if a.den%g != 0 {
			continue
		}
		var big, small []term
		for _, t := range a.num.terms {
			if len(t.atoms) > 0 && t.coef%g == 0 {
				big = append(big, t)
			} else if len(t.atoms) == 0 {
				if q := floorDiv(t.coef, g) * g; q != 0 {
					big = append(big, term{coef: q})
				}
				if r := t.coef - floorDiv(t.coef, g)*g; r != 0 {
					small = append(small, term{coef: r})
				}
			} else {
				small = append(small, t)
			}
		}
		if len(big) == 0 {
			continue
		}
		b := Dim{small}.Bounds(ranges)
		if b.OpenLo || b.OpenHi || b.Lo < 0 || b.Hi >= g {
			continue
		}
		for i := range big {
			big[i].coef /= g
		}
		return fromTerms(big).Div(a.den / g)
	}
	return fromAtom(a)
}

// Terms calls f for each term: its coefficient, its symbols, and its quotients as (num, den).
func (d Dim) Terms(f func(coef int64, factors []Factor)) {
	for _, t := range d.terms {
		fs := make([]Factor, len(t.atoms))
		for i, a := range t.atoms {
			fs[i] = Factor{Name: a.name, Den: a.den}
			if a.den > 0 {
				fs[i].Num = *a.num
			}
		}
		f(t.coef, fs)
	}
}

// A Factor is one factor of a term: a symbol, or Num div Den when Den > 0.
type Factor struct {
	Name string
	Num  Dim
	Den  int64
}

// String prints d with higher terms first and the constant last: `2*h + r - 1`.
func (d Dim) String() string {
	if len(d.terms) == 0 {
		return "0"
	}
	var b strings.Builder
	write := func(t term) {
		c := t.coef
		switch {
		case b.Len() == 0 && c < 0:
			b.WriteByte('-')
			c = -c
		case b.Len() > 0 && c < 0:
			b.WriteString(" - ")
			c = -c
		case b.Len() > 0:
			b.WriteString(" + ")
		}
		parts := []string{}
		if c != 1 || len(t.atoms) == 0 {
			parts = append(parts, strconv.FormatInt(c, 10))
		}
		for _, a := range t.atoms {
			parts = append(parts, a.text(len(t.atoms) > 1 || c != 1 || len(d.terms) > 1))
		}
		b.WriteString(strings.Join(parts, "*"))
	}
	rest := d.terms
	if len(rest[0].atoms) == 0 {
		rest = rest[1:]
	}
	for _, t := range rest {
		write(t)
	}
	if len(rest) < len(d.terms) {
		write(d.terms[0])
	}
	return b.String()
}

func (a atom) text(inner bool) string {
	if a.den == 0 {
		return a.name
	}
	num := a.num.String()
	if strings.ContainsAny(num, " *-") {
		num = "(" + num + ")"
	}
	s := num + " div " + strconv.FormatInt(a.den, 10)
	if inner {
		s = "(" + s + ")"
	}
	return s
}

// MarshalText writes a Dim as its text.
func (d Dim) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a Dim's text.
func (d *Dim) UnmarshalText(b []byte) (err error) {
	*d, err = ParseDim(string(b))
	return err
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}
