package ir

import (
	"dlc/lang/diag"
)

// Reverse appends the gradients of variables in reverse mode: from the last node back, every node
// that depends on a variable adds to the gradients of its operands, the last use first. It begins
// with the gradients that are given. The result is nil for a variable that none reaches.
func (b *Builder) Reverse(nodes []*Node, grads map[*Value]*Value, variables []*Value) ([]*Value, error) {
	active := Dependents(nodes, variables)
	for i := len(nodes) - 1; i >= 0; i-- {
		if err := b.backward(nodes[i], active, grads); err != nil {
			return nil, err
		}
	}
	out := make([]*Value, len(variables))
	for i, v := range variables {
		out[i] = grads[v]
	}
	return out, nil
}

// Dependents returns the variables and all values computed from them.
func Dependents(nodes []*Node, variables []*Value) map[*Value]bool {
	active := map[*Value]bool{}
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
func (b *Builder) backward(n *Node, active map[*Value]bool, grads map[*Value]*Value) error {
	dy := make([]*Value, len(n.Out))
	arrives := false
	for i, v := range n.Out {
		dy[i] = grads[v]
		arrives = arrives || dy[i] != nil && active[v]
	}
	if !arrives {
		return nil
	}
	at := len(b.Func.Nodes)
	for i, g := range gradient(b, n, dy, active) {
		x := n.In[i]
		switch {
		case g == nil || !active[x]:
		case grads[x] == nil:
			grads[x] = g
		default:
			grads[x] = b.Add(Binary{Fn: "add"}, grads[x], g)
		}
	}
	b.Attribute(at, n.Spans)
	if b.Err == nil {
		return nil
	}
	if _, told := b.Err.(*diag.Diagnostic); told {
		return b.Err
	}
	d := &diag.Diagnostic{Code: "E0601", Message: b.Err.Error(), Label: "differentiated here"}
	if len(n.Spans) > 0 {
		d.Span = n.Spans[0]
	}
	return d
}

// A Selective op computes the gradients of some operands for less than those of all.
type Selective interface {
	Op
	GradFor(b *Builder, n *Node, dy []*Value, wanted []bool) []*Value
}

// gradient returns the gradients of n's operands, of the active ones at least.
func gradient(b *Builder, n *Node, dy []*Value, active map[*Value]bool) []*Value {
	op, ok := n.Op.(Selective)
	if !ok {
		return n.Op.Grad(b, n, dy)
	}
	wanted := make([]bool, len(n.In))
	for i, v := range n.In {
		wanted[i] = active[v]
	}
	return op.GradFor(b, n, dy, wanted)
}

// Attribute gives the nodes added since the count, where they have none, the source lines.
func (b *Builder) Attribute(from int, spans []diag.Span) {
	for _, added := range b.Func.Nodes[from:] {
		if len(added.Spans) == 0 {
			added.Spans = append([]diag.Span{}, spans...)
		}
	}
}
