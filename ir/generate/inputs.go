package generate

import (
	"fmt"
	"math"
	"math/rand"

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
		if y := widened(x); x.DType == tensor.F32 {
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
