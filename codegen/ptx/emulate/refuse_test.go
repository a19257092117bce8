package emulate

import (
	"errors"
	"strings"
	"testing"
)

// What the decoder refuses, statement by statement, and the words it finds for it.
func TestStatementsRefused(t *testing.T) {
	for _, c := range []struct{ body, part string }{
		{"L: mov.u32 %r1, 0; L: ret;", "stands twice"},
		{".frob x;", "not known inside a body"},
		{".reg .v7 %q<2>;", "not known"},
		{".reg .b32 %q<2000000>;", "2000000 registers"},
		{"add.s32 %r1, %r2 %r3;", "unexpected"},
		{"ld.global.v2.b32 {{%r1}, %r2}, [%in];", "vector inside"},
		{"cp.async.bulk.tensor.1d.shared::cluster.global.mbarrier::complete_tx::bytes [%r1], [%in, %r2], [%r3];", "coordinates"},
		{"ld.global.b32 %r1, [%in+5000000000];", "not an offset"},
		{"add.rn %f1, %f2, %f3;", "without a type"},
		{"popc.f32 %r1, %f2;", "not known with type"},
		{"mov.u32 5, %r1;", "destination must be a register"},
		{"add.s64 %r1, %x2, %x3;", "the instruction writes"},
		{"add.s32 %q1, %r2, %r3;", "not a register"},
		{"add.s32 %r1, !%p1, %r3;", "form that is not known"},
		{"add.s32 %r1, [%in], %r3;", "expected a register or a number"},
		{"add.rn.f32 %f1, 1, %f3;", "an integer literal"},
		{"add.s32 %r1, 0f3F800000, %r3;", "does not fit"},
		{"cp.async.wait_group %r1;", "number of groups"},
		{"cp.async.bulk.wait_group %r1;", "number of groups"},
		{"setp.eq.s32 %r1, %r2, %r3;", "must be a predicate"},
		{"selp.b32 %r1, %r2, %r3, %r4;", "expected a predicate"},
		{"ld.global.b32 %r1, %in;", "address in brackets"},
		{"ld.global.v2.b32 {%r1, %r2, %r3}, [%in];", "a vector of 3"},
		{"st.global.v2.b32 [%in], {%r1, %r2, %r3};", "a vector of 3"},
		{"@%r1 mov.u32 %r1, 0;", "not a predicate"},
		{"bar.arrive 1;", "needs a count"},
		{"fence.proxy.alias;", "only .proxy.async"},
		{"lop3.b32 %r1, %r2, %r3, %r4, 256;", "below 256"},
		{"setp %p1, %r2, %r3;", "without a comparison"},
		{"setp.frob.s32 %p1, %r2, %r3;", "comparison .frob"},
		{"setp.lt.b32 %p1, %r2, %r3;", "comparison .lt"},
		{"cvt.f32.s32 %f1, %r2;", "rounding"},
		{"cvt.s32.f32 %r1, %f2;", "rounding"},
		{"cvt.rn.f32.f64.relu %f1, %d2;", "relu"},
		{"cp.async.ca.global.shared [%r1], [%in], 4;", ".global to .shared only"},
		{"cp.async.ca.shared.global [%r1], [%in], 12;", "4, 8 or 16"},
		{"cp.async.cg.shared.global [%r1], [%in], 8;", "4, 8 or 16"},
		{"add.rn.ftz.f64 %d1, %d2, %d3;", ".ftz"},
		{"bra 5;", "expected a label"},
		{"brx.idx %r1, %r2;", "branch targets"},
		{"add.rn.ftz.bf16 %h1, %h2, %h3;", ".ftz"},
		{"mbarrier.init.global.b64 [%in], 1;", "shared memory"},
		{"ld.global.L2::cache_hint.b32 %r1, [%in], %x2;", "cache hints"},
		{"mma.sync.aligned.m8n8k4.row.col.f32.f16.f16.f32 {%f1}, {%r1}, {%r1}, {%f1};", "needs one of"},
		{"ldmatrix.sync.aligned.m8n8.x1.global.b16 {%r1}, [%in];", "shared memory"},
		{"mov.b128 %r1, %r2;", "b128"},
		{"cp.async.bulk.tensor.shared::cluster.global.mbarrier::complete_tx::bytes [%r1], [%in, {%r2}], [%r3];", "without a rank"},
		{"cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%r1], [%in, {%r2}], [%r3];", "2 coordinates"},
		{"setmaxnreg.inc.sync.aligned.u32 12;", "multiple of 8"},
		{"wgmma.wait_group.sync.aligned %r1;", "number of groups"},
		{"wgmma.mma_async.sync.aligned.m32n8k16.f32.bf16.bf16 {%f1, %f2, %f3, %f4}, %x1, %x2, 1, 1, 1, 0, 0;", "m32n8k16"},
		{"wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f1, %f2}, %x1, %x2, 1, 1, 1, 0, 0;", "expected 4"},
		{"wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f1, %f2, %f3, %f4}, %x1, %x2, 1, 2, 1, 0, 0;", "1 or -1"},
		{"wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f1, %f2, %f3, %f4}, %x1, %x2, 1, 1, 1, 2, 0;", "0 or 1"},
	} {
		_, err := Parse(ptx("sm_90a", "", c.body))
		if err == nil || !strings.Contains(err.Error(), c.part) || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%s: got %v, expected %q", c.body, err, c.part)
		}
	}
}

