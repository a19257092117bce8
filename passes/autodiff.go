package passes

import (
	"fmt"
	"slices"

	"dlc/ir"
)

// autodiff replaces each Gradient by reverse mode, then functions that only gradients
// know of by what they do. A variable that the loss does not reach gets zeros. Gradients are replaced in program order, so that one of a gradient finds ordinary nodes, and
// those in regions before what holds them.
func autodiff(m *ir.Module, o *Options) error {
	var failed error
	ir.EachFunc(m, func(f *ir.Func) {
		r := newGraphRewrite(f)
		for _, n := range r.nodes {
			r.redirect(n)
			if _, ok := n.Op.(ir.Gradient); !ok {
				r.keep(n)
				continue
			}
			if err := differentiate(r, n); err != nil && failed == nil {
				failed = fmt.Errorf("func %s: %w", f.Name, err)
			}
		}
		r.finish()
	})
	ir.EachFunc(m, inlined)
	return failed
}

// inlined puts the functions that only gradients know of in the place of their nodes.
func inlined(f *ir.Func) {
	if !slices.ContainsFunc(f.Nodes, func(n *ir.Node) bool { return ir.InPlace(n.Op) != nil }) {
		return
	}
	r := newGraphRewrite(f)
	for _, n := range r.nodes {
		r.redirect(n)
		body := ir.InPlace(n.Op)
		if body == nil {
			r.keep(n)
			continue
		}
		for i, v := range r.Inline(body, n.In) {
			r.replace(n.Out[i], v)
		}
	}
	r.finish()
}

// differentiate appends the gradients that n stands for.
func differentiate(r *graphRewrite, n *ir.Node) error {
	loss, variables := n.In[0], n.In[1:]
	before := r.Func.Nodes
	at := len(before)
	seeds := map[*ir.Value]*ir.Value{}
	if ir.Dependents(before, variables)[loss] {
		seeds[loss] = r.Add(ir.FullOf(loss.Type, 1))
		r.attribute(at, n)
	}
	grads, err := r.Reverse(before, seeds, variables)
	if err != nil {
		return err
	}
	at = len(r.Func.Nodes)
	for i, v := range variables {
		g := grads[i]
		if g == nil {
			g = r.Add(ir.FullOf(v.Type, 0))
		}
		r.replace(n.Out[i], g)
	}
	r.attribute(at, n)
	return nil
}
