package mutate

import (
	"errors"
	"fmt"
	"strings"

	"dlc/codegen/ptx/emulate"
)

// Trial is one launch of an entry with fresh buffers, and what it must compute.
type Trial struct {
	Entry  string
	Launch emulate.Launch
	Check  func() error // looks at the launch's buffers when it has ended
}

// Verdict tells how a mutant ended.
type Verdict struct {
	Mutant
	Caught bool
	By     string // what caught it: "refused", a kind of fault, or "wrong result"; "" when nothing did
}

// limitFactor is how many times the original's steps a mutant may take.
const limitFactor = 20

// Judge runs every mutant over the trials, which makes anew each time, until one catches it. The original must
// pass them all.
func Judge(text string, mutants []Mutant, trials func() []Trial) ([]Verdict, error) {
	m, err := emulate.Parse(text)
	if err != nil {
		return nil, err
	}
	var steps []int
	for i, t := range trials() {
		report, err := t.run(m)
		if err != nil {
			return nil, fmt.Errorf("trial %d of the text without a mistake: %w", i, err)
		}
		steps = append(steps, limitFactor*(report.Steps+1000))
	}
	var out []Verdict
	for _, v := range mutants {
		by := judge(v.Text, trials(), steps)
		out = append(out, Verdict{v, by != "", by})
	}
	return out, nil
}

// judge gives what catches a text, "" when nothing does.
func judge(text string, trials []Trial, steps []int) string {
	m, err := emulate.Parse(text)
	if err != nil {
		return "refused"
	}
	for i, t := range trials {
		t.Launch.Limit = steps[i]
		_, err := t.run(m)
		var f *emulate.Fault
		switch {
		case errors.As(err, &f):
			return string(f.Kind)
		case err != nil:
			return "wrong result"
		}
	}
	return ""
}

func (t Trial) run(m *emulate.Module) (*emulate.Report, error) {
	e, err := m.Entry(t.Entry)
	if err != nil {
		return nil, err
	}
	report, err := e.Run(t.Launch)
	if err != nil {
		return nil, err
	}
	return report, t.Check()
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
		fmt.Fprintf(&b, "not caught: %s\n", v.Mutant)
	}
	fmt.Fprintf(&b, "%d of %d caught:", caught, len(list))
	for _, k := range kinds {
		fmt.Fprintf(&b, " %s %d", k, counts[k])
	}
	b.WriteString("\n")
	return caught, b.String()
}
