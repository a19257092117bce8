package codegen

import (
	"fmt"
	"strconv"

	"dlc/ir/tensor"
)

// mma computes the block by mma.sync: every warp has a part of it, of 16 by 8 fragments; tiles of
// the operands come through a ring in shared memory that cp.async fills Stages-1 turns ahead.
func (x *matrix) mma() {
	x.threads = x.groups() * warp
	size := int64(x.con.A.Load.DType.Size())
	slot := (x.m + x.n) * x.turn * size
	a := x.panel(&x.con.A, x.con.M, x.m, 0)
	b := x.panel(&x.con.B, x.con.N, x.n, x.m*x.turn*size)
	x.team, x.most = x.groups(), slot*x.unit.Stages
	wm, wn := x.unit.M.By[0], x.unit.N.By[0]
	down, right := x.part()
	fa := x.fragments(a, x.scaled(down, wm), wm, false)
	fb := x.fragments(b, x.scaled(right, wn), wn, true)
	acc := x.ring(a, b, slot, false, x.working(down, right, func(base string, _ int64, acc []value) []value { return x.products(fa, fb, base, acc) }))
	row, column := x.spread(x.firsts(down, right))
	var rows, cols []int64
	for i := int64(0); i < wm; i += 8 {
		rows = append(rows, i)
	}
	for j := int64(0); j < wn; j += 8 {
		cols = append(cols, j, j+1)
	}
	x.finish(rows, cols, row, column, acc)
}

// part is which part of the block the warp has, downwards and to the right; firsts are where it begins.
func (x *matrix) part() (down, right string) {
	number := x.hoist(0, "lshr i32 ", x.thread(), ", 5")
	columns := strconv.FormatInt(x.n/x.unit.N.By[0], 10)
	return x.hoist(0, "udiv i32 ", number, ", ", columns), x.hoist(0, "urem i32 ", number, ", ", columns)
}

func (x *matrix) firsts(down, right string) (row, column tensor.Dim) {
	wm, wn := x.unit.M.By[0], x.unit.N.By[0]
	row = x.declare(x.hoist(0, "zext i32 ", down, " to i64"), 0, tensor.Range{Hi: x.m/wm - 1})
	column = x.declare(x.hoist(0, "zext i32 ", right, " to i64"), 0, tensor.Range{Hi: x.n/wn - 1})
	return row.Scale(wm), column.Scale(wn)
}

// A compute adds what a slot holds, so many terms, to accumulators.
type compute func(base string, depth int64, acc []value) []value

// working is c for the warps of which a row and a column exist; the others, of a block that is cut short,
// have nothing to compute.
func (x *matrix) working(down, right string, c compute) compute {
	m, n := x.starts()
	cond := value{}
	for _, d := range []struct {
		index string
		s     span
		part  string
		by    int64
	}{{x.con.M, m, down, x.unit.M.By[0]}, {x.con.N, n, right, x.unit.N.By[0]}} {
		if length, exact := d.s.exact(); exact && length > d.s.max-d.by {
			continue
		}
		first := x.set("zext i32 ", x.scaled(d.part, d.by), " to i64")
		cond = x.and(cond, x.compare("icmp slt", value{id: first, t: tensor.I64, lanes: 1}, value{id: x.integer(d.s.length), t: tensor.I64, lanes: 1}))
	}
	if cond.id == "" {
		return c
	}
	return func(base string, depth int64, acc []value) []value {
		from, some, after := x.cur, x.block(), x.block()
		from.Term = either(cond.id, some, after)
		x.cur = some
		sums := c(base, depth, acc)
		back := x.cur
		back.Term = to(after)
		x.cur = after
		for i, v := range sums {
			sums[i] = x.op(tensor.F32, 1, "phi float [ ", acc[i].id, ", ", from.Ident(), " ], [ ", v.id, ", ", back.Ident(), " ]")
		}
		return sums
	}
}

