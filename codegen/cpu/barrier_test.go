package cpu

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
	"dlc/runtime/native"
	"dlc/runtime/program"
)

// neighbours is b[i] = a[(i + 37) mod 512] + 1, in blocks of 8.
func neighbours() *tile.Program {
	k := &kernel.Kernel{Name: "neighbours", Ins: []*kernel.Buffer{buffer("a", tensor.I32, kernel.Input, in(512))}, Outs: []*kernel.Buffer{buffer("b", tensor.I32, kernel.Output, in(512))},
		Defs: []*kernel.Def{{Name: "b", DType: tensor.I32, Axes: []kernel.Axis{axis("i", in(512))}, Expr: kernel.Apply("add",
			read("a", tensor.I32, "i + 37 - 512*((i + 37) div 512)"), kernel.I(tensor.I32, 1))}}}
	return &tile.Program{Name: "neighbours", Kernel: k, Phases: []*tile.Phase{{Grid: []tile.Split{grid("i", 8)}, Vector: "i", Body: []tile.Node{&tile.Store{Def: "b"}}}}}
}

// rounds makes an entry that runs the kernel that many times, back and forth.
func rounds(n int) *program.Entry {
	typ := tensor.Type{DType: tensor.I32, Shape: tensor.Ints(512)}
	e := &program.Entry{Name: "test", Buffers: []program.Buffer{{Name: "a", Type: typ, Bytes: in(2048)}, {Name: "b", Type: typ, Bytes: in(2048)}}}
	for i := range n {
		e.Steps = append(e.Steps, program.Launch{Args: []int{i % 2, 1 - i%2}, Blocks: in(64)})
	}
	return e
}

func loaded(t *testing.T, e *program.Entry) *machine {
	t.Helper()
	s, err := Compile([]*tile.Program{neighbours()}, []*program.Entry{e}, V3(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, entry: e, numbers: map[string]int{"a": 0, "b": 1}, memory: map[string]*native.Memory{}}
	if m.code, err = native.Load(s); err != nil {
		t.Fatal(err)
	}
	if m.runner, err = native.NewRunner(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.runner.Close()
		m.release()
		m.code.Close()
	})
	return m
}

// TestBarrier fails when a thread runs ahead of another that it reads from.
func TestBarrier(t *testing.T) {
	const n = 600
	m := loaded(t, rounds(n))
	for _, threads := range []int{1, 2, 3, 4, 2, 7} {
		x := tensor.New(tensor.I32, 512)
		m.bind(nil, map[string]*tensor.Tensor{"a": x})
		m.call(threads)
		got := m.value("a", nil)
		for i := range 512 {
			if got.Int(i) != n {
				t.Fatalf("%d threads: element %d is %d after %d rounds", threads, i, got.Int(i), n)
			}
		}
	}
}

// TestCancelledCallsEnd cancels calls at many moments; the team must come back each time, and
// the next call must be whole.
func TestCancelledCallsEnd(t *testing.T) {
	m := loaded(t, rounds(3000))
	for i := range 30 {
		m.bind(nil, map[string]*tensor.Tensor{"a": tensor.New(tensor.I32, 512)})
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i*20)*time.Microsecond)
		err := m.runner.Team(ctx, m.frame, 2+i%3)
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if err == nil && m.value("a", nil).Int(5) != 3000 {
			t.Fatalf("call %d said it ended, at round %d", i, m.value("a", nil).Int(5))
		}
	}
}

// TestCancelledLaunchesEnd cancels a call of one launch that takes far longer: it leaves between
// two of its blocks, on one thread and on two.
func TestCancelledLaunchesEnd(t *testing.T) {
	const n = 2048
	m := compiled(t, V3(), tiled(t, V3(), []*tile.Program{{Kernel: matmul(in(16*n), in(n), in(n))}})...)
	if len(m.entry.Steps) != 1 {
		t.Fatalf("%d launches", len(m.entry.Steps))
	}
	m.bind(nil, nil)
	for threads := 1; threads <= 2; threads++ {
		ctx, cancel := context.WithCancel(context.Background())
		var asked time.Time
		time.AfterFunc(30*time.Millisecond, func() {
			asked = time.Now()
			cancel()
		})
		err := m.runner.Team(ctx, m.frame, threads)
		if late := time.Since(asked); !errors.Is(err, context.Canceled) || late > 250*time.Millisecond {
			t.Errorf("%d threads: %v, %v after it was cancelled", threads, err, late)
		} else {
			t.Logf("%d threads: %v", threads, late)
		}
	}
}

// TestLongArgumentLists compiles a launch with as many buffers as a kernel can have, and one more.
func TestLongArgumentLists(t *testing.T) {
	for _, more := range []int{0, 1} {
		e := rounds(1)
		e.Steps[0].Args = append(e.Steps[0].Args, make([]int, argumentBytes/8-3+more)...)
		_, err := Compile([]*tile.Program{neighbours()}, []*program.Entry{e}, V3(), Options{})
		if (err == nil) != (more == 0) || err != nil && !strings.Contains(err.Error(), "takes 8192 buffers and symbols, more than the 8191") {
			t.Errorf("%d more: %v", more, err)
		}
	}
}
