//go:build linux && amd64

package runtime_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"dlc"
	"dlc/ir/tensor"
	"dlc/runtime"
	"dlc/runtime/native"
	"dlc/runtime/program"
)

// artifact compiles an example for this machine, gives it seeded weights and returns the path of
// its artifact. It holds the entries named, beside init and infer.
func artifact(t testing.TB, example string, entries ...string) string {
	t.Helper()
	src, err := dlc.ReadSource(filepath.Join("..", "examples", filepath.FromSlash(example)))
	if err != nil {
		t.Fatal(err)
	}
	o := &dlc.Options{Entries: append(entries, "init", "infer")}
	if example == "digits/mlp.dlc" {
		o.Columns = map[string]tensor.Type{"image": {DType: tensor.U8, Shape: tensor.Ints(8, 8, 1)}, "label": {DType: tensor.U8}}
	}
	p, err := dlc.Check(src, o)
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.Compile()
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewSource(1))
	for _, w := range m.Weights {
		for i := 0; w.Type.DType == tensor.F32 && i < len(w.Value); i += 4 {
			binary.LittleEndian.PutUint32(w.Value[i:], math.Float32bits(rng.Float32()-0.5))
		}
	}
	path := filepath.Join(t.TempDir(), "model.dlb")
	if err := program.Write(path, m); err != nil {
		t.Fatal(err)
	}
	return path
}

// A question is an input of infer and the bytes that must come back.
type question struct {
	inputs map[string]*tensor.Tensor
	want   []byte
}

// questions makes images of several batch sizes and answers each alone, in a session of one thread.
func questions(t *testing.T, m *runtime.Model, side int) []question {
	t.Helper()
	s, err := m.NewSession(runtime.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rng := rand.New(rand.NewSource(2))
	var all []question
	for _, n := range []int{1, 2, 7, 16, 3, 0, 33} {
		x := tensor.New(tensor.F32, n, side, side, 1)
		for i := range x.Len() {
			x.SetFloat(i, rng.Float64())
		}
		q := question{inputs: map[string]*tensor.Tensor{"image": x}}
		out, err := s.Run(context.Background(), "infer", q.inputs)
		if err != nil {
			t.Fatal(err)
		}
		q.want = out["logits"].Data
		all = append(all, q)
	}
	return all
}

// TestUnderLoad asks one artifact from 64 goroutines: sessions that are shared and sessions of
// their own, mixed batch sizes, contexts that end before, during and while waiting for a call.
// Every answer has the bits of one alone, and a second time leaves nothing behind that the first
// has not.
func TestUnderLoad(t *testing.T) {
	for _, x := range []struct {
		example string
		side    int
	}{{"digits/mlp.dlc", 8}, {"mnist/lenet.dlc", 28}} {
		t.Run(x.example, func(t *testing.T) {
			m, err := runtime.Open(artifact(t, x.example))
			if err != nil {
				t.Fatal(err)
			}
			defer closing(t, m.Close)
			all := questions(t, m, x.side)
			var shared []*runtime.Session
			for i := range 4 {
				s, err := m.NewSession(runtime.Options{Threads: 1 + i%3})
				if err != nil {
					t.Fatal(err)
				}
				defer closing(t, s.Close)
				shared = append(shared, s)
			}
			var before []int
			for round := range 2 {
				if round > 0 {
					before = held(t)
				}
				var wg sync.WaitGroup
				for g := range 64 {
					wg.Go(func() {
						s := shared[g%4]
						if g%8 == 0 {
							var err error
							if s, err = m.NewSession(runtime.Options{Threads: 2, Train: g%16 == 0}); err != nil {
								t.Error(err)
								return
							}
							defer closing(t, s.Close)
						}
						ask(t, s, all, rand.New(rand.NewSource(int64(g))))
					})
				}
				wg.Wait()
			}
			after := held(t)
			for wait := 0; after[0] > before[0] && wait < 100; wait++ {
				time.Sleep(time.Millisecond)
				after = held(t)
			}
			for i, slack := range []int{0, 8, 0, 32} { // Go itself may add threads and mappings
				if after[i] > before[i]+slack {
					t.Errorf("goroutines, threads, files, mappings: %v became %v", before, after)
				}
			}
		})
	}
}

func closing(t *testing.T, f func() error) {
	if err := f(); err != nil {
		t.Error(err)
	}
}

// ask asks 20 questions at random; some contexts are cancelled.
func ask(t *testing.T, s *runtime.Session, all []question, rng *rand.Rand) {
	for range 20 {
		q := all[rng.Intn(len(all))]
		ctx, cancel := context.WithCancel(context.Background())
		dead := rng.Intn(8) == 0
		switch {
		case dead:
			cancel()
		case rng.Intn(4) == 0:
			time.AfterFunc(time.Duration(rng.Intn(300))*time.Microsecond, cancel)
		}
		out, err := s.Run(ctx, "infer", q.inputs)
		switch {
		case err == nil && (dead || !bytes.Equal(out["logits"].Data, q.want)):
			t.Errorf("other bits than alone at %s", q.inputs["image"])
		case err != nil && (!errors.Is(err, context.Canceled) || ctx.Err() == nil):
			t.Error(err)
		}
		cancel()
	}
}

// TestWaitingEndsWithTheContext holds a session with a call that never ends by itself, and asks
// it for another: that one leaves with its own context, and closing leaves with the call.
func TestWaitingEndsWithTheContext(t *testing.T) {
	m, err := runtime.Open(artifact(t, "mnist/lenet.dlc"))
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, m.Close)
	s, err := m.NewSession(runtime.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, s.Close)
	b, err := s.Bind("infer", map[string]int64{"N": 2000})
	if err != nil {
		t.Fatal(err)
	}
	long, stop := context.WithCancel(context.Background())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- b.Call(long) }()
	time.Sleep(20 * time.Millisecond)
	short, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	begun := time.Now()
	_, err = s.Run(short, "infer", map[string]*tensor.Tensor{"image": tensor.New(tensor.F32, 1, 28, 28, 1)})
	if waited := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || waited > 100*time.Millisecond {
		t.Errorf("waited %v and got %v", waited, err)
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the long call ended with %v", err)
	}
}

