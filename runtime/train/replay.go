package train

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strings"

	"dlc/runtime"
)

// A divergedEvent ends the log of a run whose numbers have left the finite ones.
type divergedEvent struct {
	Event string `json:"event"` // diverged
	Epoch int    `json:"epoch"`
	Step  int    `json:"step"`     // of the epoch
	Of    int64  `json:"run_step"` // of the run
}

// stray ends a run whose numbers have left the finite ones, at a step of the run: nothing of them
// is saved, and the log tells where that was unless it still is an earlier run's.
func (r *run) stray(what string, step int64) error {
	at := min(r.under.Steps+1, r.steps)
	err := &Diverged{text: fmt.Sprintf("%s at step %d of epoch %d (step %d of the run), so the run stops; %s; a smaller learning rate often helps, or look for such numbers in the data",
		what, at, r.epoch+1, r.epoch*r.steps+at, r.kept()), Fresh: r.folder.fresh && len(r.folder.checkpoints()) > 0}
	if _, old := os.Stat(r.folder.name(LogFile)); !r.log.begun && !errors.Is(old, fs.ErrNotExist) {
		return err
	}
	if failed := r.log.write(divergedEvent{"diverged", r.epoch + 1, at, step}); failed != nil {
		return errors.Join(err, failed)
	}
	return err
}

// strayed returns the step in which, by its log, a run diverged; 0 where none did behind step after.
func (f *folder) strayed(after int64) int64 {
	text, err := os.ReadFile(f.name(LogFile))
	if err != nil {
		return 0 // nothing is known, so all is looked at
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	var e divergedEvent
	if json.Unmarshal(lines[len(lines)-1], &e) != nil || e.Event != "diverged" || e.Of <= after {
		return 0
	}
	return e.Of
}

// findStray looks up where the run diverged behind a checkpoint, or behind its beginning.
func (r *run) findStray(c *checkpoint) {
	after := int64(0)
	if c != nil {
		after = c.Step
	}
	if r.strayedAt = r.folder.strayed(after); r.strayedAt > after+1 {
		r.Report.Note(fmt.Sprintf("the run diverged at step %d: the steps before it are repeated without looking", r.strayedAt))
	}
}

// watch runs the calls of a checked run. Those before the step in which an ordinary run diverged
// are not looked at.
func (r *run) watch(ctx context.Context, c *runtime.Call) error {
	if !r.hurries() {
		return r.Watch(ctx, c)
	}
	return c.Follow(func(i int) error { return c.Launch(ctx, i) })
}

// hurries reports whether the step under way is one of those that are not looked at.
func (r *run) hurries() bool { return r.Watch != nil && r.step+1 < r.strayedAt }

// hurry does a step without looking. Where numbers leave the finite ones the weights are put back
// to before it, and it is done again under watch, as is all that follows.
func (r *run) hurry(ctx context.Context, step *call) error {
	var before [][]byte
	for _, w := range r.session.Weights() {
		before = append(before, bytes.Clone(w.Data))
	}
	finite := strays(r.session)
	if err := step.Call(ctx); err != nil {
		return err
	}
	if v := step.Output("loss").Float(0); !math.IsNaN(v) && !math.IsInf(v, 0) && strays(r.session) <= finite {
		return nil
	}
	for i, w := range r.session.Weights() {
		copy(w.Data, before[i])
	}
	r.strayedAt = 0
	return step.Call(ctx)
}

// strays counts the numbers of a model and its optimizer that are not finite.
func strays(s *runtime.Session) int {
	n := 0
	for _, w := range s.Weights() {
		if strings.HasPrefix(w.Path, "metric/") {
			continue // may well count from infinity
		}
		t := s.Weight(w.Path)
		for i := range t.Len() {
			if v := t.Float(i); math.IsNaN(v) || math.IsInf(v, 0) {
				n++
			}
		}
	}
	return n
}
