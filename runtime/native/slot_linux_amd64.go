package native

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"dlc/runtime/program"
)

// A slot is what one thread needs while it runs native code: scratch, a stack, an alternate
// signal stack, and a header with the state to come back by. All slots lie in one reservation,
// aligned to their size, so that the fault handler finds the header from the stack pointer alone.
// From the low end, with guards that are never accessible:
//
//	guard | scratch | guard | signal stack | guard | stack | header page
const (
	slotSize   = 2 << 20
	slotGuard  = 64 << 10
	scratchAt  = slotGuard
	altAt      = scratchAt + program.ScratchBytes + slotGuard
	altSize    = 32 << 10
	stackAt    = altAt + altSize + slotGuard
	headerAt   = slotSize - 4096 // where the stack ends
	tlsAt      = headerAt + 2048 // thread pointer of a worker: Go's g, just below it, reads as nil
	maxSlots   = 2 * MaxThreads  // half of them for direct calls
	leastSlots = 16
)

// Fields of a header, from headerAt. The word at 0 stays zero: a profiler that unwinds through
// the switch of stacks takes it for a return address.
const (
	headerSP      = 8   // Go's stack pointer during a direct call
	headerBP      = 16  // Go's frame pointer
	headerMXCSR   = 24  // Go's floating-point control word, uint32
	headerBail    = 32  // where to go on after a fault; zero outside calls
	headerSignal  = 40  // uint32, set by the fault handler
	headerAddress = 48  // address that was accessed
	headerRIP     = 56  // instruction that faulted
	headerWorker  = 64  // program.Worker
	headerTeam    = 128 // *shared state of the team
	headerIndex   = 136 // number of the thread in the team
	headerSeen    = 144 // uint64, the turn last seen
	headerMask    = 152 // signal mask of the thread that clones
	headerAlt     = 160 // stack_t: pointer, flags, size
	headerTID     = 184 // uint32, zero once the thread is gone
	headerAsleep  = 256 // uint32, a line of its own
)

// A slot is known by its memory; header is the part of it from headerAt.
type slot struct {
	memory []byte
	header []byte
}

func (s *slot) top() unsafe.Pointer        { return unsafe.Pointer(&s.header[0]) }
func (s *slot) word(at int) *atomic.Uint32 { return (*atomic.Uint32)(unsafe.Pointer(&s.header[at])) }
func (s *slot) store(at int, v uint64)     { binary.LittleEndian.PutUint64(s.header[at:], v) }
func (s *slot) load(at int) uint64         { return binary.LittleEndian.Uint64(s.header[at:]) }

// A slotPool owns the reservation. Free slots are a list without locks: a direct call takes one
// and gives it back in a few nanoseconds. Slots stay committed until the process ends.
type slotPool struct {
	reserved []byte
	limit    int
	mu       sync.Mutex
	made     int
	slots    [maxSlots]slot
	free     atomic.Uint64           // change count << 32 | number of the first free slot + 1
	next     [maxSlots]atomic.Uint32 // number + 1 of the next free slot
}

// open reserves address space, less of it where little may be had.
func (p *slotPool) open() (err error) {
	for p.limit = maxSlots; p.limit >= leastSlots; p.limit /= 2 {
		var b []byte
		if b, err = reserve(int64(p.limit+1) * slotSize); err == nil {
			skip := -address(b) & (slotSize - 1)
			p.reserved = b[skip:][:p.limit*slotSize]
			return nil
		}
	}
	return fmt.Errorf("reserve native stacks: %w", err)
}

// take returns a free slot. Every one in use belongs to a running thread, so that waiting for
// one of maxSlots ends.
func (p *slotPool) take() (int, error) {
	for {
		head := p.free.Load()
		if i := uint32(head); i != 0 {
			if p.free.CompareAndSwap(head, (head>>32+1)<<32|uint64(p.next[i-1].Load())) {
				return int(i - 1), nil
			}
			continue
		}
		i, err := p.grow()
		if err != nil || i >= 0 {
			return i, err
		}
		runtime.Gosched()
	}
}

// give returns a slot to the pool.
func (p *slotPool) give(i int) {
	for {
		head := p.free.Load()
		p.next[i].Store(uint32(head))
		if p.free.CompareAndSwap(head, (head>>32+1)<<32|uint64(i+1)) {
			return
		}
	}
}

// grow commits one more slot; it returns -1 when all are made.
func (p *slotPool) grow() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.made == p.limit {
		return -1, nil
	}
	i := p.made
	b := p.reserved[i*slotSize:][:slotSize:slotSize]
	for _, part := range [][]byte{b[scratchAt:][:program.ScratchBytes], b[altAt:][:altSize], b[stackAt:]} {
		if err := protect(part, readWrite); err != nil {
			return -1, fmt.Errorf("map a native stack: %w", err)
		}
	}
	s := slot{b, b[headerAt:]}
	s.store(headerWorker+program.WorkerScratch, uint64(address(b[scratchAt:])))
	s.store(headerAlt, uint64(address(b[altAt:])))
	s.store(headerAlt+16, altSize)
	s.store(tlsAt-headerAt, uint64(address(b[tlsAt:])))
	p.slots[i] = s
	p.made++
	return i, nil
}
