//go:build linux && amd64

package native

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"runtime/pprof"
	"testing"
	"testing/fstest"
	"time"

	"dlc/runtime/program"
)

// census counts the process's threads and mappings.
func census(t *testing.T) (threads, maps int) {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks), bytes.Count(text, []byte("\n"))
}

// TestNothingStaysBehind opens and closes everything 100 times, with a team, faults, cancelled
// contexts and a watcher, and counts threads, mappings and goroutines. Go itself may add a few of
// the first two; one leak per cycle would be a hundred.
func TestNothingStaysBehind(t *testing.T) {
	cycle := func() {
		r := &rig{t: t}
		var err [3]error
		r.code, err[0] = Load(section())
		r.runner, err[1] = NewRunner()
		r.memory, err[2] = Map(16 << 20)
		if e := errors.Join(err[:]...); e != nil {
			t.Fatal(e)
		}
		defer r.close()
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Microsecond)
		defer cancel()
		for _, driver := range []string{"threads", "forever", "one faults"} {
			f, _ := r.frame(driver)
			_ = r.runner.Team(ctx, f, 4)
		}
		f, _ := r.frame("null")
		_ = r.runner.Direct(context.Background(), f)
	}
	for range 5 {
		cycle()
	}
	goroutines := runtime.NumGoroutine()
	threads, maps := census(t)
	for range 100 {
		cycle()
	}
	for wait := 0; runtime.NumGoroutine() > goroutines && wait < 100; wait++ {
		time.Sleep(time.Millisecond)
	}
	threads1, maps1 := census(t)
	if threads1 > threads+8 || maps1 > maps+16 || runtime.NumGoroutine() > goroutines {
		t.Fatalf("threads %d to %d, maps %d to %d, goroutines %d to %d", threads, threads1, maps, maps1, goroutines, runtime.NumGoroutine())
	}
	if len(process.team.threads) != 0 {
		t.Fatalf("%d threads of the team are left", len(process.team.threads))
	}
}

