package emulate

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Tensor copies of every rank, over the edges of the tensor, there and back, and across a cluster.

// copyText moves a box to shared memory and out again through two maps; corner %r10.. come from the raw parameter.
func copyText(rank, bytes int, fence, wait string) string {
	coords := []string{"%r10", "%r11", "%r12", "%r13", "%r14"}[:rank]
	var loads strings.Builder
	for i := range rank {
		fmt.Fprintf(&loads, "ld.global.b32 %%r%d, [%%x1+%d];\n", 10+i, 4*i)
	}
	list := strings.Join(coords, ", ")
	return fmt.Sprintf(`.version 8.3
.target sm_90a
.address_size 64
.shared .align 1024 .b8 tile[%[1]d];
.shared .align 8 .b64 bar;
.visible .entry k(.param .align 64 .b8 ma[128], .param .align 64 .b8 mb[128], .param .u64 corner) {
.reg .pred %%p<4>;
.reg .b32 %%r<16>;
.reg .b64 %%x<8>;
ld.param.u64 %%x1, [corner];
%[2]s
mov.b64 %%x3, ma;
mov.b64 %%x4, mb;
cvta.param.u64 %%x3, %%x3;
cvta.param.u64 %%x4, %%x4;
mov.u32 %%r1, tile;
mov.u32 %%r2, bar;
mbarrier.init.shared.b64 [%%r2], 1;
fence.mbarrier_init.release.cluster;
mbarrier.arrive.expect_tx.shared.b64 _, [%%r2], %[1]d;
cp.async.bulk.tensor.%[3]dd.shared::cluster.global.mbarrier::complete_tx::bytes [%%r1], [%%x3, {%[4]s}], [%%r2];
Wait:
mbarrier.try_wait.parity.shared.b64 %%p1, [%%r2], 0;
@!%%p1 bra Wait;
ld.shared.b32 %%r3, [tile];
add.u32 %%r3, %%r3, 1;
st.shared.b32 [tile], %%r3;
%[5]s
cp.async.bulk.tensor.%[3]dd.global.shared::cta.bulk_group [%%x4, {%[4]s}], [%%r1];
cp.async.bulk.commit_group;
%[6]s
ret;
}
`, bytes, loads.String(), rank, list, fence, wait)
}

type tensorCase struct {
	dims, box, steps, corner []int
	swizzle                  int
}

func (c tensorCase) maps(data []byte, out *Buffer) (in, back *TensorMap, bytes int) {
	strides, at := []int{}, 4
	for _, d := range c.dims[:len(c.dims)-1] {
		at = (at*d + 15) / 16 * 16
		strides = append(strides, at)
	}
	in = &TensorMap{Buffer: &Buffer{Name: "from", Data: data, ReadOnly: true}, Size: 4, Dims: c.dims, Strides: strides, Box: c.box, Steps: c.steps, Swizzle: c.swizzle}
	again := *in
	again.Buffer = out
	bytes = 4
	for i, b := range c.box {
		step := 1
		if c.steps != nil {
			step = c.steps[i]
		}
		bytes *= (b + step - 1) / step
	}
	return in, &again, bytes
}

// size is the bytes from the first element to the last row's end.
func (c tensorCase) size() int {
	at := 4
	for _, d := range c.dims {
		at = (at*d + 15) / 16 * 16
	}
	return at
}

