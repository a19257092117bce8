package kernel

import (
	"fmt"
	"math"
	"math/rand"

	"dlc/ir/tensor"
	"dlc/lang/diag"
)

// A generator makes random well-formed programs.
type generator struct {
	*rand.Rand
	loads []tensor.Type // of names v0, v1 ...
	names []string
	axes  []Axis
}

var someTypes = []tensor.DType{tensor.Bool, tensor.U8, tensor.I8, tensor.I32, tensor.I64, tensor.U32, tensor.U64, tensor.F32, tensor.F64}

func (g *generator) dtype() tensor.DType { return someTypes[g.Intn(len(someTypes))] }

func (g *generator) dim() tensor.Dim {
	d := tensor.Int(int64(g.Intn(7) - 3))
	for range g.Intn(3) {
		n := []string{"N", "T"}[g.Intn(2)]
		if len(g.axes) > 0 && g.Intn(4) > 0 {
			n = g.axes[g.Intn(len(g.axes))].Name
		}
		d = d.Add(tensor.Sym(n).Scale(int64(g.Intn(5) - 1)))
	}
	switch g.Intn(6) {
	case 0:
		d = d.Div(int64(g.Intn(5) + 1))
	case 1:
		d = d.Mod(int64(g.Intn(5) + 1))
	}
	return d
}

func (g *generator) literal(t tensor.DType) Expr {
	if t.IsFloat() {
		v := []float64{0, math.Copysign(0, -1), 1, -0.5, 1e30, 1e-40, math.Pi, math.Inf(1), math.Inf(-1), math.NaN(), 16777217, -3}[g.Intn(12)]
		return F(t, v)
	}
	return &Lit{DType: t, I: int64(Wrap(t, int64(g.Uint64())>>uint(g.Intn(64))))}
}

func (g *generator) conds() []Cond {
	conds := make([]Cond, g.Intn(3))
	for i := range conds {
		conds[i] = Cond{g.dim(), tensor.Int(int64(g.Intn(9)))}
	}
	return conds
}

func (g *generator) expr(t tensor.DType, depth int) Expr {
	if depth == 0 {
		return g.leaf(t, 0)
	}
	switch g.Intn(8) {
	case 0:
		return g.leaf(t, depth)
	case 1:
		return &Guard{g.conds(), g.expr(t, depth-1)}
	case 2:
		return &Call{"cast", t, []Expr{g.expr(g.dtype(), depth-1)}}
	case 3:
		return Select(g.expr(tensor.Bool, depth-1), g.expr(t, depth-1), g.expr(t, depth-1))
	case 4:
		if t == tensor.U32 {
			return &Random{g.expr(tensor.U64, 0), g.expr(tensor.I64, 0), g.Uint64(), g.expr(tensor.I64, 0), g.expr(tensor.I64, depth-1)}
		}
		if t != tensor.Bool {
			for _, from := range someTypes {
				if from != tensor.Bool && from != t && from.Size() == t.Size() {
					return &Call{"bitcast", t, []Expr{g.expr(from, depth-1)}}
				}
			}
		}
	}
	for {
		names := FuncNames()
		f, _ := LookupFunc(names[g.Intn(len(names))])
		arg := t
		if f.Rule == Equating || f.Rule == Ordering || f.Rule == Testing {
			arg = g.dtype()
		}
		args := make([]Expr, f.Arity)
		types := make([]tensor.DType, f.Arity)
		for i := range args {
			types[i] = arg
		}
		if f.Rule >= Choosing || CheckCall(f.Name, t, types...) != nil {
			continue
		}
		for i := range args {
			args[i] = g.expr(arg, depth-1)
		}
		if f.Arity == 2 && g.Intn(3) == 0 {
			args[1] = args[0]
		}
		return &Call{f.Name, t, args}
	}
}

