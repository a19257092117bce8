package build

import (
	"slices"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
)

// A `gradient` of a fn's name takes the fn's inputs, then its results if it reads them, then the
// gradient of each result that is a float. It gives the gradients of the inputs that are floats, in order.

// applyCustom runs a fn that has a gradient of its own.
func (e *elaborator) applyCustom(s *scope, d *check.Def, config map[string]value, at diag.Span, args []argument) value {
	given, ok := e.inOrder(s, d, at, args)
	if !ok {
		return poison{}
	}
	var operands []*ir.Value
	for _, a := range given {
		if t, ok := a.v.(*tens); ok {
			operands = append(operands, t.v)
		}
	}
	body, back := &customPart{}, &customPart{}
	v, results, ok := e.customBody(s, d, config, at, given, body)
	if !ok || !e.customBack(s, d, config, at, given, results, back) {
		return poison{}
	}
	body.pad(len(operands)+len(body.more), back.more)
	back.pad(len(operands), body.more)
	operands = slices.Concat(operands, body.more, back.more)
	out, ok := e.emit(s, at, ir.Custom{Body: body.t.b.Func, Back: back.t.b.Func}, operands...)
	if !ok {
		return poison{}
	}
	return e.kept(v, out)
}

// A customPart is the region of the function or of its gradient.
type customPart struct {
	t    *trace
	more []*ir.Value // operands beyond the inputs
}

// pad adds parameters that the part does not read, at a place.
func (p *customPart) pad(place int, operands []*ir.Value) {
	f := p.t.b.Func
	for i, v := range operands {
		w := p.t.param("other", v.Type)
		f.Params = slices.Insert(f.Params[:len(f.Params)-1], place+i, w)
	}
	f.Renumber()
}

// inOrder is what the fn's inputs get, in their order, numbers as they are.
func (e *elaborator) inOrder(s *scope, d *check.Def, at diag.Span, args []argument) (given []argument, ok bool) {
	bound, ok := e.match(s, d.Name, d.Inputs, at, args, d.Node.Path[0].Span())
	if !ok {
		return nil, false
	}
	for _, p := range d.Inputs {
		a, has := bound[p.Name]
		if !has {
			a = argument{operand: operand{e.eval(s, p.Default), at}}
		}
		if t, isTens := a.v.(*tens); isPoison(a.v) || isTens && t.row {
			if isTens {
				e.errorf(s, check.DataUnsupported, a.at, "a fn with a gradient of its own in a dataset is not supported yet")
			}
			return nil, false
		}
		a.name = nil
		given = append(given, a)
	}
	return given, true
}

// inside gives a region parameters for the tensors among arguments.
func (p *customPart) inside(e *elaborator, given []argument) (inner []argument, params []*ir.Value) {
	inner = slices.Clone(given)
	for i, a := range inner {
		if t, ok := a.v.(*tens); ok {
			v := p.t.param("x", t.v.Type)
			if r, known := p.t.ranges[t.v]; known {
				p.t.ranges[v] = r
			}
			params, inner[i].v = append(params, v), e.keep(t, v)
		}
	}
	return inner, params
}

// customBody runs the fn. It gives the fn's value, and the tensors in it.
func (e *elaborator) customBody(s *scope, d *check.Def, config map[string]value, at diag.Span, given []argument, p *customPart) (value, []operand, bool) {
	p.t = e.enter("body")
	inner, params := p.inside(e, given)
	v := strong(e.runFn(s, d, config, at, inner))
	results, ok := []operand(nil), !isPoison(v)
	if _, isTensor := v.(*tens); ok && !isTensor {
		_, ok = v.(*sequence)
	}
	if ok {
		results, ok = e.parts(s, operand{v, at})
	}
	if !isPoison(v) && !slices.ContainsFunc(results, func(r operand) bool { return r.v.(*tens).dtype().IsFloat() }) {
		ok = false
		e.errorf(s, check.WrongKind, at, "a fn with a gradient of its own gives a float, not %s", v.says())
	}
	if ok = ok && !e.updates(s, at); ok {
		for _, r := range results {
			p.t.b.Result(uniqueResult(p.t.b.Func, "y"), p.t.reach(r.v.(*tens).v))
		}
	}
	e.leave()
	if ok {
		p.more = e.closeRegion(p.t, params)
	}
	return v, results, ok
}

// customBack runs the gradient, on the fn's inputs, its results and their gradients.
func (e *elaborator) customBack(s *scope, d *check.Def, config map[string]value, at diag.Span, given []argument, results []operand, p *customPart) bool {
	p.t = e.enter("back")
	inner, params := p.inside(e, given)
	var read, dy []argument
	var behind []*ir.Value
	for _, r := range results {
		y := r.v.(*tens)
		v := p.t.param("y", y.v.Type)
		behind, read = append(behind, v), append(read, argument{operand: operand{e.keep(y, v), at}})
	}
	for _, r := range results {
		if y := r.v.(*tens); y.dtype().IsFloat() {
			v := p.t.param("dy", y.v.Type)
			behind, dy = append(behind, v), append(dy, argument{operand: operand{e.keep(y, v), at}})
		}
	}
	g, extra := d.Back, len(d.Back.Inputs)-len(given)
	if extra == len(read)+len(dy) {
		inner = append(inner, read...)
	} else if extra != len(dy) {
		m := e.errorf(s, check.MissingArgument, g.Node.Path[0].Span(), "the gradient of `%s` takes %d inputs: those of the fn, then the gradients of its results that are floats", g.Name, len(given)+len(dy))
		help(m, "or %d: between these, the results", len(given)+len(read)+len(dy))
		e.leave()
		return false
	}
	e.backs = append(e.backs, d)
	v := e.runFn(s, g, config, at, append(inner, dy...))
	e.backs = e.backs[:len(e.backs)-1]
	ok := !isPoison(v) && e.gradients(s, g, given, v) && !e.updates(s, at)
	e.leave()
	if ok {
		p.more = e.closeRegion(p.t, params)
		p.t.b.Func.Params = append(p.t.b.Func.Params, behind...)
		p.t.b.Func.Renumber()
	}
	return ok
}

// gradients holds what a gradient gives to the inputs that are floats.
func (e *elaborator) gradients(s *scope, g *check.Def, given []argument, v value) bool {
	var floats []tensor.Type
	for _, a := range given {
		if t, ok := a.v.(*tens); ok && t.dtype().IsFloat() {
			floats = append(floats, t.typ())
		}
	}
	items := []value{v}
	if q, ok := v.(*sequence); ok {
		items = q.items
	}
	for i, x := range items {
		t, ok := strong(x).(*tens)
		if len(items) != len(floats) || !ok || !t.typ().Equal(floats[i]) {
			d := e.errorf(s, check.ResultShape, lastSpan(g.Node.Body), "the gradient of `%s` is %s", g.Name, v.says())
			if len(items) != len(floats) {
				help(d, "it gives one gradient for each input that is a float: %d", len(floats))
			} else {
				help(d, "that of input %d is %s", i+1, floats[i])
			}
			return false
		}
		e.t.b.Result(uniqueResult(e.t.b.Func, "dx"), e.t.reach(t.v))
	}
	return true
}
