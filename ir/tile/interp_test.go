package tile

import (
	"bytes"
	"math/rand"
	"strings"
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

func inputs(k *kernel.Kernel, symbols map[string]int64) map[string]*tensor.Tensor {
	r := rand.New(rand.NewSource(7))
	all := map[string]*tensor.Tensor{}
	for _, b := range k.Ins {
		dims, _ := b.Type.Shape.Bind(symbols)
		x := tensor.New(tensor.F32, dims...)
		for i := range x.Len() {
			x.SetFloat(i, r.NormFloat64())
		}
		all[b.Name] = x
	}
	return all
}

// TestInterp compares schedules with the definitions, in bits.
func TestInterp(t *testing.T) {
	for _, c := range []struct {
		k    *kernel.Kernel
		text string
	}{{dense(), denseText}, {sums(), sumsText}, {rows(), rowsText}, {dense(), peelText}, {dense(), stageText}, {dense(), partialText}, {dense(), versionText}, {scatterRows(), scatterText}, {softmax(), softmaxText}, {attend(), attendText}} {
		for _, n := range []int64{0, 1, 3, 4, 6, 13} {
			symbols := map[string]int64{"N": n}
			want, got := inputs(c.k, symbols), inputs(c.k, symbols)
			prog := &kernel.Program{Name: c.k.Name, Buffers: c.k.Buffers(), Kernels: []*kernel.Kernel{c.k}}
			if err := kernel.Interp(prog, symbols, want); err != nil {
				t.Fatal(err)
			}
			p, err := Parse(c.text, c.k)
			if err != nil {
				t.Fatal(err)
			}
			if err := Interp(p, symbols, got, n); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(want["y"].Data, got["y"].Data) {
				t.Errorf("%s with N = %d differs", c.k.Name, n)
			}
		}
	}
}

// TestInterpReports runs schedules that Verify would refuse: the interpreter finds the fault by itself.
func TestInterpReports(t *testing.T) {
	for _, c := range []struct {
		k              *kernel.Kernel
		text, from, to string
		want           string
	}{
		{dense(), denseText, "store y", "store y\nstore y", "twice, by block"},
		{dense(), denseText, "each m by 4,1 {\n    begin a", "each m by 4,1 {\neach r by 1 {\n    begin a", "twice, by block"},
		{dense(), denseText, "    store y\n", "", "stays unwritten"},
		{sums(), sumsText, "spill s -> t", "", "which nobody wrote"},
		{sums(), sumsText, "  spill s -> t\n}\nphase vector c {\n  join", "  spill s -> t\n  join", "nobody wrote|another block writes"},
		{rows(), rowsText, "end m\n", "", "lanes are not joined"},
		{dense(), denseText, "begin a", "let y\nbegin a", "no value here"},
	} {
		text := edit(t, c.text, c.from, c.to)
		if strings.Contains(c.to, "each r") {
			text = edit(t, text, "store y\n", "store y\n}\n")
		}
		p, _ := Parse(text, c.k)
		symbols := map[string]int64{"N": 9}
		err := Interp(p, symbols, inputs(c.k, symbols), 1)
		found := false
		for _, want := range strings.Split(c.want, "|") {
			found = broken.By(err, want) || found
		}
		if !found {
			t.Errorf("%q for %q: %v, not %q", c.to, c.from, err, c.want)
		}
	}
}

// TestInterpInputs refuses missing and wrong inputs.
func TestInterpInputs(t *testing.T) {
	p, err := Parse(denseText, dense())
	if err != nil {
		t.Fatal(err)
	}
	symbols := map[string]int64{"N": 2}
	given := inputs(p.Kernel, symbols)
	delete(given, "w")
	if err := Interp(p, symbols, given, 0); !broken.By(err, "w is missing") {
		t.Error(err)
	}
	given["w"] = tensor.New(tensor.F32, 3)
	if err := Interp(p, symbols, given, 0); !broken.By(err, "not f32[6, 40]") {
		t.Error(err)
	}
	if err := Interp(p, nil, inputs(p.Kernel, symbols), 0); !broken.By(err, "symbol N") {
		t.Error(err)
	}
}

// TestRanges follows an index through grid, lengths and peels.
func TestRanges(t *testing.T) {
	whole := func(n int64) Range { return Range{Len: n, Whole: true} }
	first := func(lo, hi int64) tensor.Range { return tensor.Range{Lo: lo, Hi: hi} }
	check := func(name string, got []Range, want ...Range) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%s: %v, not %v", name, got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%s %d: %v, not %v", name, i, got[i], want[i])
			}
		}
	}
	check("28 by 6,4", Parts(whole(28), []int64{6, 4}), Range{First: first(0, 18), Len: 6}, Range{First: first(24, 24), Len: 4})
	check("28 by 16", Parts(whole(28), []int64{16}), Range{First: first(0, 0), Len: 16}, Range{First: first(16, 16), Len: 12})
	check("0 by 4", Parts(whole(0), []int64{4}), Range{First: first(0, 0)})
	open := tensor.Range{OpenHi: true}
	check("N by 4,1", Parts(whole(-1), []int64{4, 1}), Range{First: open, Len: 4}, Range{First: open, Len: 1})
	check("N by 4", Parts(whole(-1), []int64{4}), Range{First: open, Len: 4}, Range{First: open, Len: 3, Short: true})
	loop := &Loop{Split: Split{Index: "w", By: []int64{1}}, Peel: []int64{1, 27}}
	check("peel", loop.Turns(whole(28)), Range{First: first(0, 0), Len: 1}, Range{First: first(1, 26), Len: 1}, Range{First: first(27, 27), Len: 1})
	loop = &Loop{Split: Split{Index: "w", By: []int64{14}}, Unroll: true}
	check("unroll", loop.Turns(whole(28)), Range{First: first(0, 0), Len: 14}, Range{First: first(14, 14), Len: 14})
}
