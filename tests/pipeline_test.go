package tests

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/rand"
	"os"
	"slices"
	"strings"
	"testing"

	"dlc/codegen/cpu"
	"dlc/ir"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
	"dlc/lang/build"
	"dlc/lang/check"
	"dlc/lang/syntax"
	"dlc/passes"
	"dlc/runtime"
	"dlc/runtime/native"
	"dlc/runtime/program"
	"dlc/stdlib"
)

// everyEntry lists the functions of a module with a train block.
var everyEntry = []string{"init", "train", "infer", "prepare", "score", "metrics", "reset"}

// A pipeline is a module taken through every stage, for every target.
type pipeline struct {
	name    string
	module  *ir.Module
	kernels map[string]*kernel.Program            // by entry
	tiles   map[string]map[string][]*tile.Program // by target, then entry
	model   *program.Model
}

// module reads an example, with one piece of its text replaced, up to its graphs, for images of
// the given shape.
func module(t testing.TB, file, old, new string, image tensor.Shape) *ir.Module {
	t.Helper()
	text, err := os.ReadFile("../examples/" + file + ".dlc")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s has no %q", file, old)
	}
	tree, diags := syntax.Parse(file, []byte(strings.Replace(string(text), old, new, 1)))
	p, more := check.Files([]*syntax.File{tree}, stdlib.Files, build.Names())
	columns := map[string]tensor.Type{"image": {DType: tensor.U8, Shape: image}, "label": {DType: tensor.U8}}
	m, _, last := build.Module(p, build.Options{Columns: columns})
	if diags = append(append(diags, more...), last...); len(diags) > 0 {
		t.Fatalf("%s: %v", file, diags)
	}
	return m
}

// compile takes a module through all passes and makes code for every target, which it need not
// be able to run.
func compile(t testing.TB, name string, m *ir.Module) *pipeline {
	t.Helper()
	p := lowered(t, name, m)
	for _, target := range cpu.Targets() {
		p.addSection(t, target, cpu.Options{Quick: true})
	}
	for _, w := range m.Weights {
		n, _ := w.Type.Shape.Size().Const()
		p.model.Weights = append(p.model.Weights, &program.Weight{Path: w.Path, Type: w.Type, State: w.State, Value: make([]byte, int(n)*w.Type.DType.Size())})
	}
	return p
}

// lowered takes a module through the passes over graphs and kernels.
func lowered(t testing.TB, name string, m *ir.Module) *pipeline {
	t.Helper()
	p := &pipeline{name: name, module: m, kernels: map[string]*kernel.Program{}, tiles: map[string]map[string][]*tile.Program{},
		model: &program.Model{Name: m.Name}}
	if err := passes.Graph(m, nil); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, f := range m.Funcs {
		k, err := passes.Kernels(f, m, nil)
		if err != nil {
			t.Fatalf("%s: %s: %v", name, f.Name, err)
		}
		p.kernels[f.Name] = k
	}
	return p
}

// addSection schedules and compiles every entry for a target.
func (p *pipeline) addSection(t testing.TB, target cpu.Target, o cpu.Options) {
	t.Helper()
	entries, all := p.schedule(t, target)
	section, err := cpu.Compile(all, entries, target, o)
	if err != nil {
		t.Fatalf("%s for %s: %v", p.name, target.Name, err)
	}
	for _, e := range entries {
		// A call that is thought to be long goes to the team, so that threads really share it.
		e.Flops = tensor.Int(1e12)
	}
	p.model.Entries = entries
	p.model.Sections = append(p.model.Sections, section)
}

// schedule makes tile programs of every entry for a target, and the plans.
func (p *pipeline) schedule(t testing.TB, target cpu.Target) (entries []*program.Entry, all []*tile.Program) {
	t.Helper()
	p.tiles[target.Name] = map[string][]*tile.Program{}
	phases := 0
	for _, f := range p.module.Funcs {
		e, tiles, err := passes.Plan(p.kernels[f.Name], func(k *kernel.Kernel) (*tile.Program, error) { return passes.Tile(k, &target.Machine) }, phases)
		if err != nil {
			t.Fatalf("%s: %s for %s: %v", p.name, f.Name, target.Name, err)
		}
		for _, x := range tiles {
			if err := tile.Verify(x); err != nil {
				t.Errorf("%s: %s for %s: %v", p.name, f.Name, target.Name, err)
			}
			phases += len(x.Phases)
		}
		p.tiles[target.Name][f.Name] = tiles
		entries, all = append(entries, e), append(all, tiles...)
	}
	return entries, all
}

