package passes_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
	"dlc/passes"

	"golang.org/x/tools/txtar"
)

// A builder makes one kernel.
type kernelBuilder struct{ k *kernel.Kernel }

func newKernel(name string) *kernelBuilder { return &kernelBuilder{&kernel.Kernel{Name: name}} }

func (b *kernelBuilder) in(name string, t tensor.DType, dims ...string) {
	b.k.Ins = append(b.k.Ins, &kernel.Buffer{Name: name, Role: kernel.Input, Type: tensor.Type{DType: t, Shape: shapeOf(dims)}})
}

// def adds a definition; out makes it an output.
func (b *kernelBuilder) def(out bool, name string, axes []kernel.Axis, r *kernel.Reduce, e kernel.Expr) {
	d := &kernel.Def{Name: name, DType: e.Type(), Axes: axes, Reduce: r, Expr: e}
	b.k.Defs = append(b.k.Defs, d)
	if out {
		b.k.Outs = append(b.k.Outs, &kernel.Buffer{Name: name, Role: kernel.Output, Type: tensor.Type{DType: e.Type(), Shape: extentsOf(axes)}})
	}
}

func extentsOf(axes []kernel.Axis) tensor.Shape {
	var s tensor.Shape
	for _, a := range axes {
		s = append(s, a.Extent)
	}
	return s
}

func dim(s string) tensor.Dim {
	d, err := tensor.ParseDim(s)
	if err != nil {
		panic(err)
	}
	return d
}

func shapeOf(dims []string) tensor.Shape {
	var s tensor.Shape
	for _, d := range dims {
		s = append(s, dim(d))
	}
	return s
}

// over makes axes of name, extent pairs.
func over(pairs ...string) []kernel.Axis {
	var axes []kernel.Axis
	for i := 0; i < len(pairs); i += 2 {
		axes = append(axes, kernel.Axis{Name: pairs[i], Extent: dim(pairs[i+1])})
	}
	return axes
}

func load(name string, at ...string) kernel.Expr {
	l := &kernel.Load{Name: name, DType: tensor.F32}
	for _, s := range at {
		l.At = append(l.At, kernel.IndexOf(dim(s)))
	}
	return l
}

func mul(a, b kernel.Expr) kernel.Expr { return kernel.Apply("mul", a, b) }

func within(index string, extent string) kernel.Cond {
	return kernel.Cond{Index: dim(index), Extent: dim(extent)}
}

func sumOf(kind kernel.OrderKind, axes []kernel.Axis, when ...kernel.Cond) *kernel.Reduce {
	return &kernel.Reduce{Op: kernel.Sum, Axes: axes, When: when, Order: kernel.Order{Kind: kind}}
}

func chunksOf(axis string, by int64, axes []kernel.Axis, when ...kernel.Cond) *kernel.Reduce {
	r := sumOf(kernel.Chunks, axes, when...)
	r.Order.Axis, r.Order.By = axis, by
	return r
}

// A kernelCase is a kernel and the values of its symbols to try.
type kernelCase struct {
	k       *kernel.Kernel
	symbols []map[string]int64
}

func batches(ns ...int64) []map[string]int64 {
	var all []map[string]int64
	for _, n := range ns {
		all = append(all, map[string]int64{"N": n})
	}
	return all
}

// dense is y[m,c] = max(x w + b, 0).
func dense(m, k, c string) *kernel.Kernel {
	b := newKernel("dense")
	b.in("x", tensor.F32, m, k)
	b.in("w", tensor.F32, k, c)
	b.in("b", tensor.F32, c)
	b.def(false, "a", over("m", m, "c", c), sumOf(kernel.Chain, over("k", k)), mul(load("x", "m", "k"), load("w", "k", "c")))
	b.def(true, "y", over("i", m, "j", c), nil, kernel.Apply("max", kernel.Apply("add", load("a", "i", "j"), load("b", "j")), kernel.F(tensor.F32, 0)))
	return b.k
}

