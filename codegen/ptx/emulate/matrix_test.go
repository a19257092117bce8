package emulate

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// Matrix units: fragments are filled by the formulas of the PTX manual, written out here once more lane by lane, and
// the result is held against a plain product. Small integers make every sum exact.

// matrix is a row-major matrix of small integers.
type matrix struct {
	rows, cols int
	v          []float64
}

func randomMatrix(rng *rand.Rand, rows, cols int) matrix {
	m := matrix{rows, cols, make([]float64, rows*cols)}
	for i := range m.v {
		m.v[i] = float64(rng.IntN(17) - 8)
	}
	return m
}

func (m matrix) at(r, c int) float64 { return m.v[r*m.cols+c] }

func (m matrix) times(b matrix) matrix {
	out := matrix{m.rows, b.cols, make([]float64, m.rows*b.cols)}
	for i := range m.rows {
		for j := range b.cols {
			for k := range m.cols {
				out.v[i*b.cols+j] += m.at(i, k) * b.at(k, j)
			}
		}
	}
	return out
}

// bitsOf encodes a small integer in a matrix type; all of them are exact.
func bitsOf(t typ, x float64) uint32 {
	switch t {
	case bf16:
		return math.Float32bits(float32(x)) >> 16
	case f16:
		return uint32(nearestOf(half, x))
	}
	return math.Float32bits(float32(x))
}

// mmaCase fills registers by the manual's row and column of a_i, b_i and c_i.
type mmaCase struct {
	shape      string
	t          typ
	k          int
	rowA, colA func(g, t, i int) int
	rowB       func(g, t, i int) int
}

func mmaCases() []mmaCase {
	wide := []mmaCase{
		{"m16n8k16", bf16, 16,
			func(g, _, i int) int {
				if i < 2 || 4 <= i && i < 6 {
					return g
				}
				return g + 8
			},
			func(_, t, i int) int {
				if i < 4 {
					return t*2 + i&1
				}
				return t*2 + i&1 + 8
			},
			func(_, t, i int) int {
				if i < 2 {
					return t*2 + i&1
				}
				return t*2 + i&1 + 8
			}},
		{"m16n8k8", bf16, 8,
			func(g, _, i int) int {
				if i < 2 {
					return g
				}
				return g + 8
			},
			func(_, t, i int) int { return t*2 + i&1 },
			func(_, t, i int) int { return t*2 + i }},
	}
	out := append([]mmaCase(nil), wide...)
	for _, c := range wide {
		c.t = f16
		out = append(out, c)
	}
	return append(out,
		mmaCase{"m16n8k8", tf32, 8,
			func(g, _, i int) int {
				if i == 0 || i == 2 {
					return g
				}
				return g + 8
			},
			func(_, t, i int) int {
				if i < 2 {
					return t
				}
				return t + 4
			},
			func(_, t, i int) int {
				if i == 0 {
					return t
				}
				return t + 4
			}},
		mmaCase{"m16n8k4", tf32, 4,
			func(g, _, i int) int { return g + 8*i },
			func(_, t, _ int) int { return t },
			func(_, t, _ int) int { return t }})
}

func TestMMA(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 1))
	for _, c := range mmaCases() {
		a, b, acc := randomMatrix(rng, 16, c.k), randomMatrix(rng, c.k, 8), randomMatrix(rng, 16, 8)
		per := 32 / c.t.bits()
		na, nb := 16*c.k/32/per, 8*c.k/32/per
		in := make([]uint32, 32*(na+nb+4))
		for lane := range 32 {
			g, id := lane>>2, lane%4
			row := in[lane*(na+nb+4):]
			for i := range na * per {
				row[i/per] |= bitsOf(c.t, a.at(c.rowA(g, id, i), c.colA(g, id, i))) << (c.t.bits() * (i % per) % 32)
			}
			for i := range nb * per {
				row[na+i/per] |= bitsOf(c.t, b.at(c.rowB(g, id, i), g)) << (c.t.bits() * (i % per) % 32)
			}
			for i := range 4 {
				row[na+nb+i] = math.Float32bits(float32(acc.at(g+8*(i/2), id*2+i&1)))
			}
		}
		out, _, err := runText(t, ptx("sm_80", "", mmaBody(c, na, nb)), "sm_80", 32, wordBytes(in), 32*16)
		if err != nil {
			t.Fatal(err)
		}
		want, got := a.times(b), floatsOf(out)
		for lane := range 32 {
			for i := range 4 {
				r, col := lane>>2+8*(i/2), lane%4*2+i&1
				if w := want.at(r, col) + acc.at(r, col); float64(got[lane*4+i]) != w {
					t.Fatalf("%s %s: c[%d,%d] = %v, want %v", c.shape, c.t, r, col, got[lane*4+i], w)
				}
			}
		}
	}
}

