// Package format owns how a source is laid out: indentation, blanks between tokens, alignment,
// comments. It keeps the writer's line breaks, and knows nothing of what a program means.
package format

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"dlc/lang/syntax"
)

// rounds bounds how often a source is laid out until nothing changes; alignment may take two.
const rounds = 8

// Source returns a source in the house layout, unchanged when it is in it already. A source that
// does not parse is not touched: the error is its diag.List.
func Source(file string, src []byte) ([]byte, error) {
	for range rounds {
		out, err := layOut(file, src)
		if err != nil || bytes.Equal(out, src) {
			return out, err
		}
		src = out
	}
	return src, nil
}

// An item is a token or comment on its line.
type item struct {
	text    string
	offset  int
	col     int // in characters from 0, in the source
	comment bool
	gap     int // blanks before it in the output
}

func (it item) width() int { return utf8.RuneCountInString(it.text) }

// A line is a line that is not blank.
type line struct {
	number    int
	items     []item
	statement bool // its first token begins a statement or declaration
	blank     bool // a blank line stands before it
	indent    int
}

func (l *line) code() []item {
	if n := len(l.items); l.items[n-1].comment {
		return l.items[:n-1]
	}
	return l.items
}

func layOut(file string, src []byte) ([]byte, error) {
	f, list := syntax.Parse(file, src)
	if err := list.Err(); err != nil {
		return nil, err
	}
	lines := split(f)
	roles := rolesOf(f)
	for i := range lines {
		roles.space(lines[i].items)
	}
	indent(lines)
	align(lines)
	indent(lines) // hanging lines follow what alignment moved
	var b strings.Builder
	for i, l := range lines {
		if l.blank && i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(strings.Repeat(" ", l.indent))
		for _, it := range l.items {
			b.WriteString(strings.Repeat(" ", it.gap))
			b.WriteString(it.text)
		}
		b.WriteByte('\n')
	}
	return []byte(b.String()), nil
}

// split puts the tokens and comments of a file on their lines.
func split(f *syntax.File) []line {
	var lines []line
	comments := f.Comments
	starts := true
	add := func(number, offset, col int, text string, comment bool) {
		if n := len(lines); n == 0 || lines[n-1].number != number {
			lines = append(lines, line{number: number, blank: n > 0 && number > lines[n-1].number+1})
		}
		bol := offset - (col - 1)
		l := &lines[len(lines)-1]
		if !comment && len(l.items) == 0 {
			l.statement = starts
		}
		l.items = append(l.items, item{text: text, offset: offset, col: utf8.RuneCount(f.Source[bol:offset]), comment: comment})
	}
	commentsTo := func(offset int) {
		for len(comments) > 0 && comments[0].Span.Start < offset {
			c := comments[0]
			add(c.Span.Line, c.Span.Start, c.Span.Col, c.Text, true)
			comments = comments[1:]
		}
	}
	for _, d := range f.Decls {
		starts = true
		for _, t := range declTokens(d) {
			if strings.TrimSpace(t.Value) == "" {
				starts = true
				continue
			}
			commentsTo(t.Pos.Offset)
			add(t.Pos.Line, t.Pos.Offset, t.Pos.Column, t.Value, false)
			starts = t.Value == "{"
		}
	}
	commentsTo(len(f.Source) + 1)
	for i := range lines { // no blank lines just inside of braces
		first, last := lines[i].items[0].text, ""
		if i > 0 {
			if code := lines[i-1].code(); len(code) > 0 {
				last = code[len(code)-1].text
			}
		}
		lines[i].blank = lines[i].blank && first != "}" && last != "{"
	}
	return lines
}

// A bracket is open: the lines inside are indented by inside, the one that begins by closing it
// by outside.
type bracket struct {
	text            string
	inside, outside int
}

// An indenter walks the lines with the brackets open.
type indenter struct {
	open      []bracket
	statement int // indent of the statement in progress
	pipe      int // column of its first |> outside of brackets, -1 without one
	list      int // column of the declaration's first (
}

// indent sets the indent of every line.
func indent(lines []line) {
	d := &indenter{pipe: -1, list: -1}
	for i := range lines {
		l := &lines[i]
		if l.items[0].comment {
			l.indent = d.ofComment(lines[i+1:])
			continue
		}
		l.indent = d.of(l)
		if l.statement {
			d.statement, d.pipe = l.indent, -1
			if len(d.open) == 0 {
				d.list = -1
			}
		}
		d.walk(l)
	}
}

// of returns the indent of a line that begins with a token.
func (d *indenter) of(l *line) int {
	first := l.items[0].text
	n := len(d.open)
	switch {
	case n > 0 && (first == ")" || first == "]" || first == "}"):
		return d.open[n-1].outside
	case n > 0 && (d.open[n-1].text != "{" || l.statement):
		return d.open[n-1].inside
	case l.statement:
		return 0
	case first == "|>" && d.pipe >= 0:
		return d.pipe
	case first == "else":
		return d.statement
	case n > 0:
		return d.statement + 2
	case first == "(" && d.list >= 0:
		return d.list
	}
	return 4
}

// ofComment returns the indent of a comment on its own line: as the next token's line, or as the
// inside of what that token closes.
func (d *indenter) ofComment(after []line) int {
	for i := range after {
		first := after[i].items[0]
		if first.comment {
			continue
		}
		if n := len(d.open); n > 0 && (first.text == ")" || first.text == "]" || first.text == "}") {
			return d.open[n-1].inside
		}
		return d.of(&after[i])
	}
	return 0
}

// walk opens and closes the brackets of a line.
func (d *indenter) walk(l *line) {
	col := l.indent
	code := l.code()
	for k, it := range code {
		col += it.gap
		n := len(d.open)
		switch it.text {
		case "{":
			base := d.statement
			if n > 0 && d.open[n-1].text != "{" {
				base = l.indent
			}
			d.open = append(d.open, bracket{"{", base + 2, base})
		case "(", "[":
			if it.text == "(" && n == 0 && d.list < 0 {
				d.list = col
			}
			inside := col + 1
			if k == len(code)-1 {
				inside = l.indent + 2
			}
			d.open = append(d.open, bracket{it.text, inside, l.indent})
		case ")", "]", "}":
			d.open = d.open[:n-1]
		case "|>":
			if d.pipe < 0 && (n == 0 || d.open[n-1].text == "{") {
				d.pipe = col
			}
		}
		col += it.width()
	}
}
