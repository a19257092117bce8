package tensor

import (
	"encoding/binary"
	"fmt"
	"math"
)

// A Tensor is a dense host tensor, row-major, little-endian.
type Tensor struct {
	DType DType
	Dims  []int
	Data  []byte // len = Len() * DType.Size()
}

// New returns a tensor of zeros.
func New(t DType, dims ...int) *Tensor {
	x := &Tensor{DType: t, Dims: dims}
	x.Data = make([]byte, x.Len()*t.Size())
	return x
}

// Len returns the number of elements; 1 for rank 0.
func (x *Tensor) Len() int {
	n := 1
	for _, d := range x.Dims {
		n *= d
	}
	return n
}

// Float returns element i (row-major) as float64, whatever the dtype; 64-bit integers round.
func (x *Tensor) Float(i int) float64 {
	switch x.DType {
	case F32:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(x.Data[4*i:])))
	case F64:
		return math.Float64frombits(binary.LittleEndian.Uint64(x.Data[8*i:]))
	case U64:
		return float64(uint64(x.Int(i)))
	case BF16, F16:
		return float64(FromHalf(x.DType, binary.LittleEndian.Uint16(x.Data[2*i:])))
	}
	return float64(x.Int(i))
}

// SetFloat stores v at element i, rounded to a float dtype, truncated to an integer one.
func (x *Tensor) SetFloat(i int, v float64) {
	switch x.DType {
	case F32:
		binary.LittleEndian.PutUint32(x.Data[4*i:], math.Float32bits(float32(v)))
	case F64:
		binary.LittleEndian.PutUint64(x.Data[8*i:], math.Float64bits(v))
	case BF16, F16:
		binary.LittleEndian.PutUint16(x.Data[2*i:], ToHalf(x.DType, float32(v)))
	default:
		x.SetInt(i, int64(v))
	}
}

// Widened is x, f32 as f64.
func (x *Tensor) Widened() *Tensor {
	if x.DType != F32 {
		return x
	}
	y := New(F64, x.Dims...)
	for i := range x.Len() {
		y.SetFloat(i, x.Float(i))
	}
	return y
}

// Int returns element i as int64 (a u64 keeps its bits; a float is truncated).
func (x *Tensor) Int(i int) int64 {
	switch x.DType {
	case Bool, U8:
		return int64(x.Data[i])
	case I8:
		return int64(int8(x.Data[i]))
	case I32:
		return int64(int32(binary.LittleEndian.Uint32(x.Data[4*i:])))
	case U32:
		return int64(binary.LittleEndian.Uint32(x.Data[4*i:]))
	case I64, U64:
		return int64(binary.LittleEndian.Uint64(x.Data[8*i:]))
	}
	return int64(x.Float(i))
}

// SetInt stores v at element i, wrapped to the dtype.
func (x *Tensor) SetInt(i int, v int64) {
	switch x.DType.Size() {
	case 1:
		x.Data[i] = byte(v)
		return
	case 4:
		if x.DType != F32 {
			binary.LittleEndian.PutUint32(x.Data[4*i:], uint32(v))
			return
		}
	case 8:
		if x.DType != F64 {
			binary.LittleEndian.PutUint64(x.Data[8*i:], uint64(v))
			return
		}
	}
	x.SetFloat(i, float64(v))
}

// String prints dtype and dims: f32[2, 3].
func (x *Tensor) String() string {
	s := make(Shape, len(x.Dims))
	for i, d := range x.Dims {
		s[i] = Int(int64(d))
	}
	return Type{x.DType, s}.String()
}

// FromFloats makes a tensor of the given values.
func FromFloats(t DType, values []float64, dims ...int) *Tensor {
	x := New(t, dims...)
	if x.Len() != len(values) {
		panic(fmt.Sprintf("BUG: %d values for dims %v", len(values), dims))
	}
	for i, v := range values {
		x.SetFloat(i, v)
	}
	return x
}
