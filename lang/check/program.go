// Package check owns what a program's names mean before anything runs: which declarations there
// are, what their signatures say, which names a body may use, how dims unify and element types
// join. It knows nothing of the graph that a body becomes, nor of machines.
package check

import (
	"fmt"
	"io/fs"
	"sort"

	"dlc/lang/diag"
	"dlc/lang/syntax"
)

// A Program is the declarations of the user's files and of the library.
type Program struct {
	Defs      map[string]*Def // the user's
	Lib       map[string]*Def // of the library, what the user's words reach
	Order     []*Def          // the user's, in order of place
	Gradients map[string]*Def // by the names of their functions
	Datasets  map[string]*syntax.Dataset
	Trains    []*syntax.Train
	Requires  []*syntax.Require
	Known     []string  // names of the primitives and of the whole library, sorted
	Diags     diag.List // what Files found; it also says which mistakes are told already
}

// A Def is a model, layer, fn, metric, optimizer, schedule, initializer or gradient.
type Def struct {
	Name   string
	Kind   string
	Node   *syntax.Definition
	Config []*Param
	Inputs []*Param
	Lib    bool
	Back   *Def // the gradient that a fn has of its own
}

// Lookup finds a definition by name, the user's before the library's; a library body sees the
// library alone.
func (p *Program) Lookup(name string, inLib bool) (*Def, bool) {
	if d, ok := p.Defs[name]; ok && !inLib {
		return d, true
	}
	d, ok := p.Lib[name]
	return d, ok
}

