// Package passes owns the way from a module's graph to kernels ready for scheduling. It knows
// graphs, kernels and tile machines as values; it knows nothing of syntax and nothing of targets.
package passes

import (
	"fmt"

	"dlc/ir"
	"dlc/ir/kernel"
	"dlc/ir/tile"
)

// Options is passed down to every pass; the zero value and nil run silently.
type Options struct {
	// Before is called when a pass begins.
	Before func(pass string)
	// After is called when a pass is done, with what it made: an *ir.Module, a *kernel.Program
	// or what a later stage calls its own.
	After func(pass string, v any)
	// Explain receives one line per decision of a cost model, with the numbers it compared.
	Explain func(pass, line string)
	// Check makes kernels that can be watched: each is one operation of the source with its span,
	// and the indices of its reads are buffers of their own.
	Check bool
	// Machine is what operands are laid out for; nil is any CPU.
	Machine *tile.Machine
	// Skip leaves out passes, for tests: what a program means does not depend on them.
	Skip func(pass string) bool
}

func (o *Options) skips(pass string) bool { return o != nil && o.Skip != nil && o.Skip(pass) }

// machine is what operands are laid out for. Panels of one width serve every CPU.
func (o *Options) machine() *tile.Machine {
	if o == nil || o.Machine == nil {
		return &tile.Machine{Panels: panelWidth}
	}
	return o.Machine
}

func (o *Options) before(pass string) {
	if o != nil && o.Before != nil {
		o.Before(pass)
	}
}

func (o *Options) after(pass string, v any) {
	if o != nil && o.After != nil {
		o.After(pass, v)
	}
}

func (o *Options) explains() bool { return o != nil && o.Explain != nil }

func (o *Options) explain(pass, format string, args ...any) {
	if o.explains() {
		o.Explain(pass, fmt.Sprintf(format, args...))
	}
}

// A GraphPass rewrites a module in place.
type GraphPass struct {
	Name   string
	Reason string // why it stands at its place
	Run    func(*ir.Module, *Options) error
}

// A KernelPass rewrites one entry's kernels in place.
type KernelPass struct {
	Name   string
	Reason string
	Run    func(*kernel.Program, *Options)
	Whole  bool // it looks across the edges of regions; others see one stretch at a time
}

// kernelPasses is the way from one kernel per node to the kernels that are scheduled.
var kernelPasses = []KernelPass{
	{"form", "first, for it may change roundings: everything after it keeps bits", form, false},
	{"order", "before anything merges, so that no order depends on what was merged", order, false},
	{"fuse", "after order: it only moves definitions and drops what memory need not hold", fuse, false},
	{"layout", "after fuse, for a view that fuse sees would vanish and the copies must not", layout, false},
	{"hoist", "last, for a copy that layout makes in a loop is mostly the same in every turn", hoist, true},
}

// checkedPasses take the place of kernelPasses in a build that is checked. The bits are the same.
var checkedPasses = []KernelPass{
	{"bounds", "first, for it tells the indices of the operations as they were written", bounds, false},
	{"form", "as above", form, false},
	{"order", "as above", order, false},
	{"layout", "as above; nothing is fused", layout, false},
}

// graphPasses is the way from a module as it was written to the one that is lowered.
var graphPasses = []GraphPass{
	{"arrange", "first, so that no other sees the order in which nodes were written down", arrange},
	{"autodiff", "before the others, for they may not see a gradient that is not written out", autodiff},
	{"fold", "before cse, for it makes equal what only looks different", fold},
	{"cse", "before dce, for it leaves nodes behind", cse},
	{"dce", "last, for it drops what the others left", dce},
}

// Names lists the passes, in order.
func Names() []string {
	var out []string
	for _, pass := range graphPasses {
		out = append(out, pass.Name)
	}
	out = append(out, "lower")
	for _, pass := range kernelPasses {
		out = append(out, pass.Name)
	}
	return out
}

// Graph runs the graph passes over a module.
func Graph(m *ir.Module, o *Options) error {
	for _, pass := range graphPasses {
		if o.skips(pass.Name) {
			continue
		}
		o.before(pass.Name)
		if err := pass.Run(m, o); err != nil {
			return fmt.Errorf("%s: %w", pass.Name, err)
		}
		o.after(pass.Name, m)
	}
	return nil
}

// Kernels lowers one entry of a module to kernels and runs the kernel passes over them.
func Kernels(f *ir.Func, m *ir.Module, o *Options) (*kernel.Program, error) {
	o.before("lower")
	p, err := lower(f)
	if err != nil {
		return nil, fmt.Errorf("lower: func %s: %w", f.Name, err)
	}
	o.after("lower", p)
	Rewrite(p, o)
	return p, nil
}

// Rewrite runs the kernel passes over a program.
func Rewrite(p *kernel.Program, o *Options) {
	list := kernelPasses
	if o != nil && o.Check {
		list = checkedPasses
	}
	for _, pass := range list {
		if o.skips(pass.Name) {
			continue
		}
		o.before(pass.Name)
		if pass.Whole {
			pass.Run(p, o)
		} else {
			byStretch(p, func(part *kernel.Program) { pass.Run(part, o) })
		}
		o.after(pass.Name, p)
	}
}
