package tests

import (
	"fmt"
	"strings"
	"testing"

	"dlc/codegen/cpu"
	"dlc/ir"
	"dlc/ir/sample"
	"dlc/ir/tensor"
)

// TestOpsAgree takes every row of the table of samples through all passes: the interpreters of
// both kernel levels and native code of every target, with 1 and 2 threads, agree in bits with
// what the definitions say. In f32, or the first dtype of the row, with every sample; in the others
// with one shape and the special values.
func TestOpsAgree(t *testing.T) {
	for _, r := range sample.Rows() {
		if len(r.Samples) == 0 {
			continue
		}
		t.Run(strings.ReplaceAll(r.Name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			p, calls := samplePipeline(t, r)
			for _, f := range p.module.Funcs {
				for _, c := range calls[f.Name] {
					want := p.interpret(t, f.Name, c)
					for _, target := range cpu.Targets() {
						sameAnswer(t, f.Name+": schedules for "+target.Name, p.interpretTiles(t, target.Name, f.Name, c), want)
						if !runs(t, target) {
							continue
						}
						for _, threads := range []int{1, 2} {
							sameAnswer(t, fmt.Sprintf("%s: %s, %d threads", f.Name, target.Name, threads), p.execute(t, target.Name, f.Name, threads, c), want)
						}
					}
				}
			}
		})
	}
}

// samplePipeline makes one module of a row's cases, each a function, and what each is called with.
func samplePipeline(t *testing.T, r *sample.Row) (*pipeline, map[string][]*call) {
	t.Helper()
	m := &ir.Module{Name: "samples"}
	calls := map[string][]*call{}
	seen := map[string]bool{}
	main := r.DTypes[0]
	for _, d := range r.DTypes {
		if d == tensor.F32 {
			main = d
		}
	}
	for _, d := range r.DTypes {
		for i, c := range r.Cases(d) {
			special := c.Drawn == "special" || c.Drawn == "extreme"
			if seen[c.String()] || d != main && !special && i != len(r.Samples)/2 {
				continue
			}
			seen[c.String()] = true
			f, err := c.Func(c.String())
			if err != nil {
				t.Fatal(err)
			}
			m.Funcs = append(m.Funcs, f)
			for _, env := range c.Bindings() {
				calls[f.Name] = append(calls[f.Name], &call{env: env, inputs: c.Inputs(env), weights: map[string]*tensor.Tensor{}})
			}
		}
	}
	return compile(t, r.Name, m), calls
}
