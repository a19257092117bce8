package build

import (
	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// A weight is a parameter or state of the program and how it begins.
type weight struct {
	ir.Weight
	init syntax.Expr // nil: zero
	at   *scope      // what init sees
	span diag.Span   // the declaration
}

// weightPath is the path of a weight declared in this body.
func (f *frame) weightPath(name string) string {
	if f.within != nil {
		return f.within(name)
	}
	return join(f.path, name)
}

// declareWeight is `param` and `state`: the first declaration of a path adds the weight, later
// ones, of a layer applied again, must agree with it.
func (e *elaborator) declareWeight(s *scope, n *syntax.Name, t *syntax.Type, init syntax.Expr, state bool) {
	path := s.frame.weightPath(n.Text)
	typ, labels, ok := e.weightType(s, n, t, init)
	if !ok {
		s.vars[n.Text] = poison{}
		return
	}
	w := e.weights[path]
	if w == nil {
		w = &weight{Weight: ir.Weight{Path: path, Type: typ, State: state, Span: s.frame.place(n.Span())}, init: init, at: s.snapshot(), span: n.Span()}
		e.weights[path] = w
	}
	if !w.Type.Equal(typ) {
		d := e.errorf(s, check.UnknownDims, n.Span(), "`%s` is %s here and %s where the layer was applied first", path, typ, w.Type)
		help(d, "one layer has one set of weights: make a second layer, or inputs of one shape")
		s.vars[n.Text] = poison{}
		return
	}
	s.frame.states[n.Text] = path
	s.vars[n.Text] = &tens{v: e.t.load(w), labels: labels}
}

// weightType finds a weight's type from its declaration or its initial value.
func (e *elaborator) weightType(s *scope, n *syntax.Name, t *syntax.Type, init syntax.Expr) (tensor.Type, []string, bool) {
	typ, labels := tensor.Type{}, []string(nil)
	if t == nil {
		v, ok := e.eval(s, orZero(init)).(*tens)
		if !ok {
			e.errorf(s, check.UnknownDims, n.Span(), "the shape of `%s` is not known: declare it, as in `%s: [D]`", n.Text, n.Text)
			return typ, nil, false
		}
		typ, labels = v.typ(), v.labels
	} else {
		alts := check.Alternatives(t)
		if len(alts) != 1 || alts[0].Form != check.Tensor {
			e.errorf(s, check.UnknownDims, t.Span(), "the type of `%s` must be a tensor's, as in `[D, units]`", n.Text)
			return typ, nil, false
		}
		dims := s.dimScope()
		shape, names, open, err := dims.Resolve(alts[0].Shape)
		if err != nil || len(open) > 0 {
			if s.poisoned(alts[0]) {
				return typ, nil, false // told
			}
			e.errorf(s, check.UnknownDims, t.Span(), "the dims of `%s` are not known: [%s]", n.Text, check.ShapeText(alts[0].Shape))
			return typ, nil, false
		}
		typ, labels = tensor.Type{DType: classDType(alts[0].Name, dims, tensor.F32), Shape: shape}, names
	}
	for _, d := range typ.Shape {
		if v, ok := d.Const(); !ok || v < 0 {
			if e.opts.Broken || e.train != nil && !e.fixed {
				return typ, nil, false // the dataset, whose mistakes are told, would say
			}
			if e.trial {
				continue // the use that brings inputs brings their dims
			}
			if ok {
				e.errorf(s, check.UnknownDims, n.Span(), "`%s` would be %s: a dim cannot be negative", n.Text, typ)
				return typ, nil, false
			}
			x := e.errorf(s, check.UnknownDims, n.Span(), "`%s` would be %s, but the dims of a weight must be constants", n.Text, typ)
			help(x, "write the sizes of the model's inputs as numbers, or give a dataset that fixes them")
			return typ, nil, false
		}
	}
	return typ, labels, true
}

// poisoned reports whether a name in a declared shape has no value for a mistake that is told.
func (s *scope) poisoned(t check.Type1) (found bool) {
	t.Dims(func(name string, _ bool) {
		v, ok := s.find(name)
		found = found || ok && isPoison(v)
	})
	return found
}

func orZero(x syntax.Expr) syntax.Expr {
	if x == nil {
		return &syntax.Number{Text: "0"}
	}
	return x
}

// initialValue builds a weight's first value in the init entry.
func (e *elaborator) initialValue(w *weight) *ir.Value {
	s := w.at
	n := 0
	f := *s.frame
	f.path, f.draws, f.use = w.Path, &n, 0
	s = s.reframed(&f)
	at := w.span
	if w.init == nil {
		return e.emit1(s, at, ir.Full{Type: w.Type})
	}
	v := e.eval(s, w.init)
	at = w.init.Span()
	shape := &sequence{list: true}
	for _, d := range w.Type.Shape {
		shape.items = append(shape.items, ofDim(d))
	}
	sized := argument{operand: operand{shape, at}}
	switch x := v.(type) {
	case poison:
		return nil
	case *configured:
		if x.def.Kind == "initializer" {
			v = e.applyInit(s, x, at, []argument{sized})
		}
	case *fill:
		v = e.runPrimitive(s, x.prim, at, x.with(sized))
	case number:
		return e.constantOf(s, at, x, w.Type.DType, w.Type.Shape)
	}
	t, ok := v.(*tens)
	if ok && (t.weak || t.typ().Equal(tensor.Type{DType: tensor.F32, Shape: w.Type.Shape})) {
		t = e.castTens(s, at, t, w.Type.DType)
	}
	if !ok || t == nil || !t.typ().Equal(w.Type) {
		if !isPoison(v) {
			d := e.errorf(s, check.ConfigValue, at, "`%s` is %s, its initial value is %s", w.Path, w.Type, v.says())
			label(d, w.span, "declared here")
		}
		return nil
	}
	return t.v
}

// reframed is the scope with its own body's frame replaced.
func (s *scope) reframed(f *frame) *scope {
	c := *s
	old := s.frame
	if c.frame == old {
		c.frame = f
	}
	if c.parent != nil && !c.body {
		c.parent = c.parent.reframed(f)
	}
	return &c
}

// update is `name <- value`.
func (e *elaborator) update(s *scope, n *syntax.Name, v operand) {
	path, ok := s.frame.states[n.Text]
	if !ok {
		d := e.errorf(s, check.BadTarget, n.Span(), "`<-` updates a state, and `%s` is none", n.Text)
		help(d, "declare it with `state`, or write `=`")
		return
	}
	if isPoison(v.v) {
		return
	}
	w := e.weights[path]
	next, ok := e.conform(s, v, w)
	if !ok {
		return
	}
	e.t.update(path, next.v)
	s.assign(n.Text, next)
}

// conform fits a value to a weight's type: numbers are filled out, weak tensors cast, nothing
// else changes.
func (e *elaborator) conform(s *scope, v operand, w *weight) (*tens, bool) {
	switch x := v.v.(type) {
	case number:
		c, _ := e.wrap(e.constantOf(s, v.at, x, w.Type.DType, w.Type.Shape), false).(*tens)
		return c, c != nil
	case *tens:
		if x.weak {
			x = e.castTens(s, v.at, x, w.Type.DType)
		}
		if x != nil && x.typ().Equal(w.Type) {
			c := *x
			c.weak = false
			return &c, true
		}
	}
	d := e.errorf(s, check.ResultShape, v.at, "`%s` is %s and cannot take %s", w.Path, w.Type, v.v.says())
	label(d, w.span, "declared here")
	return nil, false
}
