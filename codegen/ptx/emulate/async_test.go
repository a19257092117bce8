package emulate

import "testing"

// Asynchronous copies and mbarriers: what arrives when, and what is reported of those who do not wait.

const stage = `
.shared .align 16 .b8 stage[1024];
.shared .align 8 .b64 bar;
.shared .align 8 .b64 empty;`

// Each thread copies its word, waits, meets the others and reads its neighbour's.
func TestCpAsync(t *testing.T) {
	in := randomWords(64, 1<<30)
	body := func(wait, sync string) string {
		return `
shl.b32 %r2, %t, 2;
mov.u32 %r3, stage;
add.u32 %r4, %r3, %r2;
cp.async.ca.shared.global [%r4], [%x1], 4;
cp.async.commit_group;
` + wait + sync + `
xor.b32 %r5, %r2, 4;
add.u32 %r5, %r3, %r5;
ld.shared.b32 %r1, [%r5];`
	}
	wantWords(t, runWords(t, stage, body("cp.async.wait_group 0;", "bar.sync 0;"), in), func(i int) uint32 { return in[i^1] })
	wantWords(t, runWords(t, stage, body("cp.async.wait_all;", "bar.sync 0;"), in), func(i int) uint32 { return in[i^1] })
	text := func(wait, sync string) string { return ptx("sm_80", stage, inOut(body(wait, sync))) }
	wantFault(t, text("", "bar.sync 0;"), "sm_80", 64, Pending, "cp.async", "in flight")
	wantFault(t, text("cp.async.wait_group 1;", "bar.sync 0;"), "sm_80", 64, Pending)
	wantFault(t, text("cp.async.wait_group 0;", ""), "sm_80", 32, Race)
	wantFault(t, text("", "bar.sync 0; cp.async.wait_group 0;"), "sm_80", 64, Race)
}

// A source shorter than the copy is filled up with zeros.
func TestCpAsyncFillsWithZeros(t *testing.T) {
	in := randomWords(64, 1<<30)
	got := runWords(t, stage, `
shl.b32 %r2, %t, 4;
mov.u32 %r3, stage;
add.u32 %r4, %r3, %r2;
and.b64 %x4, %x1, -16;
and.b32 %r5, %t, 15;
cp.async.cg.shared.global [%r4], [%x4], 16, %r5;
cp.async.wait_all;
ld.shared.v4.b32 {%r6, %r7, %r8, %r9}, [%r4];
add.u32 %r1, %r6, %r7;
add.u32 %r8, %r8, %r9;
add.u32 %r1, %r1, %r8;
`, in)
	wantWords(t, got, func(i int) uint32 {
		row := wordBytes(in[i&^3 : i&^3+4])
		clear(row[i&15:])
		w := words(row)
		return w[0] + w[1] + w[2] + w[3]
	})
}

// The copy's source may not change while it is in flight, and its destination may not be reused.
func TestCpAsyncHoldsItsSource(t *testing.T) {
	wantFault(t, ptx("sm_80", stage, `
mul.wide.u32 %x0, %t, 4;
add.s64 %x2, %out, %x0;
st.global.b32 [%x2], %t;
shl.b32 %r2, %t, 2;
mov.u32 %r3, stage;
add.u32 %r4, %r3, %r2;
cp.async.ca.shared.global [%r4], [%x2], 4;
st.global.b32 [%x2], 1;
ret;`), "sm_80", 32, Pending, "writes out")
}

// pipeline is a producer warp and a consumer warp with a full and an empty barrier, for 8 turns over one slot.
func pipeline(wait, release string) string {
	return `
mov.u32 %r1, 0;
mov.u32 %r20, bar;
mov.u32 %r21, empty;
setp.ne.u32 %p1, %t, 0;
@%p1 bra Start;
mbarrier.init.shared.b64 [%r20], 32;
mbarrier.init.shared.b64 [%r21], 32;
Start:
bar.sync 0;
and.b32 %r2, %t, 31;
shl.b32 %r2, %r2, 2;
mov.u32 %r3, stage;
add.u32 %r3, %r3, %r2;
mov.u32 %r9, 0;
setp.ge.u32 %p1, %t, 32;
@%p1 bra Consumer;
Produce:
and.b32 %r10, %r9, 1;
xor.b32 %r10, %r10, 1;
WaitEmpty:
mbarrier.try_wait.parity.shared.b64 %p3, [%r21], %r10;
@!%p3 bra WaitEmpty;
add.u32 %r5, %r0, %r9;
st.shared.b32 [%r3], %r5;
mbarrier.arrive.shared.b64 %x9, [%r20];
add.u32 %r9, %r9, 1;
setp.lt.u32 %p2, %r9, 8;
@%p2 bra Produce;
bra End;
Consumer:
and.b32 %r10, %r9, 1;
` + wait + `
xor.b32 %r11, %r3, 4;
ld.shared.b32 %r6, [%r11];
add.u32 %r1, %r1, %r6;
` + release + `
add.u32 %r9, %r9, 1;
setp.lt.u32 %p2, %r9, 8;
@%p2 bra Consumer;
End:
`
}

const (
	waitFull = `WaitFull:
mbarrier.try_wait.parity.shared.b64 %p3, [%r20], %r10;
@!%p3 bra WaitFull;`
	arriveEmpty = "mbarrier.arrive.shared.b64 _, [%r21];"
)

