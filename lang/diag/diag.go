// Package diag owns source positions and diagnostics: what is wrong, where, and what to do.
// It knows no language and no compiler; rendering stands beside the data, not in it.
package diag

import "fmt"

// A Span is a stretch of a source file. Line and Col are 1-based and count bytes; Start and End
// are byte offsets, End exclusive. The zero Span means no place.
type Span struct {
	File       string
	Line, Col  int
	Start, End int
}

// String returns file:line:col.
func (s Span) String() string {
	if s.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d:%d", s.File, s.Line, s.Col)
}

// IsZero reports whether s is no place.
func (s Span) IsZero() bool { return s.File == "" && s.Line == 0 }

// To returns the span from s to the end of t.
func (s Span) To(t Span) Span {
	if t.End > s.End {
		s.End = t.End
	}
	return s
}

// A Severity says whether compilation may go on.
type Severity uint8

// Error stops compilation, Warning does not.
const (
	Error Severity = iota
	Warning
)

// A Diagnostic is one mistake of the user.
type Diagnostic struct {
	Severity Severity
	Code     string // stable: E0204
	Message  string // lower case, no full stop
	Span     Span
	Label    string // said under the span
	Related  []Label
	Help     []string
	Fix      *Fix
}

// A Label says something at another place that belongs to the mistake.
type Label struct {
	Span Span
	Text string
}

// A Fix is an edit that mends the mistake: Span's text becomes Text.
type Fix struct {
	Span Span
	Text string
}

// Error makes a Diagnostic an error of one line.
func (d *Diagnostic) Error() string {
	return fmt.Sprintf("%s: %s[%s]: %s", d.Span, d.Severity, d.Code, d.Message)
}

// A Code is a diagnostic's code and what it means. A code keeps its meaning for ever.
type Code struct{ Code, Meaning string }

// A List is all mistakes of a run. It is an error when it holds one.
type List []*Diagnostic

// Error returns the first mistake and how many follow.
func (l List) Error() string {
	if len(l) == 1 {
		return l[0].Error()
	}
	return fmt.Sprintf("%s (and %d more)", l[0].Error(), len(l)-1)
}
