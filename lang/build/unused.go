package build

import (
	"dlc/ir/tensor"
	"dlc/lang/check"
)

// unusedBodies checks the user's layers and models that nothing applied, with their defaults and
// with symbols for the dims of their inputs. What cannot be made up is left unchecked.
func (e *elaborator) unusedBodies() {
	for _, d := range e.prog.Order {
		if (d.Kind == "layer" || d.Kind == "model" || d.Kind == "fn") && !e.applied[d] {
			e.tryBody(d)
		}
	}
}

// tellsInTrial reports whether a mistake stays one whatever the inputs are: what only made-up dims
// leave undecided is not told, nor shapes where a pack was made up as one dim.
func (e *elaborator) tellsInTrial(code string) bool {
	switch code {
	case check.UnknownArgument, check.MissingArgument, check.TooManyArgs, check.WrongKind, check.DTypes, check.BadTarget, check.ConfigValue:
		return true
	case check.InnerDims, check.Broadcast, check.ArgumentShape, check.ResultShape:
		return !e.packed
	}
	return false
}

// tryBody applies a definition to inputs made up for it, in a trace that nobody keeps.
func (e *elaborator) tryBody(d *check.Def) {
	t := newTrace("unused")
	e.t, e.trial, e.packed = t, true, false
	defer func() { e.trial = false }()
	at := d.Node.Path[0].Span()
	root := e.root(at)
	config := map[string]value{}
	for _, p := range d.Config {
		v, ok := e.madeUp(root, p)
		if !ok {
			return
		}
		config[p.Name] = v
	}
	in := newBody(&frame{def: d, caller: root.frame, call: at})
	for n, v := range config {
		in.vars[n] = v
	}
	in.frame.dims = check.NewScope(in.dimOf)
	var args []argument
	for _, p := range d.Inputs {
		v, ok := e.madeUpInput(in, p)
		if !ok {
			return
		}
		args = append(args, argument{operand: operand{v, at}})
	}
	saved := e.weights
	e.weights = map[string]*weight{}
	defer func() { e.weights = saved }()
	if d.Kind == "fn" {
		e.applyFn(root, d, config, at, args)
		return
	}
	e.runLayer(root, &layer{def: d, config: config, at: at}, at, args)
}

// madeUp is a configuration value for a trial: the default.
func (e *elaborator) madeUp(s *scope, p *check.Param) (value, bool) {
	if p.Default != nil {
		return e.eval(s, p.Default), true
	}
	if len(p.Alts) > 0 && p.Alts[0].Form == check.Int {
		return ofDim(tensor.Sym(p.Name)), true
	}
	return nil, false
}

// madeUpInput is an input for a trial: a tensor of the declared type, its free names as symbols and
// a pack as one dim.
func (e *elaborator) madeUpInput(in *scope, p *check.Param) (value, bool) {
	if len(p.Alts) != 1 || p.Alts[0].Form != check.Tensor {
		return nil, false
	}
	a := p.Alts[0]
	a.Dims(func(n string, isPack bool) {
		e.packed = e.packed || isPack
		if _, known := in.find(n); !known {
			in.frame.dims.Bind(n, check.Bound{Dims: tensor.Shape{tensor.Sym(n)}, Labels: []string{n}, Pack: isPack})
		}
	})
	shape, labels, open, err := in.frame.dims.Resolve(a.Shape)
	if err != nil || len(open) > 0 {
		return nil, false
	}
	v := e.t.input(p.Name, tensor.Type{DType: classDType(a.Name, in.frame.dims, tensor.F32), Shape: shape})
	if p.In != nil {
		if b, ok := e.boundsOf(in, p.In); ok {
			e.t.ranges[v] = b
		}
	}
	return &tens{v: v, labels: labels}, true
}
