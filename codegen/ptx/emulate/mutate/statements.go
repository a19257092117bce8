package mutate

import (
	"regexp"
	"strings"
)

// statement is one instruction in the text, with the places of its parts.
type statement struct {
	at       int // among those of the text
	entry    string
	line     int
	from, to int // bytes, without the semicolon
	guard    part
	op       part
	operands []part
	vector   bool // braces stand among the operands
}

// part is a piece of a statement.
type part struct {
	text     string
	from, to int
}

var (
	entry    = regexp.MustCompile(`\.entry\s+([\w$]+)`)
	comment  = regexp.MustCompile(`//[^\n]*`)
	label    = regexp.MustCompile(`^\s*[\w$%]+:\s*`)
	guarded  = regexp.MustCompile(`^@!?%?[\w$]+\s+`)
	mnemonic = regexp.MustCompile(`^[a-z][\w.:]*`)
	word     = regexp.MustCompile(`%[\w.]+|[\w$]+|0[fd][0-9a-fA-F]+|-?\d+`)
)

// statements finds the instructions inside of entries' bodies. Comments count as spaces.
func statements(text string) []statement {
	blank := comment.ReplaceAllStringFunc(text, func(c string) string { return strings.Repeat(" ", len(c)) })
	var out []statement
	depth, start, line := 0, 0, 1
	inside := false // of operand braces
	name := ""
	for i := 0; i < len(blank); i++ {
		switch c := blank[i]; {
		case c == '\n':
			line++
			if strings.TrimSpace(blank[start:i]) == "" {
				start = i + 1
			}
		case c == '{' && (depth == 0 || strings.TrimSpace(label.ReplaceAllString(blank[start:i], "")) == ""):
			if m := entry.FindAllStringSubmatch(blank[start:i], -1); depth == 0 && m != nil {
				name = m[len(m)-1][1]
			}
			depth++
			start = i + 1
		case c == '{':
			inside = true
		case c == '}' && inside:
			inside = false
		case c == '}':
			depth--
			start = i + 1
		case c == ';':
			if s, ok := parse(blank, start, i); ok && depth > 0 {
				s.line, s.entry, s.at = line-strings.Count(blank[s.from:i], "\n"), name, len(out)
				out = append(out, s)
			}
			start = i + 1
		}
	}
	return out
}

// parse reads the statement in text[from:to].
func parse(text string, from, to int) (statement, bool) {
	for {
		at := label.FindStringIndex(text[from:to])
		if at == nil {
			break
		}
		from += at[1]
	}
	for from < to && strings.TrimSpace(text[from:from+1]) == "" {
		from++
	}
	s := statement{from: from, to: to}
	at := from
	if g := guarded.FindString(text[from:to]); g != "" {
		s.guard = part{strings.TrimSpace(g), from, from + len(strings.TrimSpace(g))}
		at += len(g)
	}
	op := mnemonic.FindString(text[at:to])
	if op == "" {
		return s, false
	}
	s.op = part{op, at, at + len(op)}
	at += len(op)
	s.vector = strings.Contains(text[at:to], "{")
	for _, w := range word.FindAllStringIndex(text[at:to], -1) {
		s.operands = append(s.operands, part{text[at+w[0] : at+w[1]], at + w[0], at + w[1]})
	}
	return s, true
}

var number = regexp.MustCompile(`(%[a-z]+)\d+`)

// shape is the statement's text without the numbers of registers, which change with everything before it.
func (s statement) shape(text string) string {
	return strings.Join(strings.Fields(number.ReplaceAllString(text[s.from:s.to], "$1")), " ")
}

func (s statement) replace(p part, with, what string) edit {
	return edit{at: s.at, from: p.from, to: p.to, with: with, what: what}
}
