package emulate

import (
	"math"
	"slices"
	"strings"
)

// program is an entry's decoded body.
type program struct {
	code        []instr
	slots       []uint64       // a register file's start: immediates hold their value, registers 0
	preds       int            // number of predicate registers
	names       map[int]string // of register slots
	consts      map[uint64]int // slots of immediates
	specials    map[string]int // slots of special registers
	shared      layout         // of the shared variables that the entry names
	constant    layout         // of constants
	local       layout         // of the thread's own memory
	globals     []*variable    // module variables in global memory that the entry names
	dynamic     *variable      // the extern shared array, where one is named
	fixed       map[int]bool   // slots that instructions may not write: immediates and special registers
	target      string
	sharedLimit int         // bytes of a block
	multiplies  bool        // has wgmma
	placed      []*variable // constants that the entry names
}

// endOfBody names the instruction behind the last one of the text, where lanes leave.
const endOfBody = "end of body"

// instr is one decoded instruction.
type instr struct {
	line    int
	op      string
	flow    flow
	guard   int // predicate slot, -1 without guard
	negated bool
	target  int // of a jump
	members int // slot of the member mask of a gathering instruction, or one of the aligned constants

	reads, writes   []int // register slots
	preads, pwrites []int // predicate slots
	exec            func(w *warp, m uint32)
	approximate     bool
	fusible         bool // a product or sum that ptxas may fuse
}

// flow says how an instruction moves its lanes on.
type flow uint8

const (
	straight flow = iota
	jump
	leave  // exit, ret
	gather // waits for the lanes it names
)

// members of an aligned instruction: no mask is given, the whole warp must be there.
const (
	liveLanes = -1 // all lanes that have not left
	fullWarp  = -2 // all 32, none may have left
)

// decoder turns one statement into one instruction. What a decoder does not take from mods and operands
// is refused when it is done.
type decoder struct {
	e    *Entry
	m    *Module
	st   *stmt
	in   *instr
	mods []string
	used int // operands taken
}

func (d *decoder) refuse(format string, args ...any) {
	refuse(d.st.line, d.st.op+": "+format, args...)
}

// has takes a modifier that may be there.
func (d *decoder) has(mod string) bool {
	i := slices.Index(d.mods, mod)
	if i < 0 {
		return false
	}
	d.mods = slices.Delete(d.mods, i, i+1)
	return true
}

// need takes a modifier that must be there.
func (d *decoder) need(mod string) {
	if !d.has(mod) {
		d.refuse("without .%s, which is the only form known", mod)
	}
}

// one takes one of several modifiers, or gives "".
func (d *decoder) one(mods ...string) string {
	for _, m := range mods {
		if d.has(m) {
			return m
		}
	}
	return ""
}

// oneOf takes one of several modifiers, of which one must be there.
func (d *decoder) oneOf(mods ...string) string {
	m := d.one(mods...)
	if m == "" {
		d.refuse("needs one of .%s", strings.Join(mods, " ."))
	}
	return m
}

// typ takes the first type among the modifiers.
func (d *decoder) typ() typ {
	for i, m := range d.mods {
		if t, ok := typeOf(m); ok {
			d.mods = slices.Delete(d.mods, i, i+1)
			return t
		}
	}
	d.refuse("without a type that is known")
	return noType
}

// among refuses a type that the instruction does not have.
func (d *decoder) among(t typ, list ...typ) typ {
	if !slices.Contains(list, t) {
		d.refuse("not known with type %s", t)
	}
	return t
}

func (d *decoder) next() *operand {
	if d.used >= len(d.st.operands) {
		d.refuse("too few operands")
	}
	d.used++
	return &d.st.operands[d.used-1]
}

func (d *decoder) more() bool { return d.used < len(d.st.operands) }

func (d *decoder) finish() {
	if len(d.mods) > 0 {
		d.refuse("modifier .%s is not known here", d.mods[0])
	}
	if d.used < len(d.st.operands) {
		d.refuse("%d operands, %d are known", len(d.st.operands), d.used)
	}
}

// dst takes a destination register of at least t's width; "_" gives a slot nobody reads.
func (d *decoder) dst(t typ) int { return d.dstOf(d.next(), t, false) }

// wideDst takes a destination that may be wider than t, as loads and conversions allow.
func (d *decoder) wideDst(t typ) (slot, bits int) {
	o := d.next()
	return d.dstOf(o, t, true), d.widthOf(o)
}

