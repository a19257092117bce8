package cpu

import (
	"fmt"
	"math/rand"
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// randomKernel is a reduction over one to three axes of a product or a plain load, at strided,
// shifted and dilated places, with conditions where these can lie outside, and an epilogue.
func randomKernel(r *rand.Rand, name string) *kernel.Kernel {
	k := &kernel.Kernel{Name: name}
	d := &kernel.Def{Name: "a", DType: f32, Reduce: &kernel.Reduce{Op: kernel.ReduceOp(r.Intn(4))}}
	extents := map[string]tensor.Dim{}
	for i := range 1 + r.Intn(3) {
		extent := in([]int64{1, 2, 5, 9, 16, 21, 40}[r.Intn(7)])
		if i == 0 && r.Intn(2) == 0 {
			extent = n0
		}
		a := axis(fmt.Sprint("i", i), extent)
		d.Axes, extents[a.Name] = append(d.Axes, a), extent
	}
	for i := range 1 + r.Intn(3) {
		a := axis(fmt.Sprint("k", i), in([]int64{1, 3, 4, 8, 70}[r.Intn(5)]))
		d.Reduce.Axes, extents[a.Name] = append(d.Reduce.Axes, a), a.Extent
	}
	load := func(name string) kernel.Expr {
		l := &kernel.Load{Name: name, DType: f32}
		b := buffer(name, f32, kernel.Input)
		used := append([]kernel.Axis{}, d.AllAxes()...)
		r.Shuffle(len(used), func(i, j int) { used[i], used[j] = used[j], used[i] })
		for len(used) > 0 && len(l.At) < 4 {
			at, extent := tensor.Sym(used[0].Name), used[0].Extent
			used = used[1:]
			if len(used) > 0 && r.Intn(3) == 0 { // a window: stride*i + k - 1
				stride := int64(1 + r.Intn(2))
				at = at.Scale(stride).Add(tensor.Sym(used[0].Name)).AddInt(-1)
				extent = extent.Scale(stride).AddInt(1)
				used = used[1:]
				d.Reduce.When = append(d.Reduce.When, kernel.Cond{Index: at, Extent: extent})
			}
			l.At, b.Type.Shape = append(l.At, kernel.IndexOf(at)), append(b.Type.Shape, extent)
			if r.Intn(5) == 0 && len(used) > 0 {
				used = used[1:]
			}
		}
		k.Ins = append(k.Ins, b)
		return l
	}
	d.Expr = load("x")
	if r.Intn(3) > 0 {
		d.Expr = kernel.Apply("mul", d.Expr, load("w"))
	}
	d.Reduce.Order = kernel.Order{Kind: kernel.Chain}
	switch {
	case len(d.Reduce.Axes) == 1 && r.Intn(2) == 0 && len(d.Reduce.When) == 0:
		d.Reduce.Order = kernel.Order{Kind: kernel.Lanes64}
	case r.Intn(2) == 0:
		a := d.Reduce.Axes[r.Intn(len(d.Reduce.Axes))]
		d.Reduce.Order = kernel.Order{Kind: kernel.Chunks, Axis: a.Name, By: int64(1 + r.Intn(4))}
	}
	if len(d.Reduce.When) == 0 && r.Intn(3) == 0 {
		d.Reduce.Op = kernel.Welford
	}
	out := buffer("y", f32, kernel.Output)
	at := kernel.Points(d.Axes)
	for _, a := range d.Axes {
		out.Type.Shape = append(out.Type.Shape, a.Extent)
	}
	k.Outs = []*kernel.Buffer{out}
	k.Defs = []*kernel.Def{d, {Name: "y", DType: f32, Axes: d.Axes, Expr: kernel.Apply("tanh", &kernel.Load{Name: "a", DType: f32, At: at})}}
	return k
}

func TestRandomReductions(t *testing.T) {
	for seed := range int64(24) {
		k := randomKernel(rand.New(rand.NewSource(seed)), fmt.Sprint("random", seed))
		for _, target := range Targets() {
			t.Run(fmt.Sprint(seed, " ", target.Name), func(t *testing.T) {
				programs := tiled(t, target, []*tile.Program{{Kernel: k}})
				m := compiled(t, target, programs...)
				for _, n := range []int64{0, 1, 34} {
					checkShape(t, m, programs, map[string]int64{"N": n}, false)
				}
			})
		}
	}
}
