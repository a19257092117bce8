//go:build linux && amd64

package runtime

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dlc/ir/tensor"
	"dlc/runtime/native"
	"dlc/runtime/program"
)

// The code of the test model, written by hand. Drivers take the Worker in RDI.
var testCode = []byte{
	// 0x00: thread 0 does t[i] = x[i] + w[0]; y[i] = t[i] for i below the first symbol
	0x48, 0x8B, 0x07, // mov rax, [rdi]
	0x48, 0x8B, 0x08, // mov rcx, [rax]
	0x48, 0x8B, 0x50, 0x08, // mov rdx, [rax+8]
	0x48, 0x8B, 0x31, // mov rsi, [rcx]
	0x4C, 0x8B, 0x41, 0x08, // mov r8, [rcx+8]
	0x4C, 0x8B, 0x49, 0x10, // mov r9, [rcx+16]
	0x4C, 0x8B, 0x51, 0x18, // mov r10, [rcx+24]
	0x48, 0x8B, 0x12, // mov rdx, [rdx]
	0x48, 0x83, 0x7F, 0x08, 0x00, // cmp qword [rdi+8], 0
	0x75, 0x2C, // jne end
	0xF3, 0x41, 0x0F, 0x10, 0x00, // movss xmm0, [r8]
	0x31, 0xC0, // xor eax, eax
	0xEB, 0x1E, // jmp test
	0xF3, 0x0F, 0x10, 0x0C, 0x86, // movss xmm1, [rsi+rax*4]
	0xF3, 0x0F, 0x58, 0xC8, // addss xmm1, xmm0
	0xF3, 0x41, 0x0F, 0x11, 0x0C, 0x81, // movss [r9+rax*4], xmm1
	0xF3, 0x41, 0x0F, 0x10, 0x0C, 0x81, // movss xmm1, [r9+rax*4]
	0xF3, 0x41, 0x0F, 0x11, 0x0C, 0x82, // movss [r10+rax*4], xmm1
	0x48, 0xFF, 0xC0, // inc rax
	0x48, 0x39, 0xD0, // test: cmp rax, rdx
	0x7C, 0xDD, // jl
	0xC3, // end: ret
	// 0x50: w[0] += x[0]
	0x48, 0x8B, 0x07, // mov rax, [rdi]
	0x48, 0x8B, 0x08, // mov rcx, [rax]
	0x48, 0x8B, 0x31, // mov rsi, [rcx]
	0x4C, 0x8B, 0x41, 0x08, // mov r8, [rcx+8]
	0xF3, 0x41, 0x0F, 0x10, 0x00, // movss xmm0, [r8]
	0xF3, 0x0F, 0x58, 0x06, // addss xmm0, [rsi]
	0xF3, 0x41, 0x0F, 0x11, 0x00, // movss [r8], xmm0
	0xC3, 0x90, 0x90, 0x90, 0x90,
	// 0x70: ud2, a kernel
	0x0F, 0x0B, 0x90, 0x90,
	// 0x74: a driver that jumps there
	0xEB, 0xFA,
	0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90,
	// 0x80: until cancelled
	0x48, 0x8B, 0x07, // mov rax, [rdi]
	0xF3, 0x90, // pause
	0x83, 0x78, 0x40, 0x00, // cmp dword [rax+64], 0
	0x74, 0xF8, // je
	0xC3,
}

func dim(s string) tensor.Dim {
	d, err := tensor.ParseDim(s)
	if err != nil {
		panic(err)
	}
	return d
}

// vector is an f32 buffer of one dim.
func vector(name string, class program.Class, d string) program.Buffer {
	return program.Buffer{Name: name, Class: class, Type: tensor.Type{DType: tensor.F32, Shape: tensor.Shape{dim(d)}}, Bytes: dim(d).Scale(4)}
}

