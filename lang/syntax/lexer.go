package syntax

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"dlc/lang/diag"

	"github.com/alecthomas/participle/v2/lexer"
)

// The token types, as participle wants them: negative, EOF being -1. A token's Value is its text.
const (
	nameToken lexer.TokenType = lexer.EOF - 1 - iota
	keywordToken
	numberToken
	stringToken
	opToken
	newlineToken
)

// maxDepth bounds brackets, `**` chains and `else if` chains; maxChain operators that associate
// to the left: trees stay shallow enough for every walk over them.
const (
	maxDepth  = 256
	maxChain  = 4096
	maxSource = 8 << 20
)

var reserved = set("if else for while scan fn yield result minimize penalty report assert over with in and or not div true false none new")

// dropAfter and dropBefore hold what a newline beside them means nothing to.
var (
	dropAfter  = set("+ - * / % @ ** == != < <= > >= .. |> | , = <- += -> . { and or not div in over with")
	dropBefore = set("|> -> else over with")
)

// operators by length: longest match.
var operators = [][]string{
	{"..."},
	{"..", "**", "==", "!=", "<=", ">=", "<-", "+=", "->", "|>"},
	{"+", "-", "*", "/", "%", "@", "<", ">", "=", ".", ",", ":", "?", "|", "(", ")", "[", "]", "{", "}"},
}

