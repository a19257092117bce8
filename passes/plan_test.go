package passes

import (
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
	"dlc/runtime/program"
)

// momentum is the update m' = m/2 + g, w' = w - m' over 8 elements, both written by one kernel.
func momentum() (*kernel.Program, *kernel.Kernel) {
	t := tensor.Type{DType: tensor.F32, Shape: tensor.Ints(8)}
	buf := func(name string, role kernel.Role, of string) *kernel.Buffer {
		return &kernel.Buffer{Name: name, Type: t, Role: role, Of: of}
	}
	w, m, g := buf("w", kernel.Weight, ""), buf("m", kernel.Weight, ""), buf("g", kernel.Input, "")
	w2, m2 := buf("w2", kernel.Update, "w"), buf("m2", kernel.Update, "m")
	axes := []kernel.Axis{{Name: "i", Extent: tensor.Int(8)}}
	load := func(name string) kernel.Expr {
		return &kernel.Load{Name: name, DType: tensor.F32, At: kernel.Points(axes)}
	}
	k := &kernel.Kernel{Name: "update", Ins: []*kernel.Buffer{w, m, g}, Outs: []*kernel.Buffer{m2, w2}, Defs: []*kernel.Def{
		{Name: "m2", DType: tensor.F32, Axes: axes, Expr: kernel.Apply("add", kernel.Apply("mul", load("m"), kernel.F(tensor.F32, 0.5)), load("g"))},
		{Name: "w2", DType: tensor.F32, Axes: axes, Expr: kernel.Apply("sub", load("w"), load("m2"))}}}
	return &kernel.Program{Name: "train", Buffers: []*kernel.Buffer{w, m, g, w2, m2}, Kernels: []*kernel.Kernel{k}}, k
}

// scheduled gives the kernel `update` a body by definition numbers: +1 lets, -1 stores the first.
func scheduled(body ...int) func(*kernel.Kernel) (*tile.Program, error) {
	return func(k *kernel.Kernel) (*tile.Program, error) {
		nodes := []tile.Node{&tile.Store{Def: k.Defs[0].Name}}
		if k.Name == "update" {
			nodes = nil
			for _, n := range body {
				if n > 0 {
					nodes = append(nodes, &tile.Let{Def: k.Defs[n-1].Name})
				} else {
					nodes = append(nodes, &tile.Store{Def: k.Defs[-n-1].Name})
				}
			}
		}
		return &tile.Program{Kernel: k, Phases: []*tile.Phase{{Grid: []tile.Split{{Index: k.Defs[0].Axes[0].Name, By: []int64{8}}}, Body: nodes}}}, nil
	}
}