// matmul has either operand transposed.
func matmul(m, k, c string, tx, tw bool) *kernel.Kernel {
	b := newKernel("matmul")
	x, w := load("x", "m", "k"), load("w", "k", "c")
	xs, ws := []string{m, k}, []string{k, c}
	if tx {
		x, xs = load("x", "k", "m"), []string{k, m}
	}
	if tw {
		w, ws = load("w", "c", "k"), []string{c, k}
	}
	b.in("x", tensor.F32, xs...)
	b.in("w", tensor.F32, ws...)
	b.def(true, "y", over("m", m, "c", c), sumOf(kernel.Chain, over("k", k)), mul(x, w))
	return b.k
}

// conv is a forward convolution, [n,h,w,ci] * [r,s,ci,o], padded by pad on all sides.
func conv(h, ci, o, r, stride, dilation, pad int) *kernel.Kernel {
	out := (h+2*pad-dilation*(r-1)-1)/stride + 1
	b := newKernel("conv")
	b.in("x", tensor.F32, "N", fmt.Sprint(h), fmt.Sprint(h), fmt.Sprint(ci))
	b.in("w", tensor.F32, fmt.Sprint(r), fmt.Sprint(r), fmt.Sprint(ci), fmt.Sprint(o))
	b.in("b", tensor.F32, fmt.Sprint(o))
	ih := fmt.Sprintf("%d*h + %d*r - %d", stride, dilation, pad)
	iw := fmt.Sprintf("%d*w + %d*s - %d", stride, dilation, pad)
	axes := over("n", "N", "h", fmt.Sprint(out), "w", fmt.Sprint(out), "o", fmt.Sprint(o))
	red := sumOf(kernel.Chain, over("r", fmt.Sprint(r), "s", fmt.Sprint(r), "ci", fmt.Sprint(ci)))
	if pad > 0 {
		red.When = []kernel.Cond{within(ih, fmt.Sprint(h)), within(iw, fmt.Sprint(h))}
	}
	b.def(false, "a", axes, red, mul(load("x", "n", ih, iw, "ci"), load("w", "r", "s", "ci", "o")))
	b.def(true, "y", axes, nil, kernel.Apply("max", kernel.Apply("add", load("a", "n", "h", "w", "o"), load("b", "o")), kernel.F(tensor.F32, 0)))
	return b.k
}

// convData is the data gradient of conv; w lies transposed, [r,s,o,ci].
func convData(h, ci, o, r, stride, pad int) *kernel.Kernel {
	out := (h+2*pad-r)/stride + 1
	b := newKernel("conv_data")
	b.in("dy", tensor.F32, "N", fmt.Sprint(out), fmt.Sprint(out), fmt.Sprint(o))
	b.in("w", tensor.F32, fmt.Sprint(r), fmt.Sprint(r), fmt.Sprint(o), fmt.Sprint(ci))
	red := sumOf(kernel.Chain, over("r", fmt.Sprint(r), "s", fmt.Sprint(r), "o", fmt.Sprint(o)))
	at := make([]string, 2)
	for i, names := range [][2]string{{"h", "r"}, {"w", "s"}} {
		e := fmt.Sprintf("%s - %s + %d", names[0], names[1], pad)
		if stride > 1 {
			red.When = append(red.When, within(fmt.Sprintf("(%s) %% %d", e, stride), "1"))
		}
		at[i] = fmt.Sprintf("(%s) div %d", e, stride)
		red.When = append(red.When, within(at[i], fmt.Sprint(out)))
	}
	b.def(true, "dx", over("n", "N", "h", fmt.Sprint(h), "w", fmt.Sprint(h), "ci", fmt.Sprint(ci)), red,
		mul(load("dy", "n", at[0], at[1], "o"), load("w", "r", "s", "o", "ci")))
	return b.k
}

