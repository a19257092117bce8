package program

import (
	"fmt"
	"strings"
)

// String prints an entry: symbols, buffers with their lifetimes, launches.
func (e *Entry) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "entry %s(%s)\n", e.Name, strings.Join(e.Symbols, ", "))
	for i := range e.Buffers {
		x := &e.Buffers[i]
		fmt.Fprintf(&b, "  %%%-3d %-7s %-32s %s, %s bytes", i, x.Class, x.Name, x.Type, x.Bytes)
		if x.Class == Arena {
			fmt.Fprintf(&b, ", alive %d to %d", x.First, x.Last)
		}
		b.WriteByte('\n')
	}
	for i, s := range e.Steps {
		args := make([]string, len(s.Args))
		for i, a := range s.Args {
			args[i] = fmt.Sprintf("%%%d", a)
		}
		fmt.Fprintf(&b, "  launch %d(%s) blocks %s", s.Kernel, strings.Join(args, ", "), s.Blocks)
		if r := s.Repeat; r != nil && r.Reversed {
			fmt.Fprintf(&b, " repeated %s reversed", r.Turns)
		} else if r != nil {
			fmt.Fprintf(&b, " repeated %s", r.Turns)
		}
		if i > 0 && s.Team != nil && e.Steps[i-1].Team == s.Team {
			b.WriteString(" beside the last")
		}
		if s.Span != "" {
			fmt.Fprintf(&b, "  // %s", s.Span)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
