package passes

import (
	"flag"
	"fmt"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dlc/ir"
	"dlc/ir/kernel"
	"dlc/ir/tensor"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite goldens")

// Each testdata/graph/*.txtar holds a module before (in) and after (want) the pass that begins
// the file's name. -update rewrites them.
func TestGraphGoldens(t *testing.T) {
	files, err := filepath.Glob("testdata/graph/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pass, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".txtar"), "_")
		m, err := ir.Parse(string(a.Files[0].Data))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := graphPass(t, pass)(m, nil); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := ir.Verify(m); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		got := ir.Print(m)
		if *update {
			a.Files = append(a.Files[:1], txtar.File{Name: "want", Data: []byte(got)})
			if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if want := string(a.Files[1].Data); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
		}
	}
}

func graphPass(t *testing.T, name string) func(*ir.Module, *Options) error {
	for _, p := range graphPasses {
		if p.Name == name {
			return p.Run
		}
	}
	t.Fatalf("no graph pass %s", name)
	return nil
}

// A randomGraph builds functions whose every operation keeps values moderate.
type randomGraph struct {
	*rand.Rand
	*ir.Builder
	values []*ir.Value // f64 of [N, 3], [3] or []
	square float64     // an exponent
}

func typeOf(dims ...string) tensor.Type {
	s := tensor.Shape{}
	for _, text := range dims {
		d, err := tensor.ParseDim(text)
		if err != nil {
			panic(err)
		}
		s = append(s, d)
	}
	return tensor.Type{DType: tensor.F64, Shape: s}
}

// build makes a function of inputs x [N, 3] and b [3] whose result is `loss`.
func (g *randomGraph) build(steps int) (loss *ir.Value) {
	x, b := g.Param(ir.Input, "x", typeOf("N", "3")), g.Param(ir.Input, "b", typeOf("3"))
	g.values = []*ir.Value{x, b}
	for range steps {
		g.values = append(g.values, g.step())
	}
	// the last values of both shapes, so that most of the graph matters
	for _, v := range g.values[len(g.values)-min(4, len(g.values)):] {
		axes := []int{}
		for i := range v.Type.Shape {
			axes = append(axes, i)
		}
		s := g.Add(ir.Reduce{Op: "sum", Axes: axes}, v)
		if loss == nil {
			loss = s
		} else {
			loss = g.Add(ir.Binary{Fn: "add"}, loss, s)
		}
	}
	return loss
}

func (g *randomGraph) pick() *ir.Value { return g.values[g.Intn(len(g.values))] }

func (g *randomGraph) step() *ir.Value {
	v := g.pick()
	full := func(x float64) *ir.Value { return g.Add(ir.FullOf(v.Type, x)) }
	switch g.Intn(10) {
	case 0:
		return g.Add(ir.Unary{Fn: []string{"tanh", "sigmoid", "sin", "softplus"}[g.Intn(4)]}, v)
	case 1, 2:
		w := g.pick()
		shape, err := ir.Joint(v.Type.Shape, w.Type.Shape)
		if err != nil {
			panic(err)
		}
		fn := []string{"add", "mul", "sub"}[g.Intn(3)]
		sum := g.Add(ir.Binary{Fn: fn}, g.Spread(v, shape), g.Spread(w, shape))
		return g.Add(ir.Unary{Fn: "tanh"}, sum)
	case 3:
		neutral := []float64{0, 1, math.Copysign(0, -1), -1, 2}[g.Intn(5)]
		return g.Add(ir.Binary{Fn: []string{"add", "mul", "sub"}[g.Intn(3)]}, v, full(neutral))
	case 4:
		return g.Add(ir.Binary{Fn: "pow"}, v, full([]float64{0, 1, g.square}[g.Intn(3)]))
	case 5:
		if len(v.Type.Shape) > 0 {
			return g.Add(ir.Reduce{Op: "sum", Axes: []int{0}}, g.Add(ir.Unary{Fn: "tanh"}, v))
		}
	case 6:
		return g.Add(ir.Binary{Fn: "mul"}, full(0.5), g.Add(ir.Binary{Fn: "add"}, full(1), full(0.25)))
	case 7:
		c := g.Add(ir.Compare{Fn: "lt"}, v, full(0.3))
		return g.Add(ir.Select{}, c, v, g.Add(ir.Unary{Fn: "sin"}, v))
	case 8:
		return g.Add(ir.Cast{To: tensor.F64}, v)
	}
	return g.Add(ir.Unary{Fn: "neg"}, v)
}

func inputsOf(r *rand.Rand, n int) map[string]*tensor.Tensor {
	in := map[string]*tensor.Tensor{"x": tensor.New(tensor.F64, n, 3), "b": tensor.New(tensor.F64, 3)}
	for _, name := range []string{"x", "b"} {
		for i := range in[name].Len() {
			in[name].SetFloat(i, r.NormFloat64())
		}
	}
	return in
}

// TestFoldKeepsValues runs fold, cse and dce over random graphs; what the level-1 interpreter
// computes keeps its bits. (Squares are the exception: see power.)
func TestFoldKeepsValues(t *testing.T) {
	r := rand.New(rand.NewSource(3))
	for turn := range 150 {
		g := &randomGraph{Rand: r, Builder: ir.NewBuilder("f")}
		loss := g.build(3 + r.Intn(20))
		g.Result("loss", loss)
		g.Result("value", g.pick())
		m := &ir.Module{Name: "m", Funcs: []*ir.Func{g.Func}}
		n := int64(r.Intn(4))
		in := inputsOf(r, int(n))
		before := interpretGraph(t, g.Func, n, in)
		nodes := len(g.Func.Nodes)
		for _, name := range []string{"fold", "cse", "dce"} {
			if err := graphPass(t, name)(m, nil); err != nil {
				t.Fatal(err)
			}
			if err := ir.Verify(m); err != nil {
				t.Fatalf("after %s: %v\n%s", name, err, ir.Print(m))
			}
			after := interpretGraph(t, g.Func, n, in)
			for k := range before {
				if !sameBits(before[k], after[k]) {
					t.Fatalf("turn %d: %s changes %s\n%s", turn, name, k, ir.Print(m))
				}
			}
		}
		if len(g.Func.Nodes) > nodes {
			t.Errorf("turn %d: %d nodes became %d", turn, nodes, len(g.Func.Nodes))
		}
	}
}

// interpretGraph runs the lowering of f and returns its results.
func interpretGraph(t *testing.T, f *ir.Func, n int64, in map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
	buffers := map[string]*tensor.Tensor{}
	for name, x := range in {
		buffers[name] = x
	}
	if err := kernel.Interp(lowered(t, f), map[string]int64{"N": n}, buffers); err != nil {
		t.Fatal(err)
	}
	out := map[string]*tensor.Tensor{}
	for _, r := range f.Results {
		out[r.Name] = buffers[r.Name]
	}
	return out
}

func evaluate(t *testing.T, m *ir.Module, in map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
	out, _, err := ir.Eval(m.Funcs[0], in, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAutodiffAgreesWithDifferences differentiates random graphs, twice in a part of them.
func TestAutodiffAgreesWithDifferences(t *testing.T) {
	r := rand.New(rand.NewSource(4))
	for turn := range 60 {
		g := &randomGraph{Rand: r, Builder: ir.NewBuilder("f")}
		g.square = 2
		loss := g.build(2 + r.Intn(12))
		if turn%4 == 0 { // the loss becomes a sum over a gradient
			dx, err := g.Try(ir.Gradient{}, loss, g.values[0], g.values[1])
			if err != nil {
				t.Fatal(err)
			}
			twice := g.Add(ir.Binary{Fn: "mul"}, dx[0], g.values[0])
			loss = g.Add(ir.Reduce{Op: "sum", Axes: []int{0, 1}}, twice)
		}
		d, err := g.Try(ir.Gradient{}, loss, g.values[0], g.values[1])
		if err != nil {
			t.Fatal(err)
		}
		g.Result("loss", loss)
		g.Result("x", d[0])
		g.Result("b", d[1])
		m := &ir.Module{Name: "m", Funcs: []*ir.Func{g.Func}}
		if err := Graph(m, nil); err != nil {
			t.Fatal(err)
		}
		if err := ir.Verify(m); err != nil {
			t.Fatal(err)
		}
		compareDifferences(t, fmt.Sprint("turn ", turn), m, inputsOf(r, r.Intn(4)))
	}
}

// compareDifferences checks the results named like inputs against central differences of `loss`.
func compareDifferences(t *testing.T, what string, m *ir.Module, in map[string]*tensor.Tensor) {
	t.Helper()
	const h = 1e-6
	base := evaluate(t, m, in)
	loss := func() float64 { return evaluate(t, m, in)["loss"].Float(0) }
	for _, name := range []string{"x", "b"} {
		x := in[name]
		for i := range x.Len() {
			v := x.Float(i)
			x.SetFloat(i, v+h)
			up := loss()
			x.SetFloat(i, v-h)
			want := (up - loss()) / (2 * h)
			x.SetFloat(i, v)
			got := base[name].Float(i)
			if d := math.Abs(got-want) / math.Max(1, math.Abs(want)); !(d < 1e-4) {
				t.Errorf("%s: d loss / d %s[%d] is %g, differences say %g\n%s", what, name, i, got, want, ir.Print(m))
				return
			}
		}
	}
}

func TestAutodiffRefusesByName(t *testing.T) {
	b := ir.NewBuilder("f")
	x := b.Param(ir.Input, "x", typeOf("N", "4", "1"))
	y := b.Add(ir.Unary{Fn: "trigamma"}, x)
	b.Result("g", b.Add(ir.Gradient{}, b.Add(ir.Reduce{Op: "sum", Axes: []int{0, 1, 2}}, y), x))
	err := Graph(&ir.Module{Name: "m", Funcs: []*ir.Func{b.Func}}, nil)
	if err == nil || !strings.Contains(err.Error(), "trigamma") {
		t.Errorf("got %v", err)
	}
}

func TestConstantsReachKernels(t *testing.T) {
	b := ir.NewBuilder("f")
	c := b.Add(ir.Const{Value: tensor.FromFloats(tensor.F32, []float64{1, 2, 3}, 3)})
	x := b.Param(ir.Input, "x", tensor.Type{DType: tensor.F32, Shape: typeOf("3").Shape})
	b.Result("y", b.Add(ir.Binary{Fn: "add"}, c, x))
	b.Result("c", c)
	p := lowered(t, b.Func)
	in := map[string]*tensor.Tensor{"x": tensor.FromFloats(tensor.F32, []float64{10, 20, 30}, 3)}
	buffers := interpretWith(t, p, in)
	for i, want := range []float64{11, 22, 33} {
		if got := buffers["y"].Float(i); got != want {
			t.Errorf("y[%d] = %g, want %g", i, got, want)
		}
		if got := buffers["c"].Float(i); got != want-float64(10*(i+1)) {
			t.Errorf("c[%d] = %g", i, got)
		}
	}
}

func interpretWith(t *testing.T, p *kernel.Program, in map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
	if err := kernel.Interp(p, nil, in); err != nil {
		t.Fatal(err)
	}
	return in
}
