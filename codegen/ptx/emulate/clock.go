package emulate

// vector is an immutable vector clock of a unit: for every thread (and every mbarrier, as the agent that
// completes asynchronous copies) how much of what it did is ordered before now. Threads share vectors, so
// they are compared by address first; nil is all zeros. A thread's own component is not kept in its vector.
type vector []uint32

func same(a, b vector) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

func (v vector) at(i int) uint32 {
	if v == nil {
		return 0
	}
	return v[i]
}

// below tells whether b covers a.
func below(a, b vector) bool {
	if a == nil || same(a, b) {
		return true
	}
	if b == nil {
		return false
	}
	for i, c := range a {
		if c > b[i] {
			return false
		}
	}
	return true
}

// joined gives the vector that covers both.
func joined(a, b vector) vector {
	if below(b, a) {
		return a
	}
	if below(a, b) {
		return b
	}
	out := append(vector(nil), a...)
	out.raise(b)
	return out
}

func (v vector) raise(by vector) {
	for i, c := range by {
		if c > v[i] {
			v[i] = c
		}
	}
}

// handoff collects what threads release at a synchronization point, for others to acquire: what they have
// seen, and what of it passed a proxy fence.
type handoff struct {
	seen, fenced         vector
	lastSeen, lastFenced vector // merged last, by address
	unit                 int    // of handoffs in global memory
}

// release adds what a lane has done and seen so far. The caller advances the warp's clock afterwards.
func (h *handoff) release(w *warp, lane int) {
	if h.seen == nil {
		h.seen, h.fenced = w.u.newVector(), w.u.newVector()
	}
	if v := w.seen[lane]; v != nil && !same(v, h.lastSeen) {
		h.seen.raise(v)
		h.lastSeen = v
	}
	if v := w.fenced[lane]; v != nil && !same(v, h.lastFenced) {
		h.fenced.raise(v)
		h.lastFenced = v
	}
	h.seen[w.base+lane] = max(h.seen[w.base+lane], w.clock)
}

// acquire orders everything in the handoff before what the lanes do from now on. The handoff's vectors
// become shared: it must not be released into again.
func (w *warp) acquire(m uint32, seen, fenced vector) {
	var fromS, toS, fromF, toF vector
	for i, first := 0, true; i < 32; i++ {
		if m>>i&1 == 0 {
			continue
		}
		if first || !same(w.seen[i], fromS) {
			fromS, toS = w.seen[i], joined(w.seen[i], seen)
		}
		if first || !same(w.fenced[i], fromF) {
			fromF, toF = w.fenced[i], joined(w.fenced[i], fenced)
		}
		w.seen[i], w.fenced[i], first = toS, toF, false
	}
}

// fence makes everything that the lanes have done or seen visible to the asynchronous proxy, for whoever
// is ordered after them.
func (w *warp) fence(m uint32) {
	for i := 0; i < 32; i++ {
		if m>>i&1 == 0 {
			continue
		}
		v := w.u.newVector()
		v.raise(w.seen[i])
		v.raise(w.fenced[i])
		v[w.base+i] = w.clock
		w.fenced[i] = v
	}
	w.clock++
}
