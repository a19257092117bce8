package passes

import (
	"slices"

	"dlc/ir/kernel"
)

// byStretch runs a pass over each stretch of neighbouring kernels of one region as if it were a
// program of its own: what is written elsewhere is its input, what is read elsewhere, copied from,
// or a condition, its output. So nothing moves across the edge of a region.
func byStretch(p *kernel.Program, run func(*kernel.Program)) {
	if !slices.ContainsFunc(p.Kernels, func(k *kernel.Kernel) bool { return k.In != nil }) {
		run(p)
		return
	}
	var kernels []*kernel.Kernel
	for from := 0; from < len(p.Kernels); {
		to := from + 1
		for to < len(p.Kernels) && p.Kernels[to].In == p.Kernels[from].In {
			to++
		}
		kernels = append(kernels, runAlone(p, from, to, run)...)
		from = to
	}
	p.Kernels = kernels
	used := usedBuffers(p)
	p.Buffers = slices.DeleteFunc(p.Buffers, func(b *kernel.Buffer) bool {
		return (b.Role == kernel.Temp || b.Role == kernel.Const || b.Role == kernel.Weight) && !used[b.Name]
	})
}

// runAlone runs a pass over kernels from to to, and returns what they became. What buffers it makes
// is added to p's.
func runAlone(p *kernel.Program, from, to int, run func(*kernel.Program)) []*kernel.Kernel {
	in := p.Kernels[from].In
	part := &kernel.Program{Name: p.Name, Buffers: slices.Clone(p.Buffers), Kernels: slices.Clone(p.Kernels[from:to])}
	outside := usedBuffers(&kernel.Program{Kernels: slices.Concat(p.Kernels[:from], p.Kernels[to:])})
	for r := in; r != nil; r = r.Parent { // its own region may hold no other kernel
		noteRegion(r, outside)
	}
	made := map[string]bool{}
	for _, k := range part.Kernels {
		for _, b := range k.Outs {
			made[b.Name] = true
		}
	}
	known := map[*kernel.Buffer]kernel.Role{}
	for _, b := range p.Buffers {
		known[b] = b.Role
		switch {
		case b.Role == kernel.Temp && !made[b.Name]:
			b.Role = kernel.Input
		case b.Role == kernel.Temp && outside[b.Name]:
			b.Role = kernel.Output
		}
	}
	run(part)
	for b, role := range known {
		b.Role = role
	}
	place := map[string]int{}
	for i, b := range p.Buffers {
		place[b.Name] = i
	}
	for _, b := range part.Buffers {
		if _, old := known[b]; old {
			continue
		}
		if i, again := place[b.Name]; again { // a temporary of this stretch alone
			p.Buffers[i] = b
			continue
		}
		p.Buffers = append(p.Buffers, b)
	}
	for _, k := range part.Kernels {
		k.In = in
	}
	return part.Kernels
}

// usedBuffers are the buffers that kernels read or write, that are copied, and conditions.
func usedBuffers(p *kernel.Program) map[string]bool {
	used := map[string]bool{}
	seen := map[*kernel.Region]bool{}
	for _, k := range p.Kernels {
		for _, b := range k.Buffers() {
			used[b.Name] = true
		}
		for r := k.In; r != nil && !seen[r]; r = r.Parent {
			seen[r] = true
			noteRegion(r, used)
		}
	}
	return used
}

func noteRegion(r *kernel.Region, used map[string]bool) {
	used[r.Cond] = true
	for _, c := range slices.Concat(r.Enter, r.Leave) {
		used[c.To], used[c.From] = true, true
	}
}

// hoist moves kernels out of loops that make the same in every turn: all that they read was
// written before the loop began. What a loop copies from stays. They run even where no turn does.
func hoist(p *kernel.Program, o *Options) {
	for i := 0; i < len(p.Kernels); i++ {
		k := p.Kernels[i]
		first, to := i, k.In
		for r := k.In; r != nil && r.Loop && invariant(p, k, r); r = r.Parent {
			to = r.Parent
			for first > 0 && p.Kernels[first-1].In.Inside(r) {
				first--
			}
		}
		if to == k.In {
			continue
		}
		o.explain("hoist", "%s runs before the loop of %s: no turn changes what it reads", k.Name, k.In.Cond)
		k.In = to
		copy(p.Kernels[first+1:i+1], p.Kernels[first:i])
		p.Kernels[first] = k
	}
}

// invariant reports whether all that k reads is written outside of a loop, and nothing is copied
// from what it writes.
func invariant(p *kernel.Program, k *kernel.Kernel, loop *kernel.Region) bool {
	inside, copied := map[string]bool{}, map[string]bool{}
	seen := map[*kernel.Region]bool{}
	for _, other := range p.Kernels {
		if !other.In.Inside(loop) {
			continue
		}
		for _, b := range other.Outs {
			inside[b.Name] = true
		}
		for r := other.In; r != nil && !seen[r]; r = r.Parent {
			seen[r] = true
			for _, c := range slices.Concat(r.Enter, r.Leave) {
				copied[c.From] = true
				inside[c.To] = inside[c.To] || r.Inside(loop)
			}
		}
	}
	return !slices.ContainsFunc(k.Ins, func(b *kernel.Buffer) bool { return inside[b.Name] }) &&
		!slices.ContainsFunc(k.Outs, func(b *kernel.Buffer) bool { return copied[b.Name] })
}
