package build

import (
	"math"

	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// eval returns the value of an expression.
func (e *elaborator) eval(s *scope, x syntax.Expr) value {
	switch x := x.(type) {
	case *syntax.Number:
		if v, ok := x.Int(); ok {
			return number0(v)
		}
		return fraction(x.Float())
	case *syntax.String:
		return text(x.Value())
	case *syntax.Bool:
		return boolean(x.Value)
	case *syntax.None:
		return none{}
	case *syntax.Name:
		return e.name(s, x)
	case *syntax.Unary:
		return e.unary(s, x)
	case *syntax.Binary:
		return e.binary(s, x.Op, x.Span(), operand{e.eval(s, x.X), x.X.Span()}, operand{e.eval(s, x.Y), x.Y.Span()})
	case *syntax.Pipe:
		return e.pipe(s, x)
	case *syntax.Call:
		return e.call(s, x)
	case *syntax.Index:
		return e.index(s, x)
	case *syntax.Member:
		return e.member(s, x)
	case *syntax.Tuple:
		return &sequence{items: e.evals(s, x.Items)}
	case *syntax.Record:
		return e.record(s, x.Fields)
	case *syntax.List:
		return e.list(s, x)
	case *syntax.Comprehension:
		return e.comprehension(s, x)
	case *syntax.Range:
		return e.rangeOf(s, x)
	case *syntax.If:
		return e.cond(s, x)
	case *syntax.Lambda:
		return e.lambda(s, "fn", x.Params, nil, x.Body)
	case *syntax.Scan:
		return e.scan(s, x)
	}
	e.errorf(s, check.FormUnsupported, x.Span(), "this is no expression here")
	return poison{}
}

func (e *elaborator) evals(s *scope, list []syntax.Expr) []value {
	out := make([]value, len(list))
	for i, x := range list {
		out[i] = e.eval(s, x)
	}
	return out
}

func (e *elaborator) record(s *scope, fields []*syntax.Named) value {
	r := &sequence{}
	for _, f := range fields {
		r.names = append(r.names, f.Name.Text)
		r.items = append(r.items, e.eval(s, f.Value))
	}
	return r
}

// name looks a value up: names of the body first, then constants, declarations and primitives.
func (e *elaborator) name(s *scope, n *syntax.Name) value {
	if v, ok := s.find(n.Text); ok {
		return v
	}
	switch n.Text {
	case "pi":
		return fraction(math.Pi)
	case "inf":
		return fraction(math.Inf(1))
	case "training":
		return boolean(e.t.training)
	}
	if _, err := tensor.ParseDType(n.Text); err == nil {
		return text(n.Text)
	}
	if v, ok := e.global(s, n.Text); ok {
		return v
	}
	return e.unknown(s, n, false)
}

func (e *elaborator) global(s *scope, name string) (value, bool) {
	if d, ok := e.prog.Lookup(name, s.frame.lib); ok {
		return definition{d}, true
	}
	if p, ok := e.prims[name]; ok {
		return p, true
	}
	return nil, false
}

// callee looks a name up before `(`: tensors and numbers are passed over.
func (e *elaborator) callee(s *scope, x syntax.Expr) value {
	n, ok := x.(*syntax.Name)
	if !ok {
		return e.eval(s, x)
	}
	for at := s; at != nil; at = at.parent {
		if v, ok := at.vars[n.Text]; ok && canCall(v) {
			return v
		}
	}
	if v, ok := s.find(n.Text); ok && canCall(v) {
		return v
	}
	if v, ok := e.global(s, n.Text); ok {
		return v
	}
	if v, ok := s.find(n.Text); ok {
		if !isPoison(v) {
			e.errorf(s, check.WrongKind, n.Span(), "`%s` is %s and cannot be applied", n.Text, v.says())
		}
		return poison{}
	}
	return e.unknown(s, n, true)
}

func canCall(v value) bool {
	switch v.(type) {
	case poison, *layer, *function, definition, *configured, *primitive, *derived, *fill:
		return true
	}
	return false
}

func (e *elaborator) list(s *scope, x *syntax.List) value {
	out := &sequence{list: true}
	for _, i := range x.Items {
		if i.Over != nil {
			e.errorf(s, check.FormUnsupported, i.Over.Span(), "`over` in a list is not supported yet")
			return poison{}
		}
		v := e.eval(s, i.Value)
		if !i.Spread {
			out.items = append(out.items, v)
			continue
		}
		switch v := v.(type) {
		case *pack:
			for _, d := range v.dims {
				out.items = append(out.items, ofDim(d))
			}
		case *sequence:
			out.items = append(out.items, v.items...)
		case poison:
			return v
		default:
			e.errorf(s, check.WrongKind, i.Span(), "`...` spreads a pack or a list, not %s", v.says())
			return poison{}
		}
	}
	return out
}

// comprehension makes a list; layers in it get their place as the last part of their path when
// the list is bound.
func (e *elaborator) comprehension(s *scope, x *syntax.Comprehension) value {
	out := &sequence{list: true}
	ok := e.turns(s, x.In, len(x.Names), func(vs []value) bool {
		in := s.inner()
		for i, n := range x.Names {
			in.vars[n.Text] = vs[i]
		}
		out.items = append(out.items, e.eval(in, x.Item.Value))
		return true
	})
	if !ok {
		return poison{}
	}
	return out
}

// mostTurns bounds loops that are unrolled.
const mostTurns = 100_000

// turns runs f for each element of a list or whole number of a range, with its place before it
// when two names take it. It reports whether there was something to go through.
func (e *elaborator) turns(s *scope, in syntax.Expr, names int, f func([]value) bool) bool {
	return e.turnsOf(s, in, e.eval(s, in), names, f)
}

// turnsOf is turns where the list or range is evaluated.
func (e *elaborator) turnsOf(s *scope, in syntax.Expr, list value, names int, f func([]value) bool) bool {
	items, ok := e.elements(s, in, list)
	if !ok {
		return false
	}
	if names > 2 {
		e.errorf(s, check.WrongKind, in.Span(), "a `for` takes one name, or two: place and element")
		return false
	}
	for i, v := range items {
		vs := []value{v}
		if names == 2 {
			vs = []value{number0(int64(i)), v}
		}
		if !f(vs) {
			break
		}
	}
	return true
}

func (e *elaborator) elements(s *scope, in syntax.Expr, list value) ([]value, bool) {
	switch v := list.(type) {
	case poison:
	case *sequence:
		return v.items, true
	case *span:
		lo, okLo := v.lo.(number)
		hi, okHi := v.hi.(number)
		a, constA := lo.dim.Const()
		b, constB := hi.dim.Const()
		switch {
		case !okLo || !okHi || lo.fraction || hi.fraction:
			e.errorf(s, check.NotWhole, in.Span(), "a `for` counts whole numbers")
		case !constA || !constB:
			e.errorf(s, check.FormUnsupported, in.Span(), "a list over the run-time count %s..%s is not supported yet", lo, hi)
		case b-a > mostTurns:
			e.errorf(s, check.TooDeep, in.Span(), "a loop of %d turns is more than %d", b-a, mostTurns)
		default:
			var out []value
			for ; a < b; a++ {
				out = append(out, number0(a))
			}
			return out, true
		}
	default:
		e.errorf(s, check.WrongKind, in.Span(), "a `for` goes through a list or a range, not %s", v.says())
	}
	return nil, false
}

func (e *elaborator) rangeOf(s *scope, x *syntax.Range) value {
	out := &span{lo: number0(0), hi: none{}}
	if x.Lo != nil {
		out.lo = e.eval(s, x.Lo)
	}
	if x.Hi != nil {
		out.hi = e.eval(s, x.Hi)
	}
	if isPoison(out.lo, out.hi) {
		return poison{}
	}
	return out
}

// cond decides an `if` while compiling, or where a tensor decides it, makes a branch.
func (e *elaborator) cond(s *scope, x *syntax.If) value {
	switch v := e.eval(s, x.Cond).(type) {
	case poison:
		return v
	case boolean:
		switch {
		case bool(v):
			return e.block(s.inner(), x.Then)
		case x.Else != nil:
			return e.block(s.inner(), x.Else)
		}
		return none{}
	case *tens:
		return e.branch(s, x, v)
	default:
		e.errorf(s, check.BadCondition, x.Cond.Span(), "the condition of an `if` must be a bool, not %s", v.says())
	}
	return poison{}
}

func (e *elaborator) member(s *scope, x *syntax.Member) value {
	v := e.eval(s, x.X)
	switch v := v.(type) {
	case poison:
		return v
	case *sequence:
		if f, ok := v.field(x.Name.Text); ok {
			return f
		}
		if len(v.names) > 0 {
			d := e.errorf(s, check.UnknownName, x.Name.Span(), "the record has no field `%s`", x.Name.Text)
			check.Suggest(d, x.Name, append([]string{}, v.names...))
			return poison{}
		}
	case *layer:
		e.errorf(s, check.FormUnsupported, x.Name.Span(), "`.%s` of a layer is not supported yet", x.Name.Text)
		return poison{}
	}
	e.errorf(s, check.WrongKind, x.X.Span(), "%s has no field `%s`", v.says(), x.Name.Text)
	return poison{}
}

func (e *elaborator) lambda(s *scope, name string, params *syntax.ParamList, result *syntax.Type, body *syntax.Block) value {
	return &function{name: name, params: check.Params(params), result: result, body: body, home: s}
}

// whole returns the value of a number that must be a whole one.
func (e *elaborator) whole(s *scope, at diag.Span, v value, what string) (number, bool) {
	switch v := v.(type) {
	case poison:
	case number:
		if !v.fraction {
			return v, true
		}
		d := e.errorf(s, check.NotWhole, at, "%s must be a whole number, not %s", what, v)
		if v.divided {
			help(d, "`div` divides and rounds down")
		}
	case *tens:
		e.errorf(s, check.NotWhole, at, "%s must be a whole number known while compiling, not a tensor", what)
	default:
		e.errorf(s, check.WrongKind, at, "%s must be a whole number, not %s", what, v.says())
	}
	return number{}, false
}

// constant returns a whole number without symbols.
func (e *elaborator) constant(s *scope, at diag.Span, v value, what string) (int64, bool) {
	n, ok := e.whole(s, at, v, what)
	if !ok {
		return 0, false
	}
	c, ok := n.dim.Const()
	if !ok {
		e.errorf(s, check.NotWhole, at, "%s must be a constant, not %s", what, n)
	}
	return c, ok
}
