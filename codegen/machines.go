// Package codegen owns what the targets share: the descriptions of machines, and the way from
// a tile program to the text of LLVM functions. It knows tile programs and definitions; it
// knows nothing of graphs, of object files, or of how code is run.
package codegen

import "dlc/ir/tile"

// AVX2 describes a CPU with 256-bit vectors and fused multiply-add: 16 registers of 8 floats.
func AVX2() tile.Machine {
	return tile.Machine{Name: "avx2", Lanes: 8, Registers: 16, L1: 32 << 10, L2: 512 << 10}
}

// AVX512 describes a CPU with 512-bit vectors (F, BW, VL, DQ, CD): 32 registers of 16 floats,
// and mask registers.
func AVX512() tile.Machine {
	return tile.Machine{Name: "avx512", Lanes: 16, Registers: 32, Masks: true, L1: 32 << 10, L2: 1 << 20}
}
