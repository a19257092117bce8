// Package cpu owns what makes tile programs native code of x86-64: the targets, the driver of
// an entry with its barrier, LLVM modules, and the way from object files to one position-
// independent blob. It knows nothing of graphs and nothing of how the code is loaded or run.
package cpu

import (
	"fmt"
	"strings"

	"dlc/codegen"
	"dlc/codegen/llvm"
	"dlc/ir/tile"
)

// A Target is one instruction set level that dlc makes code for.
type Target struct {
	Name     string // x86-64-v3
	Machine  tile.Machine
	LLVM     llvm.Target
	Width    int      // bits of a vector register
	Features []string // CPU flags the code needs, as /proc/cpuinfo names them
}

const triple = "x86_64-unknown-linux-gnu"

// V3 is x86-64-v3: AVX2 and FMA, the floor.
func V3() Target {
	return Target{"x86-64-v3", codegen.AVX2(), llvm.Target{Triple: triple, CPU: "x86-64-v3"}, 256,
		[]string{"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}}
}

// V4 is x86-64-v4: AVX-512 F, BW, CD, DQ and VL.
func V4() Target {
	return Target{"x86-64-v4", codegen.AVX512(), llvm.Target{Triple: triple, CPU: "x86-64-v4"}, 512,
		append(V3().Features, "avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl")}
}

// V4BF16 is x86-64-v4 with BF16 instructions that are worth it: AMD's since Zen 4. It differs
// from V4 in sums of products of bf16 only.
func V4BF16() Target {
	return Target{"x86-64-v4-bf16", codegen.Dots(), llvm.Target{Triple: triple, CPU: "x86-64-v4", Features: "+avx512bf16"}, 512,
		append(V4().Features, "avx512_bf16")}
}

// Targets lists the targets that code is made for without being asked, the floor first.
func Targets() []Target { return []Target{V3(), V4()} }

// Known lists all targets: those with a matrix unit behind the others.
func Known() []Target { return append(Targets(), V4BF16(), V4AMX()) }

// V4AMX is x86-64-v4 with AMX for bf16: Intel's since Sapphire Rapids.
func V4AMX() Target {
	return Target{"x86-64-v4-amx", codegen.Tiles(), llvm.Target{Triple: triple, CPU: "x86-64-v4", Features: "+avx512bf16,+amx-tile,+amx-bf16"}, 512,
		append(V4BF16().Features, "amx_tile", "amx_bf16")}
}

// TargetOf returns the target of that name.
func TargetOf(name string) (Target, error) {
	var names []string
	for _, t := range Known() {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return Target{}, fmt.Errorf("unknown target %q; known are %s", name, strings.Join(names, ", "))
}
