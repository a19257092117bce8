package build

import (
	"slices"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
)

// deriveRows: functions of functions. All are made of two ops: Map, and Gradient, which autodiff
// writes out. The forward mode is the reverse mode of the reverse mode, which is linear in what it
// begins with.
func deriveRows() []row {
	return []row{
		{"vmap", "f", (*use).deriving},
		{"grad", "f", (*use).deriving},
		{"jacobian", "f", (*use).deriving},
		{"recompute", "f", (*use).deriving},
		{"jvp", "f x v", (*use).jvp},
		{"hvp", "f x v", (*use).hvp},
	}
}

// A derived is a function made of another: how is the primitive that makes it.
type derived struct {
	how string
	of  value
}

func (d *derived) says() string { return d.how + " of " + d.of.says() }

// deriving makes the function; applyDerived runs it.
func (u *use) deriving() value {
	f := u.args["f"]
	if !canCall(f.v) || isPoison(f.v) {
		u.fail(check.WrongKind, f.at, "%s takes a function, not %s", u.prim.name, f.v.says())
		return nil
	}
	return &derived{u.prim.name, f.v}
}

func (e *elaborator) applyDerived(s *scope, d *derived, at diag.Span, args []argument) value {
	e.reserve(s, d.of)
	var ts []*tens
	for _, a := range args {
		t := e.tensorArgument(s, d.how, a)
		if t == nil {
			return poison{}
		}
		ts = append(ts, t)
	}
	if len(ts) == 0 {
		e.errorf(s, check.MissingArgument, at, "%s is applied to nothing", d.says())
		return poison{}
	}
	switch d.how {
	case "vmap":
		return e.mapped(s, d.of, at, args, ts)
	case "grad":
		return e.gradientOf(s, d.of, at, args, ts)
	case "recompute":
		return e.recomputed(s, d.of, at, args, ts)
	}
	return e.jacobian(s, d.of, at, args, ts)
}

// tensorArgument is an argument of a derived function: a tensor, by its place.
func (e *elaborator) tensorArgument(s *scope, how string, a argument) *tens {
	v := a.v
	if n, ok := v.(number); ok {
		v = strong(e.weak(s, a.at, n))
	}
	t, ok := v.(*tens)
	switch {
	case isPoison(v):
		return nil
	case a.name != nil:
		e.errorf(s, check.WrongKind, a.name.Span(), "a function made by %s takes its arguments in order, without names", how)
		return nil
	case !ok:
		e.errorf(s, check.WrongKind, a.at, "a function made by %s takes tensors, not %s", how, v.says())
		return nil
	case t.row:
		e.errorf(s, check.DataUnsupported, a.at, "`%s` in a dataset is not supported yet", how)
		return nil
	}
	return t
}

// call1 applies a function to tensors.
func (e *elaborator) call1(s *scope, f value, at diag.Span, args []argument, ts []*tens) value {
	given := slices.Clone(args)
	for i, t := range ts {
		given[i].v = t
	}
	return e.apply(s, f, at, at, given)
}

// mapped runs f for each element along the leading axis of all arguments.
func (e *elaborator) mapped(s *scope, f value, at diag.Span, args []argument, ts []*tens) value {
	for i, t := range ts {
		if len(t.shape()) == 0 {
			e.errorf(s, check.BadAxis, args[i].at, "vmap goes along the first axis, and %s has none", t.typ())
			return poison{}
		}
		if !t.shape()[0].Equal(ts[0].shape()[0]) {
			d := e.errorf(s, check.BadAxis, args[i].at, "what vmap goes along differs in length: %s and %s", ts[0].typ(), t.typ())
			label(d, args[0].at, "%s", ts[0].shape()[0])
			return poison{}
		}
	}
	size := ts[0].shape()[0]
	t := e.enter("body")
	c := &walking{length: size}
	inner := make([]*tens, len(ts))
	for i, x := range ts {
		inner[i] = e.keep(x, c.walk(t, "x", x.v)).(*tens)
		inner[i].labels = x.labels[1:]
	}
	e.keyed(s, at, c)
	v := strong(e.call1(s, f, at, args, inner))
	if e.updates(s, at) {
		v = poison{}
	}
	parts, ok := e.parts(s, operand{v, at})
	var results []*ir.Value
	for _, p := range parts {
		results = append(results, t.reach(p.v.(*tens).v))
	}
	e.leave()
	if !ok || isPoison(v) {
		return poison{}
	}
	operands := slices.Concat(c.walked, e.closeRegion(t, c.params))
	for _, r := range results {
		t.b.Result(uniqueResult(t.b.Func, "y"), r)
	}
	out, ok := e.emit(s, at, ir.Map{Body: t.b.Func, Size: size, Mapped: len(c.walked)}, operands...)
	if !ok {
		return poison{}
	}
	place, label := 0, ts[0].labels[0]
	return e.restacked(v, func(x *tens) value {
		w := e.wrap(out[place], false)
		place++
		if w, ok := w.(*tens); ok {
			w.labels = append([]string{label}, x.labels...)
		}
		return w
	})
}

