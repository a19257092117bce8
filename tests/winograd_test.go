package tests

import (
	"math"
	"math/rand"
	"strings"
	"testing"

	"dlc/ir"
	"dlc/ir/tensor"
)

// TestWinogradErrors holds minimal filtering to the bounds of docs/numerics.md: the error of each
// element, and the mean one beside that of the convolution's own chain.
func TestWinogradErrors(t *testing.T) {
	var w *witness
	for _, x := range witnesses(t) {
		if x.name == "winograd" {
			w = x
		}
	}
	size := map[string]int64{"N": 8}
	p, exact := w.ordered(t, w.parse(t)), w.ordered(t, double(w.parse(t)))
	in := w.inputs(p, size, false)
	wide := map[string]*tensor.Tensor{}
	largest := 1.0
	for name, x := range in {
		y, most := tensor.New(tensor.F64, x.Dims...), 0.0
		for i := range x.Len() {
			y.SetFloat(i, x.Float(i))
			most = max(most, math.Abs(x.Float(i)))
		}
		wide[name], largest = y, largest*most
	}
	got, want := interpreted(t, p, size, in), interpreted(t, exact, size, wide)["direct"]
	errors := func(name string) (mean, most float64) {
		for i := range want.Len() {
			d := math.Abs(got[name].Float(i) - want.Float(i))
			mean, most = mean+d*d, max(most, d)
		}
		return math.Sqrt(mean / float64(want.Len())), most
	}
	direct, _ := errors("direct")
	const channels, unit = 19, 1.0 / (1 << 24)
	for _, c := range []struct {
		name  string
		norms float64 // of the three transforms, squared
		mean  float64 // times that of the chain
	}{{"y2", 81, 1.5}, {"y4", 36100, 8}} {
		mean, most := errors(c.name)
		t.Logf("%s: mean error %.2f times that of the chain; largest %.2g, bound %.2g", c.name, mean/direct, most, c.norms*channels*(channels+34)*unit*largest)
		if mean > c.mean*direct {
			t.Errorf("%s: mean error %g, of a chain %g", c.name, mean, direct)
		}
		if bound := c.norms * channels * (channels + 34) * unit * largest; most > bound {
			t.Errorf("%s: error %g, beyond %g", c.name, most, bound)
		}
	}
}

// TestFilteredConvolutionsAgree compiles a convolution of many channels and its data gradient, which
// are filtered minimally, and compares every stage with the definition of the ops.
func TestFilteredConvolutionsAgree(t *testing.T) {
	t.Parallel()
	m, err := ir.Parse(`module wide
weight w : f32[3, 3, 64, 64]
func infer
  %0 = input x : f32[N, 16, 15, 64]
  %1 = weight w : f32[3, 3, 64, 64]
  %2 = conv {strides=[1, 1], pad_lo=[1, 1], pad_hi=[1, 1], dilation=[1, 1]} %0, %1 : f32[N, 16, 15, 64]
  %3 = conv_data {strides=[1, 1], pad_lo=[1, 1], pad_hi=[1, 1], dilation=[1, 1], shape=[N, 16, 15, 64]} %2, %1 : f32[N, 16, 15, 64]
  result y = %2
  result z = %3
end
`)
	if err != nil {
		t.Fatal(err)
	}
	p := compile(t, "wide", m)
	if text := p.kernels["infer"].String(); strings.Count(text, ".points[") < 2 {
		t.Fatalf("no minimal filtering in\n%s", text)
	}
	c := p.arguments(rand.New(rand.NewSource(1)), "infer", 1)
	want := p.interpret(t, "infer", c)
	results, updates, err := ir.Eval(p.fn("infer"), c.inputs, c.weights, ir.Wide)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "definitions:", want, &answer{results, updates})
	p.compareStages(t, "infer", c, want)
}
