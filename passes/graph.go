package passes

import (
	"dlc/ir"
	"dlc/lang/diag"
)

// A graphRewrite walks the nodes of a function in order and lets a pass keep, replace or add
// nodes. Later uses of a replaced value are redirected.
type graphRewrite struct {
	*ir.Builder
	nodes   []*ir.Node // of the function before
	instead map[*ir.Value]*ir.Value
}

func newGraphRewrite(f *ir.Func) *graphRewrite {
	r := &graphRewrite{Builder: ir.Extend(f), nodes: f.Nodes, instead: map[*ir.Value]*ir.Value{}}
	f.Nodes = nil
	return r
}

// redirect replaces n's operands by what stands for them.
func (r *graphRewrite) redirect(n *ir.Node) {
	for i, v := range n.In {
		if w, ok := r.instead[v]; ok {
			n.In[i] = w
		}
	}
}

// keep appends n as it is.
func (r *graphRewrite) keep(n *ir.Node) { r.Func.Nodes = append(r.Func.Nodes, n) }

// replace lets w stand for v.
func (r *graphRewrite) replace(v, w *ir.Value) {
	if !v.Type.Equal(w.Type) {
		panic("BUG: " + v.Type.String() + " replaced by " + w.Type.String())
	}
	r.instead[v] = w
}

// attribute gives the nodes added since the count from the source lines of n.
func (r *graphRewrite) attribute(from int, n *ir.Node) {
	for _, added := range r.Func.Nodes[from:] {
		added.Spans = append([]diag.Span{}, n.Spans...)
	}
}

// finish redirects the results and renumbers.
func (r *graphRewrite) finish() {
	for i, res := range r.Func.Results {
		if w, ok := r.instead[res.Value]; ok {
			r.Func.Results[i].Value = w
		}
	}
	r.Func.Renumber()
}
