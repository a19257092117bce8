package train_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dlc/runtime/data"
	"dlc/runtime/train"
)

// sitting trains for so many steps, or to the end.
func sitting(t *testing.T, j train.Job, l *listener, steps int) (*train.DoneEvent, *train.Interrupted) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	begin := l.steps
	l.onStep = func(train.Progress) {
		if l.steps-begin == steps {
			cancel()
		}
	}
	done, err := train.Run(ctx, j)
	var stopped *train.Interrupted
	if err != nil && !errors.As(err, &stopped) {
		t.Fatal(err)
	}
	return done, stopped
}

// A run in many sittings, each of some steps and on another number of threads, leaves what the
// run in one leaves: after every step, between training and validation, at the end of an epoch.
func TestSittings(t *testing.T) {
	for _, stop := range []struct {
		name  string
		apply func(*train.Job)
		after int // epochs that the whole run has
	}{
		{"to the end", func(*train.Job) {}, 3},
		{"early", func(j *train.Job) { j.Epochs, j.Best, j.Patience = 9, monitor(t, "valid.loss", "max"), 2 }, 3},
	} {
		l := &listener{}
		whole := job(t, cosine, l)
		stop.apply(&whole)
		done := run(t, whole)
		if len(l.epochs) != stop.after || done.Epochs != stop.after {
			t.Fatalf("%s: %d epochs, not %d", stop.name, len(l.epochs), stop.after)
		}
		want := outcomeOf(t, whole.Dir, done)
		for _, steps := range []int{1, 5, 22, 31} {
			t.Run(fmt.Sprintf("%s/%d steps", stop.name, steps), func(t *testing.T) {
				l := &listener{}
				j := job(t, cosine, l)
				stop.apply(&j)
				for sat := 1; ; sat++ {
					j.Threads = 1 + sat%2
					stop.apply(&j) // monitors begin anew
					done, stopped := sitting(t, j, l, steps)
					if stopped == nil {
						outcomeOf(t, j.Dir, done).mustBe(t, want)
						break
					}
					if !stopped.Saved || l.steps != sat*steps {
						t.Fatalf("sitting %d ended after %d steps in all: %v", sat, l.steps, stopped)
					}
					j.Resume = true
				}
				if l.steps != 22*stop.after || len(l.epochs) != stop.after {
					t.Errorf("%d steps and %d epochs were told", l.steps, len(l.epochs))
				}
			})
		}
	}
}

// A countdown is a context that ends when it is looked at for the nth time.
type countdown struct {
	context.Context
	cancel context.CancelFunc
	looks  int
}

func (c *countdown) Err() error {
	if c.looks--; c.looks == 0 {
		c.cancel()
	}
	return c.Context.Err()
}

// Interrupted whenever a run looks, before a step, in the midst of validation, before the test,
// it goes on to the same end.
func TestInterruptedAtEveryLook(t *testing.T) {
	whole := job(t, cosine, &listener{})
	whole.Epochs = 2
	want := outcomeOf(t, whole.Dir, run(t, whole))
	for looks := 1; ; looks++ {
		l := &listener{}
		j := job(t, cosine, l)
		j.Epochs = 2
		under, cancel := context.WithCancel(context.Background())
		_, err := train.Run(&countdown{under, cancel, looks}, j)
		cancel()
		if err == nil {
			if looks < 44 {
				t.Errorf("the run looked %d times", looks)
			}
			break
		}
		var stopped *train.Interrupted
		if !errors.As(err, &stopped) || stopped.Saved != (l.steps > 0) {
			t.Fatalf("look %d: %v", looks, err)
		}
		j.Resume = stopped.Saved
		outcomeOf(t, j.Dir, run(t, j)).mustBe(t, want)
		if l.steps != 44 {
			t.Fatalf("look %d: %d steps in all", looks, l.steps)
		}
	}
}

// Interrupted while the test part is scored, a run has all its epochs and goes on with the score.
func TestInterruptedAtTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l := &listener{onEpoch: func(e train.EpochEvent) {
		if e.Epoch == 3 {
			cancel()
		}
	}}
	j := job(t, cosine, l)
	var stopped *train.Interrupted
	if _, err := train.Run(ctx, j); !errors.As(err, &stopped) || !stopped.Saved || stopped.Epoch != 3 || stopped.Step != 22 {
		t.Fatalf("%v", err)
	}
	whole := job(t, cosine, &listener{})
	want := outcomeOf(t, whole.Dir, run(t, whole))
	j.Resume = true
	outcomeOf(t, j.Dir, run(t, j)).mustBe(t, want)
	if l.steps != 66 {
		t.Errorf("%d steps", l.steps)
	}
}