func set(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// definition is participle's view of the lexer: only the names of the token types, since tokens
// come in chunks from scan.
type definition struct{}

func (definition) Symbols() map[string]lexer.TokenType {
	return map[string]lexer.TokenType{"EOF": lexer.EOF, "Name": nameToken, "Keyword": keywordToken, "Number": numberToken,
		"String": stringToken, "Op": opToken, "NL": newlineToken}
}

func (definition) Lex(string, io.Reader) (lexer.Lexer, error) {
	panic("BUG: the grammar is parsed from chunks only")
}

// A chunk is the tokens of one declaration: what begins in column 1 up to the next one.
type chunk struct {
	tokens []lexer.Token // ends with EOF; incomplete when there is a mistake
	err    *diag.Diagnostic
}

// Next makes a chunk participle's lexer.
func (c *chunk) Next() (lexer.Token, error) {
	t := c.tokens[0]
	if !t.EOF() {
		c.tokens = c.tokens[1:]
	}
	return t, nil
}

// A scanner cuts a source into chunks of tokens.
type scanner struct {
	file     string
	src      string
	at       int
	line     int
	bol      int // offset of the line's first byte
	fresh    bool
	open     []lexer.Token // the brackets open in this chunk
	newline  lexer.Position
	pending  bool // a newline was met since the last token
	chunk    *chunk
	chunks   []*chunk
	comments []Comment
}

// scan returns the chunks and comments of a source.
func scan(file string, src []byte) ([]*chunk, []Comment) {
	s := &scanner{file: file, src: string(src), line: 1, fresh: true}
	if strings.HasPrefix(s.src, "\ufeff") {
		s.at = len("\ufeff")
		s.bol = s.at
	}
	for s.at < len(s.src) {
		s.next()
	}
	s.finish()
	return s.chunks, s.comments
}

func (s *scanner) pos() lexer.Position {
	return lexer.Position{Filename: s.file, Offset: s.at, Line: s.line, Column: s.at - s.bol + 1}
}

// next takes one token, comment, newline or run of blanks.
func (s *scanner) next() {
	switch c := s.src[s.at]; {
	case c == '\n':
		if !s.pending {
			s.newline = s.pos()
		}
		s.pending, s.fresh = true, true
		s.at++
		s.line, s.bol = s.line+1, s.at
	case c == ' ' || c == '\t' || c == '\r':
		s.at++
	case strings.HasPrefix(s.src[s.at:], "//"):
		s.comment()
	default:
		start := s.pos()
		if start.Column == 1 && s.startsChunk() {
			s.finish()
		}
		if s.chunk == nil {
			s.chunk = &chunk{}
		}
		kind, n, bad := s.token()
		if bad != nil {
			s.fail(bad)
		}
		s.emit(lexer.Token{Type: kind, Value: s.src[s.at : s.at+n], Pos: start})
		s.at += n
		s.fresh = false
	}
}

// startsChunk reports whether the token here, in column 1, begins a declaration: any word or
// sign does when nothing is open, and the word of a declaration always.
func (s *scanner) startsChunk() bool {
	c := s.src[s.at]
	if c == ')' || c == ']' || c == '}' {
		return false
	}
	if len(s.open) == 0 {
		return true
	}
	word := s.src[s.at : s.at+wordLength(s.src[s.at:])]
	if slices.Contains(declarations, word) {
		return true
	}
	d := s.wrong("E0113", s.pos(), max(1, len(word)), "only declarations stand in column 1")
	d.Help = []string{"indent what is inside a block"}
	d.Fix = &diag.Fix{Span: diag.Span{File: s.file, Line: s.line, Col: 1, Start: s.at, End: s.at}, Text: "  "}
	s.fail(d)
	return false
}

func (s *scanner) comment() {
	end := strings.IndexByte(s.src[s.at:], '\n')
	if end < 0 {
		end = len(s.src) - s.at
	}
	text := strings.TrimRight(s.src[s.at:s.at+end], " \t\r")
	at := s.pos()
	s.comments = append(s.comments, Comment{diag.Span{File: s.file, Line: at.Line, Col: at.Column, Start: s.at, End: s.at + len(text)}, text, s.fresh})
	s.at += end
}

// emit appends a token, with the newline before it where that means something. Of a chunk with a
// mistake only the brackets matter.
func (s *scanner) emit(t lexer.Token) {
	if s.chunk.err != nil {
		s.bracket(t)
		return
	}
	ts := s.chunk.tokens
	inBraces := len(s.open) > 0 && s.open[len(s.open)-1].Value == "{"
	closes := inBraces && t.Value == "}" && t.Type == opToken
	if n := len(ts); n > 0 && inBraces && (s.pending || closes) && !drops(ts[n-1], dropAfter) && !drops(t, dropBefore) {
		nl := lexer.Token{Type: newlineToken, Pos: t.Pos}
		if s.pending {
			nl.Pos, nl.Value = s.newline, "\n"
		}
		ts = append(ts, nl)
	}
	s.pending = false
	s.chunk.tokens = append(ts, t)
	s.typeName()
	s.bracket(t)
}

// typeName makes `fn` a name where it stands as a type: `activation: fn = relu`.
func (s *scanner) typeName() {
	ts := s.chunk.tokens
	if n := len(ts); n >= 3 && isSign(&ts[n-2], "fn") && (isSign(&ts[n-3], ":") || isSign(&ts[n-3], "|") || isSign(&ts[n-3], "->")) &&
		ts[n-1].Type != nameToken && ts[n-1].Value != "(" {
		ts[n-2].Type = nameToken
	}
}

func drops(t lexer.Token, words map[string]bool) bool {
	return (t.Type == opToken || t.Type == keywordToken) && words[t.Value] || t.Type == newlineToken
}

// bracket keeps the stack of open brackets. A closing one that fits none is left to the parser.
func (s *scanner) bracket(t lexer.Token) {
	if t.Type != opToken {
		return
	}
	switch t.Value {
	case "(", "[", "{":
		if len(s.open) > maxDepth {
			return
		}
		if s.open = append(s.open, t); len(s.open) > maxDepth {
			s.fail(s.wrong("E0105", t.Pos, 1, fmt.Sprintf("more than %d brackets deep", maxDepth)))
		}
	case ")", "]", "}":
		for i := len(s.open) - 1; i >= 0; i-- {
			if closer(s.open[i].Value) == t.Value {
				s.open = s.open[:i]
				return
			}
		}
	}
}

func closer(open string) string {
	switch open {
	case "(":
		return ")"
	case "[":
		return "]"
	}
	return "}"
}

// finish ends the chunk in progress.
func (s *scanner) finish() {
	if s.chunk == nil {
		return
	}
	if n := len(s.chunk.tokens); n > 0 {
		last := s.chunk.tokens[n-1]
		end := last.Pos
		end.Offset += len(last.Value)
		end.Column += len(last.Value)
		s.chunk.tokens = append(s.chunk.tokens, lexer.EOFToken(end))
	}
	s.chunks = append(s.chunks, s.chunk)
	s.chunk, s.open, s.pending = nil, nil, false
}

// fail keeps the first mistake of a chunk.
func (s *scanner) fail(d *diag.Diagnostic) {
	if s.chunk != nil && s.chunk.err == nil {
		s.chunk.err = d
	}
}

func (s *scanner) wrong(code string, at lexer.Position, length int, message string) *diag.Diagnostic {
	return &diag.Diagnostic{Code: code, Message: message,
		Span: diag.Span{File: at.Filename, Line: at.Line, Col: at.Column, Start: at.Offset, End: at.Offset + length}}
}

// token measures the token here.
func (s *scanner) token() (lexer.TokenType, int, *diag.Diagnostic) {
	rest := s.src[s.at:]
	if n := wordLength(rest); n > 0 {
		if reserved[rest[:n]] {
			return keywordToken, n, nil
		}
		return nameToken, n, nil
	}
	switch {
	case isDigit(rest[0]):
		n := numberLength(rest)
		if w := wordLength(rest[n:]); w > 0 {
			d := s.wrong("E0102", s.pos(), n+w, fmt.Sprintf("`%s` is neither a number nor a name", rest[:n+w]))
			return numberToken, n + w, d
		}
		return numberToken, n, nil
	case rest[0] == '"':
		return s.quoted(rest)
	}
	for i, length := 0, 3; length > 0; i, length = i+1, length-1 {
		if len(rest) >= length && slices.Contains(operators[i], rest[:length]) {
			return opToken, length, nil
		}
	}
	_, n := utf8.DecodeRuneInString(rest)
	return opToken, n, s.stranger(rest, n)
}

// quoted measures a string literal, which ends on its line.
func (s *scanner) quoted(rest string) (lexer.TokenType, int, *diag.Diagnostic) {
	n := 1
	for n < len(rest) && rest[n] != '"' && rest[n] != '\n' {
		if rest[n] == '\\' && n+1 < len(rest) && rest[n+1] != '\n' {
			n++
		}
		n++
	}
	if n >= len(rest) || rest[n] == '\n' {
		return stringToken, n, s.wrong("E0103", s.pos(), n, "this string is not closed on its line")
	}
	if _, err := strconv.Unquote(rest[:n+1]); err != nil {
		d := s.wrong("E0103", s.pos(), n+1, "this string holds an unknown escape")
		d.Help = []string{"escapes are \\n \\t \\\\ \\\" and \\u1234"}
		return stringToken, n + 1, d
	}
	return stringToken, n + 1, nil
}

// stranger explains a sign that no token begins with, and says what others write it for.
func (s *scanner) stranger(rest string, n int) *diag.Diagnostic {
	d := s.wrong("E0101", s.pos(), n, fmt.Sprintf("unexpected character `%s`", rest[:n]))
	replace := func(old, new, help string) {
		d.Span.End = s.at + len(old)
		d.Message = fmt.Sprintf("unexpected `%s`", old)
		d.Help = []string{help}
		if new != "" {
			d.Fix = &diag.Fix{Span: d.Span, Text: new}
		}
	}
	switch {
	case strings.HasPrefix(rest, "&&"):
		replace("&&", "and", "the operator is `and`")
	case rest[0] == '!':
		replace("!", "not ", "the operator is `not`")
	case rest[0] == '#':
		replace("#", "//", "comments begin with `//`")
	case rest[0] == '\'':
		replace("'", "", "strings stand in double quotes")
	case rest[0] == ';':
		replace(";", "", "a statement ends with its line")
	case rest[0] >= utf8.RuneSelf:
		d.Help = []string{"names are made of the letters a to z, digits and _"}
	}
	return d
}

// wordLength measures the name or reserved word that s begins with.
func wordLength(s string) int {
	n := 0
	for n < len(s) && (s[n] == '_' || s[n] >= 'a' && s[n] <= 'z' || s[n] >= 'A' && s[n] <= 'Z' || n > 0 && isDigit(s[n])) {
		n++
	}
	return n
}

// numberLength measures digit {digit|"_"} ["." digit {digit|"_"}] [("e"|"E") ["+"|"-"] digit+].
func numberLength(s string) int {
	digits := func(n int) int {
		for n < len(s) && (isDigit(s[n]) || s[n] == '_') {
			n++
		}
		return n
	}
	n := digits(0)
	if n+1 < len(s) && s[n] == '.' && isDigit(s[n+1]) {
		n = digits(n + 1)
	}
	if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
		m := n + 1
		if m < len(s) && (s[m] == '+' || s[m] == '-') {
			m++
		}
		if m < len(s) && isDigit(s[m]) {
			for n = m; n < len(s) && isDigit(s[n]); n++ {
			}
		}
	}
	return n
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
