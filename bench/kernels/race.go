package main

import "time"

// A contestant is one of the things that are timed in turn: rep does it some times.
type contestant struct {
	name  string
	rep   func(calls int) (time.Duration, error)
	calls int
	best  float64 // seconds of one call
}

const (
	repTime   = 1500 * time.Microsecond // of one repetition: most fit between two disturbances
	pause     = 8 * time.Millisecond    // for the threads of the one before to fall asleep: OpenMP spins for 5
	fewRounds = 5
	longCall  = 20 * time.Millisecond // the first of which does not count
)

// race times all contestants in turn, in short repetitions, until the time is over. What counts is
// the best of each: on a machine that others use too, it is what was not disturbed.
func race(list []*contestant, budget time.Duration) error {
	for _, c := range list {
		for c.calls = 1; c.calls < 1<<24; c.calls *= 2 {
			long, err := c.fills()
			if err != nil {
				return err
			}
			if long {
				break
			}
		}
	}
	begin := time.Now()
	for round := 0; round < fewRounds || time.Since(begin) < budget; round++ {
		for _, c := range list {
			time.Sleep(pause)
			took, err := c.turn()
			if err != nil {
				return err
			}
			c.note(took)
		}
	}
	return nil
}

// fills reports whether a repetition of that many calls is long enough, twice: the threads of another
// contestant may hold one up, and of too few calls the first counts, which wakes threads.
func (c *contestant) fills() (bool, error) {
	for range 2 {
		took, err := c.turn()
		if err != nil {
			return false, err
		}
		if c.note(took); took < repTime {
			return false, nil
		}
		time.Sleep(pause)
	}
	return true, nil
}

// turn is one repetition. Its calls follow one that does not count, so that each finds in the caches
// what such a call leaves there, not what another contestant left.
func (c *contestant) turn() (time.Duration, error) {
	if c.best < longCall.Seconds() {
		if _, err := c.rep(1); err != nil {
			return 0, err
		}
	}
	return c.rep(c.calls)
}

// note keeps the best.
func (c *contestant) note(took time.Duration) {
	if s := took.Seconds() / float64(c.calls); c.best == 0 || s < c.best {
		c.best = s
	}
}
