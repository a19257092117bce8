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

// A reading is how many bytes a second are read from each level, by all threads together.
type reading [len(levels)]float64

const (
	readBytes = 1 << 28 // for one figure, at least
	readTurns = 7       // of which the best counts
)

// measured reads a working set of each level's size again and again, each thread its part.
func measured(threads, bits int) (r reading, err error) {
	m, err := native.Map(levels[len(levels)-1])
	if err != nil {
		return r, err
	}
	defer m.Close()
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
			r[i] = max(r[i], float64(passes*size)/took.Seconds())
		}
		time.Sleep(pause)
	}
	return r, nil
}

// least is how long it takes at least to read as many bytes from where so many lie.
func (r reading) least(bytes float64) float64 {
	i := 0
	for i < len(levels)-1 && float64(levels[i]) < bytes {
		i++
	}
	return bytes / r[i]
}

func (r reading) String() string {
	var parts []string
	for i, size := range levels {
		parts = append(parts, fmt.Sprintf("%d KiB %.0f GB/s", size>>10, r[i]/1e9))
	}
	return strings.Join(parts, ", ")
}
