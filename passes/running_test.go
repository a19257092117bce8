package passes

import (
	"fmt"
	"math"
	"math/rand"
	"strings"
	"testing"

	"dlc/ir/kernel"
)

// weightedText is a random softmax over the last axis: of an input or of a contraction, masked or
// not, summed, mixed with another input, stored.
func weightedText(r *rand.Rand) string {
	e := func() string { return []string{"N", "1", "5", "70", "130"}[r.Intn(5)] }
	g, i, j, d := []string{"1", "2"}[r.Intn(2)], e(), e(), []string{"3", "20"}[r.Intn(2)]
	x := "s[g, i, j]"
	if r.Intn(2) == 0 {
		x += " * 0.5"
	}
	if r.Intn(2) == 0 {
		x = fmt.Sprintf("select({%s} <= {%s}, %s, -inf)", []string{"j", "j + 2", "2*j"}[r.Intn(3)], []string{"i", "3*i", "i + 66"}[r.Intn(3)], x)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "program weights\nbuffer q: input f32[%[1]s, %[2]s, 6]\nbuffer k: input f32[%[1]s, %[3]s, 6]\nbuffer v: input f32[%[1]s, %[3]s, %[4]s]\n", g, i, j, d)
	fmt.Fprintf(&b, "buffer s: temp f32[%[1]s, %[2]s, %[3]s]\nbuffer m: temp f32[%[1]s, %[2]s]\nbuffer p: temp f32[%[1]s, %[2]s, %[3]s]\nbuffer w: temp f32[%[1]s, %[2]s, %[3]s]\nbuffer l: output f32[%[1]s, %[2]s]\nbuffer o: output f32[%[1]s, %[2]s, %[4]s]\n", g, i, j, d)
	stored := r.Intn(3) == 0
	if stored {
		fmt.Fprintf(&b, "buffer y: output f32[%s, %s, %s]\n", g, i, j)
	}
	fmt.Fprintf(&b, "kernel k0(q, k) -> (s)\n  s[g:%s, i:%s, j:%s] = sum d:6 unordered; q[g, i, d] * k[g, j, d]\n", g, i, j)
	fmt.Fprintf(&b, "kernel k1(s) -> (m)\n  m[g:%s, i:%s] = max j:%s unordered; %s\n", g, i, j, x)
	fmt.Fprintf(&b, "kernel k2(s, m) -> (p)\n  p[g:%s, i:%s, j:%s] = exp(%s - m[g, i])\n", g, i, j, x)
	fmt.Fprintf(&b, "kernel k3(p) -> (l)\n  l[g:%s, i:%s] = sum j:%s unordered; p[g, i, j]\n", g, i, j)
	if r.Intn(2) == 0 {
		fmt.Fprintf(&b, "kernel k4(p, l, v) -> (o)\n  o[g:%s, i:%s, d:%s] = sum j:%s unordered; p[g, i, j] / l[g, i] * v[g, j, d]\n", g, i, d, j)
	} else {
		b.WriteString(spreadSums(g, i, j, d))
	}
	if stored {
		fmt.Fprintf(&b, "kernel k5(p, l) -> (y)\n  y[g:%s, i:%s, j:%s] = p[g, i, j] / l[g, i]\n", g, i, j)
	}
	return b.String()
}

// spreadSums divides by sums that are spread along the axis first.
func spreadSums(g, i, j, d string) string {
	return fmt.Sprintf("kernel k4a(l) -> (w)\n  w[g:%[1]s, i:%[2]s, j:%[3]s] = l[g, i]\n", g, i, j) +
		fmt.Sprintf("kernel k4(p, w, v) -> (o)\n  o[g:%[1]s, i:%[2]s, d:%[4]s] = sum j:%[3]s unordered; p[g, i, j] / w[g, i, j] * v[g, j, d]\n", g, i, j, d)
}

// TestAttentionIsOneKernel divides by sums where they are made and where they are spread along the
// axis first, as the library's softmax does: no buffer has an element for each pair either way.
func TestAttentionIsOneKernel(t *testing.T) {
	const before = `program attention
buffer q: input f32[G, T, 64]
buffer k: input f32[G, T, 64]
buffer v: input f32[G, T, 64]
buffer s: temp f32[G, T, T]
buffer m: temp f32[G, T]
buffer p: temp f32[G, T, T]
buffer w: temp f32[G, T, T]
buffer l: temp f32[G, T]
buffer o: output f32[G, T, 64]
kernel k0(q, k) -> (s)
  s[g:G, i:T, j:T] = sum d:64 unordered; q[g, i, d] * k[g, j, d]
kernel k1(s) -> (m)
  m[g:G, i:T] = max j:T unordered; s[g, i, j]
kernel k2(s, m) -> (p)
  p[g:G, i:T, j:T] = exp(s[g, i, j] - m[g, i])
kernel k3(p) -> (l)
  l[g:G, i:T] = sum j:T unordered; p[g, i, j]
`
	for name, last := range map[string]string{
		"made":   "kernel k4(p, l, v) -> (o)\n  o[g:G, i:T, d:64] = sum j:T unordered; p[g, i, j] / l[g, i] * v[g, j, d]\n",
		"spread": spreadSums("G", "T", "T", "64"),
	} {
		p, err := kernel.Parse(before + last)
		if err != nil {
			t.Fatal(err)
		}
		Rewrite(p, nil)
		if len(p.Kernels) != 1 || strings.Contains(p.String(), "f32[G, T, T]") {
			t.Errorf("%s: %d kernels\n%s", name, len(p.Kernels), p)
		}
	}
}

// Running maxima change values by rounding alone, and schedules of them change no bit.
func TestRunningKeepsValuesAndBits(t *testing.T) {
	followed := 0
	for seed := range int64(60) {
		text := weightedText(rand.New(rand.NewSource(seed)))
		parse := func() *kernel.Program {
			p, err := kernel.Parse(text)
			if err == nil {
				err = kernel.Verify(p)
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			return p
		}
		n := []int64{5, 1, 0, 67}[seed%4]
		plain, meant := parse(), parse()
		order(plain, nil)
		form(meant, nil)
		order(meant, nil)
		if err := kernel.Verify(meant); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, meant)
		}
		followed += strings.Count(meant.String(), "rescale m")
		before, want := interpret(t, plain, n, seed), interpret(t, meant, n, seed)
		for _, name := range []string{"l", "o"} {
			for i := range before[name].Len() {
				x, y := before[name].Float(i), want[name].Float(i)
				hidden := x != x // all terms are masked
				if !hidden && math.Abs(x-y) > 1e-4*math.Max(1, math.Abs(x)) {
					t.Fatalf("seed %d: element %d of %s is %v, then %v\n%s", seed, i, name, x, y, meant)
				}
			}
		}
		p := parse()
		form(p, nil)
		order(p, nil)
		fuse(p, nil)
		layout(p, nil)
		if err := kernel.Verify(p); err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, p)
		}
		for _, m := range Machines() {
			compareResults(t, p, want, runTiles(t, p, m, n, seed), fmt.Sprintf("%s, seed %d, N=%d\n%s", m.Name, seed, n, p))
		}
		if t.Failed() {
			return
		}
	}
	if followed < 30 {
		t.Errorf("only %d sums follow a maximum", followed)
	}
}
