package kernel

import (
	"math/rand"
	"testing"

	"dlc/ir/tensor"
)

func buffer(name string, role Role, t tensor.DType, dims ...tensor.Dim) *Buffer {
	return &Buffer{Name: name, Role: role, Type: tensor.Type{DType: t, Shape: dims}}
}

func dim(s string) tensor.Dim {
	d, err := tensor.ParseDim(s)
	if err != nil {
		panic(err)
	}
	return d
}

func at(dims ...string) []Expr {
	es := make([]Expr, len(dims))
	for i, s := range dims {
		es[i] = IndexOf(dim(s))
	}
	return es
}

func axes(pairs ...string) []Axis {
	var as []Axis
	for i := 0; i < len(pairs); i += 2 {
		as = append(as, Axis{pairs[i], dim(pairs[i+1])})
	}
	return as
}

func oneDef(ins []*Buffer, d *Def, out *Buffer) *Program {
	k := &Kernel{Name: "k", Ins: ins, Outs: []*Buffer{out}, Defs: []*Def{d}}
	return &Program{Name: "p", Buffers: append(append([]*Buffer{}, ins...), out), Kernels: []*Kernel{k}}
}

func random(r *rand.Rand, dims ...int) *tensor.Tensor {
	x := tensor.New(tensor.F32, dims...)
	for i := range x.Len() {
		x.SetFloat(i, r.NormFloat64())
	}
	return x
}

// Each order against loops that say it in the plainest way.
func TestOrders(t *testing.T) {
	r := rand.New(rand.NewSource(3))
	orders := map[string]struct {
		order Order
		fold  func(terms []float32, n, m int) float32
	}{
		"chain": {Order{Kind: Chain}, func(v []float32, n, m int) float32 { return chain(v) }},
		"lanes64": {Order{Kind: Lanes64}, func(v []float32, n, m int) float32 {
			lanes := make([]float32, 64)
			for j, x := range v {
				lanes[j%64] += x
			}
			for w := 32; w > 0; w /= 2 {
				for l := 0; l < w; l++ {
					lanes[l] += lanes[l+w]
				}
			}
			return lanes[0]
		}},
		"chunks n": {Order{Kind: Chunks, Axis: "n", By: 3}, func(v []float32, n, m int) float32 {
			var chunks []float32
			for i := 0; i < n; i += 3 {
				chunks = append(chunks, chain(v[i*m:min(n, i+3)*m]))
			}
			return tree(chunks)
		}},
		"chunks m": {Order{Kind: Chunks, Axis: "m", By: 4}, func(v []float32, n, m int) float32 {
			var chunks []float32
			for i := 0; i < n; i++ {
				for j := 0; j < m; j += 4 {
					chunks = append(chunks, chain(v[i*m+j:i*m+min(m, j+4)]))
				}
			}
			return tree(chunks)
		}},
	}
	for name, c := range orders {
		for _, size := range [][2]int{{0, 3}, {3, 0}, {1, 1}, {7, 9}, {8, 8}, {10, 13}, {2, 100}} {
			n, m := size[0], size[1]
			x := random(r, n, m)
			same := Apply("neg", &Load{"x", tensor.F32, at("n", "m")}) // shared, computed once per point
			d := &Def{Name: "y", DType: tensor.F32, Reduce: &Reduce{Op: Sum, Axes: axes("n", "N", "m", "M"), Order: c.order},
				Expr: Apply("neg", Apply("min", same, same))}
			p := oneDef([]*Buffer{buffer("x", Input, tensor.F32, dim("N"), dim("M"))}, d, buffer("y", Output, tensor.F32))
			bufs := map[string]*tensor.Tensor{"x": x}
			if err := Interp(p, map[string]int64{"N": int64(n), "M": int64(m)}, bufs); err != nil {
				t.Fatal(err)
			}
			v := make([]float32, x.Len())
			for i := range v {
				v[i] = float32(x.Float(i))
			}
			if got, want := float32(bufs["y"].Float(0)), c.fold(v, n, m); got != want {
				t.Errorf("%s over %dx%d = %g, want %g", name, n, m, got, want)
			}
		}
	}
}

func chain(v []float32) float32 {
	s := float32(0)
	for _, x := range v {
		s += x
	}
	return s
}

func tree(v []float32) float32 {
	if len(v) == 0 {
		return 0
	}
	for len(v) > 1 {
		var up []float32
		for i := 0; i < len(v); i += 2 {
			if i+1 < len(v) {
				up = append(up, v[i]+v[i+1])
			} else {
				up = append(up, v[i])
			}
		}
		v = up
	}
	return v[0]
}

