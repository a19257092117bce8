package build

import (
	"fmt"
	"slices"
	"strings"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// bindInputs matches arguments with inputs: tensors first, so that numbers can be filled out to
// the dims they bind.
func (e *elaborator) bindInputs(s, in *scope, name string, inputs []*check.Param, at diag.Span, args []argument) bool {
	decl := diag.Span{}
	if in.frame.def != nil {
		decl = in.frame.def.Node.Path[0].Span()
	}
	bound, ok := e.match(s, name, inputs, at, args, decl)
	if !ok {
		return false
	}
	if e.exchanged(s, name, inputs, args, decl) {
		return false
	}
	first := (*tens)(nil)
	for _, a := range args {
		if t, isTens := a.v.(*tens); isTens && first == nil {
			first = t
		}
	}
	for _, late := range []bool{false, true} {
		for _, p := range inputs {
			a, given := bound[p.Name]
			if !given {
				a = argument{operand: operand{e.eval(in, p.Default), at}}
			}
			if a.over != nil {
				a.v = e.axes(s, a.over, first)
			}
			if isPoison(a.v) {
				ok = false
				continue
			}
			if fillable(p, a.v) != late {
				continue
			}
			v, fits := e.input(s, in, name, p, a.operand)
			in.vars[p.Name] = v
			ok = ok && fits
		}
		if !ok {
			return false
		}
	}
	return e.contracts(s, in, name, inputs, bound)
}

// exchanged tells of two arguments that stand in each other's place: their element types fit there,
// and not where they are. Of one that a mistake has made unknown the name tells.
func (e *elaborator) exchanged(s *scope, name string, inputs []*check.Param, args []argument, decl diag.Span) bool {
	for i := 0; i+1 < min(len(args), len(inputs)); i++ {
		a, b := args[i], args[i+1]
		p, q := inputs[i], inputs[i+1]
		fits := func(p *check.Param, x argument) bool { return isPoison(x.v) || holds(p, x.v) }
		if a.name != nil || b.name != nil || fits(p, a) && fits(q, b) || !fits(p, b) || !fits(q, a) {
			continue
		}
		if isPoison(a.v, b.v) && (a.text != q.Name || b.text != p.Name) {
			continue
		}
		d := e.errorf(s, check.ArgumentShape, a.at.To(b.at), "the arguments of %s are exchanged: `%s` comes first, then `%s`", name, p.Name, q.Name)
		label(d, decl, "declared here")
		if pair := b.text + ", " + a.text; !strings.Contains(pair, "...") && a.at.File == b.at.File && a.at.End <= b.at.Start {
			d.Fix = &diag.Fix{Span: a.at.To(b.at), Text: pair}
		}
		return true
	}
	return false
}

// holds reports whether a tensor's element type is one that a parameter takes.
func holds(p *check.Param, v value) bool {
	t, ok := v.(*tens)
	return ok && !t.weak && slices.ContainsFunc(p.Alts, func(a check.Type1) bool { return a.Form == check.Tensor && classHolds(a.Name, t.dtype()) })
}

// fillable reports whether a number or bool is to be filled out to a declared shape.
func fillable(p *check.Param, v value) bool {
	if _, ok := v.(number); !ok {
		return false
	}
	for _, a := range p.Alts {
		if a.Form != check.Tensor {
			return false
		}
	}
	return len(p.Alts) > 0
}

// input fits one argument to its declared type and binds the dims it names.
func (e *elaborator) input(s, in *scope, name string, p *check.Param, a operand) (value, bool) {
	if len(p.Alts) == 0 {
		return a.v, true
	}
	if _, isNone := a.v.(none); isNone && p.Optional {
		return a.v, true
	}
	var err error
	for _, t := range p.Alts {
		v, ok, why := e.inputAs(s, in, t, a)
		if ok {
			return v, e.logits(s, name, p, a)
		}
		if why != nil {
			err = why
		}
	}
	d := e.errorf(s, check.ArgumentShape, a.at, "`%s` of %s must be %s, not %s", p.Name, name, p.TypeText(), a.v.says())
	if err != nil {
		d.Label = err.Error()
	}
	label(d, p.Node.Span(), "declared here")
	if t, isTens := a.v.(*tens); isTens && !s.frame.lib {
		e.produced(s, d, a.at, t)
	}
	e.inputHelp(d, in, p, a.v)
	if t, isTens := a.v.(*tens); isTens && len(d.Help) == 0 && s.frame.def == nil && in.frame.def != nil && in.frame.def.Kind == "model" {
		help(d, "declare it as `%s: %s`, which is what the dataset gives", p.Name, t.typ())
	}
	return poison{}, false
}

// inputHelp adds the usual way out of a mismatch.
func (e *elaborator) inputHelp(d *diag.Diagnostic, in *scope, p *check.Param, v value) {
	if _, listed := v.(*sequence); listed {
		help(d, "`stack([...])` makes one tensor of a list")
	}
	if l, idle := v.(*layer); idle {
		help(d, "the layer is not applied: write `x |> %s(...)`", l.def.Name)
	}
	t, ok := v.(*tens)
	if !ok {
		return
	}
	for _, a := range p.Alts {
		if a.Form != check.Tensor {
			continue
		}
		if (a.Name == "float" || a.Name == "f32") && !t.dtype().IsFloat() {
			switch {
			case in.frame.def == nil || in.frame.def.Kind != "model":
				help(d, "`to(x, f32)` makes it a float, and so does `/`")
			case e.data != nil && e.data.source.open:
				help(d, "make it a float in the dataset: `%s : number`", p.Name)
			default:
				help(d, "make it a float in the dataset, as in `%s = %s / 255`", p.Name, p.Name)
			}
			return
		}
		if a.Name == "int" && t.dtype().IsFloat() {
			help(d, "a column becomes an integer by its contract, as in `label in 0..10`; `to(x, i32)` rounds towards zero")
			return
		}
		if want, _, open, err := in.frame.dims.Resolve(a.Shape); err == nil && len(open) == 0 {
			columnHelp(d, want, t.shape())
		}
	}
}

// inputAs tries one alternative; why says how the shape breaks where the kind fits.
func (e *elaborator) inputAs(s, in *scope, t check.Type1, a operand) (v value, ok bool, why error) {
	if t.Form != check.Tensor {
		if x, isTens := a.v.(*tens); isTens && len(x.shape()) == 0 && scalarHolds(t.Form, x.dtype()) {
			return x, true, nil
		}
		v, ok = e.admits(t, a.v)
		if q, isSeq := a.v.(*sequence); t.Form == check.Record && isSeq && !q.list {
			return q, true, nil
		}
		return v, ok, nil
	}
	dims := in.frame.dims
	switch x := a.v.(type) {
	case number:
		return e.filled(s, in, t, a, x)
	case *tens:
		c := *x
		if c.weak {
			c.weak = false
			if cast := e.castTens(s, a.at, &c, classDType(t.Name, dims, c.dtype())); cast != nil {
				c = *cast
			}
		}
		if !classHolds(t.Name, c.dtype()) {
			return nil, false, nil
		}
		if err := oneDType(t.Name, dims, c.dtype()); err != nil {
			return nil, false, err
		}
		labels, err := dims.Unify(t.Shape, c.shape(), c.labels)
		c.labels = labels
		return &c, err == nil, err
	}
	return nil, false, nil
}

// filled makes a number a tensor of a declared shape, once other inputs have bound its dims.
func (e *elaborator) filled(s, in *scope, t check.Type1, a operand, n number) (value, bool, error) {
	dims := in.frame.dims
	dtype := classDType(t.Name, dims, tensor.F32)
	if n.fraction && !dtype.IsFloat() || dtype == tensor.Bool {
		return nil, false, nil
	}
	shape, labels, open, err := dims.Resolve(t.Shape)
	if err != nil || len(open) > 0 {
		return nil, false, err
	}
	v := e.constantOf(s, a.at, n, dtype, shape)
	if v == nil {
		return poison{}, true, nil
	}
	return &tens{v: v, labels: labels}, true, nil
}

func scalarHolds(f check.Form, d tensor.DType) bool {
	return f == check.Float && d.IsFloat() || f == check.Int && d.IsInt() || f == check.Bool && d == tensor.Bool
}

// classHolds reports whether a dtype belongs to a declared one: float, int, or itself.
func classHolds(class string, d tensor.DType) bool {
	switch class {
	case "float":
		return d.IsFloat()
	case "int":
		return d.IsInt()
	}
	return class == d.String()
}

// classDType is the dtype that a number takes for a declared class.
func classDType(class string, dims *check.Scope, other tensor.DType) tensor.DType {
	switch class {
	case "float":
		if dims.Float != tensor.Invalid {
			return dims.Float
		}
		if other.IsFloat() {
			return other
		}
		return tensor.F32
	case "int":
		if dims.Int != tensor.Invalid {
			return dims.Int
		}
		if other.IsInt() {
			return other
		}
		return tensor.I32
	}
	d, err := tensor.ParseDType(class)
	if err != nil {
		return other
	}
	return d
}

// oneDType holds the rule that in one signature `float` is one dtype and `int` is one dtype.
func oneDType(class string, dims *check.Scope, d tensor.DType) error {
	slot := &dims.Float
	if class == "int" {
		slot = &dims.Int
	} else if class != "float" {
		return nil
	}
	if *slot == tensor.Invalid {
		*slot = d
	}
	if *slot != d {
		return &check.Mismatch{Axis: -1, Why: d.String() + " beside an input of " + slot.String()}
	}
	return nil
}

// logits refuses probabilities for an input that is named logits.
func (e *elaborator) logits(s *scope, name string, p *check.Param, a operand) bool {
	t, ok := a.v.(*tens)
	if !ok || p.Name != "logits" {
		return true
	}
	fn, isProb := e.t.probs[t.v]
	if !isProb {
		return true
	}
	if source := "probabilities of " + placeOf(t.v).String(); e.told[source] {
		return false // the loss complains already
	} else if !e.mute && !e.trial {
		e.told[source] = true
	}
	d := e.errorf(s, check.WantsLogits, a.at, "%s wants logits, but this is the output of %s", name, fn)
	if made := placeOf(t.v); !made.IsZero() {
		label(d, made, "%s is applied here", fn)
	}
	help(d, "leave %s out: the loss applies it, in a form that does not overflow", fn)
	return false
}

// placeOf is where a value is made; the zero span when it is given.
func placeOf(v *ir.Value) diag.Span {
	if v.Node == nil || len(v.Node.Spans) == 0 {
		return diag.Span{}
	}
	return v.Node.Spans[0]
}

// contracts checks the declared ranges of inputs, now that all dims are bound.
func (e *elaborator) contracts(s, in *scope, name string, inputs []*check.Param, bound map[string]argument) bool {
	ok := true
	for _, p := range inputs {
		t, isTens := in.vars[p.Name].(*tens)
		if p.In == nil || !isTens {
			continue
		}
		want, good := e.boundsOf(in, p.In)
		if !good {
			ok = false
			continue
		}
		at := bound[p.Name].at
		have, known := e.t.ranges[t.v]
		if !known {
			d := e.errorf(s, check.Contract, at, "`%s` of %s must lie in %s..%s, which does not follow from the dataset", p.Name, name, want.lo, want.hi)
			label(d, p.Node.Span(), "declared here")
			help(d, "write `%s in %s..%s` in the dataset block", bound[p.Name].text, want.lo, want.hi)
			ok = false
			continue
		}
		if !inside(have, want) {
			ok = false
			if once := fmt.Sprint("range ", have, want); e.told[once] {
				continue // the loss complains already
			} else if !e.mute && !e.trial {
				e.told[once] = true
			}
			d := e.errorf(s, check.Contract, at, "`%s` of %s must lie in %s..%s, but lies in %s..%s", p.Name, name, want.lo, want.hi, have.lo, have.hi)
			label(d, p.Node.Span(), "declared here")
			help(d, "with %s classes the model must give %s outputs", have.hi, have.hi)
		}
	}
	return ok
}

// inside reports whether a range certainly lies in another.
func inside(have, want bounds) bool {
	low, high := have.lo.Sub(want.lo).Bounds(nil), want.hi.Sub(have.hi).Bounds(nil)
	return !low.OpenLo && low.Lo >= 0 && !high.OpenLo && high.Lo >= 0
}

// boundsOf evaluates `lo..hi`.
func (e *elaborator) boundsOf(s *scope, x syntax.Expr) (bounds, bool) {
	v := e.eval(s, x)
	r, ok := v.(*span)
	if !ok {
		if !isPoison(v) {
			e.errorf(s, check.Contract, x.Span(), "a contract is a range lo..hi, not %s", v.says())
		}
		return bounds{}, false
	}
	lo, okLo := e.whole(s, x.Span(), r.lo, "a bound")
	hi, okHi := e.whole(s, x.Span(), r.hi, "a bound")
	return bounds{lo.dim, hi.dim}, okLo && okHi
}
