package ir

import (
	"fmt"
	"sort"

	"dlc/ir/tensor"
)

// An EvalOption changes how Eval computes.
type EvalOption uint8

// Wide turns every f32 of the function, attributes included, into f64: the oracle for f32 code.
const Wide EvalOption = 1

// Eval runs f on the host, node by node: slow, and plainly what the ops mean. Symbols take their
// values from the dims of inputs and weights. It returns the results by name, and the next values
// of weights by path. Inputs that Wide makes f64 are converted.
func Eval(f *Func, inputs, weights map[string]*tensor.Tensor, options ...EvalOption) (results, updates map[string]*tensor.Tensor, err error) {
	e := evaluation{env: map[string]int64{}, values: map[*Value]*tensor.Tensor{}}
	for _, o := range options {
		e.wide = e.wide || o == Wide
	}
	for _, p := range f.Params {
		from := inputs
		if p.Param.Kind == Stored {
			from = weights
		}
		x, ok := from[p.Param.Name]
		if !ok {
			return nil, nil, fmt.Errorf("evaluate %s: %s is not given", f.Name, p.Param.Name)
		}
		if err := e.bind(p, x); err != nil {
			return nil, nil, fmt.Errorf("evaluate %s: %s: %w", f.Name, p.Param.Name, err)
		}
	}
	for _, p := range f.Params {
		if err := e.check(p); err != nil {
			return nil, nil, fmt.Errorf("evaluate %s: %s: %w", f.Name, p.Param.Name, err)
		}
	}
	for _, n := range f.Nodes {
		if err := e.node(n); err != nil {
			return nil, nil, fmt.Errorf("evaluate %s: %s: %w", f.Name, n.Op.Name(), err)
		}
	}
	results, updates = map[string]*tensor.Tensor{}, map[string]*tensor.Tensor{}
	for _, r := range f.Results {
		if r.Update {
			updates[r.Name] = e.values[r.Value]
		} else {
			results[r.Name] = e.values[r.Value]
		}
	}
	return results, updates, nil
}

// EvalNode computes the results of one node from its operands, with the given values of symbols.
func EvalNode(n *Node, in []*tensor.Tensor, env map[string]int64, options ...EvalOption) ([]*tensor.Tensor, error) {
	e := evaluation{env: env, values: map[*Value]*tensor.Tensor{}, wide: len(options) > 0}
	for i, v := range n.In {
		e.values[v] = in[i]
	}
	if err := e.node(n); err != nil {
		return nil, fmt.Errorf("evaluate %s: %w", n.Op.Name(), err)
	}
	out := make([]*tensor.Tensor, len(n.Out))
	for i, v := range n.Out {
		out[i] = e.values[v]
	}
	return out, nil
}

// An evaluation is the state of one Eval.
type evaluation struct {
	env    map[string]int64
	values map[*Value]*tensor.Tensor
	wide   bool
}

// bind takes p's tensor, and the values of its dims that are plain symbols.
func (e *evaluation) bind(p *Value, x *tensor.Tensor) error {
	if x.DType != p.Type.DType && !(e.wide && x.DType == tensor.F64 && p.Type.DType == tensor.F32) {
		return fmt.Errorf("is %s, not %s", x, p.Type)
	}
	if len(x.Dims) != len(p.Type.Shape) {
		return fmt.Errorf("is %s, not %s", x, p.Type)
	}
	for i, d := range p.Type.Shape {
		set := map[string]bool{}
		d.Symbols(set)
		for name := range set {
			if _, bound := e.env[name]; !bound && d.Equal(tensor.Sym(name)) {
				e.env[name] = int64(x.Dims[i])
			}
		}
	}
	if e.wide {
		x = x.Widened()
	}
	e.values[p] = x
	return nil
}

