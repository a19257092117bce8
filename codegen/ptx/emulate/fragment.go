package emulate

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

// operand32 reads an element; tf32 ignores the low 13 bits.
func (f format) operand(v uint64, shift int) float64 {
	v >>= shift
	if f.typ == tf32 {
		return f.decode(v & 0xffffe000)
	}
	return f.decode(v & 0xffff)
}

// multiplyAdd gives acc + sum a[i]*b[i*stride]: products are exact, the sum is in doubles. Hardware keeps
// fewer bits, in an order that NVIDIA does not state, so that results agree within a tolerance only.
func multiplyAdd(acc float64, a, b []float64, stride int) float64 {
	for i, x := range a {
		acc += float64(x * b[i*stride])
	}
	return acc
}
