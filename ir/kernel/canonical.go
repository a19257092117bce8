package kernel

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"dlc/ir/tensor"
)

// Canonical returns a text that two kernels share exactly when one's code can serve the other:
// they differ at most in names, roles, values and spans. Buffers are named by their places in
// Ins and Outs, definitions and axes by theirs, symbols by their places in Symbols.
func Canonical(k *Kernel) string {
	symbols := map[string]string{}
	for i, n := range Symbols(k) {
		symbols[n] = "N" + strconv.Itoa(i)
	}
	names := map[string]string{}
	buffers := func(prefix string, bs []*Buffer) []*Buffer {
		out := make([]*Buffer, len(bs))
		for i, b := range bs {
			names[b.Name] = prefix + strconv.Itoa(i)
			out[i] = canonicalBuffer(b, names[b.Name], symbols)
		}
		return out
	}
	c := &Kernel{Name: "k", Ins: buffers("in", k.Ins), Outs: buffers("out", k.Outs)}
	for i, d := range k.Defs {
		if _, out := names[d.Name]; !out {
			names[d.Name] = "def" + strconv.Itoa(i)
		}
		c.Defs = append(c.Defs, canonicalDef(d, names, symbols))
	}
	return c.text((*Buffer).String, false)
}

func canonicalBuffer(b *Buffer, name string, symbols map[string]string) *Buffer {
	by := dimNames(symbols)
	c := &Buffer{Name: name, Type: tensor.Type{DType: b.Type.DType, Shape: substShape(b.Type.Shape, by)}}
	if l := b.Layout; l != nil {
		c.Layout = &Layout{Name: "layout", At: l.At, Dims: substShape(l.Dims, by)}
	}
	return c
}

func canonicalDef(d *Def, names, symbols map[string]string) *Def {
	rename := map[string]string{}
	for from, to := range symbols {
		rename[from] = to
	}
	for i, a := range d.AllAxes() {
		rename[a.Name] = "i" + strconv.Itoa(i)
	}
	c := RenameAxes(d, rename).RenameReads(names)
	c.Name = names[d.Name]
	return c
}

func dimNames(names map[string]string) map[string]tensor.Dim {
	by := map[string]tensor.Dim{}
	for from, to := range names {
		by[from] = tensor.Sym(to)
	}
	return by
}

func substShape(s tensor.Shape, by map[string]tensor.Dim) tensor.Shape {
	out := make(tensor.Shape, len(s))
	for i, d := range s {
		out[i] = d.Subst(by)
	}
	return out
}

// Hash is a digest of the canonical text, in hexadecimal digits.
func Hash(k *Kernel) string {
	sum := sha256.Sum256([]byte(Canonical(k)))
	return hex.EncodeToString(sum[:16])
}

// Equal reports whether two expressions have one text: the same operations on the same names,
// shared alike.
func Equal(a, b Expr) bool { return a == b || exprText(a) == exprText(b) }
