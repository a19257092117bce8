package passes

import (
	"dlc/ir/kernel"
)

// longRows is how many row tiles of constant number a block walks before the grid cuts them.
const longRows = 8

// inOrder is the fewest columns of a tile of which each row reads places of its own: narrower ones
// would read memory in pieces.
const inOrder = 64

// thrownOut is what a term costs more whose rows are not in the first cache.
const thrownOut = 1.2

// A tileShape is a register tile: rows of vectors of one axis.
type tileShape struct {
	v           string
	width       int64 // points of v; a multiple of 16, or 1 without v
	vectors     int64 // registers of a row, all accumulators
	rows        []rowAxis
	contraction bool  // rows share what the vector axis reads
	own, shared int64 // otherwise: loads that each row has for itself, and that all rows share
	window      int64 // terms that read what neighbouring rows read, at least 1
}

// A rowAxis is an axis whose points are rows, the most frequent length first. A second one
// multiplies the first, which is then whole.
type rowAxis struct {
	axis kernel.Axis
	by   []int64
}

func (s *tileShape) row(name string) int {
	for i, r := range s.rows {
		if r.axis.Name == name {
			return i
		}
	}
	return -1
}

// accumulators returns the registers that hold the tile.
func (s *tileShape) accumulators() int64 {
	n := s.vectors
	for _, r := range s.rows {
		n *= r.by[0]
	}
	return max(n, 1)
}

// tileShape chooses the tile of a nest for the fewest cycles.
func (t *tiler) tileShape(s *stage) tileShape {
	var maps []*kernel.Def
	for _, d := range s.stores {
		if d.Reduce == nil {
			maps = append(maps, d)
		}
	}
	best := tileShape{width: 1, vectors: s.states()}
	if best.v = t.vectorAxis(s.axes, s.reduces, maps); best.v == "" {
		return best
	}
	v := s.axes[axisNamed(s.axes, best.v)]
	cands, contraction := t.rowCandidates(s, best.v)
	lanes := t.lanes(s.reduces)
	least := 0.0
	e, isConst := v.Extent.Const()
	for _, width := range t.widths(contraction) {
		if isConst && width-t.granule() >= max(e, 1) {
			continue
		}
		use := width
		if isConst {
			use = min(width, max(e, 1))
		}
		shape := tileShape{v: best.v, width: width, contraction: contraction, vectors: (use + lanes - 1) / lanes * s.states()}
		most := (int64(t.m.Registers) - 2 - shape.vectors) / shape.vectors
		if !contraction && len(cands) < 2 {
			_, shared := t.rowLoads(s, rowsOf(cands))
			if shared > 0 && isConst && width < min(e, inOrder) {
				continue
			}
			most = min((int64(t.m.Registers)-3)/shape.vectors, max(1, 8/shape.vectors))
			if shape.window = t.window(s, cands); shape.window > 1 {
				most = max(most, min(16/shape.vectors, (int64(t.m.Registers)-2)/shape.vectors-shared*shape.window))
			}
		}
		if most < 1 && len(s.reduces) > 2 && shape.vectors+3 <= int64(t.m.Registers) {
			most = 1 // each vector that is read is used once
		}
		if most = t.choose(most, min(most, warpRows)); most < 1 {
			continue
		}
		for _, rows := range t.rowChoices(cands, most, s) {
			shape.rows = rows
			shape.own, shape.shared = t.rowLoads(s, rows)
			c := shape.cycles(v, lanes)
			if t.thrown(s, rows) {
				c *= thrownOut
			}
			if least == 0 || c < least*0.999 {
				best, least = shape, c
			}
		}
	}
	return best
}

// thrown reports whether the rows of a tile throw each other out of the first cache, where no copy
// helps: what a recurrence reads of another turn is copied by none.
func (t *tiler) thrown(s *stage, rows []rowAxis) bool {
	if s.scan == nil || t.gpu() {
		return false
	}
	for _, l := range s.reduces[0].Loads() {
		var walks []walkStride
		for _, r := range rows {
			walks = append(walks, walkStride{r.by[0], t.strideOf(l, r.axis.Name)})
		}
		if crowdedBy(cacheWays-1, walks, t.m.L1) {
			return true
		}
	}
	return false
}

// short reports whether one register tile may have all points of the axes.
func (t *tiler) short(axes []kernel.Axis) bool {
	n, ok := sizeOf(axes).Const()
	return ok && n <= int64(t.m.Registers)-3
}

// rowsOf are rows of one point of each axis.
func rowsOf(axes []kernel.Axis) (rows []rowAxis) {
	for _, a := range axes {
		rows = append(rows, rowAxis{a, []int64{1}})
	}
	return rows
}

// rowLoads counts the loads of the reductions that differ from row to row of a tile, and those that all
// rows have in common: the filter of a depthwise convolution.
func (t *tiler) rowLoads(s *stage, rows []rowAxis) (own, shared int64) {
	for _, d := range s.reduces {
		for _, l := range d.Loads() {
			if t.k.Buffer(l.Name) == nil {
				continue
			}
			same := len(rows) > 0 && len(l.At) > 0
			for _, r := range rows {
				same = same && t.along(l, r.axis.Name) == absent
			}
			if same {
				shared++
			} else {
				own++
			}
		}
	}
	return max(own, 1), shared
}

