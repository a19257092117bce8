package check

import (
	"fmt"

	"dlc/ir/tensor"
)

// Promote returns the dtype in which an arithmetic operator joins two tensors: the same family's
// wider one; signed with unsigned the smallest signed type that holds both; an integer with a
// float only where every value is exact.
func Promote(a, b tensor.DType) (tensor.DType, error) {
	if a == b && a != tensor.Bool {
		return a, nil
	}
	switch {
	case a == tensor.Bool || b == tensor.Bool:
		return 0, fmt.Errorf("bool is no number")
	case a.IsFloat() && b.IsFloat():
		return wider(a, b), nil
	case a.IsFloat():
		return joinFloat(b, a)
	case b.IsFloat():
		return joinFloat(a, b)
	case a.IsSigned() == b.IsSigned():
		return wider(a, b), nil
	case a.IsSigned():
		return joinSigned(a, b)
	}
	return joinSigned(b, a)
}

func wider(a, b tensor.DType) tensor.DType {
	if a.Size() > b.Size() {
		return a
	}
	return b
}

func joinFloat(i, f tensor.DType) (tensor.DType, error) {
	if i.Size() == 1 || i.Size() == 4 && f == tensor.F64 {
		return f, nil
	}
	return 0, fmt.Errorf("%s has values that %s cannot hold", i, f)
}

func joinSigned(signed, unsigned tensor.DType) (tensor.DType, error) {
	need := map[tensor.DType]tensor.DType{tensor.U8: tensor.I32, tensor.U32: tensor.I64}
	t, ok := need[unsigned]
	if !ok {
		return 0, fmt.Errorf("no signed type holds every %s", unsigned)
	}
	return wider(t, signed), nil
}

// Fits reports whether the whole number v is a value of an integer type.
func Fits(v int64, t tensor.DType) bool {
	switch t {
	case tensor.U8:
		return v >= 0 && v < 1<<8
	case tensor.I8:
		return v >= -1<<7 && v < 1<<7
	case tensor.I32:
		return v >= -1<<31 && v < 1<<31
	case tensor.U32:
		return v >= 0 && v < 1<<32
	case tensor.U64:
		return v >= 0
	}
	return true
}
