package codegen

import (
	"fmt"
	"strconv"
	"strings"

	"dlc/ir/tensor"
)

// A groupScores multiplies by warp groups, which have 64 rows each; one thread of another group has
// tensor copies bring the operands.
type groupScores struct {
	*scores
	bars, leftBar int64
	maps          map[*operandBox]string
	rank, leader  string
	out           string // i1: the turn is not the first
	slotAt, empty string // of the turn
	after         func()
}

func (g *groupScores) open(count tensor.Dim) {
	groups := g.rows / 64
	g.team = 4 * (groups + 1)
	g.bars = g.left.size() + g.slot*g.unit.Stages
	g.leftBar = g.bars + 16*g.unit.Stages
	g.most = g.leftBar + 16
	g.maps = map[*operandBox]string{}
	for _, b := range []*operandBox{g.left, g.right, g.below} {
		g.describe(b)
	}
	g.barriers(g.bars, groups, 1)
	turns := g.set("trunc i64 ", g.integer(count), " to i32")
	number := g.hoist(0, "lshr i32 ", g.thread(), ", 7")
	producer, consumer, done := g.scores.emitter.block(), g.scores.emitter.block(), g.scores.emitter.block()
	g.cur.Term = either(g.set("icmp eq i32 ", number, ", 0"), producer, consumer)
	g.cur = producer
	g.fresh()
	g.asm("setmaxnreg.dec")
	feeding := g.scores.emitter.block()
	g.cur.Term = either(g.set("icmp eq i32 ", g.thread(), ", 0"), feeding, done)
	g.cur = feeding
	g.feedAll(turns)
	g.cur.Term = to(done)
	g.cur = consumer
	g.fresh()
	g.asm("setmaxnreg.inc")
	warpInGroup := g.hoist(0, "and i32 ", g.hoist(0, "lshr i32 ", g.thread(), ", 5"), ", 3")
	g.rank = g.hoist(0, "sub i32 ", number, ", 1")
	at := g.hoist(0, "add i32 ", g.hoist(0, "shl i32 ", g.rank, ", 2"), ", ", warpInGroup)
	at = g.hoist(0, "call i32 @llvm.smax.i32(i32 ", at, ", i32 0)")
	tile16 := g.declare(g.hoist(0, "zext i32 ", at, " to i64"), 0, tensor.Range{Hi: g.rows/16 - 1})
	lane := g.declare(g.lane().id, 0, tensor.Range{Hi: warp - 1})
	g.leader = g.set("icmp eq i64 ", g.lane().id, ", 0")
	g.spreadFrom(tile16.Scale(16).Add(lane.Div(4)))
	g.asm("mbarrier.wait", g.sharedAt(g.leftBar), "0")
	g.after = func() {
		g.cur.Term = to(done)
		g.cur = done
		g.fresh()
	}
}

// describe gives the kernel a map of an operand.
func (g *groupScores) describe(b *operandBox) {
	m := TensorMap{Buffer: b.factor.Buffer}
	for i, name := range append([]string{b.column, b.row}, g.batches(b)...) {
		m.Dims = append(m.Dims, g.extents[g.indexOf(name)].length)
		if i > 0 {
			by, _, _ := b.factor.Linear.Linear(name)
			m.Strides = append(m.Strides, by.Scale(2))
		}
		m.Box = append(m.Box, []int64{columnBlock, b.rows, 1, 1, 1}[i])
	}
	g.maps[b] = "%map" + strconv.Itoa(len(g.warps.maps))
	g.warps.maps = append(g.warps.maps, m)
}

func (g *groupScores) batches(b *operandBox) []string {
	d := g.scores.score
	if b == g.below {
		d = g.wide
	}
	return b.factor.Batches(d)
}

// feedAll is what the feeding thread does: the left operand once, both others in each turn.
func (g *groupScores) feedAll(turns string) {
	left := g.sharedAt(g.leftBar)
	g.asm("mbarrier.expect", left, strconv.FormatInt(g.left.size(), 10))
	g.bring(g.left, g.sharedAt(0), left, g.set("trunc i64 ", g.integer(g.block[g.indexOf(g.con.M)].start), " to i32"))
	g.turns(turns, g.left.size(), g.slot, g.bars, func(turn, at, full, empty, parity string) {
		g.asm("mbarrier.wait", empty, g.set("xor i32 ", parity, ", 1"))
		g.asm("mbarrier.expect", full, strconv.FormatInt(g.slot, 10))
		row := g.scaled(turn, g.scores.turn)
		g.bring(g.right, at, full, row)
		g.bring(g.below, at, full, row)
	})
}

// bring starts the copies of an operand's parts of 64 columns, from a row on.
func (g *groupScores) bring(b *operandBox, at, full, row string) {
	pointer := g.set("ptrtoint ptr ", g.maps[b], " to i64")
	for part := range b.bytes / swizzled {
		operands := []string{g.plusConst(at, b.at+part*b.rows*swizzled), pointer, full, strconv.FormatInt(part*columnBlock, 10), row}
		for _, name := range g.batches(b) {
			operands = append(operands, g.set("trunc i64 ", g.integer(g.tile[g.indexOf(name)].start), " to i32"))
		}
		g.asm("tensor."+strconv.Itoa(len(operands)-3), operands...)
	}
}

