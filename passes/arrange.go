package passes

import (
	"cmp"
	"slices"

	"dlc/ir"
)

// arrange puts the nodes of each function into an order that follows from what they compute alone, so that code
// does not depend on the order in which they were written down: what a result needs stands before it, operand by
// operand, results of few steps first. Nodes that no result needs come last, as they stand.
func arrange(m *ir.Module, _ *Options) error {
	ir.EachFunc(m, func(f *ir.Func) {
		steps := map[*ir.Node]int{}
		for _, n := range f.Nodes {
			for _, v := range n.In {
				steps[n] = max(steps[n], stepsTo(steps, v))
			}
		}
		var ends []*ir.Value
		for _, r := range f.Results {
			ends = append(ends, r.Value)
		}
		slices.SortStableFunc(ends, func(a, b *ir.Value) int { return cmp.Compare(stepsTo(steps, a), stepsTo(steps, b)) })
		a := &arrangement{placed: map[*ir.Node]bool{}}
		for _, v := range ends {
			a.place(v)
		}
		for _, n := range f.Nodes {
			if !a.placed[n] {
				a.nodes = append(a.nodes, n)
			}
		}
		f.Nodes = a.nodes
		f.Renumber()
	})
	return nil
}

// stepsTo is the length of the longest way from outside to a value.
func stepsTo(steps map[*ir.Node]int, v *ir.Value) int {
	if v.Node == nil {
		return 0
	}
	return steps[v.Node] + 1
}

// arrangement is a list of nodes, each behind its operands.
type arrangement struct {
	nodes  []*ir.Node
	placed map[*ir.Node]bool
}

// place appends the node of a value, what it needs first. The way down is kept in a list: graphs may be deep.
func (a *arrangement) place(v *ir.Value) {
	type at struct {
		node *ir.Node
		next int // operand
	}
	way := []at{{v.Node, 0}}
	for len(way) > 0 {
		last := &way[len(way)-1]
		switch {
		case last.node == nil || a.placed[last.node]:
			way = way[:len(way)-1]
		case last.next < len(last.node.In):
			last.next++
			way = append(way, at{last.node.In[last.next-1].Node, 0})
		default:
			a.placed[last.node] = true
			a.nodes = append(a.nodes, last.node)
			way = way[:len(way)-1]
		}
	}
}