// fn returns the graph of an entry.
func (p *pipeline) fn(entry string) *ir.Func {
	i := slices.IndexFunc(p.module.Funcs, func(f *ir.Func) bool { return f.Name == entry })
	if i < 0 {
		return nil
	}
	return p.module.Funcs[i]
}

// A call is what an entry is given, at a batch of n.
type call struct {
	n               int64
	inputs, weights map[string]*tensor.Tensor
	env             map[string]int64 // of all symbols; nil: the batch is the only one
}

// symbols are the values of all dims.
func (c *call) symbols() map[string]int64 {
	if c.env != nil {
		return c.env
	}
	return map[string]int64{"N": c.n}
}

// An answer is what an entry made: results by name, and the new values of weights by path.
type answer struct{ results, updates map[string]*tensor.Tensor }

// buffers returns what an interpreter starts with.
func (c *call) buffers(k *kernel.Program) map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{}
	for _, b := range k.Buffers {
		switch b.Role {
		case kernel.Input:
			out[b.Name] = c.inputs[public(b)]
		case kernel.Weight:
			out[b.Name] = c.weights[public(b)]
		}
	}
	return out
}

// public is the name by which a buffer is known outside.
func public(b *kernel.Buffer) string {
	if b.Of != "" {
		return b.Of
	}
	return b.Name
}

// collect picks results and updates from an interpreter's buffers.
func collect(k *kernel.Program, buffers map[string]*tensor.Tensor) *answer {
	a := &answer{map[string]*tensor.Tensor{}, map[string]*tensor.Tensor{}}
	for _, b := range k.Buffers {
		switch b.Role {
		case kernel.Output:
			a.results[public(b)] = buffers[b.Name]
		case kernel.Update:
			a.updates[b.Of] = buffers[b.Name]
		}
	}
	return a
}

// interpret runs an entry with the interpreter of definitions.
func (p *pipeline) interpret(t testing.TB, entry string, c *call) *answer {
	t.Helper()
	k := p.kernels[entry]
	buffers := c.buffers(k)
	if err := kernel.Interp(k, c.symbols(), buffers); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	return collect(k, buffers)
}

// interpretTiles runs an entry with the interpreter of schedules.
func (p *pipeline) interpretTiles(t testing.TB, target, entry string, c *call) *answer {
	t.Helper()
	k := p.kernels[entry]
	buffers := c.buffers(k)
	for _, b := range k.Buffers {
		if b.Value != nil {
			buffers[b.Name] = b.Value
		}
	}
	if slices.ContainsFunc(k.Kernels, func(k *kernel.Kernel) bool { return k.In != nil }) {
		p.followTiles(t, target, entry, c, buffers)
		return collect(k, buffers)
	}
	for i, x := range p.tiles[target][entry] {
		if err := tile.Interp(x, c.symbols(), buffers, int64(i)); err != nil {
			t.Fatalf("%s for %s: %v", p.name, target, err)
		}
	}
	return collect(k, buffers)
}

// followTiles runs the schedules of an entry with regions.
func (p *pipeline) followTiles(t testing.TB, target, entry string, c *call, buffers map[string]*tensor.Tensor) {
	t.Helper()
	k, of := p.kernels[entry], map[string]*tile.Program{}
	for _, x := range p.tiles[target][entry] {
		of[x.Kernel.Name] = x
	}
	err := k.Follow(kernel.Over(buffers, func(i int) error { return tile.Interp(of[k.Kernels[i].Name], c.symbols(), buffers, int64(i)) }))
	if err != nil {
		t.Fatalf("%s for %s: %v", p.name, target, err)
	}
}

