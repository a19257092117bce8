// Package agree runs graph programs in every way that dlc can and compares the answers: the
// evaluator in f64, the interpreter of definitions without passes, with each pass alone and with
// all of them, schedules, native code, and PTX in its interpreter. It knows nothing of where programs
// come from.
package agree

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand"
	"slices"

	"dlc/codegen/cpu"
	"dlc/ir"
	"dlc/ir/generate"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/passes"
)

// A Case is a program with what it is run on.
type Case struct {
	Name   string
	Module *ir.Module // of one function of inputs alone
	Trials []*generate.Trial

	written *ir.Module // Module, gradients written out
	text    string
	kernels *kernel.Program             // after all passes
	answers []map[string]*tensor.Tensor // of these, interpreted, by trial
	arena   float64                     // over what is alive at once, at worst
}

// A Mismatch says which two ways differ, and in what.
type Mismatch struct {
	Ways   string // as in "fuse against order"
	Trial  int
	Detail string
}

// Error names ways and values.
func (m *Mismatch) Error() string { return fmt.Sprintf("trial %d: %s: %s", m.Trial, m.Ways, m.Detail) }

// WriteOut returns a copy of a module with its gradients written out, and nothing else done.
func WriteOut(m *ir.Module) (*ir.Module, error) {
	c, err := ir.Parse(ir.Print(m))
	if err != nil {
		return nil, err
	}
	return c, passes.Graph(c, only("autodiff"))
}

// writtenOut is the module with its gradients written out, for reading.
func (c *Case) writtenOut() (m *ir.Module, err error) {
	if c.written == nil {
		c.written, err = WriteOut(c.Module)
	}
	return c.written, err
}

const byDifferences = "gradients against differences"

// Differentiate compares the gradients among the results with differences of the losses.
func (c *Case) Differentiate() error {
	m, err := c.writtenOut()
	if err != nil {
		return &Mismatch{Ways: "autodiff", Detail: err.Error()}
	}
	for i, t := range c.Trials {
		if err := t.Differences(m.Funcs[0]); err != nil {
			return &Mismatch{byDifferences, i, err.Error()}
		}
	}
	return nil
}

// only skips every pass but these.
func only(names ...string) *passes.Options {
	return &passes.Options{Skip: func(pass string) bool { return !slices.Contains(names, pass) }}
}

// A variant is a list of passes that run; within of variants that agree in bits.
type variant struct {
	name   string
	passes []string
	like   string // the variant that it agrees with in bits; "" for the first of its kind
}

// variants: fold, cse, dce, fuse and layout are exact, form and order choose roundings.
func variants() []variant {
	return []variant{
		{"no passes", nil, ""},
		{"order", []string{"order"}, ""},
		{"fold", []string{"fold", "order"}, "order"},
		{"cse", []string{"cse", "order"}, "order"},
		{"dce", []string{"dce", "order"}, "order"},
		{"fuse", []string{"order", "fuse"}, "order"},
		{"layout", []string{"order", "layout"}, "order"},
		{"hoist", []string{"order", "hoist"}, "order"},
		{"form", []string{"fold", "cse", "dce", "form", "order"}, ""},
		{"all", []string{"fold", "cse", "dce", "form", "order", "fuse", "layout", "hoist"}, "form"},
	}
}

// lower takes the program through the passes of a variant.
func (c *Case) lower(v variant) (p *kernel.Program, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("passes %v: %v", v.passes, cause)
		}
	}()
	if c.text == "" {
		c.text = ir.Print(c.Module)
	}
	m, err := ir.Parse(c.text)
	if err != nil {
		return nil, err
	}
	o := only(append([]string{"autodiff"}, v.passes...)...)
	if err := passes.Graph(m, o); err != nil {
		return nil, err
	}
	if err := ir.Verify(m); err != nil {
		return nil, fmt.Errorf("after the graph passes of %s: %w", v.name, err)
	}
	m.Funcs[0].Name = c.Name
	if p, err = passes.Kernels(m.Funcs[0], m, o); err != nil {
		return nil, err
	}
	if err := kernel.Verify(p); err != nil {
		return nil, fmt.Errorf("after the kernel passes of %s: %w", v.name, err)
	}
	return p, nil
}

// Interpret compares the interpreter of definitions after each variant of passes: with the
// evaluator within what the conditioning of the trial explains, and in bits with each other where
// only exact passes lie between them. A light comparison leaves out the passes that run alone.
func (c *Case) Interpret(light bool) error {
	answers := map[string][]map[string]*tensor.Tensor{}
	for _, v := range variants() {
		if light && v.name != "all" && v.name != "form" {
			continue
		}
		p, err := c.lower(v)
		if err != nil {
			return &Mismatch{Ways: v.name, Detail: err.Error()}
		}
		for i, t := range c.Trials {
			got, err := interpret(p, t)
			if err != nil {
				return &Mismatch{Ways: v.name, Trial: i, Detail: err.Error()}
			}
			answers[v.name] = append(answers[v.name], got)
			if v.like != "" {
				if err := Same(got, answers[v.like][i]); err != nil {
					return &Mismatch{v.name + " against " + v.like, i, err.Error()}
				}
			} else if err := t.Near(got); err != nil {
				return &Mismatch{v.name + " against the evaluator", i, err.Error()}
			}
		}
		c.kernels = p
	}
	c.answers = answers["all"]
	return nil
}

