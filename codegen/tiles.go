package codegen

import (
	"strconv"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// A matrix unit of eight tile registers, of 16 rows of 64 bytes each (AMX): registers 0 to 3 hold
// 32 x 32 sums of a held reduction, 4 and 5 rows of the one operand, 6 and 7 columns of the paired
// copy of the other. The sums go to and from the memory where they are held.
const (
	tileRows  = 16
	tileBytes = 64
	tileSums  = 2 * tileRows // rows and columns of the sums
	tileTerms = 32
)

// unitTile is a held reduction, on the current tile of its axes, in the matrix unit.
type unitTile struct {
	row           int // number of the index of its rows
	rows, columns *factor
}

// inUnit returns how the matrix unit takes d's current tile, nil where it does not.
func (e *emitter) inUnit(d *kernel.Def) *unitTile {
	if !e.machine.Tiles || d.Reduce.Order.Kind != kernel.Matrix || e.held[d.Name] == nil || len(d.Reduce.When) > 0 || len(d.Reduce.Axes) != 1 {
		return nil
	}
	u := &unitTile{row: -1}
	for _, i := range e.axes(d.Axes) {
		n, exact := e.tile[i].exact()
		switch {
		case i == e.vector && exact && n == tileSums:
		case i != e.vector && exact && n == tileSums && u.row < 0:
			u.row = i
		case exact && n == 1:
		default:
			return nil
		}
	}
	term := e.indices[d.Reduce.Axes[0].Name]
	for _, f := range e.factors(d) {
		switch form := e.formOf(f.load, f.linear); {
		case f.paired:
			u.columns = f
		case form.coefficient(term) == 1:
			u.rows = f
		}
	}
	if u.row < 0 || u.rows == nil || u.columns == nil || e.tile[term].max%tileTerms != 0 {
		return nil
	}
	return u
}

// tileOp writes an instruction of the matrix unit; registers are constants.
func (e *emitter) tileOp(name, args string) { e.put("call void @llvm.x86.", name, "(", args, ")") }

func tileArgs(registers ...int) (text string) {
	for i, r := range registers {
		if i > 0 {
			text += ", "
		}
		text += "i8 " + strconv.Itoa(r)
	}
	return text
}

// configure sets all tile registers to their full size, for the whole function.
func (e *emitter) configure() {
	if !e.machine.Tiles || !pairsIn(e.phase.Body) {
		return
	}
	at := e.set("alloca [64 x i8], align 8")
	for i, v := range [8]int64{1, 0, 0x0040004000400040, 0x0040004000400040, 0, 0, 0x1010101010101010, 0} {
		e.put("store i64 ", strconv.FormatInt(v, 10), ", ptr ", e.displaced(at, int64(8*i)), ", align 8")
	}
	e.tileOp("ldtilecfg", "ptr "+at)
}

// release gives the tile registers back at the end of a function that configures them.
func (e *emitter) release() {
	if e.machine.Tiles && pairsIn(e.phase.Body) {
		e.tileOp("tilerelease", "")
	}
}

func pairsIn(nodes []tile.Node) bool {
	for _, n := range nodes {
		switch n := n.(type) {
		case *tile.Loop:
			if pairsIn(n.Body) {
				return true
			}
		case *tile.If:
			if pairsIn(n.Then) || pairsIn(n.Else) {
				return true
			}
		case *tile.Pair:
			return true
		}
	}
	return false
}

// moveSums loads the sums from where they are held, or stores them there.
func (e *emitter) moveSums(l *live, load bool) {
	e.fresh()
	h := e.held[l.def.Name]
	o, p := e.heldHere(h, valuePlane)
	form := e.formOf(o, h.linear(symbolsOf(l.def.Axes)))
	row, column := form.coefficient(l.unit.row), form.coefficient(e.vector)
	stride := strconv.FormatInt(4*row, 10)
	for i := range int64(2) {
		for j := range int64(2) {
			at := e.displaced(e.baseAddress(o, p), 4*(p.offset+tileRows*(i*row+j*column)))
			args := tileArgs(int(2*i+j)) + ", ptr " + at + ", i64 " + stride
			if load {
				e.tileOp("tileloadd64", args)
			} else {
				e.tileOp("tilestored64", args)
			}
		}
	}
}

// unitStep adds the current terms to the sums in the matrix unit.
func (e *emitter) unitStep(l *live) {
	u, term := l.unit, e.indices[l.def.Reduce.Axes[0].Name]
	rows, columns := e.formOf(u.rows.load, u.rows.linear), e.formOf(u.columns.load, u.columns.linear)
	between := e.tileStride(u.rows, u.row)
	perPair := strconv.FormatInt(4*columns.coefficient(term), 10) // its linear place is by single terms
	for at := int64(0); at < e.tile[term].max; at += tileTerms {
		e.point[term] = at
		for i := range 2 {
			e.point[u.row] = int64(tileRows * i)
			p := e.at(rows)
			e.tileOp("tileloadd64", tileArgs(4+i)+", ptr "+e.displaced(e.baseAddress(u.rows.operand, p), 2*p.offset)+", i64 "+between)
		}
		e.point[u.row] = 0
		for j := range 2 {
			e.point[e.vector] = int64(tileRows * j)
			p := e.at(columns)
			e.tileOp("tileloadd64", tileArgs(6+j)+", ptr "+e.displaced(e.baseAddress(u.columns.operand, p), 2*p.offset)+", i64 "+perPair)
		}
		e.point[e.vector] = 0
		for i := range 4 {
			e.tileOp("tdpbf16ps", tileArgs(i, 4+i/2, 6+i%2))
		}
	}
	e.point[term] = 0
}

// tileStride is the distance in bytes from one row of an operand to the next.
func (e *emitter) tileStride(f *factor, row int) string {
	for name, i := range e.indices {
		if i == row {
			c, _, _ := f.linear.Linear(name)
			return e.integer(c.Scale(int64(tensor.BF16.Size())))
		}
	}
	panic("BUG: an index without a name")
}
