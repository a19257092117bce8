package emulate

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// Kernels that LLVM 19 compiled for sm_80 from the .ll files beside them, against plain Go.

func module(t testing.TB, file string) *Module {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func entry(t testing.TB, m *Module, name string) *Entry {
	t.Helper()
	e, err := m.Entry(name)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func floatBytes(v []float32) []byte {
	var out []byte
	for _, f := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(f))
	}
	return out
}

func floatsOf(b []byte) []float32 {
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}

func input(name string, v []float32) *Buffer {
	return &Buffer{Name: name, Data: floatBytes(v), ReadOnly: true}
}

func output(name string, n int) *Buffer {
	return &Buffer{Name: name, Data: make([]byte, 4*n), Blank: true}
}

func random(rng *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

func sameBits(t *testing.T, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) && !(got[i] != got[i] && want[i] != want[i]) {
			t.Fatalf("element %d: %v, want %v", i, got[i], want[i])
		}
	}
}

func TestVectorAdd(t *testing.T) {
	e := entry(t, module(t, "vecadd.ptx"), "vecadd")
	rng := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{1, 31, 64, 100, 257} {
		x, y := random(rng, n), random(rng, n)
		z := output("z", n)
		report, err := e.Run(Launch{Grid: [3]int{(n + 63) / 64}, Block: [3]int{64}, Seed: 7,
			Args: []Arg{Pointer(input("x", x), 0), Pointer(input("y", y), 0), Pointer(z, 0), U32(uint32(n))}})
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float32, n)
		for i := range want {
			want[i] = x[i] + y[i]
		}
		sameBits(t, floatsOf(z.Data), want)
		if len(report.Approximate)+len(report.Fusible) != 0 {
			t.Errorf("approximate forms %v, fusible %v", report.Approximate, report.Fusible)
		}
	}
}

// rowSum sums as the kernel does: strided over threads, a butterfly in each warp, then the warps in order.
func rowSum(x []float32, threads int) float32 {
	part := make([]float32, threads)
	for t := range part {
		for i := t; i < len(x); i += threads {
			part[t] += x[i]
		}
	}
	var sum float32
	for w := 0; w < threads; w += 32 {
		lanes := part[w : w+32]
		for by := 16; by > 0; by /= 2 {
			next := make([]float32, 32)
			for l := range lanes {
				next[l] = lanes[l] + lanes[l^by]
			}
			lanes = next
		}
		sum += lanes[0]
	}
	return sum
}

func TestReduction(t *testing.T) {
	e := entry(t, module(t, "reduce.ptx"), "rowsum")
	rng := rand.New(rand.NewPCG(2, 1))
	for _, n := range []int{1, 32, 100, 1000} {
		for _, threads := range []int{32, 128, 256} {
			x := random(rng, 3*n)
			y := output("y", 3)
			_, err := e.Run(Launch{Grid: [3]int{3}, Block: [3]int{threads}, Seed: uint64(n),
				Args: []Arg{Pointer(input("x", x), 0), Pointer(y, 0), U32(uint32(n))}})
			if err != nil {
				t.Fatal(err)
			}
			sameBits(t, floatsOf(y.Data), []float32{rowSum(x[:n], threads), rowSum(x[n:2*n], threads), rowSum(x[2*n:], threads)})
		}
	}
}

func matmulLaunch(a, b []float32, c *Buffer, m, n, k int) Launch {
	return Launch{Grid: [3]int{n / 16, m / 16}, Block: [3]int{16, 16}, Seed: 3,
		Args: []Arg{Pointer(input("a", a), 0), Pointer(input("b", b), 0), Pointer(c, 0), U32(uint32(n)), U32(uint32(k))}}
}

func matmulOf(a, b []float32, m, n, k int) []float32 {
	out := make([]float32, m*n)
	for i := range m {
		for j := range n {
			var acc float32
			for l := range k {
				acc = fma32(a[i*k+l], b[l*n+j], acc)
			}
			out[i*n+j] = acc
		}
	}
	return out
}

func TestTiledMatmul(t *testing.T) {
	e := entry(t, module(t, "matmul.ptx"), "matmul")
	rng := rand.New(rand.NewPCG(3, 1))
	m, n, k := 64, 64, 64
	a, b, c := random(rng, m*k), random(rng, k*n), output("c", m*n)
	start := time.Now()
	report, err := e.Run(matmulLaunch(a, b, c, m, n, k))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d instructions of warps in %v", report.Steps, time.Since(start))
	sameBits(t, floatsOf(c.Data), matmulOf(a, b, m, n, k))
}