func (g *generator) leaf(t tensor.DType, depth int) Expr {
	if t == tensor.I64 && g.Intn(2) == 0 {
		return IndexOf(g.dim())
	}
	for i, l := range g.loads {
		if l.DType != t || g.Intn(2) == 0 {
			continue
		}
		load := &Load{Name: g.names[i], DType: t}
		for range l.Shape {
			if depth > 0 && g.Intn(4) == 0 {
				load.At = append(load.At, Apply("rem", g.expr(tensor.I32, depth-1), I(tensor.I32, 5)))
			} else {
				load.At = append(load.At, IndexOf(g.dim()))
			}
		}
		return load
	}
	return g.literal(t)
}

func (g *generator) span() diag.Span {
	if g.Intn(3) == 0 {
		return diag.Span{}
	}
	file := []string{"mlp.dlc", "a b/c,d.dlc", "q\"@.dlc", ""}[g.Intn(4)]
	return diag.Span{File: file, Line: g.Intn(99) + 1, Col: g.Intn(99), Start: g.Intn(999), End: g.Intn(9999)}
}

func (g *generator) newAxes(prefix string) []Axis {
	axes := make([]Axis, g.Intn(3))
	for i := range axes {
		e := tensor.Sym("N")
		if g.Intn(2) == 0 {
			e = tensor.Int(int64(g.Intn(5)))
		}
		axes[i] = Axis{fmt.Sprintf("%s%d", prefix, i), e}
	}
	return axes
}

func (g *generator) def(name string) *Def {
	d := &Def{Name: name, Axes: g.newAxes("i"), DType: g.dtype(), Span: g.span()}
	if g.Intn(2) == 0 {
		d.Reduce = &Reduce{Op: ReduceOp(g.Intn(4)), Axes: append(g.newAxes("k"), Axis{"j", tensor.Sym("T").Scale(3)}), Order: Order{Kind: OrderKind(g.Intn(3))}}
		if d.DType == tensor.Bool {
			d.Reduce.Op = Any
		}
		if g.Intn(2) == 0 {
			d.Reduce.Order = Order{Kind: Chunks, Axis: "j", By: int64(g.Intn(9) + 1)}
		}
	}
	g.axes = d.AllAxes()
	if d.Reduce != nil && len(d.Axes) > 0 && g.Intn(6) == 0 {
		return g.argsort(d)
	}
	if d.Reduce != nil && len(d.Axes) > 0 && g.Intn(3) == 0 {
		d.Reduce.Order = Order{Kind: Chain}
		g.axes = append(append([]Axis{}, d.Axes[1:]...), d.Reduce.Axes...)
		t := []tensor.DType{tensor.I32, tensor.I64, tensor.U8}[g.Intn(3)]
		d.Reduce.At = []Match{{d.Axes[0].Name, g.expr(t, g.Intn(3))}}
	}
	if d.Reduce != nil {
		d.Reduce.When = g.conds()
	}
	d.Expr = g.expr(d.DType, 1+g.Intn(4))
	return d
}

// argsort makes d one.
func (g *generator) argsort(d *Def) *Def {
	d.Reduce = &Reduce{Op: []ReduceOp{ArgSort, ArgSortDescending}[g.Intn(2)], Axes: d.Reduce.Axes[len(d.Reduce.Axes)-1:], Order: Order{Kind: Chain}}
	d.DType = []tensor.DType{tensor.I32, tensor.I64}[g.Intn(2)]
	g.axes = append(append([]Axis{}, d.Axes[:len(d.Axes)-1]...), d.Reduce.Axes...)
	d.Expr = g.expr(g.dtype(), 1+g.Intn(3))
	return d
}

