package ir

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// Einsum is the sum of products that Spec says, as in "nte,se->nts": each letter is one dim, equal
// wherever it stands; letters that the result lacks are summed, in order of first appearance. It
// has two operands. Matmul is "mk,kn->mn".
type Einsum struct{ Spec string }

// Name is the op's mnemonic.
func (o Einsum) Name() string { return "einsum" }

// An einsumSpec is a parsed Spec.
type einsumSpec struct{ a, b, out string }

func (o Einsum) parse() (s einsumSpec, err error) {
	left, out, ok := strings.Cut(o.Spec, "->")
	a, b, ok2 := strings.Cut(left, ",")
	if !ok || !ok2 || strings.ContainsAny(b, ",") {
		return s, fmt.Errorf("spec %q must read like \"mk,kn->mn\"", o.Spec)
	}
	s = einsumSpec{a, b, out}
	for _, part := range []string{a, b, out} {
		for i := 0; i < len(part); i++ {
			c := part[i]
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
				return s, fmt.Errorf("spec %q: %q is no letter", o.Spec, c)
			}
			if strings.IndexByte(part, c) != i {
				return s, fmt.Errorf("spec %q: %c stands twice in %q; a diagonal is not supported", o.Spec, c, part)
			}
		}
	}
	for i := 0; i < len(out); i++ {
		if strings.IndexByte(a+b, out[i]) < 0 {
			return s, fmt.Errorf("spec %q: %c of the result is in no operand", o.Spec, out[i])
		}
	}
	return s, nil
}

// dims gives each letter its dim.
func (s einsumSpec) dims(a, b tensor.Shape) map[byte]tensor.Dim {
	dims := map[byte]tensor.Dim{}
	for i := range s.b {
		dims[s.b[i]] = b[i]
	}
	for i := range s.a {
		dims[s.a[i]] = a[i]
	}
	return dims
}

// summed returns the letters that the result lacks.
func (s einsumSpec) summed() string {
	var out []byte
	for _, c := range []byte(s.a + s.b) {
		if strings.IndexByte(s.out, c) < 0 && strings.IndexByte(string(out), c) < 0 {
			out = append(out, c)
		}
	}
	return string(out)
}

// Infer demands one dtype and one dim for each letter.
func (o Einsum) Infer(in []tensor.Type) ([]tensor.Type, error) {
	if err := arity(in, 2); err != nil {
		return nil, err
	}
	s, err := o.parse()
	if err != nil {
		return nil, err
	}
	if in[0].DType != in[1].DType {
		return nil, fmt.Errorf("operands must have one dtype, not %s and %s", in[0].DType, in[1].DType)
	}
	if !isNumber(in[0].DType) {
		return nil, fmt.Errorf("%s cannot be multiplied", in[0].DType)
	}
	for i, part := range []string{s.a, s.b} {
		if len(part) != len(in[i].Shape) {
			return nil, fmt.Errorf("spec %q gives operand %d %d letters, but it is %s", o.Spec, i, len(part), in[i])
		}
	}
	dims := s.dims(in[0].Shape, in[1].Shape)
	for i := range s.b {
		if d := dims[s.b[i]]; !d.Equal(in[1].Shape[i]) {
			return nil, fmt.Errorf("inner dims differ: %c is %s in %s and %s in %s", s.b[i], d, in[0], in[1].Shape[i], in[1])
		}
	}
	out := tensor.Shape{}
	for i := range s.out {
		out = append(out, dims[s.out[i]])
	}
	return []tensor.Type{{DType: in[0].DType, Shape: out}}, nil
}

// Eval adds the products in row-major order of the summed letters.
func (o Einsum) Eval(in []*tensor.Tensor, out []tensor.Type) []*tensor.Tensor {
	s, err := o.parse()
	if err != nil {
		panic("BUG: " + err.Error())
	}
	a, b, y := in[0], in[1], blank(out[0])
	letters := s.out + s.summed()
	dims := make([]int, len(letters))
	stepA, stepB, stepY := s.strides(s.a, letters, a.Dims, dims), s.strides(s.b, letters, b.Dims, dims), s.strides(s.out, letters, y.Dims, dims)
	as, bs, float := floats(a), floats(b), y.DType.IsFloat()
	each(dims, func(at []int) {
		i, j, k := 0, 0, 0
		for l, v := range at {
			i, j, k = i+v*stepA[l], j+v*stepB[l], k+v*stepY[l]
		}
		if float {
			y.SetFloat(k, math.FMA(as[i], bs[j], y.Float(k)))
		} else {
			y.SetInt(k, y.Int(k)+a.Int(i)*b.Int(j))
		}
	})
	return []*tensor.Tensor{y}
}

// strides gives each letter its distance in an operand, 0 where it is missing, and notes the dims.
func (s einsumSpec) strides(part, letters string, dims, all []int) []int {
	steps := make([]int, len(letters))
	step := 1
	for i := len(part) - 1; i >= 0; i-- {
		l := strings.IndexByte(letters, part[i])
		steps[l], all[l] = step, dims[i]
		step *= dims[i]
	}
	return steps
}

// Grad contracts dy with the other operand, and repeats along letters of one operand alone.
func (o Einsum) Grad(b *Builder, n *Node, dy []*Value) []*Value {
	s, err := o.parse()
	if err != nil {
		panic("BUG: " + err.Error())
	}
	if dy[0] == nil || !dy[0].Type.DType.IsFloat() {
		return []*Value{nil, nil}
	}
	return []*Value{
		s.gradient(b, dy[0], s.a, s.b, n.In[0], n.In[1]),
		s.gradient(b, dy[0], s.b, s.a, n.In[1], n.In[0]),
	}
}

// gradient is that of x, whose letters are mine.
func (s einsumSpec) gradient(b *Builder, dy *Value, mine, others string, x, other *Value) *Value {
	reached := ""
	places := []int{}
	for i, c := range []byte(mine) {
		if strings.IndexByte(s.out+others, c) >= 0 {
			reached += string(rune(c))
			places = append(places, i)
		}
	}
	g := b.Add(Einsum{s.out + "," + others + "->" + reached}, dy, other)
	if len(reached) < len(mine) {
		g = b.Add(Broadcast{Shape: x.Type.Shape, Axes: places}, g)
	}
	return g
}

// Lower is a sum of products, or a product where nothing is summed.
func (o Einsum) Lower(l *Lowering) {
	s, err := o.parse()
	if err != nil {
		panic("BUG: " + err.Error())
	}
	dims := s.dims(l.InType[0].Shape, l.InType[1].Shape)
	name := map[byte]string{}
	axes := func(prefix, letters string) []kernel.Axis {
		var list []kernel.Axis
		for i, c := range []byte(letters) {
			name[c] = prefix + strconv.Itoa(i)
			list = append(list, kernel.Axis{Name: name[c], Extent: dims[c]})
		}
		return list
	}
	kept, folded := axes("i", s.out), axes("j", s.summed())
	load := func(i int, letters string) kernel.Expr {
		var at []kernel.Expr
		for _, c := range []byte(letters) {
			at = append(at, kernel.At(name[c]))
		}
		return l.Load(i, at...)
	}
	product := kernel.Apply("mul", load(0, s.a), load(1, s.b))
	if len(folded) == 0 {
		l.Map(0, kept, product)
		return
	}
	l.Reduce(0, kept, kernel.Reduce{Op: kernel.Sum, Axes: folded}, product)
}
