package codegen

import (
	"strconv"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// A matrix is the phase of a matrix unit: the block of threads together compute one block of the
// grid.
type matrix struct {
	*warps
	unit    *tile.Unit
	con     *tile.Contraction
	def     *kernel.Def
	turn    int64 // length of the reduced index that is in shared memory at a time
	m, n    int64 // lengths of the block
	threads int64 // that compute
}

// spread is the way a unit spreads the fragments of a warp's part over its threads: where a
// thread's own positions begin, and which others it has.
//
// Of 16 rows by 8 columns, thread t has the rows t div 4 and that plus 8, and of each the columns
// 2*(t mod 4) and the next.
func (x *matrix) spread(warpRow, warpColumn tensor.Dim) (row, column tensor.Dim) {
	lane := x.declare(x.lane().id, 0, tensor.Range{Hi: warp - 1})
	quarter := x.declare(x.hoist(0, "and i64 ", x.lane().id, ", 3"), 0, tensor.Range{Hi: 3})
	return warpRow.Add(lane.Div(4)), warpColumn.Add(quarter.Scale(2))
}

func newMatrix(e *warps) *matrix {
	x := &matrix{warps: e, unit: e.phase.Unit}
	for _, n := range e.phase.Body {
		switch n := n.(type) {
		case *tile.Begin:
			x.def = e.defs[n.Def]
		case *tile.Loop:
			x.turn = n.Split.By[0]
		}
	}
	con, err := tile.ContractionOf(e.program.Kernel, x.def)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	x.con = con
	for _, g := range e.phase.Grid {
		switch g.Index {
		case con.M:
			x.m = g.By[0]
		case con.N:
			x.n = g.By[0]
		}
	}
	return x
}

// groups is the number of parts, of a warp or a group of warps each, that the block has.
func (x *matrix) groups() int64 { return x.m / x.unit.M.By[0] * (x.n / x.unit.N.By[0]) }

// fragments emits the code of a block of the grid that matrix units compute.
func (e *warps) fragments() {
	if l := e.phase.ScoreLoop(); l != nil {
		newScores(e, l).emit()
		return
	}
	x := newMatrix(e)
	for _, n := range e.phase.Body {
		if let, ok := n.(*tile.Let); ok {
			e.let(e.defs[let.Def])
		}
	}
	switch x.unit.Name {
	case "wgmma":
		x.wgmma()
	case "fma":
		x.fma()
	default:
		x.mma()
	}
}

// starts are the sub-ranges of the block, of which the last ones may be cut short.
func (x *matrix) starts() (m, n span) { return x.tile[x.indexOf(x.con.M)], x.tile[x.indexOf(x.con.N)] }

// finish evaluates what is stored on the fragments of the thread, which begin at row and column
// of the block and hold values in the order of rows, then columns.
func (x *matrix) finish(rows, columns []int64, row, column tensor.Dim, values []value) {
	m, n := x.starts()
	im, in := x.indexOf(x.con.M), x.indexOf(x.con.N)
	l := &live{def: x.def, axes: x.axes(x.def.Axes), split: 1}
	x.alive[x.def.Name] = l
	x.tile[im] = span{start: m.start.Add(row), length: tensor.Int(x.m), max: x.m}
	x.tile[in] = span{start: n.start.Add(column), length: tensor.Int(x.n), max: x.n}
	x.fresh()
	l.values = make([]value, int64(x.register(&live{axes: l.axes, split: 1}))+x.m*x.n*8)
	for i, r := range rows {
		for j, c := range columns {
			x.point[im], x.point[in] = r, c
			l.values[x.register(l)] = values[i*len(columns)+j]
		}
	}
	x.own = true
	store := func(masked bool) {
		x.fresh()
		for _, r := range rows {
			for _, c := range columns {
				x.point[im], x.point[in] = r, c
				x.storePoint(masked)
			}
		}
	}
	lengthM, exactM := m.exact()
	lengthN, exactN := n.exact()
	switch {
	case exactM && exactN && lengthM == x.m && lengthN == x.n:
		store(false)
	case exactM && lengthM < x.m || exactN && lengthN < x.n:
		store(true)
	default:
		all := x.two("and", x.compare("icmp eq", value{id: x.integer(m.length), t: tensor.I64, lanes: 1}, integerOf(tensor.I64, x.m)),
			x.compare("icmp eq", value{id: x.integer(n.length), t: tensor.I64, lanes: 1}, integerOf(tensor.I64, x.n)))
		x.branch(all.id, nil, func() { store(false) }, func() { store(true) })
	}
	x.own = false
	x.tile[im], x.tile[in] = m, n
}

// storePoint stores all definitions at the current point, which may lie outside where masked.
func (x *matrix) storePoint(masked bool) {
	x.when = value{}
	if masked {
		for _, index := range []string{x.con.M, x.con.N} {
			switch truth, v := x.exists(index); truth {
			case never:
				x.when = value{}
				return
			case sometimes:
				x.when = x.and(x.when, v)
			}
		}
	}
	var defs []*kernel.Def
	for _, n := range x.phase.Body {
		if s, ok := n.(*tile.Store); ok {
			defs = append(defs, x.defs[s.Def])
		}
	}
	if x.when.id == "" {
		x.writeAll(defs)
		return
	}
	x.within(x.when, func() { x.writeAll(defs) })
}

// exists says whether the current position of an index lies inside its extent: those of a thread
// may not.
func (x *matrix) exists(index string) (truth, value) {
	extent := x.extents[x.indexOf(index)].length
	p := x.at(x.formOf([2]any{index, "position"}, tensor.Sym(index)))
	left := x.bounds(x.at(x.formOf([2]any{index, "left"}, extent.Sub(tensor.Sym(index)))))
	switch {
	case !left.OpenLo && left.Lo > 0:
		return always, value{}
	case !left.OpenHi && left.Hi <= 0:
		return never, value{}
	}
	return sometimes, x.compare("icmp slt", x.whole(p), value{id: x.integer(extent), t: tensor.I64, lanes: 1})
}

// scaled is i32 v times a constant.
func (e *emitter) scaled(v string, by int64) string {
	switch by {
	case 0:
		return "0"
	case 1:
		return v
	}
	return e.set("mul i32 ", v, ", ", strconv.FormatInt(by, 10))
}

func (e *emitter) plus(a, b string) string {
	switch {
	case a == "0":
		return b
	case b == "0":
		return a
	}
	return e.set("add i32 ", a, ", ", b)
}

func (e *emitter) plusConst(a string, c int64) string { return e.plus(a, strconv.FormatInt(c, 10)) }
