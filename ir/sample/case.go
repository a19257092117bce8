package sample

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand"
	"slices"
	"strings"

	"dlc/ir"
	"dlc/ir/tensor"
)

// A Case is a sample for one dtype.
type Case struct {
	Row   *Row
	Op    ir.Op
	In    []tensor.Type
	Drawn string
}

// With puts a dtype in the place of ? (of tensor.Invalid in attributes).
func (s Sample) With(row *Row, t tensor.DType) Case {
	op := ir.MapAttributes(s.Op, func(d tensor.DType) tensor.DType {
		if d == tensor.Invalid {
			return t
		}
		return d
	}, func(d tensor.Dim) tensor.Dim { return d })
	return Case{row, op, Types(strings.ReplaceAll(s.In, "?", t.String())), s.Drawn}
}

// Cases returns the samples of a row for a dtype.
func (r *Row) Cases(t tensor.DType) []Case {
	var list []Case
	for _, s := range r.Samples {
		list = append(list, s.With(r, t))
	}
	return list
}

// Types reads a list of types, as in "f32[N, 3]; i32[N]".
func Types(text string) []tensor.Type {
	var types []tensor.Type
	for _, one := range strings.Split(text, ";") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		t, err := ir.ParseType(one)
		if err != nil {
			panic("BUG: " + text + ": " + err.Error())
		}
		types = append(types, t)
	}
	return types
}

// dims reads a shape.
func dims(text string) tensor.Shape { return Types("f32[" + text + "]")[0].Shape }

// typ is a shape of the dtype under test.
func typ(text string) tensor.Type { return tensor.Type{Shape: dims(text)} }

// Bindings are the values that the symbols of samples take.
func Bindings() []map[string]int64 {
	return []map[string]int64{{"N": 3, "T": 5}, {"N": 1, "T": 2}, {"N": 0, "T": 4}}
}

// Symbolic reports whether a case has other shapes at other bindings.
func (c Case) Symbolic() bool {
	set := map[string]bool{}
	for _, t := range c.In {
		for _, d := range t.Shape {
			d.Symbols(set)
		}
	}
	ir.MapAttributes(c.Op, func(t tensor.DType) tensor.DType { return t }, func(d tensor.Dim) tensor.Dim {
		d.Symbols(set)
		return d
	})
	return len(set) > 0
}

// Bindings are those at which a case differs.
func (c Case) Bindings() []map[string]int64 {
	if !c.Symbolic() {
		return Bindings()[:1]
	}
	return Bindings()
}

// String names a case: the op, its operands and how they are drawn.
func (c Case) String() string {
	var in []string
	for _, t := range c.In {
		in = append(in, t.String())
	}
	s := ir.OpText(c.Op) + " of " + strings.Join(in, "; ")
	if c.Drawn != "" {
		s += ", " + c.Drawn
	}
	return s
}

// Func is a function of one node: inputs x0, x1 ..., results y0, y1 .... The input dims gives
// every symbol a place.
func (c Case) Func(name string) (*ir.Func, error) {
	b := ir.NewBuilder(name)
	b.Param(ir.Input, "dims", tensor.Type{DType: tensor.Bool, Shape: dims("N, T")})
	var in []*ir.Value
	for i, t := range c.In {
		in = append(in, b.Param(ir.Input, fmt.Sprint("x", i), t))
	}
	out, err := b.Try(c.Op, in...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c, err)
	}
	for i, v := range out {
		b.Result(fmt.Sprint("y", i), v)
	}
	return b.Func, nil
}

// Inputs draws what a function of Func's making reads. The same case and binding draw the same.
func (c Case) Inputs(env map[string]int64) map[string]*tensor.Tensor {
	h := fnv.New64a()
	fmt.Fprint(h, c, env)
	r := rand.New(rand.NewSource(int64(h.Sum64())))
	in := map[string]*tensor.Tensor{"dims": Draw(r, tensor.Bool, "", int(env["N"]), int(env["T"]))}
	for i, t := range c.In {
		d, ok := t.Shape.Bind(env)
		if !ok {
			panic("BUG: no dims for " + t.String())
		}
		in[fmt.Sprint("x", i)] = Draw(r, t.DType, c.Drawn, d...)
	}
	return in
}

// Distance is the largest difference of two tensors of one shape, relative to max(1, |want|); NaNs
// and infinities must agree. It is infinite for other shapes.
func Distance(got, want *tensor.Tensor) float64 {
	if !slices.Equal(got.Dims, want.Dims) {
		return math.Inf(1)
	}
	worst := 0.0
	for i := range want.Len() {
		x, y := got.Float(i), want.Float(i)
		if x == y || math.IsNaN(x) && math.IsNaN(y) {
			continue
		}
		d := math.Abs(x-y) / math.Max(1, math.Abs(y))
		if math.IsNaN(d) {
			return math.Inf(1)
		}
		worst = math.Max(worst, d)
	}
	return worst
}
