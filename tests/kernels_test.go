package tests

import (
	"context"
	"fmt"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"dlc"
	"dlc/codegen/cpu"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
	"dlc/passes"
	"dlc/runtime"
	"dlc/runtime/program"
)

// A witness is a program of kernels, as they are before any pass, that the schedules and the code
// of every target must compute. Comments at the head of its text say how it is tried:
//
//	// sizes: N=0 T=3; N=1 T=1      symbols, one run each
//	// draw: ids -1 9               range of an integer input, 0 to 3 where none is given
//	// gradient: y, z by x with dy, dz gives dx
//	// tolerance: 1e-2              where an order leaves the grouping to the target
//
// A gradient is that of sum(y*dy) + sum(z*dz); without "with", of sum(y).
type witness struct {
	name, path, text string
	sizes            []map[string]int64
	draws            map[string][2]int64
	gradients        []gradient
	tolerance        float64                   // 0: bits
	models           map[string]*program.Model // by target
}

type gradient struct {
	of, with  []string
	by, gives string
}

// TestWitnesses takes each witness through all stages: definitions in their order, definitions
// after all passes, schedules, machine code with 1, 2 and 4 threads.
func TestWitnesses(t *testing.T) {
	for _, w := range witnesses(t) {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			for _, size := range w.sizes {
				for round := range 2 {
					w.agree(t, size, round > 0)
				}
			}
			for _, g := range w.gradients {
				w.differentiate(t, g)
			}
			w.golden(t)
		})
	}
}

func witnesses(t *testing.T) (out []*witness) {
	t.Helper()
	paths, err := filepath.Glob("golden/kernels/*" + dlc.KernelSuffix)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no witnesses: %v", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		w := &witness{name: strings.TrimSuffix(filepath.Base(path), dlc.KernelSuffix), path: path, text: string(text), draws: map[string][2]int64{}, models: map[string]*program.Model{}}
		for line := range strings.Lines(w.text) {
			if comment, ok := strings.CutPrefix(line, "// "); ok {
				w.directive(t, strings.TrimSpace(comment))
			}
		}
		if len(w.sizes) == 0 {
			w.sizes = []map[string]int64{{}}
		}
		out = append(out, w)
	}
	return out
}

func (w *witness) directive(t *testing.T, comment string) {
	t.Helper()
	what, rest, _ := strings.Cut(comment, ": ")
	fields := strings.Fields(rest)
	var err error
	switch what {
	case "sizes":
		for _, one := range strings.Split(rest, ";") {
			size := map[string]int64{}
			for _, pair := range strings.Fields(one) {
				name, value, _ := strings.Cut(pair, "=")
				if size[name], err = strconv.ParseInt(value, 10, 64); err != nil {
					t.Fatalf("%s: %v", w.path, err)
				}
			}
			w.sizes = append(w.sizes, size)
		}
	case "draw":
		var low, high int64
		if _, err = fmt.Sscan(strings.Join(fields[1:], " "), &low, &high); err == nil {
			w.draws[fields[0]] = [2]int64{low, high}
		}
	case "gradient":
		w.gradients = append(w.gradients, parseGradient(rest))
	case "tolerance":
		w.tolerance, err = strconv.ParseFloat(rest, 64)
	}
	if err != nil {
		t.Fatalf("%s: %s: %v", w.path, comment, err)
	}
}

// parseGradient reads "y, z by x with dy, dz gives dx".
func parseGradient(text string) gradient {
	list := func(s string) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
	}
	head, gives, _ := strings.Cut(text, " gives ")
	head, with, _ := strings.Cut(head, " with ")
	of, by, _ := strings.Cut(head, " by ")
	return gradient{of: list(of), with: list(with), by: strings.TrimSpace(by), gives: strings.TrimSpace(gives)}
}

// parse reads the witness anew, for passes change programs in place.
func (w *witness) parse(t *testing.T) *kernel.Program {
	t.Helper()
	p, err := kernel.Parse(w.text)
	if err == nil {
		err = kernel.Verify(p)
	}
	if err != nil {
		t.Fatalf("%s: %v", w.path, err)
	}
	return p
}

// ordered is the witness with the order of its reductions fixed: what it means.
func (w *witness) ordered(t *testing.T, p *kernel.Program) *kernel.Program {
	t.Helper()
	text := ""
	passes.Rewrite(p, &passes.Options{After: func(pass string, v any) {
		if pass == "order" {
			text = v.(*kernel.Program).String()
		}
	}})
	p, err := kernel.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v\n%s", w.path, err, text)
	}
	return p
}