// check compares p's dims with its type, now that all symbols are bound.
func (e *evaluation) check(p *Value) error {
	x := e.values[p]
	for i, d := range p.Type.Shape {
		v, ok := d.Eval(e.env)
		if !ok {
			return fmt.Errorf("dim %s has no value", d)
		}
		if v != int64(x.Dims[i]) {
			return fmt.Errorf("is %s, but dim %d of %s is %d with %s", x, i, p.Type, v, describe(e.env))
		}
	}
	return nil
}

func describe(env map[string]int64) string {
	names := make([]string, 0, len(env))
	for n := range env {
		names = append(names, n)
	}
	sort.Strings(names)
	s := ""
	for i, n := range names {
		if i > 0 {
			s += ", "
		}
		s += fmt.Sprintf("%s=%d", n, env[n])
	}
	return s
}

func (e *evaluation) node(n *Node) error {
	if holdsGradient(n) {
		return fmt.Errorf("the autodiff pass has not run")
	}
	in := make([]*tensor.Tensor, len(n.In))
	for i, v := range n.In {
		in[i] = e.values[v]
	}
	types := make([]tensor.Type, len(n.Out))
	for i, v := range n.Out {
		types[i] = e.typ(v.Type)
		if _, ok := types[i].Shape.Bind(nil); !ok {
			return fmt.Errorf("%s has no value with %s", v.Type, describe(e.env))
		}
	}
	op := MapAttributes(n.Op, e.dtype, e.dim)
	for i, y := range op.Eval(in, types) {
		if typeOf(y).String() != types[i].String() {
			panic(fmt.Sprintf("BUG: %s evaluates to %s, not %s", n.Op.Name(), y, types[i]))
		}
		e.values[n.Out[i]] = y
	}
	return nil
}

// holdsGradient reports whether a node, or one in its regions, stands for gradients.
func holdsGradient(n *Node) bool {
	if _, ok := n.Op.(Gradient); ok {
		return true
	}
	for _, r := range Regions(n.Op) {
		for _, m := range r.Nodes {
			if holdsGradient(m) {
				return true
			}
		}
	}
	return false
}

func (e *evaluation) dtype(t tensor.DType) tensor.DType {
	if e.wide && t == tensor.F32 {
		return tensor.F64
	}
	return t
}

// dim replaces a dim by its value; a symbol that nothing binds stays.
func (e *evaluation) dim(d tensor.Dim) tensor.Dim {
	if v, ok := d.Eval(e.env); ok {
		return tensor.Int(v)
	}
	return d
}

func (e *evaluation) typ(t tensor.Type) tensor.Type {
	s := make(tensor.Shape, len(t.Shape))
	for i, d := range t.Shape {
		s[i] = e.dim(d)
	}
	return tensor.Type{DType: e.dtype(t.DType), Shape: s}
}

// blank makes a tensor of zeros of a type of constant dims.
func blank(t tensor.Type) *tensor.Tensor {
	dims, ok := t.Shape.Bind(nil)
	if !ok {
		panic("BUG: evaluating into " + t.String())
	}
	return tensor.New(t.DType, dims...)
}

// each visits every index of dims in row-major order. The slice is reused.
func each(dims []int, visit func(at []int)) {
	for _, d := range dims {
		if d == 0 {
			return
		}
	}
	at := make([]int, len(dims))
	for {
		visit(at)
		i := len(dims) - 1
		for ; i >= 0; i-- {
			if at[i]++; at[i] < dims[i] {
				break
			}
			at[i] = 0
		}
		if i < 0 {
			return
		}
	}
}

// place is the row-major position of an index.
func place(dims, at []int) int {
	p := 0
	for i, d := range dims {
		p = p*d + at[i]
	}
	return p
}

// copyElement stores element i of x as element j of y, of the same dtype.
func copyElement(y *tensor.Tensor, j int, x *tensor.Tensor, i int) {
	n := x.DType.Size()
	copy(y.Data[j*n:(j+1)*n], x.Data[i*n:])
}

// floats returns all elements as float64.
func floats(x *tensor.Tensor) []float64 {
	v := make([]float64, x.Len())
	for i := range v {
		v[i] = x.Float(i)
	}
	return v
}
