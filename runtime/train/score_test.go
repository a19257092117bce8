package train_test

import (
	"context"
	"encoding/json"
	"math"
	"runtime"
	"strings"
	"testing"

	dlcruntime "dlc/runtime"
	"dlc/runtime/data"
	"dlc/runtime/program"
	"dlc/runtime/train"
)

func TestMonitor(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		score, mode string
		values      []float64
		best        string // a 1 for each that is the best so far
		waited      int
	}{
		{"valid.loss", "min", []float64{3, 2, 2, 1, 4}, "11010", 1},
		{"valid.accuracy", "max", []float64{0.1, 0.3, 0.3, 0.2}, "1100", 2},
		{"train.loss", "min", []float64{nan, nan, 5, nan, 4}, "10101", 0},
		{"train.loss", "max", []float64{math.Inf(-1), -3, math.Inf(1), nan}, "1110", 1},
	} {
		m := monitor(t, c.score, c.mode)
		part, name, _ := strings.Cut(c.score, ".")
		got := ""
		for i, v := range c.values {
			scores := map[string]train.Scores{part: {name: v}}
			best, err := m.Update(i+1, scores["train"], scores["valid"])
			if err != nil {
				t.Fatal(err)
			}
			got += map[bool]string{true: "1", false: "0"}[best]
		}
		if got != c.best || m.Waited(len(c.values)) != c.waited {
			t.Errorf("%s %v: best %s, waited %d", c.score, c.values, got, m.Waited(len(c.values)))
		}
	}
	for _, wrong := range [][2]string{{"", "min"}, {"loss", "min"}, {"test.loss", "min"}, {"valid.", "max"}, {"valid.loss", ""}, {"valid.loss", "least"}} {
		if _, err := train.NewMonitor(wrong[0], wrong[1]); err == nil {
			t.Errorf("monitor %q is taken", wrong)
		}
	}
	if _, err := monitor(t, "valid.f1", "max").Update(1, nil, train.Scores{"loss": 1, "accuracy": 0}); err == nil || !strings.Contains(err.Error(), "accuracy, loss") {
		t.Errorf("%v does not say which scores there are", err)
	}
}

func TestScoresJSON(t *testing.T) {
	tenth := 0.1
	s := train.Scores{"loss": math.NaN(), "b": math.Inf(1), "a": math.Inf(-1), "accuracy": tenth + 0.2, "tiny": 5e-324}
	text, err := json.Marshal(s)
	if want := `{"a":"-Inf","accuracy":0.30000000000000004,"b":"+Inf","loss":"NaN","tiny":5e-324}`; err != nil || string(text) != want {
		t.Fatalf("%s, %v", text, err)
	}
	var back train.Scores
	if err := json.Unmarshal(text, &back); err != nil || len(back) != len(s) {
		t.Fatal(back, err)
	}
	for name, v := range s {
		if math.Float64bits(back[name]) != math.Float64bits(v) && !(math.IsNaN(v) && math.IsNaN(back[name])) {
			t.Errorf("%s: %v, not %v", name, back[name], v)
		}
	}
	var none train.Scores
	if err := json.Unmarshal([]byte("null"), &none); err != nil || none != nil {
		t.Error(none, err)
	}
	for _, wrong := range []string{`{"a":"b"}`, `{"a":true}`, `{"a":null}`, `[1]`} {
		if err := json.Unmarshal([]byte(wrong), &none); err == nil {
			t.Errorf("%s is taken", wrong)
		}
	}
}

// Events and their log say the same, and the scores of the end are those that scoring the
// weights gives.
func TestEvents(t *testing.T) {
	l := &listener{}
	j := job(t, stepwise, l)
	done := run(t, j)
	lines := strings.Split(strings.TrimSpace(content(t, j.Dir, train.LogFile)), "\n")
	if len(lines) != 4 || len(l.epochs) != 3 || l.steps != 66 {
		t.Fatalf("%d lines, %d epochs, %d steps", len(lines), len(l.epochs), l.steps)
	}
	for i, e := range l.epochs {
		if text, _ := json.Marshal(e); string(text) != lines[i] || e.Epoch != i+1 || e.Rate <= 0 || e.Rate > 1e9 {
			t.Errorf("event %s, logged as %s", text, lines[i])
		}
	}
	if text, _ := json.Marshal(done); string(text) != lines[3] || done.Valid["loss"] != l.epochs[2].Valid["loss"] {
		t.Errorf("event %s, logged as %s", text, lines[3])
	}
}

// A loss or a parameter that is no finite number ends the run, which says where, and keeps what
// was saved before.
func TestDiverging(t *testing.T) {
	for name, c := range map[string]struct {
		replace []string
		epochs  int
		want    []string
	}{
		"loss": {[]string{"cosine(0.02, warmup=5)", "step(5.0, every=30, factor=1e38)"}, 3,
			[]string{"the loss is", "of epoch 2", "the checkpoint after step 22 is kept"}},
		"parameter": {[]string{"cosine(0.02, warmup=5)", "step(5.0, every=21, factor=1e38)"}, 1,
			[]string{"not finite", "at step 22 of epoch 1 (step 22 of the run)", "there is no checkpoint of this run"}},
	} {
		l := &listener{}
		j := job(t, func() (*program.Model, error) { return compile(c.replace...) }, l)
		j.Epochs = c.epochs
		_, err := train.Run(context.Background(), j)
		if err == nil {
			t.Fatalf("%s: the run went to its end", name)
		}
		for _, part := range c.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %v does not say %q", name, err, part)
			}
		}
		again := &listener{}
		j.Resume, j.Report = true, again
		if _, twice := train.Run(context.Background(), j); twice == nil || twice.Error() != err.Error() {
			t.Errorf("%s: %v, then %v", name, err, twice)
		}
		if len(l.epochs) > 0 && again.plan.First != len(l.epochs)+1 {
			t.Errorf("%s: the run went on in epoch %d", name, again.plan.First)
		}
	}
}

// Steps leave no garbage behind, nor does the number of epochs.
func TestStepsAllocateNothing(t *testing.T) {
	var before, after runtime.MemStats
	l := &listener{}
	j := job(t, stepwise, l)
	l.onStep = func(p train.Progress) {
		switch {
		case p.Epoch == 2 && p.Step == 2:
			runtime.ReadMemStats(&before)
		case p.Epoch == 2 && p.Step == 20:
			runtime.ReadMemStats(&after)
		}
	}
	run(t, j)
	if n := after.Mallocs - before.Mallocs; n > 18 {
		t.Errorf("%d allocations in 18 steps", n)
	}
}

// Scores of a part do not depend on the batch they are computed in, beyond rounding.
func TestScoreModel(t *testing.T) {
	m, err := stepwise()
	if err != nil {
		t.Fatal(err)
	}
	d := digits(t)
	var first train.Scores
	for _, batch := range []int{64, 1, 7, 1000} {
		s, err := train.ScoreModel(context.Background(), m, d, data.Test, batch, dlcruntime.Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = s
		}
		if math.Abs(s["loss"]-first["loss"]) > 1e-6*first["loss"] || s["accuracy"] != first["accuracy"] {
			t.Errorf("batch %d: %v, not %v", batch, s, first)
		}
	}
	if s, err := train.ScoreModel(context.Background(), m, unvalidated(t), data.Valid, 8, dlcruntime.Options{Threads: 1}); s != nil || err != nil {
		t.Errorf("%v, %v of no records", s, err)
	}
}
