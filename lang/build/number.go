package build

import (
	"math"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
)

// An operand is a value and where it stands.
type operand struct {
	v  value
	at diag.Span
}

// numbers computes x op y of compile-time numbers.
func (e *elaborator) numbers(s *scope, op string, at diag.Span, x, y number) value {
	if !x.fraction && !y.fraction {
		if v, ok := e.wholes(s, op, at, x, y); ok {
			return v
		}
	}
	a, okA := x.float()
	b, okB := y.float()
	if !okA || !okB {
		return e.binary(s, op, at, operand{e.weak(s, at, x), at}, operand{e.weak(s, at, y), at})
	}
	switch op {
	case "+":
		return fraction(a + b)
	case "-":
		return fraction(a - b)
	case "*":
		return fraction(a * b)
	case "/":
		return number{f: a / b, fraction: true, divided: true}
	case "**":
		return fraction(math.Pow(a, b))
	case "div":
		return fraction(math.Floor(a / b))
	case "%":
		return fraction(a - b*math.Floor(a/b))
	}
	e.errorf(s, check.WrongKind, at, "`%s` does not take numbers", op)
	return poison{}
}

// wholes computes x op y of whole numbers where the result is whole; `/` that is not exact is
// left to the fractions.
func (e *elaborator) wholes(s *scope, op string, at diag.Span, x, y number) (value, bool) {
	d, err := check.DimArith(op, x.dim, y.dim)
	if err == nil {
		return ofDim(d), true
	}
	if op == "/" {
		if y.dim.IsConst(0) {
			e.errorf(s, check.NotWhole, at, "division of %s by zero", x)
			return poison{}, true
		}
		return nil, false
	}
	if op == "**" {
		return nil, false
	}
	if op == "@" {
		return nil, false
	}
	e.errorf(s, check.NotWhole, at, "%s", err)
	return poison{}, true
}

// weak makes a number a tensor of rank 0 that takes the other side's dtype: i32 or f32.
func (e *elaborator) weak(s *scope, at diag.Span, n number) value {
	t := tensor.I32
	if n.fraction {
		t = tensor.F32
	}
	return e.wrap(e.constantOf(s, at, n, t, nil), true)
}

// wrap makes an ir value a tensor; nil is poison.
func (e *elaborator) wrap(v *ir.Value, weak bool) value {
	if v == nil {
		return poison{}
	}
	return &tens{v: v, weak: weak, labels: make([]string, len(v.Type.Shape))}
}

// constantOf gives a number everywhere in a shape, in a dtype.
func (e *elaborator) constantOf(s *scope, at diag.Span, n number, t tensor.DType, shape tensor.Shape) *ir.Value {
	typ := tensor.Type{DType: t, Shape: shape}
	f, ok := n.float()
	if !ok {
		v := e.emit1(s, at, ir.Size{Dim: n.dim, DType: t})
		return e.spread(s, at, v, 0, shape)
	}
	if !n.fraction && !t.IsFloat() {
		v, _ := n.dim.Const()
		return e.emit1(s, at, ir.Full{Type: typ, Int: v})
	}
	return e.emit1(s, at, ir.FullOf(typ, f))
}

// compareStatic compares values known while compiling.
func (e *elaborator) compareStatic(s *scope, op string, at diag.Span, x, y value) value {
	if a, ok := x.(number); ok {
		if b, ok := y.(number); ok {
			return e.compareNumbers(s, op, at, a, b)
		}
	}
	equal, ok := same(x, y)
	if !ok || op != "==" && op != "!=" {
		e.errorf(s, check.WrongKind, at, "`%s` does not compare %s with %s", op, x.says(), y.says())
		return poison{}
	}
	return boolean(equal == (op == "=="))
}

// same compares strings, bools, none and lists; none equals nothing else.
func same(x, y value) (equal, ok bool) {
	switch x := x.(type) {
	case text:
		if y, ok := y.(text); ok {
			return x == y, true
		}
	case boolean:
		if y, ok := y.(boolean); ok {
			return x == y, true
		}
	case number:
		if y, ok := y.(number); ok && !x.fraction && !y.fraction {
			return x.dim.Equal(y.dim), true
		}
	case *sequence:
		return sameItems(x, y)
	}
	_, nx := x.(none)
	_, ny := y.(none)
	return nx && ny, nx || ny
}

func sameItems(x *sequence, other value) (equal, ok bool) {
	y, isSequence := other.(*sequence)
	if !isSequence {
		_, isNone := other.(none)
		return false, isNone
	}
	if len(x.items) != len(y.items) {
		return false, true
	}
	for i := range x.items {
		if equal, ok := same(x.items[i], y.items[i]); !ok || !equal {
			return false, ok
		}
	}
	return true, true
}

func (e *elaborator) compareNumbers(s *scope, op string, at diag.Span, x, y number) value {
	if a, ok := x.float(); ok {
		if b, ok := y.float(); ok {
			return boolean(decide(op, a, b))
		}
	}
	yes, no := false, false
	if !x.fraction && !y.fraction {
		yes, no = decideRange(op, x.dim.Sub(y.dim).Bounds(nil))
	}
	if !yes && !no {
		return e.compareRunning(s, op, at, x, y)
	}
	return boolean(yes)
}

// compareRunning compares numbers of which a symbol is known when the model runs.
func (e *elaborator) compareRunning(s *scope, op string, at diag.Span, x, y number) value {
	fn, _ := operatorFn(op)
	t := tensor.I64
	if x.fraction || y.fraction {
		t = tensor.F64
	}
	a, b := e.constantOf(s, at, x, t, nil), e.constantOf(s, at, y, t, nil)
	if a == nil || b == nil {
		return poison{}
	}
	return e.wrap(e.emit1(s, at, ir.Compare{Fn: fn}, a, b), false)
}

func decide(op string, a, b float64) bool {
	switch op {
	case "==":
		return a == b
	case "!=":
		return a != b
	case "<":
		return a < b
	case "<=":
		return a <= b
	case ">":
		return a > b
	}
	return a >= b
}

// decideRange says whether d op 0 holds for every d of the range, or for none.
func decideRange(op string, r tensor.Range) (yes, no bool) {
	below := !r.OpenHi && r.Hi < 0
	above := !r.OpenLo && r.Lo > 0
	least := !r.OpenLo && r.Lo >= 0
	most := !r.OpenHi && r.Hi <= 0
	zero := least && most
	switch op {
	case "==":
		return zero, below || above
	case "!=":
		return below || above, zero
	case "<":
		return below, least
	case "<=":
		return most, above
	case ">":
		return above, most
	}
	return least, below
}

// logicStatic is and, or of bools known while compiling.
func logicStatic(op string, x, y boolean) value {
	if op == "and" {
		return x && y
	}
	return x || y
}