func TestContractionSkipsAndFuses(t *testing.T) {
	r := rand.New(rand.NewSource(4))
	x, w := random(r, 9), random(r, 3)
	x.SetFloat(0, 1e38)
	d := &Def{Name: "y", DType: tensor.F32, Axes: axes("i", "9"),
		Reduce: &Reduce{Op: Sum, Axes: axes("k", "3"), When: []Cond{{dim("i+k-1"), dim("9")}}, Order: Order{Kind: Chain}},
		Expr:   Apply("mul", &Load{"x", tensor.F32, at("i+k-1")}, &Load{"w", tensor.F32, at("k")})}
	p := oneDef([]*Buffer{buffer("x", Input, tensor.F32, dim("9")), buffer("w", Weight, tensor.F32, dim("3"))}, d, buffer("y", Output, tensor.F32, dim("9")))
	bufs := map[string]*tensor.Tensor{"x": x, "w": w}
	if err := Interp(p, nil, bufs); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < 9; i++ {
		acc := float32(0)
		for k := 0; k < 3; k++ {
			if j := i + k - 1; j >= 0 && j < 9 {
				acc = FMA32(float32(x.Float(j)), float32(w.Float(k)), acc)
			}
		}
		if got := float32(bufs["y"].Float(i)); got != acc {
			t.Errorf("y[%d] = %g, want %g", i, got, acc)
		}
	}
}

func TestGatherAndGuard(t *testing.T) {
	x := tensor.FromFloats(tensor.F32, []float64{10, 20, 30}, 3)
	ix := tensor.FromFloats(tensor.I32, []float64{2, -1, 0, 3}, 4)
	gather := &Load{"x", tensor.F32, []Expr{&Load{"ix", tensor.I32, at("i")}}}
	shifted := &Guard{[]Cond{{dim("i-1"), dim("3")}}, &Load{"x", tensor.F32, at("i-1")}}
	d := &Def{Name: "y", DType: tensor.F32, Axes: axes("i", "4"), Expr: Apply("add", gather, shifted)}
	ins := []*Buffer{buffer("x", Input, tensor.F32, dim("3")), buffer("ix", Input, tensor.I32, dim("4"))}
	p := oneDef(ins, d, buffer("y", Output, tensor.F32, dim("4")))
	bufs := map[string]*tensor.Tensor{"x": x, "ix": ix}
	if err := Interp(p, nil, bufs); err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{30, 10, 30, 30} {
		if got := bufs["y"].Float(i); got != want {
			t.Errorf("y[%d] = %g, want %g", i, got, want)
		}
	}
	d.Expr = &Load{"x", tensor.F32, at("i")}
	if err := Interp(p, nil, map[string]*tensor.Tensor{"x": x, "ix": ix}); !broken.By(err, "outside 0..3") {
		t.Errorf("a load outside of its buffer: %v", err)
	}
}

func TestSharedNodesAndLocals(t *testing.T) {
	x := &Load{"x", tensor.F32, at("i")}
	twice := Apply("add", x, x)
	deep := Expr(twice)
	for range 60 { // 2^60 evaluations without sharing
		deep = Apply("min", deep, deep)
	}
	k := &Kernel{Name: "k", Ins: []*Buffer{buffer("x", Input, tensor.F32, dim("N"))}, Outs: []*Buffer{buffer("z", Output, tensor.F32, dim("N"))},
		Defs: []*Def{
			{Name: "y", DType: tensor.F32, Axes: axes("i", "N"), Expr: deep},
			{Name: "z", DType: tensor.F32, Axes: axes("i", "N"), Expr: Apply("mul", &Load{"y", tensor.F32, at("N - i - 1")}, F(tensor.F32, 10))},
		}}
	p := &Program{Name: "p", Buffers: append(append([]*Buffer{}, k.Ins...), k.Outs...), Kernels: []*Kernel{k}}
	bufs := map[string]*tensor.Tensor{"x": tensor.FromFloats(tensor.F32, []float64{1, 2, 3}, 3)}
	if err := Interp(p, map[string]int64{"N": 3}, bufs); err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{60, 40, 20} {
		if got := bufs["z"].Float(i); got != want {
			t.Errorf("z[%d] = %g, want %g", i, got, want)
		}
	}
}

func TestInterpRefuses(t *testing.T) {
	d := &Def{Name: "y", DType: tensor.F32, Axes: axes("i", "N"), Expr: &Load{"x", tensor.F32, at("i")}}
	p := oneDef([]*Buffer{buffer("x", Input, tensor.F32, dim("N"))}, d, buffer("y", Output, tensor.F32, dim("N")))
	cases := []struct {
		symbols map[string]int64
		x       *tensor.Tensor
		want    string
	}{
		{nil, tensor.New(tensor.F32, 3), "has no value"},
		{map[string]int64{"N": 3}, nil, "is missing"},
		{map[string]int64{"N": 3}, tensor.New(tensor.F32, 4), "not f32[3]"},
		{map[string]int64{"N": 3}, tensor.New(tensor.F64, 3), "not f32[3]"},
	}
	for _, c := range cases {
		bufs := map[string]*tensor.Tensor{}
		if c.x != nil {
			bufs["x"] = c.x
		}
		if err := Interp(p, c.symbols, bufs); !broken.By(err, c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}
