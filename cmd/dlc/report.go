package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"dlc/runtime/train"
)

// newReporter shows a run: JSON lines when asked for, a progress bar on a terminal, else lines.
func newReporter(out, errs io.Writer, asJSON, terminal bool) train.Reporter {
	switch {
	case asJSON:
		return &jsonReport{out: json.NewEncoder(out), errs: errs}
	case terminal:
		return &barReport{lineReport: lineReport{out: out, errs: errs}}
	}
	return &lineReport{out: out, errs: errs}
}

// jsonReport writes one event a line.
type jsonReport struct {
	out  *json.Encoder
	errs io.Writer
}

func (r *jsonReport) Begin(train.Plan)         {}
func (r *jsonReport) Step(train.Progress)      {}
func (r *jsonReport) Epoch(e train.EpochEvent) { r.out.Encode(e) }
func (r *jsonReport) Done(e train.DoneEvent)   { r.out.Encode(e) }
func (r *jsonReport) Note(text string)         { fmt.Fprintln(r.errs, "note:", text) }

// lineReport writes one line an epoch.
type lineReport struct {
	out, errs io.Writer
	plan      train.Plan
}

func (r *lineReport) Begin(p train.Plan) {
	r.plan = p
	fmt.Fprintf(r.out, "%s: %s parameters, %s training records", p.Model, thousands(p.Parameters), thousands(int64(p.Train)))
	if p.Valid > 0 {
		fmt.Fprintf(r.out, ", %s to validate", thousands(int64(p.Valid)))
	}
	if p.Test > 0 {
		fmt.Fprintf(r.out, ", %s to test", thousands(int64(p.Test)))
	}
	fmt.Fprintf(r.out, "; %d epochs of %d steps, batch %d, %d threads, seed %d\n", p.Epochs, p.StepsPerEpoch, p.Batch, p.Threads, p.Seed)
}

func (r *lineReport) Step(train.Progress) {}

func (r *lineReport) Epoch(e train.EpochEvent) {
	fmt.Fprintf(r.out, "epoch %d/%d  %s", e.Epoch, r.plan.Epochs, scores("train", e.Train))
	best := ""
	if e.Valid != nil {
		fmt.Fprintf(r.out, "  %s", scores("valid", e.Valid))
		if e.Best {
			best = "  best"
		}
	}
	fmt.Fprintf(r.out, "  %s samples/s  %.1f s%s\n", thousands(int64(e.Rate)), e.Seconds, best)
}

func (r *lineReport) Done(e train.DoneEvent) {
	fmt.Fprintf(r.out, "%s after %d epochs and %.1f s", e.Reason, e.Epochs, e.Seconds)
	if e.Test != nil {
		fmt.Fprintf(r.out, "  %s", scores("test", e.Test))
	}
	fmt.Fprintf(r.out, "\nweights sha256 %s\n", e.WeightsSHA256)
}

func (r *lineReport) Note(text string) { fmt.Fprintln(r.errs, "note:", text) }

// barReport adds a bar for the epoch under way: loss, samples a second, time left.
type barReport struct {
	lineReport
	bar  *progressbar.ProgressBar
	last time.Time
	rows int
}

func (r *barReport) Step(p train.Progress) {
	if r.bar == nil {
		r.bar = progressbar.NewOptions(p.Records, progressbar.OptionSetWriter(r.errs), progressbar.OptionSetWidth(24),
			progressbar.OptionShowIts(), progressbar.OptionSetItsString("samples"), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth())
	}
	r.rows += p.Rows
	if time.Since(r.last) < 100*time.Millisecond && p.Step < p.Steps {
		return
	}
	r.last = time.Now()
	r.bar.Describe(fmt.Sprintf("epoch %d/%d  loss %.4f", p.Epoch, r.plan.Epochs, p.Loss))
	r.bar.Set(r.rows)
}

func (r *barReport) Epoch(e train.EpochEvent) {
	if r.bar != nil {
		r.bar.Finish()
	}
	r.bar, r.rows = nil, 0
	r.lineReport.Epoch(e)
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
		fmt.Fprintf(&b, " %s %.4f", n, s[n])
	}
	return b.String()
}

// thousands prints 54,000.
func thousands(n int64) string {
	s := fmt.Sprint(n)
	for at := len(s) - 3; at > 0 && s[at-1] != '-'; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}
