package ir

import (
	"slices"
	"strings"

	"dlc/ir/tensor"
)

// summed returns the sum over all turns of a value of the gradient's body. By linearity the sum goes
// into sums, sums of products and views.
func (g *scanGrad) summed(v *Value) func() *Value {
	if v.Node == nil {
		return g.total(v)
	}
	n := v.Node
	switch op := n.Op.(type) {
	case Einsum:
		return g.contracted(op, n)
	case Reduce:
		if op.Op != "sum" {
			break
		}
		axes := []int{0}
		for _, a := range op.Axes {
			axes = append(axes, a+1)
		}
		x := g.stacked(n.In[0])
		return func() *Value { return g.b.Add(Reduce{"sum", axes}, x()) }
	case Binary:
		if op.Fn != "add" && op.Fn != "sub" {
			break
		}
		x, y := g.summed(n.In[0]), g.summed(n.In[1])
		return func() *Value { return g.b.Add(op, x(), y()) }
	case Transpose, Reshape, Broadcast, Pad, Slice:
		x := g.summed(n.In[0])
		return func() *Value { return g.b.Add(op, x()) }
	case ScatterAdd:
		index, y := g.stacked(n.In[0]), g.stacked(n.In[1])
		return func() *Value { return g.b.Add(op, index(), y()) }
	case ConvFilter:
		x, dy := g.stacked(n.In[0]), g.stacked(n.In[1])
		return func() *Value { return g.b.Add(op, g.rows(x()), g.rows(dy())) }
	}
	return g.total(v)
}

// total stacks the shares of the turns and sums them.
func (g *scanGrad) total(v *Value) func() *Value {
	x := g.stacked(v)
	return func() *Value { return g.b.Add(Reduce{"sum", []int{0}}, x()) }
}

// rows makes one axis of the turns and the rows of each.
func (g *scanGrad) rows(v *Value) *Value {
	s := v.Type.Shape
	return g.b.Add(Reshape{append(tensor.Shape{s[0].Mul(s[1])}, s[2:]...)}, v)
}

// contracted makes the turns a letter of a sum of products.
func (g *scanGrad) contracted(o Einsum, n *Node) func() *Value {
	s, err := o.parse()
	if err != nil {
		panic("BUG: " + err.Error())
	}
	letter := ""
	for c := 'a'; c <= 'z' && letter == ""; c++ {
		if !strings.ContainsRune(s.a+s.b, c) {
			letter = string(c)
		}
	}
	var in [2]func() *Value
	parts, turning := [2]string{s.a, s.b}, false
	for i, v := range n.In {
		if at := slices.Index(g.shared, v); at >= 0 {
			in[i] = func() *Value { return g.alike[at] }
			continue
		}
		in[i], parts[i], turning = g.stacked(v), letter+parts[i], true
	}
	if !turning || letter == "" {
		return g.total(n.Out[0])
	}
	return func() *Value { return g.b.Add(Einsum{parts[0] + "," + parts[1] + "->" + s.out}, in[0](), in[1]()) }
}
