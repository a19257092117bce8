package passes

import (
	"fmt"
	"math/rand"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// A randomProgram writes programs of one kernel per operation, as lower does, over tensors of
// dims N, 1, 3, 4, 5, 6 and 70.
type randomProgram struct {
	*rand.Rand
	p      *kernel.Program
	values []*kernel.Buffer
}

func newRandomProgram(seed int64, operations int) *kernel.Program {
	r := &randomProgram{Rand: rand.New(rand.NewSource(seed)), p: &kernel.Program{Name: "random"}}
	n := tensor.Sym("N")
	shapes := []tensor.Shape{{n, tensor.Int(6)}, {n, tensor.Int(6)}, {tensor.Int(6), tensor.Int(5)}, {n, tensor.Int(4), tensor.Int(6)},
		{tensor.Int(6)}, {n}, {}, {n, tensor.Int(70)}, {tensor.Int(6), tensor.Int(6)}, {n, tensor.Int(4), tensor.Int(4), tensor.Int(3)}, {n, tensor.Int(1)}}
	for i, s := range shapes {
		r.input(fmt.Sprintf("x%d", i), tensor.F32, s)
	}
	r.input("label", tensor.I32, tensor.Shape{n})
	for range operations {
		r.step()
	}
	for i, b := range r.values {
		if b.Role == kernel.Temp && (i == len(r.values)-1 || r.Intn(3) == 0) {
			b.Role = kernel.Output
		}
	}
	return r.p
}

func (r *randomProgram) input(name string, t tensor.DType, s tensor.Shape) {
	b := &kernel.Buffer{Name: name, Type: tensor.Type{DType: t, Shape: s}, Role: kernel.Input}
	r.p.Buffers = append(r.p.Buffers, b)
	if t == tensor.F32 {
		r.values = append(r.values, b)
	}
}

func axesOf(prefix string, s tensor.Shape) []kernel.Axis {
	axes := make([]kernel.Axis, len(s))
	for i, d := range s {
		axes[i] = kernel.Axis{Name: axisName(prefix, i), Extent: d}
	}
	return axes
}

func (r *randomProgram) define(s tensor.Shape, red *kernel.Reduce, e kernel.Expr) {
	name := fmt.Sprintf("v%d", len(r.values))
	b := &kernel.Buffer{Name: name, Type: tensor.Type{DType: e.Type(), Shape: s}}
	d := &kernel.Def{Name: name, DType: e.Type(), Axes: axesOf("i", s), Reduce: red, Expr: e}
	r.p.Buffers = append(r.p.Buffers, b)
	r.values = append(r.values, b)
	r.p.Kernels = append(r.p.Kernels, assemble(fmt.Sprintf("k%d", len(r.p.Kernels)), []*kernel.Def{d}, buffersByName(r.p), nil))
}

func load(b *kernel.Buffer, at ...kernel.Expr) kernel.Expr {
	return &kernel.Load{Name: b.Name, DType: b.Type.DType, At: at}
}

func dims(ds ...tensor.Dim) []kernel.Expr {
	out := make([]kernel.Expr, len(ds))
	for i, d := range ds {
		out[i] = kernel.IndexOf(d)
	}
	return out
}

func (r *randomProgram) any() *kernel.Buffer {
	if r.Intn(2) == 0 {
		return r.values[len(r.values)-1-r.Intn(min(4, len(r.values)))]
	}
	return r.values[r.Intn(len(r.values))]
}

func (r *randomProgram) like(s tensor.Shape) *kernel.Buffer {
	var fit []*kernel.Buffer
	for _, b := range r.values {
		if b.Type.Shape.Equal(s) {
			fit = append(fit, b)
		}
	}
	return fit[r.Intn(len(fit))]
}

func (r *randomProgram) step() {
	a := r.any()
	s := a.Type.Shape
	x := load(a, kernel.Points(axesOf("i", s))...)
	switch r.Intn(18) {
	case 0, 1:
		fns := []string{"neg", "abs", "floor", "sqrt", "trunc"}
		r.define(s, nil, kernel.Apply(fns[r.Intn(len(fns))], x))
	case 2, 3, 4:
		fns := []string{"add", "mul", "sub", "max", "div"}
		y := load(r.like(s), kernel.Points(axesOf("i", s))...)
		r.define(s, nil, kernel.Apply(fns[r.Intn(len(fns))], x, y))
	case 5:
		zero := kernel.F(tensor.F32, 0)
		y := load(r.like(s), kernel.Points(axesOf("i", s))...)
		r.define(s, nil, kernel.Select(kernel.Compare("gt", x, zero), y, zero))
	case 17:
		r.recur(a)
	case 6:
		r.broadcast(a)
	case 7:
		r.view(a)
	case 8, 9:
		r.reduceLast(a)
	case 10:
		r.reduceFirst(a)
	case 11, 14, 15:
		r.matmul(a)
	case 12:
		r.window(a)
	case 13, 16:
		r.gather(a)
	}
}

func (r *randomProgram) broadcast(a *kernel.Buffer) {
	s := a.Type.Shape
	at := kernel.Points(axesOf("i", s))
	b := r.any()
	t := b.Type.Shape
	switch {
	case len(s) == len(t)+1 && t.Equal(s[1:]):
		r.define(s, nil, kernel.Apply("add", load(a, at...), load(b, at[1:]...)))
	case len(s) == len(t)+1 && t.Equal(s[:len(t)]):
		r.define(s, nil, kernel.Apply("sub", load(a, at...), load(b, at[:len(t)]...)))
	case len(t) == 0:
		r.define(s, nil, kernel.Apply("mul", load(a, at...), load(b)))
	}
}

func (r *randomProgram) view(a *kernel.Buffer) {
	s := a.Type.Shape
	switch {
	case len(s) == 2 && r.Intn(2) == 0:
		r.define(tensor.Shape{s[1], s[0]}, nil, load(a, dims(tensor.Sym("i1"), tensor.Sym("i0"))...))
	case len(s) == 3:
		n, ok := s[2].Const()
		if !ok {
			return
		}
		j := tensor.Sym("i1")
		r.define(tensor.Shape{s[0], s[1].Mul(s[2])}, nil, load(a, dims(tensor.Sym("i0"), j.Div(n), j.Mod(n))...))
	case len(s) == 2 && !s[0].IsConst(6): // pad the last dim by one on both sides
		j := tensor.Sym("i1").AddInt(-1)
		e := load(a, dims(tensor.Sym("i0"), j)...)
		r.define(tensor.Shape{s[0], s[1].AddInt(2)}, nil, &kernel.Guard{Conds: []kernel.Cond{{Index: j, Extent: s[1]}}, Expr: e})
	}
}

func (r *randomProgram) reduceLast(a *kernel.Buffer) {
	s := a.Type.Shape
	if len(s) == 0 {
		return
	}
	keep := len(s) - 1
	if keep > 1 && r.Intn(3) == 0 {
		keep--
	}
	red := &kernel.Reduce{Op: []kernel.ReduceOp{kernel.Sum, kernel.Max, kernel.Min, kernel.Welford}[r.Intn(4)], Axes: axesOf("r", s[keep:])}
	at := append(kernel.Points(axesOf("i", s[:keep])), kernel.Points(red.Axes)...)
	r.define(s[:keep], red, load(a, at...))
}

func (r *randomProgram) reduceFirst(a *kernel.Buffer) {
	s := a.Type.Shape
	if len(s) < 2 {
		return
	}
	red := &kernel.Reduce{Op: []kernel.ReduceOp{kernel.Sum, kernel.Max, kernel.Welford}[r.Intn(3)], Axes: axesOf("r", s[:1])}
	at := append(kernel.Points(red.Axes), kernel.Points(axesOf("i", s[1:]))...)
	r.define(s[1:], red, load(a, at...))
}

// matmul multiplies a by a matrix on its last axis, as it lies or transposed, and by its gradients'
// forms: both by their first axes.
func (r *randomProgram) matmul(a *kernel.Buffer) {
	s := a.Type.Shape
	if len(s) != 2 {
		return
	}
	m, n, k := tensor.Sym("i0"), tensor.Sym("i1"), tensor.Sym("r0")
	form := r.Intn(3)
	for _, i := range r.Perm(len(r.values)) {
		b := r.values[i]
		t := b.Type.Shape
		if len(t) != 2 || b == a {
			continue
		}
		red := &kernel.Reduce{Axes: []kernel.Axis{{Name: "r0", Extent: s[1]}}}
		switch {
		case form == 0 && t[0].Equal(s[1]):
			r.define(tensor.Shape{s[0], t[1]}, red, kernel.Apply("mul", load(a, dims(m, k)...), load(b, dims(k, n)...)))
		case form == 1 && t[1].Equal(s[1]):
			r.define(tensor.Shape{s[0], t[0]}, red, kernel.Apply("mul", load(a, dims(m, k)...), load(b, dims(n, k)...)))
		case form == 2 && t[0].Equal(s[0]):
			red.Axes[0].Extent = s[0]
			r.define(tensor.Shape{s[1], t[1]}, red, kernel.Apply("mul", load(a, dims(k, m)...), load(b, dims(k, n)...)))
		default:
			continue
		}
		return
	}
}

// window is a pool of windows of 2, its index beside it, or the gradient of one.
func (r *randomProgram) window(a *kernel.Buffer) {
	s := a.Type.Shape
	if len(s) != 4 {
		return
	}
	h, w := tensor.Sym("i1"), tensor.Sym("i2")
	k := []kernel.Axis{{Name: "r0", Extent: tensor.Int(2)}, {Name: "r1", Extent: tensor.Int(2)}}
	if r.Intn(2) == 0 { // overlapping, padded by one in front
		y, x := h.Add(tensor.Sym("r0")).AddInt(-1), w.Add(tensor.Sym("r1")).AddInt(-1)
		red := &kernel.Reduce{Op: kernel.Max, Axes: k, When: []kernel.Cond{{Index: y, Extent: s[1]}, {Index: x, Extent: s[2]}}}
		r.define(s, red, load(a, dims(tensor.Sym("i0"), y, x, tensor.Sym("i3"))...))
		return
	}
	// each element gets its half: the gradient of a sum over windows of 2, stride 2
	y, x := h.Sub(tensor.Sym("r0")), w.Sub(tensor.Sym("r1"))
	red := &kernel.Reduce{Op: kernel.Sum, Axes: k, When: []kernel.Cond{{Index: y.Mod(2), Extent: tensor.Int(1)}, {Index: x.Mod(2), Extent: tensor.Int(1)},
		{Index: y.Div(2), Extent: s[1]}, {Index: x.Div(2), Extent: s[2]}}}
	r.define(s, red, load(a, dims(tensor.Sym("i0"), y.Div(2), x.Div(2), tensor.Sym("i3"))...))
}

func (r *randomProgram) gather(a *kernel.Buffer) {
	s := a.Type.Shape
	if len(s) != 2 || !s[0].Equal(tensor.Sym("N")) {
		return
	}
	if r.Intn(4) == 0 { // the places of the row's first few, as floats
		p := &kernel.Def{Name: fmt.Sprintf("p%d", len(r.values)), DType: tensor.I32, Axes: append(axesOf("i", s[:1]), kernel.Axis{Name: "q", Extent: tensor.Int(2)}),
			Reduce: &kernel.Reduce{Op: []kernel.ReduceOp{kernel.ArgSort, kernel.ArgSortDescending}[r.Intn(2)], Axes: axesOf("r", s[1:])}, Expr: load(a, kernel.At("i0"), kernel.At("r0"))}
		b := &kernel.Buffer{Name: p.Name, Type: tensor.Type{DType: tensor.I32, Shape: tensor.Shape{s[0], tensor.Int(2)}}}
		r.p.Buffers = append(r.p.Buffers, b)
		r.p.Kernels = append(r.p.Kernels, assemble("k"+p.Name, []*kernel.Def{p}, buffersByName(r.p), nil))
		r.define(s[:1], nil, kernel.Cast(tensor.F32, load(b, kernel.At("i0"), kernel.IndexOf(tensor.Int(1)))))
		return
	}
	at := &kernel.Load{Name: "label", DType: tensor.I32, At: dims(tensor.Sym("i0"))}
	if r.Intn(2) == 0 { // rows summed where their labels say
		label := &kernel.Load{Name: "label", DType: tensor.I32, At: dims(tensor.Sym("r0"))}
		red := &kernel.Reduce{Op: []kernel.ReduceOp{kernel.Sum, kernel.Max}[r.Intn(2)], Axes: axesOf("r", s[:1]), At: []kernel.Match{{Axis: "i0", Index: label}}}
		r.define(tensor.Shape{tensor.Int([]int64{1, 4, 6}[r.Intn(3)]), s[1]}, red, load(a, kernel.At("r0"), kernel.At("i1")))
		return
	}
	r.define(s[:1], nil, load(a, kernel.At("i0"), at))
}

// recur is a recurrence along one axis of a, from either end: of elements with those before them,
// with the largest of the whole turn before, or with a product of it and a matrix.
func (r *randomProgram) recur(a *kernel.Buffer) {
	s := a.Type.Shape
	if len(s) < 2 {
		return
	}
	at := r.Intn(len(s))
	axes := axesOf("i", s)
	scan, turn := &kernel.Scan{Axis: axes[at].Name, Reversed: r.Intn(2) == 0}, tensor.Sym(axes[at].Name).AddInt(-1)
	if scan.Reversed {
		turn = turn.AddInt(2)
	}
	when := []kernel.Cond{{Index: turn, Extent: s[at]}}
	name := fmt.Sprintf("v%d", len(r.values))
	before := func(axes []kernel.Axis) kernel.Expr {
		l := &kernel.Load{Name: name, DType: tensor.F32, At: kernel.Points(axes)}
		l.At[at] = kernel.IndexOf(turn)
		return l
	}
	x := load(a, kernel.Points(axes)...)
	var defs []*kernel.Def
	last := kernel.Expr(&kernel.Guard{Conds: when, Expr: before(axes)})
	inner := axes[len(axes)-1]
	if w := r.square(inner.Extent); at < len(axes)-1 && r.Intn(3) > 0 {
		moved := append([]kernel.Axis{}, axes...)
		moved[len(moved)-1] = kernel.Axis{Name: "r0", Extent: inner.Extent}
		d := &kernel.Def{Name: name + ".all", DType: tensor.F32, Scan: scan, Axes: axes[:len(axes)-1], Expr: before(moved),
			Reduce: &kernel.Reduce{Op: kernel.Max, Axes: moved[len(moved)-1:], When: when}}
		if w != nil && r.Intn(2) == 0 {
			d.Axes, d.Reduce.Op = axes, kernel.Sum
			d.Expr = kernel.Apply("mul", before(moved), load(w, kernel.At("r0"), kernel.At(inner.Name)))
		}
		defs = append(defs, d)
		last = kernel.Apply("min", &kernel.Load{Name: d.Name, DType: tensor.F32, At: kernel.Points(d.Axes)}, kernel.F(tensor.F32, 8))
	}
	defs = append(defs, &kernel.Def{Name: name, DType: tensor.F32, Scan: scan, Axes: axes,
		Expr: kernel.Apply("add", kernel.Apply("mul", last, kernel.F(tensor.F32, 0.5)), x)})
	b := &kernel.Buffer{Name: name, Type: tensor.Type{DType: tensor.F32, Shape: s}}
	r.p.Buffers, r.values = append(r.p.Buffers, b), append(r.values, b)
	if r.Intn(2) == 0 { // and a map of it that stands in the recurrence
		next := &kernel.Buffer{Name: fmt.Sprintf("v%d", len(r.values)), Type: b.Type}
		r.p.Buffers, r.values = append(r.p.Buffers, next), append(r.values, next)
		defs = append(defs, &kernel.Def{Name: next.Name, DType: tensor.F32, Scan: scan, Axes: axes, Expr: kernel.Apply("abs", load(b, kernel.Points(axes)...))})
	}
	r.p.Kernels = append(r.p.Kernels, assemble(fmt.Sprintf("k%d", len(r.p.Kernels)), defs, buffersByName(r.p), nil))
}

// square returns a matrix of that many rows and columns, or nil.
func (r *randomProgram) square(n tensor.Dim) *kernel.Buffer {
	for _, i := range r.Perm(len(r.values)) {
		if s := r.values[i].Type.Shape; len(s) == 2 && s[0].Equal(n) && s[1].Equal(n) {
			return r.values[i]
		}
	}
	return nil
}
