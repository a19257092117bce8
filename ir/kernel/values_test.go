package kernel

import (
	"math"
	"math/big"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dlc/ir/tensor"
)

// A value is what a function gives, to twice the digits of f64.
type value struct {
	args []float64
	want *big.Float
}

// values reads testdata/values64.txt by function.
func values(t *testing.T) map[string][]value {
	t.Helper()
	text, err := os.ReadFile("testdata/values64.txt")
	if err != nil {
		t.Fatal(err)
	}
	table := map[string][]value{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		var n []float64
		for _, w := range words[1:] {
			v, err := strconv.ParseFloat(w, 64)
			if err != nil {
				t.Fatal(err)
			}
			n = append(n, v)
		}
		args := len(n) - 2
		table[words[0]] = append(table[words[0]], value{n[:args], bigNew().Add(bigOf(n[args]), bigOf(n[args+1]))})
	}
	return table
}

// gammaUlp is ulp64, and for x < 0 the distance in units of the last place of the largest of 1,
// the result and what reflection subtracts.
func gammaUlp(fn string, x, got float64, want *big.Float) float64 {
	if x > 0 || !strings.HasSuffix(fn, "gamma") {
		return ulp64(got, want)
	}
	size := wideOf(fn)(1 - x)
	d, _ := bigNew().Sub(bigOf(got), want).Float64()
	w, _ := want.Float64()
	_, e := math.Frexp(max(1, math.Abs(w), math.Abs(size)))
	return math.Abs(d) / math.Ldexp(1, e-53)
}

// TestValues64 compares the functions that only f64 is written for with stored values.
func TestValues64(t *testing.T) {
	table := values(t)
	for fn := range wideFunctions() {
		if len(table[fn]) == 0 {
			t.Errorf("%s has no stored values", fn)
		}
	}
	var names []string
	for fn := range table {
		names = append(names, fn)
	}
	slices.Sort(names)
	for _, fn := range names {
		f, ops := compileFn(fn, tensor.F64)
		worst, at := 0.0, []float64{}
		for _, v := range table[fn] {
			y := uint64(0)
			if len(v.args) == 2 {
				y = math.Float64bits(v.args[1])
			}
			got := math.Float64frombits(f(math.Float64bits(v.args[0]), y))
			if u := gammaUlp(fn, v.args[0], got, v.want); !(u <= worst) {
				worst, at = u, v.args
			}
		}
		t.Logf("f64 %-8s %3d ops, %.3f ulp at %v", fn, ops, worst, at)
		if !(worst <= bounds[fn][1]) {
			t.Errorf("f64 %s: %.3f ulp at %v", fn, worst, at)
		}
	}
}
