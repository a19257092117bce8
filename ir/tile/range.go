package tile

import (
	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// A Range is what is known at a node of an index's current sub-range.
type Range struct {
	First tensor.Range // bounds of its first position; Lo == Hi: a constant
	Len   int64        // its length, when Short the most it can be; -1: whole, of symbolic extent
	Short bool         // it may be shorter than Len
	Whole bool         // never split: 0..extent
}

// Const returns the first position when it is one constant.
func (r Range) Const() (int64, bool) {
	return r.First.Lo, !r.First.OpenLo && !r.First.OpenHi && r.First.Lo == r.First.Hi
}

// Ranges holds the Range of every index at a node. It is never changed in place.
type Ranges map[string]Range

// With returns rs with the range of one index replaced.
func (rs Ranges) With(index string, r Range) Ranges {
	out := make(Ranges, len(rs)+1)
	for k, v := range rs {
		out[k] = v
	}
	out[index] = r
	return out
}

// Bounds gives the values each index can take at the node, as Dim.Bounds and Dim.Within read them.
func (rs Ranges) Bounds() map[string]tensor.Range {
	out := make(map[string]tensor.Range, len(rs))
	for name, r := range rs {
		b := r.First
		if r.Len > 0 {
			b.Hi += r.Len - 1
		}
		b.OpenHi = b.OpenHi || r.Len < 0
		out[name] = b
	}
	return out
}

// Extents returns the extent of every index of k's definitions.
func Extents(k *kernel.Kernel) map[string]tensor.Dim {
	out := map[string]tensor.Dim{}
	for _, d := range k.Defs {
		for _, a := range d.AllAxes() {
			out[a.Name] = a.Extent
		}
	}
	return out
}

// WholeRanges returns the ranges before the grid.
func WholeRanges(k *kernel.Kernel) Ranges {
	rs := Ranges{}
	for name, e := range Extents(k) {
		rs[name] = wholeRange(e)
	}
	return rs
}

func wholeRange(extent tensor.Dim) Range {
	n, ok := extent.Const()
	if !ok {
		n = -1
	}
	return Range{Len: n, Whole: true}
}

// Block returns the ranges at the top of the phase's body.
func (p *Phase) Block(k *kernel.Kernel) Ranges {
	rs := WholeRanges(k)
	if p.Seq != nil {
		rs[p.Seq.Index] = turnRange(Extents(k)[p.Seq.Index])
	}
	for _, s := range p.Grid {
		parts := Parts(rs[s.Index], s.By)
		r := parts[0]
		for _, q := range parts[1:] {
			r = cover(r, q)
		}
		rs[s.Index] = r
	}
	return rs
}

// cover returns a range that says of a part what is true of both.
func cover(a, b Range) Range {
	lo, hi := a.First, b.First
	r := Range{First: tensor.Range{Lo: min(lo.Lo, hi.Lo), Hi: max(lo.Hi, hi.Hi),
		OpenLo: lo.OpenLo || hi.OpenLo, OpenHi: lo.OpenHi || hi.OpenHi}, Len: max(a.Len, b.Len)}
	r.Short = a.Short || b.Short || a.Len != b.Len
	return r
}

// Parts returns the kinds of parts that walking r by the lengths gives, in order: for each
// length that occurs all its whole parts as one Range, then the short one. A range of no known
// length has every kind.
func Parts(r Range, by []int64) []Range {
	if r.Len >= 0 && !r.Short {
		return constParts(r, by)
	}
	var out []Range
	for _, n := range by {
		if r.Len < 0 || r.Len >= n {
			first := r.First
			first.Hi += max(0, r.Len-n)
			first.OpenHi = first.OpenHi || r.Len < 0
			out = append(out, Range{First: first, Len: n})
		}
	}
	if last := by[len(by)-1]; last > 1 {
		first := r.First
		first.Hi += max(0, r.Len-1)
		first.OpenHi = first.OpenHi || r.Len < 0
		n := last - 1
		if r.Len >= 0 && r.Len < n {
			n = r.Len
		}
		out = append(out, Range{First: first, Len: n, Short: true})
	}
	return out
}

func constParts(r Range, by []int64) []Range {
	var out []Range
	at := int64(0)
	shift := func(lo, hi int64) tensor.Range {
		f := r.First
		f.Lo, f.Hi = f.Lo+lo, f.Hi+hi
		return f
	}
	for _, n := range by {
		if q := (r.Len - at) / n; q > 0 {
			out = append(out, Range{First: shift(at, at+(q-1)*n), Len: n})
			at += q * n
		}
	}
	if rest := r.Len - at; rest > 0 || len(out) == 0 {
		out = append(out, Range{First: shift(at, at), Len: rest})
	}
	return out
}

// Turns returns one Range for each piece of code of the loop: its Parts, cut where Peel says,
// or with Unroll every turn by itself. They are in the order of the turns.
func (l *Loop) Turns(r Range) []Range {
	var out []Range
	_, fixed := r.Const()
	for _, part := range Parts(r, l.Split.By) {
		switch {
		case !fixed || part.First.OpenHi || part.Len == 0:
			out = append(out, part)
		case l.Unroll:
			for at := part.First.Lo; at <= part.First.Hi; at += part.Len {
				one := part
				one.First.Lo, one.First.Hi = at, at
				out = append(out, one)
			}
		default:
			out = append(out, peel(part, l.Peel)...)
		}
	}
	return out
}

// peel cuts the turns of part at the given first positions; an empty segment has no code.
func peel(part Range, at []int64) []Range {
	var out []Range
	lo := part.First.Lo
	end := part.First.Hi + part.Len
	for _, p := range append(append([]int64{}, at...), end) {
		p = min(p, end)
		if p <= lo {
			continue
		}
		turns := (p - lo + part.Len - 1) / part.Len
		seg := part
		seg.First.Lo, seg.First.Hi = lo, lo+(turns-1)*part.Len
		out = append(out, seg)
		lo += turns * part.Len
	}
	return out
}
