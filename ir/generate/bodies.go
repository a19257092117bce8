package generate

import (
	"fmt"

	"dlc/ir"
	"dlc/ir/sample"
	"dlc/ir/tensor"
)

// Bodies of the ops that hold functions are random programs themselves, of values around them.

// A nesting is what a generator of a body knows of its surroundings.
type nesting struct {
	outer   *generator
	depth   int
	carries bool        // the body's values may be carried from turn to turn
	more    []*ir.Value // of outside, for parameters that the body came to need
}

// mostNested bounds bodies in bodies.
const mostNested = 2

// Body makes a random function of values like those given, or of an element along their first axis.
func (g *generator) Body(in []*ir.Value, element []bool, carries bool) (f *ir.Func, values, more []*ir.Value) {
	b := &generator{Rand: g.Rand, p: g.p, b: ir.NewBuilder("body"), values: map[*ir.Value]*tensor.Tensor{}, nesting: nesting{outer: g, depth: g.depth + 1, carries: carries || g.carries}}
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
		if b.depth >= mostNested && (row.Name == "scan" || row.Name == "map") {
			continue
		}
		if g.Intn(8) == 0 && !b.carries {
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

// lowers reports whether an op can be lowered where it stands. In a body that carries, so must its
// derivatives, without scatters, sorts and recurrences of their own.
func (g *generator) lowers(op ir.Op, in []*ir.Value) bool {
	if g.outer == nil && len(ir.Regions(op)) == 0 {
		return true
	}
	b := ir.NewBuilder("trial")
	operands := make([]*ir.Value, len(in))
	for i, v := range in {
		operands[i] = b.Param(ir.Input, fmt.Sprint("x", i), v.Type)
	}
	if _, err := b.Try(op, operands...); err != nil {
		return false
	}
	from := 0
	for turn := 0; ; turn++ {
		nodes := b.Func.Nodes
		for _, n := range nodes {
			if !g.lowersNode(n) {
				return false
			}
		}
		if turn == 2 || !g.carries {
			return true
		}
		for _, n := range nodes[from:] {
			dy := make([]*ir.Value, len(n.Out))
			for i, v := range n.Out {
				if v.Type.DType.IsFloat() {
					dy[i] = b.Param(ir.Input, "dy", v.Type)
				}
			}
			if _, ok := n.Op.(ir.Gradient); !ok {
				n.Op.Grad(b, n, dy)
			}
		}
		from = len(nodes)
	}
}

func (g *generator) lowersNode(n *ir.Node) bool {
	in, out := make([]string, len(n.In)), make([]string, len(n.Out))
	for i := range in {
		in[i] = fmt.Sprint("x", i)
	}
	for i := range out {
		out[i] = fmt.Sprint("y", i)
	}
	fresh := 0
	l := ir.NewLowering(n, in, out, func(s string) string { fresh++; return fmt.Sprint(s, fresh) })
	l.Flat = g.outer != nil
	n.Op.Lower(l)
	for _, d := range l.Defs {
		if g.carries && (d.Scan != nil || d.Scatters() || d.Sorts()) {
			return false
		}
	}
	return l.Err == nil
}
