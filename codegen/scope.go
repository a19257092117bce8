package codegen

import (
	"fmt"
	"math/bits"
	"sort"
	"strconv"
	"strings"

	"github.com/llir/llvm/ir"

	"dlc/ir/tensor"
)

// A scope is the body of a loop (scope 0: the function). Entry dominates all code of the body;
// integers and addresses that depend on nothing deeper are put there once.
type scope struct {
	entry *ir.Block
	names map[string]string
}

// A symbol is the value of a Dim's symbol and the depth of the scope where it is known.
type symbol struct {
	id    string
	depth int
}

// hoist puts an instruction without side effects at the end of the entry of the scope of that depth,
// unless it is there.
func (e *emitter) hoist(depth int, parts ...string) string {
	s, key := e.scopes[depth], strings.Join(parts, "")
	if id, ok := s.names[key]; ok {
		return id
	}
	cur := e.cur
	e.cur = s.entry
	s.names[key] = e.set(key)
	e.cur = cur
	return s.names[key]
}

// declare gives a Dim a name of its own, with a known range.
func (e *emitter) declare(id string, depth int, r tensor.Range) tensor.Dim {
	e.last++
	name := "@" + strconv.Itoa(e.last)
	e.symbols[name] = symbol{id, depth}
	e.ranges[name] = r
	return tensor.Sym(name)
}

// symbol looks a symbol up; one of the model is loaded when it is first used.
func (e *emitter) symbol(name string) symbol {
	if s, ok := e.symbols[name]; ok {
		return s
	}
	i := sort.SearchStrings(e.order, name)
	if i == len(e.order) || e.order[i] != name {
		panic(fmt.Sprintf("BUG: kernel %s has no symbol %s", e.program.Name, name))
	}
	s := symbol{e.across.symbol(i), 0}
	e.symbols[name] = s
	return s
}

func (e *emitter) depth(d tensor.Dim) int {
	deepest := 0
	for _, name := range namesIn(d) { // the first to ask for a symbol loads it
		deepest = max(deepest, e.symbol(name).depth)
	}
	return deepest
}

// parts splits a sum by the depths of its terms, shallowest first; a constant is in the first.
func (e *emitter) parts(d tensor.Dim) (sums []tensor.Dim, depths []int) {
	by := map[int]tensor.Dim{}
	d.Terms(func(coef int64, factors []tensor.Factor) {
		t := product(coef, factors)
		at := e.depth(t)
		by[at] = by[at].Add(t)
	})
	for at := range e.scopes {
		if s, ok := by[at]; ok {
			sums, depths = append(sums, s), append(depths, at)
		}
	}
	return sums, depths
}

func product(coef int64, factors []tensor.Factor) tensor.Dim {
	t := tensor.Int(coef)
	for _, f := range factors {
		t = t.Mul(factorDim(f))
	}
	return t
}

func factorDim(f tensor.Factor) tensor.Dim {
	if f.Den > 0 {
		return f.Num.Div(f.Den)
	}
	return tensor.Sym(f.Name)
}

// integer returns the i64 value of d: computed once, in the shallowest scope that knows it.
func (e *emitter) integer(d tensor.Dim) string {
	if c, ok := d.Const(); ok {
		return strconv.FormatInt(c, 10)
	}
	sums, depths := e.parts(d)
	sum, top := tensor.Dim{}, ""
	for i, part := range sums {
		sum = sum.Add(part)
		at, key := e.scopes[depths[i]], sum.String()
		id, ok := at.names[key]
		if !ok {
			id = e.terms(part, depths[i], top)
			at.names[key] = id
		}
		top = id
	}
	return top
}

// terms adds the terms of d to the value sum ("" for none), all in the scope of that depth.
func (e *emitter) terms(d tensor.Dim, depth int, sum string) string {
	d.Terms(func(coef int64, factors []tensor.Factor) {
		v := ""
		for _, f := range factors {
			if x := e.factor(f, depth); v == "" {
				v = x
			} else {
				v = e.hoist(depth, "mul i64 ", v, ", ", x)
			}
		}
		switch {
		case v == "":
			v = strconv.FormatInt(coef, 10)
		case coef != 1:
			v = e.hoist(depth, "mul i64 ", v, ", ", strconv.FormatInt(coef, 10))
		}
		if sum == "" {
			sum = v
		} else {
			sum = e.hoist(depth, "add i64 ", sum, ", ", v)
		}
	})
	return sum
}

// factor returns a symbol's value or a floored quotient.
func (e *emitter) factor(f tensor.Factor, depth int) string {
	if f.Den == 0 {
		return e.symbol(f.Name).id
	}
	key := factorDim(f).String()
	if id, ok := e.scopes[depth].names[key]; ok {
		return id
	}
	num, den := e.integer(f.Num), strconv.FormatInt(f.Den, 10)
	r := f.Num.Bounds(e.ranges)
	var id string
	switch {
	case bits.OnesCount64(uint64(f.Den)) == 1:
		id = e.hoist(depth, "ashr i64 ", num, ", ", strconv.Itoa(bits.TrailingZeros64(uint64(f.Den))))
	case !r.OpenLo && r.Lo >= 0:
		id = e.hoist(depth, "udiv i64 ", num, ", ", den)
	default: // floor((num) / den) = (num - (num < 0 ? den-1 : 0)) / den, truncated
		negative := e.hoist(depth, "icmp slt i64 ", num, ", 0")
		less := e.hoist(depth, "select i1 ", negative, ", i64 ", strconv.FormatInt(1-f.Den, 10), ", i64 0")
		id = e.hoist(depth, "sdiv i64 ", e.hoist(depth, "add i64 ", num, ", ", less), ", ", den)
	}
	e.scopes[depth].names[key] = id
	return id
}

// base returns the address of the operand's buffer, loaded once.
func (e *emitter) base(o *operand) string {
	key := o.key()
	id, ok := e.scopes[0].names[key]
	if !ok && o.step != 0 {
		id = e.base(&operand{buffer: o.buffer, place: o.place})
		id = e.hoist(0, "getelementptr i8, ptr ", id, ", i64 ", e.across.ramp(o.step*int64(o.buffer.Type.DType.Size())).id)
		e.scopes[0].names[key] = id
	} else if !ok {
		id = e.across.buffer(o.place)
		e.scopes[0].names[key] = id
	}
	return id
}

// address returns the address of element d of a buffer; each part of d is added in the
// shallowest scope that knows it.
func (e *emitter) address(o *operand, d tensor.Dim) string {
	top := e.base(o)
	size := int64(o.buffer.Type.DType.Size())
	sums, depths := e.parts(d)
	sum := tensor.Dim{}
	for i, part := range sums {
		sum = sum.Add(part)
		at, key := e.scopes[depths[i]], o.key()+"+"+sum.String()
		id, ok := at.names[key]
		if !ok {
			bytes := e.terms(part.Scale(size), depths[i], "")
			id = e.hoist(depths[i], "getelementptr i8, ptr ", top, ", i64 ", bytes)
			at.names[key] = id
		}
		top = id
	}
	return top
}

// displaced is the address that many bytes behind p: a constant the instruction's own
// displacement takes.
func (e *emitter) displaced(p string, bytes int64) string {
	if bytes == 0 {
		return p
	}
	return e.set("getelementptr i8, ptr ", p, ", i64 ", strconv.FormatInt(bytes, 10))
}
