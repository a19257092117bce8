package program

import (
	"math/rand"
	"slices"
	"testing"

	"dlc/ir/tensor"
)

// randomEntry has n arena buffers with sizes of 0 to a few lines and lifetimes of all lengths.
func randomEntry(rng *rand.Rand, n, steps, lines int) *Entry {
	e := &Entry{Name: "random"}
	for range n {
		first, length := rng.Intn(steps), rng.Intn(6)
		if rng.Intn(4) == 0 {
			length = rng.Intn(steps)
		}
		bytes := tensor.Int(Alignment * int64(rng.Intn(lines)))
		e.Buffers = append(e.Buffers, Buffer{Class: Arena, First: first, Last: min(first+length, steps-1), Bytes: bytes})
	}
	return e
}

// least tries every order of placing each buffer as low as it can lie, one of which gives a
// smallest arena.
func least(live []*interval, buffers int) int64 {
	best, order := int64(-1), make([]int, buffers)
	var permute func(done int, used uint)
	permute = func(done int, used uint) {
		if done == len(live) {
			p := place(live, buffers, func(a, b *interval) bool { return order[a.buffer] < order[b.buffer] })
			if best < 0 || p.Total < best {
				best = p.Total
			}
			return
		}
		for i := range live {
			if used>>i&1 == 0 {
				order[live[i].buffer] = done
				permute(done+1, used|1<<i)
			}
		}
	}
	permute(0, 0)
	return best
}

// tight are lifetimes that fill lines cache lines at each of some steps: few of these fit without
// a gap between buffers that have to stay where they are.
func tight(rng *rand.Rand, lines int64, steps int) *Entry {
	e := &Entry{Name: "tight"}
	var alive []int
	for t := range steps {
		for lines > 0 {
			n := 1 + rng.Int63n(lines)
			alive = append(alive, len(e.Buffers))
			e.Buffers = append(e.Buffers, Buffer{Class: Arena, First: t, Last: steps - 1, Bytes: tensor.Int(n * Alignment)})
			lines -= n
		}
		for range min(1+rng.Intn(3), len(alive)) {
			i := rng.Intn(len(alive))
			b := &e.Buffers[alive[i]]
			b.Last = t
			n, _ := b.Bytes.Const()
			lines += n / Alignment
			alive = slices.Delete(alive, i, i+1)
		}
	}
	return e
}

// TestSearchFindsTheLeast compares the search, which begins with a bad placement, with all orders:
// in the first cases, and in those that it says need more than what is alive at once.
func TestSearchFindsTheLeast(t *testing.T) {
	rng := rand.New(rand.NewSource(2))
	above := 0
	for round := range 60000 {
		e := tight(rng, 3+rng.Int63n(6), 1+rng.Intn(5))
		if len(e.Buffers) > 9 {
			continue
		}
		live, err := intervals(e, nil)
		if err != nil {
			t.Fatal(err)
		}
		p := place(live, len(e.Buffers), func(a, b *interval) bool { return a.first > b.first })
		p.Live = bound(live)
		p.search(slices.Clone(live), effort)
		checkPlacement(t, e, p, 0)
		if p.Total == p.Live && (round > 500 || len(live) > 6) {
			continue
		}
		if want := least(live, len(e.Buffers)); !p.Least || p.Total != want {
			t.Fatalf("round %d: an arena of %d bytes (least: %v), not %d", round, p.Total, p.Least, want)
		}
		if p.Total > p.Live {
			above++
		}
	}
	if above == 0 {
		t.Error("no case needs more than its bound: what the search proves is not looked at")
	}
}

// TestArenasOfRandomPrograms holds arenas near the bytes that are alive at once.
func TestArenasOfRandomPrograms(t *testing.T) {
	rng := rand.New(rand.NewSource(3))
	for _, n := range []int{10, 40, 100, 200} {
		const rounds = 60
		sum := 0.0
		for range rounds {
			e := randomEntry(rng, n, n, 400)
			p, err := Place(e, nil)
			if err != nil {
				t.Fatal(err)
			}
			checkPlacement(t, e, p, 0)
			ratio := 1.0
			if p.Live > 0 {
				ratio = float64(p.Total) / float64(p.Live)
			}
			if ratio > 1.01 && !p.Least && n <= 100 {
				t.Errorf("%d buffers: %.3f of the bound, and not known to be the least", n, ratio)
			}
			sum += ratio
		}
		if mean := sum / rounds; mean > 1.01 {
			t.Errorf("%d buffers: %.4f of the bound on average", n, mean)
		}
	}
}

// TestSearchEnds places more buffers than a search gets through.
func TestSearchEnds(t *testing.T) {
	e := randomEntry(rand.New(rand.NewSource(4)), 3000, 3000, 400)
	p, err := Place(e, nil)
	if err != nil {
		t.Fatal(err)
	}
	checkPlacement(t, e, p, 0)
	q, err := Place(e, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p.Offsets {
		if p.Offsets[i] != q.Offsets[i] {
			t.Fatalf("buffer %d lies at %d, then at %d", i, p.Offsets[i], q.Offsets[i])
		}
	}
}