func (g *groupScores) turn(counter tensor.Dim) {
	turn := g.set("trunc i64 ", g.integer(counter), " to i32")
	at, full, empty, parity := g.places(turn, g.left.size(), g.slot, g.bars)
	g.slotAt, g.empty = at, empty
	g.out = g.set("icmp ne i32 ", turn, ", 0")
	g.asm("mbarrier.wait", full, parity)
}

// along is how far 16 terms of a row lie in a descriptor's address.
func (b *operandBox) along(k int64) string {
	const pieces = columnBlock / 16
	return strconv.FormatInt((k/pieces*b.rows*swizzled+k%pieces*32)>>4, 10)
}

// score waits for the products of the turn before as well, and gives back their slot.
func (g *groupScores) score(acc []value) []value {
	wide := g.alive[g.wide.Name]
	tied, count := len(wide.values), len(acc)
	left := g.described(g.plus(g.sharedAt(g.left.at), g.scaled(g.rank, 64*swizzled)), piece)
	right := g.described(g.plusConst(g.slotAt, g.right.at), piece)
	operands := ids(wide.values)
	var text strings.Builder
	text.WriteString("{ wgmma.fence.sync.aligned; ")
	for k := range g.terms / 16 {
		operands = append(operands, g.set("add i64 ", left, ", ", g.left.along(k)), g.set("add i64 ", right, ", ", g.right.along(k)))
		keep := "1"
		if k == 0 {
			keep = "0"
		}
		at := int64(2*tied+count) + 2*k
		fmt.Fprintf(&text, "%s {%s}, $%d, $%d, %s, 1, 1, 0, 0; ", g.opcode(g.scores.turn), numbered(tied, count), at, at+1, keep)
	}
	text.WriteString("wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 0; }")
	out := g.assembly(instruction{text: text.String(), results: strings.Repeat("f", tied+count),
		operands: strings.Repeat("=", tied) + strings.Repeat("l", int(2*g.terms/16)), lasting: true, convergence: true}, operands)
	wide.values = floats(out[:tied])
	g.release()
	return fromGroups(floats(out[tied:]))
}

// release gives back the slot of the turn before.
func (g *groupScores) release() {
	arrive, on := g.scores.emitter.block(), g.scores.emitter.block()
	g.cur.Term = either(g.set("and i1 ", g.leader, ", ", g.out), arrive, on)
	g.cur = arrive
	g.asm("mbarrier.arrive", g.previous(g.empty, g.bars+8))
	arrive.Term = to(on)
	g.cur = on
	g.fresh()
}

func (g *groupScores) weigh(left []value, acc []value) []value {
	acc = toGroups(acc)
	count := len(acc)
	right := g.described(g.plusConst(g.slotAt, g.below.at), swizzled*g.below.rows)
	operands, letters := ids(acc), strings.Repeat("=", count)
	var text strings.Builder
	text.WriteString("{ wgmma.fence.sync.aligned; ")
	for k := range g.scores.turn / 16 {
		at := int64(2*count) + 5*k
		operands = append(append(operands, ids(left[4*k:4*k+4])...), g.set("add i64 ", right, ", ", strconv.FormatInt(k*16*swizzled>>4, 10)))
		letters += "rrrrl"
		fmt.Fprintf(&text, "%s {%s}, {$%d, $%d, $%d, $%d}, $%d, 1, 1, 1, 1; ", g.opcode(g.columns), numbered(0, count), at, at+1, at+2, at+3, at+4)
	}
	text.WriteString("wgmma.commit_group.sync.aligned; }")
	out := g.assembly(instruction{text: text.String(), results: strings.Repeat("f", count), operands: letters, lasting: true, convergence: true}, operands)
	return fromGroups(floats(out))
}

func (g *groupScores) opcode(columns int64) string {
	return fmt.Sprintf("wgmma.mma_async.sync.aligned.m64n%dk16.f32.%[2]s.%[2]s", columns, g.con.A.Load.DType)
}

func (g *groupScores) end(acc []value) []value {
	return floats(g.assembly(settled(len(acc)), ids(acc)))
}

func (g *groupScores) done() { g.after() }

// toGroups orders a thread's values, rows before columns, as the unit has them: of each 8 columns two of the
// first row and two of the second. FromGroups is the other way.
func toGroups(values []value) []value {
	out := make([]value, len(values))
	for i := range out {
		out[i] = values[i/2%2*(len(values)/2)+i/4*2+i%2]
	}
	return out
}

func fromGroups(values []value) []value {
	out := make([]value, len(values))
	for i, v := range values {
		out[i/2%2*(len(values)/2)+i/4*2+i%2] = v
	}
	return out
}

func ids(values []value) (list []string) {
	for _, v := range values {
		list = append(list, v.id)
	}
	return list
}

func floats(ids []string) (list []value) {
	for _, id := range ids {
		list = append(list, value{id: id, t: tensor.F32, lanes: 1})
	}
	return list
}

// numbered are operands of a piece of PTX, from a number on.
func numbered(first, count int) string {
	list := make([]string, count)
	for i := range list {
		list[i] = "$" + strconv.Itoa(first+i)
	}
	return strings.Join(list, ", ")
}