// What is refused around the bodies.
func TestDirectivesRefused(t *testing.T) {
	good := ptx("sm_80", ".extern .shared .align 16 .b8 dynamic[];", "mov.u32 %r1, dynamic; ret;")
	for _, c := range []struct{ old, new, part string }{
		{".address_size 64", ".address_size 32", "only 64"},
		{".address_size 64", ".address_size 64\n.frob", "module scope"},
		{".visible .entry", ".visible .func", "not known"},
		{".extern .shared", ".shared", "must be .extern"},
		{".extern .shared .align 16 .b8 dynamic[];", ".extern .shared .align 16 .b8 dynamic[]; .extern .shared .b8 more[];", ""},
		{".b8 dynamic[];", ".v9 dynamic[];", "in a declaration"},
		{".align 16 .b8 dynamic[];", ".align 16 dynamic[];", "without a type"},
		{".extern .shared .align 16 .b8 dynamic[];", ".shared .align 4 .b32 dynamic[2] = {1, 2};", "initial values"},
		{".extern .shared .align 16 .b8 dynamic[];", ".global .b32 dynamic[1] = {1, 2};", "more initial values"},
		{"k_n)", "k_n) .frobnicate 4", "before an entry's body"},
		{".address_size 64", "/* open", "comment without end"},
		{".address_size 64", ".file 1 \"open", "string without end"},
		{".address_size 64", "`", "unexpected character"},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if strings.Contains(c.new, "more[]") {
			text = strings.Replace(text, "ret;", "mov.u32 %r2, more; ret;", 1)
			c.part = "second extern"
		}
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), c.part) {
			t.Errorf("%s: got %v, expected %q", c.new, err, c.part)
		}
	}
}

