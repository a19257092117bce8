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
	e.launches(&b, Stretch{To: len(e.Steps)}, "  ")
	return b.String()
}

func (e *Entry) launches(b *strings.Builder, in Stretch, indent string) {
	for _, part := range e.Stretches(in) {
		if part.In != in.In {
			b.WriteString(indent + part.In.String() + "\n")
			e.launches(b, part, indent+"  ")
			continue
		}
		i, s := part.From, &e.Steps[part.From]
		args := make([]string, len(s.Args))
		for i, a := range s.Args {
			args[i] = fmt.Sprintf("%%%d", a)
		}
		fmt.Fprintf(b, "%slaunch %d(%s) blocks %s", indent, s.Kernel, strings.Join(args, ", "), s.Blocks)
		if r := s.Repeat; r != nil && r.Reversed {
			fmt.Fprintf(b, " repeated %s reversed", r.Turns)
		} else if r != nil {
			fmt.Fprintf(b, " repeated %s", r.Turns)
		}
		if s.Row != nil {
			fmt.Fprintf(b, " at row %%%d", s.Row.Buffer)
		}
		if i > 0 && s.Team != nil && e.Steps[i-1].Team == s.Team {
			b.WriteString(" beside the last")
		}
		if s.Span != "" {
			fmt.Fprintf(b, "  // %s", s.Span)
		}
		b.WriteByte('\n')
	}
}

// String prints if %3, if not %3, while %3.
func (r *Region) String() string {
	word := "if"
	if r.Loop {
		word = "while"
	}
	if r.Not {
		word += " not"
	}
	return fmt.Sprintf("%s %%%d", word, r.Cond)
}
