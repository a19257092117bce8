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
// bytes that the work must move at least, from and to buffers of their own that are as large. What
// is updated where it lies is read and written in the one place.
type probe struct {
	threads  int
	bits     int
	from, to []byte
	update   []byte
	memory   []*native.Memory
}

// limits makes the contestants that stand for the machine: one per unit, and those that move the
// work's bytes: by ordinary stores and by stores past the
// caches, in short and in long turns of reads and writes; the best counts. Like the work, each finds what it
// reads where its last call left it, so the level of memory is the one that the work streams from.
func limits(w work, target cpu.Target, threads int) (list []*contestant, p *probe, err error) {
	p = &probe{threads: threads, bits: target.Width}
	updated := 0.0
	if len(w.over) > 0 {
		updated = w.writes
	}
	for _, b := range []struct {
		at    *[]byte
		bytes float64
	}{{&p.from, w.reads - updated}, {&p.to, w.writes - updated}, {&p.update, updated}} {
		n := int64(b.bytes) &^ 255
		m, err := native.Map(max(n, 4096))
		if err != nil {
			return nil, p, err
		}
		p.memory = append(p.memory, m)
		*b.at = m.Bytes()[:n]
		writeLines(*b.at)
	}
	half := strings.Contains(w.text, "bf16")
	for _, u := range units(target.Width, half) {
		per := w.flops / u.turns / float64(threads) // turns of each thread for one call's operations
		list = append(list, &contestant{name: "unit", rep: func(calls int) (time.Duration, error) {
			return together(threads, func(int) { u.loop(int64(per*float64(calls)) + 1) }), nil
		}})
	}
	for _, write := range []func([]byte){writeLines, writePast} {
		for _, piece := range []int{1 << 10, 64 << 10} {
			list = append(list, &contestant{name: "bytes", rep: func(calls int) (time.Duration, error) {
				return together(threads, func(t int) {
					for range calls {
						p.pass(t, piece, write)
					}
				}), nil
			}})
		}
	}
	return list, p, nil
}

// pass moves thread t's part of the bytes once, reads and writes in turn, by pieces.
func (p *probe) pass(t, piece int, write func([]byte)) {
	from, to, update := slice(p.from, t, p.threads), slice(p.to, t, p.threads), slice(p.update, t, p.threads)
	turns := max(1, (len(from)+len(to)+len(update))/piece)
	for i := range turns {
		readLines(slice(from, i, turns), p.bits)
		write(slice(to, i, turns))
		again := slice(update, i, turns)
		readLines(again, p.bits)
		write(again)
	}
}

func (p *probe) close() {
	for _, m := range p.memory {
		m.Close()
	}
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
