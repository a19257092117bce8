package data

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/bits"
)

// A Split says which share of the records, in percent, is train, valid and test. The zero Split
// takes one training record in ten as valid.
//
// One or two shares divide the source's training records, and its test part stays test; three
// divide all its records. A record's share is decided by a 64-bit mix of its number, or with By
// of the bytes of that column, so that equal keys stay together.
type Split struct {
	Shares []float64
	By     string
}

// Split divides the records into parts anew.
func (d *Dataset) Split(s Split) error {
	shares, err := s.percent()
	if err != nil {
		return err
	}
	key, err := d.splitKey(s.By)
	if err != nil {
		return err
	}
	d.rows = map[Part][]int{}
	row := 0
	for _, b := range d.blocks {
		for range b.n {
			p := b.part
			if p == Train || len(shares) == 3 {
				p = share(shares, key(row))
			}
			d.rows[p] = append(d.rows[p], row)
			row++
		}
	}
	return nil
}

// percent checks the shares and fills in the default.
func (s Split) percent() ([]float64, error) {
	if len(s.Shares) == 0 {
		return []float64{90, 10}, nil
	}
	if len(s.Shares) > len(parts) {
		return nil, fmt.Errorf("a split has at most %d shares (train/valid/test), not %d", len(parts), len(s.Shares))
	}
	sum := 0.0
	for _, v := range s.Shares {
		if !(v >= 0) {
			return nil, fmt.Errorf("a share of %v percent", v)
		}
		sum += v
	}
	if math.Abs(sum-100) > 1e-9 {
		return nil, fmt.Errorf("the shares of a split add up to %v, not 100", sum)
	}
	return s.Shares, nil
}

// splitKey returns what decides the share of a record.
func (d *Dataset) splitKey(by string) (func(row int) uint64, error) {
	if by == "" || by == "index" {
		return func(row int) uint64 { return mix(uint64(row)) }, nil
	}
	if keys, ok := d.keys[by]; ok {
		return func(row int) uint64 { return keys[row] }, nil
	}
	i := d.column(by)
	if i < 0 {
		return nil, fmt.Errorf("no column %s to split by", by)
	}
	return func(row int) uint64 { return keyOf(d.value(i, row)) }, nil
}

// keyOf is the mixed FNV-1a hash of bytes.
func keyOf(value []byte) uint64 {
	h := fnv.New64a()
	h.Write(value)
	return mix(h.Sum64())
}

// share finds the part whose stretch of 0..100 holds a key: the key's upper 53 bits as a fraction.
func share(shares []float64, key uint64) Part {
	at, end := float64(key>>11)/(1<<53)*100, 0.0
	last := 0
	for i, v := range shares {
		if v > 0 {
			last = i
		}
		if end += v; at < end {
			return parts[i]
		}
	}
	return parts[last] // rounding of the shares' sum
}

// mix is the output function of SplitMix64 (Steele, Lea, Flood 2014): every bit of the result
// depends on every bit of x.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Order returns the places 0..n in the order of an epoch: a Fisher-Yates shuffle from the back,
// place i exchanged with floor(r * (i+1) / 2^64), where r runs through SplitMix64 started at
// mix(seed) xor epoch. It is the same on every platform.
func Order(seed, epoch uint64, n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	state := mix(seed) ^ epoch
	for i := n - 1; i > 0; i-- {
		j, _ := bits.Mul64(mix(state), uint64(i+1))
		state += 0x9e3779b97f4a7c15
		order[i], order[j] = order[j], order[i]
	}
	return order
}
