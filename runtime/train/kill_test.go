package train_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dlc/runtime/data"
	"dlc/runtime/program"
	"dlc/runtime/train"
)

// childDir names the variable that makes this program train in a folder, given beside its model.
const childDir = "DLC_TRAIN_TEST_DIR"

const childEpochs = 40

// child trains as the command does, and tells what it has been told, a line each.
func child() {
	dir := os.Getenv(childDir)
	if err := trainChild(dir); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
}

func trainChild(dir string) error {
	f, err := program.Open(filepath.Join(dir, "net.dlb"))
	if err != nil {
		return err
	}
	d, err := data.MNIST(digitsDir)
	if err != nil {
		return err
	}
	best, err := train.NewMonitor("valid.loss", "min")
	if err != nil {
		return err
	}
	_, err = train.Run(context.Background(), train.Job{Model: f.Model, Data: d, Batch: 64, Epochs: childEpochs, Seed: 5, Threads: 1,
		Dir: filepath.Join(dir, "run"), Resume: true, Keep: 2, Best: best, Report: teller{}})
	return err
}

// A teller prints a line for each event.
type teller struct{}

func (teller) Begin(p train.Plan)       { fmt.Println("begin", p.First) }
func (teller) Step(train.Progress)      {}
func (teller) Epoch(e train.EpochEvent) { fmt.Println("epoch", e.Epoch) }
func (teller) Note(text string)         { fmt.Println("note", text) }
func (teller) Done(done train.DoneEvent) {
	line, _ := json.Marshal(done)
	fmt.Println("done", string(line))
}

// Killed fifty times at any moment, runs lose no epoch that they have told of, and end as one
// that was never killed.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	m, err := cosine()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Write(filepath.Join(dir, "net.dlb"), m); err != nil {
		t.Fatal(err)
	}
	whole := job(t, cosine, &listener{})
	whole.Epochs = childEpochs
	want := outcomeOf(t, whole.Dir, run(t, whole))
	r := rand.New(rand.NewSource(50))
	kills, ends, told := 0, 0, 0
	for kills < 50 || ends == 0 {
		after := time.Duration(r.Int63n(int64(150 * time.Millisecond)))
		if kills >= 50 {
			after = time.Minute
		}
		lines, killed := killedAfter(t, dir, after)
		for _, line := range lines {
			var first, epoch int
			fmt.Sscanf(line, "begin %d", &first)
			fmt.Sscanf(line, "epoch %d", &epoch)
			if first > 0 && first <= told || epoch > 0 && epoch <= told || strings.HasPrefix(line, "error") || strings.Contains(line, "skipping") {
				t.Fatalf("after epoch %d: %q", told, lines)
			}
			told = max(told, epoch)
		}
		if killed {
			kills++
			continue
		}
		ends++
		var done train.DoneEvent
		last := lines[len(lines)-1]
		if err := json.Unmarshal([]byte(strings.TrimPrefix(last, "done ")), &done); err != nil {
			t.Fatalf("%q: %v", last, err)
		}
		outcomeOf(t, filepath.Join(dir, "run"), &done).mustBe(t, want)
		if err := os.RemoveAll(filepath.Join(dir, "run")); err != nil {
			t.Fatal(err)
		}
		told = 0
	}
	t.Logf("%d kills, %d runs to the end", kills, ends)
}

// killedAfter runs a child until it ends or the time is up, and returns what it printed.
func killedAfter(t *testing.T, dir string, after time.Duration) (lines []string, killed bool) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childDir+"="+dir)
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	up := time.AfterFunc(after, func() { c.Process.Kill() })
	for s := bufio.NewScanner(out); s.Scan(); {
		lines = append(lines, s.Text())
	}
	err = c.Wait()
	if up.Stop() && err != nil {
		t.Fatalf("%v: %q", err, lines)
	}
	return lines, err != nil
}