// Before its first step a run has nothing to save, and says so.
func TestInterruptedBeforeTheFirstStep(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	j := job(t, cosine, &listener{})
	var stopped *train.Interrupted
	if _, err := train.Run(ctx, j); !errors.As(err, &stopped) || stopped.Saved {
		t.Fatal(err)
	}
	if left := existing(t, j.Dir, "*"); len(left) != 1 || filepath.Base(left[0]) != ".lock" {
		t.Errorf("it left %v", left)
	}
}

// A finished run says so, tells its end again and changes nothing; with more epochs it becomes
// the longer run, unless the schedule counts them.
func TestResumeOfAFinishedRun(t *testing.T) {
	j := job(t, stepwise, &listener{})
	want := outcomeOf(t, j.Dir, run(t, j))
	l := &listener{}
	j.Resume, j.Report = true, l
	outcomeOf(t, j.Dir, run(t, j)).mustBe(t, want)
	if l.steps > 0 || l.plan != nil || l.done == nil || !heard(l, "nothing left to train") {
		t.Errorf("%d steps, notes %q", l.steps, l.notes)
	}
	longer := job(t, stepwise, &listener{})
	longer.Epochs = 5
	want = outcomeOf(t, longer.Dir, run(t, longer))
	j.Epochs = 5
	outcomeOf(t, j.Dir, run(t, j)).mustBe(t, want)
	if len(l.epochs) != 2 || heard(l, "schedule") {
		t.Errorf("%d epochs, notes %q", len(l.epochs), l.notes)
	}
}

func TestMoreEpochsOfACountingSchedule(t *testing.T) {
	l := &listener{}
	j := job(t, cosine, l)
	run(t, j)
	j.Resume, j.Epochs = true, 4
	if done := run(t, j); done.Epochs != 4 || !heard(l, "schedule counts them") {
		t.Errorf("%d epochs, notes %q", done.Epochs, l.notes)
	}
}

func heard(l *listener, part string) bool {
	return slices.ContainsFunc(l.notes, func(n string) bool { return strings.Contains(n, part) })
}

// Another seed, batch, split or model is refused, and an end that lies behind.
func TestResumeOfAnotherJob(t *testing.T) {
	j := job(t, cosine, &listener{})
	sitting(t, j, j.Report.(*listener), 30)
	wider, err := compile("Conv2D(4", "Conv2D(5")
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*train.Job){
		"resume with --seed 5":       func(j *train.Job) { j.Seed = 6 },
		"resume with --batch 64":     func(j *train.Job) { j.Batch = 32 },
		"does not fit this model":    func(j *train.Job) { j.Model = wider },
		"it cannot end after 1":      func(j *train.Job) { j.Epochs = 1 },
		"split into 1498":            func(j *train.Job) { j.Data = unvalidated(t) },
		"no record":                  func(j *train.Job) { j.Data = untrained(t) },
		"at least one record":        func(j *train.Job) { j.Batch = 0 },
		"the data has no valid part": func(j *train.Job) { j.Data, j.Patience = unvalidated(t), 1 },
		"in use by another process":  func(j *train.Job) { j.Dir = inUse(t) },
		"make the run folder: ":      func(j *train.Job) { j.Dir = filepath.Join("resume_test.go", "x") },
	} {
		other := j
		other.Resume, other.Report = true, &listener{}
		change(&other)
		if _, err := train.Run(context.Background(), other); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %s", err, want)
		}
	}
	l := &listener{}
	j.Resume, j.Report = true, l
	if run(t, j); l.plan.First != 2 || l.plan.Done != 8 {
		t.Errorf("the run went on in epoch %d after step %d", l.plan.First, l.plan.Done)
	}
}

func unvalidated(t *testing.T) *data.Dataset { return split(t, 100) }

func untrained(t *testing.T) *data.Dataset { return split(t, 0, 100) }

