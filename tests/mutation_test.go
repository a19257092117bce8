package tests

import (
	"flag"
	"math/rand"
	"strings"
	"testing"

	"dlc/codegen/ptx"
	"dlc/codegen/ptx/emulate"
	"dlc/codegen/ptx/emulate/mutate"
	"dlc/ir/tensor"
)

var mutants = flag.Int("mutants", 0, "mistakes made in the PTX of every witness, instead of 50 in that of two")

// TestMistakesInPTXAreCaught makes mistakes in the PTX of witnesses and counts those that the interpreter
// of PTX and the results catch. Some change nothing that a launch can show (a bound that no value comes to, the
// start of a sum, the rescaling of nothing), so that a quarter is let through here; those in the texts of
// codegen/ptx/emulate/mutate are accounted for one by one.
func TestMistakesInPTXAreCaught(t *testing.T) {
	for _, w := range witnesses(t) {
		few := w.name == "rmsnorm_rotary" || w.name == "softmax_short"
		if *mutants == 0 && !few {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			n := *mutants
			if n == 0 {
				n = 50
			}
			g := w.gpu(t, ptx.SM80())
			list, err := mutate.Judge(g.module.Text, mutate.Mutants(g.module.Text, n, 1), w.trials(t, g))
			if err != nil {
				t.Fatal(err)
			}
			caught, text := mutate.Tally(list)
			t.Log(text)
			for _, v := range list {
				if !v.Caught && v.Reached && strings.HasSuffix(v.What, "sync dropped") {
					caught++ // a barrier without which nobody races only keeps lanes together
				}
			}
			if few && caught < len(list)*3/4 {
				t.Errorf("%d of %d mistakes are caught", caught, len(list))
			}
		})
	}
}

// trials records launches at the witness's sizes and at others, over plain, special and large values.
func (w *witness) trials(t *testing.T, g *gpuCode) []mutate.Trial {
	t.Helper()
	all := map[string][]mutate.Trial{}
	record := func(entry string, l emulate.Launch) func(*emulate.Report) {
		one, done := mutate.Record(entry, l)
		all[entry] = append(all[entry], one)
		return func(*emulate.Report) { done() }
	}
	for i, size := range append(w.sizes, more(w.sizes)...) {
		meaning := w.ordered(t, w.parse(t))
		for round := range 3 {
			in := w.inputs(meaning, size, round == 1)
			if round == 2 {
				scale(in, 40)
			}
			g.run(t, size, in, uint64(i), record)
		}
	}
	const most = 24 // of an entry, evenly spread
	var out []mutate.Trial
	for _, name := range sorted(all) {
		list := all[name]
		for i := range min(most, len(list)) {
			out = append(out, list[i*len(list)/min(most, len(list))])
		}
	}
	return out
}

// scale makes floats large, so that functions come to their ends.
func scale(in map[string]*tensor.Tensor, by float64) {
	for _, name := range sorted(in) {
		x := in[name]
		for i := range x.Len() {
			if x.DType.IsFloat() {
				x.SetFloat(i, by*x.Float(i))
			}
		}
	}
}

// more draws sizes up to twice those given, since what tiles leave over has many forms.
func more(sizes []map[string]int64) (out []map[string]int64) {
	r := rand.New(rand.NewSource(3))
	for range 4 {
		size := map[string]int64{}
		for _, name := range sorted(sizes[0]) {
			most := int64(1)
			for _, s := range sizes {
				most = max(most, s[name])
			}
			size[name] = 1 + r.Int63n(2*most)
		}
		out = append(out, size)
	}
	return out
}
