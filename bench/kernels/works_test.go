package main

import (
	"testing"

	"dlc/codegen/cpu"
)

// TestWorks holds that every text is a kernel and has a schedule on every target.
func TestWorks(t *testing.T) {
	names := map[string]bool{}
	for _, w := range works() {
		for _, target := range cpu.Targets() {
			if _, _, err := scheduled(w.text, target); err != nil {
				t.Errorf("%s: %v\n%s", w.name, err, w.text)
			}
		}
		if names[w.name] || w.reads <= 0 || w.reads+w.writes+w.flops <= w.reads {
			t.Errorf("%s: listed twice, or without work", w.name)
		}
		names[w.name] = true
	}
}
