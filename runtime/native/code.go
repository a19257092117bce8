package native

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync/atomic"
	"unsafe"

	"dlc/runtime/program"
)

// Code is a loaded section: its blob in executable memory and its table of kernels.
type Code struct {
	blob    *Memory
	kernels *Memory // int64 offsets
	drivers map[string]int64
	marks   []mark // sorted by offset
}

// A mark is the start of a function of the blob.
type mark struct {
	offset int64
	kernel int // -1 for a driver
	name   string
}

// Load maps the code of s. It refuses a platform or a CPU that cannot run it, by name.
func Load(s *program.Section) (*Code, error) {
	if err := Supported(); err != nil {
		return nil, err
	}
	if err := Supports(s.Features); err != nil {
		return nil, fmt.Errorf("code for %s: %w", s.Target, err)
	}
	if slices.Contains(s.Features, "amx_tile") {
		if err := permitTiles(); err != nil {
			return nil, fmt.Errorf("code for %s: %w", s.Target, err)
		}
	}
	c := &Code{drivers: make(map[string]int64, len(s.Drivers))}
	if err := c.index(s); err != nil {
		return nil, fmt.Errorf("code for %s: %w", s.Target, err)
	}
	var err error
	if c.kernels, err = Map(int64(8 * len(s.Kernels))); err != nil {
		return nil, err
	}
	for i, at := range s.Kernels {
		binary.LittleEndian.PutUint64(c.kernels.Bytes()[8*i:], uint64(at))
	}
	if c.blob, err = mapCode(s.Code); err == nil {
		err = c.kernels.ReadOnly()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("load code for %s: %w", s.Target, err), c.Close())
	}
	return c, nil
}

// index checks the offsets of s and names them.
func (c *Code) index(s *program.Section) error {
	for i, at := range s.Kernels {
		c.marks = append(c.marks, mark{at, i, fmt.Sprintf("kernel \"k%d\"", i)})
	}
	for name, at := range s.Drivers {
		c.marks = append(c.marks, mark{at, -1, fmt.Sprintf("driver %q", name)})
		c.drivers[name] = at
	}
	for _, m := range c.marks {
		if m.offset < 0 || m.offset >= int64(len(s.Code)) {
			return fmt.Errorf("%s at %#x lies outside %d bytes of code", m.name, m.offset, len(s.Code))
		}
	}
	sort.Slice(c.marks, func(i, j int) bool {
		a, b := c.marks[i], c.marks[j]
		return a.offset < b.offset || a.offset == b.offset && a.name < b.name
	})
	return nil
}

