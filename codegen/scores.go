package codegen

import (
	"maps"
	"slices"

	"github.com/llir/llvm/ir"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// A scores is the phase of a matrix unit in which a contraction begins in each turn of a stream over its
// second index: a running maximum and sums follow it on its fragments. What is evaluated, and under
// which conditions, comes from the nodes; a position is that of one of the thread's points.
type scores struct {
	*matrix
	loop    *tile.Loop
	score   *kernel.Def
	weights *tile.Weighting // of wide
	wide    *kernel.Def     // the sum whose products the unit takes as well
	block   map[int]span    // what the block of threads has of the indices that are spread
	rows    int64           // of the block
	terms   int64           // of a score, in whole pieces of the reduced index
	columns int64           // of the wide sum
	left    *operandBox     // of the scores, once
	right   *operandBox     // of the scores and of the wide sum, in each turn
	below   *operandBox
	slot    int64 // bytes of both
	quarter tensor.Dim
	ops     scoreUnit
	whole   value   // of the turn: all terms of the block count
	sure    bool    // in the code for such turns
	pairs   []value // the turn's weights
}

// A scoreUnit is what differs between products of warps and of groups of warps.
type scoreUnit interface {
	// open brings what all turns read, starts the first ones' operands, and gives the threads their points.
	open(count tensor.Dim)
	// turn makes the operands of a turn ready.
	turn(counter tensor.Dim)
	// score are the products of the turn's scores.
	score(acc []value) []value
	// weigh adds the turn's products of fragments, of four registers each.
	weigh(left []value, acc []value) []value
	// end returns the accumulators of the last turn, done leaves the code of the threads that have some.
	end(acc []value) []value
	done()
}

// columnBlock is how many columns of an operand lie in one part of shared memory: 128 bytes.
const columnBlock = 64

func newScores(e *warps, loop *tile.Loop) *scores {
	s := &scores{matrix: &matrix{warps: e, unit: e.phase.Unit, turn: kernel.RescaleBlock}, loop: loop, block: map[int]span{}}
	for _, n := range loop.Body {
		if b, ok := n.(*tile.Begin); ok {
			s.score = e.defs[b.Def]
		}
	}
	s.def = s.score
	var err error
	if s.con, err = tile.ContractionOf(e.program.Kernel, s.score); err != nil {
		panic("BUG: " + err.Error())
	}
	for _, n := range e.phase.Body {
		if b, ok := n.(*tile.Begin); ok && len(e.defs[b.Def].Axes) == len(s.score.Axes) {
			s.wide = e.defs[b.Def]
		}
	}
	if s.weights, err = tile.WeightingOf(e.program.Kernel, s.wide); err != nil {
		panic("BUG: " + err.Error())
	}
	for _, g := range e.phase.Grid {
		if g.Index == s.con.M {
			s.rows, s.m = g.By[0], g.By[0]
		}
	}
	depth, _ := e.extents[e.indexOf(s.con.K)].length.Const()
	columns, _ := e.extents[e.indexOf(s.weights.N)].length.Const()
	s.terms, s.columns = (depth+15)/16*16, (columns+7)/8*8
	s.left = s.box(&s.con.A, s.con.M, s.con.K, s.rows, 0)
	s.right = s.box(&s.con.B, s.con.N, s.con.K, s.turn, 0)
	s.below = s.box(&s.weights.B, s.weights.K, s.weights.N, s.turn, s.right.size())
	s.slot = s.right.size() + s.below.size()
	return s
}

// emit writes the code of a block: threads' positions, the loop over blocks of scores, what is stored.
func (s *scores) emit() {
	im, in := s.indexOf(s.con.M), s.indexOf(s.weights.N)
	s.block[im] = s.tile[im]
	s.block[in] = span{start: tensor.Dim{}, length: s.extents[in].length, max: s.columns}
	if s.unit.Name == "wgmma" {
		s.ops = &groupScores{scores: s}
	} else {
		s.ops = &warpScores{scores: s}
	}
	ij := s.indexOf(s.con.N)
	s.block[ij] = span{start: tensor.Dim{}, length: s.extents[ij].length, max: s.turn}
	count := s.count()
	s.ops.open(count)
	for _, n := range s.phase.Body {
		s.node(n, count)
	}
	s.ops.done()
}

// spreadFrom gives the thread its points: from the row of the block on, and from the column of each 8
// that the quarter has.
func (s *scores) spreadFrom(row tensor.Dim) {
	s.quarter = s.declare(s.hoist(0, "and i64 ", s.lane().id, ", 3"), 0, tensor.Range{Hi: 3})
	im, in := s.indexOf(s.con.M), s.indexOf(s.weights.N)
	s.tile[im] = points(s.block[im].start.Add(row), []int64{0, 8})
	s.tile[in] = points(s.quarter.Scale(2), pairs(s.columns))
}

// pairs are the columns of a thread among so many, from its first on.
func pairs(columns int64) (list []int64) {
	for c := int64(0); c < columns; c += 8 {
		list = append(list, c, c+1)
	}
	return list
}

func points(start tensor.Dim, apart []int64) span {
	n := int64(len(apart))
	return span{start: start, length: tensor.Int(n), max: n, apart: apart}
}

// count is the number of turns: of those in which the conditions of the scores' readers can hold for a
// row of the block. There is one at least.
func (s *scores) count() tensor.Dim {
	end := s.extents[s.indexOf(s.con.N)].length
	for _, c := range s.wide.Reduce.When {
		by, rest, ok := c.Index.Linear(s.con.N)
		if !ok || !by.IsConst(-1) {
			continue
		}
		if last, ok := s.extreme(rest, tensor.Dim{}, true); ok {
			end = s.bound("smin", end, last.AddInt(1).Within(s.ranges))
		}
	}
	turns := end.CeilDiv(s.turn).Within(s.ranges)
	at := s.depth(turns)
	n := s.hoist(at, "call i64 @llvm.smax.i64(i64 ", s.integer(turns), ", i64 1)")
	return s.declare(n, at, tensor.Range{Lo: 1, OpenHi: true})
}

func (s *scores) node(n tile.Node, count tensor.Dim) {
	s.fresh()
	switch n := n.(type) {
	case *tile.Begin:
		s.begin(s.defs[n.Def])
	case *tile.Let:
		s.letHere(s.defs[n.Def])
	case *tile.Step:
		s.stepHere(s.defs[n.Def])
	case *tile.Store:
		s.storeHere(s.defs[n.Def])
	case *tile.Loop:
		s.repeat(count, -1, n.Body, func(counter tensor.Dim) { s.inTurn(n, counter) })
		l := s.alive[s.wide.Name]
		l.values = s.ops.end(l.values)
	default:
		panic("BUG: a node that no unit takes among scores")
	}
}

// inTurn emits the body of the loop.
func (s *scores) inTurn(n *tile.Loop, counter tensor.Dim) {
	ij := s.indexOf(s.con.N)
	s.tile[ij] = points(counter.Scale(s.turn).Add(s.quarter.Scale(2)), pairs(s.turn))
	s.fresh()
	s.ops.turn(counter)
	s.whole = s.certain(counter.Scale(s.turn))
	begun := s.alive
	s.alive = maps.Clone(begun)
	steps := func(d *kernel.Def) int {
		return slices.IndexFunc(n.Body, func(n tile.Node) bool { step, ok := n.(*tile.Step); return ok && s.defs[step.Def] == d })
	}
	first, last := steps(s.score)+1, steps(s.wide)
	for _, inner := range n.Body[:first] {
		s.node(inner, tensor.Dim{})
	}
	s.pairs = s.between(n.Body[first:last])
	for _, inner := range n.Body[last:] {
		s.node(inner, tensor.Dim{})
	}
	s.alive = begun
	for _, name := range n.EndsBlocks(s.program.Kernel) {
		delete(s.running, name)
	}
}

// between emits the nodes between the two products, and what the second one takes, once for turns in which
// all terms count and once for the others.
func (s *scores) between(nodes []tile.Node) []value {
	var stepped []*live
	for _, n := range nodes {
		if step, ok := n.(*tile.Step); ok {
			stepped = append(stepped, s.alive[step.Def])
		}
	}
	before, alive, running := snapshot(stepped), s.alive, maps.Clone(s.running)
	out := s.inBoth(func() (list []value) {
		restore(stepped, before)
		s.alive, s.emitter.running = maps.Clone(alive), maps.Clone(running)
		for _, n := range nodes {
			s.node(n, tensor.Dim{})
		}
		for _, l := range stepped {
			list = append(append(append(list, l.values...), l.bases...), l.scales...)
		}
		s.fresh()
		return append(list, s.weightsOf()...)
	})
	s.alive = alive
	take := func(into []value) { out = out[copy(into, out):] }
	for _, l := range stepped {
		l.values = slices.Clone(l.values)
		take(l.values)
		take(l.bases)
		take(l.scales)
	}
	return out
}

// certain is whether no condition can fail in the turn that begins there, for no row of the block.
func (s *scores) certain(first tensor.Dim) value {
	left := s.extents[s.indexOf(s.con.N)].length.Sub(first).AddInt(-s.turn)
	cond := s.notNegative(left)
	for _, c := range s.wide.Reduce.When {
		low, ok1 := s.extreme(c.Index, first, false)
		high, ok2 := s.extreme(c.Index, first, true)
		if !ok1 || !ok2 {
			return value{}
		}
		cond = s.and(cond, s.and(s.notNegative(low), s.notNegative(c.Extent.Sub(high).AddInt(-1))))
	}
	return cond
}

func (s *scores) notNegative(d tensor.Dim) value {
	return s.compare("icmp sge", value{id: s.integer(d.Within(s.ranges)), t: tensor.I64, lanes: 1}, integerOf(tensor.I64, 0))
}

// extreme is the largest or smallest value of an index over the block's rows and the turn's columns.
func (s *scores) extreme(d, first tensor.Dim, largest bool) (tensor.Dim, bool) {
	at := map[string]tensor.Dim{}
	for _, name := range namesIn(d) {
		i, isIndex := s.indices[name]
		if !isIndex {
			continue
		}
		by, _, linear := d.Linear(name)
		k, constant := by.Const()
		if !linear || !constant {
			return d, false
		}
		start, length := s.tile[i].start, int64(1)
		switch name {
		case s.con.M:
			start, length = s.block[i].start, s.rows
		case s.con.N:
			start, length = first, s.turn
		default:
			if !s.tile[i].single() {
				return d, false
			}
		}
		if k > 0 == largest {
			start = start.AddInt(length - 1)
		}
		at[name] = start
	}
	return d.Subst(at), true
}

// inBoth emits code once for turns in which all terms count, and once for the others.
func (s *scores) inBoth(code func() []value) []value {
	if s.whole.id == "" {
		return code()
	}
	sure, unsure, after := s.emitter.block(), s.emitter.block(), s.emitter.block()
	s.cur.Term = either(s.whole.id, sure, unsure)
	var lists [2][]value
	var from [2]string
	for i, b := range []*ir.Block{sure, unsure} {
		s.cur, s.sure = b, i == 0
		s.fresh()
		lists[i] = code()
		s.cur.Term, from[i] = to(after), s.cur.Ident()
	}
	s.cur, s.sure = after, false
	s.fresh()
	out := make([]value, len(lists[0]))
	for i, v := range lists[0] {
		out[i] = s.op(v.t, v.lanes, "phi ", v.typ(), " [ ", v.id, ", ", from[0], " ], [ ", lists[1][i].id, ", ", from[1], " ]")
	}
	return out
}

// stepHere accumulates the turn's terms.
func (s *scores) stepHere(d *kernel.Def) {
	l := s.alive[d.Name]
	switch {
	case d == s.score:
		l.values = s.ops.score(l.values)
	case d == s.wide:
		s.emitter.points(l.axes, false, func() {
			at := s.register(l)
			l.values[at] = s.two("fmul", l.values[at], s.scaleOf(d.Reduce.Order.With))
		})
		l.values = s.ops.weigh(s.pairs, l.values)
	case tile.IsRunningMax(d):
		s.maximumHere(d, l)
	default:
		s.sumHere(d, l)
	}
}

// allowed says whether the term of d at the current point counts; it guards what is read of memory for it.
func (s *scores) allowed(d *kernel.Def) (cond value, possible bool) {
	is, v := always, value{}
	if possible = true; !s.sure {
		cond, possible = s.conditions(d, value{})
		is, v = s.exists(s.con.N)
	}
	cond = s.and(cond, v)
	s.when = value{}
	if s.readsMemory(d) {
		_, row := s.exists(s.con.M)
		s.when = s.and(cond, row)
	}
	return cond, possible && is != never
}

func (s *scores) readsMemory(d *kernel.Def) bool {
	for _, l := range d.Loads() {
		if e := s.defs[l.Name]; e == nil || s.alive[l.Name] == nil && s.readsMemory(e) {
			return true
		}
	}
	return false
}

// inColumns visits the thread's columns of scores.
func (s *scores) inColumns(visit func(i int)) {
	ij := s.indexOf(s.con.N)
	for i := range s.tile[ij].max {
		s.point[ij] = i
		visit(int(i))
	}
	s.point[ij] = 0
}

// maximumHere takes the turn's terms into a running maximum: those of a row lie in the four threads of a
// quarter of 8 columns.
func (s *scores) maximumHere(d *kernel.Def, l *live) {
	n := len(l.values)
	l.bases, l.scales = make([]value, n), make([]value, n)
	s.emitter.points(l.axes, false, func() {
		at := s.register(l)
		v := identity(d)
		s.inColumns(func(int) { v = s.taken(d, v) })
		for _, by := range []int64{2, 1} {
			v = s.apply("max", d.DType, []value{v, s.shuffle("bfly", v, by)})
		}
		before := l.values[at]
		l.values[at] = s.apply("max", d.DType, []value{before, v})
		var diff value
		l.bases[at], diff = s.follow(before, l.values[at])
		l.scales[at] = s.exponential(diff)
	})
	s.emitter.running[d.Name] = true
}

// taken is acc with the term of d at the current point.
func (s *scores) taken(d *kernel.Def, acc value) value {
	defer func() { s.when, s.mask = value{}, value{} }()
	cond, possible := s.allowed(d)
	if !possible {
		return acc
	}
	v := s.accumulate(d, acc)
	if cond.id != "" {
		v = s.choose(cond, v, acc)
	}
	return v
}

// sumHere adds the turn's terms by lanes: lane l takes l+32, l+16, l+8 in the thread, l+4 and l+2 from
// the others of the quarter, l+1 in the thread again.
func (s *scores) sumHere(d *kernel.Def, l *live) {
	add := func(a, b value) value { return s.apply("add", d.DType, []value{a, b}) }
	s.emitter.points(l.axes, false, func() {
		at := s.register(l)
		var lanes []value
		s.inColumns(func(int) { lanes = append(lanes, s.taken(d, identity(d))) })
		for half := len(lanes) / 2; half > 1; half /= 2 {
			for i := range half {
				lanes[i] = add(lanes[i], lanes[i+half])
			}
		}
		for i := range 2 {
			for _, by := range []int64{2, 1} {
				lanes[i] = add(lanes[i], s.shuffle("bfly", lanes[i], by))
			}
		}
		l.values[at] = s.two("fadd", s.two("fmul", l.values[at], s.scaleOf(d.Reduce.Order.With)), add(lanes[0], lanes[1]))
	})
}

// weightsOf returns the fragments of the wide sum's first factor: of 16 by 16 each thread has, in two
// rows, a pair of columns and the pair 8 further.
func (s *scores) weightsOf() (list []value) {
	im, ij := s.indexOf(s.con.M), s.indexOf(s.con.N)
	body := s.exprs.body(s.wide).(*kernel.Call).Args[s.weights.Place].(*kernel.Call).Args[0]
	to := body.Type()
	if c, ok := body.(*kernel.Call); ok && c.Fn == "cast" && c.Args[0].Type() == tensor.F32 {
		body = c.Args[0] // two are rounded at once
	}
	weight := func(row, column int64) value {
		s.point[im], s.point[ij] = row, column
		defer func() { s.point[im], s.point[ij], s.when, s.mask = 0, 0, value{}, value{} }()
		cond, possible := s.allowed(s.wide)
		if !possible {
			return zero(tensor.F32)
		}
		v := s.eval(body)
		if v.t != tensor.F32 {
			v = s.fromHalf(v)
		}
		if cond.id != "" {
			v = s.choose(cond, v, zero(tensor.F32))
		}
		return v
	}
	for i := range s.turn / 4 {
		row, column := i%2, i/2*2
		list = append(list, value{id: s.pair(weight(row, column), weight(row, column+1), to), t: tensor.U32, lanes: 1})
	}
	return list
}

// pair rounds two values into one register, the first into its lower half.
func (e *warps) pair(low, high value, to tensor.DType) string {
	name, typ := "ff2bf16x2", "<2 x bfloat>"
	if to == tensor.F16 {
		name, typ = "ff2f16x2", "<2 x half>"
	}
	return e.set("bitcast ", typ, " ", e.set("call ", typ, " @llvm.nvvm.", name, ".rn(", high.arg(), ", ", low.arg(), ")"), " to i32")
}

// letHere keeps a map on the fragments.
func (s *scores) letHere(d *kernel.Def) {
	l := s.newLive(d)
	s.emitter.points(l.axes, false, func() {
		if s.readsMemory(d) {
			s.when, _ = s.inside(d)
		}
		l.values = append(l.values, s.eval(s.exprs.body(d)))
		s.when = value{}
	})
	s.alive[d.Name] = l
}

// inside is the condition that the current point of d is one of its elements.
func (s *scores) inside(d *kernel.Def) (cond value, possible bool) {
	for _, a := range d.Axes {
		if s.tile[s.indexOf(a.Name)].apart == nil {
			continue
		}
		is, v := s.exists(a.Name)
		if is == never {
			return cond, false
		}
		cond = s.and(cond, v)
	}
	return cond, true
}

// storeHere stores a definition on the fragments. What has no columns each thread of a quarter has; one
// stores it.
func (s *scores) storeHere(d *kernel.Def) {
	s.own = true
	first := value{}
	if len(d.Axes) < len(s.wide.Axes) {
		first = s.compare("icmp eq", value{id: s.integer(s.quarter), t: tensor.I64, lanes: 1}, integerOf(tensor.I64, 0))
	}
	s.emitter.points(s.axes(d.Axes), false, func() {
		cond, possible := s.inside(d)
		if !possible {
			return
		}
		s.when = s.and(first, cond)
		s.writeAll([]*kernel.Def{d})
		s.when = value{}
	})
	s.own = false
}