// updates refuses a function that updates a state.
func (e *elaborator) updates(s *scope, at diag.Span) bool {
	if len(e.t.updated) > 0 {
		e.errorf(s, check.FormUnsupported, at, "a function of a function that updates a state is not supported yet")
	}
	return len(e.t.updated) > 0
}

// recomputed runs f so that gradients keep nothing of it but what it takes.
func (e *elaborator) recomputed(s *scope, f value, at diag.Span, args []argument, ts []*tens) value {
	t := e.enter("body")
	inner := make([]*tens, len(ts))
	var params, operands []*ir.Value
	for i, x := range ts {
		p := t.param("x", x.v.Type)
		if r, ok := t.ranges[x.v]; ok {
			t.ranges[p] = r
		}
		params, operands = append(params, p), append(operands, x.v)
		inner[i] = e.keep(x, p).(*tens)
	}
	v := strong(e.call1(s, f, at, args, inner))
	bad := isPoison(v) || e.updates(s, at)
	parts, ok := e.parts(s, operand{v, at})
	for _, p := range parts {
		t.b.Result(uniqueResult(t.b.Func, "y"), t.reach(p.v.(*tens).v))
	}
	e.leave()
	if bad || !ok {
		return poison{}
	}
	out, ok := e.emit(s, at, ir.Recompute{Body: t.b.Func}, append(operands, e.closeRegion(t, params)...)...)
	if !ok {
		return poison{}
	}
	return e.kept(v, out)
}

// kept puts values in the place of the tensors in v, in their order.
func (e *elaborator) kept(v value, by []*ir.Value) value {
	place := 0
	return e.restacked(v, func(x *tens) value {
		place++
		return e.keep(x, by[place-1])
	})
}

// restacked puts others in the place of the tensors in a value.
func (e *elaborator) restacked(v value, f func(*tens) value) value {
	switch v := v.(type) {
	case *tens:
		return f(v)
	case *sequence:
		c := &sequence{names: v.names, list: v.list}
		for _, x := range v.items {
			c.items = append(c.items, e.restacked(x, f))
		}
		return c
	}
	return v
}

// variable is x as something to differentiate by: what was made of x before does not depend on it.
func (e *elaborator) variable(s *scope, at diag.Span, x *tens) *tens {
	if !x.dtype().IsFloat() {
		d := e.errorf(s, check.DTypes, at, "a derivative is by a float, not by %s", x.typ())
		help(d, "`to(x, f32)` makes it a float")
		return nil
	}
	t, _ := e.keep(x, e.emit1(s, at, ir.Reshape{Shape: x.v.Type.Shape}, x.v)).(*tens)
	return t
}

// gradientOf is the gradient of f's value, a number, by its first argument.
func (e *elaborator) gradientOf(s *scope, f value, at diag.Span, args []argument, ts []*tens) value {
	x := e.variable(s, args[0].at, ts[0])
	if x == nil {
		return poison{}
	}
	v := e.call1(s, f, at, args, append([]*tens{x}, ts[1:]...))
	y, ok := v.(*tens)
	if !ok || len(y.shape()) > 0 || !y.dtype().IsFloat() {
		if !isPoison(v) {
			d := e.errorf(s, check.LossNotScalar, at, "grad is of a function that gives one float, not %s", v.says())
			help(d, "`sum` or `mean` makes one number of it; `jacobian` takes any")
		}
		return poison{}
	}
	return e.keep(ts[0], e.emit1(s, at, ir.Gradient{}, y.v, x.v))
}

// tensorOf is what f makes of x, a float tensor.
func (u *use) tensorOf(x *tens) *tens {
	e, f := u.e, u.args["f"]
	e.reserve(u.s, f.v)
	v := e.apply(u.s, f.v, f.at, u.at, []argument{{operand: operand{x, u.args["x"].at}}})
	y, ok := v.(*tens)
	if !ok || !y.dtype().IsFloat() {
		if !isPoison(v) {
			u.fail(check.WrongKind, f.at, "%s is of a function that gives a float, not %s", u.prim.name, v.says())
		}
		return nil
	}
	return y
}

