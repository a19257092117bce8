package codegen

import (
	"strconv"
	"strings"

	"github.com/llir/llvm/ir"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// An emitter writes one phase of a tile program as one LLVM function. Structure is llir's
// (functions, blocks); instructions are lines of text, because they are many and llir's way of
// printing them is slow.
type emitter struct {
	machine tile.Machine
	across  lanewise // what values of several lanes are on the machine
	program *tile.Program
	phase   *tile.Phase
	fn      *ir.Func
	cur     *ir.Block // where the next line goes
	last    int       // number of the last name given out

	scopes  []*scope
	symbols map[string]symbol       // of Dims: counters and model symbols
	ranges  map[string]tensor.Range // of counters, for interval analysis
	order   []string                // model symbols in the kernel's order

	defs    map[string]*kernel.Def
	buffers map[string]*operand
	stored  map[string]bool // definitions that an earlier phase stored
	exprs   *expressions

	indices   map[string]int // index name to number
	tile      []span         // current sub-range, by index number
	extents   []span         // whole range, by index number
	vector    int            // number of the vector index, or -1
	alive     map[string]*live
	lanesJoin map[*kernel.Def][]tally // of Welford
	assumed   map[condition]bool      // Whens known to hold here
	below     map[condition]bool      // whether the index is always below the extent

	copies   map[tile.Stage]*copied // staged operands
	aheads   map[tile.Ahead]int64   // how far ahead operands are asked for
	laters   map[string]int64       // the same of buffers that maps read and store
	granted  bool                   // a branch has asked for the lanes of the vector index already
	sent     *value                 // where the term at hand of a scattered sum goes, in bytes
	past     map[string]int64       // outputs that are to leave nothing in the caches, and from how many bytes on
	room     int64                  // bytes of scratch that these and what is held take
	most     int64                  // bytes of scratch ever taken
	aligned  int64                  // of the address at hand, where more than its element's size is known
	held     map[string]*held       // definitions in scratch memory
	after    [][]tile.Node          // that may run behind the node at hand, of each list that it is in
	running  map[string]bool        // running maxima of which the block at hand is done
	filled   bool                   // held memory that only the lanes which filled it know of
	given    map[string]value       // loads that are values
	stepping *kernel.Def            // by the node at hand
	asked    map[string]bool        // lines that the step at hand asked the second cache for
	behind   []ask                  // those that it will ask for behind its reads

	node // of the node at hand
}

// A line is one instruction, as text. It lends llir's interface, and none of its methods but
// LLString are ever called.
type line struct {
	ir.Instruction
	text string
}

// LLString returns the instruction.
func (l *line) LLString() string { return l.text }

// A jump is a terminator, as text.
type jump struct {
	ir.Terminator
	text string
}

// LLString returns the terminator.
func (j *jump) LLString() string { return j.text }

// A value is a scalar (lanes 1) or a vector, in a register or as a constant. Bools are i1.
type value struct {
	id    string
	t     tensor.DType
	lanes int
	fixed bool   // a scalar constant
	known []bool // a constant mask
	steps bool   // a constant vector 0, step, 2*step ...
	step  int64
}

// An operand is a buffer that the kernel's caller passes.
type operand struct {
	buffer *kernel.Buffer
	place  int
	step   int64 // of a thread's address: elements from lane to lane
}

// key names the operand's address.
func (o *operand) key() string {
	if o.step == 0 {
		return "&" + o.buffer.Name
	}
	return "&" + strconv.FormatInt(o.step, 10) + "@" + o.buffer.Name
}

func scalarType(t tensor.DType) string {
	switch t {
	case tensor.Bool:
		return "i1"
	case tensor.U8, tensor.I8:
		return "i8"
	case tensor.BF16, tensor.F16:
		return "i16"
	case tensor.I32, tensor.U32:
		return "i32"
	case tensor.I64, tensor.U64:
		return "i64"
	case tensor.F32:
		return "float"
	case tensor.F64:
		return "double"
	}
	panic("BUG: no machine type for " + t.String())
}

// warp is the number of lanes of a value that the threads of a warp hold, one each. No CPU
// that dlc knows has values of as many.
const warp = 32

// registers is the number of elements that one register of a value with that many lanes holds.
func registers(lanes int) int {
	if lanes == warp {
		return 1
	}
	return lanes
}

func typeName(t tensor.DType, lanes int) string { return shaped(scalarType(t), registers(lanes)) }

func shaped(scalar string, lanes int) string {
	if lanes == 1 {
		return scalar
	}
	return "<" + strconv.Itoa(lanes) + " x " + scalar + ">"
}

// mangled is the suffix of an intrinsic's name: v16f32.
func mangled(t tensor.DType, lanes int) string {
	s := scalarType(t)
	switch s {
	case "float":
		s = "f32"
	case "double":
		s = "f64"
	}
	if lanes = registers(lanes); lanes == 1 {
		return s
	}
	return "v" + strconv.Itoa(lanes) + s
}

func (v value) typ() string { return typeName(v.t, v.lanes) }

// arg is the value with its type, as an operand.
func (v value) arg() string { return v.typ() + " " + v.id }

func (e *emitter) name() string {
	e.last++
	return "%v" + strconv.Itoa(e.last)
}

// put adds an instruction without a result.
func (e *emitter) put(parts ...string) {
	e.cur.Insts = append(e.cur.Insts, &line{text: strings.Join(parts, "")})
}

// set adds an instruction and returns the name of its result.
func (e *emitter) set(parts ...string) string {
	id := e.name()
	e.put(id+" = ", strings.Join(parts, ""))
	return id
}

// op adds an instruction with a result of type t.
func (e *emitter) op(t tensor.DType, lanes int, parts ...string) value {
	return value{id: e.set(parts...), t: t, lanes: lanes}
}

// call calls an intrinsic whose name ends in its first argument's type.
func (e *emitter) intrinsic(name string, t tensor.DType, args ...value) value {
	lanes := args[0].lanes
	list := make([]string, len(args))
	for i, a := range args {
		list[i] = a.arg()
	}
	return e.op(t, lanes, "call ", typeName(t, lanes), " @llvm.", name, ".", mangled(args[0].t, lanes), "(", strings.Join(list, ", "), ")")
}

// block makes a new block; the caller goes there by e.cur = it.
func (e *emitter) block() *ir.Block {
	e.last++
	return e.fn.NewBlock("b" + strconv.Itoa(e.last))
}

func to(b *ir.Block) *jump { return &jump{text: "br label " + b.Ident()} }

func either(cond string, yes, no *ir.Block) *jump {
	return &jump{text: "br i1 " + cond + ", label " + yes.Ident() + ", label " + no.Ident()}
}

// again closes a loop. Unrolling is in the schedule, and ptxas would add its own.
func (e *emitter) again(cond string, head, exit *ir.Block) *jump {
	j := either(cond, head, exit)
	if e.machine.Warps > 0 {
		j.text += ", !llvm.loop !" + strconv.Itoa(AsWritten)
	}
	return j
}

// AsWritten is the number of the metadata node that says that a loop is not to be unrolled.
const AsWritten = 2

// wide returns v in that many lanes.
func (e *emitter) wide(v value, lanes int) value {
	switch {
	case v.lanes == lanes:
		return v
	case v.lanes != 1:
		panic("BUG: a vector where a scalar is meant: " + v.typ())
	}
	return e.across.splat(v, lanes)
}

// alike brings values to a common number of lanes.
func (e *emitter) alike(vs ...value) (int, []value) {
	lanes := 1
	for _, v := range vs {
		lanes = max(lanes, v.lanes)
	}
	for i, v := range vs {
		vs[i] = e.wide(v, lanes)
	}
	return lanes, vs
}

func (e *emitter) two(op string, a, b value) value {
	lanes, v := e.alike(a, b)
	return e.op(a.t, lanes, op, " ", v[0].arg(), ", ", v[1].id)
}

func (e *emitter) compare(op string, a, b value) value {
	lanes, v := e.alike(a, b)
	return e.op(tensor.Bool, lanes, op, " ", v[0].arg(), ", ", v[1].id)
}

func (e *emitter) choose(c, a, b value) value {
	lanes, v := e.alike(c, a, b)
	return e.op(a.t, lanes, "select ", v[0].arg(), ", ", v[1].arg(), ", ", v[2].arg())
}

func integerOf(t tensor.DType, v int64) value {
	if t == tensor.Bool {
		return value{id: strconv.FormatBool(v != 0), t: t, lanes: 1, fixed: true}
	}
	return value{id: strconv.FormatInt(v, 10), t: t, lanes: 1, fixed: true}
}
