package emulate

import (
	"math"
	"math/bits"
)

// warp is 32 threads that run in groups of lanes with equal program counters.
type warp struct {
	u     *unit
	b     *block
	id    int // within the block
	base  int // lane 0's thread number within the unit
	lanes uint32

	r               []uint64 // registers: slot*32 + lane
	p               []uint32 // predicates: a bit per lane
	undef, pundef   []uint32 // lanes in which a register, a predicate has no value
	pc              [32]int
	live            uint32 // lanes that have not left
	ready           uint32 // lanes that can run
	gathered        uint32 // lanes that wait for others of their warp
	blocked         uint32 // lanes that wait at a barrier of the block or cluster
	loops, patience int    // jumps back while other lanes could run, and how many are allowed
	yielded         bool   // the instruction asks to end the turn
	spins           int    // failed waits in a row
	vain            *instr // the last of them

	carry        uint32 // the carry flag, a bit per lane
	clock        uint32
	seen, fenced [32]vector
	known        known
	local        [32]*region
	current      *instr

	copies  [32]groups  // of cp.async, per thread
	bulk    [32]groups  // of bulk copies, per thread
	mma     *wgmmaState // nil in an entry without wgmma
	retry   bool        // the instruction could not end and is to be run again
	cluster clusterPart
}

// run gives the warp a turn of some instructions.
func (w *warp) run(steps int) {
	w.yielded = false
	for steps > 0 && w.ready != 0 && w.u.failure == nil && !w.yielded {
		steps = w.group(steps)
	}
}

// pick chooses the lanes to run: those with the lowest program counter, or, when these have been looping
// while others could run, any others. It also gives the next counter at which lanes are ready.
func (w *warp) pick() (m uint32, pc, stop int) {
	pc = w.lowest(w.ready, -1)
	if w.loops > w.patience {
		w.loops, w.patience = 0, 4+w.u.rng.IntN(60)
		for next := w.lowest(w.ready, pc); next != math.MaxInt; next = w.lowest(w.ready, next) {
			pc = next
			if w.u.rng.IntN(2) == 0 {
				break
			}
		}
	}
	for v := w.ready; v != 0; v &= v - 1 {
		if l := bits.TrailingZeros32(v); w.pc[l] == pc {
			m |= 1 << l
		}
	}
	return m, pc, w.lowest(w.ready, pc)
}

// lowest finds the lowest counter above a bound among lanes; MaxInt when there is none.
func (w *warp) lowest(m uint32, above int) int {
	low := math.MaxInt
	for ; m != 0; m &= m - 1 {
		if pc := w.pc[bits.TrailingZeros32(m)]; pc > above && pc < low {
			low = pc
		}
	}
	return low
}

func (w *warp) setPC(m uint32, pc int) {
	for ; m != 0; m &= m - 1 {
		w.pc[bits.TrailingZeros32(m)] = pc
	}
}

// group runs one group of lanes until it splits, merges, waits or the turn is over.
func (w *warp) group(steps int) int {
	m, pc, stop := w.pick()
	code := w.u.run.e.code
	for steps > 0 {
		in := &code[pc]
		w.current = in
		w.u.run.counts[pc]++
		steps--
		g := m
		if in.guard >= 0 {
			g = w.guarded(in, m)
		}
		if in.flow == straight {
			if g != 0 && w.defined(in, g) {
				in.exec(w, g)
				w.see(in, pc, m, g)
			}
			pc++
		} else {
			w.see(in, pc, m, g)
			next, whole := w.flow(in, m, g, pc, stop)
			if !whole {
				return steps
			}
			pc = next
		}
		if w.u.failure != nil {
			return 0
		}
		if pc >= stop || w.yielded || w.loops > w.patience {
			break
		}
	}
	w.setPC(m, pc)
	return steps
}

// see notes what can be seen of an instruction that lanes m came to and g ran.
func (w *warp) see(in *instr, pc int, m, g uint32) {
	s := Reached
	if g != 0 {
		s |= Guarded
	}
	if g != m {
		s |= Held
	}
	for _, p := range in.pwrites {
		if w.p[p]&g != 0 {
			s |= True
		}
		if w.p[p]&g != g {
			s |= False
		}
	}
	w.u.run.seen[pc] |= s
	if in.line == w.u.run.launch.Trace && len(w.u.run.wrote) < mostWrote {
		w.trace(in, g)
	}
}

const mostWrote = 1 << 20

// trace notes what an instruction wrote in lanes g.
func (w *warp) trace(in *instr, g uint32) {
	w.each(g, func(l int) {
		for _, s := range in.writes {
			w.u.run.wrote = append(w.u.run.wrote, w.r[s*32+l])
		}
		for _, p := range in.pwrites {
			w.u.run.wrote = append(w.u.run.wrote, uint64(w.p[p]>>l&1))
		}
	})
}

// flow moves the lanes of m over a branch, an exit or a gathering instruction, of which g take part. It tells
// the next counter if they all go on together; otherwise it has set their counters.
func (w *warp) flow(in *instr, m, g uint32, pc, stop int) (next int, whole bool) {
	if g == 0 || w.u.failure != nil {
		return pc + 1, true
	}
	w.setPC(m&^g, pc+1)
	switch in.flow {
	case jump:
		if in.exec != nil { // an indexed branch sets the counters itself
			if w.defined(in, g) {
				in.exec(w, g)
			}
			return 0, false
		}
		if in.target <= pc && stop != math.MaxInt {
			w.loops++
		}
		w.setPC(g, in.target)
		return in.target, g == m
	case leave:
		w.exit(g)
		return 0, false
	}
	return pc + 1, w.meet(in, m, g, pc)
}