// inputs draws what the witness reads; with special values among them where that is wanted.
func (w *witness) inputs(p *kernel.Program, size map[string]int64, specials bool) map[string]*tensor.Tensor {
	r := rand.New(rand.NewSource(1))
	out := map[string]*tensor.Tensor{}
	for _, b := range p.Buffers {
		if b.Role != kernel.Input && b.Role != kernel.Weight {
			continue
		}
		dims, _ := b.Type.Shape.Bind(size)
		x := tensor.New(b.Type.DType, dims...)
		bounds, given := w.draws[b.Name]
		if !given {
			bounds = [2]int64{0, 3}
		}
		for i := range x.Len() {
			if x.DType.IsFloat() || x.DType.IsHalf() {
				x.SetFloat(i, r.NormFloat64())
			} else {
				x.SetInt(i, bounds[0]+r.Int63n(bounds[1]-bounds[0]+1))
			}
		}
		if specials {
			sprinkle(r, x, special)
		}
		out[b.Name] = x
	}
	return out
}

// interpreted runs a program by the interpreter of definitions and returns its outputs.
func interpreted(t *testing.T, p *kernel.Program, size map[string]int64, in map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
	buffers := map[string]*tensor.Tensor{}
	for n, x := range in {
		buffers[n] = x
	}
	if err := kernel.Interp(p, size, buffers); err != nil {
		t.Fatalf("%s: %v\n%s", p.Name, err, p)
	}
	return outputs(p, buffers)
}

func outputs(p *kernel.Program, buffers map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{}
	for _, b := range p.Buffers {
		if b.Role == kernel.Output || b.Role == kernel.Update {
			out[public(b)] = buffers[b.Name]
		}
	}
	return out
}

// agree compares all stages on one size.
func (w *witness) agree(t *testing.T, size map[string]int64, specials bool) {
	t.Helper()
	meaning := w.ordered(t, w.parse(t))
	in := w.inputs(meaning, size, specials)
	want := interpreted(t, meaning, size, in)
	what := func(stage string) string { return fmt.Sprintf("%v, special values %v: %s:", size, specials, stage) }
	p := w.parse(t)
	passes.Rewrite(p, nil)
	if err := kernel.Verify(p); err != nil {
		t.Fatalf("%s: %v\n%s", w.path, err, p)
	}
	sameBits(t, what("passes"), interpreted(t, p, size, in), want)
	targets := cpu.Targets()
	if w.tolerance > 0 {
		targets = cpu.Known()
	}
	for _, target := range targets {
		sameBits(t, what("schedules for "+target.Name), w.interpretTiles(t, p, target, size, in), want)
		if !runs(t, target) {
			continue
		}
		first := map[string]*tensor.Tensor(nil)
		for _, threads := range []int{1, 2, 4} {
			got := w.execute(t, target, threads, size, in)
			if first == nil {
				first = got
			}
			sameBits(t, what(fmt.Sprintf("%s, %d threads", target.Name, threads)), got, first)
		}
		if w.tolerance == 0 {
			sameBits(t, what(target.Name), first, want)
		} else if !specials {
			w.close(t, what(target.Name), first, want)
		}
	}
}

// close compares within the witness's tolerance, relative to the largest element.
func (w *witness) close(t *testing.T, what string, got, want map[string]*tensor.Tensor) {
	t.Helper()
	for _, name := range sorted(want) {
		g, x := got[name], want[name]
		largest := 1e-30
		for i := range x.Len() {
			largest = max(largest, math.Abs(x.Float(i)))
		}
		for i := range x.Len() {
			if d := math.Abs(g.Float(i) - x.Float(i)); !(d <= w.tolerance*largest) {
				t.Errorf("%s %s[%d] is %g, not %g", what, name, i, g.Float(i), x.Float(i))
				break
			}
		}
	}
}

