package main

import (
	"fmt"
	"strings"
	"time"

	"dlc/runtime/native"
)

// The levels of memory that a work streams from, by the bytes that it moves: as much lies in the first,
// the second and the third cache of a usual CPU, or in none.
var levels = [...]int64{16 << 10, 512 << 10, 16 << 20, 1 << 30}

// A reading is how many bytes a second are read from each level, by all threads together, when the bench
// begins. The memory is kept, for each work to be timed beside reading as many bytes from their level.
type reading struct {
	rate    [len(levels)]float64
	memory  *native.Memory
	threads int
	bits    int
}

const (
	readBytes = 1 << 28 // for one figure, at least
	readTurns = 3       // of which the best counts
)

// measured reads a working set of each level's size again and again, each thread its part.
func measured(threads, bits int) (*reading, error) {
	m, err := native.Map(levels[len(levels)-1])
	if err != nil {
		return nil, err
	}
	r := &reading{memory: m, threads: threads, bits: bits}
	writeLines(m.Bytes())
	for i, size := range levels {
		passes := max(1, readBytes/size)
		for range readTurns {
			took := together(threads, func(t int) {
				part := slice(m.Bytes()[:size], t, threads)
				for range passes {
					readLines(part, bits)
				}
			})
			r.rate[i] = max(r.rate[i], float64(passes*size)/took.Seconds())
		}
		time.Sleep(pause)
	}
	return r, nil
}

func (r *reading) close() { r.memory.Close() }

// least is the contestant that reads as many bytes from where so many lie: each call goes on where the
// last one ended.
func (r *reading) least(bytes float64) *contestant {
	i := 0
	for i < len(levels)-1 && float64(levels[i]) < bytes {
		i++
	}
	at := make([]int, r.threads)
	return &contestant{name: "reading", rep: func(calls int) (time.Duration, error) {
		return together(r.threads, func(t int) {
			part := slice(r.memory.Bytes()[:levels[i]], t, r.threads)
			for left := int(bytes) / r.threads * calls &^ 255; left > 0; {
				n := min(left, len(part)-at[t])
				readLines(part[at[t]:at[t]+n], r.bits)
				left -= n
				at[t] = (at[t] + n) % len(part)
			}
		}), nil
	}}
}

func (r *reading) String() string {
	var parts []string
	for i, size := range levels {
		parts = append(parts, fmt.Sprintf("%d KiB %.0f GB/s", size>>10, r.rate[i]/1e9))
	}
	return strings.Join(parts, ", ")
}
