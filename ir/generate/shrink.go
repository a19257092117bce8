package generate

import (
	"fmt"
	"math/rand"
	"strings"

	"dlc/ir"
	"dlc/ir/tensor"
)

// Shrink makes a module smaller while it fails on the trial's inputs: it keeps single results, and
// puts inputs in the place of nodes with the values that these have, until nothing can go. Write
// returns a copy with gradients written out. Fails is asked about well-conditioned programs alone.
func Shrink(m *ir.Module, t *Trial, write func(*ir.Module) (*ir.Module, error), fails func(*ir.Module, *Trial) bool) (*ir.Module, *Trial) {
	s := &shrinking{text: ir.Print(m), trial: t, write: write, fails: fails}
	for changed := true; changed; {
		changed = s.results()
		for i := 0; ; i++ {
			f := s.parse().Funcs[0]
			if i >= len(f.Nodes) {
				break
			}
			if s.cut(len(f.Nodes) - 1 - i) {
				changed = true
				i = -1
			}
		}
		changed = s.params() || changed
	}
	return s.parse(), s.trial
}

type shrinking struct {
	text  string
	trial *Trial
	write func(*ir.Module) (*ir.Module, error)
	fails func(*ir.Module, *Trial) bool
}

func (s *shrinking) parse() *ir.Module {
	m, err := ir.Parse(s.text)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return m
}

// results tries to keep one result, then to drop each.
func (s *shrinking) results() bool {
	all := s.parse().Funcs[0].Results
	if len(all) < 2 {
		return false
	}
	for i := range all {
		m := s.parse()
		m.Funcs[0].Results = m.Funcs[0].Results[i : i+1]
		if s.take(m, s.trial.Inputs) {
			return true
		}
	}
	for i := range all {
		m := s.parse()
		m.Funcs[0].Results = append(m.Funcs[0].Results[:i:i], m.Funcs[0].Results[i+1:]...)
		if s.take(m, s.trial.Inputs) {
			return true
		}
	}
	return false
}

// cut tries to make inputs of a node's results.
func (s *shrinking) cut(at int) bool {
	m := s.parse()
	f := m.Funcs[0]
	n := f.Nodes[at]
	probe := *f
	probe.Results = nil
	for i, v := range n.Out {
		probe.Results = append(probe.Results, ir.Result{Name: fmt.Sprint(i), Value: v})
	}
	values, _, err := ir.Eval(&probe, s.trial.Inputs, nil)
	if err != nil {
		return false
	}
	inputs := map[string]*tensor.Tensor{}
	for name, x := range s.trial.Inputs {
		inputs[name] = x
	}
	f.Nodes = append(f.Nodes[:at:at], f.Nodes[at+1:]...)
	for i, v := range n.Out {
		name := fmt.Sprint("v", v.ID)
		v.Node, v.Param = nil, &ir.Param{Kind: ir.Input, Name: name}
		f.Params = append(f.Params, v)
		inputs[name] = values[fmt.Sprint(i)]
	}
	return s.take(m, inputs)
}

// params tries to drop each input that nothing uses, where no symbol needs it.
func (s *shrinking) params() (changed bool) {
	for i := len(s.parse().Funcs[0].Params) - 1; i >= 0; i-- {
		m := s.parse()
		f := m.Funcs[0]
		f.Params = append(f.Params[:i:i], f.Params[i+1:]...)
		changed = s.take(m, s.trial.Inputs) || changed
	}
	return changed
}

// take replaces the program by a smaller one, if that is valid and still fails.
func (s *shrinking) take(m *ir.Module, inputs map[string]*tensor.Tensor) bool {
	f := m.Funcs[0]
	prune(f)
	f.Renumber()
	text := ir.Print(m)
	if len(text) >= len(s.text) || ir.Verify(m) != nil {
		return false
	}
	t := &Trial{Symbols: s.trial.Symbols, Inputs: map[string]*tensor.Tensor{}}
	for _, v := range f.Params {
		t.Inputs[v.Param.Name] = inputs[v.Param.Name]
	}
	written, err := s.write(m)
	if err != nil {
		return false
	}
	if ok, err := t.conditioned(rand.New(rand.NewSource(1)), written.Funcs[0]); !ok || err != nil || !s.fails(m, t) {
		return false
	}
	s.text, s.trial = text, t
	return true
}

// prune drops nodes that no result needs, and inputs that came in the place of nodes.
func prune(f *ir.Func) {
	used := map[*ir.Value]bool{}
	for _, r := range f.Results {
		used[r.Value] = true
	}
	var nodes []*ir.Node
	for i := len(f.Nodes) - 1; i >= 0; i-- {
		n, needed := f.Nodes[i], false
		for _, v := range n.Out {
			needed = needed || used[v]
		}
		if !needed {
			continue
		}
		for _, v := range n.In {
			used[v] = true
		}
		nodes = append([]*ir.Node{n}, nodes...)
	}
	f.Nodes = nodes
	var params []*ir.Value
	for _, v := range f.Params {
		if used[v] || strings.HasPrefix(v.Param.Name, "x") {
			params = append(params, v)
		}
	}
	f.Params = params
}

// Text is a program with its inputs, as Load reads it: the second function makes the inputs.
func Text(m *ir.Module, t *Trial, comment string) string {
	b := ir.NewBuilder("inputs")
	for _, v := range m.Funcs[0].Params {
		b.Result(v.Param.Name, b.Add(ir.Const{Value: t.Inputs[v.Param.Name]}))
	}
	var head strings.Builder
	for line := range strings.Lines(comment) {
		head.WriteString("// " + strings.TrimRight(line, "\n") + "\n")
	}
	return head.String() + ir.Print(&ir.Module{Name: m.Name, Funcs: []*ir.Func{m.Funcs[0], b.Func}})
}

// Load reads what Text wrote.
func Load(text string) (*ir.Module, *Trial, error) {
	m, err := ir.Parse(text)
	if err == nil {
		err = ir.Verify(m)
	}
	if err != nil {
		return nil, nil, err
	}
	if len(m.Funcs) != 2 || m.Funcs[1].Name != "inputs" {
		return nil, nil, fmt.Errorf("a program and a function named inputs are wanted")
	}
	t := &Trial{Symbols: map[string]int64{}}
	if t.Inputs, _, err = ir.Eval(m.Funcs[1], nil, nil); err != nil {
		return nil, nil, err
	}
	m.Funcs = m.Funcs[:1]
	for _, v := range m.Funcs[0].Params {
		x := t.Inputs[v.Param.Name]
		if x == nil || len(x.Dims) != len(v.Type.Shape) || x.DType != v.Type.DType {
			return nil, nil, fmt.Errorf("the input %s is %v, not %s", v.Param.Name, x, v.Type)
		}
		for i, d := range v.Type.Shape {
			set := map[string]bool{}
			d.Symbols(set)
			for s := range set {
				if d.Equal(tensor.Sym(s)) {
					t.Symbols[s] = int64(x.Dims[i])
				}
			}
		}
	}
	return m, t, nil
}

// Measure fills in what is known of the answer; f is the program with its gradients written out.
func (t *Trial) Measure(f *ir.Func) error {
	ok, err := t.conditioned(rand.New(rand.NewSource(1)), f)
	if err == nil && !ok {
		err = fmt.Errorf("the inputs are ill conditioned")
	}
	return err
}
