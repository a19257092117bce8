package cpu

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"dlc/ir/tile"
)

// streamed are kernels whose rows and outputs move through memory.
var streamed = []string{
	`kernel softmax(x: input f32[6, 1024]) -> (y: output f32[6, 1024])
  m[i:6] = max j:1024 lanes64; x[i, j]
  s[i:6] = sum j:1024 lanes64; exp(x[i, j] - m[i])
  y[i:6, j:1024] = exp(x[i, j] - m[i]) / s[i]
`, `kernel odd(x: input f32[5, 333]) -> (y: output f32[5, 333])
  m[i:5] = max j:333 lanes64; x[i, j]
  y[i:5, j:333] = x[i, j] - m[i]
`, `kernel table(ids: input i64[33], w: input f32[9, 128]) -> (y: output f32[33, 128])
  y[n:33, d:128] = w[@ids[n], d]
`, `kernel gradient(ids: input i64[33], dy: input f32[33, 128]) -> (dw: output f32[9, 128])
  dw[v:9, d:128] = sum n:33 chain at v = ids[n]; dy[n, d]
`,
}

// TestPast holds that outputs that no cache would keep, as on a machine without one, have the same
// bits, by stores past the caches that are waited for.
func TestPast(t *testing.T) {
	for _, text := range streamed {
		k := parsedKernel(t, text)
		check(t, func(target Target) []*tile.Program {
			target.Machine.L3 = 1
			programs := tiled(t, target, []*tile.Program{{Kernel: k}})
			asm, err := EmitAsm(programs, nil, target, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if past := strings.Contains(asm, "vmovnt") && strings.Contains(asm, "sfence"); past == (k.Name == "odd") {
				t.Errorf("%s for %s: stores past the caches: %v", k.Name, target.Name, past)
			}
			return programs
		}, []map[string]int64{{}}, true)
	}
}

// TestColumnSums adds rows of any number down columns that lie in the thread's memory.
func TestColumnSums(t *testing.T) {
	for _, columns := range []int{400, 2112} {
		k := parsedKernel(t, fmt.Sprintf(`kernel scales(x: input f32[N, %[1]d], dy: input f32[N, %[1]d], m: input f32[N]) -> (dg: output f32[%[1]d], db: output f32[%[1]d])
  s[j:%[1]d] = sum i:N chunks i by 8; dy[i, j] * (x[i, j] - m[i])
  db[j:%[1]d] = sum i:N chunks i by 8; dy[i, j]
  dg[j:%[1]d] = s[j] * 2.0
`, columns))
		check(t, func(target Target) []*tile.Program {
			programs := tiled(t, target, []*tile.Program{{Kernel: k}})
			if !strings.Contains(programs[0].String(), "hold s along") {
				t.Errorf("%s: rows are not walked whole:\n%s", target.Name, programs[0])
			}
			return programs
		}, []map[string]int64{{"N": 0}, {"N": 1}, {"N": 7}, {"N": 8}, {"N": 9}, {"N": 41}}, true)
	}
}

// windows are sums over windows that go along rows, upwards and downwards.
var windows = []string{
	`kernel forward(x: input f32[N, 6, %[1]d, 96], w: input f32[3, 3, 96]) -> (y: output f32[N, 6, %[1]d, 96])
  y[n:N, h:6, v:%[1]d, o:96] = sum (r:3, s:3) chain when 0 <= h + r - 1 < 6, 0 <= v + s - 1 < %[1]d; x[n, h + r - 1, v + s - 1, o] * w[r, s, o]
`, `kernel data(dy: input f32[N, 6, %[1]d, 96], w: input f32[3, 3, 96]) -> (dx: output f32[N, 6, %[1]d, 96])
  dx[n:N, h:6, v:%[1]d, o:96] = sum (r:3, s:3) chain when 0 <= h - r + 1 < 6, 0 <= v - s + 1 < %[1]d; dy[n, h - r + 1, v - s + 1, o] * w[r, s, o]
`, `kernel filter(x: input f32[N, 6, %[1]d, 96], dy: input f32[N, 6, %[1]d, 96]) -> (dw: output f32[3, 3, 96])
  dw[r:3, s:3, o:96] = sum (n:N, h:6, v:%[1]d) chunks n by 1 when 0 <= h + r - 1 < 6, 0 <= v + s - 1 < %[1]d; x[n, h + r - 1, v + s - 1, o] * dy[n, h, v, o]
`, `kernel most(x: input f32[N, 6, %[1]d, 96]) -> (y: output f32[N, 4, %[1]d, 96])
  y[n:N, h:4, v:%[1]d, o:96] = max (r:3, s:2) chain when 0 <= v + s < %[1]d; x[n, h + r, v + s, o]
`,
}

// TestWindows holds that terms in the order of what they read have the bits of terms in their order.
func TestWindows(t *testing.T) {
	for _, text := range windows {
		for _, width := range []int{1, 8, 13} {
			k := parsedKernel(t, fmt.Sprintf(text, width))
			check(t, func(target Target) []*tile.Program {
				target.Machine.L3 = 64 << 10 // some sizes go past it
				return tiled(t, target, []*tile.Program{{Kernel: k}})
			}, []map[string]int64{{"N": 1}, {"N": 2}}, false)
		}
	}
}

// TestTaps sums taps row by row, in blocks of channels where there are many.
func TestTaps(t *testing.T) {
	for _, c := range []struct {
		channels int
		chunks   string
	}{{80, "n by 2"}, {80, "h by 2"}, {1936, "n by 1"}} {
		k := parsedKernel(t, fmt.Sprintf(`kernel taps(x: input f32[N, 3, 12, %[1]d], dy: input f32[N, 3, 12, %[1]d]) -> (dw: output f32[3, 3, %[1]d])
  dw[r:3, s:3, o:%[1]d] = sum (n:N, h:3, v:12) chunks %[2]s when 0 <= h + r - 1 < 3, 0 <= v + s - 1 < 12; x[n, h + r - 1, v + s - 1, o] * dy[n, h, v, o]
`, c.channels, c.chunks))
		check(t, func(target Target) []*tile.Program {
			programs := tiled(t, target, []*tile.Program{{Kernel: k}})
			if target.Width == 512 && !strings.Contains(programs[0].String(), "hold dw along") {
				t.Errorf("rows are not walked whole:\n%s", programs[0])
			}
			return programs
		}, []map[string]int64{{"N": 1}, {"N": 3}}, false)
	}
}

var vectorLoad = regexp.MustCompile(`\(%r.*zmm`)

// TestWindowLoads counts what the inner loop of a depthwise convolution reads: six columns of the
// image and three of the filter for four of the result, in four registers each, and none twice.
func TestWindowLoads(t *testing.T) {
	k := parsedKernel(t, fmt.Sprintf(windows[0], 56))
	text, err := EmitAsm(tiled(t, V4(), []*tile.Program{{Kernel: k}}), nil, V4(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	full := 0
	for _, loop := range innerLoops(text) {
		if strings.Count(loop, "vfmadd") < 48 {
			continue
		}
		full++
		if n := len(vectorLoad.FindAllString(loop, -1)); n > 4*(6+3) {
			t.Errorf("%d loads for 48 multiply-adds:\n%s", n, loop)
		}
		if s := spill.FindString(loop); s != "" {
			t.Errorf("spill in an inner loop: %s", s)
		}
	}
	if full == 0 {
		t.Errorf("no inner loop of four columns:\n%s", text)
	}
}

// TestExponentials goes through the range of the exponentials, results that are subnormal or infinite
// included: where the machine scales by powers of two, the bits are those of products with them.
func TestExponentials(t *testing.T) {
	for _, fn := range []string{"exp", "exp2", "sigmoid", "tanh", "expm1"} {
		k := parsedKernel(t, fmt.Sprintf(`kernel exponentials(scale: input f32[1]) -> (y: output f32[40007])
  y[p:40007] = %s(f32({p}) * 0.0075 - 160.0 + scale[0])
`, fn))
		check(t, func(target Target) []*tile.Program {
			programs := tiled(t, target, []*tile.Program{{Kernel: k}})
			text, err := EmitAsm(programs, nil, target, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if fn == "exp" && strings.Contains(text, "vscalefps") != target.Machine.Masks {
				t.Errorf("%s: scaled at once: %v", target.Name, !target.Machine.Masks)
			}
			return programs
		}, []map[string]int64{nil}, true)
	}
}

// TestMaximum holds that the inner loop of a row's maximum takes one instruction a vector and a
// comparison for two, and that nothing of it is in memory.
func TestMaximum(t *testing.T) {
	k := parsedKernel(t, streamed[0])
	text, err := EmitAsm(tiled(t, V4(), []*tile.Program{{Kernel: k}}), nil, V4(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	loops := 0
	for _, loop := range innerLoops(text) {
		ranges := strings.Count(loop, "vrangeps")
		if ranges == 0 {
			continue
		}
		loops++
		if n := strings.Count(loop, "vcmpunordps"); 2*n != ranges || strings.Contains(loop, "vblend") || strings.Contains(loop, "vmaxps") {
			t.Errorf("%d comparisons for %d vectors:\n%s", n, ranges, loop)
		}
	}
	if loops != 1 {
		t.Errorf("%d loops of a maximum", loops)
	}
	for _, loop := range innerLoops(text) {
		if s := spill.FindString(loop); s != "" {
			t.Errorf("spill in an inner loop: %s", s)
		}
	}
}
