#include "textflag.h"
#include "go_asm.h"

#define sysSigprocmask 14
#define sysClone 56
#define sysExit 60
#define sysSigaltstack 131
#define sysFutex 202

// CLONE_VM|FS|FILES|SIGHAND|THREAD|SYSVSEM|SETTLS|PARENT_SETTID|CHILD_CLEARTID
#define cloneFlags 0x3D0F00

#define setMask 2
#define waitBitsetPrivate 137
#define wakePrivate 129

// Every signal but ILL, TRAP, BUS, FPE and SEGV.
DATA workerSignals<>+0(SB)/8, $0xFFFFFFFFFFFFFB27
GLOBL workerSignals<>(SB), RODATA, $8

DATA workerMXCSR<>+0(SB)/4, $0x1F80
GLOBL workerMXCSR<>(SB), RODATA, $4

// func pause(n int)
TEXT ·pause(SB), NOSPLIT, $0-8
	MOVQ n+0(FP), CX

again:
	PAUSE
	DECQ CX
	JG   again
	RET

// func cloneWorker(header, tls unsafe.Pointer) int64
//
// Signals are blocked around the clone, in one routine without a preemption point, so that the
// thread which blocks them is the one that restores them, and the child starts with its own mask.
TEXT ·cloneWorker(SB), NOSPLIT|NOFRAME, $0-24
	MOVQ  header+0(FP), R12
	MOVQ  tls+8(FP), R13
	MOVL  $setMask, DI
	LEAQ  workerSignals<>(SB), SI
	LEAQ  const_headerMask(R12), DX
	MOVL  $8, R10
	MOVL  $sysSigprocmask, AX
	SYSCALL
	MOVL  $cloneFlags, DI
	MOVQ  R12, SI
	LEAQ  const_headerTID(R12), DX
	MOVQ  DX, R10
	MOVQ  R13, R8
	MOVL  $sysClone, AX
	SYSCALL
	TESTQ AX, AX
	JZ    child
	MOVQ  AX, R13
	MOVL  $setMask, DI
	LEAQ  const_headerMask(R12), SI
	XORL  DX, DX
	MOVL  $8, R10
	MOVL  $sysSigprocmask, AX
	SYSCALL
	MOVQ  R13, ret+16(FP)
	RET

child:
	XORL BP, BP
	LEAQ const_headerAlt(SP), DI
	XORL SI, SI
	MOVL $sysSigaltstack, AX
	SYSCALL
	JMP  workerLoop<>(SB)

// workerLoop is the life of a native thread: it waits for a turn, runs the driver, and ends its
// part of the call; the last thread to do so wakes the caller. SP is the header whenever no driver
// runs, so that nothing needs to survive a fault in registers. A bail address that is still set
// says that a driver has faulted.
TEXT workerLoop<>(SB), NOSPLIT|NOFRAME, $0
	CMPQ const_headerBail(SP), $0
	JEQ  ready

done:
	MOVQ $0, const_headerBail(SP)
	MOVQ const_headerTeam(SP), BX
	LOCK
	DECL const_teamLeft(BX)
	JNZ  ready
	MOVL $1, AX
	XCHGL AX, const_teamDone(BX)
	LEAQ const_teamDone(BX), DI
	MOVL $wakePrivate, SI
	MOVL $1, DX
	MOVL $sysFutex, AX
	SYSCALL
	CMPQ const_teamYield(BX), $0
	JEQ  ready
	MOVQ const_headerSeen(SP), R12
	JMP  sleep                        // the caller needs a CPU

ready:
	MOVQ const_headerTeam(SP), BX
	MOVQ const_headerSeen(SP), R12
	MOVQ const_teamSpin(BX), CX

spin:
	MOVQ const_teamTurn(BX), AX
	CMPQ AX, R12
	JNE  turn
	DECQ CX
	JLE  sleep
	PAUSE
	JMP  spin

sleep:
	// The exchange orders the flag before the second look at the turn; the caller stores the turn
	// before it looks at the flag.
	MOVL $1, AX
	XCHGL AX, const_headerAsleep(SP)
	MOVQ const_teamTurn(BX), AX
	CMPQ AX, R12
	JNE  awake
	MOVQ const_headerIndex(SP), CX
	CMPQ CX, $31
	JBE  bit
	MOVL $31, CX

bit:
	MOVL $1, R9
	SHLL CX, R9
	LEAQ const_teamTurn(BX), DI
	MOVL $waitBitsetPrivate, SI
	MOVL R12, DX
	XORL R10, R10
	XORL R8, R8
	MOVL $sysFutex, AX
	SYSCALL
	MOVQ const_teamTurn(BX), AX
	CMPQ AX, R12
	JEQ  sleep

awake:
	MOVL $0, const_headerAsleep(SP)

turn:
	MOVQ AX, const_headerSeen(SP)
	MOVQ AX, R12
	ANDL $const_turnThreads, AX
	CMPQ const_headerIndex(SP), AX
	JAE  sleep                        // a turn for a smaller team
	MOVQ const_teamDriver(BX), AX
	TESTQ AX, AX
	JZ   quit
	MOVQ const_teamFrame(BX), CX
	MOVQ CX, const_headerWorker(SP)
	LEAQ workerFault<>(SB), CX
	MOVQ CX, const_headerBail(SP)
	LEAQ const_headerWorker(SP), DI
	XORL BP, BP
	LDMXCSR workerMXCSR<>(SB)
	CLD
	CALL AX
	CLD
	VZEROUPPER
	JMP  done

quit:
	XORL DI, DI
	MOVL $sysExit, AX
	SYSCALL
	INT  $3

// workerFault comes after a fault: the other threads of the call are told to leave.
TEXT workerFault<>(SB), NOSPLIT|NOFRAME, $0
	CLD
	VZEROUPPER
	MOVQ const_headerWorker(SP), BX
	MOVL $1, AX
	XCHGL AX, const_frameCancel(BX)
	LOCK
	INCL const_frameTurn(BX)
	LEAQ const_frameTurn(BX), DI
	MOVL $wakePrivate, SI
	MOVL $0x7FFFFFFF, DX
	MOVL $sysFutex, AX
	SYSCALL
	JMP  workerLoop<>(SB)
