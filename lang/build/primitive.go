package build

import (
	"sort"
	"strings"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// A primitive is a function that the compiler itself knows: its parameters and how it becomes
// nodes. Everything else is library.
type primitive struct {
	name   string
	params []*check.Param
	run    func(*use) value
}

// A use is one application of a primitive.
type use struct {
	e    *elaborator
	s    *scope
	at   diag.Span
	prim *primitive
	args map[string]operand
	bad  bool // a mistake is told
}

// row is a line of the table of primitives: parameters are written `name` or `name=default`.
type row struct {
	name, params string
	run          func(*use) value
}

// table holds every primitive.
func table() []row {
	rows := []row{}
	for _, group := range [][]row{elementwiseRows(), reductionRows(), cumulateRows(), contractionRows(), indexRows(), shapeRows(), sourceRows(), staticRows(), deriveRows()} {
		rows = append(rows, group...)
	}
	return rows
}

// primitives makes the table ready for lookup.
func primitives() map[string]*primitive {
	out := map[string]*primitive{}
	for _, r := range table() {
		p := &primitive{name: r.name, run: r.run}
		for _, f := range strings.Fields(r.params) {
			name, def, has := strings.Cut(f, "=")
			param := &check.Param{Name: name}
			if has {
				param.Default = literal(def)
			}
			p.params = append(p.params, param)
		}
		out[r.name] = p
	}
	return out
}

func literal(text string) syntax.Expr {
	switch text {
	case "none":
		return &syntax.None{}
	case "true", "false":
		return &syntax.Bool{Value: text == "true"}
	}
	if strings.HasPrefix(text, "\"") {
		return &syntax.String{Text: text}
	}
	if rest, negative := strings.CutPrefix(text, "-"); negative {
		return &syntax.Unary{Op: "-", X: &syntax.Number{Text: rest}}
	}
	return &syntax.Number{Text: text}
}

// Names returns the names that every body may use without declaring them: primitives, constants
// and element types, sorted.
func Names() []string {
	names := []string{"pi", "inf"}
	for _, r := range table() {
		names = append(names, r.name)
	}
	for t := tensor.Bool; t <= tensor.F64; t++ {
		names = append(names, t.String())
	}
	sort.Strings(names)
	return names
}

// Signatures returns how each primitive is applied, as in `sum(x, axis=none, keep=false)`, sorted.
func Signatures() []string {
	var out []string
	for _, r := range table() {
		out = append(out, r.name+"("+strings.Join(strings.Fields(r.params), ", ")+")")
	}
	sort.Strings(out)
	return out
}

func (e *elaborator) applyPrimitive(s *scope, p *primitive, at diag.Span, args []argument) value {
	if missingShape(p, args) {
		return e.initializer(s, p, at, args)
	}
	bound, ok := e.match(s, p.name, p.params, at, args, diag.Span{})
	if !ok {
		return poison{}
	}
	first := (*tens)(nil)
	if len(p.params) > 0 {
		first, _ = bound[p.params[0].Name].v.(*tens)
	}
	ops := map[string]operand{}
	for _, q := range p.params {
		a, given := bound[q.Name]
		if !given {
			a = argument{operand: operand{e.eval(s, q.Default), at}}
		}
		if a.over != nil {
			a.v = e.axes(s, a.over, first)
		}
		if isPoison(a.v) {
			return poison{}
		}
		ops[q.Name] = a.operand
	}
	return e.runPrimitive(s, p, at, ops)
}

func (e *elaborator) runPrimitive(s *scope, p *primitive, at diag.Span, args map[string]operand) value {
	u := &use{e: e, s: s, at: at, prim: p, args: args}
	v := p.run(u)
	if u.bad || v == nil {
		return poison{}
	}
	return v
}

// missingShape reports whether a primitive that makes a tensor of a shape is applied without one:
// no argument, or named ones alone.
func missingShape(p *primitive, args []argument) bool {
	if len(p.params) == 0 || p.params[0].Name != "shape" {
		return false
	}
	for _, a := range args {
		if a.name == nil && isShape(a.v) || a.name != nil && a.name.Text == "shape" {
			return false
		}
	}
	return true
}

func isShape(v value) bool {
	switch v.(type) {
	case *sequence, poison, *pack:
		return true
	}
	return false
}

// initializer is such a primitive without its shape.
func (e *elaborator) initializer(s *scope, p *primitive, at diag.Span, args []argument) value {
	bound, ok := e.match(s, p.name, p.params[1:], at, args, diag.Span{})
	if !ok {
		return poison{}
	}
	f := &fill{prim: p, args: map[string]value{}}
	for _, q := range p.params[1:] {
		v := bound[q.Name].v
		if v == nil {
			v = e.eval(s, q.Default)
		}
		f.args[q.Name] = v
	}
	return f
}

// with completes a fill by its shape.
func (f *fill) with(shape argument) map[string]operand {
	out := map[string]operand{"shape": shape.operand}
	for n, v := range f.args {
		out[n] = operand{v, shape.at}
	}
	return out
}

// fail tells a mistake of this use.
func (u *use) fail(code string, at diag.Span, format string, args ...any) *diag.Diagnostic {
	u.bad = true
	return u.e.errorf(u.s, code, at, format, args...)
}

// tens returns an argument that must be a tensor.
func (u *use) tens(name string) *tens {
	a := u.args[name]
	switch v := a.v.(type) {
	case *tens:
		return v
	case number:
		t, _ := u.e.weak(u.s, a.at, v).(*tens)
		u.bad = u.bad || t == nil
		return t
	case boolean:
		return u.e.boolAs(u.s, a.at, v)
	}
	u.fail(check.WrongKind, a.at, "`%s` of %s must be a tensor, not %s", name, u.prim.name, a.v.says())
	return nil
}

// float returns a tensor argument that must be a float; weak integers become f32.
func (u *use) float(name string) *tens {
	t := u.tens(name)
	if t == nil || t.dtype().IsFloat() {
		return t
	}
	if t.weak && t.dtype().IsInt() {
		return u.e.castTens(u.s, u.args[name].at, t, tensor.F32)
	}
	d := u.fail(check.DTypes, u.args[name].at, "%s takes a float, not %s", u.prim.name, t.typ())
	help(d, "`to(x, f32)` makes it a float")
	return nil
}

// whole refuses the hidden axis of records for primitives that have no meaning per record yet.
func (u *use) whole(ts ...*tens) bool {
	for _, t := range ts {
		if t == nil {
			return false
		}
		if t.row {
			u.fail(check.DataUnsupported, u.at, "`%s` in a dataset is not supported yet", u.prim.name)
			return false
		}
	}
	return true
}

func (u *use) emit(op ir.Op, in ...*ir.Value) *ir.Value {
	return u.e.emit1(u.s, u.at, op, in...)
}

// ints returns a list of whole constants; a single number counts as a list of one.
func (u *use) ints(name string) []int64 {
	a := u.args[name]
	items := []value{a.v}
	if q, ok := a.v.(*sequence); ok {
		items = q.items
	}
	out := make([]int64, len(items))
	for i, v := range items {
		n, ok := u.e.constant(u.s, a.at, v, "`"+name+"` of "+u.prim.name)
		if !ok {
			u.bad = true
			return nil
		}
		out[i] = n
	}
	return out
}

// axes returns the places that an argument names in a tensor, negative ones counted from the end;
// none means all.
func (u *use) axes(name string, rank int) []int {
	var out []int
	if _, all := u.args[name].v.(none); all {
		for i := range rank {
			out = append(out, i)
		}
		return out
	}
	for _, a := range u.ints(name) {
		at := a
		if at < 0 {
			at += int64(rank)
		}
		if at < 0 || at >= int64(rank) {
			u.fail(check.BadAxis, u.args[name].at, "axis %d is outside of a tensor of rank %d", a, rank)
			return nil
		}
		out = append(out, int(at))
	}
	sort.Ints(out)
	for i := 1; i < len(out); i++ {
		if out[i] == out[i-1] {
			u.fail(check.BadAxis, u.args[name].at, "axis %d is named twice", out[i])
			return nil
		}
	}
	return out
}

func (u *use) axis(name string, rank int) int {
	list := u.axes(name, rank)
	if !u.bad && len(list) != 1 {
		u.fail(check.BadAxis, u.args[name].at, "`%s` of %s is one axis", name, u.prim.name)
	}
	if u.bad {
		return 0
	}
	return list[0]
}

// dims returns a shape argument.
func (u *use) dims(name string) tensor.Shape {
	a := u.args[name]
	var items []value
	switch v := a.v.(type) {
	case *sequence:
		items = v.items
	case *pack:
		return v.dims
	default:
		u.fail(check.WrongKind, a.at, "`%s` of %s must be a list of dims, not %s", name, u.prim.name, a.v.says())
		return nil
	}
	out := tensor.Shape{}
	for _, v := range items {
		n, ok := u.e.whole(u.s, a.at, v, "a dim")
		if !ok {
			u.bad = true
			return nil
		}
		if c, constant := n.dim.Const(); constant && c < 0 {
			u.fail(check.SizeGone, a.at, "a dim cannot be %d", c)
			return nil
		}
		out = append(out, n.dim)
	}
	return out
}

// result makes a tensor of an ir value, with the flags of t and new labels (nil: none).
func (u *use) result(t *tens, v *ir.Value, labels []string) value {
	w := u.e.keep(t, v)
	if w, ok := w.(*tens); ok {
		w.labels = labels
		if labels == nil {
			w.labels = make([]string, len(w.shape()))
		}
	}
	return w
}
