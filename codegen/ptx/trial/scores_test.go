package trial

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"dlc/codegen/ptx"
)

// scores are weighted sums for matrix units: with a condition and without, with operands of one batch
// index and of two, with what is read of memory among the scores, of both 16-bit floats and of depths
// that are no whole parts.
var scores = map[string]string{
	"causal": `program p
buffer q: input bf16[G, T, 64]
buffer k: input bf16[G, T, 64]
buffer v: input bf16[G, T, 64]
buffer o: output f32[G, T, 64]

kernel attend(q: bf16[G, T, 64], k: bf16[G, T, 64], v: bf16[G, T, 64]) -> (o: f32[G, T, 64])
  s[g:G, i:T, j:T] = sum d:64 matrix; f32(q[g, i, d]) * f32(k[g, j, d])
  m[g:G, i:T] = max j:T rescale when 0 <= i - j < T; s[g, i, j] * 0.125
  l[g:G, i:T] = sum j:T rescale m when 0 <= i - j < T; exp(s[g, i, j] * 0.125 - m[g, i])
  a[g:G, i:T, e:64] = sum j:T rescale m when 0 <= i - j < T; f32(bf16(exp(s[g, i, j] * 0.125 - m[g, i]))) * f32(v[g, j, e])
  o[g:G, i:T, e:64] = a[g, i, e] / l[g, i]
`,
	"biased": `program p
buffer q: input f16[N, T, 2, 128]
buffer k: input f16[N, S, 2, 128]
buffer v: input f16[N, S, 2, 40]
buffer b: input f32[T, S]
buffer o: output f16[N, 2, T, 40]
buffer m: output f32[N, 2, T]

kernel attend(q: f16[N, T, 2, 128], k: f16[N, S, 2, 128], v: f16[N, S, 2, 40], b: f32[T, S]) -> (o: f16[N, 2, T, 40], m: f32[N, 2, T])
  s[n:N, h:2, i:T, j:S] = sum d:128 matrix; f32(q[n, i, h, d]) * f32(k[n, j, h, d])
  r[n:N, h:2, i:T] = max j:S rescale; s[n, h, i, j] * 0.0625 + b[i, j]
  l[n:N, h:2, i:T] = sum j:S rescale r; exp(s[n, h, i, j] * 0.0625 + b[i, j] - r[n, h, i])
  a[n:N, h:2, i:T, e:40] = sum j:S rescale r; f32(v[n, j, h, e]) * f32(f16(exp(s[n, h, i, j] * 0.0625 + b[i, j] - r[n, h, i])))
  o[n:N, h:2, i:T, e:40] = f16(a[n, h, i, e] / l[n, h, i])
  m[n:N, h:2, i:T] = r[n, h, i]
`,
}

func TestScores(t *testing.T) {
	for name, text := range scores {
		for _, target := range []ptx.Target{ptx.SM80(), ptx.SM90A()} {
			for _, size := range []map[string]int64{{"G": 0, "N": 0, "T": 3, "S": 3}, {"G": 1, "N": 1, "T": 1, "S": 1}, {"G": 2, "N": 1, "T": 70, "S": 140}, {"G": 1, "N": 1, "T": 300, "S": 300}} {
				if size["T"] == 300 && (target.Name != "sm_90a" || name != "causal") { // more turns than slots
					continue
				}
				t.Run(fmt.Sprint(name, target.Name, size["T"]), func(t *testing.T) {
					t.Parallel()
					m, _ := compiled(t, text, target)
					if !strings.Contains(m.Text, "mma") {
						t.Fatal("no product of a matrix unit")
					}
					agree(t, text, target, size, 0.02)
				})
			}
		}
	}
}

// TestScoresNeedTheirParts breaks what orders and joins the parts of weighted sums: the interpreter names a
// fault, or the results are others.
func TestScoresNeedTheirParts(t *testing.T) {
	for _, c := range []struct {
		what     string
		target   ptx.Target
		from, to string
	}{
		{"scores that are not waited for", ptx.SM90A(), `wait_group\.sync\.aligned 0; }`, "wait_group.sync.aligned 1; }"},
		{"sums that are not waited for", ptx.SM90A(), `\twgmma\.wait_group\.sync\.aligned 0;`, "\twgmma.wait_group.sync.aligned 1;"},
		{"scores on top of the last ones", ptx.SM90A(), `, 0, 1, 1, 0, 0;`, ", 1, 1, 1, 0, 0;"},
		{"products in no order with registers", ptx.SM90A(), `wgmma\.fence\.sync\.aligned;`, ""},
		{"slots never given back", ptx.SM90A(), `mbarrier\.arrive\.shared\.b64 _, \[%r\d+\];`, ""},
		{"operands that nobody waits for", ptx.SM90A(), `@p bra (D\d+)`, "bra $1"},
		{"maxima of half a row", ptx.SM80(), `shfl\.sync\.bfly\.b32(\s+%f\d+, %f\d+, )2,`, "shfl.sync.bfly.b32${1}1,"},
		{"copies that are not waited for", ptx.SM80(), `cp\.async\.wait_group 2`, "cp.async.wait_group 3"},
		{"slots written while they are read", ptx.SM80(), `bar\.sync\s+0;`, ""},
		{"weights in the wrong half", ptx.SM80(), `cvt\.rn\.bf16x2\.f32(\s+%r\d+), (%f\d+), (%f\d+);`, "cvt.rn.bf16x2.f32$1, $3, $2;"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			m, programs := compiled(t, scores["causal"], c.target)
			text := regexp.MustCompile(c.from).ReplaceAllString(m.Text, c.to)
			if text == m.Text {
				t.Fatalf("%s does not stand in the text", c.from)
			}
			m.Text = text
			size := map[string]int64{"G": 1, "T": 140}
			if strings.HasPrefix(c.what, "slots") { // more turns than there are
				size["T"] = 300
			}
			if err := differ(m, programs, scores["causal"], size, 0.02); err != nil {
				t.Log(err)
				return
			}
			t.Error("nothing is found")
		})
	}
}
