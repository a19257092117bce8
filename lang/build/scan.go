package build

import (
	"slices"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// A scanning is a `scan` whose body is being run.
type scanning struct {
	walking
	node    *syntax.Scan
	place   int // of the axis in what is stacked
	carries []*carry
	yields  []operand
}

// A walking is what a region goes through, the axis first, and its parameters for the elements.
type walking struct {
	length tensor.Dim
	walked []*ir.Value
	params []*ir.Value
}

// walk adds something to go through, of which the region t gets an element.
func (w *walking) walk(t *trace, name string, x *ir.Value) *ir.Value {
	typ := x.Type
	typ.Shape = typ.Shape[1:]
	p := t.param(name, typ)
	w.walked, w.params = append(w.walked, x), append(w.params, p)
	return p
}

// A carry is one of `with`, or a state that the body updates.
type carry struct {
	name  *syntax.Name
	first *tens
	param *ir.Value
	next  *ir.Value
	path  string // of a state
}

// scan is `scan names in sequences over axis with carries { ... }`. Its value is what it yields,
// stacked along the axis, or without `yield` the last carries.
func (e *elaborator) scan(s *scope, x *syntax.Scan) value {
	c := &scanning{node: x}
	elements, ok := e.sequences(s, c)
	if !e.begin(s, c) || !ok {
		return poison{}
	}
	t := e.enter("body")
	in := s.inner()
	in.closed = true
	for _, k := range c.carries {
		k.param = t.param(k.name.Text, k.first.v.Type)
		in.vars[k.name.Text] = e.keep(k.first, k.param)
	}
	e.bind(in, c, elements)
	states := e.bindStates(s, in, x.Body)
	e.scans = append(e.scans, c)
	v := e.block(in, x.Body)
	e.scans = e.scans[:len(e.scans)-1]
	good := !isPoison(v) && e.ends(in, c, v)
	e.leave()
	if !good {
		return poison{}
	}
	v = e.scanned(s, t, c)
	e.readStates(s, states)
	return v
}

// sequences evaluates what is walked through: tensors, or ranges of whole numbers.
func (e *elaborator) sequences(s *scope, c *scanning) (elements []*tens, ok bool) {
	x := c.node
	if len(x.Names) != len(x.In) {
		e.errorf(s, check.WrongKind, x.Names[0].Span(), "%d names cannot take the elements of %d sequences", len(x.Names), len(x.In))
		return nil, false
	}
	placed := false // by a tensor
	for i, in := range x.In {
		v, place, ok := e.sequence(s, x, operand{e.eval(s, in), in.Span()})
		if !ok {
			return nil, false
		}
		length := v.shape()[place]
		if i == 0 {
			c.length = length
		}
		if _, ranged := in.(*syntax.Range); !ranged && !placed {
			c.place, placed = place, true
		}
		if !length.Equal(c.length) {
			d := e.errorf(s, check.BadAxis, in.Span(), "the sequences of a `scan` differ in length: %s and %s", c.length, length)
			label(d, x.In[0].Span(), "%s turns", c.length)
			return nil, false
		}
		walked := e.moved(s, in.Span(), v.v, place, 0)
		if walked == nil {
			return nil, false
		}
		elements = append(elements, &tens{v: walked, labels: slices.Delete(slices.Clone(v.labels), place, place+1), weak: v.weak})
	}
	return elements, true
}

// sequence is one of them, with the place of its axis.
func (e *elaborator) sequence(s *scope, x *syntax.Scan, v operand) (*tens, int, bool) {
	switch t := v.v.(type) {
	case poison:
	case *tens:
		if t.row {
			e.errorf(s, check.DataUnsupported, v.at, "`scan` in a dataset is not supported yet")
			return nil, 0, false
		}
		places, ok := e.axesOf(s, x.Over, t)
		if ok && len(places) != 1 {
			e.errorf(s, check.BadAxis, x.Over.Span(), "a `scan` goes over one axis, `%s` names %d", x.Over.Text, len(places))
		}
		if !ok || len(places) != 1 {
			return nil, 0, false
		}
		place, _ := places[0].(number).dim.Const()
		return t, int(place), true
	case *span:
		lo, okLo := e.whole(s, v.at, t.lo, "the begin of a range")
		hi, okHi := e.whole(s, v.at, t.hi, "the end of a range")
		if !okLo || !okHi {
			return nil, 0, false
		}
		count := tensor.Type{DType: tensor.I32, Shape: tensor.Shape{hi.dim.Sub(lo.dim)}}
		n, ok := e.wrap(e.emit1(s, v.at, ir.Iota{Type: count}), true).(*tens)
		if ok && !lo.dim.IsConst(0) {
			n, ok = e.elementwise(s, "+", v.at, operand{n, v.at}, operand{lo, v.at}).(*tens)
		}
		if ok {
			n.labels = []string{x.Over.Text}
		}
		return n, 0, ok
	default:
		e.errorf(s, check.WrongKind, v.at, "a `scan` goes through tensors or ranges, not %s", v.v.says())
	}
	return nil, 0, false
}

// moved takes an axis to another place.
func (e *elaborator) moved(s *scope, at diag.Span, v *ir.Value, from, to int) *ir.Value {
	if v == nil || from == to {
		return v
	}
	perm := []int{}
	for i := range v.Type.Shape {
		if i != from {
			perm = append(perm, i)
		}
	}
	return e.emit1(s, at, ir.Transpose{Perm: slices.Insert(perm, to, from)}, v)
}

// begin evaluates what the carries begin with.
func (e *elaborator) begin(s *scope, c *scanning) bool {
	for _, w := range c.node.With {
		v := e.eval(s, w.Value)
		switch x := v.(type) {
		case number:
			v = e.weak(s, w.Value.Span(), x)
		case boolean:
			v = e.boolAs(s, w.Value.Span(), x)
		}
		t, ok := strong(v).(*tens)
		if !ok || t == nil || t.row {
			if !isPoison(v) {
				e.errorf(s, check.WrongKind, w.Value.Span(), "a `scan` carries tensors, not %s", v.says())
			}
			return false
		}
		c.carries = append(c.carries, &carry{name: w.Name, first: t})
	}
	return true
}

// bind gives the names a turn's elements.
func (e *elaborator) bind(in *scope, c *scanning, elements []*tens) {
	for i, n := range c.node.Names {
		p := c.walk(e.t, n.Text, elements[i].v)
		if r, ok := e.t.ranges[elements[i].v]; ok {
			e.t.ranges[p] = r
		}
		in.vars[n.Text] = e.keep(elements[i], p)
	}
	e.keyed(in, c.node.Span(), &c.walking)
}

// keyed gives each turn of the region at hand random numbers of its own.
func (e *elaborator) keyed(s *scope, at diag.Span, w *walking) {
	t := e.t
	var key *ir.Value
	t.region.seed = func(seed *ir.Value) *ir.Value {
		if key != nil {
			return key
		}
		e.t = t.region.outer
		count := e.emit1(s, at, ir.Iota{Type: tensor.Type{DType: tensor.U64, Shape: tensor.Shape{w.length}}})
		e.t = t
		key = e.mixed(s, at, seed, w.walk(t, "turn", count))
		return key
	}
}

// mixed keys the random numbers of a turn: the seed, and the turn's number times an odd constant.
func (e *elaborator) mixed(s *scope, at diag.Span, seed, turn *ir.Value) *ir.Value {
	const golden = 0x9e3779b97f4a7c15 // 2^64 over the golden ratio: turns differ in many bits
	u := tensor.Type{DType: tensor.U64}
	one := e.emit1(s, at, ir.Full{Type: u, Int: 1})
	odd := e.emit1(s, at, ir.Full{Type: u, Int: golden - 1<<64})
	step := e.emit1(s, at, ir.Binary{Fn: "mul"}, e.emit1(s, at, ir.Binary{Fn: "add"}, turn, one), odd)
	return e.emit1(s, at, ir.Binary{Fn: "xor"}, seed, step)
}

// ends takes what the carries, the states and what is yielded have come to in a turn.
func (e *elaborator) ends(in *scope, c *scanning, v value) bool {
	x := c.node
	if _, nothing := v.(none); !nothing {
		d := e.errorf(in, check.NoEffect, lastSpan(x.Body), "the value of the last expression of a `scan` goes nowhere")
		help(d, "`yield` it, or assign it to a carry")
		return false
	}
	if len(c.yields)+len(c.carries) == 0 {
		d := e.errorf(in, check.NoEffect, x.Span(), "this `scan` gives nothing: it neither yields nor carries")
		help(d, "`yield e` stacks e along %s; `with h = e` carries h", x.Over.Text)
		return false
	}
	good := true
	for _, k := range c.carries {
		k.next = e.carried(in, c, k)
		good = good && k.next != nil
	}
	for _, path := range e.t.updated {
		p := e.t.region.begins[path]
		if p == nil {
			p = e.t.state(e.weights[path])
		}
		c.carries = append(c.carries, &carry{param: p, next: e.t.reach(e.t.current[path]), path: path})
	}
	return good
}

// carried is a carry's next value, of the type that it began with.
func (e *elaborator) carried(in *scope, c *scanning, k *carry) *ir.Value {
	at, v := lastAssigned(c.node.Body, k.name.Text), in.vars[k.name.Text]
	if at.IsZero() {
		at = k.name.Span()
	}
	t, ok := v.(*tens)
	switch x := v.(type) {
	case poison:
		return nil
	case number:
		n := e.constantOf(in, at, x, k.first.dtype(), k.first.shape())
		t, ok = e.wrap(n, false).(*tens)
	case boolean:
		t = e.boolAs(in, at, x)
		ok = t != nil
	case *tens:
		if x.weak {
			t = e.castTens(in, at, x, k.first.dtype())
		}
	}
	if ok && t != nil && t.typ().Equal(k.first.typ()) {
		return e.t.reach(t.v)
	}
	d := e.errorf(in, check.ResultShape, at, "the carry `%s` begins as %s and would go on as %s", k.name.Text, k.first.typ(), v.says())
	label(d, k.name.Span(), "it begins here")
	return nil
}

// lastAssigned is where a block gives a name its last value.
func lastAssigned(b *syntax.Block, name string) (at diag.Span) {
	for _, st := range b.Stmts {
		a, ok := st.(*syntax.Assign)
		if !ok {
			continue
		}
		for _, t := range a.Targets {
			if n, ok := t.(*syntax.Name); ok && n.Text == name {
				at = a.Value.Span()
			}
		}
	}
	return at
}

// yield adds to what the scan at hand stacks.
func (e *elaborator) yield(s *scope, st *syntax.Yield) {
	v := strong(e.eval(s, st.Value))
	if n, ok := v.(number); ok {
		v = strong(e.weak(s, st.Span(), n))
	}
	if len(e.scans) == 0 {
		return // told
	}
	c := e.scans[len(e.scans)-1]
	if c == nil {
		d := e.errorf(s, check.BadTarget, st.Span(), "`yield` stands in a branch or loop that a tensor decides: not every turn would yield")
		help(d, "give a name its value there, and `yield` it behind")
		return
	}
	c.yields = append(c.yields, operand{v, st.Value.Span()})
}

// scanned adds the node to the trace around, and gives the scan its value.
func (e *elaborator) scanned(s *scope, t *trace, c *scanning) value {
	at := c.node.Span()
	var parts []operand
	for _, y := range c.yields {
		list, ok := e.parts(s, y)
		if !ok {
			return poison{}
		}
		parts = append(parts, list...)
	}
	var firsts, params, results, operands []*ir.Value
	for _, k := range c.carries {
		var first *ir.Value
		if k.path == "" {
			first = k.first.v
		} else {
			first = e.t.load(e.weights[k.path])
		}
		firsts, params, results = append(firsts, first), append(params, k.param), append(results, k.next)
	}
	named := len(c.node.With)
	for _, p := range parts {
		results = append(results, t.reach(p.v.(*tens).v))
	}
	operands = slices.Concat(firsts, c.walked, e.closeRegion(t, slices.Concat(params, c.params)))
	for i, v := range results {
		name := "y"
		if i < named {
			name = c.carries[i].name.Text
		} else if i < len(c.carries) {
			name = c.carries[i].path
		}
		t.b.Result(uniqueResult(t.b.Func, name), v)
	}
	out, ok := e.emit(s, at, ir.Scan{Body: t.b.Func, Length: c.length, Carries: len(c.carries), Sequences: len(c.walked), Reversed: c.node.Backward}, operands...)
	if !ok {
		return poison{}
	}
	for i, k := range c.carries {
		if k.path != "" {
			e.t.update(k.path, out[i])
		}
	}
	if len(c.yields) == 0 {
		return e.lastCarries(c, out)
	}
	place := len(c.carries)
	items := &sequence{}
	for _, y := range c.yields {
		items.items = append(items.items, e.stack(s, c, y, out, &place))
	}
	if len(items.items) == 1 {
		return items.items[0]
	}
	return items
}

func uniqueResult(f *ir.Func, name string) string {
	for slices.ContainsFunc(f.Results, func(r ir.Result) bool { return r.Name == name }) {
		name += "_"
	}
	return name
}

// parts lists the tensors in what is yielded.
func (e *elaborator) parts(s *scope, y operand) (out []operand, ok bool) {
	switch v := y.v.(type) {
	case poison:
		return nil, false
	case *tens:
		return []operand{y}, true
	case *sequence:
		for _, x := range v.items {
			list, ok := e.parts(s, operand{strong(x), y.at})
			if !ok {
				return nil, false
			}
			out = append(out, list...)
		}
		return out, true
	}
	e.errorf(s, check.WrongKind, y.at, "a `scan` yields tensors, not %s", y.v.says())
	return nil, false
}

// stack is what came of a value that was yielded: its tensors with the axis at its place.
func (e *elaborator) stack(s *scope, c *scanning, y operand, out []*ir.Value, next *int) value {
	if q, ok := y.v.(*sequence); ok {
		stacked := &sequence{names: q.names, list: q.list}
		for _, x := range q.items {
			stacked.items = append(stacked.items, e.stack(s, c, operand{x, y.at}, out, next))
		}
		return stacked
	}
	t := y.v.(*tens)
	v := out[*next]
	*next++
	place := min(c.place, len(t.labels))
	w, ok := e.wrap(e.moved(s, y.at, v, 0, place), false).(*tens)
	if !ok {
		return poison{}
	}
	w.labels = slices.Insert(slices.Clone(t.labels), place, c.node.Over.Text)
	return w
}

// lastCarries is the value of a scan that yields nothing.
func (e *elaborator) lastCarries(c *scanning, out []*ir.Value) value {
	q := &sequence{}
	for i, k := range c.carries {
		if k.path == "" {
			q.items = append(q.items, &tens{v: out[i], labels: slices.Clone(k.first.labels)})
		}
	}
	if len(q.items) == 1 {
		return q.items[0]
	}
	return q
}