// Mistakes that only a run shows, each with the one rule that it breaks.
func TestRunsRefused(t *testing.T) {
	shared := ".shared .align 16 .b32 box[64];\n.shared .align 8 .b64 bar;\n.shared .align 1024 .b8 tile[4096];"
	for _, c := range []struct {
		kind    Kind
		threads int
		body    string
		part    string
	}{
		{Misuse, 32, "mov.u32 %r1, 16; bar.sync %r1;", "a block has 16"},
		{Misuse, 64, "setp.lt.u32 %p1, %t, 32; @%p1 bra A; bar.sync 1, 32; bra End; A: bar.arrive 1, 64; End:", ""},
		{Misuse, 32, "bar.arrive 1, 64; bar.sync 1, 96;", "another number"},
		{Uninitialized, 32, "@%p5 mov.u32 %r1, 1;", "predicate"},
		{Uninitialized, 32, "selp.b32 %r1, 1, 2, %p5;", "predicate"},
		{Uninitialized, 1, "atom.shared.add.u32 %r1, [box], 1;", "nobody has written"},
		{Misuse, 1, "mbarrier.init.shared.b64 [bar], 0;", "0 arrivals"},
		{Misuse, 1, "mbarrier.init.shared.b64 [bar], 1; mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [bar], 2000000;", "bytes"},
		{Misuse, 1, "mbarrier.init.shared.b64 [bar], 1; mov.u32 %r1, 2; mbarrier.try_wait.parity.shared.b64 %p1, [bar], %r1;", "neither 0 nor 1"},
		{Misuse, 1, "mov.u32 %r1, 8; cp.async.ca.shared.global [box], [%in], 4, %r1;", "source of 8 bytes"},
		{OutOfBounds, 1, "T: .branchtargets A, B; mov.u32 %r1, 7; brx.idx %r1, T; A: B:", "index 7"},
		{Misaligned, 1, "fence.proxy.async.shared::cta; mov.u32 %r1, 24; mov.u32 %r2, bar; mov.u32 %r3, tile; mbarrier.init.shared.b64 [%r2], 1; fence.proxy.async.shared::cta; cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r3], [%in], %r1, [%r2];", "multiple of 16"},
		{Misuse, 1, "barrier.cluster.wait.acquire.aligned;", "without having arrived"},
		{Misuse, 64, "barrier.cluster.arrive.release; barrier.cluster.arrive.release;", "arrives twice"},
		{Misuse, 1, "barrier.cluster.arrive.release; barrier.cluster.arrive.release;", "arrives twice"},
		{OutOfBounds, 1, "mov.u32 %r1, box; mapa.shared::cluster.u32 %r2, %r1, 3;", "block 3"},
		{Misuse, 32, product16("1"), "four warps"},
		{Misuse, 128, product16("0"), "another matrix descriptor"},
		{Misuse, 128, strings.Replace(product16("1"), "or.b64 %x1, %x1, 0;", "mov.b64 %x5, 562949953421312; or.b64 %x1, %x1, %x5;", 1), "reserved bits or a base offset"},
	} {
		m, err := Parse(ptx("sm_90a", shared, c.body+"\nret;"))
		if err != nil {
			t.Errorf("%s: %v", c.body, err)
			continue
		}
		in, out := &Buffer{Name: "in", Data: make([]byte, 4096), ReadOnly: true}, &Buffer{Name: "out", Data: make([]byte, 4096), Blank: true}
		_, err = entry(t, m, "k").Run(Launch{Block: [3]int{c.threads}, Seed: 5, Args: []Arg{Pointer(in, 0), Pointer(out, 0), U32(0)}})
		var f *Fault
		if !errors.As(err, &f) || f.Kind != c.kind || !strings.Contains(err.Error(), c.part) {
			t.Errorf("%s: got %v, expected %s: %q", c.body, err, c.kind, c.part)
		}
	}
}

// product16 is a product of zeros in shared memory whose descriptor is the same in all lanes for same 1.
func product16(same string) string {
	return `mov.u32 %r1, tile;
mad.lo.u32 %r3, %t, 32, %r1;
mov.u32 %r4, 0;
st.shared.v4.b32 [%r3], {%r4, %r4, %r4, %r4};
st.shared.v4.b32 [%r3+16], {%r4, %r4, %r4, %r4};
fence.proxy.async.shared::cta;
bar.sync 0;
shr.u32 %r1, %r1, 4;
cvt.u64.u32 %x1, %r1;
or.b64 %x1, %x1, 0;
setp.eq.u32 %p1, %t, 3;
mov.u32 %r2, ` + same + `;
setp.eq.u32 %p2, %r2, 0;
and.pred %p1, %p1, %p2;
@%p1 add.s64 %x1, %x1, 64;
mov.f32 %f1, 0f00000000;
mov.f32 %f2, 0f00000000;
mov.f32 %f3, 0f00000000;
mov.f32 %f4, 0f00000000;
wgmma.fence.sync.aligned;
wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%f1, %f2, %f3, %f4}, %x1, %x1, 0, 1, 1, 0, 0;
wgmma.commit_group.sync.aligned;
wgmma.wait_group.sync.aligned 0;
`
}

