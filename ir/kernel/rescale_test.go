package kernel

import (
	"math"
	"math/rand"
	"strings"
	"testing"

	"dlc/ir/tensor"
)

const attention = `program attention
buffer s: input f32[R, C]
buffer v: input f32[C, 3]
buffer m: output f32[R]
buffer l: output f32[R]
buffer a: output f32[R, 3]

kernel k(s: f32[R, C], v: f32[C, 3]) -> (m: f32[R], l: f32[R], a: f32[R, 3])
  m[r:R] = max j:C rescale when 0 <= -j + r + 70 < R + 70; s[r, j]
  l[i:R] = sum k:C rescale m when 0 <= i - k + 70 < R + 70; exp(s[i, k] - m[i])
  a[i:R, d:3] = sum k:C rescale m when 0 <= i - k + 70 < R + 70; exp(s[i, k] - m[i]) * v[k, d]
`

// A map between the maximum and the sum changes nothing.
func TestRescaleThroughMaps(t *testing.T) {
	p, err := Parse(attention)
	if err != nil {
		t.Fatal(err)
	}
	through := strings.Replace(attention, "  l[", "  q[r:R, j:C] = s[r, j] - m[r]\n  p[r:R, j:C] = exp(q[r, j])\n  l[", 1)
	through = strings.ReplaceAll(through, "exp(s[i, k] - m[i])", "p[i, k]")
	q, err := Parse(through)
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(q); err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewSource(2))
	a := map[string]*tensor.Tensor{"s": random(r, 3, 150), "v": random(r, 150, 3)}
	b := map[string]*tensor.Tensor{"s": a["s"], "v": a["v"]}
	symbols := map[string]int64{"R": 3, "C": 150}
	if err := Interp(p, symbols, a); err != nil {
		t.Fatal(err)
	}
	if err := Interp(q, symbols, b); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"m", "l", "a"} {
		for i := range a[n].Len() {
			if a[n].Float(i) != b[n].Float(i) {
				t.Fatalf("%s differs", n)
			}
		}
	}
}

func exp32(x float32) float32 { return BitsF32(exponentialOf(tensor.F32)(F32Bits(x))) }

// TestRescale says the order in the plainest way.
func TestRescale(t *testing.T) {
	p, err := Parse(attention)
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(p); err != nil || p.String() != attention {
		t.Fatalf("%v\n%s", err, p)
	}
	r := rand.New(rand.NewSource(1))
	for _, size := range [][2]int{{2, 0}, {3, 1}, {2, 63}, {2, 64}, {3, 65}, {5, 200}, {0, 3}} {
		rows, n := size[0], size[1]
		s, v := random(r, rows, n), random(r, n, 3)
		for i := range s.Len() {
			switch r.Intn(3) {
			case 0:
				s.SetFloat(i, math.Inf(-1))
			case 1:
				s.SetFloat(i, 30*r.NormFloat64())
			}
			if rows == 5 && i%n < 100 && i/n == 2 {
				s.SetFloat(i, math.Inf(-1))
			}
		}
		bufs := map[string]*tensor.Tensor{"s": s, "v": v}
		if err := Interp(p, map[string]int64{"R": int64(rows), "C": int64(n)}, bufs); err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			m, l, a := float32(math.Inf(-1)), float32(0), float32(0)
			for first := 0; first < n; first += 64 {
				before, lanes := m, make([]float32, 64)
				end := min(first+64, n, i+71)
				for j := first; j < end; j++ {
					m = max(m, float32(s.Float(i*n+j)))
				}
				base := m
				if math.IsInf(float64(m), -1) {
					base = 0
				}
				l *= exp32(before - base)
				a *= exp32(before - base)
				for j := first; j < end; j++ {
					w := exp32(float32(s.Float(i*n+j)) - base)
					lanes[j-first] = w
					a = FMA32(w, float32(v.Float(3*j+1)), a)
				}
				for w := 32; w > 0; w /= 2 {
					for k := range w {
						lanes[k] += lanes[k+w]
					}
				}
				l += lanes[0]
			}
			if x, y, z := bufs["m"].Float(i), bufs["l"].Float(i), bufs["a"].Float(3*i+1); x != float64(m) || y != float64(l) || z != float64(a) {
				t.Errorf("%d of %dx%d: %g %g %g, want %g %g %g", i, rows, n, x, y, z, m, l, a)
			}
		}
	}
}

func TestRescaleRefuses(t *testing.T) {
	head := "kernel k(s: input f32[R, C]) -> (l: output f32[R])\n"
	most := "  m[r:R] = max j:C rescale; s[r, j]\n"
	sum := "  l[r:R] = sum j:C rescale m; exp(s[r, j] - m[r])\n"
	cases := []struct{ text, want string }{
		{most + "  l[r:R] = sum j:C rescale n; m[r]\n", "not defined above"},
		{most + "  l[r:R] = sum j:C rescale; m[r]\n", "names no maximum"},
		{most + "  l[r:R] = prod j:C rescale m; m[r]\n", "of a prod"},
		{"  m[r:R] = max j:C lanes64; s[r, j]\n" + sum, "no maximum in the order rescale"},
		{most + "  l[r:R] = sum (j:C, k:2) rescale m; m[r]\n", "over 2 axes"},
		{most + "  l[r:R] = sum j:R rescale m; m[r]\n", "of one extent"},
		{most + "  l[r:R] = sum j:C rescale m; s[r, j]\n", "does not read it"},
		{most + "  l[r:R] = sum j:C rescale m; m[r] + m[0]\n", "at two places"},
		{most + "  l[r:R] = sum j:C rescale m; m[R - 1 - r]\n", "not read at kept axes"},
		{most + "  l[r:R] = sum j:C rescale m when 0 <= j - 1 < C; m[r]\n", "conditions are others"},
		{"  m[r:R] = max j:C rescale; i32(s[r, j])\n", "rescale of i32"},
		{"  m[r:R] = max j:C rescale; f64(s[r, j])\n" + "  l[r:R] = sum j:C rescale m; f32(m[r])\n", "it is f64, the sum f32"},
	}
	k, err := ParseKernel(head + most + sum)
	if err == nil {
		err = VerifyKernel(k)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		k, err := ParseKernel(head + c.text)
		if err == nil {
			err = VerifyKernel(k)
		}
		if !broken.By(err, c.want) {
			t.Errorf("%s%v, want %q", c.text, err, c.want)
		}
	}
}
