package kernel

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"dlc/ir/tensor"
	"dlc/lang/diag"
)

// The text. One line each for the program, its buffers, a kernel's head, a definition:
//
//	program demo
//	buffer w: weight f32[K, 8] layout panel16 [$1 div 16, $0, $1 - 16*($1 div 16)] in [1, K, 16]
//	kernel dense(x: f32[N, K], w: f32[K, 8]) -> (y: f32[N, 8])  // mlp.dlc:7:3@100-140
//	  a[n:N, c:8] = sum k:K chain when 0 <= k - 1 < 5; x[n, k] * w[k, c]
//	  y[n:N, c:8] = %0 = exp(a[n, c]); guard(0 <= n - 1 < 3: %0 / (%0 + 1.0))
//
// Literals are f32 unless a type follows: 1.5, 2.5'f64, 3'i64, true. {2*n + 1} is the value of an
// index expression; x[@ids[n]] is an index that is computed; f32(e) is a cast, bitcast.u32(e) a
// change of type. Definitions between `scan t:T {`, or `scan t:T reversed {`, and `}` are one
// recurrence. Kernels between `if c leave y = a {`, or `while c enter c = d, x = y leave c = e,
// x = z {`, and `}` are a region, whose copies those are. A %name stands for a node that occurs more than once. A kernel that stands
// alone gives each buffer's role too. Names that are no words are quoted.

var roleNames = [...]string{Temp: "temp", Input: "input", Output: "output", Weight: "weight", Update: "update", Const: "const"}
var reduceNames = [...]string{Sum: "sum", Prod: "prod", Min: "min", Max: "max", Any: "any", All: "all", Welford: "welford", ArgSort: "argsort", ArgSortDescending: "argsort_descending"}
var orderNames = [...]string{Unordered: "unordered", Chain: "chain", Lanes64: "lanes64", Chunks: "chunks", Rescale: "rescale", Matrix: "matrix"}

// infix gives the operators of the text and how tightly they bind.
var infix = map[string]struct {
	text string
	bind int
}{
	"eq": {"==", 1}, "ne": {"!=", 1}, "lt": {"<", 1}, "le": {"<=", 1}, "gt": {">", 1}, "ge": {">=", 1},
	"add": {"+", 2}, "sub": {"-", 2}, "mul": {"*", 3}, "div": {"/", 3},
}

// String returns the name used in texts.
func (r Role) String() string { return roleNames[r] }

// String returns the name used in texts.
func (op ReduceOp) String() string { return reduceNames[op] }

// String prints chain, lanes64, chunks n by 5, rescale, or rescale m.
func (o Order) String() string {
	switch {
	case o.Kind == Rescale && o.With == "when":
		return `rescale "when"`
	case o.Kind == Rescale && o.With != "":
		return "rescale " + name(o.With)
	}
	if o.Kind == Chunks {
		return fmt.Sprintf("chunks %s by %d", name(o.Axis), o.By)
	}
	return orderNames[o.Kind]
}

// String prints 0 <= Index < Extent.
func (c Cond) String() string { return "0 <= " + c.Index.String() + " < " + c.Extent.String() }

// String prints the program: a line per buffer, then the kernels and their regions.
func (p *Program) String() string {
	var b strings.Builder
	b.WriteString("program " + name(p.Name) + "\n")
	for _, x := range p.Buffers {
		b.WriteString("buffer " + x.String() + "\n")
	}
	p.bodyText(&b, p.Whole(), "", func(k *Kernel) string {
		return k.text(func(x *Buffer) string { return name(x.Name) + ": " + x.Type.String() }, true)
	})
	return b.String()
}

// String prints the kernel with its buffers in full, so that the text stands alone.
func (k *Kernel) String() string { return k.text((*Buffer).String, true) }

func (k *Kernel) text(buffer func(*Buffer) string, spans bool) string {
	list := func(bs []*Buffer) string {
		parts := make([]string, len(bs))
		for i, b := range bs {
			parts[i] = buffer(b)
		}
		return "(" + strings.Join(parts, ", ") + ")"
	}
	var b strings.Builder
	b.WriteString("kernel " + name(k.Name) + list(k.Ins) + " -> " + list(k.Outs))
	if spans {
		b.WriteString(spanText(k.Spans...))
	}
	b.WriteByte('\n')
	for _, group := range groups(k.Defs) {
		indent := "  "
		if group[0].Scan != nil {
			b.WriteString(indent + scanText(group[0]) + "\n")
			indent += "  "
		}
		for _, d := range group {
			b.WriteString(indent + d.text(spans) + "\n")
		}
		if group[0].Scan != nil {
			b.WriteString("  }\n")
		}
	}
	return b.String()
}

