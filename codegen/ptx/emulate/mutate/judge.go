package mutate

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"dlc/codegen/ptx/emulate"
)

// Trial is one launch of an entry. Prepare makes it with fresh buffers each time, and a function that looks at
// them when it has ended.
type Trial struct {
	Entry   string
	Prepare func() (launch emulate.Launch, check func() error)

	work  int
	steps int // that a mutant may take; 0 before it is known
}

// Record makes a trial of a launch that is about to run; the function that it returns is called when it has
// run, and takes what it left in its buffers for right.
func Record(entry string, l emulate.Launch) (trial Trial, done func()) {
	before, _ := l.Clone()
	var after []*emulate.Buffer
	trial = Trial{Entry: entry, Prepare: func() (emulate.Launch, func() error) {
		again, now := before.Clone()
		return again, func() error {
			for i, b := range now {
				if !bytes.Equal(b.Data, after[i].Data) || b.Written() != after[i].Written() {
					return fmt.Errorf("%s differs", b.Name)
				}
			}
			return nil
		}
	}}
	return trial, func() { _, after = l.Clone() }
}

// Verdict tells how a mutant ended.
type Verdict struct {
	Mutant
	Caught  bool
	By      string // what caught it: "refused", a kind of fault, or "wrong result"; "" when nothing did
	Reached bool   // whether any trial comes to the line
	Reason  string // why it means the same, where that is known
	Remark  string // what else is known of it

	seen emulate.Seen // of the line in all trials
}

// A mutant may take limitFactor times the original's steps and limitPlus more.
const (
	limitFactor = 4
	limitPlus   = 20000
)

// Judge runs every mutant over the trials of its entry until one catches it. The text without a mistake must
// pass them all; how long it takes is kept in the trials.
func Judge(text string, mutants []Mutant, trials []Trial) ([]Verdict, error) {
	m, err := emulate.Parse(text)
	if err != nil {
		return nil, err
	}
	cut := separable(text, trials)
	seen := map[string]map[int]emulate.Seen{} // by entry and line
	for i, t := range trials {
		report, err := t.run(m, 0)
		if err != nil {
			return nil, fmt.Errorf("trial %d of the text without a mistake: %w", i, err)
		}
		trials[i].steps = limitFactor*report.Steps + limitPlus
		if seen[t.Entry] == nil {
			seen[t.Entry] = map[int]emulate.Seen{}
		}
		e, err := m.Entry(t.Entry)
		if err != nil {
			return nil, err
		}
		for at, line := range e.Lines() {
			seen[t.Entry][line] |= report.Seen[at]
		}
	}
	var out []Verdict
	order := make([]int, len(trials))
	for i := range order {
		order[i] = i
	}
	for _, v := range mutants {
		by := judge(v, trials, order, cut[v.Entry])
		s := seen[v.Entry][v.Line]
		out = append(out, Verdict{Mutant: v, Caught: by != "", By: by, Reached: s&emulate.Reached != 0, seen: s})
	}
	return out, nil
}

// judge gives what catches a mutant, "" when nothing does. The trial that does so moves to the front of
// the order: it will catch others.
func judge(v Mutant, trials []Trial, order []int, cut bool) string {
	m, err := parseEntry(v.Text, v.Entry, cut)
	if err != nil {
		return "refused"
	}
	for at, i := range order {
		t := trials[i]
		if t.Entry != v.Entry {
			continue
		}
		_, err := t.run(m, t.steps)
		if err == nil {
			continue
		}
		copy(order[1:at+1], order[:at])
		order[0] = i
		var f *emulate.Fault
		if errors.As(err, &f) {
			return string(f.Kind)
		}
		return "wrong result"
	}
	return ""
}

func (t Trial) run(m *emulate.Module, limit int) (*emulate.Report, error) {
	return t.traced(m, limit, 0)
}

func (t Trial) traced(m *emulate.Module, limit, line int) (*emulate.Report, error) {
	e, err := m.Entry(t.Entry)
	if err != nil {
		return nil, err
	}
	launch, check := t.Prepare()
	launch.Limit, launch.Trace = limit, line
	report, err := e.Run(launch)
	if err != nil {
		return nil, err
	}
	return report, check()
}

// Tally counts verdicts, and names the mutants that nothing caught.
func Tally(list []Verdict) (caught int, text string) {
	counts := map[string]int{}
	var kinds []string
	var b strings.Builder
	for _, v := range list {
		if v.Caught {
			caught++
			if counts[v.By]++; counts[v.By] == 1 {
				kinds = append(kinds, v.By)
			}
			continue
		}
		if !v.Reached {
			b.WriteString("not reached, ")
		}
		fmt.Fprintf(&b, "not caught: %s in %s\n", v.Mutant, v.Shape)
		if v.Reason+v.Remark != "" {
			fmt.Fprintf(&b, "    %s%s\n", v.Reason, v.Remark)
		}
	}
	fmt.Fprintf(&b, "%d of %d caught:", caught, len(list))
	for _, k := range kinds {
		fmt.Fprintf(&b, " %s %d", k, counts[k])
	}
	b.WriteString("\n")
	return caught, b.String()
}
