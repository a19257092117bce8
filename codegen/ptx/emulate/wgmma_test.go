package emulate

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// wgmma on operands that tensor copies bring, in every layout, against a plain product.

// wgmmaCase is d[64,n] = a[64,k] b[k,n] with one box of each operand per `span` bytes of its contiguous axis.
type wgmmaCase struct {
	t              typ
	n, k           int
	swizzle        int
	transA, transB bool // the operand lies [k,m] or [k,n] in memory, not [m,k] or [n,k]
	inRegisters    bool // A
}

func (c wgmmaCase) span() int { return max(c.swizzle, 16) }

// rowsOf counts the rows of an operand's boxes; the contiguous axis is cut into boxes of one span.
func (c wgmmaCase) rowsOf(extent int, trans bool) int {
	if trans {
		return c.k
	}
	return extent
}

func (c wgmmaCase) boxesOf(extent int, trans bool) int {
	if trans {
		return extent * c.t.bytes() / c.span()
	}
	return c.k * c.t.bytes() / c.span()
}

// descriptor gives the constant part of the operand's descriptor and the bytes from one k step to the next.
func (c wgmmaCase) descriptor(extent int, trans bool) (bits uint64, step int) {
	span, rows := c.span(), c.rowsOf(extent, trans)
	var leading, stride int
	switch {
	case c.swizzle == 0 && !trans:
		leading, stride, step = rows*16, 128, 2*rows*16
	case c.swizzle == 0:
		leading, stride, step = 128, rows*16, 256
	case !trans:
		leading, stride, step = 16, 8*span, 32
	default:
		leading, stride, step = rows*span, 8*span, 32/c.t.bytes()*span
	}
	mode := map[int]uint64{0: 0, 128: 1, 64: 2, 32: 3}[c.swizzle]
	return uint64(leading>>4)<<16 | uint64(stride>>4)<<32 | mode<<62, step
}

// text writes the kernel k(a map, b map, raw a, out).
func (c wgmmaCase) text() string {
	var s strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&s, format+"\n", args...) }
	line(".version 8.3\n.target sm_90a\n.address_size 64")
	bytesA, bytesB := 64*c.k*c.t.bytes(), c.n*c.k*c.t.bytes()
	line(".shared .align 1024 .b8 ta[%d];\n.shared .align 1024 .b8 tb[%d];\n.shared .align 8 .b64 bar;", bytesA, bytesB)
	line(".visible .entry k(.param .align 64 .b8 ma[128], .param .align 64 .b8 mb[128], .param .u64 pa, .param .u64 po) .maxntid 128 {")
	line(".reg .pred %%p<4>;\n.reg .b32 %%r<16>;\n.reg .f32 %%d<%d>;\n.reg .b64 %%x<16>;", c.n/2)
	line("ld.param.u64 %%x1, [pa];\nld.param.u64 %%x2, [po];\nmov.u32 %%r0, %%tid.x;\nmov.u32 %%r1, ta;\nmov.u32 %%r2, tb;\nmov.u32 %%r3, bar;")
	line("mov.b64 %%x3, ma;\ncvta.param.u64 %%x3, %%x3;\nmov.b64 %%x4, mb;\ncvta.param.u64 %%x4, %%x4;")
	line("setp.ne.u32 %%p1, %%r0, 0;\n@%%p1 bra Start;\nmbarrier.init.shared.b64 [%%r3], 1;\nfence.mbarrier_init.release.cluster;")
	line("mbarrier.arrive.expect_tx.shared.b64 _, [%%r3], %d;", bytesA+bytesB)
	c.loads(line, "%r1", "%x3", 64, c.transA)
	c.loads(line, "%r2", "%x4", c.n, c.transB)
	line("Start:\nbar.sync 0;\nWait:\nmbarrier.try_wait.parity.shared.b64 %%p2, [%%r3], 0;\n@!%%p2 bra Wait;")
	line("wgmma.fence.sync.aligned;")
	c.products(line)
	line("wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;")
	line("mul.wide.u32 %%x9, %%r0, %d;\nadd.s64 %%x9, %%x2, %%x9;", 2*c.n)
	for i := range c.n / 2 {
		line("st.global.f32 [%%x9+%d], %%d%d;", 4*i, i)
	}
	line("ret;\n}")
	return s.String()
}

func (c wgmmaCase) loads(line func(string, ...any), to, tensor string, extent int, trans bool) {
	per := c.span() / c.t.bytes()
	for i := range c.boxesOf(extent, trans) {
		line("add.u32 %%r5, %s, %d;\nmov.u32 %%r6, %d;\nmov.u32 %%r7, 0;", to, i*c.rowsOf(extent, trans)*c.span(), i*per)
		line("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%%r5], [%s, {%%r6, %%r7}], [%%r3];", tensor)
	}
}