func (d *decoder) dstOf(o *operand, t typ, wider bool) int {
	if o.kind != nameOperand || o.pair != nil || o.not {
		d.refuse("the destination must be a register")
	}
	if o.name == "_" {
		return d.e.scratch()
	}
	r := d.register(o.name)
	if r.typ == pred || r.typ.bits() < t.bits() || r.typ.bits() > t.bits() && !wider {
		d.refuse("%s is a .%s register, the instruction writes .%s", o.name, r.typ, t)
	}
	d.in.writes = append(d.in.writes, r.slot)
	return r.slot
}

func (d *decoder) widthOf(o *operand) int {
	if o.name == "_" {
		return 64
	}
	return d.register(o.name).typ.bits()
}

func (d *decoder) register(name string) register {
	r, ok := find(d.st.scope, name, func(s *scope) map[string]register { return s.regs })
	if !ok {
		d.refuse("%s is not a register", name)
	}
	return r
}

func (e *Entry) scratch() int {
	r, ok := e.scope.regs["_"]
	if !ok {
		r = e.newRegister(b64)
		e.scope.regs["_"] = r
	}
	return r.slot
}

// src takes a source of exactly t's width: a register, a special register, an immediate or a variable's address.
func (d *decoder) src(t typ) int { return d.srcOf(d.next(), t, false) }

// wideSrc takes a source whose register may be wider than t, as stores and conversions allow.
func (d *decoder) wideSrc(t typ) int { return d.srcOf(d.next(), t, true) }

func (d *decoder) srcOf(o *operand, t typ, wider bool) int {
	if o.pair != nil || o.not {
		d.refuse("operand %s in a form that is not known", o.name)
	}
	switch o.kind {
	case numberOperand:
		return d.e.constant64(d.immediate(o.value, t))
	case nameOperand:
		return d.named(o, t, wider)
	}
	d.refuse("expected a register or a number")
	return 0
}

func (d *decoder) named(o *operand, t typ, wider bool) int {
	if r, ok := find(d.st.scope, o.name, func(s *scope) map[string]register { return s.regs }); ok && o.plus == 0 {
		if r.typ == pred || r.typ.bits() < t.bits() || r.typ.bits() > t.bits() && !wider {
			d.refuse("%s is a .%s register, the instruction reads .%s", o.name, r.typ, t)
		}
		d.in.reads = append(d.in.reads, r.slot)
		return r.slot
	}
	if specialRegisters[o.name] {
		return d.e.special(o.name)
	}
	if o.name == "WARP_SZ" {
		return d.e.constant64(32)
	}
	if v := d.variable(o.name); v != nil {
		return d.e.constant64(truncate(t, v.at+uint64(o.plus)))
	}
	d.refuse("%s is not known", o.name)
	return 0
}

// immediate gives a literal's bits as type t.
func (d *decoder) immediate(value any, t typ) uint64 {
	switch v := value.(type) {
	case uint64:
		if t.float() && v != 0 {
			d.refuse("an integer literal where .%s stands", t)
		}
		return truncate(t, v)
	case float32:
		if t == f32 || t.untyped() && t.bits() == 32 {
			return uint64(math.Float32bits(v))
		}
		if t == f64 {
			return math.Float64bits(float64(v))
		}
	case float64:
		if t == f64 || t == b64 {
			return math.Float64bits(v)
		}
		if t == f32 {
			return uint64(math.Float32bits(float32(v)))
		}
	}
	d.refuse("a literal that does not fit .%s", t)
	return 0
}

// groups takes the number of groups that a wait leaves under way, a literal.
func (d *decoder) groups() int {
	n, ok := d.next().value.(uint64)
	if !ok {
		d.refuse("the number of groups must be a number")
	}
	return int(n)
}

// predDst takes a destination predicate; "_" gives one nobody reads.
func (d *decoder) predDst() int { return d.predDstOf(d.next()) }

func (d *decoder) predDstOf(o *operand) int {
	name := o.name
	if name == "_" {
		name = "_p"
		if _, ok := d.e.scope.regs[name]; !ok {
			d.e.scope.regs[name] = d.e.newRegister(pred)
		}
	}
	r := d.register(name)
	if o.kind != nameOperand || o.not || r.typ != pred {
		d.refuse("the destination %s must be a predicate", o.name)
	}
	d.in.pwrites = append(d.in.pwrites, r.slot)
	return r.slot
}

