package emulate

import (
	"fmt"
	"slices"
)

// TensorMap says how a bulk tensor copy finds a box of a tensor in global memory: what the driver's
// cuTensorMapEncodeTiled takes. Lists begin with the innermost dimension.
type TensorMap struct {
	Buffer  *Buffer
	Offset  int   // of element 0, in bytes
	Size    int   // of an element, in bytes: 1, 2, 4 or 8
	Dims    []int // extents in elements, 1 to 5 of them
	Strides []int // in bytes, of all dimensions but the innermost
	Box     []int // extents of the box that a copy moves, in elements
	Steps   []int // element strides; nil for all 1
	Swizzle int   // 0, 32, 64 or 128 bytes

	at uint64 // address of element 0
}

const (
	tensorMapBytes = 128
	tensorMapAlign = 64
)

// tensor takes over a tensor map that is passed as a parameter.
func (r *run) tensor(m *TensorMap, v *variable) error {
	if v.bytes != tensorMapBytes || v.align%tensorMapAlign != 0 {
		return fmt.Errorf("parameter %s has %d bytes aligned to %d, a tensor map has %d aligned to %d", v.name, v.bytes, v.align, tensorMapBytes, tensorMapAlign)
	}
	if err := m.check(); err != nil {
		return fmt.Errorf("tensor map: %w", err)
	}
	at, err := r.buffer(m.Buffer)
	if err != nil {
		return err
	}
	own := *m
	own.at = at + uint64(m.Offset)
	if own.Steps == nil {
		own.Steps = slices.Repeat([]int{1}, len(m.Dims))
	}
	r.tensors[v.at] = &own
	return nil
}

// check holds the map against what the driver demands of it.
func (m *TensorMap) check() error {
	rank := len(m.Dims)
	switch {
	case rank < 1 || rank > 5:
		return fmt.Errorf("rank %d", rank)
	case !slices.Contains([]int{1, 2, 4, 8}, m.Size):
		return fmt.Errorf("elements of %d bytes", m.Size)
	case len(m.Strides) != rank-1 || len(m.Box) != rank || m.Steps != nil && len(m.Steps) != rank:
		return fmt.Errorf("strides, box or steps do not fit rank %d", rank)
	case !slices.Contains([]int{0, 32, 64, 128}, m.Swizzle):
		return fmt.Errorf("swizzle of %d bytes", m.Swizzle)
	case m.Offset%16 != 0:
		return fmt.Errorf("address is not a multiple of 16")
	case m.Box[0]*m.Size%16 != 0:
		return fmt.Errorf("the box's innermost extent has %d bytes, not a multiple of 16", m.Box[0]*m.Size)
	case m.Swizzle != 0 && m.Box[0]*m.Size > m.Swizzle:
		return fmt.Errorf("the box's innermost extent has %d bytes, more than the swizzle of %d", m.Box[0]*m.Size, m.Swizzle)
	case m.Swizzle != 0 && m.Box[0]*m.Size != m.Swizzle:
		return fmt.Errorf("a box narrower than its swizzle is not known")
	}
	for i := range rank {
		switch {
		case m.Dims[i] < 1:
			return fmt.Errorf("extent %d", m.Dims[i])
		case m.Box[i] < 1 || m.Box[i] > 256:
			return fmt.Errorf("box extent %d, 1 to 256 are possible", m.Box[i])
		case m.Steps != nil && (m.Steps[i] < 1 || m.Steps[i] > 8 || i == 0 && m.Steps[i] != 1):
			return fmt.Errorf("element stride %d", m.Steps[i])
		case i > 0 && (m.Strides[i-1]%16 != 0 || m.Strides[i-1] <= 0):
			return fmt.Errorf("stride %d is not a multiple of 16", m.Strides[i-1])
		}
	}
	return nil
}

// boxBytes is what one copy moves, outside of the tensor or not.
func (m *TensorMap) boxBytes() int {
	n := m.Size
	for i, b := range m.Box {
		n *= (b + m.Steps[i] - 1) / m.Steps[i]
	}
	return n
}

// rows calls f for each innermost row of the box at the given corner: its offset in the box, the global
// address of its first element inside the tensor, and the range [low,high) of its elements inside.
func (m *TensorMap) rows(corner []int, f func(off int, addr uint64, low, high int) bool) {
	counts := make([]int, len(m.Box))
	total := 1
	for i, b := range m.Box {
		counts[i] = (b + m.Steps[i] - 1) / m.Steps[i]
		if i > 0 {
			total *= counts[i]
		}
	}
	for row := range total {
		addr, inside, rest := m.at, true, row
		for i := 1; i < len(counts); i++ {
			c := corner[i] + rest%counts[i]*m.Steps[i]
			rest /= counts[i]
			inside = inside && c >= 0 && c < m.Dims[i]
			addr += uint64(c * m.Strides[i-1])
		}
		low, high := max(0, -corner[0]), min(counts[0], m.Dims[0]-corner[0])
		if !inside || high <= low {
			low, high = 0, 0
		}
		if !f(row*counts[0]*m.Size, addr+uint64((corner[0]+low)*m.Size), low, high) {
			return
		}
	}
}