// One block reads what the other writes, whichever comes first; and a write that the asynchronous proxy
// follows needs a fence between.
func TestBlocksDoNotMeet(t *testing.T) {
	for seed := range uint64(6) {
		m, err := Parse(ptx("sm_90a", "", "mov.u32 %r1, %ctaid.x; setp.eq.u32 %p1, %r1, 0; @%p1 ld.global.b32 %r2, [%out]; @!%p1 st.global.b32 [%out], 1; ret;"))
		if err != nil {
			t.Fatal(err)
		}
		out := &Buffer{Name: "out", Data: make([]byte, 64)}
		_, err = entry(t, m, "k").Run(Launch{Grid: [3]int{2}, Block: [3]int{1}, Seed: seed, Args: []Arg{Pointer(out, 0), Pointer(out, 0), U32(0)}})
		var f *Fault
		if !errors.As(err, &f) || f.Kind != Race {
			t.Errorf("seed %d: got %v", seed, err)
		}
	}
	body := func(fence string) string {
		return "st.shared.b32 [tile], 1; mov.u32 %r2, bar; mov.u32 %r3, tile; mbarrier.init.shared.b64 [%r2], 1; fence.mbarrier_init.release.cluster;\n" + fence +
			"\nmbarrier.arrive.expect_tx.shared.b64 _, [%r2], 16; cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r3], [%in], 16, [%r2]; W: mbarrier.try_wait.parity.shared.b64 %p1, [%r2], 0; @!%p1 bra W; ret;"
	}
	for fence, want := range map[string]Kind{"": Proxy, "fence.proxy.async.shared::cta;": ""} {
		m, err := Parse(ptx("sm_90a", ".shared .align 8 .b64 bar;\n.shared .align 128 .b32 tile[4];", body(fence)))
		if err != nil {
			t.Fatal(err)
		}
		in := &Buffer{Name: "in", Data: make([]byte, 64), ReadOnly: true}
		_, err = entry(t, m, "k").Run(Launch{Block: [3]int{1}, Args: []Arg{Pointer(in, 0), Pointer(in, 0), U32(0)}})
		var f *Fault
		if want == "" && err != nil || want != "" && (!errors.As(err, &f) || f.Kind != want) {
			t.Errorf("%q: got %v", fence, err)
		}
	}
}

// A tensor map that no driver would encode is no argument.
func TestTensorMapsRefused(t *testing.T) {
	c := tensorCase{dims: []int{64, 64}, box: []int{16, 4}, corner: []int{8, 8}}
	in, _, _ := c.maps(make([]byte, 64*64*4), &Buffer{Name: "to", Data: make([]byte, 4*64*64)})
	for _, f := range []struct {
		part   string
		change func(*TensorMap)
	}{
		{"rank", func(m *TensorMap) { m.Dims = nil }},
		{"elements of 3 bytes", func(m *TensorMap) { m.Size = 3 }},
		{"do not fit rank", func(m *TensorMap) { m.Strides = nil }},
		{"swizzle of 48", func(m *TensorMap) { m.Swizzle = 48 }},
		{"multiple of 16", func(m *TensorMap) { m.Box = []int{15, 4} }},
		{"more than the swizzle", func(m *TensorMap) { m.Swizzle = 32 }},
		{"extent 0", func(m *TensorMap) { m.Dims = []int{0, 64} }},
		{"stride 20", func(m *TensorMap) { m.Strides = []int{20} }},
	} {
		bad := *in
		f.change(&bad)
		text := `.version 8.3
.target sm_90a
.address_size 64
.visible .entry k(.param .align 64 .b8 m[128]) { ret; }
`
		m, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry(t, m, "k").Run(Launch{Args: []Arg{Tensor(&bad)}}); err == nil || !strings.Contains(err.Error(), f.part) {
			t.Errorf("%s: got %v", f.part, err)
		}
	}
}
