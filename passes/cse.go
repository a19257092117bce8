package passes

import (
	"strings"

	"dlc/ir"
	"dlc/lang/diag"
)

// cse merges nodes of the same op, attributes and operands: ops are pure, random ones included,
// for their numbers are keyed by their attributes and operands. The merged node has the source
// lines of all.
func cse(m *ir.Module, o *Options) error {
	ir.EachFunc(m, func(f *ir.Func) {
		r := newGraphRewrite(f)
		first := map[string]*ir.Node{}
		for _, n := range r.nodes {
			r.redirect(n)
			key := nodeKey(n)
			same := first[key]
			if same == nil {
				first[key] = n
				r.keep(n)
				continue
			}
			for i, v := range n.Out {
				r.replace(v, same.Out[i])
			}
			same.Spans = mergedSpans(same.Spans, n.Spans)
		}
		r.finish()
	})
	return nil
}

func nodeKey(n *ir.Node) string {
	var b strings.Builder
	b.WriteString(ir.OpText(n.Op))
	for _, v := range n.In {
		b.WriteString(v.String())
	}
	return b.String()
}

// mergedSpans appends those of more that list lacks.
func mergedSpans(list, more []diag.Span) []diag.Span {
	for _, s := range more {
		found := false
		for _, t := range list {
			found = found || s == t
		}
		if !found {
			list = append(list, s)
		}
	}
	return list
}
