package trial

import (
	"regexp"
	"strings"
	"testing"

	"dlc/codegen/ptx"
	"dlc/ir/tensor"
)

// deep has more turns than any ring has slots, and a short last one.
const deep = `program p
buffer x: input bf16[M, 456]
buffer w: weight bf16[456, 200]
buffer y: output f32[M, 200]

kernel deep(x: bf16[M, 456], w: bf16[456, 200]) -> (y: f32[M, 200])
  a[m:M, c:200] = sum k:456 matrix; f32(x[m, k]) * f32(w[k, c])
  y[m:M, c:200] = a[m, c]
`

func TestRings(t *testing.T) {
	for _, target := range []ptx.Target{ptx.SM80(), ptx.SM90A()} {
		t.Run(target.Name, func(t *testing.T) {
			t.Parallel()
			agree(t, deep, target, map[string]int64{"M": 70}, 1e-3)
		})
	}
}

// TestRingsNeedTheirWaits breaks what orders products, copies and slots of the form for warp groups,
// and of that for warps. The interpreter must name a fault, or never end.
func TestRingsNeedTheirWaits(t *testing.T) {
	for _, c := range []struct {
		what     string
		target   ptx.Target
		from, to string
	}{
		{"products that are not waited for at the end", ptx.SM90A(), `wait_group\.sync\.aligned 0`, "wait_group.sync.aligned 1"},
		{"products of two turns under way", ptx.SM90A(), `wait_group\.sync\.aligned 1`, "wait_group.sync.aligned 2"},
		{"products in no order with registers", ptx.SM90A(), `wgmma\.fence\.sync\.aligned;`, ""},
		{"slots given back at once", ptx.SM90A(), `add\.s32(\s+%r\d+, %r\d+, )-16;`, "add.s32${1}0;"},
		{"slots never given back", ptx.SM90A(), `mbarrier\.arrive\.shared\.b64 _, \[%r\d+\];`, ""},
		{"slots that nobody waits for", ptx.SM90A(), `@p bra (D\d+)`, "bra $1"},
		{"fewer bytes expected", ptx.SM90A(), `mov\.b32(\s+%r\d+), 49152;`, "mov.b32$1, 49136;"},
		{"copies that are not waited for", ptx.SM80(), `cp\.async\.wait_group 1`, "cp.async.wait_group 2"},
		{"slots written while they are read", ptx.SM80(), `bar\.sync\s+0;`, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			m, programs := compiled(t, deep, c.target)
			text := regexp.MustCompile(c.from).ReplaceAllString(m.Text, c.to)
			if text == m.Text {
				t.Fatalf("%s does not stand in\n%s", c.from, m.Text[:strings.Index(m.Text, "ret;")])
			}
			m.Text = text
			in := map[string]*tensor.Tensor{}
			for _, b := range programs[0].Kernel.Ins {
				dims, _ := b.Type.Shape.Bind(map[string]int64{"M": 70})
				in[b.Name] = tensor.New(b.Type.DType, dims...)
			}
			err := Run(m, programs, map[string]int64{"M": 70}, in, 3)
			if err == nil {
				t.Fatal("nothing is found")
			}
			t.Log(err)
		})
	}
}