// convWeights is the weight gradient of conv, the batch in chunks of by.
func convWeights(h, ci, o, r, stride, pad int, by int64) *kernel.Kernel {
	out := (h+2*pad-r)/stride + 1
	b := newKernel("conv_weights")
	b.in("x", tensor.F32, "N", fmt.Sprint(h), fmt.Sprint(h), fmt.Sprint(ci))
	b.in("dy", tensor.F32, "N", fmt.Sprint(out), fmt.Sprint(out), fmt.Sprint(o))
	ih := fmt.Sprintf("%d*h + r - %d", stride, pad)
	iw := fmt.Sprintf("%d*w + s - %d", stride, pad)
	red := chunksOf("n", by, over("n", "N", "h", fmt.Sprint(out), "w", fmt.Sprint(out)))
	if pad > 0 {
		red.When = []kernel.Cond{within(ih, fmt.Sprint(h)), within(iw, fmt.Sprint(h))}
	}
	b.def(true, "dw", over("r", fmt.Sprint(r), "s", fmt.Sprint(r), "ci", fmt.Sprint(ci), "o", fmt.Sprint(o)), red,
		mul(load("x", "n", ih, iw, "ci"), load("dy", "n", "h", "w", "o")))
	return b.k
}

func pool(h, c, r, stride int) *kernel.Kernel {
	out := (h-r)/stride + 1
	b := newKernel("pool")
	b.in("x", tensor.F32, "N", fmt.Sprint(h), fmt.Sprint(h), fmt.Sprint(c))
	red := sumOf(kernel.Chain, over("r", fmt.Sprint(r), "s", fmt.Sprint(r)))
	red.Op = kernel.Max
	b.def(true, "y", over("n", "N", "h", fmt.Sprint(out), "w", fmt.Sprint(out), "c", fmt.Sprint(c)), red,
		load("x", "n", fmt.Sprintf("%d*h + r", stride), fmt.Sprintf("%d*w + s", stride), "c"))
	return b.k
}

// softmax returns softmax rows and their cross-entropy with a label, of a gathered position.
func softmax(c string) *kernel.Kernel {
	b := newKernel("softmax")
	b.in("x", tensor.F32, "N", c)
	b.in("label", tensor.I32, "N")
	top := sumOf(kernel.Lanes64, over("j", c))
	top.Op = kernel.Max
	b.def(false, "m", over("n", "N"), top, load("x", "n", "j"))
	b.def(false, "e", over("n", "N", "q", c), nil, kernel.Apply("exp", kernel.Apply("sub", load("x", "n", "q"), load("m", "n"))))
	b.def(false, "s", over("p", "N"), sumOf(kernel.Lanes64, over("t", c)), load("e", "p", "t"))
	b.def(true, "y", over("n", "N", "j", c), nil, kernel.Apply("div", load("e", "n", "j"), load("s", "n")))
	label := &kernel.Load{Name: "label", DType: tensor.I32, At: []kernel.Expr{kernel.At("i")}}
	picked := &kernel.Load{Name: "x", DType: tensor.F32, At: []kernel.Expr{kernel.At("i"), label}}
	b.def(true, "loss", over("i", "N"), nil, kernel.Apply("sub", kernel.Apply("add", kernel.Apply("log", load("s", "i")), load("m", "i")), picked))
	return b.k
}

// mean is a rank-0 reduction with an epilogue.
func mean() *kernel.Kernel {
	b := newKernel("mean")
	b.in("x", tensor.F32, "N")
	b.def(false, "s", nil, sumOf(kernel.Lanes64, over("j", "N")), load("x", "j"))
	b.def(true, "y", nil, nil, kernel.Apply("div", load("s"), kernel.Cast(tensor.F32, kernel.IndexOf(dim("N")))))
	return b.k
}

// channelSums has two sums of one walk and maps over what they give.
func channelSums(h, c int, by int64) *kernel.Kernel {
	b := newKernel("channel_sums")
	b.in("x", tensor.F32, "N", fmt.Sprint(h), fmt.Sprint(h), fmt.Sprint(c))
	x := load("x", "n", "h", "w", "c")
	axes := over("n", "N", "h", fmt.Sprint(h), "w", fmt.Sprint(h))
	b.def(false, "s", over("c", fmt.Sprint(c)), chunksOf("n", by, axes), x)
	b.def(false, "q", over("c", fmt.Sprint(c)), chunksOf("n", by, axes), mul(x, x))
	b.def(true, "mean", over("c", fmt.Sprint(c)), nil, kernel.Apply("div", load("s", "c"), kernel.F(tensor.F32, 3)))
	b.def(true, "var", over("c", fmt.Sprint(c)), nil, kernel.Apply("sub", load("q", "c"), mul(load("mean", "c"), load("mean", "c"))))
	return b.k
}

