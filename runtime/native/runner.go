package native

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// A Runner makes calls, one at a time, for one owner. Several runners share the team of the
// process: their team calls take turns, their direct calls run side by side.
type Runner struct {
	team    *team
	allowed []int // CPUs of the affinity mask
	cpus    int   // how many may be busy
	watch   chan watched
	stop    chan struct{}
	broken  any // what the watcher panicked with; to be read once it has taken the stop
	once    sync.Once
}

// watched is a call that the watcher cancels when done is closed.
type watched struct {
	done  <-chan struct{}
	frame *Frame
}

// NewRunner joins the team.
func NewRunner() (*Runner, error) {
	if err := Supported(); err != nil {
		return nil, err
	}
	team, err := openTeam()
	if err != nil {
		return nil, err
	}
	return &Runner{team: team, allowed: affinity(), cpus: CPUs()}, nil
}

// Close leaves the team, whose threads end with its last runner. No call may be in progress.
// A second call does nothing.
func (r *Runner) Close() {
	r.once.Do(func() {
		if r.watch != nil {
			close(r.watch)
		}
		r.team.leave()
	})
}

// Direct runs f as one thread on the calling thread. Only the start looks at ctx: the call itself
// cannot be interrupted and holds up garbage collection, so it is for work of some 100 µs at most.
func (r *Runner) Direct(ctx context.Context, f *Frame) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return callDirect(f)
}

// Team runs f on that many threads of the team; more threads than CPUs take turns on them. When
// ctx ends first, the threads leave at their next barrier or poll and the error is ctx's; what f
// wrote is then incomplete.
func (r *Runner) Team(ctx context.Context, f *Frame, threads int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.team.acquire(ctx); err != nil {
		return err
	}
	defer r.team.release()
	if err := r.team.prepare(f, threads, r.allowed, r.cpus); err != nil {
		return err
	}
	if ctx.Done() == nil {
		return r.team.run(f, threads)
	}
	r.startWatch(ctx, f)
	err := r.team.run(f, threads)
	r.stopWatch()
	if err == nil && f.cancelled() {
		err = ctx.Err()
	}
	return err
}

// startWatch hands the call to the runner's watcher, which is started with the first one.
func (r *Runner) startWatch(ctx context.Context, f *Frame) {
	if r.watch == nil {
		r.watch, r.stop = make(chan watched), make(chan struct{})
		go r.watching()
	}
	r.watch <- watched{ctx.Done(), f}
}

// stopWatch tells the watcher that the call has ended. A panic of the watcher's goes on here.
func (r *Runner) stopWatch() {
	r.stop <- struct{}{}
	if r.broken != nil {
		panic(r.broken)
	}
}

// watching cancels each call whose context ends before the call does. It leaves a frame alone once
// the call has said stop.
func (r *Runner) watching() {
	for c := range r.watch {
		select {
		case <-c.done:
			r.cancel(c.frame)
			<-r.stop
		case <-r.stop:
		}
	}
}

// cancel cancels a call on the watcher's goroutine, which has no caller that could recover.
func (r *Runner) cancel(f *Frame) {
	defer func() {
		if cause := recover(); cause != nil {
			r.broken = fmt.Sprintf("%v\n\n%s", cause, debug.Stack())
		}
	}()
	f.cancel()
}
