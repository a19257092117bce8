package kernel

import (
	"fmt"
	"strconv"
	"strings"

	"dlc/ir/tensor"
	"dlc/lang/diag"
)

// A parser reads the text that String prints.
type parser struct {
	*scanner
	types  map[string]tensor.DType // what loads may read
	shared map[string]Expr         // %0, %1 ... of this definition
}

// Parse reads a program. The text is checked for its form and for the types of calls; Verify
// checks the rest.
func Parse(text string) (p *Program, err error) {
	defer catch(&err)
	p = &Program{}
	declared := map[string]*Buffer{}
	var k *parsedKernel
	var in *Region
	begun := false // with the kernels
	eachLine(text, func(s *scanner) {
		if r := s.regionHead(in); r != nil {
			k.closed(s)
			in, k, begun = r, nil, true
			return
		}
		switch {
		case !begun && p.Name == "" && s.keyword("program"):
			p.Name = s.name()
		case !begun && s.keyword("buffer"):
			b := s.buffer()
			p.Buffers, declared[b.Name] = append(p.Buffers, b), b
		case s.keyword("kernel"):
			k.closed(s)
			k, begun = s.kernelHead(declared), true
			k.In = in
			p.Kernels = append(p.Kernels, k.Kernel)
		case in != nil && (k == nil || k.scan == nil) && s.accept("}"):
			in, k = in.Parent, nil
		case k != nil:
			k.line(s)
		default:
			s.failf("program, buffer or kernel expected")
		}
	})
	k.closed(&scanner{})
	if in != nil {
		(&scanner{}).failf("the region of %s has no }", in.Cond)
	}
	return p, nil
}

// ParseKernel reads one kernel that stands alone.
func ParseKernel(text string) (kernel *Kernel, err error) {
	defer catch(&err)
	var k *parsedKernel
	eachLine(text, func(s *scanner) {
		if k == nil {
			s.expect("kernel")
			k = s.kernelHead(nil)
			return
		}
		k.line(s)
	})
	if k == nil {
		return nil, fmt.Errorf("kernel text: no kernel")
	}
	k.closed(&scanner{})
	return k.Kernel, nil
}

// ParseExpr reads an expression; types gives the element types of the names it loads.
func ParseExpr(text string, types map[string]tensor.DType) (e Expr, err error) {
	defer catch(&err)
	p := &parser{&scanner{src: text, line: 1}, types, map[string]Expr{}}
	e = p.body()
	if !p.done() {
		p.failf("unexpected %q", clip(p.rest()))
	}
	return e, nil
}

func catch(err *error) {
	switch f := recover().(type) {
	case nil:
	case syntaxError:
		*err = f.error
	default:
		panic(f)
	}
}

func eachLine(text string, f func(*scanner)) {
	for i, line := range strings.Split(text, "\n") {
		s := &scanner{src: strings.TrimRight(line, "\r"), line: i + 1}
		if s.done() || strings.HasPrefix(strings.TrimSpace(s.src), "//") {
			continue
		}
		f(s)
		if !s.done() {
			s.failf("unexpected %q", clip(s.rest()))
		}
	}
}

func (s *scanner) buffer() *Buffer {
	b := &Buffer{Name: s.name()}
	s.expect(":")
	role := s.name()
	found := false
	for r, n := range roleNames {
		if n == role {
			b.Role, found = Role(r), true
		}
	}
	if !found {
		s.failf("unknown role %q", role)
	}
	b.Type = s.tensorType()
	if s.keyword("layout") {
		b.Layout = &Layout{Name: s.name(), At: s.dims()}
		s.expect("in")
		b.Layout.Dims = s.dims()
	}
	if s.keyword("of") {
		b.Of = s.name()
	}
	if s.keyword("indexes") {
		b.Indexes = &Indexed{Buffer: s.name()}
		if !s.keyword("axis") {
			s.failf("the word axis expected, not %q", clip(s.rest()))
		}
		b.Indexes.Axis = int(s.integer())
	}
	if s.accept("=") {
		b.Value = s.tensor(b.Type)
	}
	return b
}

func (s *scanner) tensorType() tensor.Type {
	t := s.dtype()
	return tensor.Type{DType: t, Shape: s.dims()}
}

func (s *scanner) tensor(t tensor.Type) *tensor.Tensor {
	dims, ok := t.Shape.Bind(nil)
	if !ok {
		s.failf("a value needs a constant shape, not %s", t)
	}
	var values []uint64
	s.expect("{")
	for !s.accept("}") {
		if len(values) > 0 {
			s.expect(",")
		}
		values = append(values, LitBits(s.value(t.DType, s.number())))
	}
	size := 1
	for _, d := range dims {
		if size *= d; size > len(values) {
			break
		}
	}
	if size != len(values) {
		s.failf("%d values for %s", len(values), t)
	}
	x := tensor.New(t.DType, dims...)
	for i, v := range values {
		WriteScalar(x, i, v)
	}
	return x
}

type parsedKernel struct {
	*Kernel
	types map[string]tensor.DType
	scan  *Scan // that is open, and its axis
	axis  Axis
}

// kernelHead reads what follows the word kernel. Buffers are those declared, by name with or
// without their type, or, where none are, declared here.
func (s *scanner) kernelHead(declared map[string]*Buffer) *parsedKernel {
	k := &parsedKernel{Kernel: &Kernel{Name: s.name()}, types: map[string]tensor.DType{}}
	list := func() []*Buffer {
		var bs []*Buffer
		s.expect("(")
		for !s.accept(")") {
			if len(bs) > 0 {
				s.expect(",")
			}
			b := s.kernelBuffer(declared)
			bs, k.types[b.Name] = append(bs, b), b.Type.DType
		}
		return bs
	}
	k.Ins = list()
	s.expect("->")
	k.Outs = list()
	if s.accept("//") {
		k.Spans = s.spans()
	}
	return k
}

