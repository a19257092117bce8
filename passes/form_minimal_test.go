package passes

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"dlc/ir/kernel"
)

// stencilText is a 3x3 convolution of images of height by width with a border, or its data gradient,
// whose taps go the other way and whose weights are read across; of float type t.
func stencilText(t string, height, width, border, in, out int64, turned bool) string {
	h, v := height+2*border-2, width+2*border-2
	at := func(axis, tap string, extent int64) string {
		p := fmt.Sprintf("%s + %s - %d", axis, tap, border)
		if turned {
			p = fmt.Sprintf("%s - %s + %d", axis, tap, 2-border)
		}
		return p
	}
	when := ""
	if border > 0 {
		when = fmt.Sprintf(" when 0 <= %s < %d, 0 <= %s < %d", at("h", "r", height), height, at("v", "s", width), width)
	}
	weight, shape := "w[r, s, i, o]", fmt.Sprintf("3, 3, %d, %d", in, out)
	if turned {
		weight, shape = "w[r, s, o, i]", fmt.Sprintf("3, 3, %d, %d", out, in)
	}
	text := fmt.Sprintf(`program conv
buffer x: input f32[N, %[1]d, %[2]d, %[3]d]
buffer w: weight f32[%[9]s]
buffer y: output f32[N, %[5]d, %[6]d, %[4]d]
kernel conv(x, w) -> (y)
  y[n:N, h:%[5]d, v:%[6]d, o:%[4]d] = sum (r:3, s:3, i:%[3]d) unordered%[7]s; x[n, %[10]s, %[11]s, i] * %[8]s
`, height, width, in, out, h, v, when, weight, shape, at("h", "r", height), at("v", "s", width))
	return strings.ReplaceAll(text, "f32", t)
}

func parsedProgram(t *testing.T, text string) *kernel.Program {
	t.Helper()
	p, err := kernel.Parse(text)
	if err == nil {
		err = kernel.Verify(p)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return p
}

// TestMinimalFiltering compares both tiles, over images that tiles fit and exceed, with the
// convolution in f64; the bounds are those of docs/numerics.md.
func TestMinimalFiltering(t *testing.T) {
	norms := map[int64]float64{2: 81, 4: 36100}
	for _, size := range [][2]int64{{8, 8}, {5, 4}, {7, 9}, {3, 3}, {3, 13}} {
		for border := range int64(3) {
			for _, turned := range []bool{false, true} {
				const in, out, batch = 5, 18, 2
				want := interpret(t, withOrder(parsedProgram(t, stencilText("f64", size[0], size[1], border, in, out, turned))), batch, 1)["y"]
				for _, m := range minimals() {
					p := parsedProgram(t, stencilText("f32", size[0], size[1], border, in, out, turned))
					k := p.Kernels[0]
					c := stencilOf(k.Defs[0], buffersByName(p))
					if c == nil {
						t.Fatalf("no stencil in\n%s", p)
					}
					p.Kernels = append(c.filtered(p, k, m, bufferNames(p), buffersByName(p)), k)
					if err := kernel.Verify(p); err != nil {
						t.Fatalf("%v\n%s", err, p)
					}
					const magnitudes, unit = 36, 1.0 / (1 << 24) // of normal numbers, squared
					bound := norms[m.tile] * (in + 34) * in * unit * magnitudes
					got, sum := interpret(t, withOrder(p), batch, 1)["y"], 0.0
					for i := range want.Len() {
						d := math.Abs(got.Float(i) - want.Float(i))
						if sum += d * d; !(d <= bound) {
							t.Fatalf("%v, border %d, turned %v, tile %d: element %d is %v, not %v\n%s", size, border, turned, m.tile, i, got.Float(i), want.Float(i), p)
						}
					}
					if mean := math.Sqrt(sum / float64(want.Len())); mean > 1e-5 {
						t.Errorf("%v, border %d, turned %v, tile %d: off by %g in the mean", size, border, turned, m.tile, mean)
					}
				}
			}
		}
	}
}

func withOrder(p *kernel.Program) *kernel.Program {
	order(p, nil)
	return p
}

// TestMinimalIsChosenByShape looks at where form puts it.
func TestMinimalIsChosenByShape(t *testing.T) {
	usual := stencilText("f32", 28, 28, 1, 64, 64, false)
	for _, c := range []struct {
		text string
		tile string
	}{
		{usual, "F(4 x 4"},
		{stencilText("f32", 28, 28, 1, 64, 64, true), "F(4 x 4"},
		{stencilText("f32", 28, 28, 0, 64, 64, false), "F(4 x 4"},
		{strings.ReplaceAll(stencilText("f32", 6, 6, 1, 512, 512, false), "N", "512"), "F(2 x 2"},
		{stencilText("f32", 28, 28, 1, 3, 64, false), ""},     // transforms cost more than they save
		{stencilText("f32", 7, 7, 1, 512, 512, false), ""},    // the filter's transform does
		{stencilText("f64", 28, 28, 1, 64, 64, false), ""},    // of f32 alone
		{strings.ReplaceAll(usual, "h + r", "2*h + r"), ""},   // of stride 1 alone
		{strings.ReplaceAll(usual, "h + r", "h + 2*r"), ""},   // without gaps
		{strings.ReplaceAll(usual, "unordered", "chain"), ""}, // the order is settled
		{strings.ReplaceAll(usual, "v + s - 1 < 28", "v + s - 1 < 27"), ""},
	} {
		p := parsedProgram(t, c.text)
		var why []string
		filtering(p, &Options{Explain: func(_, line string) { why = append(why, line) }})
		if err := kernel.Verify(p); err != nil {
			t.Error(err)
		}
		if got := strings.Join(why, "; "); (c.tile == "") != (got == "") || !strings.Contains(got, c.tile) {
			t.Errorf("%q, not %q, for\n%s", got, c.tile, c.text)
		}
	}
}
