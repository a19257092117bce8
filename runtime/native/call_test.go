//go:build linux && amd64

package native

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestDirectCall(t *testing.T) {
	r := newRig(t)
	f, b := r.frame("threads")
	if err := r.runner.Direct(context.Background(), f); err != nil {
		t.Fatal(err)
	}
	if word(b, 0) != 1 || word(b, 1) != 0 {
		t.Fatalf("direct call stored %d, %d", word(b, 0), word(b, 1))
	}
}

func TestTeamRunsEachThreadOnce(t *testing.T) {
	r := newRig(t)
	for _, n := range []int{1, 2, 4, 3, 1, 40, 2, 33} {
		f, b := r.frame("threads")
		if err := r.runner.Team(context.Background(), f, n); err != nil {
			t.Fatal(err)
		}
		for i := range 64 {
			want := uint64(i + 1)
			if i >= n {
				want = 0
			}
			if word(b, i) != want {
				t.Fatalf("%d threads: word %d is %d", n, i, word(b, i))
			}
		}
		f, b = r.frame("count")
		if err := r.runner.Team(context.Background(), f, n); err != nil || word(b, 0) != uint64(1000*n) {
			t.Fatalf("%d threads counted to %d, %v", n, word(b, 0), err)
		}
	}
}

// TestEnvironment checks that native code starts with the default floating-point environment and
// cannot leave another one, a direction flag or dirty registers behind.
func TestEnvironment(t *testing.T) {
	r := newRig(t)
	for range 3 {
		f, b := r.frame("unclean")
		if err := r.runner.Direct(context.Background(), f); err != nil {
			t.Fatal(err)
		}
		if word(b, 0) != 0x1F80 {
			t.Fatalf("direct call starts with MXCSR %#x", word(b, 0))
		}
		if flushing() {
			t.Fatal("native code's rounding mode came back")
		}
		clear(b)
		if err := r.runner.Team(context.Background(), f, 1); err != nil || word(b, 0) != 0x1F80 {
			t.Fatalf("team starts with MXCSR %#x, %v", word(b, 0), err)
		}
	}
}

func TestScratch(t *testing.T) {
	r := newRig(t)
	f, _ := r.frame("scratch")
	if err := errors.Join(r.runner.Direct(context.Background(), f), r.runner.Team(context.Background(), f, 3)); err != nil {
		t.Fatal(err)
	}
}

// TestFaults lets every kind of exception happen on both kinds of thread, again and again, and
// makes sure that calls work after it.
func TestFaults(t *testing.T) {
	r := newRig(t)
	cases := []struct {
		driver, want string
		skip         uint64 // from the driver's start to the instruction
	}{
		{"undefined", "illegal instruction", 0},
		{"breakpoint", "trap", 1},
		{"null", "segmentation fault", 2},
		{"divide", "arithmetic exception", 4},
		{"recurse", "segmentation fault", 0},
		{"overrun", "segmentation fault", 4},
		{"jump", "segmentation fault", 0},
	}
	for _, c := range cases {
		for _, threads := range []int{0, 1, 3} {
			for range 3 {
				f, _ := r.frame(c.driver)
				err := r.call(f, threads)
				var fault *Fault
				if !errors.As(err, &fault) {
					t.Fatalf("%s on %d threads: %v", c.driver, threads, err)
				}
				want := fmt.Sprintf("dlc internal error: driver %q: %s at blob+%#x", c.driver, c.want, uint64(r.code.drivers[c.driver])+c.skip)
				if c.driver == "jump" {
					want = `dlc internal error: driver "jump": segmentation fault at address 0x0 outside the code`
				}
				if err.Error() != want {
					t.Fatalf("got  %s\nwant %s", err, want)
				}
				if c.driver == "null" && fault.Address != 16 {
					t.Fatalf("address %#x", fault.Address)
				}
			}
			f, b := r.frame("threads")
			if err := r.call(f, threads); err != nil || word(b, 0) != 1 {
				t.Fatalf("after %s: %v", c.driver, err)
			}
		}
	}
}

// call makes a direct call for 0 threads, else a team call.
func (r *rig) call(f *Frame, threads int) error {
	if threads == 0 {
		return r.runner.Direct(context.Background(), f)
	}
	return r.runner.Team(context.Background(), f, threads)
}

// TestFaultOfOneThread checks that the others leave, those asleep at a barrier included.
func TestFaultOfOneThread(t *testing.T) {
	r := newRig(t)
	for _, driver := range []string{"one faults", "sleepers"} {
		for range 20 {
			f, _ := r.frame(driver)
			var fault *Fault
			if err := r.runner.Team(context.Background(), f, 4); !errors.As(err, &fault) {
				t.Fatalf("%s: %v", driver, err)
			}
		}
	}
}

