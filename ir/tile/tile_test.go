package tile

import (
	"strings"
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

func dim(s string) tensor.Dim {
	d, err := tensor.ParseDim(s)
	if err != nil {
		panic(err)
	}
	return d
}

func over(pairs ...string) []kernel.Axis {
	var axes []kernel.Axis
	for i := 0; i < len(pairs); i += 2 {
		axes = append(axes, kernel.Axis{Name: pairs[i], Extent: dim(pairs[i+1])})
	}
	return axes
}

func load(name string, at ...string) kernel.Expr {
	l := &kernel.Load{Name: name, DType: tensor.F32}
	for _, s := range at {
		l.At = append(l.At, kernel.IndexOf(dim(s)))
	}
	return l
}

func buffer(name string, role kernel.Role, dims ...string) *kernel.Buffer {
	b := &kernel.Buffer{Name: name, Role: role, Type: tensor.Type{DType: tensor.F32}}
	for _, d := range dims {
		b.Type.Shape = append(b.Type.Shape, dim(d))
	}
	return b
}

func reduce(op kernel.ReduceOp, order kernel.Order, pairs ...string) *kernel.Reduce {
	return &kernel.Reduce{Op: op, Axes: over(pairs...), Order: order}
}

// dense: a[m,c] = x w; y[m,c] = a + b.
func dense() *kernel.Kernel {
	axes := over("m", "N", "c", "40")
	return &kernel.Kernel{Name: "dense",
		Ins:  []*kernel.Buffer{buffer("x", kernel.Input, "N", "6"), buffer("w", kernel.Input, "6", "40"), buffer("b", kernel.Input, "40")},
		Outs: []*kernel.Buffer{buffer("y", kernel.Output, "N", "40")},
		Defs: []*kernel.Def{
			{Name: "a", DType: tensor.F32, Axes: axes, Reduce: reduce(kernel.Sum, kernel.Order{}, "r", "2", "k", "3"),
				Expr: kernel.Apply("mul", load("x", "m", "3*r + k"), load("w", "3*r + k", "c"))},
			{Name: "y", DType: tensor.F32, Axes: axes, Expr: kernel.Apply("add", load("a", "m", "c"), load("b", "c"))},
		}}
}

// sums: s[c] = sum over n in chunks of 4; y[c] = s + s.
func sums() *kernel.Kernel {
	return &kernel.Kernel{Name: "sums",
		Ins:  []*kernel.Buffer{buffer("x", kernel.Input, "N", "3", "8")},
		Outs: []*kernel.Buffer{buffer("y", kernel.Output, "8")},
		Defs: []*kernel.Def{
			{Name: "s", DType: tensor.F32, Axes: over("c", "8"),
				Reduce: reduce(kernel.Sum, kernel.Order{Kind: kernel.Chunks, Axis: "n", By: 4}, "q", "3", "n", "N"), Expr: load("x", "n", "q", "c")},
			{Name: "y", DType: tensor.F32, Axes: over("c", "8"), Expr: kernel.Apply("add", load("s", "c"), load("s", "c"))},
		}}
}

// rows: m[n] = max over j in lanes; y[n,j] = x - m.
func rows() *kernel.Kernel {
	return &kernel.Kernel{Name: "rows",
		Ins:  []*kernel.Buffer{buffer("x", kernel.Input, "N", "100")},
		Outs: []*kernel.Buffer{buffer("y", kernel.Output, "N", "100")},
		Defs: []*kernel.Def{
			{Name: "m", DType: tensor.F32, Axes: over("n", "N"), Reduce: reduce(kernel.Max, kernel.Order{Kind: kernel.Lanes64}, "j", "100"), Expr: load("x", "n", "j")},
			{Name: "y", DType: tensor.F32, Axes: over("n", "N", "j", "100"), Expr: kernel.Apply("sub", load("x", "n", "j"), load("m", "n"))},
		}}
}

const (
	denseText = `tile dense for avx512
phase grid m by 6, c by 16 vector c {
  each m by 4,1 {
    begin a
    stream r by 1 {
      stream k by 2,1 {
        step a
      }
    }
    let y
    store y
  }
}
`
	sumsText = `tile sums for avx2
temp t: f32[3, (N + 3) div 4, 8]
phase grid q by 1, n by 4 vector c {
  begin s
  stream n by 2,1 {
    step s
  }
  spill s -> t
}
phase vector c {
  join s from t
  store y
}
`
	rowsText = `tile rows for avx512
phase grid n by 4 vector j {
  each n by 2,1 {
    begin m
    stream j by 64 {
      step m
    }
    end m
    each j by 32,16 {
      store y
    }
  }
}
`
	stageText = `tile dense for avx512
phase grid m by 6, c by 32 back vector c {
  stage x for a
  each c by 16 {
    stage w for a
    each m by 4,1 {
      begin a
      stream r by 1 {
        stream k by 2,1 {
          step a
        }
      }
      store y
    }
  }
}
`
	partialText = `tile dense for avx512
phase grid m by 6, c by 32 back vector c {
  hold a along c
  ahead w for a by 8
  ahead new x for a by 8
  stream r by 1 {
    each m by 4,1 {
      each c by 16 {
        begin a
        stream k by 2,1 {
          step a
        }
        store a
      }
    }
  }
  each m by 3,1 {
    store y
  }
}
`
	versionText = `tile dense for avx512
phase grid m by 6, c by 16 vector c {
  if N == 1 {
    each m by 1 {
      begin a
      stream r by 1 {
        step a
      }
      store y
    }
  } else {
    each m by 4,1 {
      begin a
      stream r by 1 {
        stream k by 2,1 {
          step a
        }
      }
      store y
    }
  }
}
`
	peelText = `tile dense for avx512
phase grid m by 1 vector c {
  each c by 16 unroll {
    begin a
    stream r by 1 peel 1 {
      step a
    }
    store y
  }
}
`
)

// TestText holds that the text of a schedule is its meaning.
func TestText(t *testing.T) {
	for _, c := range []struct {
		k    *kernel.Kernel
		text string
	}{{dense(), denseText}, {sums(), sumsText}, {rows(), rowsText}, {dense(), peelText}, {dense(), strings.Replace(peelText, "vector c {", "vector c run 2 {", 1)}, {dense(), stageText}, {dense(), partialText}, {dense(), versionText}} {
		p, err := Parse(c.text, c.k)
		if err != nil {
			t.Fatal(err)
		}
		if p.String() != c.text {
			t.Errorf("reads back as\n%s\ninstead of\n%s", p, c.text)
		}
	}
}

// edit replaces one line of a schedule's text: from, by the lines of to.
func edit(t *testing.T, text, from, to string) string {
	t.Helper()
	if !strings.Contains(text, from) {
		t.Fatalf("no %q in the text", from)
	}
	return strings.Replace(text, from, to, 1)
}

// TestVerify breaks one rule at a time.
func TestVerify(t *testing.T) {
	cases := []struct {
		k              func() *kernel.Kernel
		text, from, to string
		want           string
	}{
		{dense, denseText, "grid m by 6", "grid z by 6", "no index or split already"},
		{dense, denseText, "grid m by 6", "grid c by 6", "no index or split already"},
		{dense, denseText, "grid m by 6", "grid m by 6,1", "not by one positive length"},
		{dense, denseText, "grid m by 6", "grid m by 0", "not by one positive length"},
		{dense, denseText, "vector c", "vector z", "no index z"},
		{dense, denseText, "each m by", "each z by", "no index z"},
		{dense, denseText, "by 4,1", "by 1,4", "positive and descend"},
		{dense, denseText, "by 4,1 {", "by 4,1 unroll {", "not constant"},
		{dense, denseText, "by 4,1 {", "by 4,1 peel 2 {", "not constant"},
		{dense, denseText, "r by 1 {", "r by 1 peel 2,1 {", "ascend"},
		{dense, denseText, "by 4,1", "by 4", "may be cut short"},
		{dense, denseText, "begin a", "begin y", "no reduction"},
		{dense, denseText, "begin a", "begin a\nbegin a", "alive already"},
		{dense, stageText, "stage x for a", "stage x for y", "no reduction"},
		{dense, stageText, "stage x for a", "stage b for a", "reads no input of that name"},
		{dense, stageText, "stage x for a", "stage x for a\nstage x for a", "staged already"},
		{dense, "tile dense for avx512\nphase vector c {\n  stage x for a\n}", "", "", "no constant range"},
		{dense, stageText, "grid m by 6", "grid m by 60000", "bytes of copies"},
		{dense, partialText, "by 8", "by -1", "no such reduction, buffer or distance"},
		{dense, partialText, "ahead w", "ahead z", "no such reduction, buffer or distance"},
		{dense, versionText, "if N", "if M", "no symbol M"},
		{dense, versionText, "    each m by 4,1 {\n      begin a", "    each m by 4,1 {", "has not begun"},
		{dense, versionText, "step a\n      }\n      store y", "step a\n      }", "do not store the same"},
		{dense, versionText, "} else {", "}", "unexpected"},
		{dense, versionText, "} else {", "}\n} else {", "unexpected"},
		{dense, denseText, "begin a", "if N == 1 begin a", "is expected"},
		{dense, denseText, "let y", "each m by 1 {\n} else {\n}\nlet y", "no if"},
		{dense, denseText, "begin a", "", "has not begun"},
		{dense, denseText, "c by 16 vector c", "c by 8 vector k", "vector index"},
		{dense, denseText, "step a", "step a\nstep a", "second step"},
		{dense, denseText, "stream r by 1", "each r by 1", "between its begin and its step"},
		{dense, denseText, "stream r by 1", "stream m by 1", "between its begin and its step"},
		{dense, denseText, "stream r by 1", "stream r by 2", "has not length 1"},
		{dense, denseText, "stream r by 1 {\n      stream k by 2,1 {", "stream k by 1 {\n      stream r by 1 {", "walked inside of k"},
		{dense, denseText, "step a", "step a\nlet y", "not finished"},
		{dense, denseText, "step a", "begin a\nstep a\nstore y", "alive already"},
		{dense, denseText, "step a", "end a", "no lanes64"},
		{dense, denseText, "let y", "let a", "no map"},
		{dense, denseText, "let y", "let y\nlet y", "alive already"},
		{dense, denseText, "store y", "store y\nstore y", "stored already"},
		{dense, denseText, "store y", "store a", "output or temp of its name"},
		{dense, denseText, "store y", "each c by 8 {\nstore y\n}", "walked since it began"},
		{dense, denseText, "store y\n", "", "nothing stores the output y"},
		{dense, denseText, "let y", "each r by 1 {\nlet y\nstore y\n}", "more than one turn of r"},
		{dense, denseText, "begin a", "let y\nbegin a", "has no value here"},
		{dense, denseText, "let y", "spill a -> t", "no reduction in chunks"},
		{dense, denseText, "grid m by 6, c by 16 vector c", "grid c by 16 vector c", ""},
		{dense, denseText, "grid m by 6, c by 16 vector c", "grid m by 6, k by 1, c by 16 vector c", "k is not whole"},
		{sums, sumsText, "n by 4", "n by 2", "not one chunk of 4"},
		{sums, sumsText, "q by 1, ", "", "q has not length 1"},
		{sums, sumsText, "[3, (N + 3) div 4, 8]", "[3, N div 4, 8]", "is no temp"},
		{sums, sumsText, "spill s -> t", "spill s -> u", "is no temp"},
		{sums, sumsText, "spill s -> t", "spill s -> t\nspill s -> t", "written already"},
		{sums, sumsText, "stream n by 2,1 {\n    step s\n  }\n  spill s -> t", "spill s -> t", "not finished"},
		{sums, sumsText, "join s from t", "join s from u", "no earlier phase spills"},
		{sums, sumsText, "join s from t", "join s from t\njoin s from t", "joined already"},
		{sums, sumsText, "join s from t\n  store y", "each q by 1 {\njoin s from t\n}\nstore y", "more than one turn of q"},
		{sums, sumsText, "phase vector c {\n  join", "phase grid n by 4 vector c {\n  join", "more than one turn of n"},
		{rows, rowsText, "vector j", "vector n", "vector index"},
		{rows, rowsText, "j by 64", "j by 48", "no multiples of 64"},
		{rows, rowsText, "end m", "", "not finished"},
		{rows, rowsText, "step m\n    }\n    end m", "step m\nend m\n    }", "not finished"},
		{rows, rowsText, "end m", "end m\nend m", "lanes64 reduction that has begun"},
		{rows, rowsText, "begin m", "each j by 64 {\nlet y\n}\nbegin m", "has no value here"},
	}
	for _, c := range cases {
		_, err := Parse(edit(t, c.text, c.from, c.to), c.k())
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%q for %q: %v", c.to, c.from, err)
		case c.want != "" && !broken.By(err, c.want):
			t.Errorf("%q for %q: %v, not %q", c.to, c.from, err, c.want)
		}
	}
}

