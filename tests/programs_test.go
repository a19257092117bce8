package tests

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"dlc"
	"dlc/codegen/cpu"
	"dlc/ir"
	"dlc/ir/generate"
	"dlc/ir/sample"
	"dlc/passes"
	"dlc/tests/agree"
)

// The random programs of every run of the tests, from the seeds 1 to randomPrograms; others are
// for `make fuzz N=...`. Each op is in rareOp of them at least, and of one in twenty at most no
// well-conditioned inputs are found.
const (
	randomPrograms = 2000
	randomBlock    = 125
	rareOp         = 50
)

// TestRandomPrograms compares all ways of running programs built at random from the table of
// samples: forward, gradients and gradients of gradients.
func TestRandomPrograms(t *testing.T) {
	total, lock := &agree.Tally{Used: map[string]int{}}, sync.Mutex{}
	t.Run("blocks", func(t *testing.T) {
		for first := int64(1); first <= randomPrograms; first += randomBlock {
			t.Run(fmt.Sprint(first), func(t *testing.T) {
				t.Parallel()
				part := agree.Run(first, randomBlock, agree.Targets(), 4)
				for _, f := range part.Found {
					t.Errorf("seed %d: %v\nmake it smaller: go run ./tests/programs -dir DIR -first %d -n 1", f.Seed, f.Err, f.Seed)
				}
				lock.Lock()
				defer lock.Unlock()
				total.Add(part)
			})
		}
	})
	if total.Programs < randomPrograms {
		return // only some blocks were asked for
	}
	t.Logf("%d programs, %d dropped", total.Programs, total.Dropped)
	if total.Dropped*20 > total.Programs {
		t.Errorf("%d of %d programs are dropped", total.Dropped, total.Programs)
	}
	if mean := total.Arenas / float64(max(1, total.Placed)); mean > 1.01 {
		t.Errorf("arenas are %.4f times what is alive at once, on average", mean)
	} else {
		t.Logf("arenas are %.4f times what is alive at once, on average", mean)
	}
	for _, r := range sample.Rows() {
		if n := total.Used[r.Name]; n < rareOp {
			t.Errorf("%s is in %d of %d programs, not in %d", r.Name, n, total.Programs, rareOp)
		}
	}
}

// TestProgramsInAnotherOrder compiles programs twice, with maps walked and nodes standing in another order: the code
// is the same. Where nodes are left in the order in which they stand the answers are, in bits.
func TestProgramsInAnotherOrder(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewSource(1))
	for seed := int64(5001); seed <= 5060; seed++ {
		c, err := agree.NewCase(generate.New(seed))
		if err == nil && c == nil {
			continue
		}
		if err == nil {
			err = c.Shuffled(r)
		}
		var other *agree.Case
		if err == nil {
			other, err = c.Reordered(r)
		}
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		if p, q := kernels(t, c), kernels(t, other); p != q {
			t.Errorf("seed %d: nodes in another order give other kernels:\n%s\n%s", seed, p, q)
		}
		if seed%4 > 0 {
			continue
		}
		target := cpu.Targets()[seed/4%2]
		a, err := c.Code(target)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if b, err := other.Code(target); err != nil || !bytes.Equal(a, b) {
			t.Errorf("seed %d: compiled again it is other code, or %v", seed, err)
		}
	}
}

func kernels(t *testing.T, c *agree.Case) string {
	t.Helper()
	p, err := c.Kernels()
	if err != nil {
		t.Fatal(err)
	}
	return p.String()
}

// TestExamplesInAnotherOrder compiles the examples to kernels with the nodes of their graphs in other orders.
func TestExamplesInAnotherOrder(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../examples/*/*.dlc")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	r := rand.New(rand.NewSource(1))
	for _, file := range files {
		src, err := dlc.ReadSource(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := dlc.Check(src, &dlc.Options{Columns: columnsOf(filepath.Base(filepath.Dir(file)))})
		if err != nil {
			t.Fatal(err)
		}
		text, want := ir.Print(p.Module), ""
		for turn := range 2 {
			m, err := ir.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if turn > 0 {
				agree.Shuffle(r, m)
			}
			got := &strings.Builder{}
			if err := passes.Graph(m, nil); err != nil {
				t.Fatal(err)
			}
			for _, f := range m.Funcs {
				k, err := passes.Kernels(f, m, nil)
				if err != nil {
					t.Fatal(err)
				}
				got.WriteString(k.String())
			}
			if turn > 0 && got.String() != want {
				t.Errorf("%s: nodes in another order give other kernels", file)
			}
			want = got.String()
		}
	}
}

// TestPoisonedMemory runs programs launch by launch over memory that is spoiled wherever it holds nothing.
func TestPoisonedMemory(t *testing.T) {
	t.Parallel()
	var cases []*agree.Case
	seeds := map[*agree.Case]int64{}
	for seed := int64(7001); seed <= 7040; seed++ {
		c, err := agree.NewCase(generate.New(seed))
		if err == nil && c == nil {
			continue
		}
		if err == nil {
			err = c.Interpret(true)
		}
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		cases, seeds[c] = append(cases, c), seed
	}
	for i, target := range cpu.Targets() {
		for c, err := range agree.Poisoned(cases[i*len(cases)/2:(i+1)*len(cases)/2], target) {
			t.Errorf("seed %d: %v", seeds[c], err)
		}
	}
}

// TestFoundPrograms runs the programs that were wrong once, made small, again.
func TestFoundPrograms(t *testing.T) {
	paths, err := filepath.Glob("golden/programs/*.graph")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no programs: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".graph"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			c, err := agree.Load("program", string(text))
			if err == nil {
				err = c.Check(agree.Targets())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}
