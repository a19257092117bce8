package dlc

import (
	"fmt"
	"strings"

	"dlc/codegen/cpu"
	"dlc/codegen/llvm"
	"dlc/runtime/native"
)

// A Finding is one thing that dlc needs of a machine.
type Finding struct {
	What  string
	Found string
	Good  bool
	Fix   string // what to do
}

// Examine looks at this machine: the CPU, the code targets it runs, libLLVM.
func Examine() []Finding {
	out := []Finding{{What: "processor", Found: "AVX2 and FMA, as every dlc model needs", Good: true}}
	if err := native.Supported(); err != nil {
		out[0] = Finding{What: "processor", Found: err.Error(), Fix: "models can be compiled here for other machines, but not run"}
	}
	var runs []string
	for _, t := range cpu.Targets() {
		if native.Supports(t.Features) == nil {
			runs = append(runs, t.Name)
		}
	}
	out = append(out, Finding{What: "code targets", Found: strings.Join(runs, ", "), Good: len(runs) > 0},
		Finding{What: "threads", Found: fmt.Sprintf("%d CPUs allowed", native.CPUs()), Good: true})
	lib, err := llvm.Open()
	if err != nil {
		return append(out, Finding{What: "libLLVM 19", Found: "not found: train, build, compile and run of a source file need it; run of an artifact does not",
			Fix: "apt-get install libllvm19"})
	}
	return append(out, Finding{What: "libLLVM 19", Found: lib.Version() + " in " + lib.Path(), Good: true})
}
