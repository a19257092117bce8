package native

import (
	"errors"
	"sync"
	"unsafe"

	"dlc/runtime/program"
)

// process is the native state that a process has once, as it has its signal handlers and its
// threads: the slots, the fault handler's view of them, and the team.
var process struct {
	start sync.Once
	err   error
	slots slotPool
	team  team
}

// startProcess readies the native state at the first use of native code.
func startProcess() error {
	process.start.Do(func() {
		if process.err = process.slots.open(); process.err != nil {
			return
		}
		process.err = errors.Join(installFaultHandler(process.slots.reserved), process.team.init())
	})
	return process.err
}

// callNative runs fn(arg) on the native stack that ends at header, with the default
// floating-point environment, and comes back here even when it faults.
//
//go:noescape
func callNative(fn uintptr, arg, header unsafe.Pointer)

// callDirect runs f's driver as one thread on a native stack, on the calling thread.
func callDirect(f *Frame) error {
	i, err := process.slots.take()
	if err != nil {
		return err
	}
	s := &process.slots.slots[i]
	f.begin(1, 0)
	s.store(headerWorker+program.WorkerFrame, uint64(address(f.memory)))
	s.store(headerWorker+program.WorkerThread, 0)
	callNative(f.driver, unsafe.Pointer(&s.header[headerWorker]), s.top())
	fault := s.takeFault(f)
	process.slots.give(i)
	if fault != nil {
		return fault
	}
	return nil
}

// takeFault returns what the fault handler left in the header, and clears it.
func (s *slot) takeFault(f *Frame) *Fault {
	signal := s.word(headerSignal).Load()
	if signal == 0 {
		return nil
	}
	s.word(headerSignal).Store(0)
	return f.code.fault(f.entry, signal, s.load(headerRIP), s.load(headerAddress))
}
