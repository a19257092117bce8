package codegen

import (
	"strconv"

	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// A panel is one operand in shared memory: rows of contiguous elements, of which pieces of 16
// bytes are permuted by the row, so that 8 rows at one place lie in different banks.
type panel struct {
	x      *matrix
	factor *tile.Factor
	index  string // its own index
	across bool   // rows are positions of the reduced index
	rows   int64
	bytes  int64    // of a row
	at     int64    // place in a slot of the ring
	to     string   // i32: place in a slot where the thread's first piece goes
	from   []string // i64 addresses of the thread's pieces in the first turn
	sizes  []string // i32 bytes of each that exist, as far as the own index says
	row    string   // i64: position of the reduced index that the first piece has
	step   string   // i64 bytes from one turn to the next
	pieces int64
	apart  int64 // rows between the thread's pieces
	grain  int64 // bytes that are copied at once
}

const piece = 16 // bytes

func (x *matrix) panel(f *tile.Factor, index string, own, at int64) *panel {
	size := int64(f.Load.DType.Size())
	p := &panel{x: x, factor: f, index: index, across: !f.Along.IsConst(1), at: at, grain: piece}
	for p.grain > size && !tile.Pitched(f.Linear, p.grain/size) {
		p.grain /= 2
	}
	p.rows, p.bytes = own, x.turn*size
	if p.across {
		p.rows, p.bytes = x.turn, own*size
	}
	per := p.bytes / piece
	p.apart = x.threads / per
	p.pieces = p.rows / p.apart
	if p.apart < 1 || p.pieces < 1 || p.pieces*p.apart != p.rows {
		panic("BUG: threads do not share out the pieces of " + f.Load.Name)
	}
	t := x.thread()
	row := x.set("udiv i32 ", t, ", ", strconv.FormatInt(per, 10))
	column := x.set("urem i32 ", t, ", ", strconv.FormatInt(per, 10))
	p.to = x.plusConst(x.plus(x.scaled(row, p.bytes), x.scaled(x.set("xor i32 ", column, ", ", p.permute(row)), piece)), at)
	p.source(x.set("zext i32 ", row, " to i64"), x.set("zext i32 ", column, " to i64"), size, own)
	return p
}

// permute is what the number of a piece in a row is combined with.
func (p *panel) permute(row string) string {
	if p.bytes >= 8*piece {
		return p.x.set("and i32 ", row, ", 7")
	}
	per := p.bytes / piece // 4 or 2: two or four rows fill all banks
	return p.x.set("and i32 ", p.x.set("lshr i32 ", row, ", ", strconv.FormatInt(8/per/2, 10)), ", ", strconv.FormatInt(per-1, 10))
}

// source finds the addresses of the thread's pieces and how much of each exists along the own
// index.
func (p *panel) source(row, column string, size, own int64) {
	x, f := p.x, p.factor
	s := x.tile[x.indexOf(p.index)]
	starts := map[string]tensor.Dim{x.con.K: {}}
	for _, name := range namesIn(f.Linear) {
		if i, ok := x.indices[name]; ok && name != x.con.K {
			starts[name] = x.tile[i].start
		}
	}
	base := x.address(x.buffers[f.Load.Name], f.Linear.Subst(starts).Within(x.ranges))
	stride := f.Own
	if p.across {
		stride = f.Along
	}
	pitch := x.integer(stride.Scale(size))
	at := x.set("getelementptr i8, ptr ", base, ", i64 ", x.set("mul i64 ", row, ", ", pitch))
	first := x.set("mul i64 ", column, ", ", strconv.FormatInt(piece, 10))
	at = x.set("getelementptr i8, ptr ", at, ", i64 ", first)
	left := x.integer(x.extents[x.indexOf(p.index)].length.Sub(s.start))
	n, exact := s.exact()
	for i := range p.pieces {
		ptr := at
		if i > 0 {
			ptr = x.set("getelementptr i8, ptr ", at, ", i64 ", x.integer(stride.Scale(i*p.apart*size)))
		}
		p.from = append(p.from, x.set("ptrtoint ptr addrspace(1) ", x.set("addrspacecast ptr ", ptr, " to ptr addrspace(1)"), " to i64"))
		switch {
		case exact && n == own:
			p.sizes = append(p.sizes, "16")
		case p.across:
			p.sizes = append(p.sizes, p.x.remaining(left, first, size))
		default:
			r := x.set("add i64 ", row, ", ", strconv.FormatInt(i*p.apart, 10))
			in := x.set("icmp slt i64 ", r, ", ", left)
			p.sizes = append(p.sizes, x.set("select i1 ", in, ", i32 16, i32 0"))
		}
	}
	p.row, p.step = row, x.integer(f.Along.Scale(x.turn*size))
	if !p.across {
		p.row = x.set("udiv i64 ", first, ", ", strconv.FormatInt(size, 10))
	}
}

// remaining is how many bytes of a piece lie before the end: i32 between 0 and 16, given the
// elements that are left from the start and the bytes from there to the piece.
func (x *matrix) remaining(left, first string, size int64) string {
	n := x.set("sub i64 ", x.set("mul i64 ", left, ", ", strconv.FormatInt(size, 10)), ", ", first)
	n = x.set("call i64 @llvm.smax.i64(i64 ", n, ", i64 0)")
	n = x.set("call i64 @llvm.smin.i64(i64 ", n, ", i64 16)")
	return x.set("trunc i64 ", n, " to i32")
}

// fill starts the copies of one turn into a slot, an i32 address.
func (p *panel) fill(turn, slot string, extent string, exact bool) {
	x := p.x
	size := int64(p.factor.Load.DType.Size())
	shift := x.set("mul i64 ", turn, ", ", p.step)
	to := x.plus(slot, p.to)
	begin := x.set("mul i64 ", turn, ", ", strconv.FormatInt(x.turn, 10))
	left := x.set("sub i64 ", extent, ", ", begin)
	inside := x.set("icmp sgt i64 ", left, ", 0")
	for i := range p.pieces {
		n := p.sizes[i]
		switch {
		case exact:
			n = x.set("select i1 ", inside, ", i32 ", n, ", i32 0")
		case p.across:
			r := x.set("add i64 ", p.row, ", ", strconv.FormatInt(i*p.apart, 10))
			n = x.set("select i1 ", x.set("icmp slt i64 ", r, ", ", left), ", i32 ", n, ", i32 0")
		default:
			some := x.remaining(left, x.set("mul i64 ", p.row, ", ", strconv.FormatInt(size, 10)), size)
			n = x.set("call i32 @llvm.umin.i32(i32 ", n, ", i32 ", some, ")")
		}
		// the row's part of the permutation is the same in all of the thread's rows
		p.bring(x.plusConst(to, i*p.apart*p.bytes), x.set("add i64 ", p.from[i], ", ", shift), n)
	}
}

// bring starts the copy of a piece of which n bytes exist, by grains.
func (p *panel) bring(to, from, n string) {
	x := p.x
	if p.grain == piece {
		x.asm("cp.async", to, from, n)
		return
	}
	grain := strconv.FormatInt(p.grain, 10)
	for at := int64(0); at < piece; at += p.grain {
		left := x.set("call i32 @llvm.smax.i32(i32 ", x.plusConst(n, -at), ", i32 0)")
		left = x.set("call i32 @llvm.smin.i32(i32 ", left, ", i32 ", grain, ")")
		x.asm("cp.async."+grain, x.plusConst(to, at), x.set("add i64 ", from, ", ", strconv.FormatInt(at, 10)), left)
	}
}
