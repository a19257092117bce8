package native

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What the fault handler reads: the range of native stacks, and Go's own handlers by signal.
// Handlers belong to the process and run where no Go value can be reached, hence variables.
var (
	faultLow, faultHigh uintptr
	goHandlers          [32]uintptr
)

// handlerAddresses returns the fault handler and the routine that returns from it.
func handlerAddresses() (handler, restorer uintptr)

// A sigaction is the kernel's struct of that name.
type sigaction struct {
	handler, flags, restorer, mask uintptr
}

// installFaultHandler puts the handler of this package before Go's for the five exceptions. It
// acts on a fault whose stack pointer lies in the given memory, and hands any other to Go's
// handler as if it were not there.
func installFaultHandler(stacks []byte) error {
	const siginfo, onstack, restorer = 0x4, 0x08000000, 0x04000000
	faultLow = address(stacks)
	faultHigh = faultLow + uintptr(len(stacks))
	handler, back := handlerAddresses()
	for signal := range signalNames {
		var old sigaction
		if err := rtSigaction(signal, nil, &old); err != nil {
			return err
		}
		goHandlers[signal] = old.handler
		new := sigaction{handler, old.flags | siginfo | onstack | restorer, back, ^uintptr(0)}
		if err := rtSigaction(signal, &new, nil); err != nil {
			return err
		}
	}
	return nil
}

func rtSigaction(signal uint32, new, old *sigaction) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(signal), uintptr(unsafe.Pointer(new)), uintptr(unsafe.Pointer(old)), 8, 0, 0)
	if errno != 0 {
		return fmt.Errorf("handle signal %d: %w", signal, errno)
	}
	return nil
}
