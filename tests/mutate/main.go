// Command mutate owns the question whether the tests see mistakes: it makes small ones in dlc's own
// source (an operator, a constant, a condition, a statement left out), one at a time and never in the
// tree, and runs tests until one fails. It knows files and tests, nothing of what they are about.
//
// Run it in the root of the repository. What became of a mistake is a line in the file of outcomes;
// a mistake that stands there is not made again, so a run can be ended and continued.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
)

func main() {
	n := flag.Int("n", 200, "mistakes to make")
	file := flag.String("outcomes", "tests/mutate/outcomes.txt", "what became of each, a line each")
	equal := flag.String("equivalent", "tests/mutate/equivalent.txt", "which change nothing that anyone can see, and why")
	whole := flag.Bool("whole", true, "let those that the quick tests do not see meet the others")
	again := flag.String("again", "", "judge the mistakes again that nothing caught and whose key has this in it; \"all\" for every one")
	flag.Parse()
	if err := run(*n, *file, *equal, *whole, *again); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(2)
	}
}

func run(n int, file, equal string, whole bool, again string) error {
	all, err := candidates()
	if err != nil {
		return err
	}
	known, err := readOutcomes(file)
	if err != nil {
		return err
	}
	reasons, err := readReasons(equal)
	if err != nil {
		return err
	}
	known.forget(again, reasons)
	dir, err := os.MkdirTemp("", "clean")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c := &clean{dir, map[string]string{}, map[string]bool{}}
	var list []*mutant
	for _, m := range all {
		if len(list) == n {
			break
		}
		o := known[m.key()]
		if o == nil {
			if o, err = judge(m, quick(m.File), c); err != nil {
				return err
			}
			known[m.key()] = o
			fmt.Printf("%3d %s\n", len(list), o)
			if err := known.write(file); err != nil {
				return err
			}
		}
		if !o.Refused {
			list = append(list, m)
		}
	}
	for _, m := range list {
		if o := known[m.key()]; !whole || o.Caught != "" || o.Whole || reasons[m.key()] != "" {
			continue
		}
		o, err := judge(m, rest(m.File), c)
		if err != nil {
			return err
		}
		o.Whole = true
		known[m.key()] = o
		fmt.Println(o)
		if err := known.write(file); err != nil {
			return err
		}
	}
	return summary(list, known, reasons)
}

// summary prints the counts, and fails where the tests see too little.
func summary(list []*mutant, known outcomes, reasons map[string]string) error {
	caught, equal := 0, 0
	for _, m := range list {
		o, why := known[m.key()], reasons[m.key()]
		delete(reasons, m.key())
		switch {
		case o.Caught != "" && why != "":
			return fmt.Errorf("%s is caught by %s, but is said to change nothing: %s", m.key(), o.Caught, why)
		case o.Caught != "":
			caught++
		case why != "":
			equal++
			fmt.Printf("changes nothing: %s\n    %s\n", o, why)
		default:
			fmt.Printf("NOT CAUGHT: %s\n", o)
		}
	}
	n := len(list)
	fmt.Printf("%d mistakes: %d caught, %d change nothing, %d neither; %.1f %% of those that change something are caught\n",
		n, caught, equal, n-caught-equal, 100*float64(caught)/max(1, float64(n-equal)))
	for key := range reasons {
		fmt.Printf("not met: %s\n", key)
	}
	if 100*caught < 95*(n-equal) || 6*equal > n {
		return errors.New("95 in 100 of those that change something must be caught, and one in six may change nothing")
	}
	return nil
}