// TestVerifyKernel breaks the rules on names and loads.
func TestVerifyKernel(t *testing.T) {
	k := dense()
	k.Defs[0].Axes = over("m", "N", "c", "41")
	if _, err := Parse(denseText, k); !broken.By(err, "has the extents") {
		t.Error(err)
	}
	k = dense()
	k.Defs[1].Expr = load("a", "m", "39 - c")
	if _, err := Parse(denseText, k); !broken.By(err, "at another index") {
		t.Error(err)
	}
	k = dense()
	k.Defs[1].Expr = load("z", "m", "c")
	if _, err := Parse(denseText, k); !broken.By(err, "no buffer") {
		t.Error(err)
	}
	if _, err := Parse(edit(t, denseText, "grid m by 6, c by 16 vector c", "grid m by 6 vector c"), symbolicColumns()); !broken.By(err, "not constant here") {
		t.Error(err)
	}
}

func symbolicColumns() *kernel.Kernel {
	k := dense()
	for _, d := range k.Defs {
		d.Axes = over("m", "N", "c", "C")
	}
	return k
}

// TestParseErrors holds that broken text is refused with its line.
func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"begin a":                                           "line 1: \"begin a\" stands outside",
		"tile d":                                            "`tile NAME for MACHINE` is expected",
		"tile d for m\nphase":                               "line 2: missing {",
		"tile d for m\nphase {":                             "missing }",
		"tile d for m\n}":                                   "unexpected",
		"tile d for m\ntemp t f32":                          "`temp NAME: TYPE[DIMS]` is expected",
		"tile d for m\ntemp t: f99[1]":                      "unknown dtype",
		"tile d for m\ntemp t: f32[(]":                      "dim",
		"phase {\nphase {\n}\n}":                            "inside of a phase",
		"phase grid a {\n}":                                 "is not `INDEX by LENGTH`",
		"phase hello {\n}":                                  "unexpected",
		"phase {\njump a\n}":                                "unknown node",
		"phase {\npast y from 1k\n}":                        "`past DEF from BYTES` is expected",
		"phase {\nahead a\n}":                               "`ahead FROM for DEF by DISTANCE` is expected",
		"phase {\nspill a\n}":                               "is expected",
		"phase {\neach a by x {\n}\n}":                      "no integer",
		"phase {\neach a by 1\n}\n}":                        "missing {",
		"phase {\neach a by 1 often {":                      "unexpected",
		"phase {\neach a by 1 peel x {\n":                   "no integer",
		"phase {\n}":                                        "missing `tile NAME",
		"phase {\n" + strings.Repeat("each m by 1 {\n", 70): "loops deep",
	} {
		if _, err := Parse(text, dense()); !broken.By(err, want) {
			t.Errorf("%.40q: %v, not %q", text, err, want)
		}
	}
}

// TestBlocks counts the blocks of a grid.
func TestBlocks(t *testing.T) {
	p, err := Parse(denseText, dense())
	if err != nil {
		t.Fatal(err)
	}
	extents := Extents(p.Kernel)
	if n := p.Phases[0].Blocks(func(index string) tensor.Dim { return extents[index] }); n.String() != "3*((N + 5) div 6)" {
		t.Error(n)
	}
}