// Each barrier of the tiled matmul is needed: without it the run ends in a race.
func TestDroppedBarrierIsARace(t *testing.T) {
	text, err := os.ReadFile("testdata/matmul.ptx")
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(4, 1))
	parts := strings.Split(string(text), "bar.sync")
	for i := 1; i < len(parts); i++ {
		_, rest, _ := strings.Cut(parts[i], ";")
		m, err := Parse(strings.Join(parts[:i], "bar.sync") + rest + strings.Join(append([]string{""}, parts[i+1:]...), "bar.sync"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = entry(t, m, "matmul").Run(matmulLaunch(random(rng, 32*32), random(rng, 32*32), output("c", 32*32), 32, 32, 32))
		var f *Fault
		if !errors.As(err, &f) || f.Kind != Race && f.Kind != Uninitialized {
			t.Errorf("without barrier %d: %v, expected a race", i, err)
		}
		t.Log(err)
	}
}

func BenchmarkTiledMatmul(b *testing.B) {
	e := entry(b, module(b, "matmul.ptx"), "matmul")
	rng := rand.New(rand.NewPCG(3, 1))
	x, y, c := random(rng, 64*64), random(rng, 64*64), output("c", 64*64)
	for b.Loop() {
		if _, err := e.Run(matmulLaunch(x, y, c, 64, 64, 64)); err != nil {
			b.Fatal(err)
		}
	}
}

// What one launch writes into a blank buffer the next may read, and nothing else.
func TestBlankBuffersRememberWhatWasWritten(t *testing.T) {
	e := entry(t, module(t, "vecadd.ptx"), "vecadd")
	add := func(x, y, z *Buffer, n int) error {
		_, err := e.Run(Launch{Block: [3]int{64}, Args: []Arg{Pointer(x, 0), Pointer(y, 0), Pointer(z, 0), U32(uint32(n))}})
		return err
	}
	x, y, z := input("x", make([]float32, 16)), output("y", 16), output("z", 16)
	if err := add(x, x, y, 10); err != nil || y.Written() != 40 {
		t.Fatalf("%v, %d bytes written", err, y.Written())
	}
	if err := add(y, y, z, 10); err != nil {
		t.Fatal(err)
	}
	var f *Fault
	if err := add(y, y, output("w", 16), 11); !errors.As(err, &f) || f.Kind != Uninitialized {
		t.Errorf("reading one element too many: %v", err)
	}
}

func TestLaunchesThatCannotBe(t *testing.T) {
	m, err := Parse(ptx("sm_80", ".extern .shared .align 16 .b8 room[];", "mov.u32 %r0, room; ret;"))
	if err != nil {
		t.Fatal(err)
	}
	b := &Buffer{Name: "b", Data: make([]byte, 4)}
	args := []Arg{Pointer(b, 0), Pointer(b, 0), U32(0)}
	for want, l := range map[string]Launch{
		"at most 166912":       {DynamicShared: 164 << 10, Args: args},
		"at most 1024":         {Block: [3]int{1025}, Args: args},
		"has 3 parameters":     {Args: args[:2]},
		"has 8 bytes":          {Args: []Arg{args[0], args[1], U64(0)}},
		"multiple of the clus": {Grid: [3]int{3}, Cluster: [3]int{2}, Args: args},
		"outside of buffer b":  {Args: []Arg{Pointer(b, 5), args[1], args[2]}},
	} {
		if _, err := entry(t, m, "k").Run(l); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("expected an error with %q: got %v", want, err)
		}
	}
}

// The same seed runs the same way; the result is the same with every seed.
func TestSeeds(t *testing.T) {
	e := entry(t, module(t, "matmul.ptx"), "matmul")
	rng := rand.New(rand.NewPCG(8, 1))
	a, b := random(rng, 32*32), random(rng, 32*32)
	var first []byte
	for _, seed := range []uint64{1, 2, 3, 1} {
		c := output("c", 32*32)
		l := matmulLaunch(a, b, c, 32, 32, 32)
		l.Seed = seed
		if _, err := e.Run(l); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = c.Data
		}
		if string(c.Data) != string(first) {
			t.Fatalf("seed %d gives another result", seed)
		}
	}
	text, err := os.ReadFile("testdata/reduce.ptx")
	if err != nil {
		t.Fatal(err)
	}
	racing, err := Parse(strings.Replace(string(text), "bar.sync", "//", 1))
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]int{}
	for i := range 10 {
		_, err := entry(t, racing, "rowsum").Run(Launch{Grid: [3]int{3}, Block: [3]int{256}, Seed: uint64(i % 5),
			Args: []Arg{Pointer(input("x", random(rng, 3*64)), 0), Pointer(output("y", 3), 0), U32(64)}})
		if err == nil {
			t.Fatal("without its barrier the reduction passes")
		}
		said[err.Error()]++
	}
	for text, n := range said {
		if n%2 != 0 {
			t.Errorf("said %d times: %s", n, text)
		}
	}
}
