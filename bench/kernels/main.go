// Command kernels times single kernels: the text of a definition, scheduled and compiled as models
// are, beside what the machine can do at most (measured in the same run) and, where PEERS names a
// Python with PyTorch, beside PyTorch on the same shapes.
//
//	PEERS=/path/to/python go run ./bench/kernels [-threads 1,2] [-target native] [-match TEXT] [-runs 7]
//
// It knows kernels, their schedules and their code; it knows nothing of models.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"

	"dlc/codegen/cpu"
	"dlc/runtime/native"
)

func main() {
	threads := flag.String("threads", "1,2", "numbers of threads")
	target := flag.String("target", "native", "native, x86-64-v3 or x86-64-v4")
	match := flag.String("match", "", "time only kernels with this in their name")
	runs := flag.Int("runs", 7, "runs of which the median counts")
	best := flag.Bool("best", false, "count the best run: on a machine that others use")
	flag.Parse()
	if err := bench(*threads, *target, *match, sample{*runs, *best}); err != nil {
		fmt.Fprintln(os.Stderr, "kernels:", err)
		os.Exit(1)
	}
}

func bench(threads, name, match string, runs sample) error {
	target, err := chosen(name)
	if err != nil {
		return err
	}
	var list []work
	for _, w := range works() {
		if strings.Contains(w.name, match) {
			list = append(list, w)
		}
	}
	fmt.Printf("%s, load %s, %s\n", target.Name, load(), runs)
	for _, text := range strings.Split(threads, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is no number of threads", text)
		}
		if err := table(list, target, n, runs); err != nil {
			return err
		}
	}
	fmt.Printf("load at the end %s\n", load())
	return nil
}

// chosen returns the named target, or the best this machine has.
func chosen(name string) (cpu.Target, error) {
	if name != "native" {
		return cpu.TargetOf(name)
	}
	all := cpu.Targets()
	for i := len(all) - 1; i >= 0; i-- {
		if native.Supports(all[i].Features) == nil {
			return all[i], nil
		}
	}
	return cpu.Target{}, fmt.Errorf("no target runs on this machine")
}

func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}

// A sample is how often something is timed, and which of the times counts: the median, or the best.
type sample struct {
	runs int
	best bool
}

// String says which time counts.
func (s sample) String() string {
	if s.best {
		return fmt.Sprintf("best of %d runs", s.runs)
	}
	return fmt.Sprintf("medians of %d runs", s.runs)
}

// table prints one line per kernel, on that many threads.
func table(list []work, target cpu.Target, threads int, runs sample) error {
	limit, err := measureCeilings(target, threads, runs)
	if err != nil {
		return err
	}
	peer, err := peerTimes(list, threads, runs)
	if err != nil {
		return err
	}
	fmt.Printf("\n%d threads: fma %.0f GFLOP/s; read %s GB/s; copy %s GB/s\n", threads, limit.flops/1e9, rates(limit.read), rates(limit.copy))
	fmt.Printf("%-34s %10s %9s %8s %8s %9s\n", "kernel", "ms", "GFLOP/s", "GB/s", "limit", "x peer")
	for _, w := range list {
		s, err := timed(w, target, threads, runs)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		ratio := "-"
		if t, ok := peer[w.name]; ok {
			ratio = fmt.Sprintf("%.2f", t/s)
		}
		fmt.Printf("%-34s %10.4f %9.1f %8.1f %7.0f%% %9s\n", w.name, s*1e3, w.flops/s/1e9, w.bytes/s/1e9, 100*limit.least(w)/s, ratio)
	}
	return nil
}
