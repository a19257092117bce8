package passes

import (
	"fmt"
	"math"
	"strings"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/lang/diag"
)

// rebuild turns groups into the kernels of the program.
func (f *fusion) rebuild(g *grouping) {
	g.shorten()
	visible := g.visible()
	f.prog.Buffers = g.buffers(visible)
	byName := buffersByName(f.prog)
	var kernels []*kernel.Kernel
	used := map[string]bool{}
	for _, c := range g.schedule() {
		var defs []*kernel.Def
		for _, name := range c.names {
			defs = append(defs, f.defs[name].MapExprs(shared))
		}
		k := assemble(g.name(c, used), defs, byName, visible)
		k.Spans = g.spans(c)
		kernels = append(kernels, k)
	}
	f.prog.Kernels = kernels
}

// shared returns e with equal parts as one node, which is computed once.
func shared(e kernel.Expr) kernel.Expr {
	number, made := map[kernel.Expr]int{}, map[string]kernel.Expr{}
	return kernel.Rewrite(e, func(e kernel.Expr) kernel.Expr {
		var key strings.Builder
		switch e := e.(type) {
		case *kernel.Lit:
			fmt.Fprint(&key, "lit ", e.DType, e.I, math.Float64bits(e.F))
		case *kernel.Index:
			key.WriteString(e.Dim.String())
		case *kernel.Load:
			key.WriteString("load " + e.Name)
		case *kernel.Call:
			fmt.Fprint(&key, "call ", e.Fn, e.DType)
		default:
			return e
		}
		for _, a := range kernel.Operands(e) {
			if number[a] == 0 {
				number[a] = len(number) + 1
			}
			fmt.Fprint(&key, " ", number[a])
		}
		if first := made[key.String()]; first != nil {
			return first
		}
		made[key.String()] = e
		return e
	})
}

// shorten puts a map that one map over the same indices of its own group reads into that one.
func (g *grouping) shorten() {
	for _, name := range g.live() {
		d := g.defs[name]
		users := g.consumers(name)
		if d.Reduce != nil || g.result[name] || len(users) != 1 {
			continue
		}
		u := users[0]
		_, has := operations(u.Expr)
		_, more := operations(d.Expr)
		if u.Reduce != nil || g.of[u.Name] != g.of[name] || !sameExtents(u.Axes, d.Axes) || has+more > maxNodes || !g.elementwise(d, users) {
			continue
		}
		if g.inlineAll(d, users) {
			c := g.groups[g.of[name]]
			c.names = without(c.names, name)
		}
	}
}

func without(names []string, name string) []string {
	var out []string
	for _, n := range names {
		if n != name {
			out = append(out, n)
		}
	}
	return out
}

// visible returns the definitions that need a buffer: results, and what another kernel reads.
func (g *grouping) visible() map[string]bool {
	out := map[string]bool{}
	for _, name := range g.live() {
		out[name] = g.result[name]
		for user := range g.users[name] {
			out[name] = out[name] || g.of[user] != g.of[name]
		}
		out[name] = out[name] || g.crossesTurns(g.defs[name])
	}
	return out
}

// buffers keeps the program's buffers that are still of use and adds the new temporaries.
func (g *grouping) buffers(visible map[string]bool) []*kernel.Buffer {
	var out []*kernel.Buffer
	for _, b := range g.prog.Buffers {
		switch b.Role {
		case kernel.Input, kernel.Output, kernel.Update:
			out = append(out, b)
		case kernel.Weight, kernel.Const:
			if len(g.users[b.Name]) > 0 {
				out = append(out, b)
			}
		}
	}
	for _, name := range g.live() {
		if !visible[name] || g.result[name] {
			continue
		}
		d := g.defs[name]
		shape := make(tensor.Shape, len(d.Axes))
		for i, a := range d.Axes {
			shape[i] = a.Extent
		}
		out = append(out, &kernel.Buffer{Name: name, Type: tensor.Type{DType: d.DType, Shape: shape}})
	}
	return out
}

// schedule orders the groups: after what they read, and where that allows, a weight's update
// after everything that reads its old value, so that both may share memory; else as they were.
func (g *grouping) schedule() []*group {
	done := map[int]bool{}
	readers := g.weightReaders()
	deps := g.dependencies()
	var out []*group
	for len(out) < len(g.groups) {
		pick := (*group)(nil)
		for _, c := range g.groups {
			if done[c.id] || !all(deps[c.id], done) {
				continue
			}
			free := all(g.mustWait(c, readers), done)
			if pick == nil || free {
				pick = c
			}
			if free {
				break
			}
		}
		if pick == nil {
			panic("BUG: kernels depend on each other in a cycle")
		}
		done[pick.id] = true
		out = append(out, pick)
	}
	var kept []*group
	for _, c := range out {
		if len(c.names) > 0 {
			kept = append(kept, c)
		}
	}
	return kept
}

func all(ids []int, done map[int]bool) bool {
	for _, id := range ids {
		if !done[id] {
			return false
		}
	}
	return true
}

func (g *grouping) dependencies() map[int][]int {
	out := map[int][]int{}
	for _, c := range g.groups {
		seen := map[int]bool{c.id: true}
		for _, name := range c.names {
			for _, id := range g.producers(g.defs[name]) {
				if !seen[id] {
					out[c.id] = append(out[c.id], id)
				}
				seen[id] = true
			}
		}
	}
	return out
}

// weightReaders lists the groups that read each weight.
func (g *grouping) weightReaders() map[string][]int {
	out := map[string][]int{}
	for _, b := range g.prog.Buffers {
		if b.Role == kernel.Weight {
			for _, d := range g.consumers(b.Name) {
				out[b.Name] = append(out[b.Name], g.of[d.Name])
			}
		}
	}
	return out
}

// mustWait lists the other groups that read weights which c updates.
func (g *grouping) mustWait(c *group, readers map[string][]int) []int {
	var out []int
	for _, name := range c.names {
		b := g.buffer[name]
		if b == nil || b.Role != kernel.Update {
			continue
		}
		for _, id := range readers[b.Of] {
			if id != c.id {
				out = append(out, id)
			}
		}
	}
	return out
}

// name is that of the kernel which the group's reduction, or else its last map, came from.
func (g *grouping) name(c *group, used map[string]bool) string {
	main := c.names[len(c.names)-1]
	for i := len(c.names) - 1; i >= 0; i-- {
		if g.defs[c.names[i]].Reduce != nil {
			main = c.names[i]
		}
	}
	name := g.kernel[main].Name
	for i := 2; used[name]; i++ {
		name = fmt.Sprintf("%s_%d", g.kernel[main].Name, i)
	}
	used[name] = true
	return name
}

// spans lists the source lines of everything in the group, once each.
func (g *grouping) spans(c *group) []diag.Span {
	var out []diag.Span
	seen := map[diag.Span]bool{}
	note := func(spans ...diag.Span) {
		for _, s := range spans {
			if !seen[s] && !s.IsZero() {
				seen[s] = true
				out = append(out, s)
			}
		}
	}
	for _, name := range c.names {
		note(g.kernel[name].Spans...)
		note(g.defs[name].Span)
	}
	return out
}
