// Package train owns the training loop: epochs over a data set, validation, early stopping,
// checkpoints and the run's log. Each step is one call of a compiled entry; nothing here knows
// how a model computes, how it was compiled, or how a run is shown to a person.
package train

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"dlc/runtime"
	"dlc/runtime/data"
	"dlc/runtime/program"
)

// A Job is everything that fixes a run: the same Job gives the same weights, bit for bit, in one
// sitting or in many.
type Job struct {
	Model    *program.Model
	Data     *data.Dataset
	Batch    int
	Epochs   int
	Seed     uint64
	Threads  int    // 0: the CPUs allowed
	Dir      string // run folder
	Resume   bool
	Keep     int      // checkpoints kept; 0 keeps one
	Best     *Monitor // chooses best.safetensors
	Patience int      // epochs without a better one that end the run; 0: none do
	Report   Reporter
	Files    program.Files // nil: the machine's own
	// Watch runs each call in place of its driver, launch by launch; nil for an ordinary run.
	Watch func(context.Context, *runtime.Call) error
}

// A Diverged ends a run whose numbers have left the finite ones. The newest checkpoint is from
// before that.
type Diverged struct {
	text  string
	Fresh bool // the run has no checkpoint, and its folder holds those of an earlier one
}

// Error says where that was seen.
func (e *Diverged) Error() string { return e.text }

// An Interrupted is returned when the context ends a run.
type Interrupted struct {
	Epoch, Step, Steps int // steps of the epoch under way: done, in all
	Saved              bool
}

// Error says where the run stands.
func (e *Interrupted) Error() string {
	if !e.Saved {
		return "interrupted before the first step; nothing is saved"
	}
	return fmt.Sprintf("interrupted in epoch %d after step %d of %d; a checkpoint is saved", e.Epoch, e.Step, e.Steps)
}

// Initialize gives a model in memory the weights that training with this seed begins with.
func Initialize(ctx context.Context, m *program.Model, seed uint64) error {
	return onSession(m, runtime.Options{}, func(s *runtime.Session) error {
		r := run{Job: Job{Model: m, Seed: seed}}
		var err error
		if r.scorer, err = NewScorer(m, s, nil, 1); err != nil {
			return err
		}
		if err := r.initialize(ctx); err != nil {
			return err
		}
		for _, w := range s.Weights() {
			w.Value = append([]byte(nil), w.Data...)
		}
		return nil
	})
}

// onSession runs f on a session with weights of its own.
func onSession(m *program.Model, o runtime.Options, f func(*runtime.Session) error) error {
	model, err := runtime.Load(m)
	if err != nil {
		return err
	}
	defer model.Close()
	o.Train = true
	s, err := model.NewSession(o)
	if err != nil {
		return err
	}
	defer s.Close()
	return f(s)
}

// A run is a Job under way. Its position is what a checkpoint holds.
type run struct {
	Job
	session *runtime.Session
	scorer  *Scorer
	folder  *folder
	log     *journal
	digest  string // of the data
	records int    // of the training part
	steps   int    // of an epoch
	begun   time.Time

	epoch  int         // finished epochs
	step   int64       // finished steps
	under  partial     // the epoch under way
	last   *EpochEvent // of the last finished epoch
	before float64     // seconds of earlier sittings
	saved  bool        // the newest checkpoint holds this position

	strayedAt int64 // the step in which an ordinary run diverged; a checked one does not look before it
}

// Run trains. The result is the last event, also written to the log; the weights are in the run
// folder. When ctx ends, the run ends with a checkpoint after the current step, and with an
// *Interrupted. Resuming a run that is done scores it again.
func Run(ctx context.Context, job Job) (done *DoneEvent, err error) {
	if err := job.check(); err != nil {
		return nil, err
	}
	f, err := openFolder(job.Dir, job.Files, job.Keep)
	if err != nil {
		return nil, err
	}
	defer f.unlock()
	job.Best = &Monitor{Score: job.Best.Score, Max: job.Best.Max}
	var r *run
	o := runtime.Options{Threads: job.Threads}
	if job.Watch != nil {
		o.Watch = func(ctx context.Context, c *runtime.Call) error { return r.watch(ctx, c) }
	}
	err = onSession(job.Model, o, func(s *runtime.Session) (err error) {
		for _, w := range s.Warnings() {
			job.Report.Note(w)
		}
		n := job.Data.Len(data.Train)
		r = &run{Job: job, session: s, folder: f, digest: job.Data.Digest(), records: n, steps: (n + job.Batch - 1) / job.Batch, begun: time.Now()}
		if r.scorer, err = NewScorer(job.Model, s, job.Data, job.Batch); err == nil {
			done, err = r.all(ctx)
		}
		return err
	})
	return done, err
}

