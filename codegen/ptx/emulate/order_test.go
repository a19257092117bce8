package emulate

import (
	"errors"
	"strings"
	"testing"
)

// What orders memory accesses between threads and between blocks, and what does not.

// blocks runs a text over two blocks of 32 threads on one buffer of 64 words of ones.
func blocks(t *testing.T, body string) error {
	t.Helper()
	text := ptx("sm_90a", ".shared .align 8 .b32 flag[2];", "mov.u32 %r20, %ctaid.x;\nmul.wide.u32 %x0, %t, 4;\nadd.s64 %x1, %out, %x0;\nsetp.eq.u32 %p1, %r20, 0;\nsetp.eq.u32 %p2, %t, 0;\nsetp.eq.u32 %p3, %t, 31;\n"+body+"\nret;")
	assemble(t, text, "sm_90a")
	m, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	out := &Buffer{Name: "out", Data: make([]byte, 256)}
	for seed := range uint64(8) {
		if _, err = entry(t, m, "k").Run(Launch{Grid: [3]int{2}, Block: [3]int{32}, Seed: seed, Args: []Arg{Pointer(out, 0), Pointer(out, 0), U32(0)}}); err != nil {
			return err
		}
	}
	return nil
}

func TestOrder(t *testing.T) {
	const handshake = `
@%p2 st.shared.b32 [flag], 0;
@%p2 st.shared.b32 [flag+4], 0;
bar.sync 0;
@%p3 bra Reader;
@!%p2 bra End;
st.shared.b32 [flag+4], 5;
`
	const reader = `
bra End;
Reader:
ld.ACQUIRE.cta.shared.b32 %r1, [flag];
setp.eq.u32 %p4, %r1, 0;
@%p4 bra Reader;
ld.shared.b32 %r2, [flag+4];
End:
`
	acquire, relaxed := "ld.acquire.cta.shared.b32 %r1, [flag];", "ld.relaxed.cta.shared.b32 %r1, [flag];"
	read := func(by string) string {
		return strings.Replace(reader, "ld.ACQUIRE.cta.shared.b32 %r1, [flag];", by, 1)
	}
	for _, c := range []struct {
		name, body string
		ok         bool
	}{
		{"each thread its own word", "@%p1 st.global.b32 [%x1], %t;", true},
		{"two blocks write a word", "st.global.b32 [%x1], %t;", false},
		{"one block writes what the other reads", "@%p1 st.global.b32 [%x1], %t;\n@!%p1 ld.global.b32 %r1, [%x1];", false},
		{"two blocks read a word", "ld.global.b32 %r1, [%x1];", true},
		{"two blocks update a word", "red.global.add.u32 [%x1], 1;", true},
		{"an update and a plain read", "red.global.add.u32 [%x1], 1;\nld.global.b32 %r1, [%x1];", false},
		{"an update and a strong read", "red.global.add.u32 [%x1], 1;\nld.relaxed.gpu.global.b32 %r1, [%x1];", true},
		{"a shuffle orders nothing", "@%p2 st.shared.b32 [flag], 1;\nshfl.sync.idx.b32 %r1, %t, 0, 31, -1;\nld.shared.b32 %r2, [flag];", false},
		{"a warp barrier orders", "@%p2 st.shared.b32 [flag], 1;\nbar.warp.sync -1;\nld.shared.b32 %r2, [flag];", true},
		{"a fence alone orders nothing", "@%p2 st.shared.b32 [flag], 1;\nmembar.cta;\nld.shared.b32 %r2, [flag];", false},
		{"release and acquire order", handshake + "st.release.cta.shared.b32 [flag], 1;" + read(acquire), true},
		{"a relaxed store releases nothing", handshake + "st.relaxed.cta.shared.b32 [flag], 1;" + read(acquire), false},
		{"a relaxed load acquires nothing", handshake + "st.release.cta.shared.b32 [flag], 1;" + read(relaxed), false},
		{"an atomic releases", handshake + "atom.release.cta.shared.exch.b32 %r5, [flag], 1;" + read(acquire), true},
		{"halves of a word are apart", "cvt.u16.u32 %h1, %t;\nmul.wide.u32 %x4, %t, 2;\nadd.s64 %x5, %out, %x4;\n@%p1 st.global.b16 [%x5], %h1;\n@!%p1 st.global.b16 [%x5+64], %h1;", true},
		{"a word over somebody's half", "cvt.u16.u32 %h1, %t;\n@%p1 st.global.b16 [%x1+2], %h1;\n@!%p1 st.global.b32 [%x1], %t;", false},
	} {
		err := blocks(t, c.body)
		var f *Fault
		if c.ok && err != nil || !c.ok && (!errors.As(err, &f) || f.Kind != Race) {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}
