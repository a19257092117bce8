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
