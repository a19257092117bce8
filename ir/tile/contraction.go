package tile

import (
	"fmt"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// A Contraction is a sum of products of two loads, classified: A moves with the index M, B with
// N, both with the reduced index K; each by a constant number of elements or a Dim over symbols.
// Other kept indices, of which both may depend, number independent products.
type Contraction struct {
	M, N, K string
	A, B    Factor
}

// A Factor is one operand: its Load, its own index (M or N), and how many elements apart neighbours of
// that and of K lie.
type Factor struct {
	Load       *kernel.Load
	Index      string
	Buffer     *kernel.Buffer
	Linear     tensor.Dim // place of the element, over all indices
	Own, Along tensor.Dim
}

// ContractionOf classifies a definition, or says why it is none that a matrix unit can take: a
// plain product of two loads, or casts of such, at one reduced index without conditions, each contiguous
// along one of its two indices.
func ContractionOf(k *kernel.Kernel, d *kernel.Def) (*Contraction, error) {
	fail := func(why string) (*Contraction, error) { return nil, fmt.Errorf("%s: %s", d.Name, why) }
	r := d.Reduce
	if r == nil || r.Op != kernel.Sum || len(r.Axes) != 1 || len(r.When) > 0 {
		return fail("no plain sum over one index")
	}
	product, ok := d.Expr.(*kernel.Call)
	if !ok || product.Fn != "mul" {
		return fail("no sum of products")
	}
	c := &Contraction{K: r.Axes[0].Name}
	for i, x := range product.Args {
		f, err := factorOf(k, x)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.Name, err)
		}
		if i == 0 {
			c.A = f
		} else {
			c.B = f
		}
	}
	if c.A.Load.DType != c.B.Load.DType {
		return fail("factors of two types")
	}
	return c, c.classify(d)
}

// factorOf reads a factor: a plain load, or a cast of one of 16 bits.
func factorOf(k *kernel.Kernel, x kernel.Expr) (f Factor, err error) {
	l, ok := kernel.Widened(x).(*kernel.Load)
	if !ok {
		return f, fmt.Errorf("a factor is no load")
	}
	f = Factor{Load: l, Buffer: k.Buffer(l.Name)}
	if f.Buffer == nil {
		return f, fmt.Errorf("%s is no buffer", l.Name)
	}
	for _, at := range l.At {
		if _, plain := at.(*kernel.Index); !plain {
			return f, fmt.Errorf("%s is read at a computed index", l.Name)
		}
	}
	f.Linear, _ = kernel.Address(f.Buffer, l.At)
	return f, nil
}

// strides finds how far apart neighbours lie; one of the two distances must be an element.
func (f *Factor) strides(own, along string) error {
	var ok1, ok2 bool
	f.Index = own
	f.Own, _, ok1 = f.Linear.Linear(own)
	f.Along, _, ok2 = f.Linear.Linear(along)
	if !ok1 || !ok2 || f.Own.Uses(along) || !f.Own.IsConst(1) && !f.Along.IsConst(1) {
		return fmt.Errorf("%s is contiguous along none of its indices", f.Load.Name)
	}
	return nil
}

// Batches lists the other kept indices of d that the operand moves with.
func (f *Factor) Batches(d *kernel.Def) (names []string) {
	for _, a := range d.Axes {
		if a.Name != f.Index && f.Linear.Uses(a.Name) {
			names = append(names, a.Name)
		}
	}
	return names
}

// classify finds M and N: the last kept index that one factor alone moves with.
func (c *Contraction) classify(d *kernel.Def) error {
	for _, a := range d.Axes {
		inA, inB := c.A.Linear.Uses(a.Name), c.B.Linear.Uses(a.Name)
		switch {
		case inA && !inB && c.M == "":
			c.M = a.Name
		case inB && !inA && c.N == "":
			c.N = a.Name
		case inA != inB:
			return fmt.Errorf("%s: %s is one more index of a factor alone", d.Name, a.Name)
		}
	}
	if c.M == "" || c.N == "" {
		return fmt.Errorf("%s: both factors move with the same indices", d.Name)
	}
	if place(d.Axes, c.M) > place(d.Axes, c.N) {
		c.M, c.N, c.A, c.B = c.N, c.M, c.B, c.A
	}
	for _, f := range []struct {
		*Factor
		own string
	}{{&c.A, c.M}, {&c.B, c.N}} {
		if err := f.strides(f.own, c.K); err != nil {
			return fmt.Errorf("%s: %w", d.Name, err)
		}
	}
	return nil
}

// A Weighting is a sum of products of 16-bit floats of which one factor, A, is made where it is needed,
// over the indices M and K; B moves with N and K. All others are batches.
type Weighting struct {
	M, N, K string
	A       kernel.Expr
	Place   int // of A in the product
	B       Factor
}

// WeightingOf classifies a definition, or says why it is none.
func WeightingOf(k *kernel.Kernel, d *kernel.Def) (*Weighting, error) {
	if d.Reduce == nil || len(d.Reduce.Axes) != 1 || !d.IsMatrix() {
		return nil, fmt.Errorf("%s: no sum of products of 16-bit floats over one index", d.Name)
	}
	w := &Weighting{K: d.Reduce.Axes[0].Name}
	args := d.Expr.(*kernel.Call).Args
	for i, x := range args {
		f, err := factorOf(k, x)
		if err != nil {
			continue
		}
		w.A, w.Place, w.B = args[1-i].(*kernel.Call).Args[0], 1-i, f
		inA := map[string]bool{}
		kernel.Walk(w.A, func(e kernel.Expr) bool {
			if x, ok := e.(*kernel.Index); ok {
				x.Dim.Symbols(inA)
			}
			return true
		})
		w.M, w.N = "", ""
		for _, a := range d.Axes {
			switch inB := f.Linear.Uses(a.Name); {
			case inB && !inA[a.Name] && w.N == "":
				w.N = a.Name
			case !inB && inA[a.Name] && w.M == "":
				w.M = a.Name
			case inB != inA[a.Name]:
				return nil, fmt.Errorf("%s: %s is one more index of a factor alone", d.Name, a.Name)
			}
		}
		if w.M != "" && w.N != "" {
			return w, w.B.strides(w.N, w.K)
		}
	}
	return nil, fmt.Errorf("%s: no factor is an operand in memory", d.Name)
}

// Pitched reports whether a place moves by multiples of per elements along every index but one
// that it moves with element by element.
func Pitched(place tensor.Dim, per int64) bool {
	ok, along := true, ""
	place.Terms(func(coef int64, factors []tensor.Factor) {
		switch {
		case coef%per == 0:
		case coef == 1 && len(factors) == 1 && factors[0].Den == 0 && (along == "" || along == factors[0].Name):
			along = factors[0].Name
		default:
			ok = false
		}
	})
	return ok
}
