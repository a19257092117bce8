package cpu

import (
	"math"
	"math/rand"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"dlc/codegen"
	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// halfMatmul is y[m,c] = sum of products of bf16, in f32.
func halfMatmul(m, k, c tensor.Dim) *kernel.Kernel {
	h := tensor.BF16
	wide := func(l *kernel.Load) kernel.Expr { return kernel.Cast(tensor.F32, l) }
	return &kernel.Kernel{Name: "half",
		Ins:  []*kernel.Buffer{buffer("x", h, kernel.Input, m, k), buffer("w", h, kernel.Input, k, c)},
		Outs: []*kernel.Buffer{buffer("y", tensor.F32, kernel.Output, m, c)},
		Defs: []*kernel.Def{{Name: "y", DType: tensor.F32, Axes: []kernel.Axis{axis("m", m), axis("c", c)},
			Reduce: &kernel.Reduce{Op: kernel.Sum, Axes: []kernel.Axis{axis("k", k)}, Order: kernel.Order{Kind: kernel.Matrix}},
			Expr:   kernel.Apply("mul", wide(read("x", h, "m", "k")), wide(read("w", h, "k", "c")))}}}
}

// TestHalfProducts compares sums of products of bf16 with their sum in f64: an order that a target
// may choose rounds no worse than a chain in f32 does.
func TestHalfProducts(t *testing.T) {
	for _, target := range Known() {
		t.Run(target.Name, func(t *testing.T) {
			for _, s := range [][3]int64{{1, 7, 5}, {3, 64, 33}, {29, 35, 70}, {37, 67, 300}, {70, 96, 64}, {45, 352, 530}, {2, 70, 4001}} {
				k := halfMatmul(in(s[0]), in(s[1]), in(s[2]))
				m := compiled(t, target, tiled(t, target, []*tile.Program{{Kernel: k}})...)
				r := rand.New(rand.NewSource(3))
				values := map[string]*tensor.Tensor{"y": tensor.New(tensor.F32, int(s[0]), int(s[2]))}
				for _, b := range k.Ins {
					values[b.Name] = random(r, b, nil, false)
				}
				m.bind(nil, values)
				m.call(2)
				closeToExact(t, s, values["x"], values["w"], m.value("y", nil))
			}
		})
	}
}

func closeToExact(t *testing.T, s [3]int64, x, w, y *tensor.Tensor) {
	t.Helper()
	for m := range int(s[0]) {
		for c := range int(s[2]) {
			sum, size := 0.0, 0.0
			for k := range int(s[1]) {
				p := x.Float(m*int(s[1])+k) * w.Float(k*int(s[2])+c)
				sum += p
				size += math.Abs(p)
			}
			if got := y.Float(m*int(s[2]) + c); !(math.Abs(got-sum) <= size*float64(s[1]+1)*0x1p-24) {
				t.Fatalf("%v: y[%d,%d] is %g, not %g", s, m, c, got, sum)
			}
		}
	}
}

var loadOfVector = regexp.MustCompile(`(?m)^\tv.*\(%r`)

// innerDots are the inner loops of a text with at least that many of an instruction.
func innerDots(text, instruction string, least int) (loops []string) {
	for _, l := range innerLoops(text) {
		if strings.Count(l, instruction) >= least {
			loops = append(loops, l)
		}
	}
	return loops
}

func assembly(t *testing.T, target Target, k *kernel.Kernel) string {
	t.Helper()
	text, err := EmitAsm(tiled(t, target, []*tile.Program{{Kernel: k}}), nil, target, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestLoadsOfMicroKernels counts what an inner loop reads: a tile of r rows of v vectors reads r + v
// operands for r*v multiply-adds.
func TestLoadsOfMicroKernels(t *testing.T) {
	for _, c := range []struct {
		target      Target
		k           *kernel.Kernel
		instruction string
		rows, wide  int
	}{
		{V3(), matmul(in(1024), in(1024), in(1024)), "vfmadd", 6, 2},
		{V4(), matmul(in(1024), in(1024), in(1024)), "vfmadd", 12, 2},
		{V4AMX(), matmul(in(1024), in(1024), in(1024)), "vfmadd", 12, 2},
		{V4BF16(), halfMatmul(in(1024), in(1024), in(1024)), "vdpbf16ps", 12, 2},
	} {
		loops := innerDots(assembly(t, c.target, c.k), c.instruction, c.rows*c.wide)
		if len(loops) == 0 {
			t.Errorf("%s: no inner loop of %d %s", c.target.Name, c.rows*c.wide, c.instruction)
		}
		for _, l := range loops {
			n, loads := strings.Count(l, c.instruction), len(loadOfVector.FindAllString(l, -1))
			if s := spill.FindString(l); s != "" {
				t.Errorf("%s: spill in an inner loop: %s", c.target.Name, s)
			}
			if n%(c.rows*c.wide) == 0 && loads != n/(c.rows*c.wide)*(c.rows+c.wide) {
				t.Errorf("%s: %d reads for %d %s\n%s", c.target.Name, loads, n, c.instruction, l)
			}
		}
	}
}

// TestMatrixUnit reads the assembly for AMX: registers are configured once, before all else; the
// inner loop has four products for four loads; no register beyond the eight there are.
func TestMatrixUnit(t *testing.T) {
	text := assembly(t, V4AMX(), halfMatmul(n0, in(1024), in(2048)))
	if n, m := strings.Count(text, "ldtilecfg"), strings.Count(text, "tilerelease"); n != 1 || m == 0 {
		t.Errorf("%d configurations and %d releases", n, m)
	}
	if i, j := strings.Index(text, "ldtilecfg"), strings.Index(text, "tileloadd"); i > j {
		t.Error("tiles are loaded before they are configured")
	}
	if r := regexp.MustCompile(`tmm([89]|\d\d)`).FindString(text); r != "" {
		t.Errorf("register %s", r)
	}
	loops := innerDots(text, "tdpbf16ps", 4)
	if len(loops) == 0 {
		t.Fatal("no inner loop with the matrix unit")
	}
	for _, l := range loops {
		if n, m := strings.Count(l, "tdpbf16ps"), strings.Count(l, "tileloadd"); n != m {
			t.Errorf("%d products for %d loads\n%s", n, m, l)
		}
	}
	if strings.Contains(assembly(t, V4AMX(), halfMatmul(n0, in(35), in(64))), "tdpbf16ps") {
		t.Error("the matrix unit takes 35 terms, of which it takes 32 at once")
	}
}

// TestCasts converts bits of f32 to 16-bit floats and back, among them subnormals, halves between
// two and NaNs.
func TestCasts(t *testing.T) {
	const n = 4096
	f := tensor.F32
	for _, h := range []tensor.DType{tensor.BF16, tensor.F16} {
		axes := []kernel.Axis{axis("i", in(n))}
		k := &kernel.Kernel{Name: "casts", Ins: []*kernel.Buffer{buffer("x", f, kernel.Input, in(n))},
			Outs: []*kernel.Buffer{buffer("y", h, kernel.Output, in(n)), buffer("z", f, kernel.Output, in(n))},
			Defs: []*kernel.Def{{Name: "y", DType: h, Axes: axes, Expr: kernel.Cast(h, read("x", f, "i"))},
				{Name: "z", DType: f, Axes: axes, Expr: kernel.Cast(f, read("y", h, "i"))}}}
		x := tensor.New(f, n)
		r := rand.New(rand.NewSource(5))
		for i := range n {
			bits := r.Uint32()
			switch i % 4 {
			case 1:
				bits &= 0xFFFF8000 // a half between two bf16, or one
			case 2:
				bits = bits&0x8FFFE000 | 0x30000000 // small ones of f16, halves of them
			case 3:
				bits &= 0x807FFFFF // subnormal
			}
			x.SetFloat(i, float64(math.Float32frombits(bits)))
		}
		for _, target := range Known() {
			if target.Machine.Tiles {
				continue
			}
			m := compiled(t, target, tiled(t, target, []*tile.Program{{Kernel: k}})...)
			y, z := tensor.New(h, n), tensor.New(f, n)
			m.bind(nil, map[string]*tensor.Tensor{"x": x, "y": y, "z": z})
			m.call(1)
			y, z = m.value("y", nil), m.value("z", nil)
			for i := range n {
				v := float32(x.Float(i))
				want := tensor.ToHalf(h, v)
				if got := tensor.FromHalf(h, want); v != v && y.Float(i) != y.Float(i) && z.Float(i) != z.Float(i) {
					continue
				} else if y.Float(i) != float64(got) || z.Float(i) != float64(got) {
					t.Fatalf("%s: %s of %#x is %v and back %v, not %v", target.Name, h, math.Float32bits(v), y.Float(i), z.Float(i), got)
				}
			}
		}
	}
}

// TestAllCPUsCompile holds that parts are worked on at the same time.
func TestAllCPUsCompile(t *testing.T) {
	if runtime.GOMAXPROCS(0) < 2 {
		t.Skip("one CPU")
	}
	meet := make(chan bool)
	_, err := codegen.Each([]int{0, 1}, func(i int) (int, error) {
		if i == 0 {
			meet <- true
		} else {
			select {
			case <-meet:
			case <-time.After(20 * time.Second):
				t.Error("one part waits for the other in vain")
			}
		}
		return i, nil
	})
	if err != nil {
		t.Error(err)
	}
}
