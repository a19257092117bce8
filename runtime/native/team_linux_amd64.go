package native

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"
	"unsafe"

	"dlc/runtime/program"
	"golang.org/x/sys/unix"
)

// What the caller and the threads of the team share lies in one mapped page. A turn is started by
// a store to its number; a thread takes part when its index is below the turn's thread count.
const (
	teamTurn   = 0   // uint64: number of the turn << 12 | threads; its low half is a futex
	teamLeft   = 64  // uint32: threads still at work
	teamDone   = 128 // uint32, a futex: 1 once the last one is finished
	teamDriver = 192 // what to run; zero tells all threads to exit
	teamFrame  = 200
	teamSpin   = 208 // turns to spin before sleeping when there is no work
	teamYield  = 216 // not zero: the last thread of a call sleeps at once, since all CPUs are taken
	teamBytes  = 256

	turnThreads = 1<<12 - 1
	turnOne     = 1 << 12

	frameCancel = program.FrameCancel
	frameTurn   = program.FrameTurn
)

// How long threads spin: between calls, and at a barrier. Longer spins starve the neighbours.
const (
	idleSpin    = 30 * time.Microsecond
	barrierSpin = 20 * time.Microsecond
)

// A team is the native threads of the process. Whoever holds its turn owns everything but users;
// threads are made when a call wants more of them, and joined when the last user leaves.
type team struct {
	turn    chan struct{} // holds one token while nobody calls
	memory  []byte
	threads []teamThread
	users   int
	pause   time.Duration // of a thousand spin turns
}

// A teamThread is a thread's slot and where it is pinned, -1 for nowhere.
type teamThread struct {
	slot int
	cpu  int
}

// pause executes n PAUSE instructions.
func pause(n int)

// cloneWorker starts a native thread on the stack that ends at header, and returns its number or
// a negated errno.
//
//go:noescape
func cloneWorker(header, tls unsafe.Pointer) int64

func (t *team) init() error {
	m, err := Map(teamBytes)
	if err != nil {
		return err
	}
	t.memory = m.Bytes()
	t.turn = make(chan struct{}, 1)
	t.turn <- struct{}{}
	t.pause = time.Duration(math.MaxInt64)
	for range 5 {
		start := time.Now()
		pause(1000)
		t.pause = min(t.pause, max(1, time.Since(start)))
	}
	return nil
}

func (t *team) word(at int) *atomic.Uint32 { return (*atomic.Uint32)(unsafe.Pointer(&t.memory[at])) }
func (t *team) wide(at int) *atomic.Uint64 { return (*atomic.Uint64)(unsafe.Pointer(&t.memory[at])) }
func (t *team) slot(i int) *slot           { return &process.slots.slots[t.threads[i].slot] }
func (t *team) turns(d time.Duration) int  { return int(1000 * d / t.pause) }
func (t *team) release()                   { t.turn <- struct{}{} }

// join adds a user, whose calls the team serves until leave.
func (t *team) join() {
	<-t.turn
	t.users++
	t.release()
}

// leave removes a user; the last one ends the threads and waits until the kernel has let them go.
func (t *team) leave() {
	<-t.turn
	defer t.release()
	if t.users--; t.users > 0 {
		return
	}
	t.wide(teamDriver).Store(0)
	t.start(turnThreads)
	for i := range t.threads {
		tid := t.slot(i).word(headerTID)
		for v := tid.Load(); v != 0; v = tid.Load() {
			futexWaitShared(tid, v)
		}
		process.slots.give(t.threads[i].slot)
	}
	t.threads = nil
}