// widths lists the points of the vector axis to weigh, the better of equals first: rows of what
// is read once run on in memory.
func (t *tiler) widths(contraction bool) []int64 {
	if t.gpu() {
		return []int64{128, 64, 32}
	}
	if contraction {
		return []int64{16, 32, 48, 64}
	}
	return []int64{192, 128, 96, 64, 32, 16, 48}
}

// cycles estimates the cycles for one term of every point, per point of symbolic axes.
func (s *tileShape) cycles(v kernel.Axis, lanes int64) float64 {
	sizes := []part{{1, 1}}
	points := 1.0
	for _, r := range s.rows {
		var next []part
		ps, all := partsOf(r.axis, r.by)
		for _, q := range ps {
			for _, p := range sizes {
				next = append(next, part{p.length * q.length, p.count * q.count})
			}
		}
		sizes, points = next, points*all
	}
	cols, all := partsOf(v, []int64{s.width})
	points *= all
	sum := 0.0
	for _, c := range cols {
		n := float64((int64(c.length)+lanes-1)/lanes) * float64(s.vectors) / float64((s.width+lanes-1)/lanes)
		n = max(n, 1)
		for _, p := range sizes {
			loads := p.length + n
			if !s.contraction {
				window := float64(max(s.window, 1))
				loads = ((p.length+window-1)/window*float64(s.own) + float64(s.shared)) * n
			}
			sum += c.count * p.count * max(p.length*n/2, loads/2, 5)
		}
	}
	return sum / points
}

// A part is a length that occurs count times.
type part struct{ length, count float64 }

// partsOf lists the parts of an axis walked by lengths, and the points they cover.
func partsOf(a kernel.Axis, by []int64) ([]part, float64) {
	e, ok := a.Extent.Const()
	if !ok {
		return []part{{float64(by[0]), 1}}, float64(by[0])
	}
	var ps []part
	left := e
	for _, n := range by {
		if q := left / n; q > 0 {
			ps = append(ps, part{float64(n), float64(q)})
			left -= q * n
		}
	}
	if left > 0 {
		ps = append(ps, part{float64(left), 1})
	}
	return ps, float64(max(e, 1))
}

// rowCandidates returns the axes that may be rows, innermost first. In a contraction these are
// the ones that loads along the vector axis do not depend on; elsewhere the innermost axis.
func (t *tiler) rowCandidates(s *stage, v string) (cands []kernel.Axis, contraction bool) {
	var with []*kernel.Load
	for _, d := range s.reduces {
		for _, l := range d.Loads() {
			if t.along(l, v) == absent {
				contraction = contraction || t.k.Buffer(l.Name) != nil && len(l.At) > 0
			} else {
				with = append(with, l)
			}
		}
	}
	for i := len(s.axes) - 1; i >= 0; i-- {
		a := s.axes[i]
		if a.Name == v || a.Extent.IsConst(1) {
			continue
		}
		shared := true
		for _, l := range with {
			shared = shared && t.along(l, a.Name) == absent
		}
		more := append(cands[:len(cands):len(cands)], a)
		if shared && contraction || !contraction && len(cands) == 0 {
			cands = more
		} else if _, shared := t.rowLoads(s, rowsOf(more)); !contraction && shared > 0 && t.short(more) {
			cands = more
		}
	}
	return cands, contraction && len(cands) > 0
}

// rowChoices lists the row axes and lengths worth weighing, no more than most rows each. An
// axis on which conditions depend is a second row axis only whole, and only where it meets
// reduced axes alone.
func (t *tiler) rowChoices(cands []kernel.Axis, most int64, s *stage) [][]rowAxis {
	choices := [][]rowAxis{nil}
	if len(cands) == 0 {
		return choices
	}
	first := cands[0]
	for b := most; b >= 1; b-- {
		if by := rowLengths(first, b); by != nil {
			choices = append(choices, []rowAxis{{first, by}})
		}
	}
	e, ok := first.Extent.Const()
	if !ok || 2*e > most || e < 1 {
		return choices
	}
	for _, second := range cands[1:] {
		bound := s.bounded(second.Name)
		for b := most / e; b >= 2; b-- {
			by := rowLengths(second, b)
			if by == nil || bound && (!second.Extent.IsConst(b) || !s.boundByReduced(second.Name)) {
				continue
			}
			choices = append(choices, []rowAxis{{first, []int64{e}}, {second, by}})
		}
	}
	return choices
}

// rowLengths cuts an axis into lengths of which the first is b: nil where b does not serve. A
// short constant extent is covered exactly, by at most two lengths; the others end in 1, since
// the grid may cut them.
func rowLengths(a kernel.Axis, b int64) []int64 {
	e, ok := a.Extent.Const()
	switch {
	case ok && (e == 0 || b > e):
		return nil
	case ok && e%b == 0:
		return []int64{b}
	case ok && e <= longRows*b:
		return []int64{b, e % b}
	case b >= 8:
		return []int64{b, 4, 1}
	case b >= 4:
		return []int64{b, 2, 1}
	case b > 1:
		return []int64{b, 1}
	}
	return []int64{1}
}
