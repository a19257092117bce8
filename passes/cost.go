package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// The cost model counts in operations of one vector lane, of which a core does about 10^11 in a
// second. A symbol counts as nominalSymbol. An element of a tensor that fits the first cache
// costs one, of one that fits the second its bytes, beyond that four times its bytes.
const (
	nominalSymbol = 64
	nearBytes     = 32 << 10
	farBytes      = 1 << 20
	launchCost    = 20000 // a kernel more: a barrier of the team, 100 to 200 ns
	maxNodes      = 300   // of one expression: keeps compilation linear
	maxSweeps     = 3     // over the maps: an inlined map changes what its sources' readers are
	fewNodes      = 3     // one operation: cheaper to repeat than to share
)

// nominal is the value of d with every symbol at its nominal size.
func nominal(d tensor.Dim) float64 {
	set, env := map[string]bool{}, map[string]int64{}
	d.Symbols(set)
	for name := range set {
		env[name] = nominalSymbol
	}
	v, _ := d.Eval(env)
	return float64(max(v, 0))
}

// memoryCost is the cost of reading or writing one element of a tensor.
func memoryCost(t tensor.DType, elements float64) float64 {
	switch size := float64(t.Size()); {
	case size*elements > farBytes:
		return 4 * size
	case size*elements > nearBytes:
		return size
	}
	return 1
}

// evaluations is how often d's expression is computed.
func evaluations(d *kernel.Def) float64 {
	return nominal(sizeOf(d.Unmatched()).Mul(sizeOf(reduceAxes(d))))
}

// operations is the arithmetic of one evaluation of e, and its nodes without indices.
func operations(e kernel.Expr) (ops float64, nodes int) {
	kernel.Walk(e, func(e kernel.Expr) bool {
		nodes++
		switch e := e.(type) {
		case *kernel.Index:
			nodes--
		case *kernel.Call:
			ops += callCost(e.Fn)
		case *kernel.Guard:
			ops += float64(len(e.Conds))
		case *kernel.Random:
			ops += 40
		}
		return true
	})
	return ops, nodes
}

func callCost(fn string) float64 {
	f, _ := kernel.LookupFunc(fn)
	switch {
	case fn == "pow":
		return 40
	case f.Expanded:
		return 16
	case fn == "div" || fn == "sqrt" || fn == "rem" || fn == "idiv":
		return 6
	}
	return 1
}
