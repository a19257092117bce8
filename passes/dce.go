package passes

import "dlc/ir"

// dce drops the nodes that no result needs, and the weights that no node or result reads. Inputs
// stay: they are the entry's signature.
func dce(m *ir.Module, o *Options) error {
	for _, f := range m.Funcs {
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
	return nil
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
