package cpu

import (
	"fmt"
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

const f32 = tensor.F32

// conv is y[n,h,w,o] = sum x[n,st*h+r-1,st*w+s-1,i]*k[r,s,i,o] over a 3x3 window.
func conv(h, w, i, o, st int64) *kernel.Kernel {
	oh, ow := (h+1)/st, (w+1)/st
	at := func(a, r string) string { return fmt.Sprintf("%d*%s + %s - 1", st, a, r) }
	return &kernel.Kernel{Name: "conv",
		Ins:  []*kernel.Buffer{buffer("x", f32, kernel.Input, n0, in(h), in(w), in(i)), buffer("k", f32, kernel.Input, in(3), in(3), in(i), in(o))},
		Outs: []*kernel.Buffer{buffer("y", f32, kernel.Output, n0, in(oh), in(ow), in(o))},
		Defs: []*kernel.Def{{Name: "y", DType: f32, Axes: []kernel.Axis{axis("n", n0), axis("h", in(oh)), axis("w", in(ow)), axis("o", in(o))},
			Reduce: &kernel.Reduce{Op: kernel.Sum, Axes: []kernel.Axis{axis("r", in(3)), axis("s", in(3)), axis("i", in(i))},
				When: []kernel.Cond{cond(at("h", "r"), h), cond(at("w", "s"), w)}, Order: kernel.Order{Kind: kernel.Chain}},
			Expr: kernel.Apply("mul", read("x", f32, "n", at("h", "r"), at("w", "s"), "i"), read("k", f32, "r", "s", "i", "o"))}}}
}

func TestConvolution(t *testing.T) {
	for _, st := range []int64{1, 2} {
		for _, o := range []int64{3, 32} {
			for _, unroll := range []bool{false, true} {
				check(t, func(target Target) []*tile.Program {
					inner := unrolled(stream("s", []int64{1}, stream("i", []int64{4, 1}, &tile.Step{Def: "y"})))
					walk := each1("w", []int64{4, 1}, &tile.Begin{Def: "y"}, stream("r", []int64{1}, inner), &tile.Store{Def: "y"})
					walk.Unroll, inner.Unroll = unroll, unroll
					if !unroll {
						walk.Peel = []int64{1, 4}
					}
					return []*tile.Program{{Name: "conv", Machine: target.Machine.Name, Kernel: conv(7, 9, 5, o, st), Phases: []*tile.Phase{{
						Grid: []tile.Split{grid("n", 1), grid("h", 1), grid("o", 32)}, Vector: "o", Body: []tile.Node{walk}}}}}
				}, []map[string]int64{{"N": 1}, {"N": 3}}, false)
			}
		}
	}
}

// weightGradient is dk[r,s,i,o] = sum x[n,h+r-1,w+s-1,i]*dy[n,h,w,o], the batch in chunks.
func weightGradient(h, w, i, o, by int64) *kernel.Kernel {
	return &kernel.Kernel{Name: "wgrad",
		Ins:  []*kernel.Buffer{buffer("x", f32, kernel.Input, n0, in(h), in(w), in(i)), buffer("dy", f32, kernel.Input, n0, in(h), in(w), in(o))},
		Outs: []*kernel.Buffer{buffer("dk", f32, kernel.Output, in(3), in(3), in(i), in(o))},
		Defs: []*kernel.Def{{Name: "dk", DType: f32, Axes: []kernel.Axis{axis("r", in(3)), axis("s", in(3)), axis("i", in(i)), axis("o", in(o))},
			Reduce: &kernel.Reduce{Op: kernel.Sum, Axes: []kernel.Axis{axis("n", n0), axis("h", in(h)), axis("w", in(w))},
				When: []kernel.Cond{cond("h + r - 1", h), cond("w + s - 1", w)}, Order: kernel.Order{Kind: kernel.Chunks, Axis: "n", By: by}},
			Expr: kernel.Apply("mul", read("x", f32, "n", "h + r - 1", "w + s - 1", "i"), read("dy", f32, "n", "h", "w", "o"))}}}
}

func TestWeightGradient(t *testing.T) {
	const h, w, i, o = 5, 6, 3, 20
	k := weightGradient(h, w, i, o, 2)
	temp := buffer("t0", f32, kernel.Temp, n0.CeilDiv(2), in(3), in(3), in(i), in(o))
	check(t, func(target Target) []*tile.Program {
		return []*tile.Program{{Name: "wgrad", Machine: target.Machine.Name, Kernel: k, Temps: []*kernel.Buffer{temp}, Phases: []*tile.Phase{
			{Grid: []tile.Split{grid("n", 2), grid("r", 1), grid("s", 1), grid("i", 3), grid("o", 32)}, Vector: "o", Body: []tile.Node{
				&tile.Begin{Def: "dk"},
				stream("n", []int64{1}, stream("h", []int64{1}, stream("w", []int64{1}, &tile.Step{Def: "dk"}))),
				&tile.Spill{Def: "dk", Temp: "t0"}}},
			{Grid: []tile.Split{grid("r", 1), grid("s", 1), grid("i", 1), grid("o", 64)}, Vector: "o", Body: []tile.Node{
				&tile.Join{Def: "dk", Temp: "t0"}, &tile.Store{Def: "dk"}}}}}}
	}, []map[string]int64{{"N": 0}, {"N": 1}, {"N": 2}, {"N": 7}, {"N": 13}, {"N": 16}}, false)
}

// TestStridedDataGradient has conditions with a remainder.
func TestStridedDataGradient(t *testing.T) {
	const h, i, o = 7, 5, 6
	k := &kernel.Kernel{Name: "dgrad",
		Ins:  []*kernel.Buffer{buffer("dy", f32, kernel.Input, n0, in(4), in(o)), buffer("k", f32, kernel.Input, in(3), in(i), in(o))},
		Outs: []*kernel.Buffer{buffer("dx", f32, kernel.Output, n0, in(h), in(i))},
		Defs: []*kernel.Def{{Name: "dx", DType: f32, Axes: []kernel.Axis{axis("n", n0), axis("h", in(h)), axis("i", in(i))},
			Reduce: &kernel.Reduce{Op: kernel.Sum, Axes: []kernel.Axis{axis("r", in(3)), axis("o", in(o))},
				When: []kernel.Cond{cond("(h - r + 1) div 2", 4), cond("(h - r + 1) - 2*((h - r + 1) div 2)", 1)}, Order: kernel.Order{Kind: kernel.Chain}},
			Expr: kernel.Apply("mul", read("dy", f32, "n", "(h - r + 1) div 2", "o"), read("k", f32, "r", "i", "o"))}}}
	for _, rolled := range []bool{true, false} {
		check(t, func(target Target) []*tile.Program {
			r := stream("r", []int64{1}, stream("o", []int64{4, 1}, &tile.Step{Def: "dx"}))
			walk := each1("h", []int64{2, 1}, &tile.Begin{Def: "dx"}, r, &tile.Store{Def: "dx"})
			if !rolled {
				r.Unroll, walk.Unroll = true, true
			}
			return []*tile.Program{{Name: "dgrad", Machine: target.Machine.Name, Kernel: k, Phases: []*tile.Phase{
				{Grid: []tile.Split{grid("n", 1), grid("i", 32)}, Vector: "i", Body: []tile.Node{walk}}}}}
		}, []map[string]int64{{"N": 1}, {"N": 2}}, false)
	}
}

// softmax is max, sum of exp-like terms and quotient over the last axis, by lanes64.
func softmax(c tensor.Dim) *kernel.Kernel {
	rows, cols := []kernel.Axis{axis("n", n0)}, []kernel.Axis{axis("j", c)}
	lanes := kernel.Order{Kind: kernel.Lanes64}
	term := kernel.Apply("sigmoid", kernel.Apply("sub", read("x", f32, "n", "j"), read("m", f32, "n")))
	return &kernel.Kernel{Name: "softmax", Ins: []*kernel.Buffer{buffer("x", f32, kernel.Input, n0, c)},
		Outs: []*kernel.Buffer{buffer("y", f32, kernel.Output, n0, c), buffer("m", f32, kernel.Output, n0)},
		Defs: []*kernel.Def{
			{Name: "m", DType: f32, Axes: rows, Reduce: &kernel.Reduce{Op: kernel.Max, Axes: cols, Order: lanes}, Expr: read("x", f32, "n", "j")},
			{Name: "s", DType: f32, Axes: rows, Reduce: &kernel.Reduce{Op: kernel.Sum, Axes: cols, Order: lanes}, Expr: term},
			{Name: "y", DType: f32, Axes: []kernel.Axis{axis("n", n0), axis("j", c)}, Expr: kernel.Apply("div", term, read("s", f32, "n"))},
		}}
}

func TestLanes(t *testing.T) {
	shapes := []map[string]int64{{"N": 1}, {"N": 4}}
	schedule := func(c tensor.Dim) func(Target) []*tile.Program {
		return func(target Target) []*tile.Program {
			by := []int64{64}
			return []*tile.Program{{Name: "softmax", Machine: target.Machine.Name, Kernel: softmax(c), Phases: []*tile.Phase{
				{Grid: []tile.Split{grid("n", 1)}, Vector: "j", Body: []tile.Node{
					&tile.Begin{Def: "m"}, stream("j", by, &tile.Step{Def: "m"}), &tile.End{Def: "m"},
					&tile.Begin{Def: "s"}, stream("j", by, &tile.Step{Def: "s"}), &tile.End{Def: "s"},
					each1("j", by, &tile.Store{Def: "y"}), &tile.Store{Def: "m"}}}}}}
		}
	}
	for _, c := range []int64{1, 10, 64, 65, 200} {
		check(t, schedule(in(c)), shapes, true)
	}
	check(t, schedule(tensor.Sym("C")), []map[string]int64{{"N": 3, "C": 0}, {"N": 3, "C": 1}, {"N": 3, "C": 63}, {"N": 2, "C": 64}, {"N": 2, "C": 130}}, true)
}

// TestMapOfCollapsedAxes walks a flattened index of which parts are found by division.
func TestMapOfCollapsedAxes(t *testing.T) {
	total := n0.Scale(48)
	k := &kernel.Kernel{Name: "map",
		Ins: []*kernel.Buffer{buffer("x", f32, kernel.Input, n0, in(48)), buffer("b", f32, kernel.Input, in(48)),
			buffer("c", f32, kernel.Input, in(6)), buffer("u", tensor.U8, kernel.Input, n0, in(48)), buffer("i", tensor.I32, kernel.Input, n0)},
		Outs: []*kernel.Buffer{buffer("y", f32, kernel.Output, total), buffer("z", tensor.Bool, kernel.Output, total)},
		Defs: []*kernel.Def{
			{Name: "h", DType: f32, Axes: []kernel.Axis{axis("p", total)}, Expr: kernel.Apply("add", read("x", f32, "p div 48", "p - 48*(p div 48)"), read("b", f32, "p - 48*(p div 48)"))},
			{Name: "y", DType: f32, Axes: []kernel.Axis{axis("p", total)}, Expr: kernel.Apply("mul", read("h", f32, "p"),
				kernel.Apply("add", kernel.Cast(f32, read("u", tensor.U8, "p div 48", "p - 48*(p div 48)")),
					kernel.Apply("add", read("c", f32, "(p - 48*(p div 48)) div 8"),
						&kernel.Load{Name: "c", DType: f32, At: []kernel.Expr{kernel.Apply("sub", read("i", tensor.I32, "p div 48"), kernel.I(tensor.I32, 1))}})))},
			{Name: "z", DType: tensor.Bool, Axes: []kernel.Axis{axis("p", total)}, Expr: kernel.Compare("lt", read("h", f32, "p"), read("c", f32, "5 - (p - 48*(p div 48)) div 8"))},
		}}
	check(t, func(target Target) []*tile.Program {
		return []*tile.Program{{Name: "map", Machine: target.Machine.Name, Kernel: k, Phases: []*tile.Phase{
			{Grid: []tile.Split{grid("p", 256)}, Vector: "p", Body: []tile.Node{each1("p", []int64{32}, &tile.Store{Def: "y"}, &tile.Store{Def: "z"})}}}}}
	}, []map[string]int64{{"N": 0}, {"N": 1}, {"N": 2}, {"N": 16}, {"N": 23}}, false)
}

// TestGuards pads, gathers and draws random numbers.
func TestGuards(t *testing.T) {
	random := &kernel.Random{Seed: read("seed", tensor.U64), Step: read("step", tensor.I64), Site: 0xfedcba9876543210,
		Row: kernel.At("n"), Column: kernel.IndexOf(tensor.Sym("c").Scale(3).AddInt(2))}
	k := &kernel.Kernel{Name: "guard",
		Ins: []*kernel.Buffer{buffer("x", f32, kernel.Input, n0, in(20)), buffer("seed", tensor.U64, kernel.Input), buffer("step", tensor.I64, kernel.Input),
			buffer("at", tensor.I32, kernel.Input, in(24))},
		Outs: []*kernel.Buffer{buffer("y", f32, kernel.Output, n0, in(24)), buffer("r", tensor.U32, kernel.Output, n0, in(24)), buffer("q", f32, kernel.Output, n0, in(24))},
		Defs: []*kernel.Def{
			{Name: "y", DType: f32, Axes: []kernel.Axis{axis("n", n0), axis("c", in(24))}, Expr: &kernel.Guard{
				Conds: []kernel.Cond{{Index: tensor.Sym("n").AddInt(-1), Extent: n0}, cond("c - 2", 20)}, Expr: read("x", f32, "n - 1", "c - 2")}},
			{Name: "r", DType: tensor.U32, Axes: []kernel.Axis{axis("n", n0), axis("c", in(24))}, Expr: random},
			{Name: "q", DType: f32, Axes: []kernel.Axis{axis("n", n0), axis("c", in(24))}, Expr: kernel.Apply("add", kernel.Normal(random),
				&kernel.Load{Name: "x", DType: f32, At: []kernel.Expr{kernel.At("n"), kernel.Apply("mul", read("at", tensor.I32, "c"), kernel.I(tensor.I32, 5))}})},
		}}
	check(t, func(target Target) []*tile.Program {
		return []*tile.Program{{Name: "guard", Machine: target.Machine.Name, Kernel: k, Phases: []*tile.Phase{
			{Grid: []tile.Split{grid("n", 1), grid("c", 64)}, Vector: "c", Body: []tile.Node{&tile.Store{Def: "y"}, &tile.Store{Def: "r"}, &tile.Store{Def: "q"}}}}}}
	}, []map[string]int64{{"N": 1}, {"N": 4}}, false)
}
