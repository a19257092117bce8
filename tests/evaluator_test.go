package tests

import (
	"math"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"dlc/ir"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/passes"
)

// An example is a program and the module that it becomes.
type example struct {
	name string
	*ir.Module
}

// examples are the example programs, on smaller images where the evaluator would take long.
func examples(t *testing.T) []*example {
	t.Helper()
	var list []*example
	for _, c := range []struct {
		file, old, new string
		image          tensor.Shape
	}{
		{"digits/mlp", "hidden: int = 128", "hidden: int = 21", tensor.Ints(8, 8, 1)},
		{"digits/lstm", "LSTM(48)", "LSTM(11)", tensor.Ints(8, 8, 1)},
		{"mnist/lenet", "28, 28", "10, 10", tensor.Ints(10, 10, 1)},
		{"mnist/cnn", "28, 28", "7, 7", tensor.Ints(7, 7, 1)},
		{"mnist/resnet", "width: int = 16)(image: f32[N, 28, 28", "width: int = 5)(image: f32[N, 7, 7", tensor.Ints(7, 7, 1)},
	} {
		m := module(t, c.file, c.old, c.new, c.image)
		list = append(list, &example{c.file, m})
	}
	return list
}

// values draws what an entry reads at a batch of n: small integers, numbers in 0..1, positive
// weights (optimizers and normalization keep squares in theirs).
func values(r *rand.Rand, m *ir.Module, f *ir.Func, n int64) (inputs, weights map[string]*tensor.Tensor) {
	inputs, weights = map[string]*tensor.Tensor{}, map[string]*tensor.Tensor{}
	draw := func(t tensor.Type) *tensor.Tensor {
		dims, _ := t.Shape.Bind(map[string]int64{"N": n})
		x := tensor.New(t.DType, dims...)
		for i := range x.Len() {
			if t.DType.IsFloat() {
				x.SetFloat(i, r.Float64())
			} else {
				x.SetInt(i, int64(1+r.Intn(9)))
			}
		}
		return x
	}
	for _, p := range f.Params {
		if p.Param.Kind == ir.Input {
			inputs[p.Param.Name] = draw(p.Type)
		}
	}
	for _, w := range m.Weights {
		x := draw(w.Type)
		for i := 0; i < x.Len() && len(x.Dims) > 1; i++ {
			x.SetFloat(i, x.Float(i)-0.5)
		}
		if strings.Contains(w.Path, "/") {
			for i := range x.Len() {
				x.SetFloat(i, math.Abs(x.Float(i)))
			}
		}
		weights[w.Path] = x
	}
	return inputs, weights
}

// TestExamplesAgreeWithEvaluator runs every entry in f32, through all graph and kernel passes and
// the level-1 interpreter, against the evaluator in f64 on the graph as it was optimized.
func TestExamplesAgreeWithEvaluator(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for _, e := range examples(t) {
		name, m := e.name, e.Module
		if err := ir.Verify(m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := passes.Graph(m, nil); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := ir.Verify(m); err != nil {
			t.Errorf("%s after the graph passes: %v", name, err)
		}
		for _, f := range m.Funcs {
			p, err := passes.Kernels(f, m, nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, n := range []int64{1, 3} {
				inputs, weights := values(r, m, f, n)
				results, updates, err := ir.Eval(f, inputs, weights, ir.Wide)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				t.Run(name+"/"+f.Name, func(t *testing.T) {
					compareEntry(t, p, n, []map[string]*tensor.Tensor{inputs, weights}, results, updates)
				})
			}
		}
	}
}

func compareEntry(t *testing.T, p *kernel.Program, n int64, given []map[string]*tensor.Tensor, results, updates map[string]*tensor.Tensor) {
	buffers := map[string]*tensor.Tensor{}
	for _, b := range p.Buffers {
		for _, m := range given {
			if x := m[b.Name]; x != nil && (b.Role == kernel.Input || b.Role == kernel.Weight) {
				buffers[b.Name] = x
			}
		}
	}
	if err := kernel.Interp(p, map[string]int64{"N": n}, buffers); err != nil {
		t.Fatal(err)
	}
	for _, b := range p.Buffers {
		var want *tensor.Tensor
		switch {
		case b.Role == kernel.Update:
			want = updates[b.Of]
		case b.Role == kernel.Output && b.Of != "":
			want = results[b.Of]
		case b.Role == kernel.Output:
			want = results[b.Name]
		default:
			continue
		}
		got := buffers[b.Name]
		for i := range got.Len() {
			if d := math.Abs(got.Float(i)-want.Float(i)) / math.Max(1, math.Abs(want.Float(i))); !(d < 2e-4) {
				t.Errorf("N=%d: %s[%d] is %g, the evaluator says %g", n, b.Name, i, got.Float(i), want.Float(i))
				break
			}
		}
	}
}

// TestExamplesDescend compares the gradients of every example's training step, in f64, with
// central differences of its loss.
func TestExamplesDescend(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	for _, e := range examples(t) {
		name, text := e.name, strings.ReplaceAll(ir.Print(e.Module), "f32", "f64")
		var paths []string
		m, backward := optimized(t, text, func(f *ir.Func) { paths = exposeGradients(f) })
		_, forward := optimized(t, text, func(f *ir.Func) {
			f.Results = slices.DeleteFunc(f.Results, func(r ir.Result) bool { return r.Update || r.Name != "loss" })
		})
		inputs, weights := values(r, m, backward, 2)
		evaluate := func(f *ir.Func) map[string]*tensor.Tensor {
			out, _, err := ir.Eval(f, inputs, weights)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return out
		}
		grads := evaluate(backward)
		for _, path := range paths {
			x := weights[path]
			for range 2 {
				const h = 1e-6
				i := r.Intn(x.Len())
				v := x.Float(i)
				x.SetFloat(i, v+h)
				up := evaluate(forward)["loss"].Float(0)
				x.SetFloat(i, v-h)
				want := (up - evaluate(forward)["loss"].Float(0)) / (2 * h)
				x.SetFloat(i, v)
				got := grads["gradient of "+path].Float(i)
				if math.Abs(got-want) > 1e-5*math.Max(1, math.Abs(want)) {
					t.Errorf("%s: d loss / d %s[%d] is %g, differences say %g", name, path, i, got, want)
				}
			}
		}
	}
}

// optimized reads a module, changes its training step and runs the graph passes.
func optimized(t *testing.T, text string, change func(f *ir.Func)) (*ir.Module, *ir.Func) {
	t.Helper()
	m, err := ir.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(m.Funcs, func(f *ir.Func) bool { return f.Name == "train" })
	change(m.Funcs[i])
	if err := passes.Graph(m, nil); err != nil {
		t.Fatal(err)
	}
	return m, m.Funcs[i]
}

// exposeGradients makes the gradients of stored parameters results, and returns their paths.
func exposeGradients(f *ir.Func) (paths []string) {
	for _, n := range f.Nodes {
		if _, ok := n.Op.(ir.Gradient); !ok {
			continue
		}
		for i, v := range n.In[1:] {
			if v.Param != nil {
				paths = append(paths, v.Param.Name)
				f.Results = append(f.Results, ir.Result{Name: "gradient of " + v.Param.Name, Value: n.Out[i]})
			}
		}
	}
	return paths
}
