package train

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"dlc/runtime/data"
)

// About says where weights come from.
type About struct {
	Epoch int    `json:"epoch"`
	Seed  uint64 `json:"seed"`
	Data  string `json:"data_digest"`
	Train Scores `json:"train"`
	Valid Scores `json:"valid,omitempty"`
}

// next finishes the epoch under way: what is left of its steps, validation, a checkpoint, and
// then what follows from the checkpoint. Only then is it told.
func (r *run) next(ctx context.Context) error {
	begun, before := time.Now(), r.under.Seconds
	if r.under.Train == nil {
		if err := r.train(ctx); err != nil {
			return err
		}
	}
	valid, err := r.scorer.Score(ctx, data.Valid)
	if err != nil {
		return r.orInterrupted(ctx, err)
	}
	e := &EpochEvent{Event: "epoch", Epoch: r.epoch + 1, Train: r.under.Train, Valid: valid, Seconds: milli(before + seconds(begun)),
		Rate: math.Round(float64(r.records) / max(r.under.Seconds, 1e-9))}
	if e.Best, err = r.Best.Update(e.Epoch, e.Train, e.Valid); err != nil {
		return err
	}
	if path := diverged(r.session); path != "" {
		return r.stray(fmt.Sprintf("%s holds numbers that are not finite", path), r.step)
	}
	r.epoch, r.last, r.under = e.Epoch, e, partial{}
	if err := r.save(); err != nil {
		return err
	}
	if e.Best {
		if err := r.saveBest(); err != nil {
			return err
		}
	}
	if err := r.log.write(e); err != nil {
		return err
	}
	r.Report.Epoch(*e)
	return nil
}

// train does the steps that are left of an epoch. A step that has begun is finished, so that the
// weights are always those between two steps.
func (r *run) train(ctx context.Context) error {
	begun, before := time.Now(), r.under.Seconds
	whole := context.WithoutCancel(ctx)
	if r.under.Steps == 0 {
		if err := r.scorer.reset(whole); err != nil {
			return err
		}
	}
	order := data.Order(r.Seed, uint64(r.epoch+1), r.records)
	for r.under.Steps < r.steps {
		if ctx.Err() != nil {
			return r.pause()
		}
		at := r.under.Steps * r.Batch
		rows := order[at:min(r.records, at+r.Batch)]
		loss, err := r.trainStep(whole, rows)
		if err != nil {
			return err
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return r.stray(fmt.Sprintf("the loss is %v", loss), r.step+1)
		}
		r.under.Steps++
		r.under.Loss += loss * float64(len(rows))
		r.under.Seconds = before + seconds(begun)
		r.step, r.saved = r.step+1, false
		r.Report.Step(Progress{Epoch: r.epoch + 1, Step: r.under.Steps, Steps: r.steps, Rows: len(rows), Records: r.records,
			Loss: r.under.Loss / float64(at+len(rows))})
	}
	scores := Scores{"loss": r.under.Loss / float64(r.records)}
	if err := r.scorer.metrics(whole, scores); err != nil {
		return err
	}
	r.under.Train = scores
	return nil
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
	c.set("steps", int64(r.Epochs)*int64(r.steps))
	run := c.Call
	if r.hurries() {
		run = func(ctx context.Context) error { return r.hurry(ctx, c) }
	}
	if err := run(ctx); err != nil {
		return 0, fmt.Errorf("epoch %d, step %d: %w", r.epoch+1, r.under.Steps+1, err)
	}
	return c.Output("loss").Float(0), nil
}

// saveBest writes the model's own weights, and what is known of them.
func (r *run) saveBest() error {
	var weights bytes.Buffer
	if err := data.WriteSafetensors(&weights, Weights(r.session, Lasting)); err != nil {
		return fmt.Errorf("encode the best weights: %w", err)
	}
	about, err := json.MarshalIndent(About{r.epoch, r.Seed, r.digest, r.last.Train, r.last.Valid}, "", " ")
	if err != nil {
		return fmt.Errorf("encode the best weights: %w", err)
	}
	if err := r.folder.put(BestFile, weights.Bytes()); err != nil {
		return fmt.Errorf("save the best weights %s: %w", r.folder.name(BestFile), err)
	}
	if err := r.folder.put(BestAbout, append(about, '\n')); err != nil {
		return fmt.Errorf("save what is known of the best weights, %s: %w", r.folder.name(BestAbout), err)
	}
	return nil
}
