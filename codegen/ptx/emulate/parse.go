package emulate

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Module is a parsed PTX module: its entries, ready to run, and its variables.
type Module struct {
	// Version and Target are the operands of the .version and .target directives.
	Version, Target string

	entries []*Entry
	vars    []*variable
}

// variable is a named piece of memory: at module scope, of one entry, or one of its parameters.
type variable struct {
	name   string
	space  string // shared, global, const, local or param
	align  int
	bytes  int // 0 of an extern array: its size comes with the launch
	extern bool
	init   []byte
	line   int
	at     uint64 // where it lies in its space
}

// Entry finds a kernel by name.
func (m *Module) Entry(name string) (*Entry, error) {
	for _, e := range m.entries {
		if e.Name == name {
			return e, nil
		}
	}
	return nil, fmt.Errorf("no entry %s in the module", name)
}

// Entries returns the module's kernels in the order of the text.
func (m *Module) Entries() []*Entry { return m.entries }

// parser walks over tokens; the first mistake ends it by panic(syntaxError), caught in Parse.
type parser struct {
	toks []token
	at   int
	mod  *Module
}

// syntaxError carries a mistake of the text out of the parser and the decoder.
type syntaxError struct{ err error }

func refuse(line int, format string, args ...any) {
	panic(syntaxError{fmt.Errorf("line %d: %s", line, fmt.Sprintf(format, args...))})
}

func caught(err *error) {
	switch e := recover().(type) {
	case nil:
	case syntaxError:
		*err = e.err
	default:
		panic(e)
	}
}

// Parse reads a PTX module and decodes all its entries.
func Parse(text string) (m *Module, err error) {
	defer caught(&err)
	toks, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &parser{toks: toks, mod: &Module{}}
	for p.peek().kind != endToken {
		p.directive()
	}
	for _, e := range p.mod.entries {
		e.decode(p.mod)
	}
	return p.mod, nil
}

func (p *parser) peek() token { return p.toks[p.at] }

func (p *parser) next() token {
	t := p.toks[p.at]
	if t.kind != endToken {
		p.at++
	}
	return t
}

func (p *parser) accept(text string) bool {
	if p.peek().is(text) {
		p.at++
		return true
	}
	return false
}

func (p *parser) expect(text string) {
	if t := p.next(); !t.is(text) {
		refuse(t.line, "expected %q, found %q", text, t.text)
	}
}

func (p *parser) word() string {
	t := p.next()
	if t.kind != wordToken {
		refuse(t.line, "expected a name, found %q", t.text)
	}
	return t.text
}

func (p *parser) integer() int {
	t := p.peek()
	v, ok := p.number(b64).(uint64)
	if !ok || v > math.MaxInt32 {
		refuse(t.line, "%s: not a size", t.text)
	}
	return int(v)
}

// number reads a literal: uint64 for integers (negative ones wrapped), float32 or float64.
func (p *parser) number(t typ) any {
	negative := p.accept("-")
	tok := p.next()
	if tok.kind != numberToken {
		refuse(tok.line, "expected a number, found %q", tok.text)
	}
	v, err := literal(tok.text)
	if err != nil {
		refuse(tok.line, "%s: not a number", tok.text)
	}
	switch v := v.(type) {
	case float64:
		if negative {
			return -v
		}
	case uint64:
		if negative {
			return -v
		}
	}
	return v
}

// literal reads 12, 0x1f, 0b1, 017, 12U, 0f3F800000, 0d..., 1.5.
func literal(text string) (any, error) {
	low := strings.ToLower(text)
	switch {
	case strings.HasPrefix(low, "0f") && len(low) == 10:
		v, err := strconv.ParseUint(low[2:], 16, 32)
		return math.Float32frombits(uint32(v)), err
	case strings.HasPrefix(low, "0d") && len(low) == 18:
		v, err := strconv.ParseUint(low[2:], 16, 64)
		return math.Float64frombits(v), err
	case strings.Contains(low, ".") || !strings.HasPrefix(low, "0x") && strings.Contains(low, "e"):
		return strconv.ParseFloat(low, 64)
	}
	low = strings.TrimSuffix(low, "u")
	if strings.Contains(low, "_") {
		return nil, strconv.ErrSyntax
	}
	v, err := strconv.ParseUint(low, 0, 64)
	return v, err
}

// directive reads one item at module scope.
func (p *parser) directive() {
	t := p.next()
	switch t.text {
	case ".version":
		p.mod.Version = p.next().text
	case ".target":
		p.mod.Target = p.word()
		for p.accept(",") {
			p.word()
		}
	case ".address_size":
		if n := p.integer(); n != 64 {
			refuse(t.line, ".address_size %d: only 64 is known", n)
		}
	case ".file":
		p.skipLine(t.line)
	case ".visible", ".weak", ".extern", ".common":
		p.linked(t)
	case ".entry":
		p.entry(t.line)
	case ".global", ".const", ".shared":
		p.mod.vars = append(p.mod.vars, p.variables(t, false)...)
	default:
		refuse(t.line, "%s: not known at module scope", t.text)
	}
}

