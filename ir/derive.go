package ir

import (
	"fmt"

	"dlc/ir/tensor"
)

// What the Grad methods write gradients with.

// Refuse records that a gradient was asked for that an op does not have.
func (b *Builder) Refuse(format string, args ...any) {
	if b.Err == nil {
		b.Err = fmt.Errorf(format, args...)
	}
}

// fill is the value v everywhere.
func (b *Builder) fill(t tensor.Type, v float64) *Value { return b.Add(FullOf(t, v)) }

func (b *Builder) unary(fn string, x *Value) *Value { return b.Add(Unary{fn}, x) }

func (b *Builder) binary(fn string, x, y *Value) *Value { return b.Add(Binary{fn}, x, y) }

func (b *Builder) mul(x, y *Value) *Value { return b.Add(Binary{"mul"}, x, y) }

// scale is x times a constant.
func (b *Builder) scale(x *Value, v float64) *Value { return b.mul(x, b.fill(x.Type, v)) }

// plus is x plus a constant.
func (b *Builder) plus(x *Value, v float64) *Value { return b.binary("add", x, b.fill(x.Type, v)) }

// where is x where c holds, else y.
func (b *Builder) where(c, x, y *Value) *Value { return b.Add(Select{}, c, x, y) }

// keep is x where c holds, else 0.
func (b *Builder) keep(c, x *Value) *Value { return b.where(c, x, b.fill(x.Type, 0)) }

// compare compares x with a constant.
func (b *Builder) compare(fn string, x *Value, v float64) *Value {
	return b.Add(Compare{fn}, x, b.fill(x.Type, v))
}

// everywhere returns the value that v has at every element, when that is known.
func everywhere(v *Value) (float64, bool) {
	for v.Node != nil {
		switch op := v.Node.Op.(type) {
		case Full:
			if op.Type.DType.IsFloat() {
				return op.Float, true
			}
			return float64(op.Int), true
		case Const:
			if op.Value.Len() != 1 {
				return 0, false
			}
			return op.Value.Float(0), true
		case Broadcast, Reshape:
			v = v.Node.In[0]
		default:
			return 0, false
		}
	}
	return 0, false
}
