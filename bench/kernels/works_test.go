package main

import (
	"testing"

	"dlc/codegen/cpu"
	"dlc/ir/kernel"
	"dlc/passes"
)

// TestWorks holds that every text is a kernel and has a schedule on every target.
func TestWorks(t *testing.T) {
	names := map[string]bool{}
	for _, w := range works() {
		k, err := kernel.ParseKernel(w.text)
		if err != nil {
			t.Fatalf("%s: %v\n%s", w.name, err, w.text)
		}
		if err := kernel.Verify(&kernel.Program{Name: "works", Buffers: k.Buffers(), Kernels: []*kernel.Kernel{k}}); err != nil {
			t.Errorf("%s: %v", w.name, err)
		}
		for _, target := range cpu.Targets() {
			if _, err := passes.Tile(k, &target.Machine); err != nil {
				t.Errorf("%s: %v", w.name, err)
			}
		}
		if names[w.name] || w.flops <= 0 || w.reads <= 0 || w.writes <= 0 {
			t.Errorf("%s: listed twice, or without work", w.name)
		}
		names[w.name] = true
	}
}
