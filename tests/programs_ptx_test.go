package tests

import (
	"flag"
	"testing"

	"dlc/codegen/ptx"
	"dlc/ir/generate"
	"dlc/tests/agree"
)

var ptxPrograms = flag.Int64("ptx", 100, "random programs of the language's ops that are run as PTX")

// TestRandomProgramsAsPTX runs programs of all ops as PTX, in its interpreter.
func TestRandomProgramsAsPTX(t *testing.T) {
	t.Parallel()
	targets := []ptx.Target{ptx.SM80(), ptx.SM90A()}
	ran := int64(0)
	for seed := range *ptxPrograms {
		c, err := agree.NewCase(generate.New(seed))
		if err != nil {
			t.Fatal(err)
		}
		if c == nil {
			continue
		}
		ran++
		if err := c.PTX(targets[seed%2], uint64(seed)); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
	if ran < *ptxPrograms*3/4 {
		t.Errorf("only %d of %d programs had inputs", ran, *ptxPrograms)
	}
}
