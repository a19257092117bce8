package train

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
)

// Scores are the loss and the metrics of one pass over a part of the data, by name.
type Scores map[string]float64

// MarshalJSON writes the names sorted, and values that JSON has no number for as strings.
func (s Scores) MarshalJSON() ([]byte, error) {
	out := make(map[string]any, len(s))
	for name, v := range s {
		out[name] = v
		if math.IsNaN(v) || math.IsInf(v, 0) {
			out[name] = strconv.FormatFloat(v, 'g', -1, 64)
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (s *Scores) UnmarshalJSON(b []byte) error {
	var in map[string]any
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	if in == nil {
		return nil
	}
	*s = Scores{}
	for name, v := range in {
		switch v := v.(type) {
		case float64:
			(*s)[name] = v
		case string:
			f, err := strconv.ParseFloat(v, 64)
			if err != nil {
				return err
			}
			(*s)[name] = f
		default:
			return fmt.Errorf("score %s is no number", name)
		}
	}
	return nil
}

// Names returns the names, sorted.
func (s Scores) Names() []string { return slices.Sorted(maps.Keys(s)) }
