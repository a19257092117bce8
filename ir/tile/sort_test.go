package tile

import (
	"testing"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// ranks: y[n, q] = where the qth of a row's terms stands.
func ranks(terms string, t tensor.DType) *kernel.Kernel {
	x, y := buffer("x", kernel.Input, "N", terms), buffer("y", kernel.Output, "N", "3")
	x.Type.DType, y.Type.DType = t, tensor.I64
	return &kernel.Kernel{Name: "ranks", Ins: []*kernel.Buffer{x}, Outs: []*kernel.Buffer{y},
		Defs: []*kernel.Def{{Name: "y", DType: tensor.I64, Axes: over("n", "N", "q", "3"), Reduce: reduce(kernel.ArgSort, kernel.Order{Kind: kernel.Chain}, "j", terms),
			Expr: &kernel.Load{Name: "x", DType: t, At: []kernel.Expr{kernel.At("n"), kernel.At("j")}}}}}
}

const (
	ranksText = `tile ranks for avx2
phase grid n by 4 vector j {
  each n by 1 {
    sort y
  }
}
`
	ranksOutside = `tile ranks for avx2
temp t: u64[(N + 3) div 4, 120128]
phase grid n by 4 vector j {
  each n by 1 {
    sort y in t
  }
}
`
)

func TestSortRules(t *testing.T) {
	short := func() *kernel.Kernel { return ranks("20", tensor.F32) }
	long := func() *kernel.Kernel {
		k := ranks("60000", tensor.F32)
		k.Outs[0].Type.Shape[1] = dim("60000")
		k.Defs[0].Axes[1].Extent = dim("60000")
		return k
	}
	for _, c := range []struct {
		k              func() *kernel.Kernel
		text, from, to string
		want           string
	}{
		{short, ranksText, "sort y", "sort y", ""},
		{long, ranksOutside, "sort y", "sort y", ""},
		{long, ranksOutside, "sort y in t", "sort y", "may be too many"},
		{short, ranksText, "sort y", "sort y in t", "is no temp"},
		{long, ranksOutside, "120128", "120000", "is no temp"},
		{short, ranksText, "sort y", "sort y\nsort y", "stored already"},
		{short, ranksText, "sort y", "sort x", "no argsort"},
		{short, ranksText, "sort y", "begin y", "no reduction into registers"},
		{short, ranksText, "vector j", "vector n", "across the lanes"},
		{short, ranksText, "each n by 1", "each n by 2,1", "has not length 1"},
		{short, ranksText, "each n by 1 {", "each q by 1 {", "has not length 1"},
		{short, ranksText, "sort y", "each j by 1 {\nsort y\n}", "j is not whole"},
		{func() *kernel.Kernel { return ranks("20", tensor.F64) }, ranksText, "sort y", "sort y", "up to 32 bits"},
	} {
		_, err := Parse(edit(t, c.text, c.from, c.to), c.k())
		switch {
		case c.want == "" && err != nil:
			t.Error(err)
		case c.want != "" && !broken.By(err, c.want):
			t.Errorf("%q for %q: %v, not %q", c.to, c.from, err, c.want)
		}
	}
}