// Names returns every name that a body may call, sorted.
func (p *Program) Names() []string {
	names := append([]string{}, p.Known...)
	for n := range p.Defs {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// Editions lists the editions that this compiler reads.
func Editions() []int64 { return []int64{2026} }

// Files collects the declarations of a program and tells every mistake in names and forms that
// needs no values. lib holds the library's *.dlc files, known the names of the primitives.
func Files(files []*syntax.File, lib fs.FS, known []string) (*Program, diag.List) {
	p := &Program{Defs: map[string]*Def{}, Gradients: map[string]*Def{}, Lib: map[string]*Def{}, Datasets: map[string]*syntax.Dataset{}}
	c := &checker{prog: p}
	parsed, names := libraryFiles(lib, wordsOf(files))
	p.Known = sorted(append(names, known...))
	for _, f := range parsed {
		for _, d := range f.Decls {
			if def, ok := d.(*syntax.Definition); ok {
				c.declareInLibrary(def)
			}
		}
	}
	if len(p.Diags) > 0 {
		panic(fmt.Sprintf("BUG: the library has mistakes: %v", p.Diags))
	}
	for _, f := range files {
		c.hasEdition(f)
		for i, d := range f.Decls {
			if e, ok := d.(*syntax.Edition); ok && i > 0 {
				c.errorf(BadEdition, e.Span(), "the edition stands once, before all declarations")
				continue
			}
			c.declare(d)
		}
	}
	c.pairs()
	for _, d := range p.Order {
		c.resolve(d)
	}
	for _, d := range libraryOrder(p.Lib) {
		c.resolve(d)
		if d.Back != nil {
			c.resolve(d.Back)
		}
	}
	return p, p.Diags
}

// declareInLibrary keeps a declaration of the library. A gradient stands behind its function.
func (c *checker) declareInLibrary(d *syntax.Definition) {
	def := c.define(d, true)
	if d.Kind == "gradient" {
		c.prog.Lib[d.Name()].Back = def
		return
	}
	c.prog.Lib[d.Name()] = def
}

func libraryOrder(lib map[string]*Def) []*Def {
	names := make([]string, 0, len(lib))
	for n := range lib {
		names = append(names, n)
	}
	sort.Strings(names)
	defs := make([]*Def, len(names))
	for i, n := range names {
		defs[i] = lib[n]
	}
	return defs
}

// A checker collects diagnostics while it goes through declarations.
type checker struct {
	prog      *Program
	def       *Def
	scopes    []map[string]bool
	signature map[string]*declared // names of the definition's lists that nothing has hidden
	scans     int                  // around the statement at hand, in its function
}

// New makes an error of one place.
func New(code string, at diag.Span, format string, args ...any) *diag.Diagnostic {
	return &diag.Diagnostic{Code: code, Span: at, Message: fmt.Sprintf(format, args...)}
}

func (c *checker) add(d *diag.Diagnostic) *diag.Diagnostic {
	if c.def != nil && c.def.Lib {
		panic("BUG: library: " + d.Error())
	}
	c.prog.Diags = append(c.prog.Diags, d)
	return d
}

func (c *checker) errorf(code string, at diag.Span, format string, args ...any) *diag.Diagnostic {
	return c.add(New(code, at, format, args...))
}

func (c *checker) declare(d syntax.Decl) {
	switch d := d.(type) {
	case *syntax.Edition:
		c.edition(d)
	case *syntax.Definition:
		c.declareDef(d)
	case *syntax.Dataset:
		if old, ok := c.prog.Datasets[d.Name.Text]; ok {
			c.duplicate("dataset", d.Name, old.Name.Span())
			return
		}
		c.prog.Datasets[d.Name.Text] = d
	case *syntax.Train:
		if len(c.prog.Trains) > 0 {
			x := c.errorf(DeclUnsupported, d.Span(), "a second `train` block is not supported yet")
			x.Related = []diag.Label{{Span: c.prog.Trains[0].Name.Span(), Text: "the first is here"}}
			return
		}
		c.prog.Trains = append(c.prog.Trains, d)
	case *syntax.Require:
		if d.Kind != "require" {
			c.errorf(DeclUnsupported, d.Span(), "`%s` is not supported yet", d.Kind)
			return
		}
		c.prog.Requires = append(c.prog.Requires, d)
	case *syntax.Import:
		c.errorf(DeclUnsupported, d.Span(), "`import` is not supported yet")
	case *syntax.Test:
		c.errorf(DeclUnsupported, d.Span(), "`test` is not supported yet")
	}
}

func (c *checker) edition(d *syntax.Edition) {
	year, ok := d.Year.Int()
	for _, e := range Editions() {
		if ok && e == year {
			return
		}
	}
	x := c.errorf(BadEdition, d.Year.Span(), "edition %s is not known", d.Year.Text)
	x.Help = []string{fmt.Sprintf("write `edition %d`", Editions()[0])}
	x.Fix = &diag.Fix{Span: d.Year.Span(), Text: fmt.Sprint(Editions()[0])}
}

func (c *checker) declareDef(d *syntax.Definition) {
	switch d.Kind {
	case "model", "layer", "fn", "metric", "optimizer", "schedule", "initializer", "gradient":
	default:
		c.errorf(DeclUnsupported, d.Path[0].Span(), "`%s` is not supported yet", d.Kind)
		return
	}
	if len(d.Path) > 1 {
		c.errorf(DeclUnsupported, d.Path[0].Span(), "a %s cannot have a dotted name", d.Kind)
		return
	}
	if d.Kind == "gradient" {
		c.declareGradient(d)
		return
	}
	if old, ok := c.prog.Defs[d.Name()]; ok {
		c.duplicate(old.Kind, d.Path[0], old.Node.Path[0].Span())
		return
	}
	def := c.define(d, false)
	c.prog.Defs[d.Name()] = def
	c.prog.Order = append(c.prog.Order, def)
}

// declareGradient keeps the gradient of a function, which has its name.
func (c *checker) declareGradient(d *syntax.Definition) {
	if old, ok := c.prog.Gradients[d.Name()]; ok {
		c.duplicate("gradient", d.Path[0], old.Node.Path[0].Span())
		return
	}
	def := c.define(d, false)
	c.prog.Gradients[d.Name()] = def
	c.prog.Order = append(c.prog.Order, def)
}

// pairs holds each gradient to its function: it takes the function's inputs, then at least one more.
func (c *checker) pairs() {
	for _, g := range c.prog.Order {
		if g.Kind != "gradient" {
			continue
		}
		f := c.prog.Defs[g.Name]
		name := g.Node.Path[0]
		switch {
		case f == nil || f.Kind != "fn":
			x := c.errorf(WrongKind, name.Span(), "there is no fn `%s` in this file that this would be the gradient of", g.Name)
			Suggest(x, name, c.prog.fns())
		case len(g.Inputs) <= len(f.Inputs):
			x := c.errorf(MissingArgument, name.Span(), "the gradient of `%s` takes at least %d inputs: those of the fn, then the gradient of its result", g.Name, len(f.Inputs)+1)
			x.Related = []diag.Label{{Span: f.Node.Path[0].Span(), Text: "the fn is here"}}
		default:
			f.Back = g
		}
	}
}

func (p *Program) fns() (names []string) {
	for _, d := range p.Order {
		if d.Kind == "fn" {
			names = append(names, d.Name)
		}
	}
	return names
}

func (c *checker) duplicate(kind string, n *syntax.Name, old diag.Span) {
	x := c.errorf(DuplicateName, n.Span(), "`%s` is declared twice", n.Text)
	x.Related = []diag.Label{{Span: old, Text: "the " + kind + " of that name is here"}}
}

// define reads a definition's parameter lists.
func (c *checker) define(d *syntax.Definition, lib bool) *Def {
	def := &Def{Name: d.Name(), Kind: d.Kind, Node: d, Lib: lib}
	seen := map[string]diag.Span{}
	def.Config = c.params(d.Config(), true, seen)
	def.Inputs = c.params(d.Inputs(), false, seen)
	if d.Kind == "model" || d.Kind == "layer" {
		c.takesInputs(def)
	}
	if d.Result != nil {
		c.alternatives(d.Result, false)
	}
	return def
}

// takesInputs refuses a model or layer that takes nothing: its one list is its configuration. One
// that holds tensors was meant to be the inputs, and is taken for them from here on.
func (c *checker) takesInputs(def *Def) {
	d := def.Node
	if len(def.Inputs) > 0 {
		return
	}
	name := d.Path[len(d.Path)-1].Span()
	x := c.errorf(NoInputs, name, "the %s `%s` takes no input", d.Kind, def.Name)
	x.Help = []string{fmt.Sprintf("its second list declares them, as in `%s %s(...)(x: f32[N, 10])`", d.Kind, def.Name)}
	for _, p := range def.Config {
		if len(p.Alts) > 0 && p.Alts[0].Form == Tensor && d.Inputs() == nil {
			x.Help = []string{fmt.Sprintf("the first list is its configuration, the second its inputs: write `%s()(...)`", def.Name)}
			name.Col, name.Start = name.Col+name.End-name.Start, name.End
			x.Fix = &diag.Fix{Span: name, Text: "()"}
			def.Config, def.Inputs = nil, def.Config
			return
		}
	}
}
