package tile

import (
	"os"
	"strings"
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/rules"
	"dlc/ir/tensor"
)

// broken collects what the cases of all tests say; TestMain holds each rule of Verify to a case.
var broken rules.Broken

func TestMain(m *testing.M) {
	os.Exit(broken.Main(m, func(name string) bool { return name != "parse.go" && name != "parse_expr.go" && name != "scan.go" }))
}

// matrix: a[m, c] = the sum of products of 16-bit floats, in the order matrix.
const matrixKernel = `kernel matrix(x: input bf16[N, K], w: input bf16[K, C]) -> (y: output f32[N, C])
  a[m:N, c:C] = sum k:K matrix; f32(x[m, k]) * f32(w[k, c])
  y[m:N, c:C] = a[m, c]
`

const matrixText = `tile matrix for avx512
phase grid m by 6, c by 32 vector c {
  hold a along c
  stream k by 64 {
    pair w for a
    each m by 2,1 {
      begin a
      step a
      store a
    }
  }
  each m by 1 {
    store y
  }
}
`

const unitText = `tile matrix for sm_80
phase grid m by 64, c by 64 unit mma m by 32, c by 32 stages 2 {
  begin a
  stream k by 32 {
    step a
  }
  store y
}
`

// TestVerifyRefusesRest breaks rules that no other test does.
func TestVerifyRefusesRest(t *testing.T) {
	replaced := func(text string, pairs ...string) *kernel.Kernel {
		for i := 0; i < len(pairs); i += 2 {
			if !strings.Contains(text, pairs[i]) {
				t.Fatalf("no %q in %s", pairs[i], text)
			}
			text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
		}
		return parsed(text)
	}
	matrix := func(pairs ...string) *kernel.Kernel {
		return replaced(strings.NewReplacer("K", "100", "C", "40").Replace(matrixKernel), pairs...)
	}
	for _, c := range []struct {
		k              *kernel.Kernel
		text, from, to string
		want           string
	}{
		{matrix(), matrixText, "hold a along c", "hold a along c", ""},
		{dense(), stageText, "stage x for a", "pair x for a", "its order is not matrix"},
		{matrix(), matrixText, "pair w for a", "pair w for a\npair w for a", "it is staged already"},
		{parsed(matrixKernel), matrixText, "c by 32", "c by 32", "the range of k may be cut short"},
		{matrix("w[k, c])", "w[k, 39 - c])"), matrixText, "pair w for a", "pair w for a", "of which more than one position"},
		{matrix(), matrixText, "pair w for a", "pair x for a", "of which more than one position"},
		{replaced(matrixKernel, "K", "100"), matrixText, ", c by 32 vector c {\n  hold a along c", " vector c {", "w is not read at k and c, of known length"},
		{matrix("w: input", "id: input i32[40], w: input", "w[k, c]", "w[k, @id[c]]"), matrixText, "c by 32", "c by 32", "pair: w is read at a computed index"},
		{matrix("40", "16384"), matrixText, "grid m by 6, c by 32", "grid m by 1, c by 16384", "bytes of copies"},
		{matrix(), unitText, "unit mma", "unit mma", ""},
		{matrix(), unitText, "unit mma", "unit nma", "no such unit"},
		{matrix(), unitText, " stages 2", "", "is not `NAME"},
		{matrix(), unitText, "m by 32", "m by 24", "nothing splits m"},
		{matrix(), unitText, "unit mma m by 32, c by 32", "unit mma c by 32, m by 32", "no contraction of these indices begins"},
		{matrix("x: input bf16[N, 100]", "x: input bf16[N, 3, 100]", "x[m, k]", "x[m, e, k]", "a[m:N, c:40]", "a[m:N, e:3, c:40]", "a[m, c]", "a[m, 0, c]"), unitText, "begin a", "begin a", "e is one more index of a factor alone"},
		{matrix("w[k, c]", "w[k, 0]"), unitText, "begin a", "begin a", "both factors move with the same indices"},
		{matrix("x[m, k]", "x[m, 2*k]", "N, 100]", "N, 200]"), unitText, "begin a", "begin a", "x is contiguous along none of its indices"},
		{dense(), partialText, "grid m by 6", "grid m by 60000", "bytes are held"},
		{symbolicColumns(), partialText, ", c by 32", "", "hold a: the length of c is not constant here"},
		{dense(), partialText, "        store a\n", "        each k by 1 {\n          store a\n        }\n", "it began in another node list"},
		{parsed("kernel k(x: input f32[N, 8], id: input i32[N]) -> (y: output f32[N])\n  p[i:N, j:8] = x[i, j] * 2.0\n  y[i:N] = p[i, @id[i]]\n"), "tile k for avx2\nphase grid i by 4 vector j {\n  hold p along j\n  each i by 1 {\n    store p\n  }\n  each i by 1 {\n    store y\n  }\n}\n",
			"grid", "grid", "which is held, at a computed index"},
		{withMap(scatterRows()), scatterText, "    scatter y\n", "    each q by 1 {\n      scatter y\n    }\n", "more than one turn of q"},
		{constantRows(), scatterText, "v by 4, d by 16 vector d {\n  each v by 2,1", "v by 3, d by 10 vector e {\n  each v by 1", "its terms lie across the lanes"},
		{parsed("kernel ranks(x: input f32[N, 100]) -> (y: output i64[N, 3])\n  z[n:N, j:100] = x[n, j] * 2.0\n  y[n:N, q:3] = argsort.i64 j:100 chain; z[n, j]\n"), strings.Replace(ranksText, "n by 4", "n by 1755", 1), "  each n by 1", "  hold z along j\n  each n by 1", "bytes of the thread's memory"},
		{parsed("kernel dense(x: input f32[N, 6]) -> (y: output f32[N])\n  y[m:N] = sum k:6 chain; x[m, k] * x[m, k]\n"), "tile dense for avx2\nphase grid m by 4 vector m {\n  stage x for y\n}\n", "stage", "stage", "it is read there more than once"},
		{parsed("kernel dense(x: input f32[N, 6], id: input i32[6]) -> (y: output f32[N])\n  y[m:N] = sum k:6 chain; x[m, @id[k]]\n"), "tile dense for avx2\nphase grid m by 4 vector m {\n  stage x for y\n}\n", "stage", "stage", "x is read at a computed index"},
		{parsed("kernel dense(x: input f32[N, 6]) -> (y: output f32[N])\n  y[m:N] = sum k:6 chain; x[m, k]\n"), "tile dense for avx2\nphase grid m by 4 vector m {\n  store y\n}\n", "store", "store", "store y: it has no value here"},
		{attend(), "tile attend for avx2\nphase grid i by 1 vector j {\n  begin a\n}\n", "begin", "begin", "a chain that follows a maximum must be held"},
		{sums(), strings.Replace(strings.Replace(sumsText, "phase grid", "temp u: f32[3, (N + 3) div 4, 8]\nphase grid", 1), "  spill s -> t\n", "  spill s -> t\n  spill s -> u\n", 1), "  join s from t\n", "  join s from t\n  join s from u\n", "join s: it is alive already"},
		{sums(), sumsText, "  begin s\n  stream n by 2,1 {\n    step s\n  }\n", "", "spill s: it has no value here"},
		{dense(), partialText, "      begin a", "      begin a\n        begin a", "alive already"},
		{dense(), partialText, "        stream k by 2,1 {\n          step a\n        }\n", "", "held and not stepped"},
		{sums(), sumsText, "  begin s\n  stream n by 2,1 {\n    step s\n  }\n", "  hold s along c\n", "spill s: it is held and not stored"},
		{sums(), sumsText, "  begin s\n  stream n by 2,1 {\n    step s\n  }\n  spill s -> t\n", "  hold s along c\n  stream n by 4 {\n    begin s\n    stream n by 2,1 {\n      step s\n    }\n    store s\n    spill s -> t\n  }\n", "n is walked since it is held"},
		{dense(), denseText, "  each m by 4,1 {", "  past z\n  each m by 4,1 {", "past z: there is no such output"},
		{parsed("kernel matrix(x: input f32[N, 100], w: input f32[100, 40]) -> (y: output f32[N, 40])\n  a[m:N, c:40] = sum k:100 chain; (x[m, k] + 1.0) * w[k, c]\n  y[m:N, c:40] = a[m, c]\n"), unitText, "begin a", "begin a", "a factor is no load"},
		{rows(), rowsText, "    begin m", "    hold m along n\n    begin m", "a reduction by lanes64 is not held"},
		{scatterRows(), scatterText, "clear y", "clear x", "it is no reduction with matches"},
	} {
		_, err := Parse(edit(t, c.text, c.from, c.to), c.k)
		if c.want == "" && err == nil {
			continue
		}
		if c.want == "" || !broken.By(err, c.want) {
			t.Errorf("%q for %q: %v, not %q", c.to, c.from, err, c.want)
		}
	}
}

