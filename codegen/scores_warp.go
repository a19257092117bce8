package codegen

import (
	"fmt"
	"strconv"

	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// An operandBox is a tile of an operand in shared memory: rows of an index by all of another one, along
// which neighbours lie side by side, in parts of 64.
type operandBox struct {
	*panel
	row, column string
}

func (s *scores) box(f *tile.Factor, row, column string, rows, at int64) *operandBox {
	n, _ := s.extents[s.indexOf(column)].length.Const()
	p := &panel{x: s.matrix, factor: f, across: !f.Along.IsConst(1), rows: rows, at: at}
	p.bytes = (n + columnBlock - 1) / columnBlock * columnBlock * 2
	return &operandBox{panel: p, row: row, column: column}
}

func (b *operandBox) size() int64 { return b.rows * b.bytes }

// fill has the threads of the block copy the rows from start on, asynchronously. What does not exist
// becomes 0.
func (b *operandBox) fill(s *scores, slot string, start tensor.Dim) {
	const size = 2
	per := b.bytes / piece
	apart := s.threads / per
	if apart < 1 || b.rows%apart != 0 {
		panic("BUG: threads do not share out the pieces of " + b.factor.Load.Name)
	}
	row := s.set("udiv i32 ", s.thread(), ", ", strconv.FormatInt(per, 10))
	column := s.set("urem i32 ", s.thread(), ", ", strconv.FormatInt(per, 10))
	to := s.plus(slot, s.plusConst(s.plus(s.scaled(row, b.bytes), s.scaled(s.set("xor i32 ", column, ", ", b.permute(row)), piece)), b.at))
	starts := map[string]tensor.Dim{}
	for _, name := range namesIn(b.factor.Linear) {
		if i, ok := s.indices[name]; ok {
			starts[name] = s.tile[i].start
		}
	}
	starts[b.row], starts[b.column] = start, tensor.Dim{}
	from := s.address(s.buffers[b.factor.Load.Name], b.factor.Linear.Subst(starts).Within(s.ranges))
	stride, _, _ := b.factor.Linear.Linear(b.row)
	row, column = s.set("zext i32 ", row, " to i64"), s.set("zext i32 ", column, " to i64")
	first := s.set("mul i64 ", column, ", ", strconv.FormatInt(piece, 10))
	from = s.set("getelementptr i8, ptr ", from, ", i64 ", s.set("mul i64 ", row, ", ", s.integer(stride.Scale(size))))
	from = s.set("getelementptr i8, ptr ", from, ", i64 ", first)
	bytes := "16"
	if n, _ := s.extents[s.indexOf(b.column)].length.Const(); n*size < b.bytes {
		bytes = s.remaining(strconv.FormatInt(n, 10), first, size)
	}
	left := s.integer(s.extents[s.indexOf(b.row)].length.Sub(start))
	for i := range b.rows / apart {
		at := s.set("getelementptr i8, ptr ", from, ", i64 ", s.integer(stride.Scale(i*apart*size)))
		in := s.set("icmp slt i64 ", s.set("add i64 ", row, ", ", strconv.FormatInt(i*apart, 10)), ", ", left)
		global := s.set("ptrtoint ptr addrspace(1) ", s.set("addrspacecast ptr ", at, " to ptr addrspace(1)"), " to i64")
		// the row's part of the permutation is the same in all of the thread's rows
		s.asm("cp.async", s.plusConst(to, i*apart*b.bytes), global, s.set("select i1 ", in, ", i32 ", bytes, ", i32 0"))
	}
}

// A warpScores multiplies by mma.sync: each warp has 16 rows.
type warpScores struct {
	*scores
	q, k, v *fragments
	slotAt  string // of the turn
}

const sharedStart = "ptrtoint (ptr addrspace(3) @shared to i32)"

func (w *warpScores) open(tensor.Dim) {
	w.team = w.rows / 16
	w.threads = w.team * warp
	w.most = w.left.size() + w.slot*w.unit.Stages
	first := w.block[w.indexOf(w.con.M)].start
	w.left.fill(w.scores, sharedStart, first)
	for turn := range w.unit.Stages - 1 {
		w.fillTurn(w.sharedAt(w.left.size()+turn*w.slot), tensor.Int(turn))
	}
	number := w.hoist(0, "lshr i32 ", w.thread(), ", 5")
	w.q = w.fragments(w.left.panel, w.scaled(number, 16), 16, false)
	w.k = w.fragments(w.right.panel, "0", w.scores.turn, true)
	w.v = w.fragments(w.below.panel, "0", w.columns, true)
	at := w.declare(w.hoist(0, "zext i32 ", number, " to i64"), 0, tensor.Range{Hi: w.team - 1})
	lane := w.declare(w.lane().id, 0, tensor.Range{Hi: warp - 1})
	w.spreadFrom(at.Scale(16).Add(lane.Div(4)))
}

// fillTurn starts the copies of a turn.
func (w *warpScores) fillTurn(slot string, turn tensor.Dim) {
	w.right.fill(w.scores, slot, turn.Scale(w.scores.turn))
	w.below.fill(w.scores, slot, turn.Scale(w.scores.turn))
	w.asm("commit")
}

func (w *warpScores) turn(counter tensor.Dim) {
	ahead := w.unit.Stages - 1
	w.asm(fmt.Sprint("wait.", ahead-1))
	w.put("call void @llvm.nvvm.barrier0()")
	slot := func(turn tensor.Dim) string {
		number := w.set("urem i32 ", w.set("trunc i64 ", w.integer(turn), " to i32"), ", ", strconv.FormatInt(w.unit.Stages, 10))
		return w.plus(w.sharedAt(w.left.size()), w.scaled(number, w.slot))
	}
	w.fillTurn(slot(counter.AddInt(ahead)), counter.AddInt(ahead))
	w.slotAt = slot(counter)
}

func (w *warpScores) score(acc []value) []value {
	left := func(i, k int64) []string { return w.q.load(sharedStart, i, k) }
	return w.multiplied(left, 16, w.k, w.slotAt, w.terms, acc)
}

func (w *warpScores) weigh(left []value, acc []value) []value {
	return w.multiplied(func(_, k int64) []string { return ids(left[4*k : 4*k+4]) }, 16, w.v, w.slotAt, w.scores.turn, acc)
}

func (w *warpScores) end(acc []value) []value {
	w.asm("wait.all")
	return acc
}

func (w *warpScores) done() {}
