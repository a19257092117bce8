// Package dlc compiles models: source text to a program.Model that the runtime runs. It is the
// table of contents of the compiler: one call per phase, in order, with timing, the text of
// each stage on request, and the one place where a broken invariant is caught.
package dlc

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"dlc/codegen/cpu"
	"dlc/codegen/llvm"
	"dlc/ir"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
	"dlc/lang/build"
	"dlc/lang/check"
	"dlc/lang/diag"
	"dlc/lang/syntax"
	"dlc/passes"
	"dlc/runtime/native"
	"dlc/runtime/program"
	"dlc/stdlib"
)

// Version is this compiler's. It stands in every artifact.
const Version = "0.1.0"

// A Source is one file of the language.
type Source struct {
	Path string
	Text []byte
}

// ReadSource reads a file.
func ReadSource(path string) (*Source, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return &Source{Path: path, Text: text}, nil
}

// Options say what to compile for, and what to tell on the way. The zero value compiles every
// entry for this machine, silently.
type Options struct {
	Columns map[string]tensor.Type   // raw columns of the data set, per record; nil: those of the source's kind
	Header  []string                 // names of all columns of a table, to suggest from
	Targets []string                 // names of Targets; nil: the best one for this machine
	GPU     string                   // one of GPUs: Compile and Kernels make PTX, for a Stage alone, in place of native code
	Entries []string                 // nil: all
	Batch   int                      // of training; 0: the file's
	Epochs  int                      // of training; 0: the file's
	Records int                      // of the training part, which schedules count steps by; 0: unknown
	Stage   func(stage, text string) // receives the stages named in Stages
	Stages  []string                 // ast types graph opt kernel tile plan llvm asm
	Pass    func(pass, text string)  // receives the graph or kernels after each pass
	Explain func(pass, line string)  // receives what the passes over kernels decide, and why
	Time    func(phase string, d time.Duration)
	Check   bool // kernels stay single operations, each launch has a driver: for runtime/check

	probe    func(at string) // of tests: called at each phase, and at phase/pass
	replayed bool            // a Bug is not saved again
}

// What a source says of its data and its promises.
type (
	Dataset = build.Dataset
	Promise = build.Promise
)

// A Program is a source that has no mistakes.
type Program struct {
	Source   *Source
	Info     *build.Info
	Module   *ir.Module
	Warnings diag.List

	job *job
}

// Entries names the program's functions, sorted as they are made.
func (p *Program) Entries() []string {
	var out []string
	for _, f := range p.Module.Funcs {
		out = append(out, f.Name)
	}
	return out
}

// A job is one compilation under way.
type job struct {
	src   *Source
	opts  Options
	phase string
	begun time.Time

	call   string        // what the host asked for: check, compile or plan
	pass   string        // running in the phase
	newest func() string // prints the newest intermediate representation, for a Bug

	compile func(llvm.Target) error // of tests: instead of code generation
}

// enter ends the running phase and begins the next.
func (j *job) enter(phase string) {
	if j.opts.Time != nil && j.phase != "" {
		j.opts.Time(j.phase, time.Since(j.begun))
	}
	j.phase, j.pass, j.begun = phase, "", time.Now()
	j.probe()
}

// Recipe says how the training data of a source is to be read, before anything else is known:
// which source of data, with which arguments. It is nil where the file does not say it.
func Recipe(src *Source) (recipe *build.Dataset, err error) {
	j := &job{src: src}
	defer j.guard(&err)
	prog, _ := j.front() // Check tells what is wrong
	return build.Recipe(prog), nil
}

// Words returns the words of a source: of a table, only columns among them can be meant.
func Words(src *Source) map[string]bool {
	words := map[string]bool{}
	file, _ := syntax.Parse(src.Path, src.Text) // Check tells mistakes
	for _, t := range file.Tokens() {
		words[t.Value] = true
	}
	return words
}

// front reads a source up to names and declarations.
func (j *job) front() (*check.Program, diag.List) {
	j.enter("parse")
	file, diags := syntax.Parse(j.src.Path, j.src.Text)
	j.stage("ast", func() string { return treeText(file) })
	j.enter("check")
	prog, more := check.Files([]*syntax.File{file}, stdlib.Files, build.Names())
	return prog, append(diags, more...)
}