// withMap adds a map over an index of its own.
func withMap(k *kernel.Kernel) *kernel.Kernel {
	k.Defs = append(k.Defs, &kernel.Def{Name: "z", DType: tensor.F32, Axes: over("q", "5"), Expr: kernel.F(tensor.F32, 1)})
	return k
}

// constantRows are scatterRows with four terms, and an index that moves nothing.
func constantRows() *kernel.Kernel {
	k := scatterRows()
	k.Defs[0].Reduce.Axes = over("n", "4", "e", "1")
	k.Ins[0].Type.Shape[0] = dim("4")
	return k
}

// A stray is a node that no one knows.
type stray struct{}

func (stray) node() {}

// TestVerifyRefusesNodes breaks what no text can.
func TestVerifyRefusesNodes(t *testing.T) {
	for want, spoil := range map[string]func(p *Program){
		"no node tile.stray":          func(p *Program) { p.Phases[0].Body[0] = stray{} },
		"a loop over m has no length": func(p *Program) { p.Phases[0].Body[0].(*Loop).Split.By = nil },
	} {
		p, err := Parse(denseText, dense())
		if err != nil {
			t.Fatal(err)
		}
		spoil(p)
		if err := Verify(p); !broken.By(err, want) {
			t.Errorf("%v, not %q", err, want)
		}
	}
}
