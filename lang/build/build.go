// Package build owns the way from checked declarations to graph entries: it runs every body with
// its configuration known, the library's like the user's, and records what happens to tensors. It
// collects every mistake of a file in one run, and knows nothing of kernels, machines or data.
package build

import (
	"sort"

	"dlc/ir"
	"dlc/ir/tensor"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// rows is the symbol of the batch in the entries that take a dataset's records.
const rows = "N"

// Options is what the host knows before anything is compiled.
type Options struct {
	// Columns are the types of a dataset's columns, per record, where its header is read already.
	Columns map[string]tensor.Type
	// Header is the names of a table's columns, also of those that nothing reads.
	Header []string
	// Broken says that declarations may be missing, for mistakes of syntax that are told already:
	// what only their absence makes wrong is not told.
	Broken bool
}

// An elaborator runs bodies and collects what they say.
type elaborator struct {
	prog    *check.Program
	opts    Options
	prims   map[string]*primitive
	diags   diag.List
	told    map[string]bool
	mute    bool // mistakes of now are told elsewhere
	trial   bool // a body is checked with made-up inputs
	packed  bool // an input of the trial has a pack
	applied map[*check.Def]bool
	backs   []*check.Def // fns of which the gradient is being run
	weights map[string]*weight
	t       *trace
	scans   []*scanning // whose bodies are being run; nil in a branch or a loop
	loops   []*frame    // of the loops that the model runs around what is being run: they make no layers
	depth   int

	info     *Info
	model    *layer
	dims     map[string]tensor.Dim // dims of the model's inputs that the dataset fixes
	fixed    bool                  // the dataset's columns fit the model's inputs
	data     *dataset
	train    *training
	inputs   []string               // columns that the model takes
	used     []string               // columns that loss and metrics take, in order of first use
	prepared map[string]tensor.Type // their types after the dataset's transformations
	ranges   map[string]bounds
	outputs  []Field
	funcs    []*ir.Func
}

func newElaborator(p *check.Program, opts Options) *elaborator {
	e := &elaborator{prog: p, opts: opts, prims: primitives(), told: map[string]bool{}, applied: map[*check.Def]bool{}, weights: map[string]*weight{},
		info: &Info{}, dims: map[string]tensor.Dim{}, prepared: map[string]tensor.Type{}, ranges: map[string]bounds{}}
	for _, d := range p.Diags {
		e.told[keyOf(d)] = true
	}
	return e
}

// Recipe returns where the training data of a program comes from, which a host wants to know
// before anything is built, since the data's header says the types of its columns. It is nil when
// the program does not say it well; Module tells why.
func Recipe(p *check.Program) *Dataset {
	e := newElaborator(p, Options{})
	if len(p.Trains) == 0 {
		return nil
	}
	for _, st := range p.Trains[0].Body.Stmts {
		if n, ok := st.(*syntax.Named); ok && n.Name.Text == "data" && e.openDataset(e.root(n.Span()), n.Value) != nil {
			return e.info.Dataset
		}
	}
	return nil
}

// Module elaborates a program. It returns every mistake it finds; the module is nil when there is
// one, in p.Diags or here.
func Module(p *check.Program, opts Options) (*ir.Module, *Info, diag.List) {
	e := newElaborator(p, opts)
	if e.chooseModel() {
		if e.train != nil {
			e.trainEntries()
		}
		e.inferEntry()
		if e.train != nil && len(e.outputs) > 0 {
			e.scoreEntries()
		}
		e.promises()
		e.initEntries()
	}
	e.unusedBodies()
	if e.diags.Err() != nil || p.Diags.Err() != nil {
		return nil, nil, e.diags.Sorted()
	}
	return e.module(), e.info, e.diags.Sorted()
}

// chooseModel finds the model of the file: the one its train block names, else the first.
func (e *elaborator) chooseModel() bool {
	root := e.root(diag.Span{})
	var def *check.Def
	var args *syntax.Args
	at := diag.Span{}
	if len(e.prog.Trains) > 0 {
		t := e.prog.Trains[0]
		at = t.Name.Span()
		d, ok := e.prog.Defs[t.Name.Text]
		if !ok || d.Kind != "model" {
			if e.opts.Broken {
				return false
			}
			x := check.New(check.UnknownName, at, "there is no model `%s`", t.Name.Text)
			check.Suggest(x, t.Name, e.models())
			e.tell(x)
			return false
		}
		def, args = d, t.Args
		e.train = &training{node: t}
	} else {
		for _, d := range e.prog.Order {
			if d.Kind == "model" && def == nil {
				def, at = d, d.Node.Path[0].Span()
			}
		}
	}
	if def == nil {
		if e.prog.Diags.Err() == nil && !e.opts.Broken {
			e.tell(check.New(check.NoModel, diag.Span{}, "the file declares no model"))
		}
		return false
	}
	var list []argument
	e.t = newTrace("config")
	if args != nil {
		list = e.arguments(root, args)
	}
	config, ok := e.configure(root, def, at, list)
	e.model = &layer{def: def, config: config, at: at}
	e.info.Model = def.Name
	return ok
}

func (e *elaborator) models() []string {
	var out []string
	for _, d := range e.prog.Order {
		if d.Kind == "model" {
			out = append(out, d.Name)
		}
	}
	return out
}

// root is a scope outside of all bodies.
func (e *elaborator) root(at diag.Span) *scope {
	return newBody(&frame{call: at, taken: map[string]*layer{}, counts: map[string]int{}, states: map[string]string{}, draws: new(int)})
}

// module assembles what the entries have in common.
func (e *elaborator) module() *ir.Module {
	m := &ir.Module{Name: e.info.Model, Funcs: e.funcs}
	for _, p := range e.paths() {
		w := e.weights[p].Weight
		m.Weights = append(m.Weights, &w)
	}
	return m
}

// paths lists the weights, sorted.
func (e *elaborator) paths() []string {
	out := make([]string, 0, len(e.weights))
	for p := range e.weights {
		out = append(out, p)
	}
	sort.Strings(out)
	return out
}

// close ends a trace and adds it to the entries.
func (e *elaborator) close(t *trace) *ir.Func {
	f := t.finish()
	e.funcs = append(e.funcs, f)
	return f
}
