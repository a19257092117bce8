package train

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Monitor watches one score, `valid.loss` unless said otherwise, and knows when it improves.
type Monitor struct {
	Score string // part.name
	Max   bool   // larger is better
	best  float64
	epoch int // of the best, 0 before the first
}

// NewMonitor watches a score. mode is min, max or "" (a loss or an error falls, the rest rises).
func NewMonitor(score, mode string) (*Monitor, error) {
	if score == "" {
		score = "valid.loss"
	}
	part, name, ok := strings.Cut(score, ".")
	if !ok || part != "train" && part != "valid" {
		return nil, fmt.Errorf("monitor %q: a score is written train.NAME or valid.NAME", score)
	}
	m := &Monitor{Score: score}
	switch mode {
	case "min":
	case "max":
		m.Max = true
	case "":
		m.Max = !strings.Contains(name, "loss") && !strings.Contains(name, "error")
	default:
		return nil, fmt.Errorf("monitor %q: mode is min or max, not %q", score, mode)
	}
	return m, nil
}

// Update takes an epoch's scores; it reports whether they are the best so far. Without the
// watched score (no validation part) the newest epoch is the best. A NaN is never best, unless
// there is nothing better.
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
	case m.epoch == 0 || math.IsNaN(m.best):
		best = true
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

// mark and restore carry a Monitor's memory over a checkpoint.
func (m *Monitor) mark() mark {
	return mark{Best: strconv.FormatFloat(m.best, 'g', -1, 64), Epoch: m.epoch}
}

func (m *Monitor) restore(k mark) (err error) {
	m.epoch = k.Epoch
	m.best, err = strconv.ParseFloat(k.Best, 64)
	return err
}
