package kernel

import (
	"fmt"
	"strconv"
	"strings"

	"dlc/ir/tensor"
)

// maxNesting bounds brackets in a text.
const maxNesting = 1000

// A syntaxError travels as a panic from the scanner to the exported parse functions.
type syntaxError struct{ error }

// A scanner reads one line of kernel text.
type scanner struct {
	src   string
	at    int
	line  int
	depth int
}

func (s *scanner) failf(format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	panic(syntaxError{fmt.Errorf("kernel text, line %d, column %d: %s", s.line, s.at+1, msg)})
}

func (s *scanner) skip() {
	for s.at < len(s.src) && (s.src[s.at] == ' ' || s.src[s.at] == '\t') {
		s.at++
	}
}

func (s *scanner) rest() string { s.skip(); return s.src[s.at:] }

// done reports whether only a comment is left.
func (s *scanner) done() bool { r := s.rest(); return r == "" || strings.HasPrefix(r, "//") }

func (s *scanner) accept(text string) bool {
	if !strings.HasPrefix(s.rest(), text) {
		return false
	}
	s.at += len(text)
	return true
}

func (s *scanner) expect(text string) {
	if !s.accept(text) {
		s.failf("%q expected, not %q", text, clip(s.rest()))
	}
}

func clip(s string) string {
	if len(s) > 24 {
		return s[:24] + "..."
	}
	return s
}

// peekName returns the unquoted name that comes next, if one does.
func (s *scanner) peekName() string { r := s.rest(); return r[:nameLength(r)] }

func (s *scanner) keyword(word string) bool {
	if s.peekName() != word {
		return false
	}
	s.at += len(word)
	return true
}

func (s *scanner) name() string {
	r := s.rest()
	if n := nameLength(r); n > 0 {
		s.at += n
		return r[:n]
	}
	quoted, err := strconv.QuotedPrefix(r)
	if err != nil || quoted[0] != '"' {
		s.failf("a name expected, not %q", clip(r))
	}
	s.at += len(quoted)
	text, _ := strconv.Unquote(quoted)
	return text
}

// dim reads up to a character that no Dim holds.
func (s *scanner) dim() tensor.Dim {
	r := s.rest()
	end, open := 0, 0
scan:
	for ; end < len(r); end++ {
		switch c := r[end]; {
		case c == '(':
			open++
		case c == ')' && open > 0:
			open--
		case strings.IndexByte(")],:;<>=}{@\"", c) >= 0:
			break scan
		}
	}
	d, err := tensor.ParseDim(strings.TrimSpace(r[:end]))
	if err != nil {
		s.failf("%v", err)
	}
	s.at += end
	return d
}

// dims reads dims up to the closing bracket.
func (s *scanner) dims() tensor.Shape {
	s.expect("[")
	var shape tensor.Shape
	for !s.accept("]") {
		if len(shape) > 0 {
			s.expect(",")
		}
		shape = append(shape, s.dim())
	}
	return shape
}

func (s *scanner) cond() Cond {
	s.expect("0 <=")
	index := s.dim()
	s.expect("<")
	return Cond{index, s.dim()}
}

func (s *scanner) conds(end string) []Cond {
	var conds []Cond
	for !s.accept(end) {
		if len(conds) > 0 {
			s.expect(",")
		}
		conds = append(conds, s.cond())
	}
	return conds
}

// number returns the text of a number, sign included, or "".
func (s *scanner) number() string {
	r := s.rest()
	n := 0
	if n < len(r) && r[n] == '-' {
		n++
	}
	for _, word := range []string{"inf", "nan"} {
		if strings.HasPrefix(r[n:], word) && nameLength(r[n:]) == len(word) {
			s.at += n + len(word)
			return r[:n+len(word)]
		}
	}
	if n == len(r) || r[n] < '0' || r[n] > '9' {
		return ""
	}
	for n < len(r) && (r[n] >= '0' && r[n] <= '9' || r[n] == '.' || r[n] == 'e' || r[n] == 'x' || (r[n] == '-' || r[n] == '+') && r[n-1] == 'e' || r[n] >= 'a' && r[n] <= 'f' && strings.HasPrefix(r, "0x")) {
		n++
	}
	s.at += n
	return r[:n]
}

func (s *scanner) integer() int64 {
	text := s.number()
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		s.failf("an integer expected, not %q", clip(text+s.rest()))
	}
	return v
}

// value turns a number's text into a literal of type t.
func (s *scanner) value(t tensor.DType, text string) *Lit {
	var err error
	lit := &Lit{DType: t}
	switch {
	case t.IsFloat():
		lit.F, err = strconv.ParseFloat(text, 8*t.Size())
	case t == tensor.U64:
		var v uint64
		v, err = strconv.ParseUint(text, 10, 64)
		lit.I = int64(v)
	default:
		lit.I, err = strconv.ParseInt(text, 10, 64)
	}
	if err == nil && !t.IsFloat() && Wrap(t, lit.I) != uint64(lit.I) {
		err = fmt.Errorf("out of range")
	}
	if err != nil {
		s.failf("%q is no value of type %s", text, t)
	}
	return lit
}

func (s *scanner) dtype() tensor.DType {
	word := s.peekName()
	t, err := tensor.ParseStored(word)
	if err != nil {
		s.failf("a dtype expected, not %q", clip(s.rest()))
	}
	s.at += len(word)
	return t
}

func (s *scanner) nest() {
	if s.depth++; s.depth > maxNesting {
		s.failf("more than %d brackets deep", maxNesting)
	}
}
