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
	"sync"
	"testing"

	"dlc/codegen/ptx"
	"dlc/codegen/ptx/emulate"
	"dlc/codegen/ptx/emulate/mutate"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

var mutants = flag.Int("mutants", 0, "mistakes made in the PTX of every witness, over many launches, instead of a few over a few")

// fewMistakes is the number of mistakes made in every product at each run of the tests.
const fewMistakes = 16

// ring is a product of matrix units with more turns than stages.
var ring = &witness{name: "ring", tolerance: 1e-2, sizes: []map[string]int64{{"N": 0}, {"N": 1}, {"N": 70}, {"N": 130}}, text: `program ring
buffer x: input bf16[N, 328]
buffer w: input bf16[328, 72]
buffer b: input f32[72]
buffer y: output f32[N, 72]

kernel product(x: bf16[N, 328], w: bf16[328, 72], b: f32[72]) -> (y: f32[N, 72])
  a[m:N, c:72] = sum k:328 matrix; f32(x[m, k]) * f32(w[k, c])
  y[m:N, c:72] = a[m, c] + b[c]
`}

// tally counts mistakes: those made, caught, and said to mean the same.
type tally struct{ made, caught, same int }

// gate demands that of mistakes that change the meaning 95 in 100 are caught, and that at most one in six is said
// to mean the same.
func (n tally) gate(t *testing.T) {
	t.Helper()
	if 6*n.same > n.made {
		t.Errorf("%d of %d mistakes are said to mean the same", n.same, n.made)
	}
	if 100*n.caught < 95*(n.made-n.same) {
		t.Errorf("%d of %d mistakes that change the meaning are caught", n.caught, n.made-n.same)
	}
}

// TestMistakesInPTXAreCaught makes mistakes in the PTX of witnesses: of those that change what it means, the
// interpreter of PTX and the results catch 95 in 100. At most one in six may mean the same, each for a reason
// that is found mechanically or stands in sameMeaning. With -mutants that holds for each product, else for a
// sample of all. The form for warp groups is tried on ring alone: the witnesses' products have too few terms to
// come to all of its stages.
func TestMistakesInPTXAreCaught(t *testing.T) {
	var all tally
	var lock sync.Mutex
	t.Run("all", func(t *testing.T) {
		for _, w := range append(witnesses(t), ring) {
			for _, target := range []ptx.Target{ptx.SM80(), ptx.SM90A()} {
				if target.Machine.WarpGroups && w != ring {
					continue
				}
				product := w.name + " for " + target.Name
				t.Run(product, func(t *testing.T) {
					t.Parallel()
					n := w.mistaken(t, product, w.gpu(t, target))
					lock.Lock()
					defer lock.Unlock()
					all = tally{all.made + n.made, all.caught + n.caught, all.same + n.same}
				})
			}
		}
	})
	t.Logf("%d mistakes, %d caught, %d mean the same", all.made, all.caught, all.same)
	if all.made >= 100 {
		all.gate(t)
	}
}