func (c wgmmaCase) products(line func(string, ...any)) {
	descA, stepA := c.descriptor(64, c.transA)
	descB, stepB := c.descriptor(c.n, c.transB)
	depth := 32 / c.t.bytes()
	var sums []string
	for i := range c.n / 2 {
		sums = append(sums, fmt.Sprintf("%%d%d", i))
	}
	flags := ""
	if c.t != tf32 {
		flag := map[bool]int{true: 1}
		flags = fmt.Sprintf(", %d", flag[c.transB])
		if !c.inRegisters {
			flags = fmt.Sprintf(", %d", flag[c.transA]) + flags
		}
	}
	for step := range c.k / depth {
		a := "%x5"
		for _, o := range []struct {
			to, base string
			bits     uint64
			by       int
		}{{"%x5", "%r1", descA, stepA}, {"%x6", "%r2", descB, stepB}} {
			line("add.u32 %%r5, %s, %d;\nand.b32 %%r5, %%r5, 0x3ffff;\nshr.u32 %%r5, %%r5, 4;\ncvt.u64.u32 %s, %%r5;\nor.b64 %s, %s, %d;", o.base, step*o.by, o.to, o.to, o.to, int64(o.bits))
		}
		if c.inRegisters {
			c.loadRegisters(line, step*depth)
			a = "{%r8, %r9, %r10, %r11}"
		}
		keep := "%p3"
		line("setp.ne.u32 %%p3, %d, 0;", step)
		line("wgmma.mma_async.sync.aligned.m64n%dk%d.f32.%s.%s {%s}, %s, %%x6, %s, 1, 1%s;", c.n, depth, c.t, c.t, strings.Join(sums, ", "), a, keep, flags)
		if c.inRegisters {
			line("wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;")
		}
	}
}

// loadRegisters loads the fragment of A[64,k] (row-major) that starts at column k0: rows 16*warp + l/4 (+8), by the manual.
func (c wgmmaCase) loadRegisters(line func(string, ...any), k0 int) {
	size := c.t.bytes()
	line("shr.u32 %%r12, %%r0, 5;\nshl.b32 %%r12, %%r12, 4;\nand.b32 %%r13, %%r0, 31;\nshr.u32 %%r14, %%r13, 2;\nadd.u32 %%r12, %%r12, %%r14;\nand.b32 %%r13, %%r13, 3;")
	line("mul.lo.u32 %%r12, %%r12, %d;\nmad.lo.u32 %%r12, %%r13, 4, %%r12;\ncvt.u64.u32 %%x10, %%r12;\nadd.s64 %%x10, %%x1, %%x10;", c.k*size)
	for i := range 4 {
		line("ld.global.b32 %%r%d, [%%x10+%d];", 8+i, (i%2)*8*c.k*size+(i/2)*16+k0*size)
	}
	line("wgmma.fence.sync.aligned;")
}

// packed lays a matrix out in memory, [rows,cols] or transposed, in the element type.
func packed(t typ, m matrix, trans bool) []byte {
	var out []byte
	put := func(x float64) {
		if t.bytes() == 2 {
			out = binary.LittleEndian.AppendUint16(out, uint16(bitsOf(t, x)))
		} else {
			out = binary.LittleEndian.AppendUint32(out, bitsOf(t, x))
		}
	}
	outer, inner := m.rows, m.cols
	if trans {
		outer, inner = inner, outer
	}
	for i := range outer {
		for j := range inner {
			if trans {
				put(m.at(j, i))
			} else {
				put(m.at(i, j))
			}
		}
	}
	return out
}

func (c wgmmaCase) tensorOf(name string, m matrix, trans bool) *TensorMap {
	rows, cols := m.rows, m.cols
	if trans {
		rows, cols = cols, rows
	}
	size := c.t.bytes()
	return &TensorMap{Buffer: &Buffer{Name: name, Data: packed(c.t, m, trans), ReadOnly: true}, Size: size, Dims: []int{cols, rows},
		Strides: []int{cols * size}, Box: []int{c.span() / size, rows}, Swizzle: c.swizzle}
}