// mapCode copies code into executable memory, the rest of its last page filled with traps.
func mapCode(code []byte) (*Memory, error) {
	m, err := Map(int64(len(code)))
	if err != nil {
		return nil, err
	}
	const breakpoint = 0xCC
	err = program.Read(func() error {
		for i := copy(m.pages, code); i < len(m.pages); i++ {
			m.pages[i] = breakpoint
		}
		return nil
	})
	if err == nil {
		err = protect(m.pages, readExecute)
	}
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// Close unmaps the code. No frame of it may be in a call.
func (c *Code) Close() error { return errors.Join(c.blob.Close(), c.kernels.Close()) }

// fault describes an exception at rip during a call of entry.
func (c *Code) fault(entry string, signal uint32, rip, addr uint64) *Fault {
	f := &Fault{Kernel: -1, Entry: entry, Name: fmt.Sprintf("driver %q", entry), Signal: signalNames[signal], Code: rip}
	if signal == 7 || signal == 11 {
		f.Address = addr
	}
	base := uint64(address(c.blob.bytes))
	if rip < base || rip-base >= uint64(len(c.blob.pages)) {
		return f
	}
	f.Inside, f.Code = true, rip-base
	if i := sort.Search(len(c.marks), func(i int) bool { return c.marks[i].offset > int64(f.Code) }); i > 0 {
		f.Kernel, f.Name = c.marks[i-1].kernel, c.marks[i-1].name
	}
	return f
}

// A Frame is what a driver sees of a call: tables of buffers and symbols, the state of the
// barrier. It lies in mapped memory that its owner provides, and serves one call at a time.
type Frame struct {
	code    *Code
	entry   string
	driver  uintptr
	memory  []byte
	buffers []byte
	symbols []byte
	keep    [][]byte // what the buffer table points at, for the garbage collector
}

// FrameBytes returns how much memory a frame with these tables takes.
func FrameBytes(buffers, symbols int) int64 { return program.FrameSize + 8*int64(buffers+symbols) }

// NewFrame makes a frame for calls of entry in memory, which is mapped, 64-byte aligned and at
// least FrameBytes long.
func (c *Code) NewFrame(entry string, memory []byte, buffers, symbols int) (*Frame, error) {
	at, ok := c.drivers[entry]
	if !ok {
		return nil, fmt.Errorf("no code for entry %q", entry)
	}
	if int64(len(memory)) < FrameBytes(buffers, symbols) || address(memory)%64 != 0 {
		panic("BUG: frame memory too short or not aligned")
	}
	f := &Frame{code: c, entry: entry, driver: address(c.blob.bytes) + uintptr(at), memory: memory, keep: make([][]byte, buffers)}
	f.buffers = memory[program.FrameSize:][:8*buffers]
	f.symbols = memory[program.FrameSize+8*buffers:][:8*symbols]
	for i := range buffers {
		f.SetBuffer(i, nil)
	}
	f.store(program.FrameBuffers, uint64(address(memory)+program.FrameSize))
	f.store(program.FrameSymbols, uint64(address(memory)+program.FrameSize+uintptr(8*buffers)))
	f.store(program.FrameCode, uint64(address(c.blob.bytes)))
	f.store(program.FrameKernels, uint64(address(c.kernels.bytes)))
	return f, nil
}

// Enter makes later calls run the driver of another entry over the same tables.
func (f *Frame) Enter(entry string) error {
	at, ok := f.code.drivers[entry]
	if !ok {
		return fmt.Errorf("no code for entry %q", entry)
	}
	f.entry, f.driver = entry, address(f.code.blob.bytes)+uintptr(at)
	return nil
}

// Buffer returns the memory of buffer i.
func (f *Frame) Buffer(i int) []byte { return f.keep[i] }

func (f *Frame) store(at int, v uint64) { binary.LittleEndian.PutUint64(f.memory[at:], v) }

// word returns one of the frame's shared 32-bit words.
func (f *Frame) word(at int) *atomic.Uint32 { return (*atomic.Uint32)(unsafe.Pointer(&f.memory[at])) }

// SetBuffer makes b the memory of buffer i. An empty one points at the frame itself, so that no
// table ever holds a null address.
func (f *Frame) SetBuffer(i int, b []byte) {
	f.keep[i] = b
	at := address(b)
	if len(b) == 0 {
		at = address(f.memory)
	}
	binary.LittleEndian.PutUint64(f.buffers[8*i:], uint64(at))
}

// SetSymbol binds symbol i.
func (f *Frame) SetSymbol(i int, v int64) { binary.LittleEndian.PutUint64(f.symbols[8*i:], uint64(v)) }

// begin readies the frame for a call by that many threads.
func (f *Frame) begin(threads, spin int) {
	f.store(program.FrameThreads, uint64(threads))
	f.store(program.FrameSpin, uint64(spin))
	f.word(program.FrameArrived).Store(0)
	f.word(program.FrameSleepers).Store(0)
	f.word(program.FrameCancel).Store(0)
}

// cancel makes every thread of the call leave at its next barrier or poll, sleepers included.
func (f *Frame) cancel() {
	f.word(program.FrameCancel).Store(1)
	f.word(program.FrameTurn).Add(1)
	futexWake(f.word(program.FrameTurn), 1<<30, ^uint32(0))
}

// cancelled reports whether the call was told to leave, by its context or by a fault.
func (f *Frame) cancelled() bool { return f.word(program.FrameCancel).Load() != 0 }
