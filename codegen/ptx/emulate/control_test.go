package emulate

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"
)

// Divergence, reconvergence, barriers, shuffles, and what goes wrong with them.

func words(b []byte) []uint32 {
	out := make([]uint32, len(b)/4)
	for i := range out {
		out[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return out
}

func wordBytes(v []uint32) []byte {
	var out []byte
	for _, x := range v {
		out = binary.LittleEndian.AppendUint32(out, x)
	}
	return out
}

// inOut loads word t of the input into %r0 before the body and stores %r1 to word t of the output after it.
func inOut(body string) string {
	return `mul.wide.u32 %x0, %t, 4;
add.s64 %x1, %in, %x0;
add.s64 %x2, %out, %x0;
ld.global.b32 %r0, [%x1];
` + body + `
st.global.b32 [%x2], %r1;
ret;`
}

func runWords(t *testing.T, vars, body string, in []uint32) []uint32 {
	t.Helper()
	out, _, err := runText(t, ptx("sm_90a", vars, inOut(body)), "sm_90a", len(in), wordBytes(in), 4*len(in))
	if err != nil {
		t.Fatal(err)
	}
	return words(out)
}

func wantWords(t *testing.T, got []uint32, want func(t int) uint32) {
	t.Helper()
	for i, v := range got {
		if v != want(i) {
			t.Fatalf("thread %d: %#x, want %#x", i, v, want(i))
		}
	}
}

func randomWords(n, below int) []uint32 {
	rng := rand.New(rand.NewPCG(uint64(n), uint64(below)))
	out := make([]uint32, n)
	for i := range out {
		out[i] = uint32(rng.IntN(below))
	}
	return out
}

// Loops of as many turns as each thread's input says, with a branch inside, meet before the barrier.
func TestLoopsOfDifferentLength(t *testing.T) {
	in := randomWords(96, 20)
	got := runWords(t, "", `
mov.u32 %r1, 0;
mov.u32 %r2, 0;
Loop:
setp.ge.u32 %p1, %r2, %r0;
@%p1 bra Done;
and.b32 %r3, %r2, 1;
setp.eq.u32 %p2, %r3, 0;
@%p2 bra Even;
add.u32 %r1, %r1, 100;
bra Next;
Even:
add.u32 %r1, %r1, 1;
Next:
add.u32 %r2, %r2, 1;
bra Loop;
Done:
bar.sync 0;
`, in)
	wantWords(t, got, func(i int) uint32 { return (in[i]+1)/2 + in[i]/2*100 })
}

// A lane that spins for what another lane of its warp does later must not starve it.
func TestSpinningInsideAWarp(t *testing.T) {
	in := make([]uint32, 32)
	got := runWords(t, ".shared .align 4 .b32 flag;", `
setp.ne.u32 %p1, %t, 0;
@%p1 bra Skip;
st.shared.b32 [flag], 0;
Skip:
bar.sync 0;
setp.eq.u32 %p2, %t, 31;
@%p2 bra Set;
Wait:
ld.relaxed.cta.shared.b32 %r3, [flag];
setp.eq.u32 %p3, %r3, 0;
@%p3 bra Wait;
bra After;
Set:
atom.shared.exch.b32 %r4, [flag], 7;
After:
bar.warp.sync 0xffffffff;
mov.u32 %r1, 5;
`, in)
	wantWords(t, got, func(int) uint32 { return 5 })
}

func TestIndexedBranch(t *testing.T) {
	in := randomWords(64, 3)
	got := runWords(t, "", `
T: .branchtargets A, B, C;
brx.idx %r0, T;
A: mov.u32 %r1, 10;
bra End;
B: mov.u32 %r1, 20;
bra End;
C: mov.u32 %r1, 30;
End:
`, in)
	wantWords(t, got, func(i int) uint32 { return 10 + 10*in[i] })
}

// Labels and registers of inner braces do not meet those outside.
func TestScopes(t *testing.T) {
	in := randomWords(32, 100)
	got := runWords(t, "", `
mov.u32 %r1, %r0;
{
.reg .b32 %r1;
.reg .pred q;
mov.u32 %r1, 1;
setp.gt.u32 q, %r0, 50;
@q bra L;
mov.u32 %r1, 2;
L:
mov.u32 %r2, %r1;
}
{
.reg .pred q;
setp.gt.u32 q, %r0, 20;
@!q bra L;
add.u32 %r2, %r2, 10;
L:
}
shl.b32 %r2, %r2, 8;
add.u32 %r1, %r1, %r2;
`, in)
	wantWords(t, got, func(i int) uint32 {
		v := uint32(2)
		if in[i] > 50 {
			v = 1
		}
		if in[i] > 20 {
			v += 10
		}
		return v<<8 + in[i]
	})
}

func TestPredicates(t *testing.T) {
	in := randomWords(64, 16)
	got := runWords(t, "", `
setp.lt.u32 %p1|%p2, %r0, 8;
setp.eq.and.u32 %p3|%p4, %r0, 3, %p1;
setp.eq.or.u32 %p5, %r0, 9, !%p2;
xor.pred %p6, %p1, %p3;
not.pred %p7, %p6;
and.pred %p8, %p7, %p2;
mov.pred %p9, %p8;
selp.b32 %r2, 1, 0, %p1;
selp.b32 %r3, 2, 0, %p3;
selp.b32 %r4, 4, 0, %p4;
selp.b32 %r5, 8, 0, %p5;
selp.b32 %r6, 16, 0, %p9;
add.u32 %r1, %r2, %r3;
add.u32 %r1, %r1, %r4;
add.u32 %r1, %r1, %r5;
add.u32 %r1, %r1, %r6;
`, in)
	bit := func(b bool, v uint32) uint32 {
		if b {
			return v
		}
		return 0
	}
	wantWords(t, got, func(i int) uint32 {
		x := in[i]
		p1, p2 := x < 8, x >= 8
		p3, p4 := x == 3 && p1, x != 3 && p1
		p5 := x == 9 || !p2
		p8 := p1 == p3 && p2
		return bit(p1, 1) + bit(p3, 2) + bit(p4, 4) + bit(p5, 8) + bit(p8, 16)
	})
}

func TestCarryChain(t *testing.T) {
	in := randomWords(64, 1<<32-1)
	got := runWords(t, "", `
mul.lo.u32 %r2, %r0, 0x9e3779b1;
add.cc.u32 %r3, %r0, %r2;
addc.cc.u32 %r4, %r2, %r2;
addc.u32 %r5, 0, 0;
sub.cc.u32 %r6, %r0, %r2;
subc.u32 %r7, %r2, 0;
xor.b32 %r1, %r3, %r4;
xor.b32 %r1, %r1, %r5;
xor.b32 %r1, %r1, %r6;
xor.b32 %r1, %r1, %r7;
`, in)
	wantWords(t, got, func(i int) uint32 {
		a := uint64(in[i])
		b := a * 0x9e3779b1 & 0xffffffff
		sum := (b<<32 | a) + (b<<32 | b)
		carry := uint32(0)
		if sum < b<<32|b {
			carry = 1
		}
		diff := (b<<32 | a) - b
		return uint32(sum) ^ uint32(sum>>32) ^ carry ^ uint32(diff) ^ uint32(diff>>32)
	})
}

func TestShuffles(t *testing.T) {
	in := randomWords(64, 1000)
	cases := []struct {
		op   string
		from func(lane int) int
	}{
		{"shfl.sync.idx.b32 %r1, %r0, 5, 31, -1;", func(int) int { return 5 }},
		{"shfl.sync.bfly.b32 %r1, %r0, 9, 31, -1;", func(l int) int { return l ^ 9 }},
		{"shfl.sync.up.b32 %r1, %r0, 3, 0, -1;", func(l int) int {
			if l < 3 {
				return l
			}
			return l - 3
		}},
		{"shfl.sync.down.b32 %r1, %r0, 4, 31, -1;", func(l int) int {
			if l > 27 {
				return l
			}
			return l + 4
		}},
		{"shfl.sync.down.b32 %r1, %r0, 4, 6175, -1;", func(l int) int { // segments of 8: c = 0x181f
			if l%8 > 3 {
				return l
			}
			return l + 4
		}},
		{"shfl.sync.idx.b32 %r1, %r0, 2, 6175, -1;", func(l int) int { return l&^7 + 2 }},
	}
	for _, c := range cases {
		got := runWords(t, "", c.op, in)
		wantWords(t, got, func(i int) uint32 { return in[i&^31+c.from(i&31)] })
	}
}

func TestVotes(t *testing.T) {
	in := randomWords(64, 2)
	ballot := func(i int) (v uint32) {
		for l := range 32 {
			v |= in[i&^31+l] << l
		}
		return v
	}
	got := runWords(t, "", "setp.ne.u32 %p1, %r0, 0; vote.sync.ballot.b32 %r1, %p1, -1;", in)
	wantWords(t, got, ballot)
	got = runWords(t, "", "setp.ne.u32 %p1, %r0, 0; vote.sync.any.pred %p2, %p1, -1; vote.sync.all.pred %p3, !%p1, -1; selp.b32 %r2, 1, 0, %p2; selp.b32 %r1, 2, %r2, %p3;", in)
	wantWords(t, got, func(int) uint32 { return 1 })
	got = runWords(t, "", "redux.sync.add.u32 %r1, %r0, -1;", in)
	wantWords(t, got, func(i int) uint32 {
		var n uint32
		for l := range 32 {
			n += in[i&^31+l]
		}
		return n
	})
	got = runWords(t, "", "match.any.sync.b32 %r1, %r0, -1;", in)
	wantWords(t, got, func(i int) uint32 {
		if in[i] != 0 {
			return ballot(i)
		}
		return ^ballot(i)
	})
	got = runWords(t, "", "mov.u32 %r1, 0; elect.sync _|%p1, -1; @%p1 mov.u32 %r1, 9;", in)
	wantWords(t, got, func(i int) uint32 {
		if i%32 == 0 {
			return 9
		}
		return 0
	})
}

// Two halves of a warp exchange apart from each other, on both sides of a branch.
func TestPartialMasks(t *testing.T) {
	in := randomWords(32, 1000)
	got := runWords(t, "", `
setp.lt.u32 %p1, %t, 16;
@%p1 bra Low;
shfl.sync.bfly.b32 %r1, %r0, 1, 31, 0xffff0000;
bra End;
Low:
shfl.sync.bfly.b32 %r1, %r0, 2, 31, 0x0000ffff;
End:
`, in)
	wantWords(t, got, func(i int) uint32 {
		if i < 16 {
			return in[i^2]
		}
		return in[i^1]
	})
}

func TestAtomics(t *testing.T) {
	in := randomWords(96, 1000)
	var sum, most uint32
	for _, v := range in {
		sum, most = sum+v, max(most, v)
	}
	got := runWords(t, ".shared .align 8 .b32 cells[4];", `
setp.ne.u32 %p1, %t, 0;
@%p1 bra Go;
st.shared.v2.b32 [cells], {0, 0};
st.shared.b32 [cells+8], 0;
Go:
bar.sync 0;
red.shared.add.u32 [cells], %r0;
atom.shared.max.u32 %r9, [cells+4], %r0;
mov.u32 %r8, 0;
Again:
ld.relaxed.cta.shared.b32 %r5, [cells+8];
add.u32 %r6, %r5, %r0;
atom.shared.cas.b32 %r7, [cells+8], %r5, %r6;
setp.ne.u32 %p2, %r7, %r5;
@%p2 bra Again;
bar.sync 0;
ld.shared.v2.b32 {%r2, %r3}, [cells];
ld.shared.b32 %r4, [cells+8];
shl.b32 %r3, %r3, 20;
xor.b32 %r1, %r2, %r3;
xor.b32 %r1, %r1, %r4;
`, in)
	wantWords(t, got, func(int) uint32 { return sum ^ most<<20 ^ sum })
}

// One warp produces, the other consumes, by named barriers of both.
func TestNamedBarriers(t *testing.T) {
	in := randomWords(64, 1000)
	got := runWords(t, ".shared .align 4 .b32 box[32];", `
mov.u32 %r1, 0;
and.b32 %r2, %t, 31;
shl.b32 %r3, %r2, 2;
mov.u32 %r4, box;
add.u32 %r4, %r4, %r3;
mov.u32 %r9, 0;
setp.ge.u32 %p1, %t, 32;
@%p1 bra Consumer;
Produce:
add.u32 %r5, %r0, %r9;
st.shared.b32 [%r4], %r5;
bar.arrive 1, 64;
bar.sync 2, 64;
add.u32 %r9, %r9, 1;
setp.lt.u32 %p2, %r9, 4;
@%p2 bra Produce;
bra End;
Consumer:
bar.sync 1, 64;
ld.shared.b32 %r6, [%r4];
add.u32 %r1, %r1, %r6;
bar.arrive 2, 64;
add.u32 %r9, %r9, 1;
setp.lt.u32 %p2, %r9, 4;
@%p2 bra Consumer;
End:
`, in)
	wantWords(t, got, func(i int) uint32 {
		if i < 32 {
			return 0
		}
		return 4*in[i-32] + 6
	})
}

func TestSpecialRegisters(t *testing.T) {
	got := runWords(t, "", `
mov.u32 %r2, %laneid;
mov.u32 %r3, %warpid;
mov.u32 %r4, %ntid.x;
mov.u32 %r5, %lanemask_lt;
popc.b32 %r5, %r5;
mad.lo.u32 %r1, %r3, 1000, %r2;
mad.lo.u32 %r1, %r4, 100000, %r1;
sub.u32 %r5, %r5, %r2;
add.u32 %r1, %r1, %r5;
`, make([]uint32, 64))
	wantWords(t, got, func(i int) uint32 { return uint32(64*100000 + i/32*1000 + i%32) })
}

func TestMoves(t *testing.T) {
	in := randomWords(32, 1<<32-1)
	got := runWords(t, "", `
mov.b32 {%h1, %h2}, %r0;
mov.b32 %r2, {%h2, %h1};
mov.b64 %x5, {%r0, %r2};
mov.b64 {%r3, %r4}, %x5;
mov.b64 {%h3, %h4, %h5, %h6}, %x5;
mov.b32 {_, %h7}, %r4;
cvt.u32.u16 %r5, %h7;
cvt.u32.u16 %r6, %h3;
xor.b32 %r1, %r3, %r4;
add.u32 %r1, %r1, %r5;
add.u32 %r1, %r1, %r6;
`, in)
	wantWords(t, got, func(i int) uint32 {
		swap := in[i]<<16 | in[i]>>16
		return (in[i] ^ swap) + swap>>16 + in[i]&0xffff
	})
}

func TestLocalMemoryAndGenericAddresses(t *testing.T) {
	in := randomWords(32, 1<<32-1)
	got := runWords(t, ".shared .align 4 .b32 box[32];\n.const .align 4 .b32 table[4] = {7, 8, 9, 10};", `
.local .align 4 .b8 depot[16];
mov.b64 %x4, depot;
cvta.local.u64 %x5, %x4;
st.b32 [%x5+4], %r0;
ld.local.b32 %r2, [%x4+4];
mov.b64 %x6, box;
cvta.shared.u64 %x7, %x6;
add.s64 %x7, %x7, %x0;
st.b32 [%x7], %r2;
cvta.to.shared.u64 %x8, %x7;
ld.shared.b32 %r3, [%x8];
isspacep.shared %p1, %x7;
selp.b32 %r4, 1, 0, %p1;
ld.const.b32 %r5, [table+8];
add.u32 %r1, %r3, %r4;
add.u32 %r1, %r1, %r5;
`, in)
	wantWords(t, got, func(i int) uint32 { return in[i] + 10 })
}

func TestFaults(t *testing.T) {
	shared := ".shared .align 8 .b32 box[64];\n.shared .align 8 .b64 bar;"
	cases := []struct {
		kind  Kind
		body  string
		parts []string
	}{
		{Race, "st.shared.b32 [box], %t;", []string{"st.shared.b32", "by thread"}},
		{Race, "shl.b32 %r2, %t, 2; mov.u32 %r3, box; add.u32 %r3, %r3, %r2; st.shared.b32 [%r3], %t; ld.shared.b32 %r4, [box];", []string{"reads shared memory", "line"}},
		{Race, "st.global.b32 [%out], %t;", []string{"out+0"}},
		{Uninitialized, "ld.shared.b32 %r1, [box];", []string{"shared memory+0", "nobody has written"}},
		{Uninitialized, "ld.global.b32 %r1, [%out];", []string{"out+0"}},
		{Uninitialized, "add.u32 %r1, %r2, 1;", []string{"%r2"}},
		{Uninitialized, "@%p3 add.u32 %r1, %n, 1;", []string{"predicate"}},
		{Uninitialized, "mbarrier.arrive.shared.b64 %x9, [bar];", []string{"no mbarrier"}},
		{OutOfBounds, "ld.global.b32 %r1, [%in+4096];", []string{"in+4096", "4096 bytes"}},
		{OutOfBounds, "mov.u32 %r9, bar; st.shared.b32 [box+256], 1;", []string{"between variables"}},
		{OutOfBounds, "st.shared.b32 [box+4096], 1;", nil},
		{OutOfBounds, "mov.u64 %x9, 16; ld.global.b32 %r1, [%x9];", []string{"no memory is"}},
		{Misaligned, "ld.global.v4.b32 {%r1, %r2, %r3, %r4}, [%in+8];", []string{"multiple of 16"}},
		{ReadOnly, "st.global.b32 [%in], 1;", []string{"in+0"}},
		{Divergence, "setp.lt.u32 %p1, %t, 7; @%p1 bra L; shfl.sync.idx.b32 %r1, %n, 0, 31, 0xff; L:", []string{"member mask"}},
		{Divergence, "mov.u32 %r4, 30; setp.lt.u32 %p1, %t, 30; @!%p1 bra L; shfl.sync.idx.b32 %r1, %n, 31, 31, 0x3fffffff; L:", []string{"lane 31"}},
		{Deadlock, "setp.lt.u32 %p1, %t, 7; @%p1 bra L; bar.warp.sync 0xffffffff; bra M; L: bar.sync 0; M:", []string{"waits"}},
		{Deadlock, "setp.ge.u32 %p1, %t, 32; @%p1 bra L; bar.sync 1, 64; L:", []string{"bar.sync", "warp 0"}},
		{Misuse, "mov.u32 %r1, 48; bar.sync 1, %r1;", []string{"multiple of 32"}},
		{Misuse, "setp.ge.u32 %p1, %t, 32; @%p1 bra L; bar.arrive 1, 64; L:", []string{"still waits"}},
		{Misuse, "trap;", nil},
	}
	for _, c := range cases {
		text := ptx("sm_90a", shared, c.body+"\nret;")
		threads := 64
		if strings.HasPrefix(c.body, "shl.b32") { // the other warp may come first and find nothing
			threads = 32
		}
		wantFault(t, text, "sm_90a", threads, c.kind, c.parts...)
	}
}

func TestStepLimit(t *testing.T) {
	m, err := Parse(ptx("sm_80", "", "L: bra L;"))
	if err != nil {
		t.Fatal(err)
	}
	b := &Buffer{Name: "b", Data: make([]byte, 4)}
	_, err = entry(t, m, "k").Run(Launch{Block: [3]int{32}, Limit: 10000, Args: []Arg{Pointer(b, 0), Pointer(b, 0), U32(0)}})
	if f, ok := err.(*Fault); !ok || f.Kind != StepLimit {
		t.Fatalf("got %v", err)
	}
}

// ld.global.nc promises that nobody writes the word during the launch.
func TestNonCoherentLoads(t *testing.T) {
	for _, body := range []string{
		"st.global.b32 [%out], 1; ld.global.nc.b32 %r1, [%out];",
		"ld.global.nc.b32 %r1, [%in]; setp.eq.u32 %p1, %r1, 0; @%p1 st.global.b32 [%in], 1;",
	} {
		m, err := Parse(ptx("sm_80", "", body+"\nret;"))
		if err != nil {
			t.Fatal(err)
		}
		in, out := &Buffer{Name: "in", Data: make([]byte, 64)}, &Buffer{Name: "out", Data: make([]byte, 64)}
		_, err = entry(t, m, "k").Run(Launch{Block: [3]int{1}, Args: []Arg{Pointer(in, 0), Pointer(out, 0), U32(0)}})
		if f, ok := err.(*Fault); !ok || f.Kind != NonCoherent {
			t.Errorf("%s: got %v", body, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ body, part string }{
		{"frob.b32 %r1, %r2;", "frob.b32"},
		{"add.rm.f32 %f1, %f2, %f3;", "add.rm.f32"},
		{"ld.global.frob.b32 %r1, [%in];", "frob"},
		{"add.s32 %r1, %r2, %x3;", "%x3"},
		{"add.s32 %r1, %r2;", "too few operands"},
		{"add.s32 %r1, %r2, %r3, %r4;", "4 operands"},
		{"bra Nowhere;", "Nowhere"},
		{"call foo;", "call"},
		{"mov.u32 %r1, %clock;", "%clock"},
	} {
		_, err := Parse(ptx("sm_80", "", c.body))
		if err == nil || !strings.Contains(err.Error(), c.part) || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s: got %v", c.body, err)
		}
	}
}
