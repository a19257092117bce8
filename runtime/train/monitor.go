package train

import (
	"fmt"
	"math"
	"strings"
)

// A Monitor watches one score and knows when it improves.
type Monitor struct {
	Score string // part.name, as in valid.loss
	Max   bool   // larger is better
	best  float64
	epoch int // of the best, 0 before the first
}

// NewMonitor watches a score, train.NAME or valid.NAME, whose best is the least or the largest by mode: min or max.
func NewMonitor(score, mode string) (*Monitor, error) {
	part, name, _ := strings.Cut(score, ".")
	switch {
	case name == "" || part != "train" && part != "valid":
		return nil, fmt.Errorf("monitor %q: a score is written train.NAME or valid.NAME", score)
	case mode != "min" && mode != "max":
		return nil, fmt.Errorf("monitor %q: mode is min or max, not %q", score, mode)
	}
	return &Monitor{Score: score, Max: mode == "max"}, nil
}

// Update takes an epoch's scores; it reports whether they are the best so far. Without the
// watched score (no validation part) the newest epoch is the best. A NaN is best only as the first.
func (m *Monitor) Update(epoch int, train, valid Scores) (best bool, err error) {
	part, name, _ := strings.Cut(m.Score, ".")
	scores := valid
	if part == "train" {
		scores = train
	}
	v, ok := scores[name]
	switch {
	case scores == nil:
		best = true
	case !ok:
		return false, fmt.Errorf("monitor %q: there is no such score (there is %s)", m.Score, strings.Join(scores.Names(), ", "))
	case m.epoch == 0:
		best = true
	case math.IsNaN(m.best):
		best = !math.IsNaN(v)
	case m.Max:
		best = v > m.best
	default:
		best = v < m.best
	}
	if best {
		m.best, m.epoch = v, epoch
	}
	return best, nil
}

// Waited returns how many epochs have passed since the best.
func (m *Monitor) Waited(epoch int) int { return epoch - m.epoch }
