// Package tensor owns what a tensor is: element types, symbolic dims, shapes and
// host tensors. It knows nothing of graphs, kernels or machines.
package tensor

import "fmt"

// DType is an element type.
type DType uint8

// The element types. A bool is stored as one byte, 0 or 1.
const (
	Invalid DType = iota
	Bool
	U8
	I8
	I32
	I64
	U32
	U64
	F32
	F64
	BF16
	F16
)

var dtypes = [...]struct {
	name string
	size int
}{Invalid: {"invalid", 0}, Bool: {"bool", 1}, U8: {"u8", 1}, I8: {"i8", 1}, I32: {"i32", 4}, I64: {"i64", 8},
	U32: {"u32", 4}, U64: {"u64", 8}, F32: {"f32", 4}, F64: {"f64", 8}, BF16: {"bf16", 2}, F16: {"f16", 2}}

// String returns the name used in every text: f32, i64, bool.
func (t DType) String() string { return dtypes[t].name }

// Size returns the bytes of one element.
func (t DType) Size() int { return dtypes[t].size }

// IsFloat reports whether t is a floating-point type that is computed in.
func (t DType) IsFloat() bool { return t == F32 || t == F64 }

// IsInt reports whether t is an integer type. A bool is none.
func (t DType) IsInt() bool { return t >= U8 && t <= U64 }

// IsSigned reports whether t is a signed integer type.
func (t DType) IsSigned() bool { return t == I8 || t == I32 || t == I64 }

// ParseDType returns the type of that name that programs compute in.
func ParseDType(name string) (DType, error) {
	if t, err := ParseStored(name); err != nil || !t.IsHalf() {
		return t, err
	}
	return Invalid, fmt.Errorf("unknown dtype %q", name)
}

// ParseStored returns the type of that name, 16-bit floats included.
func ParseStored(name string) (DType, error) {
	for t := Bool; int(t) < len(dtypes); t++ {
		if dtypes[t].name == name {
			return t, nil
		}
	}
	return Invalid, fmt.Errorf("unknown dtype %q", name)
}

// MarshalText and UnmarshalText make a DType its name in JSON.
func (t DType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads a name that MarshalText wrote.
func (t *DType) UnmarshalText(b []byte) (err error) {
	*t, err = ParseStored(string(b))
	return err
}
