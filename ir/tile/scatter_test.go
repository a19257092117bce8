package tile

import (
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// scatterRows: y[v, d] = the sum of the rows of x that are sent to v: row n to 2n - 1.
func scatterRows() *kernel.Kernel {
	return &kernel.Kernel{Name: "scatter",
		Ins:  []*kernel.Buffer{buffer("x", kernel.Input, "N", "20")},
		Outs: []*kernel.Buffer{buffer("y", kernel.Output, "9", "20")},
		Defs: []*kernel.Def{{Name: "y", DType: tensor.F32, Axes: over("v", "9", "d", "20"), Expr: load("x", "n", "d"),
			Reduce: &kernel.Reduce{Op: kernel.Sum, Axes: over("n", "N"), Order: kernel.Order{Kind: kernel.Chain},
				At: []kernel.Match{{Axis: "v", Index: kernel.IndexOf(dim("2*n - 1"))}}}}}}
}

const scatterText = `tile scatter for avx2
phase grid v by 4, d by 16 vector d {
  each v by 2,1 {
    clear y
  }
  stream n by 1 {
    scatter y
  }
}
`

func TestScatterRules(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"scatter y", "scatter y", ""},
		{"    clear y\n", "    clear y\nclear y\n", "written already"},
		{"  each v by 2,1 {\n    clear y\n  }\n", "", "has not cleared it"},
		{"    scatter y\n", "", "nothing scatters to it"},
		{"    scatter y\n", "scatter y\nscatter y\n", "terms are there already"},
		{"stream n by 1", "stream n by 2,1", "has not length 1"},
		{"stream n by 1", "each n by 1", "not walked by streams"},
		{"grid v by 4, d by 16", "grid n by 1, v by 4", "more than one turn of n"},
		{"d by 16 vector d", "d by 10 vector v", "lies across the lanes"},
		{"vector d", "vector n", "may be cut short here"},
		{"each v by 2,1 {\n    clear y", "each n by 1 {\n    clear y", "may be cut short here"},
		{"    scatter y\n", "    begin y\n", "no reduction into registers"},
	} {
		_, err := Parse(edit(t, scatterText, c.from, c.to), scatterRows())
		switch {
		case c.want == "" && err != nil:
			t.Error(err)
		case c.want != "" && !broken.By(err, c.want):
			t.Errorf("%q for %q: %v, not %q", c.to, c.from, err, c.want)
		}
	}
}
