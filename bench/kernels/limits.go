package main

import (
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"dlc/codegen/cpu"
	"dlc/runtime/native"
)

// A unit is a loop over registers, and the operations of one of its turns.
type unit struct {
	loop  func(turns int64)
	turns float64
}

// A probe is the machine's own limit for a work: the operations of its best unit a second, and the
// bytes of the work moved a second, from buffers as large as the work's own.
type probe struct {
	threads      int
	bits         int
	from, to     *native.Memory
	reads, write int64 // bytes of one pass, of each
}

// limits makes the contestants that stand for the machine: one per unit, and one that moves the
// work's bytes. What a work reads it finds where its last call left it, so the level of memory is
// the one that the work streams from.
func limits(w work, target cpu.Target, threads int) (list []*contestant, p *probe, err error) {
	p = &probe{threads: threads, bits: target.Width, reads: int64(w.reads) &^ 255, write: int64(w.writes) &^ 255}
	if p.from, err = native.Map(max(p.reads, 4096)); err != nil {
		return nil, nil, err
	}
	if p.to, err = native.Map(max(p.write, 4096)); err != nil {
		return nil, p, err
	}
	writeLines(p.from.Bytes())
	half := strings.Contains(w.text, "bf16")
	for _, u := range units(target.Width, half) {
		per := w.flops / u.turns / float64(threads) // turns of each thread for one call's operations
		list = append(list, &contestant{name: "unit", rep: func(calls int) (time.Duration, error) {
			return together(threads, func(int) { u.loop(int64(per*float64(calls)) + 1) }), nil
		}})
	}
	list = append(list, &contestant{name: "bytes", rep: func(calls int) (time.Duration, error) {
		return together(threads, func(t int) {
			for range calls {
				p.pass(t)
			}
		}), nil
	}})
	return list, p, nil
}

// pass moves thread t's part of the bytes once, reads and writes in turn.
func (p *probe) pass(t int) {
	from, to := slice(p.from.Bytes()[:p.reads], t, p.threads), slice(p.to.Bytes()[:p.write], t, p.threads)
	const piece = 16 << 10
	turns := max(1, (len(from)+len(to))/piece)
	for i := range turns {
		readLines(slice(from, i, turns), p.bits)
		writeLines(slice(to, i, turns))
	}
}

func (p *probe) close() {
	p.from.Close()
	p.to.Close()
}

// slice is part t of n of b, in whole lines.
func slice(b []byte, t, n int) []byte {
	return b[len(b)*t/n&^255 : len(b)*(t+1)/n&^255]
}

// together runs f on that many threads at once and returns the time from when all are there to
// when the last is done.
func together(threads int, f func(t int)) time.Duration {
	var there atomic.Int32
	var wg sync.WaitGroup
	begin, end := make([]time.Time, threads), make([]time.Time, threads)
	for t := range threads {
		wg.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for there.Add(1); there.Load() < int32(threads); {
			}
			begin[t] = time.Now()
			f(t)
			end[t] = time.Now()
		})
	}
	wg.Wait()
	return slices.MaxFunc(end, time.Time.Compare).Sub(slices.MinFunc(begin, time.Time.Compare))
}
