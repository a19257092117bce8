//go:build unix

package tests

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// longRun are the arguments of a run that lasts long enough to be interrupted.
func longRun(t *testing.T, out string) []string {
	t.Helper()
	file, err := filepath.Abs(digitsFile)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"train", file, "--epochs", "25", "--batch", "8", "--threads", "1", "--out", out}
}

// finalWeights returns the digest that a run prints at its end.
func finalWeights(t *testing.T, printed []byte) string {
	t.Helper()
	m := regexp.MustCompile(`weights sha256 (\w+)`).FindSubmatch(printed)
	if m == nil {
		t.Fatalf("no end in\n%s", printed)
	}
	return string(m[1])
}

// Ctrl-C and SIGTERM end a run with code 130 and one line, whose command goes on with the run
// and ends with the weights of one that nobody has interrupted.
func TestInterruptedCommand(t *testing.T) {
	dlc := dlcCommand(t)
	whole, err := exec.Command(dlc, longRun(t, t.TempDir())...).Output()
	if code := exitCode(t, err); code != 0 && code != 1 {
		t.Fatalf("exit code %d", code)
	}
	want := finalWeights(t, whole)
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		c := exec.Command(dlc, longRun(t, filepath.Join(t.TempDir(), "a run"))...)
		var printed, errs bytes.Buffer
		c.Stdout, c.Stderr = &firstWrite{w: &printed, lines: 3, then: func() { c.Process.Signal(signal) }}, &errs
		if code := exitCode(t, c.Run()); code != 130 {
			t.Fatalf("%v: exit code %d\n%s%s", signal, code, &printed, &errs)
		}
		line, command, ok := strings.Cut(strings.TrimSpace(errs.String()), "; go on with: dlc ")
		if !ok || strings.Contains(errs.String(), "\n\n") || !strings.HasPrefix(line, "error: interrupted in epoch ") || strings.Contains(command, "\n") {
			t.Fatalf("%v: %s", signal, &errs)
		}
		rest, err := exec.Command("sh", "-c", dlc+" "+command).Output()
		if code := exitCode(t, err); code != 0 && code != 1 {
			t.Fatalf("%v: exit code %d of %s", signal, code, command)
		}
		if got := finalWeights(t, rest); got != want {
			t.Errorf("%v: weights %s, not %s", signal, got, want)
		}
	}
}

// A file system that takes no more ends the run with code 2, and the message names the file.
func TestFullDiskCommand(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	c := exec.Command("sh", "-c", `ulimit -f 40; exec "$0" "$@"`, dlcCommand(t))
	c.Args = append(c.Args, longRun(t, out)...)
	var errs bytes.Buffer
	c.Stderr = &errs
	if code := exitCode(t, c.Run()); code != 2 || !strings.HasPrefix(errs.String(), "error: save checkpoint "+out) || !strings.Contains(errs.String(), "file too large") {
		t.Errorf("exit code %d, %s", code, &errs)
	}
}

// Events that cannot be written are an error of the run, though it goes to its end.
func TestFullOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("SKIPPED: no /dev/full: %v", err)
	}
	defer full.Close()
	out := t.TempDir()
	c := exec.Command(dlcCommand(t), append(longRun(t, out), "--epochs", "1")...)
	var errs bytes.Buffer
	c.Stdout, c.Stderr = full, &errs
	if code := exitCode(t, c.Run()); code != 2 || !strings.Contains(errs.String(), "report: ") {
		t.Errorf("exit code %d, %s", code, &errs)
	}
	log, err := os.ReadFile(filepath.Join(out, "log.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var done struct{ Event string }
	lines := bytes.Split(bytes.TrimSpace(log), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], &done); err != nil || done.Event != "done" {
		t.Errorf("the log ends with %s", lines[len(lines)-1])
	}
}

// A firstWrite calls then once so many lines are written.
type firstWrite struct {
	w     *bytes.Buffer
	lines int
	then  func()
}

func (f *firstWrite) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	if f.lines -= bytes.Count(p, []byte("\n")); f.lines <= 0 && f.then != nil {
		f.then()
		f.then = nil
	}
	return n, err
}

// exitCode returns the exit code of a command that ran.
func exitCode(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	t.Fatal(err)
	return -1
}