func TestTensorCopies(t *testing.T) {
	for _, c := range []tensorCase{
		{dims: []int{64}, box: []int{16}, corner: []int{8}},
		{dims: []int{64}, box: []int{16}, corner: []int{-4}},
		{dims: []int{20, 10}, box: []int{8, 4}, corner: []int{16, 8}},
		{dims: []int{20, 10}, box: []int{32, 8}, corner: []int{-3, -2}, swizzle: 128},
		{dims: []int{20, 10}, box: []int{16, 8}, corner: []int{3, 2}, swizzle: 64},
		{dims: []int{9, 5, 4}, box: []int{8, 3, 2}, corner: []int{5, 3, -1}, swizzle: 32},
		{dims: []int{4, 5, 4, 3}, box: []int{4, 4, 3, 2}, corner: []int{0, 1, 2, 2}, steps: []int{1, 2, 1, 1}},
		{dims: []int{4, 3, 3, 2, 3}, box: []int{4, 2, 2, 2, 2}, corner: []int{0, 0, 2, 1, 2}},
	} {
		data := make([]byte, c.size())
		rng := rand.New(rand.NewPCG(41, uint64(len(c.dims))))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		out := &Buffer{Name: "to", Data: make([]byte, len(data))}
		in, back, bytes := c.maps(data, out)
		text := copyText(len(c.dims), bytes, "fence.proxy.async.shared::cta;", "cp.async.bulk.wait_group 0;")
		assemble(t, text, "sm_90a")
		m, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		corner := make([]uint32, len(c.corner))
		for i, v := range c.corner {
			corner[i] = uint32(int32(v))
		}
		_, err = entry(t, m, "k").Run(Launch{Args: []Arg{Tensor(in), Tensor(back), Pointer(&Buffer{Name: "corner", Data: wordBytes(corner), ReadOnly: true}, 0)}})
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		if got, want := words(out.Data), c.expected(words(data), in.Strides); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%+v:\n%v\nwant\n%v", c, got, want)
		}
	}
}

// expected copies the box's elements inside the tensor one by one; the box's first element is one greater.
func (c tensorCase) expected(data []uint32, strides []int) []uint32 {
	out := make([]uint32, len(data))
	var walk func(axis, at int, inside, first bool)
	walk = func(axis, at int, inside, first bool) {
		if axis < 0 {
			if inside {
				out[at/4] = data[at/4]
				if first {
					out[at/4]++
				}
			}
			return
		}
		stride, step := 4, 1
		if axis > 0 {
			stride = strides[axis-1]
		}
		if c.steps != nil {
			step = c.steps[axis]
		}
		for i := 0; i < c.box[axis]; i += step {
			x := c.corner[axis] + i
			walk(axis-1, at+x*stride, inside && x >= 0 && x < c.dims[axis], first && i == 0)
		}
	}
	walk(len(c.dims)-1, 0, true, true)
	return out
}

func TestTensorCopyFaults(t *testing.T) {
	c := tensorCase{dims: []int{64}, box: []int{16}, corner: []int{8}}
	in, back, bytes := c.maps(make([]byte, 256), &Buffer{Name: "to", Data: make([]byte, 256)})
	good := copyText(1, bytes, "fence.proxy.async.shared::cta;", "cp.async.bulk.wait_group 0;")
	for _, f := range []struct {
		kind Kind
		text string
	}{
		{Proxy, copyText(1, bytes, "", "cp.async.bulk.wait_group 0;")},
		{Misuse, copyText(1, bytes, "fence.proxy.async.shared::cta;", "")},
		{Misaligned, strings.Replace(good, "mov.u32 %r1, tile;", "mov.u32 %r1, tile;\nadd.u32 %r1, %r1, 64;", 1)},
		{Deadlock, strings.Replace(good, "_, [%r2], 64", "_, [%r2], 128", 1)},
		{Misuse, strings.Replace(good, "mov.b64 %x3, ma;\n", "mov.b64 %x3, corner;\n", 1)},
	} {
		m, err := Parse(f.text)
		if err != nil {
			t.Fatal(err)
		}
		corner := &Buffer{Name: "corner", Data: wordBytes([]uint32{8}), ReadOnly: true}
		_, err = entry(t, m, "k").Run(Launch{Args: []Arg{Tensor(in), Tensor(back), Pointer(corner, 0)}})
		if fault, ok := err.(*Fault); !ok || fault.Kind != f.kind {
			t.Errorf("expected %s: got %v", f.kind, err)
		}
	}
	bad := *in
	bad.Box = []int{300}
	m, _ := Parse(good)
	if _, err := entry(t, m, "k").Run(Launch{Args: []Arg{Tensor(&bad), Tensor(back), U64(0)}}); err == nil || !strings.Contains(err.Error(), "box extent 300") {
		t.Errorf("a box of 300: %v", err)
	}
}

