package passes

import (
	"slices"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// Minimal filtering (Winograd 1980; Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks", 2016) computes tiles of m x m points of a 3x3 convolution of stride 1 with (m+2)^2
// multiplications per pair of channels instead of 9 m^2. Image and filter are transformed by rows and
// columns, each point of the transforms is a contraction over channels, and the tiles are
// transformed back.
type minimal struct {
	tile   int64
	image  [][]float64 // tile+2 points of tile+2 places
	filter [][]float64 // tile+2 points of 3 taps
	back   [][]float64 // tile places of tile+2 points
}

// minimals are F(2x2, 3x3) and F(4x4, 3x3), with the points 0, 1, -1 and 0, 1, -1, 2, -2.
func minimals() []*minimal {
	return []*minimal{{2,
		[][]float64{{1, 0, -1, 0}, {0, 1, 1, 0}, {0, -1, 1, 0}, {0, 1, 0, -1}},
		[][]float64{{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}},
		[][]float64{{1, 1, 1, 0}, {0, 1, -1, -1}},
	}, {4,
		[][]float64{{4, 0, -5, 0, 1, 0}, {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0}, {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}},
		[][]float64{{1. / 4, 0, 0}, {-1. / 6, -1. / 6, -1. / 6}, {-1. / 6, 1. / 6, -1. / 6}, {1. / 24, 1. / 12, 1. / 6}, {1. / 24, -1. / 12, 1. / 6}, {0, 0, 1}},
		[][]float64{{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}},
	}}
}

// The cost model of minimal filtering counts multiply-adds.
const (
	perPoint   = 50  // to transform an element, write it and read it again
	usualBatch = 8   // images that one transform of the filter serves, where their number is a symbol
	worthwhile = 1.2 // times cheaper, from which on
)

// filtering puts minimal filtering in the place of 3x3 convolutions, and of their data gradients,
// where the cost model says so.
func filtering(p *kernel.Program, o *Options) {
	names, buffers := bufferNames(p), buffersByName(p)
	var out []*kernel.Kernel
	for _, k := range p.Kernels {
		if len(k.Defs) == 1 {
			if c := stencilOf(k.Defs[0], buffers); c != nil {
				if m, gain := c.cheapest(); m != nil {
					o.explain("form", "%s %s: F(%d x %d, 3 x 3), %.2f times cheaper", k.Name, c.def.Name, m.tile, m.tile, gain)
					out = append(out, c.filtered(p, k, m, names, buffers)...)
				}
			}
		}
		out = append(out, k)
	}
	p.Kernels = out
}

// A stencil is a 3x3 convolution of stride 1: def[n, h, v, o] sums x[n, h + r + top, v + s + left, i]
// times the tap r, s of w, over taps and i.
type stencil struct {
	def        *kernel.Def
	x, w       *kernel.Load
	image      tensor.Shape // of x
	taps       [2]tap
	in         kernel.Axis
	h, v, o, n kernel.Axis
}

// A tap is a reduced axis of extent 3. What it adds to the place in the image is first + tap or,
// turned, first + 2 - tap.
type tap struct {
	name   string
	turned bool
	first  int64
}

// stencilOf reads d as a stencil of f32 with an image of constant height and width; nil if it is none.
func stencilOf(d *kernel.Def, buffers map[string]*kernel.Buffer) *stencil {
	if d.Reduce == nil || d.Reduce.Op != kernel.Sum || d.Reduce.Order.Kind != kernel.Unordered || d.DType != tensor.F32 || d.Scan != nil ||
		len(d.Axes) != 4 || len(d.Reduce.Axes) != 3 || !isContraction(d) {
		return nil
	}
	call := d.Expr.(*kernel.Call)
	for _, order := range [][2]int{{0, 1}, {1, 0}} {
		x, ok1 := call.Args[order[0]].(*kernel.Load)
		w, ok2 := call.Args[order[1]].(*kernel.Load)
		if !ok1 || !ok2 || len(x.At) != 4 || len(w.At) != 4 || x.DType != tensor.F32 || w.DType != tensor.F32 || buffers[x.Name] == nil {
			continue
		}
		c := &stencil{def: d, x: x, w: w, image: buffers[x.Name].Type.Shape, n: d.Axes[0], h: d.Axes[1], v: d.Axes[2], o: d.Axes[3]}
		if c.reads() && c.weighs() && c.conditioned() {
			return c
		}
	}
	return nil
}

// dimAt is the place of a plain load along one of its axes.
func dimAt(l *kernel.Load, axis int) tensor.Dim { return l.At[axis].(*kernel.Index).Dim }

// reads takes x[n, h + r, v + s, i] apart.
func (c *stencil) reads() bool {
	if !dimAt(c.x, 0).Equal(tensor.Sym(c.n.Name)) {
		return false
	}
	var seen []string
	for k, a := range []kernel.Axis{c.h, c.v} {
		offset := dimAt(c.x, 1+k).Sub(tensor.Sym(a.Name))
		at := slices.IndexFunc(c.def.Reduce.Axes, func(r kernel.Axis) bool { return offset.Uses(r.Name) })
		if at < 0 || !c.def.Reduce.Axes[at].Extent.IsConst(3) {
			return false
		}
		t := tap{name: c.def.Reduce.Axes[at].Name}
		by, rest, ok := offset.Linear(t.name)
		first, fixed := rest.Const()
		if t.turned = by.IsConst(-1); !ok || !fixed || !t.turned && !by.IsConst(1) {
			return false
		}
		if t.first = first; t.turned {
			t.first -= 2
		}
		c.taps[k] = t
		seen = append(seen, t.name)
	}
	for _, a := range c.def.Reduce.Axes {
		if !slices.Contains(seen, a.Name) {
			c.in = a
		}
	}
	return seen[0] != seen[1] && dimAt(c.x, 3).Equal(tensor.Sym(c.in.Name))
}

// weighs reports whether w is indexed by both taps and both channels, each alone.
func (c *stencil) weighs() bool {
	for _, name := range []string{c.taps[0].name, c.taps[1].name, c.in.Name, c.o.Name} {
		if !slices.ContainsFunc(c.w.At, func(e kernel.Expr) bool { return e.(*kernel.Index).Dim.Equal(tensor.Sym(name)) }) {
			return false
		}
	}
	return true
}

// conditioned reports whether the only conditions are that places lie in the image.
func (c *stencil) conditioned() bool {
	for _, cond := range c.def.Reduce.When {
		inside := false
		for k := 1; k <= 2; k++ {
			inside = inside || cond.Index.Equal(dimAt(c.x, k)) && cond.Extent.Equal(c.image[k])
		}
		if !inside {
			return false
		}
	}
	return true
}

// cheapest chooses a way that is worthwhile, and says by how much; nil if none is.
func (c *stencil) cheapest() (best *minimal, gain float64) {
	number := func(d tensor.Dim, symbolic float64) float64 {
		if n, ok := d.Const(); ok {
			return float64(n)
		}
		return symbolic
	}
	n, h, v := number(c.n.Extent, usualBatch), number(c.h.Extent, 0), number(c.v.Extent, 0)
	in, out := number(c.in.Extent, 0), number(c.o.Extent, 0)
	if n*h*v*in*out == 0 {
		return nil, 0
	}
	gain = worthwhile
	for _, m := range minimals() {
		points := float64((m.tile + 2) * (m.tile + 2))
		tiles := number(c.h.Extent.CeilDiv(m.tile), 0) * number(c.v.Extent.CeilDiv(m.tile), 0)
		cost := points*tiles*in*out + perPoint*points*(tiles*(in+out)+in*out/n)
		if g := 9 * h * v * in * out / cost; g > gain {
			best, gain = m, g
		}
	}
	return best, gain
}

// filtered makes the kernels before the last transform, which takes the place of k's definition.
func (c *stencil) filtered(p *kernel.Program, k *kernel.Kernel, m *minimal, names taken, buffers map[string]*kernel.Buffer) []*kernel.Kernel {
	f := &filter{stencil: c, minimal: m, p: p, kernel: k, names: names, buffers: buffers}
	point := tensor.Int(m.tile + 2)
	a, b := f.axis("a", point), f.axis("b", point)
	t, s := f.axis("t", c.h.Extent.CeilDiv(m.tile)), f.axis("s", c.v.Extent.CeilDiv(m.tile))
	column, tap := f.axis("x", c.image[2]), f.axis("q", tensor.Int(3))
	at := func(axes ...kernel.Axis) []tensor.Dim {
		out := make([]tensor.Dim, len(axes))
		for i, a := range axes {
			out[i] = tensor.Sym(a.Name)
		}
		return out
	}
	sym := func(a kernel.Axis) tensor.Dim { return tensor.Sym(a.Name) }

	rows := f.add("rows", []kernel.Axis{a, c.n, t, column, c.in}, sym(a), m.image, func(i int64) kernel.Expr {
		row := sym(t).Scale(m.tile).AddInt(c.taps[0].first + i)
		return guarded(row, c.image[1], place(c.x, sym(c.n), row, sym(column), sym(c.in)))
	})
	image := f.add("image", []kernel.Axis{a, b, c.n, t, s, c.in}, sym(b), m.image, func(i int64) kernel.Expr {
		at := sym(s).Scale(m.tile).AddInt(c.taps[1].first + i)
		return guarded(at, c.image[2], place(rows, sym(a), sym(c.n), sym(t), at, sym(c.in)))
	})
	taps := f.add("taps", []kernel.Axis{a, tap, c.in, c.o}, sym(a), m.filter, func(i int64) kernel.Expr {
		return c.weight(tensor.Int(i), sym(tap))
	})
	weights := f.add("filter", []kernel.Axis{a, b, c.in, c.o}, sym(b), m.filter, func(i int64) kernel.Expr {
		return place(taps, sym(a), tensor.Int(i), sym(c.in), sym(c.o))
	})
	points := f.keep(&kernel.Def{Name: f.name("points"), DType: tensor.F32, Axes: []kernel.Axis{a, b, c.n, t, s, c.o}, Span: c.def.Span,
		Reduce: &kernel.Reduce{Op: kernel.Sum, Axes: []kernel.Axis{c.in}},
		Expr:   kernel.Apply("mul", place(image, at(a, b, c.n, t, s, c.in)...), place(weights, at(a, b, c.in, c.o)...))})
	back := f.add("back", []kernel.Axis{b, c.n, c.h, s, c.o}, sym(c.h).Mod(m.tile), m.back, func(i int64) kernel.Expr {
		return place(points, tensor.Int(i), sym(b), sym(c.n), sym(c.h).Div(m.tile), sym(s), sym(c.o))
	})
	last := *c.def
	last.Reduce = nil
	last.Expr = combined(sym(c.v).Mod(m.tile), m.back, func(i int64) kernel.Expr {
		return place(back, tensor.Int(i), sym(c.n), sym(c.h), sym(c.v).Div(m.tile), sym(c.o))
	})
	again := assemble(k.Name, []*kernel.Def{&last}, buffers, nil)
	k.Ins, k.Defs = again.Ins, again.Defs
	return f.made
}

// weight is the weight at a tap, by its distance from the first place that is read.
func (c *stencil) weight(r, s tensor.Dim) kernel.Expr {
	by := map[string]tensor.Dim{c.taps[0].name: r, c.taps[1].name: s}
	for _, t := range c.taps {
		if t.turned {
			by[t.name] = tensor.Int(2).Sub(by[t.name])
		}
	}
	at := make([]tensor.Dim, len(c.w.At))
	for i := range at {
		at[i] = dimAt(c.w, i).Subst(by)
	}
	return place(c.w, at...)
}

// A filter makes the kernels of one stencil.
type filter struct {
	*stencil
	*minimal
	p       *kernel.Program
	kernel  *kernel.Kernel
	names   taken
	buffers map[string]*kernel.Buffer
	made    []*kernel.Kernel
}

func (f *filter) axis(name string, extent tensor.Dim) kernel.Axis {
	return kernel.Axis{Name: unusedName(name, f.def), Extent: extent}
}

func (f *filter) name(part string) string { return f.names.unique(f.def.Name + "." + part) }

// add makes a definition whose row of a matrix stands at a place.
func (f *filter) add(part string, axes []kernel.Axis, row tensor.Dim, matrix [][]float64, of func(i int64) kernel.Expr) *kernel.Load {
	return f.keep(&kernel.Def{Name: f.name(part), DType: tensor.F32, Axes: axes, Span: f.def.Span, Expr: combined(row, matrix, of)})
}

// keep gives a definition a kernel and a buffer.
func (f *filter) keep(d *kernel.Def) *kernel.Load {
	b := &kernel.Buffer{Name: d.Name, Type: tensor.Type{DType: d.DType, Shape: axisExtents(d.Axes)}}
	f.p.Buffers, f.buffers[b.Name] = append(f.p.Buffers, b), b
	k := assemble(d.Name, []*kernel.Def{d}, f.buffers, nil)
	k.Spans = f.kernel.Spans
	f.made = append(f.made, k)
	return &kernel.Load{Name: d.Name, DType: d.DType}
}

// place is a load of the same tensor elsewhere.
func place(l *kernel.Load, at ...tensor.Dim) kernel.Expr {
	out := &kernel.Load{Name: l.Name, DType: l.DType}
	for _, d := range at {
		out.At = append(out.At, kernel.IndexOf(d))
	}
	return out
}

// guarded is e where a place lies inside of an extent, else 0.
func guarded(at, extent tensor.Dim, e kernel.Expr) kernel.Expr {
	return &kernel.Guard{Conds: []kernel.Cond{{Index: at, Extent: extent}}, Expr: e}
}

// combined is the row of a matrix times terms, which are written once for all rows.
func combined(row tensor.Dim, matrix [][]float64, of func(i int64) kernel.Expr) kernel.Expr {
	terms := make([]kernel.Expr, len(matrix[0]))
	for i := range terms {
		terms[i] = of(int64(i))
	}
	var all kernel.Expr
	for r := len(matrix) - 1; r >= 0; r-- {
		var sum kernel.Expr
		for i, by := range matrix[r] {
			sum = plus(sum, by, terms[i])
		}
		if all == nil {
			all = sum
		} else {
			all = kernel.Select(kernel.Compare("eq", kernel.IndexOf(row), kernel.I(tensor.I64, int64(r))), sum, all)
		}
	}
	return all
}

// plus adds by times e to sum, nil standing for nothing.
func plus(sum kernel.Expr, by float64, e kernel.Expr) kernel.Expr {
	fn := "add"
	if by < 0 && sum != nil {
		fn, by = "sub", -by
	}
	switch by {
	case 0:
		return sum
	case 1:
	default:
		e = kernel.Apply("mul", kernel.F(tensor.F32, by), e)
	}
	if sum == nil {
		return e
	}
	return kernel.Apply(fn, sum, e)
}
