package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sort"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"dlc/runtime/train"
)

// A reporter also tells what is known only after the run.
type reporter interface {
	train.Reporter
	promises(kept []string) // those about scores that are kept
	end() error             // of the run, however it ends: what could not be told
}

// newReporter shows a run: JSON lines when asked for, a progress bar on a terminal, else lines.
func newReporter(out, errs io.Writer, asJSON, terminal bool) reporter {
	teller := &teller{to: out}
	switch {
	case asJSON:
		return &jsonReport{teller: teller, errs: errs}
	case terminal:
		return &barReport{lineReport: lineReport{teller: teller, errs: errs}}
	}
	return &lineReport{teller: teller, errs: errs}
}

// A teller remembers the first error of writing.
type teller struct {
	to  io.Writer
	err error
}

func (t *teller) Write(p []byte) (int, error) {
	n, err := t.to.Write(p)
	if t.err == nil && err != nil {
		t.err = fmt.Errorf("report: %w", err)
	}
	return n, err
}

func (t *teller) end() error { return t.err }

// jsonReport writes one event a line.
type jsonReport struct {
	*teller
	errs io.Writer
}

func (r *jsonReport) Begin(train.Plan)         {}
func (r *jsonReport) Step(train.Progress)      {}
func (r *jsonReport) Epoch(e train.EpochEvent) { json.NewEncoder(r).Encode(e) }
func (r *jsonReport) Done(e train.DoneEvent)   { json.NewEncoder(r).Encode(e) }
func (r *jsonReport) Note(text string)         { fmt.Fprintln(r.errs, "note:", text) }
func (r *jsonReport) promises([]string)        {}

// lineReport writes one line an epoch.
type lineReport struct {
	*teller
	errs io.Writer
	plan train.Plan
}

func (r *lineReport) Begin(p train.Plan) {
	r.plan = p
	fmt.Fprintf(r, "%s: %s parameters, %s training records", p.Model, thousands(p.Parameters), thousands(int64(p.Train)))
	if p.Valid > 0 {
		fmt.Fprintf(r, ", %s to validate", thousands(int64(p.Valid)))
	}
	if p.Test > 0 {
		fmt.Fprintf(r, ", %s to test", thousands(int64(p.Test)))
	}
	if p.First > 1 || p.Done > 0 {
		fmt.Fprintf(r, "; resumed in epoch %d after step %d", p.First, p.Done)
	}
	fmt.Fprintf(r, "; %s of %s, batch %d, %s, seed %d\n", plural(p.Epochs, "epoch"), plural(p.StepsPerEpoch, "step"), p.Batch, plural(p.Threads, "thread"), p.Seed)
}

func (r *lineReport) Step(train.Progress) {}

func (r *lineReport) Epoch(e train.EpochEvent) {
	fmt.Fprintf(r, "epoch %d/%d  %s", e.Epoch, r.plan.Epochs, scores("train", e.Train))
	best := ""
	if e.Valid != nil {
		fmt.Fprintf(r, "  %s", scores("valid", e.Valid))
		if e.Best {
			best = "  best"
		}
	}
	fmt.Fprintf(r, "  %s samples/s  %.1f s%s\n", thousands(int64(e.Rate)), e.Seconds, best)
}

func (r *lineReport) Done(e train.DoneEvent) {
	fmt.Fprintf(r, "%s after %s and %.1f s", e.Reason, plural(e.Epochs, "epoch"), e.Seconds)
	if e.Test != nil {
		fmt.Fprintf(r, "  %s", scores("test", e.Test))
	}
	fmt.Fprintf(r, "\nweights sha256 %s\n", e.WeightsSHA256)
}

func (r *lineReport) Note(text string) { fmt.Fprintln(r.errs, "note:", text) }

func (r *lineReport) promises(kept []string) {
	for _, k := range kept {
		fmt.Fprintln(r, "promise kept:", k)
	}
}

// barReport adds a bar for the epoch under way: loss, samples a second, time left.
type barReport struct {
	lineReport
	bar  *progressbar.ProgressBar
	last time.Time
	rows int
}

func (r *barReport) Step(p train.Progress) {
	if r.bar == nil {
		r.rows = max(0, p.Step-1) * r.plan.Batch
		r.bar = progressbar.NewOptions(p.Records, progressbar.OptionSetWriter(r.errs), progressbar.OptionSetWidth(24),
			progressbar.OptionShowIts(), progressbar.OptionSetItsString("samples"), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth())
	}
	r.rows += p.Rows
	if time.Since(r.last) < 100*time.Millisecond && p.Step < p.Steps {
		return
	}
	r.last = time.Now()
	r.bar.Describe(fmt.Sprintf("epoch %d/%d  loss %s", p.Epoch, r.plan.Epochs, figure(p.Loss)))
	r.bar.Set(r.rows)
}

func (r *barReport) Epoch(e train.EpochEvent) {
	r.clear()
	r.lineReport.Epoch(e)
}

// clear takes the bar off the terminal.
func (r *barReport) clear() {
	if r.bar != nil {
		r.bar.Finish()
	}
	r.bar = nil
}

func (r *barReport) end() error {
	r.clear()
	return r.lineReport.end()
}

// scores prints a part's scores, the loss first.
func scores(part string, s train.Scores) string {
	names := make([]string, 0, len(s))
	for n := range s {
		if n != "loss" {
			names = append(names, n)
		}
	}
	sort.Strings(names)
	var b strings.Builder
	b.WriteString(part)
	for _, n := range append([]string{"loss"}, names...) {
		fmt.Fprintf(&b, " %s %s", n, figure(s[n]))
	}
	return b.String()
}

// figure prints a score: 0.9875, 2.3026, but 3.2e-05 and 1.5e+32.
func figure(v float64) string {
	if size := math.Abs(v); size == 0 || size >= 1e-3 && size < 1e6 {
		return fmt.Sprintf("%.4f", v)
	}
	return fmt.Sprintf("%.4g", v)
}

// plural prints 1 epoch, 2 epochs.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// thousands prints 54,000.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for at := len(s) - 3; at > 0 && s[at-1] != '-'; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}
