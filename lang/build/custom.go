package build

import (
	"slices"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
)

// A `gradient` of a fn's name takes the fn's inputs, then the gradient of its result, and gives the
// gradients of the inputs that are floats, in order.

// applyCustom runs a fn that has a gradient of its own.
func (e *elaborator) applyCustom(s *scope, d, g *check.Def, config map[string]value, at diag.Span, args []argument) value {
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
	y, ok := e.customBody(s, d, config, at, given, body)
	if !ok {
		return poison{}
	}
	if !e.customBack(s, g, config, at, given, y, back) {
		return poison{}
	}
	body.pad(len(operands)+len(body.more), back.more)
	back.pad(len(operands), body.more)
	operands = slices.Concat(operands, body.more, back.more)
	return e.keep(y, e.emit1(s, at, ir.Custom{Body: body.t.b.Func, Back: back.t.b.Func}, operands...))
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

func (e *elaborator) customBody(s *scope, d *check.Def, config map[string]value, at diag.Span, given []argument, p *customPart) (*tens, bool) {
	p.t = e.enter("body")
	inner, params := p.inside(e, given)
	v := e.runFn(s, d, config, at, inner)
	y, ok := strong(v).(*tens)
	ok = ok && y.dtype().IsFloat()
	if !ok && !isPoison(v) {
		e.errorf(s, check.WrongKind, at, "a fn with a gradient of its own gives one float, not %s", v.says())
	}
	if ok = ok && !e.updates(s, at); ok {
		p.t.b.Result("y", p.t.reach(y.v))
	}
	e.leave()
	if ok {
		p.more = e.closeRegion(p.t, params)
	}
	return y, ok
}

func (e *elaborator) customBack(s *scope, g *check.Def, config map[string]value, at diag.Span, given []argument, y *tens, p *customPart) bool {
	p.t = e.enter("back")
	inner, params := p.inside(e, given)
	dy := p.t.param("dy", y.v.Type)
	inner = append(inner, argument{operand: operand{e.keep(y, dy), at}})
	v := e.runFn(s, g, config, at, inner)
	ok := !isPoison(v) && e.gradients(s, g, given, v) && !e.updates(s, at)
	e.leave()
	if ok {
		p.more = e.closeRegion(p.t, params)
		p.t.b.Func.Params = append(p.t.b.Func.Params, dy)
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
