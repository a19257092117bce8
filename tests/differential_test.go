package tests

import (
	"fmt"
	"math"
	"math/rand"
	"strings"
	"testing"

	"dlc/codegen/cpu"
	"dlc/ir"
	"dlc/ir/tensor"
)

// TestStagesAgree runs every entry of every example by the evaluator, the interpreters of both
// kernel levels and native code for each target with 1, 2 and 4 threads. All but the evaluator
// agree in bits. The images are small, for the interpreters' sake.
func TestStagesAgree(t *testing.T) {
	for _, e := range examples(t) {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			p := compile(t, e.name, e.Module)
			for _, entry := range everyEntry {
				t.Run(entry, func(t *testing.T) { p.agree(t, entry) })
			}
			for _, entry := range []string{"train", "infer", "score"} {
				t.Run("special values/"+entry, func(t *testing.T) { p.agreeOnSpecialValues(t, entry) })
			}
		})
	}
}

// agree compares all stages on an entry, at several batch sizes.
func (p *pipeline) agree(t *testing.T, entry string) {
	f := p.fn(entry)
	if f == nil {
		t.Fatal("there is no such entry")
	}
	r := rand.New(rand.NewSource(3))
	for _, n := range batches(p.name, f) {
		c := p.arguments(r, entry, n)
		want := p.interpret(t, entry, c)
		results, updates, err := ir.Eval(f, c.inputs, c.weights, ir.Wide)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			near(t, fmt.Sprintf("N=%d: definitions:", n), want, &answer{results, updates})
		}
		p.compareStages(t, entry, c, want)
	}
}

// batches returns the batch sizes to run an entry at: fewer where interpreting takes long, and
// one for an entry without a batch.
func batches(name string, f *ir.Func) []int64 {
	for _, v := range f.Params {
		for _, d := range v.Type.Shape {
			if _, ok := d.Const(); ok {
				continue
			}
			switch name {
			case "mnist/cnn":
				return []int64{3, 0}
			case "mnist/lenet":
				return []int64{1, 5, 0}
			}
			return []int64{1, 2, 5, 7, 0}
		}
	}
	return []int64{1}
}

// compareStages holds schedules and native code to the answer of the definitions.
func (p *pipeline) compareStages(t *testing.T, entry string, c *call, want *answer) {
	t.Helper()
	for _, target := range cpu.Targets() {
		sameAnswer(t, fmt.Sprintf("N=%d: schedules for %s:", c.n, target.Name), p.interpretTiles(t, target.Name, entry, c), want)
	}
	p.compareNative(t, entry, c, want)
}

// special numbers have rules of their own, which are part of the bits.
var special = []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 1e-42, -1e-39, 3e38, -3e38, 1e-20}

// agreeOnSpecialValues puts infinities, NaNs, signed zeros, denormals and huge numbers among
// inputs and weights.
func (p *pipeline) agreeOnSpecialValues(t *testing.T, entry string) {
	rounds := map[string]int{"digits/mlp": 8, "digits/lstm": 3, "mnist/lenet": 2, "mnist/resnet": 4, "mnist/cnn": 1}[p.name]
	r := rand.New(rand.NewSource(4))
	for round := range rounds {
		c := p.arguments(r, entry, int64(2+round%4))
		for _, m := range []map[string]*tensor.Tensor{c.inputs, c.weights} {
			for _, name := range sorted(m) {
				sprinkle(r, m[name], special)
			}
		}
		p.compareStages(t, entry, c, p.interpret(t, entry, c))
	}
}

// sprinkle replaces a few elements of a floating-point tensor, in one tensor out of three.
func sprinkle(r *rand.Rand, x *tensor.Tensor, with []float64) {
	if !x.DType.IsFloat() || x.Len() == 0 || r.Intn(3) > 0 {
		return
	}
	for range 1 + r.Intn(3) {
		x.SetFloat(r.Intn(x.Len()), with[r.Intn(len(with))])
	}
}

// TestWholeExamplesAgree runs the examples at their real size: native code for both targets and
// 1, 2 and 4 threads in bits, and answers against the interpreter of definitions.
func TestWholeExamplesAgree(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"digits/mlp", "digits/lstm", "mnist/lenet", "mnist/cnn", "mnist/resnet"} {
		image := tensor.Ints(28, 28, 1)
		if strings.HasPrefix(file, "digits/") {
			image = tensor.Ints(8, 8, 1)
		}
		p := compile(t, file, module(t, file, "", "", image))
		r := rand.New(rand.NewSource(5))
		for _, entry := range everyEntry {
			t.Run(file+"/"+entry, func(t *testing.T) {
				for _, n := range []int64{1, 33} {
					c := p.arguments(r, entry, n)
					var want *answer
					if entry != "train" && n == 1 {
						want = p.interpret(t, entry, c)
					}
					want = p.compareNative(t, entry, c, want)
					if n == 33 && entry == "infer" {
						p.compareRows(t, c, want)
					}
				}
			})
		}
	}
}

// compareNative holds every target and thread count to one answer, the first where none is given.
func (p *pipeline) compareNative(t *testing.T, entry string, c *call, want *answer) *answer {
	t.Helper()
	for _, target := range cpu.Targets() {
		if !runs(t, target) {
			continue
		}
		for _, threads := range []int{1, 2, 4} {
			got := p.execute(t, target.Name, entry, threads, c)
			if want == nil {
				want = got
			}
			sameAnswer(t, fmt.Sprintf("N=%d: %s, %d threads:", c.n, target.Name, threads), got, want)
		}
	}
	return want
}

// compareRows holds each row of an answer to the answer for that row alone: a batch's other rows
// change no bit.
func (p *pipeline) compareRows(t *testing.T, c *call, whole *answer) {
	t.Helper()
	target := cpu.V3()
	if !runs(t, target) {
		return
	}
	for _, row := range []int{0, 13, 32} {
		one := &call{n: 1, inputs: map[string]*tensor.Tensor{}, weights: c.weights}
		for name, x := range c.inputs {
			one.inputs[name] = rowOf(x, row)
		}
		want := map[string]*tensor.Tensor{}
		for name, x := range whole.results {
			want[name] = rowOf(x, row)
		}
		sameBits(t, fmt.Sprintf("row %d alone:", row), p.execute(t, target.Name, "infer", 1, one).results, want)
	}
}

// rowOf returns one row of a batch as a batch of one.
func rowOf(x *tensor.Tensor, row int) *tensor.Tensor {
	size := len(x.Data) / x.Dims[0]
	return &tensor.Tensor{DType: x.DType, Dims: append([]int{1}, x.Dims[1:]...), Data: x.Data[row*size : (row+1)*size]}
}
