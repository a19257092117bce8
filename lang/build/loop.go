package build

import (
	"slices"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// A looping is a loop that the model runs: a `while`, or a `for` over a count that is not constant.
type looping struct {
	body    *syntax.Block
	at      diag.Span
	carries []*carry
	turn    *carry   // counts, where random numbers or a `for` need it
	states  []string // that the body updates by name
}

// firsts, params and nexts are the carries' values.
func (c *looping) firsts() (list []*ir.Value) {
	for _, k := range c.carries {
		list = append(list, k.first.v)
	}
	return list
}

func (c *looping) params() (list []*ir.Value) {
	for _, k := range c.carries {
		list = append(list, k.param)
	}
	return list
}

// carriesOf makes carries of the names of outside that a loop's body assigns.
func (e *elaborator) carriesOf(s *scope, c *looping) bool {
	good := true
	seen := map[string]bool{}
	eachAssigned(c.body, func(n *syntax.Name, at diag.Span) {
		if seen[n.Text] || !s.has(n.Text) {
			return
		}
		seen[n.Text] = true
		v, _ := s.find(n.Text)
		t, ok := e.carriedAs(s, n.Span(), v, nil)
		if !ok {
			if !isPoison(v) {
				e.errorf(s, check.WrongKind, n.Span(), "a loop that the model runs carries tensors, and `%s` is %s", n.Text, v.says())
			}
			good = false
			return
		}
		k := *t
		k.weak = false
		c.carries = append(c.carries, &carry{name: n, first: &k})
	})
	return good
}

// runTurn runs the body once, in a trace of its own: bind gives it its names. It makes no layers.
func (e *elaborator) runTurn(s *scope, c *looping, bind func(in *scope)) (*trace, bool) {
	t := e.enter("body")
	in := s.inner()
	for _, k := range c.carries {
		k.param = t.param(k.name.Text, k.first.v.Type)
		in.vars[k.name.Text] = e.keep(k.first, k.param)
	}
	c.states = e.bindStates(s, in, c.body)
	e.drawsByTurn(in, c)
	bind(in)
	e.scans = append(e.scans, nil)
	e.loops = append(e.loops, s.frame)
	v := e.block(in, c.body)
	e.loops = e.loops[:len(e.loops)-1]
	e.scans = e.scans[:len(e.scans)-1]
	good := !isPoison(v)
	if _, nothing := v.(none); good && !nothing {
		d := e.errorf(in, check.NoEffect, lastSpan(c.body), "the value of the last expression of a loop goes nowhere")
		help(d, "assign it to a name of outside")
		good = false
	}
	for _, k := range c.carries {
		if good && k.name != nil {
			k.next = e.nextOf(in, c, k)
			good = k.next != nil
		}
	}
	for _, path := range t.updated {
		p := t.region.begins[path]
		if p == nil {
			p = t.state(e.weights[path])
		}
		c.carries = append(c.carries, &carry{first: &tens{v: t.region.outer.load(e.weights[path])}, param: p, next: t.reach(t.current[path]), path: path})
	}
	e.leave()
	return t, good
}

// drawsByTurn gives each turn random numbers of its own, once the body draws.
func (e *elaborator) drawsByTurn(in *scope, c *looping) {
	t := e.t
	var key *ir.Value
	t.region.seed = func(seed *ir.Value) *ir.Value {
		if key == nil {
			key = e.mixed(in, c.at, seed, e.castTens(in, c.at, e.count(in, c), tensor.U64).v)
		}
		return key
	}
}

// count is the number of the turn, in the trace of a body: a carry that begins with 0.
func (e *elaborator) count(in *scope, c *looping) *tens {
	typ := tensor.Type{DType: tensor.I64}
	if c.turn == nil {
		t := e.t
		e.t = t.region.outer
		zero := e.emit1(in, c.at, ir.Full{Type: typ})
		e.t = t
		c.turn = &carry{first: &tens{v: zero}, param: t.param("turn", typ)}
		c.turn.next = e.emit1(in, c.at, ir.Binary{Fn: "add"}, c.turn.param, e.emit1(in, c.at, ir.Full{Type: typ, Int: 1}))
		c.carries = append(c.carries, c.turn)
	}
	return &tens{v: c.turn.param}
}

// nextOf is a carry's value at the end of a turn, of the type that it began with.
func (e *elaborator) nextOf(in *scope, c *looping, k *carry) *ir.Value {
	v, at := in.vars[k.name.Text], assignedIn(c.body, k.name.Text)
	t, ok := e.carriedAs(in, at, v, k.first)
	if ok && t.typ().Equal(k.first.typ()) {
		return e.t.reach(t.v)
	}
	if isPoison(v) {
		return nil
	}
	after := v.says()
	if ok {
		after = t.typ().String()
	}
	d := e.errorf(in, check.ResultShape, at, "`%s` is %s before the loop and %s after a turn", k.name.Text, k.first.typ(), after)
	help(d, "a loop that the model runs keeps the type of what it carries")
	return nil
}

// loopEnds gives the names and states what the loop has made of them.
func (e *elaborator) loopEnds(s *scope, c *looping, out []*ir.Value) {
	for i, k := range c.carries {
		switch {
		case k.path != "":
			e.t.update(k.path, out[i])
		case k.name != nil:
			s.assign(k.name.Text, e.keep(k.first, out[i]))
		}
	}
	e.readStates(s, c.states)
}

// results names what a turn gives.
func (c *looping) results(t *trace) {
	for _, k := range c.carries {
		name := k.path
		if k.name != nil {
			name = k.name.Text
		} else if name == "" {
			name = "turn"
		}
		t.b.Result(uniqueResult(t.b.Func, name), k.next)
	}
}

// while runs a `while`. What is carried is what its body assigns of the names around it.
func (e *elaborator) while(s *scope, st *syntax.While) {
	c := &looping{body: st.Body, at: st.Cond.Span()}
	limit := tensor.Int(-1)
	if st.Limit != nil {
		n, ok := e.whole(s, st.Limit.Span(), e.eval(s, st.Limit), "the limit of a `while`")
		if !ok {
			return
		}
		if limit = n.dim; limit.Bounds(nil).Hi < 0 {
			e.errorf(s, check.NotWhole, st.Limit.Span(), "the limit of a `while` cannot be %s", n)
			return
		}
	}
	if !e.carriesOf(s, c) {
		return
	}
	body, good := e.runTurn(s, c, func(*scope) {})
	if !good {
		return
	}
	e.run(s, c, body, limit, func(in *scope) *tens {
		switch v := e.eval(in, st.Cond).(type) {
		case *tens:
			if e.decides(in, st.Cond.Span(), v) {
				return v
			}
		case poison:
		default:
			d := e.errorf(in, check.BadCondition, st.Cond.Span(), "the condition of a `while` must be a bool that its turns change, not %s", v.says())
			help(d, "`for i in 0..n` counts")
		}
		return nil
	})
}

// run adds the loop, with a condition that is evaluated in a trace of its own.
func (e *elaborator) run(s *scope, c *looping, body *trace, limit tensor.Dim, holds func(*scope) *tens) {
	t := e.enter("cond")
	in := s.inner()
	var params []*ir.Value
	for _, k := range c.carries {
		name := "turn"
		if k.path != "" {
			params = append(params, t.state(e.weights[k.path]))
			continue
		}
		if k.name != nil {
			name = k.name.Text
		}
		p := t.param(name, k.first.v.Type)
		params = append(params, p)
		if k.name != nil {
			in.vars[k.name.Text] = e.keep(k.first, p)
		}
	}
	if c.turn != nil {
		in.vars[turnName] = &tens{v: params[slices.Index(c.carries, c.turn)]}
	}
	e.bindStates(s, in, c.body)
	cond := holds(in)
	if cond != nil {
		v := t.reach(cond.v)
		t.b.Result("holds", v)
		if n, endless := limit.Const(); endless && n < 0 && !ir.Dependents(t.b.Func.Nodes, params)[v] {
			d := e.errorf(in, check.BadCondition, c.at, "no turn changes the condition of this loop, so it would never end")
			help(d, "assign what it depends on, or write `limit n` behind it")
			cond = nil
		}
	}
	e.leave()
	switch {
	case cond == nil:
		return
	case len(c.carries) == 0:
		d := e.errorf(s, check.NoEffect, c.at, "this loop changes nothing: no turn assigns a name of outside")
		help(d, "in a loop, `=` assigns a name that the body has before it")
		return
	}
	c.results(body)
	operands := e.closeTogether([]*trace{t, body}, [][]*ir.Value{params, c.params()})
	op := ir.While{Cond: t.b.Func, Body: body.b.Func, Carries: len(c.carries), Limit: limit}
	if out, ok := e.emit(s, c.at, op, append(c.firsts(), operands...)...); ok {
		e.loopEnds(s, c, out)
	}
}

// turnName is where the condition of a `for` finds the number of the turn; no source can say it.
const turnName = "turn of the loop"

// counted runs a `for` over a range of which an end is not constant, and reports whether st is one.
func (e *elaborator) counted(s *scope, st *syntax.For, v value) bool {
	r, ok := v.(*span)
	if !ok {
		return false
	}
	var dims [2]*tensor.Dim
	constant, tensors := true, false
	for i, x := range []value{r.lo, r.hi} {
		switch x := x.(type) {
		case number:
			if x.fraction {
				return false
			}
			_, whole := x.dim.Const()
			dims[i], constant = &x.dim, constant && whole
		case *tens:
			tensors = true
			if !x.dtype().IsInt() || len(x.shape()) > 0 || x.row {
				e.errorf(s, check.NotWhole, st.In.Span(), "a `for` counts whole numbers, not %s", x.typ())
				return true
			}
		default:
			return false
		}
	}
	switch {
	case constant && !tensors:
		return false
	case len(st.Names) != 1:
		e.errorf(s, check.WrongKind, st.In.Span(), "a `for` over a run-time count takes one name")
	case tensors:
		e.countedByTensor(s, st, r)
	default:
		e.countedByDim(s, st, *dims[0], dims[1].Sub(*dims[0]))
	}
	return true
}

// countedByDim is a scan over the numbers of the turns: how many there are is known when the shapes are.
func (e *elaborator) countedByDim(s *scope, st *syntax.For, lo, count tensor.Dim) {
	c := &looping{body: st.Body, at: st.In.Span()}
	if !e.carriesOf(s, c) {
		return
	}
	numbers := e.emit1(s, c.at, ir.Iota{Type: tensor.Type{DType: tensor.I32, Shape: tensor.Shape{count}}})
	var place *ir.Value
	body, good := e.runTurn(s, c, func(in *scope) {
		place = e.t.param(st.Names[0].Text, tensor.Type{DType: tensor.I32})
		i := &tens{v: place, weak: true}
		in.vars[st.Names[0].Text] = i
		if !lo.IsConst(0) {
			in.vars[st.Names[0].Text] = e.binary(in, "+", c.at, operand{i, c.at}, operand{ofDim(lo), c.at})
		}
	})
	if !good {
		return
	}
	if len(c.carries) == 0 {
		e.errorf(s, check.NoEffect, c.at, "this loop changes nothing: no turn assigns a name of outside")
		return
	}
	c.results(body)
	operands := slices.Concat(c.firsts(), []*ir.Value{numbers}, e.closeRegion(body, append(c.params(), place)))
	if out, ok := e.emit(s, c.at, ir.Scan{Body: body.b.Func, Length: count, Carries: len(c.carries), Sequences: 1}, operands...); ok {
		e.loopEnds(s, c, out)
	}
}

// countedByTensor is a while that counts.
func (e *elaborator) countedByTensor(s *scope, st *syntax.For, r *span) {
	c := &looping{body: st.Body, at: st.In.Span()}
	if !e.carriesOf(s, c) {
		return
	}
	at := func(in *scope, turn value) value {
		return e.binary(in, "+", c.at, operand{r.lo, c.at}, operand{turn, c.at})
	}
	typ := tensor.I64
	for _, v := range []value{r.lo, r.hi} {
		if t, ok := v.(*tens); ok {
			typ = t.dtype()
		}
	}
	body, good := e.runTurn(s, c, func(in *scope) {
		i, ok := at(in, e.castTens(in, c.at, e.count(in, c), typ)).(*tens)
		if ok {
			in.vars[st.Names[0].Text] = &tens{v: i.v, weak: true}
		}
	})
	if !good {
		return
	}
	e.run(s, c, body, tensor.Int(-1), func(in *scope) *tens {
		turn, _ := in.vars[turnName].(*tens)
		t, _ := e.binary(in, "<", c.at, operand{at(in, e.castTens(in, c.at, turn, typ)), c.at}, operand{r.hi, c.at}).(*tens)
		return t
	})
}
