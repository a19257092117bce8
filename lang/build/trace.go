package build

import (
	"fmt"
	"hash/fnv"
	"slices"
	"sort"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
)

// A trace is one entry being built.
type trace struct {
	b        *ir.Builder
	training bool
	initial  bool // the init entry
	own      map[*ir.Value]bool
	stored   map[string]*ir.Value // a weight's value when the call begins
	current  map[string]*ir.Value // its value now
	updated  []string             // paths in order of first update
	inputs   map[string]*ir.Value // seed, step, steps and columns
	probs    map[*ir.Value]string // outputs of softmax and sigmoid
	ranges   map[*ir.Value]bounds
	columns  map[*column]value
	uses     map[string]int
	rates    map[*configured]value
	layers   *[]Layer // filled in when not nil
	region   *region  // of what a node holds; nil for an entry
}

// bounds is what is known of an integer tensor's values: lo <= v < hi.
type bounds struct{ lo, hi tensor.Dim }

func newTrace(name string) *trace {
	return &trace{b: ir.NewBuilder(name), own: map[*ir.Value]bool{}, stored: map[string]*ir.Value{}, current: map[string]*ir.Value{},
		inputs: map[string]*ir.Value{}, probs: map[*ir.Value]string{}, ranges: map[*ir.Value]bounds{},
		columns: map[*column]value{}, uses: map[string]int{}, rates: map[*configured]value{}}
}

// input returns the parameter of that name, added at first use.
func (t *trace) input(name string, typ tensor.Type) *ir.Value {
	if v, ok := t.inputs[name]; ok {
		return v
	}
	if t.region != nil {
		return t.outermost().input(name, typ)
	}
	v := t.b.Param(ir.Input, name, typ)
	t.inputs[name], t.own[v] = v, true
	return v
}

// clock names the inputs that key randomness and schedules.
func (t *trace) clock(name string) *ir.Value {
	types := map[string]tensor.DType{"seed": tensor.U64, "step": tensor.I64, "steps": tensor.I64}
	return t.input(name, tensor.Type{DType: types[name]})
}

// load returns a weight's value now.
func (t *trace) load(w *weight) *ir.Value {
	if v, ok := t.current[w.Path]; ok {
		return v
	}
	if t.region != nil && w.State {
		return t.state(w)
	}
	if t.region != nil {
		return t.region.outer.load(w)
	}
	v := t.b.Param(ir.Stored, w.Path, w.Type)
	t.own[v] = true
	t.stored[w.Path], t.current[w.Path] = v, v
	return v
}

// update gives a weight its next value.
func (t *trace) update(path string, v *ir.Value) {
	for _, p := range t.updated {
		if p == path {
			t.current[path] = v
			return
		}
	}
	t.updated = append(t.updated, path)
	t.current[path] = v
}

// finish adds the updates as results, sorted by path, and numbers the values in order of definition:
// parameters were added as they came up.
func (t *trace) finish() *ir.Func {
	sort.Strings(t.updated)
	for _, p := range t.updated {
		t.b.Update(p, t.current[p])
	}
	f := t.b.Func
	next := 0
	number := func(v *ir.Value) {
		v.ID = next
		next++
	}
	for _, v := range f.Params {
		number(v)
	}
	for _, n := range f.Nodes {
		for _, v := range n.Out {
			number(v)
		}
	}
	return f
}

// emit adds a node; a broken rule becomes a diagnostic at that place.
func (e *elaborator) emit(s *scope, at diag.Span, op ir.Op, in ...*ir.Value) ([]*ir.Value, bool) {
	t := e.t
	in = slices.Clone(in)
	for i, v := range in {
		if v == nil {
			return nil, false
		}
		if in[i] = t.reach(v); in[i] == nil {
			d := e.errorf(s, check.UnknownDims, at, "an initial value cannot depend on the values of a call")
			help(d, "build it from sizes, numbers and other initializers")
			return nil, false
		}
	}
	t.b.Span = s.frame.place(at)
	out, err := t.b.Try(op, in...)
	if err != nil {
		e.errorf(s, check.RuleBroken, at, "%s", err.Error())
		return nil, false
	}
	for _, v := range out {
		t.own[v] = true
	}
	return out, true
}

// emit1 adds a node of one result; it is nil where a mistake is told or an operand is nil.
func (e *elaborator) emit1(s *scope, at diag.Span, op ir.Op, in ...*ir.Value) *ir.Value {
	out, ok := e.emit(s, at, op, in...)
	if !ok {
		return nil
	}
	return out[0]
}

// site keys the next random draw of a frame: its instance's path, which draw, which use.
func (f *frame) site() uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s#%d@%d", f.path, *f.draws, f.use)
	*f.draws++
	return h.Sum64()
}
