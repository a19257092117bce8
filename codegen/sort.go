package codegen

import (
	"strconv"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// A sorting writes the code of one Sort. A term is a pair: its key above, its position below, in
// 64 bits, so that pairs of equal keys differ and any way of sorting them keeps their order. Pairs
// are sorted by the digits of their keys, the lowest first. Where only the first ranks are wanted,
// a term becomes a pair only if its key lies below that of the last rank so far; when the list of
// pairs is full, it is sorted and cut.
type sorting struct {
	*emitter
	d            *kernel.Def
	counts       string // address of the digits' counts
	words        string // of the number of pairs, the bound, and keys of one turn
	pairs, other string // of the lists
	terms, ranks string
	digit        int // bits
}

// Places among the words.
const (
	sortNumber = 0
	sortBound  = 8
	sortKeys   = 64
)

const keyBits = 32

func (e *emitter) sort(n *tile.Sort) {
	e.fresh()
	d := e.defs[n.Def]
	rank := e.extents[e.indices[d.Axes[len(d.Axes)-1].Name]].length
	index := e.indices[d.Reduce.Axes[0].Name]
	all := e.tile[index]
	s := &sorting{emitter: e, d: d, terms: e.integer(all.length), ranks: e.integer(rank), digit: 11}
	s.memory(n)
	if few, ok := tile.SelectFrom(d); ok && n.Temp == "" {
		s.digit = 8
		s.selected(all.length, few)
	} else {
		s.fill(all.length)
		s.sorted(s.terms)
	}
	e.tile[index] = all
	s.store(rank, all.length)
	if n.Temp == "" { // else each lane takes the places for its next terms from which it stored
		e.across.meet()
	}
	e.fresh()
}

// memory finds the places of the lists.
func (s *sorting) memory(n *tile.Sort) {
	e := s.emitter
	s.words = e.hoist(0, "getelementptr i8, ptr ", e.across.scratch(), ", i64 ", strconv.FormatInt(e.room, 10))
	s.counts = e.displaced(s.words, tile.SortWords)
	room := tile.SortRoom(s.d)
	size := tensor.Int((room - tile.SortCounts - tile.SortWords) / 2)
	if n.Temp == "" {
		s.pairs = e.displaced(s.words, tile.SortWords+tile.SortCounts)
	} else {
		room, s.digit = tile.SortWords+tile.SortFewer, 8
		o := e.buffers[n.Temp]
		at := make([]tensor.Dim, len(o.buffer.Type.Shape))
		for i, g := range e.phase.Grid {
			at[i] = e.tile[e.indices[g.Index]].start.Div(g.By[0]).Within(e.ranges)
		}
		s.pairs = e.address(o, kernel.AddressOf(o.buffer, at).Within(e.ranges))
		size = tile.SortPairs(s.d.Reduce.Axes[0].Extent).Scale(8)
	}
	e.most = max(e.most, e.room+room)
	s.other = e.set("getelementptr i8, ptr ", s.pairs, ", i64 ", e.integer(size))
}

// each walks terms from first on, count of them, four registers a turn.
func (s *sorting) each(first, count tensor.Dim, turn func()) {
	e := s.emitter
	i := e.indices[s.d.Reduce.Axes[0].Name]
	width := int64(4 * e.machine.Lanes)
	turns := count.Div(width)
	most := int64(-1)
	if c, ok := count.Const(); ok {
		most = c / width
	}
	if most != 0 {
		e.repeat(turns, most, nil, func(counter tensor.Dim) {
			e.tile[i] = span{start: first.Add(counter.Scale(width)), length: tensor.Int(width), max: width}
			e.fresh()
			turn()
		})
	}
	rest := span{start: first.Add(turns.Scale(width)), length: count.Sub(turns.Scale(width)), max: width - 1}
	if c, ok := rest.length.Const(); ok {
		if rest.max = c; c > 0 {
			e.tile[i] = rest
			e.fresh()
			turn()
		}
		return
	}
	id := e.integer(rest.length)
	some := e.set("icmp sgt i64 ", id, ", 0")
	rest.length = e.declare(id, e.depth(rest.length), tensor.Range{Lo: 1, Hi: width - 1})
	e.branch(some, nil, func() {
		e.tile[i] = rest
		e.fresh()
		turn()
	}, func() {})
}

// keys evaluates the keys of a turn's terms, register by register, from their first position on.
func (s *sorting) keys(visit func(at int64, key value)) {
	e := s.emitter
	i := e.indices[s.d.Reduce.Axes[0].Name]
	e.points([]int{i}, false, func() {
		key := e.wide(s.key(e.eval(e.exprs.body(s.d))), e.machine.Lanes)
		visit(e.point[i], key)
	})
}

// key orders as kernel.SortKey does, in 32 bits.
func (s *sorting) key(v value) value {
	e := s.emitter
	top := integerOf(tensor.U32, -1<<31)
	var key value
	switch {
	case v.t.IsFloat():
		bits := e.bitcast(v, tensor.U32)
		bits = e.choose(e.compare("fcmp oeq", v, zero(v.t)), integerOf(tensor.U32, 0), bits)
		key = e.two("xor", bits, e.two("or", e.two("ashr", bits, integerOf(tensor.U32, 31)), top))
	case v.t.IsSigned():
		key = e.two("xor", e.rewidth(v, tensor.I32), top)
		key.t = tensor.U32
	default:
		key = e.rewidth(v, tensor.U32)
	}
	if s.d.Reduce.Op == kernel.ArgSortDescending {
		key = e.two("xor", key, integerOf(tensor.U32, -1))
	}
	if v.t.IsFloat() {
		key = e.choose(e.compare("fcmp uno", v, v), integerOf(tensor.U32, -1), key)
	}
	return key
}

// fill makes pairs of the first count terms.
func (s *sorting) fill(count tensor.Dim) {
	e := s.emitter
	i := e.indices[s.d.Reduce.Axes[0].Name]
	s.each(tensor.Dim{}, count, func() {
		start := e.integer(e.tile[i].start)
		to := e.set("getelementptr i64, ptr ", s.pairs, ", i64 ", start)
		position := e.formOf("position", tensor.Sym(s.d.Reduce.Axes[0].Name))
		s.keys(func(at int64, key value) {
			pair := e.two("shl", e.resize(key, tensor.U64, "zext"), integerOf(tensor.U64, keyBits))
			place := e.wide(e.whole(e.at(position)), e.machine.Lanes)
			place.t = tensor.U64
			e.lanes = e.machine.Lanes
			e.across.storeMany(tensor.U64, e.displaced(to, 8*at), e.two("or", pair, place), e.allowed())
		})
	})
}

// selected leaves the first ranks' pairs at the head of the list, sorted.
func (s *sorting) selected(terms tensor.Dim, few int64) {
	e := s.emitter
	first := e.bound("smin", terms, tensor.Int(few))
	s.fill(first)
	s.sorted(e.integer(first))
	rest := terms.Sub(first)
	if c, ok := rest.Const(); ok && c <= 0 {
		return
	}
	s.cut()
	s.each(first, rest, func() { s.compare(few) })
	n := s.word("i64", sortNumber)
	more := e.set("icmp sgt i64 ", n, ", ", s.ranks)
	e.branch(more, nil, func() { s.sorted(n) }, func() {})
}

func (s *sorting) word(typ string, at int64) string {
	return s.set("load ", typ, ", ptr ", s.displaced(s.words, at), ", align 8")
}

// cut keeps the first ranks and takes the last one's key for the bound.
func (s *sorting) cut() {
	e := s.emitter
	e.put("store i64 ", s.ranks, ", ptr ", e.displaced(s.words, sortNumber), ", align 8")
	last := e.set("getelementptr i64, ptr ", s.pairs, ", i64 ", e.set("sub i64 ", s.ranks, ", 1"))
	none := e.set("icmp eq i64 ", s.ranks, ", 0")
	last = e.set("select i1 ", none, ", ptr ", s.pairs, ", ptr ", last)
	key := e.set("trunc i64 ", e.set("lshr i64 ", e.set("load i64, ptr ", last, ", align 8"), ", 32"), " to i32")
	key = e.set("select i1 ", none, ", i32 0, i32 ", key)
	e.put("store i32 ", key, ", ptr ", e.displaced(s.words, sortBound), ", align 8")
}

// compare takes in those of a turn's terms whose keys lie below the bound.
func (s *sorting) compare(few int64) {
	e := s.emitter
	lanes := e.machine.Lanes
	start := e.integer(e.tile[e.indices[s.d.Reduce.Axes[0].Name]].start)
	bound := value{id: s.word("i32", sortBound), t: tensor.U32, lanes: 1}
	below := "0"
	s.keys(func(at int64, key value) {
		e.put("store ", key.arg(), ", ptr ", e.displaced(s.words, sortKeys+4*at), ", align 4")
		m := e.compare("icmp ult", key, bound)
		m = e.and(m, e.allowed())
		bits := e.set("bitcast ", m.arg(), " to i", strconv.Itoa(lanes))
		bits = e.set("zext i", strconv.Itoa(lanes), " ", bits, " to i64")
		below = e.set("or i64 ", below, ", ", e.set("shl i64 ", bits, ", ", strconv.FormatInt(at, 10)))
	})
	some := e.set("icmp ne i64 ", below, ", 0")
	e.branch(some, nil, func() {
		s.take(below, start)
		n := s.word("i64", sortNumber)
		full := e.set("icmp sgt i64 ", n, ", ", strconv.FormatInt(few, 10))
		e.branch(full, nil, func() {
			s.sorted(n)
			s.cut()
		}, func() {})
	}, func() {})
}

// take appends the pairs of the terms that have a bit in the mask.
func (s *sorting) take(mask, start string) {
	e := s.emitter
	n := s.word("i64", sortNumber)
	before, head, exit := e.cur, e.block(), e.block()
	before.Term = to(head)
	e.cur = head
	left, number := e.name(), e.name()
	leftPhi, numberPhi := &line{}, &line{}
	head.Insts = append(head.Insts, leftPhi, numberPhi)
	at := e.set("call i64 @llvm.cttz.i64(i64 ", left, ", i1 true)")
	from := e.set("getelementptr i32, ptr ", e.displaced(s.words, sortKeys), ", i64 ", at)
	key := e.set("zext i32 ", e.set("load i32, ptr ", from, ", align 4"), " to i64")
	pair := e.set("or i64 ", e.set("shl i64 ", key, ", 32"), ", ", e.set("add i64 ", start, ", ", at))
	e.put("store i64 ", pair, ", ptr ", e.set("getelementptr i64, ptr ", s.pairs, ", i64 ", number), ", align 8")
	next := e.set("add i64 ", number, ", 1")
	rest := e.set("and i64 ", left, ", ", e.set("sub i64 ", left, ", 1"))
	leftPhi.text = left + " = phi i64 [ " + mask + ", " + before.Ident() + " ], [ " + rest + ", " + head.Ident() + " ]"
	numberPhi.text = number + " = phi i64 [ " + n + ", " + before.Ident() + " ], [ " + next + ", " + head.Ident() + " ]"
	head.Term = either(e.set("icmp ne i64 ", rest, ", 0"), head, exit)
	e.cur = exit
	e.put("store i64 ", next, ", ptr ", e.displaced(s.words, sortNumber), ", align 8")
}

// sorted sorts the first n pairs; s.pairs is then the list where they lie. One thread of a warp
// does so.
func (s *sorting) sorted(n string) {
	if s.machine.Warps == 0 {
		s.radix(n)
		return
	}
	s.across.meet()
	s.branch(s.across.below(1).id, nil, func() { s.radix(n) }, func() {})
	_, last := s.phase.Body[0].(*tile.Sort)
	if most, ok := s.d.Axes[len(s.d.Axes)-1].Extent.Const(); !ok || most > 1 || !last { // else the same thread reads the first
		s.across.meet()
	}
}

func (s *sorting) radix(n string) {
	e := s.emitter
	passes := (keyBits + s.digit - 1) / s.digit
	table := int64(4) << s.digit
	e.counted("0", strconv.FormatInt(int64(passes)*table/8, 10), 1, func(at string) {
		e.put("store i64 0, ptr ", e.set("getelementptr i64, ptr ", s.counts, ", i64 ", at), ", align 8")
	})
	e.counted("0", n, 1, func(at string) {
		pair := s.loadPair(s.pairs, at)
		for p := range passes {
			slot := s.slot(pair, p, table)
			e.put("store i32 ", e.set("add i32 ", e.set("load i32, ptr ", slot, ", align 4"), ", 1"), ", ptr ", slot, ", align 4")
		}
	})
	s.starts(passes, table)
	from, into := s.pairs, s.other
	for p := range passes {
		e.counted("0", n, 1, func(at string) {
			pair := s.loadPair(from, at)
			slot := s.slot(pair, p, table)
			place := e.set("load i32, ptr ", slot, ", align 4")
			e.put("store i32 ", e.set("add i32 ", place, ", 1"), ", ptr ", slot, ", align 4")
			to := e.set("getelementptr i64, ptr ", into, ", i64 ", e.set("zext i32 ", place, " to i64"))
			e.put("store i64 ", pair, ", ptr ", to, ", align 8")
		})
		from, into = into, from
	}
	s.pairs, s.other = from, into
}

func (s *sorting) loadPair(list, at string) string {
	return s.set("load i64, ptr ", s.set("getelementptr i64, ptr ", list, ", i64 ", at), ", align 8")
}

// slot is the address of the count of a pair's digit.
func (s *sorting) slot(pair string, pass int, table int64) string {
	digit := s.set("lshr i64 ", pair, ", ", strconv.Itoa(keyBits+pass*s.digit))
	digit = s.set("and i64 ", digit, ", ", strconv.Itoa(1<<s.digit-1))
	return s.set("getelementptr i32, ptr ", s.displaced(s.counts, int64(pass)*table), ", i64 ", digit)
}

// starts turns counts into the places where each digit's pairs begin.
func (s *sorting) starts(passes int, table int64) {
	e := s.emitter
	before, head, exit := e.cur, e.block(), e.block()
	before.Term = to(head)
	e.cur = head
	at, next := e.name(), e.name()
	phi := &line{}
	head.Insts = append(head.Insts, phi)
	sums, phis := make([]string, passes), make([]*line, passes)
	for p := range passes {
		sums[p], phis[p] = e.name(), &line{}
		head.Insts = append(head.Insts, phis[p])
	}
	for p := range passes {
		slot := e.set("getelementptr i32, ptr ", e.displaced(s.counts, int64(p)*table), ", i64 ", at)
		count := e.set("load i32, ptr ", slot, ", align 4")
		e.put("store i32 ", sums[p], ", ptr ", slot, ", align 4")
		after := e.set("add i32 ", sums[p], ", ", count)
		phis[p].text = sums[p] + " = phi i32 [ 0, " + before.Ident() + " ], [ " + after + ", " + head.Ident() + " ]"
	}
	e.put(next, " = add i64 ", at, ", 1")
	phi.text = at + " = phi i64 [ 0, " + before.Ident() + " ], [ " + next + ", " + head.Ident() + " ]"
	head.Term = either(e.set("icmp ult i64 ", next, ", ", strconv.Itoa(1<<s.digit)), head, exit)
	e.cur = exit
}

// store writes the positions of the first pairs, and the number of terms beyond the last.
func (s *sorting) store(rank, terms tensor.Dim) {
	e := s.emitter
	e.fresh()
	o := e.buffers[s.d.Name]
	at := symbolsOf(s.d.Axes)
	at[len(at)-1] = tensor.Dim{}
	p := e.at(e.formOf(o, kernel.AddressOf(o.buffer, at)))
	t := s.d.DType
	base := e.displaced(e.baseAddress(o, p), p.offset*int64(t.Size()))
	put := func(at, v string) {
		e.across.storeOne(t, e.set("getelementptr ", scalarType(t), ", ptr ", base, ", i64 ", at), value{id: v, t: t, lanes: 1})
	}
	narrow := func(v string) string {
		if t == tensor.I32 {
			return e.set("trunc i64 ", v, " to i32")
		}
		return v
	}
	end := e.integer(e.bound("smin", rank, terms))
	first, beyond, step := "0", end, int64(1)
	if w, ok := e.across.(*warps); ok { // each thread has every 32nd rank
		first, step, w.own = w.lane().id, warp, true
		defer func() { w.own = false }()
		beyond = e.set("add i64 ", end, ", ", first)
	}
	e.counted(first, end, step, func(at string) {
		put(at, narrow(e.set("and i64 ", s.loadPair(s.pairs, at), ", 4294967295")))
	})
	if left := rank.Sub(terms).Bounds(e.ranges); left.OpenHi || left.Hi > 0 {
		e.counted(beyond, s.ranks, step, func(at string) { put(at, narrow(s.terms)) })
	}
}
