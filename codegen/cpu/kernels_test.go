package cpu

import (
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

var (
	n0 = tensor.Sym("N")
	in = tensor.Int
)

func buffer(name string, t tensor.DType, role kernel.Role, dims ...tensor.Dim) *kernel.Buffer {
	return &kernel.Buffer{Name: name, Type: tensor.Type{DType: t, Shape: dims}, Role: role}
}

func axis(name string, extent tensor.Dim) kernel.Axis { return kernel.Axis{Name: name, Extent: extent} }

// read loads a buffer or definition at index expressions written as text.
func read(b string, t tensor.DType, at ...string) *kernel.Load {
	l := &kernel.Load{Name: b, DType: t}
	for _, a := range at {
		d, err := tensor.ParseDim(a)
		if err != nil {
			panic(err)
		}
		l.At = append(l.At, kernel.IndexOf(d))
	}
	return l
}

func cond(index string, extent int64) kernel.Cond {
	d, err := tensor.ParseDim(index)
	if err != nil {
		panic(err)
	}
	return kernel.Cond{Index: d, Extent: in(extent)}
}

func grid(index string, by int64) tile.Split { return tile.Split{Index: index, By: []int64{by}} }

func each1(index string, by []int64, body ...tile.Node) *tile.Loop {
	return &tile.Loop{Kind: tile.Each, Split: tile.Split{Index: index, By: by}, Body: body}
}

func stream(index string, by []int64, body ...tile.Node) *tile.Loop {
	return &tile.Loop{Kind: tile.Stream, Split: tile.Split{Index: index, By: by}, Body: body}
}

func unrolled(l *tile.Loop) *tile.Loop {
	l.Unroll = true
	return l
}

// rows is the height of the register tile of that many vectors' width.
func rows(t Target, vectors int) int64 {
	return int64((t.Machine.Registers - 1 - vectors) / vectors)
}

// heights are the lengths by which rows are walked: the register tile's, then smaller ones.
func heights(top int64) []int64 {
	if top > 4 {
		return []int64{top, 4, 1}
	}
	return []int64{top, 1}
}

var relu = func(e kernel.Expr) kernel.Expr { return kernel.Apply("max", e, kernel.F(tensor.F32, 0)) }

// matmul is y[m,c] = relu(sum x[m,k]*w[k,c] + b[c]).
func matmul(m, k, c tensor.Dim) *kernel.Kernel {
	f := tensor.F32
	return &kernel.Kernel{Name: "matmul",
		Ins:  []*kernel.Buffer{buffer("x", f, kernel.Input, m, k), buffer("w", f, kernel.Input, k, c), buffer("b", f, kernel.Input, c)},
		Outs: []*kernel.Buffer{buffer("y", f, kernel.Output, m, c)},
		Defs: []*kernel.Def{
			{Name: "a", DType: f, Axes: []kernel.Axis{axis("m", m), axis("c", c)},
				Reduce: &kernel.Reduce{Op: kernel.Sum, Axes: []kernel.Axis{axis("k", k)}, Order: kernel.Order{Kind: kernel.Chain}},
				Expr:   kernel.Apply("mul", read("x", f, "m", "k"), read("w", f, "k", "c"))},
			{Name: "y", DType: f, Axes: []kernel.Axis{axis("m", m), axis("c", c)},
				Expr: relu(kernel.Apply("add", read("a", f, "m", "c"), read("b", f, "c")))},
		}}
}

func matmulTile(t Target, m, k, c tensor.Dim) *tile.Program {
	top, width := rows(t, 2), int64(2*t.Machine.Lanes)
	return &tile.Program{Name: "matmul", Machine: t.Machine.Name, Kernel: matmul(m, k, c), Phases: []*tile.Phase{{
		Grid: []tile.Split{grid("m", top), grid("c", width)}, Vector: "c",
		Body: []tile.Node{each1("m", heights(top), &tile.Begin{Def: "a"}, stream("k", []int64{4, 1}, &tile.Step{Def: "a"}), &tile.Store{Def: "y"})}}}}
}

func TestMatmul(t *testing.T) {
	for _, c := range []int64{1, 10, 37, 120} {
		for _, k := range []int64{0, 7, 64} {
			check(t, func(target Target) []*tile.Program { return []*tile.Program{matmulTile(target, n0, in(k), in(c))} },
				[]map[string]int64{{"N": 0}, {"N": 1}, {"N": 5}, {"N": 31}, {"N": 64}}, false)
		}
	}
}
