package codegen

import (
	"strconv"

	"dlc/ir/tensor"
)

// Of a warp's 32 rows a thread has every fourth, so that four threads read four rows in a row; of its 64
// columns four neighbours of each 32, so that eight threads read 128 bytes.
var (
	fmaRows    = []int64{0, 4, 8, 12, 16, 20, 24, 28}
	fmaColumns = []int64{0, 1, 2, 3, 32, 33, 34, 35}
)

// fma computes the block by multiply-adds: a chain for each sum, ascending, from tiles of the operands that
// pass through shared memory as those of a matrix unit do.
func (x *matrix) fma() {
	const size = 4
	x.threads = x.groups() * warp
	slot := (x.m + x.n) * x.turn * size
	a := x.panel(&x.con.A, x.con.M, x.m, 0)
	b := x.panel(&x.con.B, x.con.N, x.n, x.m*x.turn*size)
	x.team, x.most = x.groups(), slot*x.unit.Stages
	down, right := x.part()
	lane := x.hoist(0, "and i32 ", x.thread(), ", 31")
	o := &outer{matrix: x, a: a, b: b}
	o.places(x.hoist(0, "lshr i32 ", lane, ", 3"), x.hoist(0, "and i32 ", lane, ", 7"), x.scaled(down, x.unit.M.By[0]), x.scaled(right, x.unit.N.By[0]))
	acc := x.ring(a, b, slot, true, x.working(down, right, o.products))
	row, column := x.firsts(down, right)
	at := x.declare(x.lane().id, 0, tensor.Range{Hi: warp - 1})
	eighth := x.declare(x.hoist(0, "and i64 ", x.lane().id, ", 7"), 0, tensor.Range{Hi: 7})
	x.finish(fmaRows, fmaColumns, row.Add(at.Div(8)), column.Add(eighth.Scale(4)), acc)
}

// An outer is where a thread finds its rows and columns in a slot.
type outer struct {
	*matrix
	a, b    *panel
	row     string   // i32 place of the first row
	column  string   // i32 place of the part of 32 columns
	across  []string // i32 bytes to a piece of the row, by the piece's number
	columns []string // i32 bytes to the thread's piece of 32 columns, by the term's number
}

func (o *outer) places(quad, eighth, row, column string) {
	row = o.plus(row, quad)
	o.row = o.plusConst(o.scaled(row, o.a.bytes), o.a.at)
	permuted := o.a.permute(row)
	for p := range o.a.bytes / piece {
		o.across = append(o.across, o.scaled(o.set("xor i32 ", permuted, ", ", strconv.FormatInt(p, 10)), piece))
	}
	o.column = o.plusConst(o.scaled(column, 4), o.b.at)
	for k := range int64(8) {
		o.columns = append(o.columns, o.scaled(o.set("xor i32 ", eighth, ", ", strconv.FormatInt(k, 10)), piece))
	}
}

// products adds the terms of a slot, one after the other, to all sums of the thread.
func (o *outer) products(base string, depth int64, acc []value) []value {
	acc = append([]value{}, acc...)
	rows, columns := o.plus(base, o.row), o.plus(base, o.column)
	pieces := o.a.bytes / piece
	for first := int64(0); first < depth; first += 4 {
		var left [][]value
		for _, r := range fmaRows {
			// of the permutation the first row's part is in the place already
			p := first/4 ^ o.turned(r)
			left = append(left, o.four(o.plusConst(o.plus(rows, o.across[p%pieces]), r*o.a.bytes)))
		}
		for k := first; k < min(first+4, depth); k++ {
			at := o.plusConst(o.plus(columns, o.columns[k%8]), k*o.b.bytes)
			right := append(o.four(at), o.four(o.plusConst(at, 32*4))...)
			for i := range left {
				for j, c := range right {
					sum := &acc[i*len(right)+j]
					*sum = o.intrinsic("fma", tensor.F32, left[i][k-first], c, *sum)
				}
			}
		}
	}
	return acc
}

// turned is what a row that many behind the thread's first permutes its pieces by, beside that one's part.
func (o *outer) turned(row int64) int64 {
	per := o.a.bytes / piece
	if per >= 8 {
		return row & 7
	}
	return row >> (8 / per / 2) & (per - 1)
}

// four reads neighbours in shared memory.
func (o *outer) four(at string) []value {
	v := o.set("load <4 x float>, ptr addrspace(3) ", o.set("inttoptr i32 ", at, " to ptr addrspace(3)"), ", align 16")
	out := make([]value, 4)
	for i := range out {
		out[i] = o.op(tensor.F32, 1, "extractelement <4 x float> ", v, ", i64 ", strconv.Itoa(i))
	}
	return out
}
