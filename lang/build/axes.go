package build

import (
	"strings"

	"dlc/lang/check"
	"dlc/lang/syntax"
)

// axes resolves `over=`: the places of the named axes in a tensor.
func (e *elaborator) axes(s *scope, x syntax.Expr, t *tens) value {
	if t == nil {
		e.errorf(s, check.BadAxis, x.Span(), "`over=` needs a tensor before it")
		return poison{}
	}
	var names []syntax.Expr
	switch x := x.(type) {
	case *syntax.List:
		for _, i := range x.Items {
			names = append(names, i.Value)
		}
	case *syntax.Tuple:
		names = x.Items
	default:
		names = []syntax.Expr{x}
	}
	out := &sequence{list: true}
	for _, n := range names {
		places, ok := e.axesOf(s, n, t)
		if !ok {
			return poison{}
		}
		out.items = append(out.items, places...)
	}
	return out
}

func (e *elaborator) axesOf(s *scope, x syntax.Expr, t *tens) ([]value, bool) {
	n, ok := x.(*syntax.Name)
	if !ok {
		e.errorf(s, check.BadAxis, x.Span(), "`over=` names axes; their numbers go to `axis=`")
		return nil, false
	}
	var out []value
	for i, l := range t.labels {
		if l == n.Text {
			out = append(out, number0(int64(i)))
		}
	}
	want, known := s.find(n.Text)
	if p, isPack := want.(*pack); isPack && (len(out) == len(p.dims)) {
		return out, true
	}
	if len(out) == 1 {
		return out, true
	}
	if d, isDim := want.(number); len(out) == 0 && isDim && !d.fraction {
		for i, x := range t.shape() {
			if x.Equal(d.dim) {
				out = append(out, number0(int64(i)))
			}
		}
	}
	if len(out) == 1 {
		return out, true
	}
	if !known {
		e.unknown(s, n, false)
		return nil, false
	}
	d := e.errorf(s, check.BadAxis, x.Span(), "`%s` names %d axes of %s here", n.Text, len(out), t.typ())
	help(d, "an annotated binding names axes: `y: [%s] = ...`; `axis=` takes their numbers", strings.Join(placeholders(len(t.labels)), ", "))
	return nil, false
}

func placeholders(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = "_"
	}
	return out
}
