package emulate

import (
	"math"
	"strconv"
	"testing"
)

// Atomic updates of every kind, module variables, and the rarer instructions on mbarriers and lanes.

func TestAtomicUpdates(t *testing.T) {
	in := randomWords(32, 1<<31)
	all := func(start uint32, f func(old, b uint32) uint32) uint32 {
		for _, b := range in {
			start = f(start, b)
		}
		return start
	}
	for _, c := range []struct {
		op    string
		start uint32
		f     func(old, b uint32) uint32
	}{
		{"and.b32", ^uint32(0), func(old, b uint32) uint32 { return old & b }},
		{"or.b32", 0, func(old, b uint32) uint32 { return old | b }},
		{"xor.b32", 5, func(old, b uint32) uint32 { return old ^ b }},
		{"min.u32", ^uint32(0), func(old, b uint32) uint32 { return min(old, b) }},
		{"max.s32", 0x80000000, func(old, b uint32) uint32 { return uint32(max(int32(old), int32(b))) }},
		{"inc.u32", 0, func(old, b uint32) uint32 {
			if old >= b {
				return 0
			}
			return old + 1
		}},
		{"dec.u32", 40, func(old, b uint32) uint32 {
			if old == 0 || old > b {
				return b
			}
			return old - 1
		}},
	} {
		got := runWords(t, ".global .align 4 .b32 cell[2] = {"+strconv.Itoa(int(c.start))+", 0};", "atom.global."+c.op+" %r2, [cell], %r0;\nbar.warp.sync -1;\nld.relaxed.gpu.global.b32 %r1, [cell];", in)
		wantWords(t, got, func(int) uint32 { return all(c.start, c.f) })
	}
}

func TestAtomicFloatSums(t *testing.T) {
	in := make([]uint32, 32)
	for i := range in {
		in[i] = math.Float32bits(float32(i))
	}
	got := runWords(t, ".global .align 4 .f32 cell = 0f3F800000;", "mov.b32 %f1, %r0;\nred.global.add.f32 [cell], %f1;\nbar.warp.sync -1;\nld.relaxed.gpu.global.b32 %r1, [cell];", in)
	wantWords(t, got, func(int) uint32 { return math.Float32bits(1 + 31*32/2) })
	got = runWords(t, ".global .align 4 .b32 cell;", "mov.u32 %r2, 0x3f803f80;\nred.global.add.noftz.bf16x2 [cell], %r2;\nbar.warp.sync -1;\nld.relaxed.gpu.global.b32 %r1, [cell];", in)
	wantWords(t, got, func(int) uint32 { return 0x42004200 })
}

// A barrier is unmade and made again; its bytes are expected apart from its arrivals.
func TestMbarrierLife(t *testing.T) {
	in := make([]uint32, 32)
	body := func(inval string) string {
		return `
mov.u32 %r20, bar;
mov.u32 %r3, stage;
mov.u32 %r1, 0;
setp.ne.u32 %p1, %t, 0;
@%p1 bra Rest;
mbarrier.init.shared.b64 [%r20], 1;
` + inval + `
mbarrier.init.shared.b64 [%r20], 2;
fence.proxy.async.shared::cta;
mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%r20], 64;
mbarrier.arrive.shared.b64 _, [%r20];
cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r3], [%in], 64, [%r20];
mbarrier.arrive.release.cta.shared::cta.b64 _, [%r20];
Wait:
mbarrier.try_wait.parity.acquire.cta.shared::cta.b64 %p2, [%r20], 0;
@!%p2 bra Wait;
ld.shared.b32 %r1, [stage];
add.u32 %r1, %r1, 3;
Rest:
`
	}
	got := runWords(t, stage, body("mbarrier.inval.shared.b64 [%r20];"), in)
	wantWords(t, got, func(i int) uint32 {
		if i == 0 {
			return 3
		}
		return 0
	})
	wantFault(t, ptx("sm_90a", stage, inOut(body(""))), "sm_90a", 32, Misuse, "mbarrier.inval")
}

// An mbarrier that tracks cp.async copies: whoever sees the phase end sees what they brought.
func TestCpAsyncArrives(t *testing.T) {
	in := randomWords(64, 1<<30)
	got := runWords(t, stage, `
mov.u32 %r20, bar;
setp.ne.u32 %p1, %t, 0;
@!%p1 mbarrier.init.shared.b64 [%r20], 64;
bar.sync 0;
shl.b32 %r2, %t, 2;
mov.u32 %r3, stage;
add.u32 %r4, %r3, %r2;
cp.async.ca.shared.global [%r4], [%x1], 4;
cp.async.mbarrier.arrive.noinc.shared.b64 [%r20];
Wait:
mbarrier.try_wait.parity.shared.b64 %p2, [%r20], 0;
@!%p2 bra Wait;
xor.b32 %r5, %r2, 128;
add.u32 %r5, %r3, %r5;
ld.shared.b32 %r1, [%r5];
`, in)
	wantWords(t, got, func(i int) uint32 { return in[i^32] })
}

func TestRareInstructions(t *testing.T) {
	in := randomWords(32, 1<<32-1)
	got := runWords(t, "", "movmatrix.sync.aligned.m8n8.trans.b16 %r1, %r0;", in)
	at := func(row, col int) uint32 { return in[row*4+col/2] >> (16 * (col % 2)) & 0xffff }
	wantWords(t, got, func(i int) uint32 { return at(i%4*2, i/4) | at(i%4*2+1, i/4)<<16 })
	got = runWords(t, "", "match.all.sync.b32 %r2|%p1, %r0, -1; selp.b32 %r1, %r2, 77, %p1;", make([]uint32, 32))
	wantWords(t, got, func(int) uint32 { return math.MaxUint32 })
	got = runWords(t, ".shared .align 4 .b32 flag;", `
mov.u32 %r2, flag;
getctarank.shared::cluster.u32 %r1, %r2;
mov.u32 %r3, 0;
mapa.shared::cluster.u32 %r4, %r2, %r3;
getctarank.shared::cluster.u32 %r5, %r4;
add.u32 %r1, %r1, %r5;
griddepcontrol.wait;
griddepcontrol.launch_dependents;
nanosleep.u32 20;
prefetch.global.L2 [%in];
activemask.b32 %r6;
popc.b32 %r6, %r6;
add.u32 %r1, %r1, %r6;
`, in)
	wantWords(t, got, func(int) uint32 { return 32 })
}