// check refuses what would be found missing only after an epoch.
func (j *Job) check() error {
	switch {
	case j.Data.Len(data.Train) == 0:
		return errors.New("the training part of the data holds no record")
	case j.Batch < 1:
		return fmt.Errorf("a batch holds at least one record, not %d", j.Batch)
	case j.Patience > 0 && strings.HasPrefix(j.Best.Score, "valid.") && j.Data.Len(data.Valid) == 0:
		return fmt.Errorf("early stopping watches %s, and the data has no valid part: watch train.loss, or leave records to validate with", j.Best.Score)
	}
	return nil
}

// all runs the epochs that are left and scores the result.
func (r *run) all(ctx context.Context) (*DoneEvent, error) {
	if err := r.start(ctx); err != nil {
		return nil, r.orInterrupted(ctx, err)
	}
	reason := r.ended()
	if reason != "" {
		left := "there is nothing left to train"
		if r.Watch != nil {
			left += ", and only its scores are looked at; another --out repeats it from the beginning"
		}
		r.Report.Note(fmt.Sprintf("the run in %s has %s after epoch %d: %s", r.Dir, reason, r.epoch, left))
	} else {
		r.Report.Begin(Plan{Model: r.Model.Name, Parameters: parameters(r.Model), Train: r.records, Valid: r.Data.Len(data.Valid), Test: r.Data.Len(data.Test),
			Epochs: r.Epochs, First: r.epoch + 1, Done: r.under.Steps, StepsPerEpoch: r.steps, Batch: r.Batch, Threads: r.session.Threads(), Seed: r.Seed})
	}
	for ; reason == ""; reason = r.ended() {
		if err := r.next(ctx); err != nil {
			return nil, err
		}
	}
	done := &DoneEvent{Event: "done", Reason: reason, Epochs: r.epoch, Train: r.last.Train, Valid: r.last.Valid, BestEpoch: r.Best.epoch}
	var err error
	if done.Test, err = r.scorer.Score(ctx, data.Test); err != nil {
		return nil, r.orInterrupted(ctx, err)
	}
	done.WeightsSHA256 = Digest(r.session)
	done.Seconds = milli(r.before + seconds(r.begun))
	if err := r.log.write(done); err != nil {
		return nil, err
	}
	r.Report.Done(*done)
	return done, nil
}

// ended says why the run is over, "" while it is not.
func (r *run) ended() string {
	switch {
	case r.epoch >= r.Epochs:
		return "finished"
	case r.Patience > 0 && r.epoch > 0 && r.Best.Waited(r.epoch) >= r.Patience:
		return "stopped early"
	}
	return ""
}

// start gives the weights their initial or saved values.
func (r *run) start(ctx context.Context) (err error) {
	var c *checkpoint
	if r.Resume {
		if c, err = r.folder.newest(r.Report.Note); err != nil {
			return err
		}
		if c == nil {
			r.Report.Note("no checkpoint in " + r.Dir + ": training from the beginning")
		}
	}
	if r.Watch != nil && r.Resume {
		r.findStray(c)
	}
	if c == nil {
		if r.log, err = r.folder.openJournal(nil); err != nil {
			return err
		}
		return r.initialize(ctx)
	}
	if err := r.restore(c); err != nil {
		return err
	}
	if r.log, err = r.folder.openJournal(r.last); err != nil {
		return err
	}
	if r.under.Steps == 0 && r.last != nil && r.last.Best {
		return r.saveBest() // the end came, perhaps, before it was written
	}
	return nil
}

