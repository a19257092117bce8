package check

import (
	"bytes"
	"encoding/binary"

	"dlc/ir/tensor"
	"dlc/runtime/program"
)

// What IEEE 754 numbers are made of. A payload is the fraction without the bit that tells a
// quiet NaN from a signalling one, which arithmetic sets.
const (
	exponent32 = 0x7F800000
	fraction32 = 0x007FFFFF
	payload32  = 0x003FFFFF
	exponent64 = 0x7FF0000000000000
	fraction64 = 0x000FFFFFFFFFFFFF
	payload64  = 0x0007FFFFFFFFFFFF
)

// Memory that holds nothing is full of signalling NaNs with a payload of their own, which
// arithmetic on them keeps, or of large integers.
const (
	poison32 = 0x7FA5A5A5
	poison64 = 0x7FF4A5A5A5A5A5A5
	poisoned = 0xA5A5A5A5A5A5A5A5
)

// pattern returns the eight bytes that poison for a dtype repeats.
func pattern(t tensor.DType) (p [8]byte) {
	switch t {
	case tensor.F32:
		binary.LittleEndian.PutUint64(p[:], poison32<<32|poison32)
	case tensor.F64:
		binary.LittleEndian.PutUint64(p[:], poison64)
	default:
		binary.LittleEndian.PutUint64(p[:], poisoned)
	}
	return p
}

// poison fills memory, whose length is a multiple of no more than an element.
func poison(memory []byte, t tensor.DType) {
	p := pattern(t)
	for n := copy(memory, p[:]); n < len(memory); n *= 2 {
		copy(memory[n:], memory[:n])
	}
}

// intact reports whether the space behind an arena buffer is as poison left it.
func intact(memory []byte, t tensor.DType) bool {
	p := pattern(t)
	var want [program.Alignment + 8]byte
	poison(want[:], t)
	end := len(memory) - program.Alignment
	skip := end % len(p)
	return bytes.Equal(memory[end:], want[skip:skip+program.Alignment])
}