// ring is the loop over the reduced index: turn by turn, one slot is computed with while the
// ones ahead are filled. A last turn that is short is computed with as far as it goes where that is asked
// for, else with zeros behind its end. It returns the accumulators.
func (x *matrix) ring(a, b *panel, slot int64, short bool, add compute) []value {
	extent := x.extents[x.indexOf(x.con.K)].length
	length, turns := x.integer(extent), x.integer(extent.CeilDiv(x.turn))
	n, constant := extent.Const()
	exact := constant && n%x.turn == 0
	if short {
		turns = strconv.FormatInt(n/x.turn, 10)
	}
	shared := "ptrtoint (ptr addrspace(3) @shared to i32)"
	issue := func(turn, at string) {
		a.fill(turn, at, length, exact)
		b.fill(turn, at, length, exact)
		x.asm("commit")
	}
	ahead := x.unit.Stages - 1
	for s := range ahead {
		issue(strconv.FormatInt(s, 10), x.set("add i32 ", shared, ", ", strconv.FormatInt(s*slot, 10)))
	}
	start := x.set("add i32 ", shared, ", ", strconv.FormatInt(ahead*slot, 10))
	acc := make([]value, x.unit.M.By[0]*x.unit.N.By[0]/warp)
	before, head, exit := x.cur, x.block(), x.block()
	before.Term = either(x.set("icmp sgt i64 ", turns, ", 0"), head, exit)
	x.cur = head
	phis := make([]*line, len(acc)+3)
	names := make([]string, len(phis))
	for i := range phis {
		names[i], phis[i] = x.name(), &line{}
		head.Insts = append(head.Insts, phis[i])
		if i < len(acc) {
			acc[i] = value{id: names[i], t: tensor.F32, lanes: 1}
		}
	}
	at, read, write := names[len(acc)], names[len(acc)+1], names[len(acc)+2]
	x.asm(fmt.Sprint("wait.", ahead-1))
	x.put("call void @llvm.nvvm.barrier0()")
	issue(x.set("add i64 ", at, ", ", strconv.FormatInt(ahead, 10)), write)
	acc = add(read, x.turn, acc)
	end := x.set("add i32 ", shared, ", ", strconv.FormatInt(slot*x.unit.Stages, 10))
	next := []string{x.set("add i64 ", at, ", 1"), x.advance(read, slot, shared, end), x.advance(write, slot, shared, end)}
	x.cur.Term = x.again(x.set("icmp slt i64 ", next[0], ", ", turns), head, exit)
	first := []string{"0", shared, start}
	for i, p := range phis {
		typ, from, to := "float", zero(tensor.F32).id, ""
		if k := i - len(acc); k >= 0 {
			typ, from, to = []string{"i64", "i32", "i32"}[k], first[k], next[k]
		} else {
			to = acc[i].id
		}
		p.text = fmt.Sprintf("%s = phi %s [ %s, %s ], [ %s, %s ]", names[i], typ, from, before.Ident(), to, x.cur.Ident())
	}
	back := x.cur
	x.cur = exit
	x.fresh()
	for i := range acc {
		acc[i] = x.op(tensor.F32, 1, "phi float [ ", zero(tensor.F32).id, ", ", before.Ident(), " ], [ ", acc[i].id, ", ", back.Ident(), " ]")
	}
	if short && n%x.turn > 0 {
		last := x.set("phi i32 [ ", shared, ", ", before.Ident(), " ], [ ", next[1], ", ", back.Ident(), " ]")
		x.asm(fmt.Sprint("wait.", ahead-1))
		x.put("call void @llvm.nvvm.barrier0()")
		acc = add(last, n%x.turn, acc)
	}
	x.asm("wait.all")
	return acc
}

// advance is the slot behind one.
func (x *matrix) advance(slot string, by int64, first, end string) string {
	next := x.plusConst(slot, by)
	return x.set("select i1 ", x.set("icmp eq i32 ", next, ", ", end), ", i32 ", first, ", i32 ", next)
}

