package passes

import (
	"dlc/ir/kernel"
)

// Recurrences in fusion. The definitions of one are one kernel, and nothing joins it. Inside,
// maps are inlined as elsewhere, but never one that is read at another turn. A reduction in it
// that needs no other turn is none of its business: it is done for all turns at once, before.

// noteScans numbers the recurrences, and takes out of them what does not belong there.
func (f *fusion) noteScans() {
	number := 0
	for _, k := range f.prog.Kernels {
		for i := 0; i < len(k.Defs); {
			last := i + 1
			for last < len(k.Defs) && k.Defs[last].InScanWith(k.Defs[i]) {
				last++
			}
			if k.Defs[i].Scan != nil {
				number++
				f.noteScan(number, k.Defs[i:last])
			}
			i = last
		}
	}
}

func (f *fusion) noteScan(number int, defs []*kernel.Def) {
	bound := f.recurrent(defs)
	early := map[string]bool{}
	for i := len(defs) - 1; i >= 0; i-- {
		d := defs[i]
		if bound[d.Name] || d.Reduce == nil && !early[d.Name] {
			f.scans[d.Name] = number
			continue
		}
		for _, l := range f.loads(d) {
			early[l.Name] = true
		}
		free := *d
		free.Scan = nil
		f.put(&free)
		f.opt.explain("fuse", "%s leaves its recurrence: it needs no other turn", d.Name)
	}
}

// recurrent returns the definitions that depend on another turn.
func (f *fusion) recurrent(defs []*kernel.Def) map[string]bool {
	bound := map[string]bool{}
	own := map[string]*kernel.Def{}
	for _, d := range defs {
		own[d.Name] = d
	}
	for again := true; again; {
		again = false
		for _, d := range defs {
			for _, l := range f.loads(d) {
				if e := own[l.Name]; e != nil && (bound[l.Name] || carried(d, e, l)) && !bound[d.Name] {
					bound[d.Name], again = true, true
				}
			}
		}
	}
	return bound
}

// crossesTurns reports whether a definition of d's recurrence reads d at another turn.
func (f *fusion) crossesTurns(d *kernel.Def) bool {
	for user := range f.users[d.Name] {
		for _, l := range f.loads(f.defs[user]) {
			if l.Name == d.Name && carried(f.defs[user], d, l) {
				return true
			}
		}
	}
	return false
}

// placeInScan puts a definition into the kernel of its recurrence.
func (g *grouping) placeInScan(d *kernel.Def) bool {
	number := g.scans[d.Name]
	if number == 0 {
		return false
	}
	c := g.recurrences[number]
	if c == nil {
		c = &group{id: len(g.groups), kind: recurrence, deps: map[int]bool{}}
		g.groups, g.recurrences[number] = append(g.groups, c), c
	}
	at := d.ScanPlace()
	kept := g.canonical("i", 0, turnAxes(d))
	turn := g.canonical("t", 0, d.Axes[at:at+1])
	kept = append(append(append([]kernel.Axis{}, kept[:at]...), turn...), kept[at:]...)
	moved := rename(d, kept, g.canonical("j", 0, reduceAxes(d)))
	g.put(moved)
	g.of[d.Name] = c.id
	c.names = append(c.names, d.Name)
	for _, id := range g.producers(d) {
		if id != c.id {
			c.deps[id] = true
		}
	}
	return true
}