func (g *generator) program() *Program {
	p := &Program{Name: []string{"train", "the loss", "conv2d.kernel"}[g.Intn(3)]}
	g.loads, g.names = nil, nil
	add := func(name string, role Role, t tensor.Type) *Buffer {
		b := &Buffer{Name: name, Role: role, Type: t}
		p.Buffers = append(p.Buffers, b)
		return b
	}
	names := []string{"x", "optimizer/m/dense.kernel", "odd name", "inf"}
	k := &Kernel{Name: "k 1", Spans: []diag.Span{{File: "m.dlc", Line: 1}}}
	for _, n := range names[:1+g.Intn(4)] {
		role := []Role{Input, Weight}[g.Intn(2)]
		b := add(n, role, tensor.Type{DType: g.dtype(), Shape: tensor.Shape{tensor.Sym("N"), tensor.Int(4)}[:g.Intn(3)]})
		if len(b.Type.Shape) == 2 && g.Intn(2) == 0 {
			b.Layout = &Layout{"panel16", []tensor.Dim{tensor.Sym("$1").Div(16), tensor.Sym("$0"), tensor.Sym("$1").Mod(16)}, tensor.Shape{tensor.Int(1), tensor.Sym("N"), tensor.Int(16)}}
		}
		k.Ins = append(k.Ins, b)
	}
	c := add("c", Const, tensor.Type{DType: g.dtype(), Shape: tensor.Ints(2, 3)})
	c.Value = tensor.New(c.Type.DType, 2, 3)
	for i := range 6 {
		WriteScalar(c.Value, i, LitBits(g.literal(c.Type.DType).(*Lit)))
	}
	k.Ins = append(k.Ins, c)
	for _, b := range k.Ins {
		g.names, g.loads = append(g.names, b.Name), append(g.loads, b.Type)
	}
	for i := range 1 + g.Intn(3) {
		d := g.def(fmt.Sprintf("d%d", i))
		k.Defs = append(k.Defs, d)
		t := tensor.Type{DType: d.DType}
		for _, a := range d.Axes {
			t.Shape = append(t.Shape, a.Extent)
		}
		g.names, g.loads = append(g.names, d.Name), append(g.loads, t)
		if i == 0 || g.Intn(2) == 0 {
			k.Outs = append(k.Outs, add(d.Name, []Role{Temp, Output}[g.Intn(2)], t))
		}
	}
	if g.Intn(3) == 0 {
		g.running(k, add)
	}
	g.scan(k)
	p.Kernels = []*Kernel{k}
	return p
}

// running adds a maximum and a sum that follows it.
func (g *generator) running(k *Kernel, add func(string, Role, tensor.Type) *Buffer) {
	t := []tensor.DType{tensor.F32, tensor.F64}[g.Intn(2)]
	kept, n := []Axis{{"i0", tensor.Sym("N")}, {"i1", tensor.Int(3)}}[:g.Intn(3)], Axis{"j", tensor.Sym("T")}
	g.axes = append(append([]Axis{}, kept...), n)
	r := Reduce{Op: Max, Axes: []Axis{n}, When: g.conds(), Order: Order{Kind: Rescale}}
	m := &Def{Name: []string{"m", "when", "odd one"}[g.Intn(3)], DType: t, Axes: kept, Reduce: &r, Expr: g.expr(t, 2)}
	sum := r
	sum.Op, sum.Order.With = Sum, m.Name
	axes := append(append([]Axis{}, kept...), Axis{"d", tensor.Int(5)})[:len(kept)+g.Intn(2)]
	most := &Load{m.Name, t, Points(kept)}
	d := &Def{Name: "weights", DType: t, Axes: axes, Reduce: &sum, Expr: Apply("mul", Apply("exp", Apply("sub", g.expr(t, 1), most)), g.expr(t, 1))}
	k.Defs = append(k.Defs, m, d)
	var s tensor.Shape
	for _, a := range axes {
		s = append(s, a.Extent)
	}
	k.Outs = append(k.Outs, add(d.Name, Output, tensor.Type{DType: t, Shape: s}))
}

// scan makes definitions that have the first one's first axis one recurrence, or some of them.
func (g *generator) scan(k *Kernel) {
	if len(k.Defs[0].Axes) == 0 || g.Intn(2) == 0 {
		return
	}
	scan := &Scan{Axis: k.Defs[0].Axes[0].Name, Reversed: g.Intn(2) == 0}
	for _, d := range k.Defs {
		if d.Scan = scan; d.ScanPlace() < 0 || !d.Axes[d.ScanPlace()].Extent.Equal(k.Defs[0].Axes[0].Extent) || g.Intn(5) == 0 {
			d.Scan = nil
		}
	}
	if VerifyKernel(k) != nil { // a definition reads another at some index that is no turn
		for _, d := range k.Defs {
			d.Scan = nil
		}
	}
}
