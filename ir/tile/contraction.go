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

// A Factor is one operand: its Load, and how many elements apart neighbours of its own index
// (M or N) and of K lie.
type Factor struct {
	Load       *kernel.Load
	Buffer     *kernel.Buffer
	Linear     tensor.Dim // place of the element, over all indices
	Own, Along tensor.Dim
}

// ContractionOf classifies a definition, or says why it is none that a matrix unit can take: a
// plain product of two casts of row-major loads at one reduced index without conditions, each
// contiguous along one of its two indices.
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
		cast, ok := x.(*kernel.Call)
		if !ok || cast.Fn != "cast" {
			return fail("a factor is no cast")
		}
		l, ok := cast.Args[0].(*kernel.Load)
		if !ok {
			return fail("a factor is no cast of a load")
		}
		f := Factor{Load: l, Buffer: k.Buffer(l.Name)}
		if f.Buffer == nil {
			return fail(l.Name + " is no buffer")
		}
		for _, at := range l.At {
			if _, plain := at.(*kernel.Index); !plain {
				return fail(l.Name + " is read at a computed index")
			}
		}
		f.Linear, _ = kernel.Address(f.Buffer, l.At)
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

// Batches lists the other kept indices that the operand moves with.
func (f *Factor) Batches(c *Contraction, d *kernel.Def) (names []string) {
	for _, a := range d.Axes {
		if a.Name != c.M && a.Name != c.N && f.Linear.Uses(a.Name) {
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
		var ok1, ok2 bool
		f.Own, _, ok1 = f.Linear.Linear(f.own)
		f.Along, _, ok2 = f.Linear.Linear(c.K)
		if !ok1 || !ok2 || f.Own.Uses(c.K) || !f.Own.IsConst(1) && !f.Along.IsConst(1) {
			return fmt.Errorf("%s: %s is contiguous along none of its indices", d.Name, f.Load.Name)
		}
	}
	return nil
}
