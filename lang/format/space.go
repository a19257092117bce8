package format

import (
	"strings"

	"dlc/lang/syntax"

	"github.com/alecthomas/participle/v2/lexer"
)

// A roles knows of signs with several meanings which they have, by offset.
type roles struct {
	tight  map[int]bool // no blank on either side: = of an argument, / of a split, * and / of a dim written so
	prefix map[int]bool // unary minus: no blank behind it
	apart  map[int]bool // : of a column: a blank on either side
	whole  map[int]bool // : of an index, which is an operand
}

func declTokens(d syntax.Decl) []lexer.Token { return (&syntax.File{Decls: []syntax.Decl{d}}).Tokens() }

func rolesOf(f *syntax.File) *roles {
	r := &roles{map[int]bool{}, map[int]bool{}, map[int]bool{}, map[int]bool{}}
	for _, d := range f.Decls {
		syntax.Walk(d, func(n any) bool {
			r.node(n, f.Source)
			return true
		})
	}
	return r
}

func (r *roles) node(n any, src []byte) {
	switch n := n.(type) {
	case *syntax.Arg:
		if n.Name != nil {
			r.tight[n.Tokens[1].Pos.Offset] = true
		}
	case *syntax.Promise:
		for _, a := range n.At {
			r.tight[a.Tokens[1].Pos.Offset] = true
		}
	case *syntax.Split:
		for _, t := range n.Tokens {
			if t.Value == "/" && (n.By == nil || t.Pos.Offset < n.By.Span().Start) {
				r.tight[t.Pos.Offset] = true
			}
		}
	case *syntax.Column:
		for _, t := range n.Tokens {
			if t.Value == ":" && t.Pos.Offset < n.Value.Span().Start {
				r.apart[t.Pos.Offset] = true
			}
		}
	case *syntax.Colon:
		r.whole[n.Tokens[0].Pos.Offset] = true
	case *syntax.Unary:
		if n.Op == "-" {
			r.prefix[n.Tokens[0].Pos.Offset] = true
		}
	case *syntax.Dim:
		for _, t := range n.Tokens {
			if at := t.Pos.Offset; (t.Value == "*" || t.Value == "/") && src[at-1] != ' ' && src[at+1] != ' ' {
				r.tight[at] = true
			}
		}
	}
}

// space sets the blanks before each item of a line but alignment.
func (r *roles) space(items []item) {
	for k := 1; k < len(items); k++ {
		prev, it := &items[k-1], &items[k]
		if it.comment {
			it.gap = max(1, it.col-prev.col-prev.width())
			continue
		}
		if r.spaced(prev, it) {
			it.gap = 1
		}
	}
}

// spaced reports whether a blank stands between two tokens of a line.
func (r *roles) spaced(prev, it *item) bool {
	if r.tight[it.offset] || r.tight[prev.offset] || r.prefix[prev.offset] {
		return false
	}
	switch prev.text {
	case "(", "[", ".", "..":
		return false
	}
	switch it.text {
	case ",", ")", "]", ".", "?":
		return false
	case ":":
		return r.apart[it.offset] || r.whole[it.offset] && prev.text == ","
	case "..", "...":
		return prev.text == ","
	case "(", "[":
		return !follows(prev.text)
	case "}":
		return prev.text != "{"
	}
	return true
}

// follows reports whether an opening bracket after this token applies to it: a name, a closing
// bracket, `fn`.
func follows(text string) bool {
	if text == ")" || text == "]" || text == "fn" {
		return true
	}
	c := text[0]
	word := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	return word && !syntax.Reserved(text) || strings.HasSuffix(text, "...")
}
