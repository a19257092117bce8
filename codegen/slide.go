package codegen

import (
	"slices"

	"dlc/ir/kernel"
)

// A visit is one term of one register of a tile.
type visit struct {
	point []int64
	lanes int
	place int64 // of what the term reads along the lanes
}

// slide steps d where neighbours of the tile read the same elements at different terms, as windows
// that go along an axis do: the terms stand in the order of what they read, which is read once then.
// It reports whether it did; each sum takes its terms in their order, and registers do for it.
func (e *emitter) slide(d *kernel.Def, l *live) bool {
	if e.machine.Warps > 0 || l.unit != nil || l.split > 1 || isWelford(d) || e.lanesOf(l.axes) == 1 || e.reached(d).id != "" {
		return false
	}
	read, others := e.slides(d)
	if read == nil {
		return false
	}
	here := visit{point: slices.Clone(e.point), lanes: e.lanes}
	visits, windows := e.visits(d, l, read)
	way := e.way(l, visits)
	e.visit(here)
	if way == 0 || len(l.values)+others*windows*int(e.registersAlong(e.vector))+2 > e.machine.Registers {
		return false
	}
	slices.SortStableFunc(visits, func(a, b visit) int { return way * int(a.place-b.place) })
	for _, v := range visits {
		e.visit(v)
		e.term(d, l, value{})
	}
	e.visit(here)
	return true
}

// slides returns the one load that moves with the points of the tile and with the terms, and how many
// other loads there are.
func (e *emitter) slides(d *kernel.Def) (read *kernel.Load, others int) {
	for _, l := range d.Loads() {
		o, ok := e.buffers[l.Name]
		if !ok || e.defs[l.Name] != nil {
			return nil, 0
		}
		for _, a := range l.At {
			if _, plain := a.(*kernel.Index); !plain {
				return nil, 0
			}
		}
		if f := e.placeOf(l, o); f.affine && e.moves(f, d) {
			if read != nil {
				return nil, 0
			}
			read = l
		} else {
			others++
		}
	}
	return read, others
}

// placeOf is where l reads, were it not copied.
func (e *emitter) placeOf(l *kernel.Load, o *operand) *form {
	return e.formOf([2]any{l, "slide"}, e.exprs.linear(l, o.buffer))
}

// moves reports whether a place moves with the lanes, with a kept axis of the tile other than these,
// and with a reduced one.
func (e *emitter) moves(f *form, d *kernel.Def) bool {
	lanes, kept, reduced := false, false, false
	for _, c := range f.coefs {
		switch {
		case c.by == 0 || e.tile[c.index].single():
		case c.index == e.vector:
			lanes = c.by == 1
		case slices.Contains(e.axes(d.Reduce.Axes), c.index):
			reduced = true
		default:
			kept = true
		}
	}
	return lanes && kept && reduced
}

// visits lists all terms of the step, point by point, and counts those of one point.
func (e *emitter) visits(d *kernel.Def, l *live, read *kernel.Load) (list []visit, windows int) {
	f := e.placeOf(read, e.buffers[read.Name])
	e.points(e.axes(d.Reduce.Axes), true, func() {
		windows++
		e.points(e.lanesLast(l.axes), false, func() {
			list = append(list, visit{slices.Clone(e.point), e.lanes, e.at(f).offset})
		})
	})
	return list, windows
}

func (e *emitter) visit(v visit) {
	copy(e.point, v.point)
	e.lanes = v.lanes
}

// way is 1 where the terms of each register of l, in their order, read upwards, -1 where all read
// downwards; 0 where neither is so, or no place is read twice.
func (e *emitter) way(l *live, visits []visit) int {
	seen, last := map[int64]bool{}, map[int]int64{}
	up, down, again := true, true, false
	for _, v := range visits {
		e.visit(v)
		r := e.register(l)
		if before, ok := last[r]; ok {
			up, down = up && before < v.place, down && before > v.place
		}
		last[r] = v.place
		again = again || seen[v.place]
		seen[v.place] = true
	}
	switch {
	case !again || len(visits) == len(last):
		return 0
	case up:
		return 1
	case down:
		return -1
	}
	return 0
}
