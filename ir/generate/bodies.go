package generate

import (
	"fmt"
	"slices"

	"dlc/ir"
	"dlc/ir/sample"
	"dlc/ir/tensor"
)

// Bodies of the ops that hold functions are random programs themselves, of values around them.

// A nesting is what a generator of a body knows of its surroundings.
type nesting struct {
	outer *generator
	depth int
	more  []*ir.Value // of outside, for parameters that the body came to need
}

// mostNested bounds bodies in bodies.
const mostNested = 2

// Body makes a random function of values like those given, or of an element along their first axis.
func (g *generator) Body(in []*ir.Value, element []bool) (f *ir.Func, values, more []*ir.Value) {
	b := &generator{Rand: g.Rand, p: g.p, b: ir.NewBuilder("body"), values: map[*ir.Value]*tensor.Tensor{}, nesting: nesting{outer: g, depth: g.depth + 1}}
	for i, v := range in {
		t, x := v.Type, g.values[v]
		if element[i] {
			t.Shape, x = t.Shape[1:], first(x)
		}
		b.param(t, x)
	}
	rows := sample.Rows()
	for applied, tries := 1+g.Intn(4), 0; applied > 0 && tries < 30; tries++ {
		row := rows[g.Intn(len(rows))]
		if b.depth >= mostNested && slices.Contains([]string{"scan", "map", "if", "while"}, row.Name) {
			continue
		}
		if g.Intn(8) == 0 {
			b.idiom()
		}
		if b.apply(row) {
			applied--
		}
	}
	for _, n := range b.b.Func.Nodes {
		values = append(values, n.Out...)
	}
	return b.b.Func, values, b.more
}

// first is the first element along axis 0.
func first(x *tensor.Tensor) *tensor.Tensor {
	n := len(x.Data) / max(1, x.Dims[0])
	return &tensor.Tensor{DType: x.DType, Dims: x.Dims[1:], Data: x.Data[:n]}
}

// param adds a parameter to a body.
func (g *generator) param(t tensor.Type, x *tensor.Tensor) *ir.Value {
	v := g.b.Param(ir.Input, fmt.Sprint("p", len(g.b.Func.Params)), t)
	g.values[v] = x
	g.list = append(g.list, v)
	return v
}

// captured adds an input to the program, and a parameter for it to the body.
func (g *generator) captured(t tensor.Type, drawn string) *ir.Value {
	v := g.outer.Input(t, drawn)
	g.more = append(g.more, v)
	return g.param(t, g.outer.values[v])
}
