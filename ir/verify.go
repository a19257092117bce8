package ir

import (
	"fmt"
	"regexp"

	"dlc/ir/tensor"
)

// Verify returns the first rule that m breaks:
//
//   - weights have constant dims and stand sorted by path, each once;
//   - functions have names of their own, and so have a function's inputs, its weights and its results;
//   - a stored parameter is a weight of the module, of the same type;
//   - the inputs seed and step are u64[] and i64[];
//   - values have IDs of their own, nodes' values ascend, and they are used only after their definition, in their own function;
//   - each node's results have the types that its op infers, and point back to it;
//   - every symbol stands in the type of a parameter, and is no name that lowering gives to axes;
//   - an update names a weight once and has its type;
//   - a region has inputs alone and no updates; its symbols are those of the function around it.
func Verify(m *Module) error {
	weights := map[string]*Weight{}
	for i, w := range m.Weights {
		if _, ok := w.Type.Shape.Bind(nil); !ok {
			return fmt.Errorf("weight %s: dims must be constants, not %s", w.Path, w.Type)
		}
		if i > 0 && m.Weights[i-1].Path >= w.Path {
			return fmt.Errorf("weight %s must stand before %s", w.Path, m.Weights[i-1].Path)
		}
		weights[w.Path] = w
	}
	seen := map[string]bool{}
	for _, f := range m.Funcs {
		if seen[f.Name] {
			return fmt.Errorf("func %s stands twice", f.Name)
		}
		seen[f.Name] = true
		v := verifier{fn: f, weights: weights, defined: map[*Value]bool{}, symbols: map[string]bool{}, ids: map[int]bool{}, last: -1}
		if err := v.check(); err != nil {
			return fmt.Errorf("func %s: %w", f.Name, err)
		}
	}
	return nil
}

type verifier struct {
	fn      *Func
	weights map[string]*Weight
	defined map[*Value]bool
	symbols map[string]bool
	ids     map[int]bool
	last    int  // ID of a node's value
	closed  bool // a region
}

func (v *verifier) check() error {
	if err := v.params(); err != nil {
		return err
	}
	return v.body()
}

// region checks a function that a node of v's function holds.
func (v *verifier) region(f *Func) error {
	w := verifier{fn: f, closed: true, defined: map[*Value]bool{}, symbols: v.symbols, ids: map[int]bool{}, last: -1}
	for _, r := range f.Results {
		if r.Update {
			return fmt.Errorf("update %s stands in a region", r.Name)
		}
	}
	return w.check()
}

func (v *verifier) body() error {
	for _, n := range v.fn.Nodes {
		if err := v.node(n); err != nil {
			return fmt.Errorf("%s = %s: %w", valuesText(n.Out), n.Op.Name(), err)
		}
	}
	return v.results()
}

// axisName is what lowering calls axes.
var axisName = regexp.MustCompile(`^[ij][0-9]+$`)

func (v *verifier) params() error {
	seen := map[Param]bool{}
	for _, p := range v.fn.Params {
		if p.Param == nil || p.Node != nil {
			return fmt.Errorf("%s is no parameter", p)
		}
		if seen[*p.Param] {
			return fmt.Errorf("the parameter %s stands twice", p.Param.Name)
		}
		seen[*p.Param] = true
		if err := v.param(p); err != nil {
			return fmt.Errorf("parameter %s: %w", p.Param.Name, err)
		}
		for _, d := range p.Type.Shape {
			if !v.closed {
				d.Symbols(v.symbols)
			} else if err := v.bound(d); err != nil {
				return fmt.Errorf("parameter %s: %w", p.Param.Name, err)
			}
		}
		if err := v.define(p); err != nil {
			return err
		}
	}
	for s := range v.symbols {
		if axisName.MatchString(s) {
			return fmt.Errorf("the symbol %s is a name of axes", s)
		}
	}
	return nil
}

func (v *verifier) param(p *Value) error {
	if v.closed {
		if p.Param.Kind == Stored {
			return fmt.Errorf("a region reads no weight")
		}
		return nil
	}
	if p.Param.Kind == Stored {
		w := v.weights[p.Param.Name]
		if w == nil {
			return fmt.Errorf("the module has no such weight")
		}
		if !w.Type.Equal(p.Type) {
			return fmt.Errorf("is %s, but the weight is %s", p.Type, w.Type)
		}
		return nil
	}
	want := tensor.Type{DType: tensor.U64}
	switch p.Param.Name {
	case "step":
		want.DType = tensor.I64
	case "seed":
	default:
		return nil
	}
	if !p.Type.Equal(want) {
		return fmt.Errorf("must be %s, not %s", want, p.Type)
	}
	return nil
}

func (v *verifier) define(x *Value) error {
	if v.ids[x.ID] {
		return fmt.Errorf("%s is defined twice", x)
	}
	if x.Node != nil && x.ID <= v.last {
		return fmt.Errorf("%s follows %%%d", x, v.last)
	}
	if x.Node != nil {
		v.last = x.ID
	}
	v.ids[x.ID], v.defined[x] = true, true
	return nil
}

func (v *verifier) node(n *Node) error {
	in := make([]tensor.Type, len(n.In))
	for i, x := range n.In {
		if !v.defined[x] {
			return fmt.Errorf("%s is not defined above", x)
		}
		in[i] = x.Type
	}
	types, err := n.Op.Infer(in)
	if err != nil {
		return err
	}
	if len(types) != len(n.Out) {
		return fmt.Errorf("has %d results, not %d", len(n.Out), len(types))
	}
	for i, x := range n.Out {
		if !x.Type.Equal(types[i]) {
			return fmt.Errorf("gives %s, not %s", types[i], x.Type)
		}
		if x.Node != n || x.Index != i || x.Param != nil {
			return fmt.Errorf("%s does not point back to its node", x)
		}
		if err := v.bound(x.Type.Shape...); err != nil {
			return err
		}
		if err := v.define(x); err != nil {
			return err
		}
	}
	for _, r := range regions(n.Op) {
		if err := v.region(r.value.Interface().(*Func)); err != nil {
			return fmt.Errorf("region %s: %w", r.name, err)
		}
	}
	return v.attributes(n.Op)
}

// attributes checks the symbols in the attributes of an op.
func (v *verifier) attributes(o Op) (err error) {
	keep := func(t tensor.DType) tensor.DType { return t }
	MapAttributes(o, keep, func(d tensor.Dim) tensor.Dim {
		if err == nil {
			err = v.bound(d)
		}
		return d
	})
	return err
}

func (v *verifier) bound(dims ...tensor.Dim) error {
	for _, d := range dims {
		set := map[string]bool{}
		d.Symbols(set)
		for s := range set {
			if !v.symbols[s] {
				return fmt.Errorf("no parameter has the symbol in %s", d)
			}
		}
	}
	return nil
}

func (v *verifier) results() error {
	type key struct {
		name   string
		update bool
	}
	seen := map[key]bool{}
	for _, r := range v.fn.Results {
		if !v.defined[r.Value] {
			return fmt.Errorf("result %s: %s is not defined", r.Name, r.Value)
		}
		if seen[key{r.Name, r.Update}] {
			return fmt.Errorf("result %s stands twice", r.Name)
		}
		seen[key{r.Name, r.Update}] = true
		if !r.Update {
			continue
		}
		w := v.weights[r.Name]
		if w == nil {
			return fmt.Errorf("update %s: the module has no such weight", r.Name)
		}
		if !w.Type.Equal(r.Value.Type) {
			return fmt.Errorf("update %s: is %s, but the weight is %s", r.Name, r.Value.Type, w.Type)
		}
	}
	return nil
}
