package diag

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tabStop is how far apart tabs are shown.
const tabStop = 4

// Sorted returns the mistakes by file and place; those at one place keep their order.
func (l List) Sorted() List {
	out := slices.Clone(l)
	slices.SortStableFunc(out, func(a, b *Diagnostic) int {
		return cmp.Or(cmp.Compare(a.Span.File, b.Span.File), cmp.Compare(a.Span.Start, b.Span.Start),
			cmp.Compare(a.Span.Line, b.Span.Line), cmp.Compare(a.Span.Col, b.Span.Col))
	})
	return out
}

// Err returns the list as an error when it holds an error, not warnings alone; else nil.
func (l List) Err() error {
	if slices.ContainsFunc(l, func(d *Diagnostic) bool { return d.Severity == Error }) {
		return l
	}
	return nil
}

// String returns error or warning.
func (s Severity) String() string {
	if s == Warning {
		return "warning"
	}
	return "error"
}

// Render writes the mistakes in order of place, each with the lines it concerns. Source returns
// a file's content, nil when there is none to show; color adds terminal colours.
func Render(w io.Writer, list List, source func(file string) []byte, color bool) error {
	var b bytes.Buffer
	for i, d := range list.Sorted() {
		if i > 0 {
			b.WriteByte('\n')
		}
		r := renderer{out: &b, source: source, color: color}
		r.diagnostic(d)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// The styles of a terminal (ECMA-48 SGR).
const (
	plain = ""
	bold  = "1"
	red   = "1;31"
	amber = "1;33"
	blue  = "1;34"
)

type renderer struct {
	out    *bytes.Buffer
	source func(string) []byte
	color  bool
	width  int // of the gutter's numbers
}

// A mark is a label on its line, in columns of the screen from 0.
type mark struct {
	primary    bool
	start, end int
	text       string
}

// A line is a source line and the marks on it.
type line struct {
	number int
	text   string
	marks  []mark
}

func (r *renderer) style(s, text string) string {
	if !r.color || s == plain {
		return text
	}
	return "\x1b[" + s + "m" + text + "\x1b[0m"
}

func (r *renderer) diagnostic(d *Diagnostic) {
	tone := red
	if d.Severity == Warning {
		tone = amber
	}
	head := d.Severity.String()
	if d.Code != "" {
		head += "[" + d.Code + "]"
	}
	fmt.Fprintf(r.out, "%s%s\n", r.style(tone, head), r.style(bold, ": "+d.Message))
	files, lines := r.collect(d)
	arrow := "--> "
	for _, f := range files {
		at := d.Span
		if f != d.Span.File {
			at = firstIn(f, d.Related)
		}
		fmt.Fprintf(r.out, "%s%s%s\n", strings.Repeat(" ", r.width), r.style(blue, arrow), at)
		arrow = "::: "
		if len(lines[f]) > 0 {
			r.gutter("")
			r.out.WriteByte('\n')
		}
		for _, l := range lines[f] {
			r.line(l, tone)
		}
	}
	for _, h := range help(d) {
		fmt.Fprintf(r.out, "%s %s help: %s\n", strings.Repeat(" ", r.width), r.style(blue, "="), h)
	}
}

// help returns what to do; a fix without words is told as an edit.
func help(d *Diagnostic) []string {
	if len(d.Help) > 0 || d.Fix == nil {
		return d.Help
	}
	text := strings.TrimSpace(d.Fix.Text)
	switch {
	case text == "":
		return []string{"leave this out"}
	case d.Fix.Span.End == d.Fix.Span.Start:
		return []string{fmt.Sprintf("add `%s` at %d:%d", text, d.Fix.Span.Line, d.Fix.Span.Col)}
	}
	return []string{fmt.Sprintf("write `%s`", text)}
}

func firstIn(file string, labels []Label) Span {
	for _, l := range labels {
		if l.Span.File == file {
			return l.Span
		}
	}
	return Span{File: file}
}

// collect finds the files concerned, the primary's first, and the lines to show of each.
func (r *renderer) collect(d *Diagnostic) (files []string, lines map[string][]line) {
	lines, r.width = map[string][]line{}, 1
	add := func(s Span, text string, primary bool) {
		if s.File == "" {
			return
		}
		if !slices.Contains(files, s.File) {
			files = append(files, s.File)
		}
		content, ok := lineOf(r.source, s)
		if !ok {
			return
		}
		ls := lines[s.File]
		i := slices.IndexFunc(ls, func(l line) bool { return l.number == s.Line })
		if i < 0 {
			i, ls = len(ls), append(ls, line{number: s.Line, text: content})
		}
		ls[i].marks = append(ls[i].marks, newMark(content, s, text, primary))
		lines[s.File] = ls
		r.width = max(r.width, len(strconv.Itoa(s.Line)))
	}
	add(d.Span, d.Label, true)
	for _, l := range d.Related {
		add(l.Span, l.Text, false)
	}
	for _, ls := range lines {
		slices.SortFunc(ls, func(a, b line) int { return a.number - b.number })
	}
	return files, lines
}

// lineOf returns the line a span begins on.
func lineOf(source func(string) []byte, s Span) (string, bool) {
	if source == nil || s.Line < 1 {
		return "", false
	}
	src := source(s.File)
	if src == nil {
		return "", false
	}
	for n := 1; n < s.Line; n++ {
		i := bytes.IndexByte(src, '\n')
		if i < 0 {
			return "", false
		}
		src = src[i+1:]
	}
	if i := bytes.IndexByte(src, '\n'); i >= 0 {
		src = src[:i]
	}
	return strings.TrimRight(string(src), "\r"), true
}

// newMark places a span on its line; what goes on beyond the line is cut off there.
func newMark(content string, s Span, text string, primary bool) mark {
	from := min(max(s.Col-1, 0), len(content))
	to := min(from+max(s.End-s.Start, 0), len(content))
	m := mark{primary, shown(content[:from]), shown(content[:to]), text}
	m.end = max(m.end, m.start+1)
	return m
}

// shown returns how many columns text takes from column 0.
func shown(text string) int {
	n := 0
	for _, c := range text {
		n += columns(c, n)
	}
	return n
}

// columns returns the width of a character that begins at a column.
func columns(c rune, at int) int {
	switch {
	case c == '\t':
		return tabStop - at%tabStop
	case unicode.In(c, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case c >= 0x1100 && (c <= 0x115f || c >= 0x2e80 && c <= 0xa4cf || c >= 0xac00 && c <= 0xd7a3 || c >= 0xf900 && c <= 0xfaff ||
		c >= 0xfe30 && c <= 0xfe6f || c >= 0xff00 && c <= 0xff60 || c >= 0xffe0 && c <= 0xffe6 || c >= 0x1f300 && c <= 0x1faff || c >= 0x20000 && c <= 0x3fffd):
		return 2 // wide in Unicode's East Asian Width
	}
	return 1
}

// expand replaces tabs by blanks and what a terminal would obey by the replacement character.
func expand(text string) string {
	var b strings.Builder
	at := 0
	for _, c := range text {
		n := columns(c, at)
		switch {
		case c == '\t':
			b.WriteString(strings.Repeat(" ", n))
		case unicode.IsControl(c):
			b.WriteRune(utf8.RuneError)
		default:
			b.WriteRune(c)
		}
		at += n
	}
	return b.String()
}

// gutter begins a line of the display.
func (r *renderer) gutter(number string) {
	r.out.WriteString(r.style(blue, fmt.Sprintf("%*s |", r.width, number)))
}

// line shows a source line, the underlines of its marks, and their texts: the rightmost one
// beside its underline, the others below, each under its own.
func (r *renderer) line(l line, tone string) {
	r.gutter(strconv.Itoa(l.number))
	if text := strings.TrimRight(expand(l.text), " "); text != "" {
		r.out.WriteString(" " + text)
	}
	r.out.WriteByte('\n')
	slices.SortStableFunc(l.marks, func(a, b mark) int { return cmp.Or(a.start-b.start, a.end-b.end) })
	r.gutter("")
	r.out.WriteString(" " + r.underlines(l.marks, tone))
	hanging := l.marks
	last := l.marks[len(l.marks)-1]
	if !slices.ContainsFunc(l.marks[:len(l.marks)-1], func(m mark) bool { return m.end > last.start }) {
		if last.text != "" {
			r.out.WriteString(" " + r.style(r.tone(last, tone), last.text))
		}
		hanging = l.marks[:len(l.marks)-1]
	}
	r.out.WriteByte('\n')
	for i := len(hanging) - 1; i >= 0; i-- {
		if hanging[i].text == "" {
			continue
		}
		r.gutter("")
		r.out.WriteString(" " + r.hang(hanging[:i], hanging[i], tone) + "\n")
	}
}

func (r *renderer) tone(m mark, tone string) string {
	if m.primary {
		return tone
	}
	return blue
}

// underlines draws ^ under the primary mark and - under the others; the primary one is on top.
func (r *renderer) underlines(marks []mark, tone string) string {
	row := make([]byte, slices.MaxFunc(marks, func(a, b mark) int { return a.end - b.end }).end)
	for i := range row {
		row[i] = ' '
	}
	for _, primary := range []bool{false, true} {
		for _, m := range marks {
			for i := m.start; i < m.end && m.primary == primary; i++ {
				row[i] = '-'
				if primary {
					row[i] = '^'
				}
			}
		}
	}
	var b strings.Builder
	for start := 0; start < len(row); {
		end := start
		for end < len(row) && row[end] == row[start] {
			end++
		}
		b.WriteString(r.style(map[byte]string{'^': tone, '-': blue, ' ': plain}[row[start]], string(row[start:end])))
		start = end
	}
	return b.String()
}

// hang writes a mark's text below it, with strokes down from the marks still waiting.
func (r *renderer) hang(waiting []mark, m mark, tone string) string {
	var b strings.Builder
	at := 0
	for _, w := range waiting {
		if w.text == "" || w.start < at || w.start >= m.start {
			continue
		}
		b.WriteString(strings.Repeat(" ", w.start-at) + r.style(r.tone(w, tone), "|"))
		at = w.start + 1
	}
	b.WriteString(strings.Repeat(" ", m.start-at) + r.style(r.tone(m, tone), m.text))
	return b.String()
}
