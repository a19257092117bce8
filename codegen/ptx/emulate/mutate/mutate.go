// Package mutate makes small mistakes in PTX text, mechanically, and tells which of them running the text
// finds: it measures how much the interpreter and the launches of a test see. It knows PTX's statements as
// text, and the interpreter's launches; nothing of what emitted the text.
package mutate

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// Mutant is a text with one mistake.
type Mutant struct {
	Entry string // the kernel it is in
	Line  int    // where it is
	Shape string // the statement without the numbers of registers
	What  string // what was changed, such as "bar.sync dropped"
	Text  string

	at int // of the statement among those of the text
}

// String names the mutant in a report.
func (m Mutant) String() string { return fmt.Sprintf("%s, line %d: %s", m.Entry, m.Line, m.What) }

// edit is a possible mistake: bytes [from,to) replaced.
type edit struct {
	at         int // statement
	from, to   int
	with, what string
}

// Mutants makes up to n different mutants, the same ones for the same seed. Each kind of mistake gets an equal
// share as far as the text has places for it: dropped barriers, fences and waits; other registers; other
// constants; other predicates.
func Mutants(text string, n int, seed uint64) []Mutant {
	list := statements(text)
	out := make([]Mutant, 0, n)
	for _, e := range edits(list, n, seed) {
		out = append(out, e.mutant(text, list))
	}
	return out
}

// Possible lists all that Mutants of that seed makes when it is asked for very many, without their texts.
func Possible(text string, seed uint64) []Mutant {
	list := statements(text)
	var out []Mutant
	for _, e := range edits(list, math.MaxInt, seed) {
		s := list[e.at]
		out = append(out, Mutant{Entry: s.entry, Line: s.line, Shape: s.shape(text), What: e.what, at: e.at})
	}
	return out
}

func (e edit) mutant(text string, list []statement) Mutant {
	s := list[e.at]
	return Mutant{s.entry, s.line, s.shape(text), e.what, text[:e.from] + e.with + text[e.to:], e.at}
}

func edits(list []statement, n int, seed uint64) (out []edit) {
	rng := rand.New(rand.NewPCG(seed, 1))
	kinds := [][]edit{drops(list), registers(list, rng), constants(list, rng), predicates(list, rng)}
	for _, k := range kinds {
		rng.Shuffle(len(k), func(i, j int) { k[i], k[j] = k[j], k[i] })
	}
	for more := true; more && len(out) < n; {
		more = false
		for i, k := range kinds {
			if len(k) == 0 || len(out) == n {
				continue
			}
			out = append(out, k[0])
			kinds[i], more = k[1:], true
		}
	}
	return out
}