// normalise reads a reduction in chunks from a larger space, and another one that needs it.
func normalise(c int) *kernel.Kernel {
	b := newKernel("normalise")
	b.in("x", tensor.F32, "N", fmt.Sprint(c))
	b.def(false, "s", over("c", fmt.Sprint(c)), chunksOf("n", 3, over("n", "N")), load("x", "n", "c"))
	d := kernel.Apply("sub", load("x", "n", "c"), load("s", "c"))
	b.def(false, "v", over("c", fmt.Sprint(c)), chunksOf("n", 3, over("n", "N")), mul(d, d))
	b.def(true, "y", over("i", "N", "j", fmt.Sprint(c)), nil, kernel.Apply("div", kernel.Apply("sub", load("x", "i", "j"), load("s", "j")), load("v", "j")))
	return b.k
}

// adam updates a parameter and two moments by a rank-0 rate.
func adam(dims ...string) *kernel.Kernel {
	b := newKernel("adam")
	var axes []kernel.Axis
	var at []string
	for i, d := range dims {
		axes = append(axes, over(fmt.Sprintf("i%d", i), d)...)
		at = append(at, axes[i].Name)
	}
	for _, name := range []string{"w", "m", "v", "g"} {
		b.in(name, tensor.F32, dims...)
	}
	b.in("rate", tensor.F32)
	lit := func(v float64) kernel.Expr { return kernel.F(tensor.F32, v) }
	b.def(false, "lr", nil, nil, kernel.Apply("sqrt", load("rate")))
	b.def(true, "m1", axes, nil, kernel.Apply("add", mul(lit(0.9), load("m", at...)), mul(lit(0.1), load("g", at...))))
	b.def(true, "v1", axes, nil, kernel.Apply("add", mul(lit(0.99), load("v", at...)), mul(lit(0.01), mul(load("g", at...), load("g", at...)))))
	step := kernel.Apply("div", mul(load("lr"), load("m1", at...)), kernel.Apply("add", kernel.Apply("sqrt", kernel.Apply("abs", load("v1", at...))), lit(1e-3)))
	b.def(true, "w1", axes, nil, kernel.Apply("sub", load("w", at...), step))
	return b.k
}

// transpose and a padded copy of another shape, in one kernel.
func views(r, c string) *kernel.Kernel {
	b := newKernel("views")
	b.in("x", tensor.F32, r, c)
	b.def(true, "t", over("i", c, "j", r), nil, load("x", "j", "i"))
	b.def(true, "p", over("i", r, "j", c+" + 2"), nil, &kernel.Guard{Conds: []kernel.Cond{within("j - 1", c)}, Expr: load("x", "i", "j - 1")})
	return b.k
}

// attention scores: two batch axes.
func scores(d string) *kernel.Kernel {
	b := newKernel("scores")
	b.in("q", tensor.F32, "N", "3", "5", d)
	b.in("k", tensor.F32, "N", "3", d, "7")
	b.def(true, "s", over("n", "N", "g", "3", "i", "5", "j", "7"), sumOf(kernel.Chain, over("d", d)), mul(load("q", "n", "g", "i", "d"), load("k", "n", "g", "d", "j")))
	return b.k
}

