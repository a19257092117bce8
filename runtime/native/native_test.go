//go:build linux && amd64

package native

import (
	"encoding/binary"
	"math"
	"testing"

	"dlc/runtime/program"
)

// The drivers of these tests are machine code written by hand: each comment line is what the
// bytes after it say. RDI is the Worker; [RDI] the Frame; the Frame's first word the buffer table.
var drivers = map[string][]byte{
	"empty":    {0xC3},
	"barriers": barriers,
	// buffers[0][thread] = thread + 1, as uint64
	"threads": {
		0x48, 0x8B, 0x07, // mov rax, [rdi]
		0x48, 0x8B, 0x00, // mov rax, [rax]
		0x48, 0x8B, 0x00, // mov rax, [rax]
		0x48, 0x8B, 0x4F, 0x08, // mov rcx, [rdi+8]
		0x48, 0x8D, 0x51, 0x01, // lea rdx, [rcx+1]
		0x48, 0x89, 0x14, 0xC8, // mov [rax+rcx*8], rdx
		0xC3,
	},
	// 1000 times: lock inc buffers[0][0]
	"count": {
		0x48, 0x8B, 0x07, // mov rax, [rdi]
		0x48, 0x8B, 0x00, // mov rax, [rax]
		0x48, 0x8B, 0x00, // mov rax, [rax]
		0xB9, 0xE8, 0x03, 0x00, 0x00, // mov ecx, 1000
		0xF0, 0x48, 0xFF, 0x00, // lock inc qword [rax]
		0xFF, 0xC9, // dec ecx
		0x75, 0xF8, // jnz -8
		0xC3,
	},
	// symbols[0] times: dec; nothing else, a call of a length the test chooses
	"spin": {
		0x48, 0x8B, 0x07, // mov rax, [rdi]
		0x48, 0x8B, 0x40, 0x08, // mov rax, [rax+8]
		0x48, 0x8B, 0x00, // mov rax, [rax]
		0x48, 0xFF, 0xC8, // dec rax
		0x75, 0xFB, // jnz -5
		0xC3,
	},
	// until FrameCancel: pause
	"forever": {
		0x48, 0x8B, 0x07, // mov rax, [rdi]
		0xF3, 0x90, // pause
		0x83, 0x78, 0x40, 0x00, // cmp dword [rax+64], 0
		0x74, 0xF8, // jz -8
		0xC3,
	},
	// thread 0: ud2; the others as forever
	"one faults": {
		0x48, 0x83, 0x7F, 0x08, 0x00, // cmp qword [rdi+8], 0
		0x75, 0x02, // jnz +2
		0x0F, 0x0B, // ud2
		0x48, 0x8B, 0x07, // mov rax, [rdi]
		0xF3, 0x90, // pause
		0x83, 0x78, 0x40, 0x00, // cmp dword [rax+64], 0
		0x74, 0xF8, // jz -8
		0xC3,
	},
	// thread 0: ud2; the others sleep on FrameTurn, as a barrier does
	"sleepers": {
		0x48, 0x83, 0x7F, 0x08, 0x00, // cmp qword [rdi+8], 0
		0x75, 0x02, // jnz +2
		0x0F, 0x0B, // ud2
		0x48, 0x8B, 0x1F, // mov rbx, [rdi]
		0x8B, 0x93, 0xC0, 0x00, 0x00, 0x00, // mov edx, [rbx+192]
		0x83, 0x7B, 0x40, 0x00, // cmp dword [rbx+64], 0
		0x75, 0x17, // jnz +23
		0x48, 0x8D, 0xBB, 0xC0, 0x00, 0x00, 0x00, // lea rdi, [rbx+192]
		0xBE, 0x80, 0x00, 0x00, 0x00, // mov esi, FUTEX_WAIT_PRIVATE
		0x4D, 0x31, 0xD2, // xor r10, r10
		0xB8, 0xCA, 0x00, 0x00, 0x00, // mov eax, SYS_futex
		0x0F, 0x05, // syscall
		0x90, // nop
		0xC3,
	},
	"undefined":  {0x0F, 0x0B},                               // ud2
	"breakpoint": {0xCC, 0xC3},                               // int3
	"null":       {0x31, 0xC0, 0x48, 0x8B, 0x40, 0x10, 0xC3}, // xor eax, eax; mov rax, [rax+16]
	"divide":     {0x31, 0xD2, 0x31, 0xC9, 0xF7, 0xF1, 0xC3}, // xor edx, edx; xor ecx, ecx; div ecx
	"jump":       {0x31, 0xC0, 0xFF, 0xE0},                   // xor eax, eax; jmp rax
	"recurse":    {0xE8, 0xFB, 0xFF, 0xFF, 0xFF},             // call itself
	// buffers[0][0] = MXCSR; then flush denormals, set the direction flag, change registers
	"unclean": {
		0x48, 0x8B, 0x07, // mov rax, [rdi]
		0x48, 0x8B, 0x00, // mov rax, [rax]
		0x48, 0x8B, 0x00, // mov rax, [rax]
		0x0F, 0xAE, 0x18, // stmxcsr [rax]
		0x68, 0xC0, 0x9F, 0x00, 0x00, // push 0x9FC0
		0x0F, 0xAE, 0x14, 0x24, // ldmxcsr [rsp]
		0x58,             // pop rax
		0xFD,             // std
		0x45, 0x31, 0xF6, // xor r14d, r14d
		0x66, 0x45, 0x0F, 0x76, 0xFF, // pcmpeqd xmm15, xmm15
		0xC3,
	},
	// scratch[0] += 1; scratch[last] += 1; buffers[0][thread] = scratch[0]
	"scratch": {
		0x48, 0x8B, 0x57, 0x10, // mov rdx, [rdi+16]
		0xC7, 0x02, 0x07, 0x00, 0x00, 0x00, // mov dword [rdx], 7
		0xC6, 0x82, 0xFF, 0xFF, 0x0F, 0x00, 0x01, // mov byte [rdx+0xFFFFF], 1
		0xC3,
	},
	// a store behind the scratch
	"overrun": {
		0x48, 0x8B, 0x57, 0x10, // mov rdx, [rdi+16]
		0xC6, 0x82, 0x00, 0x00, 0x10, 0x00, 0x01, // mov byte [rdx+0x100000], 1
		0xC3,
	},
}

