// Package train owns the training loop: epochs over a data set, validation, callbacks,
// checkpoints and the run's log. Each step is one call of a compiled entry; nothing here knows
// how a model computes, how it was compiled, or how a run is shown to a person.
package train

import (
	"context"
	"errors"
	"math"
	"time"

	"dlc/runtime"
	"dlc/runtime/data"
	"dlc/runtime/program"
)

// A Job is everything that fixes a run: the same Job gives the same weights, bit for bit.
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
	Stop     *Monitor // early stopping; nil: none
	Patience int
	Report   Reporter
}

// ErrInterrupted is returned when the context ends a run; its last finished epoch is saved.
var ErrInterrupted = errors.New("interrupted")

// Initialize gives a model in memory the weights that training with this seed begins with.
func Initialize(ctx context.Context, m *program.Model, seed uint64) error {
	return onSession(m, 0, func(s *runtime.Session) error {
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

// ScoreModel scores a model on a part of a data set; the scores are nil where it has no records.
func ScoreModel(ctx context.Context, m *program.Model, d *data.Dataset, part data.Part, batch, threads int) (out Scores, err error) {
	err = onSession(m, threads, func(s *runtime.Session) error {
		scorer, err := NewScorer(m, s, d, batch)
		if err == nil {
			out, err = scorer.Score(ctx, part)
		}
		return err
	})
	return out, err
}

// onSession runs f on a session with weights of its own.
func onSession(m *program.Model, threads int, f func(*runtime.Session) error) error {
	model, err := runtime.Load(m)
	if err != nil {
		return err
	}
	defer model.Close()
	s, err := model.NewSession(runtime.Options{Threads: threads, Train: true})
	if err != nil {
		return err
	}
	defer s.Close()
	return f(s)
}

// A run is a Job under way.
type run struct {
	Job
	session *runtime.Session
	scorer  *Scorer
	log     *log
	begun   time.Time
	step    int64 // finished steps
}

// Run trains. The result is the last event, also written to the log; the weights are in the run
// folder. An interrupted run returns ErrInterrupted; its last finished epoch is saved.
func Run(ctx context.Context, job Job) (*DoneEvent, error) {
	if job.Data.Len(data.Train) == 0 {
		return nil, errors.New("the training part of the data holds no record")
	}
	var done *DoneEvent
	err := onSession(job.Model, job.Threads, func(s *runtime.Session) (err error) {
		for _, w := range s.Warnings() {
			job.Report.Note(w)
		}
		r := &run{Job: job, session: s, begun: time.Now()}
		if r.scorer, err = NewScorer(job.Model, s, job.Data, job.Batch); err == nil {
			done, err = r.all(ctx)
		}
		return err
	})
	return done, err
}

// all runs the epochs that are left and scores the result.
func (r *run) all(ctx context.Context) (*DoneEvent, error) {
	first, err := r.start(ctx)
	if err != nil {
		return nil, err
	}
	defer r.log.close()
	done := &DoneEvent{Event: "done", Reason: "finished", Epochs: first - 1}
	for epoch := first; epoch <= r.Epochs; epoch++ {
		e, err := r.epoch(ctx, epoch)
		if err != nil {
			return done, err
		}
		done.Epochs, done.Valid = epoch, e.Valid
		if r.Stop != nil {
			if _, err := r.Stop.Update(epoch, e.Train, e.Valid); err != nil {
				return done, err
			}
			if r.Stop.Waited(epoch) >= max(r.Patience, 1) {
				done.Reason = "stopped early"
				break
			}
		}
	}
	if done.Test, err = r.scorer.Score(ctx, data.Test); err != nil {
		return done, interrupted(ctx, err)
	}
	done.BestEpoch = r.Best.epoch
	done.WeightsSHA256 = Digest(r.session)
	done.Seconds = seconds(r.begun)
	r.Report.Done(*done)
	return done, r.log.write(done)
}

// start gives the weights their initial or saved values and opens the log.
func (r *run) start(ctx context.Context) (first int, err error) {
	first = 1
	if r.Resume {
		c, notes, err := newest(r.Dir)
		for _, n := range notes {
			r.Report.Note(n)
		}
		if err != nil {
			return 0, err
		}
		if c != nil {
			if err := r.restore(c); err != nil {
				return 0, err
			}
			first = c.Epoch + 1
		} else {
			r.Report.Note("no checkpoint in " + r.Dir + ": training from the beginning")
		}
	}
	if first == 1 {
		dropCheckpoints(r.Dir, 0)
		if err := r.initialize(ctx); err != nil {
			return 0, err
		}
	}
	if r.log, err = openLog(r.Dir, first > 1); err != nil {
		return 0, err
	}
	n := r.Data.Len(data.Train)
	r.Report.Begin(Plan{Model: r.Model.Name, Parameters: parameters(r.Model), Train: n, Valid: r.Data.Len(data.Valid), Test: r.Data.Len(data.Test),
		Epochs: r.Epochs, First: first, StepsPerEpoch: (n + r.Batch - 1) / r.Batch, Batch: r.Batch, Threads: r.session.Threads(), Seed: r.Seed})
	return first, nil
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

// epoch trains on every record once, validates and saves.
func (r *run) epoch(ctx context.Context, epoch int) (*EpochEvent, error) {
	begun := time.Now()
	if err := r.scorer.reset(ctx); err != nil {
		return nil, interrupted(ctx, err)
	}
	n := r.Data.Len(data.Train)
	order := data.Order(r.Seed, uint64(epoch), n)
	steps := (n + r.Batch - 1) / r.Batch
	sum := 0.0
	for s := 0; s < steps; s++ {
		rows := order[s*r.Batch : min(n, (s+1)*r.Batch)]
		loss, err := r.trainStep(ctx, rows)
		if err != nil {
			return nil, interrupted(ctx, err)
		}
		sum += loss * float64(len(rows))
		r.Report.Step(Progress{Epoch: epoch, Step: s + 1, Steps: steps, Rows: len(rows), Records: n, Loss: sum / float64(s*r.Batch+len(rows))})
	}
	e := &EpochEvent{Event: "epoch", Epoch: epoch, Train: Scores{"loss": sum / float64(n)}, Rate: math.Round(float64(n) / max(time.Since(begun).Seconds(), 1e-9))}
	if err := r.scorer.metrics(ctx, e.Train); err != nil {
		return nil, interrupted(ctx, err)
	}
	var err error
	if e.Valid, err = r.scorer.Score(ctx, data.Valid); err != nil {
		return nil, interrupted(ctx, err)
	}
	e.Seconds = seconds(begun)
	if e.Best, err = r.Best.Update(epoch, e.Train, e.Valid); err != nil {
		return nil, err
	}
	if err := r.save(e); err != nil {
		return nil, err
	}
	r.Report.Epoch(*e)
	return e, r.log.write(e)
}

// trainStep runs the train entry on the given records and returns their mean loss.
func (r *run) trainStep(ctx context.Context, rows []int) (float64, error) {
	c, err := r.scorer.bind("train", len(rows))
	if err != nil {
		return 0, err
	}
	if err := r.scorer.feed(c, data.Train, rows); err != nil {
		return 0, err
	}
	c.set("seed", int64(r.Seed))
	c.set("step", r.step+1)
	c.set("steps", int64(r.Epochs)*int64((r.Data.Len(data.Train)+r.Batch-1)/r.Batch))
	if err := c.Call(ctx); err != nil {
		return 0, err
	}
	r.step++
	return c.Output("loss").Float(0), nil
}

// interrupted turns the error of a cancelled call into ErrInterrupted.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ErrInterrupted
	}
	return err
}

func seconds(since time.Time) float64 { return math.Round(time.Since(since).Seconds()*1000) / 1000 }

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
