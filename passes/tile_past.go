package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tile"
)

// past lists the outputs among some definitions that are written past the caches: where a kernel moves
// more than three quarters of what the last of them holds, which other programs use as well, little
// of it is left there for the next one, and lines that are overwritten whole would be read for
// nothing. Where a size is a symbol, the code looks at it.
func (t *tiler) past(defs []*kernel.Def) (nodes []tile.Node) {
	bytes, fixed := t.moves()
	from := t.m.L3 / 4 * 3
	if t.gpu() || fixed && bytes < from {
		return nil
	}
	if fixed {
		from = 0
	}
	for _, d := range defs {
		if t.output(d.Name) != nil && d.Scan == nil && !t.read(d) {
			nodes = append(nodes, &tile.Past{Def: d.Name, From: from})
		}
	}
	return nodes
}

// clearedPast is the same of a scattered sum, which is cleared first.
func (t *tiler) clearedPast(d *kernel.Def) []tile.Node {
	if _, fixed := t.moves(); !fixed {
		return nil
	}
	return t.past([]*kernel.Def{d})
}

// moves is how many bytes the buffers have whose extents are known, and whether all are.
func (t *tiler) moves() (n int64, fixed bool) {
	fixed = true
	for _, b := range t.k.Buffers() {
		if e, ok := b.StoredShape().Size().Const(); ok {
			n += e * int64(b.Type.DType.Size())
		} else {
			fixed = false
		}
	}
	return n, fixed
}

// read reports whether a definition reads d.
func (t *tiler) read(d *kernel.Def) bool {
	for _, other := range t.k.Defs {
		for _, l := range other.Loads() {
			if l.Name == d.Name {
				return true
			}
		}
	}
	return false
}

// inPlace reports whether a result of the stage's maps may come to lie where an input does, which is
// read at the same index: then its lines are in the caches already.
func (t *tiler) inPlace(s *stage) bool {
	for _, d := range s.stores {
		for _, l := range d.Loads() {
			if readsPlainly(l, d) && t.k.Buffer(l.Name) != nil && l.DType == d.DType {
				return true
			}
		}
	}
	return false
}
