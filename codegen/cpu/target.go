// Package cpu owns what makes tile programs native code of x86-64: the targets, the driver of
// an entry with its barrier, LLVM modules, and the way from object files to one position-
// independent blob. It knows nothing of graphs and nothing of how the code is loaded or run.
package cpu

import (
	"fmt"

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

// Targets lists the known targets, the floor first.
func Targets() []Target { return []Target{V3(), V4()} }

// TargetOf returns the target of that name.
func TargetOf(name string) (Target, error) {
	for _, t := range Targets() {
		if t.Name == name {
			return t, nil
		}
	}
	return Target{}, fmt.Errorf("unknown target %q; known are x86-64-v3 and x86-64-v4", name)
}
