package passes

import (
	"fmt"

	"dlc/ir"
	"dlc/lang/diag"
)

// autodiff replaces each Gradient by reverse mode: from the loss back, every node that depends on
// one of the variables adds to the gradients of its operands, the last use first. A variable that
// the loss does not reach gets zeros. Gradients are replaced in program order, so that one of a
// gradient finds ordinary nodes.
func autodiff(m *ir.Module, o *Options) error {
	for _, f := range m.Funcs {
		r := newGraphRewrite(f)
		for _, n := range r.nodes {
			r.redirect(n)
			if _, ok := n.Op.(ir.Gradient); !ok {
				r.keep(n)
				continue
			}
			if err := differentiate(r, n); err != nil {
				return fmt.Errorf("func %s: %w", f.Name, err)
			}
		}
		r.finish()
	}
	return nil
}

// differentiate appends the gradients that n stands for.
func differentiate(r *graphRewrite, n *ir.Node) error {
	loss, variables := n.In[0], n.In[1:]
	active := dependents(r.Func.Nodes, variables)
	before := r.Func.Nodes
	grads := map[*ir.Value]*ir.Value{}
	at := len(before)
	if active[loss] {
		grads[loss] = r.Add(ir.FullOf(loss.Type, 1))
		r.attribute(at, n)
	}
	for i := len(before) - 1; i >= 0; i-- {
		if err := backward(r, before[i], active, grads); err != nil {
			return err
		}
	}
	at = len(r.Func.Nodes)
	for i, v := range variables {
		g := grads[v]
		if g == nil {
			g = r.Add(ir.FullOf(v.Type, 0))
		}
		r.replace(n.Out[i], g)
	}
	r.attribute(at, n)
	return nil
}

// dependents returns the variables and all values computed from them.
func dependents(nodes []*ir.Node, variables []*ir.Value) map[*ir.Value]bool {
	active := map[*ir.Value]bool{}
	for _, v := range variables {
		active[v] = true
	}
	for _, n := range nodes {
		for _, v := range n.In {
			if !active[v] {
				continue
			}
			for _, out := range n.Out {
				active[out] = true
			}
		}
	}
	return active
}

// backward adds n's share to the gradients of its active operands.
func backward(r *graphRewrite, n *ir.Node, active map[*ir.Value]bool, grads map[*ir.Value]*ir.Value) error {
	dy := make([]*ir.Value, len(n.Out))
	arrives := false
	for i, v := range n.Out {
		dy[i] = grads[v]
		arrives = arrives || dy[i] != nil && active[v]
	}
	if !arrives {
		return nil
	}
	at := len(r.Func.Nodes)
	for i, g := range n.Op.Grad(r.Builder, n, dy) {
		x := n.In[i]
		switch {
		case g == nil || !active[x]:
		case grads[x] == nil:
			grads[x] = g
		default:
			grads[x] = r.Add(ir.Binary{Fn: "add"}, grads[x], g)
		}
	}
	r.attribute(at, n)
	if r.Err != nil {
		d := &diag.Diagnostic{Code: "E0601", Message: r.Err.Error(), Label: "differentiated here"}
		if len(n.Spans) > 0 {
			d.Span = n.Spans[0]
		}
		return d
	}
	return nil
}