// section lays the drivers out behind each other, 16-byte aligned, as one section whose kernel
// k0 is the code of "undefined".
func section() *program.Section {
	s := &program.Section{Target: "test", Features: []string{"avx2"}, Drivers: map[string]int64{}}
	for _, name := range sortedNames() {
		for len(s.Code)%16 != 0 {
			s.Code = append(s.Code, 0x90)
		}
		s.Drivers[name] = int64(len(s.Code))
		s.Code = append(s.Code, drivers[name]...)
	}
	return s
}

func sortedNames() []string {
	var names []string
	for name := range drivers {
		at := 0
		for at < len(names) && names[at] < name {
			at++
		}
		names = append(names[:at], append([]string{name}, names[at:]...)...)
	}
	return names
}

// A bench is a loaded section, a runner and a frame over one buffer and one symbol.
type rig struct {
	t      testing.TB
	code   *Code
	runner *Runner
	memory *Memory
}

func newRig(t testing.TB) *rig {
	t.Helper()
	code, err := Load(section())
	if err != nil {
		t.Fatal(err)
	}
	runner, err := NewRunner()
	if err != nil {
		t.Fatal(err)
	}
	memory, err := Map(1 << 16)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t, code, runner, memory}
	t.Cleanup(r.close)
	return r
}

func (r *rig) close() {
	r.runner.Close()
	if err := r.code.Close(); err != nil {
		r.t.Error(err)
	}
	if err := r.memory.Close(); err != nil {
		r.t.Error(err)
	}
}

// frame returns a frame for a driver, and the 4096 bytes of its buffer.
func (r *rig) frame(driver string) (*Frame, []byte) {
	r.t.Helper()
	f, err := r.code.NewFrame(driver, r.memory.Bytes()[:4096], 1, 1)
	if err != nil {
		r.t.Fatal(err)
	}
	buffer := r.memory.Bytes()[8192:][:4096]
	clear(buffer)
	f.SetBuffer(0, buffer)
	f.SetSymbol(0, 1)
	return f, buffer
}

func word(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }

// flushing reports whether this thread's arithmetic flushes denormals.
func flushing() bool {
	tiny := math.Float32frombits(1)
	return tiny*float32(len(drivers)) == 0
}
