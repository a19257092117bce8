package program

import (
	"cmp"
	"math"
	"slices"
)

// A search improves a placement by branch and bound, over placements in which every buffer lies
// on the floor or on one that it lives together with: any other can be let down into one of
// these without growing. Buffers are placed in ascending order of their offsets, so what is
// placed later lies no lower. Times at which the same buffers are alive are one section.
//
// The idea of deciding section by section, and of leaving out what could be let down beneath a
// buffer placed already, is from Moffitt, "MiniMalloc: A Lightweight Memory Allocator for
// Hardware-Accelerated Machine Learning", 2023.
type search struct {
	buffers  []*interval // first and last count sections
	low      []int64     // where each would rest on what is placed
	offset   []int64     // of those placed, else -1
	left     []int64     // bytes not placed yet, by section
	floor    []int64     // of a node, by section
	capacity int64       // a better placement has no more bytes
	bound    int64
	best     []int64
	effort   int // left
	rank     []int
}

// improve looks for placements smaller than total. It returns the offsets of the best, nil if it
// found none, and whether none is smaller.
func improve(live []*interval, total, bound int64, effort int) (offsets []int64, proved bool) {
	s := &search{buffers: sections(live), capacity: total - Alignment, bound: bound}
	n := len(live)
	s.low, s.offset, s.left = make([]int64, n), make([]int64, n), make([]int64, 2*n)
	s.floor = make([]int64, len(s.left))
	for i, b := range s.buffers {
		s.offset[i] = -1
		for t := b.first; t <= b.last; t++ {
			s.left[t] += b.size
		}
	}
	orders := []func(b *interval) int64{
		func(b *interval) int64 { return b.size * int64(b.last-b.first+1) },
		func(b *interval) int64 { return b.size },
		func(b *interval) int64 { return int64(b.last - b.first) },
	}
	for share := effort / 8; effort > 0; share *= 2 {
		for _, weight := range orders {
			s.rank = ranks(s.buffers, weight)
			given := min(share, effort)
			s.effort = given
			s.place(0, n)
			if s.effort > 0 || s.capacity < bound {
				return s.best, true
			}
			effort -= given
		}
	}
	return s.best, false
}

// sections counts lifetimes in sections.
func sections(live []*interval) []*interval {
	var times []int
	for _, b := range live {
		times = append(times, b.first, b.last+1)
	}
	slices.Sort(times)
	times = slices.Compact(times)
	out := make([]*interval, len(live))
	for i, b := range live {
		first, _ := slices.BinarySearch(times, b.first)
		end, _ := slices.BinarySearch(times, b.last+1)
		out[i] = &interval{buffer: b.buffer, first: first, last: end - 1, size: b.size}
	}
	return out
}

// ranks orders the buffers by falling weight.
func ranks(list []*interval, weight func(*interval) int64) []int {
	rank := make([]int, len(list))
	for i := range rank {
		rank[i] = i
	}
	slices.SortStableFunc(rank, func(a, b int) int { return cmp.Compare(weight(list[b]), weight(list[a])) })
	return rank
}

// place places what is left, none below last.
func (s *search) place(last int64, left int) {
	if left == 0 {
		s.found()
		return
	}
	ceiling, fits := s.fits(last)
	if !fits || s.effort <= 0 {
		return
	}
	var candidates []int
	for _, j := range s.rank {
		if s.offset[j] < 0 && s.low[j] >= last && s.low[j] < ceiling && !s.twin(j) {
			candidates = append(candidates, j)
		}
	}
	slices.SortStableFunc(candidates, func(a, b int) int { return cmp.Compare(s.low[a], s.low[b]) })
	for _, j := range candidates {
		b, at := s.buffers[j], s.low[j]
		if at+b.size > s.capacity {
			continue
		}
		raised := s.put(j)
		s.place(at, left-1)
		s.take(j, raised)
		if s.effort <= 0 || s.capacity < s.bound {
			return
		}
	}
}

// fits reports whether every section can hold what is left of it, and below which offset the next
// buffer lies: what rests at or above where another one would end could let that beneath it.
func (s *search) fits(last int64) (ceiling int64, ok bool) {
	for t := range s.floor {
		s.floor[t] = math.MaxInt64
	}
	ceiling = math.MaxInt64
	s.effort -= len(s.buffers)
	for i, b := range s.buffers {
		if s.offset[i] >= 0 {
			continue
		}
		ceiling = min(ceiling, s.low[i]+b.size)
		s.effort -= 1 + b.last - b.first
		from := max(s.low[i], last)
		for t := b.first; t <= b.last; t++ {
			s.floor[t] = min(s.floor[t], from)
		}
	}
	for t, bytes := range s.left {
		if bytes > 0 && s.floor[t]+bytes > s.capacity {
			return 0, false
		}
	}
	return ceiling, true
}

// twin reports whether an equal buffer stands before j, which then is placed first.
func (s *search) twin(j int) bool {
	b := s.buffers[j]
	for i, a := range s.buffers[:j] {
		if s.offset[i] < 0 && a.first == b.first && a.last == b.last && a.size == b.size {
			return true
		}
	}
	return false
}

// put places j where it rests. It returns what rests higher now, with where it did before.
func (s *search) put(j int) (raised [][2]int64) {
	b := s.buffers[j]
	s.offset[j] = s.low[j]
	top := s.low[j] + b.size
	for i, a := range s.buffers {
		if s.offset[i] < 0 && s.low[i] < top && a.overlaps(b) {
			raised = append(raised, [2]int64{int64(i), s.low[i]})
			s.low[i] = top
		}
	}
	for t := b.first; t <= b.last; t++ {
		s.left[t] -= b.size
	}
	return raised
}

// take undoes put.
func (s *search) take(j int, raised [][2]int64) {
	b := s.buffers[j]
	s.offset[j] = -1
	for _, r := range raised {
		s.low[r[0]] = r[1]
	}
	for t := b.first; t <= b.last; t++ {
		s.left[t] += b.size
	}
}

// found keeps a placement, and asks for a smaller one.
func (s *search) found() {
	total := int64(0)
	for i, b := range s.buffers {
		total = max(total, s.offset[i]+b.size)
	}
	s.best = slices.Clone(s.offset)
	s.capacity = total - Alignment
}