// predSrc takes a source predicate, which may be negated.
func (d *decoder) predSrc() predicate {
	o := d.next()
	if o.kind == numberOperand {
		if v, ok := o.value.(uint64); ok {
			return predicate{slot: -1, not: v != 0}
		}
	}
	if o.kind != nameOperand || d.register(o.name).typ != pred {
		d.refuse("expected a predicate, found %s", o.name)
	}
	slot := d.register(o.name).slot
	d.in.preads = append(d.in.preads, slot)
	return predicate{slot, o.not}
}

// predicate is a source predicate: a slot, or the constant not when slot is -1.
type predicate struct {
	slot int
	not  bool
}

func (p predicate) mask(w *warp) uint32 {
	var v uint32
	if p.slot >= 0 {
		v = w.p[p.slot]
	}
	if p.not {
		v = ^v
	}
	return v
}

// address is a decoded [base+offset].
type address struct {
	base int // slot, the width of addresses in the space
	plus uint64
	mask uint64 // keeps 32-bit addresses 32 bits wide
}

func (a address) at(w *warp, lane int) uint64 { return (w.r[a.base*32+lane] + a.plus) & a.mask }

// addr takes an address operand without coordinates.
func (d *decoder) addr() address {
	o := d.next()
	if o.kind != addressOperand || len(o.elems) != 1 {
		d.refuse("expected an address in brackets")
	}
	return d.addrOf(o)
}

func (d *decoder) addrOf(o *operand) address {
	base := &o.elems[0]
	a := address{plus: uint64(o.plus), mask: ^uint64(0)}
	t := b64
	if r, ok := find(d.st.scope, base.name, func(s *scope) map[string]register { return s.regs }); ok && r.typ.bits() == 32 {
		t, a.mask = b32, math.MaxUint32
	}
	a.base = d.srcOf(base, t, false)
	return a
}

// vector takes the elements of {a, b, ...} or a single operand.
func (d *decoder) vector() []operand { return elements(d.next()) }

func elements(o *operand) []operand {
	if o.kind == vectorOperand {
		return o.elems
	}
	return []operand{*o}
}

// sources and destinations take a vector of exactly n registers of type t.
func (d *decoder) sources(n int, t typ) []int {
	list := d.vector()
	if len(list) != n {
		d.refuse("a vector of %d, expected %d", len(list), n)
	}
	out := make([]int, n)
	for i := range list {
		out[i] = d.srcOf(&list[i], t, false)
	}
	return out
}

func (d *decoder) destinations(n int, t typ) []int {
	list := d.vector()
	if len(list) != n {
		d.refuse("a vector of %d, expected %d", len(list), n)
	}
	out := make([]int, n)
	for i := range list {
		out[i] = d.dstOf(&list[i], t, false)
	}
	return out
}

// constant64 gives the slot of an immediate.
func (e *Entry) constant64(v uint64) int {
	if s, ok := e.consts[v]; ok {
		return s
	}
	e.consts[v] = e.fixedSlot(v)
	return e.consts[v]
}

func (e *Entry) special(name string) int {
	if s, ok := e.specials[name]; ok {
		return s
	}
	e.specials[name] = e.fixedSlot(0)
	return e.specials[name]
}

func (e *Entry) fixedSlot(v uint64) int {
	e.slots = append(e.slots, v)
	e.fixed[len(e.slots)-1] = true
	return len(e.slots) - 1
}

// decode fills the entry's program.
func (e *Entry) decode(m *Module) {
	e.consts, e.specials, e.fixed = map[uint64]int{}, map[string]int{}, map[int]bool{}
	e.target, e.sharedLimit = m.Target, sharedLimit(m.Target)
	e.place(m)
	for i := range e.stmts {
		e.code = append(e.code, e.instruction(m, &e.stmts[i]))
	}
	e.code = append(e.code, instr{op: endOfBody, guard: -1, flow: leave, line: e.line})
}

func (e *Entry) instruction(m *Module, st *stmt) instr {
	in := instr{line: st.line, op: st.op, guard: -1}
	d := &decoder{e: e, m: m, st: st, in: &in}
	if st.guard != "" {
		r := d.register(st.guard)
		if r.typ != pred {
			d.refuse("guard %s is not a predicate", st.guard)
		}
		in.guard, in.negated = r.slot, st.negated
	}
	parts := modifiers(st.op)
	for n := len(parts); n > 0; n-- {
		if f, ok := families[strings.Join(parts[:n], ".")]; ok {
			d.mods = slices.Clone(parts[n:])
			f(d)
			d.finish()
			return in
		}
	}
	d.refuse("instruction is not known")
	return in
}