// testModel has a weight w of one element and entries over it: infer adds it to x, long does
// too but is declared expensive, train adds x to it, bad faults, slow waits to be cancelled,
// shapes has inputs that bind symbols in every way.
func testModel() *program.Model {
	add := func(name string, flops string) *program.Entry {
		return &program.Entry{Name: name, Symbols: []string{"N"}, Flops: dim(flops), Buffers: []program.Buffer{
			vector("x", program.Input, "N"), vector("w", program.Stored, "1"), vector("t", program.Arena, "N"), vector("y", program.Output, "N")}}
	}
	updated := vector("w", program.Stored, "1")
	updated.Written = true
	m := &program.Model{Name: "tiny", Weights: []*program.Weight{{Path: "w", Type: tensor.Type{DType: tensor.F32, Shape: tensor.Ints(1)}, Value: []byte{0, 0, 0, 0x3F}}}}
	m.Entries = []*program.Entry{
		add("infer", "N"), add("long", "N*1000000000"),
		{Name: "train", Symbols: nil, Buffers: []program.Buffer{vector("x", program.Input, "1"), updated}},
		{Name: "bad", Steps: []program.Launch{{Kernel: 0, Span: "tiny.dlc:3", Blocks: dim("1")}}},
		{Name: "slow", Flops: dim("1000000000")},
		{Name: "shapes", Symbols: []string{"H", "N"}, Buffers: []program.Buffer{
			{Name: "image", Class: program.Input, Type: tensor.Type{DType: tensor.U8, Shape: tensor.Shape{dim("N"), dim("2*H + 1"), dim("3")}}, Bytes: dim("6*N*H + 3*N")},
			{Name: "label", Class: program.Input, Type: tensor.Type{DType: tensor.I32, Shape: tensor.Shape{dim("N")}}, Bytes: dim("4*N")}}},
	}
	drivers := map[string]int64{"infer": 0, "long": 0, "train": 0x50, "bad": 0x74, "slow": 0x80, "shapes": 0x8B}
	m.Sections = []*program.Section{
		{Target: "future", Features: []string{"avx2", "fma", "amx_tile", "avx512f", "no_such_flag"}, Code: testCode, Kernels: []int64{0x70}, Drivers: drivers},
		{Target: "x86-64-v3", Features: []string{"avx2", "fma"}, Code: testCode, Kernels: []int64{0x70}, Drivers: drivers},
	}
	return m
}

func floats(v ...float64) *tensor.Tensor { return tensor.FromFloats(tensor.F32, v, len(v)) }

func values(x *tensor.Tensor) string {
	var s []string
	for i := range x.Len() {
		s = append(s, fmt.Sprint(x.Float(i)))
	}
	return strings.Join(s, " ")
}

// open loads the test model and opens a session that is closed with the test.
func open(t testing.TB, o Options) (*Model, *Session) {
	t.Helper()
	m, err := Load(testModel())
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.NewSession(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), s.Close(), m.Close(), m.Close()); err != nil {
			t.Error(err)
		}
	})
	return m, s
}

func TestRun(t *testing.T) {
	m, s := open(t, Options{Threads: 2})
	if m.Target() != "x86-64-v3" {
		t.Fatalf("chose %s", m.Target())
	}
	for _, entry := range []string{"infer", "long"} {
		for _, n := range []int{3, 1, 0, 100, 3, 2000} {
			x := tensor.New(tensor.F32, n)
			for i := range n {
				x.SetFloat(i, float64(i))
			}
			out, err := s.Run(context.Background(), entry, map[string]*tensor.Tensor{"x": x})
			if err != nil {
				t.Fatal(err)
			}
			y := out["y"]
			if len(out) != 1 || y.Len() != n {
				t.Fatalf("%s: outputs %v", entry, out)
			}
			for i := range n {
				if y.Float(i) != float64(i)+0.5 {
					t.Fatalf("%s of %d: y[%d] = %v", entry, n, i, y.Float(i))
				}
			}
		}
	}
}

