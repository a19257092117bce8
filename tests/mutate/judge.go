package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// A step is tests of one package, and the seconds of a processor after which they are said to hang.
type step struct {
	pkg, run string
	seconds  int
}

// quick are the tests that meet every mistake, what is near to it first: a minute on two processors.
func quick(file string) []step {
	own := "./" + filepath.Dir(file)
	var steps []step
	if list, _ := filepath.Glob(filepath.Join(own, "*_test.go")); len(list) > 0 {
		steps = append(steps, step{own, "", 150})
	}
	if own == "./ir" {
		steps = append(steps, step{"./ir/sample", "", 60})
	}
	if own != "./passes" {
		steps = append(steps, step{"./passes", "", 100})
	}
	return append(steps,
		step{"./tests", "^(TestGoldenModels|TestFoundPrograms|TestWitnessesOnGPUs|TestDerived.*)$", 120},
		step{"./tests", "^(TestWitnesses|TestExamplesAgreeWithEvaluator|TestCodeProperties)$", 200})
}

// rest are the others that know of values or of code.
func rest(file string) []step {
	var steps []step
	for _, pkg := range []string{"./ir", "./ir/kernel", "./ir/tile", "./ir/sample", "./codegen/cpu", "./codegen/ptx", "./codegen/ptx/trial", "./lang/build", "./bench/kernels"} {
		if pkg != "./"+filepath.Dir(file) {
			steps = append(steps, step{pkg, "", 200})
		}
	}
	return append(steps,
		step{"./tests", "^(TestOpsAgree|TestStagesAgree|TestWitnessesAsPTX|TestWitnessesReach.*|TestRandom.*AsPTX|TestArenas.*|TestGoldenCLI)$", 400},
		step{"./tests", "^(TestLibrary.*|TestUnitSchedules.*|TestFiltered.*|TestWhole.*|TestWide.*|TestHalf.*|TestChecked.*|TestRegions?.*|TestExamples.*|TestWinograd.*|TestImages.*|TestCompilesAlike)$", 600},
		step{"./tests", "^(TestRandomPrograms|TestProgramsInAnotherOrder)$", 3000})
}

// memory is what a test may take of it, in KiB: a mistake may ask for more and more.
const memory = 10 << 20

// A clean tree is the source without a mistake: what catches one must pass there.
type clean struct {
	dir    string
	built  map[string]string // test programs by package
	passes map[string]bool   // tests by package and name
}

// check demands that a test passes without a mistake.
func (c *clean) check(s step, test string) error {
	name, _, _ := strings.Cut(test, "/")
	if !strings.HasPrefix(name, "Test") || c.passes[s.pkg+name] {
		return nil
	}
	if err := build(c.built, s.pkg, c.dir); err != nil {
		return err
	}
	s.run = "^" + name + "$"
	if s.failing(c.built[s.pkg]) != "" {
		return fmt.Errorf("%s in %s fails without a mistake", name, s.pkg)
	}
	c.passes[s.pkg+name] = true
	return nil
}

// build makes a package's test program, if it is not there yet.
func build(built map[string]string, pkg, dir string, flags ...string) error {
	if built[pkg] != "" {
		return nil
	}
	built[pkg] = filepath.Join(dir, strings.ReplaceAll(pkg[2:], "/", "_")+".test")
	args := append(append([]string{"test", "-c", "-vet=off"}, flags...), "-o", built[pkg], pkg)
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("tests of %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// judge runs steps over a mistake until one fails.
func judge(m *mutant, steps []step, c *clean) (*outcome, error) {
	dir, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	overlay, err := overlaid(m, dir)
	if err != nil {
		return nil, err
	}
	o := &outcome{Key: m.key()}
	if exec.Command("go", "build", "-overlay", overlay, "./"+filepath.Dir(m.File)).Run() != nil {
		o.Refused = true
		return o, nil
	}
	built := map[string]string{}
	for _, s := range steps {
		if err := build(built, s.pkg, dir, "-overlay", overlay); err != nil {
			return nil, err
		}
		if o.Caught = s.failing(built[s.pkg]); o.Caught != "" {
			return o, c.check(s, o.Caught)
		}
	}
	return o, nil
}

// overlaid writes the file with the mistake, and the overlay that puts it in the original's place.
func overlaid(m *mutant, dir string) (string, error) {
	text, err := os.ReadFile(m.File)
	if err != nil {
		return "", err
	}
	file, err := filepath.Abs(m.File)
	if err != nil {
		return "", err
	}
	changed := filepath.Join(dir, "mutant.go")
	text = append(append(append([]byte{}, text[:m.Start]...), m.New...), text[m.Start+len(m.Old):]...)
	if err := os.WriteFile(changed, text, 0o644); err != nil {
		return "", err
	}
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{file: changed}})
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, list, 0o644)
}

var failed = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)|^(panic: .*|fatal error: .*)`)

// failing runs a test's program and names the first test that fails; it is empty if none does.
func (s step) failing(program string) string {
	limits := fmt.Sprintf("ulimit -t %d -v %d; exec \"$@\"", s.seconds, memory)
	c := exec.Command("bash", "-c", limits, "bash", program, "-test.failfast", "-test.timeout", "1h", "-test.run", s.run)
	c.Dir = s.pkg
	out, err := c.CombinedOutput()
	if err == nil {
		return ""
	}
	if found := failed.FindStringSubmatch(string(out)); found != nil {
		return found[1] + found[2]
	}
	return "an end without a failing test: " + err.Error()
}