// String prints name: role type, then layout, weight, what it indexes and value where there are.
func (x *Buffer) String() string {
	s := name(x.Name) + ": " + x.Role.String() + " " + x.Type.String()
	if l := x.Layout; l != nil {
		s += " layout " + name(l.Name) + " [" + tensor.Shape(l.At).String() + "] in [" + l.Dims.String() + "]"
	}
	if x.Of != "" {
		s += " of " + name(x.Of)
	}
	if i := x.Indexes; i != nil {
		s += " indexes " + name(i.Buffer) + " axis " + strconv.Itoa(i.Axis)
	}
	if x.Value != nil {
		s += " = {" + valueText(x.Value) + "}"
	}
	return s
}

func valueText(x *tensor.Tensor) string {
	parts := make([]string, x.Len())
	for i := range parts {
		switch {
		case x.DType.IsFloat():
			parts[i] = floatText(x.DType, x.Float(i))
		case x.DType == tensor.U64:
			parts[i] = strconv.FormatUint(uint64(x.Int(i)), 10)
		default:
			parts[i] = strconv.FormatInt(x.Int(i), 10)
		}
	}
	return strings.Join(parts, ", ")
}

// String prints a[m:M, c:128] = sum k:512 chain x[m, k] * w[k, c].
func (d *Def) String() string { return d.text(true) }

func (d *Def) text(span bool) string {
	s := name(d.Name) + "[" + axesText(d.Axes) + "] = "
	if r := d.Reduce; r != nil {
		list := axesText(r.Axes)
		if len(r.Axes) != 1 {
			list = "(" + list + ")"
		}
		s += d.reduceWord() + " " + list + " " + r.Order.String() + matchesText(r.At) + condsText(" when ", r.When) + "; "
	}
	p := newPrinter(d.Expr)
	s += p.lets() + p.text(d.Expr, 0)
	if span && !d.Span.IsZero() {
		s += spanText(d.Span)
	}
	return s
}

func axesText(axes []Axis) string {
	parts := make([]string, len(axes))
	for i, a := range axes {
		parts[i] = name(a.Name) + ":" + a.Extent.String()
	}
	return strings.Join(parts, ", ")
}

func condsText(before string, conds []Cond) string {
	if len(conds) == 0 {
		return ""
	}
	parts := make([]string, len(conds))
	for i, c := range conds {
		parts[i] = c.String()
	}
	return before + strings.Join(parts, ", ")
}

// spanText prints spans as a comment: file:line:col@start-end.
func spanText(spans ...diag.Span) string {
	if len(spans) == 0 {
		return ""
	}
	parts := make([]string, len(spans))
	for i, s := range spans {
		file := s.File
		if file == "" || strings.ContainsAny(file, "\"\n\r, @") {
			file = strconv.Quote(file)
		}
		parts[i] = fmt.Sprintf("%s:%d:%d@%d-%d", file, s.Line, s.Col, s.Start, s.End)
	}
	return "  // " + strings.Join(parts, ", ")
}

// String prints the literal with its type, which is left out for f32 and bool.
func (e *Lit) String() string {
	switch {
	case e.DType == tensor.Bool:
		return strconv.FormatBool(e.I != 0)
	case e.DType == tensor.F32:
		return floatText(e.DType, e.F)
	case e.DType == tensor.F64:
		return floatText(e.DType, e.F) + "'f64"
	case e.DType == tensor.U64:
		return strconv.FormatUint(uint64(e.I), 10) + "'u64"
	}
	return strconv.FormatInt(int64(LitBits(e)), 10) + "'" + e.DType.String()
}

func floatText(t tensor.DType, v float64) string {
	switch {
	case v != v:
		return "nan"
	case math.IsInf(v, 0):
		return strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(v, 'g', -1, 64)), "+")
	}
	s := strconv.FormatFloat(v, 'g', -1, 8*t.Size())
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// String prints {2*h + r - 1}.
func (e *Index) String() string { return "{" + e.Dim.String() + "}" }

// String prints x[m, k]; an index that is computed has an @ before it.
func (e *Load) String() string { return exprText(e) }