// Two blocks of a cluster: each brings one half to both by multicast, then writes its neighbour's word.
const clusterText = `.version 8.3
.target sm_90a
.address_size 64
.shared .align 1024 .b8 tile[256];
.shared .align 16 .b32 box[4];
.shared .align 8 .b64 bar;
.visible .entry k(.param .align 64 .b8 ma[128], .param .u64 out) .reqnctapercluster 2, 1, 1 {
.reg .pred %p<4>;
.reg .b16 %h<2>;
.reg .b32 %r<24>;
.reg .b64 %x<8>;
ld.param.u64 %x1, [out];
mov.b64 %x3, ma;
cvta.param.u64 %x3, %x3;
mov.u32 %r0, %tid.x;
mov.u32 %r1, tile;
mov.u32 %r2, bar;
mov.u32 %r3, %cluster_ctarank;
mov.u16 %h1, 3;
setp.ne.u32 %p1, %r0, 0;
@%p1 bra Init;
mbarrier.init.shared.b64 [%r2], 1;
fence.mbarrier_init.release.cluster;
mbarrier.arrive.expect_tx.shared.b64 _, [%r2], 256;
Init:
barrier.cluster.arrive.release.aligned;
barrier.cluster.wait.acquire.aligned;
@%p1 bra Wait;
shl.b32 %r4, %r3, 7;
add.u32 %r5, %r1, %r4;
shl.b32 %r6, %r3, 5;
cp.async.bulk.tensor.1d.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%r5], [%x3, {%r6}], [%r2], %h1;
Wait:
mbarrier.try_wait.parity.shared.b64 %p2, [%r2], 0;
@!%p2 bra Wait;
shl.b32 %r7, %r0, 2;
add.u32 %r8, %r1, %r7;
ld.shared.b32 %r9, [%r8];
xor.b32 %r10, %r3, 1;
mov.u32 %r11, box;
mapa.shared::cluster.u32 %r12, %r11, %r10;
setp.eq.u32 %p3, %r0, 5;
@%p3 st.shared::cluster.b32 [%r12], %r3;
barrier.cluster.arrive.release.aligned;
barrier.cluster.wait.acquire.aligned;
ld.shared.b32 %r13, [box];
mad.lo.u32 %r9, %r13, 1000, %r9;
mov.u32 %r14, %ctaid.x;
shl.b32 %r14, %r14, 6;
add.u32 %r14, %r14, %r0;
mul.wide.u32 %x5, %r14, 4;
add.s64 %x5, %x1, %x5;
st.global.b32 [%x5], %r9;
ret;
}
`

func TestCluster(t *testing.T) {
	assemble(t, clusterText, "sm_90a")
	data := make([]uint32, 64)
	for i := range data {
		data[i] = uint32(i)
	}
	run := func(text string) ([]uint32, error) {
		m, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		out := output("out", 256)
		_, err = entry(t, m, "k").Run(Launch{Grid: [3]int{4}, Block: [3]int{64}, Seed: 1, Args: []Arg{
			Tensor(&TensorMap{Buffer: &Buffer{Name: "a", Data: wordBytes(data), ReadOnly: true}, Size: 4, Dims: []int{64}, Box: []int{32}}), Pointer(out, 0)}})
		return words(out.Data), err
	}
	got, err := run(clusterText)
	if err != nil {
		t.Fatal(err)
	}
	wantWords(t, got, func(i int) uint32 { return uint32(i%64 + 1000*(1-i/64%2)) })
	at := strings.LastIndex(clusterText, "barrier.cluster.arrive")
	end := at + strings.Index(clusterText[at:], "ld.shared")
	if _, err := run(clusterText[:at] + clusterText[end:]); err == nil {
		t.Error("without the second cluster barrier nothing is reported")
	}
	if _, err := run(strings.Replace(clusterText, "%h1, 3", "%h1, 1", 1)); err == nil {
		t.Error("multicast to one block only: nothing is reported")
	}
}