func TestPipelineOfMbarriers(t *testing.T) {
	in := randomWords(64, 1000)
	got := runWords(t, stage, pipeline(waitFull, arriveEmpty), in)
	wantWords(t, got, func(i int) uint32 {
		if i < 32 {
			return 0
		}
		return 8*in[i-32^1] + 28
	})
	text := func(wait, release string) string {
		return ptx("sm_90a", stage, inOut(pipeline(wait, release)))
	}
	_, _, err := runText(t, text("", arriveEmpty), "sm_90a", 64, make([]byte, 4096), 4096)
	if f, ok := err.(*Fault); !ok || f.Kind != Race && f.Kind != Uninitialized {
		t.Errorf("without the wait: %v", err)
	}
	wantFault(t, text(waitFull, ""), "sm_90a", 64, Deadlock, "try_wait")
	wantFault(t, text(waitFull, "setp.eq.u32 %p4, %r2, 0; @%p4 "+arriveEmpty), "sm_90a", 64, Deadlock)
	wantFault(t, text(waitFull, "mbarrier.arrive.shared.b64 _, [%r21], 33;"), "sm_90a", 64, Misuse, "more arrivals")
	_, _, err = runText(t, text("xor.b32 %r10, %r10, 1;"+waitFull, arriveEmpty), "sm_90a", 64, make([]byte, 4096), 4096)
	if f, ok := err.(*Fault); !ok || f.Kind != Race && f.Kind != Uninitialized && f.Kind != Deadlock {
		t.Errorf("waiting for the wrong parity: %v", err)
	}
}

// The state that an arrival gives waits for that phase to end.
func TestMbarrierState(t *testing.T) {
	in := randomWords(64, 1000)
	got := runWords(t, stage, `
mov.u32 %r20, bar;
setp.ne.u32 %p1, %t, 0;
@%p1 bra Start;
mbarrier.init.shared.b64 [%r20], 64;
Start:
bar.sync 0;
shl.b32 %r2, %t, 2;
mov.u32 %r3, stage;
add.u32 %r4, %r3, %r2;
st.shared.b32 [%r4], %r0;
mbarrier.arrive.shared.b64 %x9, [%r20];
Wait:
mbarrier.test_wait.shared.b64 %p2, [%r20], %x9;
@!%p2 bra Wait;
xor.b32 %r5, %r2, 128;
add.u32 %r5, %r5, %r3;
ld.shared.b32 %r1, [%r5];
`, in)
	wantWords(t, got, func(i int) uint32 { return in[i^32] })
}

// A bulk copy of 256 bytes lands at an mbarrier that expects them.
func bulkLoad(fence, expect, wait string) string {
	return `
mov.u32 %r20, bar;
mov.u32 %r3, stage;
setp.ne.u32 %p1, %t, 0;
@%p1 bra Start;
mbarrier.init.shared.b64 [%r20], 1;
` + fence + `
mbarrier.arrive.expect_tx.shared.b64 _, [%r20], ` + expect + `;
cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r3], [%in], 256, [%r20];
Start:
bar.sync 0;
` + wait + `
shl.b32 %r2, %t, 2;
xor.b32 %r5, %r2, 4;
add.u32 %r5, %r5, %r3;
ld.shared.b32 %r1, [%r5];
`
}

const waitBulk = `Wait:
mbarrier.try_wait.parity.shared.b64 %p2, [%r20], 0;
@!%p2 bra Wait;`

func TestBulkLoad(t *testing.T) {
	in := randomWords(64, 1000)
	fence := "fence.mbarrier_init.release.cluster;"
	wantWords(t, runWords(t, stage, bulkLoad(fence, "256", waitBulk), in), func(i int) uint32 { return in[i^1] })
	wantWords(t, runWords(t, stage, bulkLoad("fence.proxy.async;", "256", waitBulk), in), func(i int) uint32 { return in[i^1] })
	text := func(fence, expect, wait string) string {
		return ptx("sm_90a", stage, inOut(bulkLoad(fence, expect, wait)))
	}
	wantFault(t, text(fence, "256", ""), "sm_90a", 64, Pending, "cp.async.bulk")
	wantFault(t, text("", "256", waitBulk), "sm_90a", 64, Proxy, "mbarrier_init")
	wantFault(t, text(fence, "272", waitBulk), "sm_90a", 64, Deadlock)
}

// A bulk store reads shared memory through the asynchronous proxy.
func bulkStore(fence, wait string) string {
	return `
mul.wide.u32 %x0, %t, 4;
add.s64 %x1, %in, %x0;
ld.global.b32 %r0, [%x1];
mov.u32 %r3, stage;
shl.b32 %r2, %t, 2;
add.u32 %r4, %r3, %r2;
st.shared.b32 [%r4], %r0;
` + fence + `
bar.sync 0;
setp.ne.u32 %p1, %t, 0;
@%p1 bra End;
cp.async.bulk.global.shared::cta.bulk_group [%out], [%r3], 256;
cp.async.bulk.commit_group;
` + wait + `
End:
ret;`
}

func TestBulkStore(t *testing.T) {
	in := randomWords(64, 1000)
	fence := "fence.proxy.async.shared::cta;"
	wait := "cp.async.bulk.wait_group.read 0;"
	out, _, err := runText(t, ptx("sm_90a", stage, bulkStore(fence, wait)), "sm_90a", 64, wordBytes(in), 256)
	if err != nil {
		t.Fatal(err)
	}
	wantWords(t, words(out), func(i int) uint32 { return in[i] })
	wantFault(t, ptx("sm_90a", stage, bulkStore("", wait)), "sm_90a", 64, Proxy, "fence.proxy.async")
	wantFault(t, ptx("sm_90a", stage, bulkStore(fence, "")), "sm_90a", 64, Misuse, "bulk copy")
	wantFault(t, ptx("sm_90a", stage, bulkStore(fence, "st.shared.b32 [stage], 1;"+wait)), "sm_90a", 64, Pending)
}
