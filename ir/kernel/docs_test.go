package kernel

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"dlc/ir/tensor"
)

// The errors that docs/numerics.md states are those at the inputs it states.
func TestNumericsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/numerics.md")
	if err != nil {
		t.Fatal(err)
	}
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
		if u := ulp64(math.Float64frombits(f(math.Float64bits(x64), 0)), bigReferences[fn](bigOf(x64))); strconv.FormatFloat(u, 'f', 3, 64) != m[4] {
			t.Errorf("f64 %s at %s: %.3f ulp, the page says %s", fn, m[5], u, m[4])
		}
	}
	for _, fn := range FuncNames() {
		if f, _ := LookupFunc(fn); f.Expanded && !seen[fn] && !strings.Contains(string(page), "`"+fn+"`") {
			t.Errorf("%s is missing on the page", fn)
		}
	}
}
