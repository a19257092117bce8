package emulate

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// unit is what runs at a time: the blocks of one cluster, usually one.
type unit struct {
	run     *run
	id      int
	blocks  []*block
	warps   []*warp
	threads int // size of the thread part of vector clocks: warps * 32
	agents  int // mbarriers that have a component behind the threads
	rng     *rand.Rand
	flying  []*flight // asynchronous copies that have not landed
	cluster clusterBarrier
	failure *Fault
}

// maxAgents bounds the mbarriers of a unit that vector clocks have room for.
const maxAgents = 64

func (u *unit) newVector() vector { return make(vector, u.threads+maxAgents) }

// block is one thread block.
type block struct {
	u        *unit
	index    [3]int
	rank     int // within the cluster
	shared   *region
	warps    []*warp
	barriers [16]barrier
	objects  map[uint64]*mbarrier
}

// thread names a thread, or an mbarrier's agent, of the unit.
func (u *unit) thread(i int) string {
	if i >= u.threads {
		return "an asynchronous copy"
	}
	per := len(u.blocks[0].warps) * 32
	b := u.blocks[i/per]
	return fmt.Sprintf("thread %d of block %d,%d,%d", i%per, b.index[0], b.index[1], b.index[2])
}

// newUnit builds the blocks of one cluster; corner is its first block's index.
func (r *run) newUnit(id int, corner [3]int) *unit {
	u := &unit{run: r, id: id, rng: rand.New(rand.NewPCG(r.launch.Seed, uint64(id)+1))}
	shape := r.cluster
	perBlock := (product(r.launch.Block) + 31) / 32
	u.threads = product(shape) * perBlock * 32
	for rank := 0; rank < product(shape); rank++ {
		x, y, z := rank%shape[0], rank/shape[0]%shape[1], rank/shape[0]/shape[1]
		b := &block{u: u, rank: rank, index: [3]int{corner[0] + x, corner[1] + y, corner[2] + z}, objects: map[uint64]*mbarrier{}}
		size := int(r.e.shared.size-sharedStart) + r.launch.DynamicShared
		b.shared = r.newRegion("shared memory", sharedStart, size, true)
		b.shared.dig(r.e.shared.holes)
		u.blocks = append(u.blocks, b)
		for i := 0; i < perBlock; i++ {
			b.warps = append(b.warps, u.newWarp(b, i))
		}
		u.warps = append(u.warps, b.warps...)
	}
	return u
}

func (u *unit) newWarp(b *block, id int) *warp {
	e := u.run.e
	w := &warp{u: u, b: b, id: id, base: (b.rank*((product(u.run.launch.Block)+31)/32) + id) * 32, clock: 1}
	w.patience = 4 + u.rng.IntN(60)
	for l := 0; l < 32; l++ {
		if id*32+l < product(u.run.launch.Block) {
			w.lanes |= 1 << l
		}
	}
	w.live, w.ready = w.lanes, w.lanes
	w.r = e.registers()
	w.p = make([]uint32, e.preds)
	w.undef, w.pundef = make([]uint32, len(e.slots)), make([]uint32, e.preds)
	for s := range e.slots {
		if !e.fixed[s] {
			w.undef[s] = ^uint32(0)
		}
	}
	for p := range w.pundef {
		w.pundef[p] = ^uint32(0)
	}
	for name, slot := range e.specials {
		for l := 0; l < 32; l++ {
			w.r[slot*32+l] = specialValue(w, name, l)
		}
	}
	if e.multiplies {
		w.mma = newWgmmaState(len(e.slots))
	}
	return w
}

// registers takes the registers of a warp that has ended, or makes new ones. Immediates stand in both; what else
// does counts as undefined.
func (e *Entry) registers() []uint64 {
	if old, ok := e.files.Get().([]uint64); ok {
		return old
	}
	file := make([]uint64, len(e.slots)*32)
	for s, v := range e.slots {
		for l := range 32 {
			file[s*32+l] = v
		}
	}
	return file
}

// execute runs the unit to its end or its first fault.
func (u *unit) execute() *Fault {
	defer func() {
		for _, w := range u.warps {
			u.run.e.files.Put(w.r)
		}
		for _, b := range u.blocks {
			b.shared.cells.end()
		}
	}()
	for u.failure == nil {
		w := u.choose()
		if w == nil {
			if len(u.flying) > 0 {
				u.land(u.rng.IntN(len(u.flying)))
				continue
			}
			break
		}
		w.run(1 + u.rng.IntN(u.run.turn))
		if len(u.flying) > 0 && u.rng.IntN(2) == 0 {
			u.land(u.rng.IntN(len(u.flying)))
		}
		u.account(w)
	}
	if u.failure == nil {
		u.leftovers()
	}
	return u.failure
}

// choose picks a warp that can run, at random.
func (u *unit) choose() *warp {
	n := len(u.warps)
	for i, at := 0, u.rng.IntN(n); i < n; i++ {
		if w := u.warps[(at+i)%n]; w.ready != 0 {
			return w
		}
	}
	return nil
}

// vainWaits is the number of failed waits in a row after which a warp counts as stuck.
const vainWaits = 200

// account ends loops without end: too many steps, or all warps do nothing but fail to wait.
func (u *unit) account(w *warp) {
	u.run.turns++
	if u.run.limit--; u.run.limit < 0 && u.failure == nil {
		u.failure = &Fault{StepLimit, 0, fmt.Sprintf("the launch has not ended after %d turns; %s", u.run.turns, u.where())}
	}
	if w.spins < vainWaits || len(u.flying) > 0 {
		return
	}
	for _, v := range u.warps {
		if v.ready != 0 && v.spins < vainWaits {
			return
		}
	}
	if u.failure == nil {
		u.failure = &Fault{Deadlock, 0, "all warps wait for mbarriers in vain; " + u.where()}
	}
}

// leftovers reports warps that can never go on, when none can run.
func (u *unit) leftovers() {
	for _, w := range u.warps {
		if w.live != 0 {
			u.failure = &Fault{Deadlock, 0, "no warp can go on; " + u.where()}
			return
		}
	}
	for _, w := range u.warps {
		w.atEnd()
	}
	for _, b := range u.blocks {
		b.atEnd()
	}
}

// where tells at which lines the warps stand.
func (u *unit) where() string {
	var out []string
	for _, w := range u.warps {
		seen := map[int]bool{}
		for l := 0; l < 32; l++ {
			if w.live>>l&1 == 0 || seen[w.pc[l]] {
				continue
			}
			seen[w.pc[l]] = true
			pc, verb := w.pc[l], "runs at"
			switch {
			case w.blocked>>l&1 != 0:
				pc, verb = pc-1, "waits at"
			case w.gathered>>l&1 != 0:
				verb = "waits for lanes of its warp at"
			}
			in := &u.run.e.code[max(pc, 0)]
			if w.spins > 0 && w.vain != nil {
				in, verb = w.vain, "waits in vain at"
			}
			out = append(out, fmt.Sprintf("warp %d of block %d,%d,%d %s line %d (%s)", w.id, w.b.index[0], w.b.index[1], w.b.index[2], verb, in.line, in.op))
			if len(out) == 6 {
				return strings.Join(out, ", ") + ", ..."
			}
		}
	}
	return strings.Join(out, ", ")
}
