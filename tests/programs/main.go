// Command programs runs random graph programs from fresh seeds in every way that dlc can, and
// replays one that failed. What fails is made smaller and kept beside the others, where it fails
// every later test until it is mended.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dlc/tests/agree"
)

// block is how many programs are run between two lines of the log.
const block = 250

func main() {
	n := flag.Int64("n", 1000, "programs to run from fresh seeds")
	dir := flag.String("dir", "tests/golden/programs", "where the log of seeds lies, and what fails is kept")
	first := flag.Int64("first", 1_000_000, "the first seed, of a log that is empty")
	flag.Parse()
	var err error
	if flag.NArg() > 0 {
		err = replay(flag.Args())
	} else {
		err = search(*n, *first, *dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// replay runs saved programs again; one that fails is made smaller, where that can be.
func replay(files []string) error {
	failed := 0
	for _, file := range files {
		var small string
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		c, err := agree.Load("program", string(text))
		if err == nil {
			if err = c.Check(agree.Targets()); err != nil {
				small, _ = c.Shrink(err, agree.Targets())
			}
		}
		if err != nil {
			failed++
			fmt.Printf("%s: %v\n", file, err)
		}
		if small != "" && len(small) < len(text) {
			if err := os.WriteFile(file, []byte(small), 0o644); err != nil {
				return err
			}
			fmt.Printf("%s is smaller now\n", file)
		}
		if err != nil {
			continue
		}
		fmt.Printf("%s: all ways agree\n", file)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d programs fail", failed, len(files))
	}
	return nil
}

// search goes on after the last seed of the log.
func search(n, first int64, dir string) error {
	log := filepath.Join(dir, "seeds.txt")
	next, err := after(log, first)
	if err != nil {
		return err
	}
	found := 0
	for n > 0 {
		begun, size := time.Now(), min(n, block)
		t := agree.Run(next, size, agree.Targets(), 1)
		for _, f := range t.Found {
			found++
			keep(dir, f)
		}
		line := fmt.Sprintf("%d to %d: %d programs, %d dropped, %d failed", next, next+size-1, t.Programs, t.Dropped, len(t.Found))
		fmt.Printf("%s, %.0f s\n", line, time.Since(begun).Seconds())
		if err := note(log, line); err != nil {
			return err
		}
		n, next = n-size, next+size
	}
	if found > 0 {
		return fmt.Errorf("%d programs fail: they lie in %s", found, dir)
	}
	return nil
}

// keep saves what fails, made smaller.
func keep(dir string, f agree.Find) {
	fmt.Printf("seed %d: %v\n", f.Seed, f.Err)
	if f.Case == nil {
		return
	}
	text, err := f.Case.Shrink(f.Err, agree.Targets())
	if err == nil {
		path := filepath.Join(dir, fmt.Sprintf("%d.graph", f.Seed))
		err = os.WriteFile(path, []byte(text), 0o644)
		fmt.Printf("saved as %s\n", path)
	}
	if err != nil {
		fmt.Printf("it could not be saved: %v\n", err)
	}
}

// after is the seed behind the last of a log.
func after(log string, first int64) (int64, error) {
	f, err := os.Open(log)
	if os.IsNotExist(err) {
		return first, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	next := first
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var from, to int64
		if _, err := fmt.Sscanf(lines.Text(), "%d to %d:", &from, &to); err == nil && !strings.HasPrefix(lines.Text(), "#") {
			next = max(next, to+1)
		}
	}
	return next, nil
}

func note(log, line string) error {
	f, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(f, line); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
