package train

import (
	"context"
	"fmt"

	"dlc/runtime"
	"dlc/runtime/data"
	"dlc/runtime/program"
)

// A Scorer computes loss and metrics over a part of a data set with the entries that a deployed
// artifact has: prepare, infer, score, reset and metrics.
type Scorer struct {
	session *runtime.Session
	model   *program.Model
	data    *data.Dataset
	batch   int
	calls   map[binding]*call
	column  map[string][]byte // where a batch's raw columns go
}

// A binding is an entry at a batch size.
type binding struct {
	entry string
	rows  int
}

// A call is a bound entry with the names of its inputs and outputs.
type call struct {
	*runtime.Bound
	inputs, outputs []string
}

// NewScorer scores the data in batches of the given size, on a session of m.
func NewScorer(m *program.Model, s *runtime.Session, d *data.Dataset, batch int) (*Scorer, error) {
	if batch <= 0 {
		return nil, fmt.Errorf("a batch holds at least one record, not %d", batch)
	}
	return &Scorer{session: s, model: m, data: d, batch: batch, calls: map[binding]*call{}, column: map[string][]byte{}}, nil
}

// bind returns the entry's call for a batch of rows, 0 where it has none; each is bound once.
func (s *Scorer) bind(entry string, rows int) (*call, error) {
	key := binding{entry, rows}
	if c := s.calls[key]; c != nil {
		return c, nil
	}
	var symbols map[string]int64
	if rows > 0 {
		symbols = map[string]int64{"N": int64(rows)}
	}
	b, err := s.session.Bind(entry, symbols)
	if err != nil {
		return nil, err
	}
	c := &call{Bound: b}
	for _, x := range s.model.Entry(entry).Buffers {
		switch x.Class {
		case program.Input:
			c.inputs = append(c.inputs, x.Name)
		case program.Output:
			c.outputs = append(c.outputs, x.Name)
		}
	}
	s.calls[key] = c
	return c, nil
}

// Score runs over all records of a part in order; nil when it has none.
func (s *Scorer) Score(ctx context.Context, part data.Part) (Scores, error) {
	n := s.data.Len(part)
	if n == 0 {
		return nil, nil
	}
	if err := s.reset(ctx); err != nil {
		return nil, err
	}
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	sum := 0.0
	for at := 0; at < n; at += s.batch {
		some := rows[at:min(n, at+s.batch)]
		loss, err := s.one(ctx, part, some)
		if err != nil {
			return nil, err
		}
		sum += loss * float64(len(some))
	}
	out := Scores{"loss": sum / float64(n)}
	return out, s.metrics(ctx, out)
}

// one scores a batch: raw columns through prepare and infer to score.
func (s *Scorer) one(ctx context.Context, part data.Part, rows []int) (loss float64, err error) {
	var score *call
	values := map[string][]byte{}
	for _, entry := range []string{"prepare", "infer", "score"} {
		c, err := s.bind(entry, len(rows))
		if err != nil {
			return 0, err
		}
		if entry == "prepare" {
			if err := s.feed(c, part, rows); err != nil {
				return 0, err
			}
		} else if err := c.take(entry, values); err != nil {
			return 0, err
		}
		if err := c.Call(ctx); err != nil {
			return 0, err
		}
		for _, name := range c.outputs {
			v := c.Output(name).Data
			if _, isColumn := values[name]; !isColumn {
				values[name] = v
			}
			values[s.model.Name+"."+name] = v // as score calls an output that shares its name with a column
		}
		score = c
	}
	return score.Output("loss").Float(0), nil
}

// take copies values to the inputs of a call by name.
func (c *call) take(entry string, values map[string][]byte) error {
	for _, name := range c.inputs {
		to, v := c.Input(name).Data, values[name]
		if len(v) != len(to) {
			return fmt.Errorf("BUG: entry %s wants an input %s that nothing before it makes", entry, name)
		}
		copy(to, v)
	}
	return nil
}

// feed copies the raw columns of the given records to the inputs of a call.
func (s *Scorer) feed(c *call, part data.Part, rows []int) error {
	clear(s.column)
	for _, name := range c.inputs {
		if name != "seed" && name != "step" && name != "steps" {
			s.column[name] = c.Input(name).Data
		}
	}
	return s.data.Batch(part, rows, s.column)
}

func (s *Scorer) reset(ctx context.Context) error { return s.run(ctx, "reset") }

// run calls an entry without inputs.
func (s *Scorer) run(ctx context.Context, entry string) error {
	c, err := s.bind(entry, 0)
	if err != nil {
		return err
	}
	return c.Call(ctx)
}

// metrics adds the result of each metric to out.
func (s *Scorer) metrics(ctx context.Context, out Scores) error {
	if err := s.run(ctx, "metrics"); err != nil {
		return err
	}
	c := s.calls[binding{"metrics", 0}]
	for _, name := range c.outputs {
		out[name] = c.Output(name).Float(0)
	}
	return nil
}

// set gives an input of rank 0 its value, when the entry has that input.
func (c *call) set(name string, v int64) {
	if x := c.Input(name); x != nil {
		x.SetInt(0, v)
	}
}

// ScoreModel scores a model on a part of a data set; the scores are nil where it has no records.
func ScoreModel(ctx context.Context, m *program.Model, d *data.Dataset, part data.Part, batch int, o runtime.Options) (out Scores, err error) {
	err = onSession(m, o, func(s *runtime.Session) error {
		scorer, err := NewScorer(m, s, d, batch)
		if err == nil {
			out, err = scorer.Score(ctx, part)
		}
		return err
	})
	return out, err
}
