package passes

import (
	"dlc/ir/kernel"
	"dlc/ir/tile"
)

// past lists the outputs among some definitions that are written past the caches: where a kernel moves more than
// the last of them holds, the next one, which begins where this one began, finds nothing there.
func (t *tiler) past(defs []*kernel.Def) (nodes []tile.Node) {
	if t.gpu() || t.moves() < t.m.L3 {
		return nil
	}
	for _, d := range defs {
		if t.output(d.Name) != nil && d.Scan == nil && !t.read(d) {
			nodes = append(nodes, &tile.Past{Def: d.Name})
		}
	}
	return nodes
}

// moves is how many bytes the buffers have whose extents are known.
func (t *tiler) moves() (n int64) {
	for _, b := range t.k.Buffers() {
		if e, ok := b.StoredShape().Size().Const(); ok {
			n += e * int64(b.Type.DType.Size())
		}
	}
	return n
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