// denseWeights is dw[k,c] = x' dy, the batch in chunks.
func denseWeights(k, c string, by int64) *kernel.Kernel {
	b := newKernel("dense_weights")
	b.in("x", tensor.F32, "N", k)
	b.in("dy", tensor.F32, "N", c)
	b.def(false, "g", over("k", k, "c", c), chunksOf("m", by, over("m", "N")), mul(load("x", "m", "k"), load("dy", "m", "c")))
	b.in("w", tensor.F32, k, c)
	b.def(true, "w1", over("k", k, "c", c), nil, kernel.Apply("sub", load("w", "k", "c"), mul(load("g", "k", "c"), kernel.F(tensor.F32, 0.1))))
	return b.k
}

// innerChunks cuts chunks from the second of three reduced axes.
func innerChunks(n, h, w string, by int64) *kernel.Kernel {
	b := newKernel("inner_chunks")
	b.in("x", tensor.F32, n, h, w, "6")
	b.def(true, "s", over("c", "6"), chunksOf("h", by, over("n", n, "h", h, "w", w)), load("x", "n", "h", "w", "c"))
	return b.k
}

// total sums everything, to a scalar that nothing is parallel to.
func total() *kernel.Kernel {
	b := newKernel("total")
	b.in("x", tensor.F32, "N", "3", "1")
	b.def(true, "s", nil, chunksOf("n", 4, over("n", "N", "h", "3", "w", "1")), load("x", "n", "h", "w"))
	return b.k
}

// dropout draws by the row-major position in a row, on u8 data.
func dropout() *kernel.Kernel {
	b := newKernel("dropout")
	b.in("x", tensor.U8, "N", "3", "4", "5")
	b.in("seed", tensor.U64)
	x := &kernel.Load{Name: "x", DType: tensor.U8, At: []kernel.Expr{kernel.At("n"), kernel.At("h"), kernel.At("w"), kernel.At("c")}}
	bits := &kernel.Random{Seed: &kernel.Load{Name: "seed", DType: tensor.U64}, Step: kernel.I(tensor.I64, 3), Site: 99,
		Row: kernel.At("n"), Column: kernel.IndexOf(dim("20*h + 5*w + c"))}
	drop := kernel.Compare("lt", kernel.Uniform(bits), kernel.F(tensor.F32, 0.5))
	b.def(true, "y", over("n", "N", "h", "3", "w", "4", "c", "5"), nil, kernel.Select(drop, kernel.F(tensor.F32, 0), kernel.Cast(tensor.F32, x)))
	return b.k
}

// spread reads a reduction at other indices than its own, and twice over.
func spread() *kernel.Kernel {
	b := newKernel("spread")
	b.in("x", tensor.F32, "N", "4", "6")
	b.def(false, "a", over("n", "N", "i", "4"), sumOf(kernel.Chain, over("j", "6")), load("x", "n", "i", "j"))
	b.def(false, "t", over("n", "N", "i", "4"), nil, kernel.Apply("tanh", load("a", "n", "i")))
	b.def(true, "y", over("n", "N", "p", "8"), nil, load("t", "n", "p div 2"))
	b.def(true, "z", over("n", "N", "i", "4"), nil, kernel.Apply("add", load("t", "n", "i"), load("a", "n", "3 - i")))
	return b.k
}

// counts reduces other types: how many rows have their maximum at a label, whether any is 0.
func counts() *kernel.Kernel {
	b := newKernel("counts")
	b.in("x", tensor.F32, "N", "9")
	top := sumOf(kernel.Lanes64, over("j", "9"))
	top.Op = kernel.Max
	b.def(false, "m", over("n", "N"), top, load("x", "n", "j"))
	hit := kernel.Cast(tensor.F64, kernel.Compare("eq", load("x", "n", "3"), load("m", "n")))
	b.def(true, "hits", nil, sumOf(kernel.Lanes64, over("n", "N")), hit)
	zero := sumOf(kernel.Chain, over("j", "9"))
	zero.Op = kernel.Any
	b.def(true, "zero", over("n", "N"), zero, kernel.Compare("lt", load("x", "n", "j"), kernel.F(tensor.F32, -4)))
	b.def(true, "sum", over("j", "9"), chunksOf("n", 5, over("n", "N")), kernel.Cast(tensor.F64, load("x", "n", "j")))
	return b.k
}

