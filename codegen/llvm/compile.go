package llvm

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Target is a processor in LLVM's words. It is always explicit, never the host's name.
type Target struct {
	Triple   string
	CPU      string
	Features string // +avx2,+fma
}

// A Form is what Compile makes.
type Form uint8

// The forms of machine code.
const (
	Assembly Form = iota
	Object
)

// A Level is how much time code generation takes for how good code.
type Level uint8

// The levels of code generation. Quick takes a third of the time of Full, LLVM's default, for code
// that is several times as slow: values stay in memory, loops as they were written.
const (
	Full Level = iota
	Quick
)

// Compile parses the text of a module, verifies it and returns its object file or assembly text. A
// fatal error inside LLVM costs one thread and is returned like any other; a panic reaches the
// caller, with the stack it came from.
func (l *Library) Compile(module string, t Target, level Level, form Form) ([]byte, error) {
	type result struct {
		code  []byte
		err   error
		panic any
	}
	done, failed := make(chan result, 1), make(chan error, 1)
	go func() {
		var r result
		defer func() {
			if cause := recover(); cause != nil {
				r.panic = fmt.Sprintf("%v\n\n%s", cause, debug.Stack())
			}
			done <- r
		}()
		runtime.LockOSThread() // fatal finds the compilation by its thread
		defer runtime.UnlockOSThread()
		tid := unix.Gettid()
		l.await(tid, failed)
		defer l.await(tid, nil)
		r.code, r.err = l.compile(module, t, level, form)
	}()
	select {
	case r := <-done:
		if r.panic != nil {
			panic(r.panic)
		}
		return r.code, r.err
	case err := <-failed:
		return nil, err
	}
}

func (l *Library) await(tid int, failed chan<- error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if failed == nil {
		delete(l.waiting, tid)
	} else {
		l.waiting[tid] = failed
	}
}

func (l *Library) compile(module string, t Target, level Level, form Form) ([]byte, error) {
	ctx := l.call("LLVMContextCreate")
	defer l.call("LLVMContextDispose", ctx)
	var problems []string
	var pin runtime.Pinner
	pin.Pin(&problems)
	defer pin.Unpin()
	l.call("LLVMContextSetDiagnosticHandler", ctx, l.recorder, uintptr(unsafe.Pointer(&problems)))
	mod, err := l.parse(ctx, module)
	if err != nil {
		return nil, err
	}
	defer l.call("LLVMDisposeModule", mod)
	machine, err := l.machine(t, level)
	if err != nil {
		return nil, err
	}
	defer l.call("LLVMDisposeTargetMachine", machine)
	code, err := l.emit(mod, machine, form)
	if err == nil && len(problems) > 0 {
		err = fmt.Errorf("LLVM: %s", strings.Join(problems, "; "))
	}
	return code, err
}

// parse reads and verifies a module. LLVM takes the buffer.
func (l *Library) parse(ctx uintptr, module string) (uintptr, error) {
	name := [...]byte{'d', 'l', 'c', 0}
	buffer := l.call("LLVMCreateMemoryBufferWithMemoryRangeCopy",
		uintptr(unsafe.Pointer(unsafe.StringData(module))), uintptr(len(module)), uintptr(unsafe.Pointer(&name[0])))
	var mod, message uintptr
	if l.call("LLVMParseIRInContext", ctx, buffer, uintptr(unsafe.Pointer(&mod)), uintptr(unsafe.Pointer(&message)))&0xff != 0 {
		return 0, fmt.Errorf("LLVM does not parse the module: %s", l.take(message))
	}
	const returnStatus = 2
	bad := l.call("LLVMVerifyModule", mod, returnStatus, uintptr(unsafe.Pointer(&message)))&0xff != 0
	if s := l.take(message); bad {
		l.call("LLVMDisposeModule", mod)
		return 0, fmt.Errorf("LLVM does not verify the module: %s", s)
	}
	return mod, nil
}

func (l *Library) machine(t Target, level Level) (uintptr, error) {
	triple, _ := unix.BytePtrFromString(t.Triple)
	cpu, _ := unix.BytePtrFromString(t.CPU)
	features, _ := unix.BytePtrFromString(t.Features)
	var target, message uintptr
	if l.call("LLVMGetTargetFromTriple", uintptr(unsafe.Pointer(triple)), uintptr(unsafe.Pointer(&target)), uintptr(unsafe.Pointer(&message)))&0xff != 0 {
		return 0, fmt.Errorf("LLVM has no target %s: %s", t.Triple, l.take(message))
	}
	const relocPIC, modelSmall = 2, 3
	effort := [...]uintptr{Full: 2, Quick: 0}[level] // LLVM's numbers
	m := l.call("LLVMCreateTargetMachine", target, uintptr(unsafe.Pointer(triple)), uintptr(unsafe.Pointer(cpu)),
		uintptr(unsafe.Pointer(features)), effort, relocPIC, modelSmall)
	if m == 0 {
		return 0, errors.New("LLVM makes no target machine for " + t.Triple)
	}
	return m, nil
}

func (l *Library) emit(mod, machine uintptr, form Form) ([]byte, error) {
	var message, buffer uintptr
	if l.call("LLVMTargetMachineEmitToMemoryBuffer", machine, mod, uintptr(form), uintptr(unsafe.Pointer(&message)), uintptr(unsafe.Pointer(&buffer)))&0xff != 0 {
		return nil, fmt.Errorf("LLVM emits no code: %s", l.take(message))
	}
	defer l.call("LLVMDisposeMemoryBuffer", buffer)
	start, size := l.call("LLVMGetBufferStart", buffer), l.call("LLVMGetBufferSize", buffer)
	return append([]byte{}, unsafe.Slice((*byte)(address(start)), size)...), nil
}

// take copies a message of LLVM's and frees it.
func (l *Library) take(message uintptr) string {
	if message == 0 {
		return ""
	}
	s := text(message)
	l.call("LLVMDisposeMessage", message)
	return s
}
