package cpu

import (
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

var dtypes = []tensor.DType{tensor.Bool, tensor.U8, tensor.I8, tensor.I32, tensor.I64, tensor.U32, tensor.U64, tensor.F32, tensor.F64}

// calls lists every scalar function on every type it takes, as calls of loads.
func calls(of tensor.DType) (list []*kernel.Call) {
	for _, name := range kernel.FuncNames() {
		f, _ := kernel.LookupFunc(name)
		for _, result := range dtypes {
			args := make([]tensor.DType, f.Arity)
			for i := range args {
				args[i] = of
			}
			if name == "select" {
				args[0] = tensor.Bool
			}
			if kernel.CheckCall(name, result, args...) != nil {
				continue
			}
			c := &kernel.Call{Fn: name, DType: result}
			for i, t := range args {
				c.Args = append(c.Args, read(string("xyz"[i])+t.String(), t, "p"))
			}
			list = append(list, c)
		}
	}
	return list
}

// TestScalarFunctions runs every function on every type, with special values, as vectors
// (with a tail) and as scalars.
func TestScalarFunctions(t *testing.T) {
	const size = 2003
	for _, of := range dtypes {
		k := &kernel.Kernel{Name: "scalar_" + of.String()}
		seen := map[string]bool{}
		for _, c := range calls(of) {
			name := c.Fn + "_" + c.DType.String()
			for _, l := range kernel.Loads(c) {
				if !seen[l.Name] {
					seen[l.Name] = true
					k.Ins = append(k.Ins, buffer(l.Name, l.DType, kernel.Input, in(size)))
				}
			}
			k.Outs = append(k.Outs, buffer(name, c.DType, kernel.Output, in(size)))
			k.Defs = append(k.Defs, &kernel.Def{Name: name, DType: c.DType, Axes: []kernel.Axis{axis("p", in(size))}, Expr: c})
		}
		for _, vector := range []string{"p", ""} {
			check(t, func(target Target) []*tile.Program {
				var stores []tile.Node
				for _, d := range k.Defs {
					stores = append(stores, &tile.Store{Def: d.Name})
				}
				by := []int64{1}
				if vector != "" {
					by[0] = int64(target.Machine.Lanes)
				}
				return []*tile.Program{{Name: k.Name, Machine: target.Machine.Name, Kernel: k, Phases: []*tile.Phase{
					{Grid: []tile.Split{grid("p", 512)}, Vector: vector, Body: []tile.Node{each1("p", by, stores...)}}}}}
			}, []map[string]int64{nil}, true)
		}
	}
}

// TestReductions runs reductions on every type, in every order.
func TestReductions(t *testing.T) {
	for _, of := range dtypes {
		for op := kernel.Sum; op <= kernel.All; op++ {
			if (op >= kernel.Any) != (of == tensor.Bool) || of != f32 && of != tensor.Bool && (op == kernel.Prod || op == kernel.Max) {
				continue
			}
			k := &kernel.Kernel{Name: "reduce", Ins: []*kernel.Buffer{buffer("x", of, kernel.Input, n0, in(70))}}
			def := func(name string, o kernel.Order) *kernel.Def {
				d := &kernel.Def{Name: name, DType: of, Axes: []kernel.Axis{axis("n", n0)}, Expr: read("x", of, "n", "j"),
					Reduce: &kernel.Reduce{Op: op, Axes: []kernel.Axis{axis("j", in(70))}, Order: o}}
				k.Defs, k.Outs = append(k.Defs, d), append(k.Outs, buffer(name, of, kernel.Output, n0))
				return d
			}
			def("chain", kernel.Order{Kind: kernel.Chain})
			def("lanes", kernel.Order{Kind: kernel.Lanes64})
			def("chunks", kernel.Order{Kind: kernel.Chunks, Axis: "j", By: 16})
			temp := buffer("t", of, kernel.Temp, in(5), n0)
			check(t, func(target Target) []*tile.Program {
				return []*tile.Program{{Name: "reduce", Machine: target.Machine.Name, Kernel: k, Temps: []*kernel.Buffer{temp}, Phases: []*tile.Phase{
					{Grid: []tile.Split{grid("n", 1)}, Vector: "j", Body: []tile.Node{
						&tile.Begin{Def: "lanes"}, stream("j", []int64{64}, &tile.Step{Def: "lanes"}), &tile.End{Def: "lanes"}, &tile.Store{Def: "lanes"},
						&tile.Begin{Def: "chain"}, stream("j", []int64{64}, &tile.Step{Def: "chain"}), &tile.Store{Def: "chain"}}},
					{Grid: []tile.Split{grid("j", 16), grid("n", 32)}, Vector: "n", Body: []tile.Node{
						&tile.Begin{Def: "chunks"}, stream("j", []int64{1}, &tile.Step{Def: "chunks"}), &tile.Spill{Def: "chunks", Temp: "t"}}},
					{Grid: []tile.Split{grid("n", 32)}, Vector: "n", Body: []tile.Node{&tile.Join{Def: "chunks", Temp: "t"}, &tile.Store{Def: "chunks"}}}}}}
			}, []map[string]int64{{"N": 1}, {"N": 33}}, true)
		}
	}
}