func tileCases() map[string]kernelCase {
	cs := map[string]kernelCase{
		"dense":            {dense("N", "37", "45"), batches(0, 1, 5, 31)},
		"dense ten":        {dense("N", "12", "10"), batches(33)},
		"dense const":      {dense("29", "3", "84"), batches(0)},
		"dense one":        {dense("N", "1", "1"), batches(1, 17)},
		"dense no terms":   {dense("N", "0", "5"), batches(3)},
		"dense no columns": {dense("N", "4", "0"), batches(3)},
		"dense any":        {dense("N", "K", "C"), []map[string]int64{{"N": 7, "K": 9, "C": 70}, {"N": 1, "K": 0, "C": 1}}},
		"softmax 10":       {softmax("10"), batches(0, 1, 11)},
		"softmax 130":      {softmax("130"), batches(1, 6)},
		"softmax C":        {softmax("C"), []map[string]int64{{"N": 3, "C": 65}, {"N": 2, "C": 1}}},
		"mean":             {mean(), batches(0, 1, 64, 200)},
		"channel sums":     {channelSums(3, 20, 2), batches(0, 1, 2, 7)},
		"normalise":        {normalise(19), batches(1, 3, 10)},
		"adam":             {adam("5", "5", "7"), batches(0)},
		"adam N":           {adam("N", "3"), batches(0, 1, 100)},
		"views":            {views("N", "9"), batches(0, 1, 40)},
		"views C":          {views("9", "N"), batches(1, 21)},
		"scores":           {scores("8"), batches(1, 2)},
		"dense weights":    {denseWeights("37", "21", 4), batches(0, 1, 4, 18)},
		"dense weights 1":  {denseWeights("100", "1", 1), batches(3)},
		"inner chunks":     {innerChunks("N", "7", "3", 2), batches(0, 1, 3)},
		"inner chunks 1":   {innerChunks("2", "N", "1", 3), batches(0, 1, 7)},
		"const chunks":     {innerChunks("2", "5", "5", 2), batches(0)},
		"one chunk":        {innerChunks("1", "5", "5", 5), batches(0)},
		"total":            {total(), batches(0, 1, 9)},
		"dropout":          {dropout(), batches(0, 1, 9)},
		"spread":           {spread(), batches(0, 1, 9)},
		"counts":           {counts(), batches(0, 1, 70)},
		"pool":             {pool(6, 20, 2, 2), batches(0, 1, 3)},
		"pool overlap":     {pool(7, 3, 3, 2), batches(2)},
		"pool one channel": {pool(9, 1, 2, 2), batches(2)},
	}
	for _, p := range [][3]string{{"N", "1024", "20"}, {"29", "512", "16"}, {"N", "64", "1024"}} { // operands that are staged
		cs[fmt.Sprint("matmul ", p)] = kernelCase{matmul(p[0], p[1], p[2], false, false), batches(15)}
	}
	cs["conv staged"] = kernelCase{conv(8, 1024, 2, 3, 1, 1, 1), batches(1)}
	for i := range 4 {
		cs[fmt.Sprint("matmul ", i)] = kernelCase{matmul("N", "11", "18", i&1 > 0, i&2 > 0), batches(1, 16)}
	}
	for _, p := range [][7]int{{7, 3, 5, 3, 1, 1, 1}, {14, 1, 32, 3, 1, 1, 1}, {8, 4, 33, 3, 2, 1, 1}, {9, 2, 3, 3, 1, 2, 2}, {6, 3, 4, 3, 1, 1, 0}, {5, 6, 7, 1, 1, 1, 0}, {30, 2, 3, 5, 1, 1, 2}, {1, 1, 1, 1, 1, 1, 0}} {
		h, ci, o, r, stride, dilation, pad := p[0], p[1], p[2], p[3], p[4], p[5], p[6]
		name := fmt.Sprint(p)
		cs["conv "+name] = kernelCase{conv(h, ci, o, r, stride, dilation, pad), batches(0, 2)}
		if dilation == 1 {
			cs["data "+name] = kernelCase{convData(h, ci, o, r, stride, pad), batches(2)}
			cs["weights "+name] = kernelCase{convWeights(h, ci, o, r, stride, pad, 2), batches(0, 3)}
		}
	}
	return cs
}