// products multiplies what one slot holds into the accumulators.
func (x *matrix) products(fa, fb *fragments, base string, acc []value) []value {
	left := func(i, k int64) []string { return fa.load(base, i, k) }
	return x.multiplied(left, fa.length, fb, base, x.turn, acc)
}

// multiplied adds the product of so many rows, of which left returns the fragment of 16 by 16 of those
// numbers, with a right operand.
func (x *matrix) multiplied(left func(i, k int64) []string, rows int64, fb *fragments, base string, depth int64, acc []value) []value {
	acc = append([]value{}, acc...)
	kind := "mma." + x.con.A.Load.DType.String()
	for k := range depth / 16 {
		var as, bs [][]string
		for i := range rows / 16 {
			as = append(as, left(i, k))
		}
		for j := range (fb.length + 15) / 16 {
			bs = append(bs, fb.load(base, j, k))
		}
		for i, a := range as {
			for j := range fb.length / 8 {
				b := bs[j/2][j%2*2:]
				c := make([]*value, 4) // rows of the thread, columns of the thread
				operands := append(append([]string{}, a...), b[0], b[1])
				for q := range 4 {
					c[q] = &acc[(int64(2*i+q/2)*fb.length/8+j)*2+int64(q%2)]
					operands = append(operands, c[q].id)
				}
				for q, id := range x.asm(kind, operands...) {
					*c[q] = value{id: id, t: tensor.F32, lanes: 1}
				}
			}
		}
	}
	return acc
}

// fragments reads a warp's part of a panel as the unit wants it: 16 positions of the own index by
// 16 of the reduced one at a time, in four registers.
type fragments struct {
	p      *panel
	length int64
	trans  bool
	lane   string   // i32 bytes from the slot to the lane's row
	column string   // i32 number of the lane's piece in a row, permuted
	moved  []string // i32 bytes to the piece that lies 2*i further
}

// fragments prepares the addresses of the lanes: each of the four 8 by 8 matrices of a load gets
// its row addresses from 8 lanes. The left operand takes own rows first, then the reduced index;
// the right one the other way round.
func (x *matrix) fragments(p *panel, first string, length int64, right bool) *fragments {
	f := &fragments{p: p, length: length, trans: p.across}
	lane := x.set("and i32 ", x.thread(), ", 31")
	in := x.set("and i32 ", lane, ", 7")
	low := x.set("and i32 ", x.set("lshr i32 ", lane, ", 3"), ", 1")
	high := x.set("lshr i32 ", lane, ", 4")
	own, along := low, high
	if right {
		own, along = high, low
	}
	row, column := x.plus(x.plus(first, in), x.scaled(own, 8)), along
	if p.across {
		row, column = x.plus(in, x.scaled(along, 8)), own
	}
	f.lane = x.plusConst(x.scaled(row, p.bytes), p.at)
	if p.across {
		f.lane = x.plus(f.lane, x.scaled(first, 2))
	}
	f.column = x.set("xor i32 ", column, ", ", p.permute(in))
	for i := range min(4, p.bytes/piece/2) {
		f.moved = append(f.moved, x.scaled(x.set("xor i32 ", f.column, ", ", strconv.FormatInt(2*i, 10)), piece))
	}
	return f
}

// load reads the fragment of the 16 own positions and the 16 reduced ones of those numbers.
func (f *fragments) load(base string, own, along int64) []string {
	x := f.p.x
	rows, pieces := own, along
	name := "ldmatrix"
	if f.trans {
		rows, pieces, name = along, own, "ldmatrix.trans"
	}
	n := int64(len(f.moved))
	at := x.plus(x.plus(base, f.lane), f.moved[pieces%n])
	at = x.plusConst(at, rows*16*f.p.bytes+pieces/n*n*2*piece)
	return x.asm(name, at)
}
