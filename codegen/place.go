package codegen

import (
	"math/bits"
	"sort"
	"strconv"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// A span is the current sub-range of an index. Max bounds a length that is not constant; -1
// says that no bound is known.
type span struct {
	start, length tensor.Dim
	max           int64
	short         int64   // the one other length there can be, where it is known; else 0
	apart         []int64 // how far each point is from the start, where they are no neighbours
}

// from is how far a point is from the start.
func (s span) from(point int64) int64 {
	if s.apart != nil {
		return s.apart[point]
	}
	return point
}

// exact is the span's length when it is constant.
func (s span) exact() (int64, bool) { return s.length.Const() }

// single reports whether the span is one position.
func (s span) single() bool { return s.length.IsConst(1) }

// lane is the symbol of a Dim that stands for 0, 1, 2 ... across the lanes of a vector.
const lane = "@lane"

// A node is what is known while one node of the schedule is emitted: nothing in it outlives
// the block of code that the node makes.
type node struct {
	point  []int64 // offset of each index from the start of its sub-range
	lanes  int     // of the evaluation at hand: 1, or the machine's
	memo   map[memoKey]value
	splats map[string]string
	forms  map[any]*form
	when   value // scalar condition under which loads are allowed; id "" for always
	mask   value // the same by lane
}

type memoKey struct {
	expr       kernel.Expr
	point      uint64
	lanes      int
	when, mask string
}

// fresh forgets everything known of values in the current block.
func (e *emitter) fresh() {
	e.memo, e.splats, e.forms = map[memoKey]value{}, map[string]string{}, map[any]*form{}
	e.point = make([]int64, len(e.tile))
	e.lanes, e.when, e.mask = 1, value{}, value{}
}

// A form is an index expression prepared for the current tile: base plus a constant multiple
// of each index's offset in its tile; or, when it is not of that form, the expression itself.
type form struct {
	dim    tensor.Dim
	affine bool
	base   tensor.Dim
	bounds tensor.Range
	coefs  []coef
	places map[uint64]place // not affine: by point
	id     string           // of the base, once emitted
}

type coef struct {
	index int
	by    int64
}

// A place is the value of an index expression at a point: base + offset + step*lane, or, when
// step is no constant, any expression of the symbol lane.
type place struct {
	base   tensor.Dim
	offset int64
	step   int64
	by     *tensor.Dim // not nil: the whole value, over lane
	form   *form       // not nil: base is that form's
	shift  string      // i64: bytes to add to the address; "" for none
}

// formOf prepares d, which key identifies.
func (e *emitter) formOf(key any, d tensor.Dim) *form {
	if f, ok := e.forms[key]; ok {
		return f
	}
	f := &form{dim: d, affine: true}
	starts := map[string]tensor.Dim{}
	for _, name := range namesIn(d) {
		i, ok := e.indices[name]
		if !ok {
			continue
		}
		starts[name] = e.tile[i].start
		c, _, ok := d.Linear(name)
		k, constant := c.Const()
		if ok = ok && constant; ok {
			f.coefs = append(f.coefs, coef{i, k})
		} else if !e.tile[i].single() {
			f.affine = false
		}
	}
	if f.affine {
		f.base = d.Subst(starts).Within(e.ranges)
		f.bounds = f.base.Bounds(e.ranges)
	} else {
		f.places = map[uint64]place{}
	}
	e.forms[key] = f
	return f
}

// at is the form's value at the current point.
func (e *emitter) at(f *form) place {
	if !f.affine {
		key := e.key(e.numbers(f.dim))
		if e.lanes > 1 {
			key = key<<1 | 1
		} else {
			key <<= 1
		}
		p, ok := f.places[key]
		if !ok {
			p = e.generalPlace(f.dim)
			f.places[key] = p
		}
		return p
	}
	p := place{base: f.base, form: f}
	for _, c := range f.coefs {
		p.offset += c.by * e.tile[c.index].from(e.point[c.index])
		if c.index == e.vector && e.lanes > 1 {
			p.step = c.by * e.run()
		}
	}
	return p
}

func (e *emitter) generalPlace(d tensor.Dim) place {
	by := map[string]tensor.Dim{}
	for _, name := range namesIn(d) {
		i, ok := e.indices[name]
		if !ok {
			continue
		}
		at := e.tile[i].start.AddInt(e.tile[i].from(e.point[i]))
		if i == e.vector && e.lanes > 1 {
			at = at.Add(tensor.Sym(lane).Scale(e.run()))
		}
		by[name] = at
	}
	e.ranges[lane] = tensor.Range{Hi: int64(e.machine.Lanes) - 1}
	d = d.Subst(by).Within(e.ranges)
	step, rest, ok := d.Linear(lane)
	k, constant := step.Const()
	if !ok || !constant {
		return place{by: &d}
	}
	offset := constantTerm(rest)
	return place{base: rest.AddInt(-offset), offset: offset, step: k}
}

// bounds encloses the place's value over all lanes.
func (e *emitter) bounds(p place) tensor.Range {
	if p.by != nil {
		e.ranges[lane] = tensor.Range{Hi: int64(e.machine.Lanes) - 1}
		return p.by.Bounds(e.ranges)
	}
	r := p.base.Bounds(e.ranges)
	if p.form != nil {
		r = p.form.bounds
	}
	across := p.step * int64(e.lanes-1)
	return tensor.Range{Lo: r.Lo + p.offset + min(0, across), Hi: r.Hi + p.offset + max(0, across), OpenLo: r.OpenLo, OpenHi: r.OpenHi}
}

// whole is the i64 value of a place: a scalar, or a vector where it moves with the lanes.
func (e *emitter) whole(p place) value {
	if p.by != nil {
		return e.laned(*p.by)
	}
	id := e.baseID(p)
	v := value{id: id, t: tensor.I64, lanes: 1}
	if _, err := strconv.ParseInt(id, 10, 64); err == nil {
		v.fixed = true
	}
	if p.offset != 0 || v.fixed && p.step == 0 {
		v = e.sum(v, integerOf(tensor.I64, p.offset))
	}
	if p.step != 0 {
		v = e.two("add", v, e.across.ramp(p.step))
	}
	return v
}

func (e *emitter) baseID(p place) string {
	if p.form == nil {
		return e.integer(p.base)
	}
	if p.form.id == "" {
		p.form.id = e.integer(p.form.base)
	}
	return p.form.id
}

// sum adds integers, constants at once.
func (e *emitter) sum(a, b value) value {
	if a.fixed && b.fixed {
		x, _ := strconv.ParseInt(a.id, 10, 64)
		y, _ := strconv.ParseInt(b.id, 10, 64)
		return integerOf(a.t, x+y)
	}
	if b.fixed && b.id == "0" {
		return a
	}
	if a.fixed && a.id == "0" {
		return b
	}
	return e.two("add", a, b)
}

// laned evaluates a Dim over the symbol lane, lane by lane, as a vector.
func (e *emitter) laned(d tensor.Dim) value {
	if !d.Uses(lane) {
		return value{id: e.integer(d), t: tensor.I64, lanes: 1}
	}
	sum := integerOf(tensor.I64, 0)
	d.Terms(func(coef int64, factors []tensor.Factor) {
		v := integerOf(tensor.I64, coef)
		for _, f := range factors {
			x := e.lanedFactor(f)
			if v.fixed && v.id == "1" {
				v = x
			} else {
				v = e.two("mul", v, x)
			}
		}
		sum = e.sum(sum, v)
	})
	return sum
}

func (e *emitter) lanedFactor(f tensor.Factor) value {
	switch {
	case f.Den > 0 && f.Num.Uses(lane):
		n, den := e.laned(f.Num), integerOf(tensor.I64, f.Den)
		if f.Den&(f.Den-1) == 0 {
			return e.two("ashr", n, integerOf(tensor.I64, int64(bits.TrailingZeros64(uint64(f.Den)))))
		}
		zero := integerOf(tensor.I64, 0)
		less := e.choose(e.compare("icmp slt", n, zero), integerOf(tensor.I64, 1-f.Den), zero)
		return e.two("sdiv", e.two("add", n, less), den)
	case f.Name == lane:
		return e.across.ramp(1)
	}
	return value{id: e.integer(factorDim(f)), t: tensor.I64, lanes: 1}
}

// numbers lists the numbers of the indices in d.
func (e *emitter) numbers(d tensor.Dim) []int {
	var list []int
	for _, name := range namesIn(d) {
		if i, ok := e.indices[name]; ok {
			list = append(list, i)
		}
	}
	return list
}

// key numbers the current point among those of the current tile of some indices.
func (e *emitter) key(indices []int) uint64 {
	k := uint64(0)
	for _, i := range indices {
		if m := e.tile[i].max; m > 0 {
			k = k*uint64(m) + uint64(e.point[i])
		}
	}
	return k
}

func namesIn(d tensor.Dim) []string {
	set := map[string]bool{}
	d.Symbols(set)
	names := make([]string, 0, len(set))
	for n := range set {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

func constantTerm(d tensor.Dim) (c int64) {
	d.Terms(func(coef int64, factors []tensor.Factor) {
		if len(factors) == 0 {
			c = coef
		}
	})
	return c
}
