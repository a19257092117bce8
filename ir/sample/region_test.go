package sample

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/passes"
)

// TestForwardMode derives the forward mode of every row that has derivatives, as jvp does: the
// gradient, by what the reverse mode begins with, of the reverse mode's product with a direction.
// The forward mode's product with w is what the reverse mode of w gives along the direction.
func TestForwardMode(t *testing.T) {
	for _, r := range Rows() {
		if r.Derivative != Once && r.Derivative != Twice {
			continue
		}
		for _, c := range r.wide() {
			if c.reaches() == 0 {
				continue
			}
			f, err := c.forward(t)
			if err != nil {
				if r.Derivative == Twice {
					t.Errorf("%s: %v", c, err)
				}
				continue
			}
			for _, env := range c.Bindings() {
				in := c.inputs(f, env)
				if strings.HasPrefix(r.Name, "reduce m") && in["x0"].Len() == 0 {
					continue // the extreme of nothing is infinite, and its share of nothing no number
				}
				out, _, err := ir.Eval(f, in, nil)
				if err != nil {
					t.Fatalf("%s: %v", c, err)
				}
				forward, reverse := out["forward"].Float(0), out["reverse"].Float(0)
				if d := math.Abs(forward-reverse) / math.Max(1, math.Abs(reverse)); !(d < 1e-8) {
					t.Errorf("%s: the forward mode gives %g, the reverse mode %g", c, forward, reverse)
				}
			}
		}
	}
}

// forward is the function of both modes.
func (c Case) forward(t *testing.T) (*ir.Func, error) {
	t.Helper()
	b, n, in, dy := (&gradientTest{Case: c}).build(t)
	gradient := func(of *ir.Value, by []*ir.Value) ([]*ir.Value, error) {
		return b.Try(ir.Gradient{}, append([]*ir.Value{of}, by...)...)
	}
	variables := floatsAmong(in)
	grads, err := gradient(weighted(b, n.Out, dy), variables)
	if err != nil {
		return nil, err
	}
	var directions []*ir.Value
	for i, g := range grads {
		directions = append(directions, b.Param(ir.Input, fmt.Sprint("v", i), g.Type))
	}
	reverse := weighted(b, grads, directions)
	begins := floatsAmong(dy)
	derivative, err := gradient(reverse, begins)
	if err != nil {
		return nil, err
	}
	b.Result("forward", weighted(b, derivative, begins))
	b.Result("reverse", reverse)
	return b.Func, passes.Graph(&ir.Module{Name: "m", Funcs: []*ir.Func{b.Func}}, nil)
}

func floatsAmong(values []*ir.Value) (out []*ir.Value) {
	for _, v := range values {
		if v != nil && v.Type.DType.IsFloat() {
			out = append(out, v)
		}
	}
	return out
}

// TestMapsAreLoops maps every case of every row over two elements, of all operands and of the first
// alone: evaluated and lowered, it gives in bits what each element alone does.
func TestMapsAreLoops(t *testing.T) {
	for _, r := range Rows() {
		if len(r.Samples) == 0 {
			continue
		}
		d := r.DTypes[0]
		if contains(r.DTypes, tensor.F32) {
			d = tensor.F32
		}
		for _, c := range r.Cases(d) {
			for mapped := min(1, len(c.In)); mapped <= len(c.In); mapped += max(1, len(c.In)-1) {
				mapAgainstLoop(t, c, mapped, Bindings()[0])
			}
		}
	}
}

func mapAgainstLoop(t *testing.T, c Case, mapped int, env map[string]int64) {
	t.Helper()
	single := function(t, c)
	body, err := c.Func("body")
	if err != nil {
		t.Fatal(err)
	}
	body.Params = body.Params[1:] // dims
	outer := ir.NewBuilder("f")
	outer.Param(ir.Input, "dims", tensor.Type{DType: tensor.Bool, Shape: dims("N, T")})
	var in []*ir.Value
	inputs := [2]map[string]*tensor.Tensor{c.Inputs(env), c.Inputs(map[string]int64{"N": env["N"], "T": env["T"], "again": 1})}
	all := map[string]*tensor.Tensor{"dims": inputs[0]["dims"]}
	for i, typ := range c.In {
		name := fmt.Sprint("x", i)
		if i < mapped {
			all[name] = stacked(inputs[0][name], inputs[1][name])
			typ.Shape = append(tensor.Shape{tensor.Int(2)}, typ.Shape...)
		} else {
			inputs[1][name] = inputs[0][name]
			all[name] = inputs[0][name]
		}
		in = append(in, outer.Param(ir.Input, name, typ))
	}
	out, err := outer.Try(ir.Map{Body: body, Size: tensor.Int(2), Mapped: mapped}, in...)
	if err != nil {
		t.Fatalf("%s: %v", c, err)
	}
	for i, v := range out {
		outer.Result(fmt.Sprint("y", i), v)
	}
	for _, run := range []func(f *ir.Func, in map[string]*tensor.Tensor) map[string]*tensor.Tensor{
		func(f *ir.Func, in map[string]*tensor.Tensor) map[string]*tensor.Tensor {
			out, _, err := ir.Eval(f, in, nil)
			if err != nil {
				t.Fatal(err)
			}
			return out
		},
		func(f *ir.Func, in map[string]*tensor.Tensor) map[string]*tensor.Tensor {
			return interpret(t, f, env, in)
		},
	} {
		got := run(outer.Func, all)
		a, b := run(single, inputs[0]), run(single, inputs[1])
		for name, x := range got {
			if want := stacked(a[name], b[name]); !bytes.Equal(x.Data, want.Data) && Distance(x, want) > 0 {
				t.Errorf("%s, %d mapped: %s differs from the elements'", c, mapped, name)
			}
		}
	}
}

// stacked lays two tensors along a new first axis.
func stacked(a, b *tensor.Tensor) *tensor.Tensor {
	x := tensor.New(a.DType, append([]int{2}, a.Dims...)...)
	copy(x.Data, a.Data)
	copy(x.Data[len(a.Data):], b.Data)
	return x
}