// run multiplies random matrices; bt is B by rows of n.
func (c wgmmaCase) run(t *testing.T, text string) error {
	t.Helper()
	assemble(t, text, "sm_90a")
	rng := rand.New(rand.NewPCG(31, uint64(c.n)))
	a, bt := randomMatrix(rng, 64, c.k), randomMatrix(rng, c.n, c.k)
	m, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	out := output("out", 64*c.n)
	_, err = entry(t, m, "k").Run(Launch{Block: [3]int{128}, Seed: 3, Args: []Arg{Tensor(c.tensorOf("a", a, c.transA)), Tensor(c.tensorOf("b", bt, c.transB)),
		Pointer(&Buffer{Name: "raw", Data: packed(c.t, a, false), ReadOnly: true}, 0), Pointer(out, 0)}})
	if err != nil {
		return err
	}
	b := matrix{c.k, c.n, make([]float64, c.k*c.n)}
	for i := range c.n {
		for k := range c.k {
			b.v[k*c.n+i] = bt.at(i, k)
		}
	}
	want, got := a.times(b), floatsOf(out.Data)
	for thread := range 128 {
		for i := range c.n / 2 {
			row, col := thread/32*16+thread%32/4+8*(i/2%2), i/4*8+thread%4*2+i%2
			if float64(got[thread*c.n/2+i]) != want.at(row, col) {
				return fmt.Errorf("d[%d,%d] = %v, want %v", row, col, got[thread*c.n/2+i], want.at(row, col))
			}
		}
	}
	return nil
}

func TestWgmma(t *testing.T) {
	var cases []wgmmaCase
	for _, swizzle := range []int{0, 32, 64, 128} {
		for _, elem := range []typ{bf16, f16, tf32} {
			k := max(swizzle, 32) / elem.bytes()
			cases = append(cases, wgmmaCase{t: elem, n: 24, k: 2 * k, swizzle: swizzle}, wgmmaCase{t: elem, n: 8, k: k, swizzle: swizzle, inRegisters: true})
		}
		cases = append(cases, wgmmaCase{t: bf16, n: 128, k: max(32, swizzle/2), swizzle: swizzle, transB: true, inRegisters: true}, wgmmaCase{t: f16, n: 64, k: 32, swizzle: swizzle, transA: true, transB: true})
	}
	cases = append(cases, wgmmaCase{t: bf16, n: 256, k: 64, swizzle: 128})
	for _, c := range cases {
		if !c.transA && !c.transB && c.swizzle != 0 && c.k*c.t.bytes() > c.swizzle {
			c.k = c.swizzle / c.t.bytes() // one span along k: steps stay inside it
		}
		if err := c.run(t, c.text()); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// What a wgmma kernel may not leave out, and what is said when it does.
func TestWgmmaFaults(t *testing.T) {
	c := wgmmaCase{t: bf16, n: 16, k: 64, swizzle: 128}
	drop := func(what string) string { return strings.Replace(c.text(), what, "", 1) }
	for _, f := range []struct {
		kind Kind
		text string
		part string
	}{
		{Misuse, drop("wgmma.fence.sync.aligned;"), "wgmma.fence"},
		{Pending, drop("wgmma.wait_group.sync.aligned 0;"), "has not been waited for"},
		{Pending, strings.Replace(c.text(), "wait_group.sync.aligned 0", "wait_group.sync.aligned 1", 1), "has not been waited for"},
		{"", drop("@!%p2 bra Wait;"), "cp.async.bulk.tensor"}, // a race or in flight, as the seed has it
		{Misuse, strings.Replace(c.text(), "wgmma.fence.sync.aligned;", "wgmma.fence.sync.aligned;\nmov.f32 %d0, 0f00000000;", 1), "after the last wgmma.fence"},
		{Proxy, strings.Replace(c.text(), "wgmma.fence.sync.aligned;", "mov.u32 %r5, 0;\nst.shared.b32 [ta], %r5;\nbar.sync 0;\nwgmma.fence.sync.aligned;", 1), "fence.proxy.async"},
		{Deadlock, strings.Replace(c.text(), "expect_tx.shared.b64 _, [%r3], ", "expect_tx.shared.b64 _, [%r3], 1", 1), "try_wait"},
	} {
		text := f.text
		if f.kind == Proxy {
			text = strings.Replace(text, "mov.u32 %r5, 0;\nst.shared", "mov.u32 %r5, 0;\nsetp.eq.u32 %p3, %r0, 5;\n@%p3 st.shared", 1)
		}
		err := c.run(t, text)
		var fault *Fault
		if !errors.As(err, &fault) || f.kind != "" && fault.Kind != f.kind || !strings.Contains(err.Error(), f.part) {
			t.Errorf("expected %s, %q: got %v", f.kind, f.part, err)
		}
	}
}