// mistaken makes mistakes in a product and counts those that are caught or explained.
func (w *witness) mistaken(t *testing.T, product string, g *gpuCode) tally {
	n := fewMistakes
	if *mutants > 0 {
		n = *mutants
	}
	trials := w.trials(t, g)
	list, err := mutate.Judge(g.module.Text, mutate.Mutants(g.module.Text, n, 1), trials)
	if err == nil {
		err = mutate.Explain(g.module.Text, list, trials)
	}
	if err != nil {
		t.Fatal(err)
	}
	mechanically, known := 0, 0
	for i, v := range list {
		why := reasonFor(product, v.Mutant)
		switch {
		case v.Caught && why != "":
			t.Errorf("%s is caught by %q, but is said to mean the same: %s", v.Mutant, v.By, why)
		case v.Caught:
		case v.Reason != "":
			mechanically++
		case why != "":
			list[i].Reason = why
			known++
		}
	}
	caught, text := mutate.Tally(list)
	t.Logf("%s%s: %d mistakes, %d caught, %d mean the same (%d mechanically, %d by table), %d neither", text, product, len(list), caught, mechanically+known, mechanically, known, len(list)-caught-mechanically-known)
	count := tally{len(list), caught, mechanically + known}
	if *mutants >= 100 {
		count.gate(t)
	}
	stale(t, product, g.module.Text)
	return count
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

// fewRounds is how often the launches of a size are tried for a sample of mistakes.
const fewRounds = 6

// cheap are the instructions of warps in all rounds of a size up to which they are done again, with other values.
const cheap = 3_000_000

// veryCheap are those of a few rounds up to which all are done for a sample of mistakes.
const veryCheap = 100_000

// mixed is the number of rounds in which inputs are drawn in different ways.
const mixed = 6

// trials records launches at the witness's sizes and at others, over many kinds of values: those that
// come to code, or to an outcome of a comparison, to which those before did not, and some more.
func (w *witness) trials(t *testing.T, g *gpuCode) []mutate.Trial {
	t.Helper()
	choice := &mutate.Choice{Work: 100_000}
	if *mutants > 0 {
		choice.Work, choice.Often = 1_000_000, 8
	}
	meaning := w.ordered(t, w.parse(t))
	small, large, rich := w.more(g)
	near := nearConstants(g.module.Text)
	if w == ring || *mutants == 0 {
		rich = nil // launches are dear, those of ring very, and its values are plain
	}
	order := rand.New(rand.NewSource(4))
	values := func(i int, size map[string]int64, rounds []int, seed int64) {
		for _, round := range rounds {
			in := w.inputs(meaning, size, i%2 > 0)
			if round > mixed {
				draw(in, drawings[round-mixed-1:][:1], seed)
			} else if round > 0 {
				draw(in, []func(*rand.Rand) float64{near, zero, sparse, drawings[0], near}, int64(round)+seed)
			}
			g.run(t, size, in, uint64(i+round), choice.Watch)
		}
	}
	for i, size := range append(rich, w.sizes...) { // many values, kept for their own sake
		choice.Others = 4 * (i + 1)
		rounds := order.Perm(mixed + 1 + len(drawings))
		slices.SortStableFunc(rounds, func(a, b int) int { return min(a, 1) - min(b, 1) }) // plain values first
		begin := choice.Shown
		values(i, size, rounds[:fewRounds], 0)
		if shown := choice.Shown - begin; *mutants > 0 || shown < veryCheap {
			choice.Others += 4
			values(i, size, rounds[fewRounds:], 0)
		}
		if shown := choice.Shown - begin; *mutants > 0 && shown < cheap {
			choice.Others += 40
			values(i, size, rounds[1:], 100)
			values(i, size, rounds[1:], 200)
		}
	}
	for i, size := range small {
		g.run(t, size, w.inputs(meaning, size, i%2 > 0), uint64(i), choice.Watch)
	}
	r := rand.New(rand.NewSource(5))
	for i, size := range w.large(g) { // whose joins of many chunks run alone
		g.run(t, size, w.drawn(g, size, r), uint64(i), func(entry string, l emulate.Launch) func(*emulate.Report) {
			if strings.HasSuffix(entry, "_0") {
				return nil
			}
			return choice.Watch(entry, l)
		})
	}
	for i, size := range large { // of which only what no other size comes to runs
		g.run(t, size, w.drawn(g, size, r), uint64(i), func(entry string, l emulate.Launch) func(*emulate.Report) {
			if !choice.Misses(entry) {
				return nil
			}
			return choice.Watch(entry, l)
		})
	}
	if *mutants > 0 {
		t.Log(choice)
	}
	return choice.Trials()
}

func zero(*rand.Rand) float64 { return 0 }

func sparse(r *rand.Rand) float64 { return float64(1 - min(1, r.Intn(24))) }

var literal = regexp.MustCompile(`setp\.\w+\.f32[^;]*0f([0-9A-F]{8})`)

// nearConstants draws floats next to those that a text compares with, where functions go from one form to
// another, or next to these divided by a factor that may stand before.
func nearConstants(text string) func(*rand.Rand) float64 {
	all := []float64{1}
	for _, m := range literal.FindAllStringSubmatch(text, -1) {
		bits, _ := strconv.ParseUint(m[1], 16, 32)
		if c := math.Abs(float64(math.Float32frombits(uint32(bits)))); c > 1e-4 && c < 1e4 {
			all = append(all, c)
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	return func(r *rand.Rand) float64 {
		c := all[r.Intn(len(all))] * math.Pow(2, float64(r.Intn(5)-2)/2) * (1 + math.Ldexp(2*r.Float64()-1, -6-r.Intn(17)))
		return c * float64(1-2*r.Intn(2))
	}
}

// draw draws the floats of all inputs anew, those of each in one of several ways.
func draw(in map[string]*tensor.Tensor, ways []func(*rand.Rand) float64, seed int64) {
	r := rand.New(rand.NewSource(seed))
	for i, name := range sorted(in) {
		way := ways[(i+r.Intn(len(ways)))%len(ways)]
		x := in[name]
		for i := range x.Len() {
			if x.DType.IsFloat() || x.DType.IsHalf() {
				x.SetFloat(i, way(r))
			}
		}
	}
}

var steps = regexp.MustCompile(`by ([0-9,]+)`)

// more draws small sizes, many of them next to those by which the schedules cut, since what tiles leave
// over has many forms, some of one large extent, and two rich ones.
func (w *witness) more(g *gpuCode) (small, large, rich []map[string]int64) {
	near := []int64{1, 2, 3, 5, 8, 120}
	for _, p := range g.tiles {
		for _, m := range steps.FindAllStringSubmatch(p.String(), -1) {
			for _, n := range strings.Split(m[1], ",") {
				by, _ := strconv.ParseInt(n, 10, 64)
				near = append(near, by-1, by, by+1, 2*by, 2*by+3)
			}
		}
	}
	wanted := 24
	if *mutants == 0 {
		wanted = 8
	}
	near = slices.DeleteFunc(near, func(n int64) bool { return n < 1 })
	slices.Sort(near)
	near = slices.Compact(near)
	r := rand.New(rand.NewSource(3))
	for tries := 0; tries < 500 && (len(small) < wanted || len(rich) < 2); tries++ {
		size := map[string]int64{}
		for _, name := range sorted(w.sizes[0]) {
			size[name] = near[r.Intn(len(near))]
			if r.Intn(4) == 0 {
				size[name] = 1 + r.Int63n(70)
			}
		}
		switch n := elements(g.program, size); {
		case n < 40_000 && len(small) < wanted:
			small = append(small, size)
		case n >= 40_000 && n < 200_000 && len(rich) < 2:
			rich = append(rich, size)
		}
	}
	if *mutants == 0 {
		return small, nil, nil
	}
	for n := range int64(3*warpLanes + 4) { // what is compared with each element of a tile
		near = append(near, n+1)
	}
	slices.Sort(near)
	near = slices.Compact(near)
	for _, name := range sorted(w.sizes[0]) { // one extent after the other
		for _, n := range near {
			size := map[string]int64{}
			for _, other := range sorted(w.sizes[0]) {
				size[other] = 1
			}
			size[name] = n
			switch e := elements(g.program, size); {
			case e < 120_000:
				small = append(small, size)
			case e < 4_000_000 && n > 200:
				large = append(large, size)
			}
		}
	}
	return small, large, rich
}

// warpLanes are the lanes of a warp, by which schedules cut most often.
const warpLanes = 32

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