// acquire waits until no other call runs, or until ctx ends.
func (t *team) acquire(ctx context.Context) error {
	select {
	case <-t.turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// prepare readies n threads and f for a call; allowed are the CPUs of the affinity mask, cpus how
// many of them may be busy. Threads that outnumber them never spin.
func (t *team) prepare(f *Frame, n int, allowed []int, cpus int) error {
	if err := t.grow(n); err != nil {
		return err
	}
	t.pin(n, allowed, cpus)
	spin, idle, yield := 0, 0, 0
	if n <= cpus {
		spin, idle = t.turns(barrierSpin), t.turns(idleSpin)
	}
	if n == cpus {
		yield = 1
	}
	t.wide(teamSpin).Store(uint64(idle))
	t.wide(teamYield).Store(uint64(yield))
	f.begin(n, spin)
	return nil
}

// run runs f's driver on the first n threads and waits for all of them in a system call, where
// the caller is in no garbage collection's way.
func (t *team) run(f *Frame, n int) error {
	t.wide(teamDriver).Store(uint64(f.driver))
	t.wide(teamFrame).Store(uint64(address(f.memory)))
	t.word(teamLeft).Store(uint32(n))
	t.word(teamDone).Store(0)
	t.start(n)
	for done := t.word(teamDone); done.Load() == 0; {
		futexWait(done, 0)
	}
	return t.fault(f, n)
}

// start begins a turn for n threads and wakes those of them that sleep.
func (t *team) start(n int) {
	t.wide(teamTurn).Store((t.wide(teamTurn).Load()/turnOne+1)*turnOne | uint64(n))
	for i := range min(n, len(t.threads)) {
		if t.slot(i).word(headerAsleep).Load() != 0 {
			futexWake(t.word(teamTurn), math.MaxInt32, uint32(1<<min(n, 32)-1))
			return
		}
	}
}

// fault returns the first fault of the threads of a call.
func (t *team) fault(f *Frame, n int) error {
	var first *Fault
	for i := range n {
		if fault := t.slot(i).takeFault(f); first == nil {
			first = fault
		}
	}
	if first == nil {
		return nil
	}
	return first
}

// grow makes threads until there are n.
func (t *team) grow(n int) error {
	if n > MaxThreads {
		return fmt.Errorf("%d threads: a team has %d at most", n, MaxThreads)
	}
	for len(t.threads) < n {
		if err := t.startThread(); err != nil {
			return fmt.Errorf("start native thread %d of %d: %w", len(t.threads)+1, n, err)
		}
	}
	return nil
}

func (t *team) startThread() error {
	at, err := process.slots.take()
	if err != nil {
		return err
	}
	s := &process.slots.slots[at]
	s.store(headerTeam, uint64(address(t.memory)))
	s.store(headerIndex, uint64(len(t.threads)))
	s.store(headerSeen, t.wide(teamTurn).Load())
	s.store(headerWorker+program.WorkerThread, uint64(len(t.threads)))
	s.word(headerAsleep).Store(0)
	if r := cloneWorker(s.top(), unsafe.Pointer(&s.memory[tlsAt])); r < 0 {
		process.slots.give(at)
		return unix.Errno(-r)
	}
	t.threads = append(t.threads, teamThread{slot: at, cpu: -1})
	return nil
}

// pin keeps each thread of a call on a CPU of its own when the team fills the allowed CPUs
// exactly. A smaller team floats: several processes that all pinned theirs from the first CPU on
// would share it and leave the others idle; so would containers whose quota is below their mask.
func (t *team) pin(n int, allowed []int, cpus int) {
	full := n > 1 && n == cpus && len(allowed) == cpus
	for i := range n {
		want := -1
		if full {
			want = allowed[i]
		}
		if t.threads[i].cpu == want {
			continue
		}
		var set unix.CPUSet
		for _, cpu := range allowed {
			if cpu == want || want < 0 {
				set.Set(cpu)
			}
		}
		if unix.SchedSetaffinity(int(t.slot(i).word(headerTID).Load()), &set) == nil {
			t.threads[i].cpu = want
		}
	}
}

// openTeam starts what the process needs and adds a user to its team.
func openTeam() (*team, error) {
	if err := startProcess(); err != nil {
		return nil, err
	}
	process.team.join()
	return &process.team, nil
}

const (
	futexPrivate = 128
	futexWaitOp  = 0
	futexWakeOp  = 10 // FUTEX_WAKE_BITSET
)

// futexWait sleeps while *w is v; it may return early.
func futexWait(w *atomic.Uint32, v uint32) { futex(w, futexWaitOp|futexPrivate, v, 0) }

// futexWaitShared is the form that the kernel's wake at the end of a thread reaches.
func futexWaitShared(w *atomic.Uint32, v uint32) { futex(w, futexWaitOp, v, 0) }

// futexWake wakes up to n sleepers whose bit is in the mask.
func futexWake(w *atomic.Uint32, n int, mask uint32) {
	futex(w, futexWakeOp|futexPrivate, uint32(n), mask)
}

func futex(w *atomic.Uint32, op, v, mask uint32) {
	_, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(w)), uintptr(op), uintptr(v), 0, 0, uintptr(mask))
	if errno != 0 && errno != unix.EAGAIN && errno != unix.EINTR {
		panic(fmt.Sprintf("BUG: futex: %v", errno))
	}
}
