package emulate

import (
	"fmt"
	"strings"
)

// tokenKind says what a token is.
type tokenKind uint8

const (
	endToken tokenKind = iota
	wordToken
	numberToken
	stringToken
	punctToken
	undefToken // LLVM's "// implicit-def: %r1": a register that holds anything
)

type token struct {
	kind tokenKind
	text string
	line int
}

func (t token) is(text string) bool {
	return t.text == text && (t.kind == wordToken || t.kind == punctToken)
}

const implicitDefComment = "implicit-def: "

// lex cuts PTX text into tokens. A mnemonic with its modifiers (ld.global.v4.f32) is one word.
func lex(text string) ([]token, error) {
	var out []token
	line := 1
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '\n':
			line++
			i++
		case c == ' ' || c == '\t' || c == '\r' || c == 0:
			i++
		case strings.HasPrefix(text[i:], "//"):
			end := i + lineLength(text[i:])
			if at := strings.Index(text[i:end], implicitDefComment); at >= 0 {
				out = append(out, token{undefToken, strings.TrimSpace(text[i+at+len(implicitDefComment) : end]), line})
			}
			i = end
		case strings.HasPrefix(text[i:], "/*"):
			n := strings.Index(text[i:], "*/")
			if n < 0 {
				return nil, fmt.Errorf("line %d: comment without end", line)
			}
			line += strings.Count(text[i:i+n], "\n")
			i += n + 2
		case c == '"':
			n := strings.IndexByte(text[i+1:], '"')
			if n < 0 {
				return nil, fmt.Errorf("line %d: string without end", line)
			}
			out = append(out, token{stringToken, text[i+1 : i+1+n], line})
			i += n + 2
		case c >= '0' && c <= '9':
			n := wordLength(text[i:])
			out = append(out, token{numberToken, text[i : i+n], line})
			i += n
		case wordByte(c):
			n := wordLength(text[i:])
			out = append(out, token{wordToken, text[i : i+n], line})
			i += n
		case strings.IndexByte("{}[]()<>,;:+-=!|@*", c) >= 0:
			out = append(out, token{punctToken, text[i : i+1], line})
			i++
		default:
			return nil, fmt.Errorf("line %d: unexpected character %q", line, c)
		}
	}
	return append(out, token{endToken, "end of text", line}), nil
}

func lineLength(text string) int {
	if n := strings.IndexByte(text, '\n'); n >= 0 {
		return n
	}
	return len(text)
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '.' || c == '$' || c == '%'
}

// wordLength counts the bytes of the word that text starts with; "::" belongs to a word (shared::cta).
func wordLength(text string) int {
	n := 0
	for n < len(text) {
		switch {
		case wordByte(text[n]):
			n++
		case strings.HasPrefix(text[n:], "::") && n+2 < len(text) && wordByte(text[n+2]):
			n += 2
		default:
			return n
		}
	}
	return n
}
