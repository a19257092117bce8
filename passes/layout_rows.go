package passes

import (
	"fmt"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
	"dlc/ir/tile"
)

// A GPU's matrix unit takes its operands in either orientation, but by pieces of 16 bytes: rows
// that begin elsewhere are copied to ones that do not, which costs what reading them once does.

// matrix reports whether d goes to the machine's matrix unit.
func (l *layouts) matrix(k *kernel.Kernel, d *kernel.Def) bool {
	if l.m.Pitch == 0 || d.Reduce == nil || !d.IsMatrix() {
		return false
	}
	tidied := tidy(k)
	switch d.Reduce.Order.Kind {
	case kernel.Matrix:
		_, err := tile.ContractionOf(tidied, tidied.Def(d.Name))
		return err == nil
	case kernel.Rescale:
		_, err := tile.WeightingOf(tidied, tidied.Def(d.Name))
		return err == nil
	}
	return false
}

// rows returns the contraction d reading operands whose rows begin at multiples of the machine's
// pitch.
func (l *layouts) rows(k *kernel.Kernel, d *kernel.Def) *kernel.Def {
	for _, load := range d.Loads() {
		b := k.Buffer(load.Name)
		if b == nil || k.Def(load.Name) != nil || !b.Type.DType.IsHalf() {
			continue
		}
		per := l.m.Pitch / int64(b.Type.DType.Size())
		if place, ok := kernel.Address(b, load.At); !ok || tile.Pitched(place, per) || len(load.At) == 0 {
			continue
		}
		l.opt.explain("layout", "%s: rows of %s begin at multiples of %d bytes", k.Name, b.Name, l.m.Pitch)
		d = l.reading(k, d, load, len(load.At)-1, l.copyOf(b, len(load.At)-1, l.rowsOf(per)))
	}
	return d
}

// rowsOf is row-major storage with the last axis rounded up to a multiple of per elements.
func (l *layouts) rowsOf(per int64) storage {
	return func(s tensor.Shape) *kernel.Layout {
		lay := &kernel.Layout{Name: fmt.Sprintf("rows%d", per), Dims: append(tensor.Shape{}, s...)}
		for i := range s {
			lay.At = append(lay.At, tensor.Sym(positionSymbol(i)))
		}
		last := len(s) - 1
		lay.Dims[last] = s[last].CeilDiv(per).Scale(per)
		return lay
	}
}
