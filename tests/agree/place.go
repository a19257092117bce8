package agree

import (
	"fmt"

	"dlc/runtime/program"
)

// A life is what the launches of an entry do with an arena buffer, by their own account: the first
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

// lives walks the launches. Those of a team, and those that are repeated together, are one step.
func lives(e *program.Entry) (list []life, steps int, err error) {
	at := map[int]int{} // places in the list by buffer
	for i, l := range e.Steps {
		if i > 0 {
			if before := e.Steps[i-1]; (l.Team == nil || l.Team != before.Team) && (l.Repeat == nil || l.Repeat != before.Repeat) {
				steps++
			}
		}
		for place, n := range l.Args {
			if e.Buffers[n].Class != program.Arena {
				continue
			}
			k, known := at[n]
			if !known {
				if place < l.Reads && l.Repeat == nil {
					return nil, 0, fmt.Errorf("%s: launch %d reads %s, which nothing has written", e.Name, i, e.Buffers[n].Name)
				}
				k, at[n] = len(list), len(list)
				list = append(list, life{buffer: n, first: steps})
			}
			list[k].last = steps
		}
	}
	return list, steps + 1, nil
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
