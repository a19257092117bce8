// Package llvm owns the binding to libLLVM 19: it turns the text of an LLVM module into an
// object file or assembly text, in this process, without cgo. It knows nothing of kernels.
package llvm

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
	"golang.org/x/sys/unix"
)

// ErrMissing is wrapped by Open's error when no libLLVM 19 is installed.
var ErrMissing = errors.New("libLLVM 19 not found; install it with: apt-get install libllvm19")

// A Library is libLLVM, loaded and initialised. It is safe for concurrent use.
type Library struct {
	path    string
	symbols map[string]uintptr

	mu       sync.Mutex
	waiting  map[int]chan<- error // thread in a compilation to the channel for its fatal error
	recorder uintptr              // C callback for a context's diagnostics
}

var shared = sync.OnceValues(load)

// Open loads libLLVM 19, once per process.
func Open() (*Library, error) { return shared() }

// paths are tried in order; the environment's loader path comes first through the bare names.
func paths() []string {
	names := []string{"libLLVM.so.19.1", "libLLVM-19.so.1", "libLLVM-19.so"}
	out := append([]string{}, names...)
	for _, dir := range []string{"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib/llvm-19/lib", "/usr/lib64", "/usr/lib", "/usr/local/lib"} {
		for _, n := range names {
			out = append(out, dir+"/"+n)
		}
	}
	return out
}

func load() (*Library, error) {
	var first error
	for _, path := range paths() {
		handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
		if err != nil {
			if _, missing := os.Stat(path); missing == nil && first == nil {
				first = err
			}
			continue
		}
		return bind(path, handle)
	}
	if first != nil {
		return nil, fmt.Errorf("%w (%v)", ErrMissing, first)
	}
	return nil, ErrMissing
}

func bind(path string, handle uintptr) (*Library, error) {
	l := &Library{path: path, symbols: map[string]uintptr{}, waiting: map[int]chan<- error{}}
	for _, name := range functions {
		sym, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		l.symbols[name] = sym
	}
	if v := l.Version(); len(v) < 3 || v[:3] != "19." {
		return nil, fmt.Errorf("%w (%s is version %s)", ErrMissing, path, v)
	}
	for _, part := range []string{"TargetInfo", "Target", "TargetMC", "AsmPrinter"} {
		l.call("LLVMInitializeX86" + part)
		l.call("LLVMInitializeNVPTX" + part)
	}
	l.call("LLVMInitializeX86AsmParser")
	l.options("-disable-lsr", "-enable-misched=0")
	l.recorder = purego.NewCallback(l.record)
	l.call("LLVMInstallFatalErrorHandler", purego.NewCallback(l.fatal))
	return l, nil
}

// functions of the C interface in use.
var functions = []string{
	"LLVMGetVersion", "LLVMInstallFatalErrorHandler", "LLVMParseCommandLineOptions",
	"LLVMInitializeX86TargetInfo", "LLVMInitializeX86Target", "LLVMInitializeX86TargetMC",
	"LLVMInitializeX86AsmPrinter", "LLVMInitializeX86AsmParser",
	"LLVMInitializeNVPTXTargetInfo", "LLVMInitializeNVPTXTarget", "LLVMInitializeNVPTXTargetMC", "LLVMInitializeNVPTXAsmPrinter",
	"LLVMContextCreate", "LLVMContextDispose", "LLVMContextSetDiagnosticHandler", "LLVMGetDiagInfoDescription", "LLVMGetDiagInfoSeverity",
	"LLVMCreateMemoryBufferWithMemoryRangeCopy", "LLVMParseIRInContext", "LLVMVerifyModule", "LLVMDisposeModule",
	"LLVMGetTargetFromTriple", "LLVMCreateTargetMachine", "LLVMDisposeTargetMachine", "LLVMTargetMachineEmitToMemoryBuffer",
	"LLVMGetBufferStart", "LLVMGetBufferSize", "LLVMDisposeMemoryBuffer", "LLVMDisposeMessage",
}

// call calls a C function. Pointers converted to uintptr in the argument list escape to the heap
// and stay alive during the call.
//
//go:uintptrescapes
func (l *Library) call(name string, args ...uintptr) uintptr {
	sym, ok := l.symbols[name]
	if !ok {
		panic("BUG: LLVM function " + name + " is not bound")
	}
	r, _, _ := purego.SyscallN(sym, args...)
	return r
}

// options sets LLVM's switches for the whole process. Kernels arrive with their addresses split
// by loop and their instructions in the order that fits the registers: loop strength reduction
// takes up to nine tenths of the time on them and gains nothing, and the machine scheduler
// hoists loads until accumulators are spilled.
func (l *Library) options(switches ...string) {
	var pin runtime.Pinner
	defer pin.Unpin()
	argv := []*byte{}
	for _, s := range append([]string{"dlc"}, switches...) {
		b, _ := unix.BytePtrFromString(s)
		pin.Pin(b)
		argv = append(argv, b)
	}
	l.call("LLVMParseCommandLineOptions", uintptr(len(argv)), uintptr(unsafe.Pointer(&argv[0])), 0)
}

// Path returns the file that was loaded.
func (l *Library) Path() string { return l.path }

// Version returns libLLVM's version, such as 19.1.7.
func (l *Library) Version() string {
	var v [3]uint32
	l.call("LLVMGetVersion", uintptr(unsafe.Pointer(&v[0])), uintptr(unsafe.Pointer(&v[1])), uintptr(unsafe.Pointer(&v[2])))
	return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2])
}

// fatal is LLVM's fatal-error handler. LLVM would abort the process if it returned, so it hands
// the message to the compilation of this thread and sleeps for good: the thread is lost.
func (l *Library) fatal(message uintptr) uintptr {
	l.mu.Lock()
	report := l.waiting[unix.Gettid()]
	l.mu.Unlock()
	if report != nil {
		report <- fmt.Errorf("LLVM fatal error: %s", text(message))
	}
	select {}
}

// record is a context's diagnostic handler: errors that LLVM reports while it makes code.
func (l *Library) record(info, into uintptr) uintptr {
	const severityError = 0
	if l.call("LLVMGetDiagInfoSeverity", info) == severityError {
		s := l.call("LLVMGetDiagInfoDescription", info)
		l.mu.Lock()
		*(*[]string)(address(into)) = append(*(*[]string)(address(into)), text(s))
		l.mu.Unlock()
		l.call("LLVMDisposeMessage", s)
	}
	return 0
}

// address turns an address that C handed over into a pointer.
func address(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

func text(p uintptr) string {
	if p == 0 {
		return ""
	}
	return unix.BytePtrToString((*byte)(address(p)))
}