// along reads x and v, which must have one type, and makes y of x by f; y is nil where something is wrong.
func (u *use) along() (x, v, y *tens) {
	f := u.args["f"]
	if !canCall(f.v) {
		u.fail(check.WrongKind, f.at, "%s takes a function, not %s", u.prim.name, f.v.says())
		return nil, nil, nil
	}
	x, v = u.tens("x"), u.tens("v")
	if !u.whole(x, v) {
		return nil, nil, nil
	}
	if v.weak {
		v = u.e.castTens(u.s, u.at, v, x.dtype())
	}
	if v == nil || !v.typ().Equal(x.typ()) {
		u.fail(check.ArgumentShape, u.args["v"].at, "a direction is of the type of x, %s, not %s", x.typ(), u.args["v"].v.says())
		return nil, nil, nil
	}
	if x = u.e.variable(u.s, u.args["x"].at, x); x == nil {
		return nil, nil, nil
	}
	return x, v, u.tensorOf(x)
}

// inner is the sum of the products of two tensors.
func (e *elaborator) inner(s *scope, at diag.Span, x, y *ir.Value) *ir.Value {
	if x == nil || y == nil {
		return nil
	}
	axes := []int{}
	for i := range x.Type.Shape {
		axes = append(axes, i)
	}
	return e.emit1(s, at, ir.Reduce{Op: "sum", Axes: axes}, e.emit1(s, at, ir.Binary{Fn: "mul"}, x, y))
}

// jvp is the derivative of f at x along v: with g(w) the gradient of the inner product of f(x) and
// w, that of the inner product of g(w) and v by w.
func (u *use) jvp() value {
	x, v, y := u.along()
	if y == nil {
		return nil
	}
	w := u.emit(ir.Full{Type: y.v.Type})
	g := u.emit(ir.Gradient{}, u.e.inner(u.s, u.at, y.v, w), x.v)
	return u.e.keep(y, u.emit(ir.Gradient{}, u.e.inner(u.s, u.at, g, v.v), w))
}

// hvp is the second derivative of f, which gives a number, at x times v.
func (u *use) hvp() value {
	x, v, y := u.along()
	if y == nil {
		return nil
	}
	if len(y.shape()) > 0 {
		u.fail(check.LossNotScalar, u.args["f"].at, "hvp is of a function that gives one float, not %s", y.typ())
		return nil
	}
	g := u.emit(ir.Gradient{}, y.v, x.v)
	return u.e.keep(x, u.emit(ir.Gradient{}, u.e.inner(u.s, u.at, g, v.v), x.v))
}

// jacobian gives for each element of f's value its gradient by the first argument: the dims of the
// value, then those of the argument. What does not depend on the element is computed once.
func (e *elaborator) jacobian(s *scope, f value, at diag.Span, args []argument, ts []*tens) value {
	t := e.enter("body")
	c := &walking{}
	turn := t.param("turn", tensor.Type{DType: tensor.I64})
	x := e.variable(s, args[0].at, ts[0])
	var y *tens
	var g *ir.Value
	if x != nil {
		v := e.call1(s, f, at, args, append([]*tens{x}, ts[1:]...))
		var ok bool
		if y, ok = v.(*tens); !ok || !y.dtype().IsFloat() {
			if !isPoison(v) {
				e.errorf(s, check.WrongKind, at, "jacobian is of a function that gives a float, not %s", v.says())
			}
			y = nil
		}
	}
	if y != nil {
		y.v = t.reach(y.v)
		g = e.emit1(s, at, ir.Gradient{}, e.inner(s, at, y.v, e.basis(s, at, y, turn)), x.v)
	}
	if e.updates(s, at) {
		g = nil
	}
	e.leave()
	if g == nil {
		return poison{}
	}
	c.length = y.v.Type.Shape.Size()
	count := e.emit1(s, at, ir.Iota{Type: tensor.Type{DType: tensor.I64, Shape: tensor.Shape{c.length}}})
	operands := append([]*ir.Value{count}, e.closeRegion(t, []*ir.Value{turn})...)
	t.b.Result("y", g)
	rows := e.emit1(s, at, ir.Map{Body: t.b.Func, Size: c.length, Mapped: 1}, operands...)
	if rows == nil {
		return poison{}
	}
	out := e.wrap(e.emit1(s, at, ir.Reshape{Shape: slices.Concat(y.shape(), x.shape())}, rows), false)
	if out, ok := out.(*tens); ok {
		out.labels = slices.Concat(y.labels, x.labels)
	}
	return out
}

// basis is 1 at the element of that number, in row-major order, else 0.
func (e *elaborator) basis(s *scope, at diag.Span, y *tens, number *ir.Value) *ir.Value {
	shape := y.v.Type.Shape
	flat := tensor.Type{DType: tensor.I64, Shape: tensor.Shape{shape.Size()}}
	places := e.emit1(s, at, ir.Reshape{Shape: shape}, e.emit1(s, at, ir.Iota{Type: flat}))
	here := e.emit1(s, at, ir.Compare{Fn: "eq"}, places, e.spread(s, at, number, 0, shape))
	return e.emit1(s, at, ir.Cast{To: y.dtype()}, here)
}
