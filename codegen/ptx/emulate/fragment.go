package emulate

import "math"

// The layouts of matrix fragments: which element of a matrix lies in which register of which lane (PTX ISA,
// "Matrix Fragments for mma.m16n8k..." and "Register Fragments for wgmma").

// element is one matrix element in a fragment.
type element struct {
	row, col int
	reg      int // which register of the fragment
	lane     int
	shift    int // bit offset inside the register
}

// fragmentA lists A[16,k]: k elements of `bits` bits, two 8-row halves, columns in slices of 8 registers' worth.
func fragmentA(k, bits int) []element {
	per := 32 / bits // elements of a register
	var out []element
	for reg := 0; reg < 16*k/32/per; reg++ {
		for lane := range 32 {
			for e := range per {
				out = append(out, element{row: lane/4 + 8*(reg%2), col: lane%4*per + e + 4*per*(reg/2), reg: reg, lane: lane, shift: bits * e})
			}
		}
	}
	return out
}

// fragmentB lists B[k,8].
func fragmentB(k, bits int) []element {
	per := 32 / bits
	var out []element
	for reg := 0; reg < 8*k/32/per; reg++ {
		for lane := range 32 {
			for e := range per {
				out = append(out, element{row: lane%4*per + e + 4*per*reg, col: lane / 4, reg: reg, lane: lane, shift: bits * e})
			}
		}
	}
	return out
}

// fragmentC lists C[16,n] of 32-bit elements, in slices of 8 columns of four registers each.
func fragmentC(n int) []element {
	var out []element
	for reg := 0; reg < n/2; reg++ {
		for lane := range 32 {
			out = append(out, element{row: lane/4 + 8*(reg/2%2), col: reg/4*8 + lane%4*2 + reg%2, reg: reg, lane: lane})
		}
	}
	return out
}

// matrixFormat is the element format of a matrix unit.
func (d *decoder) matrixFormat(t typ) format {
	f, ok := formats[t]
	if !ok || t == f32 {
		d.refuse("matrices of type %s are not known", t)
	}
	return f
}

// operand reads an element; tf32 ignores the low 13 bits.
func (f format) operand(v uint64, shift int) float64 {
	v >>= shift
	switch f.typ {
	case bf16:
		return float64(math.Float32frombits(uint32(v) << 16))
	case tf32:
		return float64(math.Float32frombits(uint32(v) & 0xffffe000))
	}
	return f.decode(v & 0xffff)
}

// accumulators are sums of a matrix product in the registers of a warp: [16,n], row by row the places of the
// elements among the values of all registers.
type accumulators []int

// accumulatorsIn lays sums out in slots, as fragmentC does.
func accumulatorsIn(slots []int) accumulators {
	n := len(slots) * 2
	out := make(accumulators, 16*n)
	for _, e := range fragmentC(n) {
		out[e.row*n+e.col] = slots[e.reg]*32 + e.lane
	}
	return out
}

// values are the sums before a product, 0 in lanes that do not keep them.
func (at accumulators) values(w *warp, keep uint32, out []float64) []float64 {
	for i, x := range at {
		out[i] = 0
		if keep>>(x&31)&1 != 0 {
			out[i] = float64(float(w.r[x]))
		}
	}
	return out
}

// multiply adds a [16,k] times b [n,k] to sums: products are exact, the sum is in doubles and rounded once.
// Hardware keeps fewer bits, in an order that NVIDIA does not state, so that results agree within a tolerance only.
func (at accumulators) multiply(w *warp, a, b []float64, k int, sums []float64) {
	n := len(at) / 16
	for row := range 16 {
		x := a[row*k : row*k+k]
		for col := 0; col < n; col += 4 {
			y0, y1 := b[col*k:][:len(x)], b[(col+1)*k:][:len(x)]
			y2, y3 := b[(col+2)*k:][:len(x)], b[(col+3)*k:][:len(x)]
			i := row*n + col
			s, to := sums[i:i+4], at[i:i+4]
			s0, s1, s2, s3 := s[0], s[1], s[2], s[3]
			for j, v := range x {
				s0 += float64(v * y0[j])
				s1 += float64(v * y1[j])
				s2 += float64(v * y2[j])
				s3 += float64(v * y3[j])
			}
			w.r[to[0]], w.r[to[1]] = ofFloat(float32(s0)), ofFloat(float32(s1))
			w.r[to[2]], w.r[to[3]] = ofFloat(float32(s2)), ofFloat(float32(s3))
		}
	}
}