func (s *scanner) kernelBuffer(declared map[string]*Buffer) *Buffer {
	if declared == nil {
		return s.buffer()
	}
	n := s.name()
	b := declared[n]
	if b == nil {
		s.failf("no buffer is named %s", n)
	}
	if s.accept(":") {
		if t := s.tensorType(); !b.Type.Equal(t) {
			s.failf("buffer %s is %s, not %s", n, b.Type, t)
		}
	}
	return b
}

func (k *parsedKernel) line(s *scanner) {
	if axis, scan, ok := s.scanHead(); ok {
		if k.scan != nil {
			s.failf("a scan stands in a scan")
		}
		k.scan, k.axis = scan, axis
		return
	}
	if k.scan != nil && s.accept("}") {
		k.scan = nil
		return
	}
	d := (&parser{s, k.types, map[string]Expr{}}).def()
	k.scanned(s, d)
	k.Defs = append(k.Defs, d)
	k.types[d.Name] = d.DType
}

func (p *parser) def() *Def {
	d := &Def{Name: p.name()}
	p.expect("[")
	d.Axes = p.axes("]")
	p.expect("=")
	word := p.peekName()
	d.Reduce = p.reduce()
	d.Expr = p.body()
	d.DType = d.Expr.Type()
	if d.Sorts() {
		d.DType = p.sortType(word)
	}
	if p.accept("//") {
		spans := p.spans()
		d.Span = spans[0]
		if len(spans) > 1 {
			p.failf("a definition has one span")
		}
	}
	return d
}

func (p *parser) axes(end string) []Axis {
	var axes []Axis
	for !p.accept(end) {
		if len(axes) > 0 {
			p.expect(",")
		}
		axes = append(axes, p.axis())
	}
	return axes
}

func (p *parser) axis() Axis {
	n := p.name()
	p.expect(":")
	return Axis{n, p.dim()}
}

// reduce reads sum k:512 chain when ...; or nothing. A name of a reduction before a bracket
// is a call or a load.
func (p *parser) reduce() *Reduce {
	word := p.peekName()
	for op, n := range reduceNames {
		after := strings.TrimPrefix(p.rest(), word)
		base, _, typed := strings.Cut(word, ".")
		if n != base || typed != ReduceOp(op).sorts() || !strings.HasPrefix(after, " ") {
			continue
		}
		p.at += len(word)
		r := &Reduce{Op: ReduceOp(op)}
		if p.accept("(") {
			r.Axes = p.axes(")")
		} else {
			n := p.name()
			p.expect(":")
			r.Axes = []Axis{{n, p.orderedDim()}}
		}
		r.Order = p.order()
		if p.keyword("at") {
			r.At = p.matches()
		}
		if p.keyword("when") {
			r.When = p.conds(";")
		} else {
			p.expect(";")
		}
		return r
	}
	return nil
}

// orderedDim reads an extent that an order's name follows.
func (p *parser) orderedDim() tensor.Dim {
	r := p.rest()
	end := len(r)
	for _, n := range orderNames {
		if i := strings.Index(r, " "+n); i >= 0 && i < end {
			end = i
		}
	}
	d, err := tensor.ParseDim(strings.TrimSpace(r[:end]))
	if err != nil {
		p.failf("%v", err)
	}
	p.at += end
	return d
}

func (p *parser) order() Order {
	word := p.name()
	for kind, n := range orderNames {
		if n != word {
			continue
		}
		o := Order{Kind: OrderKind(kind)}
		if o.Kind == Chunks {
			o.Axis = p.name()
			p.expect("by")
			o.By = p.integer()
		}
		if o.Kind == Rescale && !strings.HasPrefix(p.rest(), ";") && p.peekName() != "when" {
			o.With = p.name()
		}
		return o
	}
	p.failf("unknown order %q", word)
	return Order{}
}

// body reads shared expressions, then the expression.
func (p *parser) body() Expr {
	for p.startsLet() {
		p.expect("%")
		n := "%" + p.number()
		p.expect("=")
		if p.shared[n] != nil {
			p.failf("%s is defined twice", n)
		}
		p.shared[n] = p.expr(0)
		p.expect(";")
	}
	return p.expr(0)
}

// startsLet tells `%1 = ...;` from an expression that begins with %1.
func (p *parser) startsLet() bool {
	r := p.rest()
	if !strings.HasPrefix(r, "%") {
		return false
	}
	after := strings.TrimLeft(strings.TrimLeft(r[1:], "0123456789"), " ")
	return strings.HasPrefix(after, "=") && !strings.HasPrefix(after, "==")
}

func (s *scanner) spans() []diag.Span {
	var spans []diag.Span
	for {
		var sp diag.Span
		r := s.rest()
		if quoted, err := strconv.QuotedPrefix(r); err == nil {
			sp.File, _ = strconv.Unquote(quoted)
			s.at += len(quoted)
		} else if end := strings.IndexAny(r, ", @"); end > 0 {
			head := r[:end]
			for range 2 {
				head = head[:max(0, strings.LastIndexByte(head, ':'))]
			}
			sp.File = head
			s.at += len(head)
		}
		s.expect(":")
		sp.Line = int(s.integer())
		s.expect(":")
		sp.Col = int(s.integer())
		s.expect("@")
		sp.Start = int(s.integer())
		s.expect("-")
		sp.End = int(s.integer())
		spans = append(spans, sp)
		if !s.accept(",") {
			return spans
		}
	}
}