// TestRunForgetsShapes runs more shapes than a session keeps, then an early one again.
func TestRunForgetsShapes(t *testing.T) {
	_, s := open(t, Options{})
	for round := range 2 {
		for n := range 3 * keptShapes {
			out, err := s.Run(context.Background(), "infer", map[string]*tensor.Tensor{"x": tensor.New(tensor.F32, n)})
			if err != nil || out["y"].Len() != n {
				t.Fatalf("round %d, N = %d: %v", round, n, err)
			}
		}
	}
	if len(s.bounds) != keptShapes {
		t.Fatalf("%d bindings are kept", len(s.bounds))
	}
}

func TestBindErrors(t *testing.T) {
	_, s := open(t, Options{})
	u8 := func(dims ...int) *tensor.Tensor { return tensor.New(tensor.U8, dims...) }
	i32 := func(dims ...int) *tensor.Tensor { return tensor.New(tensor.I32, dims...) }
	cases := []struct {
		entry  string
		inputs map[string]*tensor.Tensor
		want   string
	}{
		{"infer", nil, `entry infer: input "x" f32[N] is missing`},
		{"infer", map[string]*tensor.Tensor{"x": u8(3)}, `entry infer: input "x": expected f32[N], got u8[3]`},
		{"infer", map[string]*tensor.Tensor{"x": tensor.New(tensor.F32, 3, 1)}, `entry infer: input "x": expected f32[N], got f32[3, 1]`},
		{"infer", map[string]*tensor.Tensor{"x": floats(1), "z": floats(), "a": floats()}, `entry infer has no input "a", "z"; it takes x`},
		{"slow", map[string]*tensor.Tensor{"x": floats(1)}, `entry slow has no input "x"; it takes no inputs`},
		{"infer", map[string]*tensor.Tensor{"x": {DType: tensor.F32, Dims: []int{3}}}, `entry infer: input "x": f32[3] does not fit its 0 bytes of data`},
		{"infer", map[string]*tensor.Tensor{"x": {DType: tensor.F32, Dims: []int{1 << 62}}}, `entry infer: input "x": f32[4611686018427387904] does not fit its 0 bytes of data`},
		{"shapes", map[string]*tensor.Tensor{"image": u8(2, 5, 4), "label": i32(2)}, `entry shapes: input "image": expected u8[N, 2*H + 1, 3], got u8[2, 5, 4]`},
		{"shapes", map[string]*tensor.Tensor{"image": u8(2, 4, 3), "label": i32(2)}, `entry shapes: input "image": expected u8[N, 2*H + 1, 3], got u8[2, 4, 3]`},
		{"shapes", map[string]*tensor.Tensor{"image": u8(2, 5, 3), "label": i32(4)}, `entry shapes: input "label": expected i32[N] with N = 2, as input "image" has it, got i32[4]`},
		{"answer", nil, `model tiny has no entry "answer"; it has [infer long train bad slow shapes]`},
		{"train", map[string]*tensor.Tensor{"x": floats(1)}, `entry train updates weight w, which this session shares with others: it takes a session that trains`},
	}
	for _, c := range cases {
		if _, err := s.Run(context.Background(), c.entry, c.inputs); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
	if _, err := s.Run(context.Background(), "shapes", map[string]*tensor.Tensor{"image": u8(2, 5, 3), "label": i32(2)}); err != nil {
		t.Error(err)
	}
	for want, symbols := range map[string]map[string]int64{
		"entry infer: nothing binds symbol N":                                              {"M": 1},
		"entry infer: symbol N cannot be -1":                                               {"N": -1},
		"entry infer: symbol N cannot be 1 << 62":                                          {"N": 1 << 62},
		"entry infer: buffer x f32[N] takes more than 1099511627776 bytes at these shapes": {"N": 1 << 39},
	} {
		want = strings.Replace(want, "1 << 62", "4611686018427387904", 1)
		if _, err := s.Bind("infer", symbols); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// TestTrainOwnsItsWeights trains one session and looks at the others.
func TestTrainOwnsItsWeights(t *testing.T) {
	m, s := open(t, Options{})
	var trained [2]*Session
	for i := range trained {
		var err error
		if trained[i], err = m.NewSession(Options{Train: true}); err != nil {
			t.Fatal(err)
		}
		defer trained[i].Close()
		b, err := trained[i].Bind("train", nil)
		if err != nil {
			t.Fatal(err)
		}
		b.Input("x").SetFloat(0, float64(i+1))
		for range 3 {
			if err := b.Call(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, want := range map[*Session]string{s: "0.5", trained[0]: "3.5", trained[1]: "6.5"} {
		if got := values(i.Weight("w")); got != want {
			t.Errorf("w is %s, want %s", got, want)
		}
		out, err := i.Run(context.Background(), "infer", map[string]*tensor.Tensor{"x": floats(0)})
		if err != nil || values(out["y"]) != want {
			t.Errorf("infer gives %s, %v, want %s", values(out["y"]), err, want)
		}
	}
	if w := trained[0].Weights(); len(w) != 1 || w[0].Path != "w" || len(w[0].Data) != 4 || s.Weight("v") != nil {
		t.Errorf("weights: %v", w)
	}
}

// TestBoundStaysValid grows the arena under an older binding and calls that again.
func TestBoundStaysValid(t *testing.T) {
	_, s := open(t, Options{})
	var bounds []*Bound
	for n := int64(1); n < 1<<22; n *= 8 {
		b, err := s.Bind("infer", map[string]int64{"N": n})
		if err != nil {
			t.Fatal(err)
		}
		bounds = append(bounds, b)
		for i, b := range bounds {
			x, y := b.Input("x"), b.Output("y")
			x.SetFloat(x.Len()-1, float64(i))
			if err := b.Call(context.Background()); err != nil || y.Float(y.Len()-1) != float64(i)+0.5 {
				t.Fatalf("binding %d of %d: %v, %v", i, len(bounds), y.Float(y.Len()-1), err)
			}
		}
	}
	b := bounds[0]
	if err := errors.Join(b.Close(), b.Close()); err != nil || !errors.Is(b.Call(context.Background()), ErrClosed) || b.Input("w") != nil {
		t.Fatalf("closed binding: %v", err)
	}
}

func TestCallAllocatesNothing(t *testing.T) {
	_, s := open(t, Options{Threads: 2})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, entry := range []string{"infer", "long"} {
		b, err := s.Bind(entry, map[string]int64{"N": 7})
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() {
			if err := b.Call(ctx); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("a call of %s allocates %v times", entry, n)
		}
	}
}

func TestFaultNamesItsSource(t *testing.T) {
	_, s := open(t, Options{})
	for range 3 {
		_, err := s.Run(context.Background(), "bad", nil)
		want := `dlc internal error: kernel "k0": illegal instruction at blob+0x70, in entry bad, from tiny.dlc:3`
		var fault *native.Fault
		if !errors.As(err, &fault) || err.Error() != want {
			t.Fatalf("got  %v\nwant %s", err, want)
		}
	}
}

func TestCancelledCall(t *testing.T) {
	_, s := open(t, Options{Threads: 3})
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Millisecond)
	defer cancel()
	if _, err := s.Run(ctx, "slow", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if _, err := s.Run(ctx, "infer", map[string]*tensor.Tensor{"x": floats(1)}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

func TestThreads(t *testing.T) {
	m, s := open(t, Options{})
	if s.Threads() != native.CPUs() || s.Warnings() != nil {
		t.Fatalf("%d threads, %v", s.Threads(), s.Warnings())
	}
	many, err := m.NewSession(Options{Threads: native.CPUs() + 1})
	if err != nil || len(many.Warnings()) != 1 || many.Threads() != native.CPUs()+1 {
		t.Fatalf("%v %v", many.Warnings(), err)
	}
	if err := m.Close(); err == nil || err.Error() != "close model tiny: 2 sessions are open" {
		t.Fatal(err)
	}
	if err := many.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := many.Run(context.Background(), "infer", nil); !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	if _, err := m.NewSession(Options{Threads: -1}); err == nil {
		t.Fatal("-1 threads")
	}
}

func TestLoadChoosesCode(t *testing.T) {
	p := testModel()
	p.Sections = p.Sections[:1]
	if _, err := Load(p); err == nil || err.Error() != `model tiny holds no code for this CPU: future: unknown CPU feature "no_such_flag"` {
		t.Error(err)
	}
	if _, err := LoadTarget(p, "x86-64-v4"); err == nil || err.Error() != "model tiny holds no code for x86-64-v4, only for future" {
		t.Error(err)
	}
	p.Sections = nil
	if _, err := Load(p); err == nil || err.Error() != "model tiny holds no code" {
		t.Error(err)
	}
	m, err := LoadTarget(testModel(), "x86-64-v3")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if _, err := m.NewSession(Options{}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

// TestWeightsWithoutValues begins from zeros, as a model does before it is initialized, and refuses
// values of another size.
func TestWeightsWithoutValues(t *testing.T) {
	p := testModel()
	p.Weights[0].Value = nil
	m, err := Load(p)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.NewSession(Options{Train: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.Run(context.Background(), "train", map[string]*tensor.Tensor{"x": floats(3)}); err != nil || values(s.Weight("w")) != "3" {
		t.Fatalf("w is %s, %v", values(s.Weight("w")), err)
	}
	if err := errors.Join(s.Close(), m.Close()); err != nil {
		t.Fatal(err)
	}
	p.Weights[0].Value = make([]byte, 3)
	if _, err := Load(p); err == nil || err.Error() != "model tiny: weight w f32[1] has a value of 3 bytes" {
		t.Fatal(err)
	}
}

// TestCloseWaits closes a session while another goroutine calls it.
func TestCloseWaits(t *testing.T) {
	m, err := Load(testModel())
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.NewSession(Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Bind("long", map[string]int64{"N": 9})
	if err != nil {
		t.Fatal(err)
	}
	started, done := make(chan struct{}), make(chan error)
	go func() {
		err := b.Call(context.Background())
		close(started)
		for err == nil {
			err = b.Call(context.Background())
		}
		done <- err
	}()
	<-started
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
}

func benchmarkBound(b *testing.B, entry string) {
	_, s := open(b, Options{})
	bound, err := s.Bind(entry, map[string]int64{"N": 7})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := bound.Call(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDirectCall(b *testing.B) { benchmarkBound(b, "infer") }
func BenchmarkTeamCall(b *testing.B)   { benchmarkBound(b, "long") }

func BenchmarkRun(b *testing.B) {
	_, s := open(b, Options{})
	x := map[string]*tensor.Tensor{"x": floats(1, 2, 3)}
	for b.Loop() {
		if _, err := s.Run(context.Background(), "infer", x); err != nil {
			b.Fatal(err)
		}
	}
}

// TestManySessions calls one artifact from many goroutines, shared and own sessions mixed.
func TestManySessions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tiny.dlb")
	if err := program.Write(path, testModel()); err != nil {
		t.Fatal(err)
	}
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for g := range 32 {
		wait.Go(func() {
			s, err := m.NewSession(Options{Threads: 1 + g%3, Train: g%4 == 0})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			for i := range 50 {
				x := tensor.New(tensor.F32, (g+i)%7)
				for j := range x.Len() {
					x.SetFloat(j, float64(g))
				}
				entry := []string{"infer", "infer", "infer", "long"}[i%4]
				out, err := s.Run(context.Background(), entry, map[string]*tensor.Tensor{"x": x})
				if err != nil || x.Len() > 0 && out["y"].Float(x.Len()-1) != float64(g)+0.5 {
					t.Errorf("goroutine %d, call %d: %v, %v", g, i, out, err)
					return
				}
			}
		})
	}
	wait.Wait()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
}
