package build

import (
	"fmt"
	"slices"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/syntax"
)

// Regions. What a body records while it is run for a node that holds it, such as a scan's, goes into
// a trace of its own, inside of the one around it. A value of outside that it uses becomes a
// parameter; a state that it reads begins as one, so that what it makes of it can be carried.

// A region is what a trace knows that is inside of another.
type region struct {
	outer  *trace
	names  map[string]bool           // of parameters
	inside map[*ir.Value]*ir.Value   // values of outside: the parameters
	params []*ir.Value               // for values of outside, in order
	values []*ir.Value               // these
	states []string                  // paths of states that were read, in order
	begins map[string]*ir.Value      // a state's path: the parameter
	seed   func(*ir.Value) *ir.Value // of a turn's random numbers, from that of the call
}

// enter begins a trace inside of the one at hand.
func (e *elaborator) enter(name string) *trace {
	t := *e.t
	t.b, t.own, t.current, t.updated = ir.NewBuilder(name), map[*ir.Value]bool{}, map[string]*ir.Value{}, nil
	t.region = &region{outer: e.t, names: map[string]bool{}, inside: map[*ir.Value]*ir.Value{}, begins: map[string]*ir.Value{}}
	e.t = &t
	return &t
}

// leave goes back to the trace around.
func (e *elaborator) leave() { e.t = e.t.region.outer }

// outermost is the trace of the entry.
func (t *trace) outermost() *trace {
	for t.region != nil {
		t = t.region.outer
	}
	return t
}

// param adds a parameter to a region, under that name or one like it.
func (t *trace) param(name string, typ tensor.Type) *ir.Value {
	for t.region.names[name] {
		name += "_"
	}
	t.region.names[name] = true
	v := t.b.Param(ir.Input, name, typ)
	t.own[v] = true
	return v
}

// reach returns what a value of this trace or one around it is in this one; nil for others. A
// value that is known while compiling is made again.
func (t *trace) reach(v *ir.Value) *ir.Value {
	if t.own[v] {
		return v
	}
	r := t.region
	if r == nil {
		return nil
	}
	if p := r.inside[v]; p != nil {
		return p
	}
	from := r.outer.reach(v)
	if from == nil {
		return nil
	}
	var p *ir.Value
	if v.Node != nil && len(v.Node.In) == 0 && len(ir.Regions(v.Node.Op)) == 0 {
		p = t.b.Add(v.Node.Op)
		p.Node.Spans = v.Node.Spans
		t.own[p] = true
	} else {
		name := fmt.Sprint("v", len(r.params))
		if v.Param != nil {
			name = v.Param.Name
		}
		p = t.param(name, v.Type)
		r.params, r.values = append(r.params, p), append(r.values, from)
	}
	r.inside[v] = p
	return p
}

// state is a state's value now, in a region.
func (t *trace) state(w *weight) *ir.Value {
	r := t.region
	p := t.param(w.Path, w.Type)
	r.states, r.begins[w.Path] = append(r.states, w.Path), p
	t.current[w.Path] = p
	return p
}

// turnSeed is the seed of random numbers here: each turn of the regions around has its own.
func (e *elaborator) turnSeed() *ir.Value {
	t := e.t
	if t.region == nil {
		return t.clock("seed")
	}
	e.t = t.region.outer
	v := e.turnSeed()
	e.t = t
	if t.region.seed != nil {
		return t.region.seed(v)
	}
	return v
}

// closeRegion orders the parameters of a region: first those given, then states that are not among
// them, and what it uses of outside. It returns the operands for what follows those given.
func (e *elaborator) closeRegion(t *trace, first []*ir.Value) (operands []*ir.Value) {
	r := t.region
	params := slices.Clone(first)
	for _, path := range r.states {
		if p := r.begins[path]; !slices.Contains(first, p) {
			params = append(params, p)
			operands = append(operands, r.outer.load(e.weights[path]))
		}
	}
	t.b.Func.Params = append(params, r.params...)
	t.b.Func.Renumber()
	return append(operands, r.values...)
}

// bindStates gives the states that a block updates by name the values that they have in the region at
// hand, which in is the scope of. It returns their names.
func (e *elaborator) bindStates(s, in *scope, b *syntax.Block) (names []string) {
	eachUpdated(b, func(n *syntax.Name) {
		path, ok := s.frame.states[n.Text]
		old, known := s.find(n.Text)
		if !ok || !known || slices.Contains(names, n.Text) {
			return
		}
		names = append(names, n.Text)
		v := &tens{v: e.t.load(e.weights[path])}
		if t, ok := old.(*tens); ok {
			v.labels = t.labels
		}
		in.vars[n.Text] = v
	})
	return names
}

// readStates gives the names of states the values that they have behind a region.
func (e *elaborator) readStates(s *scope, names []string) {
	for _, n := range names {
		old, _ := s.find(n)
		v := &tens{v: e.t.load(e.weights[s.frame.states[n]])}
		if t, ok := old.(*tens); ok {
			v.labels = t.labels
		}
		s.assign(n, v)
	}
}

// eachUpdated visits the names that a block updates with `<-`, in blocks of it too.
func eachUpdated(b *syntax.Block, visit func(*syntax.Name)) {
	if b == nil {
		return
	}
	for _, st := range b.Stmts {
		switch st := st.(type) {
		case *syntax.Assign:
			if n, ok := st.Targets[0].(*syntax.Name); ok && st.Op == "<-" {
				visit(n)
			}
			eachUpdatedIn(st.Value, visit)
		case *syntax.For:
			eachUpdated(st.Body, visit)
		case *syntax.While:
			eachUpdated(st.Body, visit)
		case *syntax.ExprStmt:
			eachUpdatedIn(st.Value, visit)
		}
	}
}

func eachUpdatedIn(x syntax.Expr, visit func(*syntax.Name)) {
	switch x := x.(type) {
	case *syntax.If:
		eachUpdated(x.Then, visit)
		eachUpdated(x.Else, visit)
	case *syntax.Scan:
		eachUpdated(x.Body, visit)
	}
}