func mmaBody(c mmaCase, na, nb int) string {
	var s strings.Builder
	fmt.Fprintf(&s, "mul.wide.u32 %%x0, %%t, %d;\nadd.s64 %%x1, %%in, %%x0;\nmul.wide.u32 %%x2, %%t, 16;\nadd.s64 %%x3, %%out, %%x2;\n", 4*(na+nb+4))
	list := func(prefix string, from, n int) string {
		var l []string
		for i := range n {
			l = append(l, fmt.Sprintf("%%%s%d", prefix, from+i))
		}
		return "{" + strings.Join(l, ", ") + "}"
	}
	for i := range na + nb {
		fmt.Fprintf(&s, "ld.global.b32 %%r%d, [%%x1+%d];\n", i, 4*i)
	}
	for i := range 4 {
		fmt.Fprintf(&s, "ld.global.f32 %%f%d, [%%x1+%d];\n", i, 4*(na+nb+i))
	}
	fmt.Fprintf(&s, "mma.sync.aligned.%s.row.col.f32.%s.%s.f32 %s, %s, %s, %s;\n", c.shape, c.t, c.t, list("f", 4, 4), list("r", 0, na), list("r", na, nb), list("f", 0, 4))
	s.WriteString("st.global.v4.f32 [%x3], {%f4, %f5, %f6, %f7};\nret;")
	return s.String()
}

// ldmatrix and stmatrix against the manual's picture: thread l holds elements 2(l%4), 2(l%4)+1 of row l/4.
func TestMatrixLoadsAndStores(t *testing.T) {
	rng := rand.New(rand.NewPCG(22, 1))
	in := make([]uint32, 128) // four matrices of 8 rows of 16 bytes
	for i := range in {
		in[i] = rng.Uint32()
	}
	raw := wordBytes(in)
	halfAt := func(m, row, col int) uint32 { return uint32(binary.LittleEndian.Uint16(raw[m*128+row*16+col*2:])) }
	for _, trans := range []string{"", ".trans"} {
		body := `
mul.wide.u32 %x0, %t, 16;
add.s64 %x1, %in, %x0;
add.s64 %x2, %out, %x0;
ld.global.v4.b32 {%r0, %r1, %r2, %r3}, [%x1];
shl.b32 %r9, %t, 4;
mov.u32 %r8, tile;
add.u32 %r8, %r8, %r9;
st.shared.v4.b32 [%r8], {%r0, %r1, %r2, %r3};
bar.warp.sync 0xffffffff;
ldmatrix.sync.aligned.m8n8.x4` + trans + `.shared.b16 {%r4, %r5, %r6, %r7}, [%r8];
st.global.v4.b32 [%x2], {%r4, %r5, %r6, %r7};
`
		text := ptx("sm_90a", ".shared .align 16 .b8 tile[512];", body+"ret;")
		out, _, err := runText(t, text, "sm_90a", 32, raw, 512)
		if err != nil {
			t.Fatal(err)
		}
		for l := range 32 {
			for m := range 4 {
				want := halfAt(m, l/4, l%4*2) | halfAt(m, l/4, l%4*2+1)<<16
				if trans != "" {
					want = halfAt(m, l%4*2, l/4) | halfAt(m, l%4*2+1, l/4)<<16
				}
				if got := words(out)[l*4+m]; got != want {
					t.Fatalf("lane %d of matrix %d%s: %#x, want %#x", l, m, trans, got, want)
				}
			}
		}
		// What ldmatrix took apart, stmatrix puts together.
		back := strings.Replace(body, "st.global.v4.b32 [%x2], {%r4, %r5, %r6, %r7};", "bar.warp.sync 0xffffffff; stmatrix.sync.aligned.m8n8.x4"+trans+
			".shared.b16 [%r8], {%r4, %r5, %r6, %r7}; bar.warp.sync 0xffffffff; ld.shared.v4.b32 {%r4, %r5, %r6, %r7}, [%r8]; st.global.v4.b32 [%x2], {%r4, %r5, %r6, %r7};", 1)
		out, _, err = runText(t, ptx("sm_90a", ".shared .align 16 .b8 tile[512];", back+"ret;"), "sm_90a", 32, raw, 512)
		if err != nil {
			t.Fatal(err)
		}
		if string(out) != string(raw) {
			t.Fatalf("stmatrix%s does not undo ldmatrix%s", trans, trans)
		}
		wantFault(t, strings.Replace(text, "bar.warp.sync 0xffffffff;", "", 1), "sm_90a", 32, Race, "ldmatrix")
		wantFault(t, strings.Replace(text, "st.shared.v4", "@%p1 st.shared.v4", 1), "sm_90a", 32, Uninitialized)
	}
	wantFault(t, ptx("sm_80", ".shared .align 16 .b8 tile[512];", "mov.u32 %r1, tile; setp.lt.u32 %p1, %t, 8; @%p1 ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r2}, [%r1]; ret;"), "sm_80", 32, Divergence, "32 lanes")
}