// interpretTiles runs the schedules for a target.
func (w *witness) interpretTiles(t *testing.T, p *kernel.Program, target cpu.Target, size map[string]int64, in map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
	buffers := map[string]*tensor.Tensor{}
	for _, b := range p.Buffers {
		if b.Value != nil {
			buffers[b.Name] = b.Value
		}
	}
	for n, x := range in {
		buffers[n] = x
	}
	err := p.Follow(kernel.Over(buffers, func(i int) error {
		s, err := passes.Tile(p.Kernels[i], &target.Machine)
		if err != nil {
			t.Fatal(err)
		}
		if err := tile.Interp(s, size, buffers, int64(i)); err != nil {
			t.Fatalf("%v: %s: %v\n%s", size, target.Name, err, s)
		}
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return outputs(p, buffers)
}

// execute runs the witness's code, compiled as dlc compile does.
func (w *witness) execute(t *testing.T, target cpu.Target, threads int, size map[string]int64, in map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	t.Helper()
	model := w.model(t, target)
	for _, x := range model.Weights {
		x.Value = slices.Clone(in[x.Path].Data)
	}
	for _, e := range model.Entries {
		e.Flops = tensor.Int(1e12) // a call that is thought to be long goes to the team
	}
	m, err := runtime.LoadTarget(model, target.Name)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	s, err := m.NewSession(runtime.Options{Threads: threads, Train: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b, err := s.Bind(model.Entries[0].Name, size)
	if err != nil {
		t.Fatal(err)
	}
	p := w.parse(t)
	for _, x := range p.Buffers {
		if x.Role == kernel.Input {
			copy(b.Input(x.Name).Data, in[x.Name].Data)
		}
	}
	if err := b.Call(context.Background()); err != nil {
		t.Fatalf("%s, %d threads: %v", target.Name, threads, err)
	}
	out := map[string]*tensor.Tensor{}
	for _, x := range p.Buffers {
		var y *tensor.Tensor
		switch x.Role {
		case kernel.Output:
			y = b.Output(public(x))
		case kernel.Update:
			y = s.Weight(x.Of)
		default:
			continue
		}
		out[public(x)] = &tensor.Tensor{DType: y.DType, Dims: y.Dims, Data: slices.Clone(y.Data)}
	}
	return out
}

func (w *witness) model(t *testing.T, target cpu.Target) *program.Model {
	t.Helper()
	if m := w.models[target.Name]; m != nil {
		return m
	}
	m, err := dlc.Kernels(&dlc.Source{Path: w.path, Text: []byte(w.text)}, &dlc.Options{Targets: []string{target.Name}})
	if err != nil {
		t.Fatal(err)
	}
	w.models[target.Name] = m
	return m
}

// differentiate holds a gradient that the witness writes out to central differences, both in f64,
// at the last of its sizes.
func (w *witness) differentiate(t *testing.T, g gradient) {
	t.Helper()
	p := w.ordered(t, double(w.parse(t)))
	size := w.sizes[len(w.sizes)-1]
	in := w.inputs(p, size, false)
	value := func() (sum float64) {
		out := interpreted(t, p, size, in)
		for i, name := range g.of {
			for j := range out[name].Len() {
				weight := 1.0
				if len(g.with) > 0 {
					weight = in[g.with[i]].Float(j)
				}
				sum += weight * out[name].Float(j)
			}
		}
		return sum
	}
	got := interpreted(t, p, size, in)[g.gives]
	p = reaching(p, g.of)
	x := in[g.by]
	if got == nil || x == nil || got.Len() != x.Len() {
		t.Fatalf("%s: the gradient %s by %s is %v for %v", w.path, g.gives, g.by, got, x)
	}
	r := rand.New(rand.NewSource(2))
	for range min(10, x.Len()) {
		i := r.Intn(x.Len())
		const step = 1e-5
		at := x.Float(i)
		x.SetFloat(i, at+step)
		above := value()
		x.SetFloat(i, at-step)
		below := value()
		x.SetFloat(i, at)
		if want := (above - below) / (2 * step); math.Abs(got.Float(i)-want) > 1e-5*max(1, math.Abs(want)) {
			t.Errorf("%s[%d] is %g, by differences %g", g.gives, i, got.Float(i), want)
		}
	}
}

// reaching is the program without the kernels that none of the buffers needs.
func reaching(p *kernel.Program, names []string) *kernel.Program {
	needed := map[string]bool{}
	for _, n := range names {
		needed[n] = true
	}
	less := *p
	less.Kernels = nil
	for _, k := range slices.Backward(p.Kernels) {
		if !slices.ContainsFunc(k.Outs, func(b *kernel.Buffer) bool { return needed[b.Name] }) {
			continue
		}
		for _, b := range k.Ins {
			needed[b.Name] = true
		}
		less.Kernels = append(less.Kernels, k)
	}
	slices.Reverse(less.Kernels)
	return &less
}

// double is the program in f64.
func double(p *kernel.Program) *kernel.Program {
	wide := func(t tensor.DType) tensor.DType {
		if t.IsFloat() {
			return tensor.F64
		}
		return t
	}
	for _, b := range p.Buffers {
		b.Type.DType = wide(b.Type.DType)
	}
	for _, k := range p.Kernels {
		for _, d := range k.Defs {
			d.DType = wide(d.DType)
			d.Expr = kernel.Rewrite(d.Expr, func(e kernel.Expr) kernel.Expr {
				switch e := e.(type) {
				case *kernel.Lit:
					return &kernel.Lit{DType: wide(e.DType), F: e.F, I: e.I}
				case *kernel.Load:
					return &kernel.Load{Name: e.Name, DType: wide(e.DType), At: e.At}
				case *kernel.Call:
					return &kernel.Call{Fn: e.Fn, DType: wide(e.DType), Args: e.Args}
				}
				return e
			})
		}
	}
	return p
}

// golden keeps the kernels after all passes and their schedules.
func (w *witness) golden(t *testing.T) {
	t.Helper()
	p := w.parse(t)
	passes.Rewrite(p, nil)
	now := &txtar.Archive{Comment: []byte("What becomes of " + filepath.Base(w.path) + "\n"), Files: []txtar.File{{Name: "kernel", Data: []byte(p.String())}}}
	for _, target := range cpu.Targets() {
		text := ""
		for _, k := range p.Kernels {
			s, err := passes.Tile(k, &target.Machine)
			if err != nil {
				t.Fatal(err)
			}
			text += s.String()
		}
		now.Files = append(now.Files, txtar.File{Name: "tile " + target.Name, Data: []byte(text)})
	}
	path := strings.TrimSuffix(w.path, dlc.KernelSuffix) + ".txtar"
	old, err := os.ReadFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	golden(t, path, now, string(old), string(txtar.Format(now)))
}
