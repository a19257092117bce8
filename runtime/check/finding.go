package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dlc/ir/tensor"
	"dlc/runtime/program"
)

// A Finding is a mistake in the model or its data, seen while it ran.
type Finding struct {
	Entry   string           // what ran
	At      program.Position // the operation; zero where what was given is at fault
	Message string           // what happened, in one sentence
	Detail  string           // where it happened among the elements, and with which operands
	Index   bool             // an index outside of its axis, else a number that is not finite
	Reaches string           // the result that the number reached

	step int // of the entry
}

// Error says what happened and where.
func (f *Finding) Error() string {
	s := f.Message
	if f.At.File != "" {
		s = fmt.Sprintf("%s:%d: %s", f.At.File, f.At.Line, s)
	}
	if f.Detail != "" {
		s += " (" + f.Detail + ")"
	}
	return s
}

// A Broken is a mistake of dlc's: generated code that does not keep to its memory.
type Broken struct {
	What   string
	Launch program.Launch
}

// Error names the operation.
func (b *Broken) Error() string {
	return fmt.Sprintf("dlc internal error: %s by `%s` from %s, kernel %d", b.What, b.Launch.Op, b.Launch.Span, b.Launch.Kernel)
}

// appeared describes numbers that a launch made out of finite ones.
func (w *watch) appeared(s *program.Launch, buffer int, x state) *Finding {
	t := w.call.Tensor(buffer)
	f := &Finding{Entry: w.entry.Name, At: s.At, step: s.Number, Message: fmt.Sprintf("`%s` gives %s", s.Op, kinds(x))}
	f.Detail = fmt.Sprintf("%s, the first at %s", share(x.nans+x.infs, "elements of "+t.String(), t), index(t.Dims, x.first))
	if operands := w.operands(s, t, x.first); operands != "" {
		f.Detail += ", from " + operands
	}
	return f
}

// given describes numbers that came from outside.
func (w *watch) given(buffer int, x state) *Finding {
	b, t := &w.entry.Buffers[buffer], w.call.Tensor(buffer)
	what := "the input"
	if b.Class == program.Stored {
		what = "the weight"
	}
	return &Finding{Entry: w.entry.Name, step: -1, Message: fmt.Sprintf("%s `%s` holds %s when `%s` begins", what, b.Name, kinds(x), w.entry.Name),
		Detail: fmt.Sprintf("%s, the first at %s", share(x.nans+x.infs, "elements of "+t.String(), t), index(t.Dims, x.first))}
}

// outOfBounds describes indices outside of their axis.
func (w *watch) outOfBounds(s *program.Launch, axis, extent int, target, x *tensor.Tensor, first, count int) *Finding {
	op, _, _ := strings.Cut(s.Op, ".")
	return &Finding{Entry: w.entry.Name, At: s.At, step: s.Number, Index: true,
		Message: fmt.Sprintf("`%s` reads at index %d, outside of 0..%d", op, x.Int(first), extent),
		Detail:  fmt.Sprintf("axis %d of %s; %s, the first at %s", axis, target, share(count, "indices", x), index(x.Dims, first))}
}

// operands tells what a launch read at an element of its result, where that is one element.
func (w *watch) operands(s *program.Launch, out *tensor.Tensor, at int) string {
	var list []string
	for _, i := range s.Args[:s.Reads] {
		switch t := w.call.Tensor(i); {
		case slices.Contains(s.Args[s.Reads:], i):
			return "" // written over
		case slices.Equal(t.Dims, out.Dims):
			list = append(list, number(t, at))
		case t.Len() == 1:
			list = append(list, number(t, 0))
		default:
			return ""
		}
	}
	return strings.Join(list, " and ")
}

func number(t *tensor.Tensor, i int) string {
	if t.DType.IsFloat() {
		return strconv.FormatFloat(t.Float(i), 'g', 6, 64)
	}
	return strconv.FormatInt(t.Int(i), 10)
}

func kinds(x state) string {
	switch {
	case x.infs == 0:
		return "NaN"
	case x.nans == 0:
		return "infinity"
	}
	return "NaN and infinity"
}

// share tells how many elements of a tensor are meant.
func share(n int, what string, t *tensor.Tensor) string {
	return fmt.Sprintf("%d of %d %s", n, t.Len(), what)
}

// index is the row-major place as an index: [3, 0].
func index(dims []int, place int) string {
	at := make([]string, len(dims))
	for i := len(dims) - 1; i >= 0; i-- {
		d := max(1, dims[i])
		at[i] = strconv.Itoa(place % d)
		place /= d
	}
	return "[" + strings.Join(at, ", ") + "]"
}

func resultName(b *program.Buffer) string {
	if b.Class == program.Stored {
		return "the weight `" + b.Name + "`"
	}
	return "`" + b.Name + "`"
}