func split(t *testing.T, shares ...float64) *data.Dataset {
	t.Helper()
	d, err := data.MNIST(digitsDir)
	if err == nil {
		err = d.Split(data.Split{Shares: shares})
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Without a valid part the newest weights are the best.
func TestNoValidPart(t *testing.T) {
	l := &listener{}
	j := job(t, cosine, l)
	j.Data = unvalidated(t)
	done := run(t, j)
	if done.Valid != nil || done.BestEpoch != 3 || strings.Contains(content(t, j.Dir, train.LogFile), "valid") {
		t.Errorf("%+v", done)
	}
	for _, e := range l.epochs {
		if !e.Best || e.Valid != nil {
			t.Errorf("%+v", e)
		}
	}
}

// Each file of the newest checkpoint's kind is skipped when damaged, and named; when all are,
// nothing is begun over them.
func TestDamagedCheckpoints(t *testing.T) {
	whole := job(t, cosine, &listener{})
	want := outcomeOf(t, whole.Dir, run(t, whole))
	l := &listener{}
	j := job(t, cosine, l)
	j.Keep = 5
	sitting(t, j, l, 60) // epochs end after steps 22 and 44
	names := existing(t, j.Dir, "checkpoint-*.ckpt")
	if len(names) != 3 {
		t.Fatalf("%v", names)
	}
	good := content(t, j.Dir, filepath.Base(names[2]))
	for name, bad := range map[string]string{"empty": "", "cut": good[:len(good)-1], "longer": good + "x", "flip": flipped(good, len(good)/2), "position": flipped(good, 120),
		"checksum": flipped(good, 30), "magic": flipped(good, 2), "older": content(t, j.Dir, train.BestFile)} {
		if err := os.WriteFile(names[2], []byte(bad), 0o644); err != nil {
			t.Fatal(err)
		}
		copied := copyOf(t, j.Dir)
		l := &listener{}
		k := j
		k.Dir, k.Resume, k.Report = copied, true, l
		outcomeOf(t, copied, run(t, k)).mustBe(t, want)
		if !heard(l, "skipping checkpoint "+filepath.Join(copied, filepath.Base(names[2]))) || l.plan.First != 3 || l.plan.Done != 0 {
			t.Errorf("%s: notes %q, plan %+v", name, l.notes, l.plan)
		}
	}
	k := j
	k.Dir, k.Resume, k.Keep, k.Report = copyOf(t, j.Dir), true, 1, l
	if sitting(t, k, l, 6); len(existing(t, k.Dir, "checkpoint-*")) != 1 {
		t.Errorf("the damaged checkpoint stays: %v", existing(t, k.Dir, "checkpoint-*"))
	}
	l = &listener{}
	k.Report = l
	if outcomeOf(t, k.Dir, run(t, k)).mustBe(t, want); l.plan.Done != 6 {
		t.Errorf("the run went on after step %d", l.plan.Done)
	}
	for _, n := range names {
		if err := os.Truncate(n, 1000); err != nil {
			t.Fatal(err)
		}
	}
	j.Resume = true
	if _, err := train.Run(context.Background(), j); err == nil || !strings.Contains(err.Error(), "begin anew without --resume") {
		t.Error(err)
	}
}

func existing(t *testing.T, dir, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func flipped(s string, at int) string { return s[:at] + string(s[at]^4) + s[at+1:] }

func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// A fresh run keeps the earlier one's best weights until it has finished an epoch, and the
// earlier run can still be gone on with.
func TestEarlierRun(t *testing.T) {
	first := job(t, cosine, &listener{})
	want := outcomeOf(t, first.Dir, run(t, first))
	second := first
	second.Seed = 6
	l := &listener{}
	second.Report = l
	if _, stopped := sitting(t, second, l, 10); stopped == nil || content(t, first.Dir, train.BestFile) != want.best {
		t.Fatal("the best weights are gone before there are others")
	}
	second.Resume = true
	if _, stopped := sitting(t, second, l, 20); stopped == nil || content(t, first.Dir, train.BestFile) == want.best {
		t.Fatal("the best weights are not the new run's")
	}
	if left := existing(t, first.Dir, "checkpoint-001-*"); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
	if log := content(t, first.Dir, train.LogFile); strings.Count(log, "\n") != 1 {
		t.Errorf("log %s", log)
	}
	l = &listener{}
	first.Dir, first.Resume, first.Report = filepath.Join(first.Dir, train.PreviousDir), true, l
	outcomeOf(t, first.Dir, run(t, first)).mustBe(t, want)
	if l.steps > 0 {
		t.Error("the earlier run was trained again")
	}
}

// inUse returns a folder that a run is in, until the test ends.
func inUse(t *testing.T) string {
	t.Helper()
	begun, end, ended := make(chan bool), make(chan bool), make(chan error)
	l := &listener{onStep: func(p train.Progress) {
		if p.Step == 1 {
			close(begun)
			<-end
		}
	}}
	j := job(t, cosine, l)
	j.Epochs = 1
	go func() {
		_, err := train.Run(context.Background(), j)
		ended <- err
	}()
	t.Cleanup(func() {
		close(end)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	<-begun
	return j.Dir
}
