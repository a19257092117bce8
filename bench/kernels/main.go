// Command kernels times single kernels: the text of a definition, scheduled and compiled as models
// are, in turn with what the machine can do at most and, where PEERS names a Python with PyTorch,
// with PyTorch's ways of the same work.
//
//	PEERS=/path/to/python go run ./bench/kernels [-threads 1,2] [-target native] [-match TEXT] [-time 2s]
//
// It knows kernels, their schedules and their code; it knows nothing of models.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"dlc/codegen/cpu"
	"dlc/runtime/native"
)

func main() {
	threads := flag.String("threads", "1,2", "numbers of threads")
	target := flag.String("target", "native", "native, or the name of a target")
	match := flag.String("match", "", "time only kernels with this in their name")
	budget := flag.Duration("time", 2*time.Second, "how long one kernel and what it is compared with are timed")
	flag.Parse()
	if err := bench(*threads, *target, *match, *budget); err != nil {
		fmt.Fprintln(os.Stderr, "kernels:", err)
		os.Exit(1)
	}
}

func bench(threads, name, match string, budget time.Duration) (err error) {
	target, err := chosen(name)
	if err != nil {
		return err
	}
	other, err := startPeer()
	if err != nil {
		return err
	}
	if other != nil {
		defer func() { err = errors.Join(err, other.close()) }()
	}
	fmt.Printf("%s, load %s; best of short repetitions in turn, %v a kernel\n", target.Name, load(), budget)
	for _, text := range strings.Split(threads, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is no number of threads", text)
		}
		read, err := measured(n, target.Width)
		if err != nil {
			return err
		}
		defer read.close()
		fmt.Printf("\n%d threads; reading %s\n%-40s %9s %9s %8s %6s %7s %7s %7s %9s %9s %8s %s\n", n, read, "kernel", "ms", "GFLOP/s", "GB/s", "limit", "moving", "x peer", "packed", "peak", "moves", "compile", "peer's best")
		for _, w := range works() {
			if !strings.Contains(w.name, match) {
				continue
			}
			if err := line(w, target, n, budget, read, other); err != nil {
				return fmt.Errorf("%s: %w", w.name, err)
			}
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
	all := cpu.Known()
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

// line times one work and prints it: its rates; the share that the machine's limit has of its time,
// which is the larger of what its operations take at least, and its bytes, read from the level of
// memory where as many lie; the share of moving the bytes, reads and writes in turn; PyTorch's best
// time over its own, and where it packs a weight beforehand; the limits themselves, in GFLOP/s and GB/s; and how long it took from text to code.
func line(w work, target cpu.Target, threads int, budget time.Duration, read *reading, other *peer) error {
	l, err := compiled(w, target)
	if err != nil {
		return err
	}
	defer l.close()
	own := &contestant{name: "dlc", rep: func(calls int) (time.Duration, error) { return l.run(calls, threads) }}
	machine, p, err := limits(w, target, threads)
	if p != nil {
		defer p.close()
	}
	if err != nil {
		return err
	}
	others, err := other.contestants(w, threads)
	if err != nil {
		return err
	}
	moved := w.reads + w.writes
	machine = append(machine, read.least(moved))
	if err := race(append(append([]*contestant{own}, machine...), others...), budget); err != nil {
		return err
	}
	unit, bytes, reading := least(machine, "unit").best, least(machine, "bytes").best, least(machine, "reading").best
	var packed *contestant
	if at := slices.IndexFunc(others, func(c *contestant) bool { return c.name == w.packed }); at >= 0 {
		packed, others = others[at], slices.Delete(others, at, at+1)
	}
	plain := least(others, "")
	over := func(c *contestant) string {
		if c == nil {
			return "-"
		}
		return fmt.Sprintf("%.2f", c.best/own.best)
	}
	way := ""
	if plain != nil {
		way = plain.name
	}
	fmt.Printf("%-40s %9.4f %9.1f %8.1f %5.0f%% %6.0f%% %7s %7s %9.1f %9.1f %6.1fms %s\n", w.name, own.best*1e3, w.flops/own.best/1e9, moved/own.best/1e9,
		100*max(unit, reading)/own.best, 100*bytes/own.best, over(plain), over(packed), w.flops/unit/1e9, moved/bytes/1e9, float64(l.made.Microseconds())/1e3, way)
	return nil
}

// least is the fastest of some, of those with that name where one is given; nil of none.
func least(list []*contestant, name string) *contestant {
	var best *contestant
	for _, c := range list {
		if name != "" && c.name != name {
			continue
		}
		if best == nil || c.best < best.best {
			best = c
		}
	}
	return best
}
