package ir

import (
	"fmt"
	"reflect"

	"dlc/ir/tensor"
)

// Regions. An op may hold functions, in fields of type *Func: its regions, which it runs. A region
// is closed: it sees its parameters, which are inputs, and nothing else; what it needs of the outside
// is an operand of its op. Its results go by their order. A region belongs to one node, so passes
// may change it in place.

// Regions returns the functions that an op holds, in order of its fields.
func Regions(o Op) []*Func {
	var list []*Func
	for _, r := range regions(o) {
		list = append(list, r.value.Interface().(*Func))
	}
	return list
}

// WithRegions returns the op with other functions in the places of those it holds.
func WithRegions(o Op, list []*Func) Op {
	v := reflect.New(reflect.TypeOf(o)).Elem()
	v.Set(reflect.ValueOf(o))
	for i, a := range regionFields(v) {
		a.value.Set(reflect.ValueOf(list[i]))
	}
	return v.Interface().(Op)
}

// regions returns the fields of an op that hold functions.
func regions(o Op) []attribute { return regionFields(reflect.ValueOf(o)) }

func regionFields(v reflect.Value) (list []attribute) {
	for i := range v.NumField() {
		if v.Field(i).Type() == reflect.TypeFor[*Func]() {
			list = append(list, attribute{snakeCase(v.Type().Field(i).Name), v.Field(i)})
		}
	}
	return list
}

// EachFunc visits the functions of a module and the regions in them, these before what holds them.
func EachFunc(m *Module, visit func(*Func)) {
	for _, f := range m.Funcs {
		f.each(visit)
	}
}

func (f *Func) each(visit func(*Func)) {
	for _, n := range f.Nodes {
		for _, r := range Regions(n.Op) {
			r.each(visit)
		}
	}
	visit(f)
}

// copied returns a copy of f, regions included, with types and ops replaced.
func (f *Func) copied(typ func(tensor.Type) tensor.Type, op func(Op) Op) *Func {
	c := &Func{Name: f.Name}
	of := map[*Value]*Value{}
	value := func(v *Value) *Value {
		w := *v
		w.Type = typ(v.Type)
		of[v] = &w
		return &w
	}
	for _, p := range f.Params {
		c.Params = append(c.Params, value(p))
	}
	for _, n := range f.Nodes {
		m := &Node{Op: op(n.Op), Spans: n.Spans}
		for _, v := range n.In {
			m.In = append(m.In, of[v])
		}
		for _, v := range n.Out {
			w := value(v)
			w.Node = m
			m.Out = append(m.Out, w)
		}
		c.Nodes = append(c.Nodes, m)
	}
	for _, r := range f.Results {
		c.Results = append(c.Results, Result{r.Name, of[r.Value], r.Update})
	}
	return c
}

// Copy returns a copy of f that shares nothing that passes change.
func (f *Func) Copy() *Func {
	var op func(Op) Op
	op = func(o Op) Op {
		list := Regions(o)
		if len(list) == 0 {
			return o
		}
		for i, r := range list {
			list[i] = r.copied(func(t tensor.Type) tensor.Type { return t }, op)
		}
		return WithRegions(o, list)
	}
	return f.copied(func(t tensor.Type) tensor.Type { return t }, op)
}

// infer checks that the ops of a region take what they get.
func (f *Func) infer() error {
	for _, n := range f.Nodes {
		in := make([]tensor.Type, len(n.In))
		for i, v := range n.In {
			in[i] = v.Type
		}
		out, err := n.Op.Infer(in)
		if err != nil {
			return fmt.Errorf("%s: %w", n.Op.Name(), err)
		}
		for i, v := range n.Out {
			if !v.Type.Equal(out[i]) {
				return fmt.Errorf("%s gives %s, not %s", n.Op.Name(), out[i], v.Type)
			}
		}
	}
	return nil
}

// run evaluates a region of constant dims on operands in order.
func (f *Func) run(in []*tensor.Tensor) []*tensor.Tensor {
	e := evaluation{env: map[string]int64{}, values: map[*Value]*tensor.Tensor{}}
	for i, p := range f.Params {
		e.values[p] = in[i]
	}
	for _, n := range f.Nodes {
		if err := e.node(n); err != nil {
			panic("BUG: " + n.Op.Name() + " in " + f.Name + ": " + err.Error())
		}
	}
	out := make([]*tensor.Tensor, len(f.Results))
	for i, r := range f.Results {
		out[i] = e.values[r.Value]
	}
	return out
}

// A Pruner is an op of which results can be dropped: those that are not live, unless others need
// them. It says which operands and results are left.
type Pruner interface {
	Op
	Pruned(live []bool) (op Op, in, out []bool)
}
