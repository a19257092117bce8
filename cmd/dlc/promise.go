package main

import (
	"fmt"
	"strings"

	"dlc"
	"dlc/runtime/program"
	"dlc/runtime/train"
)

// keepMetrics holds a run's scores to the promises about them; errors name all that fall short.
func keepMetrics(promises []dlc.Promise, scores map[string]train.Scores) error {
	var short []string
	for _, p := range promises {
		part, name, _ := strings.Cut(p.Subject, ".")
		if part != "valid" && part != "test" && part != "train" {
			continue
		}
		v, ok := scores[part][name]
		if !ok {
			return fmt.Errorf("%s: `%s` cannot be checked: the run has no %s scores", p.Span, p.Text, part)
		}
		if !holds(v, p.Op, p.Value) {
			short = append(short, fmt.Sprintf("%s: %s, but it is %.4f", p.Span, p.Text, v))
		}
	}
	return fallShort(short)
}

// keepBudgets holds a built model to the promises about memory, size and work.
func keepBudgets(promises []dlc.Promise, m *program.Model, size int64) error {
	var short []string
	for _, p := range promises {
		var v int64
		switch p.Subject {
		case "size":
			v = size
		case "memory.infer", "memory.train", "flops", "flops.infer":
			entry := "infer"
			if p.Subject == "memory.train" {
				entry = "train"
			}
			e := m.Entry(entry)
			if e == nil {
				continue // what build ships has no such entry
			}
			s, err := measure(e, p.At)
			if err != nil {
				return fmt.Errorf("%s: `%s`: %w", p.Span, p.Text, err)
			}
			v = s.Memory
			if strings.HasPrefix(p.Subject, "flops") {
				v = s.Flops
			}
		default:
			continue
		}
		if !holds(float64(v), p.Op, p.Value) {
			short = append(short, fmt.Sprintf("%s: %s, but it is %s", p.Span, p.Text, thousands(v)))
		}
	}
	return fallShort(short)
}

func fallShort(short []string) error {
	if len(short) == 0 {
		return nil
	}
	return fmt.Errorf("%w:\n  %s", errPromise, strings.Join(short, "\n  "))
}

func holds(v float64, op string, bound float64) bool {
	switch op {
	case "<=":
		return v <= bound
	case "<":
		return v < bound
	case ">=":
		return v >= bound
	case ">":
		return v > bound
	case "==":
		return v == bound
	case "!=":
		return v != bound
	}
	panic("BUG: promise with operator " + op)
}

// measure returns the memory and the work of a call at the given symbols, 1 for the others: the
// arena, inputs and outputs.
func measure(e *program.Entry, at map[string]int64) (*signature, error) {
	symbols := map[string]int64{}
	for _, n := range e.Symbols {
		symbols[n] = 1
	}
	for n, v := range at {
		symbols[n] = v
	}
	p, err := program.Place(e, symbols)
	if err != nil {
		return nil, err
	}
	s := &signature{Name: e.Name, Memory: p.Total}
	s.Flops, _ = e.Flops.Eval(symbols)
	for _, b := range e.Buffers {
		n, _ := b.Bytes.Eval(symbols)
		switch b.Class {
		case program.Input:
			s.Inputs = append(s.Inputs, port{b.Name, b.Type.String()})
			s.Memory += n
		case program.Output:
			s.Outputs = append(s.Outputs, port{b.Name, b.Type.String()})
			s.Memory += n
		}
	}
	return s, nil
}
