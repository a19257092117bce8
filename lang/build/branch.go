package build

import (
	"slices"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// A branching is an `if` on a tensor, each side of which is run in a trace of its own.
type branching struct {
	node  *syntax.If
	sides [2]*side
}

// A side is one of its branches.
type side struct {
	trace *trace
	scope *scope
	block *syntax.Block // nil without `else`
	value value
	outs  []*ir.Value // what it gives
}

// branch runs both sides of an `if` on a tensor, joins the names of outside that either assigns,
// the states that either updates, and what the sides stand for where both are expressions.
func (e *elaborator) branch(s *scope, x *syntax.If, cond *tens) value {
	if !e.decides(s, x.Cond.Span(), cond) {
		return poison{}
	}
	c := &branching{node: x}
	good := true
	if e.trial && !e.mute && !ir.Dependents(e.t.b.Func.Nodes, e.t.b.Func.Params)[cond.v] { // with dims that are not made up one side runs alone
		e.mute = true
		defer func() { e.mute = false }()
	}
	var states []string
	for i, block := range []*syntax.Block{x.Then, x.Else} {
		d := &side{trace: e.enter([]string{"then", "else"}[i]), scope: s.inner(), block: block, value: none{}}
		d.scope.held = &[]string{}
		if block != nil {
			states = append(states, e.bindStates(s, d.scope, block)...)
			e.scans = append(e.scans, nil)
			d.value = e.block(d.scope, block)
			e.scans = e.scans[:len(e.scans)-1]
		}
		_, poisoned := d.value.(poison)
		good = good && !poisoned
		e.leave()
		c.sides[i] = d
	}
	if !good {
		return poison{}
	}
	v := e.joinSides(s, c, cond)
	e.readStates(s, states)
	return v
}

// decides reports whether a condition is one bool, and tells where it is not.
func (e *elaborator) decides(s *scope, at diag.Span, cond *tens) bool {
	switch {
	case cond.row:
		e.errorf(s, check.DataUnsupported, at, "a condition on a record's values is not supported in a dataset yet")
	case cond.dtype() != tensor.Bool:
		d := e.errorf(s, check.BadCondition, at, "a condition must be a bool, not %s", cond.typ())
		help(d, "compare it, as in `x > 0`")
	case len(cond.shape()) > 0:
		d := e.errorf(s, check.BadCondition, at, "a condition must be one bool, not %s", cond.typ())
		help(d, "`any(c)` or `all(c)` makes one of them; `where(c, x, y)` chooses by element")
	default:
		return true
	}
	return false
}

// joinSides adds the node, and gives the names their values.
func (e *elaborator) joinSides(s *scope, c *branching, cond *tens) value {
	names := slices.Clone(*c.sides[0].scope.held)
	for _, n := range *c.sides[1].scope.held {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	var shapes []*tens // of what is joined
	add := func(what string, vs [2]value, at [2]diag.Span) bool {
		t := e.join(s, c, what, vs, at)
		shapes = append(shapes, t)
		return t != nil
	}
	good := true
	for _, n := range names {
		var vs [2]value
		var at [2]diag.Span
		for i, d := range c.sides {
			if v, assigned := d.scope.vars[n]; assigned && slices.Contains(*d.scope.held, n) {
				vs[i], at[i] = v, assignedIn(d.block, n)
			} else {
				vs[i], _ = s.find(n)
				at[i] = c.node.Cond.Span()
			}
		}
		good = add("`"+n+"`", vs, at) && good
	}
	_, nothing := c.sides[0].value.(none)
	_, other := c.sides[1].value.(none)
	if !nothing && !other {
		good = add("the `if`", [2]value{c.sides[0].value, c.sides[1].value}, [2]diag.Span{lastSpan(c.node.Then), lastSpan(c.node.Else)}) && good
	}
	if !good {
		return poison{}
	}
	states := e.sideStates(c)
	if len(shapes)+len(states) == 0 {
		d := e.errorf(s, check.NoEffect, c.node.Cond.Span(), "neither branch of this `if` changes a name, or stands for a value")
		help(d, "in a branch, `=` assigns a name that the body has before the `if`")
		return poison{}
	}
	out, ok := e.emitBranches(s, c, cond, len(shapes), states)
	if !ok {
		return poison{}
	}
	for i, path := range states {
		e.t.update(path, out[len(shapes)+i])
	}
	for i, n := range names {
		s.assign(n, e.keep(shapes[i], out[i]))
	}
	if len(shapes) > len(names) {
		return e.keep(shapes[len(names)], out[len(names)])
	}
	return none{}
}

// join makes both values of one name tensors of one type, adds them to what the sides give, and
// returns what they have become; nil where a mistake is told.
func (e *elaborator) join(s *scope, c *branching, what string, vs [2]value, at [2]diag.Span) *tens {
	var ts [2]*tens
	for i := range vs {
		beside, _ := vs[1-i].(*tens)
		around := e.t
		e.t = c.sides[i].trace
		t, ok := e.carriedAs(s, at[i], vs[i], beside)
		e.t = around
		if !ok {
			if !isPoison(vs[i]) {
				d := e.errorf(s, check.WrongKind, at[i], "%s would be %s after an `if` on a tensor", what, vs[i].says())
				help(d, "a condition that is known only when the model runs joins tensors")
			}
			return nil
		}
		ts[i] = t
	}
	if !ts[0].typ().Equal(ts[1].typ()) {
		d := e.errorf(s, check.ResultShape, at[0], "%s is %s in one branch and %s in the other", what, ts[0].typ(), ts[1].typ())
		label(d, at[1], "%s here", ts[1].typ())
		return nil
	}
	for i, d := range c.sides {
		v := d.trace.reach(ts[i].v)
		if v == nil {
			e.errorf(s, check.UnknownDims, at[i], "an initial value cannot depend on the values of a call")
			return nil
		}
		d.outs = append(d.outs, v)
	}
	k := *ts[0]
	k.weak = false
	for i, l := range ts[1].labels {
		if k.labels[i] != l {
			k.labels = slices.Clone(k.labels)
			k.labels[i] = ""
		}
	}
	return &k
}

// carriedAs makes a value a tensor that a branch or a turn can give: numbers and weak tensors take the
// dtype of what stands beside them.
func (e *elaborator) carriedAs(s *scope, at diag.Span, v value, beside *tens) (*tens, bool) {
	switch x := v.(type) {
	case number:
		if beside != nil && (beside.dtype().IsFloat() || beside.dtype().IsInt() && !x.fraction) {
			t := e.wrap(e.constantOf(s, at, x, beside.dtype(), nil), false)
			v = t
			break
		}
		v = strong(e.weak(s, at, x))
	case boolean:
		v = strong(e.boolAs(s, at, x))
	case *tens:
		if x.row {
			return nil, false
		}
		if x.weak && beside != nil && !beside.weak && (beside.dtype().IsFloat() || beside.dtype().IsInt() && x.dtype().IsInt()) {
			v = e.castTens(s, at, x, beside.dtype())
		}
	}
	t, ok := v.(*tens)
	return t, ok && t != nil
}

// sideStates lists the states that either side updates, and lets each side give them.
func (e *elaborator) sideStates(c *branching) (paths []string) {
	for _, d := range c.sides {
		for _, p := range d.trace.updated {
			if !slices.Contains(paths, p) {
				paths = append(paths, p)
			}
		}
	}
	for _, p := range paths {
		for _, d := range c.sides {
			d.outs = append(d.outs, d.trace.reach(d.trace.load(e.weights[p])))
		}
	}
	return paths
}

// emitBranches closes both sides over the same operands and adds the node.
func (e *elaborator) emitBranches(s *scope, c *branching, cond *tens, named int, states []string) ([]*ir.Value, bool) {
	var traces []*trace
	for _, d := range c.sides {
		for i, v := range d.outs {
			name := "y"
			if i >= named {
				name = states[i-named]
			}
			d.trace.b.Result(uniqueResult(d.trace.b.Func, name), v)
		}
		traces = append(traces, d.trace)
	}
	operands := e.closeTogether(traces, [][]*ir.Value{nil, nil})
	op := ir.If{Then: traces[0].b.Func, Else: traces[1].b.Func}
	return e.emit(s, c.node.Cond.Span(), op, append([]*ir.Value{cond.v}, operands...)...)
}

// closeTogether closes regions that take the same operands, behind those given for each. It returns
// what they use of outside.
func (e *elaborator) closeTogether(traces []*trace, first [][]*ir.Value) (operands []*ir.Value) {
	uses := make([][]*ir.Value, len(traces))
	for i, t := range traces {
		uses[i] = e.closeRegion(t, first[i])
		for _, v := range uses[i] {
			if !slices.Contains(operands, v) {
				operands = append(operands, v)
			}
		}
	}
	for i, t := range traces {
		params := t.b.Func.Params
		own := params[len(params)-len(uses[i]):]
		ordered := slices.Clone(first[i])
		for _, v := range operands {
			at := slices.Index(uses[i], v)
			if at < 0 {
				ordered = append(ordered, t.param("unused", v.Type))
				continue
			}
			ordered = append(ordered, own[at])
		}
		t.b.Func.Params = ordered
		t.b.Func.Renumber()
	}
	return operands
}

// assignedIn is where a block gives a name its last value, in blocks of it too.
func assignedIn(b *syntax.Block, name string) (at diag.Span) {
	eachAssigned(b, func(n *syntax.Name, where diag.Span) {
		if n.Text == name {
			at = where
		}
	})
	return at
}

// eachAssigned visits the names that a block assigns, in the blocks of its statements too, and the
// values that they are given.
func eachAssigned(b *syntax.Block, visit func(n *syntax.Name, at diag.Span)) {
	if b == nil {
		return
	}
	for _, st := range b.Stmts {
		switch st := st.(type) {
		case *syntax.Assign:
			for _, t := range st.Targets {
				if x, part := t.(*syntax.Index); part {
					t = x.X
				}
				if n, ok := t.(*syntax.Name); ok && st.Op != "<-" {
					visit(n, st.Value.Span())
				}
			}
		case *syntax.For:
			eachAssigned(st.Body, func(n *syntax.Name, at diag.Span) {
				if !slices.ContainsFunc(st.Names, func(own *syntax.Name) bool { return own.Text == n.Text }) {
					visit(n, at)
				}
			})
		case *syntax.While:
			eachAssigned(st.Body, visit)
		case *syntax.ExprStmt:
			if x, ok := st.Value.(*syntax.If); ok {
				eachAssigned(x.Then, visit)
				eachAssigned(x.Else, visit)
			}
		}
	}
}