// meet runs a gathering instruction if all whom it waits for are there; otherwise the lanes of g wait.
func (w *warp) meet(in *instr, m, g uint32, pc int) (whole bool) {
	if g != m || !w.together(in, g) {
		w.setPC(g, pc)
		w.ready &^= g
		w.gathered |= g
		w.release()
		return false
	}
	w.setPC(m, pc+1)
	if w.defined(in, g) {
		in.exec(w, g)
	}
	w.again(m, pc)
	return w.ready&m == m && !w.yielded
}

func (w *warp) guarded(in *instr, m uint32) uint32 {
	if bad := w.pundef[in.guard] & m; bad != 0 {
		w.fault(Uninitialized, bits.TrailingZeros32(bad), "depends on a predicate that has no value")
	}
	if in.negated {
		return m &^ w.p[in.guard]
	}
	return m & w.p[in.guard]
}

// defined checks that all sources have values and marks the destinations as having one.
func (w *warp) defined(in *instr, m uint32) bool {
	for _, s := range in.reads {
		if bad := w.undef[s] & m; bad != 0 {
			w.undefined(s, bits.TrailingZeros32(bad), "reads")
			return false
		}
	}
	for _, s := range in.preads {
		if bad := w.pundef[s] & m; bad != 0 {
			w.fault(Uninitialized, bits.TrailingZeros32(bad), "reads a predicate that has no value")
			return false
		}
	}
	if w.mma != nil && !w.mma.mayWrite(w, in, m) {
		return false
	}
	for _, s := range in.writes {
		w.undef[s] &^= m
	}
	for _, s := range in.pwrites {
		w.pundef[s] &^= m
	}
	return true
}

func (w *warp) undefined(slot, lane int, verb string) {
	name := w.u.run.e.registerName(slot)
	if w.mma != nil {
		if p := w.mma.sums.of[slot]; p.line > 0 {
			w.fault(Pending, lane, "%s %s, a sum of the wgmma at line %d that has not been waited for", verb, name, p.line)
			return
		}
	}
	w.fault(Uninitialized, lane, "%s %s, which has no value", verb, name)
}

func (w *warp) exit(g uint32) {
	w.ready &^= g
	w.live &^= g
	w.release()
	w.b.left(w)
}

// membersOf gives the lanes that lane waits for.
func (w *warp) membersOf(in *instr, lane int) uint32 {
	switch in.members {
	case liveLanes:
		return w.live
	case fullWarp:
		return math.MaxUint32
	}
	return uint32(w.r[in.members*32+lane])
}

// together tells whether g is exactly who each of its lanes waits for.
func (w *warp) together(in *instr, g uint32) bool {
	if in.members == fullWarp {
		return g == math.MaxUint32
	}
	for v := g; v != 0; v &= v - 1 {
		l := bits.TrailingZeros32(v)
		if in.members >= 0 && w.undef[in.members]>>l&1 != 0 {
			w.undefined(in.members, l, "reads")
			return false
		}
		if need := w.membersOf(in, l) & w.live; need != g {
			return false
		}
	}
	return true
}

// release lets gathered lanes go whose companions have all come to the same instruction.
func (w *warp) release() {
	for again := true; again && w.u.failure == nil; {
		again = false
		for v := w.gathered; v != 0; v &= v - 1 {
			l := bits.TrailingZeros32(v)
			in := &w.u.run.e.code[w.pc[l]]
			w.current = in
			need := w.membersOf(in, l)
			if need>>l&1 == 0 {
				w.fault(Divergence, l, "is not in its own member mask %#x", need)
				return
			}
			if in.members == fullWarp && w.live != math.MaxUint32 {
				w.fault(Divergence, l, "needs all 32 lanes of its warp, %d of which are missing", 32-bits.OnesCount32(w.live))
				return
			}
			need &= w.live
			if !w.arrived(in, need, w.pc[l]) {
				continue
			}
			w.gathered &^= need
			w.ready |= need
			w.setPC(need, w.pc[l]+1)
			if w.defined(in, need) {
				in.exec(w, need)
			}
			w.again(need, w.pc[l]-1)
			again = true
			break
		}
	}
}

// again sets lanes back to an instruction that could not end, and ends the turn.
func (w *warp) again(m uint32, pc int) {
	if w.retry {
		w.retry, w.yielded = false, true
		w.setPC(m, pc)
	}
}

func (w *warp) arrived(in *instr, need uint32, pc int) bool {
	if need&^w.gathered != 0 {
		return false
	}
	for v := need; v != 0; v &= v - 1 {
		l := bits.TrailingZeros32(v)
		if w.pc[l] != pc || w.membersOf(in, l)&w.live != need {
			return false
		}
	}
	return true
}

// block stops lanes until a barrier lets them go on; their counters stand behind it already.
func (w *warp) block(m uint32) {
	w.ready &^= m
	w.blocked |= m
}

func (w *warp) unblock(m uint32) {
	w.blocked &^= m
	w.ready |= m
}