// TestGoFaultsStayGo checks that exceptions of Go code still reach Go's handler.
func TestGoFaultsStayGo(t *testing.T) {
	r := newRig(t)
	f, _ := r.frame("undefined")
	for range 3 {
		if r.runner.Direct(context.Background(), f) == nil {
			t.Fatal("no fault")
		}
		func() {
			defer func() {
				if e, ok := recover().(runtime.Error); !ok || !strings.Contains(e.Error(), "nil pointer") {
					t.Fatalf("recovered %v", e)
				}
			}()
			var p *rig
			p.runner = nil
		}()
	}
}

func TestCancel(t *testing.T) {
	r := newRig(t)
	f, _ := r.frame("forever")
	for i := range 50 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*20*time.Microsecond)
		if err := r.runner.Team(ctx, f, 1+i%3); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("cancelled call: %v", err)
		}
		if err := r.runner.Direct(ctx, f); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("direct call after the end: %v", err)
		}
		cancel()
	}
	ctx, cancel := context.WithCancel(context.Background())
	g, b := r.frame("threads")
	for range 200 {
		clear(b)
		if err := r.runner.Team(ctx, g, 2); err != nil || word(b, 1) != 2 {
			t.Fatalf("call after cancelled ones: %v", err)
		}
	}
	cancel()
}

// TestWaitingForTheTeamEnds cancels a call that waits for another session's to end.
func TestWaitingForTheTeamEnds(t *testing.T) {
	long, short := newRig(t), newRig(t)
	f, _ := long.frame("forever")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- long.runner.Team(ctx, f, 2) }()
	time.Sleep(5 * time.Millisecond)
	g, _ := short.frame("threads")
	soon, stop := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer stop()
	if err := short.runner.Team(soon, g, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("waiting call: %v", err)
	}
	if err := short.runner.Direct(context.Background(), g); err != nil {
		t.Fatalf("direct call beside a long one: %v", err)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// TestParallel makes calls of both kinds from many goroutines while the collector runs and
// stacks grow.
func TestParallel(t *testing.T) {
	stop := make(chan struct{})
	var collector sync.WaitGroup
	collector.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})
	var callers sync.WaitGroup
	for g := range 8 {
		r := newRig(t)
		callers.Go(func() {
			for i := range 300 {
				f, b := r.frame("count")
				threads := 0
				if i%10 == 0 {
					threads = 1 + g%4
				}
				if err := r.call(f, threads); err != nil || word(b, 0) != uint64(1000*max(1, threads)) {
					t.Errorf("call %d on %d threads: %d, %v", i, threads, word(b, 0), err)
					return
				}
				if i%50 == 0 {
					grow(100)
				}
			}
		})
	}
	callers.Wait()
	close(stop)
	collector.Wait()
}

// TestCollectorPassesTeamCall collects garbage while a team call is in progress: the caller must
// not hold it up.
func TestCollectorPassesTeamCall(t *testing.T) {
	r := newRig(t)
	f, _ := r.frame("forever")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.runner.Team(ctx, f, 1) }()
	time.Sleep(5 * time.Millisecond)
	for range 5 {
		runtime.GC()
	}
	select {
	case err := <-done:
		t.Fatalf("the call ended by itself: %v", err)
	default:
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// TestSignalStorm sends Go's preemption signal, and others with a handler, without rest while
// native code runs on both kinds of thread.
func TestSignalStorm(t *testing.T) {
	usr1 := make(chan os.Signal, 1)
	signal.Notify(usr1, syscall.SIGUSR1)
	defer signal.Stop(usr1)
	stop := make(chan struct{})
	var storm sync.WaitGroup
	storm.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-usr1:
			default:
				_ = syscall.Kill(os.Getpid(), syscall.SIGURG)
				_ = syscall.Kill(os.Getpid(), syscall.SIGUSR1)
			}
		}
	})
	r := newRig(t)
	for i := range 2000 {
		f, b := r.frame("count")
		threads := max(0, i%20-17)
		if err := r.call(f, threads); err != nil || word(b, 0) != uint64(1000*max(1, threads)) {
			t.Fatalf("call %d on %d threads: %d, %v", i, threads, word(b, 0), err)
		}
	}
	close(stop)
	storm.Wait()
}

// TestOtherPrograms starts processes while the team is at work.
func TestOtherPrograms(t *testing.T) {
	r := newRig(t)
	f, _ := r.frame("forever")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.runner.Team(ctx, f, 2) }()
	for range 10 {
		if out, err := exec.Command("/bin/echo", "dlc").Output(); err != nil || string(out) != "dlc\n" {
			t.Errorf("%q, %v", out, err)
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// grow makes the goroutine's stack move.
func grow(n int) byte {
	var b [1024]byte
	if n > 0 {
		b[n] = grow(n - 1)
	}
	return b[n]
}
