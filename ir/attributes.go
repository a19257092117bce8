package ir

import (
	"reflect"
	"strings"
	"unicode"

	"dlc/ir/tensor"
)

// The attributes of an op are its exported fields. This file reads and rewrites them by
// reflection, so that no other place lists the fields of any op.

// An attribute is one field of an op.
type attribute struct {
	name  string // pad_lo
	value reflect.Value
}

// attributes returns the fields of an op in order, but for those that hold functions.
func attributes(o Op) []attribute {
	return fields(reflect.ValueOf(o))
}

func fields(v reflect.Value) []attribute {
	var list []attribute
	for i := range v.NumField() {
		if v.Field(i).Type() != reflect.TypeFor[*Func]() {
			list = append(list, attribute{snakeCase(v.Type().Field(i).Name), v.Field(i)})
		}
	}
	return list
}

// snakeCase turns PadLo into pad_lo and DType into dtype.
func snakeCase(s string) string {
	var b strings.Builder
	lower := false
	for _, c := range s {
		if unicode.IsUpper(c) && lower {
			b.WriteByte('_')
		}
		lower = !unicode.IsUpper(c)
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

// MapAttributes returns the op with every dtype and every dim of its attributes replaced, those of its
// regions as well. A constant of f32 of which
// f64 is made is converted.
func MapAttributes(o Op, dtype func(tensor.DType) tensor.DType, dim func(tensor.Dim) tensor.Dim) Op {
	v := reflect.New(reflect.TypeOf(o)).Elem()
	v.Set(reflect.ValueOf(o))
	shape := func(s tensor.Shape) tensor.Shape {
		if s == nil {
			return nil
		}
		out := make(tensor.Shape, len(s))
		for i, d := range s {
			out[i] = dim(d)
		}
		return out
	}
	for _, a := range fields(v) {
		switch x := a.value.Interface().(type) {
		case tensor.DType:
			a.value.Set(reflect.ValueOf(dtype(x)))
		case tensor.Dim:
			a.value.Set(reflect.ValueOf(dim(x)))
		case tensor.Shape:
			a.value.Set(reflect.ValueOf(shape(x)))
		case tensor.Type:
			a.value.Set(reflect.ValueOf(tensor.Type{DType: dtype(x.DType), Shape: shape(x.Shape)}))
		case *tensor.Tensor:
			if x != nil && x.DType == tensor.F32 && dtype(x.DType) == tensor.F64 {
				a.value.Set(reflect.ValueOf(x.Widened()))
			}
		}
	}
	for _, r := range regionFields(v) {
		f, _ := r.value.Interface().(*Func)
		if f == nil {
			continue
		}
		r.value.Set(reflect.ValueOf(f.copied(func(t tensor.Type) tensor.Type {
			return tensor.Type{DType: dtype(t.DType), Shape: shape(t.Shape)}
		}, func(o Op) Op { return MapAttributes(o, dtype, dim) })))
	}
	return v.Interface().(Op)
}
