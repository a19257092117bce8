package kernel

import (
	"math"
	"math/big"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"dlc/ir/tensor"
)

// stored is the value at x of a function that has a list of them.
func stored(list []value, x float64) *big.Float {
	for _, v := range list {
		if v.args[0] == x {
			return v.want
		}
	}
	return bigNew()
}

// The errors that docs/numerics.md states are those at the inputs it states.
func TestNumericsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/numerics.md")
	if err != nil {
		t.Fatal(err)
	}
	table := values(t)
	row := regexp.MustCompile(`(?m)^\| (\w+) \| ([\d.]+) \| (\S+) \| ([\d.]+) \| (\S+) \|$`)
	seen := map[string]bool{}
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		fn := m[1]
		seen[fn] = true
		x32, err := strconv.ParseFloat(m[3], 32)
		if err != nil {
			t.Fatal(err)
		}
		f, _ := compileFn(fn, tensor.F32)
		if u := ulp32(BitsF32(f(F32Bits(float32(x32)), 0)), references[fn](float64(float32(x32)))); strconv.FormatFloat(u, 'f', 3, 64) != m[2] {
			t.Errorf("f32 %s at %s: %.3f ulp, the page says %s", fn, m[3], u, m[2])
		}
		x64, err := strconv.ParseFloat(m[5], 64)
		if err != nil {
			t.Fatal(err)
		}
		f, _ = compileFn(fn, tensor.F64)
		got := math.Float64frombits(f(math.Float64bits(x64), 0))
		u := 0.0
		if ref, ok := bigReferences[fn]; ok {
			u = ulp64(got, ref(bigOf(x64)))
		} else {
			u = gammaUlp(fn, x64, got, stored(table[fn], x64))
		}
		if strconv.FormatFloat(u, 'f', 3, 64) != m[4] {
			t.Errorf("f64 %s at %s: %.3f ulp, the page says %s", fn, m[5], u, m[4])
		}
	}
	for _, fn := range FuncNames() {
		if f, _ := LookupFunc(fn); f.Expanded && !seen[fn] && !strings.Contains(string(page), "`"+fn+"`") {
			t.Errorf("%s is missing on the page", fn)
		}
	}
}
