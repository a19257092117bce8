package main

import (
	"fmt"
	"maps"
	"strings"

	"dlc"
	"dlc/runtime/data"
	"dlc/runtime/program"
	"dlc/runtime/train"
)

// checkable refuses promises about scores that a run on this data does not have, before it begins.
func checkable(promises []dlc.Promise, d *data.Dataset) error {
	for _, p := range promises {
		if part, _, isScore := scored(p); isScore && d.Len(data.Part(part)) == 0 {
			return fmt.Errorf("%s: `%s` cannot be checked: the data has no %s part", p.Span, p.Text, part)
		}
	}
	return nil
}

// scored returns the part and the name of the score that a promise is about, if it is about one.
func scored(p dlc.Promise) (part, name string, ok bool) {
	part, name, _ = strings.Cut(p.Subject, ".")
	return part, name, part == "train" || part == "valid" || part == "test"
}

// keepTraining holds a run to the promises about its scores and its memory. It returns a line for
// each that is kept; the error names all that fall short.
func keepTraining(promises []dlc.Promise, m *program.Model, batch int, scores map[string]train.Scores) (kept []string, err error) {
	var short []string
	for _, p := range promises {
		part, name, isScore := scored(p)
		v, text := scores[part][name], figure(scores[part][name])
		switch {
		case p.Subject == "memory.train":
			at := map[string]int64{"N": int64(batch)}
			maps.Copy(at, p.At)
			s, err := measure(m.Entry("train"), at)
			if err != nil {
				return kept, fmt.Errorf("%s: `%s`: %w", p.Span, p.Text, err)
			}
			v, text = float64(s.Memory), thousands(s.Memory)
		case !isScore:
			continue
		}
		if holds(v, p.Op, p.Value) {
			kept = append(kept, fmt.Sprintf("%s: it is %s", p.Text, text))
		} else {
			short = append(short, fmt.Sprintf("%s: %s, but it is %s", p.Span, p.Text, text))
		}
	}
	return kept, fallShort(short)
}

// keepBudgets holds a built model to the promises about memory, size and work.
func keepBudgets(promises []dlc.Promise, m *program.Model, size int64) error {
	var short []string
	for _, p := range promises {
		var v int64
		switch p.Subject {
		case "size":
			v = size
		case "memory.infer", "flops", "flops.infer":
			s, err := measure(m.Entry("infer"), p.At)
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
