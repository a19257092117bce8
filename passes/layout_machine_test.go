package passes

import (
	"strings"
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tile"
)

const layoutProgram = `program p
buffer x: input f32[512, 300]
buffer w: weight f32[300, 512]
buffer h: input bf16[N, 35]
buffer v: weight bf16[35, 512]
buffer y: output f32[512, 512]
buffer z: output f32[N, 512]

kernel wide(x, w) -> (y)
  y[m:512, c:512] = sum k:300 unordered; x[m, k] * w[k, c]

kernel half(h, v) -> (z)
  z[m:N, c:512] = sum k:35 unordered; f32(h[m, k]) * f32(v[k, c])
`

// TestLayoutIsTheMachines packs wide weights for CPUs, and for a GPU's matrix unit gives rows of 16-bit
// floats a multiple of 16 bytes where they have none.
func TestLayoutIsTheMachines(t *testing.T) {
	for _, c := range []struct {
		machine   *tile.Machine
		has, lack []string
	}{
		{nil, []string{"w.packed", "panel16"}, []string{"rows8", "h.packed"}},
		{&tile.Machine{Panels: panelWidth}, []string{"w.packed", "panel16"}, []string{"rows8", "h.packed"}},
		{&tile.Machine{Warps: 4, Pitch: 16}, []string{"h.packed", "rows8"}, []string{"panel16", "v.packed", "w.packed"}},
		{&tile.Machine{Warps: 4}, nil, []string{"packed"}},
	} {
		p, err := kernel.Parse(layoutProgram)
		if err != nil {
			t.Fatal(err)
		}
		Rewrite(p, &Options{Machine: c.machine})
		if err := kernel.Verify(p); err != nil {
			t.Fatal(err)
		}
		text := p.String()
		for _, want := range c.has {
			if !strings.Contains(text, want) {
				t.Errorf("%+v: no %s in\n%s", c.machine, want, text)
			}
		}
		for _, bad := range c.lack {
			if strings.Contains(text, bad) {
				t.Errorf("%+v: %s in\n%s", c.machine, bad, text)
			}
		}
	}
}
