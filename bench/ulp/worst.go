package main

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// parts divide the bits of all floats: of each the worst input of a function is kept.
const parts = 16

// A worst holds the largest error of a function in each part, and where it is.
type worst [parts]struct {
	ulp float64
	x   float32
}

func (w *worst) take(x float32, ulp float64) {
	p := &w[math.Float32bits(x)/(1<<32/parts)]
	if ulp > p.ulp || ulp == p.ulp && math.Float32bits(x) < math.Float32bits(p.x) {
		p.ulp, p.x = ulp, x
	}
}

func (w *worst) join(o *worst) {
	for _, p := range o {
		w.take(p.x, p.ulp)
	}
}

// most is the largest error of all.
func (w *worst) most() (ulp float64, x float32) {
	for _, p := range w {
		if p.ulp > ulp {
			ulp, x = p.ulp, p.x
		}
	}
	return ulp, x
}

// file is where the worst inputs are kept: function, bits of the input, ulp.
const file = "bench/ulp/worst.txt"

func readWorst(path string) (map[string]*worst, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	table := map[string]*worst{}
	for line := range strings.Lines(string(text)) {
		var fn string
		var bits uint32
		var ulp float64
		if _, err := fmt.Sscanf(line, "%s %x %g", &fn, &bits, &ulp); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", path, line, err)
		}
		if table[fn] == nil {
			table[fn] = &worst{}
		}
		table[fn].take(math.Float32frombits(bits), ulp)
	}
	return table, nil
}

// writeWorst keeps the larger error of the file's and the table's.
func writeWorst(path string, table map[string]*worst) error {
	var b strings.Builder
	for _, s := range subjects() {
		if w := table[s.name]; w != nil {
			for _, p := range w {
				if p.ulp > 0 {
					fmt.Fprintf(&b, "%s %08x %.3f\n", s.name, math.Float32bits(p.x), p.ulp)
				}
			}
		}
	}
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

// page has the table of errors, a row for each function.
const page = "docs/numerics.md"

var row = regexp.MustCompile(`(?m)^\| (\w+) \| ([\d.]+) \| (\S+) \| ([\d.]+ \| \S+) \|$`)

// figures are the columns of f32.
func figures(w *worst) (ulp, x string) {
	u, at := w.most()
	return strconv.FormatFloat(u, 'f', 3, 64), strconv.FormatFloat(float64(at), 'g', -1, 32)
}

func writePage(path string, table map[string]*worst) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	out := row.ReplaceAllStringFunc(string(text), func(line string) string {
		m := row.FindStringSubmatch(line)
		w := table[m[1]]
		if w == nil {
			return line
		}
		ulp, x := figures(w)
		return fmt.Sprintf("| %s | %s | %s | %s |", m[1], ulp, x, m[4])
	})
	return os.WriteFile(path, []byte(out), 0o644)
}
