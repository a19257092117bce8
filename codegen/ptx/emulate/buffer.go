package emulate

import "slices"

// Buffer is global memory of a launch. Run writes results into Data.
type Buffer struct {
	Name     string
	Data     []byte
	ReadOnly bool // writing to it is an error
	Blank    bool // Data is no initial value: reading what no launch has written is an error

	written []bool // bytes of a blank buffer that launches have written
}

// Written counts the bytes of a blank buffer that launches have written.
func (b *Buffer) Written() int {
	n := 0
	for _, yes := range b.written {
		if yes {
			n++
		}
	}
	return n
}

// Clone copies a buffer and what is known to be written of it.
func (b *Buffer) Clone() *Buffer {
	c := *b
	c.Data, c.written = slices.Clone(b.Data), slices.Clone(b.written)
	return &c
}

// fill marks the cells of what earlier launches have written.
func (b *Buffer) fill(r *region) {
	for i, yes := range b.written {
		if c := r.cells.of(uint64(i)); yes && i%4 == 0 && i+4 <= len(b.written) && !slices.Contains(b.written[i:i+4], false) {
			c.flags |= filled
		} else if yes && c.flags&filled == 0 {
			c.byte(i % 4).flags |= filled
		}
	}
}

// note takes over what the launch has written.
func (b *Buffer) note(r *region) {
	if b.written == nil {
		b.written = make([]bool, len(b.Data))
	}
	for i := range b.written {
		if r.cells.pages[i/4/pageCells] == nil {
			continue
		}
		c := r.cells.of(uint64(i))
		if c.rest != nil && c.rest.bytes != nil {
			c = &c.rest.bytes[i%4]
		}
		b.written[i] = b.written[i] || c.w != nil
	}
}
