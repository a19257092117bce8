package program

import (
	"math/rand"
	"testing"

	"dlc/ir/tensor"
)

// TestPlaceNeverOverlaps places random lifetimes and checks every pair that is alive together.
func TestPlaceNeverOverlaps(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	for round := 0; round < 200; round++ {
		e := &Entry{Name: "random"}
		for i := rng.Intn(40); i >= 0; i-- {
			first := rng.Intn(30)
			b := Buffer{Class: Arena, First: first, Last: first + rng.Intn(6), Bytes: tensor.Sym("N").Scale(int64(rng.Intn(500)))}
			if rng.Intn(8) == 0 {
				b.Class = Input
			}
			e.Buffers = append(e.Buffers, b)
		}
		n := int64(rng.Intn(5))
		p, err := Place(e, map[string]int64{"N": n})
		if err != nil {
			t.Fatal(err)
		}
		if p.Total < p.Live {
			t.Fatalf("round %d: arena of %d bytes below the bound %d", round, p.Total, p.Live)
		}
		checkPlacement(t, e, p, n)
	}
}

func checkPlacement(t *testing.T, e *Entry, p *Placement, n int64) {
	t.Helper()
	for i, a := range e.Buffers {
		if (a.Class == Arena) != (p.Offsets[i] >= 0) {
			t.Fatalf("buffer %d of class %s has offset %d", i, a.Class, p.Offsets[i])
		}
		for j, b := range e.Buffers[:i] {
			if a.Class != Arena || b.Class != Arena || a.First > b.Last || b.First > a.Last {
				continue
			}
			an, _ := a.Bytes.Eval(map[string]int64{"N": n})
			bn, _ := b.Bytes.Eval(map[string]int64{"N": n})
			if an > 0 && bn > 0 && p.Offsets[i] < p.Offsets[j]+bn && p.Offsets[j] < p.Offsets[i]+an {
				t.Fatalf("buffers %d and %d overlap", i, j)
			}
		}
	}
}

func TestPlaceRefusesUnboundAndHuge(t *testing.T) {
	e := &Entry{Name: "f", Buffers: []Buffer{{Class: Arena, Bytes: tensor.Sym("N")}}}
	if _, err := Place(e, nil); err == nil {
		t.Error("an unbound size was placed")
	}
	if _, err := Place(e, map[string]int64{"N": 1 << 41}); err == nil {
		t.Error("2 TiB were placed")
	}
}
