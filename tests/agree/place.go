package agree

import (
	"fmt"
	"slices"

	"dlc/runtime/program"
)

// A life is a time in which an arena buffer holds something, by the launches' own account: the first
// and last step that use it.
type life struct {
	buffer, first, last int
	offset, size        int64
}

// Placed checks the places of an entry's buffers for the symbols against its launches: that what is
// alive at once lies apart and inside the arena, and that nothing is read before it is written. It
// returns the arena's size over the most bytes that are alive at once, and whether no smaller one is
// possible. It knows nothing of how places and lifetimes were found.
func Placed(e *program.Entry, symbols map[string]int64) (ratio float64, least bool, err error) {
	p, err := program.Place(e, symbols)
	if err != nil {
		return 0, false, err
	}
	lives, steps, err := lives(e)
	if err != nil {
		return 0, false, err
	}
	alive := make([]int64, steps)
	for i := range lives {
		a := &lives[i]
		bytes, ok := e.Buffers[a.buffer].Bytes.Eval(symbols)
		if !ok {
			return 0, false, fmt.Errorf("%s: the size of %s is unknown", e.Name, e.Buffers[a.buffer].Name)
		}
		a.offset, a.size = p.Offsets[a.buffer], bytes
		if a.offset < 0 || a.offset%program.Alignment != 0 || a.offset+a.size > p.Total {
			return 0, false, fmt.Errorf("%s: %s lies at %d of %d bytes", e.Name, e.Buffers[a.buffer].Name, a.offset, p.Total)
		}
		for step := a.first; step <= a.last; step++ {
			alive[step] += (bytes + program.Alignment - 1) / program.Alignment * program.Alignment
		}
		for _, b := range lives[:i] {
			if a.first <= b.last && b.first <= a.last && a.offset < b.offset+b.size && b.offset < a.offset+a.size {
				return 0, false, fmt.Errorf("%s: %s and %s are alive at once and overlap", e.Name, e.Buffers[a.buffer].Name, e.Buffers[b.buffer].Name)
			}
		}
	}
	most := int64(0)
	for _, n := range alive {
		most = max(most, n)
	}
	if most == 0 {
		return 1, true, nil
	}
	return float64(p.Total) / float64(most), p.Least, nil
}

// A walk goes through an entry's launches as a call does where every branch is taken, and every loop
// has two turns.
type walk struct {
	entry *program.Entry
	list  []life
	open  map[int]int    // places in the list by buffer: of the last life of each
	turn  map[int]int    // the turn of that life's last use
	turns int            // second turns begun so far
	later []map[int]bool // of each loop under way: buffers that are used behind it
	steps int
	last  int // launch
}

// lives lists the lives of buffers. Launches of a team, and those that are repeated together, are one
// step; so is a look at a condition. In a new turn a buffer that is written before it is read, and is
// not used behind the loop, begins another life.
func lives(e *program.Entry) (list []life, steps int, err error) {
	w := &walk{entry: e, open: map[int]int{}, turn: map[int]int{}, last: -1}
	err = w.stretch(program.Stretch{To: len(e.Steps)})
	return w.list, w.steps + 1, err
}

func (w *walk) stretch(in program.Stretch) error {
	for _, s := range w.entry.Stretches(in) {
		if s.In == in.In {
			if err := w.launch(s.From); err != nil {
				return err
			}
			continue
		}
		for turn := range 3 { // the last look at a loop's condition ends it
			if turn == 1 && !s.In.Loop {
				break
			}
			w.steps++
			if err := w.use(s.In.Cond, true, "a region"); err != nil {
				return err
			}
			w.last = -1
			if turn == 2 {
				break
			}
			if s.In.Loop {
				w.turns += turn
				w.later = append(w.later, w.usedFrom(s.To))
			}
			if err := w.stretch(s); err != nil {
				return err
			}
			if s.In.Loop {
				w.later = w.later[:len(w.later)-1]
			}
		}
		w.last = -1
	}
	return nil
}

func (w *walk) usedFrom(step int) map[int]bool {
	set := map[int]bool{}
	for _, l := range w.entry.Steps[step:] {
		for _, n := range l.Args {
			set[n] = true
		}
	}
	return set
}

func (w *walk) launch(i int) error {
	l := &w.entry.Steps[i]
	if before := w.last; before < 0 || (l.Team == nil || l.Team != w.entry.Steps[before].Team) && (l.Repeat == nil || l.Repeat != w.entry.Steps[before].Repeat) {
		w.steps++
	}
	w.last = i
	for place, n := range l.Args {
		if err := w.use(n, place < l.Reads && l.Repeat == nil, fmt.Sprintf("launch %d", i)); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) use(n int, reads bool, who string) error {
	if w.entry.Buffers[n].Class != program.Arena {
		return nil
	}
	k, known := w.open[n]
	if !known && reads {
		return fmt.Errorf("%s: %s reads %s, which nothing has written", w.entry.Name, who, w.entry.Buffers[n].Name)
	}
	anew := !reads && w.turn[n] < w.turns && !slices.ContainsFunc(w.later, func(set map[int]bool) bool { return set[n] })
	if !known || anew {
		k, w.open[n] = len(w.list), len(w.list)
		w.list = append(w.list, life{buffer: n, first: w.steps})
	}
	w.list[k].last, w.turn[n] = w.steps, w.turns
	return nil
}

// place checks the places of a case's buffers in every trial, and keeps the worst ratio.
func (c *Case) place(e *program.Entry) error {
	for i, t := range c.Trials {
		ratio, least, err := Placed(e, t.Symbols)
		if err == nil && ratio > 1.01 && !least {
			err = fmt.Errorf("an arena of %.3f times what is alive at once, and no proof that it needs to be", ratio)
		}
		if err != nil {
			return &Mismatch{"places of buffers", i, err.Error()}
		}
		c.arena = max(c.arena, ratio)
	}
	return nil
}
