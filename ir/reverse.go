package ir

import (
	"fmt"
	"slices"

	"dlc/lang/diag"
)

// Reverse appends the gradients of variables in reverse mode: from the last node back, every node
// that depends on a variable adds to the gradients of its operands, the last use first. It begins
// with the gradients that are given. The result is nil for a variable that none reaches.
func (b *Builder) Reverse(nodes []*Node, grads map[*Value]*Value, variables []*Value) ([]*Value, error) {
	active := Dependents(nodes, variables)
	for i := len(nodes) - 1; i >= 0; i-- {
		if err := b.backward(nodes[i], active, grads); err != nil {
			return nil, b.refused(nodes, i, err, active, grads)
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
	return b.Err
}

// mostOnPath bounds how many places a refusal shows on each side.
const mostOnPath = 4

// refused tells that node i has no gradient, and why one is needed: the lines on the way from it to
// the loss, and from a variable to it.
func (b *Builder) refused(nodes []*Node, i int, err error, active map[*Value]bool, grads map[*Value]*Value) error {
	if _, told := err.(*diag.Diagnostic); told {
		return err
	}
	n := nodes[i]
	d := &diag.Diagnostic{Code: "E0601", Message: err.Error(), Label: "differentiated here"}
	shown := map[int]bool{}
	show := func(path []*Node, text string) {
		left := mostOnPath
		for _, m := range path {
			if len(m.Spans) > 0 && !shown[m.Spans[0].Line] && left > 0 {
				shown[m.Spans[0].Line] = true
				d.Related = append(d.Related, diag.Label{Span: m.Spans[0], Text: text})
				left--
			}
		}
	}
	if len(n.Spans) > 0 {
		d.Span = n.Spans[0]
		shown[d.Span.Line] = true
	}
	show(towardsLoss(nodes[i:], grads), "the loss is computed from it here")
	path, variable := towardsVariable(n, active)
	show(path, "it is computed from this")
	if variable.Param != nil && variable.Param.Kind == Stored {
		d.Help = append(d.Help, fmt.Sprintf("the loss depends on the parameter `%s` through it; `stop_gradient` keeps a value out of the gradient", variable.Param.Name))
	}
	return d
}

// towardsLoss is a way from the first of some nodes to the last that a gradient comes from.
func towardsLoss(nodes []*Node, grads map[*Value]*Value) (path []*Node) {
	from := map[*Node]*Node{nodes[0]: nil}
	last := nodes[0]
	for _, m := range nodes[1:] {
		for _, v := range m.In {
			if _, reached := from[v.Node]; reached && v.Node != nil && slices.ContainsFunc(m.Out, func(y *Value) bool { return grads[y] != nil }) {
				from[m], last = v.Node, m
				break
			}
		}
	}
	for ; last != nodes[0]; last = from[last] {
		path = append(path, last)
	}
	slices.Reverse(path)
	return path
}

// towardsVariable is a way from a node back to a variable, nearest first.
func towardsVariable(n *Node, active map[*Value]bool) (path []*Node, variable *Value) {
	for {
		at := slices.IndexFunc(n.In, func(v *Value) bool { return active[v] })
		variable = n.In[at]
		n = variable.Node
		if n == nil || !slices.ContainsFunc(n.In, func(v *Value) bool { return active[v] }) {
			return path, variable
		}
		path = append(path, n)
	}
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
