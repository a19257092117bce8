package kernel

import (
	"strconv"
	"strings"

	"dlc/ir/tensor"
)

var operators = operatorTable()

// operatorTable lists the infix operators, longer texts first.
func operatorTable() (ops []operator) {
	for _, fn := range []string{"eq", "ne", "le", "ge", "lt", "gt", "add", "sub", "mul", "div"} {
		ops = append(ops, operator{fn, infix[fn].text, infix[fn].bind})
	}
	return ops
}

type operator struct {
	fn, text string
	bind     int
}

// expr reads operators that bind at least as tightly as bind, from left to right; a comparison
// takes no other beside it.
func (p *parser) expr(bind int) Expr {
	left := p.operand()
	for {
		op, ok := p.operator(bind)
		if !ok {
			return left
		}
		left = p.apply(op.fn, left, p.expr(op.bind+1))
		if op.bind == 1 {
			return left
		}
	}
}

func (p *parser) operator(lowest int) (operator, bool) {
	r := p.rest()
	if strings.HasPrefix(r, "//") {
		return operator{}, false
	}
	for _, op := range operators {
		if op.bind >= lowest && strings.HasPrefix(r, op.text) {
			p.at += len(op.text)
			return op, true
		}
	}
	return operator{}, false
}

func (p *parser) operand() Expr {
	p.nest()
	defer func() { p.depth-- }()
	if text := p.number(); text != "" {
		return p.literal(text)
	}
	switch {
	case p.accept("("):
		e := p.expr(0)
		p.expect(")")
		return e
	case p.accept("{"):
		d := p.dim()
		p.expect("}")
		return IndexOf(d)
	case p.accept("%"):
		n := "%" + p.number()
		if p.shared[n] == nil {
			p.failf("%s is not defined", n)
		}
		return p.shared[n]
	case p.keyword("true"):
		return I(tensor.Bool, 1)
	case p.keyword("false"):
		return I(tensor.Bool, 0)
	}
	n := p.name()
	switch {
	case p.accept("["):
		return p.load(n)
	case p.accept("("):
		return p.call(n)
	}
	p.failf("[ or ( expected after %s", n)
	return nil
}

func (p *parser) literal(text string) Expr {
	if p.accept("'") {
		t := p.dtype()
		if t == tensor.Bool {
			p.failf("a bool is true or false")
		}
		return p.value(t, text)
	}
	return p.value(tensor.F32, text)
}

func (p *parser) load(n string) Expr {
	t, ok := p.types[n]
	if !ok {
		p.failf("nothing is named %s", n)
	}
	l := &Load{Name: n, DType: t}
	for !p.accept("]") {
		if len(l.At) > 0 {
			p.expect(",")
		}
		if p.accept("@") {
			l.At = append(l.At, p.expr(0))
		} else {
			l.At = append(l.At, IndexOf(p.dim()))
		}
	}
	return l
}

func (p *parser) call(fn string) Expr {
	switch fn {
	case "guard":
		conds := p.conds(":")
		e := p.expr(0)
		p.expect(")")
		return &Guard{conds, e}
	case "random":
		return p.random()
	}
	var args []Expr
	for !p.accept(")") {
		if len(args) > 0 {
			p.expect(",")
		}
		args = append(args, p.expr(0))
	}
	return p.apply(fn, args...)
}

func (p *parser) random() Expr {
	text := p.number()
	site, err := strconv.ParseUint(text, 0, 64)
	if err != nil {
		p.failf("%q is no site", text)
	}
	p.expect(":")
	var args [4]Expr
	for i := range args {
		if i > 0 {
			p.expect(",")
		}
		args[i] = p.expr(0)
	}
	p.expect(")")
	return &Random{Seed: args[0], Step: args[1], Site: site, Row: args[2], Column: args[3]}
}

// apply makes a call; a dtype as function is a cast.
func (p *parser) apply(fn string, args ...Expr) Expr {
	result := tensor.Invalid
	if t, err := tensor.ParseStored(fn); err == nil {
		fn, result = "cast", t
	} else if t, err := tensor.ParseStored(strings.TrimPrefix(fn, "bitcast.")); err == nil {
		fn, result = "bitcast", t
	}
	types := make([]tensor.DType, len(args))
	for i, a := range args {
		types[i] = a.Type()
	}
	if result == tensor.Invalid && len(types) > 0 {
		result = types[len(types)-1]
		if f, ok := LookupFunc(fn); ok && (f.Rule == Equating || f.Rule == Ordering || f.Rule == Testing) {
			result = tensor.Bool
		}
	}
	if err := CheckCall(fn, result, types...); err != nil {
		p.failf("%v", err)
	}
	return &Call{fn, result, args}
}
