package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tile"
)

// runningRows steps a maximum and the sums that follow it, block by block, in one stream. What
// several of them read of the row's elements is made once per block.
func (r *rowWalk) runningRows(m *kernel.Def) []tile.Node {
	family := append([]*kernel.Def{m}, r.family(m)...)
	short := r.short
	r.short = false // what lies along the row is made block by block
	nodes := r.lets()
	r.short = short
	var first []tile.Node // before the maximum
	body := []tile.Node{&tile.Step{Def: m.Name}}
	for _, d := range r.maps {
		users, early := 0, false
		for i, f := range family {
			for _, l := range kernel.Loads(f.Expr) {
				if l.Name == d.Name && readsPlainly(l, d) {
					users++
					early = early || i == 0
					break
				}
			}
		}
		if users < 2 || axisNamed(d.Axes, r.lane.Name) < 0 || !costly(d) || r.output(d.Name) != nil {
			continue
		}
		r.alive[d.Name] = r.alive[d.Name] || users == r.readers[d.Name]
		if early {
			first = append(first, &tile.Let{Def: d.Name})
		} else {
			body = append(body, &tile.Let{Def: d.Name})
		}
	}
	body = append(first, body...)
	for i, d := range family {
		nodes = append(nodes, &tile.Begin{Def: d.Name})
		if i > 0 {
			body = append(body, &tile.Step{Def: d.Name})
		}
		r.done[d.Name] = true
	}
	return append(nodes, &tile.Loop{Kind: tile.Stream, Split: tile.Split{Index: r.lane.Name, By: []int64{kernel.RescaleBlock}}, Body: body})
}

// family returns the sums that follow m.
func (t *tiler) family(m *kernel.Def) []*kernel.Def {
	var out []*kernel.Def
	for _, d := range t.k.Defs {
		if followed(d) == m.Name {
			out = append(out, d)
		}
	}
	return out
}

// weighs reports whether a sum with axes of its own follows m.
func (t *tiler) weighs(m *kernel.Def) bool {
	for _, d := range t.family(m) {
		if len(d.Axes) > len(m.Axes) {
			return true
		}
	}
	return false
}

// heldRow is what of a row is kept in the thread's memory, at most.
const heldRow = 128 << 10

// holds returns a map of the row's elements that the reduction d reads and a later definition
// reads too, so that it is worth keeping, or nil.
func (r *rowWalk) holds(d *kernel.Def) *kernel.Def {
	e, ok := r.lane.Extent.Const()
	if !ok || r.short {
		return nil
	}
	for _, l := range kernel.Loads(d.Expr) {
		w := r.k.Def(l.Name)
		if w == nil || w.Reduce != nil || r.output(w.Name) != nil || r.alive[w.Name] || !r.plainly[w.Name] || r.readers[w.Name] < 2 || !expanded(w.Expr) {
			continue
		}
		if axisNamed(w.Axes, r.lane.Name) >= 0 && len(w.Axes) == len(r.s.axes)+1 && e*int64(w.DType.Size()) <= r.choose(heldRow, warpHeld) && r.ready(w) {
			return w
		}
	}
	return nil
}

// expanded reports whether e has a function that takes many instructions.
func expanded(e kernel.Expr) bool {
	found := false
	kernel.Walk(e, func(e kernel.Expr) bool {
		if c, ok := e.(*kernel.Call); ok {
			f, _ := kernel.LookupFunc(c.Fn)
			found = found || f.Expanded
		}
		return !found
	})
	return found
}
