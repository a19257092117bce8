package emulate

import (
	"maps"
	"slices"
)

// What must not be left open when a thread or a block ends.

func (w *warp) atEnd() {
	for l := range w.copies {
		for _, a := range w.copies[l].list {
			if a != nil && a.pending && w.u.failure == nil {
				w.u.failure = &Fault{Misuse, a.line, w.u.thread(w.base+l) + " leaves while its copy may still write shared memory"}
			}
		}
	}
	for l := range w.bulk {
		for _, a := range w.bulk[l].list {
			if a != nil && a.pending && a.reads && w.u.failure == nil {
				w.u.failure = &Fault{Misuse, a.line, w.u.thread(w.base+l) + " leaves while its bulk copy may still read shared memory"}
			}
		}
	}
}

// atEnd finds barriers that some threads arrived at and nobody completed.
func (b *block) atEnd() {
	for i := range b.barriers {
		if bar := &b.barriers[i]; bar.h != nil && b.u.failure == nil {
			b.u.failure = &Fault{Misuse, bar.line, "the block ends while a barrier still waits for threads"}
		}
	}
	for _, at := range slices.Sorted(maps.Keys(b.objects)) {
		bar := b.objects[at]
		if bar.clock > 0 && !b.u.observed(bar) && b.u.failure == nil {
			b.u.failure = &Fault{Misuse, bar.copy, "the block ends without anybody having waited for the copy into its shared memory"}
		}
	}
}

// registerName names a slot as the text does, for messages.
func (e *Entry) registerName(slot int) string {
	if name, ok := e.names[slot]; ok {
		return name
	}
	return "a register"
}

// observed tells whether some thread has seen the last copy at an mbarrier land.
func (u *unit) observed(bar *mbarrier) bool {
	for _, w := range u.warps {
		for l := range w.seen {
			if w.seen[l].at(bar.agent) >= bar.clock {
				return true
			}
		}
	}
	return false
}
