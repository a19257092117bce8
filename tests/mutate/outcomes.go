package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// An outcome is what became of a mistake.
type outcome struct {
	Key     string
	Caught  string // the first test that failed; empty: none
	Refused bool   // the Go compiler does not take it
	Whole   bool   // it has met all tests, not the quick ones alone
}

// String is the outcome's line.
func (o *outcome) String() string {
	became := "survives the quick tests"
	switch {
	case o.Refused:
		became = "does not compile"
	case o.Caught != "":
		became = "caught by " + o.Caught
	case o.Whole:
		became = "survives"
	}
	return o.Key + "\t" + became
}

// outcomes are those known, by key.
type outcomes map[string]*outcome

func readOutcomes(file string) (outcomes, error) {
	known := outcomes{}
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		key, became, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok {
			return nil, fmt.Errorf("%s: a line without a tab: %s", file, line)
		}
		test, caught := strings.CutPrefix(became, "caught by ")
		o := &outcome{Key: key, Refused: became == "does not compile", Whole: became == "survives"}
		if caught {
			o.Caught = test
		}
		known[key] = o
	}
	return known, nil
}

// forget drops what survived without a reason and has that in its key.
func (known outcomes) forget(part string, reasons map[string]string) {
	for key, o := range known {
		if part != "" && !o.Refused && o.Caught == "" && reasons[key] == "" && (part == "all" || strings.Contains(key, part)) {
			delete(known, key)
		}
	}
}

func (known outcomes) write(file string) error {
	var b strings.Builder
	for _, o := range slices.SortedFunc(maps.Values(known), func(a, b *outcome) int { return cmp.Compare(a.Key, b.Key) }) {
		fmt.Fprintln(&b, o)
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

// readReasons reads a key, a tab and a reason from each line.
func readReasons(file string) (map[string]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	reasons := map[string]string{}
	for line := range strings.Lines(string(text)) {
		key, why, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok {
			return nil, fmt.Errorf("%s: a line without a tab: %s", file, line)
		}
		reasons[key] = why
	}
	return reasons, nil
}
