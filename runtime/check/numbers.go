package check

import (
	"encoding/binary"

	"dlc/ir/tensor"
	"dlc/runtime/program"
)

// A state is what is known of the numbers in a buffer.
type state struct {
	nans, infs int
	first      int      // place of the first NaN, or of the first infinity where there is none
	origin     *Finding // where they first appeared; nil where that was intended
}

// outside looks at a buffer that the call is given. A NaN there is somebody's mistake. An infinity
// is one in an input; a constant or a carried state may well be infinite.
func (w *watch) outside(i int) state {
	b := &w.entry.Buffers[i]
	s, _ := scan(w.call.Tensor(i))
	if b.Class == program.Input && s.nans+s.infs > 0 || b.Class == program.Stored && s.nans > 0 {
		s.origin = w.given(i, s)
	}
	return s
}

// numbers looks at the floating-point numbers that a kernel wrote. They are new where all
// that was read is finite; otherwise what was read says where they come from. A NaN that comes of
// an infinity that was intended is new as well.
func (w *watch) numbers(s *program.Launch) error {
	var read state // joined over what the kernel read
	var infinity *Finding
	for _, i := range s.Args[:s.Reads] {
		x := w.state[i]
		if x.nans > 0 && read.nans == 0 {
			read.origin = x.origin
		}
		if x.infs > 0 && infinity == nil {
			infinity = x.origin
		}
		read.nans, read.infs = read.nans+x.nans, read.infs+x.infs
	}
	var fresh []state
	for _, i := range s.Args[s.Reads : s.Reads+s.Writes] {
		x, poisoned := scan(w.call.Tensor(i))
		if poisoned {
			return &Broken{What: "memory was read before it was written or after its last use", Launch: *s}
		}
		switch {
		case x.nans+x.infs == 0:
		case read.nans > 0:
			x.origin = read.origin
		case read.infs > 0 && (x.nans == 0 || infinity != nil):
			x.origin = infinity
		case !s.Marks:
			x.origin = w.appeared(s, i, x)
		}
		fresh = append(fresh, x)
	}
	for j, i := range s.Args[s.Reads : s.Reads+s.Writes] {
		w.state[i] = fresh[j]
	}
	return nil
}

// scan counts what is not finite in a tensor of floating-point numbers, and reports whether
// poison is among it.
func scan(x *tensor.Tensor) (s state, poisoned bool) {
	s.first = -1
	see := func(i int, nan, poison bool) {
		if nan && s.nans == 0 || !nan && s.nans+s.infs == 0 {
			s.first = i
		}
		if nan {
			s.nans++
		} else {
			s.infs++
		}
		poisoned = poisoned || poison
	}
	switch x.DType {
	case tensor.F32:
		for i := range x.Len() {
			if v := binary.LittleEndian.Uint32(x.Data[4*i:]); v&exponent32 == exponent32 {
				see(i, v&fraction32 != 0, v&payload32 == poison32&payload32)
			}
		}
	case tensor.F64:
		for i := range x.Len() {
			if v := binary.LittleEndian.Uint64(x.Data[8*i:]); v&exponent64 == exponent64 {
				see(i, v&fraction64 != 0, v&payload64 == poison64&payload64)
			}
		}
	}
	return s, poisoned
}
