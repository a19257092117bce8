package main

import (
	"math"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"testing"

	"dlc/ir"
)

// root is the repository, relative to this package.
const root = "../../"

func native(t *testing.T, n int) *worker {
	t.Helper()
	m, err := newMachine(subjects())
	if err != nil {
		t.Fatal(err)
	}
	w, err := m.worker(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.close(); m.loaded.Close() })
	return w
}

// TestErrors runs the kept worst inputs and a sample of all floats, together 2^22 over all
// functions: half of it evenly among all floats, half among those where the function is neither
// constant nor the identity.
func TestErrors(t *testing.T) {
	table, err := readWorst(root + file)
	if err != nil {
		t.Fatal(err)
	}
	list := subjects()
	n := 1 << 22 / len(list)
	w := native(t, n)
	r := rand.New(rand.NewSource(1))
	inputs := map[string][]float32{}
	for _, s := range list {
		x := make([]float32, n)
		half := n / 2
		lo, hi := place(s.ends[0]), place(s.ends[1])
		for i := range x {
			if i < half {
				x[i] = bits(int64((float64(i) + r.Float64()) / float64(half) * (1 << 32)))
			} else {
				x[i] = at(lo + int64((float64(i-half)+r.Float64())/float64(n-half)*float64(hi-lo)))
			}
		}
		kept := table[s.name]
		if kept == nil {
			if kept = (&worst{}); s.bound > 0 {
				t.Errorf("%s has no kept inputs: make ulp finds them", s.name)
			}
			table[s.name] = kept
		}
		for i, p := range kept {
			x[i] = p.x
		}
		inputs[s.name] = x
		w.set(s.name, x)
	}
	if err := w.call(); err != nil {
		t.Fatal(err)
	}
	for _, s := range list {
		x, y := inputs[s.name], w.results(s.name)
		found := &worst{}
		for i := range x {
			if s.measured(x[i]) {
				found.take(x[i], s.ulp(x[i], y[i]))
			}
		}
		if u, at := found.most(); u > s.bound {
			t.Errorf("%s(%g) is off by %.3f ulp, of %g at most", s.name, at, u, s.bound)
		}
		for i, p := range table[s.name] {
			if u := s.ulp(x[i], y[i]); p.ulp > 0 && math.Abs(u-p.ulp) > 0.0006 {
				t.Errorf("%s(%g) is off by %.3f ulp, kept as %.3f: make ulp writes it", s.name, x[i], u, p.ulp)
			}
		}
	}
}

// TestPage holds the f32 columns of the page to the kept inputs.
func TestPage(t *testing.T) {
	table, err := readWorst(root + file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(root + page)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		seen[m[1]] = true
		if table[m[1]] == nil {
			t.Errorf("%s has no kept inputs", m[1])
			continue
		}
		if ulp, x := figures(table[m[1]]); ulp != m[2] || x != m[3] {
			t.Errorf("the page says %s ulp of %s at %s, kept are %s at %s", m[2], m[1], m[3], ulp, x)
		}
	}
	for _, s := range subjects() {
		if !seen[s.name] && s.bound > 0 && s.name != "sqrt" {
			t.Errorf("%s is missing on the page", s.name)
		}
	}
}

// TestReferences holds the functions in f64 that errors are told from to stored values, within
// 2^-40 of the result, or of the unit that it is measured in.
func TestReferences(t *testing.T) {
	text, err := os.ReadFile(root + "ir/kernel/testdata/values64.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) != 4 {
			continue
		}
		var n [3]float64
		for i, w := range words[1:] {
			if n[i], err = strconv.ParseFloat(w, 64); err != nil {
				t.Fatal(err)
			}
		}
		fn, x, want := words[0], n[0], n[1]
		seen[fn] = true
		scale := math.Abs(want)
		if x < 0 && strings.HasSuffix(fn, "gamma") {
			scale = max(scale, 1)
		}
		if got := ir.UnaryFloat(fn, x); !(math.Abs(got-want) <= scale*0x1p-40) && got != want {
			t.Errorf("%s(%v) is %v, not %v", fn, x, got, want)
		}
	}
	for _, s := range subjects() {
		switch s.name {
		case "floor", "ceil", "round", "trunc", "sqrt", "rsqrt", "reciprocal": // exact, or two roundings
		default:
			if !seen[s.name] {
				t.Errorf("%s has no stored values", s.name)
			}
		}
	}
}

// TestUlp: the measure itself.
func TestUlp(t *testing.T) {
	inf := float32(math.Inf(1))
	nan := float32(math.NaN())
	zero := float32(math.Copysign(0, -1))
	for _, c := range []struct {
		fn     string
		x, got float32
		want   float64
	}{
		{"reciprocal", 2, 0.5, 0}, {"reciprocal", 2, math.Nextafter32(0.5, 1), 1}, {"reciprocal", 0.75, 1.5, 1.0 / 6 / 0x1p-23},
		{"reciprocal", zero, -inf, 0}, {"reciprocal", zero, inf, 0x1p25}, {"reciprocal", -inf, 0, math.Inf(1)}, {"reciprocal", -inf, zero, 0},
		{"sqrt", -1, nan, 0}, {"sqrt", -1, 1, math.Inf(1)}, {"sqrt", 4, nan, math.Inf(1)}, {"exp", 200, inf, 0}, {"exp", 200, math.MaxFloat32, 1}, {"exp", -200, 0, 0},
		{"expm1", 0x1p-149, 0x1p-148, 1}, {"expm1", 0x1p-149, 0, 1}, {"floor", 1.5, 1, 0},
	} {
		if got := (subject{name: c.fn}).ulp(c.x, c.got); math.Abs(got-c.want) > 1e-6*max(1, c.want) && got != c.want {
			t.Errorf("%s(%g) = %g is off by %g ulp, not %g", c.fn, c.x, c.got, got, c.want)
		}
	}
}
