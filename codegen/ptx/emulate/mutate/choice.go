package mutate

import (
	"fmt"
	"slices"
	"strings"

	"dlc/codegen/ptx/emulate"
)

// Choice keeps, of the launches that it is shown, those that show something of their entry that those
// before did not, and some others for their values.
type Choice struct {
	Often  int // launches that are kept for each instruction they come to, if there are so many; one at least
	Others int // launches of an entry that are kept though they show nothing new
	Work   int // that the others of an entry may be together

	Shown int // instructions of warps in all launches that it was shown

	entries []*chosen
}

// chosen is what is kept of an entry.
type chosen struct {
	name   string
	seen   []emulate.Seen
	kept   []int // launches that come to each instruction
	trials []Trial
	others int
	work   int // of the others
	all    int
}

// Watch is told of a launch before it runs, and of its report afterwards.
func (c *Choice) Watch(entry string, l emulate.Launch) func(*emulate.Report) {
	one, done := Record(entry, l)
	return func(r *emulate.Report) {
		c.Shown += r.Steps
		e := c.entry(entry)
		if !e.news(r) && !e.rare(r, c.Often) {
			if e.others == c.Others || e.work+r.Work > c.Work {
				return
			}
			e.others++
			e.work += r.Work
		}
		for i, s := range r.Seen {
			e.kept[i] += int(s & emulate.Reached)
		}
		done()
		one.work = r.Work
		e.trials = append(e.trials, one)
		e.all += r.Steps
	}
}

func (c *Choice) entry(name string) *chosen {
	for _, e := range c.entries {
		if e.name == name {
			return e
		}
	}
	c.entries = append(c.entries, &chosen{name: name})
	return c.entries[len(c.entries)-1]
}

// news tells whether a report has what was not seen, and adds it.
func (e *chosen) news(r *emulate.Report) bool {
	if e.seen == nil {
		e.seen, e.kept = make([]emulate.Seen, len(r.Seen)), make([]int, len(r.Seen))
	}
	news := false
	for i, s := range r.Seen {
		news = news || s&^e.seen[i] != 0
		e.seen[i] |= s
	}
	return news
}

// rare tells whether a report has an instruction that fewer launches come to than there should be.
func (e *chosen) rare(r *emulate.Report, often int) bool {
	for i, s := range r.Seen {
		if s&emulate.Reached != 0 && e.kept[i] < often {
			return true
		}
	}
	return false
}

// Trials lists what is kept, entry by entry, the shortest launches first.
func (c *Choice) Trials() (out []Trial) {
	for _, e := range c.entries {
		slices.SortStableFunc(e.trials, func(a, b Trial) int { return a.work - b.work })
		out = append(out, e.trials...)
	}
	return out
}

// Misses tells whether no launch of the entry that was shown has come to one in fifty of its instructions.
func (c *Choice) Misses(entry string) bool {
	e, missed := c.entry(entry), 0
	for _, s := range e.seen {
		if s&emulate.Reached == 0 {
			missed++
		}
	}
	return missed > 1+len(e.seen)/50 || e.seen == nil
}

// String tells how much is kept.
func (c *Choice) String() string {
	var b strings.Builder
	for _, e := range c.entries {
		shown := 0
		for _, s := range e.seen {
			if s&emulate.Reached != 0 {
				shown++
			}
		}
		fmt.Fprintf(&b, "%s: %d launches, %d instructions of warps; %d of %d lines reached\n", e.name, len(e.trials), e.all, shown, len(e.seen))
	}
	return b.String()
}