// TestCloseDuringCalls closes a session and its model while 16 goroutines call it: each call is
// answered right or told that it is closed.
func TestCloseDuringCalls(t *testing.T) {
	path := artifact(t, "digits/mlp.dlc")
	for round := range 20 {
		m, err := runtime.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		all := questions(t, m, 8)
		s, err := m.NewSession(runtime.Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for g := range 16 {
			wg.Go(func() {
				for i := 0; ; i++ {
					q := all[(g+i)%len(all)]
					out, err := s.Run(context.Background(), "infer", q.inputs)
					if errors.Is(err, runtime.ErrClosed) {
						return
					}
					if err != nil || !bytes.Equal(out["logits"].Data, q.want) {
						t.Errorf("%v, or other bits", err)
						return
					}
				}
			})
		}
		time.Sleep(time.Duration(round) * 100 * time.Microsecond)
		if err := m.Close(); err == nil {
			t.Error("a model was closed under its session")
		}
		closing(t, s.Close)
		closing(t, m.Close)
		if _, err := m.NewSession(runtime.Options{}); !errors.Is(err, runtime.ErrClosed) {
			t.Errorf("a session of a closed model: %v", err)
		}
		wg.Wait()
	}
}

// TestOpenCloseLeavesNothing opens, asks and closes 200 times and counts goroutines, threads,
// mappings and files.
func TestOpenCloseLeavesNothing(t *testing.T) {
	path := artifact(t, "digits/mlp.dlc")
	x := map[string]*tensor.Tensor{"image": tensor.New(tensor.F32, 3, 8, 8, 1)}
	cycle := func() {
		m, err := runtime.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := m.NewSession(runtime.Options{Threads: 2, Train: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Run(context.Background(), "infer", x); err != nil {
			t.Fatal(err)
		}
		closing(t, s.Close)
		closing(t, m.Close)
	}
	for range 10 {
		cycle()
	}
	before := held(t)
	for range 200 {
		cycle()
	}
	after := held(t)
	for wait := 0; after[0] > before[0] && wait < 100; wait++ {
		time.Sleep(time.Millisecond)
		after = held(t)
	}
	for i, slack := range []int{0, 8, 0, 16} { // Go itself may add threads and mappings
		if after[i] > before[i]+slack {
			t.Errorf("goroutines, threads, files, mappings: %v became %v", before, after)
		}
	}
}

// held counts goroutines, threads, open files and mappings of this process.
func held(t *testing.T) []int {
	t.Helper()
	counts := []int{goruntime.NumGoroutine()}
	for _, dir := range []string{"/proc/self/task", "/proc/self/fd"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		counts = append(counts, len(entries))
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return append(counts, bytes.Count(maps, []byte("\n")))
}

// TestMemoryIsWhatInspectSays compares what a session maps with arena, inputs and outputs as the
// artifact's liveness table has them, and with the weights of one that trains.
func TestMemoryIsWhatInspectSays(t *testing.T) {
	m, err := runtime.Open(artifact(t, "mnist/lenet.dlc", "train", "score"))
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, m.Close)
	weights := int64(0)
	for _, w := range m.Program().Weights {
		weights += int64(len(w.Value))
	}
	for _, n := range []int64{1, 5, 64} {
		for i, entry := range []string{"infer", "infer", "train", "score"} {
			e, train := m.Program().Entry(entry), i > 0
			s, err := m.NewSession(runtime.Options{Threads: 1, Train: train})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Bind(entry, map[string]int64{"N": n}); err != nil {
				t.Fatal(err)
			}
			place, err := program.Place(e, map[string]int64{"N": n})
			if err != nil {
				t.Fatal(err)
			}
			want := place.Total
			for i := range e.Buffers {
				if b := &e.Buffers[i]; b.Class == program.Input || b.Class == program.Output {
					v, _ := b.Bytes.Eval(map[string]int64{"N": n})
					want += v
				}
			}
			if train {
				want += weights
			}
			tables := native.FrameBytes(len(e.Buffers), len(e.Symbols))
			rounding := int64(program.Alignment) * int64(4+len(m.Program().Weights))
			if got := s.Mapped(); got < want || got > want+tables+rounding {
				t.Errorf("%s, N = %d, train = %v: %d bytes mapped, %d said", entry, n, train, got, want)
			}
			closing(t, s.Close)
		}
	}
}

// TestCallsAllocateNothing counts allocations of calls through a binding, short ones and those
// that go to the team, with a context that can be cancelled; and of Run, whose outputs are new.
func TestCallsAllocateNothing(t *testing.T) {
	m, err := runtime.Open(artifact(t, "mnist/lenet.dlc"))
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, m.Close)
	s, err := m.NewSession(runtime.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, s.Close)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, n := range []int64{1, 16} {
		b, err := s.Bind("infer", map[string]int64{"N": n})
		if err != nil {
			t.Fatal(err)
		}
		call := func() {
			if err := b.Call(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if got := testing.AllocsPerRun(20, call); got != 0 {
			t.Errorf("a call at N = %d allocates %v times", n, got)
		}
		x := map[string]*tensor.Tensor{"image": tensor.New(tensor.F32, int(n), 28, 28, 1)}
		run := func() {
			if _, err := s.Run(ctx, "infer", x); err != nil {
				t.Fatal(err)
			}
		}
		if got := testing.AllocsPerRun(20, run); got > 40 {
			t.Errorf("Run at N = %d allocates %v times", n, got)
		}
	}
}

// TestDamagedArtifact cuts a real artifact at every 64 bytes and flips every byte of its header
// and manifest, and some of its code and weights.
func TestDamagedArtifact(t *testing.T) {
	data, err := os.ReadFile(artifact(t, "digits/mlp.dlc"))
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(data); n += 64 {
		if _, err := program.Decode(data[:n]); !errors.Is(err, program.ErrDamaged) {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	manifest := int(binary.LittleEndian.Uint64(data[16:]))
	rng := rand.New(rand.NewSource(3))
	for i := 0; i < len(data); i++ {
		if i >= 128+manifest {
			i += rng.Intn(256)
		}
		if i >= len(data) {
			break
		}
		bit := byte(1 << rng.Intn(8))
		data[i] ^= bit
		m, err := program.Decode(data)
		if err == nil {
			err = m.CheckWeights()
		}
		data[i] ^= bit
		if err == nil && i < 128+manifest || err != nil && !errors.Is(err, program.ErrDamaged) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
	}
}

// TestCutWhileOpen cuts an artifact after it was opened: whoever reads what is gone, Go or native
// code, of a short call or a long one, ends in an error that names the file.
func TestCutWhileOpen(t *testing.T) {
	path := artifact(t, "mnist/lenet.dlc")
	m, err := runtime.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, m.Close)
	s, err := m.NewSession(runtime.Options{Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, s.Close)
	trains, err := m.NewSession(runtime.Options{Threads: 1, Train: true})
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, trains.Close)
	if err := os.Truncate(path, 4096); err != nil {
		t.Fatal(err)
	}
	told := func(what string, err error) {
		if !errors.Is(err, program.ErrDamaged) || !strings.HasPrefix(err.Error(), path+": ") || strings.Contains(err.Error(), "internal error") {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = m.NewSession(runtime.Options{Train: true})
	told("a session that trains", err)
	for _, n := range []int{1, 64} {
		x := map[string]*tensor.Tensor{"image": tensor.New(tensor.F32, n, 28, 28, 1)}
		_, err := s.Run(context.Background(), "infer", x)
		told("a call", err)
		if _, err := trains.Run(context.Background(), "infer", x); err != nil {
			t.Errorf("a session with weights of its own: %v", err)
		}
	}
	for _, w := range s.Weights() {
		if x := s.Weight(w.Path); w.Data != nil || x != nil {
			t.Errorf("%s can be read", w.Path)
		}
	}
	if err := m.Program().CheckWeights(); !errors.Is(err, program.ErrDamaged) {
		t.Errorf("the checksum: %v", err)
	}
	_, err = runtime.Open(path)
	told("opening again", err)
}

// TestCutBeforeLoading cuts an artifact between reading its manifest and mapping its code.
func TestCutBeforeLoading(t *testing.T) {
	path := artifact(t, "digits/mlp.dlc")
	file, err := program.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, file.Close)
	if err := os.Truncate(path, 4096); err != nil {
		t.Fatal(err)
	}
	if _, err := runtime.Load(file.Model); !errors.Is(err, program.ErrDamaged) {
		t.Errorf("loading: %v", err)
	}
}
