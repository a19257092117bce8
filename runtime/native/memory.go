package native

import (
	"fmt"
	"os"
	"unsafe"
)

// hugePage is the alignment and the granule of transparent huge pages on the machines served.
const hugePage = 2 << 20

// Memory is a stretch of zeroed memory outside the Go heap with an unmapped guard page on either
// side, so that a stray native access is a fault and not a corruption. Its start is aligned to a
// page, and to a huge page when it is large.
type Memory struct {
	reserved []byte // guards included
	pages    []byte // whole pages between the guards
	bytes    []byte // what was asked for
}

// Map returns n bytes of new memory.
func Map(n int64) (*Memory, error) {
	page := int64(os.Getpagesize())
	if n < 0 || n > 1<<46 {
		return nil, fmt.Errorf("map %d bytes of memory: out of range", n)
	}
	size := max(page, (n+page-1)/page*page)
	align := page
	if size >= 2*hugePage {
		align = hugePage
	}
	reserved, err := reserve(size + page + align)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes of memory: %w", n, err)
	}
	start := (address(reserved)+uintptr(page)+uintptr(align)-1)&^uintptr(align-1) - address(reserved)
	m := &Memory{reserved: reserved, pages: reserved[start : int64(start)+size : int64(start)+size]}
	m.bytes = m.pages[:n:n]
	if err := protect(m.pages, readWrite); err != nil {
		release(reserved)
		return nil, fmt.Errorf("map %d bytes of memory: %w", n, err)
	}
	if align == hugePage {
		adviseHuge(m.pages)
	}
	return m, nil
}

// Bytes returns the memory; it must not be used after Close.
func (m *Memory) Bytes() []byte { return m.bytes }

// ReadOnly makes every later store into the memory a fault.
func (m *Memory) ReadOnly() error { return protect(m.pages, readOnly) }

// Close unmaps the memory. A second call does nothing.
func (m *Memory) Close() error {
	if m == nil || m.reserved == nil {
		return nil
	}
	err := release(m.reserved)
	m.reserved, m.pages, m.bytes = nil, nil, nil
	return err
}

// address returns where b lies; for memory that the Go heap cannot move.
func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }
