package emulate

import "fmt"

// Kind classifies faults.
type Kind string

// The kinds of faults.
const (
	Race          Kind = "race"
	Pending       Kind = "in flight"
	Proxy         Kind = "proxy fence"
	Uninitialized Kind = "uninitialized"
	OutOfBounds   Kind = "out of bounds"
	Misaligned    Kind = "misaligned"
	ReadOnly      Kind = "read-only"
	NonCoherent   Kind = "non-coherent"
	Divergence    Kind = "divergence"
	Deadlock      Kind = "deadlock"
	StepLimit     Kind = "step limit"
	Misuse        Kind = "misuse"
)

// Fault is what went wrong in a run: where, and in a sentence what.
type Fault struct {
	Kind Kind
	Line int // of the PTX text; 0 when no single line is to blame
	Text string
}

func (f *Fault) Error() string {
	if f.Line == 0 {
		return fmt.Sprintf("%s: %s", f.Kind, f.Text)
	}
	return fmt.Sprintf("line %d: %s: %s", f.Line, f.Kind, f.Text)
}

// fault ends the run; the first one counts.
func (w *warp) fault(kind Kind, lane int, format string, args ...any) {
	if w.u.failure == nil {
		in := w.current
		w.u.failure = &Fault{kind, in.line, fmt.Sprintf("%s of %s ", in.op, w.u.thread(w.base+lane)) + fmt.Sprintf(format, args...)}
	}
}
