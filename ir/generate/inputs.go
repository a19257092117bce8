package generate

import (
	"fmt"
	"maps"
	"math"
	"math/rand"
	"slices"
	"strings"

	"dlc/ir"
	"dlc/ir/sample"
	"dlc/ir/tensor"
)

// draw makes values for a parameter.
func (p *Program) draw(r *rand.Rand, v *ir.Value, env map[string]int64) *tensor.Tensor {
	dims, ok := v.Type.Shape.Bind(env)
	if !ok {
		panic("BUG: no dims for " + v.Type.String())
	}
	return sample.Draw(r, v.Type.DType, p.Drawn[v.Param.Name], dims...)
}

// A Trial is what a program is run on, and what is known of the answer.
type Trial struct {
	Symbols map[string]int64
	Inputs  map[string]*tensor.Tensor
	Want    map[string]*tensor.Tensor // in f64
	Spread  map[string]float64        // how far f32 is off, and answers for inputs a little beside
}

// maxSpread is the error of f32, relative to the largest element, beyond which inputs are
// ill conditioned.
const maxSpread = 2e-4

// Find searches inputs at a batch for which every answer is finite and well conditioned: f32, and
// f64 on inputs changed in their last bits, are close to f64. f is the program with its gradients
// written out. It is nil where 12 draws find none.
func (p *Program) Find(f *ir.Func, batch int64) (*Trial, error) {
	for turn := range int64(12) {
		r := rand.New(rand.NewSource(p.Seed*1000 + batch*20 + turn))
		t := &Trial{Symbols: p.Symbols(batch), Inputs: map[string]*tensor.Tensor{}}
		for _, v := range f.Params {
			t.Inputs[v.Param.Name] = p.draw(r, v, t.Symbols)
		}
		ok, err := t.conditioned(r, f)
		if ok || err != nil {
			return t, err
		}
	}
	return nil, nil
}

// conditioned fills in Want and Spread.
func (t *Trial) conditioned(r *rand.Rand, f *ir.Func) (bool, error) {
	var err error
	if t.Want, _, err = ir.Eval(f, t.Inputs, nil, ir.Wide); err != nil {
		return false, err
	}
	t.Spread = map[string]float64{}
	for _, x := range t.Want {
		if !tame(x, 1e6) {
			return false, nil
		}
	}
	beside := map[string]*tensor.Tensor{}
	for _, v := range f.Params {
		x := t.Inputs[v.Param.Name]
		if y := x.Widened(); x.DType == tensor.F32 {
			for i := range y.Len() {
				y.SetFloat(i, y.Float(i)*(1+0x1p-22*(2*r.Float64()-1)))
			}
			x = y
		}
		beside[v.Param.Name] = x
	}
	for turn := range 2 {
		var got map[string]*tensor.Tensor
		if turn == 0 {
			got, _, err = ir.Eval(f, t.Inputs, nil)
		} else {
			got, _, err = ir.Eval(f, beside, nil, ir.Wide)
		}
		if err != nil {
			return false, err
		}
		for name, want := range t.Want {
			d := Distance(got[name], want)
			if !(d <= maxSpread) {
				return false, nil
			}
			t.Spread[name] = max(t.Spread[name], d)
		}
	}
	return true, nil
}

// Distance is the largest difference of two tensors, relative to the largest element of the
// second, or to 1.
func Distance(a, b *tensor.Tensor) float64 {
	worst, scale := 0.0, 1.0
	for i := range b.Len() {
		x, y := a.Float(i), b.Float(i)
		if x == y || x != x && y != y {
			continue
		}
		d := math.Abs(x - y)
		if d != d {
			return math.Inf(1)
		}
		worst, scale = max(worst, d), max(scale, math.Abs(y))
	}
	for i := range b.Len() {
		if y := math.Abs(b.Float(i)); y <= math.MaxFloat64 {
			scale = max(scale, y)
		}
	}
	return worst / scale
}

// Near reports where an answer in f32 is farther from the trial's than its conditioning explains.
func (t *Trial) Near(got map[string]*tensor.Tensor) error {
	for name, want := range t.Want {
		x := got[name]
		if x == nil || x.Len() != want.Len() {
			return fmt.Errorf("%s is %v, not %v", name, x, want)
		}
		if d := Distance(x, want); !(d <= 1e-4+20*t.Spread[name]) {
			return fmt.Errorf("%s is off by %.3g of its largest element; f32 evaluates to %.3g", name, d, t.Spread[name])
		}
	}
	return nil
}

// Differences compares the gradients that are results, in f64, with a difference of the loss along
// a random direction. f is the program with its gradients written out. Where the loss bends or
// jumps, or a row says that a gradient is no derivative, nothing is compared.
func (t *Trial) Differences(f *ir.Func) error {
	if smooth := Smooth(f); !smooth {
		return nil
	}
	for _, r := range f.Results {
		name, ok := strings.CutPrefix(r.Name, lossName)
		if !ok {
			continue
		}
		if err := t.along(f, r.Name, name+"_"); err != nil {
			return err
		}
	}
	return nil
}

// Smooth reports whether gradients in a program are derivatives.
func Smooth(f *ir.Func) bool {
	second := slices.ContainsFunc(f.Results, func(r ir.Result) bool { return r.Name == lossName+"ddx" })
	smooth := true
	eachNode(f, func(n *ir.Node) {
		switch op := n.Op.(type) {
		case ir.StopGradient, ir.Bitcast:
			smooth = false
		case ir.Reduce: // its second derivative is wrong at zeros
			smooth = smooth && (op.Op != "prod" || !second)
		}
	})
	return smooth
}

// along compares one loss, and its gradients by the inputs of which there are results.
func (t *Trial) along(f *ir.Func, loss, prefix string) error {
	r := rand.New(rand.NewSource(3))
	direction, want, size := map[string]*tensor.Tensor{}, 0.0, 1.0
	for name, x := range t.Inputs {
		g := t.Want[prefix+name]
		if g == nil || !x.DType.IsFloat() {
			continue
		}
		v := tensor.New(tensor.F64, x.Dims...)
		for i := range v.Len() {
			v.SetFloat(i, 2*r.Float64()-1)
			want += g.Float(i) * v.Float(i)
			size = max(size, math.Abs(g.Float(i)))
		}
		direction[name] = v
	}
	at := func(h float64) (float64, error) {
		moved := maps.Clone(t.Inputs)
		for name, v := range direction {
			x := t.Inputs[name].Widened()
			y := tensor.New(tensor.F64, x.Dims...)
			for i := range y.Len() {
				y.SetFloat(i, x.Float(i)+h*v.Float(i))
			}
			moved[name] = y
		}
		out, _, err := ir.Eval(f, moved, nil, ir.Wide)
		if err != nil {
			return 0, err
		}
		return out[loss].Float(0), nil
	}
	const h = 1e-5
	var l [5]float64
	for i := range l {
		var err error
		if l[i], err = at(h * float64(i-2)); err != nil {
			return err
		}
	}
	got := (l[3] - l[1]) / (2 * h)
	limit := 1e-4 * max(size, math.Abs(want))
	if math.Abs(got-want) <= limit {
		return nil
	}
	left, right, wide := (l[2]-l[1])/h, (l[3]-l[2])/h, (l[4]-l[0])/(4*h)
	if math.Abs(left-right) > limit/4 || math.Abs(wide-got) > limit/4 {
		return nil // it bends or jumps here
	}
	return fmt.Errorf("%s changes by %.9g along a direction, its gradients say %.9g", loss, got, want)
}
