// Package native owns the boundary between Go and machine code: mapped memory outside the Go
// heap, code mappings, what the CPU can do and how much of it the process may use, calls on
// native stacks, the process's team of native threads, and faults turned into errors. It knows
// the calling convention of runtime/program and nothing of models, shapes or tensors; nothing
// else in the project knows how native code is run.
//
// A call runs a driver in one of two ways. A direct call switches the calling goroutine's thread
// to a native stack and comes back in nanoseconds; it holds up a garbage collection for its whole
// length, so it is for short work. A team call hands the driver to native threads that never
// enter Go, and waits in a system call.
//
// What generated code has to keep to, beyond the layouts of runtime/program:
//
//   - Its barrier sleeps with FUTEX_WAIT_PRIVATE on FrameTurn, and one turn of FrameSpin is one
//     load and one PAUSE.
//   - Cancelling sets FrameCancel, adds one to FrameTurn and wakes its sleepers, so that each
//     thread looks at FrameCancel again after every barrier that it comes out of.
//   - A driver keeps the callee-saved registers and the stack pointer of the System V convention.
//
// The package uses neither cgo nor linkname: a program that embeds it is a static binary.
package native

import "fmt"

// MaxThreads is how many threads a call may have.
const MaxThreads = 512

// A Fault is a processor exception in native code: always a bug of dlc, never of its user.
type Fault struct {
	Kernel  int    // number of the kernel, -1 when the code is a driver's or none of the blob's
	Entry   string // entry of the driver that was called
	Name    string // what the code is: `kernel "k3"`, `driver "infer"`
	Signal  string // segmentation fault, illegal instruction ...
	Inside  bool   // whether the code lies in the blob
	Code    uint64 // place of the instruction: an offset from the blob's start when Inside, or an address
	Address uint64 // address that was accessed, for a segmentation fault or a bus error
}

// Error says what faulted and where.
func (f *Fault) Error() string {
	at := fmt.Sprintf("blob+%#x", f.Code)
	if !f.Inside {
		at = fmt.Sprintf("address %#x outside the code", f.Code)
	}
	return fmt.Sprintf("dlc internal error: %s: %s at %s", f.Name, f.Signal, at)
}

// signalNames are the exceptions that become faults, by Linux signal number.
var signalNames = map[uint32]string{
	4:  "illegal instruction",
	5:  "trap",
	7:  "bus error",
	8:  "arithmetic exception",
	11: "segmentation fault",
}
