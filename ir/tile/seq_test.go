package tile

import (
	"bytes"
	"strings"
	"testing"

	"dlc/ir/kernel"
)

// decay: from the end, a[t,n] = sum over k of y[t+1,k]; y = a/4 + x.
func decay() *kernel.Kernel {
	k, err := kernel.ParseKernel(`kernel decay(x: input f32[T, N]) -> (y: output f32[T, N])
  scan t:T reversed {
    a[t:T, n:N] = sum k:N chain when 0 <= t + 1 < T; y[t + 1, k]
    y[t:T, n:N] = 0.25 * a[t, n] + x[t, n]
  }
`)
	if err != nil {
		panic(err)
	}
	return k
}

const decayText = `tile decay for avx512
temp a: f32[T, N]
phase seq t reversed grid n by 4 {
  each n by 1 {
    begin a
    stream k by 2,1 {
      step a
    }
    store a
  }
}
phase seq t reversed grid n by 16 vector n {
  store y
}
`

const oneDecayText = `tile decay for avx512
phase seq t reversed grid n by 4 {
  each n by 1 {
    begin a
    stream k by 2,1 {
      step a
    }
    store y
  }
}
`

func TestSeq(t *testing.T) {
	k := decay()
	for _, text := range []string{decayText, oneDecayText} {
		p, err := Parse(text, k)
		if err != nil {
			t.Fatal(err)
		}
		if p.String() != text {
			t.Errorf("printed\n%s", p)
		}
		for _, size := range [][2]int64{{0, 3}, {1, 1}, {4, 7}, {3, 0}, {2, 20}} {
			symbols := map[string]int64{"T": size[0], "N": size[1]}
			want, got := inputs(k, symbols), inputs(k, symbols)
			prog := &kernel.Program{Name: k.Name, Buffers: k.Buffers(), Kernels: []*kernel.Kernel{k}}
			if err := kernel.Interp(prog, symbols, want); err != nil {
				t.Fatal(err)
			}
			if err := Interp(p, symbols, got, 3); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if !bytes.Equal(want["y"].Data, got["y"].Data) {
				t.Errorf("%v differs\n%s", size, text)
			}
		}
	}
}

func TestSeqRefuses(t *testing.T) {
	for _, c := range []struct{ text, from, to, want string }{
		{decayText, "phase seq t reversed grid n by 16", "phase seq t grid n by 16", "no phase of the run stores"},
		{decayText, "phase seq t reversed grid n by 16", "phase grid n by 16", "no phase of the run stores"},
		{decayText, "phase seq t reversed grid n by 4", "phase grid n by 4", "its recurrence is not that of the phase"},
		{decayText, "seq t reversed grid n by 4", "seq t reversed grid t by 1, n by 4", "the grid splits t"},
		{decayText, "seq t reversed grid n by 16", "seq q reversed grid n by 16", "no phase of the run stores"},
		{decayText, "phase seq t reversed grid n by 4", "phase seq q grid n by 4", "no index q"},
		{decayText, "  store y\n", "  store y\n}\nphase seq t reversed {\n  store y\n", "stored already"},
		{decayText, "    store a\n", "", "no value here"},
		{oneDecayText, "phase seq t reversed", "phase seq t", "its recurrence is not that of the phase|no index"},
		{oneDecayText, "    store y\n", "", "y of another turn, which no phase of the run stores"},
	} {
		if !strings.Contains(c.text, c.from) {
			t.Fatalf("%q is not in the text", c.from)
		}
		_, err := Parse(strings.Replace(c.text, c.from, c.to, 1), decay())
		found := false
		for _, want := range strings.Split(c.want, "|") {
			found = broken.By(err, want) || found
		}
		if !found {
			t.Errorf("%q for %q: %v, not %q", c.to, c.from, err, c.want)
		}
	}
}

// TestSeqRaces: within a turn the blocks of a phase know nothing of each other.
func TestSeqRaces(t *testing.T) {
	k, err := kernel.ParseKernel(`kernel race(x: input f32[T, N]) -> (a: output f32[T, N], y: output f32[T, N])
  scan t:T {
    a[t:T, n:N] = 2.0 * x[t, n]
    y[t:T, n:N] = guard(0 <= n - 1 < N: a[t, n - 1])
  }
`)
	if err != nil {
		t.Fatal(err)
	}
	p := &Program{Name: "race", Machine: "avx512", Kernel: k, Phases: []*Phase{
		{Seq: &Seq{Index: "t"}, Grid: []Split{{"n", []int64{4}}}, Body: []Node{&Loop{Kind: Each, Split: Split{"n", []int64{1}}, Body: []Node{&Store{"a"}}}}},
		{Seq: &Seq{Index: "t"}, Grid: []Split{{"n", []int64{4}}}, Body: []Node{&Loop{Kind: Each, Split: Split{"n", []int64{1}}, Body: []Node{&Store{"y"}}}}},
	}}
	symbols := map[string]int64{"T": 2, "N": 9}
	if err := Interp(p, symbols, inputs(k, symbols), 1); err != nil {
		t.Fatal(err)
	}
	p.Phases[1].Seq = &Seq{Index: "t", Reversed: true} // the run is cut: whole turns of a come first
	if err := Interp(p, symbols, inputs(k, symbols), 1); err != nil {
		t.Fatal(err)
	}
	p.Phases = []*Phase{p.Phases[1], p.Phases[0]}
	p.Phases[0].Seq = &Seq{Index: "t"}
	k.Defs[1].Expr = &kernel.Guard{Conds: []kernel.Cond{{Index: dim("t - 1"), Extent: dim("T")}}, Expr: load("a", "t - 1", "n")}
	if err := Interp(p, symbols, inputs(k, symbols), 1); err != nil {
		t.Fatalf("what the turn before stored: %v", err)
	}
	k.Defs[1].Expr = &kernel.Guard{Conds: []kernel.Cond{{Index: dim("t + 1"), Extent: dim("T")}}, Expr: load("a", "t + 1", "n")}
	if err := Interp(p, symbols, inputs(k, symbols), 1); !broken.By(err, "nobody wrote") {
		t.Errorf("a turn to come: %v", err)
	}
}
