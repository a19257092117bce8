package kernel

import (
	"testing"

	"dlc/ir/tensor"
)

// good is the program that each case of TestVerifyRefuses breaks at one place.
func good() *Program {
	p, err := Parse(`program p
buffer x: input f32[N, 8] layout panel [$1 div 4, $0, $1 - 4*($1 div 4)] in [2, N, 4]
buffer w: weight f32[8]
buffer c: const f32[2] = {1.0, 2.0}
buffer t: temp f32[N]
buffer y: output f32[N]
buffer w.new: update f32[8] of w
kernel a(x: f32[N, 8], w: f32[8]) -> (t: f32[N])
  t[n:N] = sum (k:8) chunks k by 4 when 0 <= k - 1 < 7; x[n, k] * w[k]
kernel b(t: f32[N], c: f32[2]) -> (y: f32[N])
  s[m:N] = guard(0 <= m - 1 < 3: t[m])
  y[n:N] = s[n] + c[1]
kernel c(w: f32[8]) -> (w.new: f32[8])
  w.new[i:8] = w[i] * 0.5
`)
	if err != nil {
		panic(err)
	}
	return p
}

func TestVerifyRefuses(t *testing.T) {
	if err := Verify(good()); err != nil {
		t.Fatal(err)
	}
	load := func(n string, at ...Expr) *Load { return &Load{n, tensor.F32, at} }
	cases := []struct {
		want  string
		spoil func(p *Program)
	}{
		{"stands twice", func(p *Program) { p.Buffers[1].Name = "x" }},
		{"no dtype", func(p *Program) { p.Buffers[0].Type.DType = tensor.Invalid }},
		{"is no weight", func(p *Program) { p.Buffers[5].Of = "x" }},
		{"only an update", func(p *Program) { p.Buffers[3].Of = "w" }},
		{"updates f32[8]", func(p *Program) { p.Buffers[5].Type.Shape = tensor.Ints(9) }},
		{"has a value", func(p *Program) { p.Buffers[2].Value = nil }},
		{"the value is", func(p *Program) { p.Buffers[2].Value = tensor.New(tensor.F32, 3) }},
		{"which is no axis", func(p *Program) { p.Buffers[0].Layout.At[0] = dim("$2") }},
		{"2 extents", func(p *Program) { p.Buffers[0].Layout.Dims = p.Buffers[0].Layout.Dims[:2] }},
		{"no buffer of the program", func(p *Program) { p.Kernels[0].Ins[0] = buffer("x", Input, tensor.F32) }},
		{"nothing has written", func(p *Program) { p.Kernels[0], p.Kernels[1] = p.Kernels[1], p.Kernels[0] }},
		{"writes t again", func(p *Program) { p.Kernels = append(p.Kernels, p.Kernels[0]) }},
		{"nothing writes it", func(p *Program) { p.Kernels = p.Kernels[:2] }},
		{"input x stands twice", func(p *Program) { k := p.Kernels[0]; k.Ins = append(k.Ins, k.Ins[0]) }},
		{"output t is not defined", func(p *Program) { p.Kernels[0].Defs[0].Name = "u" }},
		{"the name is taken", func(p *Program) { p.Kernels[1].Defs[0].Name = "t" }},
		{"is not defined above", func(p *Program) { d := p.Kernels[1].Defs; d[0], d[1] = d[1], d[0] }},
		{"nope is not defined above", func(p *Program) { p.Kernels[1].Defs[0].Expr = load("nope", at("m")...) }},
		{"stands twice or is no name", func(p *Program) { p.Kernels[0].Defs[0].Reduce.Axes[0].Name = "n" }},
		{"stands twice or is no name", func(p *Program) { p.Kernels[0].Defs[0].Axes[0].Name = "a b" }},
		{"the extent is -1", func(p *Program) { p.Kernels[0].Defs[0].Reduce.Axes[0].Extent = dim("-1") }},
		{"uses an index", func(p *Program) { p.Kernels[0].Defs[0].Reduce.Axes[0].Extent = dim("n") }},
		{"is no index here", func(p *Program) { p.Kernels[1].Defs[1].Expr = load("s", at("m")...) }},
		{"condition 0 <= n < 3: n is no index here", func(p *Program) { p.Kernels[1].Defs[0].Expr.(*Guard).Conds[0].Index = dim("n") }},
		{"condition 0 <= m < 3: m is no index here", func(p *Program) {
			k := p.Kernels[1]
			k.Defs[1].Expr = F(tensor.F32, 0)
			k.Defs[1].Reduce = &Reduce{Axes: axes("j", "3"), When: []Cond{{dim("m"), dim("3")}}}
		}},
		{"uses an index", func(p *Program) { p.Kernels[1].Defs[0].Expr.(*Guard).Conds[0].Extent = dim("m") }},
		{"chunks by 0", func(p *Program) { p.Kernels[0].Defs[0].Reduce.Order.By = 0 }},
		{"which is not reduced", func(p *Program) { p.Kernels[0].Defs[0].Reduce.Order.Axis = "n" }},
		{"any of f32", func(p *Program) { p.Kernels[0].Defs[0].Reduce.Op = Any }},
		{"the expression is f32, not f64", func(p *Program) { p.Kernels[1].Defs[0].DType = tensor.F64 }},
		{"its buffer f32[N]", func(p *Program) { p.Kernels[1].Defs[1].Axes[0].Extent = dim("N + 1") }},
		{"loaded as f64", func(p *Program) { p.Kernels[1].Defs[1].Expr = Cast(tensor.F32, &Load{"s", tensor.F64, at("n")}) }},
		{"2 indices for s", func(p *Program) { p.Kernels[1].Defs[1].Expr = load("s", at("n", "n")...) }},
		{"an index of s is f32", func(p *Program) { p.Kernels[1].Defs[1].Expr = load("s", F(tensor.F32, 1)) }},
		{"types f32 and f64", func(p *Program) { p.Kernels[1].Defs[1].Expr = Apply("add", load("s", at("n")...), F(tensor.F64, 1)) }},
		{"is no f32", func(p *Program) { p.Kernels[1].Defs[1].Expr = &Lit{DType: tensor.F32, F: 0.1} }},
		{"random: operand 0", func(p *Program) {
			i := I(tensor.I64, 1)
			p.Kernels[1].Defs[1].Expr = Uniform(&Random{Seed: i, Step: i, Row: i, Column: i})
		}},
		{"it is no kept axis or matched twice", func(p *Program) { p.Kernels[0].Defs[0].Reduce.At = []Match{{"k", I(tensor.I64, 1)}} }},
		{"it is no kept axis or matched twice", func(p *Program) {
			p.Kernels[0].Defs[0].Reduce.At = []Match{{"n", I(tensor.I64, 1)}, {"n", I(tensor.I64, 1)}}
		}},
		{"the match of n: the index is f32", func(p *Program) { p.Kernels[0].Defs[0].Reduce.At = []Match{{"n", F(tensor.F32, 1)}} }},
		{"the match of n: nope is not defined above", func(p *Program) { p.Kernels[0].Defs[0].Reduce.At = []Match{{"n", load("nope")}} }},
		{"as a chain, not by chunks", func(p *Program) { p.Kernels[0].Defs[0].Reduce.At = []Match{{"n", At("k")}} }},
		{"n is matched: a term", func(p *Program) {
			r := p.Kernels[0].Defs[0].Reduce
			r.At, r.Order = []Match{{"n", At("k")}}, Order{Kind: Chain}
		}},
		{"n is matched: a condition", func(p *Program) {
			d := p.Kernels[0].Defs[0]
			d.Expr = F(tensor.F32, 1)
			d.Reduce.At, d.Reduce.Order, d.Reduce.When = []Match{{"n", At("k")}}, Order{Kind: Chain}, []Cond{{dim("n"), dim("3")}}
		}},
		{"welford of i32", func(p *Program) {
			k := p.Kernels[0]
			k.Defs[0] = &Def{Name: "t", DType: tensor.I32, Axes: axes("n", "N"), Reduce: &Reduce{Op: Welford, Axes: axes("j", "8")}, Expr: I(tensor.I32, 1)}
		}},
		{"welford takes all terms", func(p *Program) { p.Kernels[0].Defs[0].Reduce.Op = Welford }},
		{"positions of type f32", func(p *Program) { p.Kernels[0].Defs[0].Reduce.Op = ArgSort }},
		{"an argsort takes all terms", func(p *Program) {
			d := p.Kernels[0].Defs[0]
			d.Reduce.Op, d.DType = ArgSort, tensor.I64
		}},
		{"an argsort has one reduced axis", func(p *Program) {
			p.Kernels[0].Defs[0] = &Def{Name: "t", DType: tensor.I64, Reduce: &Reduce{Op: ArgSort, Axes: axes("j", "8")}, Expr: I(tensor.I32, 1)}
		}},
		{"an argsort has the order chain", func(p *Program) {
			p.Kernels[0].Defs[0] = &Def{Name: "t", DType: tensor.I64, Axes: axes("q", "N"), Reduce: &Reduce{Op: ArgSort, Axes: axes("j", "8"), Order: Order{Kind: Lanes64}}, Expr: I(tensor.I32, 1)}
		}},
		{"q is the rank", func(p *Program) {
			p.Kernels[0].Defs[0] = &Def{Name: "t", DType: tensor.I64, Axes: axes("q", "N"), Reduce: &Reduce{Op: ArgSort, Axes: axes("j", "8")}, Expr: At("q")}
		}},
		{"no expression", func(p *Program) { p.Kernels[1].Defs[1].Expr = nil }},
		{"floor does not take i32", func(p *Program) { p.Kernels[1].Defs[1].Expr = Cast(tensor.F32, Apply("floor", I(tensor.I32, 1))) }},
		{"cast to no type", func(p *Program) {
			p.Kernels[1].Defs[1].Expr = &Call{"cast", tensor.Invalid, []Expr{F(tensor.F32, 1)}}
		}},
		{"not by way of f32", func(p *Program) { p.Kernels[1].Defs[1].Expr = Cast(tensor.F32, Cast(tensor.BF16, I(tensor.I32, 1))) }},
		{"neg of f32 gives f32, not f64", func(p *Program) {
			p.Kernels[1].Defs[1].Expr = Cast(tensor.F32, &Call{"neg", tensor.F64, []Expr{F(tensor.F32, 1)}})
		}},
		{"add takes 2 arguments, not 1", func(p *Program) { p.Kernels[1].Defs[1].Expr = &Call{"add", tensor.F32, []Expr{F(tensor.F32, 1)}} }},
		{"the condition is f32, not bool", func(p *Program) {
			f := F(tensor.F32, 1)
			p.Kernels[1].Defs[1].Expr = Select(f, f, f)
		}},
		{"terms of bf16: it is a type of memory only", func(p *Program) {
			p.Kernels[0].Defs[0] = &Def{Name: "t", DType: tensor.I64, Axes: axes("q", "N"), Reduce: &Reduce{Op: ArgSort, Axes: axes("j", "8")}, Expr: Cast(tensor.BF16, F(tensor.F32, 1))}
		}},
		{"max of bf16: it is a type of memory only", func(p *Program) {
			p.Kernels[0].Defs[0] = &Def{Name: "t", DType: tensor.BF16, Axes: axes("n", "N"), Reduce: &Reduce{Op: Max, Axes: axes("j", "8")}, Expr: Cast(tensor.BF16, F(tensor.F32, 1))}
		}},
		{"no sum of products of 16-bit floats", func(p *Program) { p.Kernels[0].Defs[0].Reduce.Order = Order{Kind: Matrix} }},
		{"is no index of axis 0", func(p *Program) { p.Buffers[0].Indexes = &Indexed{Buffer: "nope"} }},
	}
	for _, c := range cases {
		p := good()
		c.spoil(p)
		if err := Verify(p); !broken.By(err, c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

func TestVerifyKernelRefusesTwoOutputsOfOneName(t *testing.T) {
	k := good().Kernels[0]
	k.Outs = append(k.Outs, k.Outs[0])
	if err := VerifyKernel(k); !broken.By(err, "output t stands twice") {
		t.Error(err)
	}
}

func TestAddress(t *testing.T) {
	x := good().Buffers[0]
	if a, ok := Address(x, at("n", "4*b + l")); !ok || a.Within(map[string]tensor.Range{"l": {Hi: 3}}).String() != "4*N*b + l + 4*n" {
		t.Errorf("%s (%v)", a.Within(map[string]tensor.Range{"l": {Hi: 3}}), ok)
	}
	y := buffer("y", Input, tensor.F32, dim("N"), dim("7"), dim("T"))
	if a, _ := Address(y, at("n", "2*h + r - 1", "t")); !a.Equal(dim("n*7*T + (2*h + r - 1)*T + t")) {
		t.Error(a)
	}
	if _, ok := Address(y, []Expr{At("n"), &Load{"ids", tensor.I64, nil}, At("t")}); ok {
		t.Error("a gather has an affine address")
	}
}

func TestClassify(t *testing.T) {
	types := []*Buffer{buffer("x", Input, tensor.F32, dim("G"), dim("N"), dim("30"), dim("4")), buffer("w", Weight, tensor.F32, dim("3"), dim("4"), dim("8"))}
	k := &Kernel{Name: "k", Ins: types}
	text := k.String() + "  a[g:G, n:N, h:28, o:8, z:2] = sum (r:3, c:4) chain; x[g, n, h + r, c] * w[r, c, o]\n"
	k, err := ParseKernel(text)
	if err != nil {
		t.Fatal(err)
	}
	c, ok := Classify(k.Defs[0])
	show := func(as []Axis) string { return axesText(as) }
	if !ok || show(c.Batch) != "" || show(c.M) != "g:G, n:N, h:28" || show(c.N) != "o:8" || show(c.K) != "r:3, c:4" || show(c.Free) != "z:2" || len(c.LeftOnly)+len(c.RightOnly) != 0 {
		t.Errorf("%+v %v", c, ok)
	}
	k.Defs[0].Expr = Apply("mul", Apply("exp", k.Defs[0].Expr.(*Call).Args[0]), k.Defs[0].Expr.(*Call).Args[1])
	if _, ok := Classify(k.Defs[0]); ok {
		t.Error("a product of a function is no contraction of loads")
	}
}

func TestRewriteKeepsSharing(t *testing.T) {
	x := &Load{"x", tensor.F32, at("i")}
	e := Apply("exp", x)
	root := Apply("add", e, e)
	out := Subst(root, map[string]tensor.Dim{"i": dim("2*j + 1")}).(*Call)
	if out.Args[0] != out.Args[1] || exprText(out) != "%0 = exp(x[2*j + 1]); %0 + %0" {
		t.Error(exprText(out))
	}
	if Subst(root, map[string]tensor.Dim{"k": dim("2")}) != Expr(root) {
		t.Error("nothing changed, yet it is another node")
	}
	if s := exprText(Rename(root, map[string]string{"x": "z"})); s != "%0 = exp(z[i]); %0 + %0" {
		t.Error(s)
	}
}
