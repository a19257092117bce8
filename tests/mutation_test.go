package tests

import (
	"flag"
	"fmt"
	"math"
	"math/rand"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dlc/codegen/ptx"
	"dlc/codegen/ptx/emulate"
	"dlc/codegen/ptx/emulate/mutate"
	"dlc/ir/kernel"
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
			trials := w.trials(t, g)
			list, err := mutate.Judge(g.module.Text, mutate.Mutants(g.module.Text, n, 1), trials)
			if err == nil {
				err = mutate.Explain(g.module.Text, list, trials)
			}
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

// drawings are the ways in which floats are drawn for launches.
var drawings = []func(*rand.Rand) float64{
	func(r *rand.Rand) float64 { return r.NormFloat64() },
	func(r *rand.Rand) float64 { return 220*r.Float64() - 110 },             // to both ends of exp
	func(r *rand.Rand) float64 { return math.Copysign(0, r.Float64()-0.5) }, // sums of nothing
	func(*rand.Rand) float64 { return math.Copysign(0, -1) },
	func(r *rand.Rand) float64 { return r.NormFloat64() * 0x1p-140 },                                // denormal
	func(r *rand.Rand) float64 { return math.Ldexp(r.NormFloat64(), r.Intn(267)-140) },              // of all exponents
	func(r *rand.Rand) float64 { return float64(r.Intn(5) - 2) },                                    // equal ones
	func(r *rand.Rand) float64 { return math.Ldexp(r.NormFloat64(), -r.Intn(40)) },                  // near 0
	func(r *rand.Rand) float64 { return 12 * r.NormFloat64() },                                      // where functions flatten
	func(r *rand.Rand) float64 { return math.Ldexp(r.NormFloat64(), r.Intn(30)) },                   // large arguments
	func(r *rand.Rand) float64 { return special[r.Intn(len(special))] * float64(1-2*r.Intn(2)) },    // the special ones
	func(r *rand.Rand) float64 { return math.Abs(r.NormFloat64()) * 0x1p-126 * float64(r.Intn(3)) }, // about the smallest normal one
}

// trials records launches at the witness's sizes and at others, over many kinds of values: those that
// come to code, or to an outcome of a comparison, to which those before did not, and some more.
func (w *witness) trials(t *testing.T, g *gpuCode) []mutate.Trial {
	t.Helper()
	choice := &mutate.Choice{Others: 16, Steps: 1_000_000}
	meaning := w.ordered(t, w.parse(t))
	r := rand.New(rand.NewSource(5))
	for i, size := range append(slices.Clone(w.sizes), w.more(g)...) {
		for round := range 1 + len(drawings) {
			if round > 0 && (i >= len(w.sizes) && r.Intn(4) > 0 || elements(g.program, size) > 100_000) {
				continue
			}
			in := w.inputs(meaning, size, round == 1)
			if round > 0 {
				draw(in, drawings[round-1])
			}
			g.run(t, size, in, uint64(i+round), choice.Watch)
		}
	}
	for i, size := range w.large(g) { // whose joins of many chunks run alone
		g.run(t, size, w.drawn(g, size, r), uint64(i), func(entry string, l emulate.Launch) func(*emulate.Report) {
			if strings.HasSuffix(entry, "_0") {
				return nil
			}
			return choice.Watch(entry, l)
		})
	}
	t.Log(choice)
	return choice.Trials()
}

// draw draws the floats of all inputs anew.
func draw(in map[string]*tensor.Tensor, one func(*rand.Rand) float64) {
	r := rand.New(rand.NewSource(2))
	for _, name := range sorted(in) {
		x := in[name]
		for i := range x.Len() {
			if x.DType.IsFloat() || x.DType.IsHalf() {
				x.SetFloat(i, one(r))
			}
		}
	}
}

var steps = regexp.MustCompile(`by ([0-9,]+)`)

// more draws sizes, many of them next to those by which the schedules cut: what tiles leave over has
// many forms.
func (w *witness) more(g *gpuCode) (out []map[string]int64) {
	near := []int64{1, 2, 3, 5, 8}
	for _, p := range g.tiles {
		for _, m := range steps.FindAllStringSubmatch(p.String(), -1) {
			for _, n := range strings.Split(m[1], ",") {
				by, _ := strconv.ParseInt(n, 10, 64)
				near = append(near, by-1, by, by+1, 2*by, 2*by+3)
			}
		}
	}
	near = slices.DeleteFunc(near, func(n int64) bool { return n < 1 })
	slices.Sort(near)
	near = slices.Compact(near)
	r := rand.New(rand.NewSource(3))
	for _, class := range []struct{ sizes, least, most int64 }{{24, 0, 50_000}, {4, 50_000, 400_000}} {
		found := int64(0)
		for tries := 0; tries < 300 && found < class.sizes; tries++ {
			size := map[string]int64{}
			for _, name := range sorted(w.sizes[0]) {
				size[name] = near[r.Intn(len(near))]
				if r.Intn(4) == 0 {
					size[name] = 1 + r.Int63n(70)
				}
			}
			if n := elements(g.program, size); n >= class.least && n < class.most {
				out = append(out, size)
				found++
			}
		}
	}
	return out
}

var parts = regexp.MustCompile(`\((\w+)[^()]*\) div (\d+)`)

// large has for each symbol that the schedules cut into chunks the sizes at which there are a few.
func (w *witness) large(g *gpuCode) (out []map[string]int64) {
	seen := map[string]bool{}
	for _, p := range g.tiles {
		for _, b := range p.Temps {
			for _, m := range parts.FindAllStringSubmatch(b.Type.String(), -1) {
				by, _ := strconv.ParseInt(m[2], 10, 64)
				for _, chunks := range []int64{2, 3, 6} {
					size := map[string]int64{}
					for _, name := range sorted(w.sizes[0]) {
						size[name] = 3
					}
					size[m[1]] = by*(chunks-1) + 1
					if key := fmt.Sprint(size); !seen[key] {
						seen[key] = true
						out = append(out, size)
					}
				}
			}
		}
	}
	return out
}

// drawn has values for all buffers, so that any kernel may run alone.
func (w *witness) drawn(g *gpuCode, size map[string]int64, r *rand.Rand) map[string]*tensor.Tensor {
	out := w.inputs(g.program, size, false)
	all := g.program.Buffers
	for _, p := range g.tiles {
		all = append(slices.Clone(all), p.Temps...)
	}
	for _, b := range all {
		if dims, _ := b.StoredShape().Bind(size); out[b.Name] == nil && b.Value == nil {
			x := tensor.New(b.Type.DType, dims...)
			for i := range x.Len() {
				if x.DType.IsFloat() || x.DType.IsHalf() {
					x.SetFloat(i, r.NormFloat64())
				}
			}
			out[b.Name] = x
		}
	}
	return out
}

// elements counts those of all buffers.
func elements(p *kernel.Program, size map[string]int64) (n int64) {
	for _, b := range p.Buffers {
		dims, _ := b.Type.Shape.Bind(size)
		one := int64(1)
		for _, d := range dims {
			one *= int64(d)
		}
		n += one
	}
	return n
}
