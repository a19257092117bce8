#include "textflag.h"
#include "go_asm.h"

// Offsets in the kernel's siginfo and ucontext.
#define infoCode 8
#define infoAddress 16
#define contextRSP 160
#define contextRIP 168
#define contextFlags 176

// func handlerAddresses() (handler, restorer uintptr)
TEXT ·handlerAddresses(SB), NOSPLIT, $0-16
	LEAQ faultHandler<>(SB), AX
	MOVQ AX, handler+0(FP)
	LEAQ faultReturn<>(SB), AX
	MOVQ AX, restorer+8(FP)
	RET

// faultHandler is a signal handler: DI signal, SI siginfo, DX ucontext. A processor exception
// with the stack pointer in native stacks is noted in the slot's header and goes on at the
// header's bail address; anything else is Go's. It keys on the stack pointer and not on the
// instruction: after a call of address 0 the latter tells nothing.
TEXT faultHandler<>(SB), NOSPLIT|NOFRAME, $0
	MOVQ contextRSP(DX), AX
	CMPQ AX, ·faultLow(SB)
	JB   forward
	CMPQ AX, ·faultHigh(SB)
	JAE  forward
	CMPL infoCode(SI), $0
	JLE  forward
	ANDQ $~(const_slotSize-1), AX
	ADDQ $const_headerAt, AX
	MOVQ const_headerBail(AX), CX
	TESTQ CX, CX
	JZ   forward
	MOVL DI, const_headerSignal(AX)
	MOVQ infoAddress(SI), R8
	MOVQ R8, const_headerAddress(AX)
	MOVQ contextRIP(DX), R8
	MOVQ R8, const_headerRIP(AX)
	MOVQ AX, contextRSP(DX)
	MOVQ CX, contextRIP(DX)
	ANDQ $~0x40500, contextFlags(DX) // no single step, no backward strings, no alignment checks
	RET

forward:
	LEAQ ·goHandlers(SB), AX
	MOVL DI, CX
	MOVQ (AX)(CX*8), AX
	CMPQ AX, $1
	JBE  standard
	JMP  AX

standard:
	// No handler of Go's: restore the default action and let the instruction fault again.
	SUBQ $32, SP
	MOVQ $0, 0(SP)
	MOVQ $0x04000000, AX
	MOVQ AX, 8(SP)
	LEAQ faultReturn<>(SB), AX
	MOVQ AX, 16(SP)
	MOVQ $0, 24(SP)
	MOVQ SP, SI
	XORL DX, DX
	MOVL $8, R10
	MOVL $13, AX
	SYSCALL
	ADDQ $32, SP
	RET

// faultReturn is rt_sigreturn, in the bytes by which debuggers know it.
TEXT faultReturn<>(SB), NOSPLIT|NOFRAME, $0
	MOVQ $15, AX
	SYSCALL
	INT  $3
