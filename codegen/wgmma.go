package codegen

import (
	"fmt"
	"strconv"
	"strings"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// A TensorMap describes an operand to the engine that copies boxes of it into shared memory, as
// the driver encodes it; a kernel takes it behind its other parameters. Lists begin with the
// innermost dimension; Strides are bytes, of all dimensions but that.
type TensorMap struct {
	Buffer  *kernel.Buffer
	Dims    []tensor.Dim
	Strides []tensor.Dim
	Box     []int64
}

// Numbers of the form of a block for warp groups: four warps each.
const (
	group       = 4 * warp
	swizzled    = 128  // bytes of a row in shared memory, permuted over 8 rows
	atom        = 1024 // bytes of 8 such rows
	fewRegister = 40   // a thread of the group that feeds
	allRegister = 232  // one of those that multiply
)

// A feed is one operand in slots of shared memory: parts of 64 contiguous elements (a row of 128
// bytes) by rows of the other index.
type feed struct {
	factor  *tile.Factor
	index   string
	across  bool // rows are positions of the reduced index
	at      int64
	length  int64 // of the own index
	indices []string
	pointer string
}

// wgmma computes the block by warp groups: one thread of the first group has tensor copies fill
// the slots, the others multiply, 64 rows of the block each.
func (x *matrix) wgmma() {
	groups := x.groups()
	slot := (x.m + x.n) * x.turn * 2
	bars := slot * x.unit.Stages
	x.team, x.most = 4*(groups+1), bars+16*x.unit.Stages
	a := x.feed(&x.con.A, x.con.M, x.m, 0)
	b := x.feed(&x.con.B, x.con.N, x.n, x.m*x.turn*2)
	x.barriers(bars, groups, 0)
	number := x.hoist(0, "lshr i32 ", x.thread(), ", 7")
	producer, consumer, done := x.block(), x.block(), x.block()
	x.cur.Term = either(x.set("icmp eq i32 ", number, ", 0"), producer, consumer)
	x.cur = producer
	x.fresh()
	x.asm("setmaxnreg.dec")
	feeding := x.block()
	x.cur.Term = either(x.set("icmp eq i32 ", x.thread(), ", 0"), feeding, done)
	x.cur = feeding
	x.turns(x.slots(), 0, slot, bars, func(turn, at, full, empty, parity string) {
		x.asm("mbarrier.wait", empty, x.set("xor i32 ", parity, ", 1"))
		x.asm("mbarrier.expect", full, strconv.FormatInt(slot, 10))
		x.copy(a, turn, at, full)
		x.copy(b, turn, at, full)
	})
	x.cur.Term = to(done)
	x.cur = consumer
	x.fresh()
	x.asm("setmaxnreg.inc")
	acc := x.multiply(a, b, slot, bars)
	warpInGroup := x.hoist(0, "and i32 ", x.hoist(0, "lshr i32 ", x.thread(), ", 5"), ", 3")
	rank := x.hoist(0, "sub i32 ", number, ", 1")
	at := x.hoist(0, "add i32 ", x.hoist(0, "shl i32 ", rank, ", 2"), ", ", warpInGroup)
	at = x.hoist(0, "call i32 @llvm.smax.i32(i32 ", at, ", i32 0)")
	tile16 := x.declare(x.hoist(0, "zext i32 ", at, " to i64"), 0, tensor.Range{Hi: x.m/16 - 1})
	row, column := x.spread(tile16.Scale(16), tensor.Dim{})
	var cols []int64
	for j := int64(0); j < x.n; j += 8 {
		cols = append(cols, j, j+1)
	}
	values := make([]value, len(acc))
	for i := range acc { // of each 8 columns: two of the first row, two of the second
		values[i/2%2*len(cols)+i/4*2+i%2] = acc[i]
	}
	x.finish([]int64{0, 8}, cols, row, column, values)
	x.cur.Term = to(done)
	x.cur = done
	x.fresh()
}

// feed describes an operand to the copying engine.
func (x *matrix) feed(f *tile.Factor, index string, length, at int64) *feed {
	d := &feed{factor: f, index: index, across: !f.Along.IsConst(1), at: at, length: length}
	m := TensorMap{Buffer: f.Buffer}
	inner, outer, rows := x.con.K, index, length
	if d.across {
		inner, outer, rows = index, x.con.K, x.turn
	}
	d.indices = append([]string{inner, outer}, f.Batches(x.def)...)
	for i, name := range d.indices {
		m.Dims = append(m.Dims, x.extents[x.indexOf(name)].length)
		if i > 0 {
			by, _, _ := f.Linear.Linear(name)
			m.Strides = append(m.Strides, by.Scale(2))
		}
		m.Box = append(m.Box, []int64{swizzled / 2, rows, 1, 1, 1}[i])
	}
	d.pointer = "%map" + strconv.Itoa(len(x.maps))
	x.maps = append(x.maps, m)
	return d
}

// barriers makes a pair for each slot: it is full when its bytes are there, and empty when every
// warp that multiplies has read it. So many more, behind them, are full once.
func (x *matrix) barriers(at, groups, once int64) {
	init, ready := x.block(), x.block()
	x.cur.Term = either(x.set("icmp eq i32 ", x.thread(), ", 0"), init, ready)
	x.cur = init
	for s := range x.unit.Stages {
		x.asm("mbarrier.init", x.sharedAt(at+16*s), "1")
		x.asm("mbarrier.init", x.sharedAt(at+16*s+8), strconv.FormatInt(4*groups, 10))
	}
	for i := range once {
		x.asm("mbarrier.init", x.sharedAt(at+16*x.unit.Stages+8*i), "1")
	}
	x.asm("fence.barriers")
	x.cur.Term = to(ready)
	x.cur = ready
	x.fresh()
	x.put("call void @llvm.nvvm.barrier0()")
}

func (x *matrix) sharedAt(at int64) string {
	return x.set("add i32 ptrtoint (ptr addrspace(3) @shared to i32), ", strconv.FormatInt(at, 10))
}

// slots is how many turns the reduced index takes.
func (x *matrix) slots() string {
	n, _ := x.extents[x.indexOf(x.con.K)].length.Const()
	return strconv.FormatInt((n+x.turn-1)/x.turn, 10)
}

// turns is the loop of one side over the slots, the first of which lies at first; body gets the turn, the
// slot, its two barriers and the parity of the round.
func (x *matrix) turns(count string, first, slot, bars int64, body func(turn, at, full, empty, parity string)) {
	before, head, exit := x.cur, x.block(), x.block()
	before.Term = to(head)
	x.cur = head
	turn, next := x.name(), x.name()
	phi := &line{}
	head.Insts = append(head.Insts, phi)
	at, full, empty, parity := x.places(turn, first, slot, bars)
	body(turn, at, full, empty, parity)
	x.put(next, " = add i32 ", turn, ", 1")
	phi.text = fmt.Sprintf("%s = phi i32 [ 0, %s ], [ %s, %s ]", turn, before.Ident(), next, x.cur.Ident())
	x.cur.Term = x.again(x.set("icmp slt i32 ", next, ", ", count), head, exit)
	x.cur = exit
	x.fresh()
}

// places are a turn's slot, its two barriers, and the parity of the round.
func (x *matrix) places(turn string, first, slot, bars int64) (at, full, empty, parity string) {
	stages := strconv.FormatInt(x.unit.Stages, 10)
	number := x.set("urem i32 ", turn, ", ", stages)
	parity = x.set("and i32 ", x.set("udiv i32 ", turn, ", ", stages), ", 1")
	full = x.plus(x.sharedAt(bars), x.scaled(number, 16))
	return x.plus(x.sharedAt(first), x.scaled(number, slot)), full, x.plusConst(full, 8), parity
}

// copy starts the copies of one operand's boxes.
func (x *matrix) copy(f *feed, turn, at, full string) {
	parts, apart := int64(1), int64(0)
	if f.across {
		parts, apart = f.length/(swizzled/2), swizzled*x.turn
	}
	map64 := x.set("ptrtoint ptr ", f.pointer, " to i64")
	for i := range parts {
		operands := []string{x.plusConst(at, f.at+i*apart), map64, full}
		for _, name := range f.indices {
			position := x.scaled(turn, x.turn)
			if name != x.con.K {
				position = x.set("trunc i64 ", x.integer(x.tile[x.indexOf(name)].start), " to i32")
				if name == f.index {
					position = x.plusConst(position, i*(swizzled/2))
				}
			}
			operands = append(operands, position)
		}
		x.asm("tensor."+strconv.Itoa(len(f.indices)), operands...)
	}
}

// multiply is the loop of the groups that multiply. The products of a turn are under way while the next
// one's are issued, so a slot is given back a turn later. It returns the groups' accumulators.
func (x *matrix) multiply(a, b *feed, slot, bars int64) []value {
	count := int(x.n / 2) // 64 rows by n columns, over 128 threads
	phis, names, acc := make([]*line, count), make([]string, count), make([]string, count)
	for i := range names {
		names[i] = x.name()
	}
	rank := x.hoist(0, "sub i32 ", x.hoist(0, "lshr i32 ", x.thread(), ", 7"), ", 1")
	before := x.cur
	leader := x.set("icmp eq i32 ", x.set("and i32 ", x.thread(), ", 31"), ", 0")
	x.turns(x.slots(), 0, slot, bars, func(turn, at, full, empty, parity string) {
		head := x.cur
		for i := range phis {
			phis[i] = &line{}
		}
		for i, p := range phis {
			head.Insts = append(head.Insts, nil)
			copy(head.Insts[i+2:], head.Insts[i+1:])
			head.Insts[i+1] = p
		}
		x.asm("mbarrier.wait", full, parity)
		left := x.descriptor(x.plus(x.plusConst(at, a.at), x.scaled(rank, 64*swizzled)), a)
		right := x.descriptor(x.plusConst(at, b.at), b)
		operands := append([]string{}, names...)
		for k := range x.turn / 16 {
			operands = append(operands, x.set("add i64 ", left, ", ", a.ahead(k)), x.set("add i64 ", right, ", ", b.ahead(k)))
		}
		acc = x.assembly(x.product(a, b, count), operands)
		arrive, on := x.block(), x.block()
		later := x.set("icmp ne i32 ", turn, ", 0")
		x.cur.Term = either(x.set("and i1 ", leader, ", ", later), arrive, on)
		x.cur = arrive
		x.asm("mbarrier.arrive", x.previous(empty, bars+8))
		arrive.Term = to(on)
		x.cur = on
		for i, p := range phis {
			p.text = fmt.Sprintf("%s = phi float [ %s, %s ], [ %s, %s ]", names[i], zero(tensor.F32).id, before.Ident(), acc[i], on.Ident())
		}
	})
	out := make([]value, count)
	for i, id := range x.assembly(settled(count), acc) {
		out[i] = value{id: id, t: tensor.F32, lanes: 1}
	}
	return out
}

// previous is the barrier of the slot before that of one, of which the first has that place.
func (x *matrix) previous(barrier string, first int64) string {
	all := 16 * x.unit.Stages
	before := x.set("icmp eq i32 ", barrier, ", ", x.sharedAt(first))
	return x.plusConst(x.set("select i1 ", before, ", i32 ", x.plusConst(barrier, all), ", i32 ", barrier), -16)
}

// descriptor tells the unit where an operand lies in shared memory: address, distances between
// its atoms, permutation, each in the unit's own measure.
func (x *matrix) descriptor(at string, f *feed) string {
	if f.across {
		return x.described(at, swizzled*x.turn)
	}
	return x.described(at, piece)
}

// described tells of an operand at an address; where its rows are positions of the reduced index, part is
// how many bytes lie between 64 elements of its own and the next.
func (x *matrix) described(at string, part int64) string {
	const permuted = int64(1) << 62
	distances := int64(atom>>4)<<32 | part>>4<<16
	low := x.set("zext i32 ", x.set("and i32 ", x.set("lshr i32 ", at, ", 4"), ", 16383"), " to i64")
	return x.set("or i64 ", low, ", ", strconv.FormatInt(permuted|distances, 10))
}

// ahead is how far 16 positions of the reduced index lie in a descriptor's address.
func (f *feed) ahead(k int64) string {
	if f.across {
		return strconv.FormatInt(k*16*swizzled>>4, 10)
	}
	return strconv.FormatInt(k*32>>4, 10)
}

// product is all of one turn's products as one piece of PTX, and waits for those of the turn before:
// nothing may touch the accumulators between.
func (x *matrix) product(a, b *feed, count int) instruction {
	list := make([]string, count)
	for i := range list {
		list[i] = "$" + strconv.Itoa(i)
	}
	flag := map[bool]string{false: "0", true: "1"}
	var s strings.Builder
	s.WriteString("{ wgmma.fence.sync.aligned; ")
	for k := range x.turn / 16 {
		fmt.Fprintf(&s, "wgmma.mma_async.sync.aligned.m64n%dk16.f32.%[2]s.%[2]s {%s}, $%d, $%d, 1, 1, 1, %s, %s; ",
			x.n, x.con.A.Load.DType, strings.Join(list, ", "), 2*int64(count)+2*k, 2*int64(count)+2*k+1, flag[a.across], flag[b.across])
	}
	s.WriteString("wgmma.commit_group.sync.aligned; wgmma.wait_group.sync.aligned 1; }")
	return instruction{text: s.String(), results: strings.Repeat("f", count),
		operands: strings.Repeat("=", count) + strings.Repeat("l", int(2*x.turn/16)), lasting: true, convergence: true}
}

// settled waits for all products: behind it the accumulators are values like others.
func settled(count int) instruction {
	return instruction{text: "wgmma.wait_group.sync.aligned 0;", results: strings.Repeat("f", count),
		operands: strings.Repeat("=", count), lasting: true, convergence: true}
}
