package passes

import "dlc/ir"

// dce drops the nodes that no result needs, and the weights that no node or result reads; of nodes
// with regions also the results that nothing reads, with what only they need. Inputs stay: they are
// the entry's signature.
func dce(m *ir.Module, o *Options) error {
	for _, f := range m.Funcs {
		prune(f)
	}
	return nil
}

func prune(f *ir.Func) {
	live := map[*ir.Value]bool{}
	for _, r := range f.Results {
		live[r.Value] = true
	}
	kept := make([]*ir.Node, 0, len(f.Nodes))
	for i := len(f.Nodes) - 1; i >= 0; i-- {
		n := f.Nodes[i]
		if !anyLive(n.Out, live) {
			continue
		}
		pruneNode(n, live)
		for _, v := range n.In {
			live[v] = true
		}
		kept = append(kept, n)
	}
	for i, j := 0, len(kept)-1; i < j; i, j = i+1, j-1 {
		kept[i], kept[j] = kept[j], kept[i]
	}
	f.Nodes = kept
	f.Params = liveParams(f.Params, live)
	f.Renumber()
}

// pruneNode drops what nothing needs of a node with regions, and in these.
func pruneNode(n *ir.Node, live map[*ir.Value]bool) {
	if p, ok := n.Op.(ir.Pruner); ok {
		used := make([]bool, len(n.Out))
		for i, v := range n.Out {
			used[i] = live[v]
		}
		op, in, out := p.Pruned(used)
		n.Op, n.In, n.Out = op, only(n.In, in), only(n.Out, out)
		for i, v := range n.Out {
			v.Index = i
		}
	}
	for _, r := range ir.Regions(n.Op) {
		prune(r)
	}
}

func only(list []*ir.Value, keep []bool) (out []*ir.Value) {
	for i, v := range list {
		if keep[i] {
			out = append(out, v)
		}
	}
	return out
}

func anyLive(values []*ir.Value, live map[*ir.Value]bool) bool {
	for _, v := range values {
		if live[v] {
			return true
		}
	}
	return false
}

func liveParams(params []*ir.Value, live map[*ir.Value]bool) []*ir.Value {
	var kept []*ir.Value
	for _, p := range params {
		if live[p] || p.Param.Kind == ir.Input {
			kept = append(kept, p)
		}
	}
	return kept
}
