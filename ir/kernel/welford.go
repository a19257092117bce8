package kernel

import (
	"fmt"

	"dlc/ir/tensor"
)

// Moments is the state of a Welford reduction: the mean of the terms so far and M2, the sum of
// the squares of their distances from it. The result is M2. How many terms there are follows from
// the position.
type Moments struct{ Mean, M2 uint64 }

// A Spread steps and joins Moments of one float type. Term n, counted from 1, of value x:
//
//	d = x - mean;  mean = fma(d, 1/n, mean);  m2 = fma(d, x - mean, m2)
//
// A state of na terms takes in one of nb behind it (Chan, Golub and LeVeque); nothing where nb is 0:
//
//	d = mb - ma;  f = nb / (na + nb);  mean = fma(d, f, ma);  m2 = fma(d*d, na*f, m2a + m2b)
//
// Each operation rounds. Counts are floats: of a lane, sums of floats level by level; of a chunk,
// integers rounded once.
type Spread struct {
	sub, mul, add, div func(a, b uint64) uint64
	fma                func(a, b, c uint64) uint64
	float              func(n int64) uint64
}

// NewSpread returns the Spread of f32 or f64.
func NewSpread(t tensor.DType) *Spread {
	two := func(fn string) func(a, b uint64) uint64 { return ScalarOf(fn, t, t).Two }
	return &Spread{two("sub"), two("mul"), two("add"), two("div"), ScalarOf("fma", t, t).Three,
		func(n int64) uint64 { return Convert(tensor.I64, t, uint64(n)) }}
}

// Add takes in term n.
func (s *Spread) Add(m Moments, n int64, x uint64) Moments {
	d := s.sub(x, m.Mean)
	mean := s.fma(d, s.div(s.float(1), s.float(n)), m.Mean)
	return Moments{mean, s.fma(d, s.sub(x, mean), m.M2)}
}

func (s *Spread) join(a, b Moments, na, nb, n uint64) Moments {
	if nb == 0 { // the float 0
		return a
	}
	d, f := s.sub(b.Mean, a.Mean), s.div(nb, n)
	return Moments{s.fma(d, f, a.Mean), s.fma(s.mul(d, d), s.mul(na, f), s.add(a.M2, b.M2))}
}

// JoinLanes joins 64 lanes, over which n terms were dealt, as Fold.JoinLanes does.
func (s *Spread) JoinLanes(lanes []Moments, n int64) uint64 {
	counts := make([]uint64, len(lanes))
	for l := range counts {
		counts[l] = s.float((n + 63 - int64(l)) / 64)
	}
	for w := len(lanes) / 2; w > 0; w /= 2 {
		for l := range w {
			sum := s.add(counts[l], counts[l+w])
			lanes[l] = s.join(lanes[l], lanes[l+w], counts[l], counts[l+w], sum)
			counts[l] = sum
		}
	}
	return lanes[0].M2
}

// JoinChunks joins chunks of so many terms each, as Fold.JoinChunks does.
func (s *Spread) JoinChunks(chunks []Moments, terms []int64) uint64 {
	if len(chunks) == 0 {
		return 0
	}
	for len(chunks) > 1 {
		var next []Moments
		var counts []int64
		for i := 0; i < len(chunks); i += 2 {
			if i+1 == len(chunks) {
				next, counts = append(next, chunks[i]), append(counts, terms[i])
				break
			}
			sum := terms[i] + terms[i+1]
			next = append(next, s.join(chunks[i], chunks[i+1], s.float(terms[i]), s.float(terms[i+1]), s.float(sum)))
			counts = append(counts, sum)
		}
		chunks, terms = next, counts
	}
	return chunks[0].M2
}

// welford returns a function that folds d's terms at the current point of its kept axes.
func (r *run) welford(d *Def, dims []int, at []*int64) Eval {
	spread, term := NewSpread(d.DType), r.compile.Compile(ExpandFuncs(d.Expr))
	each := func(visit func()) { walk(dims, at, func() { r.compile.Moved(); visit() }) }
	turns := turn{1, 1}
	if d.Reduce.Order.Kind == Chunks {
		turns = chunkTurns(d, dims)
	}
	return func() uint64 {
		j := int64(0)
		switch d.Reduce.Order.Kind {
		case Lanes64:
			lanes := make([]Moments, 64)
			each(func() {
				lanes[j%64] = spread.Add(lanes[j%64], j/64+1, term())
				j++
			})
			return spread.JoinLanes(lanes, j)
		case Chunks:
			var chunks []Moments
			var terms []int64
			each(func() {
				if j%int64(turns.length) == 0 || j%int64(turns.row) == 0 {
					chunks, terms, j = append(chunks, Moments{}), append(terms, 0), j%int64(turns.row)
				}
				last := len(chunks) - 1
				terms[last]++
				chunks[last] = spread.Add(chunks[last], terms[last], term())
				j++
			})
			return spread.JoinChunks(chunks, terms)
		}
		m := Moments{}
		each(func() {
			j++
			m = spread.Add(m, j, term())
		})
		return m.M2
	}
}

func (v *verifier) welford(r *Reduce, t tensor.DType) error {
	if r.Op != Welford {
		return nil
	}
	if !t.IsFloat() {
		return fmt.Errorf("welford of %s", t)
	}
	if len(r.When)+len(r.At) > 0 {
		return fmt.Errorf("welford takes all terms: how many there are follows from the position")
	}
	return nil
}
