// Package codegen owns what the targets share: the descriptions of machines, and the way from
// a tile program to the text of LLVM functions. It knows tile programs and definitions; it
// knows nothing of graphs, of object files, or of how code is run.
package codegen

import "dlc/ir/tile"

// AVX2 describes a CPU with 256-bit vectors and fused multiply-add: 16 registers of 8 floats.
func AVX2() tile.Machine {
	return tile.Machine{Name: "avx2", Lanes: 8, Registers: 16, L1: 32 << 10, L2: 512 << 10, L3: 16 << 20, Panels: 16}
}

// AVX512 describes a CPU with 512-bit vectors (F, BW, VL, DQ, CD): 32 registers of 16 floats,
// and mask registers.
func AVX512() tile.Machine {
	return tile.Machine{Name: "avx512", Lanes: 16, Registers: 32, Masks: true, L1: 32 << 10, L2: 1 << 20, L3: 32 << 20, Panels: 16}
}

// Dots describes an AVX512 machine with BF16 instructions that are faster than multiply-adds: AMD's.
// Intel's take twice as long as the two multiply-adds that they replace.
func Dots() tile.Machine {
	m := AVX512()
	m.Name, m.Dots = "avx512_bf16", true
	return m
}

// Tiles describes an AVX512 machine with AMX for bf16, and the second cache that such have. What its
// matrix unit does not take, edges and few rows, goes by pairs.
func Tiles() tile.Machine {
	m := Dots()
	m.Name, m.Tiles, m.L1, m.L2 = "avx512_amx", true, 48<<10, 2<<20
	return m
}

// SM80 describes a GPU of compute capability 8.0: warps of 32 threads, which may have 255
// registers each; tiles of more than about a quarter of them would leave too few warps at a time
// to hide the latency of memory.
func SM80() tile.Machine {
	return tile.Machine{Name: "sm_80", Lanes: 32, Registers: 40, Masks: true, L1: 28 << 10, L2: 40 << 20, Warps: 4, Shared: 163 << 10, Pitch: 16}
}

// SM89 describes compute capability 8.9, which has less shared memory.
func SM89() tile.Machine {
	m := SM80()
	m.Name, m.L2, m.Shared = "sm_89", 72<<20, 99<<10
	return m
}

// SM90A describes compute capability 9.0 with the instructions that later ones do not have.
func SM90A() tile.Machine {
	m := SM80()
	m.Name, m.L2, m.Shared, m.WarpGroups = "sm_90a", 50<<20, 227<<10, true
	return m
}