// restore takes up a checkpoint of the same job.
func (r *run) restore(c *checkpoint) error {
	switch {
	case c.Seed != r.Seed:
		return fmt.Errorf("the run in %s has seed %d, not %d: resume with --seed %d, or choose another --out", r.Dir, c.Seed, r.Seed, c.Seed)
	case c.Batch != r.Batch:
		return fmt.Errorf("the run in %s has batches of %d, not %d: resume with --batch %d, or choose another --out", r.Dir, c.Batch, r.Batch, c.Batch)
	case c.Data != r.digest:
		return fmt.Errorf("the run in %s was trained on other data than this", r.Dir)
	case c.Records != r.records:
		return fmt.Errorf("the run in %s was trained on %d of the records, and they are split into %d for it now", r.Dir, c.Records, r.records)
	case c.Begun.Steps > 0 && c.Epoch >= r.Epochs:
		return fmt.Errorf("the run in %s is in epoch %d of %d: it cannot end after %d", r.Dir, c.Epoch+1, c.Epochs, r.Epochs)
	}
	if err := SetWeights(r.session, c.tensors, every); err != nil {
		return fmt.Errorf("the checkpoint in %s does not fit this model: %w", r.Dir, err)
	}
	if c.Epochs != r.Epochs && countsSteps(r.Model.Entry("train")) {
		r.Report.Note(fmt.Sprintf("the run was begun for %d epochs, and its schedule counts them: training for %d gives other weights than a run of %d from the beginning",
			c.Epochs, r.Epochs, r.Epochs))
	}
	if c.Source != sourceSum(r.Model) {
		r.Report.Note("the model's file has changed since the checkpoint: what follows is the run of neither version alone")
	}
	r.epoch, r.step, r.under, r.last, r.before, r.saved = c.Epoch, c.Step, c.Begun, c.Last, c.Seconds, true
	return r.Best.restore(c.Best)
}

// save writes a checkpoint of where the run stands.
func (r *run) save() error {
	c := checkpoint{Run: r.folder.run, Epochs: r.Epochs, Epoch: r.epoch, Step: r.step, Begun: r.under, Last: r.last, Best: r.Best.mark(),
		Seed: r.Seed, Batch: r.Batch, Data: r.digest, Records: r.records, Source: sourceSum(r.Model), Seconds: milli(r.before + seconds(r.begun))}
	file, err := c.encode(r.session)
	if err != nil {
		return err
	}
	if err := r.folder.save(r.step, file); err != nil {
		return fmt.Errorf("%w; %s", err, r.kept())
	}
	r.saved = true
	return nil
}

// kept says what a run that cannot go on leaves behind.
func (r *run) kept() string {
	for _, c := range r.folder.checkpoints() {
		if c.run == r.folder.run {
			return fmt.Sprintf("the checkpoint after step %d is kept", c.step)
		}
	}
	return "there is no checkpoint of this run"
}

// orInterrupted turns the error of a call that ctx has cancelled into an Interrupted, with a
// checkpoint where one is due.
func (r *run) orInterrupted(ctx context.Context, err error) error {
	if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		return err
	}
	return r.pause()
}

// pause saves and returns an Interrupted.
func (r *run) pause() error {
	if !r.saved && r.step > 0 {
		if err := r.save(); err != nil {
			return fmt.Errorf("interrupted: %w", err)
		}
	}
	if r.under.Steps == 0 && r.epoch > 0 {
		return &Interrupted{Epoch: r.epoch, Step: r.steps, Steps: r.steps, Saved: r.saved}
	}
	return &Interrupted{Epoch: r.epoch + 1, Step: r.under.Steps, Steps: r.steps, Saved: r.saved}
}

// initialize runs the init entry from the seed.
func (r *run) initialize(ctx context.Context) error {
	init, err := r.scorer.bind("init", 0)
	if err != nil {
		return err
	}
	init.set("seed", int64(r.Seed))
	return init.Call(ctx)
}

// countsSteps reports whether an entry reads how many steps the run has in all.
func countsSteps(e *program.Entry) bool {
	steps := slices.IndexFunc(e.Buffers, func(b program.Buffer) bool { return b.Class == program.Input && b.Name == "steps" })
	return slices.ContainsFunc(e.Steps, func(l program.Launch) bool { return slices.Contains(l.Args, steps) })
}

func sourceSum(m *program.Model) string {
	sum := sha256.Sum256([]byte(m.Manifest.Source))
	return hex.EncodeToString(sum[:])
}

func seconds(since time.Time) float64 { return time.Since(since).Seconds() }

// milli rounds seconds to milliseconds.
func milli(seconds float64) float64 { return math.Round(seconds*1000) / 1000 }

// parameters counts the trained numbers of a model.
func parameters(m *program.Model) int64 {
	n := int64(0)
	for _, w := range m.Weights {
		if !w.State {
			size, _ := w.Type.Shape.Size().Const()
			n += size
		}
	}
	return n
}
