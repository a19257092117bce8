package program

import (
	"fmt"
	"slices"
	"sort"
)

// Alignment is what every buffer's size and place are rounded to: a cache line, and the widest vector.
const Alignment = 64

// maxArena bounds what a binding may ask for: shapes come from files and callers.
const maxArena = 1 << 40

// effort bounds a search for a smaller arena, in buffers and sections looked at: some ten
// milliseconds, where the simple ways of placing do not reach the bound.
const effort = 1 << 25

// A Placement is where the arena buffers of an entry lie for one binding of its symbols.
type Placement struct {
	Offsets []int64 // by buffer number; -1 where the buffer is not in the arena
	Total   int64   // bytes of the arena
	Live    int64   // the liveness bound: the most bytes that are alive at once
	Least   bool    // no placement is smaller: Total is the bound, or a search has seen all others
}

// An interval is an arena buffer with its rounded size.
type interval struct {
	buffer, first, last int
	size, offset        int64
}

// overlaps reports whether both are alive at some kernel.
func (a *interval) overlaps(b *interval) bool { return a.first <= b.last && b.first <= a.last }

// Place gives every arena buffer of e its place under the binding: largest first, each at the
// lowest offset that is free during its whole life; of two starting orders (by size, by size
// times lifetime) the smaller arena wins. Where that is more than what is alive at once, a search
// of bounded effort looks for a smaller arena. It is deterministic, and takes well under a
// millisecond for a few hundred buffers where nothing is searched.
func Place(e *Entry, symbols map[string]int64) (*Placement, error) {
	return placeWith(e, symbols, effort)
}

func placeWith(e *Entry, symbols map[string]int64, effort int) (*Placement, error) {
	live, err := intervals(e, symbols)
	if err != nil {
		return nil, err
	}
	best := place(live, len(e.Buffers), func(a, b *interval) bool { return a.size > b.size })
	area := func(i *interval) int64 { return i.size * int64(i.last-i.first+1) }
	if p := place(live, len(e.Buffers), func(a, b *interval) bool { return area(a) > area(b) }); p.Total < best.Total {
		best = p
	}
	best.Live = bound(live)
	if best.Least = best.Total == best.Live; !best.Least {
		best.search(live, effort)
	}
	return best, nil
}

// search improves p.
func (p *Placement) search(live []*interval, effort int) {
	live = slices.DeleteFunc(live, func(b *interval) bool { return b.size == 0 })
	var offsets []int64
	if offsets, p.Least = improve(live, p.Total, p.Live, effort); offsets == nil {
		return
	}
	p.Total = 0
	for i := range p.Offsets {
		p.Offsets[i] = min(p.Offsets[i], 0) // what is empty lies at the start
	}
	for i, b := range live {
		p.Offsets[b.buffer] = offsets[i]
		p.Total = max(p.Total, offsets[i]+b.size)
	}
}

// intervals binds the sizes of e's arena buffers.
func intervals(e *Entry, symbols map[string]int64) ([]*interval, error) {
	var live []*interval
	var sum int64
	for i := range e.Buffers {
		b := &e.Buffers[i]
		if b.Class != Arena {
			continue
		}
		n, ok := b.Bytes.Eval(symbols)
		if !ok || n < 0 {
			return nil, fmt.Errorf("entry %s: the size of buffer %s, %s bytes, cannot be bound", e.Name, b.Name, b.Bytes)
		}
		n = (n + Alignment - 1) / Alignment * Alignment
		if sum += n; sum < 0 || sum > maxArena {
			return nil, fmt.Errorf("entry %s: more than %d bytes of memory at these shapes", e.Name, int64(maxArena))
		}
		live = append(live, &interval{buffer: i, first: b.First, last: b.Last, size: n})
	}
	return live, nil
}

func place(live []*interval, buffers int, less func(a, b *interval) bool) *Placement {
	p := &Placement{Offsets: make([]int64, buffers)}
	for i := range p.Offsets {
		p.Offsets[i] = -1
	}
	order := append([]*interval(nil), live...)
	sort.SliceStable(order, func(i, j int) bool { return less(order[i], order[j]) })
	var placed []*interval // sorted by offset
	for _, b := range order {
		b.offset = 0
		for _, c := range placed {
			if c.offset >= b.offset+b.size {
				break
			}
			if c.overlaps(b) && c.offset < b.offset+b.size && b.offset < c.offset+c.size {
				b.offset = c.offset + c.size
			}
		}
		at := sort.Search(len(placed), func(i int) bool { return placed[i].offset > b.offset })
		placed = append(placed, nil)
		copy(placed[at+1:], placed[at:])
		placed[at] = b
		p.Offsets[b.buffer] = b.offset
		p.Total = max(p.Total, b.offset+b.size)
	}
	return p
}

// bound returns the most bytes alive at one kernel: no placement needs less.
func bound(live []*interval) int64 {
	type change struct {
		kernel int
		bytes  int64
	}
	var changes []change
	for _, b := range live {
		changes = append(changes, change{b.first, b.size}, change{b.last + 1, -b.size})
	}
	sort.Slice(changes, func(i, j int) bool {
		a, b := changes[i], changes[j]
		return a.kernel < b.kernel || a.kernel == b.kernel && a.bytes < b.bytes
	})
	most, sum := int64(0), int64(0)
	for _, c := range changes {
		sum += c.bytes
		most = max(most, sum)
	}
	return most
}
