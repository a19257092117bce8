package codegen

import (
	"fmt"
	"sort"
	"strconv"

	"github.com/llir/llvm/ir"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// phases writes each phase of p as a function, for a CPU by the calling convention that package
// program describes, for a GPU as a kernel.
func phases(p *tile.Program, m tile.Machine, name string) []*emitter {
	exprs := newExpressions(p.Kernel)
	stored := map[string]bool{}
	out := make([]*emitter, len(p.Phases))
	for i, phase := range p.Phases {
		out[i] = newEmitter(p, phase, m, exprs, stored)
		out[i].across.function(name)
		for _, n := range storesIn(phase.Body) {
			stored[n] = true
		}
	}
	return out
}

func newEmitter(p *tile.Program, phase *tile.Phase, m tile.Machine, exprs *expressions, stored map[string]bool) *emitter {
	e := &emitter{machine: m, program: p, phase: phase, exprs: exprs, vector: -1,
		symbols: map[string]symbol{}, ranges: map[string]tensor.Range{}, order: kernel.Symbols(p.Kernel),
		defs: map[string]*kernel.Def{}, buffers: map[string]*operand{}, stored: map[string]bool{},
		indices: map[string]int{}, alive: map[string]*live{}, assumed: map[condition]bool{}, below: map[condition]bool{}, copies: map[tile.Stage]*copied{}, aheads: map[tile.Ahead]int64{}, past: map[string]int64{}, laters: map[string]int64{},
		held: map[string]*held{}, running: map[string]bool{}, given: map[string]value{}, lanesJoin: map[*kernel.Def][]tally{}}
	e.across = lanesOf(e, m)
	for n := range stored {
		e.stored[n] = true
	}
	for _, list := range [][]*kernel.Buffer{p.Kernel.Ins, p.Kernel.Outs, p.Temps} {
		for _, b := range list {
			e.buffers[b.Name] = &operand{buffer: b, place: len(e.buffers)}
		}
	}
	for _, d := range p.Kernel.Defs {
		e.defs[d.Name] = d
		for _, a := range d.AllAxes() {
			e.index(a)
		}
	}
	if phase.Vector != "" {
		e.vector = e.indexOf(phase.Vector)
	}
	return e
}

// index gives an axis its number; its sub-range is the whole extent.
func (e *emitter) index(a kernel.Axis) {
	if _, ok := e.indices[a.Name]; ok {
		return
	}
	e.indices[a.Name] = len(e.tile)
	s := span{length: a.Extent, max: -1}
	if r := a.Extent.Bounds(nil); !r.OpenHi {
		s.max = r.Hi
	}
	e.tile, e.extents = append(e.tile, s), append(e.extents, s)
}

func (e *emitter) indexOf(name string) int {
	i, ok := e.indices[name]
	if !ok {
		panic(fmt.Sprintf("BUG: %s has no index %s", e.program.Name, name))
	}
	return i
}

// inBlock emits code for the block of that number, after head, which is left for what does not
// depend on the block.
func (e *emitter) inBlock(number string, head *ir.Block, code func()) {
	e.scopes = append(e.scopes, &scope{head, map[string]string{}})
	e.cur = head
	e.split(number)
	body := e.block()
	head.Term = to(body)
	e.cur = body
	e.fresh()
	code()
}

// split turns a block number into the sub-range of each index of the grid.
func (e *emitter) split(number string) {
	for i := len(e.phase.Grid) - 1; i >= 0; i-- {
		g := e.phase.Grid[i]
		at := e.indexOf(g.Index)
		extent, by := e.tile[at].length, g.By[0]
		count := extent.CeilDiv(by)
		turn := number
		if n, ok := count.Const(); ok && n <= 1 {
			continue
		}
		if i > 0 {
			n := e.integer(count)
			turn = e.set("urem i64 ", number, ", ", n)
			number = e.set("udiv i64 ", number, ", ", n)
		}
		r := tensor.Range{OpenHi: true}
		if n, ok := count.Const(); ok {
			r = tensor.Range{Hi: n - 1}
		}
		counter := e.declare(turn, 1, r)
		e.tile[at] = e.cut(counter.Scale(by), extent, by)
	}
}

// cut is the sub-range of length by at start in 0..extent, perhaps cut short.
func (e *emitter) cut(start, extent tensor.Dim, by int64) span {
	if n, ok := extent.Const(); by == 1 || ok && n%by == 0 {
		return span{start: start, length: tensor.Int(by), max: by}
	}
	left := e.integer(extent.Sub(start))
	depth := e.depth(extent.Sub(start))
	least := e.hoist(depth, "call i64 @llvm.smin.i64(i64 ", left, ", i64 ", strconv.FormatInt(by, 10), ")")
	short, _ := extent.Const()
	return span{start: start, length: e.declare(least, depth, tensor.Range{Lo: 1, Hi: by}), max: by, short: short % by}
}

// versions emits the body; twice where the vector index's sub-range may be cut short, so that
// whole ones need no masks.
func (e *emitter) versions() {
	if e.vector < 0 {
		e.nodes(e.phase.Body)
		return
	}
	s := e.tile[e.vector]
	if _, exact := s.exact(); exact || s.max <= 0 {
		e.nodes(e.phase.Body)
		return
	}
	whole := e.set("icmp eq i64 ", e.integer(s.length), ", ", strconv.FormatInt(s.max, 10))
	e.branch(whole, nil, func() {
		e.tile[e.vector].length = tensor.Int(s.max)
		e.nodes(e.phase.Body)
	}, func() {
		e.tile[e.vector] = e.short(s)
		e.nodes(e.phase.Body)
	})
	e.tile[e.vector] = s
}

// short is the last part of the vector index, cut short: its length is a constant where the
// extent is.
func (e *emitter) short(s span) span {
	if n, ok := e.extents[e.vector].exact(); ok {
		return span{start: s.start, length: tensor.Int(n % s.max), max: n % s.max}
	}
	s.max--
	return s
}

// branch emits two ways; accumulators that the nodes step are joined behind them.
func (e *emitter) branch(cond string, nodes []tile.Node, yes, no func()) {
	carried := e.carried(nodes)
	before := snapshot(carried)
	a, b, after := e.block(), e.block(), e.block()
	e.cur.Term = either(cond, a, b)
	e.cur = a
	e.fresh()
	yes()
	e.cur.Term = to(after)
	fromA, valuesA := e.cur, snapshot(carried)
	restore(carried, before)
	e.cur = b
	e.fresh()
	no()
	e.cur.Term = to(after)
	fromB, valuesB := e.cur, snapshot(carried)
	e.cur = after
	e.fresh()
	for i, l := range carried {
		for j := range l.values {
			if x, y := valuesA[i][j], valuesB[i][j]; x.id != y.id {
				l.values[j] = e.op(x.t, x.lanes, "phi ", x.typ(), " [ ", x.id, ", ", fromA.Ident(), " ], [ ", y.id, ", ", fromB.Ident(), " ]")
			}
		}
	}
}

func snapshot(ls []*live) [][]value {
	out := make([][]value, len(ls))
	for i, l := range ls {
		out[i] = append([]value{}, l.values...)
	}
	return out
}

func restore(ls []*live, to [][]value) {
	for i, l := range ls {
		copy(l.values, to[i])
	}
}

// carried lists the accumulators alive here that the nodes step, in the order of their names.
func (e *emitter) carried(nodes []tile.Node) []*live {
	set := map[string]bool{}
	stepsIn(nodes, set)
	var names []string
	for n := range set {
		if e.alive[n] != nil {
			names = append(names, n)
		}
	}
	sort.Strings(names)
	out := make([]*live, len(names))
	for i, n := range names {
		out[i] = e.alive[n]
	}
	return out
}

func stepsIn(nodes []tile.Node, set map[string]bool) {
	for _, n := range nodes {
		switch n := n.(type) {
		case *tile.Loop:
			stepsIn(n.Body, set)
		case *tile.Across:
			stepsIn(n.Body, set)
		case *tile.If:
			stepsIn(n.Then, set)
			stepsIn(n.Else, set)
		case *tile.Step:
			set[n.Def] = true
		}
	}
}

func storesIn(nodes []tile.Node) (names []string) {
	for _, n := range nodes {
		switch n := n.(type) {
		case *tile.Loop:
			names = append(names, storesIn(n.Body)...)
		case *tile.Across:
			names = append(names, storesIn(n.Body)...)
		case *tile.If: // the other way stores the same
			names = append(names, storesIn(n.Then)...)
		case *tile.Store:
			names = append(names, n.Def)
		case *tile.Sort:
			names = append(names, n.Def)
		case *tile.Clear:
			names = append(names, n.Def)
		}
	}
	return names
}
