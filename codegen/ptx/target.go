// Package ptx owns what makes tile programs PTX, the assembly text of NVIDIA's GPUs: the targets,
// LLVM modules, and what a launch of each kernel needs. It knows nothing of graphs and nothing of
// how the text is loaded or run.
package ptx

import (
	"fmt"
	"strings"

	"dlc/codegen"
	"dlc/codegen/llvm"
	"dlc/ir/tile"
)

// A Target is one compute capability that dlc makes PTX for. Text for sm_80 runs on all later
// chips; that for sm_90a on compute capability 9.0 alone.
type Target struct {
	Name    string // sm_80
	Machine tile.Machine
	LLVM    llvm.Target
}

const triple = "nvptx64-nvidia-cuda"

// SM80 is compute capability 8.0, the floor.
func SM80() Target {
	return Target{"sm_80", codegen.SM80(), llvm.Target{Triple: triple, CPU: "sm_80", Features: "+ptx71"}}
}

// SM89 is compute capability 8.9.
func SM89() Target {
	return Target{"sm_89", codegen.SM89(), llvm.Target{Triple: triple, CPU: "sm_89", Features: "+ptx78"}}
}

// SM90A is compute capability 9.0 with its own instructions.
func SM90A() Target {
	return Target{"sm_90a", codegen.SM90A(), llvm.Target{Triple: triple, CPU: "sm_90a", Features: "+ptx80"}}
}

// Targets lists the known targets, the floor first.
func Targets() []Target { return []Target{SM80(), SM89(), SM90A()} }

// TargetOf returns the target of that name.
func TargetOf(name string) (Target, error) {
	var names []string
	for _, t := range Targets() {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return Target{}, fmt.Errorf("unknown target %q; known are %s", name, strings.Join(names, ", "))
}