// TestPlanInPlace: m2 may overwrite m only where w2 does not evaluate it again from the old m.
func TestPlanInPlace(t *testing.T) {
	cases := []struct {
		name   string
		body   []int
		copies int
	}{
		{"kept value", []int{1, -1, -2}, 0},
		{"evaluated again", []int{-1, -2}, 1},
		{"the reader first", []int{-2, -1}, 0},
	}
	for _, c := range cases {
		p, _ := momentum()
		e, tiles, err := Plan(p, scheduled(c.body...), 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(tiles) != 1+c.copies || len(e.Steps) != 1+c.copies {
			t.Errorf("%s: %d kernels, want %d copies", c.name, len(tiles), c.copies)
		}
		if e.Steps[0].Kernel != 3 {
			t.Errorf("%s: the first phase has number %d", c.name, e.Steps[0].Kernel)
		}
		arena := 0
		for _, b := range e.Buffers {
			if b.Class == program.Arena {
				arena++
			}
		}
		if arena != c.copies {
			t.Errorf("%s: %d arena buffers, want %d", c.name, arena, c.copies)
		}
	}
}

// TestPlanKeepsOldValueForLaterReaders: a kernel after the update still reads the old weight.
func TestPlanKeepsOldValueForLaterReaders(t *testing.T) {
	p, k := momentum()
	out := &kernel.Buffer{Name: "out", Type: k.Ins[0].Type, Role: kernel.Output}
	p.Buffers = append(p.Buffers, out)
	axes := k.Defs[0].Axes
	p.Kernels = append(p.Kernels, &kernel.Kernel{Name: "late", Ins: []*kernel.Buffer{k.Ins[0]}, Outs: []*kernel.Buffer{out}, Defs: []*kernel.Def{
		{Name: "out", DType: tensor.F32, Axes: axes, Expr: &kernel.Load{Name: "w", DType: tensor.F32, At: kernel.Points(axes)}}}})
	e, tiles, err := Plan(p, scheduled(1, -1, -2), 0)
	if err != nil {
		t.Fatal(err)
	}
	if len(tiles) != 3 || tiles[2].Kernel.Name != "copy_w2" {
		t.Fatalf("%d kernels, want the copy of w2 last", len(tiles))
	}
	for _, b := range e.Buffers {
		if b.Name == "w2.next" && (b.First != 0 || b.Last != 2) {
			t.Errorf("the new value lives from %d to %d, want 0 to 2", b.First, b.Last)
		}
	}
}

// placed builds the update of m by g with the definitions' help, scheduled as body.
func placed(shape tensor.Shape, defs []*kernel.Def, body []tile.Node) (*kernel.Program, func(*kernel.Kernel) (*tile.Program, error)) {
	t := tensor.Type{DType: tensor.F32, Shape: shape}
	m := &kernel.Buffer{Name: "m", Type: t, Role: kernel.Weight}
	m2 := &kernel.Buffer{Name: "m2", Type: t, Role: kernel.Update, Of: "m"}
	out := &kernel.Buffer{Name: "out", Type: t, Role: kernel.Output}
	k := &kernel.Kernel{Name: "update", Ins: []*kernel.Buffer{m}, Outs: []*kernel.Buffer{m2, out}, Defs: defs}
	tiling := func(k *kernel.Kernel) (*tile.Program, error) {
		if k.Name != "update" {
			body = []tile.Node{&tile.Store{Def: k.Defs[0].Name}}
		}
		return &tile.Program{Kernel: k, Phases: []*tile.Phase{{Body: body}}}, nil
	}
	return &kernel.Program{Name: "train", Buffers: []*kernel.Buffer{m, m2, out}, Kernels: []*kernel.Kernel{k}}, tiling
}

// TestPlanForgetsWhatAListKept: out evaluates t again behind the loop that kept it, from an m
// that would be overwritten by then.
func TestPlanForgetsWhatAListKept(t *testing.T) {
	axes := []kernel.Axis{{Name: "i", Extent: tensor.Int(8)}}
	at := func(name string) kernel.Expr {
		return &kernel.Load{Name: name, DType: tensor.F32, At: kernel.Points(axes)}
	}
	def := func(name string, e kernel.Expr) *kernel.Def {
		return &kernel.Def{Name: name, DType: tensor.F32, Axes: axes, Expr: e}
	}
	loop := func(body ...tile.Node) tile.Node {
		return &tile.Loop{Kind: tile.Each, Split: tile.Split{Index: "i", By: []int64{1}}, Body: body}
	}
	let, m2, out := &tile.Let{Def: "t"}, &tile.Store{Def: "m2"}, &tile.Store{Def: "out"}
	for _, c := range []struct {
		name    string
		body    []tile.Node
		kernels int
	}{
		{"one list", []tile.Node{loop(let, m2, out)}, 1},
		{"another list", []tile.Node{loop(let, m2), loop(out)}, 2},
		{"kept outside", []tile.Node{let, loop(m2), loop(out)}, 1},
	} {
		defs := []*kernel.Def{def("t", kernel.Apply("neg", at("m"))), def("m2", kernel.Apply("exp", at("t"))), def("out", at("t"))}
		p, tiling := placed(tensor.Ints(8), defs, c.body)
		if _, tiles, err := Plan(p, tiling, 0); err != nil || len(tiles) != c.kernels {
			t.Errorf("%s: %d kernels, %v; want %d", c.name, len(tiles), err, c.kernels)
		}
	}
}

// TestPlanTransposedUpdate: an element of m2 is another one of m, kept in registers on the way.
func TestPlanTransposedUpdate(t *testing.T) {
	i, j := kernel.Axis{Name: "i", Extent: tensor.Int(8)}, kernel.Axis{Name: "j", Extent: tensor.Int(8)}
	load := func(name string, axes ...kernel.Axis) kernel.Expr {
		return &kernel.Load{Name: name, DType: tensor.F32, At: kernel.Points(axes)}
	}
	defs := []*kernel.Def{
		{Name: "t", DType: tensor.F32, Axes: []kernel.Axis{j, i}, Expr: load("m", j, i)},
		{Name: "m2", DType: tensor.F32, Axes: []kernel.Axis{i, j}, Expr: load("t", j, i)},
		{Name: "out", DType: tensor.F32, Axes: []kernel.Axis{i, j}, Expr: load("t", j, i)}}
	walk := &tile.Loop{Kind: tile.Each, Split: tile.Split{Index: "i", By: []int64{1}}, Body: []tile.Node{
		&tile.Let{Def: "t"}, &tile.Store{Def: "m2"}, &tile.Store{Def: "out"}}}
	p, tiling := placed(tensor.Ints(8, 8), defs, []tile.Node{walk})
	if _, tiles, err := Plan(p, tiling, 0); err != nil || len(tiles) != 2 {
		t.Errorf("%d kernels, %v; want the update and its copy", len(tiles), err)
	}
}

// TestTeamsKeepReadersApart: a kernel that reads a weight is in no team with one that updates it in place.
func TestTeamsKeepReadersApart(t *testing.T) {
	buffer := func(name string, role kernel.Role, of string) *kernel.Buffer {
		return &kernel.Buffer{Name: name, Type: tensor.Type{DType: tensor.F32, Shape: tensor.Ints(8)}, Role: role, Of: of}
	}
	w, v, g := buffer("w", kernel.Weight, ""), buffer("v", kernel.Weight, ""), buffer("g", kernel.Input, "")
	out, w2 := buffer("out", kernel.Output, ""), buffer("w2", kernel.Update, "w")
	axes := []kernel.Axis{{Name: "i", Extent: tensor.Int(8)}}
	load := func(b *kernel.Buffer) kernel.Expr {
		return &kernel.Load{Name: b.Name, DType: tensor.F32, At: kernel.Points(axes)}
	}
	sum := func(to, a *kernel.Buffer) *kernel.Kernel {
		return &kernel.Kernel{Name: to.Name, Ins: []*kernel.Buffer{a, g}, Outs: []*kernel.Buffer{to}, Defs: []*kernel.Def{
			{Name: to.Name, DType: tensor.F32, Axes: axes, Expr: kernel.Apply("add", load(a), load(g))}}}
	}
	for _, c := range []struct {
		reads *kernel.Buffer
		team  bool
	}{{w, false}, {v, true}} {
		p := &kernel.Program{Name: "train", Buffers: []*kernel.Buffer{w, v, g, out, w2}, Kernels: []*kernel.Kernel{sum(out, c.reads), sum(w2, w)}}
		e, _, err := Plan(p, scheduled(-1), 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Steps) != 2 || (e.Steps[0].Team != nil && e.Steps[0].Team == e.Steps[1].Team) != c.team {
			t.Errorf("one reads %s, the other updates w: %d launches, in one team: %v", c.reads.Name, len(e.Steps), !c.team)
		}
	}
}
