package build

import (
	"fmt"
	"slices"
	"strings"

	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// An argument is an operand with the name it was given by; over is the expression of `over=`.
type argument struct {
	operand
	name *syntax.Name
	over syntax.Expr
	text string // as written
}

// call is `f(args)`.
func (e *elaborator) call(s *scope, x *syntax.Call) value {
	f := e.callee(s, x.Func)
	e.reserve(s, f)
	return e.apply(s, f, x.Func.Span(), x.Span(), e.arguments(s, x.Args))
}

// reserve gives an unnamed layer that is about to be applied its path, before its arguments make
// layers of their own.
func (e *elaborator) reserve(s *scope, f value) {
	if l, ok := f.(*layer); ok && l.path == "" {
		l.path = s.frame.give(snake(l.def.Name), l)
	}
}

func (e *elaborator) arguments(s *scope, args *syntax.Args) []argument {
	var out []argument
	for _, a := range args.List {
		g := argument{name: a.Name, text: check.ExprText(a.Value)}
		g.at = a.Value.Span()
		if a.Name != nil && a.Name.Text == "over" {
			g.over, g.v = a.Value, none{}
		} else {
			g.v = e.eval(s, a.Value)
		}
		out = append(out, g)
	}
	return out
}

// pipe is `x |> f`, `x |> f(args)`: x becomes the first input.
func (e *elaborator) pipe(s *scope, p *syntax.Pipe) value {
	x := argument{operand: operand{e.eval(s, p.X), p.Y.Span()}, text: check.ExprText(p.X)}
	c, ok := p.Y.(*syntax.Call)
	if !ok {
		f := e.callee(s, p.Y)
		if d, isDef := f.(definition); isDef && (d.def.Kind == "layer" || d.def.Kind == "model") {
			g := e.errorf(s, check.WrongKind, p.Y.Span(), "`%s` is not configured", d.def.Name)
			help(g, "write `%s()`", d.def.Name)
			return poison{}
		}
		e.reserve(s, f)
		return e.apply(s, f, p.Y.Span(), p.Y.Span(), []argument{x})
	}
	f := e.callee(s, c.Func)
	args := e.arguments(s, c.Args)
	if d, isDef := f.(definition); isDef && d.def.Kind != "fn" {
		f = e.apply(s, f, c.Func.Span(), c.Span(), args)
		args = nil
	}
	e.reserve(s, f)
	return e.apply(s, f, c.Func.Span(), c.Span(), append([]argument{x}, args...))
}

// apply configures or runs f; fAt is the place of f, at the place of the whole application.
func (e *elaborator) apply(s *scope, f value, fAt, at diag.Span, args []argument) value {
	switch f := f.(type) {
	case poison:
		return f
	case definition:
		return e.applyDef(s, f.def, at, args)
	case *layer:
		return e.applyLayer(s, f, at, args)
	case *configured:
		if f.def.Kind == "fn" {
			return e.applyFn(s, f.def, f.config, at, args)
		}
		if f.def.Kind == "initializer" {
			return e.applyInit(s, f, at, args)
		}
	case *function:
		return e.applyFunction(s, f, at, args)
	case *primitive:
		return e.applyPrimitive(s, f, at, args)
	case *derived:
		return e.applyDerived(s, f, at, args)
	}
	e.errorf(s, check.WrongKind, fAt, "%s cannot be applied", f.says())
	return poison{}
}

// applyDef is `Name(...)`: it configures everything but a fn of one list, which runs.
func (e *elaborator) applyDef(s *scope, d *check.Def, at diag.Span, args []argument) value {
	if d.Kind == "fn" && len(d.Node.Lists) == 1 {
		return e.applyFn(s, d, nil, at, args)
	}
	if d.Kind == "metric" {
		e.errorf(s, check.WrongKind, at, "the metric %s belongs into `metrics` of a train block", d.Name)
		return poison{}
	}
	config, ok := e.configure(s, d, at, args)
	switch {
	case !ok:
		return poison{}
	case d.Kind == "layer" || d.Kind == "model":
		if slices.Contains(e.loops, s.frame) {
			x := e.errorf(s, check.BadTarget, at, "a loop that the model runs makes no layers: all its turns would share one")
			help(x, "bind the layer to a name before the loop")
			return poison{}
		}
		return &layer{def: d, config: config, at: at}
	}
	return &configured{def: d, config: config}
}

// configure binds a configuration list. Defaults see the arguments before them.
func (e *elaborator) configure(s *scope, d *check.Def, at diag.Span, args []argument) (map[string]value, bool) {
	bound, ok := e.match(s, d.Name, d.Config, at, args, d.Node.Path[0].Span())
	if !ok {
		return nil, false
	}
	in := newBody(&frame{def: d, lib: d.Lib, call: at, caller: s.frame})
	config := map[string]value{}
	for _, p := range d.Config {
		a, given := bound[p.Name]
		if !given {
			a = argument{operand: operand{e.eval(in, p.Default), at}}
		}
		v, fits := e.configValue(s, d, p, a.operand)
		ok = ok && fits
		config[p.Name], in.vars[p.Name] = v, v
	}
	return config, ok
}

// match pairs arguments with parameters: positional ones in order, then named ones. Missing ones
// must have a default.
func (e *elaborator) match(s *scope, callee string, params []*check.Param, at diag.Span, args []argument, decl diag.Span) (map[string]argument, bool) {
	bound := map[string]argument{}
	ok, place := true, 0
	for _, a := range args {
		name := ""
		switch {
		case a.name != nil:
			name = e.parameter(s, callee, params, a, decl)
		case place < len(params):
			name = params[place].Name
			place++
		default:
			d := e.errorf(s, check.TooManyArgs, a.at, "`%s` takes %d arguments", callee, len(params))
			label(d, decl, "declared here")
			return nil, false
		}
		if name == "" {
			ok = false
			continue
		}
		if _, twice := bound[name]; twice {
			e.errorf(s, check.TooManyArgs, a.at, "argument `%s` is given twice", name)
			ok = false
		}
		bound[name] = a
	}
	for _, p := range params {
		if _, given := bound[p.Name]; !given && p.Default == nil && ok {
			d := e.errorf(s, check.MissingArgument, at, "`%s` misses its argument `%s`", callee, p.Name)
			if p.Node != nil {
				d.Label = fmt.Sprintf("`%s` is %s", p.Name, p.TypeText())
			}
			label(d, decl, "declared here")
			if len(args) == 0 && len(p.Alts) > 0 && p.Alts[0].Form == check.Tensor {
				help(d, "where the function itself is meant, write `%s`", callee)
			}
			ok = false
		}
	}
	return bound, ok
}

// parameter finds the parameter that a named argument means; `over=` means `axis`.
func (e *elaborator) parameter(s *scope, callee string, params []*check.Param, a argument, decl diag.Span) string {
	want := a.name.Text
	if a.over != nil {
		want = "axis"
	}
	names := make([]string, len(params))
	for i, p := range params {
		names[i] = p.Name
		if p.Name == want {
			return want
		}
	}
	d := e.errorf(s, check.UnknownArgument, a.name.Span(), "`%s` has no argument `%s`", callee, a.name.Text)
	check.Suggest(d, a.name, names)
	if len(d.Help) == 0 && len(names) > 0 {
		help(d, "its arguments are %s", strings.Join(names, ", "))
	}
	label(d, decl, "declared here")
	return ""
}

// configValue checks a configuration value against its declared type.
func (e *elaborator) configValue(s *scope, d *check.Def, p *check.Param, a operand) (value, bool) {
	if isPoison(a.v) {
		return poison{}, false
	}
	if _, isNone := a.v.(none); isNone && p.Optional || len(p.Alts) == 0 {
		return a.v, true
	}
	for _, t := range p.Alts {
		if v, ok := e.admits(t, a.v); ok {
			return v, true
		}
	}
	x := e.errorf(s, check.ConfigValue, a.at, "`%s` of %s must be %s, not %s", p.Name, d.Name, p.TypeText(), a.v.says())
	if !d.Lib {
		label(x, p.Node.Span(), "declared here")
	}
	if def, ok := a.v.(definition); ok && def.def.Kind != "fn" {
		help(x, "write `%s()`", def.def.Name)
	}
	if word, ok := a.v.(text); ok {
		if _, named := e.global(s, string(word)); named {
			help(x, "write `%s`, without quotes", string(word))
		}
	}
	return poison{}, false
}

// admits reports whether a compile-time type takes a value.
func (e *elaborator) admits(t check.Type1, v value) (value, bool) {
	switch t.Form {
	case check.Any:
		return v, true
	case check.Int:
		n, ok := v.(number)
		return v, ok && !n.fraction
	case check.Float:
		_, ok := v.(number)
		return v, ok
	case check.Bool:
		_, ok := v.(boolean)
		return v, ok
	case check.Text:
		_, ok := v.(text)
		return v, ok
	case check.Literal:
		w, ok := v.(text)
		return v, ok && string(w) == t.Name
	case check.ListOf:
		return v, listHolds(t.Name, v)
	case check.Callable:
		return e.admitsCallable(t.Name, v)
	}
	return v, false
}

func listHolds(element string, v value) bool {
	q, ok := v.(*sequence)
	if !ok {
		return false
	}
	for _, x := range q.items {
		n, isNumber := x.(number)
		_, isBool := x.(boolean)
		if element == "bool" && !isBool || element != "bool" && !isNumber || element == "int" && n.fraction {
			return false
		}
	}
	return true
}

func (e *elaborator) admitsCallable(what string, v value) (value, bool) {
	if n, ok := v.(number); ok && what == "schedule" {
		return n, true
	}
	switch v := v.(type) {
	case *layer:
		return v, what == "fn" || what == "layer"
	case *function:
		return v, what == "fn"
	case *primitive:
		return v, what == "fn"
	case *fill:
		return v, what == "initializer"
	case definition:
		return v, what == "fn" && v.def.Kind == "fn"
	case *configured:
		return v, v.def.Kind == what
	}
	return v, false
}
