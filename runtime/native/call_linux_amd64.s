#include "textflag.h"
#include "go_asm.h"

// MXCSR as a process starts with it: round to nearest even, all exceptions masked, no flushing.
DATA defaultMXCSR<>+0(SB)/4, $0x1F80
GLOBL defaultMXCSR<>(SB), RODATA, $4

// func callNative(fn uintptr, arg, header unsafe.Pointer)
//
// The header is where the native stack ends. It keeps what the way back needs, so that the way
// back works after a fault too, when no register can be trusted.
TEXT ·callNative(SB), NOSPLIT|NOFRAME, $0-24
	MOVQ    fn+0(FP), AX
	MOVQ    arg+8(FP), DI
	MOVQ    header+16(FP), DX
	STMXCSR const_headerMXCSR(DX)
	MOVQ    BP, const_headerBP(DX)
	MOVQ    SP, const_headerSP(DX)
	LEAQ    leaveNative<>(SB), CX
	MOVQ    CX, const_headerBail(DX)
	MOVQ    DX, SP
	XORL    BP, BP
	LDMXCSR defaultMXCSR<>(SB)
	CLD
	CALL    AX
	JMP     leaveNative<>(SB)

// leaveNative goes back to Go from a native stack; SP is the header, be it by return or by fault.
TEXT leaveNative<>(SB), NOSPLIT|NOFRAME, $0
	CLD
	VZEROUPPER
	MOVQ    $0, const_headerBail(SP)
	LDMXCSR const_headerMXCSR(SP)
	MOVQ    const_headerBP(SP), BP; MOVQ const_headerSP(SP), SP
	RET
