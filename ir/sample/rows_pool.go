package sample

import (
	"dlc/ir"
	"dlc/ir/tensor"
)

type pooling struct {
	pool ir.MaxPool
	x    string
}

func poolings() []pooling {
	p := func(window, strides, lo, hi []int64) ir.MaxPool {
		return ir.MaxPool{Window: window, Strides: strides, PadLo: lo, PadHi: hi}
	}
	apart := func(window, strides, lo, hi, dilation []int64) ir.MaxPool {
		return ir.MaxPool{Window: window, Strides: strides, PadLo: lo, PadHi: hi, Dilation: dilation}
	}
	return []pooling{
		{p([]int64{2, 2}, []int64{2, 2}, []int64{0, 0}, []int64{0, 0}), "N, 4, 6, 2"},
		{p([]int64{2, 2}, []int64{2, 2}, []int64{0, 0}, []int64{1, 1}), "N, 5, 3, 1"},
		{p([]int64{3, 3}, []int64{2, 2}, []int64{1, 1}, []int64{1, 1}), "N, 5, 4, 2"},
		{p([]int64{3, 2}, []int64{1, 1}, []int64{2, 0}, []int64{0, 1}), "2, 4, 3, 1"},
		{p([]int64{1, 2}, []int64{3, 3}, []int64{0, 0}, []int64{0, 0}), "1, 7, 8, 1"},
		{p([]int64{3}, []int64{2}, []int64{0}, []int64{1}), "N, 7, 3"},
		{p([]int64{1}, []int64{1}, []int64{0}, []int64{0}), "1, 1, 1"},
		{p([]int64{2, 1, 2}, []int64{1, 1, 2}, []int64{0, 0, 0}, []int64{0, 0, 0}), "1, 3, 2, 4, 2"},
		{p([]int64{2, 2}, []int64{2, 2}, []int64{0, 0}, []int64{0, 0}), "3, 8, 6, 19"},
		{apart([]int64{3, 2}, []int64{1, 2}, []int64{2, 0}, []int64{1, 2}, []int64{2, 3}), "N, 5, 7, 2"},
		{apart([]int64{2}, []int64{3}, []int64{1}, []int64{0}, []int64{2}), "2, 8, 3"},
	}
}

// poolRows are pools of windows and their gradients.
func poolRows() []Row {
	const source = "PyTorch pools, channels last; padding is no element"
	sizes := "[N, d..., C] -> [N, (d + pad_lo + pad_hi - span) div stride + 1 ..., C], the span being (window - 1) * dilation + 1"
	most := Row{Name: "max_pool", Doc: "The largest element of each window, and its place in the window (i32), row-major, the first of equals; a NaN wins.", Shapes: sizes + ", the same of i32",
		Source: source, DTypes: numbers(), Reference: "max_pool(nx, a)", Derivative: Twice,
		Refused: []Refusal{{poolings()[5].pool, "f32[N, 1, 3]", "window spans 3"}, {poolings()[5].pool, "f32[N, 3]", "1 to 3 spatial dims"}, {ir.MaxPool{Window: []int64{2}, Strides: []int64{2}, PadLo: []int64{2}, PadHi: []int64{0}}, "f32[N, 4, 3]", "must be in 0..2"}}}
	back := Row{Name: "max_pool_grad", Doc: "The gradient of max_pool: each dy is added at the place that the index says.", Shapes: "max_pool's results, the first dy -> `shape`", Source: source,
		DTypes: numbers(), Reference: "max_pool_grad(nx, ny, a)", Tolerance: 1e-13, Reason: "the order of a sum", Derivative: Twice,
		Refused: []Refusal{{ir.MaxPoolGrad{Window: []int64{2}, Strides: []int64{2}, PadLo: []int64{0}, PadHi: []int64{0}, Shape: dims("N, 4, 3")}, "f32[N, 2, 3]; f32[N, 2, 3]", "must be i32"}}}
	pick := Row{Name: "max_pool_pick", Doc: "The element of each window of x at the place that the index says: the gradient of max_pool_grad.", Shapes: "x, max_pool's second result -> that of max_pool", Source: source,
		DTypes: numbers(), Reference: "max_pool_pick(nx, ny, a)", Derivative: Twice,
		Refused: []Refusal{{ir.MaxPoolPick(poolings()[5].pool), "f32[N, 7, 3]; f32[N, 3, 3]", "must be i32"}, {ir.MaxPoolPick(poolings()[5].pool), "f32[N, 7, 3]; i32[N, 2, 3]", "one shape"}}}
	sum := Row{Name: "sum_pool", Doc: "The sum of each window.", Shapes: sizes, Source: source, DTypes: numbers(), Reference: "sum_pool(nx, a)", Tolerance: 1e-13, Reason: "the order of a sum", Derivative: Twice}
	sumBack := Row{Name: "sum_pool_grad", Doc: "The gradient of sum_pool: each element is the sum of dy of the windows that it is in.", Shapes: "sum_pool's result -> `shape`", Source: source,
		DTypes: numbers(), Reference: "sum_pool_grad(nx, a)", Tolerance: 1e-13, Reason: "the order of a sum", Derivative: Twice,
		Refused: []Refusal{{ir.SumPoolGrad{Window: []int64{2}, Strides: []int64{2}, PadLo: []int64{0}, PadHi: []int64{0}, Shape: dims("N, 4, 3")}, "f32[N, 3, 3]", "[N, 2, 3]"}}}
	for _, c := range poolings() {
		o := c.pool
		y, err := o.Infer(Types("f32[" + c.x + "]"))
		if err != nil {
			panic("BUG: " + err.Error())
		}
		x, dy := "?["+c.x+"]", "["+y[0].Shape.String()+"]"
		grad := ir.MaxPoolGrad{Window: o.Window, Strides: o.Strides, PadLo: o.PadLo, PadHi: o.PadHi, Dilation: o.Dilation, Shape: dims(c.x)}
		for _, drawn := range []string{"", "ties", "special"} {
			most.Samples = append(most.Samples, Sample{o, x, drawn})
		}
		back.Samples = append(back.Samples, Sample{grad, "?" + dy + "; i32" + dy, "index"})
		pick.Samples = append(pick.Samples, Sample{ir.MaxPoolPick(o), x + "; i32" + dy, "index"})
		sum.Samples = append(sum.Samples, Sample{ir.SumPool(o), x, ""})
		sumBack.Samples = append(sumBack.Samples, Sample{ir.SumPoolGrad(grad), "?" + dy, ""})
	}
	apply := func(max bool) func(p Program) (ir.Op, []*ir.Value) {
		return func(p Program) (ir.Op, []*ir.Value) {
			x := anImage(p, func(t tensor.Type) bool { return t.DType != tensor.Bool })
			size, strides, lo, hi, apart := window(p, x.Type.Shape)
			o := ir.MaxPool{Window: size, Strides: strides, PadLo: lo, PadHi: hi}
			if spread(p, x.Type.Shape, size, apart) {
				o.Dilation = apart
			}
			if max {
				return o, []*ir.Value{x}
			}
			return ir.SumPool(o), []*ir.Value{x}
		}
	}
	most.Apply, sum.Apply = apply(true), apply(false)
	return []Row{most, back, pick, sum, sumBack}
}
