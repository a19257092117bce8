package emulate

import (
	"math"
	"strconv"
	"strings"
	"sync"
)

// Entry is one kernel: its parameters, and its body decoded for running.
type Entry struct {
	// Name is the entry's symbol.
	Name string

	line       int
	params     []*variable
	vars       []*variable // shared and local variables of the body
	maxThreads int
	block      [3]int // of .reqntid; zero when absent
	cluster    [3]int // of .reqnctapercluster; zero when absent

	stmts []stmt
	scope *scope
	files sync.Pool // registers of warps that have ended
	program
}

// scope holds the names of one pair of braces.
type scope struct {
	outer  *scope
	regs   map[string]register
	labels map[string]int // statement numbers
	tables map[string][]string
	vars   map[string]*variable
}

// register is a declared register: the place of its slot among registers or predicates.
type register struct {
	typ  typ
	slot int
}

func newScope(outer *scope) *scope {
	return &scope{outer: outer, regs: map[string]register{}, labels: map[string]int{}, tables: map[string][]string{}, vars: map[string]*variable{}}
}

// stmt is one instruction as it stands in the text.
type stmt struct {
	line     int
	op       string // the whole mnemonic
	guard    string // the predicate register of @p; empty when absent
	negated  bool   // @!p
	operands []operand
	scope    *scope
}

// operand is what stands between commas.
type operand struct {
	kind  operandKind
	name  string    // nameOperand: a register, special register, label or variable
	not   bool      // !name
	value any       // numberOperand: uint64, float32 or float64
	elems []operand // vectorOperand, addressOperand: base and, for TMA, a vector of coordinates
	plus  int64     // addressOperand
	pair  *operand  // the q of p|q
}

// alone gives the p of p|q.
func (o *operand) alone() *operand {
	p := *o
	p.pair = nil
	return &p
}

type operandKind uint8

const (
	nameOperand operandKind = iota
	numberOperand
	vectorOperand
	addressOperand
)

// body reads an entry's statements into e.stmts.
func (p *parser) body(e *Entry) {
	p.expect("{")
	e.scope = newScope(nil)
	for s := e.scope; s != nil; {
		t := p.next()
		switch {
		case t.is("{"):
			s = newScope(s)
		case t.is("}"):
			s = s.outer
		case t.is(";"):
		case t.kind == undefToken:
			e.stmts = append(e.stmts, stmt{line: t.line, op: "implicit-def", scope: s, operands: []operand{{name: t.text}}})
		case t.is("@"):
			st := stmt{line: t.line, scope: s, negated: p.accept("!"), guard: p.word()}
			st.op = p.word()
			p.statement(e, st)
		case t.kind != wordToken:
			refuse(t.line, "unexpected %q", t.text)
		case p.accept(":"):
			p.label(e, s, t)
		case t.text[0] == '.':
			p.local(e, s, t)
		default:
			p.statement(e, stmt{line: t.line, scope: s, op: t.text})
		}
	}
}

func (p *parser) label(e *Entry, s *scope, t token) {
	if _, twice := s.labels[t.text]; twice {
		refuse(t.line, "label %s stands twice in its braces", t.text)
	}
	if p.accept(".branchtargets") {
		names := []string{p.word()}
		for p.accept(",") {
			names = append(names, p.word())
		}
		s.tables[t.text] = names
		return
	}
	s.labels[t.text] = len(e.stmts)
}

// local reads a directive inside a body.
func (p *parser) local(e *Entry, s *scope, t token) {
	switch t.text {
	case ".reg":
		p.registers(e, s)
	case ".shared", ".local":
		for _, v := range p.variables(t, false) {
			e.vars = append(e.vars, v)
			s.vars[v.name] = v
		}
	case ".loc":
		p.skipLine(t.line)
	case ".pragma":
		p.next()
		p.expect(";")
	default:
		refuse(t.line, "%s: not known inside a body", t.text)
	}
}

func (p *parser) registers(e *Entry, s *scope) {
	w := p.next()
	t, ok := typeOf(bare(w.text))
	if !ok {
		refuse(w.line, ".reg %s: not known", w.text)
	}
	add := func(name string) {
		s.regs[name] = e.newRegister(t)
		if t != pred {
			e.names[s.regs[name].slot] = name
		}
	}
	for {
		name := p.word()
		if p.accept("<") {
			n := p.integer()
			if n > 1<<20 {
				refuse(w.line, "%d registers", n)
			}
			for i := 0; i < n; i++ {
				add(name + strconv.Itoa(i))
			}
			p.expect(">")
		} else {
			add(name)
		}
		if !p.accept(",") {
			break
		}
	}
	p.expect(";")
}

// newRegister takes the next slot: predicates and the others are numbered apart. A .b128 register has two.
func (e *Entry) newRegister(t typ) register {
	if t == pred {
		e.preds++
		return register{t, e.preds - 1}
	}
	r := register{t, len(e.slots)}
	e.slots = append(e.slots, 0)
	if t == b128 {
		e.slots = append(e.slots, 0)
	}
	return r
}

func (p *parser) statement(e *Entry, st stmt) {
	for !p.accept(";") {
		o := p.operand()
		if p.accept("|") {
			q := p.operand()
			o.pair = &q
		}
		st.operands = append(st.operands, o)
		if !p.accept(",") && !p.peek().is(";") {
			refuse(p.peek().line, "unexpected %q in the operands of %s", p.peek().text, st.op)
		}
	}
	e.stmts = append(e.stmts, st)
}

func (p *parser) operand() operand {
	t := p.peek()
	switch {
	case p.accept("["):
		return p.address()
	case p.accept("{"):
		o := operand{kind: vectorOperand}
		for !p.accept("}") {
			if p.peek().is("{") {
				refuse(t.line, "a vector inside a vector")
			}
			o.elems = append(o.elems, p.operand())
			p.accept(",")
		}
		return o
	case p.accept("!"):
		return operand{name: p.word(), not: true}
	case t.kind == numberToken || t.is("-"):
		return operand{kind: numberOperand, value: p.number(noType)}
	}
	o := operand{name: p.word()}
	if p.accept("+") {
		o.plus = p.offset()
	}
	return o
}

func (p *parser) address() operand {
	o := operand{kind: addressOperand}
	base := p.operandOrNumber()
	base.plus = 0
	o.elems = append(o.elems, base)
	switch {
	case p.accept("+"):
		o.plus = p.offset()
	case p.peek().is("-"):
		o.plus = p.offset()
	case p.accept(","):
		v := p.operand()
		if v.kind != vectorOperand {
			refuse(p.peek().line, "expected coordinates in braces")
		}
		o.elems = append(o.elems, v)
	}
	p.expect("]")
	return o
}

// operandOrNumber reads an address's base, without swallowing the offset behind a name.
func (p *parser) operandOrNumber() operand {
	if t := p.peek(); t.kind == numberToken {
		return operand{kind: numberOperand, value: p.number(noType)}
	}
	return operand{name: p.word()}
}

func (p *parser) offset() int64 {
	t := p.peek()
	v, ok := p.number(b64).(uint64)
	if !ok || int64(v) > math.MaxInt32 || int64(v) < math.MinInt32 {
		refuse(t.line, "%s: not an offset", t.text)
	}
	return int64(v)
}

// find looks a name up in the scopes around a statement.
func find[T any](s *scope, name string, in func(*scope) map[string]T) (T, bool) {
	for ; s != nil; s = s.outer {
		if v, ok := in(s)[name]; ok {
			return v, true
		}
	}
	var none T
	return none, false
}

// modifiers cuts a mnemonic at its dots.
func modifiers(op string) []string { return strings.Split(op, ".") }