// execute runs an entry natively, on weights of its own.
func (p *pipeline) execute(t testing.TB, target, entry string, threads int, c *call) *answer {
	t.Helper()
	for _, w := range p.model.Weights {
		w.Value = slices.Clone(c.weights[w.Path].Data)
	}
	m, err := runtime.LoadTarget(p.model, target)
	if err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	defer m.Close()
	s, err := m.NewSession(runtime.Options{Threads: threads, Train: true})
	if err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	defer s.Close()
	inputs := maps.Clone(c.inputs)
	b, err := s.Bind(entry, c.symbols())
	if err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	for name, x := range inputs {
		copy(b.Input(name).Data, x.Data)
	}
	if err := b.Call(context.Background()); err != nil {
		t.Fatalf("%s: %s for %s, %d threads: %v", p.name, entry, target, threads, err)
	}
	a := &answer{map[string]*tensor.Tensor{}, map[string]*tensor.Tensor{}}
	for _, r := range p.fn(entry).Results {
		x := b.Output(r.Name)
		into := a.results
		if r.Update {
			x, into = s.Weight(r.Name), a.updates
		}
		into[r.Name] = &tensor.Tensor{DType: x.DType, Dims: x.Dims, Data: slices.Clone(x.Data)}
	}
	return a
}

// runs reports whether this CPU runs a target's code, and says so once where it does not.
func runs(t testing.TB, target cpu.Target) bool {
	err := native.Supports(target.Features)
	if err != nil {
		t.Logf("NOT RUN on this CPU: %s: %v", target.Name, err)
	}
	return err == nil
}

// sameAnswer compares in bits, all NaNs being one.
func sameAnswer(t testing.TB, what string, got, want *answer) {
	t.Helper()
	sameBits(t, what, got.results, want.results)
	sameBits(t, what+", weight", got.updates, want.updates)
}

func sameBits(t testing.TB, what string, got, want map[string]*tensor.Tensor) {
	t.Helper()
	for _, name := range sorted(want) {
		g, w := got[name], want[name]
		if g == nil || g.Len() != w.Len() || g.DType != w.DType {
			t.Errorf("%s %s is %v, not %v", what, name, g, w)
			continue
		}
		if i := firstDifference(g, w); i >= 0 {
			t.Errorf("%s %s[%d] is %s, not %s", what, name, i, element(g, i), element(w, i))
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d values, not %d", what, len(got), len(want))
	}
}

// firstDifference returns the first element whose bits differ, -1 for none.
func firstDifference(a, b *tensor.Tensor) int {
	size := a.DType.Size()
	for i := range a.Len() {
		if string(a.Data[i*size:(i+1)*size]) == string(b.Data[i*size:(i+1)*size]) {
			continue
		}
		if a.DType.IsFloat() && math.IsNaN(a.Float(i)) && math.IsNaN(b.Float(i)) {
			continue
		}
		return i
	}
	return -1
}

func element(x *tensor.Tensor, i int) string {
	if x.DType == tensor.F32 {
		return fmt.Sprintf("%g (%#08x)", x.Float(i), binary.LittleEndian.Uint32(x.Data[4*i:]))
	}
	if x.DType.IsFloat() {
		return fmt.Sprintf("%g", x.Float(i))
	}
	return fmt.Sprint(x.Int(i))
}

// near compares with the evaluator's answer, relative to the largest element of each tensor.
func near(t testing.TB, what string, got, want *answer) {
	t.Helper()
	for _, pair := range [][2]map[string]*tensor.Tensor{{got.results, want.results}, {got.updates, want.updates}} {
		for _, name := range sorted(pair[1]) {
			g, w := pair[0][name], pair[1][name]
			largest := 1.0
			for i := range w.Len() {
				largest = max(largest, math.Abs(w.Float(i)))
			}
			for i := range w.Len() {
				if d := math.Abs(g.Float(i) - w.Float(i)); !(d <= 2e-4*largest) {
					t.Errorf("%s %s[%d] is %g, the evaluator says %g", what, name, i, g.Float(i), w.Float(i))
					break
				}
			}
		}
	}
}

// arguments draws what an entry reads: as values does, with whole bytes for pixels.
func (p *pipeline) arguments(r *rand.Rand, entry string, n int64) *call {
	f := p.fn(entry)
	inputs, weights := values(r, p.module, f, n)
	if x := inputs["image"]; x != nil && x.DType == tensor.U8 {
		r.Read(x.Data)
	}
	return &call{n: n, inputs: inputs, weights: weights}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