// Check runs the front: text to a module of graphs. A mistake of the user is a diag.List.
func Check(src *Source, o *Options) (p *Program, err error) {
	if o == nil {
		o = &Options{}
	}
	j := &job{src: src, opts: *o, call: "check"}
	defer j.guard(&err)
	prog, diags := j.front()
	j.enter("build")
	module, info, more := build.Module(prog, build.Options{Columns: o.Columns, Header: o.Header, Broken: diags.Err() != nil})
	diags = known(src, append(diags, more...))
	if diags.Err() != nil {
		return nil, diags
	}
	j.stage("types", func() string { return typesText(info) })
	j.stage("graph", func() string { return ir.Print(module) })
	j.enter("")
	return &Program{Source: src, Info: info, Module: module, Warnings: diags, job: j}, nil
}

// known leaves out that a name means nothing where the source declares it: its declaration has
// mistakes of its own, which are told.
func known(src *Source, l diag.List) diag.List {
	declared := map[string]bool{}
	for line := range strings.Lines(string(src.Text)) {
		words := strings.FieldsFunc(line, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if len(words) > 1 && strings.HasPrefix(line, words[0]+" ") {
			declared[words[1]] = true
		}
	}
	rest := slices.DeleteFunc(slices.Clone(l), func(d *diag.Diagnostic) bool {
		missing := d.Code == check.UnknownName || d.Code == check.UnknownCallee || d.Code == check.NameUnsupported
		return missing && d.Span.File == src.Path && d.Span.End <= len(src.Text) && declared[string(src.Text[d.Span.Start:d.Span.End])]
	})
	if rest.Err() == nil {
		return l
	}
	return rest
}

// Compile runs the middle and the back: graphs to machine code. The weights of the result are
// zeros; training or a file gives them values.
func (p *Program) Compile() (m *program.Model, err error) {
	j := p.job
	j.call = "compile"
	defer j.guard(&err)
	m = &program.Model{Name: p.Module.Name, Manifest: program.Manifest{Source: string(p.Source.Text), Compiler: Version}}
	if j.opts.GPU != "" {
		programs, err := p.kernels()
		if err != nil {
			return nil, err
		}
		return m, j.gpu(programs)
	}
	targets, err := Targets(j.opts.Targets)
	if err != nil {
		return nil, err
	}
	j.opts.Targets = nil
	for _, t := range targets {
		j.opts.Targets = append(j.opts.Targets, t.Name)
	}
	programs, err := p.kernels()
	if err != nil {
		return nil, err
	}
	for _, w := range p.Module.Weights {
		m.Weights = append(m.Weights, blank(w.Path, w.Type, w.State))
	}
	return m, j.sections(m, programs, targets)
}

// blank is a weight of zeros.
func blank(path string, t tensor.Type, state bool) *program.Weight {
	size, _ := t.Shape.Size().Const()
	return &program.Weight{Path: path, Type: t, State: state, Value: make([]byte, size*int64(t.DType.Size()))}
}

// sections runs the back for each target.
func (j *job) sections(m *program.Model, programs []*kernel.Program, targets []cpu.Target) error {
	for _, target := range targets {
		entries, section, err := j.section(programs, target)
		if err != nil {
			return err
		}
		m.Entries = entries
		m.Sections = append(m.Sections, section)
	}
	j.enter("")
	return nil
}

// kernels runs the passes over the graph and lowers each entry.
func (p *Program) kernels() ([]*kernel.Program, error) {
	j := p.job
	watch := j.watch()
	j.newest = func() string { return ir.Print(p.Module) }
	j.enter("graph passes")
	if len(j.opts.Entries) > 0 {
		p.Module.Funcs = slices.DeleteFunc(p.Module.Funcs, func(f *ir.Func) bool { return !slices.Contains(j.opts.Entries, f.Name) })
	}
	if err := passes.Graph(p.Module, watch); err != nil {
		return nil, j.blame(err)
	}
	j.stage("opt", func() string { return ir.Print(p.Module) })
	j.enter("kernel passes")
	var out []*kernel.Program
	for _, f := range p.Module.Funcs {
		k, err := passes.Kernels(f, p.Module, watch)
		if err != nil {
			return nil, j.blame(err)
		}
		j.stage("kernel", k.String)
		out = append(out, k)
	}
	return out, nil
}

// Plan runs the middle without making code: the entries with their buffers and lifetimes.
func (p *Program) Plan() (entries []*program.Entry, err error) {
	p.job.call = "plan"
	defer p.job.guard(&err)
	targets, err := Targets([]string{"x86-64-v3"})
	if err != nil {
		return nil, err
	}
	programs, err := p.kernels()
	if err != nil {
		return nil, err
	}
	entries, _, err = p.job.plan(programs, &targets[0].Machine)
	return entries, err
}

// section schedules, plans and generates code for one target.
func (j *job) section(programs []*kernel.Program, target cpu.Target) ([]*program.Entry, *program.Section, error) {
	entries, tiles, err := j.plan(programs, &target.Machine)
	if err != nil {
		return nil, nil, err
	}
	if err := j.listing(tiles, entries, target); err != nil {
		return nil, nil, err
	}
	j.enter("codegen")
	drivers := slices.Clone(entries)
	if j.opts.Check {
		for _, e := range entries {
			drivers = append(drivers, program.Stepped(e)...)
		}
	}
	j.newest = func() string { return llvmText(tiles, drivers, target) }
	if j.compile != nil {
		return nil, nil, j.blame(j.compile(target.LLVM))
	}
	s, err := cpu.Compile(tiles, drivers, target, cpu.Options{})
	return entries, s, j.blame(err)
}

// plan schedules each kernel for a machine and gives buffers their lifetimes.
func (j *job) plan(programs []*kernel.Program, machine *tile.Machine) (entries []*program.Entry, tiles []*tile.Program, err error) {
	j.enter("tile and plan")
	phases := 0
	for _, k := range programs {
		j.newest = k.String
		e, ts, err := passes.Plan(k, func(k *kernel.Kernel) (*tile.Program, error) { return passes.Tile(k, machine) }, phases)
		if err != nil {
			return nil, nil, j.blame(err)
		}
		for _, t := range ts {
			j.stage("tile", t.String)
			phases += len(t.Phases)
		}
		j.stage("plan", e.String)
		entries = append(entries, e)
		tiles = append(tiles, ts...)
	}
	return entries, tiles, nil
}

// listing hands out the texts of the last two stages.
func (j *job) listing(tiles []*tile.Program, entries []*program.Entry, target cpu.Target) error {
	for _, s := range []struct {
		name string
		emit func() (string, error)
	}{
		{"llvm", func() (string, error) { return cpu.EmitLLVM(tiles, entries, target) }},
		{"asm", func() (string, error) { return cpu.EmitAsm(tiles, entries, target, cpu.Options{}) }},
	} {
		if !j.wants(s.name) {
			continue
		}
		text, err := s.emit()
		if err != nil {
			return err
		}
		j.opts.Stage(s.name, text)
	}
	return nil
}

// Targets returns the code targets of those names; none means the best one of this machine.
func Targets(names []string) ([]cpu.Target, error) {
	known := cpu.Known()
	if len(names) == 0 {
		names = []string{"native"}
	}
	var out []cpu.Target
	for _, n := range names {
		at := slices.IndexFunc(known, func(t cpu.Target) bool { return t.Name == n })
		if n == "native" {
			if at = bestTarget(cpu.Targets()); at < 0 { // they head the list
				return nil, native.Supported()
			}
		}
		if at < 0 {
			return nil, fmt.Errorf("unknown target %q: %s", n, strings.Join(TargetNames(), ", "))
		}
		if !slices.ContainsFunc(out, func(t cpu.Target) bool { return t.Name == known[at].Name }) {
			out = append(out, known[at])
		}
	}
	return out, nil
}

// bestTarget returns the last of the known targets that this machine can run, or -1.
func bestTarget(known []cpu.Target) int {
	for i := len(known) - 1; i >= 0; i-- {
		if native.Supports(known[i].Features) == nil {
			return i
		}
	}
	return -1
}

// Seed returns the seed that the file's training begins with.
func (p *Program) Seed() uint64 {
	if p.Info.Train == nil {
		return 0
	}
	return p.Info.Train.Seed
}
