package build

import (
	"slices"

	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// mostDepth bounds bodies that apply each other.
const mostDepth = 100

// applyLayer runs a layer's body on inputs, under its path.
func (e *elaborator) applyLayer(s *scope, l *layer, at diag.Span, args []argument) value {
	v, _ := e.runLayer(s, l, at, args)
	return v
}

func (e *elaborator) runLayer(s *scope, l *layer, at diag.Span, args []argument) (value, *frame) {
	f := &frame{def: l.def, lib: l.def.Lib, call: at, caller: s.frame, path: l.path,
		taken: map[string]*layer{}, counts: map[string]int{}, states: map[string]string{}, draws: new(int)}
	f.use = e.t.uses[l.path]
	e.t.uses[l.path]++
	done := e.startLayer(l)
	v := e.body(s, f, l.def.Name, l.config, l.def.Inputs, l.def.Node.Result, l.def.Node.Body, at, args, nil)
	done(v)
	return v, f
}

// startLayer lists a layer for the summary; the function it returns adds what the layer gave.
func (e *elaborator) startLayer(l *layer) func(value) {
	list := e.t.layers
	if list == nil {
		return func(value) {}
	}
	at := len(*list)
	*list = append(*list, Layer{Path: l.path, Layer: l.def.Name})
	return func(v value) {
		if t, ok := v.(*tens); ok {
			(*list)[at].Output = t.typ()
		}
	}
}

// applyFn runs a declared fn; its layers and draws are its caller's. In its own gradient it has none of its own.
func (e *elaborator) applyFn(s *scope, d *check.Def, config map[string]value, at diag.Span, args []argument) value {
	if d.Back != nil && !slices.Contains(e.backs, d) {
		return e.applyCustom(s, d, config, at, args)
	}
	return e.runFn(s, d, config, at, args)
}

// runFn runs the body of a fn, or of a gradient.
func (e *elaborator) runFn(s *scope, d *check.Def, config map[string]value, at diag.Span, args []argument) value {
	f := s.frame.called(d, at)
	v := e.body(s, f, d.Name, config, d.Inputs, d.Node.Result, d.Node.Body, at, args, nil)
	if t, ok := v.(*tens); ok && d.Lib && d.Name == "softmax" {
		e.t.probs[t.v] = "softmax"
	}
	return v
}

// called makes the frame of a function, which shares its caller's path, names and draws.
func (f *frame) called(d *check.Def, at diag.Span) *frame {
	return &frame{def: d, lib: d.Lib, call: at, caller: f, path: f.path, taken: f.taken, counts: f.counts,
		states: map[string]string{}, draws: f.draws, use: f.use}
}

// applyFunction runs a lambda or local function.
func (e *elaborator) applyFunction(s *scope, fn *function, at diag.Span, args []argument) value {
	f := s.frame.called(fn.home.frame.def, at)
	f.lib = fn.home.frame.lib
	return e.body(s, f, fn.name, nil, fn.params, fn.result, fn.body, at, args, fn.home)
}

// applyInit runs an initializer on a shape.
func (e *elaborator) applyInit(s *scope, c *configured, at diag.Span, args []argument) value {
	f := s.frame.called(c.def, at)
	return e.body(s, f, c.def.Name, c.config, c.def.Inputs, c.def.Node.Result, c.def.Node.Body, at, args, nil)
}

// body binds a signature, runs a body and checks its result.
func (e *elaborator) body(s *scope, f *frame, name string, config map[string]value, inputs []*check.Param,
	result *syntax.Type, body *syntax.Block, at diag.Span, args []argument, home *scope) value {
	if e.depth++; e.depth > mostDepth {
		e.errorf(s, check.TooDeep, at, "`%s` applies itself without end", name)
		e.depth--
		return poison{}
	}
	defer func() { e.depth-- }()
	if f.def != nil && !e.trial {
		e.applied[f.def] = true
	}
	in := newBody(f)
	in.parent = home
	for k, v := range config {
		in.vars[k] = v
	}
	f.dims = check.NewScope(in.dimOf)
	if !e.bindInputs(s, in, name, inputs, at, args) {
		return poison{}
	}
	v := e.block(in, body)
	if isPoison(v) || f.failed {
		return poison{}
	}
	if result != nil {
		v = e.checkResult(in, name, result, v, lastSpan(body))
	}
	return f.outside(v)
}

func lastSpan(b *syntax.Block) diag.Span {
	if len(b.Stmts) == 0 {
		return b.Span()
	}
	return b.Stmts[len(b.Stmts)-1].Span()
}

// outside turns the axis names of a body into those of its caller.
func (f *frame) outside(v value) value {
	switch v := v.(type) {
	case *tens:
		c := *v
		c.labels = make([]string, len(v.labels))
		seen := map[string]int{}
		for i, l := range v.labels {
			if b, ok := f.dims.Bound[l]; ok && seen[l] < len(b.Labels) {
				c.labels[i] = b.Labels[seen[l]]
				seen[l] += map[bool]int{true: 1}[b.Pack]
			}
		}
		return &c
	case *sequence:
		c := *v
		c.items = make([]value, len(v.items))
		for i, x := range v.items {
			c.items[i] = f.outside(x)
		}
		return &c
	}
	return v
}