// TestProfiler calls under the CPU profiler, whose signals interrupt native code.
func TestProfiler(t *testing.T) {
	r := newRig(t)
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Skip(err)
	}
	defer pprof.StopCPUProfile()
	f, _ := r.frame("spin")
	f.SetSymbol(0, 100_000)
	for start := time.Now(); time.Since(start) < 200*time.Millisecond; {
		if err := errors.Join(r.call(f, 0), r.call(f, 2)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMemory(t *testing.T) {
	for _, n := range []int64{0, 1, 4096, 4097, 5 << 20} {
		m, err := Map(n)
		if err != nil {
			t.Fatal(err)
		}
		b := m.Bytes()
		if int64(len(b)) != n || address(b)%4096 != 0 || n > 4<<20 && address(b)%hugePage != 0 {
			t.Fatalf("%d bytes: %d at %#x", n, len(b), address(b))
		}
		for i := range b {
			b[i] = 1
		}
		if err := errors.Join(m.Close(), m.Close()); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []int64{-1, 1 << 62, 1<<46 + 1} {
		if m, err := Map(n); err == nil {
			t.Fatalf("mapped %d bytes", n)
			_ = m.Close()
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	cases := []struct {
		section program.Section
		want    string
	}{
		{program.Section{Target: "x", Features: []string{"avx3"}}, `code for x: unknown CPU feature "avx3"`},
		{program.Section{Target: "x", Code: []byte{0xC3}, Kernels: []int64{0, 1}}, `code for x: kernel "k1" at 0x1 lies outside 1 bytes of code`},
		{program.Section{Target: "x", Code: []byte{0xC3}, Drivers: map[string]int64{"infer": -1}}, `code for x: driver "infer" at -0x1 lies outside 1 bytes of code`},
	}
	for _, c := range cases {
		if _, err := Load(&c.section); err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
	}
	r := newRig(t)
	if _, err := r.code.NewFrame("train", r.memory.Bytes(), 0, 0); err == nil || err.Error() != `no code for entry "train"` {
		t.Errorf("frame for a missing driver: %v", err)
	}
	f, _ := r.frame("threads")
	if err := r.runner.Team(context.Background(), f, 100_000); err == nil || err.Error() != "100000 threads: a team has 512 at most" {
		t.Errorf("absurd team: %v", err)
	}
}

// TestSupports compares CPUID with what the kernel says of the same flags.
func TestSupports(t *testing.T) {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Skip(err)
	}
	line := text[bytes.Index(text, []byte("\nflags")):]
	line, _, _ = bytes.Cut(line[1:], []byte("\n"))
	flags := map[string]bool{"lzcnt": bytes.Contains(line, []byte(" abm")), "sse3": true}
	for _, name := range bytes.Fields(line) {
		flags[string(name)] = true
	}
	for name := range cpuFlags {
		if got := Supports([]string{name}) == nil; got != flags[name] {
			t.Errorf("%s: %v, the kernel says %v", name, got, flags[name])
		}
	}
}

func TestCgroupQuota(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	cases := []struct {
		name string
		fs   fstest.MapFS
		want int
	}{
		{"nothing", fstest.MapFS{}, 0},
		{"no quota", fstest.MapFS{"proc/self/cgroup": file("0::/a\n"), "sys/fs/cgroup/a/cpu.max": file("max 100000\n")}, 0},
		{"one and a half", fstest.MapFS{"proc/self/cgroup": file("0::/a/b\n"), "sys/fs/cgroup/a/b/cpu.max": file("150000 100000\n")}, 2},
		{"a tighter ancestor", fstest.MapFS{"proc/self/cgroup": file("0::/a/b\n"), "sys/fs/cgroup/a/b/cpu.max": file("900000 100000\n"),
			"sys/fs/cgroup/a/cpu.max": file("300000 100000\n")}, 3},
		{"a container's own mount", fstest.MapFS{"proc/self/cgroup": file("0::/not/visible\n"), "sys/fs/cgroup/cpu.max": file("400000 100000\n")}, 4},
		{"version 1", fstest.MapFS{"proc/self/cgroup": file("3:cpuset:/\n2:cpu,cpuacct:/x\n0::/\n"),
			"sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us": file("50000\n"), "sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": file("100000\n")}, 1},
		{"version 1 without one", fstest.MapFS{"proc/self/cgroup": file("2:cpu:/\n"),
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us": file("-1\n"), "sys/fs/cgroup/cpu/cpu.cfs_period_us": file("100000\n")}, 0},
		{"damaged", fstest.MapFS{"proc/self/cgroup": file("x\n0::/\n"), "sys/fs/cgroup/cpu.max": file("1 0\n")}, 0},
	}
	for _, c := range cases {
		if got := cgroupQuota(c.fs); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	if CPUs() < 1 {
		t.Error("no CPU allowed")
	}
}

func benchmarkCall(b *testing.B, threads int, rest time.Duration) {
	r := newRig(b)
	f, _ := r.frame("empty")
	for b.Loop() {
		if rest > 0 {
			b.StopTimer()
			time.Sleep(rest)
			b.StartTimer()
		}
		if err := r.call(f, threads); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDirect(b *testing.B)   { benchmarkCall(b, 0, 0) }
func BenchmarkTeam1(b *testing.B)    { benchmarkCall(b, 1, 0) }
func BenchmarkTeam2(b *testing.B)    { benchmarkCall(b, 2, 0) }
func BenchmarkTeam4(b *testing.B)    { benchmarkCall(b, 4, 0) }
func BenchmarkTeamCold(b *testing.B) { benchmarkCall(b, 2, time.Millisecond) }

// TestTilesAreAskedFor holds that a CPU with a matrix unit gives its registers, and one without does not.
func TestTilesAreAskedFor(t *testing.T) {
	err := permitTiles()
	if Supports([]string{"amx_tile"}) != nil {
		if err == nil {
			t.Error("registers of a unit that is not there")
		}
		t.Skip("NOT RUN: this CPU has no AMX")
	}
	if err != nil {
		t.Error(err)
	}
}