// Shuffled compares the interpreter after all passes with itself on the same nodes in another
// order, which they may have: the answers have the same bits. Gradients are written out before, for
// the order in which they are summed is that of the nodes.
func (c *Case) Shuffled(r *rand.Rand) error {
	m, err := c.writtenOut()
	if err != nil {
		return err
	}
	text := ir.Print(m)
	var want []map[string]*tensor.Tensor
	for turn := range 3 {
		if m, err = ir.Parse(text); err != nil {
			return err
		}
		if turn > 0 {
			Shuffle(r, m)
		}
		other := &Case{Name: c.Name, Module: m, Trials: c.Trials}
		if err := other.Interpret(true); err != nil {
			return err
		}
		if turn == 0 {
			want = other.answers
			continue
		}
		for i := range want {
			if err := Same(other.answers[i], want[i]); err != nil {
				return &Mismatch{"nodes in another order", i, err.Error()}
			}
		}
	}
	return nil
}

// Reordered is a case whose nodes stand in another order.
func (c *Case) Reordered(r *rand.Rand) (*Case, error) {
	m, err := ir.Parse(ir.Print(c.Module))
	if err != nil {
		return nil, err
	}
	Shuffle(r, m)
	return &Case{Name: c.Name, Module: m, Trials: c.Trials}, nil
}

// Shuffle draws for each function of a module an order of nodes in which each stands behind its operands.
func Shuffle(r *rand.Rand, m *ir.Module) {
	ir.EachFunc(m, func(f *ir.Func) { shuffle(r, f) })
}

func shuffle(r *rand.Rand, f *ir.Func) {
	placed := map[*ir.Value]bool{}
	for _, p := range f.Params {
		placed[p] = true
	}
	rest, out := slices.Clone(f.Nodes), []*ir.Node(nil)
	for len(rest) > 0 {
		i := r.Intn(len(rest))
		if n := rest[i]; !slices.ContainsFunc(n.In, func(v *ir.Value) bool { return !placed[v] }) {
			for _, v := range n.Out {
				placed[v] = true
			}
			out, rest = append(out, n), slices.Delete(rest, i, i+1)
		}
	}
	f.Nodes = out
	f.Renumber()
}

// Kernels is what the whole pipeline makes of a case.
func (c *Case) Kernels() (*kernel.Program, error) {
	all := variants()[len(variants())-1]
	return c.lower(variant{all.name, append([]string{"arrange"}, all.passes...), ""})
}

// Code is the machine code of a case, for a target.
func (c *Case) Code(target cpu.Target) ([]byte, error) {
	p, err := c.Kernels()
	if err != nil {
		return nil, err
	}
	c.kernels = p
	m, err := compile([]*Case{c}, target, cpu.Options{}, false)
	if err != nil {
		return nil, err
	}
	return m.Sections[0].Code, nil
}

// interpret runs a program of kernels and returns its outputs by their public names.
func interpret(p *kernel.Program, t *generate.Trial) (out map[string]*tensor.Tensor, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("interpreting: %v", cause)
		}
	}()
	buffers := inputs(p, t)
	if err := kernel.Interp(p, t.Symbols, buffers); err != nil {
		return nil, err
	}
	return outputs(p, buffers), nil
}

func inputs(p *kernel.Program, t *generate.Trial) map[string]*tensor.Tensor {
	buffers := map[string]*tensor.Tensor{}
	for _, b := range p.Buffers {
		if b.Role == kernel.Input {
			buffers[b.Name] = t.Inputs[public(b)]
		}
	}
	return buffers
}

func outputs(p *kernel.Program, buffers map[string]*tensor.Tensor) map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{}
	for _, b := range p.Buffers {
		if b.Role == kernel.Output {
			out[public(b)] = buffers[b.Name]
		}
	}
	return out
}

func public(b *kernel.Buffer) string {
	if b.Of != "" {
		return b.Of
	}
	return b.Name
}

// Same compares in bits; all NaNs are one.
func Same(got, want map[string]*tensor.Tensor) error {
	for _, name := range names(want) {
		g, w := got[name], want[name]
		if g == nil || g.Len() != w.Len() || g.DType != w.DType {
			return fmt.Errorf("%s is %v, not %v", name, g, w)
		}
		size := g.DType.Size()
		for i := range g.Len() {
			if string(g.Data[i*size:(i+1)*size]) == string(w.Data[i*size:(i+1)*size]) || g.DType.IsFloat() && math.IsNaN(g.Float(i)) && math.IsNaN(w.Float(i)) {
				continue
			}
			return fmt.Errorf("%s[%d] of %s is %s, not %s", name, i, w, element(g, i), element(w, i))
		}
	}
	return nil
}

func names(m map[string]*tensor.Tensor) []string {
	var list []string
	for name := range m {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
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
