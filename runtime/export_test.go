package runtime

// Mapped returns the bytes that a session holds outside the Go heap: arena, weights of its own,
// and its bindings with their inputs, outputs and tables.
func (s *Session) Mapped() int64 {
	n := int64(0)
	if s.arena != nil {
		n += int64(len(s.arena.Bytes()))
	}
	if s.own != nil {
		n += int64(len(s.own.Bytes()))
	}
	for b := range s.bounds {
		n += int64(len(b.memory.Bytes()))
	}
	return n
}
