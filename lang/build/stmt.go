package build

import (
	"fmt"

	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// block runs the statements in a scope and returns the value of the last one, when that is an
// expression.
func (e *elaborator) block(s *scope, b *syntax.Block) value {
	out := value(none{})
	for i, st := range b.Stmts {
		if s.frame.failed {
			return poison{}
		}
		v := e.stmt(s, st)
		if i == len(b.Stmts)-1 {
			out = v
		}
	}
	return out
}

func (e *elaborator) stmt(s *scope, st syntax.Stmt) value {
	switch st := st.(type) {
	case *syntax.ExprStmt:
		return e.eval(s, st.Value)
	case *syntax.Assign:
		e.assign(s, st)
	case *syntax.ParamStmt:
		e.declareWeight(s, st.Name, st.Type, st.Init, false)
	case *syntax.StateStmt:
		e.declareWeight(s, st.Name, st.Type, st.Init, true)
	case *syntax.For:
		list := e.eval(s, st.In)
		if e.counted(s, st, list) {
			break
		}
		e.turnsOf(s, st.In, list, len(st.Names), func(vs []value) bool {
			in := s.inner()
			for i, n := range st.Names {
				in.vars[n.Text] = vs[i]
			}
			e.block(in, st.Body)
			return len(e.diags) < mostMistakes
		})
	case *syntax.While:
		e.while(s, st)
	case *syntax.FnStmt:
		s.vars[st.Name.Text] = e.lambda(s, st.Name.Text, st.Params, st.Result, st.Body)
	case *syntax.Assert:
		e.assert(s, st)
	case *syntax.Yield:
		e.yield(s, st)
	case *syntax.Result:
		s.frame.result = e.eval(s, st.Value)
	}
	return none{}
}

// mostMistakes ends loops that would tell the same mistake at every turn.
const mostMistakes = 200

func (e *elaborator) assert(s *scope, st *syntax.Assert) {
	switch v := e.eval(s, st.Cond).(type) {
	case poison:
	case boolean:
		if !v {
			s.frame.failed = true
			d := e.errorf(s, check.AssertionFails, st.Cond.Span(), "the assertion does not hold: %s", check.ExprText(st.Cond))
			e.explain(s, d, st.Cond)
		}
	case *tens:
		e.errorf(s, check.FormUnsupported, st.Cond.Span(), "an assertion on what is only known when the model runs is not supported yet")
	default:
		e.errorf(s, check.BadCondition, st.Cond.Span(), "an assertion must be a bool, not %s", v.says())
	}
}

// explain adds the values of the names in a condition that failed.
func (e *elaborator) explain(s *scope, d *diag.Diagnostic, x syntax.Expr) {
	switch x := x.(type) {
	case *syntax.Binary:
		e.explain(s, d, x.X)
		e.explain(s, d, x.Y)
	case *syntax.Name:
		if n, ok := s.find(x.Text); ok {
			if n, ok := n.(number); ok {
				help(d, "`%s` is %s here", x.Text, n)
			}
		}
	}
}

func (e *elaborator) assign(s *scope, st *syntax.Assign) {
	v := e.eval(s, st.Value)
	if st.Type != nil && !isPoison(v) {
		v = e.annotated(s, st, v)
	}
	if len(st.Targets) == 1 {
		e.assignOne(s, st, st.Targets[0], v)
		return
	}
	items := make([]value, len(st.Targets))
	for i := range items {
		items[i] = poison{}
	}
	if !isPoison(v) {
		q, ok := v.(*sequence)
		switch {
		case !ok:
			e.errorf(s, check.WrongKind, st.Value.Span(), "%d names cannot take %s", len(st.Targets), v.says())
		case len(q.items) != len(st.Targets):
			e.errorf(s, check.WrongKind, st.Value.Span(), "%d names cannot take %d values", len(st.Targets), len(q.items))
		default:
			items = q.items
		}
	}
	for i, t := range st.Targets {
		e.assignOne(s, st, t, items[i])
	}
}

func (e *elaborator) assignOne(s *scope, st *syntax.Assign, target syntax.Expr, v value) {
	n, ok := target.(*syntax.Name)
	if !ok {
		if x, part := target.(*syntax.Index); part {
			e.assignPart(s, st, x, v)
			return
		}
		e.errorf(s, check.BadTarget, target.Span(), "only names, and parts of what they stand for, can be assigned")
		return
	}
	if st.Op != "<-" && s.beyond(n.Text) {
		d := e.errorf(s, check.BadTarget, n.Span(), "`%s` is a name of outside of this `scan`, and keeps its value", n.Text)
		help(d, "a turn hands on what `with` declares: `with %s = %s`", n.Text, n.Text)
		return
	}
	switch st.Op {
	case "<-":
		e.update(s, n, operand{v, st.Value.Span()})
	case "+=":
		old := e.name(s, n)
		s.assign(n.Text, e.binary(s, "+", st.Span(), operand{old, n.Span()}, operand{v, st.Value.Span()}))
	default:
		e.christen(s, n.Text, n.Span(), v)
		s.assign(n.Text, v)
	}
}

// annotated checks a binding's declared type and binds the dims it names.
func (e *elaborator) annotated(s *scope, st *syntax.Assign, v value) value {
	t, ok := v.(*tens)
	alts := check.Alternatives(st.Type)
	if len(st.Targets) > 1 || len(alts) != 1 || alts[0].Form != check.Tensor {
		e.errorf(s, check.WrongKind, st.Type.Span(), "a binding is annotated with one tensor type")
		return poison{}
	}
	if !ok {
		e.errorf(s, check.WrongKind, st.Value.Span(), "%s is no tensor", v.says())
		return poison{}
	}
	if alts[0].Node.Name != nil && !classHolds(alts[0].Name, t.dtype()) {
		e.errorf(s, check.ResultShape, st.Value.Span(), "%s is not %s", t.typ(), alts[0])
		return poison{}
	}
	dims := s.dimScope()
	labels, err := dims.Unify(alts[0].Shape, t.shape(), t.labels)
	if err != nil {
		d := e.errorf(s, check.ResultShape, st.Value.Span(), "%s does not fit [%s]: %s", t.typ(), check.ShapeText(alts[0].Shape), err)
		label(d, st.Type.Span(), "declared here")
		return poison{}
	}
	for _, n := range dims.Order {
		if b := dims.Bound[n]; !b.Pack {
			if _, known := s.find(n); !known {
				s.vars[n] = ofDim(b.Dims[0])
			}
		}
	}
	c := *t
	c.labels = labels
	return &c
}

// christen gives the layers in a value their path when a name is bound to them first. The name is
// given out once per execution of the body; a later layer of that name in a loop gets a number.
func (e *elaborator) christen(s *scope, name string, at diag.Span, v value) {
	switch v := v.(type) {
	case *layer:
		if v.path != "" {
			return
		}
		if old, ok := s.frame.taken[name]; ok && old != v && old.at != v.at {
			d := e.errorf(s, check.DuplicateName, at, "`%s` names two layers, so their weights would have one path", name)
			label(d, s.frame.place(old.at), "the first is made here")
			help(d, "give the second another name")
		}
		v.path, v.named = s.frame.give(name, v), true
	case *sequence:
		for i, x := range v.items {
			part := fmt.Sprintf("%s.%d", name, i)
			if len(v.names) > 0 {
				part = name + "." + v.names[i]
			}
			e.christen(s, part, at, x)
		}
	}
}

// give returns the path of a layer called name: that name, or the next free number behind it.
func (f *frame) give(name string, l *layer) string {
	full := name
	for _, taken := f.taken[full]; taken; _, taken = f.taken[full] {
		f.counts[name]++
		full = fmt.Sprintf("%s_%d", name, f.counts[name])
	}
	f.taken[full] = l
	return join(f.path, full)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
