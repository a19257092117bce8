package build

import (
	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// unary is `-x` and `not x`.
func (e *elaborator) unary(s *scope, x *syntax.Unary) value {
	v := e.eval(s, x.X)
	if x.Op == "not" {
		switch v := v.(type) {
		case poison:
			return v
		case boolean:
			return !v
		case *tens:
			if v.dtype() == tensor.Bool {
				return e.keep(v, e.emit1(s, x.Span(), ir.Logic{Fn: "not"}, v.v))
			}
		}
		e.errorf(s, check.DTypes, x.Span(), "`not` takes a bool, not %s", v.says())
		return poison{}
	}
	switch v := v.(type) {
	case poison:
		return v
	case number:
		if v.fraction {
			return fraction(-v.f)
		}
		return ofDim(v.dim.Scale(-1))
	case *tens:
		return e.keep(v, e.emit1(s, x.Span(), ir.Unary{Fn: "neg"}, v.v))
	}
	e.errorf(s, check.WrongKind, x.Span(), "`-` takes a number or a tensor, not %s", v.says())
	return poison{}
}

// keep makes an ir value a tensor with t's labels and flags.
func (e *elaborator) keep(t *tens, v *ir.Value) value {
	if v == nil {
		return poison{}
	}
	c := *t
	c.v = v
	return &c
}

// functions of the operators between numbers, and of comparisons.
func operatorFn(op string) (fn string, compare bool) {
	switch op {
	case "+":
		return "add", false
	case "-":
		return "sub", false
	case "*":
		return "mul", false
	case "/":
		return "div", false
	case "%":
		return "rem", false
	case "div":
		return "idiv", false
	case "**":
		return "pow", false
	case "==":
		return "eq", true
	case "!=":
		return "ne", true
	case "<":
		return "lt", true
	case "<=":
		return "le", true
	case ">":
		return "gt", true
	case ">=":
		return "ge", true
	}
	return map[string]string{"minimum": "min", "maximum": "max"}[op], false
}

func (e *elaborator) binary(s *scope, op string, at diag.Span, x, y operand) value {
	if isPoison(x.v, y.v) {
		return poison{}
	}
	tx, okX := x.v.(*tens)
	ty, okY := y.v.(*tens)
	if okX || okY {
		if op == "@" {
			return e.matmul(s, at, x, y, tx, ty)
		}
		if op == "and" || op == "or" {
			return e.logic(s, op, at, x, y, tx, ty)
		}
		return e.elementwise(s, op, at, x, y)
	}
	if _, compare := operatorFn(op); compare {
		return e.compareStatic(s, op, at, x.v, y.v)
	}
	if a, ok := x.v.(boolean); ok && (op == "and" || op == "or") {
		if b, ok := y.v.(boolean); ok {
			return logicStatic(op, a, b)
		}
	}
	a, okA := x.v.(number)
	b, okB := y.v.(number)
	if okA && okB && op != "and" && op != "or" {
		return e.numbers(s, op, at, a, b)
	}
	e.errorf(s, check.WrongKind, at, "`%s` does not take %s and %s", op, x.v.says(), y.v.says())
	return poison{}
}

// logic is `and` and `or` of tensors of bool.
func (e *elaborator) logic(s *scope, op string, at diag.Span, x, y operand, tx, ty *tens) value {
	if tx == nil || ty == nil || tx.dtype() != tensor.Bool || ty.dtype() != tensor.Bool {
		e.errorf(s, check.DTypes, at, "`%s` takes bools, not %s and %s", op, x.v.says(), y.v.says())
		return poison{}
	}
	return e.joined(s, op, at, x, y, tx, ty, ir.Logic{Fn: op})
}

// elementwise is an arithmetic operator or comparison with a tensor on one side at least.
func (e *elaborator) elementwise(s *scope, op string, at diag.Span, x, y operand) value {
	fn, compare := operatorFn(op)
	if t, ok := x.v.(*tens); ok && op == "**" && t.dtype() != tensor.Bool {
		if n, ok := y.v.(number); ok && !n.fraction && n.dim.IsConst(2) {
			return e.keep(t, e.emit1(s, at, ir.Binary{Fn: "mul"}, t.v, t.v))
		}
	}
	tx, ty, ok := e.joinTypes(s, op, at, x, y)
	if !ok {
		return poison{}
	}
	if fn == "pow" && !tx.dtype().IsFloat() {
		tx, ty = e.castTens(s, at, tx, tensor.F32), e.castTens(s, at, ty, tensor.F32)
	}
	if compare {
		v := e.joined(s, op, at, x, y, tx, ty, ir.Compare{Fn: fn})
		if t, ok := v.(*tens); ok {
			t.weak = false
		}
		return v
	}
	return e.joined(s, op, at, x, y, tx, ty, ir.Binary{Fn: fn})
}

// joined broadcasts two operands of one dtype and applies an op.
func (e *elaborator) joined(s *scope, op string, at diag.Span, x, y operand, tx, ty *tens, o ir.Op) value {
	if tx == nil || ty == nil {
		return poison{}
	}
	shape, ok := e.joinShapes(s, op, at, x, y, tx, ty)
	if !ok {
		return poison{}
	}
	row := tx.row || ty.row
	a, b := e.fit(s, at, tx, shape, row), e.fit(s, at, ty, shape, row)
	v := e.emit1(s, at, o, a, b)
	if v == nil {
		return poison{}
	}
	return &tens{v: v, labels: joinLabels(tx, ty, len(shape)), weak: tx.weak && ty.weak, row: row}
}

func (e *elaborator) joinShapes(s *scope, op string, at diag.Span, x, y operand, tx, ty *tens) (tensor.Shape, bool) {
	shape, err := ir.Joint(tx.shape(), ty.shape())
	if err == nil {
		return shape, true
	}
	d := e.errorf(s, check.Broadcast, at, "`%s` does not join %s and %s", op, tx.typ(), ty.typ())
	e.operands(s, d, x, y, tx, ty)
	columnHelp(d, tx.shape(), ty.shape())
	return nil, false
}

// columnHelp adds the usual way out where one shape is the other and a 1.
func columnHelp(d *diag.Diagnostic, a, b tensor.Shape) {
	if len(a) < len(b) {
		a, b = b, a
	}
	n := len(a) - 1
	if len(b) > 0 && len(b) == n && !a[n].IsConst(1) && a[:n].Equal(b) {
		help(d, "`y[..., new]` makes [%s, 1] of [%s]; a reduction does so with keep=true", b, b)
	}
	if len(b) == n && a[n].IsConst(1) && a[:n].Equal(b) {
		help(d, "`squeeze(x, axis=-1)` makes [%s] of [%s]; `x[..., new]` does the reverse", b, a)
	}
}

// joinLabels takes each axis' name from the operand that has one.
func joinLabels(x, y *tens, rank int) []string {
	out := make([]string, rank)
	for _, t := range []*tens{y, x} {
		for i, l := range t.labels {
			if at := rank - len(t.labels) + i; l != "" {
				out[at] = l
			}
		}
	}
	return out
}

// fit repeats a tensor to a shape, behind the hidden axis of records where row says so.
func (e *elaborator) fit(s *scope, at diag.Span, t *tens, shape tensor.Shape, row bool) *ir.Value {
	if row {
		shape = append(tensor.Shape{tensor.Sym(rows)}, shape...)
	}
	return e.spread(s, at, t.v, t.lead(), shape)
}

// spread repeats v to a shape; its first lead axes are the shape's, the others its last ones.
func (e *elaborator) spread(s *scope, at diag.Span, v *ir.Value, lead int, shape tensor.Shape) *ir.Value {
	if v == nil || v.Type.Shape.Equal(shape) {
		return v
	}
	rank := len(v.Type.Shape)
	axes := make([]int, rank)
	for i := range axes {
		axes[i] = len(shape) - rank + i
		if i < lead {
			axes[i] = i
		}
	}
	return e.emit1(s, at, ir.Broadcast{Shape: shape, Axes: axes}, v)
}

// joinTypes brings two operands to one dtype by the number rules: numbers and weak tensors take
// the other's, tensors are promoted, `/` of integers gives a float.
func (e *elaborator) joinTypes(s *scope, op string, at diag.Span, x, y operand) (tx, ty *tens, ok bool) {
	tx, okX := x.v.(*tens)
	ty, okY := y.v.(*tens)
	nx, numX := x.v.(number)
	ny, numY := y.v.(number)
	switch {
	case okX && okY:
		return e.joinTensors(s, op, at, x, y, tx, ty)
	case okX && numY:
		tx, t, ok := e.besideNumber(s, op, at, tx, x.at, ny)
		if !ok {
			return nil, nil, false
		}
		return tx, e.numberAs(s, y.at, ny, t, tx), true
	case okY && numX:
		ty, t, ok := e.besideNumber(s, op, at, ty, y.at, nx)
		if !ok {
			return nil, nil, false
		}
		return e.numberAs(s, x.at, nx, t, ty), ty, true
	}
	if b, isBool := x.v.(boolean); isBool && okY && ty.dtype() == tensor.Bool {
		return e.boolAs(s, x.at, b), ty, true
	}
	if b, isBool := y.v.(boolean); isBool && okX && tx.dtype() == tensor.Bool {
		return tx, e.boolAs(s, y.at, b), true
	}
	e.errorf(s, check.WrongKind, at, "`%s` does not take %s and %s", op, x.v.says(), y.v.says())
	return nil, nil, false
}

func (e *elaborator) boolAs(s *scope, at diag.Span, b boolean) *tens {
	i := int64(0)
	if b {
		i = 1
	}
	t, _ := e.wrap(e.emit1(s, at, ir.Full{Type: tensor.Type{DType: tensor.Bool}, Int: i}), true).(*tens)
	return t
}

// numberAs makes a number a tensor of its neighbour's shape, weak when that is.
func (e *elaborator) numberAs(s *scope, at diag.Span, n number, t tensor.DType, beside *tens) *tens {
	v, _ := e.keep(beside, e.constantOf(s, at, n, t, beside.v.Type.Shape)).(*tens)
	return v
}

// besideNumber returns the tensor as it joins a number, and the number's dtype.
func (e *elaborator) besideNumber(s *scope, op string, at diag.Span, t *tens, tAt diag.Span, n number) (*tens, tensor.DType, bool) {
	d := t.dtype()
	c, constant := n.dim.Const()
	switch {
	case d == tensor.Bool:
		e.boolNumber(s, op, at)
		return nil, 0, false
	case d.IsFloat():
		return t, d, true
	case op == "/" || op == "**" && n.fraction && t.weak:
		t = e.castTens(s, tAt, t, tensor.F32)
		return t, tensor.F32, t != nil
	case n.fraction && t.weak:
		t = e.castTens(s, tAt, t, tensor.F32)
		return t, tensor.F32, t != nil
	case n.fraction:
		x := e.errorf(s, check.DTypes, at, "the fraction %s does not join %s", n, t.typ())
		help(x, "`to(x, f32)` makes the tensor a float first")
		return nil, 0, false
	case constant && !check.Fits(c, d):
		e.errorf(s, check.DTypes, at, "%d is no value of %s", c, d)
		return nil, 0, false
	}
	return t, d, true
}

func (e *elaborator) boolNumber(s *scope, op string, at diag.Span) {
	d := e.errorf(s, check.DTypes, at, "`%s` does not take bool: a bool is no number", op)
	help(d, "`where(x, 1, 0)` makes numbers of it; `sum` and `mean` count it")
}

func (e *elaborator) joinTensors(s *scope, op string, at diag.Span, x, y operand, tx, ty *tens) (*tens, *tens, bool) {
	a, b := tx.dtype(), ty.dtype()
	if a == tensor.Bool && b == tensor.Bool && (op == "==" || op == "!=") {
		return tx, ty, true
	}
	if a == tensor.Bool || b == tensor.Bool {
		e.boolNumber(s, op, at)
		return nil, nil, false
	}
	want, ok := joinDType(op, tx, ty)
	if !ok {
		d := e.errorf(s, check.DTypes, at, "`%s` does not join %s and %s", op, tx.typ(), ty.typ())
		e.operands(s, d, x, y, tx, ty)
		help(d, "`to(x, f32)` makes a tensor a float")
		return nil, nil, false
	}
	if !e.counts(s, x.at, tx, want) || !e.counts(s, y.at, ty, want) {
		return nil, nil, false
	}
	tx, ty = e.castTens(s, x.at, tx, want), e.castTens(s, y.at, ty, want)
	return tx, ty, tx != nil && ty != nil
}

// counts refuses a count that takes a dtype which does not hold all of it.
func (e *elaborator) counts(s *scope, at diag.Span, t *tens, want tensor.DType) bool {
	if t.v.Node == nil || !want.IsInt() {
		return true
	}
	iota, ok := t.v.Node.Op.(ir.Iota)
	if !ok || !t.weak {
		return true
	}
	n, known := iota.Type.Shape[iota.Axis].Const()
	if !known || check.Fits(n-1, want) {
		return true
	}
	d := e.errorf(s, check.DTypes, at, "a count up to %d does not fit into %s", n-1, want)
	help(d, "`to(x, i32)` makes the other side hold it")
	return false
}

// joinDType is the dtype in which two tensors of numbers meet.
func joinDType(op string, tx, ty *tens) (tensor.DType, bool) {
	a, b := tx.dtype(), ty.dtype()
	switch {
	case op == "/" && a.IsInt() && b.IsInt():
		return tensor.F32, true
	case op == "/" && a.IsInt():
		return b, true
	case op == "/" && b.IsInt():
		return a, true
	case tx.weak && !ty.weak && (a.IsInt() || b.IsFloat()):
		return b, true
	case ty.weak && !tx.weak && (b.IsInt() || a.IsFloat()):
		return a, true
	case tx.weak && ty.weak && (a.IsFloat() || b.IsFloat()):
		return tensor.F32, true
	case tx.weak != ty.weak:
		return 0, false
	}
	t, err := check.Promote(a, b)
	return t, err == nil
}

// castTens converts a tensor; a known range of its values stays known.
func (e *elaborator) castTens(s *scope, at diag.Span, t *tens, to tensor.DType) *tens {
	if t == nil || t.dtype() == to {
		return t
	}
	v := e.emit1(s, at, ir.Cast{To: to}, t.v)
	if v == nil {
		return nil
	}
	if r, ok := e.t.ranges[t.v]; ok {
		e.t.ranges[v] = r
	}
	c := *t
	c.v = v
	return &c
}

// strong gives a weak tensor its dtype for good.
func strong(v value) value {
	if t, ok := v.(*tens); ok && t.weak {
		c := *t
		c.weak = false
		return &c
	}
	return v
}

// matmul is `@`: the last dim of the left with the second-last, or only, one of the right.
func (e *elaborator) matmul(s *scope, at diag.Span, x, y operand, tx, ty *tens) value {
	if tx == nil || ty == nil || len(tx.shape()) == 0 || len(ty.shape()) == 0 {
		e.errorf(s, check.WrongKind, at, "`@` takes two tensors of rank 1 or more, not %s and %s", x.v.says(), y.v.says())
		return poison{}
	}
	if tx.row || ty.row {
		e.errorf(s, check.DataUnsupported, at, "`@` in a dataset is not supported yet")
		return poison{}
	}
	cx, cy, ok := e.joinTensors(s, "@", at, x, y, tx, ty)
	if !ok {
		return poison{}
	}
	a, b := cx.shape(), cy.shape()
	inner := max(len(b)-2, 0)
	if !a[len(a)-1].Equal(b[inner]) {
		d := e.errorf(s, check.InnerDims, at, "inner dims of `@` differ: %s and %s", a[len(a)-1], b[inner])
		e.operands(s, d, x, y, tx, ty)
		if len(a) == 2 && len(b) == 2 && b[1].Equal(a[0]) {
			help(d, "exchange the two: %s @ %s fits", ty.typ(), tx.typ())
		} else if len(b) == 2 {
			help(d, "declare the right side as [%s, %s], or use Dense(%s), which infers it", a[len(a)-1], b[1], b[1])
		}
		return poison{}
	}
	return e.product(s, at, x, y, cx, cy)
}

// product multiplies operands whose inner dims are equal; the dims in front broadcast.
func (e *elaborator) product(s *scope, at diag.Span, x, y operand, cx, cy *tens) value {
	if len(cy.shape()) > 2 {
		return e.batched(s, at, x, y, cx, cy)
	}
	kept := len(cx.shape()) - 1
	front, tail := letters(0, kept), ""
	labels := append([]string{}, cx.labels[:kept]...)
	if len(cy.shape()) == 2 {
		tail = "X"
		labels = append(labels, cy.labels[1])
	}
	v := e.wrap(e.emit1(s, at, ir.Einsum{Spec: front + "Z,Z" + tail + "->" + front + tail}, cx.v, cy.v), false)
	if t, ok := v.(*tens); ok {
		t.labels = labels
	}
	return v
}

// batched multiplies matrices with matrices: the dims in front of the last two join.
func (e *elaborator) batched(s *scope, at diag.Span, x, y operand, cx, cy *tens) value {
	a, b := cx.shape(), cy.shape()
	if len(a) < 2 {
		e.errorf(s, check.Broadcast, at, "`@` of %s and %s: the left side needs two dims", cx.typ(), cy.typ())
		return poison{}
	}
	shape, err := ir.Joint(a[:len(a)-2], b[:len(b)-2])
	if err != nil {
		d := e.errorf(s, check.Broadcast, at, "the dims in front of `@` do not join: %s and %s", cx.typ(), cy.typ())
		e.operands(s, d, x, y, cx, cy)
		return poison{}
	}
	va := e.spread(s, at, cx.v, 0, append(append(tensor.Shape{}, shape...), a[len(a)-2:]...))
	vb := e.spread(s, at, cy.v, 0, append(append(tensor.Shape{}, shape...), b[len(b)-2:]...))
	batch := letters(0, len(shape))
	return e.wrap(e.emit1(s, at, ir.Einsum{Spec: batch + "YZ," + batch + "ZX->" + batch + "YX"}, va, vb), false)
}

// letters returns n letters of an einsum from the first-th on.
func letters(first, n int) string {
	const all = "abcdefghijklmnopqrstuvwxyz"
	return all[first : first+n]
}
