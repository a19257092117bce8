package build

import (
	"fmt"
	"slices"

	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// place returns the span that the user knows: at itself, or where the user's text applied the
// library body that holds it.
func (f *frame) place(at diag.Span) diag.Span {
	for ; f != nil && f.lib; f = f.caller {
		at = f.call
	}
	return at
}

// userFrame returns the innermost frame whose text is the user's.
func (f *frame) userFrame() *frame {
	for f != nil && f.lib {
		f = f.caller
	}
	return f
}

// mostApplied bounds how many applications around a mistake are shown.
const mostApplied = 4

// errorf tells a mistake once: at the user's text, with the definition as related span where a
// library body holds it, and with the places that applied the user's own layers.
func (e *elaborator) errorf(s *scope, code string, at diag.Span, format string, args ...any) *diag.Diagnostic {
	d := check.New(code, s.frame.place(at), format, args...)
	if s.frame.lib {
		d.Related = append(d.Related, diag.Label{Span: at, Text: fmt.Sprintf("in `%s`, here", s.frame.name())})
	}
	seen := map[diag.Span]bool{}
	for f := s.frame.userFrame(); f != nil && f.caller != nil && len(seen) < mostApplied; f = f.caller.userFrame() {
		at := f.caller.place(f.call)
		if f.def != nil && f.caller.def != nil && !seen[at] {
			label(d, at, "`%s` is applied here", f.def.Name)
			seen[at] = true
		}
	}
	return e.tell(d)
}

func (f *frame) name() string {
	for ; f != nil; f = f.caller {
		if f.def != nil {
			return f.def.Name
		}
	}
	return "the library"
}

// tell records a diagnostic, unless the same is recorded already.
func (e *elaborator) tell(d *diag.Diagnostic) *diag.Diagnostic {
	key := keyOf(d)
	if e.trial && !e.tellsInTrial(d.Code) {
		return d
	}
	if !e.told[key] && !e.mute {
		e.told[key] = true
		e.diags = append(e.diags, d)
	}
	return d
}

func keyOf(d *diag.Diagnostic) string { return fmt.Sprint(d.Span, d.Code) }

// unknown tells that nothing has a name.
func (e *elaborator) unknown(s *scope, n *syntax.Name, called bool, more ...string) value {
	d := check.Unknown(n, e.prog, called, append(s.names(), more...))
	d.Span = s.frame.place(d.Span)
	if s.frame.data && !called && d.Code == check.UnknownName {
		d.Code, d.Message, d.Help, d.Fix = check.UnknownColumn, fmt.Sprintf("there is no column `%s`", n.Text), nil, nil
		check.Suggest(d, n, append(s.names(), more...))
		if s.frame.outputs {
			d.Message = fmt.Sprintf("there is no output or column `%s`", n.Text)
			if len(d.Help) == 0 && slices.Contains(s.frame.near, "output") {
				help(d, "the model's output has no name of its own and is called `output`; `-> (%s: ...)` in its head names it", n.Text)
			}
		}
		if e.data != nil && e.data.source.open && e.opts.Columns == nil {
			if len(d.Help) == 0 { // no slip of the pen
				d.Code = check.UnknownData
			}
			help(d, "without the data only declared columns are known, as in `%s : number`", n.Text)
		}
	}
	e.tell(d)
	return poison{}
}

// label adds a remark at another place of the mistake.
func label(d *diag.Diagnostic, at diag.Span, format string, args ...any) {
	d.Related = append(d.Related, diag.Label{Span: at, Text: fmt.Sprintf(format, args...)})
}

// help adds advice.
func help(d *diag.Diagnostic, format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(d.Help, text) {
		d.Help = append(d.Help, text)
	}
}

// operands shows both sides of an operator: the mistake stands at the right one.
func (e *elaborator) operands(s *scope, d *diag.Diagnostic, x, y operand, tx, ty *tens) {
	if s.frame.lib {
		return
	}
	e.origin(s, d, x.at, tx)
	if x.at != y.at && y.at.Start >= x.at.End {
		d.Span, d.Label = y.at, ty.typ().String()
		e.produced(s, d, y.at, ty)
		return
	}
	e.origin(s, d, y.at, ty)
}

// origin labels an operand with its type, and the place it was computed at when that is another
// line.
func (e *elaborator) origin(s *scope, d *diag.Diagnostic, at diag.Span, v value) {
	t, ok := v.(*tens)
	if !ok || s.frame.lib {
		return
	}
	label(d, at, "%s", t.typ())
	e.produced(s, d, at, t)
}

// produced labels the place that computed a tensor, when that is another line.
func (e *elaborator) produced(s *scope, d *diag.Diagnostic, at diag.Span, t *tens) {
	if t.v.Node == nil || len(t.v.Node.Spans) == 0 {
		return
	}
	if from := t.v.Node.Spans[0]; from.Line != at.Line || from.File != at.File {
		label(d, from, "%s", t.typ())
	}
}