// String prints infix operators and function calls.
func (e *Call) String() string { return exprText(e) }

// String prints guard(0 <= i - 1 < 3: x[i - 1]).
func (e *Guard) String() string { return exprText(e) }

// String prints random(site: seed, step, row, column).
func (e *Random) String() string { return exprText(e) }

func exprText(e Expr) string {
	p := newPrinter(e)
	return p.lets() + p.text(e, 0)
}

// A printer names the calls, guards and draws that occur more than once, operands first.
type printer struct {
	shared []Expr
	name   map[Expr]string
}

func newPrinter(e Expr) *printer {
	p := &printer{name: map[Expr]string{}}
	uses := map[Expr]int{}
	var count func(Expr)
	count = func(e Expr) {
		if uses[e]++; uses[e] > 1 {
			return
		}
		for _, a := range Operands(e) {
			count(a)
		}
	}
	count(e)
	done := map[Expr]bool{}
	var order func(Expr)
	order = func(e Expr) {
		if done[e] {
			return
		}
		done[e] = true
		for _, a := range Operands(e) {
			order(a)
		}
		if uses[e] > 1 && !isLeaf(e) {
			p.name[e] = "%" + strconv.Itoa(len(p.shared))
			p.shared = append(p.shared, e)
		}
	}
	order(e)
	return p
}

func isLeaf(e Expr) bool {
	switch e := e.(type) {
	case *Lit, *Index:
		return true
	case *Load:
		for _, a := range e.At {
			if _, ok := a.(*Index); !ok {
				return false
			}
		}
		return true
	}
	return false
}

func (p *printer) lets() string {
	var b strings.Builder
	for _, e := range p.shared {
		b.WriteString(p.name[e] + " = " + p.whole(e, 0) + "; ")
	}
	return b.String()
}

func (p *printer) text(e Expr, bind int) string {
	if n, ok := p.name[e]; ok {
		return n
	}
	return p.whole(e, bind)
}

func (p *printer) whole(e Expr, bind int) string {
	switch e := e.(type) {
	case *Lit:
		return e.String()
	case *Index:
		return e.String()
	case *Load:
		return name(e.Name) + "[" + p.list(e.At, true) + "]"
	case *Guard:
		return "guard(" + condsText("", e.Conds) + ": " + p.text(e.Expr, 0) + ")"
	case *Random:
		return fmt.Sprintf("random(%#x: %s)", e.Site, p.list(Operands(e), false))
	case *Call:
		return p.call(e, bind)
	}
	panic(fmt.Sprintf("BUG: no expression %T", e))
}

func (p *printer) call(e *Call, bind int) string {
	if op, ok := infix[e.Fn]; ok {
		left := op.bind
		if op.bind == 1 {
			left = 2
		}
		s := p.text(e.Args[0], left) + " " + op.text + " " + p.text(e.Args[1], op.bind+1)
		if op.bind < bind {
			s = "(" + s + ")"
		}
		return s
	}
	fn := e.Fn
	switch fn {
	case "cast":
		fn = e.DType.String()
	case "bitcast":
		fn = "bitcast." + e.DType.String()
	}
	return fn + "(" + p.list(e.Args, false) + ")"
}

func (p *printer) list(es []Expr, index bool) string {
	parts := make([]string, len(es))
	for i, e := range es {
		ix, plain := e.(*Index)
		switch {
		case index && plain:
			parts[i] = ix.Dim.String()
		case index:
			parts[i] = "@" + p.text(e, 0)
		default:
			parts[i] = p.text(e, 0)
		}
	}
	return strings.Join(parts, ", ")
}

// name prints a name as it is where the parser would read it back, else quoted.
func name(s string) string {
	if n := nameLength(s); n == 0 || n < len(s) || reserved[s] {
		return strconv.Quote(s)
	}
	return s
}

var reserved = map[string]bool{"true": true, "false": true, "inf": true, "nan": true}

// nameLength returns how much of s's start is a name: a letter or _, then letters, digits,
// _ . $ and / between such.
func nameLength(s string) int {
	word := func(c byte) bool {
		return c == '_' || c == '.' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	}
	if s == "" || !word(s[0]) || s[0] >= '0' && s[0] <= '9' || s[0] == '.' {
		return 0
	}
	n := 1
	for n < len(s) && (word(s[n]) || s[n] == '/' && n+1 < len(s) && word(s[n+1])) {
		n++
	}
	return n
}