func (p *parser) linked(linkage token) {
	t := p.next()
	switch t.text {
	case ".entry":
		p.entry(t.line)
	case ".global", ".const", ".shared":
		p.mod.vars = append(p.mod.vars, p.variables(t, linkage.text == ".extern")...)
	default:
		refuse(t.line, "%s %s: not known", linkage.text, t.text)
	}
}

func (p *parser) skipLine(line int) {
	for p.peek().kind != endToken && p.peek().line == line {
		p.next()
	}
}

// variables reads what follows .global, .const, .shared or .local, up to the semicolon.
func (p *parser) variables(space token, extern bool) []*variable {
	v := variable{space: bare(space.text), extern: extern, line: space.line}
	t := p.typeAndAlign(&v)
	var out []*variable
	for {
		one := v
		one.name = p.word()
		p.dims(&one, t)
		if p.accept("=") {
			one.init = p.initializer(&one, t)
		}
		out = append(out, &one)
		if !p.accept(",") {
			break
		}
	}
	p.expect(";")
	return out
}

// typeAndAlign reads .align N, .ptr attributes and the type, which come in several orders.
func (p *parser) typeAndAlign(v *variable) typ {
	found := noType
	for p.peek().kind == wordToken && strings.HasPrefix(p.peek().text, ".") {
		w := p.next()
		switch w.text {
		case ".align":
			v.align = p.integer()
			continue
		case ".ptr":
			if p.peek().is(".global") || p.peek().is(".shared") || p.peek().is(".const") || p.peek().is(".local") {
				p.next()
			}
			if p.accept(".align") {
				p.integer() // of what the pointer points to
			}
			continue
		}
		t, ok := typeOf(bare(w.text))
		if !ok || t == pred {
			refuse(w.line, "%s: not known in a declaration", w.text)
		}
		found = t
	}
	if found == noType {
		refuse(p.peek().line, "declaration without a type")
	}
	if v.align == 0 {
		v.align = max(1, found.bytes())
	}
	return found
}

func (p *parser) dims(v *variable, t typ) {
	v.bytes = t.bytes()
	for p.accept("[") {
		if p.accept("]") {
			if !v.extern {
				refuse(v.line, "%s: an array without a size must be .extern", v.name)
			}
			v.bytes = 0
			continue
		}
		v.bytes *= p.integer()
		p.expect("]")
	}
}

func (p *parser) initializer(v *variable, t typ) []byte {
	var out []byte
	put := func(x any) {
		var bits uint64
		switch x := x.(type) {
		case uint64:
			bits = x
		case float32:
			bits = uint64(math.Float32bits(x))
		case float64:
			bits = math.Float64bits(x)
			if t == f32 {
				bits = uint64(math.Float32bits(float32(x)))
			}
		}
		for i := 0; i < t.bytes(); i++ {
			out = append(out, byte(bits>>(8*i)))
		}
	}
	var list func(depth int)
	list = func(depth int) {
		if depth > 8 {
			refuse(v.line, "%s: initializer nested too deeply", v.name)
		}
		for !p.accept("}") {
			if p.accept("{") {
				list(depth + 1)
			} else {
				put(p.number(t))
			}
			p.accept(",")
		}
	}
	if p.accept("{") {
		list(0)
	} else {
		put(p.number(t))
	}
	if len(out) > v.bytes {
		refuse(v.line, "%s: more initial values than elements", v.name)
	}
	return out
}

func (p *parser) entry(line int) {
	e := &Entry{Name: p.word(), line: line}
	e.names = map[int]string{}
	if p.accept("(") {
		for !p.accept(")") {
			p.expect(".param")
			v := &variable{space: "param", line: p.peek().line}
			t := p.typeAndAlign(v)
			v.name = p.word()
			p.dims(v, t)
			e.params = append(e.params, v)
			p.accept(",")
		}
	}
	p.performance(e)
	p.body(e)
	p.mod.entries = append(p.mod.entries, e)
}

// performance reads the directives between an entry's parameters and its body.
func (p *parser) performance(e *Entry) {
	for !p.peek().is("{") {
		t := p.next()
		switch t.text {
		case ".maxntid":
			e.maxThreads = product(p.triple())
		case ".reqntid":
			e.block = p.triple()
		case ".reqnctapercluster":
			e.cluster = p.triple()
		case ".minnctapersm", ".maxnreg", ".maxclusterrank":
			p.integer()
		case ".explicitcluster":
		default:
			refuse(t.line, "%s: not known before an entry's body", t.text)
		}
	}
}

func (p *parser) triple() [3]int {
	out := [3]int{p.integer(), 1, 1}
	for i := 1; i < 3 && p.accept(","); i++ {
		out[i] = p.integer()
	}
	return out
}

func product(v [3]int) int { return v[0] * v[1] * v[2] }