// TestTileAgrees compares every schedule with the definitions, in bits.
func TestTileAgrees(t *testing.T) {
	for name, c := range tileCases() {
		for _, m := range passes.Machines() {
			t.Run(name+" "+m.Name, func(t *testing.T) {
				t.Parallel()
				p, err := passes.Tile(c.k, m)
				if err != nil {
					t.Fatal(err)
				}
				back, err := tile.Parse(p.String(), p.Kernel)
				if err != nil || back.String() != p.String() {
					t.Fatalf("text does not read back: %v\n%s", err, p)
				}
				for _, symbols := range c.symbols {
					compareLevels(t, c.k, p, symbols)
				}
			})
		}
	}
}

func compareLevels(t *testing.T, k *kernel.Kernel, p *tile.Program, symbols map[string]int64) {
	t.Helper()
	r := rand.New(rand.NewSource(1))
	one, two := map[string]*tensor.Tensor{}, map[string]*tensor.Tensor{}
	for _, b := range k.Ins {
		dims, ok := b.Type.Shape.Bind(symbols)
		if !ok {
			t.Fatalf("%s has no shape", b.Name)
		}
		x := tensor.New(b.Type.DType, dims...)
		for i := range x.Len() {
			x.SetFloat(i, r.NormFloat64()*2)
		}
		one[b.Name], two[b.Name] = x, x
	}
	if err := kernel.Interp(&kernel.Program{Name: k.Name, Buffers: k.Buffers(), Kernels: []*kernel.Kernel{k}}, symbols, one); err != nil {
		t.Fatal(err)
	}
	for seed := range int64(2) {
		for _, b := range k.Outs {
			delete(two, b.Name)
		}
		if err := tile.Interp(p, symbols, two, seed); err != nil {
			t.Fatalf("%v: %v\n%s", symbols, err, p)
		}
		for _, b := range k.Outs {
			if !bytes.Equal(one[b.Name].Data, two[b.Name].Data) {
				t.Fatalf("%v: %s differs\n%s", symbols, b.Name, p)
			}
		}
	}
}

// TestTileGolden holds the schedules of the kernels that models are made of. -update rewrites them.
func TestTileGolden(t *testing.T) {
	const file = "testdata/tile/schedules.txtar"
	kernels := []struct {
		name string
		k    *kernel.Kernel
	}{
		{"dense", dense("N", "3136", "128")}, {"dense of ten", dense("N", "1600", "10")}, {"dense weights", denseWeights("1600", "10", 1024)},
		{"first conv", conv(28, 1, 32, 3, 1, 1, 1)}, {"conv", conv(14, 32, 64, 3, 1, 1, 1)}, {"strided conv", conv(224, 3, 64, 7, 2, 1, 3)},
		{"conv data", convData(14, 32, 64, 3, 1, 1)}, {"first conv weights", convWeights(28, 1, 32, 3, 1, 1, 2)}, {"conv weights", convWeights(14, 32, 64, 3, 1, 1, 6)},
		{"pool", pool(28, 32, 2, 2)}, {"softmax", softmax("10")}, {"wide softmax", softmax("1000")}, {"mean", mean()},
		{"channel sums", channelSums(14, 64, 6)}, {"adam", adam("3", "3", "32", "64")}, {"dropout", dropout()}, {"spread", spread()}, {"scores", scores("64")},
	}
	var a txtar.Archive
	for _, c := range kernels {
		for _, m := range passes.Machines() {
			p, err := passes.Tile(c.k, m)
			if err != nil {
				t.Fatal(err)
			}
			a.Files = append(a.Files, txtar.File{Name: c.name + " " + m.Name, Data: []byte(p.String())})
		}
	}
	got := txtar.Format(&a)
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the schedules are not those of %s:\n%s", file, got)
	}
}
